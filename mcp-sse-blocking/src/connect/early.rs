//! Messages that come before there is a session to take them in.

/// How many are kept. 64: servers send few, most none.
const MESSAGES: usize = 64;
/// Bytes of them. 4 MiB: one of the largest messages.
const BYTES: usize = 4 << 20;

/// Messages in their order, to be taken in once there is a session.
#[derive(Debug, Default)]
pub(crate) struct Early {
    messages: Vec<Vec<u8>>,
    bytes: usize,
}

/// More came than is kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooMany;

impl Early {
    /// Keeps one.
    ///
    /// # Errors
    /// [`TooMany`] when there are 64 or 4 MiB already; nothing is kept then.
    pub(super) fn keep(&mut self, message: &[u8]) -> Result<(), TooMany> {
        if self.messages.len() == MESSAGES || self.bytes + message.len() > BYTES {
            return Err(TooMany);
        }
        self.bytes += message.len();
        self.messages.push(message.to_owned());
        Ok(())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.messages.iter().map(Vec::as_slice)
    }
}

impl IntoIterator for Early {
    type Item = Vec<u8>;
    type IntoIter = std::vec::IntoIter<Vec<u8>>;

    fn into_iter(self) -> Self::IntoIter {
        self.messages.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_in_number_and_in_bytes() {
        let mut small = Early::default();
        assert!((0..MESSAGES).all(|_| small.keep(b"x").is_ok()));
        assert_eq!(small.keep(b"x"), Err(TooMany));
        let mut large = Early::default();
        assert_eq!(large.keep(&vec![0; BYTES]), Ok(()));
        assert_eq!(large.keep(b"x"), Err(TooMany));
        assert_eq!(large.iter().count(), 1);
    }
}

//! Files that the command line names, read with a bound.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// All of a file of at most `most` bytes.
///
/// # Errors
///
/// Also when it is longer.
pub(crate) fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    all(File::open(path)?, most)
}

/// All that comes, `most` bytes at most.
///
/// # Errors
///
/// Also when more comes.
pub(crate) fn all(from: impl Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::other(format!("more than {most} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_refused() {
        assert_eq!(all(&b"abc"[..], 3).unwrap(), b"abc");
        assert!(all(&b"abcd"[..], 3).is_err());
    }
}

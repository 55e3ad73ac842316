//! Settings of compression: what answers may be compressed with.

#[cfg(feature = "compression")]
use super::Builder;
use crate::log_target;
use crate::transport::decode::Encodings;

/// Whether servers may compress their answers.
#[cfg(feature = "compression")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// They may not; an answer that is compressed all the same is refused.
    #[default]
    Refuse,
    /// They may, with gzip and deflate: JSON and event streams.
    Accept,
}

#[cfg(feature = "compression")]
impl Builder {
    /// Whether servers may compress their answers. Not by default: it saves bytes where messages are large and the network is
    /// slow, costs time on both sides elsewhere, and there are servers and proxies that hold events back until enough of them came
    /// to be worth compressing.
    ///
    /// What comes out is bounded as a plain answer is, by [`limits`](Self::limits), and read as it comes: an event is there as
    /// soon as its server has flushed it. A stream costs 50 KiB more.
    ///
    /// A header `Accept-Encoding` given by [`header`](Self::header) does the same for what it lists of gzip and deflate, where this
    /// is not set.
    pub fn compression(mut self, compression: Compression) -> Self {
        let is_on = compression == Compression::Accept;
        self.http.encodings = Some(Encodings { gzip: is_on, deflate: is_on });
        self
    }
}

/// What the caller's own `Accept-Encoding` asks for, of what can be read here.
pub(super) fn asked_for<'a>(values: impl Iterator<Item = &'a str>) -> Encodings {
    let mut asked = Encodings::default();
    for entry in values.flat_map(|value| value.split(',')).map(str::trim).filter(|entry| !entry.is_empty()) {
        let mut parts = entry.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        // `q=0`, `q=0.000`: not this one.
        let is_refused = |weight: &str| weight.bytes().all(|b| b == b'0' || b == b'.');
        if parts.any(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")).is_some_and(is_refused)) {
            continue;
        }
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        let can_be_read = cfg!(feature = "compression");
        match () {
            () if is("identity") => {}
            () if can_be_read && is("*") => asked = Encodings { gzip: true, deflate: true },
            () if can_be_read && (is("gzip") || is("x-gzip")) => asked.gzip = true,
            () if can_be_read && is("deflate") => asked.deflate = true,
            () if can_be_read => {
                log::warn!(target: log_target::CLIENT, "`Accept-Encoding` is sent without `{}`, which is not read here", name.escape_debug());
            }
            () => {
                log::warn!(target: log_target::CLIENT, "`Accept-Encoding` is not sent: compressed answers are read with the feature `compression` only");
                return Encodings::default();
            }
        }
    }
    asked
}

#[cfg(all(test, feature = "compression"))]
mod tests {
    use super::*;

    #[test]
    fn a_header_asks_for_what_it_lists_and_can_be_read() {
        for (values, expected) in [
            (&[][..], None),
            (&["gzip, deflate"], Some("gzip, deflate")),
            (&["br, GZIP;q=0.5, zstd"], Some("gzip")),
            (&["deflate;q=1", "gzip; q=0"], Some("deflate")),
            (&["*"], Some("gzip, deflate")),
            (&["*;q=0.0", "identity", ""], None),
        ] {
            assert_eq!(asked_for(values.iter().copied()).header(), expected, "{values:?}");
        }
    }
}

#[cfg(all(test, not(feature = "compression")))]
mod tests_without {
    use super::*;

    #[test]
    fn without_the_feature_nothing_is_asked_for() {
        for value in ["gzip, deflate", "*", "identity", "br", ""] {
            assert_eq!(asked_for([value].into_iter()).header(), None, "{value}");
        }
    }
}

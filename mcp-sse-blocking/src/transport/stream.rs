//! Bytes to and from a peer, within the deadlines of the [exchange](super::exchange): a socket, or TLS on one.
//!
//! What HTTP needs of it is a [connection](super::connection); what is said before, to a proxy or in a TLS handshake, needs
//! no more than this.

use std::{fmt, io};

/// Bytes both ways.
pub(super) trait Stream: fmt::Debug + Send + Sync + 'static {
    /// Waits for bytes; 0 is the end. After a deadline it may be called again: nothing is lost.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize>;

    /// Sends all of it. When the peer takes no more that is no error yet: its answer may be there to read.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// What became of it while nobody used it, asked without waiting.
    fn idle(&mut self) -> Idle;

    /// Whether the peer took everything so far; no look at the network.
    fn is_writable(&self) -> bool;
}

/// What became of a stream while nobody used it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Idle {
    /// Nothing came.
    Silent,
    /// Something came that nobody asked for.
    Spoke,
    /// It ended, or cannot be written any more.
    Gone,
}

impl Stream for Box<dyn Stream> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        (**self).read(into)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        (**self).write_all(bytes)
    }

    fn idle(&mut self) -> Idle {
        (**self).idle()
    }

    fn is_writable(&self) -> bool {
        (**self).is_writable()
    }
}

/// Reads exactly so many bytes.
///
/// # Errors
/// `UnexpectedEof` when the stream ends before.
#[cfg(feature = "socks")]
pub(super) fn read_exact(stream: &mut dyn Stream, mut into: &mut [u8]) -> io::Result<()> {
    while !into.is_empty() {
        match stream.read(into)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => into = &mut into[n..],
        }
    }
    Ok(())
}

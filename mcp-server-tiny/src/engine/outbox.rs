//! Where messages to one client go.

use alloc::vec::Vec;

use mcp_core::sse;

/// Appends messages to the stream of one session, each as one event named `message` (R-SSE-4, R-SSE-45).
#[derive(Debug)]
pub struct Outbox<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Outbox<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    /// Sends what `write` appends to the buffer: one message on one line, or nothing at all.
    pub fn message<R>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        let mark = sse::begin(self.out, "message");
        let payload = self.out.len();
        let result = write(self.out);
        if self.out.len() > payload {
            sse::finish(self.out, mark);
        } else {
            sse::discard(self.out, mark);
        }
        result
    }
}

//! Where messages to one client go.

use alloc::vec::Vec;

use mcp_core::sse;

/// Appends messages to the stream of one session, each as one event named `message` (R-SSE-4, R-SSE-45).
#[derive(Debug)]
pub(super) struct EventOutbox<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> EventOutbox<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    /// Sends what `write` appends to the buffer: one message on one line, or nothing at all.
    pub(super) fn event<R>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> R) -> R {
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

impl crate::service::Outbox for EventOutbox<'_> {
    fn message(&mut self, _: crate::service::Kind, write: &mut dyn FnMut(&mut Vec<u8>) -> bool) {
        let mark = sse::begin(self.out, "message");
        if write(self.out) { sse::finish(self.out, mark) } else { sse::discard(self.out, mark) }
    }
}

//! Where messages for a client go, framed as its carrier wants them.

use alloc::vec::Vec;
use core::time::Duration;

/// What a message is to the request that is being handled. A carrier that answers each request by itself needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Its response: nothing follows in its name.
    Answer,
    /// A notification in its name, or a question to the client: its response is still to come.
    Report,
}

/// Takes messages for one client and frames them: as an event, as a line, as a body. Order is kept.
///
/// The service writes each message straight into the buffer it is given, so that nothing is copied on the way to the
/// socket.
pub trait Outbox {
    /// Sends one message. `write` appends it, one line of JSON, to the end of the buffer; when it answers false,
    /// nothing is to be sent and whatever was appended, framing included, is taken back. `write` is called at most
    /// once.
    fn message(&mut self, kind: Kind, write: &mut dyn FnMut(&mut Vec<u8>) -> bool);

    /// A handler wants the connection of its stream closed, so that the client asks for the rest later, after `retry` if
    /// given (R-SH-39). A carrier without such streams does nothing.
    fn close_stream(&mut self, retry: Option<Duration>) {
        let _ = retry;
    }
}

/// One message a line, as stdio frames them; also handy in tests.
impl Outbox for Vec<u8> {
    fn message(&mut self, _: Kind, write: &mut dyn FnMut(&mut Vec<u8>) -> bool) {
        let start = self.len();
        if write(self) { self.push(b'\n') } else { self.truncate(start) }
    }
}

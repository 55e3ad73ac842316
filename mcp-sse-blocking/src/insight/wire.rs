//! Where bytes and events are counted: one connection, one event stream.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::time::Duration;

use mcp_core::sse::Event;

use super::Insight;
use crate::error::{Error, PeerError};
use crate::transport::line::{Came, Duplex};

thread_local! {
    /// The connection that this thread used last.
    static LAST_USED: Cell<u64> = const { Cell::new(0) };
}

/// One open connection: counts what goes over it, and that it is closed when it is dropped.
#[derive(Debug)]
pub(crate) struct Wire {
    insight: Arc<Insight>,
    number: u64,
}

impl Wire {
    pub(super) fn new(insight: Arc<Insight>) -> Self {
        let number = insight.counters.connections.next();
        insight.counters.open_connections.add(1);
        Self { insight, number }
    }

    /// The system took so many bytes.
    pub(crate) fn sent(&self, bytes: usize) {
        LAST_USED.set(self.number);
        self.insight.counters.bytes_sent.add(bytes as u64);
    }

    /// So many bytes came.
    pub(crate) fn received(&self, bytes: usize) {
        LAST_USED.set(self.number);
        self.insight.counters.bytes_received.add(bytes as u64);
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

impl Default for Wire {
    /// One that nobody looks at.
    fn default() -> Self {
        Self::new(Arc::default())
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.insight.counters.open_connections.remove_one();
    }
}

/// The number of the connection that this thread used last; 0 for none.
pub(super) fn last_used() -> u64 {
    LAST_USED.get()
}

/// An event stream, or a body, as the answer to one request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard {
    pub(super) insight: Arc<Insight>,
    /// The number of the exchange in the trace; 0 when there is none.
    pub(super) exchange: u64,
}

impl Heard {
    /// One event came.
    pub(crate) fn event(&self, event: &Event<'_>) {
        self.insight.counters.events.add(1);
        self.insight.see_event(self.exchange, event);
    }

    /// A body came, or the beginning of one.
    pub(crate) fn body(&self, body: &[u8]) {
        self.insight.trace_in(self.exchange, body);
    }

    /// A page for people came instead, as the error says: the same error, without secrets.
    pub(crate) fn page(&self, error: Error) -> Error {
        let error = self.insight.clear(error);
        if let Error::Peer(PeerError::NotAnEventStream { excerpt, .. } | PeerError::NotAnAnswer { excerpt, .. }) =
            &error
        {
            self.body(excerpt.as_bytes());
        }
        error
    }

    /// The stream came to its end.
    pub(crate) fn ended(&self) {
        self.insight.trace_end(self.exchange);
    }
}

/// A line stream whose bytes are counted.
pub(super) struct Counted {
    pub(super) inner: Arc<dyn Duplex>,
    pub(super) wire: Wire,
}

impl Duplex for Counted {
    fn write(&self, parts: &[IoSlice<'_>], wait: Option<Duration>) -> io::Result<usize> {
        self.inner.write(parts, wait).inspect(|bytes| self.wire.sent(*bytes))
    }

    fn read(&self, room: &mut [u8], wait: Option<Duration>) -> io::Result<Came> {
        let came = self.inner.read(room, wait)?;
        if let Came::Bytes(bytes) = came {
            self.wire.received(bytes);
        }
        Ok(came)
    }

    fn shut_down(&self) {
        self.inner.shut_down();
    }

    fn finish(&self, wait: Option<Duration>) {
        self.inner.finish(wait);
    }

    fn ending(&self) -> Error {
        self.inner.ending()
    }

    fn place(&self) -> String {
        self.inner.place()
    }
}

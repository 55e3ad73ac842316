//! Events as an iterator.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mcp_core::time::{Cause, Deadline};

use super::queue::{Queue, Taken};
use super::{Batches, Event, EventFilter};
use crate::client::Client;
use crate::clock;
use crate::engine::Engine;
use crate::error::Error;
use crate::feed::{End, Missed};

/// What a listener hears.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Heard {
    /// An event.
    Event(Event),
    /// Events are missing here: this listener was too slow, or the stream broke.
    Missed(Missed),
}

/// Events as they come: an iterator that waits for the next one.
///
/// It ends when the client is closed; when the session ends otherwise, why is the last item. What is not taken waits, up to
/// the bounds of [`EventFilter::queue`]. Dropping it ends the listening; it keeps the client open.
pub struct Events {
    queue: Arc<Queue>,
    client: Client,
}

impl Client {
    /// Listens to what the server sends without being asked; see [the module](super) for what that is. Several may listen at
    /// once, each with a queue of its own.
    ///
    /// A session that is lost is followed by another as the [policy](crate::Reconnect) says; by default one attempt is made while
    /// somebody listens, and the next request makes another. Who only listens wants [`Reconnect::new`](crate::Reconnect::new).
    ///
    /// Over Streamable HTTP with a handshake this opens the session's own stream, and on a plain server its stream: it then
    /// waits for the head of the answer, for a second at most. A server of MCP need not offer that stream, and in 2026-07-28 there
    /// is none: what comes then are the notifications on the answers to calls and on those of [`listen`](Self::listen).
    ///
    /// ```
    /// use mcp_sse_blocking::{Client, Error};
    /// use mcp_sse_blocking::events::Heard;
    ///
    /// # fn serve(input: &[u8], output: &mut Vec<u8>) {
    /// #     for line in input.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
    /// #         let message: serde_json::Value = serde_json::from_slice(line).unwrap();
    /// #         let result = match message["method"].as_str().unwrap_or_default() {
    /// #             "server/discover" => r#"{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}"#,
    /// #             "tools/call" => {
    /// #                 output.extend(b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n");
    /// #                 r#"{"content":[]}"#
    /// #             }
    /// #             _ => continue,
    /// #         };
    /// #         output.extend(format!("{{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{result}}}\n", message["id"]).bytes());
    /// #     }
    /// # }
    /// let client = Client::around(serve)?;
    /// let events = client.events("notifications/tools/list_changed");
    /// client.call("install", &())?;
    /// client.close();
    /// for heard in events {
    ///     match heard? {
    ///         Heard::Event(event) => println!("{}: {}", event.name(), event.text()),
    ///         Heard::Missed(missed) => println!("something is missing here: {missed:?}"),
    ///         _ => {}
    ///     }
    /// }
    /// # Ok::<(), Error>(())
    /// ```
    pub fn events(&self, filter: impl Into<EventFilter>) -> Events {
        let queue = Arc::new(Queue::new(filter.into()));
        let engine = self.engine();
        engine.features.events.enter(&queue);
        // In this order: an end after this look reaches the queue by itself.
        match engine.ended() {
            Some(Error::Closed(_)) => queue.end(End::Over),
            Some(error) => queue.end(End::Failed(error)),
            None => engine.want_stream(),
        }
        Events { queue, client: self.clone() }
    }

    /// What [`Builder::events`](crate::Builder::events) listens to, from the beginning. `None` when that was not set, and the second
    /// time.
    pub fn first_events(&self) -> Option<Events> {
        let queue = self.engine().features.events.take_first()?;
        Some(Events { queue, client: self.clone() })
    }
}

impl Engine {
    /// Whether somebody listens, who may not call for long: to changes or to events.
    pub(crate) fn has_listeners(&self) -> bool {
        self.features.events.has_listeners() || self.features.has_feeds()
    }
}

impl Events {
    /// The next thing, if it comes within `timeout`. `None` also when nothing more comes: see [`is_over`](Self::is_over).
    ///
    /// # Errors
    ///
    /// Why the session ended, once.
    pub fn next_within(&mut self, timeout: Duration) -> Result<Option<Heard>, Error> {
        match self.wait(Some(Deadline::after(clock::now(), timeout, Cause::Call))) {
            Some(Ok(heard)) => Ok(heard),
            Some(Err(error)) => Err(error),
            None => Ok(None),
        }
    }

    /// Whether nothing more comes but what waits already.
    pub fn is_over(&self) -> bool {
        self.queue.has_ended()
    }

    /// The same in batches: each has `size` events, or fewer when `time` has passed since the first of them came here.
    ///
    /// A batch is also given when its events have as many bytes as [`EventFilter::queue`] lets wait, when events were missed,
    /// and when nothing more comes. `size` is at least 1. The source documents of such servers suggest 10 and one second.
    pub fn batches(self, size: usize, time: Duration) -> Batches {
        Batches::new(self, size, time)
    }

    /// Bytes of events that may wait.
    pub(super) fn most_bytes(&self) -> usize {
        self.queue.filter().most_bytes
    }

    /// `Some(Ok(None))` is the end, `None` is that the deadline passed.
    pub(super) fn wait(&mut self, deadline: Option<Deadline>) -> Option<Result<Option<Heard>, Error>> {
        loop {
            return Some(match self.queue.wait(deadline)? {
                Taken::Event(event) if self.queue.filter().accepts(&event) => Ok(Some(Heard::Event(event))),
                Taken::Event(_) => continue,
                Taken::Missed(missed) => Ok(Some(Heard::Missed(missed))),
                Taken::End(end) => end.map(|()| None),
            });
        }
    }
}

impl Iterator for Events {
    type Item = Result<Heard, Error>;

    /// Waits for the next thing; `None` when nothing more comes.
    fn next(&mut self) -> Option<Self::Item> {
        // There is no deadline.
        self.wait(None)?.transpose()
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.client.engine().features.events.leave(&self.queue);
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("filter", self.queue.filter()).finish_non_exhaustive()
    }
}

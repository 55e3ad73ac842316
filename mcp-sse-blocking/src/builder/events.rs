//! Settings of what is heard beside replies: handlers by name, and the transformation of payloads.

use std::borrow::Cow;
use std::sync::Arc;

use mcp_core::Limits;

use super::Builder;
use crate::client::Client;
use crate::events::{Event, EventFilter, Hook, Payload, TransformError, Transformer};

/// The settings of events.
#[derive(Default)]
pub(crate) struct EventOptions {
    hook: Option<Arc<Hook>>,
    /// Who listens from the beginning.
    first: Option<EventFilter>,
}

impl EventOptions {
    /// What payloads go through, with the bounds of what it may give.
    pub(crate) fn transformer(&self, limits: &Limits) -> Option<Transformer> {
        self.hook.as_ref().map(|hook| Transformer::new(Arc::clone(hook), limits))
    }

    /// Who listens from the beginning.
    pub(crate) fn first(&self) -> Option<EventFilter> {
        self.first.clone()
    }
}

impl Builder {
    /// Listens from the beginning: also what the server sends right after the handshake, before [`connect`](Self::connect) has
    /// returned, then waits for who takes [`Client::first_events`]. Until then as much is kept as
    /// [`EventFilter::queue`] says. Called twice, the second filter counts.
    pub fn events(mut self, filter: impl Into<EventFilter>) -> Self {
        self.common.events.first = Some(filter.into());
        self
    }

    /// Runs `handler` on each event that passes the filter: a name, several, or an [`EventFilter`]. May be called several
    /// times; an event that passes the filters of several handlers is given to each, in the order in which they were set.
    ///
    /// It runs on the same thread and under the same rules as that of [`on_log`](Self::on_log): one event at a time, in order,
    /// with no lock held, and a panic is logged and ends nothing. Up to 1024 events of up to 16 MiB wait for all handlers
    /// together; what comes beyond is dropped, and the log of this program says how much. [`Client::events`] tells the
    /// listener himself.
    ///
    /// ```
    /// use mcp_sse_blocking::Client;
    /// use mcp_sse_blocking::events::EventFilter;
    ///
    /// let urgent = EventFilter::new().name("alert").matching(|event| event.priority().unwrap_or(0.0) >= 5.0);
    /// let builder = Client::builder("http://localhost:8000/mcp")
    ///     .on_event("notifications/resources/updated", |client, event| {
    ///         println!("{} has {} tools now: {}", client.server_info().name, client.tools().count(), event.text());
    ///     })
    ///     .on_event(urgent, |_, event| println!("{}", event.text()));
    /// # drop(builder);
    /// ```
    pub fn on_event(
        mut self,
        filter: impl Into<EventFilter>,
        handler: impl FnMut(&Client, &Event) + Send + 'static,
    ) -> Self {
        self.common.handlers.events.push((filter.into(), Box::new(handler)));
        self
    }

    /// Lets each payload go through `hook` before it is read: the data of an event, the JSON body of an answer, a line. For
    /// servers that encrypt or wrap what they send.
    ///
    /// The hook gets the bytes and how they came, and gives the bytes to read instead: `Cow::Borrowed` for those that it was
    /// given, which copies nothing. It runs on whichever thread reads, on several at once where several read, and what it takes
    /// the reader waits for. What it gives is bounded as what it got: by
    /// [`event_bytes`](crate::Limits::event_bytes) and [`message_bytes`](crate::Limits::message_bytes).
    ///
    /// Where an answer is refused, or the hook panics or gives too much, the call fails with
    /// [`Error::Transform`](crate::Error::Transform). On a stream that brings more than one answer nobody knows to whom a payload
    /// belongs that cannot be read: it is left out, and the log says so. What the hook says is shown in errors and logs, cut to
    /// 256 characters. The `endpoint` event of HTTP+SSE does not go through the hook, nor does what is sent. The last hook that
    /// is set counts.
    ///
    /// ```
    /// use std::borrow::Cow;
    /// use mcp_sse_blocking::Client;
    ///
    /// // A server that puts a mark in front of some of its messages.
    /// let builder = Client::builder("http://localhost:8000/mcp").transform(|bytes, _| {
    ///     Ok(Cow::Borrowed(bytes.strip_prefix(b")]}'").unwrap_or(bytes)))
    /// });
    /// # drop(builder);
    /// ```
    pub fn transform(
        mut self,
        hook: impl for<'a> Fn(&'a [u8], &Payload<'_>) -> Result<Cow<'a, [u8]>, TransformError> + Send + Sync + 'static,
    ) -> Self {
        self.common.events.hook = Some(Arc::new(hook));
        self
    }
}

//! Every bound of the core in one place, each with its reason.
//!
//! Whatever a peer can make grow is bounded here; whoever passes a bound gets a [`LimitExceeded`] that names it. Bounds on
//! sockets, connections and sessions belong to the shells and stand in their configuration.

use core::fmt;

/// The bounds of the core.
///
/// The defaults suit a program on an ordinary machine that talks to peers it does not trust; [`Limits::SMALL`] suits a
/// device with kilobytes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one line of an event stream, without its end (R-EV-40). An MCP event is one line, so this is also the
    /// largest message over an event stream. 4 MiB: what the official SDKs accept in a request body.
    pub line_bytes: usize,
    /// Bytes of data of one event, its lines joined (R-EV-40). 16 MiB: four of the longest lines.
    pub event_bytes: usize,
    /// Bytes that a decoder of an event stream may hold in all: an event and the line after it. 24 MiB: more than
    /// [`Limits::event_bytes`] and [`Limits::line_bytes`] together.
    pub buffered_bytes: usize,
    /// Bytes of an event's `id` (R-EV-41): it is sent back in a request header. 8 KiB: a usual limit for a header line.
    pub event_id_bytes: usize,
    /// Bytes of an event's type. 256: the longest name in use has 12.
    pub event_type_bytes: usize,
    /// Milliseconds that a `retry` field may ask for; more counts as this much (R-EV-41). One hour: longer pauses are
    /// the caller's decision.
    pub retry_millis: u64,
    /// Bytes of one JSON-RPC message. 4 MiB: as for a line.
    pub message_bytes: usize,
    /// Levels of arrays and objects in a message (R-SEC-7). 128: where `serde_json` stops as well.
    pub depth: usize,
    /// Bytes of a request id or a progress token that is a string. 1 KiB: identifiers in use have 36 or fewer.
    pub id_bytes: usize,
    /// Messages in one batch (R-LM-9). 64: a batch is work that the sender did not have to wait for.
    pub batch_messages: usize,
    /// Requests without an answer, per session and direction. 1024: beyond that a peer is asking faster than it is served.
    pub requests_in_flight: usize,
    /// Pages that a list may have (R-LM-87). 1000: a server that sends more is sending them without end.
    pub list_pages: usize,
    /// Times that one request may ask for input before its result (R-LM-70). 10: a person has given up before.
    pub input_rounds: usize,
    /// Resources that one session may be subscribed to. 1024: more is a list, which has a notification of its own.
    pub subscriptions: usize,
    /// Bytes of the URIs of all resources that one session, or one `subscriptions/listen`, is subscribed to. 64 KiB: a
    /// thousand of the usual length; a server may have many subscribers.
    pub subscription_bytes: usize,
    /// Bytes of the URI of a resource. 8 KiB: what fits a header line.
    pub uri_bytes: usize,
}

impl Limits {
    /// Bounds for a device with tens of kilobytes of memory.
    pub const SMALL: Self = Self {
        line_bytes: 2 * 1024,
        event_bytes: 2 * 1024,
        buffered_bytes: 4 * 1024,
        event_id_bytes: 128,
        event_type_bytes: 64,
        retry_millis: 60 * 60 * 1000,
        message_bytes: 2 * 1024,
        depth: 16,
        id_bytes: 64,
        batch_messages: 4,
        requests_in_flight: 4,
        list_pages: 16,
        input_rounds: 4,
        subscriptions: 8,
        subscription_bytes: 512,
        uri_bytes: 256,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line_bytes: 4 << 20,
            event_bytes: 16 << 20,
            buffered_bytes: 24 << 20,
            event_id_bytes: 8 << 10,
            event_type_bytes: 256,
            retry_millis: 60 * 60 * 1000,
            message_bytes: 4 << 20,
            depth: 128,
            id_bytes: 1 << 10,
            batch_messages: 64,
            requests_in_flight: 1024,
            list_pages: 1000,
            input_rounds: 10,
            subscriptions: 1024,
            subscription_bytes: 64 << 10,
            uri_bytes: 8 << 10,
        }
    }
}

/// Names one bound of [`Limits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// [`Limits::line_bytes`]
    LineBytes,
    /// [`Limits::event_bytes`]
    EventBytes,
    /// [`Limits::buffered_bytes`]
    BufferedBytes,
    /// [`Limits::event_id_bytes`]
    EventIdBytes,
    /// [`Limits::event_type_bytes`]
    EventTypeBytes,
    /// [`Limits::message_bytes`]
    MessageBytes,
    /// [`Limits::depth`]
    Depth,
    /// [`Limits::id_bytes`]
    IdBytes,
    /// [`Limits::batch_messages`]
    BatchMessages,
    /// [`Limits::requests_in_flight`]
    RequestsInFlight,
    /// [`Limits::list_pages`]
    ListPages,
    /// [`Limits::input_rounds`]
    InputRounds,
    /// [`Limits::subscriptions`]
    Subscriptions,
    /// [`Limits::subscription_bytes`]
    SubscriptionBytes,
    /// [`Limits::uri_bytes`]
    UriBytes,
}

impl Limit {
    /// The field of [`Limits`] that sets this bound.
    pub fn name(self) -> &'static str {
        match self {
            Self::LineBytes => "line_bytes",
            Self::EventBytes => "event_bytes",
            Self::BufferedBytes => "buffered_bytes",
            Self::EventIdBytes => "event_id_bytes",
            Self::EventTypeBytes => "event_type_bytes",
            Self::MessageBytes => "message_bytes",
            Self::Depth => "depth",
            Self::IdBytes => "id_bytes",
            Self::BatchMessages => "batch_messages",
            Self::RequestsInFlight => "requests_in_flight",
            Self::ListPages => "list_pages",
            Self::InputRounds => "input_rounds",
            Self::Subscriptions => "subscriptions",
            Self::SubscriptionBytes => "subscription_bytes",
            Self::UriBytes => "uri_bytes",
        }
    }

    fn subject(self) -> &'static str {
        match self {
            Self::LineBytes => "a line of the event stream is longer than",
            Self::EventBytes => "the data of an event is longer than",
            Self::BufferedBytes => "the event stream needs a buffer of more than",
            Self::EventIdBytes => "the id of an event is longer than",
            Self::EventTypeBytes => "the type of an event is longer than",
            Self::MessageBytes => "a message is longer than",
            Self::Depth => "a message is nested deeper than",
            Self::IdBytes => "a request id is longer than",
            Self::BatchMessages => "a batch has more messages than",
            Self::RequestsInFlight => "there are more requests in flight than",
            Self::ListPages => "a list has more pages than",
            Self::InputRounds => "a request asks for input more often than",
            Self::Subscriptions => "a session is subscribed to more resources than",
            Self::SubscriptionBytes => "the URIs subscribed to are together longer than",
            Self::UriBytes => "a URI is longer than",
        }
    }
}

/// A bound was passed. It says which, and what it is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LimitExceeded {
    /// Which bound.
    pub limit: Limit,
    /// What it is set to.
    pub bound: usize,
}

impl fmt::Display for LimitExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} (limit `{}`)", self.limit.subject(), self.bound, self.limit.name())
    }
}

impl core::error::Error for LimitExceeded {}

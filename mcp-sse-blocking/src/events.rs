//! What a server sends without being asked, whichever way it comes.
//!
//! | It is | [Its name](Event::name) |
//! | --- | --- |
//! | a notification or a log message, over any carrier | the method |
//! | plain JSON on an event stream, no JSON-RPC | its member `event` |
//! | anything else on an event stream | the type of the event: `message` where it has none |
//!
//! Progress is not among them, for it belongs to a call, nor is what a server asks, nor the `endpoint` event of HTTP+SSE,
//! which may hold a secret (R-SSE-14). An event is given to the handlers of [`Builder::on_event`](crate::Builder::on_event)
//! and to every [`Events`] whose filter it passes; all share the one copy of its bytes.
//!
//! Nobody waits for the slow. 1024 events and 16 MiB wait for a listener unless [it says otherwise](EventFilter::queue), the
//! oldest are dropped, and the listener is told how many; as many wait for all handlers together, the newest are dropped, and the
//! log says so. A batch has no more bytes than may wait.
//!
//! ```
//! use std::time::Duration;
//! use mcp_sse_blocking::{Client, Transport};
//!
//! # // A plain server: ten events, and a stream that stays open.
//! # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! # let origin = format!("http://{}", listener.local_addr()?);
//! # std::thread::spawn(move || {
//! #     use std::io::{BufRead, BufReader, Write};
//! #     let (mut socket, _) = listener.accept().unwrap();
//! #     let mut request = BufReader::new(socket.try_clone().unwrap()).lines().map(Result::unwrap);
//! #     request.find(String::is_empty);
//! #     write!(socket, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n").unwrap();
//! #     for value in 0..10 {
//! #         let event = serde_json::json!({"event": "data_update", "payload": {"value": value}});
//! #         write!(socket, "data: {event}\n\n").unwrap();
//! #     }
//! #     request.next();
//! # });
//! // A server that sends plain JSON, and takes requests without JSON-RPC elsewhere. One of MCP is listened to in the same way.
//! let client = Client::builder(&format!("{origin}/mcp/sse")).transport(Transport::Plain).message_url("/mcp/rpc").connect()?;
//! // Ten events at once, or those that came within a second of the first.
//! let mut batches = client.events("data_update").batches(10, Duration::from_secs(1));
//! if let Some(batch) = batches.next() {
//!     for event in batch?.events {
//!         let payload: serde_json::Value = event.payload()?;
//!         println!("{}: {}", event.name(), payload["value"]);
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod batches;
mod error;
mod filter;
mod hub;
mod listener;
mod queue;
mod transform;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use mcp_core::text::Excerpt;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::error::{Error, PeerError};

pub use batches::{Batch, Batches};
pub use error::{EventError, EventErrorKind};
pub use filter::EventFilter;
pub(crate) use hub::Hub;
pub use listener::{Events, Heard};
pub(crate) use transform::{Hook, Transformer};
pub use transform::{Payload, PayloadForm, TransformError};

/// The type of an event of an event stream that says none, and of a message over lines.
pub(crate) const MESSAGE: &str = "message";
/// Characters that are shown of what is wrong with a payload.
const PROBLEM_CHARACTERS: usize = 256;
/// Bytes of a member `event` that is taken for a name. 256: as many as the type of an event may have.
const NAME_BYTES: usize = 256;
/// What an event costs beside its bytes, so that empty ones are bounded by their number of bytes as well.
const OVERHEAD: usize = 128;

/// Something that came without being asked for. Untrusted. Cloning is cheap: the clones share the bytes.
///
/// ```
/// use mcp_sse_blocking::events::Event;
///
/// let event = Event::new("message", "", br#"{"event":"data_update","payload":{"value":42},"priority":7}"#);
/// assert_eq!(event.name(), "data_update");
/// assert_eq!(event.priority(), Some(7.0));
/// let payload: serde_json::Value = event.payload()?;
/// assert_eq!(payload["value"], 42);
/// # Ok::<(), mcp_sse_blocking::Error>(())
/// ```
#[derive(Clone)]
pub struct Event(Arc<Inner>);

struct Inner {
    event_type: String,
    id: String,
    method: Option<String>,
    member: Option<String>,
    data: Vec<u8>,
}

/// What an event stream says of an event beside its data.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Envelope<'a> {
    pub(crate) event_type: &'a [u8],
    pub(crate) id: &'a [u8],
}

impl Envelope<'_> {
    /// Of what does not come on an event stream.
    pub(crate) const NONE: Self = Envelope { event_type: MESSAGE.as_bytes(), id: b"" };
}

impl Event {
    /// An event as it would come on an event stream; an empty type is `message`. For tests, and for what comes by other ways.
    pub fn new(event_type: &str, id: &str, data: &[u8]) -> Self {
        let envelope = Envelope { event_type: event_type.as_bytes(), id: id.as_bytes() };
        Self::heard(envelope, method_of(data).as_deref(), data)
    }

    /// What came, with its method where it is a notification.
    pub(crate) fn heard(envelope: Envelope<'_>, method: Option<&str>, data: &[u8]) -> Self {
        let event_type = match String::from_utf8_lossy(envelope.event_type) {
            empty if empty.is_empty() => MESSAGE.to_owned(),
            event_type => event_type.into_owned(),
        };
        let member = if method.is_none() { member_event(data) } else { None };
        Self(Arc::new(Inner {
            event_type,
            id: String::from_utf8_lossy(envelope.id).into_owned(),
            method: method.map(str::to_owned),
            member,
            data: data.to_owned(),
        }))
    }

    /// What it is called: the method of a notification, else the member `event` of plain JSON, else the type of the event.
    pub fn name(&self) -> &str {
        self.0.method.as_deref().or(self.0.member.as_deref()).unwrap_or(&self.0.event_type)
    }

    /// Whether one of its names is this: method, member `event`, or type.
    pub fn is(&self, name: &str) -> bool {
        self.0.event_type == name || self.method() == Some(name) || self.0.member.as_deref() == Some(name)
    }

    /// The type in the field `event` of an event stream; `message` where there is none, and over lines.
    pub fn event_type(&self) -> &str {
        &self.0.event_type
    }

    /// The id in the field `id` of an event stream, where there is one. Whoever knows it may be able to take the rest of the
    /// stream: keep it out of logs.
    pub fn id(&self) -> Option<&str> {
        Some(self.0.id.as_str()).filter(|id| !id.is_empty())
    }

    /// The method, when it is a JSON-RPC notification.
    pub fn method(&self) -> Option<&str> {
        self.0.method.as_deref()
    }

    /// The data as it came, or as [`Builder::transform`](crate::Builder::transform) made it. Of a notification: the whole
    /// message.
    pub fn data(&self) -> &[u8] {
        &self.0.data
    }

    /// The data as text; ill-formed UTF-8 is replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0.data)
    }

    /// The whole data as JSON.
    ///
    /// # Errors
    ///
    /// [`Error::Peer`] when it is no JSON, or no `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        self.read(serde_json::from_slice(&self.0.data))
    }

    /// What the event is about: the `params` of a notification, the member `payload` or `result` of plain JSON, and the whole
    /// data where there is none of them.
    ///
    /// # Errors
    ///
    /// [`Error::Peer`] when it is no JSON, or no `T`.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, Error> {
        #[derive(Deserialize)]
        struct Members<'a> {
            #[serde(borrow, default, deserialize_with = "present")]
            params: Option<&'a RawValue>,
            #[serde(borrow, default, deserialize_with = "present")]
            payload: Option<&'a RawValue>,
            #[serde(borrow, default, deserialize_with = "present")]
            result: Option<&'a RawValue>,
        }
        let members =
            is_object(&self.0.data).then(|| serde_json::from_slice::<Members<'_>>(&self.0.data).ok()).flatten();
        let inner = members.and_then(|members| members.params.or(members.payload).or(members.result));
        match inner {
            Some(inner) => self.read(serde_json::from_str(inner.get())),
            None => self.json(),
        }
    }

    /// The number in the member `priority`, where the data is JSON that has one.
    pub fn priority(&self) -> Option<f64> {
        #[derive(Deserialize)]
        struct Members {
            priority: Option<f64>,
        }
        is_object(&self.0.data).then(|| serde_json::from_slice::<Members>(&self.0.data).ok()?.priority).flatten()
    }

    /// How much of a queue it takes.
    pub(crate) fn bytes(&self) -> usize {
        let Inner { event_type, id, method, member, data } = &*self.0;
        let names = [method, member].into_iter().flatten().map(String::len).sum::<usize>();
        OVERHEAD + event_type.len() + id.len() + names + data.len()
    }

    fn read<T>(&self, read: serde_json::Result<T>) -> Result<T, Error> {
        read.map_err(|error| {
            let problem = Excerpt::new(&error.to_string(), PROBLEM_CHARACTERS).to_string();
            PeerError::Event { name: Excerpt::new(self.name(), 64).to_string(), problem }.into()
        })
    }
}

impl fmt::Debug for Event {
    /// Without its data, which may be what nobody else is to see, and without its id.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("name", &self.name()).field("bytes", &self.0.data.len()).finish_non_exhaustive()
    }
}

/// A member that is there, be it `null`.
pub(crate) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// Whether this can be a JSON object. The members of a structure would be read from an array as well.
pub(crate) fn is_object(json: &[u8]) -> bool {
    json.trim_ascii_start().first() == Some(&b'{')
}

/// Whether it is plain JSON with a name of its own.
pub(crate) fn has_name(data: &[u8]) -> bool {
    member_event(data).is_some()
}

/// The member `event` of plain JSON, where it is a string that can be a name.
fn member_event(data: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        event: Cow<'a, str>,
    }
    let named = is_object(data).then(|| serde_json::from_slice::<Named<'_>>(data).ok()).flatten()?;
    (named.event.len() <= NAME_BYTES && !named.event.is_empty()).then(|| named.event.into_owned())
}

/// The method of a JSON-RPC notification.
fn method_of(data: &[u8]) -> Option<String> {
    use mcp_core::jsonrpc::{Message, Payload, decode};
    match decode(data, &mcp_core::Limits::default()).ok()? {
        Payload::Message(Message::Notification(notification)) => Some(notification.method.into_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(data: &str) -> Event {
        Event::new("", "", data.as_bytes())
    }

    #[test]
    fn an_event_is_named_by_its_method_then_its_member_then_its_type() {
        let cases = [
            (r#"{"jsonrpc":"2.0","method":"notifications/x","params":{"event":"y"}}"#, "notifications/x"),
            (r#" {"event":"data_update","payload":1}"#, "data_update"),
            (r#"{"event":7}"#, "tick"),
            (r#"{"event":""}"#, "tick"),
            (r#"{"event":"a","event":"b"}"#, "tick"),
            (r#"["event"]"#, "tick"),
            ("Update 0", "tick"),
        ];
        for (data, name) in cases {
            let event = Event::new("tick", "", data.as_bytes());
            assert_eq!(event.name(), name, "{data}");
            assert!(event.is(name) && event.is("tick") && !event.is("other"));
        }
        assert_eq!(plain("Update 0").name(), "message");
        assert_eq!(plain(&format!(r#"{{"event":"{}"}}"#, "x".repeat(257))).name(), "message");
    }

    #[test]
    fn a_payload_is_found_wherever_it_lies() {
        let cases = [
            (r#"{"jsonrpc":"2.0","method":"m","params":{"value":1}}"#, r#"{"value":1}"#),
            (r#"{"event":"e","payload":{"value":1}}"#, r#"{"value":1}"#),
            (r#"{"event":"tool_result","result":[1]}"#, "[1]"),
            (r#"{"event":"e","payload":null}"#, "null"),
            (r#"{"value":1}"#, r#"{"value":1}"#),
            ("[1]", "[1]"),
            ("7", "7"),
        ];
        for (data, payload) in cases {
            let found: Box<RawValue> = plain(data).payload().unwrap();
            assert_eq!(found.get(), payload, "{data}");
        }
        let error = plain("Update 0").payload::<u32>().unwrap_err().to_string();
        assert!(error.starts_with("the event `message` cannot be read: "), "{error}");
    }

    #[test]
    fn an_array_has_no_members() {
        let array = plain("[1,2,3]");
        assert_eq!((array.name(), array.priority(), array.error()), ("message", None, None));
        assert_eq!(plain(r#" {"priority":2.5}"#).priority(), Some(2.5));
        assert_eq!(plain(r#"{"priority":"high"}"#).priority(), None);
    }

    #[test]
    fn what_an_event_holds_is_in_no_debug_text() {
        let event = Event::new("x", "hidden-id", b"hidden");
        assert_eq!(format!("{event:?}"), r#"Event { name: "x", bytes: 6, .. }"#);
    }
}

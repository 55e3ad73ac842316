//! A slow, obvious reader of event streams, the judge of the real one.
//!
//! It does what the WHATWG HTML Standard says in the order in which the standard says it: decode all bytes to text first, then drop
//! one byte order mark, then split into lines, then interpret them. It knows no limits but that of `retry`.

use mcp_core::limits::LimitExceeded;
use mcp_core::{Limits, sse};

/// One event as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its type.
    pub event: String,
    /// Its data.
    pub data: String,
    /// The last event id when it came.
    pub id: String,
}

/// All that a stream has to say, up to its end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    /// Its events.
    pub events: Vec<Event>,
    /// The last event id at the end.
    pub last_event_id: String,
    /// The reconnection time in milliseconds.
    pub retry: Option<u64>,
}

/// What the standard makes of `stream`.
pub fn read(stream: &[u8]) -> Seen {
    let text = String::from_utf8_lossy(stream);
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text);

    let mut seen = Seen::default();
    let (mut data, mut event, mut id) = (String::new(), String::new(), String::new());
    for line in lines(text) {
        if line.is_empty() {
            seen.last_event_id.clone_from(&id);
            if let Some(data) = data.strip_suffix('\n') {
                let event = if event.is_empty() { "message".to_owned() } else { event.clone() };
                seen.events.push(Event { event, data: data.to_owned(), id: id.clone() });
            }
            data.clear();
            event.clear();
            continue;
        }
        if line.starts_with(':') {
            continue;
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => value.clone_into(&mut event),
            "data" => {
                data.push_str(value);
                data.push('\n');
            }
            "id" if !value.contains('\0') => value.clone_into(&mut id),
            "retry" if !value.is_empty() && value.chars().all(|c| c.is_ascii_digit()) => {
                let hour = Limits::default().retry_millis;
                seen.retry = Some(value.parse().map_or(hour, |millis: u64| millis.min(hour)));
            }
            _ => {}
        }
    }
    seen
}

/// The lines of `text` that have an end.
fn lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' | '\n' => {
                if c == '\r' {
                    chars.next_if_eq(&'\n');
                }
                lines.push(std::mem::take(&mut line));
            }
            _ => line.push(c),
        }
    }
    lines
}

/// What our decoder makes of a stream that arrives in `pieces`, its events taken after each.
pub fn decode(pieces: &[&[u8]], limits: &Limits) -> Result<Seen, LimitExceeded> {
    let mut decoder = sse::Decoder::new(limits);
    let mut events = Vec::new();
    for piece in pieces {
        decoder.push(piece)?;
        drain(&mut decoder, &mut events)?;
    }
    decoder.finish();
    assert_eq!(decoder.next_event(), Ok(None), "nothing comes after the end");
    Ok(Seen {
        events,
        last_event_id: String::from_utf8_lossy(decoder.last_event_id()).into_owned(),
        retry: decoder.retry().map(|retry| retry.as_millis() as u64),
    })
}

/// Takes all events that are whole.
pub fn drain(decoder: &mut sse::Decoder, events: &mut Vec<Event>) -> Result<(), LimitExceeded> {
    while let Some(event) = decoder.next_event()? {
        events.push(Event {
            event: event.event_str().into_owned(),
            data: event.data_str().into_owned(),
            id: event.id_str().into_owned(),
        });
    }
    Ok(())
}

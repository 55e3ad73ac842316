//! Fuzz bodies for the event-stream decoder and encoder: ordinary functions of any bytes, called by the tests with seeded
//! inputs and by `mcp-core/fuzz` with what libFuzzer finds.

use mcp_core::{Limits, sse};

use crate::chunks::random_cut;
use crate::random::Random;
use crate::sse_oracle::{self, Seen};

/// Any bytes in any pieces give what the oracle gives; under tight limits memory stays bounded and errors stay.
///
/// # Panics
///
/// If one of these does not hold.
pub fn decode(input: &[u8]) {
    let expected = sse_oracle::read(input);
    let limits = open();
    assert_eq!(sse_oracle::decode(&[input], &limits), Ok(expected.clone()), "whole");
    let mut random = Random::new(input.iter().fold(7, |sum, byte| sum * 31 % 1_000_003 + u64::from(*byte)));
    for longest in [3, 17, 100] {
        let pieces = random_cut(input, longest, &mut random);
        assert_eq!(sse_oracle::decode(&pieces, &limits), Ok(expected.clone()), "in pieces below {longest}");
    }

    let mut tight = Limits::default();
    (tight.line_bytes, tight.event_bytes, tight.buffered_bytes) = (24, 32, 64);
    (tight.event_id_bytes, tight.event_type_bytes) = (4, 4);
    decode_within(&tight, &random_cut(input, 20, &mut random), &expected);
}

/// Limits that no input of a fuzzer reaches.
fn open() -> Limits {
    let mut limits = Limits::default();
    (limits.event_id_bytes, limits.event_type_bytes) = (limits.line_bytes, limits.line_bytes);
    limits
}

/// Reads with `limits`: what comes before an error is what comes without limits.
fn decode_within(limits: &Limits, pieces: &[&[u8]], expected: &Seen) {
    let mut decoder = sse::Decoder::new(limits);
    let mut events = Vec::new();
    for mut piece in pieces.iter().copied() {
        while !piece.is_empty() {
            let failed = match decoder.space(piece.len()) {
                Ok(room) => {
                    let n = room.len().min(piece.len());
                    room[..n].copy_from_slice(&piece[..n]);
                    decoder.filled(n);
                    piece = &piece[n..];
                    sse_oracle::drain(&mut decoder, &mut events).err()
                }
                Err(failed) => Some(failed),
            };
            assert!(decoder.buffered() <= decoder.allocated() && decoder.allocated() <= limits.buffered_bytes);
            if let Some(failed) = failed {
                assert!(expected.events.starts_with(&events), "{events:?}");
                assert_eq!(decoder.space(1).err(), Some(failed));
                assert_eq!(decoder.push(b"\n").err(), Some(failed));
                return;
            }
        }
    }
    assert_eq!(events, expected.events);
}

/// Any text written as an event of its own is read back as that one event, between comments and fields of any text.
///
/// # Panics
///
/// If that does not hold.
pub fn encode(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (head, data) = text.split_at(text.char_indices().nth(6).map_or(text.len(), |(at, _)| at));

    let mut out = Vec::new();
    sse::encode::comment(&mut out, &text);
    let id = if sse::encode::id(&mut out, head).is_ok() { head } else { "" };
    let field_written = sse::encode::field(&mut out, head, head).is_ok();
    let name = if sse::encode::event(&mut out, head, data).is_ok() {
        head
    } else {
        sse::encode::event(&mut out, "", data).expect("an event without a type can always be written");
        ""
    };
    let mark = sse::begin(&mut out, "endpoint");
    out.extend_from_slice(data.as_bytes());
    sse::finish(&mut out, mark);

    let seen = sse_oracle::decode(&[&out], &open()).expect("nothing is beyond the limits");
    let data = data.replace("\r\n", "\n").replace('\r', "\n");
    // A field written with that very name is the standard's own field.
    let taken = field_written && ["data", "event", "id", "retry"].contains(&head);
    if !taken {
        let event = |event: &str| sse_oracle::Event { event: event.into(), data: data.clone(), id: id.into() };
        let name = if name.is_empty() { "message" } else { name };
        assert_eq!(seen.events, [event(name), event("endpoint")]);
    }
    assert_eq!(seen, sse_oracle::read(&out));
}

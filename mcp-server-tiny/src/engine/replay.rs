//! What was sent on the streams of a session, kept for a client that lost its connection (R-SH-29 to R-SH-36).
//!
//! An event's [id](mcp_core::http::EventId) is the stream within its session, so that `Last-Event-ID` finds it
//! (R-SH-31), and a number that rises by one from event to event (R-SH-30). What is kept is bounded for each session and in all,
//! oldest first out; the last event of a stream of a call is its answer, so whatever is left of a stream is still worth
//! sending.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt::Write as _;

use mcp_core::http;
use mcp_core::time::Instant;

use crate::config::Limits;
use crate::parts::Listening;

/// Names an event within its session, in half the room of what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EventId {
    pub(crate) stream: u32,
    pub(crate) number: u32,
    /// Only who can come back with it is told one.
    part: Listening,
}

impl EventId {
    pub(crate) fn new(part: Listening, stream: u32, number: u32) -> Self {
        Self { stream, number, part }
    }

    /// The event after this one on its stream.
    pub(crate) fn next(self) -> Self {
        Self { number: self.number.wrapping_add(1), ..self }
    }

    /// Reads an id as [`write`](Self::write) writes it; anything else is none that this server gave out.
    pub(crate) fn parse(part: Listening, text: &[u8]) -> Option<Self> {
        let http::EventId { stream, event } = http::EventId::parse(text)?;
        Some(Self { stream: stream.try_into().ok()?, number: event.try_into().ok()?, part })
    }

    /// Appends the `id` line of an event.
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        let mut line = Line(out);
        let id = http::EventId { stream: self.stream.into(), event: self.number.into() };
        // Writing to memory does not fail.
        let _ = writeln!(line, "id: {id}");
    }
}

struct Line<'a>(&'a mut Vec<u8>);

impl core::fmt::Write for Line<'_> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// The events kept for one session, in the order in which they were sent.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    events: VecDeque<Kept>,
    bytes: usize,
    newest: Instant,
}

#[derive(Debug)]
struct Kept {
    id: EventId,
    event: Box<[u8]>,
}

/// What keeping an event costs beside its bytes.
const ROW: usize = size_of::<Kept>();

/// The bounds on what is kept, and what is kept in all.
#[derive(Debug)]
pub(crate) struct Room<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) in_all: &'a mut usize,
}

impl Replay {
    /// Keeps an event as it was sent, without the framing of its answer.
    pub(crate) fn keep(&mut self, now: Instant, id: EventId, event: &[u8], room: &mut Room<'_>) {
        let size = event.len() + ROW;
        while self.bytes + size > room.limits.replay_bytes || *room.in_all + size > room.limits.replay_bytes_in_all {
            let Some(oldest) = self.events.pop_front() else { return };
            self.count_out(&oldest, room.in_all);
        }
        self.bytes += size;
        *room.in_all += size;
        self.newest = now;
        self.events.push_back(Kept { id, event: event.into() });
    }

    /// Appends to `out` what followed `after` on its stream, as `frame` frames each event.
    pub(crate) fn write_after(&self, after: EventId, out: &mut Vec<u8>, mut frame: impl FnMut(&mut Vec<u8>, &[u8])) {
        let followed = |kept: &&Kept| kept.id.stream == after.stream && kept.id.number > after.number;
        self.events.iter().filter(followed).for_each(|kept| frame(out, &kept.event));
    }

    /// Whether anything of a stream is kept.
    pub(crate) fn has(&self, stream: u32) -> bool {
        self.events.iter().any(|kept| kept.id.stream == stream)
    }

    /// Whether nothing is kept.
    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// What it takes.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// When the last event was kept.
    pub(crate) fn newest(&self) -> Instant {
        self.newest
    }

    /// Forgets the events of streams that are over.
    pub(crate) fn forget(&mut self, is_over: impl Fn(u32) -> bool, in_all: &mut usize) {
        for kept in core::mem::take(&mut self.events) {
            if is_over(kept.id.stream) {
                self.count_out(&kept, in_all);
            } else {
                self.events.push_back(kept);
            }
        }
    }

    /// Forgets the events of a stream that its client has read, as far as they are the oldest: then it costs nothing to find
    /// them, and in a session that does one thing after another they are.
    pub(crate) fn forget_oldest(&mut self, stream: u32, in_all: &mut usize) {
        while self.events.front().is_some_and(|kept| kept.id.stream == stream)
            && let Some(kept) = self.events.pop_front()
        {
            self.count_out(&kept, in_all);
        }
    }

    fn count_out(&mut self, kept: &Kept, in_all: &mut usize) {
        let size = kept.event.len() + ROW;
        self.bytes -= size;
        *in_all -= size;
    }
}

#[cfg(all(test, feature = "listening"))]
mod tests {
    use super::*;
    use alloc::string::String;

    const PART: Listening = Listening::BUILT.unwrap();

    fn id(stream: u32, number: u32) -> EventId {
        EventId::new(PART, stream, number)
    }

    fn after(replay: &Replay, id: EventId) -> String {
        let mut out = Vec::new();
        replay.write_after(id, &mut out, |out, event| out.extend_from_slice(event));
        String::from_utf8(out).expect("events are text")
    }

    #[test]
    fn an_id_is_read_as_it_is_written_and_nothing_else_is_one() {
        let mut line = Vec::new();
        id(17, 4_294_967_295).write(&mut line);
        assert_eq!(line, b"id: 17-4294967295\n");
        assert_eq!(EventId::parse(PART, b"17-4294967295"), Some(id(17, 4_294_967_295)));
        assert_eq!(EventId::parse(PART, b"0-0"), Some(id(0, 0)));
        for text in ["", "-", "1", "1-", "-1", "+1-1", "1-01", "1-4294967296", "1-1-1", " 1-1", "a-1", "\u{ff}"] {
            assert_eq!(EventId::parse(PART, text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn each_stream_is_replayed_by_itself_and_in_order() {
        // R-SH-30, R-SH-35
        let limits = Limits { replay_bytes: 1000, ..Limits::default() };
        let (mut replay, mut in_all) = (Replay::default(), 0);
        let mut room = Room { limits: &limits, in_all: &mut in_all };
        for (stream, number, text) in [(1, 1, b"a"), (0, 1, b"b"), (1, 2, b"c"), (0, 2, b"d")] {
            replay.keep(Instant::ZERO, id(stream, number), text, &mut room);
        }
        assert_eq!(after(&replay, id(1, 0)), "ac");
        assert_eq!(after(&replay, id(1, 1)), "c");
        assert_eq!(after(&replay, id(0, 0)), "bd");
        assert_eq!(after(&replay, id(2, 0)), "");
        replay.forget_oldest(0, &mut in_all);
        assert_eq!(after(&replay, id(0, 0)), "bd", "they are not the oldest");
        replay.forget(|stream| stream == 1, &mut in_all);
        assert!(!replay.has(1) && replay.has(0));
        assert_eq!(in_all, 2 * (ROW + 1));
        replay.forget_oldest(0, &mut in_all);
        assert_eq!((in_all, replay.is_empty()), (0, true));
    }

    #[test]
    fn what_is_kept_is_bounded_for_a_session_and_in_all() {
        let mut limits = Limits::default();
        (limits.replay_bytes, limits.replay_bytes_in_all) = (2 * (ROW + 1), 3 * (ROW + 1));
        let (mut a, mut b, mut in_all) = (Replay::default(), Replay::default(), 0);
        let mut room = Room { limits: &limits, in_all: &mut in_all };
        for number in 1..=3 {
            a.keep(Instant::ZERO, id(1, number), b"a", &mut room);
        }
        assert_eq!(after(&a, id(1, 0)), "aa", "the oldest goes first");
        a.keep(Instant::ZERO, id(1, 4), &[b'x'; 500], &mut room);
        assert_eq!(after(&a, id(1, 0)), "", "what is larger than all there may be is not kept");
        for number in 1..=3 {
            a.keep(Instant::ZERO, id(1, number), b"a", &mut room);
            b.keep(Instant::ZERO, id(1, number), b"b", &mut room);
        }
        assert!(*room.in_all <= limits.replay_bytes_in_all);
        limits.replay_bytes = 0;
        let mut none = Replay::default();
        none.keep(Instant::ZERO, id(1, 1), b"", &mut Room { limits: &limits, in_all: &mut in_all });
        assert!(none.is_empty());
    }
}

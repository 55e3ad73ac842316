//! Bytes to lines.
//!
//! [`Lines`] owns the buffer that reads land in and finds the ends of lines in it: CR LF, LF or CR, freely mixed
//! (R-EV-5). It knows nothing of fields; it only keeps, at the decoder's wish, the bytes of earlier lines that are data of an
//! event which is not finished yet.
//!
//! ```text
//!   0      kept.start  kept.end     next     searched        end          buf.len()
//!   |  dead  |   kept     |   dead    |  a part of a line  |  |    room      |
//!            `- data of the            `- `searched` equals `end` whenever
//!               unfinished event          there is no whole line left
//! ```
//!
//! Bytes move only to make room. A line that is not finished moves at most once before its end is seen, and so does the
//! kept data of an event: the work is linear in the input however it is cut into reads.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

/// What a drained buffer may keep without having needed it lately.
const KEEP: usize = 64 * 1024;

/// Dead bytes from which on a short rest is moved to the front although there is still room: the next long event then
/// finds the buffer empty instead of being moved when half of it has arrived.
const MOVE_EARLY: usize = 32 * 1024;

/// The byte order mark, dropped at the very start of a stream (R-EV-2).
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// A buffer of input and the lines in it.
pub(super) struct Lines {
    /// Initialised throughout, so that reads can land in it; its length is what is allocated.
    buf: Vec<u8>,
    /// Kept bytes of earlier lines; `0..0` when there are none, else before `next`.
    kept: Range<usize>,
    /// Where the first line begins that was not handed out. At most `searched`.
    next: usize,
    /// There is no line end in `next..searched`. At most `end`.
    searched: usize,
    /// End of the input. At most `buf.len()`.
    end: usize,
    /// The last line ended in a CR that was the last byte of the input: an LF that comes now belongs to it (R-EV-6).
    /// Implies `next == end`.
    skip_lf: bool,
    /// No more than a part of a byte order mark has been seen of this stream.
    at_start: bool,
    /// The farthest `end` that [`Lines::tidy`] saw since the buffer was last drained: what the input of this round needed.
    peak: usize,
    /// Bound of `buf.len()`.
    bound: usize,
}

impl Lines {
    pub(super) fn new(bound: usize) -> Self {
        Self {
            buf: Vec::new(),
            kept: 0..0,
            next: 0,
            searched: 0,
            end: 0,
            skip_lf: false,
            at_start: true,
            peak: 0,
            bound,
        }
    }

    /// Room for input: `min` bytes or more, less where the bound does not allow that many, `None` when it allows none.
    #[inline]
    pub(super) fn space(&mut self, min: usize) -> Option<&mut [u8]> {
        let crowded = self.buf.len() - self.end < min.max(1);
        if crowded || self.buffered() == 0 || self.next >= MOVE_EARLY {
            self.tidy(min.max(1));
        }
        let room = &mut self.buf[self.end..];
        if room.is_empty() { None } else { Some(room) }
    }

    /// Takes the first `n` bytes of the room as input.
    #[inline]
    pub(super) fn filled(&mut self, n: usize) {
        assert!(n <= self.buf.len() - self.end, "more bytes filled than there was space for");
        let from = self.end;
        self.end += n;
        if self.skip_lf && n > 0 {
            self.skip_lf = false;
            if self.buf[from] == b'\n' {
                self.next += 1;
                self.searched = self.next;
            }
        }
    }

    /// Takes a copy of `bytes` as input; answers `false` and takes nothing when the bound does not allow that.
    #[inline]
    pub(super) fn push(&mut self, bytes: &[u8]) -> bool {
        let Some(room) = self.space(bytes.len()).and_then(|room| room.get_mut(..bytes.len())) else {
            return false;
        };
        room.copy_from_slice(bytes);
        let from = self.end;
        let caught_up = self.searched == from;
        self.filled(bytes.len());
        // The search goes through what was copied from: reading back what was written a moment ago stalls the processor, which
        // costs a short piece more than the search itself.
        if caught_up && self.searched == from {
            self.searched += memchr::memchr2(b'\n', b'\r', bytes).unwrap_or(bytes.len());
        }
        true
    }

    /// The next whole line without its end, as a range for [`Lines::bytes`]. `None` until more input has come.
    #[inline]
    pub(super) fn next_line(&mut self) -> Option<Range<usize>> {
        if self.at_start && !self.past_bom() {
            return None;
        }
        let start = self.next;
        let unseen = &self.buf[self.searched..self.end];
        // A look is cheaper than a search, and often enough: every second line of most streams is the empty one after `data`.
        let ahead = match unseen {
            [] => None,
            [b'\n', ..] => Some(0),
            _ => memchr::memchr2(b'\n', b'\r', unseen),
        };
        let Some(ahead) = ahead else {
            self.searched = self.end;
            return None;
        };
        let line_end = self.searched + ahead;
        self.next = line_end + 1;
        // CR ends the line now: waiting for an LF that may follow would hold back an event that is whole.
        if self.buf[line_end] == b'\r' {
            if self.next == self.end {
                self.skip_lf = true;
            } else if self.buf[self.next] == b'\n' {
                self.next += 1;
            }
        }
        self.searched = self.next;
        Some(start..line_end)
    }

    /// Whether all input was searched and there is no whole line in it. May be `false` although that is so.
    #[inline]
    pub(super) fn is_searched(&self) -> bool {
        self.searched == self.end && !self.at_start
    }

    /// Length of the line that has begun and not ended; meaningful when there is no whole line left.
    #[inline]
    pub(super) fn unfinished(&self) -> usize {
        // A part of a byte order mark is not yet a part of a line.
        if self.at_start { 0 } else { self.end - self.next }
    }

    /// The bytes of a line or of the kept data.
    #[inline]
    pub(super) fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.buf[range]
    }

    /// Keeps `value`, a part of the last line handed out. Nothing else is kept then.
    #[inline]
    pub(super) fn keep(&mut self, value: Range<usize>) {
        self.kept = value;
    }

    /// Joins `value`, a part of the last line handed out, to what is kept, with an LF between the two.
    ///
    /// There is room: `value` begins at least one byte behind the kept bytes, because it stands after a field's name.
    #[inline]
    pub(super) fn join(&mut self, value: Range<usize>) {
        let to = self.kept.end + 1;
        self.buf[self.kept.end] = b'\n';
        self.kept.end = to + value.len();
        self.buf.copy_within(value, to);
    }

    /// Length of what is kept.
    #[inline]
    pub(super) fn kept(&self) -> usize {
        self.kept.len()
    }

    /// Ends keeping. The range stays readable until the next call that takes input or a line.
    #[inline]
    pub(super) fn release(&mut self) -> Range<usize> {
        core::mem::replace(&mut self.kept, 0..0)
    }

    /// Kept and unread bytes.
    #[inline]
    pub(super) fn buffered(&self) -> usize {
        self.kept.len() + (self.end - self.next)
    }

    /// Bytes of memory held.
    pub(super) fn allocated(&self) -> usize {
        self.buf.capacity()
    }

    /// Forgets all input and gives the memory back: what comes next is the start of another stream.
    pub(super) fn reset(&mut self) {
        *self = Self::new(self.bound);
    }

    /// Whether the start of the stream is behind us; drops its byte order mark.
    #[cold]
    fn past_bom(&mut self) -> bool {
        let input = &self.buf[self.next..self.end];
        if input.len() < BOM.len() && BOM.starts_with(input) {
            return false;
        }
        if input.starts_with(BOM) {
            self.next += BOM.len();
            self.searched = self.next;
        }
        self.at_start = false;
        true
    }

    /// Bytes that are no longer needed: the gap between kept data and the current line, and what is before the data.
    #[inline]
    fn dead(&self) -> usize {
        self.next - self.kept.len()
    }

    /// Bytes that closing the gaps would move.
    #[inline]
    fn movable(&self) -> usize {
        let kept = if self.kept.start > 0 { self.kept.len() } else { 0 };
        kept + (self.end - self.next)
    }

    /// Makes room if there is too little, and now and then when it is cheap.
    fn tidy(&mut self, min: usize) {
        self.peak = self.peak.max(self.end);
        if self.buffered() == 0 {
            self.start_over(min);
        }
        let crowded = self.buf.len() - self.end < min;
        if crowded || (self.dead() >= MOVE_EARLY && self.movable() <= self.dead() / 8) {
            self.make_room(min);
        }
    }

    /// Starts over at the front of the buffer. A large buffer that the last round did not need is given back.
    fn start_over(&mut self, min: usize) {
        // An empty data line may be pending: its value is nothing, at any place.
        (self.kept, self.next, self.searched, self.end) = (0..0, 0, 0, 0);
        let keep = KEEP.max(min);
        if self.buf.len() > keep && self.peak <= keep {
            self.buf = Vec::new();
        }
        self.peak = 0;
    }

    /// Closes the gaps where that pays for itself, else doubles the buffer, up to the bound.
    #[cold]
    fn make_room(&mut self, min: usize) {
        let live = self.buffered();
        let want = live.saturating_add(min).min(self.bound);
        let doubled = self.buf.len().saturating_mul(2).min(self.bound);
        // Moving costs what it moves and gains what is dead: never more than the input that died has cost already.
        let pays = want <= self.buf.len() && self.movable() <= self.dead();
        if pays || doubled.max(want) <= self.buf.len() {
            self.close_gaps();
        } else {
            let mut buf = vec![0; doubled.max(want)];
            let kept = self.kept.len();
            buf[..kept].copy_from_slice(&self.buf[self.kept.clone()]);
            buf[kept..live].copy_from_slice(&self.buf[self.next..self.end]);
            self.buf = buf;
            self.at_front(live);
        }
    }

    fn close_gaps(&mut self) {
        let live = self.buffered();
        let kept = self.kept.len();
        if self.kept.start > 0 {
            self.buf.copy_within(self.kept.clone(), 0);
        }
        self.buf.copy_within(self.next..self.end, kept);
        self.at_front(live);
    }

    /// Sets the indices after kept and unread bytes came to stand at the front, side by side.
    fn at_front(&mut self, live: usize) {
        let kept = self.kept.len();
        self.searched -= self.next - kept;
        self.next = kept;
        self.end = live;
        self.kept = 0..kept;
    }
}

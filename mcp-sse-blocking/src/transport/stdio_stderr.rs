//! What a server writes to standard error: into the log, line by line, within bounds, and its end kept for errors.
//!
//! The thread `mcp-stderr` reads it as fast as it comes, so that a server never waits for its log to be taken (R-IO-31), and
//! says no more of it than a log should hold. Output there is no failure (R-IO-7).

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::process::ChildStderr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use mcp_core::text::Excerpt;

use crate::log_target;

/// Bytes of a line that are kept; the rest of it is left out. 4 KiB: more than a person reads in one line.
const LINE_BYTES: usize = 4 << 10;
/// Lines that are kept for errors. 16: the end of a stack trace.
const LAST_LINES: usize = 16;
/// Bytes of them.
const LAST_BYTES: usize = 4 << 10;
/// Lines that may be logged at once, and how many more each second. What comes beyond is counted.
const BURST: u32 = 1000;
const LINES_A_SECOND: u32 = 100;

/// The last lines of standard error.
#[derive(Debug, Default)]
pub(super) struct LastWords(Mutex<VecDeque<String>>);

/// The thread that reads standard error.
pub(super) struct Listener {
    /// Disconnected once the thread is done.
    done: Receiver<Infallible>,
    #[cfg(unix)]
    waker: Arc<super::line_pipes::Waker>,
}

impl LastWords {
    /// The lines, oldest first.
    pub(super) fn lines(&self) -> Vec<String> {
        self.lock().iter().cloned().collect()
    }

    fn push(&self, line: String) {
        let mut lines = self.lock();
        lines.push_back(line);
        while lines.len() > LAST_LINES || (lines.len() > 1 && lines.iter().map(String::len).sum::<usize>() > LAST_BYTES)
        {
            lines.pop_front();
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener {
    #[cfg(unix)]
    pub(super) fn start(stderr: ChildStderr, program: String, words: Arc<LastWords>) -> io::Result<Self> {
        use super::line::Came;
        use super::line_pipes::{Input, Waker};
        let waker = Waker::new()?;
        let input = Input::new(stderr, &waker)?;
        let done = spawn(move || {
            let mut lines = Lines::new(program, words);
            let mut room = [0; LINE_BYTES];
            // Until its end, or until the program that wrote it is gone while another still holds it open.
            while let Ok(came) = input.read(&mut room, None) {
                match came {
                    Came::Bytes(n) => lines.push(&room[..n]),
                    Came::Nothing => {}
                    Came::End => break,
                }
            }
            // What was written before the thread was woken. Bounded, in case that somebody never stops.
            for _ in 0..64 {
                let Ok(Came::Bytes(n)) = input.read_now(&mut room) else { break };
                lines.push(&room[..n]);
            }
            lines.finish();
        })?;
        Ok(Self { done, waker })
    }

    #[cfg(not(unix))]
    pub(super) fn start(mut stderr: ChildStderr, program: String, words: Arc<LastWords>) -> io::Result<Self> {
        let done = spawn(move || {
            let mut lines = Lines::new(program, words);
            let mut room = [0; LINE_BYTES];
            while let Ok(n @ 1..) = io::Read::read(&mut stderr, &mut room) {
                lines.push(&room[..n]);
            }
            lines.finish();
        })?;
        Ok(Self { done })
    }

    /// Waits until all of it was read.
    pub(super) fn wait(&self, wait: Duration) {
        let _ = self.done.recv_timeout(wait);
    }

    /// The same; then the thread is ended, whoever still holds the other end.
    pub(super) fn finish(&self, wait: Duration) {
        self.wait(wait);
        #[cfg(unix)]
        self.waker.wake();
    }
}

fn spawn(run: impl FnOnce() + Send + 'static) -> io::Result<Receiver<Infallible>> {
    let (alive, done) = bounded(0);
    thread::Builder::new().name("mcp-stderr".into()).spawn(move || {
        let _alive: Sender<Infallible> = alive;
        run();
    })?;
    Ok(done)
}

/// Bytes to lines to the log.
struct Lines {
    program: String,
    words: Arc<LastWords>,
    line: Vec<u8>,
    /// The line was longer than what is kept of it.
    cut: bool,
    quota: Quota,
}

impl Lines {
    fn new(program: String, words: Arc<LastWords>) -> Self {
        Self { program, words, line: Vec::new(), cut: false, quota: Quota::new(Instant::now()) }
    }

    fn push(&mut self, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.extend(&bytes[..end]);
            self.finish();
            bytes = &bytes[end + 1..];
        }
        self.extend(bytes);
    }

    fn extend(&mut self, bytes: &[u8]) {
        let kept = bytes.len().min(LINE_BYTES - self.line.len());
        self.line.extend_from_slice(&bytes[..kept]);
        self.cut |= kept < bytes.len();
    }

    /// The line is whole.
    fn finish(&mut self) {
        let text = String::from_utf8_lossy(&self.line);
        let text = text.trim_end();
        if !text.is_empty() {
            let line = format!("{}{}", Excerpt::new(text, LINE_BYTES), if self.cut { "..." } else { "" });
            match self.quota.take(Instant::now()) {
                Some(0) => log::info!(target: log_target::SERVER, "{}: {line}", self.program),
                Some(left_out) => {
                    log::info!(target: log_target::SERVER, "{}: ({left_out} lines left out) {line}", self.program);
                }
                None => {}
            }
            self.words.push(line);
        }
        self.line.clear();
        self.cut = false;
    }
}

/// How many lines may be logged.
struct Quota {
    left: u32,
    filled: Instant,
    left_out: u64,
}

impl Quota {
    fn new(now: Instant) -> Self {
        Self { left: BURST, filled: now, left_out: 0 }
    }

    /// Takes one: how many could not be taken before it, or nothing when this one cannot.
    fn take(&mut self, now: Instant) -> Option<u64> {
        let seconds = now.duration_since(self.filled).as_secs();
        if seconds > 0 {
            let more = u32::try_from(seconds).unwrap_or(u32::MAX).saturating_mul(LINES_A_SECOND);
            self.left = self.left.saturating_add(more).min(BURST);
            self.filled = now;
        }
        if self.left == 0 {
            self.left_out += 1;
            return None;
        }
        self.left -= 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(pieces: &[&[u8]]) -> Vec<String> {
        let words = Arc::new(LastWords::default());
        let mut lines = Lines::new("a server".into(), Arc::clone(&words));
        pieces.iter().for_each(|piece| lines.push(piece));
        lines.finish();
        words.lines()
    }

    #[test]
    fn lines_are_the_same_however_they_come() {
        let text = b"one\r\n\ntwo \x1b[31mred\nthree";
        let expected = ["one", "two \u{FFFD}[31mred", "three"];
        assert_eq!(lines_of(&[text]), expected);
        assert_eq!(lines_of(&text.chunks(1).collect::<Vec<_>>()), expected);
    }

    #[test]
    fn a_long_line_is_cut_and_only_the_last_lines_are_kept() {
        let endless = vec![b'x'; 1 << 20];
        let kept = lines_of(&[&endless, b"\nshort\n"]);
        assert_eq!(kept, ["short"], "the long one alone is more than is kept with it");
        let kept = lines_of(&[&endless]);
        assert_eq!(kept.len(), 1);
        assert!(kept[0].len() < LINE_BYTES + 8 && kept[0].ends_with("..."));
        let many: String = (0..100).map(|n| format!("line {n}\n")).collect();
        let kept = lines_of(&[many.as_bytes()]);
        assert_eq!((kept.len(), kept[0].as_str(), kept[15].as_str()), (16, "line 84", "line 99"));
    }

    #[test]
    fn a_flood_is_counted_instead_of_logged() {
        let start = Instant::now();
        let mut quota = Quota::new(start);
        let taken = (0..5000).filter(|_| quota.take(start).is_some()).count();
        assert_eq!(taken, 1000);
        let later = start + Duration::from_secs(1);
        assert_eq!(quota.take(later), Some(4000));
        assert_eq!((0..5000).filter(|_| quota.take(later).is_some()).count(), 99);
    }
}

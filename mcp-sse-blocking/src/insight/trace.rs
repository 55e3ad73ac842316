//! The trace of the wire: a line for each head of HTTP and each message, in both directions, without secrets.

use std::fmt;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use std::{cell::Cell, fmt::Write as _};

use ureq::http::header::HeaderMap;

use super::mask::{Known, MASK, Masked, is_secret, masked_url};
use crate::log_target;

/// Characters of a line beside its beginning. As many as a message in the log has.
pub(super) const LINE_CHARACTERS: usize = 4096;

/// Where the trace goes.
pub(crate) type Writer = Box<dyn Write + Send>;

thread_local! {
    /// Whether this thread is in the writer: one that uses the client would wait for itself.
    static WRITING: Cell<bool> = const { Cell::new(false) };
}

/// A trace that is written.
pub(super) struct Trace {
    start: Instant,
    writer: Mutex<Option<Writer>>,
    /// Whether there is still a writer.
    is_on: AtomicBool,
    exchanges: AtomicU64,
}

/// Which way it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Out,
    In,
}

impl Trace {
    pub(super) fn new(writer: Writer) -> Self {
        let (is_on, exchanges) = (AtomicBool::new(true), AtomicU64::new(0));
        Self { start: Instant::now(), writer: Mutex::new(Some(writer)), is_on, exchanges }
    }

    pub(super) fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    /// The number of the next exchange over HTTP.
    pub(super) fn next_exchange(&self) -> u64 {
        self.exchanges.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Writes one line. A writer that fails is not asked again, and the log says so once.
    pub(super) fn write(&self, number: u64, way: Way, what: impl fmt::Display) {
        if !self.is_on() || WRITING.get() {
            return;
        }
        let mut line = String::with_capacity(256);
        let arrow = if way == Way::Out { "-->" } else { "<--" };
        let _ = writeln!(line, "{:>12.6} #{number} {arrow} {what}", self.start.elapsed().as_secs_f64());
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = writer.as_mut() else { return };
        WRITING.set(true);
        // It is the caller's: its panic is not to end a thread of the client.
        let written = catch_unwind(AssertUnwindSafe(|| open.write_all(line.as_bytes()).and_then(|()| open.flush())));
        WRITING.set(false);
        let problem = match written {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "its writer panicked".to_owned(),
        };
        self.is_on.store(false, Ordering::Relaxed);
        let gone = writer.take();
        drop(writer);
        // A panic when it is dropped is the same fault.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(gone)));
        log::warn!(target: log_target::CLIENT, "the trace of the wire is off: {problem}");
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace").field("is_on", &self.is_on()).finish_non_exhaustive()
    }
}

/// The head of a request or of an answer, in one line.
pub(super) fn head(first: &str, headers: &HeaderMap) -> String {
    let mut head = String::from(first);
    for (name, value) in headers {
        let text = String::from_utf8_lossy(value.as_bytes());
        let shown = match name.as_str() {
            _ if is_secret(name, value) => MASK.into(),
            "location" | "content-location" | "referer" => masked_url(&text).into(),
            _ => text,
        };
        let _ = write!(head, " | {name}: {shown}");
    }
    head
}

/// A text as a line shows it.
pub(super) fn shown<'a>(known: &'a Known, text: &'a str) -> Masked<'a> {
    Masked { known, text, characters: LINE_CHARACTERS }
}

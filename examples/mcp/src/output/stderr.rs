//! Standard error: what is not the result. A progress bar that is shown makes way for each line.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::ProgressBar;
use mcp_core::types::{CallToolResult, LoggingLevel};
use mcp_sse_blocking::{LogMessage, Progress};

use super::content::text_of;
use super::progress;
use super::untrusted::{harmless, one_line};
use super::view::{Style, View};
use crate::suggest;

/// Names that a warning shows: a screen full of them helps nobody.
const NAMES: usize = 12;

/// The bar at the bottom of the terminal, if there is one. Its lock is held while it is shown or hidden, so that what is over is
/// not shown again.
static BAR: Mutex<Kept> = Mutex::new(Kept { bar: None, pauses: 0 });

struct Kept {
    bar: Option<ProgressBar>,
    /// While there are any, the terminal belongs to somebody who types.
    pauses: usize,
}

/// From now on lines are printed above this bar.
pub(super) fn keep_below(bar: Option<ProgressBar>) {
    kept().bar = bar;
}

/// Shows the bar if it is still the one.
pub(super) fn show(_bar: &ProgressBar) {
    let kept = kept();
    if let (Some(bar), 0) = (&kept.bar, kept.pauses) {
        progress::draw(bar);
    }
}

/// Keeps the terminal still until it is dropped.
pub(crate) fn pause() -> Pause {
    let mut kept = kept();
    kept.pauses += 1;
    if let Some(bar) = &kept.bar {
        progress::hide(bar);
    }
    Pause
}

/// See [`pause`].
pub(crate) struct Pause;

impl Drop for Pause {
    fn drop(&mut self) {
        let mut kept = kept();
        kept.pauses -= 1;
        if let (Some(bar), 0) = (&kept.bar, kept.pauses) {
            progress::draw(bar);
        }
    }
}

fn kept() -> MutexGuard<'static, Kept> {
    BAR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A line on standard error from this program.
pub(crate) fn say(text: impl AsRef<str>) {
    write(format!("mcp: {}\n", harmless(text.as_ref())).as_bytes());
}

/// Bytes for standard error. One system call, so that lines of several threads do not mix.
pub(crate) fn write(bytes: &[u8]) {
    // There is nobody left to tell that nobody reads this.
    let write = || drop(io::stderr().write_all(bytes));
    let bar = kept().bar.clone();
    match bar {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// Standard error for what writes by itself.
#[derive(Debug)]
pub(crate) struct StandardError;

impl Write for StandardError {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An error of this program, which is the last that it says.
pub(crate) fn complain(text: &str) {
    let view = View::of_stderr();
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let rest = if rest.is_empty() { String::new() } else { format!("\n{}", view.paint(Style::Faint, &harmless(rest))) };
    write(format!("{}{}{rest}\n", view.paint(Style::Bad, "mcp: "), harmless(first)).as_bytes());
}

/// The failure of a tool, in its own words.
pub(crate) fn failure(tool: &str, result: &CallToolResult) {
    let text = text_of(result);
    // Servers of revisions with a session find out in the middle of a call that nobody can be asked.
    let hint = if text.contains("elicitation") {
        "\n     --answer FIELD=VALUE answers what the server asks its user"
    } else {
        ""
    };
    complain(&format!("the tool `{}` failed: {}{hint}", one_line(tool), text.trim_end()));
}

/// What the server does not list, such as a tool, and what it lists.
pub(crate) fn not_listed(kind: &str, name: &str, names: &[String]) {
    let shown: Vec<String> = names.iter().take(NAMES).map(|name| one_line(name)).collect();
    let listed = match shown.join(", ") {
        names if names.is_empty() => "it lists none".to_owned(),
        first if names.len() > NAMES => format!("it lists {first} and {} more", names.len() - NAMES),
        names => format!("it lists {names}"),
    };
    let meant = suggest::hint(name, names.iter().map(String::as_str));
    say(format!("the server lists no {kind} `{}`{meant}, {listed}", one_line(name)));
}

/// How far a call is, where no bar shows it.
pub(crate) fn tell_progress(progress: &Progress) {
    let total = progress.total.map(|total| format!("/{total}")).unwrap_or_default();
    let message = progress.message.as_deref().map(|message| format!(" {message}")).unwrap_or_default();
    // They came faster than they were printed.
    let dropped =
        if progress.dropped == 0 { String::new() } else { format!(" ({} before it are not shown)", progress.dropped) };
    say(format!("progress {}{total}{message}{dropped}", progress.progress));
}

/// A log message of the server.
pub(crate) fn log(message: &LogMessage) {
    let view = View::of_stderr();
    let style = match message.level {
        LoggingLevel::Debug | LoggingLevel::Info => Style::Faint,
        LoggingLevel::Notice => Style::Strong,
        LoggingLevel::Warning => Style::Warning,
        _ => Style::Bad,
    };
    let level = view.paint(style, &message.level.to_string());
    let logger = message.logger.as_deref().map(|logger| format!(" {logger}")).unwrap_or_default();
    write(format!("mcp: server {level}{}\n", harmless(&format!("{logger}: {}", message.text()))).as_bytes());
}

/// Whether a person can be shown something that moves.
pub(super) fn is_terminal() -> bool {
    io::stderr().is_terminal()
}

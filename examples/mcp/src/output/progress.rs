//! How far a call is: a bar when the server says so, something that turns when it does not, lines where there is no terminal.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mcp_sse_blocking::Progress;

use super::stderr;
use super::untrusted::one_line;

/// How often what turns turns.
const TICK: Duration = Duration::from_millis(100);
/// What takes no longer is not worth a sign: it would only flicker.
const PATIENCE: Duration = Duration::from_millis(300);
/// Steps of a bar whose total is no whole number.
const FINE: f64 = 1000.0;

/// What is shown while a call is worked on; gone when dropped.
#[derive(Debug)]
pub(crate) struct Watched {
    bar: Option<ProgressBar>,
    has_total: bool,
    /// Dropped when it is over, or shown already: nobody waits then to show it.
    waiting: Option<Sender<()>>,
}

impl Watched {
    /// Something that turns, with what is being done, when it takes a while. Nothing where standard error is no terminal.
    pub(crate) fn start(doing: &str) -> Self {
        let bar = stderr::is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
            bar.set_style(style("{spinner} {wide_msg} {elapsed}"));
            bar.set_message(one_line(doing));
            bar
        });
        stderr::keep_below(bar.clone());
        let waiting = bar.clone().map(|bar| {
            let (waiting, is_over) = mpsc::channel();
            thread::spawn(move || {
                if is_over.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                    stderr::show(&bar);
                }
            });
            waiting
        });
        Self { bar, has_total: false, waiting }
    }

    /// How far it is.
    pub(crate) fn show(&mut self, progress: &Progress) {
        let Some(bar) = &self.bar else { return stderr::tell_progress(progress) };
        if let Some((position, length)) = progress.total.and_then(|total| steps(progress.progress, total)) {
            if !std::mem::replace(&mut self.has_total, true) {
                bar.set_style(style("{spinner} [{bar:30}] {prefix} {wide_msg} {elapsed}"));
            }
            bar.set_length(length);
            bar.set_position(position);
        }
        let total = progress.total.map(|total| format!("/{total}")).unwrap_or_default();
        let so_far = format!("{}{total}", progress.progress);
        let message = progress.message.as_deref().map(one_line).unwrap_or_default();
        if self.has_total {
            bar.set_prefix(so_far);
            bar.set_message(message);
        } else {
            bar.set_message(format!("{so_far} {message}"));
        }
        if self.waiting.take().is_some() {
            stderr::show(bar);
        }
    }

    /// Leaves on the screen how far it was, with a last word.
    pub(crate) fn abandon(mut self, word: &str) {
        if let Some(bar) = self.bar.take() {
            stderr::keep_below(None);
            bar.abandon_with_message(word.to_owned());
            if self.waiting.is_none() {
                stderr::write(b"\n");
            }
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.waiting = None;
        if let Some(bar) = self.bar.take() {
            stderr::keep_below(None);
            bar.finish_and_clear();
        }
    }
}

/// Turns and draws a bar that was hidden.
pub(super) fn draw(bar: &ProgressBar) {
    bar.set_draw_target(ProgressDrawTarget::stderr());
    bar.enable_steady_tick(TICK);
}

/// Takes a bar off the screen, so that somebody can type there.
pub(super) fn hide(bar: &ProgressBar) {
    bar.disable_steady_tick();
    bar.set_draw_target(ProgressDrawTarget::hidden());
    // What was drawn last stays otherwise. It fails only where nobody looks.
    let _ = Term::stderr().clear_line();
}

/// Position and length in whole steps. `None` for numbers of which no bar can be made.
fn steps(progress: f64, total: f64) -> Option<(u64, u64)> {
    if !(total > 0.0 && total.is_finite() && progress.is_finite()) {
        return None;
    }
    let is_countable = total.fract() == 0.0 && total < 1e15;
    let length = if is_countable { total } else { FINE };
    // Both are within the range of the type: a cast of a float stops at its ends.
    Some(((progress / total * length).clamp(0.0, length) as u64, length as u64))
}

fn style(template: &str) -> ProgressStyle {
    // The templates are in this file: one that could not be read would be seen at once, as the default of the library.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("=> ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_has_steps_whatever_numbers_a_server_sends() {
        assert_eq!(steps(3.0, 10.0), Some((3, 10)));
        assert_eq!(steps(0.25, 1.5), Some((166, 1000)));
        assert_eq!(steps(20.0, 10.0), Some((10, 10)));
        assert_eq!(steps(-1.0, 10.0), Some((0, 10)));
        assert_eq!(steps(1e300, 1e301), Some((100, 1000)));
        for (progress, total) in [(1.0, 0.0), (1.0, -1.0), (f64::NAN, 1.0), (1.0, f64::INFINITY)] {
            assert_eq!(steps(progress, total), None);
        }
    }
}

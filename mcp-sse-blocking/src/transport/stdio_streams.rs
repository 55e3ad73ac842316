//! The input and output of a child process, as its system lets them be waited for.

use std::io::{self, IoSlice};
use std::process::{ChildStdin, ChildStdout};
use std::sync::Arc;
use std::time::Duration;

use super::line::Came;
use super::line_pipes::{Input, Output, Waker};

/// The pipes themselves (Unix).
pub(super) struct Streams {
    stdin: Output,
    stdout: Input,
    waker: Arc<Waker>,
}

impl Streams {
    pub(super) fn new(stdin: ChildStdin, stdout: ChildStdout, _: String) -> io::Result<Self> {
        let waker = Waker::new()?;
        Ok(Self { stdin: Output::new(stdin, &waker)?, stdout: Input::new(stdout, &waker)?, waker })
    }

    pub(super) fn write(&self, parts: &[IoSlice<'_>], wait: Option<Duration>) -> io::Result<usize> {
        self.stdin.write(parts, wait)
    }

    pub(super) fn read(&self, room: &mut [u8], wait: Option<Duration>) -> io::Result<Came> {
        self.stdout.read(room, wait)
    }

    pub(super) fn read_now(&self, room: &mut [u8]) -> io::Result<Came> {
        self.stdout.read_now(room)
    }

    /// Ends all waits; the child sees the end of its input.
    pub(super) fn shut_down(&self) {
        self.stdin.close();
        self.waker.wake();
    }

    /// Reads what is there and forgets it, then waits a little for more. For after [`Streams::shut_down`].
    pub(super) fn discard(&self, wait: Duration) {
        self.stdout.discard(wait);
    }
}

//! The input and output of a child process where pipes have no `poll`: behind threads.

use std::io::{self, IoSlice, Read};
use std::process::{ChildStdin, ChildStdout};
use std::time::Duration;

use super::line::{Came, Duplex as _};
use super::line_threads::Threads;

/// The pipes behind threads.
pub(super) struct Streams(Threads);

impl Streams {
    pub(super) fn new(stdin: ChildStdin, stdout: ChildStdout, name: String) -> io::Result<Self> {
        Ok(Self(Threads::start(name, Drained(stdout), stdin, None)?))
    }

    pub(super) fn write(&self, parts: &[IoSlice<'_>], wait: Option<Duration>) -> io::Result<usize> {
        self.0.write(parts, wait)
    }

    pub(super) fn read(&self, room: &mut [u8], wait: Option<Duration>) -> io::Result<Came> {
        self.0.read(room, wait)
    }

    pub(super) fn read_now(&self, room: &mut [u8]) -> io::Result<Came> {
        self.0.read(room, Some(Duration::ZERO))
    }

    /// Ends all waits; the child sees the end of its input once nothing is being written.
    pub(super) fn shut_down(&self) {
        self.0.shut_down();
    }

    /// Its thread reads by itself.
    pub(super) fn discard(&self, wait: Duration) {
        std::thread::sleep(wait);
    }
}

/// What nobody wants to read any more is read to its end: with a full pipe, or one that is closed, the child could not end by
/// itself. When it is killed so is whoever else has the other end.
struct Drained(ChildStdout);

impl Read for Drained {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.0.read(room)
    }
}

impl Drop for Drained {
    fn drop(&mut self) {
        let _ = io::copy(&mut self.0, &mut io::sink());
    }
}

//! The limit of a client: the same exchange through two bare pipes. One write of the call, one read of its answer; nothing
//! allocated, parsed or locked on the way. Once without and once with what it takes to wait no longer than one wants to.

use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::floor::TEXT;

/// How an answer is waited for.
#[derive(Clone, Copy)]
pub(crate) enum Waits {
    /// In the read itself.
    ForEver,
    /// In a `poll` before it, as a pipe has no timeout of its own.
    WithTimeout,
}

/// A child whose calls and answers are known beforehand but for the digits of their id.
pub(crate) struct Bare {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    waits: Waits,
    id: u32,
    request: Vec<u8>,
    answer: Vec<u8>,
    input: Vec<u8>,
}

impl Bare {
    pub(crate) fn start(words: &[String], waits: Waits) -> io::Result<Self> {
        let mut command = Command::new(&words[0]);
        let mut child = command.args(&words[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (stdin, Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let id = 10_000_000;
        let call = format!(r#""method":"tools/call","params":{{"name":"echo","arguments":{{"text":"{TEXT}"}}}}}}"#);
        let result = format!(r#""result":{{"content":[{{"type":"text","text":"{TEXT}"}}]}}}}"#);
        let line = |rest: &str| format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},{rest}\n").into_bytes();
        let (request, answer) = (line(&call), line(&result));
        Ok(Self { child, stdin, stdout, waits, id, request, answer, input: vec![0; 16 * 1024] })
    }

    /// One `tools/call`, judged by comparing bytes.
    pub(crate) fn call(&mut self) -> io::Result<()> {
        const ID: std::ops::Range<usize> = 22..30;
        self.id += 1;
        write_digits(&mut self.request[ID], self.id);
        write_digits(&mut self.answer[ID], self.id);
        let Some(stdin) = &mut self.stdin else { return Err(io::ErrorKind::NotConnected.into()) };
        stdin.write_all(&self.request)?;
        let mut filled = 0;
        while filled < self.answer.len() {
            if let Waits::WithTimeout = self.waits {
                poll(&mut [PollFd::new(self.stdout.as_fd(), PollFlags::POLLIN)], PollTimeout::from(60_000u16))?;
            }
            filled += match self.stdout.read(&mut self.input[filled..])? {
                0 => return Err(io::Error::other("the child closed its output")),
                count => count,
            };
        }
        let same = self.input[..filled] == self.answer;
        if same { Ok(()) } else { Err(io::Error::other("an answer is not what it should be")) }
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

fn write_digits(place: &mut [u8], mut number: u32) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

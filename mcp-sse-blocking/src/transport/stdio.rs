//! A server as a child process: its pipes, its end, and what it says on standard error.
//!
//! The child leads a process group of its own (on Windows it has a job of its own), so that all of it can be ended, and so that
//! an interrupt at the keyboard reaches this program alone, which then closes it in order. It is spawned without a shell
//! (R-IO-33).

use std::convert::Infallible;
use std::fmt;
use std::io::{self, IoSlice};
use std::process::{self, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::line::{Came, Duplex};
#[cfg(windows)]
use super::process_job::ProcessJob;
use super::stdio_stderr::{LastWords, Listener};
use super::stdio_streams::Streams;
use crate::error::{Delivery, Error, TransportError};
use crate::log_target;
use crate::spawn::{Command, Exited, Stderr};

/// After so long a silence it is looked whether the process is still there: something that it started may hold its output open.
const LOOK_AFTER: Duration = Duration::from_secs(1);
/// How long is waited, once the server's output has ended, to learn how the server did.
const ENDING_TIME: Duration = Duration::from_millis(500);
/// How long is waited for the last of its standard error then.
const LAST_WORDS_TIME: Duration = Duration::from_millis(300);
/// How long a killed process may take to be gone: the system may be busy with it.
const KILLED_TIME: Duration = Duration::from_secs(2);
/// How long the rest of the group has between being told to end and being killed, once its leader is gone.
const REST_TIME: Duration = Duration::from_millis(500);
/// Naps between two looks at a process begin with this and double.
const SHORTEST_NAP: Duration = Duration::from_millis(1);
const LONGEST_NAP: Duration = Duration::from_millis(10);

/// A running server.
pub(crate) struct Child {
    me: Weak<Child>,
    program: String,
    #[cfg(unix)]
    id: u32,
    #[cfg(windows)]
    job: ProcessJob,
    process: Mutex<process::Child>,
    ended: OnceLock<ExitCause>,
    streams: Streams,
    words: Arc<LastWords>,
    stderr: Option<Listener>,
    grace: Duration,
    /// Disconnected once the child is gone; there as soon as it is being ended.
    gone: Mutex<Option<Receiver<Infallible>>>,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitCause {
    Code(i32),
    #[cfg_attr(not(unix), allow(dead_code, reason = "only Unix has signals"))]
    Signal(i32),
    Unknown,
}

/// What is done to a process that should end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Force {
    Terminate,
    Kill,
}

/// The children of this process: those that are gone are taken out when the next one starts.
static STARTED: Mutex<Vec<Weak<Child>>> = Mutex::new(Vec::new());

impl Child {
    /// Starts the program.
    pub(crate) fn start(command: &Command) -> Result<Arc<Self>, Error> {
        Self::try_start(command).map_err(|error| {
            Error::Transport(TransportError {
                doing: "starting the server",
                origin: command.name(),
                kind: error.kind(),
                problem: error.to_string(),
                delivery: Delivery::NotSent,
            })
        })
    }

    fn try_start(command: &Command) -> io::Result<Arc<Self>> {
        let mut prepared = command.prepare();
        prepared.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(match command.stderr {
            Stderr::Log => Stdio::piped(),
            Stderr::Inherit => Stdio::inherit(),
            Stderr::Discard => Stdio::null(),
        });
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut prepared, 0);
        #[cfg(windows)]
        ProcessJob::prepare(&mut prepared);
        let mut process = prepared.spawn()?;
        #[cfg(windows)]
        let job = ProcessJob::around(&process);
        log::debug!(target: log_target::CLIENT, "started {} as process {}", command.name(), process.id());
        let words = Arc::new(LastWords::default());
        let set_up = Self::set_up(&mut process, command.name(), &words);
        let (streams, stderr) = match set_up {
            Ok(set_up) => set_up,
            Err(error) => {
                // Nothing was said to it yet.
                let _ = process.kill();
                let _ = process.wait();
                return Err(error);
            }
        };
        let child = Arc::new_cyclic(|me| Self {
            me: me.clone(),
            program: command.name(),
            #[cfg(unix)]
            id: process.id(),
            #[cfg(windows)]
            job,
            process: Mutex::new(process),
            ended: OnceLock::new(),
            streams,
            words,
            stderr,
            grace: command.grace,
            gone: Mutex::default(),
        });
        let mut started = lock(&STARTED);
        started.retain(|child| child.strong_count() > 0);
        started.push(Arc::downgrade(&child));
        drop(started);
        Ok(child)
    }

    /// Tells every child that still runs to end, with what it started. Waits for nothing.
    pub(crate) fn terminate_all() {
        // Not under the lock: the last handle of a child may be dropped here, which waits for its end.
        let children: Vec<_> = lock(&STARTED).iter().filter_map(Weak::upgrade).collect();
        for child in children {
            if child.look().is_none() {
                child.force(Force::Terminate);
            }
        }
    }

    fn set_up(
        process: &mut process::Child,
        name: String,
        words: &Arc<LastWords>,
    ) -> io::Result<(Streams, Option<Listener>)> {
        let (Some(stdin), Some(stdout)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let stderr = process.stderr.take().map(|stderr| Listener::start(stderr, name.clone(), Arc::clone(words)));
        Ok((Streams::new(stdin, stdout, name)?, stderr.transpose()?))
    }

    /// How it ended, if it has. Where the system can tell without forgetting the process, its number stays taken until
    /// [`Child::reap`]: what is sent to its group until then reaches no other.
    fn look(&self) -> Option<ExitCause> {
        if let Some(ended) = self.ended.get() {
            return Some(*ended);
        }
        let ended = self.peek().transpose()?;
        // Somebody else in this program has reaped it: it is gone, and nobody knows how.
        Some(*self.ended.get_or_init(|| ended.unwrap_or(ExitCause::Unknown)))
    }

    #[cfg(target_os = "linux")]
    fn peek(&self) -> io::Result<Option<ExitCause>> {
        use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        Ok(match waitid(Id::Pid(self.pid()), flags)? {
            WaitStatus::Exited(_, code) => Some(ExitCause::Code(code)),
            WaitStatus::Signaled(_, signal, _) => Some(ExitCause::Signal(signal as i32)),
            _ => None,
        })
    }

    #[cfg(not(target_os = "linux"))]
    fn peek(&self) -> io::Result<Option<ExitCause>> {
        Ok(self.process().try_wait()?.map(ExitCause::from))
    }

    /// Lets the system forget it, now that it has ended.
    fn reap(&self) {
        let _ = self.process().try_wait();
    }

    fn process(&self) -> MutexGuard<'_, process::Child> {
        lock(&self.process)
    }

    /// Waits for its end, at most so long; `nap` passes the time between two looks.
    fn await_exit(&self, wait: Duration, nap: impl Fn(Duration)) -> Option<ExitCause> {
        let until = Instant::now() + wait;
        let mut pause = SHORTEST_NAP;
        loop {
            if let Some(ended) = self.look() {
                return Some(ended);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            nap(pause.min(left));
            pause = (pause * 2).min(LONGEST_NAP);
        }
    }

    /// The same for a process whose output nobody wants any more: with a full pipe it could not end by itself.
    fn see_out(&self, wait: Duration) -> Option<ExitCause> {
        self.await_exit(wait, |pause| self.streams.discard(pause))
    }

    /// The thread `mcp-child`: its input is closed, and it has been told in no other way (R-IO-22).
    fn end(&self, alive: Sender<Infallible>) {
        let mut ended = self.see_out(self.grace);
        if ended.is_none() && CAN_TERMINATE {
            log::debug!(target: log_target::CLIENT, "{} did not end within {:?}: terminating it", self.program, self.grace);
            self.force(Force::Terminate);
            ended = self.see_out(self.grace);
        }
        if ended.is_none() {
            log::warn!(target: log_target::CLIENT, "{} did not end within {:?}: killing it", self.program, self.grace);
            self.force(Force::Kill);
            ended = self.see_out(KILLED_TIME);
        }
        match ended {
            Some(ended) => log::debug!(target: log_target::CLIENT, "{} ended with {ended}", self.program),
            None => log::warn!(target: log_target::CLIENT, "{} was killed and is not gone yet", self.program),
        }
        self.end_rest();
        if let Some(stderr) = &self.stderr {
            stderr.finish(LAST_WORDS_TIME);
        }
        drop(alive);
        while self.look().is_none() {
            thread::sleep(Duration::from_secs(1));
        }
        self.reap();
    }

    /// Why its output ended, or its input is closed.
    fn exited(&self) -> Exited {
        // Its output may still be read elsewhere, when it was its input that it closed.
        let ended = self.await_exit(ENDING_TIME, thread::sleep);
        if let Some(stderr) = &self.stderr {
            stderr.wait(LAST_WORDS_TIME);
        }
        let (code, signal) = match ended {
            Some(ExitCause::Code(code)) => (Some(code), None),
            Some(ExitCause::Signal(signal)) => (None, Some(signal)),
            _ => (None, None),
        };
        Exited {
            program: self.program.clone(),
            is_running: ended.is_none(),
            code,
            signal,
            stderr: self.words.lines(),
            delivery: Delivery::NotSent,
        }
    }
}

#[cfg(unix)]
const CAN_TERMINATE: bool = true;
#[cfg(not(unix))]
const CAN_TERMINATE: bool = false;

#[cfg(unix)]
impl Child {
    fn pid(&self) -> nix::unistd::Pid {
        // A number of the system, which fits; a wrong one would be refused.
        nix::unistd::Pid::from_raw(i32::try_from(self.id).unwrap_or(i32::MAX))
    }

    fn signal(&self, signal: Option<nix::sys::signal::Signal>) -> nix::Result<()> {
        nix::sys::signal::killpg(self.pid(), signal)
    }

    /// Ends the child and all that it started, as far as it stayed in the group.
    fn force(&self, force: Force) {
        use nix::sys::signal::Signal;
        let _ = self.signal(Some(match force {
            Force::Terminate => Signal::SIGTERM,
            Force::Kill => Signal::SIGKILL,
        }));
    }

    /// The leader is gone, what it started may not be (R-IO-25).
    fn end_rest(&self) {
        if self.look().is_none() {
            return;
        }
        // Before the leader's number is free again.
        self.force(Force::Terminate);
        self.reap();
        let until = Instant::now() + REST_TIME;
        let mut nap = SHORTEST_NAP;
        while self.signal(None).is_ok() {
            if Instant::now() >= until {
                log::warn!(target: log_target::CLIENT, "{} left processes behind: killing them", self.program);
                return self.force(Force::Kill);
            }
            self.streams.discard(nap);
            nap = (nap * 2).min(LONGEST_NAP);
        }
    }
}

#[cfg(not(unix))]
impl Child {
    /// Kills the child and, on Windows, all that it started.
    fn force(&self, _: Force) {
        #[cfg(windows)]
        self.job.kill();
        let _ = self.process().kill();
    }

    /// The child is gone, what it started may not be (R-IO-25): there is no other way to tell it to end.
    fn end_rest(&self) {
        #[cfg(windows)]
        if self.look().is_some() {
            self.job.kill();
        }
        self.reap();
    }
}

impl Duplex for Child {
    fn write(&self, parts: &[IoSlice<'_>], wait: Option<Duration>) -> io::Result<usize> {
        self.streams.write(parts, wait)
    }

    fn read(&self, room: &mut [u8], wait: Option<Duration>) -> io::Result<Came> {
        let slice = wait.map_or(LOOK_AFTER, |wait| wait.min(LOOK_AFTER));
        match self.streams.read(room, Some(slice))? {
            Came::Nothing if self.look().is_some() => match self.streams.read_now(room)? {
                Came::Nothing => Ok(Came::End),
                came => Ok(came),
            },
            came => Ok(came),
        }
    }

    fn shut_down(&self) {
        let mut gone = lock(&self.gone);
        if gone.is_some() {
            return;
        }
        self.streams.shut_down();
        let (alive, done) = bounded(0);
        *gone = Some(done);
        drop(gone);
        let Some(me) = self.me.upgrade() else { return };
        let ending = thread::Builder::new().name("mcp-child".into()).spawn(move || me.end(alive));
        if let Err(error) = ending {
            log::error!(target: log_target::CLIENT, "no thread to end {} on, so it is killed: {error}", self.program);
            self.force(Force::Kill);
        }
    }

    fn finish(&self, wait: Option<Duration>) {
        let done = lock(&self.gone).clone();
        let longest = self.grace * 2 + KILLED_TIME + REST_TIME + LAST_WORDS_TIME * 2;
        let _ = done.map(|done| done.recv_timeout(wait.map_or(longest, |wait| wait.min(longest))));
    }

    fn ending(&self) -> Error {
        Error::Exited(Box::new(self.exited()))
    }

    fn place(&self) -> String {
        self.program.clone()
    }
}

impl Drop for Child {
    /// Only a child that nobody has shut down, or one without a thread to end on, is still there.
    fn drop(&mut self) {
        if self.look().is_none() {
            self.force(Force::Kill);
            let _ = self.see_out(KILLED_TIME);
        }
        self.reap();
        if let Some(stderr) = &self.stderr {
            stderr.finish(Duration::ZERO);
        }
    }
}

impl From<process::ExitStatus> for ExitCause {
    fn from(status: process::ExitStatus) -> Self {
        #[cfg(unix)]
        if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
            return Self::Signal(signal);
        }
        status.code().map_or(Self::Unknown, Self::Code)
    }
}

impl fmt::Display for ExitCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::Unknown => f.write_str("a status that is not known"),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

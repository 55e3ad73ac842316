//! What a program writes to its standard output: it is run to its end, for so long and so much, and nothing of it is left behind.

use std::io::{self, Read as _};
use std::process::{self, Stdio};
use std::thread;
use std::time::Duration;

use mcp_core::time::Instant;

use super::exchange::{STOP_CHECK, Stop};
#[cfg(windows)]
use super::process_job::ProcessJob;
use super::stdio::ExitCause;
use crate::clock;
use crate::spawn::{Command, Stderr};

/// How long a killed process may take to be gone: the system may be busy with it.
const KILLED_TIME: Duration = Duration::from_secs(2);
/// Naps between two looks at a process begin with this and double.
const SHORTEST_NAP: Duration = Duration::from_millis(1);
const LONGEST_NAP: Duration = Duration::from_millis(10);

/// What a program may take.
#[derive(Clone, Copy)]
pub(crate) struct Allowed<'a> {
    pub(crate) until: Option<Instant>,
    pub(crate) stop: Option<&'a dyn Stop>,
    pub(crate) bytes: usize,
}

/// Why there is no output.
#[derive(Debug)]
pub(crate) enum NoOutput {
    NotStarted(io::Error),
    Unreadable(io::Error),
    OutOfTime,
    Stopped,
    TooLong,
    Failed(ExitCause),
}

/// Runs `command` with no input, in a process group of its own, on Windows in a job of its own. When this returns, all of it has
/// been killed that had not ended. Standard error goes nowhere, unless it goes to that of this program.
pub(crate) fn output_of(command: &Command, allowed: Allowed<'_>) -> Result<Vec<u8>, NoOutput> {
    let mut prepared = command.prepare();
    prepared.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(match command.stderr {
        Stderr::Inherit => Stdio::inherit(),
        Stderr::Log | Stderr::Discard => Stdio::null(),
    });
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut prepared, 0);
    #[cfg(windows)]
    ProcessJob::prepare(&mut prepared);
    let mut running = Running::new(prepared.spawn().map_err(NoOutput::NotStarted)?);
    let stdout = running.process.stdout.take().ok_or(NoOutput::Unreadable(io::ErrorKind::NotConnected.into()))?;
    let mut stdout = Output::new(stdout).map_err(NoOutput::Unreadable)?;
    let mut output = Vec::new();
    let mut is_over = false;
    while !is_over {
        let left = allowed.left()?;
        // Something that it started may hold its output open. What it wrote before it ended is there.
        let has_ended = running.look().is_some();
        let wait = if has_ended { Duration::ZERO } else { left.map_or(STOP_CHECK, |left| left.min(STOP_CHECK)) };
        match stdout.read(wait).map_err(NoOutput::Unreadable)? {
            Some([]) => is_over = true,
            Some(bytes) => output.extend_from_slice(bytes),
            None => is_over = has_ended,
        }
        if output.len() > allowed.bytes {
            return Err(NoOutput::TooLong);
        }
    }
    let mut nap = SHORTEST_NAP;
    loop {
        match running.look() {
            Some(ExitCause::Code(0)) => return Ok(output),
            Some(ended) => return Err(NoOutput::Failed(ended)),
            None => {}
        }
        let left = allowed.left()?;
        thread::sleep(left.map_or(nap, |left| left.min(nap)));
        nap = (nap * 2).min(LONGEST_NAP);
    }
}

impl Allowed<'_> {
    /// How long it may still take.
    fn left(&self) -> Result<Option<Duration>, NoOutput> {
        if self.stop.is_some_and(|stop| stop.is_stopped()) {
            return Err(NoOutput::Stopped);
        }
        match self.until.map(|until| until.since(clock::now())) {
            Some(left) if left.is_zero() => Err(NoOutput::OutOfTime),
            left => Ok(left),
        }
    }
}

/// A process that does not outlive this.
struct Running {
    process: process::Child,
    #[cfg(windows)]
    job: ProcessJob,
}

impl Running {
    fn new(process: process::Child) -> Self {
        Self {
            #[cfg(windows)]
            job: ProcessJob::around(&process),
            process,
        }
    }

    /// How it ended, if it has. Where the system can tell without forgetting the process, its number stays taken.
    #[cfg(target_os = "linux")]
    fn look(&mut self) -> Option<ExitCause> {
        use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        match waitid(Id::Pid(self.pid()), flags) {
            Ok(WaitStatus::Exited(_, code)) => Some(ExitCause::Code(code)),
            Ok(WaitStatus::Signaled(_, signal, _)) => Some(ExitCause::Signal(signal as i32)),
            Ok(_) => None,
            // Somebody else in this program has reaped it: it is gone, and nobody knows how.
            Err(_) => Some(ExitCause::Unknown),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn look(&mut self) -> Option<ExitCause> {
        match self.process.try_wait() {
            Ok(status) => status.map(ExitCause::from),
            Err(_) => Some(ExitCause::Unknown),
        }
    }

    #[cfg(unix)]
    fn pid(&self) -> nix::unistd::Pid {
        // A number of the system, which fits; a wrong one would be refused.
        nix::unistd::Pid::from_raw(i32::try_from(self.process.id()).unwrap_or(i32::MAX))
    }

    /// Ends the process and all that it started, as far as it stayed in the group.
    #[cfg(unix)]
    fn kill(&mut self) {
        let _ = nix::sys::signal::killpg(self.pid(), nix::sys::signal::Signal::SIGKILL);
    }

    #[cfg(not(unix))]
    fn kill(&mut self) {
        #[cfg(windows)]
        self.job.kill();
        let _ = self.process.kill();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
        let until = clock::now() + KILLED_TIME;
        let mut nap = SHORTEST_NAP;
        while matches!(self.process.try_wait(), Ok(None)) && clock::now() < until {
            thread::sleep(nap);
            nap = (nap * 2).min(LONGEST_NAP);
        }
    }
}

/// The end of a pipe that is read, with waits that have a bound.
#[cfg(unix)]
struct Output {
    pipe: process::ChildStdout,
    room: [u8; 4 << 10],
}

#[cfg(unix)]
impl Output {
    fn new(pipe: process::ChildStdout) -> io::Result<Self> {
        Ok(Self { pipe, room: [0; 4 << 10] })
    }

    /// What is there, empty at the end; `None` when nothing came in time.
    fn read(&mut self, wait: Duration) -> io::Result<Option<&[u8]>> {
        use std::os::fd::AsFd as _;

        use nix::errno::Errno;
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

        let timeout = PollTimeout::try_from(wait.as_micros().div_ceil(1000)).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(self.pipe.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(0) | Err(Errno::EINTR) => Ok(None),
            // There is something, and nobody else who would take it: this does not block.
            Ok(_) => {
                let n = self.pipe.read(&mut self.room)?;
                Ok(Some(&self.room[..n]))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The same through a thread, which ends with the process at the latest.
#[cfg(not(unix))]
struct Output {
    incoming: crossbeam_channel::Receiver<Vec<u8>>,
    last: Vec<u8>,
}

#[cfg(not(unix))]
impl Output {
    fn new(mut pipe: process::ChildStdout) -> io::Result<Self> {
        let (sender, incoming) = crossbeam_channel::bounded(4);
        thread::Builder::new().name("mcp-token".into()).spawn(move || {
            let mut room = [0; 4 << 10];
            while let Ok(n @ 1..) = pipe.read(&mut room) {
                if sender.send(room[..n].to_vec()).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { incoming, last: Vec::new() })
    }

    fn read(&mut self, wait: Duration) -> io::Result<Option<&[u8]>> {
        use crossbeam_channel::RecvTimeoutError;
        self.last = match self.incoming.recv_timeout(wait) {
            Ok(bytes) => bytes,
            Err(RecvTimeoutError::Timeout) => return Ok(None),
            Err(RecvTimeoutError::Disconnected) => Vec::new(),
        };
        Ok(Some(&self.last))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    const ENOUGH: Duration = Duration::from_secs(20);

    fn shell(script: &str) -> Command {
        Command::new("/bin/sh").arg("-c").arg(script)
    }

    fn within(wait: Duration) -> Allowed<'static> {
        Allowed { until: Some(clock::now() + wait), stop: None, bytes: 100 }
    }

    fn run(script: &str) -> Result<Vec<u8>, NoOutput> {
        output_of(&shell(script), within(ENOUGH))
    }

    /// The processes whose command line has `mark` in it.
    #[cfg(target_os = "linux")]
    fn alive(mark: &str) -> usize {
        let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let lines = all.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
        lines.filter(|line| String::from_utf8_lossy(line).contains(mark)).count()
    }

    #[test]
    fn all_that_is_written_comes_back() {
        assert_eq!(run("echo a; echo b").unwrap(), b"a\nb\n");
        assert_eq!(run("exit 0").unwrap(), b"");
        assert_eq!(run("exec >&-; exit 0").unwrap(), b"", "also when it is closed before the end");
        assert_eq!(run("cat; echo end").unwrap(), b"end\n", "there is no input");
    }

    #[test]
    fn a_program_that_fails_has_no_output() {
        assert!(matches!(run("echo token; exit 7"), Err(NoOutput::Failed(ExitCause::Code(7)))));
        assert!(matches!(run("kill -9 $$"), Err(NoOutput::Failed(ExitCause::Signal(9)))));
        let missing = output_of(&Command::new("/no/such/program"), within(ENOUGH));
        assert!(matches!(missing, Err(NoOutput::NotStarted(_))));
    }

    #[test]
    fn output_has_a_bound() {
        assert_eq!(run("head -c 100 /dev/zero").unwrap().len(), 100);
        assert!(matches!(run("head -c 101 /dev/zero"), Err(NoOutput::TooLong)));
        assert!(matches!(run("cat /dev/zero"), Err(NoOutput::TooLong)));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn nothing_is_left_behind_of_a_program_that_takes_too_long() {
        let slow = "sleep 86401 & sleep 86402";
        assert!(matches!(output_of(&shell(slow), within(Duration::from_millis(50))), Err(NoOutput::OutOfTime)));
        // It was killed before this returned; the system takes a moment for what was not its leader.
        let until = clock::now() + ENOUGH;
        while alive("sleep\08640") > 0 {
            assert!(clock::now() < until, "it is still there");
            thread::yield_now();
        }
    }

    #[test]
    fn a_program_that_leaves_others_behind_is_not_waited_for_longer_than_it_lives() {
        let started = clock::now();
        assert_eq!(run("sleep 86403 & echo token").unwrap(), b"token\n");
        assert!(clock::now().since(started) < ENOUGH / 2);
    }

    #[test]
    fn a_program_that_closes_its_output_and_goes_on_is_out_of_time() {
        let silent = shell("exec >&-; sleep 86404");
        assert!(matches!(output_of(&silent, within(Duration::from_millis(50))), Err(NoOutput::OutOfTime)));
    }

    #[test]
    fn a_request_that_nobody_wants_ends_its_program() {
        struct Now;
        impl Stop for Now {
            fn is_stopped(&self) -> bool {
                true
            }
        }
        let stopped = Allowed { stop: Some(&Now), ..within(ENOUGH) };
        assert!(matches!(output_of(&shell("sleep 86405"), stopped), Err(NoOutput::Stopped)));
    }
}

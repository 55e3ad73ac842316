//! A peer as a process of its own: started, watched through its output, and certainly ended.
//!
//! Every wait here has a bound and ends in a panic that carries what the process printed, because a test that hangs tells
//! nothing. Output is read by one thread for each pipe, so a process that prints a lot is never held up.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

/// How long a process may take to do what a test waits for. Starting Python under load takes some seconds.
pub const BOUND: Duration = Duration::from_secs(30);

/// The line, on standard error, by which a server of the interop tests says that it is ready.
pub const READY: &str = "listening on ";

/// A running process; killed and waited for when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
    log: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts `command` without standard input and with both outputs captured.
    ///
    /// # Panics
    /// When the program cannot be started.
    pub fn start(command: &mut Command) -> Self {
        Self::start_with(command, Stdio::null())
    }

    /// The same with a standard input that is open, and silent, until [`end_input`](Self::end_input).
    ///
    /// # Panics
    /// When the program cannot be started.
    pub fn start_with_input(command: &mut Command) -> Self {
        Self::start_with(command, Stdio::piped())
    }

    fn start_with(command: &mut Command, input: Stdio) -> Self {
        let name = format!("{command:?}");
        let mut child = command
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let log = Arc::new(Mutex::new(String::new()));
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let mut readers = Vec::new();
        let stdout = watch(out, "out", &log, &mut readers);
        let stderr = watch(err, "err", &log, &mut readers);
        Self { name, child, stdout, stderr, log, readers }
    }

    /// Starts a server and gives its address, as `http://127.0.0.1:PORT`, once it has said that it is ready.
    ///
    /// # Panics
    /// When it ends or says nothing within [`BOUND`].
    pub fn start_server(command: &mut Command) -> (Self, String) {
        let server = Self::start(command);
        let deadline = Instant::now() + BOUND;
        loop {
            match server.stderr.recv_deadline(deadline) {
                Ok(line) => {
                    if let Some(address) = line.strip_prefix(READY) {
                        return (server, address.trim().to_owned());
                    }
                }
                Err(RecvTimeoutError::Timeout) => server.fail("is not ready in time"),
                Err(RecvTimeoutError::Disconnected) => server.fail("ended before it was ready"),
            }
        }
    }

    /// The next line of standard output, without its end; nothing after the last one.
    ///
    /// # Panics
    /// When none comes within [`BOUND`].
    pub fn line(&self) -> Option<String> {
        match self.stdout.recv_timeout(BOUND) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => self.fail("prints nothing"),
        }
    }

    /// The next line of standard error, without its end; nothing after the last one.
    ///
    /// # Panics
    /// When none comes within [`BOUND`].
    pub fn error_line(&self) -> Option<String> {
        match self.stderr.recv_timeout(BOUND) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => self.fail("prints nothing on standard error"),
        }
    }

    /// Ends the standard input.
    pub fn end_input(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Waits until the process has ended by itself.
    ///
    /// # Panics
    /// When it has not within [`BOUND`].
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + BOUND;
        // The standard library has no wait with a bound; a closed pipe is no proof of an end.
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return status,
                Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(2)),
                Ok(None) => self.fail("does not end"),
                Err(error) => self.fail(&format!("cannot be waited for: {error}")),
            }
        }
    }

    /// Asks the process to end, as `kill -TERM` does, and waits for it.
    ///
    /// # Panics
    /// When it does not within [`BOUND`].
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }

    /// Sends a signal by its name without `SIG`.
    ///
    /// # Panics
    /// When `kill` cannot be run.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.id().to_string()).status();
        assert!(sent.is_ok_and(|status| status.success()), "cannot send SIG{signal} to {}", self.name);
    }

    /// Kills the process at once, so that its sockets are reset, and waits for it.
    pub fn kill(&mut self) {
        // Fails only for a process that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has printed so far, for a failure message.
    pub fn log(&self) -> String {
        let mut log = format!("{}\n", self.name);
        let _ = write!(log, "{}", lock(&self.log));
        log
    }

    fn fail(&self, what: &str) -> ! {
        panic!("the process {what}: {}", self.log())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- {}", self.log());
        }
        // The pipes of the killed process are closed; only a grandchild could keep them, and then nobody waits for it.
        for reader in self.readers.drain(..) {
            if reader.is_finished() {
                let _ = reader.join();
            }
        }
    }
}

fn watch(
    pipe: Option<impl Read + Send + 'static>,
    name: &'static str,
    log: &Arc<Mutex<String>>,
    readers: &mut Vec<JoinHandle<()>>,
) -> Receiver<String> {
    let (lines, received) = crossbeam_channel::unbounded();
    let log = Arc::clone(log);
    if let Some(pipe) = pipe {
        readers.push(std::thread::spawn(move || read_lines(pipe, name, &log, &lines)));
    }
    received
}

fn read_lines(pipe: impl Read, name: &str, log: &Mutex<String>, lines: &Sender<String>) {
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        let _ = writeln!(lock(log), "  {name}: {text}");
        // A test that no longer listens still wants the log.
        let _ = lines.send(text);
        line.clear();
    }
}

fn lock(log: &Mutex<String>) -> MutexGuard<'_, String> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

// With a shell and signals.
#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.arg("-c").arg(script);
        command
    }

    #[test]
    fn a_server_is_ready_when_it_says_so() {
        let (mut server, address) = Process::start_server(&mut shell(
            "echo starting >&2; echo listening on http://127.0.0.1:1 >&2; exec sleep 60",
        ));
        assert_eq!(address, "http://127.0.0.1:1");
        assert!(server.log().contains("err: starting"));
        assert!(!server.terminate().success());
    }

    #[test]
    #[should_panic(expected = "no such setting")]
    fn a_server_that_ends_before_it_is_ready_fails_with_what_it_printed() {
        Process::start_server(&mut shell("echo no such setting >&2; exit 1"));
    }

    #[test]
    fn lines_arrive_in_order_and_end_with_the_process() {
        let mut process = Process::start(&mut shell("echo one; echo two; exit 3"));
        assert_eq!(process.line().as_deref(), Some("one"));
        assert_eq!(process.line().as_deref(), Some("two"));
        assert_eq!(process.line(), None);
        assert_eq!(process.wait().code(), Some(3));
    }

    #[test]
    fn dropping_ends_the_process() {
        let process = Process::start(&mut shell("exec sleep 60"));
        let id = process.id();
        drop(process);
        assert!(!Command::new("kill").arg("-0").arg(id.to_string()).stderr(Stdio::null()).status().unwrap().success());
    }
}

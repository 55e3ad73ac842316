//! What the benches ask of the operating system: a server as a child process on a CPU of its own, its CPU time and its
//! memory. Linux only in the figures (`/proc`, `taskset` and `prlimit` of util-linux); elsewhere they read as zero.

use std::io::{self, BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs};

/// The argument that makes this program a server. The word after it says which one.
pub(crate) const SERVE: &str = "--serve";

/// What a child says on stdout before its address once it accepts connections.
pub(crate) const LISTENING: &str = "listening on ";

/// This program again, as a server in a process of its own. Dropping it kills the process.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts the server called `role`, on `cpu` alone when one is given, and waits until it listens.
    pub(crate) fn start(role: &str, cpu: Option<usize>) -> io::Result<Self> {
        match cpu {
            Some(cpu) => Self::start_behind(&["taskset", "-c", &cpu.to_string()], role, Stdio::inherit()),
            None => Self::start_behind(&[], role, Stdio::inherit()),
        }
    }

    /// Starts the server called `role` by way of a tool that counts; [`Self::end`] says what it counted.
    pub(crate) fn counted(tool: &[&str], role: &str) -> io::Result<Self> {
        Self::start_behind(tool, role, Stdio::piped())
    }

    fn start_behind(words: &[&str], role: &str, stderr: Stdio) -> io::Result<Self> {
        let mut command = behind(words)?;
        command.args([SERVE, role]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
        let mut child = command.spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        match line.trim_end().strip_prefix(LISTENING).map(str::parse) {
            Some(Ok(address)) => Ok(Self { child, address }),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                Err(io::Error::other(format!("server `{role}` did not start")))
            }
        }
    }

    /// Ends it in a way that leaves its tool the time to say what it counted.
    pub(crate) fn end(mut self) -> io::Result<String> {
        Command::new("kill").arg(self.child.id().to_string()).status()?;
        let mut report = String::new();
        if let Some(stderr) = &mut self.child.stderr {
            stderr.read_to_string(&mut report)?;
        }
        Ok(report)
    }

    /// User and system time of all its threads since it started.
    pub(crate) fn cpu_time(&self) -> Duration {
        cpu_time(self.child.id())
    }

    /// Resident memory in bytes: all of it, and the anonymous part (no pages of the program file).
    pub(crate) fn memory(&self) -> Memory {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.split_whitespace().next().and_then(|kib| kib.parse::<f64>().ok()).unwrap_or_default() * 1024.0
        };
        Memory { resident: bytes("VmRSS:"), anonymous: bytes("RssAnon:") }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Bytes of a process that are in memory.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) resident: f64,
    pub(crate) anonymous: f64,
}

/// The name after [`SERVE`] when this process was started as a server.
pub(crate) fn role() -> Option<String> {
    let mut arguments = env::args();
    arguments.find(|argument| argument == SERVE)?;
    arguments.next()
}

/// This program again, behind the words of a tool.
pub(crate) fn behind(tool: &[&str]) -> io::Result<Command> {
    let program = env::current_exe()?;
    let Some((first, rest)) = tool.split_first() else { return Ok(Command::new(program)) };
    let mut command = Command::new(first);
    command.args(rest).arg(program);
    Ok(command)
}

/// CPU time of this process, to see which side of a measurement was the busy one.
pub(crate) fn own_cpu_time() -> Duration {
    cpu_time(std::process::id())
}

/// `schedstat` counts nanoseconds; `stat` would count ticks of ten milliseconds.
fn cpu_time(pid: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let nanoseconds = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanoseconds.sum())
}

/// Two CPUs this process may use: one for the server, one for whoever asks it. `None` where there is only one, or
/// no way to choose.
pub(crate) fn two_cpus() -> Option<(usize, usize)> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    let mut cpus = list.trim().split(',').flat_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        first.parse::<usize>().unwrap_or(0)..=last.parse::<usize>().unwrap_or(0)
    });
    let asking = cpus.next()?;
    let serving = cpus.next()?;
    Command::new("taskset").arg("-V").output().ok()?;
    Some((serving, asking))
}

/// Moves this process, all threads, to one CPU. Threads started later stay there too.
pub(crate) fn pin_self(cpu: usize) -> io::Result<()> {
    let pid = std::process::id().to_string();
    let status = Command::new("taskset").args(["-acp", &cpu.to_string(), &pid]).stdout(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other("taskset refused")) }
}

/// Raises the limit of open files to the most this process may have; its children inherit it. Thousands of sessions need
/// it where the usual limit is 1024. Where it cannot be raised, opening the sessions will say so.
pub(crate) fn raise_open_files() {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap_or_default();
    if let Some(most) = line.split_whitespace().nth(1) {
        let pid = std::process::id().to_string();
        let _ = Command::new("prlimit").args(["--pid", &pid, &format!("--nofile={most}:{most}")]).status();
    }
}

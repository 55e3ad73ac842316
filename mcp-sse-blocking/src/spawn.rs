//! Servers as child processes: which program, and how it is treated.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process;
use std::time::Duration;

use crate::error::Delivery;
use crate::transport::stdio::Child;

/// Variables of this program that a server gets unless the settings say otherwise (R-IO-32): no secrets, and what programs
/// need to be found and to find their files.
#[cfg(not(windows))]
const PASSED: [&str; 6] = ["HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER"];
#[cfg(windows)]
const PASSED: [&str; 13] = [
    "APPDATA",
    "HOMEDRIVE",
    "HOMEPATH",
    "LOCALAPPDATA",
    "PATH",
    // Not in the list of the TypeScript SDK, but in that of the Python one: `npx.cmd` rewrites it.
    "PATHEXT",
    "PROCESSOR_ARCHITECTURE",
    "SYSTEMDRIVE",
    "SYSTEMROOT",
    "TEMP",
    "USERNAME",
    "USERPROFILE",
    "PROGRAMFILES",
];

/// A program that is a server on its standard input and output, and how it is to be started and ended.
///
/// It is started without a shell. It gets its arguments as they stand here; no character has a meaning (R-IO-33).
///
/// ```no_run
/// use mcp_sse_blocking::{Client, Command};
///
/// let command = Command::new("uvx").arg("mcp-server-time").env("TZ", "UTC").pass_env("LANG");
/// let client = Client::spawn(command)?;
/// # Ok::<(), mcp_sse_blocking::Error>(())
/// ```
#[derive(Clone)]
pub struct Command {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    pass: Pass,
    directory: Option<PathBuf>,
    pub(crate) stderr: Stderr,
    pub(crate) grace: Duration,
    pub(crate) probe_timeout: Duration,
    pub(crate) restarts: u32,
}

/// Which variables of this program a server gets.
#[derive(Debug, Clone)]
enum Pass {
    /// Those of [`PASSED`] and these.
    Some(Vec<OsString>),
    All,
}

/// Where the standard error of a server goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Stderr {
    /// To the log, under [`log_target::SERVER`](crate::log_target::SERVER) at level info: line by line, each cut to 4 KiB, a
    /// thousand at once and a hundred more each second. The last 16 lines are in the error when the server exits.
    #[default]
    Log,
    /// To the standard error of this program.
    Inherit,
    /// Nowhere.
    Discard,
}

/// How a server that was a child process ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Exited {
    /// The program, without its directory.
    pub program: String,
    /// Its exit code, when it ended by itself.
    pub code: Option<i32>,
    /// The signal that ended it (Unix).
    pub signal: Option<i32>,
    /// It closed its input or its output and was still running half a second later.
    pub is_running: bool,
    /// The last lines of its standard error, oldest first: 16 and 4 KiB at most. Untrusted. Empty unless
    /// [`Command::stderr`] sends it to the log.
    pub stderr: Vec<String>,
    /// Whether the request may have been acted on.
    pub delivery: Delivery,
}

/// Lines of standard error that `Display` shows.
const SHOWN_LINES: usize = 3;

impl fmt::Display for Exited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server {} ", self.program)?;
        match (self.code, self.signal) {
            (Some(code), _) => write!(f, "ended with exit code {code}")?,
            (None, Some(signal)) => write!(f, "was ended by signal {signal}")?,
            (None, None) if self.is_running => f.write_str("closed its input or output")?,
            (None, None) => f.write_str("ended")?,
        }
        self.delivery.fmt(f)?;
        let shown = &self.stderr[self.stderr.len().saturating_sub(SHOWN_LINES)..];
        if shown.is_empty() { Ok(()) } else { write!(f, "; its last words: {}", shown.join(" | ")) }
    }
}

/// Tells all child processes of all clients to end, with what they started in their process groups: for a program that ends
/// without closing its clients, by [`std::process::exit`] for instance. Waits for nothing. On Unix by SIGTERM; elsewhere they
/// are killed.
///
/// A client that is closed or dropped ends its own child, with more patience; one that is still connecting cannot be closed.
pub fn terminate_children() {
    Child::terminate_all();
}

impl Command {
    /// A program: a path, or a name that is looked for in `PATH`.
    ///
    /// On Windows `npx` is a batch file, `npx.cmd`, and so are other servers: a name or path without an extension is looked for with
    /// `.com`, `.exe`, `.bat` and `.cmd`, in this order in each folder of `PATH`. The system runs a batch file by `cmd.exe`; its
    /// arguments are quoted for it, and what cannot be quoted is an error.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            pass: Pass::Some(Vec::new()),
            directory: None,
            stderr: Stderr::default(),
            grace: Duration::from_secs(2),
            probe_timeout: Duration::from_secs(5),
            restarts: 3,
        }
    }

    /// One more argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// More arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// A variable for the server, such as its credentials (R-IO-10). In no log and no error.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Passes one more variable of this program on. Without this a server gets `HOME`, `LOGNAME`, `PATH`, `SHELL`, `TERM` and
    /// `USER`, on Windows those that programs need there (R-IO-32), each unless it begins with `()`, which old shells take
    /// for code.
    pub fn pass_env(mut self, name: impl AsRef<OsStr>) -> Self {
        if let Pass::Some(names) = &mut self.pass {
            names.push(name.as_ref().to_owned());
        }
        self
    }

    /// Passes all variables of this program on, whatever secrets are among them.
    pub fn pass_all_env(mut self) -> Self {
        self.pass = Pass::All;
        self
    }

    /// The directory it runs in; this program's own by default.
    pub fn current_dir(mut self, directory: impl AsRef<Path>) -> Self {
        self.directory = Some(directory.as_ref().to_owned());
        self
    }

    /// Where its standard error goes. To the log by default.
    pub fn stderr(mut self, stderr: Stderr) -> Self {
        self.stderr = stderr;
        self
    }

    /// How long it may take to end once its input is closed, and again once it was told to terminate; then it is killed
    /// (R-IO-22). 2 s by default, as in the official clients (R-IO-25). Closing a client takes this twice at most, and 3 s more
    /// when the system is slow to end a killed process. What the server started is ended with it, as far as it stayed in its
    /// process group (Unix) or its job (Windows). Windows has no way to tell a server to terminate: it is killed after the first
    /// wait.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How long it may take to answer `server/discover`, before it is taken for a server that does not know it and is sent
    /// `initialize` (R-IO-20). 5 s by default: a program that is still starting answers both then.
    /// [`Builder::protocol_version`](crate::Builder::protocol_version) leaves the question out.
    pub fn probe_timeout(mut self, timeout: Duration) -> Self {
        self.probe_timeout = timeout;
        self
    }

    /// How often in a row it is started again, with the next call, after it ended by itself (R-IO-17). 3 by default; 0 turns it
    /// off. Calls in flight fail with [`Error::Exited`](crate::Error::Exited), unless repeating them
    /// [does no harm](crate::CallOptions::idempotent). An explicit policy takes its place: [`Reconnect::new`](crate::Reconnect::new).
    pub fn restarts(mut self, restarts: u32) -> Self {
        self.restarts = restarts;
        self
    }

    /// The program's name without its directory, for logs and errors: arguments may hold secrets.
    pub(crate) fn name(&self) -> String {
        let path = Path::new(&self.program);
        path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
    }

    /// The program, as the system finds it.
    #[cfg(not(windows))]
    fn found(&self) -> &OsStr {
        &self.program
    }

    /// The same where an extension may be missing and the system tries `.exe` alone.
    #[cfg(windows)]
    fn found(&self) -> OsString {
        let given = self.env.iter().rev().find(|(name, _)| name.eq_ignore_ascii_case("PATH"));
        let folders =
            given.map(|(_, folders)| folders.clone()).or_else(|| std::env::var_os("PATH")).unwrap_or_default();
        with_extension(&self.program, &folders).map_or_else(|| self.program.clone(), PathBuf::into_os_string)
    }

    /// What the standard library is told.
    pub(crate) fn prepare(&self) -> process::Command {
        let mut command = process::Command::new(self.found());
        command.args(&self.args);
        if let Pass::Some(names) = &self.pass {
            command.env_clear();
            let names = PASSED.iter().map(OsStr::new).chain(names.iter().map(OsString::as_os_str));
            let present = names.filter_map(|name| Some((name, std::env::var_os(name)?)));
            command.envs(present.filter(|(_, value)| !value.as_encoded_bytes().starts_with(b"()")));
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command
    }
}

/// Extensions of programs, in the order in which Windows tries them.
#[cfg(any(windows, test))]
const EXTENSIONS: [&str; 4] = ["com", "exe", "bat", "cmd"];

/// The file that a name without its extension means on Windows. A name without a folder is looked for in `folders` alone, not in the
/// current one: what lies about there is nobody's choice.
#[cfg(any(windows, test))]
fn with_extension(program: &OsStr, folders: &OsStr) -> Option<PathBuf> {
    let path = Path::new(program);
    if path.extension().is_some_and(|given| EXTENSIONS.iter().any(|extension| given.eq_ignore_ascii_case(extension))) {
        return None;
    }
    let named = EXTENSIONS.map(|extension| {
        let mut name = program.to_owned();
        name.push(".");
        name.push(extension);
        name
    });
    if path.parent().is_some_and(|folder| !folder.as_os_str().is_empty()) {
        return named.into_iter().map(PathBuf::from).find(|file| file.is_file());
    }
    let folders = std::env::split_paths(folders).filter(|folder| folder.is_absolute());
    folders.flat_map(|folder| named.each_ref().map(|name| folder.join(name))).find(|file| file.is_file())
}

impl fmt::Debug for Command {
    /// Without arguments and values of variables: they may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.env.iter().map(|(name, _)| name).collect();
        f.debug_struct("Command")
            .field("program", &self.program)
            .field("args", &self.args.len())
            .field("env", &names)
            .field("current_dir", &self.directory)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(command: &Command) -> Vec<(String, String)> {
        let text = |value: &OsStr| value.to_string_lossy().into_owned();
        command.prepare().get_envs().map(|(name, value)| (text(name), value.map(text).unwrap_or_default())).collect()
    }

    // R-IO-32
    #[test]
    fn a_server_gets_what_it_needs_of_the_environment_and_what_it_is_given() {
        let command = Command::new("server").env("TOKEN", "t").pass_env("CARGO_PKG_NAME").pass_env("NOT_SET_ANYWHERE");
        let names: Vec<String> = env(&command).into_iter().map(|(name, _)| name).collect();
        assert!(names.iter().any(|name| name == "PATH"));
        for name in &names {
            assert!(PASSED.contains(&name.as_str()) || ["TOKEN", "CARGO_PKG_NAME"].contains(&name.as_str()), "{name}");
        }
        let own = Command::new("server").env("PATH", "/own");
        assert!(env(&own).contains(&("PATH".into(), "/own".into())), "what is given wins");
    }

    #[test]
    fn a_program_without_its_extension_is_found_in_the_first_folder_that_has_it() {
        let all = std::env::temp_dir().join(format!("mcp-programs-{}", process::id()));
        let [first, second] = ["first", "second"].map(|name| all.join(name));
        for folder in [&first, &second] {
            std::fs::create_dir_all(folder).unwrap();
        }
        for file in ["first/server", "first/server.cmd", "second/server.exe", "second/v1.2.bat", "second/v1.2.exe"] {
            std::fs::write(all.join(file), "").unwrap();
        }
        let folders = std::env::join_paths([&first, &second]).unwrap();
        let found = |program: &Path| with_extension(program.as_os_str(), &folders);
        assert_eq!(found(Path::new("server")), Some(first.join("server.cmd")), "not the script of Unix beside it");
        assert_eq!(found(Path::new("v1.2")), Some(second.join("v1.2.exe")), "a program before a batch file");
        assert_eq!(found(&second.join("server")), Some(second.join("server.exe")), "a path in its folder alone");
        assert_eq!(found(Path::new("server.EXE")), None, "what has an extension is left as it is");
        assert_eq!(found(Path::new("missing")), None);
        std::fs::remove_dir_all(all).unwrap();
    }

    #[test]
    fn neither_arguments_nor_values_are_shown() {
        let command = Command::new("/opt/server").arg("--token=secret").env("TOKEN", "secret");
        assert!(!format!("{command:?}").contains("secret"));
        assert_eq!(command.name(), "server");
    }
}

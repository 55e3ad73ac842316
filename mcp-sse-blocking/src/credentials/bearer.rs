//! Bearer tokens from where people keep them.

use std::env;
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mcp_core::time::{Cause, Deadline};

use super::flight::{Flight, Left, Patience, Share};
use super::{Ask, Credential, Credentials, CredentialsError, Secret};
use crate::clock;
use crate::log_target;
use crate::spawn::Command;
use crate::transport::output_of::{Allowed, NoOutput, output_of};

/// Bytes of a token, with what stands around it. 64 KiB: more than any server takes in a header.
const TOKEN_BYTES: usize = 64 << 10;
/// How long a command may take. 30 s: some wait for a person with a browser.
const COMMAND_TIME: Duration = Duration::from_secs(30);

/// A bearer token: `Authorization: Bearer` (R-AU-2). White space around it is left out.
///
/// ```
/// use mcp_sse_blocking::credentials::BearerToken;
///
/// let token = BearerToken::from_env("MCP_TOKEN");
/// assert_eq!(format!("{token:?}"), "BearerToken(the variable `MCP_TOKEN`)");
/// ```
pub struct BearerToken {
    from: From,
}

enum From {
    Given(Secret),
    Variable(String),
    File(PathBuf),
    Command(Box<FromCommand>),
}

/// A command and what it gave.
struct FromCommand {
    command: Command,
    timeout: Duration,
    runs: Flight<Result<Secret, CredentialsError>>,
}

impl BearerToken {
    /// This token.
    pub fn new(token: impl Into<Secret>) -> Self {
        Self { from: From::Given(token.into()) }
    }

    /// The value of an environment variable of this program, looked up with each request.
    pub fn from_env(variable: &str) -> Self {
        Self { from: From::Variable(variable.to_owned()) }
    }

    /// The content of a file, read with each request, so that whoever renews the token only has to write it there. A regular
    /// file of 64 KiB at most.
    pub fn from_file(path: impl AsRef<Path>) -> Self {
        Self { from: From::File(path.as_ref().to_owned()) }
    }

    /// What a command writes to its standard output, 64 KiB at most. It is run when the first request needs it, and again when a
    /// server has refused its token with 401; once, however many threads wait for it.
    ///
    /// It has 30 s ([`command_timeout`](Self::command_timeout)) and no longer than the request has; then it is killed with all
    /// that it started in its process group, as is what it leaves behind otherwise. It has no standard input and, on Unix, cannot
    /// ask on the terminal. Its standard error
    /// is shown only with [`Stderr::Inherit`](crate::Stderr::Inherit), since it may hold secrets too. Variables that it needs
    /// have to be [passed](Command::pass_env).
    pub fn from_command(command: Command) -> Self {
        let from = FromCommand { command, timeout: COMMAND_TIME, runs: Flight::default() };
        Self { from: From::Command(Box::new(from)) }
    }

    /// How long the command may take. 30 s by default.
    pub fn command_timeout(mut self, timeout: Duration) -> Self {
        if let From::Command(from) = &mut self.from {
            from.timeout = timeout;
        }
        self
    }
}

impl Credentials for BearerToken {
    fn credential(&self, ask: &Ask<'_>) -> Result<Option<Credential>, CredentialsError> {
        let token = match &self.from {
            From::Given(token) => Ok(token.clone()),
            From::Variable(name) => match env::var(name) {
                Ok(token) => Ok(token.into()),
                Err(env::VarError::NotPresent) => Err("it is not set".into()),
                Err(env::VarError::NotUnicode(_)) => Err("it is no UTF-8".into()),
            },
            From::File(path) => read(path),
            From::Command(from) => Ok(from.token(ask, &self.source())?),
        };
        let token = token.map_err(|problem: String| CredentialsError::new(self.source(), problem))?;
        Ok(Some(Credential::bearer(token.expose().trim())))
    }

    fn source(&self) -> String {
        match &self.from {
            From::Given(_) => "the token that was given".into(),
            From::Variable(name) => format!("the variable `{}`", name.escape_debug()),
            From::File(path) => format!("the file `{}`", path.display().to_string().escape_debug()),
            From::Command(from) => format!("the command `{}`", from.command.name().escape_debug()),
        }
    }
}

impl fmt::Debug for BearerToken {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BearerToken({})", self.source())
    }
}

/// A token in a file. Nothing else than a regular file is opened: a pipe could block for ever.
fn read(path: &Path) -> Result<Secret, String> {
    let metadata = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is no regular file".into());
    }
    let mut token = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(TOKEN_BYTES as u64 + 1).read_to_end(&mut token).map_err(|error| error.to_string())?;
    text(token, "it")
}

/// Bytes as a token.
fn text(token: Vec<u8>, what: &str) -> Result<Secret, String> {
    if token.len() > TOKEN_BYTES {
        return Err(format!("{what} has more than {TOKEN_BYTES} bytes"));
    }
    // The error would hold the bytes.
    String::from_utf8(token).map(Secret::from).map_err(|_| format!("{what} is no UTF-8"))
}

impl FromCommand {
    /// What the command gave, if that was not refused; else what it gives now.
    fn token(&self, ask: &Ask<'_>, source: &str) -> Result<Secret, CredentialsError> {
        let rejected = ask.rejected().and_then(|rejected| rejected.credential.as_ref());
        let (seen, last) = self.runs.last();
        if let Some(Ok(token)) = last
            && rejected.is_none_or(|rejected| rejected.secret().expose() != token.expose())
        {
            return Ok(token);
        }
        let patience = Patience { deadline: ask.deadline, stop: ask.stop };
        let token = self.runs.join(seen, patience, || self.run(ask, source));
        token.map_err(|left| match left {
            Left::OutOfTime => CredentialsError::out_of_time(source),
            Left::Stopped => CredentialsError::stopped(source),
        })?
    }

    /// Runs the command. What fails for the sake of this request only is not for the others.
    fn run(&self, ask: &Ask<'_>, source: &str) -> (Result<Secret, CredentialsError>, Share) {
        let own = Deadline::after(clock::now(), self.timeout, Cause::Call);
        let deadline = ask.deadline.filter(|deadline| deadline.at < own.at);
        let until = deadline.unwrap_or(own).at;
        log::debug!(target: log_target::HTTP, "{source} is asked for a token");
        let allowed = Allowed { until: Some(until), stop: ask.stop, bytes: TOKEN_BYTES };
        let problem = match output_of(&self.command, allowed) {
            Ok(output) => {
                let token = text(output, "its output").map(|token| Secret::new(token.expose().trim()));
                return (token.map_err(|problem| CredentialsError::new(source, problem)), Share::Yes);
            }
            Err(NoOutput::OutOfTime) if deadline.is_some() => {
                return (Err(CredentialsError::out_of_time(source)), Share::No);
            }
            Err(NoOutput::Stopped) => return (Err(CredentialsError::stopped(source)), Share::No),
            Err(NoOutput::OutOfTime) => {
                format!("it took longer than {:?} and was ended (setting `command_timeout`)", self.timeout)
            }
            Err(NoOutput::NotStarted(error)) => format!("it cannot be started: {error}"),
            Err(NoOutput::Unreadable(error)) => format!("its output cannot be read: {error}"),
            Err(NoOutput::TooLong) => format!("its output has more than {TOKEN_BYTES} bytes"),
            Err(NoOutput::Failed(ended)) => format!("it ended with {ended}"),
        };
        (Err(CredentialsError::new(source, problem)), Share::Yes)
    }
}

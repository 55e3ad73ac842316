//! Settings of insight: warnings of slow calls, and the trace of the wire.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::Builder;
use crate::error::Error;
use crate::insight::{Insight, Writer};

/// The settings of insight.
#[derive(Default)]
pub(crate) struct InsightOptions {
    slow_call: Option<Duration>,
    trace: Option<Destination>,
    begun: OnceLock<Arc<Insight>>,
}

/// Where the trace goes.
enum Destination {
    Writer(Writer),
    File(PathBuf),
}

impl Builder {
    /// Warns of each call of a tool that takes as long as `threshold` or longer: once, when the call has ended (of a started one,
    /// when that is looked at), at level warn under [`log_target::CLIENT`](crate::log_target::CLIENT), with the name of the tool
    /// and the time. They are counted ([`Metrics::slow_calls`](crate::Metrics::slow_calls)). Off by default: what is slow depends
    /// on the tools.
    pub fn slow_call(mut self, threshold: Duration) -> Self {
        self.common.insight.slow_call = Some(threshold);
        self
    }

    /// Writes what goes over the wire to `writer`, for somebody who looks for a fault: a line for each message and for each
    /// head of HTTP, in both directions.
    ///
    /// ```text
    ///     0.000312 #1 --> POST http://localhost:8000/mcp | user-agent: mcp-sse-blocking/0.1.0 | authorization: ***
    ///     0.000330 #1 --> {"jsonrpc":"2.0","id":1,"method":"tools/list"}
    ///     0.004127 #1 <-- HTTP/1.1 200 OK on connection 1 | content-type: text/event-stream
    ///     0.004150 #1 <-- event message: {"jsonrpc":"2.0","id":1,"result":{"tools":[]}}
    /// ```
    ///
    /// A line has the seconds since this client began to connect, a number, the direction, and at most 4096 characters, cut with a
    /// note; line ends within it are written as `\n`. Over HTTP the number is that of the request, whose answer and events have it as
    /// well; over lines it is that of the child process, or of the pipe. Not traced are comments of event streams, bodies that mean
    /// nothing, what is said to a proxy, and what a child process writes to standard error, which has a
    /// [target of the log](crate::log_target::SERVER).
    ///
    /// Secrets are shown as `***`: values of headers that carry credentials, cookies or a session, and of each header that the
    /// caller set; queries of URLs, and parts of their paths of 16 characters and more; and each of these, from six characters on,
    /// wherever it occurs in a message as it is, or as JSON writes it. What else is in a message is shown: arguments of tools, and
    /// their results.
    ///
    /// Each line is written and flushed at once, on the thread that does what it tells of: a writer that blocks makes the
    /// client wait, past its deadlines as well, and nothing bounds how much is written in all. One that fails or panics is not
    /// used again, and the log says so once, at level warn. It must not use this client: what that would write is left out on its
    /// own thread, and waits for it on others.
    ///
    /// ```
    /// # fn serve(input: &[u8], output: &mut Vec<u8>) {
    /// #     for line in input.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
    /// #         let message: serde_json::Value = serde_json::from_slice(line).unwrap();
    /// #         let result = r#"{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}"#;
    /// #         output.extend(format!("{{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{result}}}\n", message["id"]).bytes());
    /// #     }
    /// # }
    /// use mcp_sse_blocking::Client;
    ///
    /// let client = Client::around_builder(serve).trace(std::io::stderr()).connect()?;
    /// # Ok::<(), mcp_sse_blocking::Error>(())
    /// ```
    pub fn trace(mut self, writer: impl Write + Send + 'static) -> Self {
        self.common.insight.trace = Some(Destination::Writer(Box::new(writer)));
        self
    }

    /// As [`trace`](Self::trace), to the end of a file, which is made when it is not there: on Unix for its owner alone.
    /// [`connect`](Self::connect) says when it cannot be opened ([`Error::Usage`]).
    pub fn trace_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.common.insight.trace = Some(Destination::File(path.into()));
        self
    }
}

impl InsightOptions {
    /// Begins: from here on there is a trace.
    ///
    /// # Errors
    /// [`Error::Usage`]: the file for the trace cannot be opened.
    pub(super) fn begin(&mut self) -> Result<(), Error> {
        let writer = match self.trace.take() {
            None => None,
            Some(Destination::Writer(writer)) => Some(writer),
            Some(Destination::File(path)) => Some(open(&path)?),
        };
        let _ = self.begun.set(Insight::new(self.slow_call, writer));
        Ok(())
    }

    /// What is seen of the client.
    pub(crate) fn of_client(&self) -> &Arc<Insight> {
        self.begun.get_or_init(|| Insight::new(self.slow_call, None))
    }
}

fn open(path: &PathBuf) -> Result<Writer, Error> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(file) => Ok(Box::new(file)),
        Err(error) => Err(Error::Usage(format!("the trace cannot be written to {}: {error}", path.display()))),
    }
}

impl fmt::Debug for InsightOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InsightOptions").field("slow_call", &self.slow_call).finish_non_exhaustive()
    }
}

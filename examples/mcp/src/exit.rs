//! How the program ends, by whose fault it is.

use std::io;
use std::process::ExitCode;

use mcp_sse_blocking::{Delivery, Error, PeerError};
use serde_json::value::RawValue;

use crate::options::Transport;
use crate::output::{json, one_line};
use crate::target::Server;

/// How the program ends; `--help` lists the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Done = 0,
    ToolFailed = 1,
    Usage = 2,
    /// No connection, no session, or the stream was lost.
    Lost = 3,
    Peer = 4,
    Deadline = 5,
    /// As a shell reports a program that SIGINT ended.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why there is no result.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line cannot be used, in words.
    Usage(String),
    /// The client says why, and what most often helps.
    Client(Error, Option<String>),
    /// Standard output takes no more.
    Output(io::Error),
}

impl Failure {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            // `mcp tools URL | head -1`: whoever wanted the output has enough.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
            Self::Output(_) => Exit::Lost,
            Self::Client(error, _) => match error {
                Error::Usage(_) => Exit::Usage,
                Error::Rpc(_) => Exit::ToolFailed,
                // Nothing was broken: it is not there.
                Error::Peer(PeerError::Undetected(_)) => Exit::Lost,
                Error::Peer(_) | Error::Limit(_) => Exit::Peer,
                Error::Timeout(_) => Exit::Deadline,
                Error::Cancelled(_) | Error::Closed(_) => Exit::Interrupted,
                _ => Exit::Lost,
            },
        }
    }

    /// The same, with what most often helps.
    pub(crate) fn advised(self, server: Server<'_>, transport: Transport) -> Self {
        match self {
            Self::Client(error, None) => {
                let hint = hint(&error, server, transport);
                Self::Client(error, hint)
            }
            other => other,
        }
    }

    /// What to tell the user; nothing when there is nothing to mend.
    pub(crate) fn message(&self) -> Option<String> {
        match self {
            Self::Usage(problem) => Some(problem.clone()),
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => None,
            Self::Output(error) => Some(format!("standard output: {error}")),
            Self::Client(Error::Cancelled(_) | Error::Closed(_), _) => Some("interrupted".to_owned()),
            Self::Client(error, Some(hint)) => Some(format!("{error}\n{hint}")),
            Self::Client(error, None) => Some(error.to_string()),
        }
    }
}

/// `--output json` prints this on standard error.
impl Failure {
    /// The failure as a JSON document: `{"error":{"kind":..,"message":..,"exit":..}}`, with `code` and `data` as the server sent
    /// them, `status` of an HTTP answer, `hint`, and `delivery`: whether the server may have acted.
    pub(crate) fn document(&self) -> Option<Box<RawValue>> {
        let Self::Client(error, hint) = self else {
            let kind = if matches!(self, Self::Usage(_)) { "usage" } else { "output" };
            return self.message().map(|message| self.error(kind, &message, Vec::new()));
        };
        let mut more = Vec::new();
        if let Error::Rpc(error) = error {
            more.push(("code", error.code.to_string()));
            more.extend(error.data.as_ref().map(|data| ("data", data.get().to_owned())));
        }
        if let Error::Status(status) | Error::SessionGone(status) = error {
            more.push(("status", status.code.to_string()));
            more.extend(status.retry_after.as_ref().map(|after| ("retryAfter", json::string(after))));
        }
        if let Some(delivery) = error.delivery() {
            more.push(("delivery", json::string(if delivery == Delivery::Sent { "sent" } else { "notSent" })));
        }
        more.extend(hint.as_ref().map(|hint| ("hint", json::string(hint.trim()))));
        Some(self.error(kind(error), &error.to_string(), more))
    }

    fn error(&self, kind: &str, message: &str, more: Vec<(&str, String)>) -> Box<RawValue> {
        let exit = self.exit() as u8;
        let members = [("kind", json::string(kind)), ("message", json::string(message)), ("exit", exit.to_string())];
        json::object([("error", json::object(members.into_iter().chain(more)).get().to_owned())])
    }
}

/// What kind of failure it is, for programs.
fn kind(error: &Error) -> &'static str {
    match error {
        Error::Usage(_) => "usage",
        Error::Rpc(_) => "rpc",
        Error::Peer(PeerError::Undetected(_)) => "undetected",
        Error::Peer(_) => "peer",
        Error::Limit(_) => "limit",
        Error::Status(_) => "status",
        Error::SessionGone(_) => "sessionGone",
        Error::Timeout(_) => "timeout",
        Error::Transport(_) => "transport",
        Error::StreamEnded(_) => "streamEnded",
        Error::Exited(_) => "exited",
        Error::Input(_) => "input",
        Error::Credentials(_) => "credentials",
        Error::Cancelled(_) | Error::Closed(_) => "interrupted",
        _ => "other",
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Client(error, None)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// What most often helps.
fn hint(error: &Error, server: Server<'_>, transport: Transport) -> Option<String> {
    match error {
        Error::Status(status) if status.code == 401 => Some(
            "     --oauth logs in with a browser; a token comes from --bearer-env VARIABLE or --token-command COMMAND, other credentials go \
             into -H"
                .to_owned(),
        ),
        Error::Transport(failure) if failure.kind == io::ErrorKind::ConnectionRefused => {
            Some("     nothing listens there: is the server running?".to_owned())
        }
        // What rustls says of an answer in plain HTTP.
        Error::Transport(failure) if failure.problem.contains("corrupt message") => {
            Some("     the server does not speak TLS: is it http:// and not https://?".to_owned())
        }
        Error::Transport(failure) if failure.problem.contains("certificate") => Some(
            "     --ca FILE trusts an authority, --pin FILE one certificate, --system-roots what this system trusts; --cert and --key \
             say who you are"
                .to_owned(),
        ),
        Error::Status(_) | Error::Peer(PeerError::NotAnEventStream { .. } | PeerError::NotAnAnswer { .. })
            if transport != Transport::Auto =>
        {
            Some("     without --transport it is found out what the server speaks".to_owned())
        }
        Error::Status(status) if !matches!(status.code, 404 | 405) => None,
        // A page, or nothing, where people expect the server itself to be.
        Error::Status(_) | Error::Peer(PeerError::NotAnEventStream { .. } | PeerError::Undetected(_)) => {
            let Server::At(url) = server else { return None };
            let is_usual = ["/sse", "/mcp"].iter().any(|end| url.trim_end_matches('/').ends_with(end));
            (!is_usual).then(|| "     most servers are at a path that ends with /mcp or /sse".to_owned())
        }
        Error::Usage(_) if matches!(server, Server::At(url) if !url.contains("://")) => {
            let Server::At(url) = server else { return None };
            Some(if url.contains([':', '/', '.']) {
                format!("     is it http://{}?", one_line(url))
            } else {
                "     the first word is the URL of the server; --config FILE and --stdio ... -- COMMAND name it otherwise".to_owned()
            })
        }
        Error::Usage(problem) if problem.contains("`message_url`") => {
            Some("     --message-url URL says where requests are POSTed".to_owned())
        }
        Error::Input(_) => Some("     --answer FIELD=VALUE answers what the server asks its user".to_owned()),
        // What a server says to whom it cannot ask anything.
        Error::Rpc(error) if error.message.contains("elicitation") => Some(
            "     --answer FIELD=VALUE answers what the server asks its user; at a terminal you are asked".to_owned(),
        ),
        Error::Timeout(timeout) if timeout.setting() != "idle_timeout" => {
            Some("     --timeout SECONDS gives it longer".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_core::http::era::{Detection, Finding, Next};
    use mcp_core::jsonrpc;
    use mcp_sse_blocking::Delivery;

    #[test]
    fn each_fault_has_its_code() {
        let client = |error: Error| Failure::from(error).exit();
        assert_eq!(Failure::Usage(String::new()).exit() as u8, 2);
        assert_eq!(client(Error::Usage(String::new())) as u8, 2);
        assert_eq!(client(Error::Rpc(jsonrpc::Error::new(-32602, "no such tool"))) as u8, 1);
        assert_eq!(client(Error::StreamEnded(Delivery::Sent)) as u8, 3);
        assert_eq!(client(Error::Peer(PeerError::RepeatedCursor)) as u8, 4);
        assert_eq!(client(Error::Cancelled(Delivery::Sent)) as u8, 130);
    }

    #[test]
    fn nobody_is_told_that_nobody_reads() {
        let failure = Failure::Output(io::ErrorKind::BrokenPipe.into());
        assert_eq!((failure.exit(), failure.message()), (Exit::Done, None));
    }

    #[test]
    fn a_server_that_is_not_there_is_no_fault_of_a_server() {
        let mut detection = Detection::http();
        let undetected = loop {
            match detection.next() {
                Next::Failed(undetected) => break undetected.clone(),
                _ => detection.handle(Finding::Status(404)),
            }
        };
        let failure = Failure::from(Error::Peer(PeerError::Undetected(Box::new(undetected))));
        assert_eq!(failure.exit(), Exit::Lost);
        assert!(told(failure, "http://h/", Transport::Auto).ends_with("/sse"));
    }

    fn told(failure: impl Into<Failure>, url: &str, transport: Transport) -> String {
        failure.into().advised(Server::At(url), transport).message().unwrap()
    }

    #[test]
    fn what_is_no_url_is_met_with_what_it_could_be() {
        let wrong = || Error::Usage("no URL".into());
        assert!(told(wrong(), "localhost:8000/mcp", Transport::Auto).ends_with("is it http://localhost:8000/mcp?"));
        assert!(told(wrong(), "echo", Transport::Auto).contains("--stdio"));
        assert_eq!(told(wrong(), "http://h:x/", Transport::Auto), "no URL");
    }

    #[test]
    fn who_asks_for_one_transport_is_told_of_the_others() {
        let found = || Error::Peer(PeerError::NotAnEventStream { found: "a page".into(), excerpt: String::new() });
        assert!(told(found(), "http://h/mcp", Transport::Sse).contains("without --transport"));
        assert!(!told(found(), "http://h/mcp", Transport::Auto).contains("--transport"));
    }

    #[test]
    fn a_page_where_the_server_was_expected_is_met_with_advice() {
        let found = || Error::Peer(PeerError::NotAnEventStream { found: "a page".into(), excerpt: String::new() });
        assert!(told(found(), "http://h/", Transport::Auto).ends_with("/sse"));
        assert!(!told(found(), "http://h/sse/", Transport::Auto).contains("most servers"));
    }
}

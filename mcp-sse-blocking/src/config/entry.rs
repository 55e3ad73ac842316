//! One server of a file: from its entry in the tree to a [`ServerConfig`].

use std::collections::BTreeMap;

use mcp_core::http::resolve_message_url;
use mcp_core::http::{EndpointError, Url, headers};

use super::Format;
use super::env_file;
use super::fault::{Spot, shown};
use super::fields::{Fields, Unit};
use super::filter::ToolFilter;
use super::keys::{Field, Meaning, bare, meaning};
use super::report::At;
use super::server::{Reconnection, ServerConfig, Timeouts, Way};
use super::tree::{Node, Value};
use crate::builder::Transport;

/// Keys that a server may have. A dozen are usual.
const MAX_KEYS: usize = 256;

/// Headers that a server may have. More than anyone needs, and fewer than the head of a request can hold.
const MAX_HEADERS: usize = 256;

/// What the file says of the transport.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Stdio,
    Http,
    Sse,
    Plain,
}

/// The values of an entry by what their keys mean.
struct Entry<'t> {
    place: String,
    spot: Spot,
    found: Vec<(Field, &'t str, At<'t>)>,
}

impl<'t> Entry<'t> {
    fn get(&self, field: Field) -> Option<At<'t>> {
        self.found.iter().find(|(found, ..)| *found == field).map(|(.., at)| at.clone())
    }
}

/// Whether the entry turns its server off. Asked before anything else, as its faults are no faults then.
pub(super) fn is_disabled(node: &Node) -> bool {
    let Some(entries) = node.entries().filter(|entries| entries.len() <= MAX_KEYS) else { return false };
    entries.iter().any(|(key, node)| match (meaning(&key.text), &node.value) {
        (Meaning::Field(Field::Disabled), Value::Bool(value)) => *value,
        (Meaning::Field(Field::Enabled), Value::Bool(value)) => !*value,
        _ => false,
    })
}

impl Fields<'_> {
    /// Reads the entry of a server. `name` is its key; in a list it has a `name` among its values.
    ///
    /// What is wrong is in the report; a server with a fault is none.
    pub(super) fn server(&mut self, at: &At<'_>, name: Option<&str>, format: Format) -> Option<ServerConfig> {
        let faults = self.report.faults.len();
        let entry = self.entry(at, name.is_none())?;
        let name = match name {
            Some(name) => Some(name.to_owned()),
            None => self.name(&entry),
        };
        let said = self.transport(&entry, format);
        let way = self.way(&entry, said);
        let tools = self.tools(&entry);
        let timeouts = self.timeouts(&entry, format);
        let reconnection = Reconnection {
            interval: entry.get(Field::ReconnectInterval).and_then(|at| self.duration(&at, Unit::Seconds)),
            most: entry.get(Field::MaxReconnects).and_then(|at| self.count(&at)),
        };
        for field in [Field::Disabled, Field::Enabled] {
            if let Some(at) = entry.get(field) {
                self.truth(&at);
            }
        }
        let (name, way) = (name?, way?);
        let place = at.place.clone();
        let is_sound = self.report.faults.len() == faults;
        is_sound.then_some(ServerConfig { name, place, way, tools, timeouts, reconnection })
    }

    /// Sorts the values by what their keys mean.
    fn entry<'t>(&mut self, at: &At<'t>, has_name: bool) -> Option<Entry<'t>> {
        match at.node.entries() {
            None => {
                self.report.wrong_type(at, "a mapping");
                return None;
            }
            Some(entries) if entries.len() > MAX_KEYS => {
                self.report.fault_at(at, format!("has more than {MAX_KEYS} keys"));
                return None;
            }
            Some(_) => {}
        }
        let mut found: Vec<(Field, &'t str, At<'t>)> = Vec::new();
        for (key, value) in self.entries(at) {
            let field = match meaning(key) {
                Meaning::Field(Field::Name) if !has_name => continue,
                // FastMCP has what changes tools there.
                Meaning::Field(Field::Allow) if value.node.entries().is_some() => {
                    self.report.warn(&value.place, value.node.spot, "means nothing here; a list of names would");
                    continue;
                }
                Meaning::Field(field) => field,
                Meaning::NotHere => {
                    self.report.warn(&value.place, value.node.spot, "means nothing here, and is left out");
                    continue;
                }
                Meaning::Misspelt(known) => {
                    self.report.warn(&value.place, value.node.spot, format!("is not known; is `{known}` meant?"));
                    continue;
                }
                Meaning::Nothing => continue,
            };
            match found.iter().find(|(other, _, first)| *other == field && !is_same_text(first.node, value.node)) {
                Some((_, other, _)) if !matches!(field, Field::Allow | Field::Deny) => {
                    self.report
                        .fault_at(&value, format!("says something else than `{}`, which means the same", shown(other)));
                }
                _ => found.push((field, key, value)),
            }
        }
        Some(Entry { place: at.place.clone(), spot: at.node.spot, found })
    }

    fn name(&mut self, entry: &Entry<'_>) -> Option<String> {
        let Some(at) = entry.get(Field::Name) else {
            self.report.fault(&entry.place, entry.spot, "`name` is missing");
            return None;
        };
        self.some_text(&at)
    }

    fn transport(&mut self, entry: &Entry<'_>, format: Format) -> Option<Said> {
        let Some(at) = entry.get(Field::Transport) else {
            if format == Format::CrewAi {
                self.report.fault(&entry.place, entry.spot, "`transport` is missing");
            }
            return None;
        };
        let text = self.text(&at)?;
        match bare(&text).as_str() {
            "stdio" | "local" => Some(Said::Stdio),
            "http" | "streamablehttp" => Some(Said::Http),
            "sse" => Some(Said::Sse),
            "plain" => Some(Said::Plain),
            _ => {
                let known = "known are `stdio`, `http` (or `streamable-http`), `sse` and `plain`";
                self.report.fault_at(&at, format!("{} is no transport; {known}", presentable(at.node)));
                None
            }
        }
    }

    /// Where the server is: a program or a URL, one of them.
    fn way(&mut self, entry: &Entry<'_>, said: Option<Said>) -> Option<Way> {
        let (command, url) = (entry.get(Field::Command), entry.get(Field::Url));
        let problem = match (&command, &url, said) {
            (Some(_), Some(_), _) => "has both `command` and `url`; which of them is the server?",
            (None, None, None) => "has neither `command` nor `url`",
            (None, _, Some(Said::Stdio)) => "`command` is missing, which the transport `stdio` needs",
            (_, None, Some(Said::Http | Said::Sse | Said::Plain)) => "`url` is missing, which the transport needs",
            _ => "",
        };
        if !problem.is_empty() {
            self.report.fault(&entry.place, entry.spot, problem);
        }
        // Both are read, so that what is wrong with either is said at once.
        let program = command.map(|at| self.program(entry, &at));
        let http = url.map(|at| self.http(entry, &at, said));
        if program.is_none() && http.is_none() {
            // Their kin is checked all the same.
            self.env(entry);
            self.headers(entry);
        }
        let (mine, others): (_, &[Field]) = match (&program, &http) {
            (Some(_), None) => ("a program", &[Field::Headers, Field::MessageUrl]),
            (None, Some(_)) => ("a server behind a URL", &[Field::Args, Field::Env, Field::EnvFile, Field::Directory]),
            _ => ("", &[]),
        };
        for (_, _, at) in entry.found.iter().filter(|(field, ..)| others.contains(field)) {
            self.report.warn(&at.place, at.node.spot, format!("means nothing for {mine}"));
        }
        program.flatten().or(http.flatten())
    }

    fn program(&mut self, entry: &Entry<'_>, command: &At<'_>) -> Option<Way> {
        let program = self.some_text(command);
        let args = entry.get(Field::Args).map(|at| self.texts(&at)).unwrap_or_default();
        let env = self.env(entry);
        let directory = entry.get(Field::Directory).map(|at| self.some_text(&at));
        Some(Way::Program { program: program?, args, env, directory: directory.flatten() })
    }

    /// What the file for variables has, then what stands here, which wins.
    fn env(&mut self, entry: &Entry<'_>) -> BTreeMap<String, String> {
        let mut env = BTreeMap::new();
        let file = entry.get(Field::EnvFile).and_then(|at| Some((self.some_text(&at)?, at)));
        if let Some((path, at)) = file {
            let path = self.variables.workspace().unwrap_or_default().join(path);
            match env_file::read(&path) {
                Ok(pairs) => env.extend(pairs),
                Err(problem) => self.report.fault_at(&at, problem),
            }
        }
        let Some(at) = entry.get(Field::Env) else { return env };
        for (name, at) in self.entries(&at) {
            if name.is_empty() || name.contains(['=', '\0']) {
                self.report.fault_at(&at, "has a name that no variable has");
            }
            if let Some(value) = self.text_or_number(&at) {
                env.insert(name.to_owned(), value);
            }
        }
        env
    }

    fn http(&mut self, entry: &Entry<'_>, at: &At<'_>, said: Option<Said>) -> Option<Way> {
        let url = self.url(at, Url::parse);
        let message_url = entry.get(Field::MessageUrl).map(|at| match &url {
            // It may be relative.
            Some(base) => self.url(&at, |text| resolve_message_url(base, text)),
            None => self.text(&at).and(None),
        });
        let headers = self.headers(entry);
        let transport = match said {
            Some(Said::Sse) => Transport::HttpSse,
            Some(Said::Plain) => Transport::Plain,
            // Files do not tell the revisions apart, and VS Code turns to HTTP+SSE by itself.
            _ => Transport::Detect,
        };
        Some(Way::Http { url: url?, message_url: message_url.flatten(), transport, headers })
    }

    fn url(&mut self, at: &At<'_>, read: impl FnOnce(&str) -> Result<Url, EndpointError>) -> Option<Url> {
        let text = self.text(at)?;
        match read(text.trim()) {
            Ok(url) => Some(url),
            Err(error) => {
                self.report.fault_at(at, url_problem(&error));
                None
            }
        }
    }

    fn headers(&mut self, entry: &Entry<'_>) -> Vec<(String, String)> {
        let Some(at) = entry.get(Field::Headers) else { return Vec::new() };
        if at.node.entries().is_some_and(|entries| entries.len() > MAX_HEADERS) {
            self.report.fault_at(&at, format!("has more than {MAX_HEADERS} headers"));
            return Vec::new();
        }
        let mut found: Vec<(String, String)> = Vec::new();
        for (name, at) in self.entries(&at) {
            let value = self.text(&at);
            if !headers::is_valid_name(name) {
                self.report.fault_at(&at, "has a name that no header has");
            } else if headers::is_transport_header(name) {
                // Many files have `Content-Type`, which does no harm.
                self.report.warn(&at.place, at.node.spot, "is set by the transport, and left out");
                continue;
            } else if found.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
                self.report.fault_at(&at, "is given twice: the case of letters makes no difference");
            }
            let Some(value) = value else { continue };
            if headers::is_valid_value(&value) {
                found.push((name.to_owned(), value));
            } else {
                self.report.fault_at(&at, "has a line break or another control character");
            }
        }
        found
    }

    fn tools(&mut self, entry: &Entry<'_>) -> ToolFilter {
        let mut filter = ToolFilter::default();
        for (field, _, at) in &entry.found {
            let names = match field {
                Field::Allow | Field::Deny if matches!(at.node.value, Value::Text(_)) => {
                    self.text(at).into_iter().collect()
                }
                Field::Allow | Field::Deny => self.texts(at),
                _ => continue,
            };
            filter = if *field == Field::Allow { filter.allowing(names) } else { filter.denying(names) };
        }
        filter
    }

    fn timeouts(&mut self, entry: &Entry<'_>, format: Format) -> Timeouts {
        let mut seconds = |field| entry.get(field).and_then(|at| self.duration(&at, Unit::Seconds));
        let mut timeouts = Timeouts {
            connect: seconds(Field::ConnectTimeout),
            endpoint: seconds(Field::EndpointTimeout),
            call: seconds(Field::CallTimeout),
            idle: seconds(Field::ReadTimeout),
        };
        let Some(at) = entry.get(Field::Timeout) else { return timeouts };
        if format == Format::CrewAi {
            let connect = self.duration(&at, Unit::Seconds);
            timeouts.connect = timeouts.connect.or(connect);
            timeouts.endpoint = timeouts.endpoint.or(connect);
        } else {
            let call = self.duration(&at, Unit::SecondsOrMilliseconds);
            timeouts.call = timeouts.call.or(call);
        }
        timeouts
    }
}

/// Whether both are the same string: some files have `type` and `transport`.
fn is_same_text(a: &Node, b: &Node) -> bool {
    matches!((&a.value, &b.value), (Value::Text(a), Value::Text(b)) if a == b)
}

/// A value of a file that may be shown: one short word of letters, from the file itself and not from a variable.
fn presentable(node: &Node) -> String {
    match &node.value {
        Value::Text(text) if text.len() <= 24 && text.chars().all(|c| c.is_ascii_alphabetic() || "-_".contains(c)) => {
            format!("`{text}`")
        }
        _ => "this".to_owned(),
    }
}

/// What is wrong with a URL, without a piece of it.
fn url_problem(error: &EndpointError) -> String {
    match error {
        EndpointError::Empty => "is empty".to_owned(),
        EndpointError::TooLong(bytes) => format!("is a URL of {bytes} bytes, which is too long"),
        EndpointError::Character { at, .. } => {
            format!("is no URL: the character at byte {at} must be percent-encoded")
        }
        EndpointError::UserInformation => "has a user name or password; credentials belong into a header".to_owned(),
        EndpointError::Host(_) => "is no URL: its host and port cannot be read".to_owned(),
        EndpointError::InTheClear(_) => {
            "is a URL of http, although the stream is one of https: credentials would be sent in the clear".to_owned()
        }
        _ => "is no URL: it does not start with http:// or https://".to_owned(),
    }
}

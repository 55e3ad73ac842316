//! Reading a file: which format it has, and each of its servers.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::entry;
use super::fault::{Spot, shown, within};
use super::fields::Fields;
use super::inputs::{Ask, Input, Inputs};
use super::json;
use super::keys::nearest;
use super::report::{At, Report};
use super::server::ServerConfig;
use super::tree::{Node, SyntaxError, Value};
use super::variables::{Lookup, Variables};
#[cfg(feature = "yaml")]
use super::yaml;
use super::{Config, ConfigError, Fault};

/// Bytes that a file may have: 1 MiB. The largest known, of programs that keep their history in it, are some hundred KiB.
pub const MAX_FILE_BYTES: usize = 1 << 20;

/// Names of servers that are shown where another was wanted.
const SHOWN_NAMES: usize = 20;

/// Keys of a file of no known format that are compared with the known ones.
const HINTS: usize = 100;

/// The formats that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// `mcpServers`, a mapping from names to servers: Claude Desktop, Claude Code (`.mcp.json`), Cursor, Cline, Gemini CLI,
    /// Windsurf and others.
    McpServers,
    /// `servers` with `inputs`: VS Code's `mcp.json`, and its `settings.json`, where both stand under `mcp`.
    VsCode,
    /// `mcps`, a list of servers: CrewAI.
    CrewAi,
}

impl Format {
    const ALL: [Self; 3] = [Self::McpServers, Self::VsCode, Self::CrewAi];

    /// The key under which the servers stand.
    fn key(self) -> &'static str {
        match self {
            Self::McpServers => "mcpServers",
            Self::VsCode => "servers",
            Self::CrewAi => "mcps",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::McpServers => "mcpServers (Claude, Cursor and others)",
            Self::VsCode => "servers (VS Code)",
            Self::CrewAi => "mcps (CrewAI)",
        })
    }
}

/// How a configuration file is read.
///
/// ```
/// use mcp_sse_blocking::config::{Format, Reader};
///
/// let text = r#"{
///     "inputs": [{"type": "promptString", "id": "key", "description": "The key", "password": true}],
///     "servers": {
///         "weather": {"type": "http", "url": "https://example.com/mcp", "headers": {"X-Key": "${input:key}"}},
///         "files": {"command": "npx", "args": ["server-files", "${workspaceFolder}"]}, // the last comma is one of VS Code's
///     },
/// }"#;
/// let config = Reader::new().workspace("/srv/project").inputs(|input| Some(format!("answer to {}", input.id))).text(text)?;
/// assert_eq!(config.format(), Format::VsCode);
/// assert_eq!(config.server("weather").unwrap().address(), "https://example.com");
/// # Ok::<(), mcp_sse_blocking::config::ConfigError>(())
/// ```
pub struct Reader {
    format: Option<Format>,
    only: Option<String>,
    leaves_out_faulty: bool,
    workspace: Option<PathBuf>,
    variables: Lookup,
    inputs: Option<Ask>,
}

impl Reader {
    /// A reader that finds the format and takes variables from the environment of this program.
    #[allow(clippy::new_without_default)] // nobody expects the environment of a default
    pub fn new() -> Self {
        let variables = Box::new(|name: &str| std::env::var(name).ok());
        Self { format: None, only: None, leaves_out_faulty: false, workspace: None, variables, inputs: None }
    }

    /// Reads this format, whatever else the file has.
    pub fn format(mut self, format: Format) -> Self {
        self.format = Some(format);
        self
    }

    /// Reads only the server of this name: variables that others need may be missing, and nobody is asked for their inputs.
    pub fn only(mut self, server: &str) -> Self {
        self.only = Some(server.to_owned());
        self
    }

    /// Leaves out servers that have faults, so that the others can be used; the faults are
    /// [warnings](Config::warnings) then. A file that cannot be read at all, or is of no known format, is refused as ever.
    pub fn leave_out_faulty(mut self) -> Self {
        self.leaves_out_faulty = true;
        self
    }

    /// Takes the values of variables from here instead of the environment. `None` is for what is not set.
    pub fn variables(mut self, lookup: impl Fn(&str) -> Option<String> + Send + 'static) -> Self {
        self.variables = Box::new(lookup);
        self
    }

    /// Asks here for the inputs of VS Code, each once and only when a server needs it. What is answered with `None` is taken from
    /// the environment, `MCP_INPUT_GITHUB_TOKEN` for `${input:github-token}`, then from the default of the input.
    pub fn inputs(mut self, ask: impl FnMut(&Input) -> Option<String> + Send + 'static) -> Self {
        self.inputs = Some(Box::new(ask));
        self
    }

    /// What `${workspaceFolder}` stands for, and where relative paths of an `envFile` begin; the current directory by default.
    pub fn workspace(mut self, folder: impl AsRef<Path>) -> Self {
        self.workspace = Some(folder.as_ref().to_owned());
        self
    }

    /// Reads a file of at most [`MAX_FILE_BYTES`]. Blocks as long as reading it does.
    ///
    /// # Errors
    ///
    /// [`ConfigError`]: every fault of the file at once.
    pub fn file(self, path: impl AsRef<Path>) -> Result<Config, ConfigError> {
        let path = path.as_ref();
        let read = || {
            let bytes = contents(path).map_err(|error| ConfigError::of_file(unreadable(&error)))?;
            let text = str::from_utf8(&bytes).map_err(|error| {
                let spot = Spot::after(&String::from_utf8_lossy(&bytes[..error.valid_up_to()]));
                ConfigError::new(vec![Fault::new("", Some(spot), "the file is not UTF-8 from here on")])
            })?;
            self.text(text)
        };
        read().map_err(|error| error.in_file(path))
    }

    /// Reads the text of a file. What begins with `{` or a comment of `//` or `/*` is JSON, everything else YAML. The files to
    /// which an `envFile` refers are read.
    ///
    /// # Errors
    ///
    /// [`ConfigError`]: every fault of the file at once.
    pub fn text(self, text: &str) -> Result<Config, ConfigError> {
        if text.len() > MAX_FILE_BYTES {
            return Err(ConfigError::of_file(too_long()));
        }
        let root =
            tree(text).map_err(|error| ConfigError::new(vec![Fault::new("", Some(error.spot), error.problem)]))?;
        let inputs = Inputs::new(self.inputs);
        let mut reading = Reading {
            report: Report::default(),
            variables: Variables::new(self.variables, inputs, self.workspace),
            only: self.only,
            leaves_out_faulty: self.leaves_out_faulty,
            servers: Vec::new(),
            disabled: Vec::new(),
            names: HashMap::new(),
            others: Vec::new(),
        };
        let found =
            find(&root, self.format).map_err(|problem| ConfigError::new(vec![Fault::new("", None, problem)]))?;
        reading.inputs(&found);
        reading.servers(&found);
        reading.finish(found.format)
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("format", &self.format).field("only", &self.only).finish_non_exhaustive()
    }
}

/// The bytes of a file that is not too long.
pub(super) fn contents(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_FILE_BYTES { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

/// Why a file cannot be read, without its path.
pub(super) fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::FileTooLarge => too_long(),
        kind => format!("the file cannot be read: {kind}"),
    }
}

fn too_long() -> String {
    format!("the file has more than {MAX_FILE_BYTES} bytes")
}

fn tree(text: &str) -> Result<Node, SyntaxError> {
    let beginning = text.trim_start_matches('\u{feff}').trim_start();
    if ["{", "//", "/*"].iter().any(|json| beginning.starts_with(json)) {
        return json::parse(text);
    }
    #[cfg(feature = "yaml")]
    return yaml::parse(text);
    #[cfg(not(feature = "yaml"))]
    Err(SyntaxError {
        spot: Spot { line: 1, column: 1 },
        problem: "a `{` is expected; YAML is read by builds with the feature `yaml`".to_owned(),
    })
}

/// Where the servers of a file are.
struct Found<'t> {
    format: Format,
    servers: At<'t>,
    inputs: Option<At<'t>>,
}

/// # Errors
/// Why the format cannot be told, in words.
fn find(root: &Node, wanted: Option<Format>) -> Result<Found<'_>, String> {
    let known = "known are `mcpServers` (Claude, Cursor and others), `servers` (VS Code) and `mcps` (CrewAI)";
    let Some(entries) = root.entries() else {
        return Err(format!("the file is {}, not a mapping; {known}", root.kind()));
    };
    let of = |format: Format| {
        // Settings of editors have both under `mcp`.
        let nested = root.get("mcp").filter(|_| format == Format::VsCode && root.get("servers").is_none());
        let (holder, place) = nested.map_or((root, ""), |nested| (nested, "mcp"));
        let at = |key: &str| holder.get(key).map(|node| At { place: within(place, key), node });
        let servers = at(format.key())?;
        Some(Found { format, servers, inputs: at("inputs") })
    };
    let wanted: Vec<Format> = wanted.map_or(Format::ALL.to_vec(), |format| vec![format]);
    let mut found: Vec<Found<'_>> = wanted.iter().filter_map(|format| of(*format)).collect();
    if found.len() > 1 {
        let keys: Vec<String> = found.iter().map(|found| format!("`{}`", found.servers.place)).collect();
        return Err(format!("the file has {}; name the format that is meant", keys.join(" and ")));
    }
    found.pop().ok_or_else(|| match wanted[..] {
        [format] => format!("the file has no `{}`", format.key()),
        _ => {
            let keys = Format::ALL.map(Format::key);
            let meant =
                entries.iter().take(HINTS).find_map(|(key, _)| Some((shown(&key.text), nearest(&key.text, keys)?)));
            let hint = meant.map_or(String::new(), |(key, meant)| format!("; is `{meant}` meant by `{key}`?"));
            format!("the file has no servers: {known}{hint}")
        }
    })
}

/// What was read so far.
struct Reading {
    report: Report,
    variables: Variables,
    only: Option<String>,
    leaves_out_faulty: bool,
    servers: Vec<ServerConfig>,
    disabled: Vec<ServerConfig>,
    /// The names that are taken, and the lines of the servers that have them.
    names: HashMap<String, u32>,
    /// The first names that were not wanted.
    others: Vec<String>,
}

impl Reading {
    fn inputs(&mut self, found: &Found<'_>) {
        let Some(at) = &found.inputs else { return };
        let Value::List(items) = &at.node.value else {
            return self.report.wrong_type(at, "a list");
        };
        for (number, node) in items.iter().enumerate() {
            let at = At { place: format!("{}[{number}]", at.place), node };
            let Some(input) = input(&at, &mut self.report) else { continue };
            let id = shown(&input.id);
            if !self.variables.inputs.declare(input) {
                self.report.fault_at(&at, format!("the id `{id}` is taken"));
            }
        }
    }

    fn servers(&mut self, found: &Found<'_>) {
        let at = &found.servers;
        match (&at.node.value, found.format) {
            (Value::List(items), Format::CrewAi) => {
                for (number, node) in items.iter().enumerate() {
                    let at = At { place: format!("{}[{number}]", at.place), node };
                    let name = match node.get("name").map(|name| &name.value) {
                        Some(Value::Text(name)) => Some(name.as_str()),
                        _ => None,
                    };
                    self.report.server = name.map(str::to_owned);
                    self.server(&at, name, None, found.format);
                }
                self.report.server = None;
            }
            (Value::Map(entries), Format::McpServers | Format::VsCode) => {
                for (key, node) in entries {
                    let at = At { place: within(&at.place, &key.text), node };
                    if key.text.is_empty() {
                        self.report.fault(&at.place, key.spot, "the name is empty");
                    }
                    self.server(&at, Some(&key.text), Some(key.spot), found.format);
                }
            }
            (_, Format::CrewAi) => self.report.wrong_type(at, "a list of servers"),
            _ => self.report.wrong_type(at, "a mapping from names to servers"),
        }
    }

    /// Reads one server. Without the spot of a key its name is among its values.
    fn server(&mut self, at: &At<'_>, name: Option<&str>, key: Option<Spot>, format: Format) {
        if self.only.as_deref().is_some_and(|only| name != Some(only)) {
            let others = if self.others.len() < SHOWN_NAMES { name } else { None };
            self.others.extend(others.map(|name| format!("`{}`", shown(name))));
            return;
        }
        let before = self.report.faults.len();
        let mut fields = Fields { report: &mut self.report, variables: &mut self.variables };
        let server = fields.server(at, key.and(name), format);
        if let Some(name) = server.as_ref().map(|server| server.name()).or(name) {
            let spot = key.unwrap_or(at.node.spot);
            match self.names.get(name) {
                Some(line) => {
                    let problem = format!("the name `{}` is taken in line {line}", shown(name));
                    self.report.fault(&at.place, spot, problem);
                }
                None => drop(self.names.insert(name.to_owned(), spot.line)),
            }
        }
        let is_sound = self.report.faults.len() == before;
        let is_disabled = entry::is_disabled(at.node);
        if is_disabled || self.leaves_out_faulty {
            let faults = self.report.faults.split_off(before);
            self.report.warnings.extend(faults);
        }
        let list = if is_disabled { &mut self.disabled } else { &mut self.servers };
        list.extend(server.filter(|_| is_sound));
    }

    fn finish(mut self, format: Format) -> Result<Config, ConfigError> {
        if let Some(only) = self.only.filter(|only| !self.names.contains_key(only)) {
            let others = if self.others.is_empty() { "none".to_owned() } else { self.others.join(", ") };
            let problem = format!("the file has no server `{}`; it has {others}", shown(&only));
            self.report.faults.push(Fault::new("", None, problem));
        }
        if !self.report.faults.is_empty() {
            return Err(ConfigError::new(Report::sorted(self.report.faults)));
        }
        let warnings = Report::sorted(self.report.warnings);
        Ok(Config { format, servers: self.servers, disabled: self.disabled, warnings })
    }
}

/// Reads what is asked for. Variables mean nothing here.
fn input(at: &At<'_>, report: &mut Report) -> Option<Input> {
    if at.node.entries().is_none() {
        report.wrong_type(at, "a mapping");
        return None;
    }
    let mut text = |key: &str| {
        let value = At { place: within(&at.place, key), node: at.node.get(key)? };
        match &value.node.value {
            Value::Text(text) => Some(text.clone()),
            Value::Null => None,
            _ => {
                report.wrong_type(&value, "a string");
                None
            }
        }
    };
    let (id, description, default) = (text("id"), text("description"), text("default"));
    let Some(id) = id.filter(|id| !id.is_empty()) else {
        report.fault_at(at, "`id` is missing");
        return None;
    };
    let is_password = matches!(at.node.get("password").map(|node| &node.value), Some(Value::Bool(true)));
    let options = match at.node.get("options").map(|node| &node.value) {
        Some(Value::List(items)) => items.iter().filter_map(option).collect(),
        _ => Vec::new(),
    };
    Some(Input { id, description: description.unwrap_or_default(), is_password, default, options })
}

/// A choice: its value, or a label with one.
fn option(node: &Node) -> Option<String> {
    match &node.get("value").unwrap_or(node).value {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    }
}

#[cfg(all(test, not(feature = "yaml")))]
mod tests {
    use super::*;

    #[test]
    fn yaml_is_refused_by_name_where_it_is_not_built_in() {
        let error = Reader::new().text("mcps: []").unwrap_err();
        let expected = "line 1, column 1: a `{` is expected; YAML is read by builds with the feature `yaml`";
        assert_eq!(error.to_string(), expected);
        assert!(Reader::new().text("{\"mcps\": []}").is_ok());
    }
}

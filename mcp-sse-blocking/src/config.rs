//! Configuration files that people already have: `mcpServers` of Claude, Cursor and many others, VS Code's `servers` with its
//! `inputs`, CrewAI's `mcps` in YAML (feature `yaml`).
//!
//! Reading one checks all of it. What is wrong is said at once, each fault with its place; nothing is connected to or started.
//!
//! ```
//! use mcp_sse_blocking::config::Config;
//!
//! let text = r#"{
//!     "mcpServers": {
//!         "files": {"command": "npx", "args": ["-y", "server-files", "${HOME}"], "disabledTools": ["delete_*"]},
//!         "weather": {
//!             "type": "http",
//!             "url": "https://example.com/mcp",
//!             "headers": {"Authorization": "Bearer ${WEATHER_TOKEN}"},
//!             "timeout": 30
//!         }
//!     }
//! }"#;
//! # let reader = || Config::reader().variables(|name| (name != "NONE").then(|| "set".to_owned()));
//! // `Config::from_file("mcp.json")` for a file and the variables of this program; here they are made up.
//! let config = reader().text(text)?;
//! for server in config.servers() {
//!     println!("{} {} {}", server.name(), server.transport(), server.address());
//! }
//! let files = config.server("files").unwrap();
//! assert!(!files.tools().permits("delete_file"));
//! let builder = files.builder()?.call_timeout(std::time::Duration::from_secs(10));
//! // and then `builder.connect()`
//! # drop(builder);
//!
//! let wrong = reader().text(&text.replace("WEATHER_TOKEN", "NONE").replace("https", "ftp")).unwrap_err();
//! assert_eq!(
//!     wrong.to_string(),
//!     "line 6, column 20: mcpServers.weather.url: is no URL: it does not start with http:// or https://\n\
//!      line 7, column 42: mcpServers.weather.headers.Authorization: the variable `NONE` is not set and has no default"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Keys of a server
//!
//! `_`, `-` and the case of letters make no difference: `sseReadTimeout` is `sse_read_timeout`. A key that is not known is left
//! out; when it is almost a known one, a [warning](Config::warnings) says so.
//!
//! | Key | Value |
//! | --- | --- |
//! | `name` | Where servers are a list: required, and unique as keys are |
//! | `type`, `transport` | `stdio`; `http` or `streamable-http`; `sse`; `plain`, which is [no MCP](crate::Transport::Plain). Absent: found out, but `mcps` must have it |
//! | `command`, `args`, `env`, `cwd`, `envFile` | A program. It gets what is in `env`, before that what is in the file, and the few variables that [`Command::env`](crate::Command::env) names. Relative to the workspace is `envFile`, to this program's directory `cwd` |
//! | `url` (`serverUrl`, `httpUrl`), `headers` | A server behind a URL. `http` is any revision of Streamable HTTP and, where there is none, HTTP+SSE, as in VS Code. Headers of the transport, such as `Content-Type`, are left out with a warning |
//! | `message_url` | Where [messages are sent](crate::Builder::message_url) with `sse` and `plain`; may be relative to `url` |
//! | `timeout` | In `mcps` seconds for [connecting](crate::Builder::connect_timeout) and for the [endpoint](crate::Builder::endpoint_timeout). Elsewhere for each [call](crate::Builder::call_timeout): in seconds when less than 1000 (Cline), else in milliseconds (Claude Code, which ignores less; Gemini CLI) |
//! | `connect_timeout`, `endpoint_timeout`, `call_timeout` (`request_timeout`), `sse_read_timeout` (`idle_timeout`) | Seconds, also fractions. The last is [`idle_timeout`](crate::Builder::idle_timeout) |
//! | `reconnect_interval`, `max_reconnects` | Seconds before the first attempt, growing to a minute; attempts in a row, 0 for none. Either makes the client [reconnect by itself](crate::Reconnect::new) |
//! | `disabled`, `enabled` | Whether it is among [`Config::servers`] |
//! | `tools`, `allowedTools`, `enabledTools`, `includeTools`, `allow` | The allow list of its [tools](ToolFilter) |
//! | `disabledTools`, `deniedTools`, `excludeTools`, `blockedTools`, `deny` | The deny list |
//!
//! `alwaysAllow` and `autoApprove` are for programs that ask their user before a call; here they say nothing. `oauth`, `auth`,
//! `headersHelper` and `sandbox` cannot be heeded, of which a warning tells.
//!
//! # Variables
//!
//! In every string: `${NAME}`, `${NAME:-default}`, `${env:NAME}`, `${input:id}` of the `inputs` (see [`Reader::inputs`]),
//! `${workspaceFolder}`, `${workspaceFolderBasename}`, `${userHome}`, `${/}` and `${pathSeparator}`. A default stands for what
//! is not set, not for what is empty, and has no variables of its own. What a variable brings in is not looked at again. There
//! is no escape, as in none of the systems; `${NONE:-$}{` writes a literal `${`. A number may be a string, so that `"timeout": "${TIMEOUT:-30}"`
//! works.
//!
//! # Bounds
//!
//! A file, or one of variables, may have [`MAX_FILE_BYTES`], be nested 64 deep, and have 4 MiB of strings with its variables
//! filled in; aliases of YAML may stand for 1 MiB, a server may have 256 keys and 256 headers.
//!
//! # Secrets
//!
//! No `Debug` and no fault shows a value of a header, a variable, an argument or an input, nor the path and query of a URL.

mod entry;
mod env_file;
mod fault;
mod fields;
mod filter;
mod inputs;
mod json;
mod keys;
mod read;
mod report;
mod server;
mod tree;
mod variables;
#[cfg(feature = "yaml")]
mod yaml;

use std::path::Path;
use std::str::FromStr;

pub use self::fault::{ConfigError, Fault};
pub use self::filter::ToolFilter;
pub use self::inputs::Input;
pub use self::read::{Format, MAX_FILE_BYTES, Reader};
pub use self::server::ServerConfig;

/// The servers of a configuration file, all of them checked.
#[derive(Debug, Clone)]
pub struct Config {
    format: Format,
    servers: Vec<ServerConfig>,
    disabled: Vec<ServerConfig>,
    warnings: Vec<Fault>,
}

impl Config {
    /// Reads a file of any [`Format`], found from its content. Variables come from the environment of this program.
    ///
    /// # Errors
    ///
    /// [`ConfigError`]: every fault of the file at once.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        Reader::new().file(path)
    }

    /// Reads the text of a file of this format. `text.parse::<Config>()` finds the format.
    ///
    /// # Errors
    ///
    /// [`ConfigError`]: every fault of the file at once.
    pub fn parse(text: &str, format: Format) -> Result<Self, ConfigError> {
        Reader::new().format(format).text(text)
    }

    /// How to read: where variables and inputs come from, and more.
    pub fn reader() -> Reader {
        Reader::new()
    }

    /// The format that the file has.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The servers, in the order of the file, without those that the file turns off.
    pub fn servers(&self) -> &[ServerConfig] {
        &self.servers
    }

    /// The servers that the file turns off (`"disabled": true`).
    pub fn disabled(&self) -> &[ServerConfig] {
        &self.disabled
    }

    /// The server of this name, also one that is turned off: it was asked for.
    pub fn server(&self, name: &str) -> Option<&ServerConfig> {
        self.servers.iter().chain(&self.disabled).find(|server| server.name() == name)
    }

    /// What is odd about the file and did no harm: misspelt keys, keys that mean nothing here, faults of servers that are
    /// turned off.
    pub fn warnings(&self) -> &[Fault] {
        &self.warnings
    }
}

impl FromStr for Config {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Reader::new().text(text)
    }
}

//! Configuration files that people already have: `mcpServers` of Claude, Cursor and many others, VS Code's `servers` with its
//! `inputs`, CrewAI's `mcps` in YAML (feature `yaml`).

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

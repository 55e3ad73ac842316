//! Reading a file.

use std::fmt;
use std::path::{Path, PathBuf};

use super::{Config, ConfigError, Fault};

/// The formats that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// `mcpServers`: Claude Desktop, Claude Code (`.mcp.json`), Cursor, Cline, Gemini CLI, Windsurf and others.
    McpServers,
    /// `servers` with `inputs`: VS Code's `mcp.json`, and its `settings.json`, where both stand under `mcp`.
    VsCode,
    /// `mcps`: CrewAI.
    CrewAi,
}

/// Something that VS Code asks its user for.
#[derive(Clone)]
#[non_exhaustive]
pub struct Input {
    /// What `${input:id}` refers to.
    pub id: String,
    /// The question. May be empty.
    pub description: String,
    /// Whether the answer is not to be shown while it is typed.
    pub is_password: bool,
    /// The answer when the user gives none.
    pub default: Option<String>,
    /// What the user may choose from; empty when anything may be typed.
    pub options: Vec<String>,
}

/// How a configuration file is read.
pub struct Reader {
    format: Option<Format>,
    only: Option<String>,
    workspace: Option<PathBuf>,
    variables: Lookup,
    inputs: Option<Ask>,
}

type Lookup = Box<dyn Fn(&str) -> Option<String> + Send>;
type Ask = Box<dyn FnMut(&Input) -> Option<String> + Send>;

impl Reader {
    /// A reader that finds the format and takes variables from the environment of this program.
    #[allow(clippy::new_without_default)] // the environment is not what one expects of a default
    pub fn new() -> Self {
        let variables = Box::new(|name: &str| std::env::var(name).ok());
        Self { format: None, only: None, workspace: None, variables, inputs: None }
    }

    /// Reads this format and no other.
    pub fn format(mut self, format: Format) -> Self {
        self.format = Some(format);
        self
    }

    /// Reads only the server of this name: variables that others need may be missing, and nobody is asked for their inputs.
    pub fn only(mut self, server: &str) -> Self {
        self.only = Some(server.to_owned());
        self
    }

    /// Takes the values of variables from here instead of the environment.
    pub fn variables(mut self, lookup: impl Fn(&str) -> Option<String> + Send + 'static) -> Self {
        self.variables = Box::new(lookup);
        self
    }

    /// Asks here for the inputs of VS Code, each once and only when a server needs it.
    pub fn inputs(mut self, ask: impl FnMut(&Input) -> Option<String> + Send + 'static) -> Self {
        self.inputs = Some(Box::new(ask));
        self
    }

    /// What `${workspaceFolder}` stands for; the current directory by default.
    pub fn workspace(mut self, folder: impl AsRef<Path>) -> Self {
        self.workspace = Some(folder.as_ref().to_owned());
        self
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`ConfigError`]: every fault of the file at once.
    pub fn file(self, path: impl AsRef<Path>) -> Result<Config, ConfigError> {
        Err(ConfigError::new(vec![Fault::new("", None, "not read yet")]).in_file(path.as_ref()))
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// [`ConfigError`]: every fault of the file at once.
    pub fn text(self, text: &str) -> Result<Config, ConfigError> {
        let _ = text;
        Err(ConfigError::new(vec![Fault::new("", None, "not read yet")]))
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("format", &self.format).field("only", &self.only).finish_non_exhaustive()
    }
}

impl fmt::Debug for Input {
    /// Without the default, which may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").field("id", &self.id).field("is_password", &self.is_password).finish_non_exhaustive()
    }
}

//! What a tool is called among those of other servers.

use mcp_core::types::Tool;

/// Names a tool by its server and by what that says of it.
type Own = Box<dyn Fn(&str, &Tool) -> String + Send + Sync>;

/// How tools are named.
pub(super) enum Naming {
    /// The name of the server, this, and the name of the tool.
    Prefixed(String),
    /// As the server names them.
    Plain,
    /// As the caller names them.
    Own(Own),
}

impl Naming {
    pub(super) fn name(&self, server: &str, tool: &Tool) -> String {
        match self {
            Self::Prefixed(separator) => format!("{server}{separator}{}", tool.name),
            Self::Plain => tool.name.clone(),
            Self::Own(name) => name(server, tool),
        }
    }
}

impl Default for Naming {
    fn default() -> Self {
        Self::Prefixed("__".into())
    }
}

//! The tools of several servers under one name each.

use std::collections::BTreeMap;
use std::fmt;

use mcp_core::text::Excerpt;
use mcp_core::types::Tool;

use super::member::Listed;
use crate::error::Error;

/// Characters of a name that are shown.
const SHOWN: usize = 128;

/// The tools of several servers, as they were when they were listed.
#[derive(Debug, Clone, Default)]
pub struct ToolSet {
    tools: Vec<ServerTool>,
    problems: Vec<Problem>,
    by_name: BTreeMap<String, usize>,
}

/// A tool of one of several servers.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerTool {
    /// What it is called here.
    pub name: String,
    /// The name of its server.
    pub server: String,
    /// What the server says of it, with the name that the server knows it by. Untrusted.
    pub tool: Tool,
}

/// What is missing from a [`ToolSet`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Problem {
    /// All tools of a server: it is not connected, or did not list them.
    Server {
        /// Its name.
        server: String,
        /// What is wrong.
        error: Error,
    },
    /// Tools that would have the same name here.
    Collision {
        /// The name.
        name: String,
        /// The servers and the names that they know the tools by.
        tools: Vec<(String, String)>,
    },
}

impl ToolSet {
    /// Puts together what the servers gave.
    pub(super) fn new(listed: Vec<Listed>) -> Self {
        let mut set = Self::default();
        let mut by_name: BTreeMap<String, Vec<ServerTool>> = BTreeMap::new();
        let mut order = Vec::new();
        for Listed { server, tools } in listed {
            match tools {
                Ok(tools) => {
                    for tool in tools {
                        let namesakes = by_name.entry(tool.name.clone()).or_default();
                        if namesakes.is_empty() {
                            order.push(tool.name.clone());
                        }
                        namesakes.push(tool);
                    }
                }
                Err(error) => set.problems.push(Problem::Server { server, error }),
            }
        }
        for name in order {
            let mut namesakes = by_name.remove(&name).unwrap_or_default();
            match (namesakes.pop(), namesakes.is_empty()) {
                (Some(tool), true) => {
                    set.by_name.insert(name, set.tools.len());
                    set.tools.push(tool);
                }
                (last, _) => {
                    let tools = namesakes.into_iter().chain(last).map(|tool| (tool.server, tool.tool.name)).collect();
                    set.problems.push(Problem::Collision { name, tools });
                }
            }
        }
        set
    }

    /// The tools, in the order of the servers and of their lists.
    pub fn iter(&self) -> std::slice::Iter<'_, ServerTool> {
        self.tools.iter()
    }

    /// The tool of this name.
    pub fn get(&self, name: &str) -> Option<&ServerTool> {
        self.tools.get(*self.by_name.get(name)?)
    }

    /// What is missing, and why.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Why there is no tool of this name.
    pub(super) fn explain(&self, wanted: &str) -> String {
        let collision = self.problems.iter().find(|problem| match problem {
            Problem::Collision { name, .. } => name == wanted,
            Problem::Server { .. } => false,
        });
        if let Some(collision) = collision {
            return collision.to_string();
        }
        let mut explained = format!("no server has a tool that is called `{}` here", Excerpt::new(wanted, SHOWN));
        for problem in &self.problems {
            if let Problem::Server { .. } = problem {
                explained.push_str("; ");
                explained.push_str(&problem.to_string());
            }
        }
        explained
    }
}

impl<'a> IntoIterator for &'a ToolSet {
    type Item = &'a ServerTool;
    type IntoIter = std::slice::Iter<'a, ServerTool>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server { server, error } => write!(f, "the server `{}`: {error}", Excerpt::new(server, SHOWN)),
            Self::Collision { name, tools } => {
                write!(f, "{} tools would be called `{}`:", tools.len(), Excerpt::new(name, SHOWN))?;
                for (index, (server, tool)) in tools.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    write!(f, "{comma} `{}` of `{}`", Excerpt::new(tool, SHOWN), Excerpt::new(server, SHOWN))?;
                }
                Ok(())
            }
        }
    }
}

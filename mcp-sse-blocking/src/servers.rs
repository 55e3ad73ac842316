//! Many servers as one: connected at once, their tools in one list, each called by one name.
//!
//! A server that cannot be reached is reported and harmless: the others work, and [`Servers::connect_missing`] tries it
//! again. The same holds for two tools that would have one name: neither can be called by it, and
//! [`ToolSet::problems`] says so, since whichever were taken, somebody would call another tool than they meant.
//!
//! ```no_run
//! use mcp_sse_blocking::Servers;
//! use serde_json::json;
//!
//! let servers = Servers::from_file("mcp.json")?.connect()?;
//! for (name, error) in servers.failures() {
//!     eprintln!("{name} is left out: {error}");
//! }
//! for tool in &*servers.tools() {
//!     println!("{}", tool.name);
//! }
//! let issues = servers.call("github__list_issues", &json!({"repo": "mcp"}))?;
//! println!("{}", issues.all_text());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! For a model, [`Functions`] writes the tools in the form that its API wants, and knows the way back from a function's name.

mod at_once;
mod functions;
mod member;
mod naming;
mod tool_set;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mcp_core::types::{CallToolResult, Tool};
use serde::Serialize;

use self::at_once::at_once;
use self::member::{Make, Member};
use self::naming::Naming;
use crate::builder::Builder;
use crate::client::Client;
use crate::config::{Config, ConfigError, ToolFilter};
use crate::error::Error;
use crate::options::CallOptions;

pub use self::functions::Functions;
pub use self::tool_set::{Problem, ServerTool, ToolSet};

/// Connections to several servers, by name.
///
/// Many threads may use it at once. Dropping it lets go of its handles, and so closes the sessions of which nobody else has
/// one, all at the same time: in a second, or as long as the slowest child process is given.
pub struct Servers {
    members: Vec<Member>,
    naming: Naming,
    /// What was listed last.
    tools: Mutex<Option<Arc<ToolSet>>>,
}

/// Which servers to connect to, and how their tools are named.
#[derive(Default)]
pub struct ServersBuilder {
    members: Vec<Member>,
    naming: Naming,
    problem: Option<String>,
}

/// Where a tool is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Found {
    /// The name of the server.
    pub server: String,
    /// The name that the server knows the tool by.
    pub tool: String,
    /// The connection to the server.
    pub client: Client,
}

impl Servers {
    /// No servers yet.
    pub fn builder() -> ServersBuilder {
        ServersBuilder::default()
    }

    /// The servers of a [configuration file](crate::config), with their filters of tools.
    ///
    /// # Errors
    ///
    /// All that is wrong with the file.
    pub fn from_file(path: impl AsRef<Path>) -> Result<ServersBuilder, ConfigError> {
        Ok(Self::builder().config(&Config::from_file(path)?))
    }

    /// The names of the servers, in the order in which they were added, connected or not.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(Member::name)
    }

    /// The connection to the server of this name; `None` when there is no such server, or none is connected to.
    pub fn get(&self, name: &str) -> Option<Client> {
        self.member(name)?.client().ok()
    }

    /// The servers that could not be connected to, and why.
    pub fn failures(&self) -> Vec<(String, Error)> {
        let failure = |member: &Member| Some((member.name().to_owned(), member.client().err()?));
        self.members.iter().filter_map(failure).collect()
    }

    /// Tries the servers again that could not be connected to, all at once, and says which still cannot.
    ///
    /// Blocks for as long as the slowest of them may take.
    pub fn connect_missing(&self) -> Vec<(String, Error)> {
        at_once(&self.members, Member::connect);
        *self.listed() = None;
        self.failures()
    }

    /// The tools of all servers under their names here, as they are now. Servers are asked at the same time.
    ///
    /// Blocks for as long as the slowest of them may take: a `call_timeout` for each page of its list.
    pub fn tools(&self) -> Arc<ToolSet> {
        let tools = Arc::new(ToolSet::new(at_once(&self.members, |member| member.tools(&self.naming))));
        *self.listed() = Some(Arc::clone(&tools));
        tools
    }

    /// Where the tool of this name is, as it was listed last. A name that is not known has the tools listed (again).
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] when there is no such tool, or more than one.
    pub fn find(&self, name: &str) -> Result<Found, Error> {
        let known = self.listed().clone();
        let tools = match known {
            Some(tools) if tools.get(name).is_some() => tools,
            _ => self.tools(),
        };
        let Some(tool) = tools.get(name) else { return Err(Error::Usage(tools.explain(name))) };
        let member = self.member(&tool.server);
        let client = match member.map(Member::client) {
            Some(client) => client?,
            None => return Err(Error::Usage(tools.explain(name))),
        };
        Ok(Found { server: tool.server.clone(), tool: tool.tool.name.clone(), client })
    }

    /// Calls a tool by its name here, `server__tool` unless it was chosen otherwise, and waits for its result.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find) and [`Client::call`].
    pub fn call<A: Serialize + ?Sized>(&self, name: &str, arguments: &A) -> Result<CallToolResult, Error> {
        self.call_with(name, arguments, CallOptions::new())
    }

    /// As [`call`](Self::call), with a deadline of its own, with progress, or otherwise.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub fn call_with<A: Serialize + ?Sized>(
        &self,
        name: &str,
        arguments: &A,
        options: CallOptions<'_>,
    ) -> Result<CallToolResult, Error> {
        let found = self.find(name)?;
        found.client.call_with(&found.tool, arguments, options)
    }

    /// Closes all sessions at the same time, also for those who hold a [`Client`] of [`get`](Self::get). Takes as long as the
    /// slowest [`Client::close`].
    pub fn close_all(&self) {
        at_once(&self.members, Member::close);
    }

    fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name() == name)
    }

    fn listed(&self) -> MutexGuard<'_, Option<Arc<ToolSet>>> {
        self.tools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        at_once(&self.members, Member::let_go);
    }
}

impl ServersBuilder {
    /// Adds a server. `make` is asked for its settings when it is connected to, and again by
    /// [`Servers::connect_missing`].
    pub fn server(self, name: &str, make: impl Fn() -> Builder + Send + Sync + 'static) -> Self {
        self.member(name, Box::new(move || Ok(make())), ToolFilter::default())
    }

    /// The same; of its tools those that `filter` permits, by the names that the server has for them.
    pub fn server_with(
        self,
        name: &str,
        filter: ToolFilter,
        make: impl Fn() -> Builder + Send + Sync + 'static,
    ) -> Self {
        self.member(name, Box::new(move || Ok(make())), filter)
    }

    /// Adds the servers of a configuration, with their filters of tools.
    pub fn config(mut self, config: &Config) -> Self {
        for server in config.servers() {
            let (name, filter) = (server.name().to_owned(), server.tools().clone());
            let server = server.clone();
            self = self.member(&name, Box::new(move || server.builder()), filter);
        }
        self
    }

    /// What stands between the name of a server and that of its tool; `__` unless set.
    pub fn separator(mut self, separator: &str) -> Self {
        self.naming = Naming::Prefixed(separator.to_owned());
        self
    }

    /// Tools keep the names that their servers have for them. For servers that are known not to share any.
    pub fn without_prefix(mut self) -> Self {
        self.naming = Naming::Plain;
        self
    }

    /// Names each tool by the name of its server and what that says of it.
    pub fn naming(mut self, name: impl Fn(&str, &Tool) -> String + Send + Sync + 'static) -> Self {
        self.naming = Naming::Own(Box::new(name));
        self
    }

    /// Connects to all servers at the same time, on a thread each. Those that fail are in [`Servers::failures`].
    ///
    /// Blocks for as long as the slowest of them may take; see [`Builder::connect`].
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] when two servers have one name, or one has none.
    pub fn connect(self) -> Result<Servers, Error> {
        if let Some(problem) = self.problem {
            return Err(Error::Usage(problem));
        }
        let servers = Servers { members: self.members, naming: self.naming, tools: Mutex::new(None) };
        at_once(&servers.members, Member::connect);
        Ok(servers)
    }

    fn member(mut self, name: &str, make: Make, filter: ToolFilter) -> Self {
        if name.is_empty() {
            self.problem = Some("a server has an empty name".into());
        } else if self.members.iter().any(|member| member.name() == name) {
            self.problem = Some(format!("there are two servers of the name `{}`", name.escape_debug()));
        }
        self.members.push(Member::new(name, make, filter));
        self
    }
}

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.members.iter().map(|member| (member.name(), member.client()))).finish()
    }
}

impl fmt::Debug for ServersBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.members.iter().map(Member::name)).finish()
    }
}

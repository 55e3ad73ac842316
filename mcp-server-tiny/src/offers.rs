//! Changing what a server offers while it runs.

use mcp_core::types::Change;

use crate::call::Call;
use crate::mistake::RegistrationError;
use crate::prompt::{IntoPrompt, Prompt};
use crate::resource::{IntoContents, Resource, ResourceTemplate};
use crate::result::{IntoToolResult, ToolError};
use crate::service::Service;
use crate::tool::Tool;

/// What a server that runs offers, to be changed: what is added is there for the next request, what is removed is unknown to it, and every client
/// that wants to know is told that the list is another one (R-FS-11). Had from [`Handle::edit`](crate::Handle::edit),
/// [`Call::edit`], [`Engine::offers`](crate::Engine::offers) and [`Pipe::offers`](crate::Pipe::offers).
///
/// Calls that are with workers or [deferred](crate::Deferred) go on when what they called is removed; those that wait for an answer
/// of their client end with an error. In 2026-07-28, where such a call comes again as a new request, it reaches whatever has the name then: a tool
/// that asks something else under the same keys wants another name. Clients learn in the handshake which of tools, prompts and resources a server has: one that may get its
/// first of them later says so with [`Server::declare_tools`](crate::Server::declare_tools) and its like.
///
/// ```
/// use mcp_server_tiny::{Server, Tool};
///
/// let mut pipe = Server::new("lamp", "1.0.0").tool(Tool::new("switch_on"), |_| Ok("it shines")).pipe()?;
/// let mut offers = pipe.offers();
/// offers.tool(Tool::new("dim").param::<u8>("percent", "how bright"), |_| Ok("it is dimmer"))?;
/// assert!(offers.remove_tool("switch_on"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Offers<'a> {
    service: &'a mut Service,
}

impl<'a> Offers<'a> {
    pub(crate) fn new(service: &'a mut Service) -> Self {
        Self { service }
    }

    /// Adds a tool, as [`Server::tool`](crate::Server::tool) does.
    ///
    /// # Errors
    ///
    /// What is wrong with it, such as that there is one of this name: to put another in its place, remove that first.
    pub fn tool<R, F>(&mut self, tool: Tool, handler: F) -> Result<(), RegistrationError>
    where
        R: IntoToolResult,
        F: Fn(&mut Call<'_>) -> Result<R, ToolError> + Send + Sync + 'static,
    {
        self.service.add_tool(tool, handler)?;
        self.service.announce(Change::Tools);
        Ok(())
    }

    /// Takes out a tool. False when there is none of this name.
    pub fn remove_tool(&mut self, name: &str) -> bool {
        let removed = self.service.remove_tool(name);
        self.tell_if(removed, Change::Tools)
    }

    /// Adds a prompt, as [`Server::prompt`](crate::Server::prompt) does.
    ///
    /// # Errors
    ///
    /// As [`tool`](Self::tool), and so do those below.
    pub fn prompt<R, F>(&mut self, prompt: Prompt, handler: F) -> Result<(), RegistrationError>
    where
        R: IntoPrompt,
        F: Fn(&mut Call<'_>) -> Result<R, ToolError> + Send + Sync + 'static,
    {
        self.service.add_prompt(prompt, handler)?;
        self.service.announce(Change::Prompts);
        Ok(())
    }

    /// Takes out a prompt. False when there is none of this name.
    pub fn remove_prompt(&mut self, name: &str) -> bool {
        let removed = self.service.remove_prompt(name);
        self.tell_if(removed, Change::Prompts)
    }

    /// Adds a resource that is always the same, as [`Server::resource`](crate::Server::resource) does.
    ///
    /// # Errors
    ///
    /// As [`tool`](Self::tool).
    pub fn resource(&mut self, resource: Resource) -> Result<(), RegistrationError> {
        self.service.add_resource(resource)?;
        self.service.announce(Change::Resources);
        Ok(())
    }

    /// Adds a resource whose contents a handler gives, as [`Server::resource_with`](crate::Server::resource_with) does.
    ///
    /// # Errors
    ///
    /// As [`tool`](Self::tool).
    pub fn resource_with<R, F>(&mut self, resource: Resource, handler: F) -> Result<(), RegistrationError>
    where
        R: IntoContents,
        F: Fn(&mut Call<'_>) -> Result<R, ToolError> + Send + Sync + 'static,
    {
        self.service.add_resource_with(resource, handler)?;
        self.service.announce(Change::Resources);
        Ok(())
    }

    /// Takes out the resource of a URI. False when there is none; a template that the URI fits stays.
    pub fn remove_resource(&mut self, uri: &str) -> bool {
        let removed = self.service.remove_resource(uri);
        self.tell_if(removed, Change::Resources)
    }

    /// Adds a template, as [`Server::resource_template`](crate::Server::resource_template) does.
    ///
    /// # Errors
    ///
    /// As [`tool`](Self::tool).
    pub fn resource_template<R, F>(&mut self, template: ResourceTemplate, handler: F) -> Result<(), RegistrationError>
    where
        R: IntoContents,
        F: Fn(&mut Call<'_>) -> Result<R, ToolError> + Send + Sync + 'static,
    {
        self.service.add_resource_template(template, handler)?;
        self.service.announce(Change::Resources);
        Ok(())
    }

    /// Takes out the template of a pattern. False when there is none.
    pub fn remove_resource_template(&mut self, pattern: &str) -> bool {
        let removed = self.service.remove_resource_template(pattern);
        self.tell_if(removed, Change::Resources)
    }

    fn tell_if(&self, changed: bool, change: Change<'static>) -> bool {
        if changed {
            self.service.announce(change);
        }
        changed
    }
}

impl core::fmt::Debug for Offers<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Offers").finish_non_exhaustive()
    }
}

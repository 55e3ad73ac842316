//! Offers that are described in JSON, as the protocol describes them: with all that it has.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use mcp_core::types;
use mcp_server_tiny::{Prompt, Resource, ResourceTemplate, Server, Tool};
use serde::de::DeserializeOwned;

use crate::callback::{Release, Userdata};
use crate::completion::{Complete, completer};
use crate::error::{ErrorInfo, Fault, Status};
use crate::reply::Kind;
use crate::server::{ServerHandle, change_telling};
use crate::text::{Input, bytes};
use crate::tool::{Handler, Run, run};

/// Offers a tool. `definition` is a JSON object as `tools/list` has them: `name`, `inputSchema`, and what
/// else there is of `title`, `description`, `outputSchema`, `annotations`, `icons` and `_meta`. The rest as
/// `mcp_server_add_tool`.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_server_add_tool_json(
    server: ServerHandle,
    definition: *const c_char,
    definition_length: usize,
    on_worker: i32,
    handler: Handler,
    userdata: *mut c_void,
    release: Release,
    error: *mut ErrorInfo,
) -> Status {
    let userdata = Userdata::new(userdata, release);
    change_telling(server, error, || {
        let handler = required(handler)?;
        let tool = tool_of(definition, definition_length, on_worker)?;
        Ok(move |server: Server| server.tool(tool, move |call| run(handler, &userdata, Kind::Tool, call)))
    })
}

/// Offers a resource whose contents the handler gives each time it is read: text, JSON, bytes, or a whole
/// result with `contents`. `definition` is a JSON object as `resources/list` has them: `uri`, `name`, and
/// what else there is of `title`, `description`, `mimeType`, `size`, `annotations`, `icons` and `_meta`. The
/// handler runs as that of a tool.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_server_add_resource_json(
    server: ServerHandle,
    definition: *const c_char,
    definition_length: usize,
    on_worker: i32,
    handler: Handler,
    userdata: *mut c_void,
    release: Release,
    error: *mut ErrorInfo,
) -> Status {
    let userdata = Userdata::new(userdata, release);
    change_telling(server, error, || {
        let handler = required(handler)?;
        let resource = resource_of(definition, definition_length, on_worker)?;
        Ok(move |server: Server| {
            server.resource_with(resource, move |call| run(handler, &userdata, Kind::Resource, call))
        })
    })
}

/// Offers resources whose URIs follow a pattern with `{name}`, or `{+name}` for what may hold slashes: the
/// variables are the arguments of the call, the URI is its name, and `mcp_call_reply_missing` says that there
/// is no such one. `definition` is a JSON object as `resources/templates/list` has them: `uriTemplate`,
/// `name`, and what else there is of `title`, `description`, `mimeType`, `annotations`, `icons` and `_meta`.
/// The handler runs as that of a tool. `complete` proposes values for the variables; it may be NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_server_add_resource_template_json(
    server: ServerHandle,
    definition: *const c_char,
    definition_length: usize,
    on_worker: i32,
    handler: Handler,
    complete: Complete,
    userdata: *mut c_void,
    release: Release,
    error: *mut ErrorInfo,
) -> Status {
    let userdata = Arc::new(Userdata::new(userdata, release));
    change_telling(server, error, || {
        let handler = required(handler)?;
        let template = template_of(definition, definition_length, on_worker, complete, &userdata)?;
        Ok(move |server: Server| {
            server.resource_template(template, move |call| run(handler, &userdata, Kind::Resource, call))
        })
    })
}

/// Offers a prompt. The handler gives its text, which the user says, or whole messages with
/// `mcp_call_reply_result`. `definition` is a JSON object as `prompts/list` has them: `name`, and what else
/// there is of `title`, `description`, `arguments`, `icons` and `_meta`. The handler runs as that of a tool.
/// `complete` proposes values for the arguments; it may be NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_server_add_prompt_json(
    server: ServerHandle,
    definition: *const c_char,
    definition_length: usize,
    on_worker: i32,
    handler: Handler,
    complete: Complete,
    userdata: *mut c_void,
    release: Release,
    error: *mut ErrorInfo,
) -> Status {
    let userdata = Arc::new(Userdata::new(userdata, release));
    change_telling(server, error, || {
        let handler = required(handler)?;
        let prompt = prompt_of(definition, definition_length, on_worker, complete, &userdata)?;
        Ok(move |server: Server| server.prompt(prompt, move |call| run(handler, &userdata, Kind::Prompt, call)))
    })
}

/// Offers a resource that is always the same bytes. `definition` as that of `mcp_server_add_resource_json`.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_server_add_resource_bytes(
    server: ServerHandle,
    definition: *const c_char,
    definition_length: usize,
    data: *const u8,
    length: usize,
    error: *mut ErrorInfo,
) -> Status {
    change_telling(server, error, || {
        let definition: types::Resource = read(definition, definition_length)?;
        let bytes = bytes("the resource", data, length)?;
        let resource = described(Resource::bytes(&definition.uri, &definition.name, bytes), definition);
        Ok(move |server: Server| server.resource(resource))
    })
}

/// A tool from its definition.
pub(crate) fn tool_of(definition: *const c_char, length: usize, on_worker: i32) -> Result<Tool, Fault> {
    let tool = tool(read(definition, length)?);
    Ok(if on_worker == 0 { tool } else { tool.on_worker() })
}

/// A resource from its definition.
pub(crate) fn resource_of(definition: *const c_char, length: usize, on_worker: i32) -> Result<Resource, Fault> {
    let resource = resource(read(definition, length)?);
    Ok(if on_worker == 0 { resource } else { resource.on_worker() })
}

/// A template from its definition.
pub(crate) fn template_of(
    definition: *const c_char,
    length: usize,
    on_worker: i32,
    complete: Complete,
    userdata: &Arc<Userdata>,
) -> Result<ResourceTemplate, Fault> {
    let definition: types::ResourceTemplate = read(definition, length)?;
    let variables = variables(&definition.uri_template);
    let mut template = template(definition);
    if on_worker != 0 {
        template = template.on_worker();
    }
    for variable in complete.iter().flat_map(|_| &variables) {
        let proposing = completer(complete, userdata, variable, &variables);
        template = template.complete(variable, proposing);
    }
    Ok(template)
}

/// A prompt from its definition.
pub(crate) fn prompt_of(
    definition: *const c_char,
    length: usize,
    on_worker: i32,
    complete: Complete,
    userdata: &Arc<Userdata>,
) -> Result<Prompt, Fault> {
    let definition: types::Prompt = read(definition, length)?;
    let arguments: Vec<String> = definition.arguments.iter().map(|argument| argument.name.clone()).collect();
    let mut prompt = prompt(definition);
    if on_worker != 0 {
        prompt = prompt.on_worker();
    }
    for argument in complete.iter().flat_map(|_| &arguments) {
        let proposing = completer(complete, userdata, argument, &arguments);
        prompt = prompt.complete(argument, proposing);
    }
    Ok(prompt)
}

/// The handler, which must be there.
pub(crate) fn required(handler: Handler) -> Result<Run, Fault> {
    handler.ok_or_else(|| Fault::new(Status::Null, "the handler is NULL"))
}

fn read<T: DeserializeOwned>(definition: *const c_char, length: usize) -> Result<T, Fault> {
    let definition = Input { what: "the definition", data: definition, length };
    Ok(serde_json::from_str(definition.required()?)?)
}

/// What all kinds of offers may say of themselves.
macro_rules! details {
    ($offer:ident, $definition:ident) => {
        if let Some(title) = $definition.title {
            $offer = $offer.title(title);
        }
        if let Some(description) = $definition.description {
            $offer = $offer.description(description);
        }
        for icon in $definition.icons {
            $offer = $offer.icon(icon);
        }
        for (key, value) in $definition.meta.unwrap_or_default() {
            $offer = $offer.meta(key, value);
        }
    };
}

/// A hint, when there is one, and how it is set.
type Hint = (Option<bool>, fn(Tool, bool) -> Tool);

fn tool(mut definition: types::Tool) -> Tool {
    let mut tool = Tool::new(definition.name).input_schema(definition.input_schema.get());
    if let Some(schema) = definition.output_schema {
        tool = tool.output_schema(schema.get());
    }
    let hints = definition.annotations.unwrap_or_default();
    // Where it stood before it had a place of its own.
    definition.title = definition.title.or(hints.title);
    let set: [Hint; 4] = [
        (hints.read_only_hint, Tool::read_only_hint),
        (hints.destructive_hint, Tool::destructive_hint),
        (hints.idempotent_hint, Tool::idempotent_hint),
        (hints.open_world_hint, Tool::open_world_hint),
    ];
    for (hint, set) in set {
        if let Some(hint) = hint {
            tool = set(tool, hint);
        }
    }
    details!(tool, definition);
    tool
}

fn resource(definition: types::Resource) -> Resource {
    described(Resource::new(&definition.uri, &definition.name), definition)
}

fn described(mut resource: Resource, definition: types::Resource) -> Resource {
    if let Some(mime_type) = definition.mime_type {
        resource = resource.mime_type(mime_type);
    }
    if let Some(size) = definition.size {
        resource = resource.size(size);
    }
    if let Some(annotations) = definition.annotations {
        resource = resource.annotations(annotations);
    }
    details!(resource, definition);
    resource
}

fn template(definition: types::ResourceTemplate) -> ResourceTemplate {
    let mut template = ResourceTemplate::new(definition.uri_template, definition.name);
    if let Some(mime_type) = definition.mime_type {
        template = template.mime_type(mime_type);
    }
    if let Some(annotations) = definition.annotations {
        template = template.annotations(annotations);
    }
    details!(template, definition);
    template
}

fn prompt(definition: types::Prompt) -> Prompt {
    let mut prompt = Prompt::new(definition.name);
    for argument in definition.arguments {
        let description = argument.description.unwrap_or_default();
        prompt = match argument.required {
            true => prompt.argument(argument.name, description),
            false => prompt.optional_argument(argument.name, description),
        };
        if let Some(title) = argument.title {
            prompt = prompt.argument_title(title);
        }
    }
    details!(prompt, definition);
    prompt
}

/// The names of the variables of a pattern. Whether it is one is found out when it is offered.
fn variables(pattern: &str) -> Vec<String> {
    let named = pattern.split('{').skip(1).filter_map(|part| part.split_once('}'));
    named.map(|(name, _)| name.strip_prefix('+').unwrap_or(name).to_owned()).collect()
}

//! What a server that listens offers, changed while it runs.

use std::convert::Infallible;
use std::ffi::{c_char, c_void};
use std::fmt::Display;
use std::sync::Arc;

use mcp_server_tiny::Offers;

use crate::border::enter;
use crate::callback::{Release, Userdata};
use crate::completion::Complete;
use crate::error::{ErrorInfo, Fault, Status};
use crate::offer::{prompt_of, required, resource_of, template_of, tool_of};
use crate::reply::Kind;
use crate::running::{BoundHandle, handle_of};
use crate::text::{Input, Out};
use crate::tool::{Handler, run};

/// Offers one more tool, while the server runs or before: the arguments are those of
/// `mcp_server_add_tool_json`. It is offered by the thread that serves, between two requests, and clients are
/// told. From any thread, also within a handler; returns at once. That there is one of this name already is
/// found out later, and is in the log.
///
/// `MCP_STATUS_LIMIT` when 1024 changes wait already. Holds for those below as well.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_bound_add_tool_json(
    bound: BoundHandle,
    definition: *const c_char,
    definition_length: usize,
    on_worker: i32,
    handler: Handler,
    userdata: *mut c_void,
    release: Release,
    error: *mut ErrorInfo,
) -> Status {
    let userdata = Userdata::new(userdata, release);
    edit(bound, error, || {
        let handler = required(handler)?;
        let tool = tool_of(definition, definition_length, on_worker)?;
        Ok(move |offers: &mut Offers<'_>| offers.tool(tool, move |call| run(handler, &userdata, Kind::Tool, call)))
    })
}

/// Offers one more resource: the arguments are those of `mcp_server_add_resource_json`.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_bound_add_resource_json(
    bound: BoundHandle,
    definition: *const c_char,
    definition_length: usize,
    on_worker: i32,
    handler: Handler,
    userdata: *mut c_void,
    release: Release,
    error: *mut ErrorInfo,
) -> Status {
    let userdata = Userdata::new(userdata, release);
    edit(bound, error, || {
        let handler = required(handler)?;
        let resource = resource_of(definition, definition_length, on_worker)?;
        Ok(move |offers: &mut Offers<'_>| {
            offers.resource_with(resource, move |call| run(handler, &userdata, Kind::Resource, call))
        })
    })
}

/// Offers one more template: the arguments are those of `mcp_server_add_resource_template_json`.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_bound_add_resource_template_json(
    bound: BoundHandle,
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
    edit(bound, error, || {
        let handler = required(handler)?;
        let template = template_of(definition, definition_length, on_worker, complete, &userdata)?;
        Ok(move |offers: &mut Offers<'_>| {
            offers.resource_template(template, move |call| run(handler, &userdata, Kind::Resource, call))
        })
    })
}

/// Offers one more prompt: the arguments are those of `mcp_server_add_prompt_json`.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_bound_add_prompt_json(
    bound: BoundHandle,
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
    edit(bound, error, || {
        let handler = required(handler)?;
        let prompt = prompt_of(definition, definition_length, on_worker, complete, &userdata)?;
        Ok(move |offers: &mut Offers<'_>| {
            offers.prompt(prompt, move |call| run(handler, &userdata, Kind::Prompt, call))
        })
    })
}

/// Offers a tool no more. Its calls that are with workers or deferred go on. `release` is called when the
/// last is over.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_bound_remove_tool(
    bound: BoundHandle,
    name: *const c_char,
    length: usize,
    error: *mut ErrorInfo,
) -> Status {
    remove(bound, (name, length), error, |offers, name| offers.remove_tool(name))
}

/// Offers the resource with this URI no more; a template that it fits stays.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_bound_remove_resource(
    bound: BoundHandle,
    uri: *const c_char,
    length: usize,
    error: *mut ErrorInfo,
) -> Status {
    remove(bound, (uri, length), error, |offers, uri| offers.remove_resource(uri))
}

/// Offers the template with this pattern no more.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_bound_remove_resource_template(
    bound: BoundHandle,
    pattern: *const c_char,
    length: usize,
    error: *mut ErrorInfo,
) -> Status {
    remove(bound, (pattern, length), error, |offers, pattern| offers.remove_resource_template(pattern))
}

/// Offers a prompt no more.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_bound_remove_prompt(
    bound: BoundHandle,
    name: *const c_char,
    length: usize,
    error: *mut ErrorInfo,
) -> Status {
    remove(bound, (name, length), error, |offers, name| offers.remove_prompt(name))
}

fn remove(
    bound: BoundHandle,
    name: (*const c_char, usize),
    error: *mut ErrorInfo,
    remove: impl FnOnce(&mut Offers<'_>, &str) -> bool + Send + 'static,
) -> Status {
    edit(bound, error, || {
        let name = Input { what: "the name", data: name.0, length: name.1 }.required()?.to_owned();
        Ok(move |offers: &mut Offers<'_>| {
            if !remove(offers, &name) {
                log::warn!(target: "mcp::c", "there is no `{}` to be removed", name.escape_debug());
            }
            Ok::<(), Infallible>(())
        })
    })
}

/// Has the server make a change that was put together.
fn edit<C, E: Display>(bound: BoundHandle, error: *mut ErrorInfo, plan: impl FnOnce() -> Result<C, Fault>) -> Status
where
    C: FnOnce(&mut Offers<'_>) -> Result<(), E> + Send + 'static,
{
    enter(Out(error), || {
        let handle = handle_of(bound)?;
        let change = plan()?;
        let is_taken = handle.edit(|offers| {
            if let Err(mistake) = change(offers) {
                log::error!(target: "mcp::c", "what is offered stays as it is: {mistake}");
            }
        });
        if is_taken { Ok(()) } else { Err(Fault::new(Status::Limit, "too many changes wait already")) }
    })
}

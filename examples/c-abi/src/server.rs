//! What a server offers, and its settings.

use std::ffi::{c_char, c_void};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use mcp_server_tiny::{Prompt, Resource, Server, Tool};

use crate::border::{enter, quietly};
use crate::callback::{Release, Userdata};
use crate::error::{ErrorInfo, Fault, Status};
use crate::handles::Shelf;
use crate::reply::Kind;
use crate::text::{Input, NUL_TERMINATED, Out};
use crate::tool::{Handler, run};

static SERVERS: Shelf<Drafting> = Shelf::new("a server");

/// A server that is being put together, and who waits to do so.
struct Drafting {
    draft: Mutex<Draft>,
    /// A change was made.
    changed: Condvar,
}

struct Draft {
    server: Stage,
    /// Whether it may be served to other machines: it demands a token, or need not.
    may_leave: bool,
    /// What was wrong with the last setting that could not be made.
    problem: Option<Fault>,
}

enum Stage {
    Open(Box<Server>),
    /// This thread changes it, while nothing is locked: what it releases and logs are functions of the caller's.
    Changing(ThreadId),
    /// It is run.
    UsedUp,
}

/// A server while it is changed; given back when this ends, whatever became of it.
struct Change<'a> {
    drafting: &'a Drafting,
    /// None: there is no more to be changed.
    server: Option<Box<Server>>,
}

/// A server that is being put together. A number: 0 is none.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ServerHandle {
    /// The number.
    pub id: u64,
}

/// A server that offers nothing yet, by the name and version that clients are told.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_server_new(
    name: *const c_char,
    name_length: usize,
    version: *const c_char,
    version_length: usize,
    server: *mut ServerHandle,
    error: *mut ErrorInfo,
) -> Status {
    enter(Out(error), || {
        let name = Input { what: "the name", data: name, length: name_length };
        let version = Input { what: "the version", data: version, length: version_length };
        let place = Out(server);
        place.required("the server")?;
        let server = Stage::Open(Box::new(Server::new(name.required()?, version.required()?)));
        let draft = Mutex::new(Draft { server, may_leave: false, problem: None });
        place.set(ServerHandle { id: SERVERS.put(Drafting { draft, changed: Condvar::new() }) });
        Ok(())
    })
}

/// Frees it, also after it was used up by `mcp_server_bind`, `mcp_server_serve_stdio` or `mcp_server_engine`.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_server_free(server: ServerHandle) {
    quietly((), || drop(SERVERS.take(server.id)));
}

/// What was wrong with the last offer or setting that was refused: its status and, in `error`, its message.
/// `MCP_STATUS_OK` when none was.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_server_problem(server: ServerHandle, error: *mut ErrorInfo) -> Status {
    enter(Out(error), || {
        let problem = SERVERS.get(server.id)?.draft().problem.clone();
        problem.map_or(Ok(()), Err)
    })
}

/// Offers a tool. `input_schema` is a JSON Schema of an object, NULL for a tool without arguments. The
/// handler runs on the thread that runs the server, or with `on_worker` not 0 on one of several others, of
/// which several may run it at once.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_server_add_tool(
    server: ServerHandle,
    name: *const c_char,
    name_length: usize,
    description: *const c_char,
    description_length: usize,
    input_schema: *const c_char,
    input_schema_length: usize,
    on_worker: i32,
    handler: Handler,
    userdata: *mut c_void,
    release: Release,
) -> Status {
    let userdata = Userdata::new(userdata, release);
    change(server, || {
        let name = Input { what: "the name of the tool", data: name, length: name_length };
        let description = Input { what: "the description", data: description, length: description_length };
        let schema = Input { what: "the schema", data: input_schema, length: input_schema_length };
        let handler = handler.ok_or_else(|| Fault::new(Status::Null, "the handler is NULL"))?;
        let mut tool = Tool::new(name.required()?);
        if let Some(description) = description.optional()? {
            tool = tool.description(description);
        }
        if schema.optional()?.is_some() {
            tool = tool.input_schema(schema.object()?.get());
        }
        if on_worker != 0 {
            tool = tool.on_worker();
        }
        Ok(move |server: Server| server.tool(tool, move |call| run(handler, &userdata, Kind::Tool, call)))
    })
}

/// Offers a resource that is always the same text. `mime_type` may be NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_server_add_resource(
    server: ServerHandle,
    uri: *const c_char,
    uri_length: usize,
    name: *const c_char,
    name_length: usize,
    mime_type: *const c_char,
    mime_type_length: usize,
    text: *const c_char,
    text_length: usize,
) -> Status {
    change(server, || {
        let uri = Input { what: "the URI", data: uri, length: uri_length };
        let name = Input { what: "the name", data: name, length: name_length };
        let mime_type = Input { what: "the media type", data: mime_type, length: mime_type_length };
        let text = Input { what: "the text", data: text, length: text_length };
        let mut resource = Resource::text(uri.required()?, name.required()?, text.required()?);
        if let Some(mime_type) = mime_type.optional()? {
            resource = resource.mime_type(mime_type);
        }
        Ok(move |server: Server| server.resource(resource))
    })
}

/// Offers a resource whose text the handler gives each time it is read, with `mcp_call_reply_text` or
/// `mcp_call_reply_json`. It runs on the thread that runs the server.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_server_add_resource_with(
    server: ServerHandle,
    uri: *const c_char,
    uri_length: usize,
    name: *const c_char,
    name_length: usize,
    mime_type: *const c_char,
    mime_type_length: usize,
    handler: Handler,
    userdata: *mut c_void,
    release: Release,
) -> Status {
    let userdata = Userdata::new(userdata, release);
    change(server, || {
        let uri = Input { what: "the URI", data: uri, length: uri_length };
        let name = Input { what: "the name", data: name, length: name_length };
        let mime_type = Input { what: "the media type", data: mime_type, length: mime_type_length };
        let handler = handler.ok_or_else(|| Fault::new(Status::Null, "the handler is NULL"))?;
        let mut resource = Resource::new(uri.required()?, name.required()?);
        if let Some(mime_type) = mime_type.optional()? {
            resource = resource.mime_type(mime_type);
        }
        Ok(move |server: Server| {
            server.resource_with(resource, move |call| run(handler, &userdata, Kind::Resource, call))
        })
    })
}

/// Offers a prompt with arguments of these names, all of them required; `arguments` is a list of names
/// separated by commas, NULL for none. The handler gives its text with `mcp_call_reply_text`, on the thread
/// that runs the server.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_server_add_prompt(
    server: ServerHandle,
    name: *const c_char,
    name_length: usize,
    arguments: *const c_char,
    arguments_length: usize,
    handler: Handler,
    userdata: *mut c_void,
    release: Release,
) -> Status {
    let userdata = Userdata::new(userdata, release);
    change(server, || {
        let name = Input { what: "the name of the prompt", data: name, length: name_length };
        let arguments = Input { what: "the arguments", data: arguments, length: arguments_length };
        let handler = handler.ok_or_else(|| Fault::new(Status::Null, "the handler is NULL"))?;
        let mut prompt = Prompt::new(name.required()?);
        for argument in arguments.optional()?.unwrap_or_default().split(',').map(str::trim) {
            if !argument.is_empty() {
                prompt = prompt.argument(argument, "");
            }
        }
        Ok(move |server: Server| server.prompt(prompt, move |call| run(handler, &userdata, Kind::Prompt, call)))
    })
}

/// Says to clients that the server has tools, resources or prompts, 1 or 0 each, though it may get its first
/// of them only while it runs (`mcp_bound_add_tool_json`): whoever is told that there are none does not ask
/// later.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_server_declare(server: ServerHandle, tools: i32, resources: i32, prompts: i32) -> Status {
    change(server, || {
        Ok(move |mut server: Server| {
            if tools != 0 {
                server = server.declare_tools();
            }
            if resources != 0 {
                server = server.declare_resources();
            }
            if prompts != 0 {
                server = server.declare_prompts();
            }
            server
        })
    })
}

/// How to use the server, for models.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_server_instructions(server: ServerHandle, text: *const c_char, length: usize) -> Status {
    setting(server, "the instructions", text, length, |server, text| server.instructions(text))
}

/// Demands this token from clients: `Authorization: Bearer`. Several may be set. `mcp_server_bind` wants one
/// for any address but those of this machine.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_server_bearer(server: ServerHandle, token: *const c_char, length: usize) -> Status {
    let status = setting(server, "the token", token, length, |server, token| server.bearer(token));
    if status == Status::Ok { let_leave(server) } else { status }
}

/// Lets `mcp_server_bind` listen beyond this machine without a token: whoever reaches the server can use it.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_server_without_token(server: ServerHandle) -> Status {
    let_leave(server)
}

/// Serves requests to this host name, beside those of loopback.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_server_allow_host(server: ServerHandle, host: *const c_char, length: usize) -> Status {
    setting(server, "the host", host, length, |server, host| server.allow_host(host))
}

/// Serves pages of this origin, such as `https://app.example`.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_server_allow_origin(server: ServerHandle, origin: *const c_char, length: usize) -> Status {
    setting(server, "the origin", origin, length, |server, origin| server.allow_origin(origin))
}

/// Bounds: connections and sessions open at a time, and bytes of a request. 0 leaves a bound as it is: 16
/// 384, 8 192, 4 MiB.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_server_limits(
    server: ServerHandle,
    connections: usize,
    sessions: usize,
    body_bytes: usize,
) -> Status {
    change(server, || {
        Ok(move |server: Server| {
            server.limits(|limits| {
                let all = [
                    (connections, &mut limits.connections),
                    (sessions, &mut limits.sessions),
                    (body_bytes, &mut limits.body_bytes),
                ];
                for (wanted, limit) in all {
                    if wanted > 0 {
                        *limit = wanted;
                    }
                }
            })
        })
    })
}

/// Takes the server to run it.
pub(crate) fn take(server: ServerHandle) -> Result<Server, Fault> {
    let drafting = SERVERS.get(server.id)?;
    let mut change = drafting.begin()?;
    change.server.take().map(|server| *server).ok_or_else(used_up)
}

/// Whether it may be served to other machines.
pub(crate) fn may_leave(server: ServerHandle) -> Result<bool, Fault> {
    Ok(SERVERS.get(server.id)?.draft().may_leave)
}

fn let_leave(server: ServerHandle) -> Status {
    enter(Out(std::ptr::null_mut()), || {
        SERVERS.get(server.id)?.draft().may_leave = true;
        Ok(())
    })
}

fn used_up() -> Fault {
    Fault::new(Status::State, "the server is run already")
}

fn setting(
    server: ServerHandle,
    what: &'static str,
    data: *const c_char,
    length: usize,
    set: impl FnOnce(Server, String) -> Server,
) -> Status {
    change(server, || {
        let text = Input { what, data, length }.required()?.to_owned();
        Ok(move |server| set(server, text))
    })
}

/// Changes a server that does not run yet. When the change cannot be made, it is as it was.
fn change<C>(server: ServerHandle, plan: impl FnOnce() -> Result<C, Fault>) -> Status
where
    C: FnOnce(Server) -> Server,
{
    change_telling(server, std::ptr::null_mut(), plan)
}

/// The same, for whoever wants to know why it cannot be made.
pub(crate) fn change_telling<C>(
    server: ServerHandle,
    error: *mut ErrorInfo,
    plan: impl FnOnce() -> Result<C, Fault>,
) -> Status
where
    C: FnOnce(Server) -> Server,
{
    enter(Out(error), || {
        let drafting: Arc<Drafting> = SERVERS.get(server.id)?;
        let changed = plan().and_then(|make| {
            let mut change = drafting.begin()?;
            let server = change.server.take().ok_or_else(used_up)?;
            change.server = Some(Box::new(make(*server)));
            Ok(())
        });
        changed.inspect_err(|fault| drafting.draft().problem = Some(fault.clone()))
    })
}

impl Drafting {
    fn draft(&self) -> MutexGuard<'_, Draft> {
        self.draft.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the server, when no other thread changes it.
    fn begin(&self) -> Result<Change<'_>, Fault> {
        let me = thread::current().id();
        let mut draft = self.draft();
        loop {
            match &draft.server {
                Stage::Changing(who) if *who == me => {
                    let within = "the function that changes the server has called this one";
                    return Err(Fault::new(Status::State, within));
                }
                Stage::Changing(_) => draft = self.changed.wait(draft).unwrap_or_else(PoisonError::into_inner),
                Stage::UsedUp => return Err(used_up()),
                Stage::Open(_) => break,
            }
        }
        let Stage::Open(server) = std::mem::replace(&mut draft.server, Stage::Changing(me)) else {
            return Err(used_up());
        };
        Ok(Change { drafting: self, server: Some(server) })
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        self.drafting.draft().server = self.server.take().map_or(Stage::UsedUp, Stage::Open);
        self.drafting.changed.notify_all();
    }
}

/// The length that says that text ends with its first NUL; for those who have no header.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_nul_terminated() -> usize {
    NUL_TERMINATED
}

//! How to connect: the address or the program, and the settings.

use std::ffi::{c_char, c_void};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mcp_core::revision::ProtocolVersion;
use mcp_core::types::Root;
use mcp_sse_blocking::config::Config;
use mcp_sse_blocking::{Builder, Client, Command, Reconnect, State, Transport};

use crate::border::{enter, quietly};
use crate::callback::{Release, Userdata, shown};
use crate::error::{ErrorInfo, Fault, Status};
use crate::handles::Shelf;
use crate::question::{self, OnQuestion};
use crate::text::{Input, Out};

static OPTIONS: Shelf<Mutex<Plan>> = Shelf::new("options");

/// How to connect. A number: 0 is none.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Options {
    /// The number.
    pub id: u64,
}

/// Told what the server logs: `level` is 0 debug, 1 info, 2 notice, 3 warning, 4 error, 5 critical, 6 alert,
/// 7 emergency. On the thread `mcp-events` of the client, one at a time; it may use the client.
pub type OnLog = Option<extern "C" fn(userdata: *mut c_void, level: i32, text: *const c_char, length: usize)>;

/// Told of notifications other than logs and progress: the method, and the parameters as JSON (NULL when
/// there are none). On the thread `mcp-events` of the client, one at a time; it may use the client.
pub type OnNotification = Option<
    extern "C" fn(
        userdata: *mut c_void,
        method: *const c_char,
        method_length: usize,
        params: *const c_char,
        params_length: usize,
    ),
>;

/// Told where the client stands: 0 connecting, 1 ready, 2 reconnecting (with the number of the attempt), 3
/// closed. On the thread `mcp-state` of the client, one at a time.
pub type OnState = Option<extern "C" fn(userdata: *mut c_void, state: i32, attempt: u32)>;

type Setting = Box<dyn FnOnce(Builder) -> Builder + Send>;

struct Plan {
    start: Start,
    settings: Vec<Setting>,
    /// Where servers may work, when that is told.
    roots: Option<Vec<Root>>,
    /// What was wrong with the last setting that could not be made.
    problem: Option<Fault>,
}

enum Start {
    Url(String),
    Program(Option<Command>),
    Made(Option<Box<Builder>>),
    /// It was connected with.
    Used,
}

/// Options for the server at a URL, such as `http://localhost:8000/mcp`. Freed with `mcp_options_free`, also
/// after connecting.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_new(
    url: *const c_char,
    url_length: usize,
    options: *mut Options,
    error: *mut ErrorInfo,
) -> Status {
    enter(Out(error), || {
        let url = Input { what: "the URL", data: url, length: url_length };
        give(Start::Url(url.required()?.to_owned()), options)
    })
}

/// Options for a server that is a program, spoken to over its standard input and output. Arguments are added
/// with `mcp_options_argument`.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_spawn(
    program: *const c_char,
    program_length: usize,
    options: *mut Options,
    error: *mut ErrorInfo,
) -> Status {
    enter(Out(error), || {
        let program = Input { what: "the program", data: program, length: program_length };
        give(Start::Program(Some(Command::new(program.required()?))), options)
    })
}

/// Options for a server of a configuration file: `mcpServers` of Claude and others, VS Code's `servers`,
/// CrewAI's `mcps`.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_from_config(
    path: *const c_char,
    path_length: usize,
    server: *const c_char,
    server_length: usize,
    options: *mut Options,
    error: *mut ErrorInfo,
) -> Status {
    enter(Out(error), || {
        let path = Input { what: "the path", data: path, length: path_length };
        let name = Input { what: "the name of the server", data: server, length: server_length };
        let (config, name) = (Config::from_file(path.required()?)?, name.required()?);
        let Some(server) = config.server(name) else {
            let names: Vec<&str> = config.servers().iter().map(|server| server.name()).collect();
            let names = names.join(", ");
            return Err(Fault::new(Status::Config, format!("there is no server `{name}` in the file but {names}")));
        };
        give(Start::Made(Some(Box::new(server.builder()?))), options)
    })
}

/// Frees options. Of no effect on clients that were connected with them.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_free(options: Options) {
    quietly((), || drop(OPTIONS.take(options.id)));
}

/// What was wrong with the last setting that was refused: its status and, in `error`, its message.
/// `MCP_STATUS_OK` when none was. Settings have no `mcp_error` of their own, for most cannot fail.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_problem(options: Options, error: *mut ErrorInfo) -> Status {
    enter(Out(error), || {
        let plan = OPTIONS.get(options.id)?;
        let problem = plan.lock().unwrap_or_else(PoisonError::into_inner).problem.clone();
        problem.map_or(Ok(()), Err)
    })
}

/// An argument of the program, after those before.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_argument(options: Options, argument: *const c_char, length: usize) -> Status {
    program(options, || {
        let argument = Input { what: "the argument", data: argument, length }.required()?.to_owned();
        Ok(move |command: Command| command.arg(argument))
    })
}

/// A variable in the environment of the program. It has few others: what a program needs is passed on by name
/// or set here.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_env(
    options: Options,
    name: *const c_char,
    name_length: usize,
    value: *const c_char,
    value_length: usize,
) -> Status {
    program(options, || {
        let name = Input { what: "the name of the variable", data: name, length: name_length }.required()?.to_owned();
        let value =
            Input { what: "the value of the variable", data: value, length: value_length }.required()?.to_owned();
        Ok(move |command: Command| command.env(name, value))
    })
}

/// Passes a variable of this program's environment on to the program.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_pass_env(options: Options, name: *const c_char, length: usize) -> Status {
    program(options, || {
        let name = Input { what: "the name of the variable", data: name, length }.required()?.to_owned();
        Ok(move |command: Command| command.pass_env(name))
    })
}

/// How long the program may take to end when it is told to, before it is killed, in milliseconds: 2 000
/// unless set.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_grace(options: Options, ms: u64) -> Status {
    program(options, || Ok(move |command: Command| command.grace(Duration::from_millis(ms))))
}

/// The folder that the program is started in.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_current_dir(options: Options, path: *const c_char, length: usize) -> Status {
    program(options, || {
        let path = Input { what: "the path", data: path, length }.required()?.to_owned();
        Ok(move |command: Command| command.current_dir(path))
    })
}

/// A header for every HTTP request. The value is a secret: it is in no message and no log.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_header(
    options: Options,
    name: *const c_char,
    name_length: usize,
    value: *const c_char,
    value_length: usize,
) -> Status {
    set(options, || {
        let name = Input { what: "the name of the header", data: name, length: name_length }.required()?.to_owned();
        let value = Input { what: "the value of the header", data: value, length: value_length }.required()?.to_owned();
        Ok(move |builder: Builder| builder.header(&name, &value))
    })
}

/// `Authorization: Bearer` with this token.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_bearer(options: Options, token: *const c_char, length: usize) -> Status {
    set(options, || {
        let token = Input { what: "the token", data: token, length }.required()?.to_owned();
        Ok(move |builder: Builder| builder.bearer(&token))
    })
}

/// How long opening a connection may take, in milliseconds. 10 000 unless set.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_connect_timeout(options: Options, ms: u64) -> Status {
    set(options, || Ok(move |builder: Builder| builder.connect_timeout(Duration::from_millis(ms))))
}

/// How long a call may take from its start to its reply, and so may connecting, in milliseconds; negative:
/// for ever. 60 000 unless set.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_call_timeout(options: Options, ms: i64) -> Status {
    set(options, || Ok(move |builder: Builder| builder.call_timeout(duration(ms))))
}

/// How long an event stream may be silent, in milliseconds; negative: for ever. 300 000 unless set.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_idle_timeout(options: Options, ms: i64) -> Status {
    set(options, || Ok(move |builder: Builder| builder.idle_timeout(duration(ms))))
}

/// Over HTTP+SSE, how long it may take until the server has said where messages go, in milliseconds. 30 000
/// unless set.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_endpoint_timeout(options: Options, ms: u64) -> Status {
    set(options, || Ok(move |builder: Builder| builder.endpoint_timeout(Duration::from_millis(ms))))
}

/// What is spoken: 0 it is found out, as it is unless set; 1 Streamable HTTP without sessions (2026-07-28); 2
/// Streamable HTTP with sessions; 3 HTTP+SSE; 4 JSON without JSON-RPC.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_transport(options: Options, transport: i32) -> Status {
    set(options, || {
        let transport = match transport {
            0 => Transport::Detect,
            1 => Transport::Stateless,
            2 => Transport::StreamableHttp,
            3 => Transport::HttpSse,
            4 => Transport::Plain,
            other => return Err(Fault::new(Status::Usage, format!("there is no transport {other}"))),
        };
        Ok(move |builder: Builder| builder.transport(transport))
    })
}

/// The revision to speak, such as `2025-11-25`; the newest that the server speaks unless set.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_revision(options: Options, revision: *const c_char, length: usize) -> Status {
    set(options, || {
        let revision = Input { what: "the revision", data: revision, length };
        let revision = revision.required()?;
        let known: Option<ProtocolVersion> = ProtocolVersion::ALL.into_iter().find(|known| known.as_str() == revision);
        let known = known.ok_or_else(|| Fault::new(Status::Usage, format!("there is no revision `{revision}`")))?;
        Ok(move |builder: Builder| builder.protocol_version(known))
    })
}

/// What the client does when it loses its server: it opens another session after `interval_ms`, in growing
/// intervals, at most `attempts` times in a row (0: without end). Unless set, the next call opens one.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_reconnect(options: Options, interval_ms: u64, attempts: u32) -> Status {
    set(options, || {
        let attempts = (attempts > 0).then_some(attempts);
        let policy = Reconnect::new().interval(Duration::from_millis(interval_ms)).attempts(attempts);
        Ok(move |builder: Builder| builder.reconnect(policy))
    })
}

/// Has log messages of the server told.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_on_log(options: Options, tell: OnLog, userdata: *mut c_void, release: Release) -> Status {
    let userdata = Userdata::new(userdata, release);
    set(options, || {
        let tell = tell.ok_or_else(|| Fault::new(Status::Null, "the callback is NULL"))?;
        Ok(move |builder: Builder| {
            builder.on_log(move |_, message| {
                let text = message.text();
                let (text, length) = shown(&text);
                tell(userdata.pointer(), message.level as i32, text, length);
            })
        })
    })
}

/// Has other notifications of the server told.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_on_notification(
    options: Options,
    tell: OnNotification,
    userdata: *mut c_void,
    release: Release,
) -> Status {
    let userdata = Userdata::new(userdata, release);
    set(options, || {
        let tell = tell.ok_or_else(|| Fault::new(Status::Null, "the callback is NULL"))?;
        Ok(move |builder: Builder| {
            builder.on_notification(move |_, notification| {
                let (method, method_length) = shown(&notification.method);
                let params = notification.params.as_deref().map(|params| shown(params.get()));
                let (params, params_length) = params.unwrap_or((std::ptr::null(), 0));
                tell(userdata.pointer(), method, method_length, params, params_length);
            })
        })
    })
}

/// Has changes of the client's state told.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_on_state(
    options: Options,
    tell: OnState,
    userdata: *mut c_void,
    release: Release,
) -> Status {
    let userdata = Userdata::new(userdata, release);
    set(options, || {
        let tell = tell.ok_or_else(|| Fault::new(Status::Null, "the callback is NULL"))?;
        Ok(move |builder: Builder| {
            builder.on_state(move |state| {
                let (state, attempt) = match state {
                    State::Connecting => (0, 0),
                    State::Ready => (1, 0),
                    State::Reconnecting { attempt } => (2, *attempt),
                    _ => (3, 0),
                };
                tell(userdata.pointer(), state, attempt);
            })
        })
    })
}

/// Answers forms that servers have the user fill in (`elicitation/create`), and declares that this program
/// can; since 2025-06-18. Show who asks, and let the user decline. An answer that does not fit the form is
/// not sent.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_on_elicitation(
    options: Options,
    ask: OnQuestion,
    userdata: *mut c_void,
    release: Release,
) -> Status {
    asking(options, ask, userdata, release, question::answer_forms)
}

/// Answers whether the user agrees to visit a page (`elicitation/create` with `mode` `url`), and declares
/// that this program can ask; since 2025-11-25. The library never fetches the page.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_on_url_elicitation(
    options: Options,
    ask: OnQuestion,
    userdata: *mut c_void,
    release: Release,
) -> Status {
    asking(options, ask, userdata, release, question::answer_pages)
}

/// Answers for a model that servers want to go on with a conversation (`sampling/createMessage`), and
/// declares that this program has one.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_on_sampling(
    options: Options,
    ask: OnQuestion,
    userdata: *mut c_void,
    release: Release,
) -> Status {
    asking(options, ask, userdata, release, question::answer_sampling)
}

/// Declares what that model can do beyond answering: use tools that the server brings, and add what it knows
/// of servers when it is asked to. 1 or 0 each, 0 unless set; since 2025-11-25.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_sampling_can(options: Options, use_tools: i32, add_context: i32) -> Status {
    set(options, || {
        Ok(move |mut builder: Builder| {
            if use_tools != 0 {
                builder = builder.sampling_tools();
            }
            if add_context != 0 {
                builder = builder.sampling_context();
            }
            builder
        })
    })
}

/// One more place where servers may work, a `file` URI without `..`, and its name for people, which may be
/// NULL. Declares that this program says so, with NULL as the URI without naming any: `mcp_client_set_roots`
/// changes them later.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_add_root(
    options: Options,
    uri: *const c_char,
    uri_length: usize,
    name: *const c_char,
    name_length: usize,
) -> Status {
    on(options, || {
        let uri = Input { what: "the URI", data: uri, length: uri_length };
        let name = Input { what: "the name", data: name, length: name_length };
        let root = uri.optional()?.map(Root::new);
        let name = name.optional()?;
        change(options, |plan| {
            let roots = plan.roots.get_or_insert_default();
            roots.extend(root.map(|root| match name {
                Some(name) => root.name(name),
                None => root,
            }));
            Ok(())
        })
    })
}

/// Answers where servers may work each time one asks (`roots/list`), in place of `mcp_options_add_root`.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_on_roots(
    options: Options,
    ask: OnQuestion,
    userdata: *mut c_void,
    release: Release,
) -> Status {
    asking(options, ask, userdata, release, question::answer_roots)
}

/// Connects as these options say.
pub(crate) fn connect(options: Options) -> Result<Client, Fault> {
    let plan = OPTIONS.get(options.id)?;
    let mut plan = plan.lock().unwrap_or_else(PoisonError::into_inner);
    let used = || Fault::new(Status::State, "the options were connected with already");
    let builder = match std::mem::replace(&mut plan.start, Start::Used) {
        Start::Url(url) => Client::builder(&url),
        Start::Program(command) => Client::spawn_builder(command.ok_or_else(used)?),
        Start::Made(builder) => *builder.ok_or_else(used)?,
        Start::Used => return Err(used()),
    };
    let settings = std::mem::take(&mut plan.settings);
    // Before the settings, of which one may take their place.
    let builder = match plan.roots.take() {
        Some(roots) => builder.roots(roots),
        None => builder,
    };
    // Nobody who looks at the options waits for the network.
    drop(plan);
    Ok(settings.into_iter().fold(builder, |builder, set| set(builder)).connect()?)
}

fn give(start: Start, options: *mut Options) -> Result<(), Fault> {
    let place = Out(options);
    place.required("the options")?;
    let plan = Plan { start, settings: Vec::new(), roots: None, problem: None };
    place.set(Options { id: OPTIONS.put(Mutex::new(plan)) });
    Ok(())
}

/// Adds a setting.
pub(crate) fn set<S>(options: Options, setting: impl FnOnce() -> Result<S, Fault>) -> Status
where
    S: FnOnce(Builder) -> Builder + Send + 'static,
{
    on(options, || {
        // Made before the options are locked: what is released when it cannot be may use them.
        let setting = setting()?;
        change(options, |plan| {
            plan.settings.push(Box::new(setting));
            Ok(())
        })
    })
}

/// Has a callback answer what servers ask.
fn asking(
    options: Options,
    ask: OnQuestion,
    userdata: *mut c_void,
    release: Release,
    by: impl FnOnce(Builder, extern "C" fn(*mut c_void, question::Question), Userdata) -> Builder + Send + 'static,
) -> Status {
    let userdata = Userdata::new(userdata, release);
    set(options, || {
        let ask = ask.ok_or_else(|| Fault::new(Status::Null, "the callback is NULL"))?;
        Ok(move |builder: Builder| by(builder, ask, userdata))
    })
}

/// Does something for options, and keeps what was wrong with it.
fn on(options: Options, work: impl FnOnce() -> Result<(), Fault>) -> Status {
    enter(Out(std::ptr::null_mut()), || {
        let plan = OPTIONS.get(options.id)?;
        work().inspect_err(|fault| {
            plan.lock().unwrap_or_else(PoisonError::into_inner).problem = Some(fault.clone());
        })
    })
}

/// Changes options that were not connected with.
fn change(options: Options, change: impl FnOnce(&mut Plan) -> Result<(), Fault>) -> Result<(), Fault> {
    let plan = OPTIONS.get(options.id)?;
    let mut plan = plan.lock().unwrap_or_else(PoisonError::into_inner);
    if let Start::Used = plan.start {
        return Err(Fault::new(Status::State, "the options were connected with already"));
    }
    change(&mut plan)
}

/// Changes the command of a program.
fn program<C>(options: Options, change: impl FnOnce() -> Result<C, Fault>) -> Status
where
    C: FnOnce(Command) -> Command,
{
    on(options, || {
        let change = change()?;
        let plan = OPTIONS.get(options.id)?;
        let mut plan = plan.lock().unwrap_or_else(PoisonError::into_inner);
        let Start::Program(command) = &mut plan.start else {
            return Err(Fault::new(
                Status::State,
                "the options are not those of a program that is still to be started",
            ));
        };
        *command = command.take().map(change);
        Ok(())
    })
}

fn duration(ms: i64) -> Option<Duration> {
    u64::try_from(ms).ok().map(Duration::from_millis)
}

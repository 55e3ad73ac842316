//! A server without a loop: bytes in, bytes out, and when to come back.
//!
//! ```text
//! accept() a socket  ->  mcp_server_connection_new
//! readable           ->  mcp_server_connection_feed, then send what is ready
//! until 0            ->  mcp_engine_next_ready: mcp_server_connection_output, send, mcp_server_connection_sent
//! sleep              ->  mcp_engine_next_wake; then mcp_engine_wake
//! ```

use std::ffi::{c_char, c_void};
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use mcp_core::types::Change;
use mcp_server_tiny::Engine;
use mcp_server_tiny::engine::{ConnId, Next};

use crate::border::{enter, quietly};
use crate::callback::{Release, Userdata};
use crate::error::{ErrorInfo, Fault, Status};
use crate::handles::Shelf;
use crate::server::{self, ServerHandle};
use crate::text::{Input, Out, bytes};

static ENGINES: Shelf<Turns> = Shelf::new("an engine");

/// How long an engine sleeps at most while workers are at work: nothing wakes the caller's loop when one is
/// done.
const WORKERS: Duration = Duration::from_millis(10);

/// A server without a loop. A number: 0 is none. Threads that use one take turns.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct EngineHandle {
    /// The number.
    pub id: u64,
}

/// A connection of an engine. All zero is none.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ConnectionHandle {
    /// The engine that it belongs to.
    pub engine: u64,
    /// Its number there.
    pub id: u64,
}

/// What to do with a connection.
#[repr(i32)]
pub enum ConnectionState {
    /// Go on reading and sending.
    Open = 0,
    /// Send what is left, close the sending side and tell `mcp_server_connection_half_closed`; go on reading.
    HalfClose = 1,
    /// Send what is left and free it.
    Close = 2,
}

/// Wakes the loop of an engine, such as by a byte into a pipe, an `eventfd` or `uv_async_send`. On any
/// thread; it must not block, nor use the engine.
pub type OnWake = Option<extern "C" fn(userdata: *mut c_void)>;

/// An engine, for one thread at a time.
struct Turns {
    machine: Mutex<Machine>,
    /// Who has it: a handler that runs in it must not wait for it.
    inside: Mutex<Option<ThreadId>>,
}

/// The engine, as long as this lives.
struct Turn<'a> {
    machine: MutexGuard<'a, Machine>,
    turns: &'a Turns,
}

struct Machine {
    engine: Engine,
    began: Instant,
    connections: Vec<(u64, ConnId)>,
    last: u64,
    /// Somebody is told when workers have answered.
    wakes: bool,
}

/// Makes an engine of the server, which is used up; it is still to be freed.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_server_engine(server: ServerHandle, engine: *mut EngineHandle, error: *mut ErrorInfo) -> Status {
    enter(Out(error), || {
        let place = Out(engine);
        place.required("the engine")?;
        let entropy = |secret: &mut [u8; 16]| getrandom::fill(secret).is_ok();
        let engine = server::take(server)?.engine(entropy)?;
        let machine = Machine { engine, began: Instant::now(), connections: Vec::new(), last: 0, wakes: false };
        let turns = Turns { machine: Mutex::new(machine), inside: Mutex::new(None) };
        place.set(EngineHandle { id: ENGINES.put(turns) });
        Ok(())
    })
}

/// Has `wake` called when another thread has done something for the engine, a worker that answered or a
/// deferred call that was: then `mcp_engine_wake` is to be called soon, by the thread of the loop. Once for
/// an engine, before its first connection; without it `mcp_engine_next_wake` has the loop look every 10 ms
/// while there are such calls.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_engine_on_wake(
    engine: EngineHandle,
    wake: OnWake,
    userdata: *mut c_void,
    release: Release,
) -> Status {
    let userdata = Userdata::new(userdata, release);
    enter(Out(std::ptr::null_mut()), || {
        let machine = ENGINES.get(engine.id)?;
        let wake = wake.ok_or_else(|| Fault::new(Status::Null, "the callback is NULL"))?;
        let mut machine = machine.take()?;
        if std::mem::replace(&mut machine.wakes, true) {
            return Err(Fault::new(Status::State, "somebody is woken already"));
        }
        machine.engine.wake_with(move || wake(userdata.pointer()));
        Ok(())
    })
}

/// Takes a connection in that the caller accepted. `MCP_STATUS_LIMIT` when there is no room: close it.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_server_connection_new(
    engine: EngineHandle,
    connection: *mut ConnectionHandle,
    error: *mut ErrorInfo,
) -> Status {
    enter(Out(error), || {
        let place = Out(connection);
        place.required("the connection")?;
        let machine = ENGINES.get(engine.id)?;
        let mut machine = machine.take()?;
        let now = machine.now();
        let id = machine.engine.accept(now);
        let id = id.ok_or_else(|| Fault::new(Status::Limit, "there is no room for one more connection"))?;
        machine.last += 1;
        let number = machine.last;
        machine.connections.push((number, id));
        place.set(ConnectionHandle { engine: engine.id, id: number });
        Ok(())
    })
}

/// Takes bytes in that came from the client: all of them.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_server_connection_feed(connection: ConnectionHandle, data: *const u8, length: usize) -> Status {
    attempt(connection, |machine, id| {
        let now = machine.now();
        machine.engine.received(id, now, bytes("what came", data, length)?);
        Ok(())
    })
}

/// The client will send no more.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_server_connection_end(connection: ConnectionHandle) -> Status {
    on(connection, |machine, id| {
        let now = machine.now();
        machine.engine.ended(id, now);
    })
}

/// Whether more may be read off the connection now: 1 or 0. While it is 0, leave bytes where they are until
/// the connection comes up with `mcp_engine_next_ready`.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_server_connection_wants_input(connection: ConnectionHandle) -> i32 {
    let mut wants = false;
    on(connection, |machine, id| wants = machine.engine.wants_input(id));
    wants.into()
}

/// Copies what is to be sent next into `buffer`, as much as there is room for, and says how much that is. It
/// stays with the engine until `mcp_server_connection_sent` says that it has gone.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_server_connection_output(
    connection: ConnectionHandle,
    buffer: *mut c_char,
    room: usize,
    length: *mut usize,
) -> Status {
    let mut copied = 0;
    let status = on(connection, |machine, id| {
        let output = machine.engine.output(id);
        copied = output.len().min(if buffer.is_null() { 0 } else { room });
        // SAFETY: the header demands room for so many bytes behind a buffer that is not NULL; the engine's
        // own are elsewhere.
        unsafe { std::ptr::copy_nonoverlapping(output.as_ptr(), buffer.cast(), copied) };
    });
    Out(length).set(copied);
    status
}

/// The first `count` bytes of the output were sent. To be called with 0 as well when the client takes none.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_server_connection_sent(connection: ConnectionHandle, count: usize) -> Status {
    on(connection, |machine, id| {
        let now = machine.now();
        let count = count.min(machine.engine.output(id).len());
        machine.engine.sent(id, now, count);
    })
}

/// What to do with the connection, once its output was sent as far as it can be.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_server_connection_state(connection: ConnectionHandle) -> ConnectionState {
    let mut state = ConnectionState::Close;
    on(connection, |machine, id| {
        state = match machine.engine.next(id) {
            Next::Wait => ConnectionState::Open,
            Next::HalfClose => ConnectionState::HalfClose,
            Next::Close => ConnectionState::Close,
        };
    });
    state
}

/// The sending side was closed.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_server_connection_half_closed(connection: ConnectionHandle) -> Status {
    on(connection, |machine, id| machine.engine.half_closed(id))
}

/// The connection is gone. Twice is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_server_connection_free(connection: ConnectionHandle) {
    on(connection, |machine, id| {
        machine.engine.closed(id);
        machine.connections.retain(|(_, other)| *other != id);
    });
}

/// A connection that has something to send or is to be closed; all zero when there is none.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_engine_next_ready(engine: EngineHandle) -> ConnectionHandle {
    const NONE: ConnectionHandle = ConnectionHandle { engine: 0, id: 0 };
    quietly(NONE, || {
        let Ok(machine) = ENGINES.get(engine.id) else { return NONE };
        let Ok(mut machine) = machine.take() else { return NONE };
        while let Some(ready) = machine.engine.next_ready() {
            if let Some((number, _)) = machine.connections.iter().find(|(_, id)| *id == ready) {
                return ConnectionHandle { engine: engine.id, id: *number };
            }
        }
        NONE
    })
}

/// In how many milliseconds `mcp_engine_wake` is to be called at the latest; -1 when there is no need to.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_engine_next_wake(engine: EngineHandle) -> i64 {
    quietly(-1, || {
        let Ok(machine) = ENGINES.get(engine.id) else { return -1 };
        let Ok(machine) = machine.take() else { return -1 };
        let now = machine.now();
        let due = machine.engine.next_wake().map(|due| due.since(now));
        let workers = (!machine.wakes && machine.engine.later_calls() > 0).then_some(WORKERS);
        let Some(wait) = due.into_iter().chain(workers).min() else { return -1 };
        // Not a moment too early: that would be a loop without sleep.
        let wait = wait + Duration::from_micros(999);
        i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)
    })
}

/// Does what is due, and takes in what workers have answered.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_engine_wake(engine: EngineHandle) -> Status {
    enter(Out(std::ptr::null_mut()), || {
        let machine = ENGINES.get(engine.id)?;
        let mut machine = machine.take()?;
        let now = machine.now();
        while machine.engine.deliver_replies(now) {}
        machine.engine.handle_timeouts(now);
        Ok(())
    })
}

/// Takes no more connections and ends those that are open, once their requests are answered. It is over when
/// no connection is left.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_engine_stop(engine: EngineHandle) -> Status {
    enter(Out(std::ptr::null_mut()), || {
        let machine = ENGINES.get(engine.id)?;
        let mut machine = machine.take()?;
        let now = machine.now();
        machine.engine.stop(now);
        Ok(())
    })
}

/// Tells clients that the list of tools is another one now: with the next thing that the engine is given to
/// do, as those below. From any thread, but not from within a handler of the engine.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_engine_tools_changed(engine: EngineHandle) -> Status {
    announce(engine, || Ok(Change::Tools))
}

/// Tells clients that the list of prompts is another one now.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_engine_prompts_changed(engine: EngineHandle) -> Status {
    announce(engine, || Ok(Change::Prompts))
}

/// Tells clients that the list of resources is another one now.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_engine_resources_changed(engine: EngineHandle) -> Status {
    announce(engine, || Ok(Change::Resources))
}

/// Tells clients that a resource has changed.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_engine_resource_updated(engine: EngineHandle, uri: *const c_char, length: usize) -> Status {
    let uri = Input { what: "the URI", data: uri, length };
    announce(engine, || Ok(Change::Resource(uri.required()?.to_owned().into())))
}

/// How many connections are open.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_engine_connections(engine: EngineHandle) -> usize {
    quietly(0, || {
        let Ok(machine) = ENGINES.get(engine.id) else { return 0 };
        machine.take().map_or(0, |machine| machine.connections.len())
    })
}

/// Frees it, with its connections.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_engine_free(engine: EngineHandle) {
    quietly((), || drop(ENGINES.take(engine.id)));
}

impl Machine {
    fn now(&self) -> mcp_core::time::Instant {
        mcp_core::time::Instant::ZERO + self.began.elapsed()
    }
}

impl Turns {
    /// Takes the engine; not from within one of its handlers.
    fn take(&self) -> Result<Turn<'_>, Fault> {
        if *self.inside() == Some(thread::current().id()) {
            return Err(Fault::new(Status::State, "a handler of the engine cannot use the engine"));
        }
        let machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        *self.inside() = Some(thread::current().id());
        Ok(Turn { machine, turns: self })
    }

    fn inside(&self) -> MutexGuard<'_, Option<ThreadId>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deref for Turn<'_> {
    type Target = Machine;

    fn deref(&self) -> &Machine {
        &self.machine
    }
}

impl DerefMut for Turn<'_> {
    fn deref_mut(&mut self) -> &mut Machine {
        &mut self.machine
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // Before the machine is given back, which is dropped after this.
        *self.turns.inside() = None;
    }
}

fn announce(engine: EngineHandle, change: impl FnOnce() -> Result<Change<'static>, Fault>) -> Status {
    enter(Out(std::ptr::null_mut()), || {
        let machine = ENGINES.get(engine.id)?;
        let change = change()?;
        machine.take()?.engine.announce(change);
        Ok(())
    })
}

fn on(connection: ConnectionHandle, work: impl FnOnce(&mut Machine, ConnId)) -> Status {
    attempt(connection, |machine, id| {
        work(machine, id);
        Ok(())
    })
}

fn attempt(connection: ConnectionHandle, work: impl FnOnce(&mut Machine, ConnId) -> Result<(), Fault>) -> Status {
    enter(Out(std::ptr::null_mut()), || {
        let machine = ENGINES.get(connection.engine)?;
        let mut machine = machine.take()?;
        let found = machine.connections.iter().find(|(number, _)| *number == connection.id).map(|(_, id)| *id);
        let id = found.ok_or_else(|| Fault::new(Status::Handle, "the connection was freed, or never was"))?;
        work(&mut machine, id)
    })
}

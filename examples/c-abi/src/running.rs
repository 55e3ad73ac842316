//! A server with a loop of its own.

use std::ffi::c_char;
use std::sync::{Arc, Mutex, PoisonError};

use mcp_server_tiny::{Bound, Handle};

use crate::border::{enter, quietly};
use crate::error::{ErrorInfo, Fault, Status};
use crate::handles::Shelf;
use crate::server::{self, ServerHandle};
use crate::text::{Input, Out, Text};

static RUNNING: Shelf<Running> = Shelf::new("a listening server");

/// A server that listens. A number: 0 is none.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct BoundHandle {
    /// The number.
    pub id: u64,
}

struct Running {
    bound: Mutex<Option<Bound>>,
    handle: Handle,
    url: String,
}

/// Listens at an address such as `127.0.0.1:8000`; port 0 lets the system choose. Nothing is served before
/// `mcp_bound_run`. The server is used up; it is still to be freed. Other addresses than those of this
/// machine want a token.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_server_bind(
    server: ServerHandle,
    address: *const c_char,
    address_length: usize,
    bound: *mut BoundHandle,
    error: *mut ErrorInfo,
) -> Status {
    enter(Out(error), || {
        let address = Input { what: "the address", data: address, length: address_length };
        let (address, place) = (address.required()?, Out(bound));
        place.required("the listening server")?;
        let may_leave = server::may_leave(server)?;
        let bound = server::take(server)?.bind(address)?;
        if !bound.local_addr().ip().is_loopback() && !may_leave {
            let problem =
                "an address beyond this machine wants a token: `mcp_server_bearer`, or `mcp_server_without_token`";
            return Err(Fault::new(Status::Usage, problem));
        }
        let (handle, url) = (bound.handle(), format!("http://{}/mcp", bound.local_addr()));
        place.set(BoundHandle { id: RUNNING.put(Running { bound: Mutex::new(Some(bound)), handle, url }) });
        Ok(())
    })
}

/// Where clients find it: `http://127.0.0.1:8000/mcp`. Those that speak HTTP+SSE alone use `/sse` in its place.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_bound_url(bound: BoundHandle, url: *mut Text, error: *mut ErrorInfo) -> Status {
    enter(Out(error), || {
        let place = Out(url);
        place.required("the URL")?;
        place.set(Text::NONE);
        place.set(Text::new(&RUNNING.get(bound.id)?.url));
        Ok(())
    })
}

/// Serves on this thread until `mcp_bound_stop`. Once.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_bound_run(bound: BoundHandle, error: *mut ErrorInfo) -> Status {
    enter(Out(error), || {
        let running: Arc<Running> = RUNNING.get(bound.id)?;
        let bound = running.bound.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(bound.ok_or_else(|| Fault::new(Status::State, "the server was run already"))?.run()?)
    })
}

/// Has `mcp_bound_run` return soon: requests in flight are waited for, for five seconds at most. From any
/// thread.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_bound_stop(bound: BoundHandle) -> Status {
    enter(Out(std::ptr::null_mut()), || {
        RUNNING.get(bound.id)?.handle.stop();
        Ok(())
    })
}

/// Tells clients that the list of tools is another one now. From any thread, as those below; returns at once.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_bound_tools_changed(bound: BoundHandle) -> Status {
    tell(bound, Handle::tools_changed)
}

/// Tells clients that the list of prompts is another one now.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_bound_prompts_changed(bound: BoundHandle) -> Status {
    tell(bound, Handle::prompts_changed)
}

/// Tells clients that the list of resources is another one now.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_bound_resources_changed(bound: BoundHandle) -> Status {
    tell(bound, Handle::resources_changed)
}

/// Tells clients that a resource has changed. From any thread.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_bound_resource_updated(bound: BoundHandle, uri: *const c_char, length: usize) -> Status {
    enter(Out(std::ptr::null_mut()), || {
        let uri = Input { what: "the URI", data: uri, length };
        RUNNING.get(bound.id)?.handle.resource_updated(uri.required()?);
        Ok(())
    })
}

/// Frees it. A server that runs is told to stop.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_bound_free(bound: BoundHandle) {
    quietly((), || {
        if let Ok(running) = RUNNING.take(bound.id) {
            running.handle.stop();
        }
    });
}

/// Serves one client over standard input and output, on this thread, until the client closes them. The server
/// is used up; it is still to be freed.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_server_serve_stdio(server: ServerHandle, error: *mut ErrorInfo) -> Status {
    enter(Out(error), || Ok(server::take(server)?.serve_stdio()?))
}

fn tell(bound: BoundHandle, tell: impl FnOnce(&Handle)) -> Status {
    enter(Out(std::ptr::null_mut()), || {
        tell(&RUNNING.get(bound.id)?.handle);
        Ok(())
    })
}

/// What reaches a listening server from other threads.
pub(crate) fn handle_of(bound: BoundHandle) -> Result<Handle, Fault> {
    Ok(RUNNING.get(bound.id)?.handle.clone())
}

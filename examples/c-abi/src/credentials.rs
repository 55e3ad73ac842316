//! Who the client says it is, asked for with each request over HTTP.

use std::ffi::{c_char, c_void};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use mcp_sse_blocking::credentials::{self, Ask, Credential, CredentialsError, Secret};

use crate::border::{enter, quietly};
use crate::callback::{Release, Userdata, shown};
use crate::error::{Fault, Status};
use crate::handles::Shelf;
use crate::options::{Options, set};
use crate::text::{Input, Out};

static ASKED: Shelf<Asked> = Shelf::new("a request for credentials");

/// Where they come from, for errors.
const SOURCE: &str = "the callback for credentials";

/// A request for credentials, while its callback runs. A number: 0 is none.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CredentialsHandle {
    /// The number.
    pub id: u64,
}

/// Gives the credentials of a request, with `mcp_credentials_bearer` or `mcp_credentials_header`; the request
/// goes without when it gives none. `credentials` is good until it returns.
///
/// On the thread that makes the request, before it; several may run at once. It is asked again when the
/// server refused what it gave with 401, by one thread for all, and then must not use the client. It should
/// keep what it has, and give up when `mcp_credentials_time_left` is over: the time that it takes is part of
/// the request's.
pub type OnCredentials = Option<extern "C" fn(userdata: *mut c_void, credentials: CredentialsHandle)>;

struct Asked {
    resource: String,
    refused: i32,
    challenge: Option<String>,
    until: Option<Instant>,
    given: Mutex<Option<Result<Credential, CredentialsError>>>,
}

/// Has a callback asked for credentials, in place of `mcp_options_bearer`. What it gives is a secret: it is
/// in no message and no log.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_on_credentials(
    options: Options,
    ask: OnCredentials,
    userdata: *mut c_void,
    release: Release,
) -> Status {
    let userdata = Userdata::new(userdata, release);
    set(options, || {
        let ask = ask.ok_or_else(|| Fault::new(Status::Null, "the callback is NULL"))?;
        let provider = credentials::from_fn(move |request| {
            let id = ASKED.put(Asked::new(request));
            ask(userdata.pointer(), CredentialsHandle { id });
            let given = ASKED.take(id).ok().and_then(|asked| asked.take());
            given.transpose()
        });
        Ok(move |builder: mcp_sse_blocking::Builder| builder.credentials(provider))
    })
}

/// The URL that the client was given: what a token is for. Good until the callback returns.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_credentials_resource(
    credentials: CredentialsHandle,
    url: *mut *const c_char,
    length: *mut usize,
) -> Status {
    lend(credentials, url, length, |asked| Some(&asked.resource))
}

/// The HTTP status with which the server refused what was given before: 401; 0 when this is not asked because
/// of that.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_credentials_refused(credentials: CredentialsHandle) -> i32 {
    quietly(0, || ASKED.get(credentials.id).map_or(0, |asked| asked.refused))
}

/// What the server asks for, the value of its `WWW-Authenticate`; NULL when there is none. Good until the
/// callback returns.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_credentials_challenge(
    credentials: CredentialsHandle,
    text: *mut *const c_char,
    length: *mut usize,
) -> Status {
    lend(credentials, text, length, |asked| asked.challenge.as_deref())
}

/// How long the request may still take, this included, in milliseconds; -1 for ever.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_credentials_time_left(credentials: CredentialsHandle) -> i64 {
    quietly(0, || {
        let Ok(asked) = ASKED.get(credentials.id) else { return 0 };
        let left = asked.until.map(|until| until.saturating_duration_since(Instant::now()));
        left.map_or(-1, |left| i64::try_from(left.as_millis()).unwrap_or(i64::MAX))
    })
}

/// Gives a token: `Authorization: Bearer`.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_credentials_bearer(
    credentials: CredentialsHandle,
    token: *const c_char,
    length: usize,
) -> Status {
    give(credentials, || {
        let token = Input { what: "the token", data: token, length };
        Ok(Ok(Credential::bearer(Secret::new(token.required()?))))
    })
}

/// Gives another header.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_credentials_header(
    credentials: CredentialsHandle,
    name: *const c_char,
    name_length: usize,
    value: *const c_char,
    value_length: usize,
) -> Status {
    give(credentials, || {
        let name = Input { what: "the name of the header", data: name, length: name_length };
        let value = Input { what: "the value of the header", data: value, length: value_length };
        Ok(Ok(Credential::header(name.required()?, Secret::new(value.required()?))))
    })
}

/// There are none to be had, for a reason that is no secret: the request fails with `MCP_STATUS_CREDENTIALS`.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_credentials_fail(credentials: CredentialsHandle, text: *const c_char, length: usize) -> Status {
    give(credentials, || {
        let text = Input { what: "the text", data: text, length };
        Ok(Err(CredentialsError::new(SOURCE, text.required()?)))
    })
}

impl Asked {
    fn new(request: &Ask<'_>) -> Self {
        let rejected = request.rejected();
        // Several values are a list like one with commas.
        let values = rejected.map(|rejected| rejected.www_authenticate.join(", "));
        Self {
            resource: request.resource().to_string(),
            refused: if rejected.is_some() { 401 } else { 0 },
            challenge: values.filter(|values| !values.is_empty()),
            until: request.time_left().and_then(|left| Instant::now().checked_add(left)),
            given: Mutex::new(None),
        }
    }

    fn take(&self) -> Option<Result<Credential, CredentialsError>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

fn give(
    credentials: CredentialsHandle,
    make: impl FnOnce() -> Result<Result<Credential, CredentialsError>, Fault>,
) -> Status {
    enter(Out(std::ptr::null_mut()), || {
        let asked = ASKED.get(credentials.id)?;
        let made = make()?;
        let mut given = asked.given.lock().unwrap_or_else(PoisonError::into_inner);
        if given.is_some() {
            return Err(Fault::new(Status::State, "the credentials were given already"));
        }
        *given = Some(made);
        Ok(())
    })
}

fn lend(
    credentials: CredentialsHandle,
    text: *mut *const c_char,
    length: *mut usize,
    part: impl FnOnce(&Asked) -> Option<&str>,
) -> Status {
    enter(Out(std::ptr::null_mut()), || {
        let places = (Out(text), Out(length));
        places.0.required("the text")?;
        places.1.required("the length")?;
        // It is on its shelf until the callback returns, and this does not change there.
        let asked = ASKED.get(credentials.id)?;
        let (text, length) = part(&asked).map_or((std::ptr::null(), 0), shown);
        places.0.set(text);
        places.1.set(length);
        Ok(())
    })
}

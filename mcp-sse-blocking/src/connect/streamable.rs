//! Opening Streamable HTTP: `initialize` by POST, and the session id that its answer may assign.

use mcp_core::Limits;
use mcp_core::http::Url;
use mcp_core::jsonrpc::{self, Message, Payload};
use mcp_core::session::{ClientEvent, ClientSession};
use mcp_core::time::{Cause, Deadline};
use mcp_core::types::InitializeParams;

use super::Opening;
use super::opening::initialize_params;
use crate::carrier::{Carrier, Filled};
use crate::client::Client;
use crate::clock;
use crate::config::Common;
use crate::engine::misuse;
use crate::error::{Delivery, Error, PeerError};
use crate::intake::handshake_failure;
use crate::streamable::Streamable;
use crate::transport::event_stream::EventStream;
use crate::transport::http::{Again, Http, Target};
use crate::transport::streamable_http::{Context, Endpoint, Posting, Reply};

/// Messages that are kept when they come on the stream of the handshake. 64: servers send none.
const EARLY_MESSAGES: usize = 64;

/// A session that was opened.
pub(crate) struct Opened {
    pub(crate) session: ClientSession,
    /// With its id and its revision.
    pub(crate) context: Context,
    /// What else came, to be taken in.
    pub(crate) early: Vec<Vec<u8>>,
}

/// Connects to the endpoint at `url`, with a handshake.
pub(super) fn connect(url: &Url, http: Http, common: Common) -> Result<Client, Error> {
    let target = Target::new(url.clone())?;
    let endpoint = Endpoint::new(http, target, common.limits.clone(), common.idle_timeout);
    let hello = initialize_params(&common);
    let timeout = common.call_timeout;
    let deadline = timeout.map(|timeout| Deadline::after(clock::now(), timeout, Cause::Initialize));
    let opened = open_session(&endpoint, &hello, &common.limits, deadline).map_err(|error| error.after(timeout))?;
    endpoint.enter(opened.context);
    let carrier = Carrier::Streamable(Streamable::new(endpoint, Some(hello)));
    let opening = Opening::opened(carrier, opened.session, common)?;
    for data in opened.early {
        opening.engine().take_data(&data, None);
    }
    opening.into_client()
}

/// Shakes hands at an endpoint. No request of another session is disturbed.
///
/// # Errors
/// [`Error::Status`] when the server does not take `initialize`; [`Error::Rpc`] when it refuses it.
pub(crate) fn open_session(
    endpoint: &Endpoint,
    hello: &InitializeParams,
    limits: &Limits,
    deadline: Option<Deadline>,
) -> Result<Opened, Error> {
    let mut session = ClientSession::new(limits.clone());
    let mut message = Vec::new();
    session.initialize(hello, None, &mut message).map_err(misuse)?;
    let mut context = endpoint.blank();
    // Nothing is remembered of a handshake that nobody finished: it may be sent twice.
    let posting = Posting { message: &message, mirrored: &[], deadline, stop: None, again: Again::Yes };
    let answered = endpoint.post(&context, &posting)?;
    if let Some(moved) = answered.moved {
        context.target = moved;
    }
    let mut early = Vec::new();
    let mut initialized = Vec::new();
    match answered.reply {
        Reply::Json(body) => {
            if !take(&mut session, &body, limits, &mut initialized)? {
                return Err(PeerError::NoAnswer.into());
            }
        }
        Reply::Stream(stream) => {
            let stream = await_result(&mut session, stream, limits, deadline, &mut initialized, &mut early)?;
            endpoint.leave(stream);
        }
        Reply::Accepted => return Err(PeerError::NoAnswer.into()),
        Reply::Refused(refused) => {
            let is_error = take(&mut session, &refused.body, limits, &mut initialized);
            return Err(match is_error {
                Err(error @ Error::Rpc(_)) if !matches!(refused.status.code, 401 | 403) => error,
                _ => refused.into_error(),
            });
        }
    }
    let Some(version) = session.version() else { return Err(PeerError::NoAnswer.into()) };
    if let Some(id) = &answered.session {
        context = context.with_session(id)?;
    }
    if version.has_version_header() {
        context = context.with_version(version.as_str());
    }
    // Sent and taken over before any request follows (R-LM-23), and a part of the handshake in time as well.
    let posting = Posting { message: &initialized, mirrored: &[], deadline, stop: None, again: Again::Yes };
    match endpoint.post(&context, &posting)?.reply {
        Reply::Refused(refused) => Err(refused.into_error()),
        _ => Ok(Opened { session, context, early }),
    }
}

/// Reads the stream up to the answer.
fn await_result(
    session: &mut ClientSession,
    mut stream: EventStream,
    limits: &Limits,
    deadline: Option<Deadline>,
    initialized: &mut Vec<u8>,
    early: &mut Vec<Vec<u8>>,
) -> Result<EventStream, Error> {
    loop {
        while let Some(event) = stream.next_event()? {
            if !event.carries_message() {
                continue;
            }
            if take(session, event.data, limits, initialized)? {
                return Ok(stream);
            }
            if early.len() == EARLY_MESSAGES {
                return Err(PeerError::NoAnswer.into());
            }
            early.push(event.data.to_owned());
        }
        match stream.fill(deadline)? {
            Filled::Bytes => {}
            Filled::End => return Err(Error::StreamEnded(Delivery::Sent)),
            Filled::OutOfTime(cause) => {
                return Err(Error::Timeout(crate::Timeout { cause, after: None, delivery: Delivery::Sent }));
            }
        }
    }
}

/// Whether this is the answer to `initialize`.
///
/// # Errors
/// When it is, and it is no success.
fn take(session: &mut ClientSession, data: &[u8], limits: &Limits, out: &mut Vec<u8>) -> Result<bool, Error> {
    let message = match jsonrpc::decode(data, limits) {
        Ok(Payload::Message(message @ (Message::Response(_) | Message::Error(_)))) => message,
        Ok(_) => return Ok(false),
        Err(error) => return Err(PeerError::Message(error.to_string()).into()),
    };
    match session.handle_message(message, out) {
        ClientEvent::Initialized => Ok(true),
        ClientEvent::HandshakeFailed(error) => Err(handshake_failure(error)),
        _ => Ok(false),
    }
}

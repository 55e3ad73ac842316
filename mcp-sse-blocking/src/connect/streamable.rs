//! Opening Streamable HTTP: `initialize` by POST and the session id that its answer may assign, or no more than the first
//! request in the revision that has no handshake.

use mcp_core::Limits;
use mcp_core::http::RequestHead;
use mcp_core::jsonrpc::{self, Message, Payload};
use mcp_core::revision::ProtocolVersion;
use mcp_core::session::{ClientEvent, ClientProfile, ClientSession, RequestOptions};
use mcp_core::time::Deadline;
use mcp_core::types::{InitializeParams, Method};

use super::ask::{Heard, ask};
use super::early::Early;
use crate::builder::Common;
use crate::engine::misuse;
use crate::error::{Error, PeerError};
use crate::intake::handshake_failure;
use crate::transport::http::Again;
use crate::transport::pool::Room;
use crate::transport::streamable_http::{Context, Endpoint, Posting, Reply};

/// A session that was opened.
pub(crate) struct Opened {
    pub(crate) session: ClientSession,
    /// With its id and its revision.
    pub(crate) context: Context,
    /// What else came, to be taken in.
    pub(crate) early: Early,
}

/// `initialize` was answered.
pub(super) struct Greeted {
    session: ClientSession,
    context: Context,
    pub(super) heard: Heard,
}

/// Shakes hands at an endpoint. No request of another session is disturbed.
///
/// # Errors
/// [`Error::Status`] when the server does not take `initialize`; [`Error::Rpc`] when it refuses it.
pub(crate) fn open_session(
    endpoint: &Endpoint,
    hello: &InitializeParams,
    deadline: Option<Deadline>,
) -> Result<Opened, Error> {
    greet(endpoint, hello, deadline)?.open(endpoint, deadline)
}

/// Sends `initialize`, without session and revision (R-SH-51, R-SH-61).
pub(super) fn greet(
    endpoint: &Endpoint,
    hello: &InitializeParams,
    deadline: Option<Deadline>,
) -> Result<Greeted, Error> {
    let mut session = ClientSession::new(endpoint.limits.clone());
    let mut message = Vec::new();
    session.initialize(hello, None, &mut message).map_err(misuse)?;
    let mut context = endpoint.blank();
    let heard = ask(endpoint, &context, &message, &Vec::new(), deadline)?;
    // After redirects.
    context.target = endpoint.context().target.clone();
    Ok(Greeted { session, context, heard })
}

impl Greeted {
    /// Takes the answer for what it is and says `notifications/initialized`.
    pub(super) fn open(self, endpoint: &Endpoint, deadline: Option<Deadline>) -> Result<Opened, Error> {
        let Self { mut session, mut context, mut heard } = self;
        let limits = &endpoint.limits;
        let early = std::mem::take(&mut heard.early);
        if heard.refusal.is_some() {
            return Err(heard.into_error(limits));
        }
        let assigned = heard.session.take();
        let mut initialized = Vec::new();
        take(&mut session, heard, limits, &mut initialized)?;
        let Some(version) = session.version() else { return Err(PeerError::NoAnswer.into()) };
        context = context.in_session(assigned.as_ref(), version)?;
        endpoint.http.insight().secret_session(assigned.as_ref());
        // Sent and taken over before any request follows (R-LM-23), and a part of the handshake in time as well.
        endpoint.http.insight().sent(&initialized);
        let posting = Posting {
            message: &initialized,
            mirrored: &Vec::new(),
            deadline,
            stop: None,
            again: Again::Yes,
            room: Room::Free,
        };
        match endpoint.post(&context, &posting)?.reply {
            Reply::Refused(refused) => Err(refused.into_error()),
            Reply::Accepted | Reply::Json(_) | Reply::Stream(_) => Ok(Opened { session, context, early }),
        }
    }
}

fn take(session: &mut ClientSession, heard: Heard, limits: &Limits, out: &mut Vec<u8>) -> Result<(), Error> {
    let Some(message) = heard.message.as_deref() else { return Err(heard.into_error(limits)) };
    let message = match jsonrpc::decode(message, limits) {
        Ok(Payload::Message(message @ (Message::Response(_) | Message::Error(_)))) => message,
        Ok(_) => return Err(PeerError::NoAnswer.into()),
        Err(error) => return Err(PeerError::Message(error.to_string()).into()),
    };
    match session.handle_message(message, out) {
        ClientEvent::Initialized => Ok(()),
        ClientEvent::HandshakeFailed(error) => Err(handshake_failure(error)),
        _ => Err(heard.into_error(limits)),
    }
}

/// A session without a handshake, which operates at once.
pub(super) fn stateless(common: &Common, version: ProtocolVersion) -> Result<ClientSession, Error> {
    let capabilities = common.capabilities_in(version);
    let profile = ClientProfile { info: &common.client_info, capabilities: &capabilities };
    ClientSession::stateless(common.limits.clone(), version, &profile).map_err(misuse)
}

/// Asks who the server is and what it speaks, claiming this revision.
pub(super) fn discover(
    endpoint: &Endpoint,
    common: &Common,
    version: ProtocolVersion,
    deadline: Option<Deadline>,
) -> Result<Heard, Error> {
    let mut session = stateless(common, version)?;
    let mut message = Vec::new();
    let method = Method::ServerDiscover.name();
    session.request(method, &(), RequestOptions::PLAIN, &mut message).map_err(misuse)?;
    let context = endpoint.blank().in_session(None, version)?;
    let head = RequestHead { version: Some(version), session: None };
    ask(endpoint, &context, &message, &crate::params::mirrored_by(&head, method, None), deadline)
}

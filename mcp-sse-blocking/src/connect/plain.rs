//! A server that speaks no MCP transport: there is nothing to open and nobody to shake hands with.
//!
//! No handshake is sent. The session above is one of the first revision, and what such a server would have answered to
//! `initialize` is made up here: that it has tools, and nothing else, for nothing else is known of it.

use mcp_core::http::Url;
use mcp_core::jsonrpc::{self, Message, Payload};
use mcp_core::revision::ProtocolVersion;
use mcp_core::session::{ClientEvent, ClientSession};

use super::Opening;
use super::opening::initialize_params;
use crate::builder::{Common, HttpOptions};
use crate::carrier::Carrier;
use crate::client::Client;
use crate::engine::misuse;
use crate::error::{Error, PeerError};
use crate::plain::Plain;
use crate::streamable::Streamable;
use crate::transport::http::{Http, Target};
use crate::transport::streamable_http::Endpoint;

/// The client of the server whose stream is at `url`. Sends nothing, unless there are handlers that want the stream.
pub(super) fn connect(url: &Url, http: Http, options: &HttpOptions, common: Common) -> Result<Client, Error> {
    if common.version.is_some() {
        return Err(Error::Usage("`Transport::Plain` has no revisions of the protocol to choose from".into()));
    }
    let stream = Target::new(url.clone())?;
    let messages = match &options.message_url {
        None => stream.clone(),
        Some(message_url) => {
            let resolved = mcp_core::http::resolve_message_url(url, message_url);
            Target::new(resolved.map_err(|error| Error::Usage(format!("`message_url`: {error}")))?)?
        }
    };
    let session = made_up(&common)?;
    let mut endpoint = Endpoint::new(http, messages, common.limits.clone(), common.idle_timeout);
    endpoint.transformer = common.events.transformer(&common.limits);
    endpoint.plain = Some(Plain { stream, takes_requests: options.message_url.is_some() });
    let carrier = Carrier::Streamable(Box::new(Streamable::new(endpoint, None)));
    Opening::opened(carrier, session, common)?.found_in(0).into_client()
}

/// A session as if hands had been shaken.
fn made_up(common: &Common) -> Result<ClientSession, Error> {
    let mut session = ClientSession::new(common.limits.clone());
    let mut hello = initialize_params(common);
    hello.protocol_version = ProtocolVersion::OLDEST.as_str().to_owned();
    let id = session.initialize(&hello, None, &mut Vec::new()).map_err(misuse)?;
    let version = ProtocolVersion::OLDEST;
    let result = format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{{"protocolVersion":"{version}","capabilities":{{"tools":{{}}}},"serverInfo":{{"name":"","version":""}}}}}}"#
    );
    // What limits are too small for this are too small for anything.
    let Ok(Payload::Message(message @ Message::Response(_))) = jsonrpc::decode(result.as_bytes(), &common.limits)
    else {
        return Err(Error::Usage("the limits are too small for any session".into()));
    };
    match session.handle_message(message, &mut Vec::new()) {
        ClientEvent::Initialized => Ok(session),
        _ => Err(PeerError::NoAnswer.into()),
    }
}

//! A session on its way: its threads run and its carrier is open, but nothing was agreed on.

use std::sync::Arc;

use crossbeam_channel::Receiver;
use mcp_core::revision::ProtocolVersion;
use mcp_core::session::ClientSession;
use mcp_core::types::InitializeParams;

use crate::background::{Background, Notice};
use crate::carrier::Carrier;
use crate::client::{Client, Session};
use crate::config::Common;
use crate::engine::Engine;
use crate::error::{Delivery, Error};

/// An engine with its threads, before there is a client. Dropping it closes everything.
pub(crate) struct Opening {
    session: Session,
    common: Common,
    notices: Option<Receiver<Notice>>,
}

impl Opening {
    /// Starts what reads the carrier. Nothing was said on it yet.
    pub(crate) fn new(carrier: Carrier, common: Common) -> Result<Self, Error> {
        let session = ClientSession::new(common.limits.clone());
        Self::opened(carrier, session, common)
    }

    /// The same over a carrier on which the session stands already.
    pub(super) fn opened(carrier: Carrier, session: ClientSession, common: Common) -> Result<Self, Error> {
        let (background, notices) = Background::new(&common.handlers);
        let engine = Engine::new(carrier, session, common.limits.clone(), common.call_timeout, background);
        let session = Session(Arc::clone(&engine));
        if engine.carrier.shared().is_some() {
            engine.background.start_reader(&engine).map_err(|error| no_thread(&error))?;
        }
        Ok(Self { session, common, notices })
    }

    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.session.0
    }

    /// Shakes hands over a shared stream, within `call_timeout`.
    pub(crate) fn shake_hands(self) -> Result<Client, Error> {
        let (engine, timeout) = (self.engine(), self.common.call_timeout);
        let mut handshake = engine.begin_handshake(&initialize_params(&self.common), timeout)?;
        handshake.send()?;
        engine.wait_for(&mut handshake, None, |_| Ok(()))?;
        let deadline = handshake.deadline;
        drop(handshake);
        // Sent and taken over before any request follows (R-LM-23, R-SSE-48), and a part of the handshake in time as well.
        engine.post(&engine.take_initialized(), deadline, None).map_err(|error| error.after(timeout))?;
        self.into_client()
    }

    /// The client, now that the session is open.
    pub(super) fn into_client(self) -> Result<Client, Error> {
        let Self { session, common, notices } = self;
        let engine = Arc::clone(&session.0);
        let agreed = engine.session(|session| Some((session.server()?.clone(), session.version()?)));
        let (server, version) = agreed.ok_or_else(|| engine.ended().unwrap_or(Error::Closed(Delivery::Sent)))?;
        let client = Client::new(session, server, version);
        if let Some(notices) = notices {
            let started = engine.background.start_handlers(client.downgrade(), notices, common.handlers);
            started.map_err(|error| no_thread(&error))?;
        }
        Ok(client)
    }
}

/// What a client says of itself at first.
pub(crate) fn initialize_params(common: &Common) -> InitializeParams {
    InitializeParams {
        protocol_version: common.version.unwrap_or(ProtocolVersion::LATEST_HANDSHAKE).as_str().to_owned(),
        capabilities: common.capabilities.clone(),
        client_info: common.client_info.clone(),
    }
}

fn no_thread(error: &std::io::Error) -> Error {
    Error::Usage(format!("a thread cannot be started: {error}"))
}

//! A session on its way: its threads run and its carrier is open, but nothing was agreed on.

use std::sync::Arc;

use crossbeam_channel::Receiver;
use mcp_core::revision::ProtocolVersion;
use mcp_core::session::{ClientOffers, ClientSession};
use mcp_core::time::{Cause, Deadline};
use mcp_core::types::{InitializeParams, InitializeResult};

use super::found::Connection;

use crate::background::{Background, Notice};
use crate::builder::Common;
use crate::carrier::Carrier;
use crate::client::{Client, Session};
use crate::clock;
use crate::engine::Engine;
use crate::error::{Delivery, Error};
use crate::events::Hub;
use crate::features::Features;
use crate::hints::Hints;
use crate::pending::{Pending, Repeat};
use crate::restore::pause_before_another;
use crate::standing::Standing;

/// An engine with its threads, before there is a client. Dropping it closes everything.
pub(crate) struct Opening {
    session: Session,
    common: Common,
    notices: Option<Receiver<Notice>>,
    /// How many requests it took to find out what the server speaks.
    requests: usize,
    /// What the server says of itself, where no handshake says it.
    server: Option<(InitializeResult, ProtocolVersion)>,
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
        let events = Hub::new(common.events.transformer(&common.limits), common.events.first());
        let features = Features::new(common.input.clone(), common.cache)
            .told_by(events)
            .seen_by(Arc::clone(common.insight.of_client()));
        let (policy, watch) = (common.reconnect.policy.clone(), common.reconnect.watch.clone());
        let standing = Standing::new(policy, watch, &common.limits);
        if session.version().is_some() {
            standing.begin();
        }
        let hints = Hints::new(common.reconnect.trusts_annotations);
        let engine = Engine::new(
            carrier,
            session,
            common.limits.clone(),
            common.call_timeout,
            background,
            features,
            standing,
            hints,
        );
        let session = Session(Arc::clone(&engine));
        if engine.carrier.shared().is_some() {
            engine.background.start_reader(&engine).map_err(|error| no_thread(&error))?;
        }
        Ok(Self { session, common, notices, requests: 1, server: None })
    }

    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.session.0
    }

    /// It took so many requests to find out what the server speaks.
    pub(crate) fn found_in(self, requests: usize) -> Self {
        Self { requests, ..self }
    }

    /// What the server says of itself, where no handshake says it.
    pub(super) fn with_server(self, server: InitializeResult, version: ProtocolVersion) -> Self {
        Self { server: Some((server, version)), ..self }
    }

    /// Shakes hands over a shared stream, within `call_timeout`.
    pub(super) fn initialize(self) -> Result<Self, Error> {
        let (engine, timeout) = (self.engine(), self.common.call_timeout);
        let deadline = timeout.map(|timeout| Deadline::after(clock::now(), timeout, Cause::Initialize));
        let mut handshake = self.greet(deadline)?;
        engine.wait_for(&mut handshake, None, |_| Ok(()))?;
        drop(handshake);
        let agreed = engine.session(|session| Some((session.server()?.clone(), session.version()?)));
        engine.standing.begin();
        // Sent and taken over before any request follows (R-LM-23, R-SSE-48), and a part of the handshake in time as well.
        engine
            .post(&engine.take_initialized(), None, deadline, None, Repeat::Safe)
            .map_err(|error| error.after(timeout))?;
        Ok(Self { server: agreed, ..self })
    }

    /// Sends `initialize`: more than once where the server cannot take it yet, and the policy is patient.
    fn greet(&self, deadline: Option<Deadline>) -> Result<Pending, Error> {
        let engine = self.engine();
        for attempts in 1.. {
            let mut handshake = engine.begin_handshake(&initialize_params(&self.common), deadline)?;
            let Err(error) = handshake.send() else { return Ok(handshake) };
            let pause = pause_before_another(&self.common.reconnect.policy, &error, attempts, deadline);
            // Whatever ends the session meanwhile ends the pause.
            if !pause.is_some_and(|pause| engine.standing.pause(pause, None)) {
                return Err(error);
            }
        }
        Err(Error::Closed(Delivery::NotSent))
    }

    /// The client, now that the session is open.
    pub(super) fn into_client(self) -> Result<Client, Error> {
        let Self { session, common, notices, requests, server } = self;
        let engine = Arc::clone(&session.0);
        let agreed = || engine.session(|session| Some((session.server()?.clone(), session.version()?)));
        let (server, version) =
            server.or_else(agreed).ok_or_else(|| engine.ended().unwrap_or(Error::Closed(Delivery::Sent)))?;
        let offers = ClientOffers::from(&common.capabilities_in(version));
        let has_handlers = notices.is_some() || common.input.teller.is_some();
        let wants_to_hear = has_handlers || engine.has_listeners() || offers != ClientOffers::NONE;
        let connection = Connection { via: engine.carrier.via(), version, requests, place: engine.carrier.place() };
        engine.insight().connected(&connection.place);
        let client = Client::new(session, server, connection);
        if let Some(notices) = notices {
            let started = engine.background.start_handlers(client.downgrade(), notices, common.handlers);
            started.map_err(|error| no_thread(&error))?;
        }
        if wants_to_hear {
            engine.want_stream();
        }
        engine.standing.open();
        Ok(client)
    }
}

/// What a client says of itself at first.
pub(crate) fn initialize_params(common: &Common) -> InitializeParams {
    let version = common.version.filter(|version| version.has_handshake()).unwrap_or(ProtocolVersion::LATEST_HANDSHAKE);
    InitializeParams {
        protocol_version: version.as_str().to_owned(),
        capabilities: common.capabilities_in(version),
        client_info: common.client_info.clone(),
    }
}

fn no_thread(error: &std::io::Error) -> Error {
    Error::Usage(format!("a thread cannot be started: {error}"))
}

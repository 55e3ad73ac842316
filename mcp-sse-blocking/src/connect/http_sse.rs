//! Opening HTTP+SSE: the stream first, and then where its `endpoint` event says.

use std::sync::Arc;
use std::time::Duration;

use mcp_core::Limits;
use mcp_core::http::{Url, resolve_endpoint};
use mcp_core::time::{Cause, Deadline};

use super::early::Early;
use crate::builder::{Common, HttpOptions};
use crate::carrier::Filled;
use crate::clock;
use crate::error::{Delivery, Error, PeerError, Timeout};
use crate::events::Transformer;
use crate::log_target;
use crate::transport::event_stream::EventStream;
use crate::transport::http::{Http, Target};
use crate::transport::http_sse::{MessageTarget, Opened, Session};
use crate::transport::link::{Again, Fresh};

/// An event stream that is one of HTTP+SSE.
pub(super) struct Open {
    pub(super) stream: EventStream,
    pub(super) target: MessageTarget,
    /// What came before the endpoint, to be taken in.
    pub(super) early: Early,
}

/// How a stream is opened, for each session anew.
#[derive(Clone)]
pub(super) struct Manner {
    url: Url,
    message_url: Option<String>,
    endpoint_timeout: Duration,
    idle_timeout: Option<Duration>,
    limits: Limits,
    transformer: Option<Transformer>,
}

impl Manner {
    pub(super) fn new(url: &Url, options: &HttpOptions, common: &Common) -> Self {
        Self {
            url: url.clone(),
            message_url: options.message_url.clone(),
            endpoint_timeout: options.endpoint_timeout,
            idle_timeout: common.idle_timeout,
            limits: common.limits.clone(),
            transformer: common.events.transformer(&common.limits),
        }
    }
}

/// Opens a stream, and with it a session, in place of one that is lost (R-SSE-38).
pub(super) struct Reopen {
    pub(super) manner: Manner,
    /// Of the first session; each that follows has its own.
    pub(super) http: Http,
}

impl Again<Session, Opened> for Reopen {
    fn start(
        &self,
        deadline: Option<Deadline>,
        opened: &dyn Fn(&Arc<Session>),
    ) -> Result<Fresh<Session, Opened>, Error> {
        let session = Arc::new(Session::new(self.http.anew(), self.manner.url.clone()));
        opened(&session);
        let Open { stream, target, early } = open(&self.manner, &session.http, deadline)?;
        session.found(stream.url().clone(), target);
        let stream = Opened { events: stream, early: early.into_iter().collect() };
        Ok(Fresh { peer: session, stream })
    }
}

/// Opens the event stream and waits until it has said where messages go, at most until `before`.
pub(super) fn open(manner: &Manner, http: &Http, before: Option<Deadline>) -> Result<Open, Error> {
    let url = &manner.url;
    let fixed = match &manner.message_url {
        None => None,
        Some(message_url) => {
            let resolved = mcp_core::http::resolve_message_url(url, message_url);
            Some(Target::new(resolved.map_err(|error| Error::Usage(format!("`message_url`: {error}")))?)?)
        }
    };
    let timeout = manner.endpoint_timeout;
    let own = Deadline::after(clock::now(), timeout, Cause::Endpoint);
    let deadline = before.filter(|before| before.at < own.at).unwrap_or(own);
    // How long the other one was is not known here.
    let timeout = (deadline.cause == Cause::Endpoint).then_some(timeout);
    let open = http.open(url, Some(deadline)).map_err(|error| http.insight().clear(error).after(timeout))?;
    let mut stream = EventStream::new(open, &manner.limits, manner.idle_timeout);
    let mut early = Early::default();
    let target = match fixed {
        Some(target) => MessageTarget { target: Arc::new(target), fixed: true },
        None => {
            let target = await_endpoint(&mut stream, deadline, &mut early, manner.transformer.clone());
            let target = target.map_err(|error| error.after(timeout))?;
            MessageTarget { target: Arc::new(target), fixed: false }
        }
    };
    log::debug!(target: log_target::CLIENT, "{} is open, messages go to {}", stream.url(), target.target.url.origin());
    Ok(Open { stream, target, early })
}

/// Reads the stream up to its `endpoint` event; sends nothing meanwhile and keeps messages that come too early (R-SSE-17).
fn await_endpoint(
    stream: &mut EventStream,
    deadline: Deadline,
    early: &mut Early,
    transformer: Option<Transformer>,
) -> Result<Target, Error> {
    let url = stream.url().clone();
    loop {
        while let Some(event) = stream.next_event()? {
            if event.event == b"endpoint" {
                return Target::new(resolve_endpoint(&url, &event.data_str()).map_err(PeerError::Endpoint)?);
            }
            if !event.carries_message() {
                continue;
            }
            match Transformer::through(transformer.as_ref(), &event) {
                Ok(data) if early.keep(&data).is_err() => return Err(PeerError::NoEndpoint.into()),
                Ok(_) => {}
                Err(error) => log::warn!(target: log_target::CLIENT, "left out what came: {error}"),
            }
        }
        match stream.fill(Some(deadline))? {
            Filled::Bytes => {}
            Filled::End => return Err(Error::StreamEnded(Delivery::NotSent)),
            Filled::OutOfTime(cause) => {
                return Err(Error::Timeout(Timeout { cause, after: None, delivery: Delivery::NotSent }));
            }
        }
    }
}

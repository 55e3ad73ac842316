//! Opening HTTP+SSE: the stream first, and then where its `endpoint` event says.

use std::sync::Arc;

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
use crate::transport::http_sse::MessageTarget;

/// An event stream that is one of HTTP+SSE.
pub(super) struct Open {
    pub(super) stream: EventStream,
    pub(super) target: MessageTarget,
    /// What came before the endpoint, to be taken in.
    pub(super) early: Early,
}

/// Opens the event stream at `url` and waits until it has said where messages go.
pub(super) fn open(url: &Url, http: &Http, options: &HttpOptions, common: &Common) -> Result<Open, Error> {
    let fixed = match &options.message_url {
        None => None,
        Some(message_url) => {
            let resolved = mcp_core::http::resolve(url, message_url);
            Some(Target::new(resolved.map_err(|error| Error::Usage(format!("`message_url`: {error}")))?)?)
        }
    };
    let timeout = options.endpoint_timeout;
    let deadline = Deadline::after(clock::now(), timeout, Cause::Endpoint);
    let open = http.open(url, Some(deadline)).map_err(|error| http.insight().clear(error).after(Some(timeout)))?;
    let mut stream = EventStream::new(open, &common.limits, common.idle_timeout);
    let mut early = Early::default();
    let target = match fixed {
        Some(target) => MessageTarget { target: Arc::new(target), fixed: true },
        None => {
            let target = await_endpoint(&mut stream, deadline, &mut early, common.events.transformer(&common.limits));
            let target = target.map_err(|error| error.after(Some(timeout)))?;
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

//! HTTP+SSE as a carrier: replies come on the one stream, messages go by POST to the endpoint that it announced.

use std::sync::{Arc, Mutex, PoisonError};

use mcp_core::http::{Url, resolve_endpoint};
use mcp_core::time::Deadline;

use super::exchange::Stop;
use super::http::{Http, Target};
use crate::carrier::Sink;
use crate::connect::Via;
use crate::error::{Error, PeerError};
use crate::log_target;

/// The side of HTTP+SSE that sends.
pub(crate) struct HttpSse {
    http: Http,
    /// Where the event stream was found: the base of `endpoint` events.
    stream_url: Url,
    target: Mutex<MessageTarget>,
}

/// Where messages go.
pub(crate) struct MessageTarget {
    pub(crate) target: Arc<Target>,
    /// Set by the caller: `endpoint` events change nothing.
    pub(crate) fixed: bool,
}

impl HttpSse {
    pub(crate) fn new(http: Http, stream_url: Url, target: MessageTarget) -> Self {
        Self { http, stream_url, target: Mutex::new(target) }
    }

    /// Where the next message goes.
    fn target(&self) -> Arc<Target> {
        Arc::clone(&self.target.lock().unwrap_or_else(PoisonError::into_inner).target)
    }
}

impl Sink for HttpSse {
    fn post(&self, message: &[u8], deadline: Option<Deadline>, stop: Option<Arc<dyn Stop>>) -> Result<(), Error> {
        self.http.post(&self.target(), message, deadline, stop).map_err(|error| self.http.insight().clear(error))
    }

    fn shut_down(&self) {
        self.http.shut_down();
    }

    fn is_shut_down(&self) -> bool {
        self.http.is_closed()
    }

    /// An `endpoint` event after the first: checked as the first was, then messages go there (R-SSE-33).
    fn handle_endpoint(&self, data: &str) -> Result<(), Error> {
        let new = match resolve_endpoint(&self.stream_url, data).map_err(PeerError::Endpoint) {
            Ok(url) => Target::new(url),
            Err(error) => Err(error.into()),
        };
        let mut target = self.target.lock().unwrap_or_else(PoisonError::into_inner);
        if target.fixed {
            log::debug!(target: log_target::CLIENT, "ignored an `endpoint` event: `message_url` is set");
            return Ok(());
        }
        target.target = Arc::new(new?);
        log::debug!(target: log_target::CLIENT, "messages go to another URL from now on");
        Ok(())
    }

    fn place(&self) -> String {
        self.stream_url.to_string()
    }

    fn via(&self) -> Via {
        Via::HttpSse
    }
}

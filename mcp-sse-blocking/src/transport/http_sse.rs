//! HTTP+SSE as a carrier: replies come on the one stream, messages go by POST to the endpoint that it announced.
//!
//! A session lives on its stream (R-SSE-37). Another stream is another session, with connections of its own: the
//! [link](super::link) leads to one of them at a time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mcp_core::http::{Url, resolve_endpoint};
use mcp_core::time::{Cause, Deadline};
use mcp_core::types::InitializeParams;

use super::event_stream::EventStream;
use super::exchange::Stop;
use super::http::{Http, Target};
use super::link::{Again, Awaited, Fresh, Link, Peer};
use crate::carrier::{Filled, Incoming, Loss, SharedStream, Sink, Unsent};
use crate::connect::Via;
use crate::error::{Delivery, Error, PeerError};
use crate::log_target;
use crate::pending::Repeat;

/// A stream on its way to becoming a session, or one that is.
pub(crate) struct Session {
    pub(crate) http: Http,
    place: Mutex<Place>,
}

/// Where a session is.
struct Place {
    /// Where the event stream was asked for, then where it was found: the base of `endpoint` events.
    stream_url: Url,
    /// Where messages go, once that is known.
    target: Option<MessageTarget>,
}

/// Where messages go.
pub(crate) struct MessageTarget {
    pub(crate) target: Arc<Target>,
    /// Set by the caller: `endpoint` events change nothing.
    pub(crate) fixed: bool,
}

impl Session {
    /// The event stream at `url` is to be opened.
    pub(crate) fn new(http: Http, url: Url) -> Self {
        Self { http, place: Mutex::new(Place { stream_url: url, target: None }) }
    }

    /// The stream was found at `url`, and messages go to `target`.
    pub(crate) fn found(&self, url: Url, target: MessageTarget) {
        *self.place() = Place { stream_url: url, target: Some(target) };
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the next message goes.
    fn target(&self) -> Result<Arc<Target>, Error> {
        let place = self.place();
        // Whoever has a session to post in has seen its endpoint.
        place.target.as_ref().map(|target| Arc::clone(&target.target)).ok_or(PeerError::NoEndpoint.into())
    }

    /// An `endpoint` event after the first: checked as the first was, then messages go there (R-SSE-33).
    fn handle_endpoint(&self, data: &str) -> Result<(), Error> {
        let mut place = self.place();
        if place.target.as_ref().is_some_and(|target| target.fixed) {
            log::debug!(target: log_target::CLIENT, "ignored an `endpoint` event: `message_url` is set");
            return Ok(());
        }
        let url = resolve_endpoint(&place.stream_url, data).map_err(PeerError::Endpoint)?;
        place.target = Some(MessageTarget { target: Arc::new(Target::new(url)?), fixed: false });
        log::debug!(target: log_target::CLIENT, "messages go to another URL from now on");
        Ok(())
    }
}

impl Peer for Session {
    /// Shuts down every connection of this session, and of no other.
    fn end(&self) {
        self.http.shut_down();
    }

    fn name(&self) -> String {
        self.place().stream_url.to_string()
    }
}

/// A stream that is open, with what came on it before anybody could take it in.
pub(crate) struct Opened {
    pub(crate) events: EventStream,
    pub(crate) early: VecDeque<Vec<u8>>,
}

/// The side of HTTP+SSE that sends.
pub(crate) struct HttpSse {
    link: Arc<Link<Session, Opened>>,
    hello: InitializeParams,
}

/// The side that brings what the server sends.
pub(crate) struct Stream {
    link: Arc<Link<Session, Opened>>,
    /// `None` between two sessions.
    opened: Option<Opened>,
    /// Of the session.
    number: u64,
    /// What is looked at.
    message: Vec<u8>,
}

/// The two sides of a session that was opened.
pub(crate) fn over(session: Arc<Session>, opened: Opened, hello: InitializeParams) -> (HttpSse, Stream) {
    let link = Link::new(session);
    let stream = Stream { link: Arc::clone(&link), opened: Some(opened), number: 0, message: Vec::new() };
    (HttpSse { link, hello }, stream)
}

impl HttpSse {
    /// From now on a session that is lost can be followed by another.
    pub(crate) fn begin_again_with(&self, again: Box<dyn Again<Session, Opened>>) {
        self.link.begin_again_with(again);
    }
}

impl Sink for HttpSse {
    fn post(
        &self,
        message: &[u8],
        peer: Option<u64>,
        deadline: Option<Deadline>,
        stop: Option<Arc<dyn Stop>>,
        repeat: Repeat,
    ) -> Result<(), Unsent> {
        let (session, peer) = self.link.peer(peer)?;
        let posted =
            session.target().and_then(|target| session.http.post(&target, message, deadline, stop, repeat.into()));
        let posted = posted.map_err(|error| session.http.insight().clear(error));
        posted.map_err(|error| match error {
            // Its connections were shut down because its stream was lost.
            Error::Closed(delivery) if !self.link.is_down() => {
                let lost = self.link.peer(Some(peer)).err().map_or(Error::StreamEnded(delivery), Error::from);
                Unsent { peer, error: lost.with_delivery(delivery) }
            }
            error => Unsent { peer, error },
        })
    }

    fn shut_down(&self) {
        self.link.shut_down();
    }

    fn is_shut_down(&self) -> bool {
        self.link.is_down()
    }

    fn handle_endpoint(&self, peer: u64, data: &str) -> Result<(), Error> {
        match self.link.peer(Some(peer)) {
            Ok((session, _)) => session.handle_endpoint(data),
            // Said on a stream that was given up.
            Err(_) => Ok(()),
        }
    }

    fn place(&self) -> String {
        self.link.name()
    }

    fn via(&self) -> Via {
        Via::HttpSse
    }

    fn number(&self) -> u64 {
        self.link.number()
    }

    fn restart(&self, deadline: Option<Deadline>) -> Result<(), Error> {
        self.link.restart(deadline)
    }

    fn hello(&self) -> Option<&InitializeParams> {
        Some(&self.hello)
    }

    fn give_up(&self, peer: u64, error: &Error) {
        self.link.lose(peer, error);
    }
}

impl SharedStream for Stream {
    fn next(&mut self) -> Result<Option<Incoming<'_>>, Error> {
        // Of a session that was given up nothing is taken in any more.
        let Some(opened) = self.opened.as_mut().filter(|_| self.link.is_current(self.number)) else { return Ok(None) };
        if let Some(early) = opened.early.pop_front() {
            self.message = early;
            return Ok(Some(Incoming::Kept(&self.message)));
        }
        let number = self.number;
        Ok(opened.events.next_event()?.map(|event| Incoming::Event(event, number)))
    }

    fn fill(&mut self, deadline: Option<Deadline>) -> Result<Filled, Error> {
        if let Some(opened) = &mut self.opened {
            return opened.events.fill(deadline);
        }
        match self.link.await_fresh(deadline) {
            Awaited::Fresh(Fresh { stream, .. }, number) => {
                (self.opened, self.number) = (Some(stream), number);
                Ok(Filled::Bytes)
            }
            Awaited::OutOfTime => Ok(Filled::OutOfTime(deadline.map_or(Cause::Call, |deadline| deadline.cause))),
            Awaited::ShutDown => Err(Error::Closed(Delivery::NotSent)),
        }
    }

    fn number(&self) -> u64 {
        self.number
    }

    fn loss(&self) -> Loss {
        self.link.loss(self.number)
    }

    fn let_go(&mut self, error: &Error) {
        self.link.lose(self.number, error);
        self.opened = None;
    }

    fn retry(&self) -> Option<Duration> {
        self.opened.as_ref().and_then(|opened| opened.events.retry())
    }
}

//! The first messages on a line stream, before anybody else reads it: which era the server is of, and a session with it.
//!
//! What is asked in which order, and what an answer means, the core decides ([`mcp_core::http::era`]). A server is asked
//! `server/discover` first (R-IO-20). One that ends at that is started once more and sent `initialize` (R-IO-35); one that only
//! says nothing is sent `initialize` where it is, and may still answer both when it is slow to start.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use mcp_core::Limits;
use mcp_core::http::era::{Detection, Era, Finding, Next, Probe};
use mcp_core::jsonrpc::{self, Message, Payload};
use mcp_core::revision::ProtocolVersion;
use mcp_core::session::{ClientEvent, ClientSession, IgnoredByClient, RequestOptions};
use mcp_core::text::Excerpt;
use mcp_core::time::{Cause, Deadline};
use mcp_core::types::{InitializeParams, Method};
use serde_json::value::RawValue;

use super::early::Early;
use super::opening::initialize_params;
use super::streamable::stateless;
use crate::builder::Common;
use crate::carrier::{Filled, Incoming, SharedStream as _, Sink as _};
use crate::clock;
use crate::engine::{WIRE_CHARACTERS, misuse};
use crate::error::{Delivery, Error, PeerError, Timeout};
use crate::events::{PayloadForm, Transformer};
use crate::insight::Insight;
use crate::intake::handshake_failure;
use crate::log_target;
use crate::pending::Repeat;
use crate::transport::line::{self, Duplex, LineSink, LineStream};

/// Lines without a message that are said at level warn, the rest at level debug: they must not fill a log.
const WARNINGS: usize = 16;

/// A line stream on which nobody else reads yet. Dropped, it is closed.
pub(super) struct Line {
    pub(super) sink: LineSink,
    pub(super) stream: LineStream,
    /// What came that was no answer, to be taken in once there is a session.
    pub(super) early: Early,
    limits: Limits,
    insight: Arc<Insight>,
    /// What lines go through before they are read.
    transformer: Option<Transformer>,
    /// Lines that were no messages.
    ignored: usize,
}

/// Closes what was opened, unless it is let go.
pub(super) struct Closing(Option<Arc<dyn Duplex>>);

/// A server that was found.
pub(super) struct Found {
    pub(super) line: Line,
    pub(super) closing: Closing,
    pub(super) era: Era,
    pub(super) session: ClientSession,
    /// What it said of itself where no handshake says it.
    pub(super) discovered: Option<Box<RawValue>>,
    pub(super) requests: usize,
}

/// What a server answered.
enum Answer {
    Result(Box<RawValue>),
    Error(jsonrpc::Error),
    Silence,
}

/// How to find out.
pub(super) struct Manner<'a> {
    pub(super) common: &'a Common,
    pub(super) probe_timeout: Duration,
    /// Whether `start` gives another server.
    pub(super) can_start_again: bool,
}

/// Finds the era of the server that `start` starts, and opens a session with it.
pub(super) fn find(
    manner: &Manner<'_>,
    mut start: impl FnMut() -> Result<Arc<dyn Duplex>, Error>,
) -> Result<Found, Error> {
    let common = manner.common;
    let mut detection = match common.version {
        None => Detection::stdio(),
        Some(version) if version.has_handshake() => Detection::pinned(Era::Handshake),
        Some(version) => Detection::pinned(Era::Stateless(version)),
    };
    let deadline = within(common.call_timeout);
    let mut requests = 0;
    let mut started_again = !manner.can_start_again;
    let mut open = Opened::new(start()?, common);
    loop {
        let probe = match detection.next() {
            Next::Try(probe) => *probe,
            Next::Found(Era::Stateless(version)) => return open.found_stateless(common, *version, requests),
            Next::Failed(undetected) => {
                let undetected = PeerError::Undetected(Box::new(undetected.clone()));
                return Err(open.failure.take().unwrap_or(undetected.into()).after(common.call_timeout));
            }
            // Neither of which comes over a line stream without a result.
            Next::Found(_) | Next::Authorize { .. } => return Err(PeerError::NoAnswer.into()),
        };
        requests += 1;
        match probe {
            Probe::Discover(version) => {
                // Who is pinned to this era is given all the time there is.
                let patience = if common.version.is_none() { Some(manner.probe_timeout) } else { common.call_timeout };
                match open.discover(common, version, earlier(within(patience), deadline)) {
                    Ok(Answer::Result(result)) => {
                        detection.handle(Finding::Result(&result));
                        open.discovered = Some(result);
                    }
                    Ok(Answer::Error(error)) => {
                        detection.handle(Finding::Error(200, &error.as_object()));
                        open.failure = Some(Error::Rpc(error));
                    }
                    Ok(Answer::Silence) => detection.handle(Finding::Silence),
                    Err(error) if has_ended(&error) && !started_again && common.version.is_none() => {
                        log::debug!(target: log_target::CLIENT, "the server ended when it was asked what it speaks: {error}");
                        detection.handle(Finding::Exit);
                        (open, started_again) = (Opened::new(start()?, common), true);
                    }
                    Err(error) => return Err(error.after(common.call_timeout)),
                }
            }
            Probe::Initialize => match open.line.shake_hands(open.session(), &initialize_params(common), deadline) {
                Ok(session) => return Ok(open.found(Era::Handshake, session, requests)),
                // Some end at `initialize` only, because of what they were asked before.
                Err(error) if has_ended(&error) && !started_again && open.probe.is_some() => {
                    log::debug!(target: log_target::CLIENT, "the server ended at `initialize`: {error}");
                    (open, started_again) = (Opened::new(start()?, common), true);
                }
                // It was only slow to start, and is of the newer era.
                Err(error @ Error::Rpc(_)) => match open.late_answer() {
                    Some(result) => {
                        detection = Detection::pinned(Era::Stateless(ProtocolVersion::LATEST));
                        detection.handle(Finding::Result(&result));
                        open.discovered = Some(result);
                    }
                    None => return Err(error),
                },
                Err(error) => return Err(error.after(common.call_timeout)),
            },
            Probe::OpenStream => return Err(PeerError::NoAnswer.into()),
        }
    }
}

/// A server that was started, and what is known of it.
struct Opened {
    line: Line,
    closing: Closing,
    /// The session of the probe, whose ids are not given out again.
    probe: Option<ClientSession>,
    probe_id: Option<u64>,
    discovered: Option<Box<RawValue>>,
    failure: Option<Error>,
}

impl Opened {
    fn new(duplex: Arc<dyn Duplex>, common: &Common) -> Self {
        let transformer = common.events.transformer(&common.limits);
        let line = Line::new(&duplex, &common.limits, common.insight.of_client()).transformed_by(transformer);
        let closing = Closing(Some(duplex));
        Self { line, closing, probe: None, probe_id: None, discovered: None, failure: None }
    }

    fn discover(
        &mut self,
        common: &Common,
        version: ProtocolVersion,
        deadline: Option<Deadline>,
    ) -> Result<Answer, Error> {
        let mut session = match self.probe.take() {
            Some(mut session) => {
                session.set_version(version);
                session
            }
            None => stateless(common, version)?,
        };
        let mut message = Vec::new();
        let method = Method::ServerDiscover.name();
        let id = session.request(method, &(), RequestOptions::PLAIN, &mut message).map_err(misuse)?;
        self.line.send(&message, deadline)?;
        let answer = self.line.await_answer(&mut session, id, deadline);
        (self.probe, self.probe_id) = (Some(session), Some(id));
        answer
    }

    /// A session in which nothing was said, with ids that were not given out.
    fn session(&self) -> ClientSession {
        self.probe.as_ref().map_or_else(|| ClientSession::new(self.line.limits.clone()), ClientSession::anew)
    }

    /// The result of the probe, when it came while the answer to something later was waited for.
    fn late_answer(&mut self) -> Option<Box<RawValue>> {
        let id = self.probe_id?;
        self.line.early.iter().find_map(|line| match jsonrpc::decode(line, &self.line.limits) {
            Ok(Payload::Message(Message::Response(response))) if response.id.as_u64() == Some(id) => {
                Some(response.result.to_owned())
            }
            _ => None,
        })
    }

    fn found(self, era: Era, session: ClientSession, requests: usize) -> Found {
        let Self { line, closing, discovered, .. } = self;
        Found { line, closing, era, session, discovered, requests }
    }

    /// Goes on in the session of the probe: its ids are not given out again (R-IO-35).
    fn found_stateless(mut self, common: &Common, version: ProtocolVersion, requests: usize) -> Result<Found, Error> {
        let session = match (self.probe.take(), self.probe_id) {
            (Some(mut probe), Some(id)) => {
                probe.set_version(version);
                // Its answer came to be read elsewhere when it was late.
                probe.forget(id);
                probe
            }
            _ => stateless(common, version)?,
        };
        Ok(self.found(Era::Stateless(version), session, requests))
    }
}

impl Line {
    pub(super) fn new(duplex: &Arc<dyn Duplex>, limits: &Limits, insight: &Arc<Insight>) -> Self {
        let (sink, stream) = line::over(duplex, limits);
        let (limits, insight) = (limits.clone(), Arc::clone(insight));
        Self { sink, stream, early: Early::default(), limits, insight, transformer: None, ignored: 0 }
    }

    pub(super) fn transformed_by(self, transformer: Option<Transformer>) -> Self {
        Self { transformer, ..self }
    }

    /// Shakes hands (R-LM-20 to R-LM-23).
    pub(super) fn shake_hands(
        &mut self,
        mut session: ClientSession,
        hello: &InitializeParams,
        deadline: Option<Deadline>,
    ) -> Result<ClientSession, Error> {
        let mut message = Vec::new();
        session.initialize(hello, None, &mut message).map_err(misuse)?;
        self.send(&message, deadline)?;
        let initialized = self.read_until(deadline, |message, unwanted| {
            let mut out = Vec::new();
            match session.handle_message(message, &mut out) {
                ClientEvent::Initialized => Some(Ok(out)),
                ClientEvent::HandshakeFailed(error) => Some(Err(handshake_failure(error))),
                ClientEvent::Ignored(IgnoredByClient::ErrorWithoutRequest(error)) => {
                    Some(Err(Error::Rpc(error.to_owned())))
                }
                ClientEvent::Answered => {
                    unwanted.answer = Some(out);
                    None
                }
                _ => {
                    unwanted.keep = true;
                    None
                }
            }
        })?;
        let Some(initialized) = initialized else { return Err(out_of_time(deadline, Delivery::Sent)) };
        self.send(&initialized?, deadline)?;
        Ok(session)
    }

    fn await_answer(
        &mut self,
        session: &mut ClientSession,
        id: u64,
        deadline: Option<Deadline>,
    ) -> Result<Answer, Error> {
        let answer = self.read_until(deadline, |message, unwanted| {
            match session.handle_message(message, &mut Vec::new()) {
                ClientEvent::Response { id: of, result } if of == id => Some(Answer::Result(result.to_owned())),
                ClientEvent::Error { id: of, error } if of == id => Some(Answer::Error(error.to_owned())),
                // There is only one that it can belong to.
                ClientEvent::Ignored(IgnoredByClient::ErrorWithoutRequest(error)) => {
                    Some(Answer::Error(error.to_owned()))
                }
                _ => {
                    unwanted.keep = true;
                    None
                }
            }
        })?;
        Ok(answer.unwrap_or(Answer::Silence))
    }

    fn send(&self, message: &[u8], deadline: Option<Deadline>) -> Result<(), Error> {
        self.insight.sent(message);
        Ok(self.sink.post(message, None, deadline, None, Repeat::Never)?)
    }

    /// Reads message after message until `look` has what it wants, or the deadline passes.
    fn read_until<T>(
        &mut self,
        deadline: Option<Deadline>,
        mut look: impl FnMut(Message<'_>, &mut Unwanted) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        loop {
            while let Some(incoming) = self.stream.next()? {
                let Incoming::Message(line) = incoming else { continue };
                self.insight.received(line);
                let line = match &self.transformer {
                    None => Cow::Borrowed(line),
                    Some(transformer) => match transformer.whole(PayloadForm::Line, line) {
                        Ok(line) => line,
                        Err(error) => {
                            log::warn!(target: log_target::CLIENT, "left out what came: {error}");
                            continue;
                        }
                    },
                };
                let line = &*line;
                let message = match jsonrpc::decode(line, &self.limits) {
                    Ok(Payload::Message(message)) => message,
                    Ok(Payload::Batch(_)) => continue,
                    Err(error) => {
                        // Servers that log to their output do so when they start most of all (R-IO-27).
                        let level = if self.ignored < WARNINGS { log::Level::Warn } else { log::Level::Debug };
                        self.ignored += 1;
                        log::log!(target: log_target::CLIENT, level, "ignored what is no message: {error}: {}", excerpt(line));
                        continue;
                    }
                };
                let mut unwanted = Unwanted::default();
                if let Some(found) = look(message, &mut unwanted) {
                    return Ok(Some(found));
                }
                if unwanted.keep {
                    self.early.keep(line).map_err(|_| PeerError::NoAnswer)?;
                }
                if let Some(answer) = unwanted.answer {
                    self.sink.post(&answer, None, deadline, None, Repeat::Never)?;
                }
            }
            match self.stream.fill(deadline)? {
                Filled::Bytes => {}
                Filled::OutOfTime(_) => return Ok(None),
                Filled::End => return Err(Error::StreamEnded(Delivery::Sent)),
            }
        }
    }
}

/// What is to be done with a message that was not what is waited for.
#[derive(Default)]
struct Unwanted {
    keep: bool,
    answer: Option<Vec<u8>>,
}

impl Closing {
    /// Somebody else will close it.
    pub(super) fn let_go(mut self) {
        self.0 = None;
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        if let Some(duplex) = &self.0 {
            duplex.shut_down();
            duplex.finish(None);
        }
    }
}

/// Whether the server is gone, as opposed to being wrong or slow.
fn has_ended(error: &Error) -> bool {
    matches!(error, Error::Exited(_) | Error::StreamEnded(_) | Error::Transport(_))
}

fn within(timeout: Option<Duration>) -> Option<Deadline> {
    timeout.map(|timeout| Deadline::after(clock::now(), timeout, Cause::Initialize))
}

fn earlier(a: Option<Deadline>, b: Option<Deadline>) -> Option<Deadline> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.at < a.at { b } else { a }),
        (a, b) => a.or(b),
    }
}

fn out_of_time(deadline: Option<Deadline>, delivery: Delivery) -> Error {
    let cause = deadline.map_or(Cause::Initialize, |deadline| deadline.cause);
    Error::Timeout(Timeout { cause, after: None, delivery })
}

/// A message as the log shows it.
pub(super) fn excerpt(message: &[u8]) -> String {
    Excerpt::new(&String::from_utf8_lossy(message), WIRE_CHARACTERS).to_string()
}

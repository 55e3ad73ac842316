//! The stream of a session's own over Streamable HTTP: what the server sends without being asked (R-SH, section D).
//!
//! It is there for those who want to hear: handlers for logs and notifications, whoever answers what servers ask, and
//! subscriptions. The thread `mcp-listen` opens it once the session stands, and again whenever it ended, at growing intervals,
//! with the id of the last event where there was one. Servers need not offer it (R-SH-21, R-SH-25); the session is as good
//! without.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mcp_core::http::Answer;
use mcp_core::http::resume::SHORTEST_DELAY;
use mcp_core::time::{Cause, Deadline};

use crate::carrier::Filled;
use crate::clock;
use crate::engine::Engine;
use crate::error::Error;
use crate::log_target;
use crate::streamable::Streamable;
use crate::transport::event_stream::EventStream;
use crate::transport::streamable_http::Reply;

/// How long whoever wants the stream waits for its head. Servers send it at once, or with their first event.
const HEAD_TIME: Duration = Duration::from_secs(1);
/// The first pause before the stream is opened again, where the server asked for none.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Sessions in a row that are opened for the sake of the stream and get none. Behind a balancer that does not know of sessions,
/// a stream may never find the server that has its own; each new one would be taken from those who call.
const RENEWALS: u32 = 3;
/// How often a silent stream is looked at for having outlived its session.
const LOOK: Duration = Duration::from_secs(10);

/// Where the stream stands.
#[derive(Debug, Default)]
pub(crate) struct Listening {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum State {
    /// Nobody wants it.
    #[default]
    Unwanted,
    /// It is being opened, for the first time or again.
    Opening,
    Open,
    /// The server does not offer it.
    NotOffered,
    /// The client is closed.
    Over,
}

impl Listening {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn enter(&self, state: State) {
        let mut now = self.state();
        if *now != State::Over {
            *now = state;
        }
        drop(now);
        self.changed.notify_all();
    }

    /// The client is closed.
    pub(crate) fn end(&self) {
        self.enter(State::Over);
    }

    /// Waits, unless the client is closed. False then.
    pub(crate) fn pause(&self, pause: Duration) -> bool {
        let until = clock::now() + pause;
        let mut state = self.state();
        loop {
            let left = until.since(clock::now());
            if *state == State::Over || left.is_zero() {
                return *state != State::Over;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Engine {
    /// Opens the session's own stream, if that was not done, and waits a moment until it is open: servers ask on it, and drop
    /// their questions while it is not there. Carriers that have no such stream need none.
    pub(crate) fn want_stream(&self) {
        let Some(carrier) = self.carrier.streamable() else { return };
        let is_plain = carrier.endpoint.plain.is_some();
        if carrier.hello.is_none() && !is_plain {
            return;
        }
        let mut state = carrier.listening.state();
        // Who listens to a plain server has nothing else to hear, and asks again.
        if *state == State::Unwanted || (*state == State::NotOffered && is_plain) {
            let Some(engine) = self.arc() else { return };
            let started = self.background.spawn("mcp-listen", move || match engine.carrier.streamable() {
                Some(carrier) if is_plain => engine.listen_plain(carrier),
                Some(carrier) => engine.listen(carrier),
                None => {}
            });
            match started {
                Ok(()) => *state = State::Opening,
                Err(error) => return log::error!(target: log_target::CLIENT, "no thread to listen on: {error}"),
            }
        }
        let until = clock::now() + HEAD_TIME;
        while *state == State::Opening {
            let left = until.since(clock::now());
            if left.is_zero() {
                return;
            }
            state = carrier.listening.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The one loop of `mcp-listen`.
    fn listen(&self, carrier: &Streamable) {
        // Of the last stream: it knows the last id and the pause that the server asked for.
        let mut before: Option<EventStream> = None;
        let mut generation = carrier.endpoint.context().generation;
        let (mut in_vain, mut renewals, mut was_open) = (0, 0, false);
        loop {
            let context = carrier.endpoint.context();
            if context.generation != generation {
                // Ids belong to a session.
                (before, generation) = (None, context.generation);
            }
            let last_id = before.as_ref().map_or(&[][..], |stream| stream.last_event_id());
            match carrier.endpoint.listen(&context, last_id, None, None).map(|answered| answered.reply) {
                Ok(Reply::Stream(stream)) => {
                    carrier.listening.enter(State::Open);
                    if !last_id.is_empty() {
                        self.insight().resumed();
                    }
                    if was_open {
                        // Between two streams something may have been said.
                        self.features.missed();
                    }
                    (was_open, renewals) = (true, 0);
                    let mut stream = match before.take() {
                        Some(before) => before.resumed_with(stream),
                        None => stream,
                    };
                    let heard = self.hear(carrier, &mut stream, generation);
                    carrier.listening.enter(State::Opening);
                    in_vain = if heard { 0 } else { in_vain + 1 };
                    before = Some(stream);
                }
                Ok(Reply::Refused(refused)) => match refused.answer {
                    Answer::SessionGone if was_open && last_id.is_empty() && renewals < RENEWALS => {
                        renewals += 1;
                        // Whoever listens learns of the loss here and from nothing else (R-SH-51).
                        if let Err(error) = self.renew(carrier, generation, None) {
                            log::debug!(target: log_target::CLIENT, "no new session could be opened: {error}");
                            in_vain += 1;
                        }
                    }
                    Answer::SessionGone if was_open && !last_id.is_empty() => {
                        // Or the server has forgotten only the event.
                        before = None;
                        in_vain += 1;
                    }
                    Answer::Conflict | Answer::RetryLater | Answer::Failed => in_vain += 1,
                    _ => {
                        log::debug!(target: log_target::HTTP, "the server offers no stream of its own: {}", refused.status);
                        return carrier.listening.enter(State::NotOffered);
                    }
                },
                Ok(Reply::Accepted | Reply::Json(_)) | Err(Error::Peer(_)) => {
                    log::debug!(target: log_target::HTTP, "the server offers no stream of its own");
                    return carrier.listening.enter(State::NotOffered);
                }
                Err(_) => in_vain += 1,
            }
            let asked = before.as_ref().and_then(EventStream::retry).unwrap_or(FIRST_PAUSE).max(SHORTEST_DELAY);
            let pause = (0..in_vain.min(16)).fold(asked, |pause, _| (pause * 3 / 2).min(LONGEST_PAUSE.max(asked)));
            if !carrier.listening.pause(pause) {
                return;
            }
            if before.is_some() {
                log::debug!(target: log_target::HTTP, "the session's own stream ended; opening it again");
            }
        }
    }

    /// Takes in what comes on the stream until it ends. Whether anything did.
    fn hear(&self, carrier: &Streamable, stream: &mut EventStream, generation: u64) -> bool {
        let mut heard = false;
        loop {
            loop {
                match stream.next_event() {
                    Ok(Some(event)) => {
                        heard = true;
                        self.take_event(&event, None);
                    }
                    Ok(None) => break,
                    Err(error) => {
                        self.warn(format_args!("the session's own stream is given up: {error}"));
                        return heard;
                    }
                }
            }
            let look = Deadline::after(clock::now(), LOOK, Cause::Call);
            match stream.fill(Some(look)) {
                Ok(Filled::Bytes) => {}
                Ok(Filled::OutOfTime(_)) if carrier.endpoint.context().generation == generation => {}
                Ok(Filled::OutOfTime(_) | Filled::End) => return heard,
                Err(error) => {
                    log::debug!(target: log_target::HTTP, "the session's own stream was lost: {error}");
                    return heard;
                }
            }
        }
    }
}

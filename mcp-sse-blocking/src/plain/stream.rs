//! The stream of a plain server: who reads it, and when it is opened again.
//!
//! The thread `mcp-listen` opens it once somebody listens or has handlers, and again whenever it ended, at growing intervals,
//! with the id of the last event where there was one. Calls do not need it. Whatever comes on it is an
//! [event](crate::events); two of them mean something here: `AUTHENTICATION_FAILED` opens the stream anew with credentials that
//! are asked for again, and after `RATE_LIMITED` a stream that ended is left alone for as long as the server says.

use std::time::Duration;

use mcp_core::http::Answer;
use mcp_core::http::resume::SHORTEST_DELAY;
use mcp_core::jsonrpc::{self, Message, Payload};
use mcp_core::sse;
use mcp_core::time::Instant;

use crate::carrier::Filled;
use crate::clock;
use crate::engine::Engine;
use crate::error::{Error, PeerError};
use crate::events::{Envelope, Event, EventErrorKind, Transformer};
use crate::listen::State;
use crate::log_target;
use crate::streamable::Streamable;
use crate::transport::event_stream::EventStream;
use crate::transport::streamable_http::Reply;

/// The first pause before the stream is opened again, where the server asked for none.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest, where the server did not ask for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Attempts after which the pause grows no more.
const GROWTH: u32 = 16;

/// What is known between two streams.
#[derive(Default)]
struct Between {
    /// The last stream: it knows the last id and the pause that the server asked for.
    before: Option<EventStream>,
    was_open: bool,
    /// Attempts in a row that brought nothing.
    in_vain: u32,
    /// The server wants to be left alone until then.
    not_before: Option<Instant>,
}

/// Why a stream is not read any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// It ended, and something had come.
    Ended,
    /// It ended, and nothing had come.
    Empty,
    /// Its credentials are not taken any more.
    Unauthorized,
}

impl Engine {
    /// The one loop of `mcp-listen` at a plain server.
    pub(crate) fn listen_plain(&self, carrier: &Streamable) {
        let mut between = Between::default();
        loop {
            let last_id = between.before.as_ref().map_or(&[][..], |stream| stream.last_event_id());
            let endpoint = &carrier.endpoint;
            match endpoint.listen(&endpoint.context(), last_id, None, None).map(|answered| answered.reply) {
                Ok(Reply::Stream(stream)) => {
                    carrier.listening.enter(State::Open);
                    if between.was_open {
                        // Between two streams something may have been said.
                        self.features.missed();
                    }
                    let stream = match between.before.take() {
                        Some(before) => before.resumed_with(stream),
                        None => stream,
                    };
                    let left = self.hear_plain(stream, &mut between);
                    carrier.listening.enter(State::Opening);
                    between.was_open = true;
                    between.in_vain = if left == Left::Ended { 0 } else { between.in_vain + 1 };
                }
                Ok(Reply::Refused(refused)) => {
                    let is_passing = matches!(refused.answer, Answer::Conflict | Answer::RetryLater | Answer::Failed);
                    if !is_passing {
                        return self.have_no_stream(carrier, &refused.into_error());
                    }
                    log::debug!(target: log_target::HTTP, "the stream is refused for now: {}", refused.status);
                    between.leave_alone(refused.status.wait());
                    between.in_vain += 1;
                }
                Ok(Reply::Accepted | Reply::Json(_)) => {
                    let (found, excerpt) = ("an answer of another kind".into(), String::new());
                    return self.have_no_stream(carrier, &PeerError::NotAnEventStream { found, excerpt }.into());
                }
                Err(error @ (Error::Peer(_) | Error::Usage(_))) => return self.have_no_stream(carrier, &error),
                Err(error) => {
                    log::debug!(target: log_target::HTTP, "the stream could not be opened: {error}");
                    between.in_vain += 1;
                }
            }
            if !carrier.listening.pause(between.pause()) {
                return;
            }
        }
    }

    /// There is no stream, and no use in asking again. Whoever listens hears why; calls go on.
    fn have_no_stream(&self, carrier: &Streamable, error: &Error) {
        // In this order: who listens from here on asks for the stream again.
        carrier.listening.enter(State::NotOffered);
        log::debug!(target: log_target::CLIENT, "there is no stream of events: {error}");
        if self.background.has_event_handlers() {
            self.warn(format_args!("handlers for events hear nothing: {error}"));
        }
        self.features.events.end(error);
    }

    /// Takes in what comes on the stream until it ends.
    fn hear_plain(&self, mut stream: EventStream, between: &mut Between) -> Left {
        let mut left = Left::Empty;
        loop {
            loop {
                let meaning = match stream.next_event() {
                    Ok(Some(event)) => self.take_plain(&event),
                    Ok(None) => break,
                    Err(error) => {
                        self.warn(format_args!("the stream of events is given up: {error}"));
                        return left;
                    }
                };
                left = Left::Ended;
                match meaning {
                    Some(EventErrorKind::RateLimited { wait }) => between.leave_alone(Some(wait)),
                    Some(EventErrorKind::AuthenticationFailed) => left = Left::Unauthorized,
                    _ => {}
                }
            }
            match stream.fill(None) {
                Ok(Filled::Bytes | Filled::OutOfTime(_)) => {}
                Ok(Filled::End) => break,
                Err(error) => {
                    log::debug!(target: log_target::HTTP, "the stream of events was lost: {error}");
                    break;
                }
            }
        }
        between.before = Some(stream);
        left
    }

    /// Gives one event to those who listen, and says what it means here, if it does.
    fn take_plain(&self, event: &sse::Event<'_>) -> Option<EventErrorKind> {
        // It only carries an id; or it is a server of HTTP+SSE after all, whose endpoint may be a secret (R-SSE-14).
        if event.data.is_empty() || event.event == b"endpoint" {
            return None;
        }
        self.insight().received(event.data);
        let data = match Transformer::through(self.features.events.transformer.as_ref(), event) {
            Ok(data) => data,
            Err(error) => {
                self.warn(format_args!("left out what came: {error}"));
                return None;
            }
        };
        // Some send notifications as well.
        let message = jsonrpc::decode(&data, &self.limits);
        if event.carries_message() && matches!(message, Ok(Payload::Message(Message::Notification(_)))) {
            self.take_kept(&data);
            return None;
        }
        let event = Event::heard(Envelope { event_type: event.event, id: event.id }, None, &data);
        self.background.event(&event);
        self.features.events.offer(&event);
        event.error().map(|error| error.kind)
    }
}

impl Between {
    fn leave_alone(&mut self, wait: Option<Duration>) {
        let Some(wait) = wait else { return };
        let until = clock::now() + wait;
        self.not_before = Some(self.not_before.map_or(until, |before| before.max(until)));
    }

    /// How long to wait before the next attempt.
    fn pause(&mut self) -> Duration {
        let asked = self.before.as_ref().and_then(EventStream::retry).unwrap_or(FIRST_PAUSE).max(SHORTEST_DELAY);
        let longest = LONGEST_PAUSE.max(asked);
        let pause = (0..self.in_vain.min(GROWTH)).fold(asked, |pause, _| (pause * 3 / 2).min(longest));
        let alone = self.not_before.take().map_or(Duration::ZERO, |until| until.since(clock::now()));
        pause.max(alone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_while_nothing_comes_and_are_as_long_as_the_server_asks() {
        let mut between = Between::default();
        assert_eq!(between.pause(), FIRST_PAUSE);
        between.in_vain = 1;
        assert_eq!(between.pause(), FIRST_PAUSE * 3 / 2);
        between.in_vain = u32::MAX;
        assert_eq!(between.pause(), LONGEST_PAUSE);
        between.leave_alone(Some(Duration::from_secs(60)));
        between.leave_alone(Some(Duration::from_secs(1)));
        assert!(between.pause() > Duration::from_secs(59));
        assert_eq!(between.pause(), LONGEST_PAUSE, "once");
    }
}

//! The stream of a plain server: who reads it, and when it is opened again.
//!
//! The thread `mcp-listen` opens it once somebody listens or has handlers, and again whenever it ended, at growing intervals,
//! with the id of the last event where there was one, as the [policy](crate::Reconnect) says. Calls do not need it, and its end
//! is not that of the session. Whatever comes on it is an [event](crate::events); two of them mean something here: on
//! `AUTHENTICATION_FAILED` the provider of credentials is asked again, and the stream opened anew if it has others, and after
//! `RATE_LIMITED` a stream that ended is left alone for as long as the server says.

use std::time::Duration;

use mcp_core::http::Answer;
use mcp_core::http::resume::SHORTEST_DELAY;
use mcp_core::jsonrpc::{self, Message, Payload};
use mcp_core::sse;
use mcp_core::time::{Cause, Deadline, Instant};

use crate::carrier::Filled;
use crate::clock;
use crate::engine::Engine;
use crate::error::{Delivery, Error, PeerError};
use crate::events::{Envelope, Event, EventErrorKind, Transformer};
use crate::listen::State;
use crate::log_target;
use crate::reconnect::Reconnect;
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
enum Left {
    /// It ended or broke.
    Lost { heard: bool, why: Error },
    /// Its credentials are not taken any more, and there are others.
    Unauthorized,
}

impl Engine {
    /// The one loop of `mcp-listen` at a plain server.
    pub(crate) fn listen_plain(&self, carrier: &Streamable) {
        let mut between = Between::default();
        loop {
            let last_id = between.before.as_ref().map_or(&[][..], |stream| stream.last_event_id());
            let endpoint = &carrier.endpoint;
            // Some send the head with the first event; a stream may be silent for so long as well.
            let head = endpoint.idle_timeout.map(|timeout| Deadline::after(clock::now(), timeout, Cause::IdleRead));
            let answered = endpoint.listen(&endpoint.context(), last_id, head, None);
            let why = match answered.map(|answered| answered.reply) {
                Ok(Reply::Stream(stream)) => {
                    carrier.listening.enter(State::Open);
                    if between.was_open {
                        self.insight().resumed();
                        // Between two streams something may have been said.
                        self.features.missed();
                    }
                    let stream = match between.before.take() {
                        Some(before) => before.resumed_with(stream),
                        None => stream,
                    };
                    let left = self.hear_plain(carrier, stream, &mut between);
                    carrier.listening.enter(State::Opening);
                    between.was_open = true;
                    let (heard, why) = match left {
                        Left::Lost { heard, why } => (heard, why),
                        // A server that takes no credentials is not asked faster and faster.
                        Left::Unauthorized => (false, Error::StreamEnded(Delivery::Sent)),
                    };
                    between.in_vain = if heard { 0 } else { between.in_vain.saturating_add(1) };
                    why
                }
                Ok(Reply::Refused(refused)) => {
                    let is_passing = matches!(refused.answer, Answer::Conflict | Answer::RetryLater | Answer::Failed);
                    let longest = Duration::from_millis(self.limits.retry_millis);
                    between.leave_alone(refused.status.wait().map(|wait| wait.min(longest)));
                    let error = refused.into_error();
                    if !is_passing {
                        return self.have_no_stream(carrier, &error);
                    }
                    between.in_vain = between.in_vain.saturating_add(1);
                    error
                }
                Ok(Reply::Accepted | Reply::Json(_)) => {
                    let (found, excerpt) = ("an answer of another kind".into(), String::new());
                    return self.have_no_stream(carrier, &PeerError::NotAnEventStream { found, excerpt }.into());
                }
                Err(error @ (Error::Transport(_) | Error::Timeout(_) | Error::StreamEnded(_))) => {
                    between.in_vain = between.in_vain.saturating_add(1);
                    error
                }
                Err(Error::Closed(_)) => return,
                Err(error) => return self.have_no_stream(carrier, &error),
            };
            let Some(pause) = between.pause(&self.standing.policy) else {
                return self.have_no_stream(carrier, &why);
            };
            log::debug!(target: log_target::HTTP, "the stream of events is opened again in {pause:?}: {why}");
            if !carrier.listening.pause(pause) {
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
    fn hear_plain(&self, carrier: &Streamable, mut stream: EventStream, between: &mut Between) -> Left {
        let mut heard = false;
        let left = loop {
            match stream.next_event() {
                Ok(Some(event)) => {
                    heard = true;
                    match self.take_plain(&event) {
                        Some(EventErrorKind::RateLimited { wait }) => between.leave_alone(Some(wait)),
                        Some(EventErrorKind::AuthenticationFailed) if self.have_other_credentials(carrier) => {
                            break Left::Unauthorized;
                        }
                        _ => {}
                    }
                    continue;
                }
                Ok(None) => {}
                // What is left of it makes no sense, its last id included.
                Err(why) => {
                    self.warn(format_args!("the stream of events is given up: {why}"));
                    return Left::Lost { heard, why };
                }
            }
            match stream.fill(None) {
                Ok(Filled::Bytes | Filled::OutOfTime(_)) => {}
                Ok(Filled::End) => break Left::Lost { heard, why: Error::StreamEnded(Delivery::Sent) },
                Err(why) => break Left::Lost { heard, why },
            }
        };
        between.before = Some(stream);
        left
    }

    /// Asks who gives the credentials for others, because the server takes these no more.
    fn have_other_credentials(&self, carrier: &Streamable) -> bool {
        let Some(plain) = &carrier.endpoint.plain else { return false };
        let deadline = self.call_timeout.map(|timeout| Deadline::after(clock::now(), timeout, Cause::Call));
        match carrier.endpoint.http.renew_credentials(&plain.stream.url, deadline) {
            Ok(are_others) => are_others,
            Err(error) => {
                self.warn(format_args!("there are no other credentials: {error}"));
                false
            }
        }
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

    /// How long to wait before the next attempt. `None` when there is to be none.
    fn pause(&mut self, policy: &Reconnect) -> Option<Duration> {
        let attempt = self.in_vain.saturating_add(1);
        if !policy.allows(attempt) {
            return None;
        }
        let asked = self.before.as_ref().and_then(EventStream::retry);
        let pause = if policy.is_at_once() {
            policy.pause(attempt).max(asked.unwrap_or_default())
        } else {
            let first = asked.unwrap_or(FIRST_PAUSE).max(SHORTEST_DELAY);
            let longest = LONGEST_PAUSE.max(first);
            (0..self.in_vain.min(GROWTH)).fold(first, |pause, _| (pause * 3 / 2).min(longest))
        };
        let alone = self.not_before.take().map_or(Duration::ZERO, |until| until.since(clock::now()));
        Some(pause.max(alone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_while_nothing_comes_and_are_as_long_as_the_server_asks() {
        let policy = Reconnect::default();
        let mut between = Between::default();
        assert_eq!(between.pause(&policy), Some(FIRST_PAUSE));
        between.in_vain = 1;
        assert_eq!(between.pause(&policy), Some(FIRST_PAUSE * 3 / 2));
        between.in_vain = u32::MAX;
        assert_eq!(between.pause(&policy), Some(LONGEST_PAUSE));
        between.leave_alone(Some(Duration::from_secs(60)));
        between.leave_alone(Some(Duration::from_secs(1)));
        assert!(between.pause(&policy).unwrap() > Duration::from_secs(59));
        assert_eq!(between.pause(&policy), Some(LONGEST_PAUSE), "once");
    }

    #[test]
    fn a_policy_says_how_long_and_how_often() {
        let policy =
            Reconnect::new().interval(Duration::from_secs(8)).longest(Duration::from_secs(8)).attempts(Some(2));
        let mut between = Between::default();
        for in_vain in [0, 1] {
            between.in_vain = in_vain;
            let pause = between.pause(&policy).unwrap();
            // A random part of up to a quarter is taken off.
            assert!((Duration::from_secs(6)..=Duration::from_secs(8)).contains(&pause), "{pause:?}");
        }
        between.in_vain = 2;
        assert_eq!(between.pause(&policy), None);
        assert_eq!(Between::default().pause(&Reconnect::never()), None);
    }
}

//! An open event stream over HTTP: bytes from the socket straight into the decoder, with the idle deadline.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use mcp_core::http::Url;
use mcp_core::sse::{Decoder, Event};
use mcp_core::time::{Cause, Deadline, Instant};
use mcp_core::{Limits, sse};
use ureq::BodyReader;

use super::decode::{self, Decoded};
use super::exchange::{self, Bounds, Stop};
use super::http::{OpenStream, transport_failure};
use crate::carrier::{Filled, Incoming, SharedStream};
use crate::clock;
use crate::error::{Delivery, Error, Timeout};
use crate::insight::Heard;

/// The least room that a read is given.
const READ_BYTES: usize = 4 << 10;

/// Reads that what follows a reply is given: a server that has more to say is not listened to.
const MOST_LEFT_OVER: usize = 8;

/// Whether a stream came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Yes,
    No,
}

/// An open event stream. One thread at a time reads it.
pub(crate) struct EventStream {
    url: Url,
    body: Decoded<BodyReader<'static>>,
    decoder: Decoder,
    idle_timeout: Option<Duration>,
    stop: Option<Arc<dyn Stop>>,
    heard: Heard,
    had_event: bool,
    /// The last id when the stream was opened, or opened again.
    first_id: Vec<u8>,
    /// When the last byte came: comments count as well (R-SSE-31).
    last_byte: Instant,
}

impl EventStream {
    pub(crate) fn new(open: OpenStream, limits: &Limits, idle_timeout: Option<Duration>) -> Self {
        let OpenStream { url, body, heard } = open;
        Self {
            url,
            body,
            decoder: sse::Decoder::new(limits),
            idle_timeout,
            stop: None,
            heard,
            had_event: false,
            first_id: Vec::new(),
            last_byte: clock::now(),
        }
    }

    /// The same; `stop` ends a read from another thread, at the latest after [`exchange::STOP_CHECK`].
    pub(crate) fn stopped_by(self, stop: Option<Arc<dyn Stop>>) -> Self {
        Self { stop, ..self }
    }

    /// Goes on with what came in place of the rest of this stream: the id of its last event stays known (R-SH-33).
    pub(crate) fn resumed_with(self, rest: Self) -> Self {
        let mut decoder = self.decoder;
        decoder.finish();
        Self { first_id: decoder.last_event_id().to_owned(), decoder, ..rest }
    }

    /// The id of the last event that had one; empty when there was none.
    pub(crate) fn last_event_id(&self) -> &[u8] {
        self.decoder.last_event_id()
    }

    /// Whether an event came since the stream was opened, or opened again; also one that is no more than an id.
    pub(crate) fn had_events(&self) -> bool {
        self.had_event || self.first_id != self.decoder.last_event_id()
    }

    /// How long the server wants to be left alone before it is asked for the rest.
    pub(crate) fn retry(&self) -> Option<Duration> {
        self.decoder.retry()
    }

    /// Waits for the end for a moment; what comes before it is dropped (R-SH-18).
    pub(super) fn leave(mut self, moment: Duration) -> Ended {
        let deadline = Some(Deadline::after(clock::now(), moment, Cause::Close));
        let (ended, _) = exchange::run(Bounds { deadline, ..Bounds::default() }, || {
            let mut scratch = [0; 512];
            for _ in 0..MOST_LEFT_OVER {
                match self.body.read(&mut scratch) {
                    Ok(0) => return Ended::Yes,
                    Ok(_) => {}
                    Err(_) => return Ended::No,
                }
            }
            Ended::No
        });
        ended
    }

    /// Where the stream was found, after redirects: what an `endpoint` event is resolved against.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// The next event that is already here.
    pub(crate) fn next_event(&mut self) -> Result<Option<Event<'_>>, Error> {
        let event = self.decoder.next_event()?;
        self.had_event |= event.is_some();
        if let Some(event) = &event {
            self.heard.event(event);
        }
        Ok(event)
    }

    /// Reads once, waiting for bytes until `deadline` or until the stream has been silent for too long.
    ///
    /// # Errors
    /// Those that end the stream: a limit, the idle deadline, a network failure.
    pub(crate) fn fill(&mut self, deadline: Option<Deadline>) -> Result<Filled, Error> {
        let idle = self.idle_timeout.map(|timeout| Deadline::after(self.last_byte, timeout, Cause::IdleRead));
        let deadline = match (idle, deadline) {
            (Some(idle), Some(deadline)) if deadline.at < idle.at => Some(deadline),
            (idle, deadline) => idle.or(deadline),
        };
        let space = self.decoder.space(READ_BYTES)?;
        let (read, outcome) =
            exchange::run(Bounds { deadline, stop: self.stop.clone(), ..Bounds::default() }, || self.body.read(space));
        // What was compressed and cut off ends there, as what was not.
        let read = read.or_else(|error| if decode::is_truncated(&error) { Ok(0) } else { Err(error) });
        match (read, outcome.expired) {
            (Ok(0), _) => {
                self.heard.ended();
                self.decoder.finish();
                Ok(Filled::End)
            }
            (Ok(n), _) => {
                self.decoder.filled(n);
                self.last_byte = clock::now();
                Ok(Filled::Bytes)
            }
            (Err(_), Some(Cause::IdleRead)) => Err(Error::Timeout(Timeout {
                cause: Cause::IdleRead,
                after: self.idle_timeout,
                delivery: Delivery::NotSent,
            })),
            (Err(_), Some(cause)) => Ok(Filled::OutOfTime(cause)),
            (Err(_), None) if outcome.stopped => Err(Error::Cancelled(Delivery::Sent)),
            (Err(error), None) => {
                let doing = "reading the event stream of";
                Err(transport_failure(ureq::Error::from(error), doing, &self.url, Delivery::NotSent))
            }
        }
    }
}

impl SharedStream for EventStream {
    fn next(&mut self) -> Result<Option<Incoming<'_>>, Error> {
        Ok(self.next_event()?.map(|event| Incoming::Event(event, 0)))
    }

    fn fill(&mut self, deadline: Option<Deadline>) -> Result<Filled, Error> {
        EventStream::fill(self, deadline)
    }
}

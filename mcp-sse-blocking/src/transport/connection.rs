//! A connection as ureq sees it: buffers over a [stream](super::stream).
//!
//! Output is gathered until an answer is awaited, so that head and body of a POST are one system call, and one record of TLS.
//! On its way a request is [noted](super::exchange) as sent, and given the form that a [proxy](super::proxy) wants.

use std::sync::Arc;
use std::{fmt, io};

use ureq::Error;
use ureq::unversioned::transport::{Buffers, NextTimeout, Transport};

use super::absolute_form::{AbsoluteForm, Verdict};
use super::buffers::IoBuffers;
use super::exchange;
use super::place::Place;
use super::pool::Permit;
use super::stream::{Idle, Stream};

/// A connection in use. Dropped, it goes back to the pool if ureq found that it may be used again.
pub(super) struct Connection {
    /// `None` only while it is dropped.
    owned: Option<(Permit, Box<Carried>)>,
    place: Arc<Place>,
    used: bool,
    /// The beginning of the answer still has to be looked at: it may be a proxy's.
    is_unjudged: bool,
    is_reusable: bool,
    phase: Phase,
}

/// What outlives one exchange.
pub(super) struct Carried {
    stream: Box<dyn Stream>,
    buffers: IoBuffers,
    /// The form of requests through a proxy that makes them itself.
    form: Option<AbsoluteForm>,
}

/// How far the exchange is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing was sent since the connection was opened or taken from the pool.
    Idle,
    Sent,
    Answered,
}

impl Carried {
    pub(super) fn new(stream: Box<dyn Stream>, form: Option<AbsoluteForm>) -> Self {
        Self { stream, buffers: IoBuffers::default(), form }
    }

    /// What became of it while nobody used it.
    pub(super) fn idle(&mut self) -> Idle {
        self.stream.idle()
    }

    /// Writes what was gathered.
    fn flush(&mut self) -> io::Result<()> {
        let written =
            if self.buffers.gathered().is_empty() { Ok(()) } else { self.stream.write_all(self.buffers.gathered()) };
        self.buffers.clear_output();
        written
    }

    fn fill(&mut self) -> io::Result<bool> {
        self.flush()?;
        let n = self.stream.read(self.buffers.read_room()?)?;
        self.buffers.read(n);
        Ok(n > 0)
    }
}

impl Connection {
    /// One that was just opened.
    pub(super) fn opened(permit: Permit, place: Arc<Place>, carried: Carried) -> Self {
        Self::new(permit, place, Box::new(carried), false)
    }

    /// One that had been idle.
    pub(super) fn reused(permit: Permit, place: Arc<Place>, carried: Box<Carried>) -> Self {
        Self::new(permit, place, carried, true)
    }

    fn new(permit: Permit, place: Arc<Place>, carried: Box<Carried>, used: bool) -> Self {
        let is_unjudged = carried.form.is_some();
        Self { owned: Some((permit, carried)), place, used, is_unjudged, is_reusable: false, phase: Phase::Idle }
    }

    fn carried(&mut self) -> &mut Carried {
        // Taken out by `drop` alone, after which nobody can ask.
        #[allow(clippy::expect_used, reason = "the line above")]
        &mut self.owned.as_mut().expect("a connection in use").1
    }
}

impl Transport for Connection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.carried().buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), Error> {
        let begins = self.phase == Phase::Idle;
        if begins {
            self.phase = Phase::Sent;
            let reused = self.used;
            exchange::note(|progress| (progress.reused, progress.begun) = (reused, true));
        }
        let carried = self.carried();
        let amount = match &carried.form {
            Some(form) if begins => form.apply(&mut carried.buffers, amount),
            _ => amount,
        };
        if carried.buffers.gather(amount) {
            carried.flush()?;
        }
        Ok(())
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
        let came = self.carried().fill()?;
        if came && self.phase == Phase::Sent {
            self.phase = Phase::Answered;
            exchange::note(|progress| progress.answered = true);
        }
        if self.is_unjudged {
            let carried = self.carried();
            let verdict = carried.form.as_ref().map(|form| form.judge(carried.buffers.input()));
            self.is_unjudged = verdict.transpose()? == Some(Verdict::NotYet);
        }
        Ok(came)
    }

    /// ureq asks this when an exchange is over and the connection could carry another.
    fn is_open(&mut self) -> bool {
        self.is_reusable = self.phase == Phase::Answered && self.carried().stream.is_writable();
        self.is_reusable
    }

    fn is_tls(&self) -> bool {
        self.place.is_https
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some((permit, carried)) = self.owned.take()
            && self.is_reusable
        {
            permit.give_back(Arc::clone(&self.place), carried);
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("place", &self.place).field("phase", &self.phase).finish_non_exhaustive()
    }
}

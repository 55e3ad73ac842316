//! Losing the session and opening another: what [`standing`](crate::standing) decides, done.

use std::sync::atomic::Ordering;
use std::time::Duration;

use mcp_core::time::{Cause, Deadline};
use mcp_core::types::{InitializeParams, Method};

use crate::carrier::Carrier;
use crate::clock;
use crate::engine::Engine;
use crate::error::{Delivery, Error, StatusKind};
use crate::log_target;
use crate::pending::{Repeat, Want};
use crate::reconnect::{Reconnect, When};
use crate::standing::{Found, Lost, Of, Says, Turn};
use crate::streamable::Streamable;

/// How long opening a session may take where no setting says it.
pub(crate) const OPENING_TIME: Duration = Duration::from_secs(60);

impl Engine {
    /// Sees to it that there is a session. Asked before each request.
    ///
    /// # Errors
    /// Why there is none, when the deadline of the request has passed or the attempt made for it was in vain.
    pub(crate) fn stand(&self, want: &Want) -> Result<(), Error> {
        if let Some(shared) = self.carrier.shared() {
            shared.sink().settle(want.deadline);
        }
        if !self.standing.is_lost() {
            return Ok(());
        }
        let stands = match self.standing.policy.when {
            When::AtOnce => self.standing.await_session(want),
            When::OnDemand | When::Never => self.open_another(want.deadline),
        };
        stands.map_err(|error| match error {
            Error::Closed(_) => self.ended().unwrap_or(error).with_delivery(Delivery::NotSent),
            error => error.after(want.timeout),
        })
    }

    /// Makes an attempt to open another session, unless somebody else has done so by then.
    fn open_another(&self, deadline: Option<Deadline>) -> Result<(), Error> {
        match self.standing.turn(deadline)? {
            Found::Stands => Ok(()),
            Found::Turn(turn) => self.attempt(turn, deadline),
        }
    }

    /// The session is lost: calls in flight get `error`, later ones go into the next session, if there is to be one (R-IO-17,
    /// R-SSE-28, R-SSE-39). `peer` is its [number](Carrier::number), and `asked` how long the server wants to be left alone.
    pub(crate) fn lose(&self, peer: u64, error: &Error, asked: Option<Duration>) {
        let lost = self.standing.lose(Of::Peer(peer), error, asked);
        if matches!(lost, Lost::Final) {
            return self.end(error.clone());
        }
        self.features.events.lost();
        // From here on nothing new is registered in the session that is lost.
        let Some(slots) = self.take_in_flight(peer) else { return };
        log::debug!(target: log_target::CLIENT, "everything in flight is lost: {error}");
        for slot in &slots {
            self.deliver(slot, Err(error.clone().with_delivery(Delivery::Sent)));
        }
        if matches!(lost, Lost::New) {
            self.insight().disconnected(error);
            self.begin_again(error);
        }
    }

    /// The server cannot be reached, as an exchange has found out that began after so many losses.
    pub(crate) fn lose_contact(&self, error: &Error, losses: u64) {
        match self.standing.lose(Of::After(losses), error, None) {
            Lost::Known => {}
            Lost::New => {
                self.insight().disconnected(error);
                self.begin_again(error);
            }
            Lost::Final => self.end(error.clone()),
        }
    }

    /// Opens another session on a thread for it: where the policy says so, and where somebody listens, who may not call for long.
    /// A server that ends each session is then left alone for longer and longer; a call reaches it at once.
    fn begin_again(&self, error: &Error) {
        let at_once = self.standing.policy.is_at_once();
        if !at_once && !self.has_listeners() {
            return;
        }
        let Some(engine) = self.arc() else { return };
        // One thread is enough for all losses that follow while it rests.
        if !at_once && self.standing.tries_for_listeners.swap(true, Ordering::AcqRel) {
            return;
        }
        let begun = self.background.spawn("mcp-again", move || {
            if at_once {
                engine.try_again();
            } else {
                engine.try_again_for_listeners();
            }
        });
        if let Err(no_thread) = begun {
            self.standing.tries_for_listeners.store(false, Ordering::Release);
            log::error!(target: log_target::CLIENT, "no thread to reach the server again on: {no_thread}");
            if at_once {
                self.end(error.clone());
            }
        }
    }

    /// The one loop of `mcp-again`: attempt after attempt, until the session stands or there are no more to be made.
    fn try_again(&self) {
        while let Some(turn) = self.standing.next_turn() {
            if self.attempt(turn, None).is_ok() {
                return;
            }
        }
    }

    /// The same where only those who listen want a session, at growing intervals. A call does not wait for them.
    fn try_again_for_listeners(&self) {
        let is_wanted = || self.standing.is_lost() && self.has_listeners();
        loop {
            while is_wanted() {
                if !self.features.pause(self.pause_after_loss()) {
                    return;
                }
                if self.open_another(self.opening_deadline(None)).is_ok() {
                    break;
                }
            }
            // Who loses the session from here on starts another thread; who lost it before relies on this one.
            self.standing.tries_for_listeners.store(false, Ordering::Release);
            if !is_wanted() || self.standing.tries_for_listeners.swap(true, Ordering::AcqRel) {
                return;
            }
        }
    }

    /// One attempt. `deadline` is that of a request that waits for it.
    fn attempt(&self, turn: Turn, deadline: Option<Deadline>) -> Result<(), Error> {
        log::debug!(target: log_target::CLIENT, "attempt {} to reach {} again", turn.attempt, self.carrier.place());
        let within = self.opening_deadline(deadline);
        let error = match self.restore(within) {
            Ok(peer) if self.standing.restored(turn, peer) => {
                if self.carrier.shared().is_some() {
                    self.session_renewed();
                }
                self.insight().regained();
                return Ok(());
            }
            Ok(_) => Error::StreamEnded(Delivery::NotSent),
            Err(error) => error.with_delivery(Delivery::NotSent),
        };
        log::debug!(target: log_target::CLIENT, "attempt {} was in vain: {error}", turn.attempt);
        let ran_out = deadline.is_some_and(|deadline| deadline.has_passed(clock::now()));
        let says = match &error {
            Error::Timeout(_) if ran_out => Says::Nothing,
            error if self.standing.policy.is_at_once() && is_final(error) => Says::Never,
            _ => Says::NotNow,
        };
        if !self.standing.failed(&error, says) {
            self.end(error.clone());
        }
        Err(error)
    }

    /// When an attempt is over, at the latest: others may wait for it, also those whose calls have no deadline.
    fn opening_deadline(&self, deadline: Option<Deadline>) -> Option<Deadline> {
        let own = Deadline::after(clock::now(), self.call_timeout.unwrap_or(OPENING_TIME), Cause::Initialize);
        Some(deadline.filter(|deadline| deadline.at < own.at).unwrap_or(own))
    }

    /// Opens a session in place of the lost one. What that is depends on the carrier: a stream with its handshake, a child process,
    /// or, where requests are exchanges of their own, a sign of life of the server. Gives its number, where sessions have one.
    fn restore(&self, deadline: Option<Deadline>) -> Result<Option<u64>, Error> {
        match &self.carrier {
            Carrier::Shared(shared) => {
                let sink = shared.sink();
                if sink.hello().is_some() {
                    // Before anything of the new session can come.
                    self.blank_session();
                }
                sink.restart(deadline)?;
                // There is no other attempt that could have opened another one.
                let peer = sink.number();
                if let Some(hello) = sink.hello() {
                    self.greet_again(hello, deadline).inspect_err(|error| sink.give_up(peer, error))?;
                }
                Ok(Some(peer))
            }
            Carrier::Streamable(streamable) => self.knock(streamable, deadline).map(|()| None),
        }
    }

    /// Shakes hands in a session that was just opened.
    fn greet_again(&self, hello: &InitializeParams, deadline: Option<Deadline>) -> Result<(), Error> {
        let mut handshake = self.begin_handshake(hello, deadline)?;
        handshake.send()?;
        self.wait_for(&mut handshake, None, |_| Ok(()))?;
        let peer = handshake.peer;
        drop(handshake);
        self.post(&self.take_initialized(), Some(peer), deadline, None, Repeat::Safe)
    }

    /// Asks the server for a sign of life; opens a new session when it has lost the old one (R-SH-51). Whatever it answers, it is
    /// there.
    fn knock(&self, carrier: &Streamable, deadline: Option<Deadline>) -> Result<(), Error> {
        carrier.endpoint.http.look_up_again();
        let context = carrier.endpoint.context();
        let version = self.session(|session| session.version());
        let has_ping = version.is_some_and(|version| Method::Ping.exists_in(version));
        let method = if has_ping { Method::Ping } else { Method::ServerDiscover };
        let want = Want { deadline, ..Want::within(None) };
        let mut call = self.register_request(method.name(), &(), &want)?;
        let answered = self.exchange(carrier, &context, &mut call, None, &mut |_| Ok(()));
        drop(call);
        match answered {
            Err(Error::SessionGone(_)) => self.renew(carrier, context.generation, deadline),
            Err(error) if is_passing(&error) || matches!(error, Error::Closed(_)) => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// Whether it may be otherwise the next time.
pub(crate) fn is_passing(error: &Error) -> bool {
    match error {
        Error::StreamEnded(_) | Error::Transport(_) | Error::Timeout(_) | Error::Exited(_) | Error::SessionGone(_) => {
            true
        }
        Error::Status(status) => {
            matches!(status.kind(), StatusKind::RateLimited | StatusKind::Unavailable | StatusKind::Failed)
                || matches!(status.code, 408 | 409 | 425)
        }
        _ => false,
    }
}

/// Whether no later attempt will do better: the server is there, and does not let this client in.
fn is_final(error: &Error) -> bool {
    match error {
        Error::Usage(_) => true,
        Error::Status(status) => matches!(status.kind(), StatusKind::Unauthorized | StatusKind::Forbidden { .. }),
        _ => false,
    }
}

/// Whether the request was certainly not processed because nobody was reached: not one byte of it left.
pub(crate) fn is_unreached(error: &Error) -> bool {
    use std::io::ErrorKind as Kind;
    match error {
        Error::Transport(error) => {
            error.delivery == Delivery::NotSent
                && matches!(
                    error.kind,
                    Kind::ConnectionRefused
                        | Kind::ConnectionReset
                        | Kind::ConnectionAborted
                        | Kind::BrokenPipe
                        | Kind::NotConnected
                        | Kind::UnexpectedEof
                        | Kind::TimedOut
                        | Kind::HostUnreachable
                        | Kind::NetworkUnreachable
                        | Kind::NetworkDown
                        // A name that is not known, perhaps not yet.
                        | Kind::NotFound
                )
        }
        Error::Timeout(timeout) => timeout.cause == Cause::Connect && timeout.delivery == Delivery::NotSent,
        _ => false,
    }
}

/// How long to wait before a server that is not there yet is asked once more, after so many attempts, where the policy says so and
/// there is time.
pub(crate) fn pause_before_another(
    policy: &Reconnect,
    error: &Error,
    attempts: u32,
    deadline: Option<Deadline>,
) -> Option<Duration> {
    let has_more = policy.is_at_once() && policy.attempts.is_none_or(|most| attempts <= most);
    let asked = if is_unreached(error) { Duration::ZERO } else { is_put_off(error)? };
    let pause = policy.pause(attempts).max(asked);
    (has_more && deadline.is_none_or(|deadline| clock::now() + pause < deadline.at)).then_some(pause)
}

/// How long a server that cannot serve now, and has not looked at the request, is to be left alone: what it says, or nothing.
pub(crate) fn is_put_off(error: &Error) -> Option<Duration> {
    match error {
        Error::Status(status) if matches!(status.code, 429 | 503) && error.delivery() != Some(Delivery::Sent) => {
            Some(status.wait().unwrap_or_default())
        }
        _ => None,
    }
}

/// Whether it is the server itself that puts a request off. Proxies say 503 as well when they lost the server half-way, and do not
/// say when to come back.
pub(crate) fn is_put_off_for_sure(error: &Error) -> bool {
    matches!(error, Error::Status(status) if status.code == 429 || status.retry_after.is_some())
}

//! A session in place of one that the server lost (R-SH-50, R-SH-51, R-SH-56).

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mcp_core::time::{Cause, Deadline};

use super::Streamable;
use crate::clock;
use crate::connect;
use crate::engine::Engine;
use crate::error::{Delivery, Error, Timeout};
use crate::log_target;
use crate::pending::{Repeat, Want};
use crate::restore::{OPENING_TIME, is_unreached, pause_before_another};

/// How long those who wait for it sleep without looking whether the client was closed.
const LOOK: Duration = Duration::from_secs(1);

/// Whether somebody is opening a new session.
#[derive(Debug, Default)]
pub(super) struct Renewal {
    state: Mutex<State>,
    done: Condvar,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Idle,
    Running,
}

impl Renewal {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets those who wait look again.
    pub(super) fn wake(&self) {
        self.done.notify_all();
    }
}

impl Engine {
    /// Sends a notification of the caller's; into a new session when the server has lost the one that was (R-SH-51), and again
    /// where nobody has taken it and the policy says so.
    pub(crate) fn tell(&self, message: &[u8], deadline: Option<Deadline>) -> Result<(), Error> {
        let want = Want { deadline, ..Want::within(None) };
        let mut attempts = 0;
        loop {
            self.stand(&want)?;
            let losses = self.standing.losses();
            let session = self.carrier.streamable().map(|carrier| (carrier, carrier.endpoint.context().generation));
            let Err(error) = self.post(message, None, deadline, None, Repeat::Never) else { return Ok(()) };
            attempts += 1;
            if let Error::SessionGone(_) = error {
                match session {
                    _ if attempts > 1 || self.standing.policy.is_never() => return Err(error),
                    Some((carrier, generation)) => self.renew(carrier, generation, deadline)?,
                    // Another one is opened with the next attempt.
                    None => {}
                }
                continue;
            }
            let Some(pause) = pause_before_another(&self.standing.policy, &error, attempts, deadline) else {
                return Err(error);
            };
            if session.is_some() && is_unreached(&error) {
                self.lose_contact(&error, losses);
            } else if !self.standing.pause(pause, None) {
                return Err(error);
            }
        }
    }

    /// Opens a new session in place of the one that the server does not know any more: once, however many threads find out
    /// (R-SH-51).
    pub(crate) fn renew(&self, carrier: &Streamable, lost: u64, deadline: Option<Deadline>) -> Result<(), Error> {
        let Some(hello) = &carrier.hello else { return Ok(()) };
        let mut state = carrier.renewal.state();
        loop {
            if carrier.endpoint.context().generation != lost {
                return Ok(());
            }
            if let Some(ended) = self.ended() {
                return Err(ended.with_delivery(Delivery::NotSent));
            }
            if *state == State::Idle {
                break;
            }
            let left = deadline.map_or(Duration::MAX, |deadline| deadline.at.since(clock::now()));
            if left.is_zero() {
                return Err(Error::Timeout(Timeout { cause: Cause::Call, after: None, delivery: Delivery::NotSent }));
            }
            state = carrier.renewal.done.wait_timeout(state, left.min(LOOK)).unwrap_or_else(PoisonError::into_inner).0;
        }
        *state = State::Running;
        drop(state);
        // Others wait for this, also those whose calls have a deadline.
        let within = self.call_timeout.unwrap_or(OPENING_TIME);
        let own = Deadline::after(clock::now(), within, Cause::Initialize);
        let deadline = Some(deadline.filter(|deadline| deadline.at < own.at).unwrap_or(own));
        log::debug!(target: log_target::CLIENT, "the server does not know the session any more; opening another");
        self.standing.renewing();
        carrier.endpoint.http.look_up_again();
        let opened = connect::streamable::open_session(&carrier.endpoint, hello, deadline).map(|opened| {
            // Its rules before its id: whoever sends with the new header goes by the new revision.
            self.adopt(opened.session);
            carrier.endpoint.enter(opened.context);
            opened.early
        });
        *carrier.renewal.state() = State::Idle;
        carrier.renewal.wake();
        self.standing.renewed(opened.is_ok());
        for data in opened? {
            self.take_data(&data, None);
        }
        self.session_renewed();
        Ok(())
    }
}

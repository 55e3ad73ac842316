//! Whether the session stands, and who opens another one in its place: one mechanism for every carrier.
//!
//! ```text
//!            lose                       an attempt begins
//!   stands ---------> lost, attempt 0/1 -----------------> lost, attempt n ---> stands
//!                        |       ^                              |
//!                        |       +------------ in vain ---------+
//!                        +--- the policy is exhausted, or the client is closed: over
//! ```
//!
//! Who makes an attempt, the [policy](Reconnect) says: the next request on its own thread, or `mcp-again`. There is one attempt
//! at a time. What an attempt does depends on the carrier: see [`Engine::restore`].

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mcp_core::Limits;
use mcp_core::time::{Cause, Deadline, Instant};

use crate::clock;
use crate::error::{Delivery, Error, Timeout};
use crate::job::JobThread;
use crate::pending::Want;
use crate::reconnect::{NotConnected, Reconnect, When};
use crate::state::{State, Watch};

/// A session that stood for so long was of use, also when nothing came in it: the next attempt is the first in a row.
const OF_USE: Duration = Duration::from_secs(10);

/// How long a started call waits without looking whether it was cancelled.
const LOOK: Duration = Duration::from_millis(200);

/// Whether the session stands.
pub(crate) struct Standing {
    pub(crate) policy: Reconnect,
    pub(crate) watch: Watch,
    /// The longest pause that a server may ask for.
    longest_asked: Duration,
    inner: Mutex<Inner>,
    changed: Condvar,
    /// Looked at before each request.
    is_lost: AtomicBool,
    /// Something came in this session.
    heard: AtomicBool,
    /// What was published last is that a renewal failed.
    in_doubt: AtomicBool,
    /// Counts the losses. Changed under the lock.
    losses: AtomicU64,
    /// There is a thread that opens sessions for those who listen.
    pub(crate) tries_for_listeners: AtomicBool,
}

struct Inner {
    /// There was a session: before that, a loss is the end.
    begun: bool,
    /// There is a client, whose states are told.
    open: bool,
    /// Why it is over.
    over: Option<Error>,
    /// Why there is no session: the loss, then what the last attempt failed with.
    lost: Option<Error>,
    /// The first peer that no loss was told of.
    unlost: u64,
    /// Somebody makes an attempt.
    at_work: bool,
    /// Attempts in a row that were of no use, with the one that is being made.
    attempt: u32,
    /// When the session was opened.
    since: Instant,
    /// Before that there is no attempt.
    not_before: Instant,
}

/// Of which session a loss is told. A report may come late, when that session was given up long ago and the next one is being
/// opened or stands: it is no loss of the next one then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// Of the one with this [number](crate::carrier::Carrier::number).
    Peer(u64),
    /// Of the one that there was after so many [losses](Standing::losses), where sessions have no streams to be numbered by.
    After(u64),
}

/// What a loss leads to.
pub(crate) enum Lost {
    /// Somebody has seen to it already.
    Known,
    /// Another session is to be opened.
    New,
    /// Nothing: it was one too many.
    Final,
}

/// Leave to make one attempt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    pub(crate) attempt: u32,
    losses: u64,
}

/// What whoever wanted a turn found.
pub(crate) enum Found {
    /// The session stands.
    Stands,
    Turn(Turn),
}

impl Standing {
    pub(crate) fn new(policy: Reconnect, watch: Watch, limits: &Limits) -> Self {
        let now = clock::now();
        let inner = Inner {
            begun: false,
            open: false,
            over: None,
            lost: None,
            unlost: 0,
            at_work: false,
            attempt: 0,
            since: now,
            not_before: now,
        };
        Self {
            policy,
            watch,
            longest_asked: Duration::from_millis(limits.retry_millis),
            inner: Mutex::new(inner),
            changed: Condvar::new(),
            is_lost: AtomicBool::new(false),
            heard: AtomicBool::new(false),
            in_doubt: AtomicBool::new(false),
            losses: AtomicU64::new(0),
            tries_for_listeners: AtomicBool::new(false),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is no session at the moment.
    pub(crate) fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Acquire)
    }

    /// How often the session was lost so far.
    pub(crate) fn losses(&self) -> u64 {
        self.losses.load(Ordering::Acquire)
    }

    /// Something came from the server.
    pub(crate) fn heard(&self) {
        if !self.heard.load(Ordering::Relaxed) {
            self.heard.store(true, Ordering::Relaxed);
        }
        if self.in_doubt.load(Ordering::Relaxed) {
            self.renewed(true);
        }
    }

    /// A request opens a session in place of one that the server does not know, although it can be reached (R-SH-51).
    pub(crate) fn renewing(&self) {
        let inner = self.inner();
        if inner.open && inner.lost.is_none() {
            self.watch.publish(State::Reconnecting { attempt: 1 });
        }
    }

    /// What came of it. After a failure the next request tries.
    pub(crate) fn renewed(&self, is_open: bool) {
        let inner = self.inner();
        if inner.open && inner.lost.is_none() {
            self.in_doubt.store(!is_open, Ordering::Relaxed);
            self.watch.publish(if is_open { State::Ready } else { State::Reconnecting { attempt: 0 } });
        }
    }

    /// There is a session: from here on another can take its place.
    pub(crate) fn begin(&self) {
        let mut inner = self.inner();
        (inner.begun, inner.since) = (true, clock::now());
        self.heard.store(false, Ordering::Relaxed);
    }

    /// There is a client.
    pub(crate) fn open(&self) {
        let mut inner = self.inner();
        inner.open = true;
        // States are published under this lock: in their order.
        self.watch.publish(match &inner.over {
            None if inner.lost.is_some() => return,
            None => State::Ready,
            // It was lost again in the meantime.
            Some(why) => State::Closed { why: why.clone() },
        });
    }

    /// A session is lost. `asked` is how long the server wants to be left alone, where the error does not say it.
    pub(crate) fn lose(&self, of: Of, error: &Error, asked: Option<Duration>) -> Lost {
        let mut inner = self.inner();
        let is_news = match of {
            Of::Peer(peer) => peer >= inner.unlost,
            Of::After(losses) => losses == self.losses(),
        };
        if inner.over.is_some() || !is_news {
            return Lost::Known;
        }
        if let Of::Peer(peer) = of {
            inner.unlost = peer + 1;
        }
        self.losses.fetch_add(1, Ordering::AcqRel);
        if inner.lost.is_some() {
            return Lost::Known;
        }
        if !inner.begun || self.policy.when == When::Never {
            return Lost::Final;
        }
        let now = clock::now();
        if self.heard.load(Ordering::Relaxed) || now.since(inner.since) >= OF_USE {
            inner.attempt = 0;
        }
        if self.is_exhausted(&inner) {
            return Lost::Final;
        }
        inner.lost = Some(error.clone());
        self.is_lost.store(true, Ordering::Release);
        self.await_next(&mut inner, now, asked.or_else(|| wait_asked_for(error)));
        Lost::New
    }

    /// The next attempt is waited for.
    fn await_next(&self, inner: &mut Inner, now: Instant, asked: Option<Duration>) {
        let asked = asked.unwrap_or_default().min(self.longest_asked);
        inner.not_before = now + self.policy.pause(inner.attempt + 1).max(asked);
        let attempt = if self.policy.when == When::AtOnce { inner.attempt + 1 } else { 0 };
        self.watch.publish(State::Reconnecting { attempt });
    }

    fn is_exhausted(&self, inner: &Inner) -> bool {
        self.policy.attempts.is_some_and(|most| inner.attempt >= most)
    }

    /// Waits for a turn to make an attempt, on behalf of a request. When another thread makes one meanwhile, its failure is that of
    /// all who waited for it.
    pub(crate) fn turn(&self, deadline: Option<Deadline>) -> Result<Found, Error> {
        let mut inner = self.inner();
        let mut waited_for = None;
        loop {
            if inner.over.is_some() {
                return Err(Error::Closed(Delivery::NotSent));
            }
            let Some(lost) = &inner.lost else { return Ok(Found::Stands) };
            if inner.at_work {
                waited_for = Some(inner.attempt);
                inner = self.wait(inner, deadline)?;
                continue;
            }
            // A deadline of somebody else's says nothing about the server.
            if waited_for == Some(inner.attempt) && !matches!(lost, Error::Timeout(_)) {
                return Err(lost.clone().with_delivery(Delivery::NotSent));
            }
            let pause = Deadline { at: inner.not_before, cause: Cause::Call };
            if pause.has_passed(clock::now()) {
                return Ok(Found::Turn(self.take_turn(&mut inner)));
            }
            let is_first = deadline.is_none_or(|deadline| pause.at < deadline.at);
            inner = match self.wait(inner, if is_first { Some(pause) } else { deadline }) {
                Ok(inner) => inner,
                Err(_) if is_first => self.inner(),
                Err(error) => return Err(error),
            };
        }
    }

    /// Waits for the next attempt, in the background. `None` when there is none to be made, or somebody else makes it.
    pub(crate) fn next_turn(&self) -> Option<Turn> {
        let mut inner = self.inner();
        loop {
            if inner.over.is_some() || inner.lost.is_none() || inner.at_work {
                return None;
            }
            let pause = Deadline { at: inner.not_before, cause: Cause::Call };
            if pause.has_passed(clock::now()) {
                return Some(self.take_turn(&mut inner));
            }
            inner = match self.wait(inner, Some(pause)) {
                Ok(inner) => inner,
                Err(_) => self.inner(),
            };
        }
    }

    fn take_turn(&self, inner: &mut Inner) -> Turn {
        inner.at_work = true;
        inner.attempt += 1;
        if self.policy.when != When::AtOnce {
            self.watch.publish(State::Reconnecting { attempt: inner.attempt });
        }
        Turn { attempt: inner.attempt, losses: self.losses() }
    }

    /// Waits until the session stands, on behalf of a request that opens none itself.
    pub(crate) fn await_session(&self, want: &Want) -> Result<(), Error> {
        let mut inner = self.inner();
        loop {
            if inner.over.is_some() {
                return Err(Error::Closed(Delivery::NotSent));
            }
            let Some(lost) = &inner.lost else { return Ok(()) };
            if want.job.as_deref().is_some_and(JobThread::is_over) {
                return Err(Error::Cancelled(Delivery::NotSent));
            }
            let now = clock::now();
            if want.deadline.is_some_and(|deadline| deadline.has_passed(now)) {
                let attempt = if inner.at_work { inner.attempt } else { inner.attempt + 1 };
                let why = lost.clone();
                return Err(Error::NotConnected(Box::new(NotConnected { attempt, after: want.timeout, why })));
            }
            let look = want.job.is_some().then(|| Deadline::after(now, LOOK, Cause::Call));
            let until = match (want.deadline, look) {
                (Some(deadline), Some(look)) => Some(if look.at < deadline.at { look } else { deadline }),
                (deadline, look) => deadline.or(look),
            };
            inner = match self.wait(inner, until) {
                Ok(inner) => inner,
                Err(_) => self.inner(),
            };
        }
    }

    /// The attempt succeeded, and opened the session with this number, where they are numbered. False when that was lost again
    /// before it was said.
    pub(crate) fn restored(&self, turn: Turn, peer: Option<u64>) -> bool {
        let mut inner = self.inner();
        let is_lost = match peer {
            Some(peer) => peer < inner.unlost,
            None => self.losses() != turn.losses,
        };
        if inner.over.is_some() || is_lost {
            return false;
        }
        (inner.at_work, inner.lost, inner.since) = (false, None, clock::now());
        self.heard.store(false, Ordering::Relaxed);
        self.is_lost.store(false, Ordering::Release);
        self.watch.publish(State::Ready);
        drop(inner);
        self.changed.notify_all();
        true
    }

    /// The attempt was in vain. Says whether there is to be another one.
    pub(crate) fn failed(&self, error: &Error, says: Says) -> bool {
        let mut inner = self.inner();
        let now = clock::now();
        let asked = wait_asked_for(error);
        inner.lost = Some(error.clone());
        let goes_on = match says {
            Says::Never => false,
            Says::Nothing => {
                self.await_next(&mut inner, now, asked);
                inner.attempt -= 1;
                true
            }
            Says::NotNow if self.is_exhausted(&inner) => false,
            Says::NotNow => {
                self.await_next(&mut inner, now, asked);
                true
            }
        };
        // Before the end nobody gets another turn.
        inner.at_work = !goes_on;
        drop(inner);
        self.changed.notify_all();
        goes_on
    }

    /// Waits, unless the client is closed or the started call is over. False then.
    pub(crate) fn pause(&self, pause: Duration, job: Option<&JobThread>) -> bool {
        let until = Deadline::after(clock::now(), pause, Cause::Call);
        let mut inner = self.inner();
        loop {
            if inner.over.is_some() || job.is_some_and(JobThread::is_over) {
                return false;
            }
            let now = clock::now();
            if until.has_passed(now) {
                return true;
            }
            let look = Deadline::after(now, LOOK, Cause::Call);
            let next = if job.is_some() && look.at < until.at { look } else { until };
            inner = match self.wait(inner, Some(next)) {
                Ok(inner) => inner,
                Err(_) => self.inner(),
            };
        }
    }

    /// The client is closed, or its end has come.
    pub(crate) fn end(&self, why: &Error) {
        let mut inner = self.inner();
        let why = why.clone().with_delivery(Delivery::NotSent);
        inner.over = Some(why.clone());
        // Before there is a client, whoever connects says why there is none.
        if inner.open {
            self.watch.publish(State::Closed { why });
        }
        drop(inner);
        self.changed.notify_all();
    }

    fn wait<'a>(
        &'a self,
        inner: MutexGuard<'a, Inner>,
        deadline: Option<Deadline>,
    ) -> Result<MutexGuard<'a, Inner>, Error> {
        let Some(deadline) = deadline else {
            return Ok(self.changed.wait(inner).unwrap_or_else(PoisonError::into_inner));
        };
        let left = deadline.at.since(clock::now());
        if left.is_zero() {
            let (cause, delivery) = (deadline.cause, Delivery::NotSent);
            return Err(Error::Timeout(Timeout { cause, after: None, delivery }));
        }
        Ok(self.changed.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0)
    }
}

/// What an attempt in vain says about the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says {
    /// It may do better the next time.
    NotNow,
    /// It lets this client in no more.
    Never,
    /// Nothing: the request that made the attempt ran out of time.
    Nothing,
}

/// How long a server that refused wants to be left alone.
pub(crate) fn wait_asked_for(error: &Error) -> Option<Duration> {
    match error {
        Error::Status(status) | Error::SessionGone(status) => status.wait(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    fn standing(policy: Reconnect) -> Standing {
        let standing = Standing::new(policy, Watch::default(), &Limits::default());
        standing.begin();
        standing.open();
        standing
    }

    fn broken() -> Error {
        Error::StreamEnded(Delivery::Sent)
    }

    fn refused() -> Error {
        Error::Usage("no".into())
    }

    fn turn(standing: &Standing) -> Turn {
        match standing.turn(None).unwrap() {
            Found::Turn(turn) => turn,
            Found::Stands => panic!("it is lost"),
        }
    }

    #[test]
    fn those_who_wait_for_an_attempt_share_what_comes_of_it() {
        for succeeds in [true, false] {
            let standing = Arc::new(standing(Reconnect::on_demand()));
            assert!(matches!(standing.lose(Of::After(standing.losses()), &broken(), None), Lost::New));
            let mine = turn(&standing);
            let waiting: Vec<_> = (0..4)
                .map(|_| {
                    let standing = Arc::clone(&standing);
                    thread::spawn(move || match standing.turn(None)? {
                        Found::Stands => Ok(()),
                        // Who came too late to wait tries, and fails as well.
                        Found::Turn(_) => {
                            standing.failed(&refused(), Says::NotNow);
                            Err(refused())
                        }
                    })
                })
                .collect();
            if succeeds {
                assert!(standing.restored(mine, None));
            } else {
                assert!(standing.failed(&refused(), Says::NotNow));
            }
            for waiting in waiting {
                let found = waiting.join().unwrap();
                assert!(if succeeds { found.is_ok() } else { matches!(found, Err(Error::Usage(_))) }, "{found:?}");
            }
        }
    }

    #[test]
    fn a_session_that_is_lost_again_before_it_was_told_of_is_none() {
        let standing = standing(Reconnect::new());
        assert!(matches!(standing.lose(Of::Peer(0), &broken(), None), Lost::New));
        let mine = standing.next_turn_now();
        assert!(matches!(standing.lose(Of::Peer(1), &broken(), None), Lost::Known));
        assert!(!standing.restored(mine, Some(1)) && standing.is_lost());
        // What was found out before that says nothing of it.
        assert!(matches!(standing.lose(Of::After(1), &broken(), None), Lost::Known));
    }

    /// A reader, a writer and an attempt in vain may each tell of the same loss, at any time.
    #[test]
    fn a_late_report_of_a_loss_does_no_harm_to_the_next_session() {
        let standing = standing(Reconnect::new());
        let report = |peer| assert!(matches!(standing.lose(Of::Peer(peer), &broken(), None), Lost::Known));
        assert!(matches!(standing.lose(Of::Peer(0), &broken(), None), Lost::New));
        report(0);
        let in_vain = standing.next_turn_now();
        report(0);
        // It opened a session, which failed before it stood; its stream is given up.
        assert!(standing.failed(&broken(), Says::NotNow));
        let mine = standing.next_turn_now();
        assert_eq!((in_vain.attempt, mine.attempt), (1, 2));
        // While the next one is opened the reader comes to the end of that.
        report(1);
        report(0);
        assert!(standing.restored(mine, Some(2)), "the third is another one");
        let losses = standing.losses();
        for peer in [0, 1] {
            report(peer);
        }
        assert!(!standing.is_lost());
        assert_eq!(standing.losses(), losses, "no request is taken for one of a session that was lost");
        assert!(matches!(standing.lose(Of::Peer(2), &broken(), None), Lost::New));
    }

    #[test]
    fn attempts_are_counted_until_a_session_is_of_use() {
        let standing = standing(Reconnect::new().interval(Duration::ZERO).attempts(2));
        for attempt in [1, 2] {
            assert!(matches!(standing.lose(Of::After(standing.losses()), &broken(), None), Lost::New));
            let mine = standing.next_turn_now();
            assert_eq!(mine.attempt, attempt);
            assert!(standing.restored(mine, None));
        }
        standing.heard();
        assert!(matches!(standing.lose(Of::After(standing.losses()), &broken(), None), Lost::New));
        let mine = standing.next_turn_now();
        assert_eq!(mine.attempt, 1);
        assert!(standing.failed(&broken(), Says::NotNow));
        let mine = standing.next_turn_now();
        assert!(!standing.failed(&broken(), Says::NotNow), "these were two");
        assert!(standing.next_turn().is_none());
        assert_eq!(mine.attempt, 2);
    }

    #[test]
    fn an_attempt_that_only_ran_out_of_time_does_not_count() {
        let standing = standing(Reconnect::on_demand().at_most(1));
        assert!(matches!(standing.lose(Of::After(standing.losses()), &broken(), None), Lost::New));
        for _ in 0..3 {
            let mine = standing.next_turn_now();
            assert_eq!(mine.attempt, 1);
            assert!(standing.failed(&broken(), Says::Nothing));
        }
    }

    impl Standing {
        /// The next turn without its pause.
        fn next_turn_now(&self) -> Turn {
            self.inner().not_before = clock::now();
            self.next_turn().expect("a turn")
        }
    }
}

//! The connection to a server: made by the first request that needs it, on a thread of its own, and made again after it was lost.
//!
//! Requests wait for it until their time is over or their client gives them up; what was begun goes on for those that still wait, and
//! for the next that comes. Nothing ends it but its own bounds, and the end of the bridge.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use mcp_core::jsonrpc::Error as RpcError;
use mcp_core::session::ClientOffers;
use mcp_server_tiny::delegate::DelegatedCall;
use mcp_sse_blocking::Client;

use super::upstream::{Common, Scope, Upstream, lock};
use super::{announce, outcome};

/// How long requests wait until a server has been told what its clients want of it: a level of log messages, changes. So what they
/// cause does not go unnoticed; a server that does not answer holds nobody up for longer.
const TELLING: Duration = Duration::from_secs(2);

/// The connection, and what became of the attempts to make it.
#[derive(Default)]
pub(super) struct Link {
    now: Mutex<Now>,
    /// A connection was made, or was not, or is not wanted any more; or its server was told what is wanted.
    changed: Condvar,
}

#[derive(Default)]
struct Now {
    state: State,
    attempts: u64,
    /// The attempt that failed last, for those who waited for it.
    failure: Option<(u64, RpcError)>,
    /// While the server is told what is wanted of it: how long requests wait for that.
    telling: Option<Instant>,
}

#[derive(Default)]
enum State {
    #[default]
    None,
    /// It is being made, without the lock.
    Connecting,
    Open(Client),
    Closed,
}

/// One connection that is being made.
struct Connecting(Arc<Common>);

impl Connecting {
    fn new(common: &Arc<Common>) -> Self {
        common.connecting.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(common))
    }
}

impl Drop for Connecting {
    fn drop(&mut self) {
        self.0.connecting.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Upstream {
    /// The connection. Waits for it until `until` or until `call` is given up; an attempt that fails does so for all who wait for it.
    pub(super) fn client(
        &self,
        offers: ClientOffers,
        until: Instant,
        call: Option<&DelegatedCall>,
    ) -> Result<Client, RpcError> {
        if let Some(call) = call {
            let me = self.me.clone();
            call.on_cancel(move || {
                if let Some(upstream) = me.upgrade() {
                    // Under the lock, so that nobody looks before and waits after.
                    let _now = lock(&upstream.link.now);
                    upstream.link.changed.notify_all();
                }
            });
        }
        let is_given_up = || call.is_some_and(DelegatedCall::is_cancelled);
        let mut now = lock(&self.link.now);
        let mut waited_for = None;
        loop {
            if let Some((number, error)) = &now.failure
                && waited_for == Some(*number)
            {
                return Err(error.clone());
            }
            match &now.state {
                State::Open(client) if client.is_connected() => {
                    let left = now.telling.map(|end| end.min(until).saturating_duration_since(Instant::now()));
                    let Some(left) = left.filter(|left| !left.is_zero() && !is_given_up()) else {
                        return Ok(client.clone());
                    };
                    now = self.link.changed.wait_timeout(now, left).unwrap_or_else(PoisonError::into_inner).0;
                }
                State::Closed => return Err(outcome::failed("the session is over")),
                _ if is_given_up() => return Err(outcome::failed("the request was given up")),
                State::Open(_) | State::None => {
                    now.attempts += 1;
                    now.state = State::Connecting;
                    self.begin_to_connect(now.attempts, offers).inspect_err(|_| now.state = State::None)?;
                }
                State::Connecting => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Err(outcome::failed("the deadline passed while the server was being started"));
                    }
                    waited_for = Some(now.attempts);
                    now = self.link.changed.wait_timeout(now, left).unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }

    /// Makes an attempt to connect, on a thread for it.
    fn begin_to_connect(&self, number: u64, offers: ClientOffers) -> Result<(), RpcError> {
        let Some(me) = self.me.upgrade() else { return Err(outcome::failed("the session is over")) };
        let connecting = Connecting::new(&self.common);
        let begun = thread::Builder::new().name("bridge-connect".into()).spawn(move || {
            me.calls.begin();
            let outcome = me.connect(offers);
            me.connected(number, outcome);
            // The end of the bridge waits for what is being made, and then for nothing else of it.
            drop(me);
            drop(connecting);
        });
        begun.map(drop).map_err(|error| outcome::failed(format_args!("no thread to start the server on: {error}")))
    }

    /// An attempt is over.
    fn connected(&self, number: u64, outcome: Result<Client, RpcError>) {
        let mut now = lock(&self.link.now);
        if let State::Closed = now.state {
            drop(now);
            if let Ok(client) = outcome {
                client.close();
            }
            return;
        }
        let made = match outcome {
            Ok(client) => {
                (now.state, now.failure) = (State::Open(client.clone()), None);
                now.telling = Some(Instant::now() + TELLING);
                Some(client)
            }
            Err(error) => {
                (now.state, now.failure) = (State::None, Some((number, error)));
                None
            }
        };
        drop(now);
        self.link.changed.notify_all();
        if let Some(client) = made {
            // Not before it is open: whoever wants another level finds it, or is found here.
            self.ask_for_level(&client);
            self.watches.begin(&client);
            let mut now = lock(&self.link.now);
            if now.attempts == number {
                now.telling = None;
            }
            drop(now);
            self.link.changed.notify_all();
        }
    }

    fn connect(&self, offers: ClientOffers) -> Result<Client, RpcError> {
        let offers = if let Scope::Session(_) = self.scope { offers } else { announce::everything() };
        let builder = self.common.source.builder(announce::declared(offers));
        let builder = builder.map_err(|failure| outcome::failed(failure.message().unwrap_or_default()))?;
        let (asked, told) = (self.me.clone(), self.me.clone());
        let builder = builder
            .on_question(move |question| {
                if let Some(upstream) = asked.upgrade() {
                    upstream.ask(question);
                }
            })
            .on_told(move |message| {
                if let Some(upstream) = told.upgrade() {
                    upstream.tell(message);
                }
            });
        builder.connect().map_err(outcome::told)
    }

    /// The connection, if there is one now.
    pub(super) fn open(&self) -> Option<Client> {
        match &lock(&self.link.now).state {
            State::Open(client) => Some(client.clone()),
            State::None | State::Connecting | State::Closed => None,
        }
    }

    /// Ends it. Takes as long as a process takes to end; one that is only being started is ended by who starts it.
    pub(super) fn close(&self) {
        let before = std::mem::replace(&mut lock(&self.link.now).state, State::Closed);
        self.link.changed.notify_all();
        self.watches.clear();
        if let State::Open(client) = before {
            client.close();
        }
    }
}

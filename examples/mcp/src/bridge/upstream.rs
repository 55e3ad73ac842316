//! One connection to the server behind the bridge: a session's own, that of clients without sessions, or everybody's.
//!
//! [`link`](super::link) makes it when it is needed. A request has a thread while it is worked on.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use mcp_core::jsonrpc::Error as RpcError;
use mcp_core::session::ClientOffers;
use mcp_core::types::{LoggingLevel, Method};
use mcp_server_tiny::delegate::{self, Clients, DelegatedCall};
use mcp_sse_blocking::{Client, Error, Question};
use serde_json::value::RawValue;

use super::calls::{Calls, Nobody, Purpose};
use super::link::Link;
use super::owed::Owed;
use super::source::Source;
use super::watch::{Watcher, Watches};
use super::{announce, outcome, rounds};

/// How long an answer waits for the roots of its client, which a server may have asked for in its name without waiting for them:
/// many do when they start. Programs answer that at once.
const ROOTS: Duration = Duration::from_secs(5);

/// Whom a connection is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Scope {
    Everybody,
    Session(u64),
    /// Clients without sessions, by their credential.
    Alone(Option<Arc<[u8]>>),
}

/// What all connections share.
pub(super) struct Common {
    pub(super) source: Source,
    pub(super) clients: Clients,
    /// Who is connected, where one connection is for everybody.
    pub(super) audience: super::told::Audience,
    /// How many connections are being made.
    pub(super) connecting: AtomicUsize,
}

/// One connection.
pub(super) struct Upstream {
    pub(super) me: Weak<Self>,
    pub(super) scope: Scope,
    pub(super) common: Arc<Common>,
    pub(super) calls: Calls,
    pub(super) watches: Watches,
    pub(super) pages: super::told::Pages,
    pub(super) link: Link,
    /// The level of log messages that was asked for.
    pub(super) level: Mutex<Option<LoggingLevel>>,
    used: Mutex<Instant>,
    pub(super) owed: Mutex<Owed>,
}

impl Upstream {
    pub(super) fn new(scope: Scope, common: &Arc<Common>) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            scope,
            common: Arc::clone(common),
            calls: Calls::default(),
            watches: Watches::default(),
            pages: super::told::Pages::default(),
            link: Link::default(),
            level: Mutex::default(),
            used: Mutex::new(Instant::now()),
            owed: Mutex::default(),
        })
    }

    /// Does what a client asks for, and answers it; `counted` is dropped before, so that whoever has its answer finds the room free.
    /// Blocks for as long as that takes.
    pub(super) fn carry(&self, call: DelegatedCall, counted: impl Sized) {
        let call = Arc::new(call);
        let in_flight = self.calls.enter(&call);
        let outcome = self.outcome(&call);
        if outcome.is_ok() {
            in_flight.settle(ROOTS);
        }
        if let (Err(error), Some(session)) = (&outcome, call.caller().session)
            && error.code == mcp_core::jsonrpc::code::URL_ELICITATION_REQUIRED
        {
            self.pages.refused(session, error.data.as_deref());
        }
        drop(in_flight);
        self.touch();
        drop(counted);
        call.answer(outcome);
    }

    /// It is used now.
    pub(super) fn touch(&self) {
        *lock(&self.used) = Instant::now();
    }

    fn outcome(&self, call: &Arc<DelegatedCall>) -> Result<Box<RawValue>, RpcError> {
        let until = Instant::now() + self.common.source.call_timeout;
        let client =
            self.client(announce::offers_in(call.caller().offers, call.caller().version), until, Some(call))?;
        match call.method() {
            Method::ResourcesSubscribe => self.subscribe(&client, call),
            Method::ResourcesUnsubscribe => self.unsubscribe(call),
            _ => self.converse(&client, call, until),
        }
    }

    /// Makes the request, and makes it again with what the server asks for in its results where the client of this side is asked by
    /// requests.
    fn converse(&self, client: &Client, call: &DelegatedCall, until: Instant) -> Result<Box<RawValue>, RpcError> {
        let caller = call.caller();
        let asks_in_results = !client.protocol_version().has_server_requests();
        if !asks_in_results && let Some(level) = caller.level.filter(|_| caller.session.is_none()) {
            self.lower_level(client, level);
        }
        let mut params = call.params().map(ToOwned::to_owned);
        let mut done = 0;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let mut relay = client.relay(call.method().name()).timeout(Some(left)).log_level(caller.level);
            if call.wants_progress() {
                relay = relay.with_progress();
            }
            let canceller = relay.canceller();
            call.on_cancel(move || {
                canceller.cancel("the client gave the request up");
            });
            let result = relay
                .run(params.as_deref(), |report| {
                    call.progress(report.progress, report.total, report.message.as_deref())
                })
                .map_err(|error| self.unanswered(client, call, error))?;
            if !asks_in_results || !rounds::asks(&result) {
                return Ok(result);
            }
            if !caller.version.has_server_requests() {
                return rounds::admitted(call, result);
            }
            params = Some(rounds::answered(call, &result, done, until)?);
            done += 1;
        }
    }

    /// What the client is told of a failure. When the server is still there and has not answered, it may go on with the call.
    fn unanswered(&self, client: &Client, call: &DelegatedCall, error: Error) -> RpcError {
        if !matches!(error, Error::Rpc(_)) && client.is_connected() {
            self.calls.leave_behind(call);
        }
        outcome::told(error)
    }

    /// Asks the client whose call it is what the server asks.
    pub(super) fn ask(&self, question: Question) {
        let (number, call) = match self.calls.meant(Purpose::Ask) {
            Ok(meant) => meant,
            Err(nobody) => {
                let why = match nobody {
                    Nobody::NoCall => "no request is in flight in whose name its client could be asked",
                    Nobody::Several => {
                        "it shares this server with others that work on requests: nobody knows who is meant"
                    }
                    Nobody::Left => {
                        "a request of another client was given up and the server may still work on it: nobody knows who \
                         is meant until the server is started anew"
                    }
                };
                log::info!("`{}` is refused: {why}", question.method().name());
                return question.answer(Err(outcome::failed(why)));
            }
        };
        if let (Method::ElicitationCreate, Some(session)) = (question.method(), call.caller().session) {
            self.pages.asked(session, question.params());
        }
        let asked: Arc<Mutex<Asked>> = Arc::default();
        let withdrawn = Arc::clone(&asked);
        question.on_withdraw(move || {
            if let Asked::Open(question) = std::mem::replace(&mut *lock(&withdrawn), Asked::Withdrawn) {
                question.withdraw();
            }
        });
        let closing = Closing { upstream: self.me.clone(), number };
        let (method, params) = (question.method(), question.params().map(ToOwned::to_owned));
        let open = call.ask(method, params, move |answer| {
            question.answer(answer);
            drop(closing);
        });
        let mut asked = lock(&asked);
        if let Asked::Withdrawn = *asked {
            open.withdraw();
        } else {
            *asked = Asked::Open(open);
        }
    }

    fn subscribe(&self, client: &Client, call: &DelegatedCall) -> Result<Box<RawValue>, RpcError> {
        let uri = uri(call)?;
        self.watches.add(client, uri, watcher(call)).map_err(|error| self.unanswered(client, call, error))?;
        Ok(empty())
    }

    fn unsubscribe(&self, call: &DelegatedCall) -> Result<Box<RawValue>, RpcError> {
        self.watches.remove(&uri(call)?, &watcher(call));
        Ok(empty())
    }

    /// Somebody without a session listens.
    pub(super) fn listen(&self, watcher: &Watcher, uris: Vec<String>) {
        let client = match self.client(ClientOffers::NONE, Instant::now() + self.common.source.call_timeout, None) {
            Ok(client) => client,
            Err(error) => return log::info!("nothing can be told of changes: {error}"),
        };
        for uri in uris {
            if !self.watches.knows(watcher) {
                return;
            }
            if let Err(error) = self.watches.add(&client, uri, watcher.clone()) {
                log::info!("nothing can be told of changes of a resource: {error}");
            }
        }
    }

    /// Whether nobody has used it for so long.
    pub(super) fn is_unused(&self, idle: Duration) -> bool {
        self.calls.is_empty() && self.watches.is_empty() && lock(&self.used).elapsed() >= idle
    }
}

/// What became of a question while it was being asked.
#[derive(Default)]
enum Asked {
    #[default]
    NotYet,
    Open(delegate::Question),
    Withdrawn,
}

/// Says that a question is not open any more when it is dropped: answered or not.
struct Closing {
    upstream: Weak<Upstream>,
    number: u64,
}

impl Drop for Closing {
    fn drop(&mut self) {
        if let Some(upstream) = self.upstream.upgrade() {
            upstream.calls.close(self.number);
        }
    }
}

fn watcher(call: &DelegatedCall) -> Watcher {
    // A method of sessions.
    Watcher::Session(call.caller().session.unwrap_or_default())
}

fn uri(call: &DelegatedCall) -> Result<String, RpcError> {
    #[derive(serde::Deserialize)]
    struct Params {
        uri: String,
    }
    let params = call.params().and_then(|params| serde_json::from_str::<Params>(params.get()).ok());
    let no_uri = || RpcError::new(mcp_core::jsonrpc::code::INVALID_PARAMS, "it needs a `uri`");
    params.map(|params| params.uri).ok_or_else(no_uri)
}

fn empty() -> Box<RawValue> {
    serde_json::value::to_raw_value(&mcp_core::types::JsonObject::new()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

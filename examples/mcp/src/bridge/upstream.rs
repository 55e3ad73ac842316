//! One connection to the server behind the bridge: a session's own, that of clients without sessions, or everybody's.
//!
//! It is made by the first request that needs it, on the thread of that request, and made again after it was lost. A request has a
//! thread while it is worked on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use mcp_core::jsonrpc::Error as RpcError;
use mcp_core::session::ClientOffers;
use mcp_core::types::{LoggingLevel, Method};
use mcp_server_tiny::delegate::{self, Clients, DelegatedCall};
use mcp_sse_blocking::{Client, Error, Question};
use serde_json::value::RawValue;

use super::calls::{Calls, Nobody, Purpose};
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
    me: Weak<Self>,
    pub(super) scope: Scope,
    pub(super) common: Arc<Common>,
    pub(super) calls: Calls,
    pub(super) watches: Watches,
    pub(super) pages: super::told::Pages,
    link: Mutex<Link>,
    /// A connection was made, or was not, or is not wanted any more.
    linked: Condvar,
    /// The level of log messages that was asked for.
    level: Mutex<Option<LoggingLevel>>,
    used: Mutex<Instant>,
    owed: Mutex<Owed>,
}

/// What the server has to be told and was not yet: of each kind the newest, however often its client says it.
#[derive(Debug, Default)]
pub(super) struct Owed {
    level: Option<LoggingLevel>,
    /// The roots have changed, which was told with these parameters.
    pub(super) roots: Option<Option<Box<RawValue>>>,
    is_being_paid: bool,
}

impl Owed {
    /// A client wants log messages of this level. Of several clients the lowest counts.
    pub(super) fn wants(&mut self, level: LoggingLevel, is_shared: bool) {
        self.level = Some(self.level.filter(|known| is_shared && *known < level).unwrap_or(level));
    }
}

/// The connection, and what became of the attempts to make it.
#[derive(Default)]
struct Link {
    state: State,
    attempts: u64,
    /// The attempt that failed last, for those who waited for it.
    failure: Option<(u64, RpcError)>,
}

#[derive(Default)]
enum State {
    #[default]
    None,
    /// Somebody makes it, without the lock.
    Connecting,
    Open(Client),
    Closed,
}

/// One connection that is being made.
struct Connecting<'a>(&'a AtomicUsize);

impl<'a> Connecting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Connecting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
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
            link: Mutex::default(),
            linked: Condvar::new(),
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

    /// The connection. Waits for whoever is making it, until `until` or until `call` is given up, and fails with it.
    fn client(&self, offers: ClientOffers, until: Instant, call: Option<&DelegatedCall>) -> Result<Client, RpcError> {
        if let Some(call) = call {
            let me = self.me.clone();
            call.on_cancel(move || {
                if let Some(upstream) = me.upgrade() {
                    // Under the lock, so that nobody looks before and waits after.
                    let _link = lock(&upstream.link);
                    upstream.linked.notify_all();
                }
            });
        }
        let mut link = lock(&self.link);
        let mut waited_for = None;
        loop {
            if let Some((number, error)) = &link.failure
                && waited_for == Some(*number)
            {
                return Err(error.clone());
            }
            match &link.state {
                State::Open(client) if client.is_connected() => return Ok(client.clone()),
                State::Closed => return Err(outcome::failed("the session is over")),
                _ if call.is_some_and(DelegatedCall::is_cancelled) => {
                    return Err(outcome::failed("the request was given up"));
                }
                State::Open(_) | State::None => break,
                State::Connecting => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Err(outcome::failed("the deadline passed while the server was being started"));
                    }
                    waited_for = Some(link.attempts);
                    link = self.linked.wait_timeout(link, left).unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
        link.attempts += 1;
        let number = link.attempts;
        link.state = State::Connecting;
        drop(link);
        self.calls.begin();
        let connecting = Connecting::new(&self.common.connecting);
        let outcome = self.connect(offers);
        drop(connecting);
        let mut link = lock(&self.link);
        if let State::Closed = link.state {
            drop(link);
            if let Ok(client) = outcome {
                client.close();
            }
            return Err(outcome::failed("the session is over"));
        }
        link.state = match &outcome {
            Ok(client) => State::Open(client.clone()),
            Err(_) => State::None,
        };
        link.failure = outcome.as_ref().err().map(|error| (number, error.clone()));
        drop(link);
        self.linked.notify_all();
        let client = outcome?;
        if let Some(level) = *lock(&self.level) {
            self.ask_for_level(&client, level);
        }
        self.watches.begin(&client);
        Ok(client)
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
    fn open(&self) -> Option<Client> {
        match &lock(&self.link).state {
            State::Open(client) => Some(client.clone()),
            State::None | State::Connecting | State::Closed => None,
        }
    }

    /// Asks the client whose call it is what the server asks.
    fn ask(&self, question: Question) {
        let (number, call) = match self.calls.meant(Purpose::Ask) {
            Ok(meant) => meant,
            Err(nobody) => {
                let why = match nobody {
                    Nobody::NoCall => "no request is in flight in whose name its client could be asked",
                    Nobody::Several => {
                        "it shares this server with others that work on requests: nobody knows who is meant"
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

    /// Notes what the server has to be told. True when nobody is about to: then somebody has to [`pay`](Self::pay).
    pub(super) fn owe(&self, note: impl FnOnce(&mut Owed)) -> bool {
        let mut owed = lock(&self.owed);
        note(&mut owed);
        !std::mem::replace(&mut owed.is_being_paid, true)
    }

    /// Tells the server what is noted, until nothing is.
    pub(super) fn pay(&self) {
        loop {
            let mut owed = lock(&self.owed);
            let (level, roots) = (owed.level.take(), owed.roots.take());
            if level.is_none() && roots.is_none() {
                owed.is_being_paid = false;
                return;
            }
            drop(owed);
            if let Some(level) = level {
                self.set_level(level);
            }
            if let Some(params) = roots {
                self.notify(Method::NotificationsRootsListChanged, params.as_deref());
            }
        }
    }

    /// Nobody could be found to tell it: with the next that comes it is tried again.
    pub(super) fn stop_paying(&self) {
        lock(&self.owed).is_being_paid = false;
    }

    /// The client of a session set the level of log messages. Where there are several, the lowest that anybody wants is asked for.
    fn set_level(&self, level: LoggingLevel) {
        let mut known = lock(&self.level);
        if self.scope == Scope::Everybody && known.is_some_and(|known| known <= level) {
            return;
        }
        *known = Some(level);
        drop(known);
        if let Some(client) = self.open() {
            self.ask_for_level(&client, level);
        }
    }

    /// One of several clients wants log messages of this level: the lowest that anybody wants is asked for.
    fn lower_level(&self, client: &Client, level: LoggingLevel) {
        let mut known = lock(&self.level);
        if known.is_none_or(|known| level < known) {
            *known = Some(level);
            drop(known);
            self.ask_for_level(client, level);
        }
    }

    fn ask_for_level(&self, client: &Client, level: LoggingLevel) {
        if client.capabilities().logging.is_some()
            && let Err(error) = client.set_log_level(level)
        {
            log::info!("the level of log messages could not be set: {error}");
        }
    }

    /// Hands on what a client told.
    fn notify(&self, method: Method, params: Option<&RawValue>) {
        let Some(client) = self.open() else { return };
        let sent = match params {
            Some(params) => client.notify(method.name(), params),
            None => client.notify(method.name(), &()),
        };
        if let Err(error) = sent {
            log::info!("`{}` was not handed on: {error}", method.name());
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

    /// Ends it. Takes as long as a process takes to end; one that is only being started is ended by who starts it.
    pub(super) fn close(&self) {
        let before = std::mem::replace(&mut lock(&self.link).state, State::Closed);
        self.linked.notify_all();
        self.watches.clear();
        if let State::Open(client) = before {
            client.close();
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_clients_the_lowest_level_is_owed_and_of_one_the_newest() {
        for (is_shared, last) in [(true, LoggingLevel::Debug), (false, LoggingLevel::Error)] {
            let mut owed = Owed::default();
            for level in [LoggingLevel::Warning, LoggingLevel::Debug, LoggingLevel::Error] {
                owed.wants(level, is_shared);
            }
            assert_eq!(owed.level, Some(last));
        }
    }
}

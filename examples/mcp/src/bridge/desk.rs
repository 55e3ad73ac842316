//! The delegate: which connection a request is for, and a thread that carries it there.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mcp_core::types::{LoggingLevel, Method, SubscriptionFilter};
use mcp_server_tiny::delegate::{Caller, Delegate, DelegatedCall};
use mcp_sse_blocking::terminate_children;
use serde_json::value::RawValue;

use super::outcome;
use super::owed::Owed;
use super::upstream::{Common, Scope, Upstream, lock};
use super::watch::Watcher;

/// How often processes that nobody uses are looked for, at least.
const LOOK: Duration = Duration::from_secs(30);

/// How long the end of the bridge waits for connections that are being made.
const CONNECTING: Duration = Duration::from_secs(5);

/// All connections of a bridge.
pub(super) struct Bridge {
    common: Arc<Common>,
    is_shared: bool,
    has_tokens: bool,
    idle: Duration,
    max_calls: usize,
    in_flight: AtomicUsize,
    upstreams: Mutex<HashMap<Scope, Arc<Upstream>>>,
    listeners: AtomicU64,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Dropped when the bridge ends.
    ticking: Mutex<Option<Sender<()>>>,
}

/// What of a bridge the command line sets.
pub(super) struct Manner {
    pub(super) is_shared: bool,
    /// Whether clients have to show one of certain tokens.
    pub(super) has_tokens: bool,
    pub(super) idle: Duration,
    pub(super) max_calls: usize,
}

impl Bridge {
    pub(super) fn new(common: Common, manner: &Manner) -> Arc<Self> {
        let (ticking, ended) = channel();
        let bridge = Arc::new(Self {
            common: Arc::new(common),
            is_shared: manner.is_shared,
            has_tokens: manner.has_tokens,
            idle: manner.idle,
            max_calls: manner.max_calls,
            in_flight: AtomicUsize::new(0),
            upstreams: Mutex::default(),
            listeners: AtomicU64::new(0),
            threads: Mutex::default(),
            ticking: Mutex::new(Some(ticking)),
        });
        let (weak, pause) = (Arc::downgrade(&bridge), (manner.idle / 4).clamp(Duration::from_millis(50), LOOK));
        bridge.spawn("bridge-idle", move || look_for_unused(&weak, &ended, pause));
        bridge
    }

    /// Starts a thread that the end of the bridge waits for. False when there is none to be had.
    fn spawn(&self, name: &str, run: impl FnOnce() + Send + 'static) -> bool {
        match thread::Builder::new().name(name.into()).spawn(run) {
            Ok(thread) => {
                let mut threads = lock(&self.threads);
                // Not each time: after as many more as are there already.
                if threads.len() == threads.capacity() {
                    threads.retain(|thread| !thread.is_finished());
                    let more = threads.len().max(16);
                    threads.reserve(more);
                }
                threads.push(thread);
                true
            }
            Err(error) => {
                log::error!("no thread for {name}: {error}");
                false
            }
        }
    }

    fn upstream(&self, scope: Scope) -> Arc<Upstream> {
        let scope = if self.is_shared { Scope::Everybody } else { scope };
        let mut upstreams = lock(&self.upstreams);
        let upstream = upstreams.entry(scope.clone()).or_insert_with(|| Upstream::new(scope, &self.common));
        upstream.touch();
        Arc::clone(upstream)
    }

    /// Whom clients without sessions share a connection with. What nobody compared with a token is no credential: whoever sends
    /// another each time would have a process for each. So there are no more connections than sessions and tokens.
    fn alone(&self, credential: Option<&Arc<[u8]>>) -> Scope {
        Scope::Alone(credential.filter(|_| self.has_tokens).cloned())
    }

    fn known(&self, session: u64) -> Option<Arc<Upstream>> {
        let scope = if self.is_shared { Scope::Everybody } else { Scope::Session(session) };
        lock(&self.upstreams).get(&scope).cloned()
    }

    /// One more call is worked on, unless there are too many.
    fn count(self: &Arc<Self>) -> Option<Counted> {
        let counted = Counted(Arc::clone(self));
        (self.in_flight.fetch_add(1, Ordering::Relaxed) < self.max_calls).then_some(counted)
    }

    /// Sees to it that a server is told something, on one thread for each connection.
    fn owe(&self, upstream: &Arc<Upstream>, note: impl FnOnce(&mut Owed)) {
        if upstream.owe(note) {
            let telling = Arc::clone(upstream);
            if !self.spawn("bridge-tell", move || telling.pay()) {
                upstream.stop_paying();
            }
        }
    }

    /// Ends the connections that `which` picks, each on a thread of its own.
    fn end(&self, which: impl Fn(&Upstream) -> bool) {
        let mut upstreams = lock(&self.upstreams);
        let (over, left) = std::mem::take(&mut *upstreams).into_iter().partition(|(_, upstream)| which(upstream));
        *upstreams = left;
        drop(upstreams);
        let over: HashMap<Scope, Arc<Upstream>> = over;
        for (_, upstream) in over {
            let closing = Arc::clone(&upstream);
            if !self.spawn("bridge-end", move || closing.close()) {
                upstream.close();
            }
        }
    }

    /// Ends everything, and waits until it has ended.
    pub(super) fn close(&self) {
        drop(lock(&self.ticking).take());
        // Those that are open first, with all their patience: the rest is told at once.
        let ending = std::mem::take(&mut *lock(&self.upstreams)).into_values().map(|upstream| {
            let closing = Arc::clone(&upstream);
            (upstream, thread::Builder::new().name("bridge-end".into()).spawn(move || closing.close()))
        });
        for (upstream, ending) in ending.collect::<Vec<_>>() {
            match ending {
                Ok(thread) => drop(thread.join()),
                Err(_) => upstream.close(),
            }
        }
        // Nothing ends the wait for a server that is only being started, but its end. It may not have been started a moment ago.
        let since = Instant::now();
        while self.common.connecting.load(Ordering::SeqCst) > 0 {
            if since.elapsed() > CONNECTING {
                return log::warn!("a server that was being started is left behind");
            }
            terminate_children();
            thread::sleep(Duration::from_millis(50));
        }
        loop {
            let threads = std::mem::take(&mut *lock(&self.threads));
            if threads.is_empty() {
                return;
            }
            // None of them panics, and each is bounded by what its connection has left to do.
            threads.into_iter().for_each(|thread| drop(thread.join()));
        }
    }
}

/// Ends connections that no session ends: those of clients without sessions, and everybody's. Also those that could not be made.
fn look_for_unused(bridge: &Weak<Bridge>, ended: &Receiver<()>, pause: Duration) {
    while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
        let Some(bridge) = bridge.upgrade() else { return };
        let idle = bridge.idle;
        let has_no_session = |upstream: &Upstream| match &upstream.scope {
            Scope::Session(_) => false,
            Scope::Alone(_) => true,
            Scope::Everybody => bridge.common.audience.is_empty(),
        };
        bridge.end(|upstream| has_no_session(upstream) && upstream.is_unused(idle));
    }
}

/// The bridge as the delegate of its front.
pub(super) struct Desk(pub(super) Arc<Bridge>);

impl Delegate for Desk {
    fn handle(&mut self, call: DelegatedCall) {
        let bridge = Arc::clone(&self.0);
        let Some(counted) = bridge.count() else {
            let bound = bridge.max_calls;
            let text =
                format!("{bound} requests are worked on already, as many as --max-calls allows; try again later");
            return call.answer(Err(outcome::failed(text)));
        };
        let scope = match call.caller().session {
            Some(session) => {
                bridge.common.audience.enter(session);
                Scope::Session(session)
            }
            None => bridge.alone(call.caller().credential.as_ref()),
        };
        let upstream = bridge.upstream(scope);
        if let Some(session) = call.caller().session {
            upstream.watches.listens(Watcher::Session(session));
        }
        // A call that is dropped because there is no thread is answered so.
        bridge.spawn("bridge-call", move || upstream.carry(call, counted));
    }

    fn notified(&mut self, session: u64, method: Method, params: Option<&RawValue>) {
        let Some(upstream) = self.0.known(session) else { return };
        if method == Method::NotificationsRootsListChanged {
            let params = params.map(ToOwned::to_owned);
            self.0.owe(&upstream, |owed| owed.roots = Some(params));
        }
    }

    fn level_set(&mut self, session: u64, level: LoggingLevel) {
        self.0.common.audience.enter(session);
        let upstream = self.0.upstream(Scope::Session(session));
        self.0.owe(&upstream, |owed| owed.wants(level, self.0.is_shared));
    }

    fn session_ended(&mut self, session: u64) {
        self.0.common.audience.leave(session);
        if self.0.is_shared {
            if let Some(upstream) = self.0.known(session) {
                upstream.watches.forget(&Watcher::Session(session));
            }
            return;
        }
        self.0.end(|upstream| upstream.scope == Scope::Session(session));
    }

    fn listening(&mut self, listener: &Caller, filter: &SubscriptionFilter) -> Option<Box<dyn Send>> {
        let number = self.0.listeners.fetch_add(1, Ordering::Relaxed);
        let watcher = Watcher::Listener(number, listener.credential.clone());
        let upstream = self.0.upstream(self.0.alone(listener.credential.as_ref()));
        upstream.watches.listens(watcher.clone());
        let listening = Listening { upstream: Arc::downgrade(&upstream), watcher: watcher.clone() };
        let uris = filter.resource_subscriptions.clone();
        // While it is being subscribed for, it counts as a call.
        if let Some(counted) = self.0.count() {
            self.0.spawn("bridge-listen", move || {
                upstream.listen(&watcher, uris);
                drop(counted);
            });
        } else {
            log::warn!("who listens now is told of lists alone: as many requests are worked on as --max-calls allows");
        }
        Some(Box::new(listening))
    }
}

/// One call that is worked on.
struct Counted(Arc<Bridge>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Somebody listens until this is dropped.
struct Listening {
    upstream: Weak<Upstream>,
    watcher: Watcher,
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Some(upstream) = self.upstream.upgrade() {
            upstream.watches.forget(&self.watcher);
        }
    }
}

//! The threads beside the caller's: who reads when nobody calls, who answers the server, who runs the handlers.
//!
//! | Thread | Lives | Does |
//! | --- | --- | --- |
//! | `mcp-read` | with the session | reads the stream while no caller does ([`reader`](crate::reader)) |
//! | `mcp-post` | from the first thing it has to send | answers to the server, cancellations |
//! | `mcp-requests` | from the first question of the server | has questions answered, one at a time ([`questions`](crate::questions)) |
//! | `mcp-listen` | with the session over Streamable HTTP, if somebody wants to hear | reads the session's own stream ([`listen`](crate::listen)) |
//! | `mcp-call` | with one started call, over Streamable HTTP | makes its requests and reads their answers |
//! | `mcp-again` | from the loss of a session to the next one, where the policy says so | opens it ([`restore`](crate::restore)) |
//! | `mcp-events` | with the session, if there are handlers | runs the handlers, one at a time, in order, without a lock |
//!
//! The queues between them are bounded. What finds a queue full is dropped, and the log says so: a server that asks faster
//! than it takes answers, or a handler that is slower than its server, must not grow this program.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TryRecvError, TrySendError, bounded};
use mcp_core::jsonrpc;
use mcp_core::time::{Cause, Deadline};
use mcp_core::types::{LoggingLevel, LoggingMessage};
use serde_json::value::RawValue;

use crate::client::{Client, Handle};
use crate::clock;
use crate::engine::Engine;
use crate::events::{Event, EventFilter};
use crate::log_target;
use crate::pending::Repeat;

/// Messages of ours that wait to be sent. 64: beyond that a server does not take what it asks for.
const POSTS: usize = 64;
/// Notifications that wait for their handler. 1024: a burst of progress and logs of one call fits.
const NOTICES: usize = 1024;
/// Bytes of theirs that wait. 16 MiB: four of the largest messages.
const NOTICE_BYTES: usize = 16 << 20;
/// How long sending one of them may take.
pub(crate) const POST_TIME: Duration = Duration::from_secs(10);
/// How long closing may take in all.
const CLOSE_TIME: Duration = Duration::from_secs(1);
/// How much of it what waits to be sent may take.
const FLUSH_TIME: Duration = Duration::from_millis(500);

/// A log message of the server (`notifications/message`). Untrusted text.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LogMessage {
    /// How bad it is.
    pub level: LoggingLevel,
    /// Which part of the server says it.
    pub logger: Option<String>,
    /// What it says: any JSON, often a string. See [`LogMessage::text`].
    pub data: Box<RawValue>,
}

/// A notification of the server other than progress and logs.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Notification {
    /// The name of the method.
    pub method: String,
    /// The parameters as raw JSON.
    pub params: Option<Box<RawValue>>,
}

impl LogMessage {
    /// The text, when the data is a JSON string; else the JSON itself.
    pub fn text(&self) -> String {
        serde_json::from_str(self.data.get()).unwrap_or_else(|_| self.data.get().to_owned())
    }
}

pub(crate) type LogHandler = Box<dyn FnMut(&Client, &LogMessage) + Send>;
pub(crate) type NotificationHandler = Box<dyn FnMut(&Client, &Notification) + Send>;
pub(crate) type EventHandler = Box<dyn FnMut(&Client, &Event) + Send>;

/// What the caller wants to hear.
#[derive(Default)]
pub(crate) struct Handlers {
    pub(crate) log: Option<LogHandler>,
    pub(crate) notification: Option<NotificationHandler>,
    pub(crate) events: Vec<(EventFilter, EventHandler)>,
}

pub(crate) enum Notice {
    Log(LogMessage),
    Other(Notification),
    Event(Event),
}

/// The threads of one client and the queues to them.
pub(crate) struct Background {
    workers: Mutex<Vec<Worker>>,
    outbox: Mutex<Outbox>,
    notices: Mutex<Option<Sender<Notice>>>,
    /// Bytes of the notifications that wait.
    waiting: Arc<AtomicUsize>,
    dropped: AtomicU64,
    wants: Wants,
}

#[derive(Debug)]
struct Wants {
    logs: bool,
    notifications: bool,
    /// Those of the handlers: what none of them wants does not wait for them.
    events: Vec<EventFilter>,
}

enum Outbox {
    /// Nothing had to be sent yet.
    Idle,
    /// Messages, each with the number of the session that it belongs to.
    Open(Sender<(u64, Vec<u8>)>),
    Ended,
}

struct Worker {
    thread: JoinHandle<()>,
    /// Disconnected once the thread is done.
    done: Receiver<Infallible>,
}

impl Worker {
    fn is_running(&self) -> bool {
        self.done.try_recv() != Err(TryRecvError::Disconnected)
    }

    fn is(&self, name: &str) -> bool {
        self.thread.thread().name() == Some(name)
    }
}

const POST_THREAD: &str = "mcp-post";

impl Background {
    /// Also gives what the thread for `handlers` will read, if there are any.
    pub(crate) fn new(handlers: &Handlers) -> (Self, Option<Receiver<Notice>>) {
        let wants = Wants {
            logs: handlers.log.is_some(),
            notifications: handlers.notification.is_some(),
            events: handlers.events.iter().map(|(filter, _)| filter.clone()).collect(),
        };
        let is_wanted = wants.logs || wants.notifications || !wants.events.is_empty();
        let (sender, receiver) = is_wanted.then(|| bounded(NOTICES)).unzip();
        let background = Self {
            workers: Mutex::default(),
            outbox: Mutex::new(Outbox::Idle),
            notices: Mutex::new(sender),
            waiting: Arc::default(),
            dropped: AtomicU64::new(0),
            wants,
        };
        (background, receiver)
    }

    /// Starts the thread that reads when no caller does.
    pub(crate) fn start_reader(&self, engine: &Arc<Engine>) -> std::io::Result<()> {
        let engine = Arc::clone(engine);
        self.spawn("mcp-read", move || engine.keep())
    }

    /// Starts the thread that runs the handlers.
    pub(crate) fn start_handlers(
        &self,
        client: Weak<Handle>,
        notices: Receiver<Notice>,
        mut handlers: Handlers,
    ) -> std::io::Result<()> {
        let waiting = Arc::clone(&self.waiting);
        self.spawn("mcp-events", move || {
            for notice in notices {
                waiting.fetch_sub(notice.bytes(), Ordering::Relaxed);
                let Some(client) = Client::lend(&client) else { return };
                handlers.run(&client, &notice);
            }
        })
    }

    /// Sends `message` soon, on another thread.
    pub(crate) fn post(&self, engine: &Engine, message: Vec<u8>) {
        let mut outbox = lock(&self.outbox);
        if let Outbox::Idle = *outbox {
            let (sender, receiver) = bounded(POSTS);
            let Some(engine) = engine.arc() else { return };
            match self.spawn(POST_THREAD, move || post_all(&engine, &receiver)) {
                Ok(()) => *outbox = Outbox::Open(sender),
                Err(error) => {
                    return log::error!(target: log_target::CLIENT, "no thread to answer the server on: {error}");
                }
            }
        }
        if let Outbox::Open(sender) = &*outbox
            && let Err(TrySendError::Full(_)) = sender.try_send((engine.carrier.number(), message))
        {
            engine.warn(format_args!("dropped an answer or a cancellation: {POSTS} wait to be sent already"));
        }
    }

    pub(crate) fn log(&self, message: &LoggingMessage<'_>) {
        if self.wants.logs {
            self.notice(Notice::Log(LogMessage {
                level: message.level,
                logger: message.logger.as_deref().map(str::to_owned),
                data: message.data.to_owned(),
            }));
        }
    }

    pub(crate) fn notification(&self, notification: &jsonrpc::Notification<'_>) {
        if self.wants.notifications {
            self.notice(Notice::Other(Notification {
                method: notification.method.clone().into_owned(),
                params: notification.params.map(ToOwned::to_owned),
            }));
        }
    }

    /// Whether there are handlers for events.
    pub(crate) fn has_event_handlers(&self) -> bool {
        !self.wants.events.is_empty()
    }

    pub(crate) fn event(&self, event: &Event) {
        if self.wants.events.iter().any(|filter| filter.names(event)) {
            self.notice(Notice::Event(event.clone()));
        }
    }

    fn notice(&self, notice: Notice) {
        let Some(sender) = &*lock(&self.notices) else { return };
        let bytes = notice.bytes();
        let has_room = self.waiting.load(Ordering::Relaxed) + bytes <= NOTICE_BYTES;
        // Before it is sent: its reader subtracts.
        self.waiting.fetch_add(bytes, Ordering::Relaxed);
        match has_room.then(|| sender.try_send(notice)) {
            Some(Ok(())) => {
                let dropped = self.dropped.swap(0, Ordering::Relaxed);
                if dropped > 0 {
                    log::warn!(target: log_target::CLIENT, "dropped {dropped} notifications: their handlers are slower than the server");
                }
            }
            _ => {
                self.waiting.fetch_sub(bytes, Ordering::Relaxed);
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Lets the threads run out: nothing new reaches them.
    pub(crate) fn end(&self) {
        *lock(&self.outbox) = Outbox::Ended;
        *lock(&self.notices) = None;
    }

    /// Lets what waits to be sent leave, a cancellation most often, and takes nothing new. Returns by when closing has to be over.
    pub(crate) fn flush(&self) -> Deadline {
        let deadline = Deadline::after(clock::now(), CLOSE_TIME, Cause::Close);
        let outbox = std::mem::replace(&mut *lock(&self.outbox), Outbox::Ended);
        if let Outbox::Open(sender) = outbox {
            // The thread ends when the queue is empty.
            drop(sender);
            let posting =
                lock(&self.workers).iter().find(|worker| worker.is(POST_THREAD)).map(|worker| worker.done.clone());
            let _ = posting.map(|done| done.recv_timeout(FLUSH_TIME));
        }
        deadline
    }

    /// Waits until the threads are gone, but not beyond `deadline`. The thread that asks does not wait for itself.
    pub(crate) fn join(&self, deadline: Deadline) {
        let workers = std::mem::take(&mut *lock(&self.workers));
        for worker in workers {
            if worker.thread.thread().id() == thread::current().id() {
                continue;
            }
            let left = deadline.at.since(clock::now());
            match worker.done.recv_timeout(left) {
                Err(crossbeam_channel::RecvTimeoutError::Disconnected) => drop(worker.thread.join()),
                _ => log::warn!(
                    target: log_target::CLIENT,
                    "the thread {} is left behind: what it is doing cannot be interrupted",
                    worker.thread.thread().name().unwrap_or("without a name")
                ),
            }
        }
    }

    /// Starts a thread that closing waits for.
    pub(crate) fn spawn(&self, name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        let (alive, done) = bounded(0);
        let thread = thread::Builder::new().name(name.into()).spawn(move || {
            let _alive: Sender<Infallible> = alive;
            run();
        })?;
        let mut workers = lock(&self.workers);
        workers.retain(Worker::is_running);
        workers.push(Worker { thread, done });
        Ok(())
    }
}

impl Notice {
    fn bytes(&self) -> usize {
        match self {
            Self::Log(message) => message.data.get().len() + message.logger.as_ref().map_or(0, String::len),
            Self::Event(event) => event.bytes(),
            Self::Other(notification) => {
                notification.method.len() + notification.params.as_ref().map_or(0, |params| params.get().len())
            }
        }
    }
}

impl Handlers {
    /// Runs the handlers for it; one that panics does not keep it from the others.
    fn run(&mut self, client: &Client, notice: &Notice) {
        match (notice, &mut self.log, &mut self.notification) {
            (Notice::Log(message), Some(handler), _) => guard(|| handler(client, message)),
            (Notice::Other(notification), _, Some(handler)) => guard(|| handler(client, notification)),
            (Notice::Event(event), ..) => {
                for (filter, handler) in &mut self.events {
                    guard(|| {
                        if filter.names(event) && filter.accepts(event) {
                            handler(client, event);
                        }
                    });
                }
            }
            _ => {}
        }
    }
}

/// Runs code of the caller's.
fn guard(run: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(run)).is_err() {
        log::error!(target: log_target::CLIENT, "a handler panicked");
    }
}

/// The one loop of `mcp-post`.
fn post_all(engine: &Engine, messages: &Receiver<(u64, Vec<u8>)>) {
    for (session, message) in messages {
        let deadline = Deadline::after(clock::now(), POST_TIME, Cause::Response);
        if let Err(error) = engine.post(&message, Some(session), Some(deadline), None, Repeat::Safe) {
            log::debug!(target: log_target::CLIENT, "an answer or a cancellation did not reach the server: {error}");
        }
        if engine.carrier.is_shut_down() {
            return;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

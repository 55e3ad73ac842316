//! Handing on: requests, and what servers ask, as the JSON that they are, for programs that stand between a client and a server.
//!
//! Such a program adds nothing of its own: no rounds of input, no cache, no reading of results. It keeps the parts of `_meta` that
//! belong to one side of it on that side (R-LM-42 to R-LM-48).

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use mcp_core::jsonrpc::{self, Members, code};
use mcp_core::session::AskedKey;
use mcp_core::types::meta::{CLIENT_CAPABILITIES, CLIENT_INFO, LOG_LEVEL, PROTOCOL_VERSION};
use mcp_core::types::{JsonObject, LoggingLevel, Method};
use serde_json::value::RawValue;

use crate::builder::Builder;
use crate::call::Canceller;
use crate::client::{Client, raw};
use crate::engine::Engine;
use crate::error::Error;
use crate::job::JobThread;
use crate::log_target;
use crate::pending::Want;
use crate::questions::Weight;
use crate::slot::{Progress, Waiter};

/// A request to be handed on; see [`Client::relay`].
pub struct Relay {
    client: Client,
    method: String,
    job: Arc<JobThread>,
    timeout: Option<Duration>,
    level: Option<LoggingLevel>,
    progress: bool,
}

impl Client {
    /// Hands a request of somebody else's on. Unlike [`request`](Self::request) it can be cancelled from another thread, tells its
    /// progress, and takes parameters with a `_meta`: of that, what belongs to the other side's revision, client and progress is
    /// left out. A result that asks for input comes as it is.
    pub fn relay(&self, method: impl Into<String>) -> Relay {
        let timeout = self.engine().call_timeout;
        let job = JobThread::new();
        Relay { client: self.clone(), method: method.into(), job, timeout, level: None, progress: false }
    }
}

impl Relay {
    /// How long it may take, instead of the client's `call_timeout`; `None` for as long as it takes.
    pub fn timeout(mut self, timeout: Option<Duration>) -> Self {
        self.timeout = timeout;
        self
    }

    /// Asks for log messages of this level and above, where each request says so (R-LM-91).
    pub fn log_level(mut self, level: Option<LoggingLevel>) -> Self {
        self.level = level;
        self
    }

    /// Asks for progress.
    pub fn with_progress(mut self) -> Self {
        self.progress = true;
        self
    }

    /// A way to cancel it from another thread, also before it is made.
    pub fn canceller(&self) -> Canceller {
        Canceller::of_job(self.client.engine(), &self.job)
    }

    /// Makes the request on this thread and waits for its result. `tell` is run on its progress, on this thread.
    ///
    /// # Errors
    ///
    /// As [`Client::call`]; [`Error::Rpc`] is the server's own error.
    pub fn run(self, params: Option<&RawValue>, mut tell: impl FnMut(Progress)) -> Result<Box<RawValue>, Error> {
        let Self { client, method, job, timeout, level, progress } = self;
        let (params, meta) = part(params)?;
        let meta = (!meta.is_empty()).then(|| Arc::new(meta));
        let own = Arc::clone(&job);
        let want = Want { waiter: Waiter::Job, progress, level, meta, job: Some(job), ..Want::within(timeout) };
        let mut tell: &mut dyn FnMut(Progress) = &mut tell;
        let result = match params {
            Some(params) => {
                client.engine().request(&method, &*params, &want, Some(&mut tell), |result| Ok(result.to_owned()))
            }
            None => client.engine().request(&method, &(), &want, Some(&mut tell), |result| Ok(result.to_owned())),
        };
        // From now on there is nothing to cancel.
        own.slot.settle(Ok(RawValue::NULL.to_owned()));
        result
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("method", &self.method).finish_non_exhaustive()
    }
}

/// Parameters without their `_meta`, and what of it goes on.
fn part(params: Option<&RawValue>) -> Result<(Option<Box<RawValue>>, JsonObject), Error> {
    const TOKEN: &str = "progressToken";
    let Some(params) = params.filter(|params| params.get() != "null") else { return Ok((None, JsonObject::new())) };
    let Some(mut members) = Members::of(params) else {
        return Err(Error::Usage("parameters have to be an object".into()));
    };
    let Some(meta) = members.take("_meta") else { return Ok((Some(params.to_owned()), JsonObject::new())) };
    let mut meta: JsonObject = serde_json::from_str(meta.get()).unwrap_or_default();
    for key in [TOKEN, PROTOCOL_VERSION, CLIENT_INFO, CLIENT_CAPABILITIES, LOG_LEVEL] {
        meta.remove(key);
    }
    Ok((Some(raw(&members)?), meta))
}

/// Something that the server asks; see [`Builder::on_question`]. Dropped without an answer, it is refused.
pub struct Question {
    key: AskedKey,
    method: Method,
    params: Option<Box<RawValue>>,
    engine: Weak<Engine>,
    fate: Arc<Fate>,
    _weight: Weight,
}

/// Whether the server still wants an answer.
#[derive(Default)]
struct Fate(Mutex<State>);

#[derive(Default)]
enum State {
    #[default]
    Open,
    Watched(Box<dyn FnOnce() + Send>),
    Answered,
    Withdrawn,
}

impl Fate {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, next: State) -> State {
        std::mem::replace(&mut *self.state(), next)
    }
}

impl Question {
    /// What it asks for: `elicitation/create`, `sampling/createMessage` or `roots/list`.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Its parameters as they came.
    pub fn params(&self) -> Option<&RawValue> {
        self.params.as_deref()
    }

    /// Answers. Sent in the background; not at all when the server took the question back.
    pub fn answer(self, answer: Result<Box<RawValue>, jsonrpc::Error>) {
        self.send(&answer);
    }

    /// Runs `run` when the server takes the question back; at once when it did already. On the thread that reads what the server
    /// sends, which must not wait.
    pub fn on_withdraw(&self, run: impl FnOnce() + Send + 'static) {
        let mut state = self.fate.state();
        match *state {
            State::Open | State::Watched(_) => *state = State::Watched(Box::new(run)),
            State::Answered => {}
            State::Withdrawn => {
                drop(state);
                run();
            }
        }
    }

    fn send(&self, answer: &Result<Box<RawValue>, jsonrpc::Error>) {
        let before = {
            let mut state = self.fate.state();
            if matches!(*state, State::Answered | State::Withdrawn) {
                return;
            }
            std::mem::replace(&mut *state, State::Answered)
        };
        drop(before);
        let Some(engine) = self.engine.upgrade() else { return };
        engine.features.input.relay_closed(self.key);
        let mut out = Vec::new();
        let mut table = engine.table();
        let is_wanted = match answer {
            Ok(result) => table.session.respond(self.key, result, &mut out).unwrap_or(false),
            Err(error) => table.session.respond_error(self.key, &error.as_object(), &mut out),
        };
        drop(table);
        if is_wanted {
            engine.background.post(&engine, out);
        }
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.send(&Err(jsonrpc::Error::new(code::INTERNAL_ERROR, "nobody answered")));
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").field("method", &self.method).finish_non_exhaustive()
    }
}

/// Something that the server tells, other than progress; see [`Builder::on_told`].
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Told<'a> {
    /// A log message.
    Log {
        /// How bad it is.
        level: LoggingLevel,
        /// Which part of the server says it.
        logger: Option<&'a str>,
        /// What it says.
        data: &'a RawValue,
    },
    /// Any other notification.
    Notification {
        /// The name of the method.
        method: &'a str,
        /// Its parameters.
        params: Option<&'a RawValue>,
    },
}

pub(crate) type Teller = Arc<dyn Fn(Told<'_>) + Send + Sync>;

/// Who gets what the server asks.
pub(crate) struct Questioned {
    handler: Box<dyn Fn(Question) + Send + Sync>,
    open: Mutex<BTreeMap<AskedKey, Arc<Fate>>>,
}

impl Questioned {
    fn open(&self) -> MutexGuard<'_, BTreeMap<AskedKey, Arc<Fate>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A question has its answer.
    pub(crate) fn closed(&self, key: AskedKey) {
        self.open().remove(&key);
    }
}

impl Builder {
    /// Hands what the server asks on to `handler`, as JSON, in place of handlers such as [`on_elicitation`](Self::on_elicitation).
    /// It runs on the thread that reads what the server sends and must not wait; the [`Question`] is answered from any thread, at
    /// any time, and several may be open at once: as many as [`Limits::requests_in_flight`](mcp_core::Limits), with parameters of
    /// 16 MiB together. Servers ask what
    /// [`capabilities`](Self::capabilities) declare.
    ///
    /// In 2026-07-28, where servers ask in results, [`Client::relay`] gives those as they are and this is never run.
    pub fn on_question(mut self, handler: impl Fn(Question) + Send + Sync + 'static) -> Self {
        self.common.input.relay = Some(Arc::new(Questioned { handler: Box::new(handler), open: Mutex::default() }));
        self
    }
}

impl Builder {
    /// Hands what the server tells on to `handler`, in the order in which it came and before any answer that came after it. It runs
    /// on the thread that reads what the server sends and must not wait; [`on_log`](Self::on_log) and
    /// [`on_notification`](Self::on_notification) are for handlers that may.
    pub fn on_told(mut self, handler: impl Fn(Told<'_>) + Send + Sync + 'static) -> Self {
        self.common.input.teller = Some(Arc::new(handler));
        self
    }
}

impl Engine {
    /// Tells whoever wants what the server says as it comes.
    pub(crate) fn relay_told(&self, told: Told<'_>) {
        let Some(teller) = &self.features.input.teller else { return };
        if catch_unwind(AssertUnwindSafe(|| teller(told))).is_err() {
            log::error!(target: log_target::CLIENT, "the handler for what the server tells panicked");
        }
    }

    /// Hands a question on.
    ///
    /// # Errors
    /// `weight`, when nobody wants that.
    pub(crate) fn relay_question(
        &self,
        key: AskedKey,
        method: Method,
        params: Option<&RawValue>,
        weight: Weight,
    ) -> Result<(), Weight> {
        let Some(relay) = self.features.input.relay.clone() else { return Err(weight) };
        let Some(engine) = self.arc() else { return Ok(()) };
        let fate = Arc::new(Fate::default());
        relay.open().insert(key, Arc::clone(&fate));
        let params = params.map(ToOwned::to_owned);
        let question = Question { key, method, params, engine: Arc::downgrade(&engine), fate, _weight: weight };
        if catch_unwind(AssertUnwindSafe(|| (relay.handler)(question))).is_err() {
            log::error!(target: log_target::CLIENT, "the handler for questions panicked");
        }
        Ok(())
    }

    /// The server takes a question back.
    pub(crate) fn withdraw_question(&self, key: AskedKey) {
        let Some(relay) = &self.features.input.relay else { return };
        let fate = relay.open().remove(&key);
        if let Some(fate) = fate
            && let State::Watched(run) = fate.enter(State::Withdrawn)
        {
            run();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.into()).unwrap()
    }

    #[test]
    fn what_belongs_to_the_other_side_stays_there() {
        let text = r#"{"name":"x","_meta":{"progressToken":7,"own/key":1,"traceparent":"00-1",
            "io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},
            "io.modelcontextprotocol/clientInfo":{},"io.modelcontextprotocol/logLevel":"info"},"n":1.50}"#;
        let (params, meta) = part(Some(&json(text))).unwrap();
        assert_eq!(params.unwrap().get(), r#"{"name":"x","n":1.50}"#);
        assert_eq!(meta.keys().collect::<Vec<_>>(), ["own/key", "traceparent"]);
    }

    #[test]
    fn parameters_without_metadata_are_not_touched() {
        let text = r#"{ "name" : "x" }"#;
        assert_eq!(part(Some(&json(text))).unwrap().0.unwrap().get(), text);
        for none in [None, Some(&*json("null"))] {
            assert!(part(none).unwrap().0.is_none());
        }
        assert!(part(Some(&json("[1]"))).is_err());
    }
}

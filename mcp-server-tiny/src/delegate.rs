//! Requests that somebody else answers: a delegate takes the place of everything that a server has registered.
//!
//! A bridge is one: it hands on what its clients ask, as JSON, to a server that it knows. The carriers, the handshake, sessions
//! and everything that protects them stay with this crate; the delegate gets each request that would go to a tool, a list, a
//! resource, a prompt or a completion as a [`DelegatedCall`], which goes from thread to thread and is answered from any of them.
//!
//! | What | How |
//! | --- | --- |
//! | who the server is, what it offers | said once, by [`Announced`] |
//! | a request, its answer, its progress and logs | [`Delegate::handle`], [`DelegatedCall`] |
//! | a question to its client in between | [`DelegatedCall::ask`] |
//! | that its client gave it up | [`DelegatedCall::on_cancel`] |
//! | what changed, for one session or for who listens | [`Clients`] |
//! | log levels, changed roots, the end of a session, subscriptions | the other methods of [`Delegate`] |
//!
//! A question is asked as the revision of the client has it. Up to 2025-11-25 it is a request to the client. In 2026-07-28 the
//! request of the client is answered with `input_required`, while the delegated call goes on; the client makes its request again
//! with the answer, and that becomes the client's end of the same call. Which call it is travels in the sealed `requestState`,
//! bound to the request and to the credential of the caller (R-LM-72), and there it is found only by an unguessable number. Calls
//! that wait so are bounded in number, and in time by [`Server::state_lifetime`](crate::Server::state_lifetime).
//!
//! ```
//! use mcp_server_tiny::Server;
//! use mcp_server_tiny::delegate::{Announced, Delegate, DelegatedCall};
//! use mcp_server_tiny::types::{Implementation, ServerCapabilities};
//! use serde_json::value::RawValue;
//!
//! struct Parrot;
//!
//! impl Delegate for Parrot {
//!     fn handle(&mut self, call: DelegatedCall) {
//!         // On the thread of the loop: whatever takes its time goes elsewhere.
//!         std::thread::spawn(move || {
//!             let params = call.params().map_or("null", RawValue::get);
//!             let said = format!(r#"{{"asked":"{}","with":{params}}}"#, call.method().name());
//!             call.answer(Ok(RawValue::from_string(said).expect("it is JSON")));
//!         });
//!     }
//! }
//!
//! let announced = Announced::new(Implementation::new("parrot", "1"), ServerCapabilities::default());
//! let server = Server::new("parrot", "1").delegate(announced, |_clients| Parrot);
//! # drop(server);
//! ```
//!
//! What is registered beside a delegate is never asked. Headers that repeat arguments (`Mcp-Param-*`) are not compared with
//! them, because the tools are not known here.

mod shared;

use std::fmt;
use std::sync::Arc;

use mcp_core::jsonrpc::{Error, code};
use mcp_core::revision::ProtocolVersion;
use mcp_core::session::ClientOffers;
use mcp_core::types::{Change, Implementation, LoggingLevel, Method, ServerCapabilities, SubscriptionFilter};
use serde_json::value::RawValue;

pub use crate::service::Notice;
pub(crate) use shared::{Hear, Open, Shared};

use crate::service::Hub;

/// What a server with a delegate says of itself.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Announced {
    /// Who it is.
    pub info: Implementation,
    /// What it offers. Tasks and extensions have no place here: their methods are refused.
    pub capabilities: ServerCapabilities,
    /// How to use it, for a model.
    pub instructions: Option<String>,
}

impl Announced {
    /// A server without instructions.
    pub fn new(info: Implementation, capabilities: ServerCapabilities) -> Self {
        Self { info, capabilities, instructions: None }
    }
}

/// Answers requests in place of what is registered. Its methods run on the thread of the loop and must not wait: everybody
/// else does while they run.
pub trait Delegate: Send {
    /// A client asks for something: any request but the handshake, `ping`, `logging/setLevel`, `server/discover` and
    /// `subscriptions/listen`. Its parameters are as they came, with their `_meta`.
    fn handle(&mut self, call: DelegatedCall);

    /// The client of a session told something, such as that its roots have changed.
    fn notified(&mut self, session: u64, method: Method, params: Option<&RawValue>) {
        let _ = (session, method, params);
    }

    /// The client of a session set the level of log messages that it wants. Less than that is not sent to it in any case.
    fn level_set(&mut self, session: u64, level: LoggingLevel) {
        let _ = (session, level);
    }

    /// A session is over. Its calls are cancelled before.
    fn session_ended(&mut self, session: u64) {
        let _ = session;
    }

    /// Somebody listens, in the revision without sessions; `filter` is what of it the announced capabilities allow. What is
    /// given back is dropped when nobody does any more.
    fn listening(&mut self, listener: &Caller, filter: &SubscriptionFilter) -> Option<Box<dyn Send>> {
        let _ = (listener, filter);
        None
    }
}

/// Who asks.
#[derive(Clone)]
#[non_exhaustive]
pub struct Caller {
    /// The number of its session, never used twice and no secret. `None` for a request that stands alone.
    pub session: Option<u64>,
    /// The revision it speaks.
    pub version: ProtocolVersion,
    /// What it can be asked.
    pub offers: ClientOffers,
    /// The lowest level of log messages that it wants, if it wants any.
    pub level: Option<LoggingLevel>,
    /// What it authenticated with, if it did.
    pub credential: Option<Arc<[u8]>>,
}

impl fmt::Debug for Caller {
    /// Without the credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("session", &self.session).field("version", &self.version).finish_non_exhaustive()
    }
}

/// A request to be answered from any thread. Dropped without an answer, it answers with an internal error.
pub struct DelegatedCall {
    shared: Arc<Shared>,
    params: Option<Box<RawValue>>,
    caller: Caller,
    wants_progress: bool,
}

impl DelegatedCall {
    pub(crate) fn new(
        shared: Arc<Shared>,
        params: Option<Box<RawValue>>,
        caller: Caller,
        wants_progress: bool,
    ) -> Self {
        Self { shared, params, caller, wants_progress }
    }

    /// What is asked for.
    pub fn method(&self) -> Method {
        self.shared.method
    }

    /// Its parameters as they came.
    pub fn params(&self) -> Option<&RawValue> {
        self.params.as_deref()
    }

    /// Who asks. In the revision without sessions, who asked first.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Whether the client wants to hear of progress.
    pub fn wants_progress(&self) -> bool {
        self.wants_progress
    }

    /// Answers the request; only the first answer counts. Sent to nobody when the client gave it up. Never blocks.
    ///
    /// A result is passed on as it is, but for members that belong to a revision: `resultType`, `ttlMs` and `cacheScope` are
    /// there where the client's has them. One that asks for input (`input_required`) is for clients of the revision that has
    /// such results; its `requestState` goes out sealed and comes back in the parameters of the next request.
    pub fn answer(&self, outcome: Result<Box<RawValue>, Error>) {
        self.shared.answer(outcome);
    }

    /// Tells the client how far the call is, if it wants to know. Of reports that do not rise, and of more than 100 a second,
    /// some are left out (R-LM-83, R-LM-84).
    pub fn progress(&self, done: f64, total: Option<f64>, message: Option<&str>) {
        self.shared.progress(done, total, message);
    }

    /// Sends a log message in the name of the call, unless the client wants only worse ones or none (R-LM-90, R-LM-91). 100 go out
    /// at once and 100 a second after that.
    pub fn log(&self, level: LoggingLevel, logger: Option<&str>, data: &RawValue) {
        self.shared.log(level, logger.map(Into::into), data.to_owned());
    }

    /// Asks the client: `elicitation/create`, `sampling/createMessage` or `roots/list`. `hear` gets its result, or why there is
    /// none: the client does not offer it, refused, or did not answer in time
    /// ([`Server::input_timeout`](crate::Server::input_timeout)). It runs on the thread of the loop and must not wait; when the
    /// call is over first, it is dropped unheard.
    pub fn ask(
        &self,
        method: Method,
        params: Option<Box<RawValue>>,
        hear: impl FnOnce(Result<Box<RawValue>, Error>) + Send + 'static,
    ) -> Question {
        let number = self.shared.ask(method, params, Box::new(hear));
        Question { shared: Arc::downgrade(&self.shared), number }
    }

    /// How many questions of the call have no answer yet.
    pub fn open_questions(&self) -> usize {
        self.shared.open_questions()
    }

    /// Runs `run` when nobody waits for the answer any more: the client gave the call up, its session ended, a question of it was
    /// not answered for too long, or the server stops. At once when that was so already, otherwise on the thread of the loop,
    /// where it must not wait.
    pub fn on_cancel(&self, run: impl FnOnce() + Send + 'static) {
        self.shared.on_cancel(Box::new(run));
    }

    /// Whether nobody waits for the answer any more.
    pub fn is_cancelled(&self) -> bool {
        self.shared.is_cancelled()
    }
}

impl Drop for DelegatedCall {
    fn drop(&mut self) {
        if !self.shared.is_over() {
            log::warn!("a delegated `{}` was dropped without an answer", self.method().name());
            self.answer(Err(Error::new(code::INTERNAL_ERROR, "there was no answer")));
        }
    }
}

impl fmt::Debug for DelegatedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DelegatedCall")
            .field("method", &self.method())
            .field("caller", &self.caller)
            .finish_non_exhaustive()
    }
}

/// A question of a [`DelegatedCall`] that was asked.
#[derive(Debug, Clone)]
pub struct Question {
    shared: std::sync::Weak<Shared>,
    number: u64,
}

impl Question {
    /// Takes the question back: its answer is not wanted any more, and the client is told where its revision has that. Whoever was
    /// to hear it is dropped unheard.
    pub fn withdraw(&self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.withdraw(self.number);
        }
    }
}

/// The clients of a server with a delegate, to be told of what belongs to no request, from any thread. Cloned freely; outliving
/// the server is harmless. 1024 messages of 16 MiB may wait for the loop; what comes beyond is dropped, and the log says so.
#[derive(Clone)]
pub struct Clients(Arc<Hub>);

impl Clients {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Self(hub)
    }

    /// Sends a notification to the client of a session, where its revision has it. Over Streamable HTTP it is heard by clients
    /// that listen.
    pub fn tell(&self, session: u64, method: Method, params: Option<Box<RawValue>>) {
        self.0.post(Notice::notification(session, method, params));
    }

    /// Sends a log message to the client of a session, unless it wants only worse ones.
    pub fn log(&self, session: u64, level: LoggingLevel, logger: Option<&str>, data: Box<RawValue>) {
        self.0.post(Notice::log(session, level, logger, data));
    }

    /// Tells those of a change who listen for it with this credential, in the revision without sessions.
    pub fn tell_listeners(&self, credential: Option<Arc<[u8]>>, change: Change<'static>) {
        self.0.post(Notice::change(credential, change));
    }
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients").finish_non_exhaustive()
    }
}

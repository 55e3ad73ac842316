//! What a handler sees of a call: its arguments, ways to report while it works, and ways to ask the client.

mod arguments;
mod input;
mod reporter;

use alloc::format;
#[cfg(feature = "std")]
use alloc::sync::Arc;
#[cfg(feature = "std")]
use core::sync::atomic::AtomicBool;
use core::time::Duration;
#[cfg(feature = "std")]
use std::sync::{Condvar, Mutex, OnceLock};

use mcp_core::revision::ProtocolVersion;
use mcp_core::session::{ClientOffers, RequestKey, ServerSession};
use mcp_core::types::{Change, LoggingLevel, ProgressToken};
use serde::{Deserialize, Serialize};
use serde_json::value::to_raw_value;

#[cfg(feature = "std")]
use crate::deferred::{Deferred, LaterCall, Mailbox};
use crate::result::ToolError;
use crate::service::{Changes, Kind, Offer, Outbox};

pub(crate) use arguments::Arguments;
pub use arguments::{Argument, FromArgument};
pub(crate) use input::{Given, Memory, Question, Round};
pub(crate) use reporter::{Note, Reporter};

/// A call of a tool, or a request for a prompt or a resource, for its handler.
///
/// A handler that is not [on a worker](crate::tool::Tool::on_worker) runs on the thread of the loop: while it runs,
/// nobody else is served and nothing is sent, not even its own progress. Let it be quick, or take a [`Deferred`].
pub struct Call<'a> {
    offer: &'a Offer,
    /// What was asked for: the name of the offer, or a URI that fits it.
    subject: &'a str,
    arguments: &'a Arguments<'a>,
    round: Round<'a>,
    link: Link<'a>,
}

/// The way back to the client.
pub(crate) enum Link<'a> {
    /// On the thread of the loop.
    Here(Here<'a>),
    /// On a worker.
    #[cfg(feature = "std")]
    Away(&'a Arc<LaterCall>),
}

/// What a handler on the thread of the loop has at hand.
pub(crate) struct Here<'a> {
    pub(crate) session: &'a ServerSession,
    pub(crate) number: u64,
    pub(crate) key: RequestKey,
    pub(crate) token: Option<&'a ProgressToken<'a>>,
    pub(crate) logs: bool,
    pub(crate) reporter: Reporter,
    pub(crate) outbox: &'a mut dyn Outbox,
    #[cfg(feature = "std")]
    pub(crate) mailbox: &'a Mailbox,
    /// Set once the handler took a deferred reply: from then on everything goes that way, to keep the order.
    #[cfg(feature = "std")]
    pub(crate) deferred: Option<Arc<LaterCall>>,
    #[cfg(feature = "std")]
    pub(crate) shared: &'a Arc<Offer>,
    pub(crate) changes: &'a Changes,
}

impl<'a> Call<'a> {
    /// What was asked for: the name of the tool or prompt, the URI of the resource.
    pub fn name(&self) -> &'a str {
        self.subject
    }

    /// An argument by its name: `call.arg::<&str>("day")?`. The arguments of prompts are texts (R-FS-34), and so are the
    /// variables of a template, which are arguments as well. Text is a slice of the request where it can be one.
    /// `Option<T>` is for arguments that may be absent or `null`.
    ///
    /// # Errors
    ///
    /// [`ToolError::invalid_arguments`] when it is absent or no `T`, naming the argument, the tool and what is
    /// expected.
    pub fn arg<T: FromArgument<'a>>(&self, name: &str) -> Result<T, ToolError> {
        self.arguments.read(&self.offer.name, name)
    }

    /// All arguments as one structure.
    ///
    /// # Errors
    ///
    /// [`ToolError::invalid_arguments`] with what `T` misses.
    pub fn arguments<T: Deserialize<'a>>(&self) -> Result<T, ToolError> {
        serde_json::from_str(self.raw_arguments()).map_err(|error| {
            ToolError::invalid_arguments(format!("the arguments of `{}` do not fit: {error}", self.name()))
        })
    }

    /// All arguments as JSON text: an object.
    pub fn raw_arguments(&self) -> &'a str {
        self.arguments.raw()
    }

    /// The revision of the protocol that the client speaks.
    pub fn version(&self) -> ProtocolVersion {
        match &self.link {
            Link::Here(here) => here.session.version(),
            #[cfg(feature = "std")]
            Link::Away(call) => call.version,
        }
    }

    /// What the client can be asked.
    pub fn offers(&self) -> ClientOffers {
        match &self.link {
            Link::Here(here) => here.session.offers(),
            #[cfg(feature = "std")]
            Link::Away(call) => call.offers,
        }
    }

    /// A number that is the client's session's own for as long as the server runs. It tells sessions apart and is no
    /// secret. From 2026-07-28 on there are no sessions, and it says nothing beyond this request.
    pub fn session(&self) -> u64 {
        match &self.link {
            Link::Here(here) => here.number,
            #[cfg(feature = "std")]
            Link::Away(call) => call.session,
        }
    }

    /// Whether the client gave the call up, its session ended or the server stops. Worth asking in every loop of a
    /// handler on a worker; a result is then sent to nobody. On the thread of the loop nothing can be heard
    /// meanwhile: false.
    pub fn is_cancelled(&self) -> bool {
        match &self.link {
            Link::Here(_) => false,
            #[cfg(feature = "std")]
            Link::Away(call) => call.is_cancelled(),
        }
    }

    /// Waits. On a worker it ends at once when the call is cancelled, and `?` then ends the handler. On the thread of
    /// the loop everybody waits.
    ///
    /// # Errors
    ///
    /// When the call is cancelled. Nobody reads what the handler returns then.
    #[cfg(feature = "std")]
    pub fn sleep(&self, duration: Duration) -> Result<(), ToolError> {
        match &self.link {
            Link::Here(_) => {
                std::thread::sleep(duration);
                Ok(())
            }
            Link::Away(call) => call.sleep(duration),
        }
    }

    /// Tells the client how far the call is, if it wants to know (R-LM-82). `done` has to rise from one report to the
    /// next; what does not rise is dropped (R-LM-83). 20 reports go out at once and 20 a second after that, unless
    /// the tool has another [`progress_rate`](crate::tool::Tool::progress_rate); of those that come too soon the
    /// newest goes out before the result.
    pub fn progress(&mut self, done: f64, total: Option<f64>, message: Option<&str>) {
        match &mut self.link {
            Link::Here(here) => here.progress(done, total, message),
            #[cfg(feature = "std")]
            Link::Away(call) => call.progress(done, total, message),
        }
    }

    /// Sends the client a log message, unless it wants only worse ones (R-LM-90). `data` is often a string. The tool
    /// is named as the logger. 100 go out at once and 100 a second after that; the rest is dropped. No credentials
    /// and no personal data (R-LM-92).
    pub fn log<D: Serialize + ?Sized>(&mut self, level: LoggingLevel, data: &D) {
        match &mut self.link {
            Link::Here(here) => here.log(&self.offer.name, level, data),
            #[cfg(feature = "std")]
            Link::Away(call) => call.log(level, data),
        }
    }

    /// Tells every client that wants to know that something changed: after a tool was switched on or a resource was
    /// written.
    pub fn announce(&self, change: Change<'static>) {
        match &self.link {
            Link::Here(here) => here.changes.announce(change),
            #[cfg(feature = "std")]
            Link::Away(call) => call.changes.announce(change),
        }
    }

    /// Changes what the server offers, once this handler has returned; see [`Handle::edit`](crate::Handle::edit). With `std` only.
    #[cfg(feature = "std")]
    pub fn edit(&self, change: impl FnOnce(&mut crate::Offers<'_>) + Send + 'static) -> bool {
        match &self.link {
            Link::Here(here) => here.changes.edit(change),
            Link::Away(call) => call.changes.edit(change),
        }
    }

    /// Closes the connection that the answer would have come on, and has the client ask for it again, after `retry` if
    /// given: so that a call that takes long holds no connection (R-SH-39). Until it does, what the call says is kept as
    /// [`Limits::replay_bytes`](crate::config::Limits::replay_bytes) allows, for
    /// [`Timeouts::replay`](crate::config::Timeouts::replay); a larger result is lost. Where the revision or the
    /// transport has no such thing, nothing happens.
    pub fn close_stream(&mut self, retry: Option<Duration>) {
        match &mut self.link {
            Link::Here(here) => here.close_stream(retry),
            #[cfg(feature = "std")]
            Link::Away(call) => call.close_stream(retry),
        }
    }

    /// Takes the call of a tool along, to be answered later from any thread. The handler then returns
    /// [`Later`](crate::result::Later); if it returns anything else, that is the answer and the deferred reply is
    /// void.
    #[cfg(feature = "std")]
    pub fn defer(&mut self) -> Deferred {
        match &mut self.link {
            Link::Here(here) => Deferred::new(here.defer()),
            Link::Away(call) => {
                call.set_deferred();
                Deferred::new(Arc::clone(call))
            }
        }
    }
}

impl<'a> Call<'a> {
    pub(crate) fn new(
        offer: &'a Offer,
        subject: &'a str,
        arguments: &'a Arguments<'a>,
        round: Round<'a>,
        link: Link<'a>,
    ) -> Self {
        Self { offer, subject, arguments, round, link }
    }

    /// What is called, for logs.
    pub(crate) fn offer(&self) -> &'a Offer {
        self.offer
    }

    /// The call that the handler took along, if it did.
    #[cfg(feature = "std")]
    pub(crate) fn deferred(&self) -> Option<Arc<LaterCall>> {
        match &self.link {
            Link::Here(here) => here.deferred.clone(),
            Link::Away(call) => call.is_deferred().then(|| Arc::clone(call)),
        }
    }

    /// Sends the progress that is left, if any: the result comes next, or a question.
    pub(crate) fn finish(mut self) -> Round<'a> {
        self.round.progress = match self.link {
            Link::Here(here) => here.finish(),
            // What is left is sent by `LaterCall::answer`.
            #[cfg(feature = "std")]
            Link::Away(call) => call.last_progress(),
        };
        self.round
    }
}

impl Here<'_> {
    fn progress(&mut self, done: f64, total: Option<f64>, message: Option<&str>) {
        #[cfg(feature = "std")]
        if let Some(call) = &self.deferred {
            return call.progress(done, total, message);
        }
        if self.token.is_none() {
            return;
        }
        if let Some(note) = self.reporter.progress(done, total, message) {
            self.send(&note);
        }
    }

    fn finish(mut self) -> Option<f64> {
        if let Some(note) = self.reporter.rest() {
            self.send(&note);
        }
        self.reporter.last()
    }

    fn send(&mut self, note: &Note) {
        let Some(token) = self.token else { return };
        let (session, key) = (self.session, self.key);
        self.outbox.message(Kind::Report, &mut |out| note.write(session, key, token, out));
    }

    fn log<D: Serialize + ?Sized>(&mut self, logger: &str, level: LoggingLevel, data: &D) {
        #[cfg(feature = "std")]
        if let Some(call) = &self.deferred {
            return call.log(level, data);
        }
        if !self.logs || self.session.level().is_none_or(|wanted| level < wanted) || !self.reporter.log() {
            return;
        }
        // Written here and not into the outbox, which a panic would leave with half a message.
        let Ok(data) = to_raw_value(data) else { return };
        let session = self.session;
        self.outbox.message(Kind::Report, &mut |out| session.log(level, Some(logger), &data, out) == Ok(true));
    }

    fn close_stream(&mut self, retry: Option<Duration>) {
        #[cfg(feature = "std")]
        if let Some(call) = &self.deferred {
            return call.close_stream(retry);
        }
        self.outbox.close_stream(retry);
    }

    #[cfg(feature = "std")]
    fn defer(&mut self) -> Arc<LaterCall> {
        let call = self.deferred.get_or_insert_with(|| {
            Arc::new(LaterCall {
                session: self.number,
                key: self.key,
                version: self.session.version(),
                token: self.token.map(|token| token.clone().into_owned()),
                level: self.session.level().filter(|_| self.logs),
                offers: self.session.offers(),
                offer: Arc::clone(self.shared),
                changes: self.changes.clone(),
                cancelled: AtomicBool::new(false),
                deferred: AtomicBool::new(true),
                reporter: Mutex::new(core::mem::replace(&mut self.reporter, Reporter::new(0))),
                cancellation: Condvar::default(),
                mailbox: self.mailbox.clone(),
                watcher: OnceLock::new(),
            })
        });
        Arc::clone(call)
    }
}

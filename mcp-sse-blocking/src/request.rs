//! One request to its outcome, over any carrier, and what of it is tried again.
//!
//! A request that failed is made once more, under a new id and within the same deadline, where that is certain to be right:
//!
//! | It failed because | It is made again |
//! | --- | --- |
//! | the server does not know the session (R-SH-51) | in a new session: it was not processed |
//! | the stream of its reply was lost | when [repeating it does no harm](Repeat::Safe) (R-ST-33) |
//! | the revision is not served (-32022) | in one that the server names and we know (rule 7 of the negotiation) |
//! | headers contradict the arguments (-32020) | with those that the newest list of tools asks for (R-ST-62) |
//! | the server was a child process and ended | when it got nothing of the request, or repeating it does no harm (R-IO-17) |
//!
//! Each of these happens once for a request. That a call goes into the new session by itself departs from the advice of R-SH-56,
//! to report the loss: a server that answers 404 has not looked at the call.

use std::borrow::Cow;
use std::mem;

use mcp_core::jsonrpc::{self, code};
use mcp_core::revision::ProtocolVersion;
use mcp_core::time::Cause;
use mcp_core::types::{Method, PaginatedParams};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::carrier::Carrier;
use crate::clock;
use crate::engine::Engine;
use crate::error::{Delivery, Error};
use crate::log_target;
use crate::pending::{Pending, Repeat, Want};
use crate::slot::{Found, Progress};

/// What was tried already. Each thing once.
#[derive(Debug, Default)]
struct Tried {
    session: bool,
    stream: bool,
    version: bool,
    headers: bool,
}

impl Engine {
    /// Makes a request and waits for its reply on this thread. `decode` is run on the result where it lies, in the buffer that
    /// it was read into; progress is told between two reads, with no lock held.
    pub(crate) fn request<P: Serialize + ?Sized, R>(
        &self,
        method: &str,
        params: &P,
        want: &Want,
        mut on_progress: Option<&mut dyn FnMut(Progress)>,
        mut decode: impl FnMut(&RawValue) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let mut tried = Tried::default();
        // The headers that a tool wants are known from here on, whoever asked for the list.
        let is_tool_list = method == Method::ToolsList.name();
        let mut decode = |result: &RawValue| {
            if is_tool_list && self.mirrors() {
                self.param_headers.take_page(result);
            }
            decode(result)
        };
        loop {
            let mut call = self.begin(method, params, want)?;
            let (outcome, generation) = match &self.carrier {
                Carrier::Shared(_) => {
                    let outcome = call.send().and_then(|()| match want.job {
                        // Its thread must not be blocked in a read when the call is cancelled.
                        Some(_) => wait_at_slot(&mut call, reborrow(&mut on_progress), &mut decode),
                        None => self.wait_for(&mut call, reborrow(&mut on_progress), &mut decode),
                    });
                    (outcome, 0)
                }
                Carrier::Streamable(streamable) => {
                    let context = streamable.endpoint.context();
                    let outcome =
                        self.exchange(streamable, &context, &mut call, reborrow(&mut on_progress), &mut decode);
                    (outcome, context.generation)
                }
            };
            let error = match outcome {
                Ok(result) => return Ok(result),
                Err(error) => error,
            };
            drop(call);
            self.mend(error, generation, method, want, &mut tried)?;
        }
    }

    /// Puts right what made a request fail.
    ///
    /// # Errors
    /// The failure itself, when there is nothing to be put right or that was tried already.
    fn mend(&self, error: Error, generation: u64, method: &str, want: &Want, tried: &mut Tried) -> Result<(), Error> {
        match (&error, &self.carrier) {
            (Error::SessionGone(_), Carrier::Streamable(streamable)) if !mem::replace(&mut tried.session, true) => {
                return self.renew(streamable, generation, want.deadline);
            }
            (Error::Rpc(refusal), _)
                if refusal.code == code::UNSUPPORTED_PROTOCOL_VERSION
                    && !mem::replace(&mut tried.version, true)
                    && self.take_version(refusal) =>
            {
                return Ok(());
            }
            (Error::Rpc(refusal), Carrier::Streamable(_))
                if refusal.code == code::HEADER_MISMATCH
                    && method == Method::ToolsCall.name()
                    && !mem::replace(&mut tried.headers, true) =>
            {
                self.list_tools(want)?;
                return Ok(());
            }
            (lost, Carrier::Streamable(_))
                if is_lost(lost) && want.repeat == Repeat::Safe && !mem::replace(&mut tried.stream, true) =>
            {
                log::debug!(target: log_target::CLIENT, "the request is made again: {lost}");
                return Ok(());
            }
            // R-IO-17: the next attempt starts the server again.
            (Error::Exited(exited), Carrier::Shared(_))
                if (exited.delivery == Delivery::NotSent || want.repeat == Repeat::Safe)
                    && !exited.is_running
                    && want.deadline.is_none_or(|deadline| !deadline.has_passed(clock::now()))
                    && self.ended().is_none()
                    && !mem::replace(&mut tried.stream, true) =>
            {
                log::debug!(target: log_target::CLIENT, "the request is made again: {exited}");
                return Ok(());
            }
            _ => {}
        }
        Err(error)
    }

    /// Whether requests repeat parts of their body in headers.
    pub(crate) fn mirrors(&self) -> bool {
        matches!(self.carrier, Carrier::Streamable(_))
            && self.session(|session| session.version().is_some_and(|version| !version.has_handshake()))
    }

    /// Goes on in a revision that the server names in its refusal; false when it names none that will do.
    fn take_version(&self, refusal: &jsonrpc::Error) -> bool {
        #[derive(Deserialize)]
        struct Data<'a> {
            #[serde(borrow)]
            supported: Vec<Cow<'a, str>>,
        }
        let listed = refusal.data.as_deref().and_then(|data| serde_json::from_str::<Data<'_>>(data.get()).ok());
        let is_listed = |version: &ProtocolVersion| {
            listed.as_ref().is_some_and(|data| data.supported.iter().any(|listed| *listed == version.as_str()))
        };
        let known = ProtocolVersion::ALL.into_iter().rev();
        let Some(version) = known.filter(|version| !version.has_handshake()).find(is_listed) else { return false };
        if self.session(|session| session.version().is_none_or(|version| version.has_handshake())) {
            return false;
        }
        // Also when it is the one that was refused: some servers refuse a first request whatever it says.
        self.table().session.set_version(version);
        if let Carrier::Streamable(streamable) = &self.carrier
            && let Ok(context) = streamable.endpoint.blank().in_session(None, version)
        {
            streamable.endpoint.enter(context);
        }
        true
    }

    /// Fetches the list of tools anew, for the headers that they want.
    fn list_tools(&self, want: &Want) -> Result<(), Error> {
        #[derive(Deserialize)]
        struct Page {
            #[serde(rename = "nextCursor")]
            next: Option<String>,
        }
        let want = Want { progress: false, repeat: Repeat::Safe, ..want.clone() };
        let mut cursor = None;
        for _ in 0..self.limits.list_pages {
            let params = PaginatedParams { cursor: cursor.take().map(Cow::Owned) };
            let page: Page = self.request(Method::ToolsList.name(), &params, &want, None, |result| {
                crate::client::read(Method::ToolsList.name(), result)
            })?;
            match page.next {
                Some(next) => cursor = Some(next),
                None => return Ok(()),
            }
        }
        Ok(())
    }
}

/// Waits for what other threads that read the stream have for a call.
fn wait_at_slot<R>(
    call: &mut Pending,
    mut on_progress: Option<&mut dyn FnMut(Progress)>,
    decode: &mut dyn FnMut(&RawValue) -> Result<R, Error>,
) -> Result<R, Error> {
    loop {
        match call.slot.wait(call.deadline) {
            Found::Progress(_) if call.is_late() => return Err(call.expired()),
            Found::Progress(progress) => {
                if let Some(tell) = &mut on_progress {
                    tell(progress);
                }
            }
            Found::Outcome(Ok(result)) => {
                call.finish();
                return decode(&result);
            }
            Found::Outcome(Err(error)) => return Err(call.failed(error)),
            // The role of the reader is not given to jobs.
            Found::Lead => {}
            Found::Nothing => return Err(call.expired()),
        }
    }
}

/// Whether the request left and nothing is known of what became of it, for another reason than a deadline or this program.
fn is_lost(error: &Error) -> bool {
    match error {
        Error::StreamEnded(Delivery::Sent) => true,
        Error::Transport(error) => error.delivery == Delivery::Sent,
        Error::Timeout(timeout) => timeout.cause == Cause::IdleRead,
        _ => false,
    }
}

/// The same callback once more.
pub(crate) fn reborrow<'a>(tell: &'a mut Option<&mut dyn FnMut(Progress)>) -> Option<&'a mut dyn FnMut(Progress)> {
    match tell {
        Some(tell) => Some(&mut **tell),
        None => None,
    }
}

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
//! | the session of its stream was lost, or its child process ended | when nothing of it had left, or repeating it does no harm (R-IO-17, R-SSE-39) |
//! | nobody was reached: not one byte of it left | with an [explicit policy](crate::Reconnect::new), once the server is back |
//! | 429, or 503 with `Retry-After`: the server cannot serve now | with an explicit policy, after the pause that it asks for, when that fits into the deadline |
//! | 503 without | the same, unless it is a tool that is called and repeating it may do harm: proxies say so too when they lost the server half-way |
//!
//! Each of these happens once for a request; with an explicit policy the last four rows, and the loss of a stream, as often in
//! all as it allows [attempts](crate::Reconnect::attempts), but after a loss three times at most. That a call goes into the new session by itself departs from the advice of R-SH-56,
//! to report the loss: a server that answers 404 has not looked at the call.

use std::borrow::Cow;
use std::mem;
use std::time::Duration;

use mcp_core::jsonrpc::{self, code};
use mcp_core::revision::ProtocolVersion;
use mcp_core::time::Cause;
use mcp_core::types::{Method, PaginatedParams};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::carrier::Carrier;
use crate::client::raw;
use crate::clock;
use crate::engine::Engine;
use crate::error::{Delivery, Error, PeerError};
use crate::log_target;
use crate::pending::{Pending, Repeat, Want};
use crate::restore::{is_passing, is_put_off, is_put_off_for_sure, is_unreached};
use crate::slot::{Found, Progress};

/// How often a request is made again whose reply was lost, whatever the policy says. 3: it may be what its server ends of.
const REPEATS: u32 = 3;

/// What was tried already.
#[derive(Debug, Default)]
struct Tried {
    session: bool,
    version: bool,
    headers: bool,
    /// How often it was made again without any of these.
    again: u32,
    /// Of them, how often it had been sent.
    lost: u32,
}

/// The parameters of a request, of whatever type.
pub(crate) trait Params {
    /// Registers a request with them: [`Engine::begin`].
    fn begin(&self, engine: &Engine, method: &str, want: &Want) -> Result<Pending, Error>;

    fn as_json(&self) -> Result<Box<RawValue>, Error>;
}

impl<P: Serialize + ?Sized> Params for &P {
    fn begin(&self, engine: &Engine, method: &str, want: &Want) -> Result<Pending, Error> {
        engine.begin(method, *self, want)
    }

    fn as_json(&self) -> Result<Box<RawValue>, Error> {
        raw(*self)
    }
}

/// A request that failed.
struct Failure {
    error: Error,
    /// Of the session, over Streamable HTTP.
    generation: u64,
    /// Whether it had left.
    delivery: Delivery,
    /// How often a session had been lost when it was made.
    losses: u64,
}

impl Engine {
    /// Makes a request and waits for its reply on this thread. `decode` is run on the result where it lies, in the buffer that
    /// it was read into; progress is told between two reads, with no lock held.
    pub(crate) fn request<P: Serialize + ?Sized, R>(
        &self,
        method: &str,
        params: &P,
        want: &Want,
        on_progress: Option<&mut dyn FnMut(Progress)>,
        mut decode: impl FnMut(&RawValue) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let mut decoded = None;
        self.carry_out(method, &params, want, on_progress, &mut |result| {
            decoded = Some(decode(result)?);
            Ok(())
        })?;
        // It was decoded, or there is an error.
        decoded.ok_or_else(|| PeerError::NoAnswer.into())
    }

    /// The same for parameters and results of every type, so that there is one of it in a program and not one for each.
    pub(crate) fn carry_out(
        &self,
        method: &str,
        params: &dyn Params,
        want: &Want,
        mut on_progress: Option<&mut dyn FnMut(Progress)>,
        decode: &mut dyn FnMut(&RawValue) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut tried = Tried::default();
        // The headers that a tool wants are known from here on, whoever asked for the list.
        let is_tool_list = method == Method::ToolsList.name();
        let mut decode = |result: &RawValue| {
            if is_tool_list {
                self.hints.take_page(result);
                if self.mirrors() {
                    self.param_headers.take_page(result);
                }
            }
            decode(result)
        };
        loop {
            let mut call = params.begin(self, method, want)?;
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
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            let failure = Failure { error, generation, delivery: call.delivery(), losses: call.losses };
            drop(call);
            self.mend(failure, method, want, &mut tried)?;
        }
    }

    /// Puts right what made a request fail.
    ///
    /// # Errors
    /// The failure itself, when there is nothing to be put right or that was tried already.
    fn mend(&self, failure: Failure, method: &str, want: &Want, tried: &mut Tried) -> Result<(), Error> {
        let error = &failure.error;
        match (error, &self.carrier) {
            (Error::SessionGone(_), Carrier::Streamable(_)) if self.standing.policy.is_never() => {
                self.end(error.clone());
            }
            (Error::SessionGone(_), Carrier::Streamable(streamable)) if !mem::replace(&mut tried.session, true) => {
                let renewed = self.renew(streamable, failure.generation, want.deadline);
                return match renewed {
                    Err(error) if self.standing.policy.is_at_once() && is_passing(&error) => {
                        self.lose_contact(&error, failure.losses);
                        Ok(())
                    }
                    renewed => renewed,
                };
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
            _ if self.may_be_made_again(&failure, want) && self.counts_as_one_more(&failure, want, tried) => {
                log::debug!(target: log_target::CLIENT, "the request is made again: {error}");
                return Ok(());
            }
            _ if self.standing.policy.is_at_once() => {
                if let Some(pause) = self.pause_before_again(&failure, method, want, tried)
                    && want.deadline.is_none_or(|deadline| clock::now() + pause < deadline.at)
                    && self.counts_as_one_more(&failure, want, tried)
                {
                    log::debug!(target: log_target::CLIENT, "the request is made again in {pause:?}: {error}");
                    if self.standing.pause(pause, want.job.as_deref()) {
                        return Ok(());
                    }
                }
            }
            _ => {}
        }
        Err(failure.error)
    }

    /// Whether a request whose reply was lost, with its session or without, is to be made again.
    fn may_be_made_again(&self, failure: &Failure, want: &Want) -> bool {
        let is_harmless = failure.delivery == Delivery::NotSent || want.repeat == Repeat::Safe;
        match (&failure.error, &self.carrier) {
            // R-IO-17: what closed its output and goes on may still be at work.
            (Error::Exited(exited), _) if exited.is_running => false,
            (Error::Exited(_), _) => is_harmless,
            (error, Carrier::Shared(_)) if self.standing.losses() != failure.losses => {
                is_harmless && !matches!(error, Error::Rpc(_) | Error::Cancelled(_) | Error::Closed(_))
            }
            (_, Carrier::Shared(_)) => false,
            (error, Carrier::Streamable(_)) => want.repeat == Repeat::Safe && is_lost(error),
        }
    }

    /// Whether there is room for one more attempt: once, or as often as the policy says, within the deadline.
    fn counts_as_one_more(&self, failure: &Failure, want: &Want, tried: &mut Tried) -> bool {
        let policy = &self.standing.policy;
        let most = if policy.is_at_once() { policy.attempts.unwrap_or(u32::MAX) } else { 1 };
        let is_open = self.ended().is_none() && want.deadline.is_none_or(|deadline| !deadline.has_passed(clock::now()));
        let was_lost = failure.delivery == Delivery::Sent && is_put_off(&failure.error).is_none();
        let has_room = is_open && tried.again < most && !(was_lost && tried.lost >= REPEATS);
        if has_room {
            tried.again += 1;
            tried.lost += u32::from(was_lost);
        }
        has_room
    }

    /// How long to wait before a request that was certainly not processed, or that does no harm, is made again, where that may help.
    fn pause_before_again(&self, failure: &Failure, method: &str, want: &Want, tried: &Tried) -> Option<Duration> {
        let own = self.standing.policy.pause(tried.again + 1);
        // Lost on its way to a server whose stream seems to stand: that is found lost next. Without the pause every idle
        // connection of that server would be tried, and cost an attempt.
        if matches!(self.carrier, Carrier::Shared(_)) && want.repeat == Repeat::Safe && is_lost(&failure.error) {
            return Some(own);
        }
        if let Some(asked) = is_put_off(&failure.error) {
            let is_harmless = want.repeat == Repeat::Safe || method != Method::ToolsCall.name();
            return (is_harmless || is_put_off_for_sure(&failure.error)).then(|| own.max(asked));
        }
        if !is_unreached(&failure.error) {
            return None;
        }
        match &self.carrier {
            // Whoever waits for its stream finds out by it whether the server is gone.
            Carrier::Shared(_) => Some(own),
            Carrier::Streamable(_) => {
                self.lose_contact(&failure.error, failure.losses);
                Some(Duration::ZERO)
            }
        }
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

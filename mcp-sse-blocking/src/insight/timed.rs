//! One call from its beginning to its outcome: how long it took, how it ended, and whether somebody is to be warned of it.

use std::borrow::Borrow;

use mcp_core::text::Excerpt;
use mcp_core::time::Instant;
use mcp_core::types::CallToolResult;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::counters::{Outcome, Tally};
use super::{Insight, NAME_CHARACTERS};
use crate::clock;
use crate::error::Error;
use crate::log_target;

/// What sort of call it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Of a tool.
    Call,
    Request,
}

/// A call that is being made. Dropped before its end is known, it was given up.
#[derive(Debug)]
pub(crate) struct Timed<I: Borrow<Insight>> {
    insight: I,
    kind: Kind,
    started: Instant,
    ended: bool,
}

impl<I: Borrow<Insight>> Timed<I> {
    pub(super) fn new(insight: I, kind: Kind) -> Self {
        let timed = Self { insight, kind, started: clock::now(), ended: false };
        timed.tally().in_flight.add(1);
        timed
    }

    fn tally(&self) -> &Tally {
        let counters = &self.insight.borrow().counters;
        match self.kind {
            Kind::Call => &counters.calls,
            Kind::Request => &counters.requests,
        }
    }

    /// The call of this tool could not be started.
    pub(crate) fn failed(mut self, error: Error, tool: &str) -> Error {
        self.insight.borrow().counters.errors.record(&error);
        self.record(Outcome::of(&error), tool, clock::now());
        error
    }

    /// The call of this tool had its outcome then, as it came.
    pub(crate) fn end_raw(mut self, outcome: &Result<Box<RawValue>, Error>, tool: &str, at: Instant) {
        #[derive(Deserialize)]
        struct Result {
            #[serde(rename = "isError", default)]
            is_error: bool,
        }
        let says_error =
            |result: &RawValue| serde_json::from_str::<Result>(result.get()).is_ok_and(|said| said.is_error);
        match outcome {
            Ok(result) if says_error(result) => self.record(Outcome::ToolError, tool, at),
            outcome => self.end(outcome, tool, at),
        }
    }

    /// The call of this tool has its outcome now.
    pub(crate) fn end_call(mut self, outcome: &Result<CallToolResult, Error>, tool: &str) {
        match outcome {
            Ok(result) if result.is_error => self.record(Outcome::ToolError, tool, clock::now()),
            outcome => self.end(outcome, tool, clock::now()),
        }
    }

    pub(super) fn end<R>(mut self, outcome: &Result<R, Error>, tool: &str, at: Instant) {
        match outcome {
            Ok(_) => self.record(Outcome::Ok, tool, at),
            Err(error) => {
                self.insight.borrow().counters.errors.record(error);
                self.record(Outcome::of(error), tool, at);
            }
        }
    }

    fn record(&mut self, outcome: Outcome, tool: &str, at: Instant) {
        self.ended = true;
        let took = at.since(self.started);
        self.tally().record(outcome, took);
        self.tally().in_flight.remove_one();
        let insight = self.insight.borrow();
        if self.kind == Kind::Call && insight.slow_call.is_some_and(|threshold| took >= threshold) {
            insight.counters.slow_calls.add(1);
            let tool = Excerpt::new(tool, NAME_CHARACTERS);
            log::warn!(target: log_target::CLIENT, "the call of `{tool}` took {took:?} (setting `slow_call`)");
        }
    }
}

impl<I: Borrow<Insight>> Drop for Timed<I> {
    fn drop(&mut self) {
        if !self.ended {
            self.record(Outcome::Cancelled, "", clock::now());
        }
    }
}

/// The name of the tool in the parameters of a call.
pub(crate) fn tool_name(params: &RawValue) -> String {
    #[derive(Deserialize)]
    struct Params {
        name: String,
    }
    serde_json::from_str::<Params>(params.get()).map(|params| params.name).unwrap_or_default()
}

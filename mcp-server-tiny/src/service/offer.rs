//! What a server offers for calling, whatever it is: tools, prompts and resources run on one machine.

use alloc::boxed::Box;
#[cfg(not(feature = "std"))]
use alloc::boxed::Box as Shared;
use alloc::string::String;
#[cfg(feature = "std")]
use alloc::sync::Arc as Shared;
use alloc::vec::Vec;

use mcp_core::revision::ProtocolVersion;
use mcp_core::session::{RequestKey, ServerProfile, ServerSession};
use mcp_core::types::{CacheHints, Method};
use serde_json::value::RawValue;

use super::{Origin, Outbox, Outcome, Service};
use crate::call::Call;
use crate::result::{ToolError, ToolResult};
use crate::schema::Parameter;
#[cfg(feature = "std")]
use crate::worker::{Pool, PoolSize, Workers};

/// What the machine has to know of something that can be called.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) kind: OfferKind,
    /// The name of a tool or prompt, the URI of a resource, the pattern of a template.
    pub(crate) name: String,
    /// Checked before the handler runs.
    pub(crate) parameters: Vec<Parameter>,
    #[cfg_attr(not(feature = "std"), expect(dead_code, reason = "without threads every handler runs on the loop"))]
    pub(crate) place: Place,
    pub(crate) progress_rate: u32,
    /// What its results were said to be.
    pub(crate) promise: Promise,
}

impl Offer {
    /// Runs on the loop and takes no arguments, until told otherwise.
    pub(crate) fn new(kind: OfferKind, name: String) -> Self {
        let (parameters, place) = (Vec::new(), Place::Loop);
        Self { kind, name, parameters, place, progress_rate: PROGRESS_RATE, promise: Promise::Nothing }
    }
}

/// What an output schema says of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Promise {
    /// There is none.
    Nothing,
    /// They are objects.
    Objects,
    /// They are some JSON, which clients before 2026-07-28 are not told (R-FS-17).
    Anything,
}

impl Promise {
    /// Whether clients of a revision were promised structured results.
    pub(super) fn holds_in(self, version: ProtocolVersion) -> bool {
        match self {
            Self::Nothing => false,
            Self::Objects => version.has_structured_content(),
            Self::Anything => version.has_any_structured_content(),
        }
    }
}

/// Progress notifications of one call in a row, and in a second after that (R-LM-84). 20: a bar on a screen that moves
/// more often looks no smoother.
pub(crate) const PROGRESS_RATE: u32 = 20;

/// What is called; decides how its errors are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OfferKind {
    Tool,
    Prompt,
    Resource,
}

impl OfferKind {
    /// For errors and logs.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Prompt => "prompt",
            Self::Resource => "resource",
        }
    }
}

/// Where a handler runs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    Loop,
    /// On a thread of the pool that this makes. A function and not a flag, so that only programs with such handlers
    /// contain one.
    #[cfg(feature = "std")]
    Worker(fn(PoolSize) -> Box<dyn Workers>),
}

impl Place {
    /// On a worker, where there are threads.
    pub(crate) fn worker() -> Self {
        #[cfg(feature = "std")]
        return Self::Worker(|size| Box::new(Pool::new(size)));
        #[cfg(not(feature = "std"))]
        Self::Loop
    }
}

/// A handler whose result was made one type of.
pub(crate) type Handler = dyn Fn(&mut Call<'_>) -> Result<Output, ToolError> + Send + Sync;

/// What a handler returned.
pub(crate) enum Output {
    /// Of a tool, or of anything that answers later.
    Tool(ToolResult),
    /// Of a prompt or resource. Behind a trait, so that programs without them do not contain how they are written.
    Other(Box<dyn Respond>),
}

impl Output {
    /// Whether the answer is left to a [`Deferred`](crate::deferred::Deferred).
    pub(crate) fn is_later(&self) -> bool {
        matches!(self, Self::Tool(result) if result.is_later())
    }
}

/// A result that writes itself as its request's answer.
pub(crate) trait Respond: Send {
    /// Appends the answer; `hints` are the server's, for results that have none of their own. False when the request is
    /// no longer in flight.
    fn respond(
        &self,
        session: &mut ServerSession,
        profile: &ServerProfile<'_>,
        key: RequestKey,
        hints: CacheHints,
        out: &mut Vec<u8>,
    ) -> bool;
}

/// Carries out the methods of one family. A function that its first offer brings along, so that only programs with one
/// contain it.
pub(crate) type Route =
    fn(&mut Service, &mut ServerSession, &Origin<'_>, Method, Option<&RawValue>, &mut dyn Outbox) -> Outcome;

/// All offers of one family, with what lists say of each.
pub(crate) struct Family<L> {
    /// In the order of their registration, which is also that of the list (R-FS-10), and that of their numbers.
    entries: Vec<Entry<L>>,
    /// Indices into `entries`, sorted by name.
    by_name: Vec<usize>,
    /// How many there ever were.
    count: u64,
}

/// One offer of a family, for as long as the server lives: a call that waits here for its client finds its own handler again, and not
/// one that took its place meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Number(u64);

/// Something that can be called and listed.
pub(crate) struct Entry<L> {
    pub(crate) number: Number,
    pub(crate) offer: Shared<Offer>,
    pub(crate) handler: Shared<Handler>,
    pub(crate) listing: L,
}

impl<L> Entry<L> {
    #[cfg_attr(
        not(feature = "std"),
        expect(clippy::borrowed_box, reason = "with `std` it is shared, and cloned for workers")
    )]
    pub(crate) fn shared(&self) -> (&Shared<Offer>, &Shared<Handler>) {
        (&self.offer, &self.handler)
    }
}

impl<L> Family<L> {
    pub(crate) const fn new() -> Self {
        Self { entries: Vec::new(), by_name: Vec::new(), count: 0 }
    }

    /// Adds one. False when there is one of this name.
    pub(crate) fn insert<F>(&mut self, offer: Offer, listing: L, handler: F) -> bool
    where
        F: Fn(&mut Call<'_>) -> Result<Output, ToolError> + Send + Sync + 'static,
    {
        let Err(at) = self.position(&offer.name) else { return false };
        self.by_name.insert(at, self.entries.len());
        let number = Number(self.count);
        self.count += 1;
        self.entries.push(Entry { number, offer: Shared::new(offer), handler: Shared::new(handler), listing });
        true
    }

    /// Takes one out. False when there is none of this name. Calls of it that are with workers go on.
    pub(crate) fn remove(&mut self, name: &str) -> bool {
        let Ok(at) = self.position(name) else { return false };
        let index = self.by_name.remove(at);
        let removed = self.entries.remove(index);
        self.by_name.iter_mut().filter(|other| **other > index).for_each(|other| *other -= 1);
        // Last of all: what its handler holds may panic here.
        drop(removed);
        true
    }

    /// The one with a name.
    pub(crate) fn find(&self, name: &str) -> Option<&Entry<L>> {
        self.position(name).ok().map(|at| &self.entries[self.by_name[at]])
    }

    /// The one with a number, unless it was taken out.
    pub(crate) fn entry(&self, number: Number) -> Option<&Entry<L>> {
        self.entries.binary_search_by_key(&number, |entry| entry.number).ok().map(|at| &self.entries[at])
    }

    pub(crate) fn entries(&self) -> &[Entry<L>] {
        &self.entries
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.by_name.binary_search_by(|index| self.entries[*index].offer.name.as_str().cmp(name))
    }
}

//! Lists: each written once for every revision that somebody asks in, then answered from memory.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use mcp_core::jsonrpc::code;
use mcp_core::revision::ProtocolVersion;
use mcp_core::session::{Reply, ServerProfile, ServerSession};
use mcp_core::types::{CacheHints, PaginatedParams};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use super::offer::Entry;
use super::run::respond;
use super::{Kind, Origin, Outbox, Outcome, refuse};

/// What lists say of an offer.
pub(crate) trait Listed {
    /// The member of the result that holds the list.
    const MEMBER: &'static str;

    /// The offer as a revision knows it: members that are newer are left out for older clients.
    fn listed<'a>(&'a self, version: ProtocolVersion, name: &'a str) -> impl Serialize + 'a;
}

/// A request for a list.
pub(super) struct ListRequest<'a> {
    pub(super) profile: &'a ServerProfile<'a>,
    pub(super) hints: CacheHints,
    pub(super) size: usize,
    pub(super) params: Option<&'a RawValue>,
}

impl ListRequest<'_> {
    pub(super) fn answer<L: Listed>(
        &self,
        session: &mut ServerSession,
        origin: &Origin<'_>,
        pages: &mut Pages,
        offers: &[Entry<L>],
        outbox: &mut dyn Outbox,
    ) -> Outcome {
        let params = self.params.map_or(Ok(PaginatedParams::default()), |params| serde_json::from_str(params.get()));
        let version = session.version();
        let page = params.ok().and_then(|params| pages.page(version, self.size, params.cursor.as_deref(), offers));
        let Some(page) = page else {
            return refuse(session, origin.key, code::INVALID_PARAMS, "unknown cursor", outbox);
        };
        let reply = Reply { result: page, meta: None, hints: Some(self.hints) };
        outbox.message(Kind::Answer, &mut |out| respond(session, self.profile, origin.key, &reply, out));
        Outcome::Answered
    }
}

/// The pages of one list.
#[derive(Debug)]
pub(super) struct Pages {
    /// By revision; empty until somebody asks, since most servers meet one revision only.
    written: [Vec<Box<RawValue>>; ProtocolVersion::ALL.len()],
}

impl Pages {
    pub(super) const fn new() -> Self {
        Self { written: [const { Vec::new() }; ProtocolVersion::ALL.len()] }
    }

    /// The offers are no longer the same, or their number on a page.
    pub(super) fn forget(&mut self) {
        self.written = Default::default();
    }

    /// The page at a cursor, `None` for a cursor that was never given out (R-LM-86).
    pub(super) fn page<L: Listed>(
        &mut self,
        version: ProtocolVersion,
        size: usize,
        cursor: Option<&str>,
        offers: &[Entry<L>],
    ) -> Option<&RawValue> {
        let index = match cursor {
            None => 0,
            Some(cursor) => index(size, cursor)?,
        };
        let pages = &mut self.written[version as usize];
        if pages.is_empty() {
            *pages = write(version, size, offers).ok()?;
        }
        pages.get(index).map(AsRef::as_ref)
    }
}

/// Cursors are the number of the first offer of a page, for pages after the first.
fn index(size: usize, cursor: &str) -> Option<usize> {
    let first: usize = cursor.parse().ok()?;
    let is_ours = first > 0 && first.is_multiple_of(size) && first.to_string() == cursor;
    is_ours.then_some(first / size)
}

fn write<L: Listed>(
    version: ProtocolVersion,
    size: usize,
    offers: &[Entry<L>],
) -> serde_json::Result<Vec<Box<RawValue>>> {
    // A list without offers has one page as well.
    let count = offers.len().div_ceil(size).max(1);
    let page = |index: usize| {
        let first = index * size;
        let last = first.saturating_add(size).min(offers.len());
        let next = (index + 1 < count).then(|| last.to_string());
        to_raw_value(&Page { version, offers: &offers[first..last], next })
    };
    (0..count).map(page).collect()
}

struct Page<'a, L> {
    version: ProtocolVersion,
    offers: &'a [Entry<L>],
    next: Option<String>,
}

impl<L: Listed> Serialize for Page<'_, L> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(L::MEMBER, &Members { version: self.version, offers: self.offers })?;
        if let Some(next) = &self.next {
            map.serialize_entry("nextCursor", next)?;
        }
        map.end()
    }
}

struct Members<'a, L> {
    version: ProtocolVersion,
    offers: &'a [Entry<L>],
}

impl<L: Listed> Serialize for Members<'_, L> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.offers.iter().map(|entry| Member { version: self.version, entry }))
    }
}

struct Member<'a, L> {
    version: ProtocolVersion,
    entry: &'a Entry<L>,
}

impl<L: Listed> Serialize for Member<'_, L> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.entry.listing.listed(self.version, &self.entry.offer.name).serialize(serializer)
    }
}

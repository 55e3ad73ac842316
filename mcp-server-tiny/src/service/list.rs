//! Lists: each written once for every revision that somebody asks in, then answered from memory.

use alloc::borrow::Cow;
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
        let version = session.version();
        let page = self.cursor().and_then(|cursor| pages.page(version, self.size, cursor.as_deref(), offers));
        self.answer_page(session, origin, page, outbox)
    }

    /// The same for a list that is made anew each time.
    pub(super) fn answer_fresh<L: Listed>(
        &self,
        session: &mut ServerSession,
        origin: &Origin<'_>,
        offers: &[Named<'_, L>],
        outbox: &mut dyn Outbox,
    ) -> Outcome {
        let version = session.version();
        let page = self.cursor().and_then(|cursor| fresh_page(version, self.size, cursor.as_deref(), offers));
        self.answer_page(session, origin, page.as_deref(), outbox)
    }

    /// The cursor, if any, of a request that can be read.
    /// A list of nothing, which has one page as well. `member` is that of the result.
    pub(super) fn answer_none(
        &self,
        member: &'static str,
        session: &mut ServerSession,
        origin: &Origin<'_>,
        outbox: &mut dyn Outbox,
    ) -> Outcome {
        let page = RawValue::from_string(alloc::format!("{{\"{member}\":[]}}")).ok();
        let is_first = self.cursor().is_some_and(|cursor| cursor.is_none());
        self.answer_page(session, origin, page.as_deref().filter(|_| is_first), outbox)
    }

    fn cursor(&self) -> Option<Option<Cow<'_, str>>> {
        let Some(params) = self.params else { return Some(None) };
        serde_json::from_str::<PaginatedParams<'_>>(params.get()).ok().map(|params| params.cursor)
    }

    fn answer_page(
        &self,
        session: &mut ServerSession,
        origin: &Origin<'_>,
        page: Option<&RawValue>,
        outbox: &mut dyn Outbox,
    ) -> Outcome {
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
    let offers: Vec<Named<'_, L>> = offers.iter().map(|entry| (entry.offer.name.as_str(), &entry.listing)).collect();
    // A list without offers has one page as well.
    (0..offers.len().div_ceil(size).max(1))
        .map(|index| to_raw_value(&Page::new(version, size, index, &offers)))
        .collect()
}

/// One page of a list that is made anew each time. `None` for a cursor that was never given out, unless the list was longer then.
pub(super) fn fresh_page<L: Listed>(
    version: ProtocolVersion,
    size: usize,
    cursor: Option<&str>,
    offers: &[Named<'_, L>],
) -> Option<Box<RawValue>> {
    let index = cursor.map_or(Some(0), |cursor| index(size, cursor))?;
    to_raw_value(&Page::new(version, size, index, offers)).ok()
}

/// An offer by its name.
pub(super) type Named<'a, L> = (&'a str, &'a L);

struct Page<'a, L> {
    version: ProtocolVersion,
    offers: &'a [Named<'a, L>],
    next: Option<String>,
}

impl<'a, L> Page<'a, L> {
    fn new(version: ProtocolVersion, size: usize, index: usize, offers: &'a [Named<'a, L>]) -> Self {
        let first = index.saturating_mul(size).min(offers.len());
        let last = first.saturating_add(size).min(offers.len());
        let next = (last < offers.len()).then(|| last.to_string());
        Self { version, offers: &offers[first..last], next }
    }
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
    offers: &'a [Named<'a, L>],
}

impl<L: Listed> Serialize for Members<'_, L> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.offers.iter().map(|&(name, listing)| Member {
            version: self.version,
            name,
            listing,
        }))
    }
}

struct Member<'a, L> {
    version: ProtocolVersion,
    name: &'a str,
    listing: &'a L,
}

impl<L: Listed> Serialize for Member<'_, L> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.listing.listed(self.version, self.name).serialize(serializer)
    }
}

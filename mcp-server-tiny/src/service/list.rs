//! `tools/list`: written once for each group of revisions, then answered from memory.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use mcp_core::revision::ProtocolVersion;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::tool::{Definition, Known};

/// The pages of the list.
#[derive(Debug)]
pub(super) struct Pages {
    /// Tools on a page.
    size: usize,
    /// By what the revision knows; empty until somebody asks, since most servers meet one revision only.
    written: [Vec<Box<RawValue>>; 3],
}

impl Pages {
    /// All tools on one page.
    pub(super) const fn new() -> Self {
        Self { size: usize::MAX, written: [const { Vec::new() }; 3] }
    }

    pub(super) fn set_size(&mut self, size: usize) {
        self.size = size.max(1);
        self.forget();
    }

    /// The tools are no longer the same.
    pub(super) fn forget(&mut self) {
        self.written = Default::default();
    }

    /// The page at a cursor, `None` for a cursor that was never given out (R-LM-86).
    pub(super) fn page<'a>(
        &mut self,
        version: ProtocolVersion,
        cursor: Option<&str>,
        tools: impl ExactSizeIterator<Item = &'a Definition> + Clone,
    ) -> Option<&RawValue> {
        let index = match cursor {
            None => 0,
            Some(cursor) => self.index(cursor)?,
        };
        let known = Known::of(version);
        let size = self.size;
        let pages = &mut self.written[known as usize];
        if pages.is_empty() {
            *pages = write(size, known, tools).ok()?;
        }
        pages.get(index).map(AsRef::as_ref)
    }

    /// Cursors are the number of the first tool of a page, for pages after the first.
    fn index(&self, cursor: &str) -> Option<usize> {
        let first: usize = cursor.parse().ok()?;
        let is_ours = first > 0 && first.is_multiple_of(self.size) && first.to_string() == cursor;
        is_ours.then_some(first / self.size)
    }
}

fn write<'a>(
    size: usize,
    known: Known,
    tools: impl ExactSizeIterator<Item = &'a Definition> + Clone,
) -> serde_json::Result<Vec<Box<RawValue>>> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Page<T> {
        tools: Vec<T>,
        #[serde(skip_serializing_if = "Option::is_none")]
        next_cursor: Option<String>,
    }
    let mut pages = Vec::new();
    let mut first = 0_usize;
    loop {
        let next = first.saturating_add(size);
        let page = Page {
            tools: tools.clone().skip(first).take(size).map(|tool| tool.listed(known)).collect(),
            next_cursor: (next < tools.len()).then(|| next.to_string()),
        };
        pages.push(to_raw_value(&page)?);
        if page.next_cursor.is_none() {
            return Ok(pages);
        }
        first = next;
    }
}

impl Known {
    fn of(version: ProtocolVersion) -> Self {
        if version.has_structured_content() {
            Self::StructuredContent
        } else if version.has_tool_annotations() {
            Self::Annotations
        } else {
            Self::Basics
        }
    }
}

//! The list of tools, page after page.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::vec;

use mcp_core::limits::{Limit, LimitExceeded};
use mcp_core::types::{ListToolsResult, Method, PaginatedParams, Tool};

use crate::client::Client;
use crate::error::{Error, PeerError};

/// The tools of a server. Each page is fetched when the one before is used up; the first error is the last item.
#[derive(Debug)]
pub struct Tools<'c> {
    client: &'c Client,
    page: vec::IntoIter<Tool>,
    next: Next,
    pages: usize,
    /// Hashes of the cursors so far: the cursors themselves may be long.
    seen: HashSet<u64>,
    hasher: RandomState,
}

#[derive(Debug)]
enum Next {
    First,
    /// Opaque; an empty one is a cursor like any other (R-LM-85).
    Cursor(String),
    /// The last page led back to an earlier one.
    Circle,
    Nothing,
}

impl<'c> Tools<'c> {
    pub(crate) fn new(client: &'c Client) -> Self {
        Self {
            client,
            page: Vec::new().into_iter(),
            next: Next::First,
            pages: 0,
            seen: HashSet::new(),
            hasher: RandomState::new(),
        }
    }

    /// Fetches one page; false when there is none.
    fn turn(&mut self) -> Result<bool, Error> {
        let cursor = match std::mem::replace(&mut self.next, Next::Nothing) {
            Next::First => None,
            Next::Cursor(cursor) => Some(cursor.into()),
            Next::Circle => return Err(PeerError::RepeatedCursor.into()),
            Next::Nothing => return Ok(false),
        };
        let bound = self.client.engine().limits.list_pages;
        if self.pages == bound {
            return Err(LimitExceeded { limit: Limit::ListPages, bound }.into());
        }
        self.pages += 1;
        let params = PaginatedParams { cursor };
        let page: ListToolsResult = self.client.request(Method::ToolsList.name(), &params)?;
        self.page = page.tools.into_iter();
        if let Some(cursor) = page.next_cursor {
            let is_new = self.seen.insert(self.hasher.hash_one(&cursor));
            self.next = if is_new { Next::Cursor(cursor) } else { Next::Circle };
        }
        Ok(true)
    }
}

impl Iterator for Tools<'_> {
    type Item = Result<Tool, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(tool) = self.page.next() {
                return Some(Ok(tool));
            }
            match self.turn() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

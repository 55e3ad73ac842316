//! Lists of the server, page after page (R-LM-85 to R-LM-87).

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::vec;

use mcp_core::jsonrpc::code;
use mcp_core::limits::{Limit, LimitExceeded};
use mcp_core::types::{
    LeftOut, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, Method,
    PaginatedParams, Prompt, Resource, ResourceTemplate, Tool,
};
use serde::de::DeserializeOwned;

use crate::cache::Key;
use crate::client::Client;
use crate::engine::Engine;
use crate::error::{Error, PeerError};
use crate::kept::Source;
use crate::pending::{Repeat, Want};

/// The entries of one of a server's lists. Each page is fetched when the one before is used up; the first error is the last
/// item. Entries that cannot be read are left out, and the log says how many.
///
/// Pages that are still fresh are not fetched again; see [`Builder::cache`](crate::Builder::cache). There are at most
/// [`Limits::list_pages`](crate::Limits) of them, and a list that goes in circles ends with an error (R-LM-87).
pub struct List<'c, T> {
    client: &'c Client,
    page: vec::IntoIter<T>,
    next: Next,
    pages: usize,
    /// Hashes of the cursors so far: the cursors themselves may be long.
    seen: HashSet<u64>,
    /// Hashes of what was given, from the first kept page on: it is not given again when the list has to be begun anew.
    given: Option<HashSet<u64>>,
    /// It was begun anew already: once is enough.
    is_anew: bool,
    hasher: RandomState,
}

/// The tools of a server.
pub type Tools<'c> = List<'c, Tool>;
/// The resources of a server.
pub type Resources<'c> = List<'c, Resource>;
/// The templates of a server's resources.
pub type ResourceTemplates<'c> = List<'c, ResourceTemplate>;
/// The prompts of a server.
pub type Prompts<'c> = List<'c, Prompt>;

/// What a server has lists of.
pub trait Listed: Sized + private::Entry {}

impl<T: private::Entry> Listed for T {}

enum Next {
    First,
    /// Opaque; an empty one is a cursor like any other (R-LM-85).
    Cursor(String),
    /// The last page led back to an earlier one.
    Circle,
    Nothing,
}

impl<'c, T: Listed> List<'c, T> {
    pub(crate) fn new(client: &'c Client) -> Self {
        Self {
            client,
            page: Vec::new().into_iter(),
            next: Next::First,
            pages: 0,
            seen: HashSet::new(),
            given: None,
            is_anew: false,
            hasher: RandomState::new(),
        }
    }

    /// Fetches one page; false when there is none.
    fn turn(&mut self) -> Result<bool, Error> {
        let cursor = match std::mem::replace(&mut self.next, Next::Nothing) {
            Next::First => None,
            Next::Cursor(cursor) => Some(cursor),
            Next::Circle => return Err(PeerError::RepeatedCursor.into()),
            Next::Nothing => return Ok(false),
        };
        let engine = self.client.engine();
        let bound = engine.limits.list_pages;
        if self.pages == bound {
            return Err(LimitExceeded { limit: Limit::ListPages, bound }.into());
        }
        self.pages += 1;
        let fetched = fetch::<T>(engine, cursor.as_deref(), &Want::within(engine.call_timeout));
        let (page, source) = match fetched {
            Err(Error::Rpc(error)) if cursor.is_some() && error.code == code::INVALID_PARAMS => {
                return self.begin_anew(Error::Rpc(error));
            }
            fetched => fetched?,
        };
        let Page { mut entries, next, left_out } = T::open(page);
        if let (Some(left_out), Source::Server) = (left_out, source) {
            engine.warn(format_args!("`{}`: {left_out}", T::METHOD.name()));
        }
        if let Some(tools) = T::as_tools(&mut entries) {
            crate::tools::admit(engine, tools);
        }
        if source == Source::Kept && self.given.is_none() {
            self.given = Some(HashSet::new());
        }
        if let Some(given) = &mut self.given {
            entries.retain(|entry| given.insert(self.hasher.hash_one(entry.identity())));
        }
        self.page = entries.into_iter();
        if let Some(cursor) = next {
            let is_new = self.seen.insert(self.hasher.hash_one(&cursor));
            self.next = if is_new { Next::Cursor(cursor) } else { Next::Circle };
        }
        Ok(true)
    }

    /// A cursor is not valid (any more): no page of the list can be relied on (R-LM-62). When the cursor came from a page that
    /// had been kept, the list is begun anew, and what was given already is left out.
    fn begin_anew(&mut self, error: Error) -> Result<bool, Error> {
        self.client.engine().features.cache().drop_list(T::METHOD);
        if self.given.is_none() || std::mem::replace(&mut self.is_anew, true) {
            return Err(error);
        }
        self.seen.clear();
        self.next = Next::First;
        self.turn()
    }
}

impl<T: Listed> Iterator for List<'_, T> {
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.page.next() {
                return Some(Ok(entry));
            }
            match self.turn() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl<T: Listed> fmt::Debug for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("List").field("method", &T::METHOD.name()).field("pages", &self.pages).finish_non_exhaustive()
    }
}

/// Fetches one page, unless it is fresh. Nothing changes by it, so it may be asked for twice.
fn fetch<T: Listed>(engine: &Engine, cursor: Option<&str>, want: &Want) -> Result<(T::Page, Source), Error> {
    let params = PaginatedParams { cursor: cursor.map(Into::into) };
    let want = Want { repeat: Repeat::Safe, ..want.clone() };
    engine.fetch(T::METHOD, Key::page(T::METHOD, cursor), &params, &want)
}

/// One page, taken apart.
pub struct Page<T> {
    entries: Vec<T>,
    next: Option<String>,
    left_out: Option<LeftOut>,
}

mod private {
    use super::{DeserializeOwned, Method, Page, Tool};

    pub trait Entry: Sized {
        const METHOD: Method;
        type Page: DeserializeOwned;

        fn open(page: Self::Page) -> Page<Self>;

        /// What tells it from the others.
        fn identity(&self) -> &str;

        /// The entries as tools, if they are, which may have to be left out.
        fn as_tools(entries: &mut Vec<Self>) -> Option<&mut Vec<Tool>> {
            let _ = entries;
            None
        }
    }
}
macro_rules! listed {
    ($entry:ident, $page:ident, $method:ident, $entries:ident, $identity:ident $(, $as_tools:item)?) => {
        impl private::Entry for $entry {
            const METHOD: Method = Method::$method;
            type Page = $page;

            fn open(page: $page) -> Page<Self> {
                Page { entries: page.$entries, next: page.next_cursor, left_out: page.left_out }
            }

            fn identity(&self) -> &str {
                &self.$identity
            }

            $($as_tools)?
        }
    };
}

listed!(
    Tool,
    ListToolsResult,
    ToolsList,
    tools,
    name,
    fn as_tools(tools: &mut Vec<Tool>) -> Option<&mut Vec<Tool>> {
        Some(tools)
    }
);
listed!(Resource, ListResourcesResult, ResourcesList, resources, uri);
listed!(ResourceTemplate, ListResourceTemplatesResult, ResourcesTemplatesList, resource_templates, uri_template);
listed!(Prompt, ListPromptsResult, PromptsList, prompts, name);

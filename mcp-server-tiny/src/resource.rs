//! Describing a resource, and what reading it gives.

mod template;

use alloc::borrow::{Cow, ToOwned};
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use mcp_core::base64;
use mcp_core::jsonrpc::{self, code};
use mcp_core::revision::ProtocolVersion;
use mcp_core::types::{Annotations, CacheHints, CacheScope, ReadResourceResult, ResourceContents};
use serde::Serialize;
use serde_json::value::to_raw_value;

use crate::completion::{Completers, IntoCompletion, Typed};
use crate::result::{Json, ToolError};
use crate::service::{Details, Place, describe};
pub(crate) use template::Pattern;

/// Something to read, as it is registered: where it is and what clients are told of it.
///
/// ```
/// use mcp_server_tiny::resource::Resource;
///
/// let readme = Resource::text("docs://readme", "readme", "# Read me").mime_type("text/markdown");
/// let clock = Resource::new("clock://now", "clock").description("What time it is").mime_type("text/plain");
/// ```
#[derive(Debug, Clone)]
pub struct Resource {
    pub(crate) uri: String,
    pub(crate) name: String,
    pub(crate) contents: Option<Body>,
    pub(crate) size: Option<u64>,
    pub(crate) kind: ResourceKind,
    pub(crate) details: Details,
    pub(crate) place: Place,
}

/// Resources that follow a pattern, as they are registered. The variables of the pattern are the arguments of the handler.
///
/// Patterns are those of RFC 6570, level 1, and `{+name}`, which also takes slashes, once in a pattern. A variable takes at
/// least one character, is given percent-decoded, and never climbs: a URI whose variable would have a segment `..` is not
/// found (R-FS-31). Nor is one whose variable would begin with a slash; only `{+name}` may, where no slash stands before it
/// or that of `file://`.
///
/// ```
/// use mcp_server_tiny::resource::ResourceTemplate;
///
/// let rows = ResourceTemplate::new("db://{table}/{id}", "row").mime_type("application/json");
/// let files = ResourceTemplate::new("file:///{+path}", "file").description("Files of the project");
/// ```
pub struct ResourceTemplate {
    pub(crate) pattern: String,
    pub(crate) name: String,
    pub(crate) kind: ResourceKind,
    pub(crate) details: Details,
    pub(crate) place: Place,
    pub(crate) completers: Completers,
    pub(crate) list: Option<Box<Lister>>,
}

/// Names the resources that there are.
pub(crate) type Lister = dyn Fn() -> Vec<Resource> + Send + Sync;

impl fmt::Debug for ResourceTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResourceTemplate").field("pattern", &self.pattern).finish_non_exhaustive()
    }
}

/// What resources and templates have in common beside their [`Details`].
#[derive(Debug, Clone, Default)]
pub(crate) struct ResourceKind {
    pub(crate) mime_type: Option<String>,
    pub(crate) annotations: Option<Annotations>,
    pub(crate) hints: Option<CacheHints>,
}

macro_rules! resource_kind {
    () => {
        /// The media type of its contents.
        pub fn mime_type(mut self, mime_type: impl Into<String>) -> Self {
            self.kind.mime_type = Some(mime_type.into());
            self
        }

        /// Hints for whoever shows it.
        pub fn annotations(mut self, annotations: Annotations) -> Self {
            self.kind.annotations = Some(annotations);
            self
        }

        /// How long clients from 2026-07-28 on may keep what was read, and who may share it (R-LM-57). As the server says
        /// unless set: not at all.
        pub fn cache(mut self, time_to_live: Duration, scope: CacheScope) -> Self {
            let millis = u32::try_from(time_to_live.as_millis()).unwrap_or(u32::MAX);
            self.kind.hints = Some(CacheHints::new(millis, scope));
            self
        }
    };
}

impl Resource {
    /// A resource whose contents a handler gives. URIs are absolute (RFC 3986); `https:` is for what clients can fetch by
    /// themselves (R-FS-30).
    pub fn new(uri: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            uri: uri.into(),
            name: name.into(),
            contents: None,
            size: None,
            kind: ResourceKind::default(),
            details: Details::default(),
            place: Place::Loop,
        }
    }

    /// A resource that is always this text.
    pub fn text(uri: impl Into<String>, name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let size = u64::try_from(text.len()).ok();
        Self { size, contents: Some(Body::Text(text.into())), ..Self::new(uri, name) }
    }

    /// A resource that is always these bytes.
    pub fn bytes(uri: impl Into<String>, name: impl Into<String>, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        Self { size: u64::try_from(bytes.len()).ok(), contents: Some(Body::of_bytes(bytes)), ..Self::new(uri, name) }
    }

    /// How many bytes it has, when that is known beforehand.
    pub fn size(mut self, bytes: u64) -> Self {
        self.size = Some(bytes);
        self
    }

    resource_kind!();
    describe!();
}

impl ResourceTemplate {
    /// Resources whose contents a handler gives, by the variables of their pattern.
    pub fn new(pattern: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            pattern: pattern.into(),
            name: name.into(),
            kind: ResourceKind::default(),
            details: Details::default(),
            place: Place::Loop,
            completers: Completers::default(),
            list: None,
        }
    }

    /// Names the resources of the pattern that there are now, for `resources/list`; without it the list does not name them.
    /// `list` is called for each page, on the thread of the loop; each resource is only described by it, and read by the
    /// handler. Clients are told that the list changed by [`Call::announce`](crate::Call::announce).
    ///
    /// ```
    /// use mcp_server_tiny::resource::{Resource, ResourceTemplate};
    ///
    /// let notes = ResourceTemplate::new("note:{name}", "note").list(|| {
    ///     let names = ["shopping", "travel"];
    ///     names.map(|name| Resource::new(format!("note:{name}"), name).mime_type("text/plain")).into()
    /// });
    /// ```
    pub fn list(mut self, list: impl Fn() -> Vec<Resource> + Send + Sync + 'static) -> Self {
        self.list = Some(Box::new(list));
        self
    }

    /// Proposes values for a variable while somebody types it. `complete` runs on the thread of the loop. Of more than 100
    /// values the first are sent (R-FS-35), so the best come first.
    pub fn complete<C, F>(mut self, variable: impl Into<String>, complete: F) -> Self
    where
        C: IntoCompletion,
        F: Fn(&Typed<'_>) -> C + Send + Sync + 'static,
    {
        self.completers.add(variable.into(), complete);
        self
    }

    resource_kind!();
    describe!();
}

/// What reading a resource may give: text, bytes, [`Json`], whole [`ResourceContents`] or several of them, or `None` for a
/// resource that is not there.
pub trait IntoContents {
    /// The contents they stand for.
    ///
    /// # Errors
    ///
    /// [`ToolError`] when they cannot be written.
    fn into_contents(self) -> Result<Contents, ToolError>;
}

/// Contents, ready to be written. For handlers whose branches return different types.
#[derive(Debug, Clone)]
pub struct Contents(Repr);

#[derive(Debug, Clone)]
enum Repr {
    Missing,
    One(Body),
    Json(String),
    Full(Box<ReadResourceResult>),
}

/// What is in a resource, without where it is.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    Text(Cow<'static, str>),
    /// Base64.
    Blob(String),
}

impl Body {
    fn of_bytes(bytes: &[u8]) -> Self {
        let mut blob = String::new();
        base64::encode(bytes, &mut blob);
        Self::Blob(blob)
    }
}

impl Contents {
    /// No such resource.
    pub const MISSING: Self = Self(Repr::Missing);

    pub(crate) fn of_body(body: Body) -> Self {
        Self(Repr::One(body))
    }

    /// As the result of reading a URI, `None` when there is nothing: an empty list would say that there is a resource
    /// (R-FS-27).
    pub(crate) fn into_result(self, uri: &str, kind: &ResourceKind) -> Option<ReadResourceResult> {
        let of_type = |contents: ResourceContents, mime_type: Option<&str>| {
            let mime_type = kind.mime_type.as_deref().or(mime_type);
            mime_type.map_or(contents.clone(), |mime_type| contents.mime_type(mime_type))
        };
        let one = |contents| ReadResourceResult::new(alloc::vec![contents]);
        let mut result = match self.0 {
            Repr::Missing => return None,
            Repr::One(Body::Text(text)) => one(of_type(ResourceContents::text(uri, text), None)),
            Repr::One(Body::Blob(blob)) => one(of_type(ResourceContents::blob(uri, blob), None)),
            Repr::Json(json) => one(of_type(ResourceContents::text(uri, json), Some("application/json"))),
            Repr::Full(result) => *result,
        };
        if result.cache == CacheHints::default() {
            result.cache = kind.hints.unwrap_or_default();
        }
        (!result.contents.is_empty()).then_some(result)
    }
}

/// There is no such resource (R-FS-27).
pub(crate) fn not_found(version: ProtocolVersion, uri: &str) -> ToolError {
    #[derive(Serialize)]
    struct Data<'a> {
        uri: &'a str,
    }
    let code = if version.has_resource_not_found_code() { code::RESOURCE_NOT_FOUND } else { code::INVALID_PARAMS };
    let data = to_raw_value(&Data { uri }).ok();
    ToolError::of_protocol(jsonrpc::Error { code, message: "resource not found".to_owned(), data })
}

macro_rules! into_contents {
    ($($ty:ty: |$value:ident| $repr:expr;)*) => {
        $(impl IntoContents for $ty {
            fn into_contents(self) -> Result<Contents, ToolError> {
                let $value = self;
                Ok(Contents($repr))
            }
        })*
    };
}

into_contents! {
    Contents: |contents| contents.0;
    String: |text| Repr::One(Body::Text(text.into()));
    &'static str: |text| Repr::One(Body::Text(text.into()));
    Cow<'static, str>: |text| Repr::One(Body::Text(text));
    Vec<u8>: |bytes| Repr::One(Body::of_bytes(&bytes));
    &'static [u8]: |bytes| Repr::One(Body::of_bytes(bytes));
    ResourceContents: |contents| Repr::Full(Box::new(ReadResourceResult::new(alloc::vec![contents])));
    Vec<ResourceContents>: |contents| Repr::Full(Box::new(ReadResourceResult::new(contents)));
    ReadResourceResult: |result| Repr::Full(Box::new(result));
}

impl<T: Serialize> IntoContents for Json<T> {
    fn into_contents(self) -> Result<Contents, ToolError> {
        let json = to_raw_value(&self.0).map_err(|error| {
            log::error!("a resource cannot be written as JSON: {error}");
            ToolError::protocol(code::INTERNAL_ERROR, "the resource cannot be written as JSON")
        })?;
        Ok(Contents(Repr::Json(json.get().to_string())))
    }
}

impl<T: IntoContents> IntoContents for Option<T> {
    fn into_contents(self) -> Result<Contents, ToolError> {
        self.map_or(Ok(Contents::MISSING), T::into_contents)
    }
}

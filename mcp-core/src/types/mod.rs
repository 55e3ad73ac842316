//! The protocol's data, one schema family a file, named as in the schema.
//!
//! Objects that programs keep are owned; parameters and notifications that only pass by borrow from the message. Reading is
//! tolerant (unknown members are ignored, optional ones may be missing or `null`, hints that make no sense are left out),
//! writing leaves out what is absent. [`method`] is the table of all methods.

pub mod caching;
pub mod cancelled;
pub mod capabilities;
pub mod content;
pub mod implementation;
pub mod initialize;
pub mod logging;
pub mod meta;
pub mod method;
pub mod pagination;
pub mod progress;
pub(crate) mod tolerance;
pub mod tools;

pub use caching::{CacheHints, CacheScope};
pub use cancelled::CancelledParams;
pub use capabilities::{
    ClientCapabilities, PromptsCapability, ResourcesCapability, RootsCapability, ServerCapabilities, ToolsCapability,
};
pub use content::{Annotations, ContentBlock, ResourceContents, Role};
pub use implementation::{Icon, Implementation};
pub use initialize::{InitializeParams, InitializeResult};
pub use logging::{LoggingLevel, LoggingMessage, SetLevelParams};
pub use meta::{JsonObject, RequestMeta};
pub use method::Method;
pub use pagination::PaginatedParams;
pub use progress::{Progress, ProgressToken};
pub use tools::{CallToolParams, CallToolResult, ListToolsResult, StructuredError, Tool, ToolAnnotations};

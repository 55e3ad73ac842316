//! The protocol's data, one schema family a file, named as in the schema.
//!
//! Objects that programs keep are owned; parameters and notifications that only pass by borrow from the message. Reading is
//! tolerant (unknown members are ignored, optional ones may be missing or `null`, hints that make no sense are left out),
//! writing leaves out what is absent. Results hold what the protocol does not name in `other`; `resultType` belongs to the
//! exchange and is in none of them, see [`ResultKind`]. [`method`] is the table of all methods.

pub mod caching;
pub mod cancelled;
pub mod capabilities;
pub mod completion;
pub mod content;
pub mod discover;
pub mod elicitation;
pub mod implementation;
pub mod initialize;
pub mod input;
pub mod logging;
pub mod meta;
pub mod method;
pub mod pagination;
pub mod progress;
pub mod prompts;
pub mod raw_json;
pub mod requested_schema;
pub mod resources;
pub mod roots;
pub mod sampling;
pub mod subscriptions;
pub(crate) mod tolerance;
pub mod tools;

pub use caching::{CacheHints, CacheScope};
pub use cancelled::CancelledParams;
pub use capabilities::{
    ClientCapabilities, ElicitationCapability, PromptsCapability, ResourcesCapability, RootsCapability,
    SamplingCapability, ServerCapabilities, ToolsCapability,
};
pub use completion::{
    CompleteParams, CompleteResult, Completion, CompletionArgument, CompletionContext, CompletionReference,
};
pub use content::{Annotations, ContentBlock, ResourceContents, Role};
pub use discover::DiscoverResult;
pub use elicitation::{
    ElicitAction, ElicitFormParams, ElicitParams, ElicitResult, ElicitUrlParams, ElicitationCompleteParams,
    UrlElicitationRequired,
};
pub use implementation::{Icon, Implementation};
pub use initialize::{InitializeParams, InitializeResult};
pub use input::{InputRequest, InputRequests, InputRequiredResult, InputResponseParams, InputResponses, ResultKind};
pub use logging::{LoggingLevel, LoggingMessage, SetLevelParams};
pub use meta::{JsonObject, RequestMeta};
pub use method::Method;
pub use pagination::{LeftOut, PaginatedParams};
pub use progress::{Progress, ProgressToken};
pub use prompts::{GetPromptParams, GetPromptResult, ListPromptsResult, Prompt, PromptArgument, PromptMessage};
pub use raw_json::RawJson;
pub use requested_schema::{
    BooleanSchema, ContentFault, EnumOption, EnumStyle, FormNumber, MultiSelectSchema, NumberKind, NumberSchema,
    PrimitiveSchema, Properties, RequestedSchema, SingleSelectSchema, StringSchema, UnknownInRevision,
};
pub use resources::{
    ListResourceTemplatesResult, ListResourcesResult, ReadResourceParams, ReadResourceResult, Resource,
    ResourceTemplate, ResourceUpdatedParams, SubscribeParams, UnsubscribeParams,
};
pub use roots::{ListRootsResult, Root};
pub use sampling::{
    CreateMessageParams, CreateMessageResult, IncludeContext, ModelHint, ModelPreferences, SamplingBlock,
    SamplingContent, SamplingFault, SamplingMessage, ToolChoice, ToolChoiceMode,
};
pub use subscriptions::{
    Change, NotificationMeta, SubscriptionFilter, SubscriptionsAcknowledgedParams, SubscriptionsListenParams,
};
pub use tools::{
    CallToolParams, CallToolResult, ListToolsResult, StructuredError, Tool, ToolAnnotations, ToolExecution,
};

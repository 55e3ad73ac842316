//! Bodies of fuzz tests for the protocol's data. Each takes any bytes; a panic is the report.

use std::fmt::Debug;

use mcp_core::revision::ProtocolVersion;
use mcp_core::types::{
    CallToolResult, ClientCapabilities, CompleteParams, CompleteResult, CreateMessageParams, CreateMessageResult,
    DiscoverResult, ElicitParams, ElicitResult, GetPromptResult, Implementation, InitializeResult, InputRequiredResult,
    JsonObject, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListRootsResult, ListToolsResult,
    ReadResourceResult, RequestedSchema, ResultKind, ServerCapabilities, SubscriptionFilter, Tool,
    UrlElicitationRequired,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

/// Reads the input as every type: what can be read is written, and read as the same again.
///
/// # Panics
///
/// When it is not.
pub fn data(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    again::<Tool>(text);
    again::<ListToolsResult>(text);
    again::<CallToolResult>(text);
    again::<ListResourcesResult>(text);
    again::<ListResourceTemplatesResult>(text);
    again::<ReadResourceResult>(text);
    again::<ListPromptsResult>(text);
    again::<GetPromptResult>(text);
    again::<CompleteParams>(text);
    again::<CompleteResult>(text);
    again::<DiscoverResult>(text);
    again::<InitializeResult>(text);
    again::<Implementation>(text);
    again::<ClientCapabilities>(text);
    again::<ServerCapabilities>(text);
    again::<ListRootsResult>(text);
    again::<CreateMessageParams>(text);
    again::<CreateMessageResult>(text);
    again::<ElicitParams>(text);
    again::<ElicitResult>(text);
    again::<UrlElicitationRequired>(text);
    again::<InputRequiredResult>(text);
    again::<SubscriptionFilter>(text);
    if let Ok(result) = serde_json::from_str::<&RawValue>(text) {
        let _ = ResultKind::of(result);
    }
    if let Ok(params) = serde_json::from_str::<CreateMessageParams>(text) {
        let _ = params.check();
    }
}

/// Reads the first line as the schema of a form and the second as what was filled in.
///
/// # Panics
///
/// When the form's own defaults have a member that it does not ask for, or a revision cannot write what it says it can.
pub fn forms(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (schema, content) = text.split_once('\n').unwrap_or((text, "{}"));
    again::<RequestedSchema>(schema);
    let Ok(form) = serde_json::from_str::<RequestedSchema>(schema) else { return };
    if let Ok(content) = serde_json::from_str::<JsonObject>(content)
        && let Err(fault) = form.check(&content)
    {
        assert!(fault.to_string().chars().all(|c| !c.is_control()), "{fault}");
    }
    assert!(form.defaults().keys().all(|name| form.properties.named(name).is_some()));
    for version in ProtocolVersion::ALL {
        match form.clone().written_in(version) {
            Ok(written) => assert!(again::<RequestedSchema>(&json(&written))),
            Err(unknown) => assert!(unknown.to_string().chars().all(|c| !c.is_control())),
        }
    }
}

/// Whether the text can be read as `T`; then it is written and read as the same again.
fn again<T: DeserializeOwned + Serialize + PartialEq + Debug + Clone>(text: &str) -> bool {
    let Ok(first) = serde_json::from_str::<T>(text) else { return false };
    let written = json(&first);
    match serde_json::from_str::<T>(&written) {
        // What has a member twice may become the other variant of a block, with its members in another order.
        Ok(second) => assert_eq!(tree(&json(&second)), tree(&written), "{text}"),
        Err(error) => panic!("{error}: {text} was written as {written}"),
    }
    true
}

fn tree(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

#[expect(clippy::expect_used, reason = "what was read can be written; a failure is what the caller looks for")]
fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("what was read can be written")
}

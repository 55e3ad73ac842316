//! `_meta`, the place for metadata in parameters, results and most objects (R-LM-40).

use alloc::string::String;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::progress::ProgressToken;

/// In every request of 2026-07-28: the revision (R-LM-46).
pub const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// In every request of 2026-07-28: what the client offers (R-LM-47).
pub const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// In requests of 2026-07-28: who the client is (R-LM-48).
pub const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
/// In requests of 2026-07-28: which log messages are wanted (R-LM-49).
pub const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
/// In results of 2026-07-28: who the server is (R-LM-50).
pub const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
/// In notifications and the last answer of a subscription: the id of its request (R-LM-51).
pub const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";
/// In messages of 2025-11-25 that belong to a task (R-LM-54). This library has no tasks.
pub const RELATED_TASK: &str = "io.modelcontextprotocol/related-task";

/// A JSON object whose members the protocol leaves open.
pub type JsonObject = Map<String, Value>;

/// What this library reads and writes in the `_meta` of a request's parameters.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestMeta<'a> {
    /// Present when the sender wants to hear of progress (R-LM-82).
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub progress_token: Option<ProgressToken<'a>>,
}

/// Whether a key of `_meta` is well formed: a name, which may be empty, after a prefix that may be absent (R-LM-41).
pub fn is_key(key: &str) -> bool {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let is_name = name.is_empty() || is_bounded(name, |byte| byte.is_ascii_alphanumeric(), b"-_.");
    is_name && prefix.is_none_or(|prefix| prefix.split('.').all(is_label))
}

/// Whether a key belongs to the protocol: the second label of its prefix is `modelcontextprotocol` or `mcp`, or it is one of
/// the few without a prefix (R-LM-42, R-LM-45). What it means is for the specification alone to say (R-LM-44).
pub fn is_reserved(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, _)) => matches!(prefix.split('.').nth(1), Some("modelcontextprotocol" | "mcp")),
        None => matches!(key, "progressToken" | "traceparent" | "tracestate" | "baggage"),
    }
}

fn is_label(label: &str) -> bool {
    label.starts_with(|first: char| first.is_ascii_alphabetic())
        && is_bounded(label, |byte| byte.is_ascii_alphanumeric(), b"-")
}

/// Whether both ends are `ends` and all between is that or one of `inside`. False for nothing.
fn is_bounded(text: &str, ends: impl Fn(u8) -> bool, inside: &[u8]) -> bool {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    ends(*first) && ends(*last) && bytes.iter().all(|byte| ends(*byte) || inside.contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_a_prefix_of_labels_and_a_name() {
        for key in
            ["", "a", "a.b_c-d", "7", "a/", "a.b/c", "com.example-x/n", PROTOCOL_VERSION, SUBSCRIPTION_ID, RELATED_TASK]
        {
            assert!(is_key(key), "{key}");
        }
        for key in ["-a", "a-", ".", "/a", "1a/b", "a./b", "a..b/c", "a-/b", "a_b/c", "a/b/c", "a b", "\u{e4}"] {
            assert!(!is_key(key), "{key}");
        }
    }

    #[test]
    fn the_second_label_of_the_prefix_makes_a_key_reserved() {
        for key in [PROTOCOL_VERSION, "com.mcp.tools/x", "dev.mcp/", "progressToken", "traceparent"] {
            assert!(is_reserved(key), "{key}");
        }
        for key in ["com.example.mcp/x", "mcp/x", "modelcontextprotocol.io/x", "mcp", "a"] {
            assert!(!is_reserved(key), "{key}");
        }
    }
}

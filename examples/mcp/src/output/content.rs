//! Results as text: text as it is, anything else in one line.

use std::borrow::Cow;

use mcp_core::text::Excerpt;
use mcp_core::types::{CallToolResult, ContentBlock, ResourceContents};

/// Characters of a name that is shown.
const NAME: usize = 1000;

/// The result as text that ends with a line end, or nothing.
pub(crate) fn text_of(result: &CallToolResult) -> Cow<'_, str> {
    if let [ContentBlock::Text { text, .. }] = &result.content[..]
        && text.ends_with('\n')
    {
        return Cow::Borrowed(text);
    }
    let mut all = String::new();
    for block in &result.content {
        describe(block, &mut all);
        if !all.ends_with('\n') {
            all.push('\n');
        }
    }
    // Servers are to send structured content as text too (R-FS-16), and some do not.
    if let (true, Some(structured)) = (result.content.is_empty(), &result.structured_content) {
        all = format!("{structured}\n");
    }
    Cow::Owned(all)
}

/// Text as it is, anything else in one line.
pub(crate) fn describe(block: &ContentBlock, all: &mut String) {
    let name = |text: &str| Excerpt::new(text, NAME).to_string();
    match block {
        ContentBlock::Text { text, .. } if text.is_empty() => all.push('\n'),
        ContentBlock::Text { text, .. } => *all += text,
        ContentBlock::Image { data, mime_type, .. } => {
            *all += &format!("[image, {}, {} bytes]", name(mime_type), decoded_length(data));
        }
        ContentBlock::Audio { data, mime_type, .. } => {
            *all += &format!("[audio, {}, {} bytes]", name(mime_type), decoded_length(data));
        }
        ContentBlock::Resource { resource: ResourceContents { uri, mime_type, text, blob, .. }, .. } => {
            let bytes = text.as_ref().map_or_else(|| blob.as_deref().map_or(0, decoded_length), String::len);
            let kind = mime_type.as_deref().unwrap_or("unknown type");
            *all += &format!("[resource {}, {}, {bytes} bytes]", name(uri), name(kind));
        }
        ContentBlock::ResourceLink { uri, mime_type, size, .. } => {
            let kind = mime_type.as_deref().unwrap_or("unknown type");
            let size = size.map(|size| format!(", {size} bytes")).unwrap_or_default();
            *all += &format!("[link to resource {}, {}{size}]", name(uri), name(kind));
        }
        ContentBlock::Unknown(value) => {
            let kind = value["type"].as_str().unwrap_or("without a type");
            *all += &format!("[content that this program does not know: {}]", name(kind));
        }
        _ => *all += "[content that this program does not know]",
    }
}

/// Bytes that a Base64 text stands for.
pub(crate) fn decoded_length(base64: &str) -> usize {
    base64.trim_end_matches('=').len() * 3 / 4
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn printed(content: Value) -> String {
        let result: CallToolResult = serde_json::from_value(json!({"content": content})).unwrap();
        text_of(&result).into_owned()
    }

    #[test]
    fn each_block_begins_on_a_line_of_its_own() {
        assert_eq!(printed(json!([{"type": "text", "text": "a"}])), "a\n");
        assert_eq!(printed(json!([{"type": "text", "text": "a\n"}])), "a\n");
        assert_eq!(printed(json!([{"type": "text", "text": ""}, {"type": "text", "text": "b"}])), "\nb\n");
        assert_eq!(printed(json!([])), "");
    }

    #[test]
    fn what_is_no_text_is_described_in_one_line() {
        let blocks = json!([
            {"type": "image", "data": "aGVsbG8=", "mimeType": "image/png"},
            {"type": "audio", "data": "aGVsbG8h", "mimeType": "audio/wav\n"},
            {"type": "resource", "resource": {"uri": "file:///a", "mimeType": "text/plain", "text": "four"}},
            {"type": "resource", "resource": {"uri": "file:///b", "blob": "aGVsbG8="}},
            {"type": "resource_link", "uri": "file:///c", "name": "c", "size": 7},
            {"type": "hologram", "data": 1},
        ]);
        let expected = "[image, image/png, 5 bytes]\n[audio, audio/wav\u{FFFD}, 6 bytes]\n\
            [resource file:///a, text/plain, 4 bytes]\n[resource file:///b, unknown type, 5 bytes]\n\
            [link to resource file:///c, unknown type, 7 bytes]\n[content that this program does not know: hologram]\n";
        assert_eq!(printed(blocks), expected);
    }

    #[test]
    fn a_result_for_programs_alone_is_printed_as_json() {
        let result = serde_json::from_value(json!({"structuredContent": {"a": 1}})).unwrap();
        assert_eq!(text_of(&result), "{\"a\":1}\n");
    }
}

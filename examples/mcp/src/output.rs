//! What is printed, and where: results and lists on standard output, everything else on standard error.
//!
//! Text of a server may hold control characters that move the cursor, change the title of the window or hide what follows.
//! On a terminal they are left out (R-SEC-25); a pipe gets every byte.

use std::borrow::Cow;
use std::io::{self, IsTerminal, StdoutLock, Write};

use mcp_core::text::Excerpt;
use mcp_core::types::{CallToolResult, ContentBlock, ResourceContents, Tool};
use mcp_sse_blocking::{LogMessage, Progress};

use crate::schema;

/// Characters of a name and of a description that are shown in a list.
const NAME: usize = 128;
const DESCRIPTION: usize = 1000;
/// Names of tools that a warning shows: a screen full of them helps nobody.
const NAMES: usize = 12;

/// Standard output.
pub(crate) struct Output {
    out: StdoutLock<'static>,
    is_terminal: bool,
}

impl Output {
    pub(crate) fn new() -> Self {
        let out = io::stdout().lock();
        Self { is_terminal: out.is_terminal(), out }
    }

    /// A line for a tool and one for each of its parameters.
    pub(crate) fn tool(&mut self, tool: &Tool) -> io::Result<()> {
        self.out.write_all(listing(tool).as_bytes())
    }

    /// The content of a result, each block beginning on a line of its own.
    pub(crate) fn result(&mut self, result: &CallToolResult) -> io::Result<()> {
        let mut text = text_of(result);
        if self.is_terminal {
            text = Cow::Owned(harmless(&text).into_owned());
        }
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

/// A line on standard error from this program. One system call, so that lines of several threads do not mix.
pub(crate) fn say(text: impl AsRef<str>) {
    // There is nobody left to tell that nobody reads this.
    let _ = io::stderr().write_all(format!("mcp: {}\n", harmless(text.as_ref())).as_bytes());
}

/// The failure of a tool, in its own words.
pub(crate) fn failure(tool: &str, result: &CallToolResult) {
    let text = text_of(result);
    say(format!("the tool `{}` failed: {}", Excerpt::new(tool, NAME), text.trim_end()));
}

/// A tool that the server does not list, and what it lists.
pub(crate) fn not_listed(tool: &str, names: &[String]) {
    let shown: Vec<String> = names.iter().take(NAMES).map(|name| Excerpt::new(name, NAME).to_string()).collect();
    let listed = match shown.join(", ") {
        names if names.is_empty() => "it lists none".to_owned(),
        first if names.len() > NAMES => format!("it lists {first} and {} more", names.len() - NAMES),
        names => format!("it lists {names}"),
    };
    say(format!("the server lists no tool `{}`, {listed}", Excerpt::new(tool, NAME)));
}

/// How far a call is.
pub(crate) fn progress(progress: &Progress) {
    let total = progress.total.map(|total| format!("/{total}")).unwrap_or_default();
    let message = progress.message.as_deref().map(|message| format!(" {message}")).unwrap_or_default();
    // They came faster than they were printed.
    let dropped =
        if progress.dropped == 0 { String::new() } else { format!(" ({} before it are not shown)", progress.dropped) };
    say(format!("progress {}{total}{message}{dropped}", progress.progress));
}

/// A log message of the server.
pub(crate) fn log(message: &LogMessage) {
    let logger = message.logger.as_deref().map(|logger| format!(" {logger}")).unwrap_or_default();
    say(format!("server {}{logger}: {}", message.level, message.text()));
}

fn listing(tool: &Tool) -> String {
    let mut text = Excerpt::new(&tool.name, NAME).to_string();
    if tool.display_name() != tool.name {
        text += &format!(" ({})", Excerpt::new(tool.display_name(), NAME));
    }
    if let Some(line) = first_line(tool.description.as_deref()) {
        text += &format!("  {line}");
    }
    text.push('\n');
    let schema = tool.input_schema.to_value();
    let parameters = schema::parameters(&schema);
    let rows: Vec<[String; 3]> = parameters
        .iter()
        .map(|parameter| {
            let required = if parameter.required { "required" } else { "" };
            [Excerpt::new(parameter.name, NAME).to_string(), parameter.kinds.to_string(), required.to_owned()]
        })
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths = [width(0), width(1), width(2)];
    for (row, parameter) in rows.iter().zip(&parameters) {
        let [name, kind, required] = row;
        let [a, b, c] = widths;
        let about = first_line(parameter.description).unwrap_or_default();
        let line = format!("    {name:a$}  {kind:b$}  {required:c$}  {about}");
        text += line.trim_end();
        text.push('\n');
    }
    text
}

fn first_line(text: Option<&str>) -> Option<String> {
    let line = text?.trim().lines().next()?.trim_end();
    (!line.is_empty()).then(|| Excerpt::new(line, DESCRIPTION).to_string())
}

/// The result as text that ends with a line end, or nothing.
fn text_of(result: &CallToolResult) -> Cow<'_, str> {
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
fn describe(block: &ContentBlock, all: &mut String) {
    let name = |text: &str| Excerpt::new(text, DESCRIPTION).to_string();
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
fn decoded_length(base64: &str) -> usize {
    base64.trim_end_matches('=').len() * 3 / 4
}

/// The text without what a terminal would act on: control characters but for line ends and tabs, and changes of the direction of text.
fn harmless(text: &str) -> Cow<'_, str> {
    let is_harmless = |character: char| match character {
        '\n' | '\t' => true,
        '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => false,
        character => !character.is_control(),
    };
    if text.chars().all(is_harmless) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().filter(|character| is_harmless(*character)).collect())
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
    fn a_tool_and_its_parameters_are_listed_in_columns() {
        let tool = serde_json::from_value(json!({
            "name": "plan",
            "title": "Planner",
            "description": "\nPlans a day.\nAnd more.",
            "inputSchema": {
                "properties": {"day": {"type": "string", "description": "which one\nreally"}, "hours": {"type": ["integer", "null"]}},
                "required": ["day"],
            },
        }));
        let expected = "plan (Planner)  Plans a day.\n    \
                        day    string           required  which one\n    \
                        hours  integer or null\n";
        assert_eq!(listing(&tool.unwrap()), expected);
    }

    #[test]
    fn a_server_cannot_add_lines_to_a_list() {
        let tool = json!({"name": "a\nb\u{1b}[2J", "inputSchema": {"properties": {"x\ny": {}}}});
        let listed = listing(&serde_json::from_value(tool).unwrap());
        assert_eq!(listed, "a\u{FFFD}b\u{FFFD}[2J\n    x\u{FFFD}y  any\n");
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

    #[test]
    fn nothing_that_a_terminal_acts_on_is_left() {
        assert_eq!(harmless("a\tb\n\x1b[2Jc\x07\u{9b}d\r\u{202E}e"), "a\tb\n[2Jcde");
    }
}

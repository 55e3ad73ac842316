//! The fuzz bodies of the protocol's data, with members that it has and values that belong to others.

use mcp_tests::fuzz_types;
use mcp_tests::random::Random;

const KEYS: [&str; 60] = [
    "_meta",
    "action",
    "annotations",
    "anyOf",
    "arguments",
    "audience",
    "blob",
    "cacheScope",
    "capabilities",
    "completion",
    "const",
    "content",
    "contents",
    "data",
    "default",
    "description",
    "elicitation",
    "elicitations",
    "enum",
    "enumNames",
    "execution",
    "form",
    "format",
    "icons",
    "inputRequests",
    "inputSchema",
    "isError",
    "items",
    "maxItems",
    "maxTokens",
    "maximum",
    "message",
    "messages",
    "method",
    "mimeType",
    "minLength",
    "minimum",
    "mode",
    "model",
    "name",
    "nextCursor",
    "oneOf",
    "outputSchema",
    "priority",
    "prompts",
    "properties",
    "requestState",
    "requestedSchema",
    "required",
    "resource",
    "resources",
    "role",
    "roots",
    "sampling",
    "size",
    "structuredContent",
    "text",
    "title",
    "tools",
    "type",
];

const VALUES: [&str; 30] = [
    "null",
    "true",
    "false",
    "0",
    "-1",
    "7",
    "7.5",
    "1e300",
    "123456789012345678901234567890",
    "\"\"",
    "\"a\\n\\u00e4\"",
    "[]",
    "{}",
    "\"string\"",
    "\"number\"",
    "\"integer\"",
    "\"boolean\"",
    "\"array\"",
    "\"object\"",
    "\"text\"",
    "\"image\"",
    "\"resource\"",
    "\"tool_use\"",
    "\"user\"",
    "\"assistant\"",
    "\"accept\"",
    "\"url\"",
    "\"public\"",
    "\"email\"",
    "\"2025-11-25\"",
];

fn value(random: &mut Random, depth: usize) -> String {
    match random.below(if depth == 0 { 2 } else { 6 }) {
        0 | 1 => (*random.pick(&VALUES)).into(),
        2 => {
            let entries: Vec<_> = (0..random.below(3)).map(|_| value(random, depth - 1)).collect();
            format!("[{}]", entries.join(","))
        }
        _ => object(random, depth),
    }
}

fn object(random: &mut Random, depth: usize) -> String {
    let members: Vec<_> =
        (0..random.below(6)).map(|_| format!("\"{}\":{}", random.pick(&KEYS), value(random, depth - 1))).collect();
    format!("{{{}}}", members.join(","))
}

/// What can be read, beside members that the type does not need.
const READABLE: [&str; 14] = [
    r#""tools":[{"name":"a","inputSchema":{},"#,
    r#""content":[{"type":"text","text":"a","#,
    r#""content":[{"type":"resource_link","uri":"u","name":"n","#,
    r#""contents":[{"uri":"u","#,
    r#""resources":[{"uri":"u","name":"n","#,
    r#""prompts":[{"name":"a","#,
    r#""messages":[{"role":"user","content":{"type":"image","data":"","mimeType":"","#,
    r#""maxTokens":1,"messages":[{"role":"user","content":{"type":"tool_use","id":"1","name":"n","input":{},"#,
    r#""role":"user","model":"m","content":{"type":"tool_result","toolUseId":"1","content":[],"#,
    r#""message":"m","requestedSchema":{"type":"object","properties":{"a":{"type":"string","#,
    r#""message":"m","requestedSchema":{"type":"object","properties":{"a":{"type":"array","items":{"enum":["b"]},"#,
    r#""mode":"url","message":"m","url":"u","#,
    r#""action":"accept","content":{"#,
    r#""completion":{"values":["a"],"#,
];

/// Closes what a text leaves open.
fn closed(text: &str) -> String {
    let mut open = Vec::new();
    let mut is_text = false;
    for character in text.chars() {
        match character {
            '"' => is_text = !is_text,
            '{' if !is_text => open.push('}'),
            '[' if !is_text => open.push(']'),
            '}' | ']' if !is_text => drop(open.pop()),
            _ => {}
        }
    }
    open.iter().rev().collect()
}

#[test]
fn anything_that_can_be_read_is_written_and_read_as_the_same() {
    let mut random = Random::new(6);
    for _ in 0..1_500 {
        fuzz_types::data(object(&mut random, 3).as_bytes());
        let start = format!("{{{}", random.pick(&READABLE));
        let extra = format!("\"{}\":{}", random.pick(&KEYS), value(&mut random, 2));
        fuzz_types::data(format!("{start}{extra}{}", closed(&start)).as_bytes());
    }
}

#[test]
fn any_form_is_read_checked_and_written_for_every_revision() {
    let mut random = Random::new(7);
    for _ in 0..1_500 {
        let fields: Vec<_> = (0..random.below(4))
            .map(|index| {
                let kind = random.pick(&["string", "number", "integer", "boolean", "array", "object", "x"]);
                let choice = random.pick(&[
                    "",
                    r#","enum":["a","b"]"#,
                    r#","enum":["a"],"enumNames":["A","B"]"#,
                    r#","oneOf":[{"const":"a","title":"A"}]"#,
                    r#","items":{"enum":["a"]}"#,
                    r#","items":{"anyOf":[{"const":"a","title":"A"}]}"#,
                ]);
                let extra = object(&mut random, 1);
                let extra = extra.trim_matches(['{', '}']).to_owned();
                let comma = if extra.is_empty() { "" } else { "," };
                format!(r#""f{index}":{{"type":"{kind}"{choice}{comma}{extra}}}"#)
            })
            .collect();
        let required = random.pick(&["", r#","required":["f0"]"#, r#","required":null"#]);
        let form = format!(r#"{{"type":"object","properties":{{{}}}{required}}}"#, fields.join(","));
        let content = format!(r#"{{"f0":{},"f1":{}}}"#, value(&mut random, 1), value(&mut random, 1));
        fuzz_types::forms(format!("{form}\n{content}").as_bytes());
    }
}

//! Tools as the functions that a model may call, in the forms of the three kinds of APIs.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::tool_set::ServerTool;
use crate::error::Error;

/// Characters of a name that all of the APIs take. OpenAI and Gemini: 64.
const NAME: usize = 64;

/// Tools as functions for a model, and the way back from a function's name to the tool's.
///
/// A function has the name of its tool where all of the APIs take it: 1 to 64 letters, digits, `_` and `-`, beginning with a
/// letter or `_`. Any other name is made one: what is not allowed becomes `_`, the rest is cut, and eight digits of a hash of the
/// whole name follow, so that a function is called the same in every run. Schemas go out as the servers wrote them, in their order;
/// only `type` and `properties` are added where they are missing, which some endpoints refuse.
///
/// ```
/// use mcp_sse_blocking::Functions;
/// use mcp_sse_blocking::mcp_core::types::{RawJson, Tool};
///
/// let add = Tool::new("math.add", RawJson::from_text(r#"{"type":"object","properties":{"a":{"type":"number"}}}"#)?);
/// let functions = Functions::new([("math.add", &add)])?;
/// let name = functions.names().next().unwrap();
/// assert!(name.starts_with("math_add_"));
/// assert_eq!(functions.tool(name), Some("math.add"));
/// assert!(functions.anthropic().get().starts_with(r#"[{"name":"math_add_"#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Functions {
    functions: Vec<Function>,
    by_name: HashMap<String, usize>,
}

#[derive(Debug, Clone)]
struct Function {
    name: String,
    tool: String,
    description: Option<String>,
    parameters: Box<RawValue>,
}

impl Functions {
    /// Functions for these tools, each with the name that it is called by here.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] when two tools have one name, or make one.
    pub fn new<'a>(tools: impl IntoIterator<Item = (&'a str, &'a mcp_core::types::Tool)>) -> Result<Self, Error> {
        let mut all = Self { functions: Vec::new(), by_name: HashMap::new() };
        for (tool, description) in tools {
            let name = function_name(tool);
            if let Some(other) = all.by_name.insert(name.clone(), all.functions.len()) {
                let other = all.functions[other].tool.escape_debug().to_string();
                let tool = tool.escape_debug();
                return Err(Error::Usage(format!(
                    "the tools `{other}` and `{tool}` would both be the function `{name}`"
                )));
            }
            all.functions.push(Function {
                name,
                tool: tool.to_owned(),
                description: description.description.clone(),
                parameters: object_schema(description.input_schema.as_raw()),
            });
        }
        Ok(all)
    }

    /// Functions for the tools of several servers.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn of<'a>(tools: impl IntoIterator<Item = &'a ServerTool>) -> Result<Self, Error> {
        Self::new(tools.into_iter().map(|tool| (tool.name.as_str(), &tool.tool)))
    }

    /// The names of the functions, in the order of the tools.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.functions.iter().map(|function| function.name.as_str())
    }

    /// The name of the tool behind a function that a model wants to call; `None` when there is no such function.
    pub fn tool(&self, function: &str) -> Option<&str> {
        Some(&self.functions[*self.by_name.get(function)?].tool)
    }

    /// The member `tools` of a request to OpenAI's chat completions and to whatever is compatible with them.
    pub fn openai(&self) -> Box<RawValue> {
        #[derive(Serialize)]
        struct Chat<'a> {
            r#type: &'static str,
            function: Declaration<'a>,
        }
        array(self.functions.iter().map(|function| Chat { r#type: "function", function: function.declaration() }))
    }

    /// The member `tools` of a request to OpenAI's responses.
    pub fn openai_responses(&self) -> Box<RawValue> {
        #[derive(Serialize)]
        struct Response<'a> {
            r#type: &'static str,
            #[serde(flatten)]
            function: Declaration<'a>,
            /// Strict schemas are a subset of what servers write, and the default there.
            strict: bool,
        }
        let response =
            |function| Response { r#type: "function", function: Function::declaration(function), strict: false };
        array(self.functions.iter().map(response))
    }

    /// The member `tools` of a request to Anthropic's messages.
    pub fn anthropic(&self) -> Box<RawValue> {
        #[derive(Serialize)]
        struct Tool<'a> {
            name: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            description: Option<&'a str>,
            input_schema: &'a RawValue,
        }
        array(self.functions.iter().map(|function| Tool {
            name: &function.name,
            description: function.description.as_deref(),
            input_schema: &function.parameters,
        }))
    }

    /// The member `tools` of a request to Gemini: one entry with all declarations. Their schemas are `parametersJsonSchema`, which
    /// takes JSON Schema as it is; `parameters` takes a dialect of OpenAPI, in which much of what servers write has no place.
    pub fn gemini(&self) -> Box<RawValue> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Entry<'a> {
            function_declarations: Vec<GeminiDeclaration<'a>>,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct GeminiDeclaration<'a> {
            name: &'a str,
            /// Required there.
            description: &'a str,
            parameters_json_schema: &'a RawValue,
        }
        let function_declarations = self.functions.iter().map(|function| GeminiDeclaration {
            name: &function.name,
            description: function.description.as_deref().unwrap_or(&function.tool),
            parameters_json_schema: &function.parameters,
        });
        array([Entry { function_declarations: function_declarations.collect() }].into_iter())
    }
}

#[derive(Serialize)]
struct Declaration<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    parameters: &'a RawValue,
}

impl Function {
    fn declaration(&self) -> Declaration<'_> {
        Declaration { name: &self.name, description: self.description.as_deref(), parameters: &self.parameters }
    }
}

fn array<T: Serialize>(entries: impl Iterator<Item = T>) -> Box<RawValue> {
    // Strings and raw JSON: there is nothing that could not be written.
    to_raw_value(&entries.collect::<Vec<_>>()).unwrap_or_default()
}

/// The name of the function for a tool.
fn function_name(tool: &str) -> String {
    let may_begin = |c: char| c.is_ascii_alphabetic() || c == '_';
    let may_follow = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if tool.len() <= NAME && tool.starts_with(may_begin) && tool.chars().all(may_follow) {
        return tool.to_owned();
    }
    let suffix = format!("_{:08x}", hash(tool));
    let mut name = String::with_capacity(NAME);
    if !tool.starts_with(may_begin) && tool.starts_with(may_follow) {
        name.push('_');
    }
    name.extend(tool.chars().map(|c| if may_follow(c) { c } else { '_' }).take(NAME - suffix.len() - name.len()));
    name + &suffix
}

/// FNV-1a: the same in every run and on every machine.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// The schema with what makes it that of an object.
fn object_schema(schema: &RawValue) -> Box<RawValue> {
    let members: HashMap<String, serde::de::IgnoredAny> = serde_json::from_str(schema.get()).unwrap_or_default();
    let mut missing = String::new();
    if !members.contains_key("type") {
        missing.push_str(r#""type":"object","#);
    }
    if !members.contains_key("properties") {
        missing.push_str(r#""properties":{},"#);
    }
    if missing.is_empty() {
        return schema.to_owned();
    }
    let rest = schema.get().trim_start().strip_prefix('{').unwrap_or("}");
    if members.is_empty() {
        missing.pop();
    }
    RawValue::from_string(format!("{{{missing}{rest}")).unwrap_or_else(|_| schema.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_all_apis_take_stay_as_they_are() {
        for name in ["add", "_private", "github__create-issue", "A1", &"x".repeat(64)] {
            assert_eq!(function_name(name), name);
        }
    }

    #[test]
    fn other_names_are_made_ones_that_can_be_told_apart() {
        let made = ["a.b", "a b", "a/b", "1st", "-x", "größe", "", &"x".repeat(65), &"x".repeat(66), "名前"];
        let names: Vec<String> = made.iter().map(|name| function_name(name)).collect();
        for (name, from) in names.iter().zip(made) {
            assert!(name.len() <= NAME, "{name}");
            assert!(name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'), "{from}: {name}");
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-'), "{from}: {name}");
        }
        let different: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(different.len(), made.len());
        assert_eq!(function_name("a.b"), "a_b_108bf50c", "the same in every run");
    }

    #[test]
    fn a_schema_becomes_that_of_an_object_and_keeps_its_order() {
        let made = |schema: &str| object_schema(&RawValue::from_string(schema.into()).unwrap()).get().to_owned();
        assert_eq!(made("{}"), r#"{"type":"object","properties":{}}"#);
        assert_eq!(made(r#" {"z":1,"a":2}"#), r#"{"type":"object","properties":{},"z":1,"a":2}"#);
        assert_eq!(made(r#"{"type":"object"}"#), r#"{"properties":{},"type":"object"}"#);
        let whole = r#"{"properties":{"b":{},"a":{}},"type":"object"}"#;
        assert_eq!(made(whole), whole);
    }
}

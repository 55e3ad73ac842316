//! Describing a tool: its name, its parameters, what it is for.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use mcp_core::text::Excerpt;
use mcp_core::types::{JsonObject, ToolAnnotations};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use crate::schema::{Parameter, Schema, Type, parameters};
#[cfg(feature = "std")]
use crate::worker::{Pool, PoolSize, Workers};

/// A tool as it is registered: a description with its parameters in order.
///
/// ```
/// use mcp_server_tiny::tool::Tool;
///
/// let tool = Tool::new("forecast")
///     .description("The weather of the coming days")
///     .param::<String>("city", "where")
///     .optional_param::<u8>("days", "how many; 3 if absent")
///     .optional_one_of("unit", "of the temperature", &["celsius", "fahrenheit"])
///     .read_only_hint(true);
/// ```
///
/// Mistakes, such as a name that no client accepts, are reported when the server is bound, each with the name of the
/// tool.
#[derive(Debug, Clone)]
pub struct Tool {
    name: String,
    title: Option<String>,
    description: Option<String>,
    declared: Vec<(Parameter, String)>,
    input_schema: Option<String>,
    output_schema: Option<String>,
    annotations: ToolAnnotations,
    place: Place,
    progress_rate: u32,
}

/// Progress notifications of one call in a row, and in a second after that (R-LM-84). 20: a bar on a screen that moves
/// more often looks no smoother.
const PROGRESS_RATE: u32 = 20;

/// Where the handler of a tool runs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    Loop,
    /// On a thread of the pool that this makes. A function and not a flag, so that only programs with such tools
    /// contain one.
    #[cfg(feature = "std")]
    Worker(fn(PoolSize) -> Box<dyn Workers>),
}

impl Tool {
    /// A tool without parameters. Names have 1 to 128 characters of `A-Z a-z 0-9 _ - .` and are unique in a server
    /// (R-FS-12).
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            title: None,
            description: None,
            declared: Vec::new(),
            input_schema: None,
            output_schema: None,
            annotations: ToolAnnotations::default(),
            place: Place::Loop,
            progress_rate: PROGRESS_RATE,
        }
    }

    /// Its name for people. Clients from 2025-06-18 on see it as `title`, those of 2025-03-26 in the annotations.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// What it does, for a model that has to decide whether to call it.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Declares a parameter that every call has to give. Its presence and its type are checked before the handler runs.
    pub fn param<T: Schema>(self, name: impl Into<String>, description: impl Into<String>) -> Self {
        self.declare(name.into(), description.into(), T::schema(), true)
    }

    /// Declares a parameter that may be absent or, as some models write it, `null`. Read it as an `Option`.
    pub fn optional_param<T: Schema>(self, name: impl Into<String>, description: impl Into<String>) -> Self {
        self.declare(name.into(), description.into(), T::schema(), false)
    }

    /// Declares a parameter that is one of these strings.
    pub fn one_of<S: AsRef<str>>(self, name: impl Into<String>, description: impl Into<String>, values: &[S]) -> Self {
        self.declare(name.into(), description.into(), Type::one_of(values), true)
    }

    /// Declares a parameter that is one of these strings, or absent.
    pub fn optional_one_of<S: AsRef<str>>(
        self,
        name: impl Into<String>,
        description: impl Into<String>,
        values: &[S],
    ) -> Self {
        self.declare(name.into(), description.into(), Type::one_of(values), false)
    }

    /// The JSON Schema of its arguments, in place of declared parameters: JSON text, or a [`Value`]. It is passed on
    /// as it is and has to be an object with `"type": "object"` (R-FS-14). Of it, only the presence and the types of
    /// the members at its root are checked before the handler runs.
    pub fn input_schema(mut self, schema: impl fmt::Display) -> Self {
        self.input_schema = Some(schema.to_string());
        self
    }

    /// The JSON Schema of its structured result, as for [`input_schema`](Self::input_schema). Clients see it from
    /// 2025-06-18 on. The handler has to return structured results that conform (R-FS-15); that is not checked.
    pub fn output_schema(mut self, schema: impl fmt::Display) -> Self {
        self.output_schema = Some(schema.to_string());
        self
    }

    /// A hint that it changes nothing, or that it does. Without it clients take the latter.
    pub fn read_only_hint(mut self, read_only: bool) -> Self {
        self.annotations.read_only_hint = Some(read_only);
        self
    }

    /// A hint whether it may destroy something. Without it clients assume so.
    pub fn destructive_hint(mut self, destructive: bool) -> Self {
        self.annotations.destructive_hint = Some(destructive);
        self
    }

    /// A hint whether calling it twice is like calling it once. Without it clients assume the contrary.
    pub fn idempotent_hint(mut self, idempotent: bool) -> Self {
        self.annotations.idempotent_hint = Some(idempotent);
        self
    }

    /// A hint whether it deals with the world outside. Without it clients assume so.
    pub fn open_world_hint(mut self, open_world: bool) -> Self {
        self.annotations.open_world_hint = Some(open_world);
        self
    }

    /// Runs the handler on a worker thread, so that it may take its time: the loop serves everybody else meanwhile.
    /// Without the feature `std` there are no threads and it runs like any other.
    #[cfg_attr(not(feature = "std"), expect(unused_mut, reason = "without threads nothing changes"))]
    pub fn on_worker(mut self) -> Self {
        #[cfg(feature = "std")]
        {
            self.place = Place::Worker(|size| Box::new(Pool::new(size)));
        }
        self
    }

    /// How many [progress](crate::call::Call::progress) notifications of a call go out at once, and how many a second
    /// after that. 20 unless set (R-LM-84).
    pub fn progress_rate(mut self, notifications: u32) -> Self {
        self.progress_rate = notifications;
        self
    }

    fn declare(mut self, name: String, description: String, kind: Type, required: bool) -> Self {
        self.declared.push((Parameter { name, kind, required }, description));
        self
    }
}

/// A tool that can be listed and called: a [`Tool`] that was checked.
#[derive(Debug)]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) parameters: Vec<Parameter>,
    #[cfg_attr(not(feature = "std"), expect(dead_code, reason = "without threads every handler runs on the loop"))]
    pub(crate) place: Place,
    pub(crate) progress_rate: u32,
    title: Option<String>,
    description: Option<String>,
    input_schema: Box<RawValue>,
    pub(crate) output_schema: Option<Box<RawValue>>,
    annotations: ToolAnnotations,
}

impl Definition {
    pub(crate) fn new(tool: Tool) -> Result<Self, RegistrationError> {
        let Tool { name, title, description, declared, input_schema, output_schema, annotations, .. } = tool;
        let (place, progress_rate) = (tool.place, tool.progress_rate);
        let fault = |fault| RegistrationError { tool: name.clone(), fault };
        if !is_valid_name(&name) {
            return Err(fault(Fault::Name));
        }
        if let Some(twice) = first_duplicate(&declared) {
            return Err(fault(Fault::DuplicateParameter(twice)));
        }
        let (input_schema, parameters) = match input_schema {
            Some(_) if !declared.is_empty() => return Err(fault(Fault::TwoInputSchemas)),
            Some(text) => {
                let (raw, object) = read_schema(text).map_err(|why| fault(Fault::InputSchema(why)))?;
                (raw, parameters(&object))
            }
            None => {
                let schema = InputSchema(&declared);
                let raw = to_raw_value(&schema).map_err(|error| fault(Fault::InputSchema(error.to_string())))?;
                (raw, declared.into_iter().map(|(parameter, _)| parameter).collect())
            }
        };
        let output_schema = match output_schema {
            Some(text) => Some(read_schema(text).map_err(|why| fault(Fault::OutputSchema(why)))?.0),
            None => None,
        };
        Ok(Self {
            name,
            parameters,
            place,
            progress_rate,
            title,
            description,
            input_schema,
            output_schema,
            annotations,
        })
    }

    /// The tool as clients of a revision see it.
    pub(crate) fn listed(&self, known: Known) -> impl Serialize + '_ {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Listed<'a> {
            name: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            title: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            description: Option<&'a str>,
            input_schema: &'a RawValue,
            #[serde(skip_serializing_if = "Option::is_none")]
            output_schema: Option<&'a RawValue>,
            #[serde(skip_serializing_if = "Option::is_none")]
            annotations: Option<ToolAnnotations>,
        }
        let has_titles = known == Known::StructuredContent;
        let mut annotations = (known != Known::Basics).then(|| self.annotations.clone());
        if let Some(annotations) = &mut annotations
            && !has_titles
        {
            annotations.title = self.title.clone();
        }
        Listed {
            name: &self.name,
            title: self.title.as_deref().filter(|_| has_titles),
            description: self.description.as_deref(),
            input_schema: &self.input_schema,
            output_schema: self.output_schema.as_deref().filter(|_| has_titles),
            annotations: annotations.filter(|annotations| *annotations != ToolAnnotations::default()),
        }
    }
}

/// Which members of a tool a revision knows. Newer ones are left out for older clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    Basics,
    Annotations,
    /// And titles, which came with the same revision.
    StructuredContent,
}

/// A tool cannot be registered. Reported when the server is bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationError {
    tool: String,
    fault: Fault,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Fault {
    Name,
    Duplicate,
    DuplicateParameter(String),
    TwoInputSchemas,
    InputSchema(String),
    OutputSchema(String),
}

impl RegistrationError {
    pub(crate) fn duplicate(tool: &str) -> Self {
        Self { tool: tool.to_owned(), fault: Fault::Duplicate }
    }

    /// The name of the tool.
    pub fn tool(&self) -> &str {
        &self.tool
    }
}

impl fmt::Display for RegistrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tool `{}`: ", Excerpt::new(&self.tool, 128))?;
        match &self.fault {
            Fault::Name => f.write_str("a name has 1 to 128 characters of A-Z a-z 0-9 _ - ."),
            Fault::Duplicate => f.write_str("there is another tool of this name"),
            Fault::DuplicateParameter(name) => write!(f, "there is another parameter `{name}`"),
            Fault::TwoInputSchemas => f.write_str("it has parameters and an input schema; one of them is enough"),
            Fault::InputSchema(why) => write!(f, "its input schema {why}"),
            Fault::OutputSchema(why) => write!(f, "its output schema {why}"),
        }
    }
}

impl core::error::Error for RegistrationError {}

/// R-FS-12
fn is_valid_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    (1..=128).contains(&name.len()) && name.bytes().all(allowed)
}

fn first_duplicate(declared: &[(Parameter, String)]) -> Option<String> {
    let names = || declared.iter().map(|(parameter, _)| &parameter.name);
    names()
        .enumerate()
        .find(|(index, name)| names().take(*index).any(|other| other == *name))
        .map(|(_, name)| name.clone())
}

/// Checks a schema given as JSON.
fn read_schema(text: String) -> Result<(Box<RawValue>, JsonObject), String> {
    let value: Value = serde_json::from_str(&text).map_err(|error| alloc::format!("is no JSON: {error}"))?;
    let Value::Object(object) = value else { return Err("is no object".to_owned()) };
    if object.get("type").and_then(Value::as_str) != Some("object") {
        return Err("does not say `\"type\": \"object\"`".to_owned());
    }
    let raw = RawValue::from_string(text).map_err(|error| alloc::format!("is no JSON: {error}"))?;
    Ok((raw, object))
}

/// The schema of declared parameters, in the order of their declaration.
struct InputSchema<'a>(&'a [(Parameter, String)]);

impl Serialize for InputSchema<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", "object")?;
        if self.0.is_empty() {
            // As R-FS-14 recommends for a tool without parameters.
            map.serialize_entry("additionalProperties", &false)?;
            return map.end();
        }
        map.serialize_entry("properties", &Properties(self.0))?;
        let required: Vec<&str> = self.0.iter().filter(|(p, _)| p.required).map(|(p, _)| p.name.as_str()).collect();
        if !required.is_empty() {
            map.serialize_entry("required", &required)?;
        }
        map.end()
    }
}

struct Properties<'a>(&'a [(Parameter, String)]);

impl Serialize for Properties<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(parameter, description)| {
            let mut schema = parameter.kind.to_json();
            if !description.is_empty() {
                schema.insert("description".to_owned(), description.as_str().into());
            }
            (&parameter.name, schema)
        }))
    }
}

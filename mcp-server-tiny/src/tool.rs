//! Describing a tool: its name, its parameters, what it is for.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use mcp_core::http::{AnnotationError, ParamHeaders};
use mcp_core::revision::ProtocolVersion;
use mcp_core::types::{Icon, JsonObject, ToolAnnotations};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use crate::mistake::Fault;
pub use crate::mistake::RegistrationError;
use crate::schema::{Parameter, Schema, Type, parameters};
use crate::service::{Listed, Offer, OfferKind, PROGRESS_RATE, Place, Promise};

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
    declared: Vec<Declared>,
    input_schema: Option<SchemaText>,
    output_schema: Option<SchemaText>,
    /// Finds the headers that repeat arguments.
    headers_of: Option<HeadersOf>,
    annotations: ToolAnnotations,
    icons: Vec<Icon>,
    meta: JsonObject,
    place: Place,
    progress_rate: u32,
}

/// A schema given as JSON text, with what reads it: so that only programs that give one contain a reader of schemas.
#[derive(Debug, Clone)]
struct SchemaText {
    text: String,
    read: fn(String) -> Result<ReadSchema, String>,
}

/// A schema that was given as text.
struct ReadSchema {
    raw: Box<RawValue>,
    /// Whether it says that it describes an object.
    of_objects: bool,
    /// What the members at its root declare.
    parameters: Vec<Parameter>,
}

/// Which headers a schema names. A function that the first schema that may name some brings along.
type HeadersOf = fn(&str) -> Result<ParamHeaders, AnnotationError>;

/// A declared parameter.
#[derive(Debug, Clone)]
struct Declared {
    parameter: Parameter,
    description: String,
    /// The header that repeats it (R-ST-47).
    header: Option<String>,
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
            headers_of: None,
            annotations: ToolAnnotations::default(),
            icons: Vec::new(),
            meta: JsonObject::new(),
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
        self.input_schema = Some(SchemaText { text: schema.to_string(), read: read_schema });
        self.headers_of = Some(ParamHeaders::of_schema);
        self
    }

    /// The JSON Schema of its structured result: JSON text, or a [`Value`]. Clients see it from 2025-06-18 on, and from
    /// 2026-07-28 on if it does not describe an object (R-FS-17). The handler has to return structured results that
    /// conform (R-FS-15); that is not checked.
    pub fn output_schema(mut self, schema: impl fmt::Display) -> Self {
        self.output_schema = Some(SchemaText { text: schema.to_string(), read: read_schema });
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

    /// Adds a picture, for clients from 2025-11-25 on: an `https:` or `data:` URI.
    pub fn icon(mut self, icon: Icon) -> Self {
        self.icons.push(icon);
        self
    }

    /// Adds a member to its `_meta`, for clients from 2025-06-18 on. Keys of your own begin with a domain of yours:
    /// `com.example/key` (R-LM-43).
    pub fn meta(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.meta.insert(key.into(), value.into());
        self
    }

    /// Has clients from 2026-07-28 on repeat a declared parameter in the header `Mcp-Param-` and this name, so that a
    /// proxy can route by it; a call whose header says something else is refused (R-ST-47). The parameter is a string,
    /// an integer or a boolean, and no secret (R-ST-67).
    pub fn param_header(mut self, parameter: &str, header: impl Into<String>) -> Self {
        self.headers_of = Some(ParamHeaders::of_schema);
        match self.declared.iter_mut().find(|declared| declared.parameter.name == parameter) {
            Some(declared) => declared.header = Some(header.into()),
            // Told when the server is bound.
            None => self.declared.push(Declared {
                parameter: Parameter { name: String::new(), kind: Type::Any, required: false },
                description: parameter.to_owned(),
                header: None,
            }),
        }
        self
    }

    /// Runs the handler on a worker thread, so that it may take its time: the loop serves everybody else meanwhile.
    /// Without the feature `std` there are no threads and it runs like any other.
    pub fn on_worker(mut self) -> Self {
        self.place = Place::worker();
        self
    }

    /// How many [progress](crate::call::Call::progress) notifications of a call go out at once, and how many a second
    /// after that. 20 unless set (R-LM-84).
    pub fn progress_rate(mut self, notifications: u32) -> Self {
        self.progress_rate = notifications;
        self
    }

    fn declare(mut self, name: String, description: String, kind: Type, required: bool) -> Self {
        let parameter = Parameter { name, kind, required };
        self.declared.push(Declared { parameter, description, header: None });
        self
    }

    /// Checks it and parts it into what the machine and what the list need.
    pub(crate) fn checked(self) -> Result<(Offer, Listing), RegistrationError> {
        let Self { name, title, description, declared, input_schema, output_schema, headers_of, .. } = self;
        let Self { annotations, icons, meta, place, progress_rate, .. } = self;
        let fault = |fault| RegistrationError::new(OfferKind::Tool, &name, fault);
        if !is_valid_name(&name) {
            return Err(fault(Fault::Name));
        }
        if let Some(twice) = first_duplicate(&declared) {
            return Err(fault(Fault::DuplicateParameter(twice)));
        }
        if let Some(unknown) = declared.iter().find(|declared| declared.parameter.name.is_empty()) {
            return Err(fault(Fault::NoParameter(unknown.description.clone())));
        }
        let (input_schema, parameters) = match input_schema {
            Some(_) if !declared.is_empty() => return Err(fault(Fault::TwoInputSchemas)),
            Some(SchemaText { text, read }) => {
                let schema = read(text).map_err(|why| fault(Fault::InputSchema(why)))?;
                if !schema.of_objects {
                    return Err(fault(Fault::InputSchema(NO_OBJECT.to_owned())));
                }
                (schema.raw, schema.parameters)
            }
            None => {
                let schema = InputSchema(&declared);
                let raw = to_raw_value(&schema).map_err(|error| fault(Fault::InputSchema(error.to_string())))?;
                (raw, declared.into_iter().map(|declared| declared.parameter).collect())
            }
        };
        let headers =
            headers_of.map_or_else(|| Ok(ParamHeaders::default()), |headers_of| headers_of(input_schema.get()));
        let headers = headers.map_err(|error| fault(Fault::Header(error)))?;
        let output_schema = match output_schema {
            Some(SchemaText { text, read }) => {
                let ReadSchema { raw, of_objects, .. } = read(text).map_err(|why| fault(Fault::OutputSchema(why)))?;
                Some(OutputSchema { raw, of_objects })
            }
            None => None,
        };
        let promise = match &output_schema {
            None => Promise::Nothing,
            Some(schema) if schema.of_objects => Promise::Objects,
            Some(_) => Promise::Anything,
        };
        let offer = Offer { kind: OfferKind::Tool, parameters, place, progress_rate, promise, name };
        let listing = Listing { title, description, input_schema, output_schema, annotations, icons, meta, headers };
        Ok((offer, listing))
    }
}

/// What lists say of a tool beside its name, and which headers repeat its arguments.
#[derive(Debug)]
pub(crate) struct Listing {
    title: Option<String>,
    description: Option<String>,
    input_schema: Box<RawValue>,
    output_schema: Option<OutputSchema>,
    annotations: ToolAnnotations,
    icons: Vec<Icon>,
    meta: JsonObject,
    pub(crate) headers: ParamHeaders,
}

#[derive(Debug)]
struct OutputSchema {
    raw: Box<RawValue>,
    /// What revisions before 2026-07-28 demand (R-FS-17).
    of_objects: bool,
}

impl Listed for Listing {
    const MEMBER: &'static str = "tools";

    fn listed<'a>(&'a self, version: ProtocolVersion, name: &'a str) -> impl Serialize + 'a {
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
            #[serde(skip_serializing_if = "<[Icon]>::is_empty")]
            icons: &'a [Icon],
            #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
            meta: Option<&'a JsonObject>,
        }
        let has_titles = version.has_titles();
        let mut annotations = version.has_tool_annotations().then(|| self.annotations.clone());
        if let Some(annotations) = &mut annotations
            && !has_titles
        {
            annotations.title = self.title.clone();
        }
        let fits = |schema: &&OutputSchema| {
            version.has_structured_content() && (schema.of_objects || version.has_any_structured_content())
        };
        Listed {
            name,
            title: self.title.as_deref().filter(|_| has_titles),
            description: self.description.as_deref(),
            input_schema: &self.input_schema,
            output_schema: self.output_schema.as_ref().filter(fits).map(|schema| &*schema.raw),
            annotations: annotations.filter(|annotations| *annotations != ToolAnnotations::default()),
            icons: if version.has_icons() { &self.icons } else { &[] },
            meta: Some(&self.meta).filter(|meta| version.has_object_meta() && !meta.is_empty()),
        }
    }
}

/// R-FS-12
fn is_valid_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    (1..=128).contains(&name.len()) && name.bytes().all(allowed)
}

fn first_duplicate(declared: &[Declared]) -> Option<String> {
    let names = || declared.iter().map(|declared| &declared.parameter.name);
    names()
        .enumerate()
        .find(|(index, name)| names().take(*index).any(|other| other == *name))
        .map(|(_, name)| name.clone())
}

/// Checks a schema given as JSON.
fn read_schema(text: String) -> Result<ReadSchema, String> {
    let value: Value = serde_json::from_str(&text).map_err(|error| alloc::format!("is no JSON: {error}"))?;
    let Value::Object(object) = value else { return Err("is no object".to_owned()) };
    let raw = RawValue::from_string(text).map_err(|error| alloc::format!("is no JSON: {error}"))?;
    let of_objects = object.get("type").and_then(Value::as_str) == Some("object");
    Ok(ReadSchema { raw, of_objects, parameters: parameters(&object) })
}

const NO_OBJECT: &str = "does not say `\"type\": \"object\"`";

/// The schema of declared parameters, in the order of their declaration.
struct InputSchema<'a>(&'a [Declared]);

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
        let parameters = self.0.iter().map(|declared| &declared.parameter);
        let required: Vec<&str> = parameters.filter(|p| p.required).map(|p| p.name.as_str()).collect();
        if !required.is_empty() {
            map.serialize_entry("required", &required)?;
        }
        map.end()
    }
}

struct Properties<'a>(&'a [Declared]);

impl Serialize for Properties<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|declared| (&declared.parameter.name, Property(declared))))
    }
}

struct Property<'a>(&'a Declared);

impl Serialize for Property<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let Declared { parameter, description, header } = self.0;
        let mut map = serializer.serialize_map(None)?;
        if !description.is_empty() {
            map.serialize_entry("description", description)?;
        }
        parameter.kind.write_members(&mut map)?;
        if let Some(header) = header {
            map.serialize_entry("x-mcp-header", header)?;
        }
        map.end()
    }
}

//! Arguments of a tool that are repeated in headers: the annotation `x-mcp-header` (R-ST-47 to R-ST-51, R-ST-58 to R-ST-60).
//!
//! A tool's input schema may name a header for an argument, so that a proxy can route by it without reading the body. A client
//! sends what the arguments hold, a server checks that both say the same. A tool without annotations, which is nearly every
//! tool, costs one search through the text of its schema and nothing for a call.
//!
//! ```
//! use mcp_core::http::{Field, ParamHeaders};
//!
//! let schema = r#"{"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}"#;
//! let headers = ParamHeaders::of_schema(schema)?;
//!
//! let arguments = serde_json::from_str(r#"{"region": "us-west1", "day": "Friday"}"#)?;
//! assert_eq!(headers.values(Some(arguments))?, [("Mcp-Param-Region", "us-west1".into())]);
//!
//! headers.check(Some(arguments), |_| Field::Once(b"us-west1")).unwrap();
//! let mismatch = headers.check(Some(arguments), |_| Field::Absent).unwrap_err();
//! assert_eq!(mismatch.to_string(), "header `Mcp-Param-Region` is missing");
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

use super::headers::{Field, MCP_PARAM, is_valid_name};
use super::mismatch::{HeaderFault, HeaderMismatch};
use super::{excerpt, value};
use crate::jsonrpc::borrow_str;

/// Annotations that one tool may have. 64: few servers take more headers than a hundred, and a set of these fits a register.
pub const MAX_PARAM_HEADERS: usize = 64;

const ANNOTATION: &str = "x-mcp-header";

/// Which arguments of a tool are repeated in which headers.
///
/// The declared type is checked and forgotten: how a value is written, the value itself says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParamHeaders {
    /// At most [`MAX_PARAM_HEADERS`]; no two have the same path or, whatever the case, the same name.
    headers: Vec<ParamHeader>,
    /// Comes with the first header, so that only programs that read schemas contain it.
    comparison: Option<Comparison>,
}

/// Compares arguments with the header lines of a request.
#[derive(Debug, Clone, Copy)]
struct Comparison(for<'p> fn(&'p ParamHeaders, Option<&RawValue>, Lines<'_, '_>) -> Result<(), HeaderMismatch<'p>>);

/// The header lines of a request, by name.
type Lines<'f, 'h> = &'f dyn Fn(&str) -> Field<'h>;

/// There is only one.
impl PartialEq for Comparison {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Comparison {}

#[derive(Debug, Clone, PartialEq, Eq)]
struct ParamHeader {
    /// The whole name: `Mcp-Param-Region`.
    name: Box<str>,
    /// The names of members that lead from the arguments to the value. Never empty.
    path: Box<[Box<str>]>,
}

impl ParamHeaders {
    /// The annotations of a tool's input schema, given as JSON.
    ///
    /// # Errors
    ///
    /// [`AnnotationError`] for the first annotation that breaks a rule of R-ST-48. A client leaves such a tool out of its lists,
    /// and only that one (R-ST-49).
    pub fn of_schema(schema: &str) -> Result<Self, AnnotationError> {
        // An escape could spell the word too.
        if !schema.contains(ANNOTATION) && !schema.contains("\\u") {
            return Ok(Self::default());
        }
        match serde_json::from_str(schema) {
            Ok(schema) => Self::of_value(&schema),
            Err(_) => Err(AnnotationError { property: String::new(), fault: AnnotationFault::Unreadable }),
        }
    }

    /// The same for a schema that was read already.
    ///
    /// # Errors
    ///
    /// As [`ParamHeaders::of_schema`].
    pub fn of_value(schema: &Value) -> Result<Self, AnnotationError> {
        let mut found = Self::default();
        found.collect(schema, &mut Vec::new(), Place::Property)?;
        Ok(found)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.headers.is_empty()
    }

    /// The headers of a call with these arguments, in no particular order: each name with its encoded value (R-ST-50, R-ST-52).
    ///
    /// # Errors
    ///
    /// [`UnmirroredValue`] for an argument that no header can repeat. The server would refuse the call.
    pub fn values<'a>(
        &'a self,
        arguments: Option<&'a RawValue>,
    ) -> Result<Vec<(&'a str, Cow<'a, str>)>, UnmirroredValue> {
        let mut values = Vec::new();
        let mut failed = None;
        self.visit(arguments, &mut |index, found| {
            let name = &*self.headers[index].name;
            match found.map(written) {
                Some(Some(text)) => values.extend(text.map(|text| (name, text))),
                Some(None) => failed = Some(UnmirroredValue { header: name.into() }),
                // A repeated member counts as its last value, as nearly every reader has it.
                None => values.retain(|(known, _)| *known != name),
            }
        });
        failed.map_or(Ok(values), Err)
    }

    /// Checks the headers of a call against its arguments. `header` gives the header of a name, which compares in any case;
    /// names that no annotation has are never asked for. Allocates only for values that are escaped or wrapped.
    ///
    /// # Errors
    ///
    /// [`HeaderMismatch`], to be answered with error -32020 (R-ST-24).
    pub fn check<'h>(
        &self,
        arguments: Option<&RawValue>,
        header: impl Fn(&str) -> Field<'h>,
    ) -> Result<(), HeaderMismatch<'_>> {
        match self.comparison {
            Some(Comparison(compare)) => compare(self, arguments, &header),
            None => Ok(()),
        }
    }

    fn compare(&self, arguments: Option<&RawValue>, header: Lines<'_, '_>) -> Result<(), HeaderMismatch<'_>> {
        let (mut present, mut failed) = (0_u64, None);
        self.visit(arguments, &mut |index, found| {
            let name = &*self.headers[index].name;
            let fault = match found {
                Some(null) if null.get() == "null" => return,
                Some(argument) => compare(argument, header(name)),
                None => Some(HeaderFault::Repeated),
            };
            present |= 1 << index;
            failed = failed.or(fault.map(|fault| HeaderMismatch { header: name, fault }));
        });
        if let Some(mismatch) = failed {
            return Err(mismatch);
        }
        let mut absent = self.headers.iter().enumerate().filter(|(index, _)| present & 1 << index == 0);
        match absent.find(|(_, absent)| header(&absent.name) != Field::Absent) {
            Some((_, absent)) => Err(HeaderMismatch { header: &absent.name, fault: HeaderFault::Unexpected }),
            None => Ok(()),
        }
    }

    fn visit<'a>(&self, arguments: Option<&'a RawValue>, found: &mut dyn FnMut(usize, Option<&'a RawValue>)) {
        let (Some(arguments), false) = (arguments, self.headers.is_empty()) else { return };
        let all = u64::MAX >> (MAX_PARAM_HEADERS - self.headers.len());
        Members { headers: &self.headers, candidates: all, depth: 0, found }.visit_object(arguments);
    }

    fn collect(&mut self, schema: &Value, path: &mut Vec<String>, place: Place) -> Result<(), AnnotationError> {
        let Value::Object(schema) = schema else { return Ok(()) };
        if let Some(annotation) = schema.get(ANNOTATION) {
            self.add(annotation, schema, path, place)
                .map_err(|fault| AnnotationError { property: excerpt(&path.join(".")), fault })?;
        }
        for (keyword, value) in schema {
            let is_properties = keyword == "properties";
            match value {
                _ if HOLDS_DATA.contains(&&**keyword) => {}
                Value::Object(named) if is_properties || HOLDS_NAMED_SCHEMAS.contains(&&**keyword) => {
                    let place = if is_properties { place } else { Place::Elsewhere };
                    for (name, schema) in named {
                        path.push(name.clone());
                        self.collect(schema, path, place)?;
                        path.pop();
                    }
                }
                Value::Object(_) => {
                    path.push(keyword.clone());
                    self.collect(value, path, Place::Elsewhere)?;
                    path.pop();
                }
                Value::Array(schemas) => {
                    path.push(keyword.clone());
                    schemas.iter().try_for_each(|schema| self.collect(schema, path, Place::Elsewhere))?;
                    path.pop();
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn add(
        &mut self,
        annotation: &Value,
        schema: &Map<String, Value>,
        path: &[String],
        place: Place,
    ) -> Result<(), AnnotationFault> {
        if place == Place::Elsewhere || path.is_empty() {
            return Err(AnnotationFault::Unreachable);
        }
        let name = annotation.as_str().ok_or(AnnotationFault::NotAString)?;
        if name.is_empty() {
            return Err(AnnotationFault::Empty);
        }
        if !is_valid_name(name) {
            return Err(AnnotationFault::NotAToken(excerpt(name)));
        }
        if !matches!(schema.get("type").and_then(Value::as_str), Some("string" | "integer" | "boolean")) {
            return Err(AnnotationFault::Type);
        }
        let is_taken = |known: &ParamHeader| known.name[MCP_PARAM.len()..].eq_ignore_ascii_case(name);
        if self.headers.iter().any(is_taken) {
            return Err(AnnotationFault::Repeated(excerpt(name)));
        }
        if self.headers.len() == MAX_PARAM_HEADERS {
            return Err(AnnotationFault::TooMany);
        }
        let path = path.iter().map(|name| name.as_str().into()).collect();
        self.comparison = Some(Comparison(Self::compare));
        self.headers.push(ParamHeader { name: [MCP_PARAM, name].concat().into(), path });
        Ok(())
    }
}

/// Where a schema stands in a tool's input schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Reached from the root through `properties` alone; the root itself is such a place.
    Property,
    /// Reached through another keyword: nobody can say which argument it speaks of.
    Elsewhere,
}

/// Keywords whose value is data. A value that looks like an annotation there is none.
const HOLDS_DATA: [&str; 4] = ["const", "default", "enum", "examples"];
/// Keywords, beside `properties`, whose members are schemas under names of the author's choice: a property may be called
/// `default`, or even `x-mcp-header`.
const HOLDS_NAMED_SCHEMAS: [&str; 5] =
    ["$defs", "definitions", "patternProperties", "dependentSchemas", "dependencies"];

/// A walk through the members of the arguments that lead to an annotated one. Each value is read once for each level it is
/// nested.
struct Members<'p, 'f, 'a> {
    headers: &'p [ParamHeader],
    /// A bit for each header whose path led here.
    candidates: u64,
    /// How many names of those paths are behind.
    depth: usize,
    /// Is told the value of a header, or `None` when another value is to follow instead of those before it.
    found: &'f mut dyn FnMut(usize, Option<&'a RawValue>),
}

impl<'a> Members<'_, '_, 'a> {
    /// A value that is no object has no members.
    fn visit_object(self, object: &'a RawValue) {
        // Its JSON was checked when it became a `RawValue`.
        let _ = serde_json::Deserializer::from_str(object.get()).deserialize_map(self);
    }
}

impl<'a> Visitor<'a> for Members<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { headers, candidates, depth, found } = self;
        let mut seen = 0;
        while let Some(matching) = map.next_key_seed(Name { headers, candidates, depth })? {
            if matching == 0 {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value: &'a RawValue = map.next_value()?;
            let mut deeper = 0;
            for index in (0..headers.len()).filter(|index| matching & 1 << index != 0) {
                if seen & 1 << index != 0 {
                    found(index, None);
                }
                if headers[index].path.len() == depth + 1 {
                    found(index, Some(value));
                } else {
                    deeper |= 1 << index;
                }
            }
            seen |= matching;
            if deeper != 0 {
                Members { headers, candidates: deeper, depth: depth + 1, found: &mut *found }.visit_object(value);
            }
        }
        Ok(())
    }
}

/// Reads the name of a member as those candidates whose path goes on with it.
struct Name<'p> {
    headers: &'p [ParamHeader],
    candidates: u64,
    depth: usize,
}

impl<'a> DeserializeSeed<'a> for Name<'_> {
    type Value = u64;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<u64, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<u64, E> {
        let goes_on =
            |index: &usize| self.candidates & 1 << index != 0 && &*self.headers[*index].path[self.depth] == name;
        Ok((0..self.headers.len()).filter(goes_on).fold(0, |mask, index| mask | 1 << index))
    }
}

/// The header's value for an argument: `Some(None)` for `null`, which has none; `None` for what no header can repeat: an array,
/// an object, a fraction, an integer beyond 2^53 - 1 (R-ST-50, R-ST-52).
fn written(argument: &RawValue) -> Option<Option<Cow<'_, str>>> {
    let json = argument.get();
    let text = match json.as_bytes().first() {
        Some(b'n') => return Some(None),
        Some(b't' | b'f') => json.into(),
        Some(b'"') => match borrow_str(argument)? {
            Cow::Borrowed(text) => value::encode(text),
            Cow::Owned(text) => value::encode(&text).into_owned().into(),
        },
        _ => {
            let integer = integer(json)?;
            let is_decimal = json != "-0" && json.bytes().all(|byte| matches!(byte, b'-' | b'0'..=b'9'));
            if is_decimal { json.into() } else { integer.to_string().into() }
        }
    };
    Some(Some(text))
}

/// What is wrong with the header of an argument that is there.
fn compare(argument: &RawValue, header: Field<'_>) -> Option<HeaderFault> {
    let value = match header {
        Field::Absent => return Some(HeaderFault::Missing),
        Field::Repeated => return Some(HeaderFault::Repeated),
        Field::Once(value) => value,
    };
    match value::decode(value) {
        Err(error) => Some(HeaderFault::Value(error)),
        Ok(text) => (!says(&text, argument)).then_some(HeaderFault::Differs),
    }
}

fn says(text: &str, argument: &RawValue) -> bool {
    let json = argument.get();
    match json.as_bytes().first() {
        Some(b'"') => borrow_str(argument).is_some_and(|argument| argument == text),
        // Integers compare by what they are worth (R-ST-60); what is none, or too large to be told from its neighbour, by text.
        Some(b'-' | b'0'..=b'9') => match (integer(json), integer(text)) {
            (Some(argument), Some(header)) => argument == header,
            _ => json == text,
        },
        Some(b't' | b'f') => json == text,
        _ => false,
    }
}

/// The integer that a JSON number is, also when it is written as `42.0` or `4.2e1`; `None` beyond ±(2^53 - 1) (R-ST-52).
fn integer(json: &str) -> Option<i64> {
    const LARGEST: i64 = (1 << 53) - 1;
    let number: Number = serde_json::from_str(json).ok()?;
    let integer = number.as_i64().or_else(|| {
        let float = number.as_f64()?;
        let integer = float as i64;
        (integer as f64 == float).then_some(integer)
    })?;
    (-LARGEST..=LARGEST).contains(&integer).then_some(integer)
}

/// A tool's annotation breaks a rule, so that nobody can say which header to send: a client leaves the tool out (R-ST-49).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnotationError {
    /// Where it stands: names of properties and keywords with dots between, cut. Empty for the schema itself.
    pub property: String,
    /// Which rule.
    pub fault: AnnotationFault,
}

/// The rules of `x-mcp-header` (R-ST-48).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnnotationFault {
    /// The schema is no JSON, or is nested too deep to be read.
    Unreadable,
    /// The annotation is no string.
    NotAString,
    /// It is empty.
    Empty,
    /// It is no name of a header: it has a space, a colon, a control character or one beyond ASCII.
    NotAToken(String),
    /// Another property has the same, perhaps in another case.
    Repeated(String),
    /// The type of its property is not exactly `string`, `integer` or `boolean`.
    Type,
    /// It does not stand on a property that is reached through `properties` alone.
    Unreachable,
    /// There are more than [`MAX_PARAM_HEADERS`]. Not a rule of the protocol: a bound of ours.
    TooMany,
}

impl fmt::Display for AnnotationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let property = &self.property;
        match &self.fault {
            AnnotationFault::Unreadable => return f.write_str("the input schema cannot be read"),
            _ if property.is_empty() => write!(f, "`{ANNOTATION}` of the input schema ")?,
            _ => write!(f, "`{ANNOTATION}` of `{property}` ")?,
        }
        match &self.fault {
            AnnotationFault::Unreadable => Ok(()),
            AnnotationFault::NotAString => f.write_str("is no string"),
            AnnotationFault::Empty => f.write_str("is empty"),
            AnnotationFault::NotAToken(name) => write!(f, "is `{name}`, which is no name of a header"),
            AnnotationFault::Repeated(name) => write!(f, "is `{name}`, which another property has"),
            AnnotationFault::Type => f.write_str("needs a property of type string, integer or boolean"),
            AnnotationFault::Unreachable => f.write_str("does not stand on a property that is reached by its name"),
            AnnotationFault::TooMany => write!(f, "is one more than the {MAX_PARAM_HEADERS} that a tool may have"),
        }
    }
}

impl core::error::Error for AnnotationError {}

/// An argument that has to be repeated in a header, and is nothing that a header can repeat (R-ST-52). The value is not shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnmirroredValue {
    /// The name of the header.
    pub header: String,
}

impl fmt::Display for UnmirroredValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = excerpt(&self.header);
        write!(f, "the argument that goes into header `{header}` is no text, no boolean and no integer within 2^53")
    }
}

impl core::error::Error for UnmirroredValue {}

#[cfg(test)]
#[path = "params_tests.rs"]
mod tests;

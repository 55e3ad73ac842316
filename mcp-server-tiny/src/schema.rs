//! What a tool expects of its arguments, as far as it is checked before the handler runs: JSON types and presence.
//!
//! This is no JSON Schema engine. A parameter that a tool declares has a [`Type`]; of a schema that is given as JSON,
//! the members `properties`, `type`, `enum` and `required` of the root are understood, and everything else is the
//! handler's business. [Tools, features
//! C](https://modelcontextprotocol.io/specification/2025-11-25/server/tools#tool)

mod whole;

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use mcp_core::jsonrpc::text_of;
use mcp_core::types::JsonObject;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

pub(crate) use whole::Whole;

/// A Rust type that a parameter can be declared with, as in `Tool::param::<u32>`. Implement it for types of your own
/// to give them a schema; reading such an argument is [`FromArgument`](crate::call::FromArgument)'s part.
pub trait Schema {
    /// The JSON type that stands for it.
    fn schema() -> Type;
}

/// The JSON type of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Type {
    /// Whatever it is.
    Any,
    /// A string.
    String,
    /// `true` or `false`.
    Boolean,
    /// A number without a fraction; `2.0` is one.
    Integer,
    /// An integer that is not negative.
    Unsigned,
    /// A number.
    Number,
    /// An object.
    Object,
    /// An array whose elements all have one type.
    Array(Box<Self>),
    /// One of these strings.
    OneOf(Vec<String>),
}

impl Type {
    /// One of these strings.
    pub fn one_of<S: AsRef<str>>(values: &[S]) -> Self {
        Self::OneOf(values.iter().map(|value| value.as_ref().to_owned()).collect())
    }

    /// The type that a JSON Schema describes, as far as it is checked here.
    pub(crate) fn from_json(schema: &Value) -> Self {
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            let strings: Option<Vec<_>> = values.iter().map(|value| value.as_str().map(ToOwned::to_owned)).collect();
            return strings.map_or(Self::Any, Self::OneOf);
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("string") => Self::String,
            Some("boolean") => Self::Boolean,
            Some("integer") => Self::Integer,
            Some("number") => Self::Number,
            Some("object") => Self::Object,
            Some("array") => Self::Array(Box::new(schema.get("items").map_or(Self::Any, Self::from_json))),
            _ => Self::Any,
        }
    }

    /// Writes the members of its JSON Schema, sorted by name.
    pub(crate) fn write_members<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        match self {
            Self::OneOf(values) => map.serialize_entry("enum", values)?,
            Self::Array(items) if **items != Self::Any => map.serialize_entry("items", &Described(items))?,
            Self::Unsigned => map.serialize_entry("minimum", &0)?,
            _ => {}
        }
        let name = match self {
            Self::Any => return Ok(()),
            Self::String | Self::OneOf(_) => "string",
            Self::Boolean => "boolean",
            Self::Integer | Self::Unsigned => "integer",
            Self::Number => "number",
            Self::Object => "object",
            Self::Array(_) => "array",
        };
        map.serialize_entry("type", name)
    }

    /// Whether a value is of this type. `text` is the value when it is a string.
    pub(crate) fn fits(&self, json: &str, text: Option<&str>) -> bool {
        match self {
            Self::Any => true,
            Self::String => text.is_some(),
            Self::Boolean => matches!(json, "true" | "false"),
            Self::Integer => is_number(json) && Whole::read(json).is_some(),
            Self::Unsigned => is_number(json) && Whole::read(json).is_some_and(|whole| !whole.is_negative()),
            Self::Number => is_number(json),
            Self::Object => json.starts_with('{'),
            Self::Array(items) => json.starts_with('[') && (**items == Self::Any || items.fit_all(json)),
            Self::OneOf(values) => text.is_some_and(|text| values.iter().any(|value| value == text)),
        }
    }

    fn fit_all(&self, array: &str) -> bool {
        let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(array) else { return false };
        elements.into_iter().all(|element| self.fits(element.get(), text_of(element.get()).as_deref()))
    }
}

/// The JSON Schema of a type.
struct Described<'a>(&'a Type);

impl Serialize for Described<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.0.write_members(&mut map)?;
        map.end()
    }
}

fn is_number(json: &str) -> bool {
    json.starts_with(|first: char| first == '-' || first.is_ascii_digit())
}

/// What is expected, for errors: `a string`.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("a value"),
            Self::String => f.write_str("a string"),
            Self::Boolean => f.write_str("a boolean"),
            Self::Integer => f.write_str("an integer"),
            Self::Unsigned => f.write_str("an integer that is not negative"),
            Self::Number => f.write_str("a number"),
            Self::Object => f.write_str("an object"),
            Self::Array(items) if **items == Self::Any => f.write_str("an array"),
            Self::Array(items) => write!(f, "an array whose elements are each {items}"),
            Self::OneOf(values) => {
                f.write_str("one of ")?;
                for (index, value) in values.iter().enumerate() {
                    write!(f, "{}`{value}`", if index == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
        }
    }
}

/// A parameter that a tool declares.
#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) kind: Type,
    pub(crate) required: bool,
}

/// The parameters that a schema given as JSON declares.
pub(crate) fn parameters(schema: &JsonObject) -> Vec<Parameter> {
    let required: Vec<&str> = match schema.get("required") {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let properties = schema.get("properties").and_then(Value::as_object);
    let declared = properties.into_iter().flatten().map(|(name, schema)| (name.as_str(), Type::from_json(schema)));
    // A name may be required without being described.
    let described = |name: &str| properties.is_some_and(|properties| properties.contains_key(name));
    let undescribed = required.iter().filter(|name| !described(name)).map(|name| (*name, Type::Any));
    declared
        .chain(undescribed)
        .map(|(name, kind)| Parameter { name: name.to_owned(), kind, required: required.contains(&name) })
        .collect()
}

macro_rules! schema {
    ($kind:expr => $($type:ty),*) => {
        $(impl Schema for $type {
            fn schema() -> Type {
                $kind
            }
        })*
    };
}

schema!(Type::String => String, &str, alloc::borrow::Cow<'_, str>);
schema!(Type::Boolean => bool);
schema!(Type::Integer => i8, i16, i32, i64, i128, isize);
schema!(Type::Unsigned => u8, u16, u32, u64, u128, usize);
schema!(Type::Number => f32, f64);
schema!(Type::Any => Value, Box<RawValue>);
schema!(Type::Object => JsonObject);

impl<T: Schema> Schema for Vec<T> {
    fn schema() -> Type {
        Type::Array(Box::new(T::schema()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn fits(kind: &Type, json: &str) -> bool {
        let text = serde_json::from_str::<String>(json).ok();
        kind.fits(json, text.as_deref())
    }

    #[test]
    fn each_type_takes_its_own_values_and_no_others() {
        let values = ["null", "true", "\"a\"", "1", "-1", "1.5", "2.0", "1e2", "-0", "{}", "[]", "[1]", "[\"a\"]"];
        let cases: [(Type, &[&str]); 9] = [
            (Type::Any, &values),
            (Type::String, &["\"a\""]),
            (Type::Boolean, &["true"]),
            (Type::Integer, &["1", "-1", "2.0", "1e2", "-0"]),
            (Type::Unsigned, &["1", "2.0", "1e2", "-0"]),
            (Type::Number, &["1", "-1", "1.5", "2.0", "1e2", "-0"]),
            (Type::Object, &["{}"]),
            (Vec::<String>::schema(), &["[]", "[\"a\"]"]),
            (Type::one_of(&["a", "b"]), &["\"a\""]),
        ];
        for (kind, good) in cases {
            for value in values {
                assert_eq!(fits(&kind, value), good.contains(&value), "{kind}: {value}");
            }
        }
    }

    #[test]
    fn a_type_survives_its_own_schema() {
        for kind in [Type::String, Type::Number, Type::one_of(&["a"]), Vec::<bool>::schema(), Type::Any] {
            assert_eq!(Type::from_json(&serde_json::to_value(Described(&kind)).unwrap()), kind);
        }
    }

    #[test]
    fn a_schema_as_json_declares_types_and_what_is_required() {
        let Value::Object(schema) = serde_json::json!({
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": ["string", "null"]}, "c": {"enum": ["x", "y"]}},
            "required": ["a", "z"],
        }) else {
            unreachable!()
        };
        let declared: Vec<_> =
            parameters(&schema).iter().map(|p| (p.name.clone(), p.kind.to_string(), p.required)).collect();
        let expected = [
            ("a", "an integer", true),
            ("b", "a value", false),
            ("c", "one of `x`, `y`", false),
            ("z", "a value", true),
        ];
        assert_eq!(declared, expected.map(|(name, kind, required)| (name.to_owned(), kind.to_owned(), required)));
    }
}

//! The schema of a form: a flat object of texts, numbers, truth values and choices.
//!
//! This is the small dialect of elicitation (R-FC, section C), not JSON Schema at large: what is not in it is kept as
//! [`PrimitiveSchema::Unknown`], and asks the user for nothing that can be checked.

mod check;
mod enums;
mod primitive;

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::meta::JsonObject;
use super::tolerance::null_is_default;
use crate::revision::ProtocolVersion;
use crate::text::Excerpt;
pub use check::ContentFault;
pub use enums::{EnumOption, EnumStyle, MultiSelectSchema, SingleSelectSchema};
pub use primitive::{BooleanSchema, FormNumber, NumberKind, NumberSchema, PrimitiveSchema, StringSchema};

/// What a form asks for: its fields in their order.
///
/// ```
/// use mcp_core::types::{NumberSchema, RequestedSchema, SingleSelectSchema, StringSchema};
///
/// let form = RequestedSchema::new()
///     .required("name", StringSchema::new().title("Your name").length(1, 80))
///     .optional("age", NumberSchema::integer().minimum(0))
///     .optional("colour", SingleSelectSchema::new(["red", "green"]).default_option("red"));
/// assert_eq!(serde_json::Value::from(form.defaults()), serde_json::json!({"colour": "red"}));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "object")]
#[non_exhaustive]
pub struct RequestedSchema {
    /// The dialect; since 2025-11-25.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The fields and what each takes.
    #[serde(default)]
    pub properties: Properties,
    /// The names of the fields that have to be filled in.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub required: Vec<String>,
}

impl RequestedSchema {
    /// A form without fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field that may be left out.
    pub fn optional(mut self, name: impl Into<String>, schema: impl Into<PrimitiveSchema>) -> Self {
        self.properties.0.push((name.into(), schema.into()));
        self
    }

    /// Adds a field that has to be filled in.
    pub fn required(mut self, name: impl Into<String>, schema: impl Into<PrimitiveSchema>) -> Self {
        let name = name.into();
        self.required.push(name.clone());
        self.optional(name, schema)
    }

    /// What the form holds before the user does anything: the fields that have a default (R-FC-22).
    pub fn defaults(&self) -> JsonObject {
        let filled =
            self.properties.iter().filter_map(|(name, schema)| Some((name.to_owned(), schema.default_value()?)));
        filled.collect()
    }

    /// The form in the words of a revision: before 2025-11-25 choices have another shape, and only truth values have defaults.
    ///
    /// # Errors
    ///
    /// The field that cannot be asked for there: one with several options at once.
    pub fn written_in(mut self, version: ProtocolVersion) -> Result<Self, UnknownInRevision> {
        // One predicate: forms changed when URLs came.
        if version.has_url_elicitation() {
            return Ok(self);
        }
        self.schema = None;
        for (name, schema) in &mut self.properties.0 {
            match schema {
                PrimitiveSchema::String(it) => it.default = None,
                PrimitiveSchema::Number(it) => it.default = None,
                PrimitiveSchema::SingleSelect(it) => (it.default, it.style) = (None, EnumStyle::Legacy),
                PrimitiveSchema::MultiSelect(_) => return Err(UnknownInRevision { field: core::mem::take(name) }),
                PrimitiveSchema::Boolean(_) | PrimitiveSchema::Unknown(_) => {}
            }
        }
        Ok(self)
    }

    /// Whether content fits: every required field is there, and every field that is there is as it was asked for (R-FC-22).
    /// Fields that were not asked for pass.
    ///
    /// # Errors
    ///
    /// The first field that does not fit, and why.
    pub fn check(&self, content: &JsonObject) -> Result<(), ContentFault> {
        check::check(self, content)
    }
}

/// A field that a revision cannot ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownInRevision {
    /// Its name.
    pub field: String,
}

impl fmt::Display for UnknownInRevision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = Excerpt::new(&self.field, 64);
        write!(f, "the field `{field}` takes several options, which the client's revision cannot ask for")
    }
}

impl core::error::Error for UnknownInRevision {}

/// Fields in the order in which the server wrote them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Properties(Vec<(String, PrimitiveSchema)>);

impl Properties {
    /// Names and schemas in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &PrimitiveSchema)> {
        self.0.iter().map(|(name, schema)| (name.as_str(), schema))
    }

    /// The schema of a field.
    pub fn named(&self, name: &str) -> Option<&PrimitiveSchema> {
        self.iter().find(|(other, _)| *other == name).map(|(_, schema)| schema)
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Properties {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (name, schema) in self.iter() {
            map.serialize_entry(name, schema)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Properties {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Properties;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of fields")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Properties, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Properties(fields))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

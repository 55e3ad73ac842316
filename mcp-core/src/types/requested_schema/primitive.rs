//! What one field of a form takes.

use alloc::borrow::ToOwned;
use alloc::string::String;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::enums::{MultiSelectSchema, SingleSelectSchema};

/// What one field takes: in the schema `PrimitiveSchemaDefinition`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum PrimitiveSchema {
    /// A text.
    String(StringSchema),
    /// A number.
    Number(NumberSchema),
    /// Yes or no.
    Boolean(BooleanSchema),
    /// One of several texts.
    SingleSelect(SingleSelectSchema),
    /// Some of several texts; since 2025-11-25.
    MultiSelect(MultiSelectSchema),
    /// Something else: kept as it came.
    Unknown(Value),
}

impl PrimitiveSchema {
    /// Its name for people.
    pub fn title(&self) -> Option<&str> {
        self.label("title", |it| it.0)
    }

    /// What it is.
    pub fn description(&self) -> Option<&str> {
        self.label("description", |it| it.1)
    }

    /// What it holds before the user does anything.
    pub fn default_value(&self) -> Option<Value> {
        match self {
            Self::String(it) => it.default.clone().map(Value::from),
            Self::Number(it) => it.default.clone().map(Value::Number),
            Self::Boolean(it) => it.default.map(Value::from),
            Self::SingleSelect(it) => it.default.clone().map(Value::from),
            Self::MultiSelect(it) => it.default.clone().map(Value::from),
            Self::Unknown(it) => it.get("default").cloned(),
        }
    }

    fn label<'s>(
        &'s self,
        name: &str,
        of: impl Fn((Option<&'s str>, Option<&'s str>)) -> Option<&'s str>,
    ) -> Option<&'s str> {
        match self {
            Self::String(it) => of((it.title.as_deref(), it.description.as_deref())),
            Self::Number(it) => of((it.title.as_deref(), it.description.as_deref())),
            Self::Boolean(it) => of((it.title.as_deref(), it.description.as_deref())),
            Self::SingleSelect(it) => of((it.title.as_deref(), it.description.as_deref())),
            Self::MultiSelect(it) => of((it.title.as_deref(), it.description.as_deref())),
            Self::Unknown(it) => it.get(name).and_then(Value::as_str),
        }
    }
}

impl<'de> Deserialize<'de> for PrimitiveSchema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let has = |name: &str| value.get(name).is_some();
        let read = match value.get("type").and_then(Value::as_str) {
            Some("string") if has("enum") || has("oneOf") => {
                SingleSelectSchema::deserialize(&value).map(Self::SingleSelect)
            }
            Some("string") => StringSchema::deserialize(&value).map(Self::String),
            Some("number" | "integer") => NumberSchema::deserialize(&value).map(Self::Number),
            Some("boolean") => BooleanSchema::deserialize(&value).map(Self::Boolean),
            Some("array") => MultiSelectSchema::deserialize(&value).map(Self::MultiSelect),
            // A nested object, or a schema without a type: no form can ask for it.
            Some("object") => return Err(D::Error::custom("a form has no objects inside")),
            _ => return Ok(Self::Unknown(value)),
        };
        Ok(read.unwrap_or(Self::Unknown(value)))
    }
}

macro_rules! primitive {
    ($($variant:ident($ty:ident)),* $(,)?) => {
        $(impl From<$ty> for PrimitiveSchema {
            fn from(schema: $ty) -> Self {
                Self::$variant(schema)
            }
        }

        impl $ty {
            /// The same with a name for people.
            pub fn title(mut self, title: impl Into<String>) -> Self {
                self.title = Some(title.into());
                self
            }

            /// The same with a description.
            pub fn description(mut self, description: impl Into<String>) -> Self {
                self.description = Some(description.into());
                self
            }
        })*
    };
}

primitive! {
    String(StringSchema), Number(NumberSchema), Boolean(BooleanSchema),
    SingleSelect(SingleSelectSchema), MultiSelect(MultiSelectSchema),
}

/// A text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "string", rename_all = "camelCase")]
#[non_exhaustive]
pub struct StringSchema {
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// It has at least this many characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_length: Option<u64>,
    /// It has at most this many characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u64>,
    /// What it is written as. A format that is not in the specification is not checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// What it is when the user does nothing; since 2025-11-25.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

impl StringSchema {
    /// Any text.
    pub fn new() -> Self {
        Self::default()
    }

    /// An address for mail.
    pub fn email() -> Self {
        Self::new().format("email")
    }

    /// A URI.
    pub fn uri() -> Self {
        Self::new().format("uri")
    }

    /// A day, as `2025-11-25`.
    pub fn date() -> Self {
        Self::new().format("date")
    }

    /// A time, as `2025-11-25T12:00:00Z`.
    pub fn date_time() -> Self {
        Self::new().format("date-time")
    }

    /// The same with bounds on the number of characters.
    pub fn length(mut self, min: u64, max: u64) -> Self {
        (self.min_length, self.max_length) = (Some(min), Some(max));
        self
    }

    /// The same with a text to start from.
    pub fn default_text(mut self, text: impl Into<String>) -> Self {
        self.default = Some(text.into());
        self
    }

    fn format(mut self, format: &str) -> Self {
        self.format = Some(format.to_owned());
        self
    }
}

/// A number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NumberSchema {
    /// Whether it may have a fraction.
    #[serde(rename = "type")]
    pub kind: NumberKind,
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// It is at least this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<serde_json::Number>,
    /// It is at most this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<serde_json::Number>,
    /// What it is when the user does nothing; since 2025-11-25.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<serde_json::Number>,
}

/// Whether a number may have a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NumberKind {
    /// It may.
    Number,
    /// It may not.
    Integer,
}

impl NumberSchema {
    /// Any number.
    pub fn number() -> Self {
        Self::of(NumberKind::Number)
    }

    /// A number without a fraction.
    pub fn integer() -> Self {
        Self::of(NumberKind::Integer)
    }

    fn of(kind: NumberKind) -> Self {
        Self { kind, title: None, description: None, minimum: None, maximum: None, default: None }
    }

    /// The same with a lower bound.
    pub fn minimum(mut self, minimum: impl Into<FormNumber>) -> Self {
        self.minimum = minimum.into().0;
        self
    }

    /// The same with an upper bound.
    pub fn maximum(mut self, maximum: impl Into<FormNumber>) -> Self {
        self.maximum = maximum.into().0;
        self
    }

    /// The same with a number to start from.
    pub fn default_number(mut self, default: impl Into<FormNumber>) -> Self {
        self.default = default.into().0;
        self
    }
}

/// A number as JSON has it: what is infinite or no number counts as not given.
#[derive(Debug, Clone)]
pub struct FormNumber(Option<serde_json::Number>);

impl From<i64> for FormNumber {
    fn from(number: i64) -> Self {
        Self(Some(number.into()))
    }
}

impl From<i32> for FormNumber {
    fn from(number: i32) -> Self {
        Self(Some(number.into()))
    }
}

impl From<f64> for FormNumber {
    fn from(number: f64) -> Self {
        Self(serde_json::Number::from_f64(number))
    }
}

/// Yes or no.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "boolean")]
#[non_exhaustive]
pub struct BooleanSchema {
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it is when the user does nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<bool>,
}

impl BooleanSchema {
    /// Yes or no, without a default.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with an answer to start from.
    pub fn default_value(mut self, default: bool) -> Self {
        self.default = Some(default);
        self
    }
}

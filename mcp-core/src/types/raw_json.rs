//! JSON kept as the text that it came as.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::ops::Deref;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

/// Any JSON, as its text: members in their order, numbers with all their digits.
///
/// For what passes through a program, as the schemas of tools do: a model reads their parameters in the order in which the
/// server wrote them. Two of them are equal when their texts are. Deserializing works from JSON text and from a [`Value`], but
/// not inside of an untagged or internally tagged enum.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RawJson(Box<RawValue>);

impl RawJson {
    /// Takes a text that has to be JSON.
    ///
    /// # Errors
    ///
    /// When it is not.
    pub fn from_text(text: impl Into<String>) -> Result<Self, serde_json::Error> {
        RawValue::from_string(text.into()).map(Self)
    }

    /// The text of a value.
    ///
    /// # Errors
    ///
    /// When the value cannot be written as JSON; a [`Value`] always can.
    pub fn from_value<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        to_raw_value(value).map(Self)
    }

    /// The text.
    pub fn get(&self) -> &str {
        self.0.get()
    }

    /// It as a tree. What does not fit into one, such as a number beyond what a float holds, is `null`.
    pub fn to_value(&self) -> Value {
        self.read().unwrap_or_default()
    }

    /// Reads it as a type.
    ///
    /// # Errors
    ///
    /// When it is of another shape.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.get())
    }

    /// It for whoever takes a [`RawValue`].
    pub fn as_raw(&self) -> &RawValue {
        &self.0
    }
}

impl From<Box<RawValue>> for RawJson {
    fn from(raw: Box<RawValue>) -> Self {
        Self(raw)
    }
}

impl From<&RawValue> for RawJson {
    fn from(raw: &RawValue) -> Self {
        Self(raw.to_owned())
    }
}

impl Deref for RawJson {
    type Target = RawValue;

    fn deref(&self) -> &RawValue {
        &self.0
    }
}

impl PartialEq for RawJson {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for RawJson {}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.get())
    }
}

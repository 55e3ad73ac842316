//! The arguments of a call: found once, borrowed from the request, checked against what the tool declares.

use alloc::borrow::{Cow, ToOwned};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use mcp_core::jsonrpc::{self, text_of};
use mcp_core::types::JsonObject;
use serde::de::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::result::{Json, ToolError};
use crate::schema::{Parameter, Schema, Whole};

/// A Rust type that an argument can be read as, as in `call.arg::<&str>("day")`. Implement it for types of your own,
/// or read them as [`Json`](crate::result::Json).
pub trait FromArgument<'a>: Sized {
    /// The value, if the argument is one.
    fn from_argument(argument: &'a Argument<'a>) -> Option<Self>;

    /// What is expected, for the error: `a string`.
    fn expected() -> Cow<'static, str>;

    /// What an absent argument, or `null` for an optional one, stands for. `None`: it has to be there.
    fn absent() -> Option<Self> {
        None
    }
}

/// One argument.
#[derive(Debug)]
pub struct Argument<'a> {
    /// Checked when the request was read.
    json: &'a str,
    /// The text of a string: a slice of the request unless it holds escapes.
    text: Option<Cow<'a, str>>,
}

impl<'a> Argument<'a> {
    /// Its raw JSON.
    pub fn json(&self) -> &'a RawValue {
        serde_json::from_str(self.json).unwrap_or(RawValue::NULL)
    }

    /// Its text, when it is a string.
    pub fn as_str(&self) -> Option<&str> {
        self.text.as_deref()
    }

    fn is_null(&self) -> bool {
        self.json == "null"
    }

    /// What it is, for errors.
    fn kind(&self) -> &'static str {
        match self.json.as_bytes().first() {
            Some(b'"') if self.text.is_none() => "a string that is no text",
            Some(b'"') => "a string",
            Some(b'{') => "an object",
            Some(b'[') => "an array",
            Some(b't' | b'f') => "a boolean",
            Some(b'n') => "null",
            _ => "a number",
        }
    }
}

/// All arguments of a call.
#[derive(Debug)]
pub(crate) struct Arguments<'a> {
    raw: &'a str,
    members: Vec<(Cow<'a, str>, Argument<'a>)>,
}

impl<'a> Arguments<'a> {
    /// `None` when they are no object. Absent ones are an empty object (R-FS-23).
    pub(crate) fn parse(json: Option<&'a str>) -> Option<Self> {
        let Some(raw) = json else { return Some(Self { raw: "{}", members: Vec::new() }) };
        let argument = |json| Argument { json, text: text_of(json) };
        let members = || jsonrpc::members(raw).map(|(name, json)| (name, argument(json))).collect();
        raw.starts_with('{').then(|| Self { raw, members: members() })
    }

    pub(crate) fn raw(&self) -> &'a str {
        self.raw
    }

    /// Whether what the tool declares is there and has the right types. The handler sees only arguments that passed.
    pub(crate) fn check(&self, tool: &str, parameters: &[Parameter]) -> Result<(), ToolError> {
        for Parameter { name, kind, required } in parameters {
            match self.find(name) {
                Some(argument) if argument.is_null() && !required => {}
                Some(argument) if kind.fits(argument.json, argument.as_str()) => {}
                Some(argument) => return Err(wrong_type(tool, name, kind, argument)),
                None if *required => return Err(missing(tool, name, kind)),
                None => {}
            }
        }
        Ok(())
    }

    /// Whether all of them are texts (R-FS-34).
    pub(crate) fn are_texts(&self) -> bool {
        self.members.iter().all(|(_, argument)| argument.text.is_some() || argument.is_null())
    }

    pub(crate) fn read<T: FromArgument<'a>>(&'a self, tool: &str, name: &str) -> Result<T, ToolError> {
        let Some(argument) = self.find(name) else {
            return T::absent().ok_or_else(|| missing(tool, name, &T::expected()));
        };
        let absent = if argument.is_null() { T::absent() } else { None };
        absent.or_else(|| T::from_argument(argument)).ok_or_else(|| wrong_type(tool, name, &T::expected(), argument))
    }

    /// The last one of the name, as `serde_json` reads an object: no two readers of a message may disagree.
    fn find(&self, name: &str) -> Option<&Argument<'a>> {
        self.members.iter().rev().find(|(member, _)| member == name).map(|(_, argument)| argument)
    }
}

fn missing(tool: &str, name: &str, expected: &dyn fmt::Display) -> ToolError {
    ToolError::invalid_arguments(format!("`{tool}` needs the argument `{name}`: {expected}"))
}

fn wrong_type(tool: &str, name: &str, expected: &dyn fmt::Display, argument: &Argument<'_>) -> ToolError {
    ToolError::invalid_arguments(format!("argument `{name}` of `{tool}` has to be {expected}, not {}", argument.kind()))
}

fn expected<T: Schema>() -> Cow<'static, str> {
    Cow::Owned(format!("{}", T::schema()))
}

macro_rules! from_text {
    ($($ty:ty: |$text:ident| $value:expr;)*) => {
        $(impl<'a> FromArgument<'a> for $ty {
            fn from_argument(argument: &'a Argument<'a>) -> Option<Self> {
                let $text = argument.as_str()?;
                Some($value)
            }

            fn expected() -> Cow<'static, str> {
                expected::<String>()
            }
        })*
    };
}

from_text! {
    &'a str: |text| text;
    Cow<'a, str>: |text| Cow::Borrowed(text);
    String: |text| text.to_owned();
}

macro_rules! from_json {
    ($($ty:ty: |$json:ident| $value:expr;)*) => {
        $(impl<'a> FromArgument<'a> for $ty {
            fn from_argument(argument: &'a Argument<'a>) -> Option<Self> {
                let $json = argument.json;
                $value
            }

            fn expected() -> Cow<'static, str> {
                expected::<Self>()
            }
        })*
    };
}

from_json! {
    bool: |json| json.parse().ok();
    f32: |json| json.parse().ok().filter(|number: &f32| number.is_finite());
    f64: |json| json.parse().ok().filter(|number: &f64| number.is_finite());
    Value: |json| serde_json::from_str(json).ok();
    JsonObject: |json| serde_json::from_str(json).ok();
    Box<RawValue>: |json| serde_json::from_str(json).ok();
}

macro_rules! integers {
    ($($ty:ty),*) => {
        $(impl<'a> FromArgument<'a> for $ty {
            fn from_argument(argument: &'a Argument<'a>) -> Option<Self> {
                let json = argument.json;
                json.parse().ok().or_else(|| Self::try_from(Whole::read(json)?.value()?).ok())
            }

            fn expected() -> Cow<'static, str> {
                // It has passed as an integer, so its size is what is wrong.
                Cow::Owned(format!("an integer from {} to {}", Self::MIN, Self::MAX))
            }
        })*
    };
}

integers!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize);

impl<'a> FromArgument<'a> for &'a RawValue {
    fn from_argument(argument: &'a Argument<'a>) -> Option<Self> {
        Some(argument.json())
    }

    fn expected() -> Cow<'static, str> {
        Cow::Borrowed("a value")
    }
}

impl<'a, T: FromArgument<'a>> FromArgument<'a> for Option<T> {
    fn from_argument(argument: &'a Argument<'a>) -> Option<Self> {
        T::from_argument(argument).map(Some)
    }

    fn expected() -> Cow<'static, str> {
        T::expected()
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<'a, T: Deserialize<'a>> FromArgument<'a> for Vec<T> {
    fn from_argument(argument: &'a Argument<'a>) -> Option<Self> {
        serde_json::from_str(argument.json).ok()
    }

    fn expected() -> Cow<'static, str> {
        Cow::Borrowed("an array of the right elements")
    }
}

impl<'a, T: Deserialize<'a>> FromArgument<'a> for Json<T> {
    fn from_argument(argument: &'a Argument<'a>) -> Option<Self> {
        serde_json::from_str(argument.json).ok().map(Json)
    }

    fn expected() -> Cow<'static, str> {
        Cow::Borrowed("a value of the right shape")
    }
}

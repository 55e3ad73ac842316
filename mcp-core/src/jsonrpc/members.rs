//! An object taken apart and put together again, for programs that hand messages on.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;

/// The members of an object in their order, each value as the JSON that came: what is not known here, and every digit of a
/// number, survives.
///
/// ```
/// use mcp_core::jsonrpc::Members;
///
/// let mut members: Members = serde_json::from_str(r#"{"b":1.50,"_meta":{"x":1},"a":[]}"#)?;
/// assert_eq!(members.take("_meta").unwrap().get(), r#"{"x":1}"#);
/// assert_eq!(serde_json::to_string(&members)?, r#"{"b":1.50,"a":[]}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// The members of a value. `None` when it is no object.
    pub fn of(object: &'a RawValue) -> Option<Self> {
        serde_json::from_str(object.get()).ok()
    }

    /// The value under a name; the last of several.
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| *value)
    }

    /// Takes out whatever has this name, and gives the value; the last of several.
    pub fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        let value = self.get(name);
        self.0.retain(|(known, _)| known != name);
        value
    }

    /// Puts a value under a name, at the end, in place of what was there.
    pub fn put(&mut self, name: impl Into<Cow<'a, str>>, value: &'a RawValue) {
        let name = name.into();
        self.0.retain(|(known, _)| *known != name);
        self.0.push((name, value));
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(name, value)| (&**name, *value))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((Name(name), value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(MembersVisitor)
    }
}

#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    fn written(members: &Members<'_>) -> String {
        serde_json::to_string(members).unwrap()
    }

    #[test]
    fn what_is_not_touched_stays_as_it_came() {
        let text = r#"{"z":1.0,"a\"b":{"x": 12345678901234567890.10},"z":null}"#;
        assert_eq!(written(&serde_json::from_str(text).unwrap()), text);
        assert_eq!(written(&serde_json::from_str("{}").unwrap()), "{}");
    }

    #[test]
    fn the_last_of_several_counts_and_all_of_them_are_taken() {
        let mut members: Members<'_> = serde_json::from_str(r#"{"a":1,"b":2,"a":3}"#).unwrap();
        assert_eq!(members.get("a").map(RawValue::get), Some("3"));
        assert_eq!(members.take("a").map(RawValue::get), Some("3"));
        assert_eq!((written(&members).as_str(), members.take("a").is_none()), (r#"{"b":2}"#, true));
        members.put("b", RawValue::NULL);
        assert_eq!((written(&members).as_str(), members.is_empty()), (r#"{"b":null}"#, false));
    }

    #[test]
    fn what_is_no_object_has_no_members() {
        for text in ["null", "[]", "7", "\"a\""] {
            assert!(Members::of(serde_json::from_str(text).unwrap()).is_none(), "{text}");
        }
    }
}

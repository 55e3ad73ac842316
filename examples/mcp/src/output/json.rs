//! `--output json`: what the server sent, put together where it came in several pieces, and errors.
//!
//! No value is read and written again: numbers keep their digits, objects the order of their members.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The members of an object in their order, values as they came.
pub(crate) struct Members<'a>(pub(crate) Vec<(String, &'a RawValue)>);

impl<'a> Members<'a> {
    /// `None` for what is no object.
    pub(crate) fn of(object: &'a RawValue) -> Option<Self> {
        serde_json::from_str(object.get()).ok()
    }

    pub(crate) fn named(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.named(name)?.get()).ok()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(InOrder).map(Members)
    }
}

/// The entries of an array; none of anything else.
pub(crate) fn entries(array: &RawValue) -> Vec<&RawValue> {
    serde_json::from_str(array.get()).unwrap_or_default()
}

/// The entry of a result's list that has this name.
pub(crate) fn named<'a>(result: &'a RawValue, member: &str, name: &str) -> Option<&'a RawValue> {
    let all = entries(Members::of(result)?.named(member)?);
    all.into_iter().find(|entry| Members::of(entry).and_then(|entry| entry.text("name")).as_deref() == Some(name))
}

/// An object with these members, which are JSON already.
pub(crate) fn object<'a>(members: impl IntoIterator<Item = (&'a str, String)>) -> Box<RawValue> {
    let members: Vec<String> = members.into_iter().map(|(name, value)| format!("{}:{value}", string(name))).collect();
    raw(format!("{{{}}}", members.join(",")))
}

/// An array of what is JSON already.
pub(crate) fn array<'a>(entries: impl IntoIterator<Item = &'a RawValue>) -> String {
    let entries: Vec<&str> = entries.into_iter().map(RawValue::get).collect();
    format!("[{}]", entries.join(","))
}

/// A text as JSON.
pub(crate) fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// JSON that was put together from JSON: it is some.
pub(super) fn raw(text: String) -> Box<RawValue> {
    RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// The pages of a list as one result: the first one, with the entries of all that are kept, and without a cursor. The only page, of
/// which all is kept, is what it is.
pub(crate) fn joined(pages: &[Box<RawValue>], member: &str, keep: impl Fn(&RawValue) -> bool) -> Box<RawValue> {
    let all: Vec<Members<'_>> = pages.iter().filter_map(|page| Members::of(page)).collect();
    let all: Vec<&RawValue> = all.iter().filter_map(|page| page.named(member)).flat_map(entries).collect();
    let kept: Vec<&RawValue> = all.iter().copied().filter(|entry| keep(entry)).collect();
    let Some(first) = pages.first() else { return raw("{}".into()) };
    let Some(members) = Members::of(first).filter(|_| pages.len() > 1 || kept.len() < all.len()) else {
        return first.clone();
    };
    let mut list = Some(array(kept));
    let mut parts = Vec::new();
    for (name, value) in &members.0 {
        match (name.as_str(), value.get()) {
            ("nextCursor", _) => {}
            (name, _) if name == member => parts.extend(list.take().map(|list| (name, list))),
            (name, value) => parts.push((name, value.to_owned())),
        }
    }
    parts.extend(list.map(|list| (member, list)));
    object(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(pages: &[&str]) -> Vec<Box<RawValue>> {
        pages.iter().map(|page| raw((*page).to_owned())).collect()
    }

    #[test]
    fn the_only_page_is_printed_as_it_came() {
        let page = r#"{ "tools" : [ {"n":1.50} ], "_meta":{"b":1,"a":2}}"#;
        assert_eq!(joined(&pages(&[page]), "tools", |_| true).get(), page);
    }

    #[test]
    fn pages_are_one_list_with_every_digit_and_in_their_order() {
        let first =
            r#"{"ttlMs":5,"tools":[{"z":123456789012345678901234567890,"a":0.10}],"nextCursor":"x","_meta":{}}"#;
        let second = r#"{"tools":[{"b":2}, 3]}"#;
        assert_eq!(
            joined(&pages(&[first, second]), "tools", |_| true).get(),
            r#"{"ttlMs":5,"tools":[{"z":123456789012345678901234567890,"a":0.10},{"b":2},3],"_meta":{}}"#
        );
    }

    #[test]
    fn entries_that_are_not_kept_are_left_out_of_the_only_page_too() {
        let page = r#"{"a":1,"tools":[1, 2],"b":2}"#;
        assert_eq!(joined(&pages(&[page]), "tools", |entry| entry.get() != "1").get(), r#"{"a":1,"tools":[2],"b":2}"#);
    }

    #[test]
    fn pages_of_any_shape_make_a_document() {
        for odd in ["[]", "7", "null", r#"{"tools":7}"#, "{}"] {
            let document = joined(&pages(&[odd, r#"{"tools":[1]}"#]), "tools", |_| true);
            assert!(serde_json::from_str::<serde_json::Value>(document.get()).is_ok(), "{odd}");
        }
    }
}

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
fn raw(text: String) -> Box<RawValue> {
    RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// The pages of a list as one result: the first one, with the entries of all, and without a cursor. The only page is what it is.
pub(crate) fn joined(pages: &[Box<RawValue>], member: &str) -> Box<RawValue> {
    let [first, .., _] = pages else {
        return pages.first().cloned().unwrap_or_else(|| raw("{}".into()));
    };
    let all: Vec<Members<'_>> = pages.iter().filter_map(|page| Members::of(page)).collect();
    let all = all.iter().filter_map(|page| page.named(member)).flat_map(entries);
    let entries = array(all);
    let Some(first) = Members::of(first) else { return first.clone() };
    let others = |after: bool| {
        let at = first.0.iter().position(|(name, _)| name == member).unwrap_or(first.0.len());
        first
            .0
            .iter()
            .enumerate()
            .filter(move |(place, (name, _))| name != "nextCursor" && name != member && (*place > at) == after)
    };
    let as_they_came = |(_, (name, value)): (usize, &'_ (String, &RawValue))| (name.clone(), value.get().to_owned());
    let members = others(false).map(as_they_came).chain([(member.to_owned(), entries)]);
    let members: Vec<_> = members.chain(others(true).map(as_they_came)).collect();
    object(members.iter().map(|(name, value)| (name.as_str(), value.clone())))
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
        assert_eq!(joined(&pages(&[page]), "tools").get(), page);
    }

    #[test]
    fn pages_are_one_list_with_every_digit_and_in_their_order() {
        let first =
            r#"{"ttlMs":5,"tools":[{"z":123456789012345678901234567890,"a":0.10}],"nextCursor":"x","_meta":{}}"#;
        let second = r#"{"tools":[{"b":2}, 3]}"#;
        assert_eq!(
            joined(&pages(&[first, second]), "tools").get(),
            r#"{"ttlMs":5,"tools":[{"z":123456789012345678901234567890,"a":0.10},{"b":2},3],"_meta":{}}"#
        );
    }

    #[test]
    fn pages_of_any_shape_make_a_document() {
        for odd in ["[]", "7", "null", r#"{"tools":7}"#, "{}"] {
            let document = joined(&pages(&[odd, r#"{"tools":[1]}"#]), "tools");
            assert!(serde_json::from_str::<serde_json::Value>(document.get()).is_ok(), "{odd}");
        }
    }
}

//! The members of an object that have one name, found without reading the others.

use core::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Gives each value that `object` has under this name, of which there may be several: what that means is for the caller to
/// say. None when it is no object.
pub(crate) fn each_member<'a>(object: &'a RawValue, name: &str, found: &mut dyn FnMut(&'a RawValue)) {
    // Its JSON was checked when it became a `RawValue`.
    let _ = serde_json::Deserializer::from_str(object.get()).deserialize_map(Members { name, found });
}

struct Members<'n, 'f, 'a> {
    name: &'n str,
    found: &'f mut dyn FnMut(&'a RawValue),
}

impl<'a> Visitor<'a> for Members<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(is_it) = map.next_key_seed(IsName(self.name))? {
            if is_it {
                (self.found)(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// Whether a member has this name.
struct IsName<'n>(&'n str);

impl<'a> DeserializeSeed<'a> for IsName<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for IsName<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn every_member_of_the_name_is_found_however_it_is_spelled_and_no_other() {
        for (object, expected) in [
            (r#"{"a":1,"b":{"a":2},"\u0061":[3]}"#, &["1", "[3]"][..]),
            (r#"{"b":1}"#, &[]),
            ("{}", &[]),
            (r#"["a"]"#, &[]),
            ("7", &[]),
        ] {
            let mut found = Vec::new();
            each_member(serde_json::from_str(object).unwrap(), "a", &mut |value| found.push(value.get()));
            assert_eq!(found, expected, "{object}");
        }
    }
}

//! What a client can be asked, in a few bytes: what a server keeps of its capabilities.

use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::types::{ClientCapabilities, Method};

/// What a client offers to a server. Presence of a member, even `{}`, means support (R-LM-32); everything else that it declares
/// stays unread: typed, with icons and experimental entries, it would be a tenth of what a small server weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ClientOffers {
    /// It lists its roots (R-FC-1).
    pub roots: bool,
    /// It says when they change (R-FC-2).
    pub roots_list_changed: bool,
    /// It samples from a model (R-FC-6).
    pub sampling: bool,
    /// With tools (R-FC-9).
    pub sampling_tools: bool,
    /// With the context of servers (R-FC-10).
    pub sampling_context: bool,
    /// It asks its user with a form. What `elicitation: {}` means (R-FC-17).
    pub elicitation_form: bool,
    /// It sends its user to a URL.
    pub elicitation_url: bool,
}

impl ClientOffers {
    /// What a client that declares nothing can be asked.
    pub const NONE: Self = Self {
        roots: false,
        roots_list_changed: false,
        sampling: false,
        sampling_tools: false,
        sampling_context: false,
        elicitation_form: false,
        elicitation_url: false,
    };

    /// Whether the client may be sent such a request, whatever its details.
    pub fn admits(self, method: Method) -> bool {
        match method {
            Method::Ping => true,
            Method::RootsList => self.roots,
            Method::SamplingCreateMessage => self.sampling,
            Method::ElicitationCreate => self.elicitation_form || self.elicitation_url,
            _ => false,
        }
    }
}

impl From<&ClientCapabilities> for ClientOffers {
    /// What a client declares, as its server will understand it.
    fn from(capabilities: &ClientCapabilities) -> Self {
        serde_json::to_string(capabilities).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Self::NONE)
    }
}

impl<'de> Deserialize<'de> for ClientOffers {
    /// Reads the `capabilities` of a client: an object with objects in it.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(CapabilitiesVisitor)
    }
}

struct CapabilitiesVisitor;

impl<'de> Visitor<'de> for CapabilitiesVisitor {
    type Value = ClientOffers;

    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the capabilities of a client")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ClientOffers, A::Error> {
        let mut offers = ClientOffers::default();
        while let Some(name) = map.next_key::<Name>()? {
            // What is the name of a member only is an unknown capability here (R-LM-32).
            let Name::Known(capability @ ROOTS..=ELICITATION) = name else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let Some(Members(members)) = map.next_value::<Option<Members>>()? else { continue };
            let has = |member: usize| members[member];
            match capability {
                ROOTS => (offers.roots, offers.roots_list_changed) = (true, has(LIST_CHANGED)),
                SAMPLING => {
                    offers.sampling = true;
                    (offers.sampling_tools, offers.sampling_context) = (has(TOOLS), has(CONTEXT));
                }
                _ => {
                    offers.elicitation_url = has(URL);
                    offers.elicitation_form = has(FORM) || !has(URL);
                }
            }
        }
        Ok(offers)
    }
}

/// The members of one capability that matter, by the index of their name: those that are there and neither `null` nor `false`.
struct Members([bool; NAMES.len()]);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members;

            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = [false; NAMES.len()];
                while let Some(name) = map.next_key::<Name>()? {
                    let value = map.next_value::<&serde_json::value::RawValue>();
                    let is_set = !matches!(value.map_err(A::Error::custom)?.get(), "null" | "false");
                    if let Name::Known(index) = name {
                        members[index] = is_set;
                    }
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

const ROOTS: usize = 0;
const SAMPLING: usize = 1;
const ELICITATION: usize = 2;
const LIST_CHANGED: usize = 3;
const TOOLS: usize = 4;
const CONTEXT: usize = 5;
const FORM: usize = 6;
const URL: usize = 7;

/// Capabilities first, then their members.
const NAMES: [&str; 8] = ["roots", "sampling", "elicitation", "listChanged", "tools", "context", "form", "url"];

enum Name {
    Known(usize),
    Other,
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl Visitor<'_> for NameVisitor {
            type Value = Name;

            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Name, E> {
                Ok(NAMES.iter().position(|known| *known == name).map_or(Name::Other, Name::Known))
            }
        }
        deserializer.deserialize_identifier(NameVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offers(text: &str) -> ClientOffers {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn presence_means_support_and_null_does_not() {
        // R-LM-32
        assert_eq!(offers("{}"), ClientOffers::default());
        assert_eq!(offers(r#"{"roots":null,"sampling":null}"#), ClientOffers::default());
        let all =
            offers(r#"{"sampling":{},"roots":{"listChanged":true},"tasks":{"list":{}},"experimental":{"x":[1]}}"#);
        assert!(all.sampling && all.roots && all.roots_list_changed && !all.sampling_tools && !all.elicitation_form);
        assert!(!offers(r#"{"roots":{"listChanged":false}}"#).roots_list_changed);
        assert!(offers(r#"{"sampling":{"tools":{},"context":{}}}"#).sampling_tools);
    }

    #[test]
    fn a_capability_named_like_a_member_of_another_is_none_of_ours() {
        // R-LM-32: servers declare `tools`, and some programs send one object for both sides.
        for name in ["tools", "context", "form", "url", "listChanged"] {
            for value in ["{}", "true", r#"{"url":{}}"#] {
                let text = alloc::format!(r#"{{"{name}":{value}}}"#);
                assert_eq!(serde_json::from_str(&text).ok(), Some(ClientOffers::NONE), "{text}");
            }
        }
    }

    #[test]
    fn an_empty_elicitation_means_forms_only() {
        // R-FC-17
        let empty = offers(r#"{"elicitation":{}}"#);
        assert!(empty.elicitation_form && !empty.elicitation_url);
        let url = offers(r#"{"elicitation":{"url":{}}}"#);
        assert!(!url.elicitation_form && url.elicitation_url);
        let both = offers(r#"{"elicitation":{"url":{},"form":{}}}"#);
        assert!(both.elicitation_form && both.elicitation_url);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["[]", "1", r#"{"sampling":true}"#, r#"{"elicitation":[]}"#] {
            assert!(serde_json::from_str::<ClientOffers>(text).is_err(), "{text}");
        }
    }
}

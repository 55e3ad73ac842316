//! Lists in pages (R-LM-85).

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use serde::de::{DeserializeOwned, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::raw_json::RawJson;
use crate::text::parser_message;

/// Parameters of every list method.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct PaginatedParams<'a> {
    /// Where to go on: opaque, from the page before. An empty string is a cursor like any other.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cow<'a, str>>,
}

/// Entries of a page that could not be read and are not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeftOut {
    /// How many.
    pub count: usize,
    /// What the parser says of the first one, cut.
    pub first: String,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = if self.count == 1 { "entry" } else { "entries" };
        write!(f, "{} {entries} left out that cannot be read: {}", self.count, self.first)
    }
}

/// The entries of a list one by one, so that one that cannot be read does not cost the others.
pub(super) struct Readable<T> {
    pub(super) entries: Vec<T>,
    pub(super) left_out: Option<LeftOut>,
}

impl<T> Default for Readable<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), left_out: None }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Readable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Entries(PhantomData))
    }
}

struct Entries<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for Entries<T> {
    type Value = Readable<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Readable<T>, A::Error> {
        let mut all = Readable::default();
        while let Some(entry) = list.next_element::<RawJson>()? {
            match (entry.read(), &mut all.left_out) {
                (Ok(entry), _) => all.entries.push(entry),
                (Err(_), Some(left_out)) => left_out.count += 1,
                (Err(error), none) => *none = Some(LeftOut { count: 1, first: parser_message(&error) }),
            }
        }
        Ok(all)
    }
}

/// The result of a list method: they differ in what they list.
macro_rules! list_result {
    ($(#[$about:meta])* $name:ident, $(#[$about_entries:meta])* $entries:ident: $entry:ty) => {
        $(#[$about])*
        ///
        /// An entry that cannot be read is left out when the page is read; the others stay.
        #[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
        #[serde(rename_all = "camelCase")]
        #[non_exhaustive]
        pub struct $name {
            $(#[$about_entries])*
            pub $entries: alloc::vec::Vec<$entry>,
            /// Where the next page begins; absent on the last one.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub next_cursor: Option<alloc::string::String>,
            /// How long it may be kept.
            #[serde(flatten)]
            pub cache: $crate::types::CacheHints,
            /// Metadata.
            #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
            pub meta: Option<$crate::types::JsonObject>,
            /// What the protocol does not name.
            #[serde(flatten)]
            pub other: $crate::types::JsonObject,
            /// What was left out, if anything: worth a line in a log.
            #[serde(skip)]
            pub left_out: Option<$crate::types::LeftOut>,
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                #[derive(serde::Deserialize)]
                #[serde(rename_all = "camelCase")]
                struct Wire {
                    #[serde(deserialize_with = "crate::types::tolerance::null_is_default")]
                    $entries: $crate::types::pagination::Readable<$entry>,
                    #[serde(default)]
                    next_cursor: Option<alloc::string::String>,
                    #[serde(flatten)]
                    cache: $crate::types::CacheHints,
                    #[serde(rename = "_meta", default)]
                    meta: Option<$crate::types::JsonObject>,
                    #[serde(flatten)]
                    other: $crate::types::JsonObject,
                    #[serde(rename = "resultType", default)]
                    _result_type: serde::de::IgnoredAny,
                }
                let Wire { $entries, next_cursor, cache, meta, other, _result_type } = Wire::deserialize(deserializer)?;
                let $crate::types::pagination::Readable { entries: $entries, left_out } = $entries;
                Ok(Self { $entries, next_cursor, cache, meta, other, left_out })
            }
        }
    };
}
pub(super) use list_result;

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec::Vec;

    use crate::types::{ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, Tool};

    /// R-FS-6 for lists, R-ST-49 for whatever else is wrong with a tool: only that one is lost.
    #[test]
    fn one_strange_entry_does_not_cost_the_others() {
        for strange in [
            "7",
            "null",
            "{}",
            "[]",
            r#"{"name":"b"}"#,
            r#"{"name":7,"inputSchema":{}}"#,
            r#"{"name":"b","inputSchema":{},"title":7}"#,
            r#"{"name":"b","inputSchema":{},"_meta":[]}"#,
            r#"{"name":"b","name":"b","inputSchema":{}}"#,
        ] {
            let page = alloc::format!(
                r#"{{"tools":[{{"name":"a","inputSchema":{{"z":1,"a":2}}}},{strange},{{"name":"c","inputSchema":{{}}}},{strange}],
                    "nextCursor":"","ttlMs":7,"resultType":"complete","x":1}}"#
            );
            let page: ListToolsResult = serde_json::from_str(&page).unwrap();
            let names: Vec<&str> = page.tools.iter().map(|tool| &*tool.name).collect();
            assert_eq!(names, ["a", "c"], "{strange}");
            assert_eq!(page.tools[0].input_schema.get(), r#"{"z":1,"a":2}"#, "as it was written");
            let left_out = page.left_out.unwrap();
            assert_eq!(left_out.count, 2, "{strange}");
            assert!(left_out.to_string().starts_with("2 entries left out that cannot be read: "), "{left_out}");
            assert_eq!((page.next_cursor.as_deref(), page.cache.ttl_ms, page.other.len()), (Some(""), Some(7), 1));
        }
    }

    #[test]
    fn every_list_is_read_so_and_written_without_what_was_left_out() {
        let page: ListResourcesResult =
            serde_json::from_str(r#"{"resources":[{"uri":"u"},{"uri":"u","name":"n"}]}"#).unwrap();
        assert_eq!((page.resources.len(), page.left_out.map(|it| it.count)), (1, Some(1)));
        let page: ListResourceTemplatesResult =
            serde_json::from_str(r#"{"resourceTemplates":[1,{"uriTemplate":"u","name":"n"}]}"#).unwrap();
        assert_eq!((page.resource_templates.len(), page.left_out.map(|it| it.count)), (1, Some(1)));
        let page: ListPromptsResult =
            serde_json::from_str(r#"{"prompts":[{"name":"n","arguments":7},{"name":"n"}]}"#).unwrap();
        assert_eq!((page.prompts.len(), page.left_out.as_ref().map(|it| it.count)), (1, Some(1)));
        assert_eq!(serde_json::to_string(&page).unwrap(), r#"{"prompts":[{"name":"n"}]}"#);
        let tools: ListToolsResult =
            serde_json::from_value(serde_json::json!({"tools": [{"name": "a", "inputSchema": {}}]})).unwrap();
        let a = Tool::new("a", crate::types::RawJson::from_text("{}").unwrap());
        assert_eq!((tools.tools, tools.left_out), (alloc::vec![a], None), "from a tree as well");
    }

    #[test]
    fn a_list_that_is_none_is_an_error() {
        for page in ["{}", r#"{"tools":{}}"#, r#"{"tools":7}"#, "[]"] {
            assert!(serde_json::from_str::<ListToolsResult>(page).is_err(), "{page}");
        }
        let none: ListToolsResult = serde_json::from_str(r#"{"tools":null}"#).unwrap();
        assert_eq!(none, ListToolsResult::default());
    }
}

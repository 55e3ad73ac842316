//! What lists say of prompts, resources and templates alike.

use alloc::string::String;
use alloc::vec::Vec;

use mcp_core::revision::ProtocolVersion;
use mcp_core::types::{Icon, JsonObject};
use serde::Serialize;

/// Title, description, pictures and metadata.
#[derive(Debug, Clone, Default)]
pub(crate) struct Details {
    pub(crate) title: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) icons: Vec<Icon>,
    pub(crate) meta: JsonObject,
}

/// The same as a revision knows it, to be flattened into what it describes.
#[derive(Serialize)]
pub(crate) struct DetailsIn<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "<[Icon]>::is_empty")]
    icons: &'a [Icon],
    #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
    meta: Option<&'a JsonObject>,
}

impl Details {
    pub(crate) fn known_in(&self, version: ProtocolVersion) -> DetailsIn<'_> {
        DetailsIn {
            title: self.title.as_deref().filter(|_| version.has_titles()),
            description: self.description.as_deref(),
            icons: if version.has_icons() { &self.icons } else { &[] },
            meta: Some(&self.meta).filter(|meta| version.has_object_meta() && !meta.is_empty()),
        }
    }
}

/// The methods by which a builder with a field `details` is given them.
macro_rules! describe {
    () => {
        /// Its name for people, for clients from 2025-06-18 on.
        pub fn title(mut self, title: impl Into<String>) -> Self {
            self.details.title = Some(title.into());
            self
        }

        /// What it is, for a model and for people.
        pub fn description(mut self, description: impl Into<String>) -> Self {
            self.details.description = Some(description.into());
            self
        }

        /// Adds a picture, for clients from 2025-11-25 on: an `https:` or `data:` URI.
        pub fn icon(mut self, icon: mcp_core::types::Icon) -> Self {
            self.details.icons.push(icon);
            self
        }

        /// Adds a member to its `_meta`, for clients from 2025-06-18 on. Keys of your own begin with a domain of yours:
        /// `com.example/key` (R-LM-43).
        pub fn meta(mut self, key: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
            self.details.meta.insert(key.into(), value.into());
            self
        }

        /// Runs the handler on a worker thread, so that it may take its time: the loop serves everybody else meanwhile.
        /// Without the feature `std` there are no threads and it runs like any other.
        pub fn on_worker(mut self) -> Self {
            self.place = crate::service::Place::worker();
            self
        }
    };
}

pub(crate) use describe;

//! Choices among texts, in the five shapes that the revisions gave them.

use alloc::string::String;
use alloc::vec::Vec;

use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One of the texts that a choice has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnumOption {
    /// What is sent when it is chosen.
    pub value: String,
    /// Its name for people, when it differs.
    pub title: Option<String>,
}

impl EnumOption {
    /// The name to show.
    pub fn display_name(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.value)
    }
}

impl From<&str> for EnumOption {
    fn from(value: &str) -> Self {
        Self { value: value.into(), title: None }
    }
}

impl From<String> for EnumOption {
    fn from(value: String) -> Self {
        Self { value, title: None }
    }
}

/// What is sent, and its name for people.
impl<V: Into<String>, T: Into<String>> From<(V, T)> for EnumOption {
    fn from((value, title): (V, T)) -> Self {
        Self { value: value.into(), title: Some(title.into()) }
    }
}

/// How the options of a choice are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum EnumStyle {
    /// As `oneOf` or `anyOf` when one of them has a title, else as `enum`; since 2025-11-25.
    #[default]
    Current,
    /// As `enum` with `enumNames`: all that 2025-06-18 has.
    Legacy,
}

/// One of several texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SingleSelectSchema {
    /// Its name for people.
    pub title: Option<String>,
    /// What it is.
    pub description: Option<String>,
    /// What can be chosen.
    pub options: Vec<EnumOption>,
    /// What is chosen when the user does nothing; since 2025-11-25.
    pub default: Option<String>,
    /// How the options are written.
    pub style: EnumStyle,
}

impl SingleSelectSchema {
    /// These options: texts, or pairs of a text and its name for people.
    pub fn new<O: Into<EnumOption>>(options: impl IntoIterator<Item = O>) -> Self {
        Self { options: options.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// The same with an option to start from.
    pub fn default_option(mut self, value: impl Into<String>) -> Self {
        self.default = Some(value.into());
        self
    }

    /// The same in the shape of 2025-06-18, which later revisions accept as well.
    pub fn legacy(mut self) -> Self {
        self.style = EnumStyle::Legacy;
        self
    }
}

/// Some of several texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MultiSelectSchema {
    /// Its name for people.
    pub title: Option<String>,
    /// What it is.
    pub description: Option<String>,
    /// What can be chosen.
    pub options: Vec<EnumOption>,
    /// How many have to be chosen at least.
    pub min_items: Option<u64>,
    /// How many can be chosen at most.
    pub max_items: Option<u64>,
    /// What is chosen when the user does nothing.
    pub default: Option<Vec<String>>,
}

impl MultiSelectSchema {
    /// These options: texts, or pairs of a text and its name for people.
    pub fn new<O: Into<EnumOption>>(options: impl IntoIterator<Item = O>) -> Self {
        Self { options: options.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// The same with bounds on how many are chosen.
    pub fn items(mut self, min: u64, max: u64) -> Self {
        (self.min_items, self.max_items) = (Some(min), Some(max));
        self
    }

    /// The same with options to start from.
    pub fn default_options<V: Into<String>>(mut self, values: impl IntoIterator<Item = V>) -> Self {
        self.default = Some(values.into_iter().map(Into::into).collect());
        self
    }
}

/// An option with a title on the wire.
#[derive(Serialize, Deserialize)]
struct Titled<V> {
    #[serde(rename = "const")]
    value: V,
    title: V,
}

fn are_titled(options: &[EnumOption]) -> bool {
    options.iter().any(|option| option.title.is_some())
}

fn titled(options: &[EnumOption]) -> Vec<Titled<&str>> {
    options.iter().map(|option| Titled { value: option.value.as_str(), title: option.display_name() }).collect()
}

fn plain(options: &[EnumOption]) -> Vec<&str> {
    options.iter().map(|option| option.value.as_str()).collect()
}

fn from_titled(options: Vec<Titled<String>>) -> Vec<EnumOption> {
    options.into_iter().map(|Titled { value, title }| EnumOption { value, title: Some(title) }).collect()
}

fn from_plain(values: Vec<String>, titles: Vec<String>) -> Vec<EnumOption> {
    let mut titles = titles.into_iter();
    values.into_iter().map(|value| EnumOption { value, title: titles.next() }).collect()
}

impl Serialize for SingleSelectSchema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", "string")?;
        if let Some(title) = &self.title {
            map.serialize_entry("title", title)?;
        }
        if let Some(description) = &self.description {
            map.serialize_entry("description", description)?;
        }
        match (self.style, are_titled(&self.options)) {
            (_, false) => map.serialize_entry("enum", &plain(&self.options))?,
            (EnumStyle::Current, true) => map.serialize_entry("oneOf", &titled(&self.options))?,
            (EnumStyle::Legacy, true) => {
                map.serialize_entry("enum", &plain(&self.options))?;
                let names: Vec<&str> = self.options.iter().map(EnumOption::display_name).collect();
                map.serialize_entry("enumNames", &names)?;
            }
        }
        if let Some(default) = &self.default {
            map.serialize_entry("default", default)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for SingleSelectSchema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire {
            title: Option<String>,
            description: Option<String>,
            #[serde(rename = "enum")]
            values: Option<Vec<String>>,
            enum_names: Option<Vec<String>>,
            one_of: Option<Vec<Titled<String>>>,
            default: Option<String>,
        }
        let Wire { title, description, values, enum_names, one_of, default } = Wire::deserialize(deserializer)?;
        let style = if enum_names.is_some() { EnumStyle::Legacy } else { EnumStyle::Current };
        let options = match one_of {
            Some(options) => from_titled(options),
            None => from_plain(values.unwrap_or_default(), enum_names.unwrap_or_default()),
        };
        Ok(Self { title, description, options, default, style })
    }
}

impl Serialize for MultiSelectSchema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Items<'a> {
            Titled {
                #[serde(rename = "anyOf")]
                any_of: Vec<Titled<&'a str>>,
            },
            Plain {
                #[serde(rename = "type")]
                kind: &'static str,
                #[serde(rename = "enum")]
                values: Vec<&'a str>,
            },
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", "array")?;
        if let Some(title) = &self.title {
            map.serialize_entry("title", title)?;
        }
        if let Some(description) = &self.description {
            map.serialize_entry("description", description)?;
        }
        if let Some(min) = &self.min_items {
            map.serialize_entry("minItems", min)?;
        }
        if let Some(max) = &self.max_items {
            map.serialize_entry("maxItems", max)?;
        }
        let items = if are_titled(&self.options) {
            Items::Titled { any_of: titled(&self.options) }
        } else {
            Items::Plain { kind: "string", values: plain(&self.options) }
        };
        map.serialize_entry("items", &items)?;
        if let Some(default) = &self.default {
            map.serialize_entry("default", default)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for MultiSelectSchema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Items {
            #[serde(rename = "enum")]
            values: Option<Vec<String>>,
            any_of: Option<Vec<Titled<String>>>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire {
            title: Option<String>,
            description: Option<String>,
            items: Items,
            min_items: Option<u64>,
            max_items: Option<u64>,
            default: Option<Vec<String>>,
        }
        let Wire { title, description, items, min_items, max_items, default } = Wire::deserialize(deserializer)?;
        let options = match items.any_of {
            Some(options) => from_titled(options),
            None => from_plain(items.values.unwrap_or_default(), Vec::new()),
        };
        Ok(Self { title, description, options, min_items, max_items, default })
    }
}

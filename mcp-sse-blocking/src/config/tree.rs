//! What JSON and YAML have in common: a tree of values, each of which knows where it stands.
//!
//! Not `serde_json::Value`: that forgets places, and of two equal keys the first. No node has a `Debug`, for values may be
//! secrets.

use super::fault::Spot;

/// How deep a file may be nested. Five levels are needed; settings of editors, in which VS Code's may stand, have more.
pub(super) const MAX_DEPTH: usize = 64;

/// A value and where it stands.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) spot: Spot,
    pub(super) value: Value,
}

#[derive(Clone)]
pub(super) enum Value {
    Null,
    Bool(bool),
    /// A number as it was written: what goes into an environment variable must not be rounded.
    Number(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Clone)]
pub(super) struct Key {
    pub(super) spot: Spot,
    pub(super) text: String,
}

/// Why the text of a file is no tree.
pub(super) struct SyntaxError {
    pub(super) spot: Spot,
    pub(super) problem: String,
}

impl Node {
    /// The first value under `key`, when this is a map that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries()?.iter().find(|(found, _)| found.text == key).map(|(_, node)| node)
    }

    /// The entries, when this is a map.
    pub(super) fn entries(&self) -> Option<&[(Key, Self)]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// What it is, with its article, for faults.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a truth value",
            Value::Number(_) => "a number",
            Value::Text(_) => "a string",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

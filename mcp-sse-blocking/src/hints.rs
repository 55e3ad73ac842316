//! What tools say of themselves that matters when a call of them is lost, for those who [believe](crate::Builder::trust_tool_annotations) it.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::pending::Repeat;

/// Tools that are remembered. 1024: more than a model is ever shown.
const TOOLS: usize = 1024;

/// Bytes of a name. A tool with a longer one is not repeated.
const NAME_BYTES: usize = 256;

/// The tools of one server that may be called twice, as the newest pages of its list say.
#[derive(Debug)]
pub(crate) struct Hints {
    /// `None` where nothing is believed.
    harmless: Option<Mutex<HashSet<String>>>,
}

impl Hints {
    pub(crate) fn new(are_trusted: bool) -> Self {
        Self { harmless: are_trusted.then(Mutex::default) }
    }

    /// Whether a call of this tool may be made again, where the caller did not say.
    pub(crate) fn repeat(&self, tool: &str, said: Repeat) -> Repeat {
        let Some(harmless) = &self.harmless else { return said };
        if harmless.lock().unwrap_or_else(PoisonError::into_inner).contains(tool) { Repeat::Safe } else { said }
    }

    /// Takes note of a page of the list of tools.
    pub(crate) fn take_page(&self, result: &RawValue) {
        #[derive(Deserialize)]
        struct Page<'a> {
            #[serde(borrow)]
            tools: Vec<Tool<'a>>,
        }
        #[derive(Deserialize)]
        struct Tool<'a> {
            #[serde(borrow)]
            name: Cow<'a, str>,
            #[serde(default)]
            annotations: Option<Annotations>,
        }
        #[derive(Deserialize, Default)]
        #[serde(rename_all = "camelCase")]
        struct Annotations {
            #[serde(default)]
            read_only_hint: Option<bool>,
            #[serde(default)]
            idempotent_hint: Option<bool>,
        }
        let Some(harmless) = &self.harmless else { return };
        let Ok(page) = serde_json::from_str::<Page<'_>>(result.get()) else { return };
        let mut harmless = harmless.lock().unwrap_or_else(PoisonError::into_inner);
        for tool in page.tools {
            let Annotations { read_only_hint, idempotent_hint } = tool.annotations.unwrap_or_default();
            let is_harmless = read_only_hint == Some(true) || idempotent_hint == Some(true);
            if !is_harmless {
                harmless.remove(&*tool.name);
            } else if harmless.len() < TOOLS && tool.name.len() <= NAME_BYTES {
                harmless.insert(tool.name.into_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json, value::to_raw_value};

    use super::*;

    fn page(tools: Value) -> Box<RawValue> {
        to_raw_value(&json!({"tools": tools})).unwrap()
    }

    #[test]
    fn what_counts_is_the_newest_page_and_only_where_it_is_believed() {
        // R-FS-20
        let tools = page(json!([
            {"name": "read", "annotations": {"readOnlyHint": true}},
            {"name": "set", "annotations": {"idempotentHint": true, "destructiveHint": true}},
            {"name": "add", "annotations": {"readOnlyHint": false}},
            {"name": "plain"},
        ]));
        let (trusting, careful) = (Hints::new(true), Hints::new(false));
        assert_eq!(trusting.repeat("read", Repeat::Never), Repeat::Never, "it was not listed");
        for hints in [&trusting, &careful] {
            hints.take_page(&tools);
        }
        let safe = |hints: &Hints| {
            ["read", "set", "add", "plain"].map(|tool| hints.repeat(tool, Repeat::Never) == Repeat::Safe)
        };
        assert_eq!(safe(&trusting), [true, true, false, false]);
        assert_eq!(safe(&careful), [false; 4]);
        assert_eq!(careful.repeat("add", Repeat::Safe), Repeat::Safe, "the caller said so");
        trusting.take_page(&page(json!([{"name": "read"}])));
        assert_eq!(safe(&trusting), [false, true, false, false]);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let hints = Hints::new(true);
        let tool = |name: String| json!({"name": name, "annotations": {"readOnlyHint": true}});
        hints.take_page(&page((0..2 * TOOLS).map(|n| tool(n.to_string())).collect()));
        hints.take_page(&page(json!([tool("x".repeat(NAME_BYTES + 1))])));
        assert_eq!(hints.harmless.unwrap().lock().unwrap().len(), TOOLS);
    }
}

//! Which arguments of which tool are repeated in headers, as the newest list of tools says (R-ST-47, R-ST-62).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mcp_core::http::ParamHeaders;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Tools with such headers that are remembered. 1024: few servers have one.
const TOOLS: usize = 1024;

/// The annotated tools of one server.
#[derive(Debug, Default)]
pub(crate) struct AnnotatedTools(Mutex<HashMap<String, Arc<ParamHeaders>>>);

impl AnnotatedTools {
    /// The headers of a tool; `None` for one that has none or was never listed.
    pub(crate) fn of(&self, tool: &str) -> Option<Arc<ParamHeaders>> {
        self.tools().get(tool).map(Arc::clone)
    }

    /// Takes note of a page of the list of tools. One whose annotations cannot be used is forgotten: it is not called either
    /// (R-ST-49).
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
            #[serde(borrow, rename = "inputSchema")]
            input_schema: &'a RawValue,
        }
        let Ok(page) = serde_json::from_str::<Page<'_>>(result.get()) else { return };
        let mut tools = self.tools();
        for tool in page.tools {
            match ParamHeaders::of_schema(tool.input_schema.get()) {
                Ok(headers) if !headers.is_empty() && tools.len() < TOOLS => {
                    tools.insert(tool.name.into_owned(), Arc::new(headers));
                }
                _ => {
                    tools.remove(&*tool.name);
                }
            }
        }
    }

    fn tools(&self) -> MutexGuard<'_, HashMap<String, Arc<ParamHeaders>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

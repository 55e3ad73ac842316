//! What of a request is repeated in headers (R-ST-8, R-ST-9), and which arguments of which tool are, as the newest list of tools
//! says (R-ST-47, R-ST-62).

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mcp_core::http::{ParamHeaders, RequestHead, headers};
use mcp_core::types::Method;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::engine::Engine;
use crate::error::Error;
use crate::transport::streamable_http::{Mirrored, header};

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

impl Engine {
    /// The headers that repeat parts of a request.
    ///
    /// # Errors
    /// [`Error::Usage`] for an argument that a header has to repeat and none can.
    pub(crate) fn mirrored(&self, message: &[u8]) -> Result<Mirrored, Error> {
        #[derive(Deserialize)]
        struct Own<'a> {
            #[serde(borrow)]
            method: Cow<'a, str>,
            #[serde(borrow)]
            params: Option<&'a RawValue>,
        }
        #[derive(Deserialize)]
        struct ToolCall<'a> {
            #[serde(borrow)]
            name: Cow<'a, str>,
            #[serde(borrow)]
            arguments: Option<&'a RawValue>,
        }
        let version = self.session(|session| session.version());
        if version.is_none_or(|version| version.has_handshake()) {
            return Ok(Mirrored::new());
        }
        let Ok(own) = serde_json::from_slice::<Own<'_>>(message) else { return Ok(Mirrored::new()) };
        let mut all = mirrored_by(&RequestHead { version, session: None }, &own.method, own.params);
        if own.method == Method::ToolsCall.name()
            && let Some(Ok(call)) = own.params.map(|params| serde_json::from_str::<ToolCall<'_>>(params.get()))
            && let Some(annotated) = self.param_headers.of(&call.name)
        {
            let values = annotated.values(call.arguments).map_err(|error| Error::Usage(error.to_string()))?;
            for (name, value) in values {
                all.push(header(name, &value)?);
            }
        }
        Ok(all)
    }
}

/// The headers of a request that repeat what its body says, in revisions that have them (R-ST-8, R-ST-9).
pub(crate) fn mirrored_by(head: &RequestHead<'_>, method: &str, params: Option<&RawValue>) -> Mirrored {
    let is_mirror = |name: &str| matches!(name, headers::MCP_METHOD | headers::MCP_NAME);
    let repeated = head.post(method, params).filter(|(name, _)| is_mirror(name));
    repeated.filter_map(|(name, value)| header(name, &value).ok()).collect()
}

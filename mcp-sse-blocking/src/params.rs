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

/// Bytes of their names and schemas. 4 MiB: as much as a page of the list.
const TOOL_BYTES: usize = 4 << 20;

/// The annotated tools of one server.
#[derive(Debug, Default)]
pub(crate) struct AnnotatedTools(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    tools: HashMap<String, Annotated>,
    /// Of all of them.
    bytes: usize,
}

#[derive(Debug)]
struct Annotated {
    headers: Arc<ParamHeaders>,
    /// Of its name and its schema: what its headers take is less.
    bytes: usize,
}

impl AnnotatedTools {
    /// The headers of a tool; `None` for one that has none or was never listed.
    pub(crate) fn of(&self, tool: &str) -> Option<Arc<ParamHeaders>> {
        self.known().tools.get(tool).map(|tool| Arc::clone(&tool.headers))
    }

    /// Takes note of a page of the list of tools. One whose annotations cannot be used is forgotten: it is not called either
    /// (R-ST-49). When there is no room, what is known makes room for what is new: a list is fetched anew for a tool in it.
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
        let mut known = self.known();
        for tool in page.tools {
            known.forget(&tool.name);
            if let Ok(headers) = ParamHeaders::of_schema(tool.input_schema.get())
                && !headers.is_empty()
            {
                let bytes = tool.name.len() + tool.input_schema.get().len();
                known.remember(tool.name.into_owned(), Annotated { headers: Arc::new(headers), bytes });
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn forget(&mut self, name: &str) {
        if let Some(tool) = self.tools.remove(name) {
            self.bytes -= tool.bytes;
        }
    }

    fn remember(&mut self, name: String, tool: Annotated) {
        while self.tools.len() >= TOOLS || (self.bytes + tool.bytes > TOOL_BYTES && !self.tools.is_empty()) {
            let Some(any) = self.tools.keys().next().cloned() else { break };
            self.forget(&any);
        }
        self.bytes += tool.bytes;
        self.tools.insert(name, tool);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn page(names: impl Iterator<Item = String>, padding: usize) -> Box<RawValue> {
        let tool = |name: String| {
            serde_json::json!({"name": name, "inputSchema": {"type": "object", "title": "x".repeat(padding),
                "properties": {"a": {"type": "string", "x-mcp-header": "A"}}}})
        };
        serde_json::value::to_raw_value(&serde_json::json!({"tools": names.map(tool).collect::<Vec<_>>()})).unwrap()
    }

    #[test]
    fn annotated_tools_are_bounded_and_the_newest_page_is_what_counts() {
        // R-ST-62
        let known = AnnotatedTools::default();
        known.take_page(&page((0..TOOLS).map(|n| n.to_string()), 0));
        // The same page again: nothing of it is lost.
        known.take_page(&page((0..TOOLS).map(|n| n.to_string()), 0));
        assert!((0..TOOLS).all(|n| known.of(&n.to_string()).is_some()));
        known.take_page(&page(["new".to_owned()].into_iter(), 0));
        assert!(known.of("new").is_some());
        assert_eq!(known.known().tools.len(), TOOLS);
        for n in 0..9 {
            known.take_page(&page([format!("large {n}")].into_iter(), 1 << 20));
            assert!(known.of(&format!("large {n}")).is_some());
        }
        let known = known.known();
        assert!(known.bytes <= TOOL_BYTES);
        assert_eq!(known.bytes, known.tools.values().map(|tool| tool.bytes).sum::<usize>());
    }
}

//! What does a body say that is no JSON-RPC? For servers that speak JSON over HTTP without an envelope: `{"method", "params"}` is
//! POSTed, and the body of the answer is the result itself, or `{"error": ...}`.
//!
//! What goes out and what comes in is translated here, so that a session sees JSON-RPC: its requests have ids, and each is
//! answered under its own. Nothing here judges what a result says, and nothing but a request goes out: such servers take no
//! notifications and no answers.
//!
//! ```
//! use mcp_core::Limits;
//! use mcp_core::http::plain;
//!
//! let request = plain::Request::of(br#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a"}}"#).unwrap();
//! assert_eq!(request.body(), br#"{"method":"tools/call","params":{"name":"a"}}"#);
//! let answer = request.answer(br#"{"content":[]}"#, &Limits::default())?;
//! assert_eq!(answer, br#"{"jsonrpc":"2.0","id":7,"result":{"content":[]}}"#);
//! let answer = request.answer(br#"{"error":"Method not found"}"#, &Limits::default())?;
//! assert_eq!(answer, br#"{"jsonrpc":"2.0","id":7,"error":{"code":-32601,"message":"Method not found"}}"#);
//! # Ok::<(), plain::NotJson>(())
//! ```

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::jsonrpc::{ErrorId, ErrorObject, RequestId, Unclear, code, pick, write_error};
use crate::limits::Limits;
use crate::text::{Excerpt, parser_message};
use crate::types::Method;

/// Characters of an error that has no message of its own.
const SHOWN: usize = 256;
/// What a tool takes that does not say what it takes.
const ANY_ARGUMENTS: &[u8] = br#""inputSchema":{"type":"object"}"#;

/// A request as such a server takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    id: u64,
    is_list_of_tools: bool,
    body: Vec<u8>,
}

/// The body of a success is no JSON, or readers would disagree about what it says. What is wrong with it, cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotJson(pub String);

impl fmt::Display for NotJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the body cannot be read: {}", self.0)
    }
}

impl core::error::Error for NotJson {}

impl Request {
    /// The request that a JSON-RPC message is, in the words of such a server. `None` for any other message, and for one whose id is
    /// none of a [`ClientSession`](crate::session::ClientSession).
    pub fn of(message: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Call<'a> {
            id: u64,
            #[serde(borrow)]
            method: &'a RawValue,
            #[serde(borrow)]
            params: Option<&'a RawValue>,
        }
        let Call { id, method, params } = is_object(message).then(|| serde_json::from_slice(message).ok()).flatten()?;
        let name: Cow<'_, str> = serde_json::from_str(method.get()).ok()?;
        let is_list_of_tools = name == Method::ToolsList.name();
        let mut body = Vec::with_capacity(message.len());
        body.extend_from_slice(br#"{"method":"#);
        body.extend_from_slice(method.get().as_bytes());
        // Such servers are not shown empty ones.
        if let Some(params) = params.filter(|params| params.get() != "{}") {
            body.extend_from_slice(br#","params":"#);
            body.extend_from_slice(params.get().as_bytes());
        }
        body.push(b'}');
        Some(Self { id, is_list_of_tools, body })
    }

    /// What is POSTed.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The JSON-RPC answer that the body of a success stands for. Longer than the body by its envelope, and a list of tools by the
    /// schemas that it leaves out, as long as that fits into [`Limits::message_bytes`].
    ///
    /// # Errors
    /// When it is no JSON, or says twice what it is.
    pub fn answer(&self, body: &[u8], limits: &Limits) -> Result<Vec<u8>, NotJson> {
        let whole: &RawValue = serde_json::from_slice(body).map_err(|error| NotJson(parser_message(&error)))?;
        let answer = Answer::of(whole).map_err(|error| NotJson(error.to_string()))?;
        if let Some(error) = answer.and_then(Answer::error) {
            return Ok(self.refused(error));
        }
        // Some speak JSON-RPC after all, except for the id.
        let inner = answer.filter(|answer| answer.jsonrpc.is_some());
        let result = inner.and_then(|answer| answer.result).unwrap_or(whole.get());
        let with_schemas = self.is_list_of_tools.then(|| with_schemas(result, limits.message_bytes)).flatten();
        let result = with_schemas.as_deref().unwrap_or(result.as_bytes());
        let mut answer = format!(r#"{{"jsonrpc":"2.0","id":{},"result":"#, self.id).into_bytes();
        answer.extend_from_slice(result);
        answer.push(b'}');
        Ok(answer)
    }

    /// The JSON-RPC error that a body stands for, at whichever status, if it does: one with an `error` and no result beside it.
    pub fn refusal(&self, body: &[u8]) -> Option<Vec<u8>> {
        let answer = Answer::of(serde_json::from_slice(body).ok()?).ok()??;
        answer.error().map(|error| self.refused(error))
    }

    fn refused(&self, error: &RawValue) -> Vec<u8> {
        let mut message = Vec::new();
        write_error(&mut message, &ErrorId::Known(RequestId::Integer(self.id.into())), &error_object(error));
        message
    }
}

/// What is looked at of a body.
#[derive(Clone, Copy)]
struct Answer<'a> {
    jsonrpc: Option<&'a str>,
    result: Option<&'a str>,
    error: Option<&'a str>,
    content: Option<&'a str>,
}

impl<'a> Answer<'a> {
    /// `None` of what is no object.
    ///
    /// # Errors
    /// When one of these is in it twice.
    fn of(body: &'a RawValue) -> Result<Option<Self>, Unclear> {
        if !is_object(body.get().as_bytes()) {
            return Ok(None);
        }
        let [jsonrpc, result, error, content] = pick(body.get(), ["jsonrpc", "result", "error", "content"])?;
        Ok(Some(Self { jsonrpc, result, error, content }))
    }

    /// What is wrong, if it is an error.
    fn error(self) -> Option<&'a RawValue> {
        let error = self.error.filter(|_| self.content.is_none() && self.result.is_none())?;
        // What is part of JSON is JSON.
        serde_json::from_str(error).ok()
    }
}

/// What such servers say in `error`: a text, or an object with a code that is a number or a name.
fn error_object(error: &RawValue) -> ErrorObject<'_> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Code {
        Number(i64),
        Name(String),
    }
    #[derive(Deserialize)]
    struct Said {
        code: Option<Code>,
        message: Option<String>,
    }
    if let Ok(text) = serde_json::from_str::<String>(error.get()) {
        let is_unknown_method = text.to_ascii_lowercase().starts_with("method not found");
        let code = if is_unknown_method { code::METHOD_NOT_FOUND } else { code::INTERNAL_ERROR };
        return ErrorObject::new(code, text);
    }
    let said = serde_json::from_str::<Said>(error.get()).unwrap_or(Said { code: None, message: None });
    let (code, name) = match said.code {
        Some(Code::Number(code)) => (code, None),
        Some(Code::Name(name)) => (code::INTERNAL_ERROR, Some(name)),
        None => (code::INTERNAL_ERROR, None),
    };
    let message = match (name, said.message) {
        (Some(name), Some(message)) => format!("{name}: {message}"),
        (Some(text), None) | (None, Some(text)) => text,
        (None, None) => Excerpt::new(error.get(), SHOWN).to_string(),
    };
    ErrorObject { data: Some(error), ..ErrorObject::new(code, message) }
}

/// A list of tools in which each says what it takes, as MCP wants it. `None` when all do, or it cannot be read, or it would
/// become longer than `most` bytes.
fn with_schemas(list: &str, most: usize) -> Option<Vec<u8>> {
    #[derive(Deserialize)]
    struct List<'a> {
        #[serde(borrow)]
        tools: Vec<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Tool<'a> {
        #[serde(rename = "inputSchema", borrow, default, deserialize_with = "present")]
        input_schema: Option<&'a RawValue>,
        #[serde(borrow)]
        name: Option<&'a RawValue>,
    }
    let List { tools } = is_object(list.as_bytes()).then(|| serde_json::from_str(list).ok()).flatten()?;
    let mut whole = Vec::new();
    // Up to here the list was copied.
    let mut copied = 0;
    for tool in tools.iter().filter(|tool| is_object(tool.get().as_bytes())) {
        let Ok(Tool { input_schema: None, name: Some(_) }) = serde_json::from_str(tool.get()) else { continue };
        // The tool is a slice of the list: after its brace.
        let after = tool.get().as_ptr().addr() - list.as_ptr().addr() + 1;
        whole.extend_from_slice(&list.as_bytes()[copied..after]);
        whole.extend_from_slice(ANY_ARGUMENTS);
        whole.push(b',');
        copied = after;
        if whole.len() > most {
            return None;
        }
    }
    whole.extend_from_slice(&list.as_bytes()[copied..]);
    (copied > 0 && whole.len() <= most).then_some(whole)
}

/// A member that is there, be it `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// Whether this can be a JSON object. The members of a structure would be read from an array as well.
fn is_object(json: &[u8]) -> bool {
    json.trim_ascii_start().first() == Some(&b'{')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jsonrpc::{self, Message, Payload};
    use alloc::borrow::ToOwned as _;

    fn request(method: &str) -> Request {
        Request::of(format!(r#"{{"jsonrpc":"2.0","id":7,"method":"{method}"}}"#).as_bytes()).unwrap()
    }

    /// What a body says, as the session sees it.
    fn said(method: &str, body: &str) -> Result<String, (i64, String)> {
        let answer = request(method).answer(body.as_bytes(), &Limits::default()).unwrap();
        match jsonrpc::decode(&answer, &Limits::default()).unwrap() {
            Payload::Message(Message::Response(response)) => {
                assert_eq!(response.id.as_u64(), Some(7));
                Ok(response.result.get().to_owned())
            }
            Payload::Message(Message::Error(error)) => {
                assert_eq!(error.id, ErrorId::Known(RequestId::Integer(7)));
                Err((error.error.code, error.error.message.into_owned()))
            }
            _ => panic!("{body}"),
        }
    }

    #[test]
    fn a_request_loses_its_envelope_and_empty_parameters() {
        let body = |message: &str| Request::of(message.as_bytes()).map(|it| String::from_utf8(it.body).unwrap());
        let call =
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a\u0062","arguments":{"n":1.50}}}"#;
        let plain = r#"{"method":"tools/call","params":{"name":"a\u0062","arguments":{"n":1.50}}}"#;
        assert_eq!(body(call).as_deref(), Some(plain));
        for params in ["", r#","params":{}"#] {
            let list = format!(r#"{{"jsonrpc":"2.0","id":2,"method":"tools/list"{params}}}"#);
            assert_eq!(body(&list).as_deref(), Some(r#"{"method":"tools/list"}"#));
        }
        for other in [
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":"a","method":"x"}"#,
            "[]",
        ] {
            assert_eq!(body(other), None, "{other}");
        }
    }

    #[test]
    fn a_body_is_the_result_as_it_came() {
        for body in [r#"{"content":[{"type":"text","text":"hi"}]}"#, r#"{"n":1.50, "x":null}"#, "[1,2,3]", "7", "null"]
        {
            assert_eq!(said("tools/call", body), Ok(body.to_owned()));
        }
        let result = r#"{"content":[],"isError":true,"error":"as the tool says"}"#;
        assert_eq!(said("tools/call", result), Ok(result.to_owned()), "a result that names an error");
        assert_eq!(said("x", r#"{"error":null,"a":1}"#), Ok(r#"{"error":null,"a":1}"#.to_owned()));
        for id in [r#""id":99,"#, ""] {
            let body = format!(r#"{{"jsonrpc":"2.0",{id}"result":{{"a":1}}}}"#);
            assert_eq!(said("x", &body), Ok(r#"{"a":1}"#.to_owned()), "JSON-RPC after all");
        }
        assert!(request("x").answer(b"<html>", &Limits::default()).is_err());
    }

    /// Neither a success nor one of two errors.
    #[test]
    fn a_body_that_says_twice_what_it_is_cannot_be_read() {
        for body in [
            r#"{"error":"no","error":"never"}"#,
            r#"{"error":"no","\u0065rror":null}"#,
            r#"{"content":[],"error":"no","content":[]}"#,
            r#"{"jsonrpc":"2.0","result":1,"result":2}"#,
        ] {
            let error = request("tools/call").answer(body.as_bytes(), &Limits::default()).unwrap_err();
            assert!(error.to_string().contains("has a member twice"), "{error}");
            assert_eq!(request("tools/call").refusal(body.as_bytes()), None, "{body}");
        }
        // What is nobody's business here may be there as often as it likes.
        assert!(said("tools/call", r#"{"n":1,"n":2}"#).is_ok());
    }

    #[test]
    fn an_error_has_the_code_that_it_names() {
        let cases = [
            (r#"{"error":"Method not found"}"#, -32601, "Method not found"),
            (r#"{"error":"method not found: x"}"#, -32601, "method not found: x"),
            (r#"{"error":"division by zero"}"#, -32603, "division by zero"),
            (r#"{"error":{"code":-32602,"message":"no such tool"}}"#, -32602, "no such tool"),
            (r#"{"error":{"code":"RATE_LIMITED","message":"slow down"}}"#, -32603, "RATE_LIMITED: slow down"),
            (r#"{"error":{"code":"RATE_LIMITED"}}"#, -32603, "RATE_LIMITED"),
            (r#"{"error":{"message":"no"}}"#, -32603, "no"),
            (r#"{"error":{"reason":1}}"#, -32603, r#"{"reason":1}"#),
            (r#"{"error":true}"#, -32603, "true"),
            (r#"{"jsonrpc":"2.0","id":3,"error":{"code":-1,"message":"x"}}"#, -1, "x"),
        ];
        for (body, code, message) in cases {
            assert_eq!(said("tools/call", body), Err((code, message.to_owned())), "{body}");
        }
    }

    #[test]
    fn a_tool_that_does_not_say_what_it_takes_takes_any_object() {
        let list = r#"{"tools":[{"name":"a"},{"name":"b","inputSchema":{"type":"object","x":1}}, { "name":"c"},{},7,[null,1]]}"#;
        let said = said("tools/list", list).unwrap();
        let expected = r#"{"tools":[{"inputSchema":{"type":"object"},"name":"a"},{"name":"b","inputSchema":{"type":"object","x":1}}, {"inputSchema":{"type":"object"}, "name":"c"},{},7,[null,1]]}"#;
        assert_eq!(said, expected);
        assert_eq!(with_schemas(r#"{"tools":[{"name":"a","inputSchema":null}]}"#, 999), None, "it says so itself");
        assert_eq!(with_schemas(list, expected.len()).map(|list| list.len()), Some(expected.len()));
        assert_eq!(with_schemas(list, expected.len() - 1), None, "no longer than a message may be");
    }

    /// Whatever comes is an answer, an error or no JSON.
    #[test]
    fn no_body_is_one_too_odd() {
        let bodies = [
            r#"{"tools":[{"name":"a"},{"name":"\u00e9","inputSchema":null}],"error":null}"#,
            r#"{"error":{"code":"A","message":7,"retry_after":[]},"content":{"\ud83e\udd80":1}}"#,
            r#" { "jsonrpc" : "2.0" , "result" : [ { } ] , "error" : [ 1 , "x" ] } "#,
        ];
        let limits = Limits::default();
        for body in bodies {
            for end in 0..=body.len() {
                for from in [0, end / 2] {
                    let piece = &body.as_bytes()[from..end];
                    for method in ["tools/list", "tools/call"] {
                        if let Ok(answer) = request(method).answer(piece, &limits) {
                            assert!(jsonrpc::decode(&answer, &limits).is_ok(), "{}", String::from_utf8_lossy(piece));
                        }
                    }
                }
            }
        }
    }
}

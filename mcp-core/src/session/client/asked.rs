//! What a server asks of its client, in revisions whose servers send requests (R-LM-11).

use alloc::vec::Vec;

use serde::Serialize;

use super::{ClientEvent, ClientSession, IgnoredByClient};
use crate::jsonrpc::{EncodeError, ErrorObject, Request, code, write_error, write_result};
use crate::types::method::Sender;
use crate::types::{CancelledParams, JsonObject, Method};

/// Names a question of the server's within its session; never given out twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskedKey(u64);

impl ClientSession {
    /// Answers what the server asked. False when the answer is not wanted any more: then nothing is sent.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when the result cannot be written; the question is still open then.
    pub fn respond<R: Serialize + ?Sized>(
        &mut self,
        key: AskedKey,
        result: &R,
        out: &mut Vec<u8>,
    ) -> Result<bool, EncodeError> {
        let Some(id) = self.asked.find(key.0) else { return Ok(false) };
        write_result(out, id, result)?;
        self.asked.remove(key.0);
        Ok(true)
    }

    /// Answers what the server asked with an error. False when the answer is not wanted any more: then nothing is sent.
    pub fn respond_error(&mut self, key: AskedKey, error: &ErrorObject<'_>, out: &mut Vec<u8>) -> bool {
        let Some(id) = self.asked.remove(key.0) else { return false };
        write_error(out, &id.into(), error);
        true
    }

    /// `ping` is answered with `{}` (R-LM-75), what was declared is handed on, the rest refused with -32601 (R-LM-34).
    pub(super) fn handle_request<'a>(&mut self, request: &Request<'a>, out: &mut Vec<u8>) -> ClientEvent<'a> {
        if self.version.is_some_and(|version| !version.has_server_requests()) {
            return ClientEvent::Ignored(IgnoredByClient::RequestInStateless);
        }
        let mut refuse = |code, message| {
            write_error(out, &request.id.clone().into(), &ErrorObject::new(code, message));
            ClientEvent::Answered
        };
        let exists = |method: &Method| {
            method.may_come_from(Sender::Server) && self.version.is_none_or(|version| method.exists_in(version))
        };
        match Method::from_name(&request.method).filter(exists) {
            Some(Method::Ping) => {
                let written = write_result(out, &request.id, &JsonObject::new());
                debug_assert!(written.is_ok(), "an empty object serializes");
                ClientEvent::Answered
            }
            Some(method) if self.offers.admits(method) => {
                if self.asked.iter().any(|(_, id)| *id == request.id) {
                    return refuse(code::INVALID_REQUEST, "a request with this id is in flight");
                }
                match self.asked.insert(request.id.clone().into_owned(), self.limits.requests_in_flight) {
                    Ok(key) => ClientEvent::Request { key: AskedKey(key), method, params: request.params },
                    Err(_) => refuse(code::INTERNAL_ERROR, "too many requests in flight"),
                }
            }
            _ => refuse(code::METHOD_NOT_FOUND, "method not supported by this client"),
        }
    }

    /// A server takes back what it asked; without a handshake, where it asks nothing, it ends a subscription (R-LM-81).
    pub(super) fn handle_cancelled<'a>(&mut self, cancelled: &CancelledParams<'_>) -> ClientEvent<'a> {
        if self.version.is_some_and(|version| !version.has_server_requests()) {
            return match self.settle(&cancelled.request_id) {
                Some(id) => ClientEvent::Ended { id },
                None => ClientEvent::Ignored(IgnoredByClient::Cancellation),
            };
        }
        let key = self.asked.iter().find(|(_, id)| **id == cancelled.request_id).map(|(key, _)| key);
        match key.filter(|key| self.asked.remove(*key).is_some()) {
            Some(key) => ClientEvent::Withdrawn { key: AskedKey(key) },
            None => ClientEvent::Ignored(IgnoredByClient::Cancellation),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;
    use crate::jsonrpc::{Payload, decode};
    use crate::types::{ClientCapabilities, Implementation, InitializeParams, RootsCapability};
    use alloc::format;
    use alloc::string::String;

    /// Before the handshake is answered: what was declared counts from then on.
    fn client() -> ClientSession {
        let mut client = ClientSession::new(Limits { requests_in_flight: 2, ..Limits::default() });
        let capabilities = ClientCapabilities { roots: Some(RootsCapability::default()), ..Default::default() };
        let client_info = Implementation::new("test", "1");
        let hello = InitializeParams { protocol_version: "2025-11-25".into(), capabilities, client_info };
        client.initialize(&hello, None, &mut Vec::new()).unwrap();
        client
    }

    /// What the client sends at once, and under which key it has to answer otherwise.
    fn ask(client: &mut ClientSession, method: &str, id: &str) -> (String, Option<AskedKey>) {
        let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}"}}"#);
        let Ok(Payload::Message(message)) = decode(text.as_bytes(), &Limits::default()) else { panic!("{text}") };
        let mut out = Vec::new();
        let key = match client.handle_message(message, &mut out) {
            ClientEvent::Request { key, .. } => Some(key),
            _ => None,
        };
        (String::from_utf8(out).unwrap(), key)
    }

    /// R-LM-26, R-FC-3
    #[test]
    fn what_was_not_declared_is_refused() {
        let mut client = client();
        assert!(ask(&mut client, "roots/list", "1").1.is_some());
        for method in ["sampling/createMessage", "elicitation/create", "tools/list", "unheard/of"] {
            let (answer, key) = ask(&mut client, method, "2");
            assert!(key.is_none() && answer.contains("-32601"), "{method}: {answer}");
        }
    }

    /// R-LM-3, R-LM-4: two answers under one id would be one too many; `1` and `"1"` are two ids.
    #[test]
    fn an_id_is_answered_once_at_a_time() {
        let mut client = client();
        let (_, first) = ask(&mut client, "roots/list", "1");
        let (answer, again) = ask(&mut client, "roots/list", "1");
        assert!(again.is_none() && answer.contains("-32600"), "{answer}");
        assert!(ask(&mut client, "roots/list", r#""1""#).1.is_some());
        let mut out = Vec::new();
        assert_eq!(client.respond(first.unwrap(), &JsonObject::new(), &mut out), Ok(true));
        assert_eq!(client.respond(first.unwrap(), &JsonObject::new(), &mut out), Ok(false));
        assert_eq!(out, br#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
        assert!(ask(&mut client, "roots/list", "1").1.is_some());
    }

    #[test]
    fn questions_without_an_answer_are_bounded() {
        let mut client = client();
        for id in ["1", "2"] {
            assert!(ask(&mut client, "roots/list", id).1.is_some());
        }
        let (answer, key) = ask(&mut client, "roots/list", "3");
        assert!(key.is_none() && answer.contains("-32603") && answer.contains(r#""id":3"#), "{answer}");
        assert!(ask(&mut client, "ping", "4").0.contains(r#""result":{}"#), "which takes no room");
    }
}

//! What a scripted peer answers over Streamable HTTP, in the words of its scripts.

use crate::scripted_peer::{Peer, Request, Stream};

/// What [`StreamablePeer::shake_streamable`] assigns.
pub const SESSION: &str = "hidden-session";

/// What it answers to `initialize`.
pub const RESULT_2025: &str = r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{},"logging":{}},"serverInfo":{"name":"scripted","version":"1"}}"#;

/// Answers over Streamable HTTP.
pub trait StreamableRequest {
    /// Answers with a status line such as `200 OK`, more header lines, and JSON.
    fn json_status(&self, status: &str, headers: &str, body: &str);
    /// Answers with one JSON-RPC result, as JSON.
    fn json_result(&self, result: &str);
    /// Answers with a text result of a tool, as JSON.
    fn json_text(&self, text: &str);
    /// Answers with one JSON-RPC error under the id of the request.
    fn json_error(&self, status: &str, error: &str);
    /// 202 without a body, as the specification has it.
    fn taken(&self);
}

impl StreamableRequest for Request {
    fn json_status(&self, status: &str, headers: &str, body: &str) {
        let length = body.len();
        self.answer(format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        ));
    }

    fn json_result(&self, result: &str) {
        self.json_status("200 OK", "", &format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, self.id()));
    }

    fn json_text(&self, text: &str) {
        let text = serde_json::Value::from(text);
        self.json_result(&format!(r#"{{"content":[{{"type":"text","text":{text}}}]}}"#));
    }

    fn json_error(&self, status: &str, error: &str) {
        self.json_status(status, "", &format!(r#"{{"jsonrpc":"2.0","id":{},"error":{error}}}"#, self.id()));
    }

    fn taken(&self) {
        self.answer("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
    }
}

/// The script's side of a session over Streamable HTTP.
pub trait StreamablePeer {
    /// Takes `initialize` and `notifications/initialized`; assigns [`SESSION`].
    fn shake_streamable(&mut self);
    /// The same with these headers and this result.
    fn shake_streamable_as(&mut self, headers: &str, result: &str);
    /// The next request, which must be this message.
    fn expect(&mut self, method: &str) -> Request;
}

impl StreamablePeer for Peer {
    fn shake_streamable(&mut self) {
        self.shake_streamable_as(&format!("Mcp-Session-Id: {SESSION}\r\n"), RESULT_2025);
    }

    fn shake_streamable_as(&mut self, headers: &str, result: &str) {
        let initialize = self.expect("initialize");
        assert_eq!(initialize.header("mcp-session-id"), None, "a new session has no id yet (R-SH-51)");
        assert_eq!(initialize.header("mcp-protocol-version"), None, "no revision was agreed on (R-SH-61)");
        let body = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, initialize.id());
        initialize.json_status("200 OK", headers, &body);
        self.expect("notifications/initialized").taken();
    }

    fn expect(&mut self, method: &str) -> Request {
        let request = self.request();
        assert_eq!(request.method, "POST", "{request:?}");
        assert_eq!(request.message_method(), method, "{request:?}");
        request
    }
}

/// Ends a stream in chunks; its connection stays open.
pub fn end_stream(request: &Request) {
    request.answer("0\r\n\r\n");
}

/// Opens the event stream that answers a request, under an id as the first event (R-SH-38).
pub fn primed(request: &Request, id: &str) -> Stream {
    let mut stream = request.open();
    stream.raw(format!("id: {id}\ndata:\n\n"));
    stream
}

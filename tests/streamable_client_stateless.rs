//! The client over Streamable HTTP without a handshake (2026-07-28): headers, losses, cancellation.

use std::time::Duration;

use mcp_sse_blocking::{Builder, CallOptions, Client, Delivery, Error, Transport};
use mcp_tests::scripted_peer::Peer;
use mcp_tests::streamable_peer::{StreamablePeer as _, StreamableRequest as _, end_stream};
use serde_json::{Value, json};

const DISCOVERED: &str = r#"{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"resultType":"complete"}"#;
const DONE: &str = r#"{"resultType":"complete","content":[{"type":"text","text":"done"}]}"#;

fn builder(url: &str) -> Builder {
    Client::builder(url)
        .transport(Transport::Stateless)
        .connect_timeout(Duration::from_secs(5))
        .call_timeout(Duration::from_secs(5))
}

fn peer<T: Send + 'static>(
    script: impl FnOnce(&mut Peer) -> T + Send + 'static,
) -> (mcp_tests::scripted_peer::Running<T>, Client) {
    let peer = Peer::run(|peer| {
        peer.expect("server/discover").json_result(DISCOVERED);
        script(peer)
    });
    let client = builder(&peer.url("/mcp")).connect().expect("it connects");
    (peer, client)
}

/// R-ST-7 to R-ST-11, R-ST-53: what each request repeats in its head.
#[test]
fn every_request_says_in_its_head_what_its_body_says() {
    let names = ["echo", "Hello, 世界", " padded ", "us west 1", "=?base64?literal?="];
    let encoded = [
        "echo",
        "=?base64?SGVsbG8sIOS4lueVjA==?=",
        "=?base64?IHBhZGRlZCA=?=",
        "us west 1",
        "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=",
    ];
    let (peer, client) = peer(move |peer| {
        for (name, encoded) in names.into_iter().zip(encoded) {
            let call = peer.expect("tools/call");
            assert_eq!(call.json()["params"]["name"], name);
            assert_eq!(call.header("mcp-name"), Some(encoded));
            assert_eq!(call.header("mcp-method"), Some("tools/call"));
            assert_eq!(call.header("mcp-protocol-version"), Some("2026-07-28"));
            let meta = &call.json()["params"]["_meta"];
            assert_eq!(meta["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
            assert!(meta["io.modelcontextprotocol/clientCapabilities"].is_object());
            call.json_result(DONE);
        }
        let list = peer.expect("tools/list");
        assert_eq!((list.header("mcp-method"), list.header("mcp-name")), (Some("tools/list"), None));
        list.json_result(r#"{"resultType":"complete","tools":[]}"#);
    });
    for name in names {
        client.call(name, &()).unwrap();
    }
    assert_eq!(client.tools().count(), 0);
    peer.finish();
}

const ANNOTATED: &str = r#"{"resultType":"complete","tools":[{"name":"weather","inputSchema":{"type":"object","properties":{
    "region":{"type":"string","x-mcp-header":"Region"},"days":{"type":"integer","x-mcp-header":"Days"},
    "free":{"type":"string"}}}}]}"#;

/// R-ST-47, R-ST-50, R-ST-52: arguments that a tool wants repeated; a tool that was never listed has none (R-ST-62).
#[test]
fn arguments_are_repeated_as_the_newest_list_of_tools_wants_it() {
    let (peer, client) = peer(|peer| {
        let call = peer.expect("tools/call");
        assert_eq!(call.header("mcp-param-region"), None);
        call.json_result(DONE);
        peer.expect("tools/list").json_result(ANNOTATED);
        let call = peer.expect("tools/call");
        assert_eq!(call.header("mcp-param-region"), Some("us-west1"));
        assert_eq!(call.header("mcp-param-days"), Some("3"));
        assert_eq!(call.header("mcp-param-free"), None);
        call.json_result(DONE);
        let call = peer.expect("tools/call");
        assert_eq!(call.header("mcp-param-region"), Some(""));
        assert_eq!(call.header("mcp-param-days"), None);
        call.json_result(DONE);
    });
    let arguments = json!({"region": "us-west1", "days": 3, "free": "x"});
    client.call("weather", &arguments).unwrap();
    assert_eq!(client.tools().count(), 1);
    client.call("weather", &arguments).unwrap();
    client.call("weather", &json!({"region": "", "days": null})).unwrap();
    peer.finish();
}

/// R-ST-62: the list is asked for anew and the call made once more.
#[test]
fn a_call_whose_headers_are_refused_is_made_again_with_those_of_the_newest_list() {
    let refusal = r#"{"code":-32020,"message":"header `Mcp-Param-Region` is missing"}"#;
    let (peer, client) = peer(move |peer| {
        let call = peer.expect("tools/call");
        call.json_error("400 Bad Request", refusal);
        peer.expect("tools/list").json_result(ANNOTATED);
        let again = peer.expect("tools/call");
        assert_eq!(again.header("mcp-param-region"), Some("eu"));
        assert_ne!(again.id(), call.id());
        again.json_result(DONE);
        // Twice is an error.
        peer.expect("tools/call").json_error("400 Bad Request", refusal);
        peer.expect("tools/list").json_result(ANNOTATED);
        peer.expect("tools/call").json_error("400 Bad Request", refusal);
    });
    client.call("weather", &json!({"region": "eu"})).unwrap();
    let error = client.call("weather", &json!({"region": "eu"})).unwrap_err();
    assert!(matches!(&error, Error::Rpc(error) if error.code == -32020), "{error}");
    peer.finish();
}

/// Rule 7 of the negotiation, at any request.
#[test]
fn a_revision_that_is_refused_later_is_offered_once_more() {
    let refusal = |supported: &str| {
        format!(r#"{{"code":-32022,"message":"not served","data":{{"supported":[{supported}],"requested":"x"}}}}"#)
    };
    let (peer, client) = peer(move |peer| {
        let call = peer.expect("tools/call");
        call.json_error("400 Bad Request", &refusal("\"2026-07-28\""));
        let again = peer.expect("tools/call");
        assert_ne!(again.id(), call.id());
        again.json_result(DONE);
        for _ in 0..2 {
            peer.expect("tools/call").json_error("400 Bad Request", &refusal("\"2026-07-28\""));
        }
        // Nothing in common: no second try.
        peer.expect("tools/call").json_error("400 Bad Request", &refusal("\"2025-11-25\""));
    });
    client.call("echo", &()).unwrap();
    for _ in 0..2 {
        let error = client.call("echo", &()).unwrap_err();
        assert!(matches!(&error, Error::Rpc(error) if error.code == -32022), "{error}");
    }
    peer.finish();
}

/// R-ST-33: what was lost is told; only what can be repeated is, under a new id and never with `Last-Event-ID`.
#[test]
fn a_lost_call_is_told_and_a_lost_list_is_asked_for_again() {
    let (peer, client) = peer(|peer| {
        // Without the empty line after it, the reply is none (R-EV-26).
        let call = peer.expect("tools/call");
        let mut stream = call.open();
        stream.raw(format!("id: 1\ndata: {{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{DONE}}}\n", call.id()));
        end_stream(&call);
        let list = peer.expect("tools/list");
        list.open();
        end_stream(&list);
        let again = peer.expect("tools/list");
        assert_ne!(again.id(), list.id());
        assert_eq!(again.header("last-event-id"), None);
        again.json_result(r#"{"resultType":"complete","tools":[]}"#);
        // Once.
        for _ in 0..2 {
            let list = peer.expect("tools/list");
            list.open();
            end_stream(&list);
        }
    });
    let error = client.call("pay", &()).unwrap_err();
    assert!(matches!(error, Error::StreamEnded(Delivery::Sent)), "{error}");
    assert_eq!(client.tools().map(Result::unwrap).count(), 0);
    let error = client.tools().next().unwrap().unwrap_err();
    assert!(matches!(error, Error::StreamEnded(Delivery::Sent)), "{error}");
    peer.finish();
}

/// The same for a connection that ends without an answer: whether the server acted on the call, nobody knows.
#[test]
fn a_call_on_a_connection_that_died_is_not_sent_twice() {
    let (peer, client) = peer(|peer| {
        peer.expect("tools/call").hang_up();
        let next = peer.expect("tools/call");
        assert_eq!(next.json()["params"]["name"], "other");
        next.json_result(DONE);
    });
    let error = client.call("pay", &()).unwrap_err();
    assert!(matches!(&error, Error::Transport(error) if error.delivery == Delivery::Sent), "{error}");
    client.call("other", &()).unwrap();
    peer.finish();
}

/// R-ST-34: the end of the connection says it, and nothing else does.
#[test]
fn what_is_given_up_is_cancelled_by_the_end_of_its_connection() {
    for on_stream in [false, true] {
        let (peer, client) = peer(move |peer| {
            let call = peer.expect("tools/call");
            let _stream = on_stream.then(|| call.open());
            peer.wait_closed(call.connection);
            let call = peer.expect("tools/call");
            let _stream = on_stream.then(|| call.open());
            peer.wait_closed(call.connection);
            let next = peer.expect("tools/call");
            assert_eq!(next.json()["params"]["name"], "next", "no message was sent meanwhile");
            next.json_result(DONE);
        });
        let options = CallOptions::new().timeout(Duration::from_millis(100));
        let error = client.call_with("slow", &(), options).unwrap_err();
        assert!(matches!(error, Error::Timeout(_)), "{error}");
        let job = client.start("slow", &()).unwrap();
        let canceller = job.canceller();
        let cancel = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            canceller.cancel("changed my mind")
        });
        assert!(matches!(job.result(), Err(Error::Cancelled(Delivery::Sent))));
        assert!(cancel.join().unwrap());
        client.call("next", &()).unwrap();
        peer.finish();
    }
}

/// R-ST-16, R-ST-6: such a request is ignored; an answer must not be sent.
#[test]
fn a_request_of_the_server_is_not_answered() {
    let (peer, client) = peer(|peer| {
        let call = peer.expect("tools/call");
        let mut stream = call.open();
        stream.message(r#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#);
        stream.message(r#"{"jsonrpc":"2.0","id":"q","method":7}"#);
        stream.message(r#"[{"jsonrpc":"2.0","id":"r","method":"ping"}]"#);
        stream.reply(&call, DONE);
        end_stream(&call);
        let next = peer.expect("tools/call");
        next.json_result(DONE);
    });
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "done");
    client.call("echo", &()).unwrap();
    peer.finish();
}

/// R-ST-14, R-ST-32: one answer in each of its forms.
#[test]
fn an_answer_is_read_in_each_of_its_forms() {
    let (peer, client) = peer(|peer| {
        peer.expect("tools/call").json_result(DONE);
        peer.expect("tools/call").json_error("404 Not Found", r#"{"code":-32601,"message":"no such method"}"#);
        let call = peer.expect("tools/call");
        let mut stream = call.open();
        stream.message(&format!(r#"{{"jsonrpc":"2.0","id":{},"error":{{"code":-32602,"message":"no"}}}}"#, call.id()));
        end_stream(&call);
        let call = peer.expect("tools/call");
        // No chunks: the stream ends with its connection.
        let mut stream = call.open_unframed();
        stream.reply(&call, DONE);
        stream.end();
        peer.expect("tools/call").status("202 Accepted", "");
        let page = "<p>";
        peer.expect("tools/call")
            .answer(format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 3\r\n\r\n{page}"));
    });
    let call = || client.call("echo", &());
    assert_eq!(call().unwrap().all_text(), "done");
    assert!(matches!(call(), Err(Error::Rpc(error)) if error.code == -32601));
    assert!(matches!(call(), Err(Error::Rpc(error)) if error.code == -32602));
    assert_eq!(call().unwrap().all_text(), "done");
    assert!(matches!(call(), Err(Error::Peer(_))));
    assert!(matches!(call(), Err(Error::Peer(_))));
    peer.finish();
}

/// A body of any length is bounded by the limits, however it is framed.
#[test]
fn an_endless_body_is_cut_off() {
    let (peer, client) = peer(|peer| {
        let call = peer.expect("tools/call");
        call.answer("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
        let chunk = format!("{:x}\r\n{}\r\n", 1 << 16, " ".repeat(1 << 16));
        for _ in 0..128 {
            call.answer(&chunk);
        }
        peer.wait_closed(call.connection);
    });
    let error = client.call("echo", &()).unwrap_err();
    assert!(matches!(error, Error::Limit(_)), "{error}");
    peer.finish();
}

/// Arguments reach the body unchanged, whatever the headers make of them.
#[test]
fn arguments_arrive_unchanged() {
    let arguments = json!({"f": 2.5, "n": null, "s": "a\r\nb", "u": "\u{4e16}"});
    let expected = arguments.clone();
    let (peer, client) = peer(move |peer| {
        let call = peer.expect("tools/call");
        let sent: Value = call.json()["params"]["arguments"].clone();
        assert_eq!(sent, expected);
        call.json_result(DONE);
    });
    client.call("echo", &arguments).unwrap();
    peer.finish();
}

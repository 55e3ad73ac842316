//! Messages that are none, or not the ones that were waited for.

use std::time::Duration;

use mcp_tests::scripted_peer::Peer;
use mcp_tests::streamable_peer::{StreamablePeer, StreamableRequest};

use super::kit::{Case, call, calling, http, in_a_call, meet, sse};

/// A session of Streamable HTTP whose call is answered with this body.
fn answered(body: &'static str) -> impl FnOnce(&mut Peer) + Send + 'static {
    move |peer| {
        peer.shake_streamable();
        peer.expect("tools/call").json_status("200 OK", "", body);
        assert_eq!(peer.request().method, "DELETE");
    }
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "replies to an id that nobody asked with, then to the right one",
        seen: "right",
        within: Duration::ZERO,
        scene: || {
            let script = in_a_call(|_, stream, call| {
                for id in ["99999", "\"1\"", "null", "1.5"] {
                    stream.message(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#));
                }
                stream.reply_text(call, "right");
            });
            meet(script, |origin| call(sse(origin)))
        },
    },
    Case {
        name: "replies twice",
        seen: "first, then another",
        within: Duration::ZERO,
        scene: || {
            let script = in_a_call(|peer, stream, call| {
                stream.reply_text(call, "first");
                stream.reply_text(call, "second");
                let next = peer.request();
                next.accepted();
                stream.reply_text(&next, "another");
            });
            meet(script, |origin| {
                let client = sse(origin).connect().unwrap();
                format!("{}, then {}", calling(&client), calling(&client))
            })
        },
    },
    Case {
        name: "replies before it answers the POST, and never does",
        seen: "early",
        within: Duration::from_millis(500),
        scene: || {
            let script = |peer: &mut Peer| {
                let mut stream = peer.handshake();
                let call = peer.request();
                stream.reply_text(&call, "early");
                peer.wait_closed(call.connection);
            };
            meet(script, |origin| call(sse(origin)))
        },
    },
    Case {
        name: "sends JSON on the stream that is no JSON-RPC, then the reply",
        seen: "a reply",
        within: Duration::ZERO,
        scene: || {
            let script = in_a_call(|_, stream, call| {
                for data in [
                    r#"{"value":42}"#,
                    "Update 0",
                    "[]",
                    "null",
                    "{\"jsonrpc\":\"1.0\",\"id\":1,\"result\":{}}",
                    "\u{0}",
                ] {
                    stream.message(data);
                }
                stream.reply_text(call, "a reply");
            });
            meet(script, |origin| call(sse(origin)))
        },
    },
    Case {
        name: "answers a call with JSON that is no JSON-RPC",
        seen: "error: the server took the request over but its answer is no reply to it",
        within: Duration::ZERO,
        scene: || meet(answered(r#"{"content":[{"type":"text","text":"plain"}]}"#), |origin| call(http(origin))),
    },
    Case {
        name: "answers a call with what is no JSON",
        seen: "error: the server took the request over but its answer is no reply to it",
        within: Duration::ZERO,
        scene: || meet(answered("OK"), |origin| call(http(origin))),
    },
    Case {
        name: "answers a call under another id",
        seen: "error: the server took the request over but its answer is no reply to it",
        within: Duration::ZERO,
        scene: || {
            meet(answered(r#"{"jsonrpc":"2.0","id":99999,"result":{"content":[]}}"#), |origin| call(http(origin)))
        },
    },
    Case {
        name: "answers a call with a result of another form",
        seen: "error: the result of `tools/call` cannot be read: invalid type: integer `7`, expected a sequence at line 1 column 12",
        within: Duration::ZERO,
        scene: || {
            let script = |peer: &mut Peer| {
                peer.shake_streamable();
                peer.expect("tools/call").json_result(r#"{"content":7}"#);
                assert_eq!(peer.request().method, "DELETE");
            };
            meet(script, |origin| call(http(origin)))
        },
    },
    Case {
        name: "answers a call with an error",
        seen: "error: the server answered error -32602: unknown tool",
        within: Duration::ZERO,
        scene: || {
            let script = |peer: &mut Peer| {
                peer.shake_streamable();
                peer.expect("tools/call").json_error("200 OK", r#"{"code":-32602,"message":"unknown tool"}"#);
                assert_eq!(peer.request().method, "DELETE");
            };
            meet(script, |origin| call(http(origin)))
        },
    },
];

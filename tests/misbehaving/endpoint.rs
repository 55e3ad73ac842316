//! HTTP+SSE: the stream that has to say where messages go (R-SSE-17 to R-SSE-20, R-SSE-33).

use std::time::Duration;

use mcp_tests::scripted_peer::Peer;

use super::kit::{Case, SHORT, call, calling, connecting, meet, sse};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "ends the stream before the endpoint",
        seen: "error: the event stream ended before the reply",
        within: Duration::ZERO,
        scene: || meet(|peer| peer.stream().end(), |origin| connecting(sse(origin))),
    },
    Case {
        name: "never sends the endpoint",
        seen: "error: the endpoint deadline passed after 200ms (setting `endpoint_timeout`)",
        within: SHORT,
        scene: || {
            let script = |peer: &mut Peer| {
                let stream = peer.stream();
                peer.wait_closed(stream.connection);
            };
            meet(script, |origin| connecting(sse(origin).endpoint_timeout(SHORT)))
        },
    },
    Case {
        name: "sends messages in its place, without end",
        seen: "error: the event stream does not begin with an `endpoint` event",
        within: Duration::ZERO,
        scene: || {
            let script = |peer: &mut Peer| {
                let mut stream = peer.stream();
                while stream.raw("data: {\"value\":42}\n\n".repeat(64)) {}
            };
            meet(script, |origin| connecting(sse(origin)))
        },
    },
    Case {
        name: "sends it late, after comments and messages",
        seen: "connected: scripted",
        within: Duration::ZERO,
        scene: || {
            let script = |peer: &mut Peer| {
                let mut stream = peer.stream();
                stream.raw(": not yet\n\n");
                stream.message(
                    r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"early"}}"#,
                );
                stream.raw("event: endp");
                stream.raw("oint\r");
                stream.raw("\ndata: /messages\n\n");
                peer.shake(&mut stream);
            };
            meet(script, |origin| connecting(sse(origin)))
        },
    },
    Case {
        name: "announces an endpoint of another origin",
        seen: "error: the server at http://SERVER wants messages sent to http://elsewhere.example, another origin; the setting `message_url` allows it",
        within: Duration::ZERO,
        scene: || {
            let script =
                |peer: &mut Peer| peer.stream().event("endpoint", "http://elsewhere.example/messages?id=secret");
            meet(script, |origin| connecting(sse(origin)))
        },
    },
    Case {
        name: "announces what is no URL",
        seen: "error: the server names a URL that cannot be used: the URL has the host `[::1`, which cannot be read",
        within: Duration::ZERO,
        scene: || {
            let script = |peer: &mut Peer| peer.stream().event("endpoint", "http://[::1/messages");
            meet(script, |origin| connecting(sse(origin)))
        },
    },
    Case {
        name: "announces a second endpoint, of its own",
        seen: "from the first, from the second",
        within: Duration::ZERO,
        scene: || {
            let script = |peer: &mut Peer| {
                let mut stream = peer.handshake();
                let first = peer.request();
                first.accepted();
                stream.event("endpoint", "/second?sessionId=2");
                stream.reply_text(&first, "from the first");
                let second = peer.request();
                second.accepted();
                assert_eq!(second.target, "/second?sessionId=2");
                stream.reply_text(&second, "from the second");
            };
            meet(script, |origin| {
                let client = sse(origin).connect().unwrap();
                format!("{}, {}", calling(&client), calling(&client))
            })
        },
    },
    Case {
        name: "announces a second endpoint, of another origin",
        seen: "error: the server at http://SERVER wants messages sent to http://elsewhere.example, another origin; the setting `message_url` allows it",
        within: Duration::ZERO,
        scene: || {
            let script = |peer: &mut Peer| {
                let mut stream = peer.handshake();
                let call = peer.request();
                call.accepted();
                stream.event("endpoint", "http://elsewhere.example/messages");
                peer.wait_closed(stream.connection);
            };
            meet(script, |origin| call(sse(origin)))
        },
    },
];

//! HTTP that is not what it should be.

use std::time::Duration;

use mcp_tests::scripted_peer::Peer;
use mcp_tests::streamable_peer::{StreamablePeer, StreamableRequest};

use super::kit::{Case, SHORT, call, connecting, http, meet, sse};

const PAGE: &str = "<!DOCTYPE html><title>Sign in</title>";

pub(super) const CASES: &[Case] = &[
    Case {
        name: "answers the GET with a page",
        seen: "error: there is no event stream at this URL but a body that is neither an event stream nor JSON (text/html): <!DOCTYPE html><title>Sign in</title>",
        within: Duration::ZERO,
        scene: || {
            let script = |peer: &mut Peer| {
                let length = PAGE.len();
                peer.request().answer(format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\r\n{PAGE}"
                ));
            };
            meet(script, |origin| connecting(sse(origin)))
        },
    },
    Case {
        name: "answers a call with a page",
        seen: "error: the server answers with a body that is neither an event stream nor JSON (text/html): <!DOCTYPE html><title>Sign in</title>",
        within: Duration::ZERO,
        scene: || {
            let script = |peer: &mut Peer| {
                peer.shake_streamable();
                let length = PAGE.len();
                peer.expect("tools/call").answer(format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\r\n{PAGE}"
                ));
                assert_eq!(peer.request().method, "DELETE");
            };
            meet(script, |origin| call(http(origin)))
        },
    },
    Case {
        name: "accepts and stays silent",
        seen: "error: the endpoint deadline passed after 200ms (setting `endpoint_timeout`); the request had been sent",
        within: SHORT,
        scene: || {
            let script = |peer: &mut Peer| {
                let get = peer.request();
                peer.wait_closed(get.connection);
            };
            meet(script, |origin| connecting(sse(origin).endpoint_timeout(SHORT)))
        },
    },
    Case {
        name: "takes a call and stays silent",
        seen: "error: the call deadline passed after 200ms (setting `call_timeout`); the request had been sent",
        within: SHORT,
        scene: || {
            let script = |peer: &mut Peer| {
                peer.shake_streamable();
                let call = peer.expect("tools/call");
                peer.expect("notifications/cancelled").taken();
                peer.wait_closed(call.connection);
            };
            meet(script, |origin| {
                let client = http(origin).connect().unwrap();
                match client.call_with("echo", &(), mcp_sse_blocking::CallOptions::new().timeout(SHORT)) {
                    Ok(result) => result.all_text(),
                    Err(error) => super::kit::said(&error),
                }
            })
        },
    },
    Case {
        name: "closes a new connection without an answer",
        seen: "error: opening the event stream at http://SERVER: the server closed the connection; the request had been sent",
        within: Duration::ZERO,
        scene: || {
            let script = |peer: &mut Peer| peer.request().hang_up();
            meet(script, |origin| connecting(sse(origin)))
        },
    },
    Case {
        name: "closes the connection of a call without an answer",
        seen: "error: sending a message to http://SERVER: the server closed the connection; the request had been sent",
        within: Duration::ZERO,
        scene: || {
            let script = |peer: &mut Peer| {
                peer.shake_streamable();
                peer.expect("tools/call").hang_up();
                assert_eq!(peer.request().method, "DELETE");
            };
            meet(script, |origin| call(http(origin)))
        },
    },
    Case {
        name: "redirects the stream within its origin",
        seen: "connected: scripted",
        within: Duration::ZERO,
        scene: || {
            let script = |peer: &mut Peer| {
                peer.request()
                    .answer("HTTP/1.1 307 Temporary Redirect\r\nLocation: /v2/sse\r\nContent-Length: 0\r\n\r\n");
                let mut stream = peer.handshake();
                stream.raw(": open\n\n");
            };
            meet(script, |origin| connecting(sse(origin)))
        },
    },
    Case {
        name: "redirects the stream to another origin",
        seen: "error: a redirect leads from http://SERVER to http://elsewhere.example, another origin; connect to the new URL if it is meant",
        within: Duration::ZERO,
        scene: || {
            let script = |peer: &mut Peer| {
                peer.request().answer(
                    "HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example/sse?token=secret\r\nContent-Length: 0\r\n\r\n",
                );
            };
            meet(script, |origin| connecting(sse(origin)))
        },
    },
    Case {
        name: "redirects in a circle",
        seen: "error: more than 5 redirects",
        within: Duration::ZERO,
        scene: || {
            let script = |peer: &mut Peer| {
                let mut last = peer.request();
                for _ in 0..mcp_core::http::endpoint::MAX_REDIRECTS {
                    last.answer("HTTP/1.1 307 Temporary Redirect\r\nLocation: /sse\r\nContent-Length: 0\r\n\r\n");
                    last = peer.request();
                }
                last.answer("HTTP/1.1 307 Temporary Redirect\r\nLocation: /sse\r\nContent-Length: 0\r\n\r\n");
            };
            meet(script, |origin| connecting(sse(origin)))
        },
    },
    Case {
        name: "sends headers without end",
        seen: "error: the server's HTTP cannot be understood: http parse resulted in too many headers",
        within: Duration::ZERO,
        scene: || {
            let script = |peer: &mut Peer| {
                let get = peer.request();
                get.answer("HTTP/1.1 200 OK\r\n");
                get.answer("X-Filler: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n".repeat(2000));
            };
            meet(script, |origin| connecting(sse(origin)))
        },
    },
    Case {
        name: "speaks something else than HTTP",
        seen: "error: the server's HTTP cannot be understood: http parse fail: invalid HTTP version",
        within: Duration::ZERO,
        scene: || {
            let script = |peer: &mut Peer| {
                let get = peer.request();
                get.answer("220 mail.example ESMTP\r\n\r\n");
                get.hang_up();
            };
            meet(script, |origin| connecting(sse(origin)))
        },
    },
    Case {
        name: "sends a body of a gigabyte",
        seen: "error: a message is longer than 4194304 (limit `message_bytes`)",
        within: Duration::ZERO,
        scene: || {
            let script = |peer: &mut Peer| {
                peer.shake_streamable();
                let call = peer.expect("tools/call");
                call.answer(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1073741824\r\n\r\n{\"a\":\"",
                );
                // As much as is taken.
                let block = "x".repeat(1 << 20);
                for _ in 0..12 {
                    call.answer(&block);
                }
                assert_eq!(peer.request().method, "DELETE");
            };
            meet(script, |origin| call(http(origin)))
        },
    },
];

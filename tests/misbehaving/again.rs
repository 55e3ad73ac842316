//! Servers that refuse at first, and what is tried again: within its deadline, where the policy and the refusal allow it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mcp_sse_blocking::credentials::{self, Credential};
use mcp_sse_blocking::{Builder, Reconnect};
use mcp_tests::scripted_peer::Peer;
use mcp_tests::streamable_peer::{StreamablePeer, StreamableRequest};

use super::kit::{Case, SHORT, call, connecting, http, meet, sse};

/// A policy whose pauses are as short as they can be.
fn policy() -> Reconnect {
    Reconnect::new().interval(Duration::ZERO).longest(Duration::from_millis(50)).attempts(Some(3))
}

/// A provider that has a new token each time it is refused.
fn with_new_tokens(builder: Builder) -> Builder {
    builder.credentials(credentials::from_fn(|ask| {
        Ok(Some(Credential::bearer(if ask.rejected().is_some() { "new" } else { "old" })))
    }))
}

/// The session that ends with the case.
fn served(peer: &mut Peer) {
    peer.shake_streamable();
    peer.expect("tools/call").json_text("served");
    assert_eq!(peer.request().method, "DELETE");
}

fn unauthorized(peer: &mut Peer) {
    let answer =
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer error=\"invalid_token\"\r\nContent-Length: 0\r\n\r\n";
    peer.request().answer(answer);
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "503 to the handshake, then fine",
        seen: "served",
        within: Duration::from_secs(1),
        scene: || {
            let script = |peer: &mut Peer| {
                peer.expect("initialize").status("503 Service Unavailable", "");
                served(peer);
            };
            meet(script, |origin| call(http(origin).reconnect(policy())))
        },
    },
    Case {
        name: "503 to a call, with Retry-After: 0, then fine",
        seen: "served",
        within: Duration::from_secs(1),
        scene: || {
            let script = |peer: &mut Peer| {
                peer.shake_streamable();
                let call = peer.expect("tools/call");
                call.answer("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n");
                peer.expect("tools/call").json_text("served");
                assert_eq!(peer.request().method, "DELETE");
            };
            meet(script, |origin| call(http(origin).reconnect(policy())))
        },
    },
    Case {
        name: "503 to a call, as a proxy that lost the server says it",
        seen: "error: HTTP status 503, the server is too busy",
        within: Duration::from_millis(500),
        scene: || {
            let script = |peer: &mut Peer| {
                peer.shake_streamable();
                peer.expect("tools/call").status("503 Service Unavailable", "");
                assert_eq!(peer.request().method, "DELETE");
            };
            meet(script, |origin| call(http(origin).reconnect(policy())))
        },
    },
    Case {
        name: "503 to a call, and nobody said to try again",
        seen: "error: HTTP status 503, the server is too busy",
        within: Duration::from_millis(500),
        scene: || {
            let script = |peer: &mut Peer| {
                peer.shake_streamable();
                peer.expect("tools/call").status("503 Service Unavailable", "");
                assert_eq!(peer.request().method, "DELETE");
            };
            meet(script, |origin| call(http(origin)))
        },
    },
    Case {
        name: "503 to the stream, then fine",
        seen: "connected: scripted",
        within: Duration::from_secs(1),
        scene: || {
            let script = |peer: &mut Peer| {
                peer.request().status("503 Service Unavailable", "");
                let mut stream = peer.handshake();
                stream.raw(": open\n\n");
            };
            meet(script, |origin| connecting(sse(origin).reconnect(policy())))
        },
    },
    Case {
        name: "503 for ever",
        seen: "error: HTTP status 503, the server is too busy",
        within: Duration::from_secs(1),
        scene: || {
            let script = |peer: &mut Peer| {
                for _ in 0..4 {
                    peer.expect("initialize").status("503 Service Unavailable", "");
                }
            };
            meet(script, |origin| connecting(http(origin).reconnect(policy())))
        },
    },
    Case {
        name: "429 with Retry-After: 1, then fine",
        seen: "served",
        within: Duration::from_secs(2),
        scene: || {
            let script = |peer: &mut Peer| {
                peer.shake_streamable();
                peer.expect("tools/call")
                    .answer("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n");
                peer.expect("tools/call").json_text("served");
                assert_eq!(peer.request().method, "DELETE");
            };
            meet(script, |origin| call(http(origin).reconnect(policy())))
        },
    },
    Case {
        name: "429 with a Retry-After beyond the deadline",
        seen: "error: HTTP status 429, the server is too busy (it asks to wait 3600s)",
        within: Duration::from_millis(500),
        scene: || {
            let script = |peer: &mut Peer| {
                peer.shake_streamable();
                peer.expect("tools/call")
                    .answer("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n");
                assert_eq!(peer.request().method, "DELETE");
            };
            meet(script, |origin| call(http(origin).reconnect(policy())))
        },
    },
    Case {
        name: "401 to the handshake, then fine",
        seen: "served",
        within: Duration::from_millis(500),
        scene: || {
            let script = |peer: &mut Peer| {
                unauthorized(peer);
                served(peer);
            };
            meet(script, |origin| call(with_new_tokens(http(origin))))
        },
    },
    Case {
        name: "401 to a call, then fine",
        seen: "served",
        within: Duration::from_millis(500),
        scene: || {
            let script = |peer: &mut Peer| {
                peer.shake_streamable();
                unauthorized(peer);
                let again = peer.expect("tools/call");
                assert_eq!(again.header("authorization"), Some("Bearer new"));
                again.json_text("served");
                assert_eq!(peer.request().method, "DELETE");
            };
            meet(script, |origin| call(with_new_tokens(http(origin))))
        },
    },
    Case {
        name: "401 for ever",
        seen: "error: HTTP status 401, credentials are missing or wrong (settings `bearer`, `credentials`)",
        within: Duration::ZERO,
        scene: || {
            let script = |peer: &mut Peer| {
                unauthorized(peer);
                unauthorized(peer);
            };
            meet(script, |origin| connecting(with_new_tokens(http(origin))))
        },
    },
    Case {
        name: "403 and what is missing",
        seen: "error: HTTP status 403, the server refuses this client, its origin or its host (it asks for the scope `files:write`)",
        within: Duration::ZERO,
        scene: || {
            let script = |peer: &mut Peer| {
                peer.request().answer(
                    "HTTP/1.1 403 Forbidden\r\nWWW-Authenticate: Bearer error=\"insufficient_scope\", scope=\"files:write\"\r\nContent-Length: 0\r\n\r\n",
                );
            };
            meet(script, |origin| connecting(http(origin).bearer("secret")))
        },
    },
    Case {
        name: "refuses connections, then is up",
        seen: "served",
        within: Duration::from_secs(2),
        scene: || {
            // A port that nobody listens at until the second attempt, before which the client asks for credentials.
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            drop(listener);
            let (started, server) = crossbeam_channel::bounded(1);
            let asked = AtomicUsize::new(0);
            let provider = credentials::from_fn(move |_| {
                if asked.fetch_add(1, Ordering::Relaxed) == 1 {
                    started.send(Peer::run_at(address, served)).unwrap();
                }
                Ok(None)
            });
            let seen = call(http(&format!("http://{address}")).reconnect(policy()).credentials(provider));
            server.recv_timeout(super::kit::PATIENT).unwrap().finish();
            seen
        },
    },
    Case {
        name: "refuses connections for ever",
        seen: "error: sending a message to http://SERVER: Connection refused (os error 111)",
        within: SHORT,
        scene: || {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            drop(listener);
            connecting(http(&format!("http://{address}"))).replace(&address.to_string(), "SERVER")
        },
    },
];

//! A server that has to be found out, and answers the probes wrongly: each row of the order of detection.

use std::time::Duration;

use mcp_tests::scripted_peer::{Peer, Request};
use mcp_tests::streamable_peer::{RESULT_2025, StreamablePeer, StreamableRequest};

use super::kit::{Case, SHORT, connecting, finding_out, meet};

fn probe(peer: &mut Peer) -> Request {
    peer.expect("server/discover")
}

/// What comes of finding out what such a server speaks.
fn found(script: fn(&mut Peer)) -> String {
    meet(script, |origin| connecting(finding_out(origin)))
}

/// The error for a revision that is not served.
fn unsupported(supported: &[&str]) -> String {
    serde_json::json!({"code": -32022, "message": "unsupported", "data": {"supported": supported, "requested": "2026-07-28"}})
        .to_string()
}

/// What web servers answer to everything.
fn page() -> String {
    let page = "<html></html>";
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{page}", page.len())
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "discover: serves a revision of the future only",
        seen: "error: the server speaks 2099-01-01, none of which can be used (`server/discover` of 2026-07-28: a result)",
        within: Duration::ZERO,
        scene: || {
            found(|peer| {
                probe(peer).json_result(
                    r#"{"supportedVersions":["2099-01-01"],"capabilities":{},"serverInfo":{"name":"x","version":"1"}}"#,
                );
            })
        },
    },
    Case {
        name: "discover: a result without revisions",
        seen: "connected: scripted",
        within: Duration::ZERO,
        scene: || {
            found(|peer| {
                probe(peer).json_result("{}");
                peer.shake_streamable();
                assert_eq!(peer.request().method, "DELETE");
            })
        },
    },
    Case {
        name: "discover: refuses the revision, twice",
        seen: "error: the server refuses revision 2026-07-28 and lists it as supported (`server/discover` of 2026-07-28: status 400 with error -32022: unsupported; `server/discover` of 2026-07-28: status 400 with error -32022: unsupported)",
        within: Duration::ZERO,
        scene: || {
            found(|peer| {
                for _ in 0..2 {
                    probe(peer).json_error("400 Bad Request", &unsupported(&["2026-07-28"]));
                }
            })
        },
    },
    Case {
        name: "discover: refuses the revision and names older ones",
        seen: "connected: scripted",
        within: Duration::ZERO,
        scene: || {
            found(|peer| {
                probe(peer).json_error("400 Bad Request", &unsupported(&["2025-11-25"]));
                peer.shake_streamable();
                assert_eq!(peer.request().method, "DELETE");
            })
        },
    },
    Case {
        name: "discover: refuses the revision and names unknown ones",
        seen: "error: the server speaks 2099-01-01, draft, none of which can be used (`server/discover` of 2026-07-28: status 400 with error -32022: unsupported)",
        within: Duration::ZERO,
        scene: || {
            found(|peer| {
                probe(peer).json_error("400 Bad Request", &unsupported(&["2099-01-01", "draft"]));
            })
        },
    },
    Case {
        name: "discover: refuses the revision and names none",
        seen: "error: the server refuses the revision and names no other (`server/discover` of 2026-07-28: status 400 with error -32022: unsupported)",
        within: Duration::ZERO,
        scene: || {
            found(|peer| {
                probe(peer).json_error("400 Bad Request", r#"{"code":-32022,"message":"unsupported"}"#);
            })
        },
    },
    Case {
        name: "discover: finds headers and body at odds",
        seen: "error: the server answered error -32020: mismatch",
        within: Duration::ZERO,
        scene: || {
            found(|peer| {
                probe(peer).json_error("400 Bad Request", r#"{"code":-32020,"message":"mismatch"}"#);
            })
        },
    },
    Case {
        name: "discover: misses a capability",
        seen: "error: the server answered error -32021: capability",
        within: Duration::ZERO,
        scene: || {
            found(|peer| {
                probe(peer).json_error("400 Bad Request", r#"{"code":-32021,"message":"capability"}"#);
            })
        },
    },
    Case {
        name: "discover: 404 and an unknown method",
        seen: "connected: scripted",
        within: Duration::ZERO,
        scene: || {
            found(|peer| {
                probe(peer).json_error("404 Not Found", r#"{"code":-32601,"message":"unknown method"}"#);
                peer.shake_streamable();
                assert_eq!(peer.request().method, "DELETE");
            })
        },
    },
    Case {
        name: "discover: 200 and an error of its own",
        seen: "connected: scripted",
        within: Duration::ZERO,
        scene: || {
            found(|peer| {
                probe(peer).json_error("200 OK", r#"{"code":-32000,"message":"not initialized"}"#);
                peer.shake_streamable();
                assert_eq!(peer.request().method, "DELETE");
            })
        },
    },
    Case {
        name: "discover: 400 and text",
        seen: "connected: scripted",
        within: Duration::ZERO,
        scene: || {
            found(|peer| {
                probe(peer).status("400 Bad Request", "Missing session ID");
                peer.shake_streamable();
                assert_eq!(peer.request().method, "DELETE");
            })
        },
    },
    Case {
        name: "discover: 405",
        seen: "connected: scripted",
        within: Duration::ZERO,
        scene: || {
            found(|peer| {
                probe(peer).status("405 Method Not Allowed", "");
                peer.shake_streamable();
                assert_eq!(peer.request().method, "DELETE");
            })
        },
    },
    Case {
        name: "discover: a page",
        seen: "connected: scripted",
        within: Duration::ZERO,
        scene: || {
            found(|peer| {
                probe(peer).answer(page());
                peer.shake_streamable();
                assert_eq!(peer.request().method, "DELETE");
            })
        },
    },
    Case {
        name: "discover: 202 and nothing",
        seen: "connected: scripted",
        within: Duration::ZERO,
        scene: || {
            found(|peer| {
                probe(peer).taken();
                peer.shake_streamable();
                assert_eq!(peer.request().method, "DELETE");
            })
        },
    },
    Case {
        name: "discover: an event stream that ends at once",
        seen: "error: the event stream ended before the reply; the request had been sent",
        within: Duration::ZERO,
        scene: || {
            found(|peer| {
                let probe = probe(peer);
                probe.open();
                mcp_tests::streamable_peer::end_stream(&probe);
            })
        },
    },
    Case {
        name: "discover: 401",
        seen: "error: HTTP status 401, credentials are missing or wrong (settings `bearer`, `credentials`)",
        within: Duration::ZERO,
        scene: || {
            found(|peer| {
                probe(peer).answer(
                    "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"x\"\r\nContent-Length: 0\r\n\r\n",
                );
            })
        },
    },
    Case {
        name: "discover: 403",
        seen: "error: HTTP status 403, the server refuses this client, its origin or its host: no",
        within: Duration::ZERO,
        scene: || {
            found(|peer| {
                probe(peer).status("403 Forbidden", "no");
            })
        },
    },
    Case {
        name: "discover: 429",
        seen: "error: HTTP status 429, the server is too busy (it asks to wait 7s)",
        within: Duration::ZERO,
        scene: || {
            found(|peer| {
                probe(peer).answer("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n");
            })
        },
    },
    Case {
        name: "discover: 500",
        seen: "error: HTTP status 500, the server failed: boom",
        within: Duration::ZERO,
        scene: || {
            found(|peer| {
                probe(peer).status("500 Internal Server Error", "boom");
            })
        },
    },
    Case {
        name: "discover: 503",
        seen: "error: HTTP status 503, the server is too busy",
        within: Duration::ZERO,
        scene: || {
            found(|peer| {
                probe(peer).status("503 Service Unavailable", "");
            })
        },
    },
    Case {
        name: "discover: silence",
        seen: "error: the initialize deadline passed after 200ms (setting `call_timeout`); the request had been sent",
        within: SHORT,
        scene: || {
            let script = |peer: &mut Peer| {
                let probe = probe(peer);
                peer.wait_closed(probe.connection);
            };
            meet(script, |origin| connecting(finding_out(origin).call_timeout(SHORT)))
        },
    },
    Case {
        name: "discover: hangs up",
        seen: "error: sending a message to http://SERVER: the server closed the connection; the request had been sent",
        within: Duration::ZERO,
        scene: || {
            found(|peer| {
                probe(peer).hang_up();
            })
        },
    },
    Case {
        name: "initialize: 404, and a GET that is none",
        seen: "error: no MCP server was found (`server/discover` of 2026-07-28: status 404; `initialize`: status 404; an event stream: status 405)",
        within: Duration::ZERO,
        scene: || {
            found(|peer| {
                probe(peer).status("404 Not Found", "");
                peer.expect("initialize").status("404 Not Found", "");
                peer.request().status("405 Method Not Allowed", "");
            })
        },
    },
    Case {
        name: "initialize: 404, and a stream whose first event is no endpoint",
        seen: "error: no MCP server was found (`server/discover` of 2026-07-28: status 404; `initialize`: status 404; an event stream: the event stream does not begin with an `endpoint` event)",
        within: Duration::ZERO,
        scene: || {
            found(|peer| {
                probe(peer).status("404 Not Found", "");
                peer.expect("initialize").status("404 Not Found", "");
                let mut stream = peer.stream();
                stream.raw("data: Update 0\n\n".repeat(100));
                stream.end();
            })
        },
    },
    Case {
        name: "initialize: 404, and a page",
        seen: "error: no MCP server was found (`server/discover` of 2026-07-28: status 404; `initialize`: status 404; an event stream: there is no event stream at this URL but a body that is neither an event stream ...)",
        within: Duration::ZERO,
        scene: || {
            found(|peer| {
                probe(peer).status("404 Not Found", "");
                peer.expect("initialize").status("404 Not Found", "");
                peer.request().answer(page());
            })
        },
    },
    Case {
        name: "initialize: 404, and a silent stream",
        seen: "error: the endpoint deadline passed after 200ms (setting `endpoint_timeout`)",
        within: SHORT,
        scene: || {
            let script = |peer: &mut Peer| {
                probe(peer).status("404 Not Found", "");
                peer.expect("initialize").status("404 Not Found", "");
                let stream = peer.stream();
                peer.wait_closed(stream.connection);
            };
            meet(script, |origin| connecting(finding_out(origin).endpoint_timeout(SHORT)))
        },
    },
    Case {
        name: "initialize: 401",
        seen: "error: HTTP status 401, credentials are missing or wrong (settings `bearer`, `credentials`)",
        within: Duration::ZERO,
        scene: || {
            found(|peer| {
                probe(peer).status("404 Not Found", "");
                peer.expect("initialize").status("401 Unauthorized", "");
            })
        },
    },
    Case {
        name: "initialize: 500",
        seen: "error: no MCP server was found (`server/discover` of 2026-07-28: status 404; `initialize`: status 500)",
        within: Duration::ZERO,
        scene: || {
            found(|peer| {
                probe(peer).status("404 Not Found", "");
                peer.expect("initialize").status("500 Internal Server Error", "boom");
            })
        },
    },
    Case {
        name: "initialize: a revision of the future",
        seen: "error: the server chose protocol revision `2099-01-01`, which is not known here or has no handshake",
        within: Duration::ZERO,
        scene: || {
            found(|peer| {
                probe(peer).status("404 Not Found", "");
                peer.expect("initialize").json_result(&RESULT_2025.replace("2025-11-25", "2099-01-01"));
            })
        },
    },
    Case {
        name: "initialize: a result of another form",
        seen: "error: the result of `initialize` cannot be read: the server's answer to `initialize` is malformed: missing field `protocolVersion` at line 1 column 11",
        within: Duration::ZERO,
        scene: || {
            found(|peer| {
                probe(peer).status("404 Not Found", "");
                peer.expect("initialize").json_result(r#"{"ok":true}"#);
            })
        },
    },
    Case {
        name: "initialize: a page",
        seen: "error: no MCP server was found (`server/discover` of 2026-07-28: status 404; `initialize`: status 200 without a message of MCP; an event stream: there is no event stream at this URL but a body that is neither an event stream ...)",
        within: Duration::ZERO,
        scene: || {
            found(|peer| {
                probe(peer).status("404 Not Found", "");
                peer.expect("initialize").answer(page());
                peer.request().answer(page());
            })
        },
    },
    Case {
        name: "initialize: silence",
        seen: "error: the initialize deadline passed after 200ms (setting `call_timeout`); the request had been sent",
        within: SHORT,
        scene: || {
            let script = |peer: &mut Peer| {
                probe(peer).status("404 Not Found", "");
                let initialize = peer.expect("initialize");
                peer.wait_closed(initialize.connection);
            };
            meet(script, |origin| connecting(finding_out(origin).call_timeout(SHORT)))
        },
    },
];

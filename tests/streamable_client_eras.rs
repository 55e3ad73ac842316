//! Which era a server belongs to, found by asking: one scripted server for each row of the detection table, with the exact
//! sequence of requests and the verdict.

use std::time::Duration;

use mcp_core::revision::ProtocolVersion;
use mcp_sse_blocking::{Builder, Client, Error, PeerError, Transport, Via};
use mcp_tests::scripted_peer::{ENDPOINT, Peer, Running};
use mcp_tests::streamable_peer::{RESULT_2025, StreamablePeer as _, StreamableRequest as _, end_stream};
use serde_json::json;

const DISCOVERED: &str = r#"{"supportedVersions":["2026-07-28","2025-11-25"],"capabilities":{"tools":{}},"instructions":"ask nicely","resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"scripted","version":"1"}}}"#;

fn builder(url: &str) -> Builder {
    Client::builder(url).connect_timeout(Duration::from_secs(5)).call_timeout(Duration::from_secs(5))
}

/// Takes `server/discover`, which must be as the revision wants it (R-ST-5 to R-ST-11).
fn expect_discover(peer: &mut Peer) -> mcp_tests::scripted_peer::Request {
    let discover = peer.expect("server/discover");
    assert_eq!(discover.header("mcp-protocol-version"), Some("2026-07-28"));
    assert_eq!(discover.header("mcp-method"), Some("server/discover"));
    assert_eq!(discover.header("mcp-name"), None);
    assert_eq!(discover.header("mcp-session-id"), None);
    assert_eq!(discover.header("accept"), Some("application/json, text/event-stream"));
    let meta = &discover.json()["params"]["_meta"];
    assert_eq!(meta["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
    assert!(meta["io.modelcontextprotocol/clientCapabilities"].is_object());
    assert!(meta["io.modelcontextprotocol/clientInfo"]["name"].is_string());
    discover
}

fn check(peer: Running<()>, via: Via, version: ProtocolVersion, requests: usize) -> Client {
    let client = builder(&peer.url("/mcp")).connect().expect("it connects");
    let found = client.connection();
    assert_eq!((found.via, found.version, found.requests), (via, version, requests), "{found}");
    assert_eq!(client.server_info().name, "scripted");
    peer.finish();
    client
}

fn refused(peer: Running<()>) -> Error {
    let error = builder(&peer.url("/mcp")).connect().expect_err("it must not connect");
    peer.finish();
    error
}

/// Row 1 of the table.
#[test]
fn a_stateless_server_is_found_with_the_first_request() {
    for on_stream in [false, true] {
        let peer = Peer::run(move |peer| {
            let discover = expect_discover(peer);
            if on_stream {
                let mut stream = discover.open();
                stream.reply(&discover, DISCOVERED);
                end_stream(&discover);
            } else {
                discover.json_result(DISCOVERED);
            }
            let call = peer.expect("tools/call");
            assert_eq!(call.header("mcp-protocol-version"), Some("2026-07-28"));
            assert_eq!(call.header("mcp-method"), Some("tools/call"));
            assert_eq!(call.header("mcp-name"), Some("echo"));
            assert_eq!(call.header("mcp-session-id"), None);
            call.json_result(r#"{"resultType":"complete","content":[{"type":"text","text":"hi"}]}"#);
            peer.wait_closed(call.connection);
            assert!(peer.is_quiet(), "there is no session to end");
        });
        let client = builder(&peer.url("/mcp")).connect().unwrap();
        assert_eq!(client.connection().requests, 1);
        assert_eq!(client.protocol_version(), ProtocolVersion::V2026_07_28);
        assert_eq!(client.instructions(), Some("ask nicely"));
        assert_eq!(client.call("echo", &()).unwrap().all_text(), "hi");
        drop(client);
        peer.finish();
    }
}

/// Row 2: -32022 with a revision in common is asked again with it, once (rule 7 of the negotiation).
#[test]
fn a_refused_revision_is_asked_again_once() {
    let refusal =
        r#"{"code":-32022,"message":"not served","data":{"supported":["2026-07-28"],"requested":"2026-07-28"}}"#;
    let peer = Peer::run(move |peer| {
        expect_discover(peer).json_error("400 Bad Request", refusal);
        expect_discover(peer).json_result(DISCOVERED);
    });
    check(peer, Via::StreamableHttp, ProtocolVersion::V2026_07_28, 2);
    let peer = Peer::run(move |peer| {
        expect_discover(peer).json_error("400 Bad Request", refusal);
        expect_discover(peer).json_error("400 Bad Request", refusal);
    });
    let error = refused(peer);
    assert!(error.to_string().contains("2026-07-28"), "{error}");
}

/// Row 2: only revisions with a handshake are listed.
#[test]
fn a_server_that_lists_only_older_revisions_is_shaken_hands_with() {
    let refusal =
        r#"{"code":-32022,"message":"not served","data":{"supported":["2025-06-18"],"requested":"2026-07-28"}}"#;
    let listed = r#"{"supportedVersions":["2025-06-18"],"capabilities":{},"resultType":"complete"}"#;
    for refuses in [true, false] {
        let peer = Peer::run(move |peer| {
            let discover = expect_discover(peer);
            if refuses {
                discover.json_error("400 Bad Request", refusal)
            } else {
                discover.json_result(listed)
            }
            peer.shake_streamable_as("", &RESULT_2025.replace("2025-11-25", "2025-06-18"));
        });
        check(peer, Via::StreamableHttp, ProtocolVersion::V2025_06_18, 2);
    }
}

/// Row 2: nothing in common; never a blind fallback.
#[test]
fn a_server_without_a_revision_in_common_is_an_error_that_names_its_revisions() {
    let refusal =
        r#"{"code":-32022,"message":"not served","data":{"supported":["2031-01-01"],"requested":"2026-07-28"}}"#;
    let peer = Peer::run(move |peer| expect_discover(peer).json_error("400 Bad Request", refusal));
    let error = refused(peer);
    assert!(error.to_string().contains("2031-01-01"), "{error}");
}

/// Row 3: a modern error is no reason to fall back.
#[test]
fn a_server_of_the_era_that_refuses_the_request_is_not_asked_otherwise() {
    for code in [-32020, -32021] {
        let peer = Peer::run(move |peer| {
            expect_discover(peer).json_error("400 Bad Request", &format!(r#"{{"code":{code},"message":"no"}}"#));
        });
        let error = refused(peer);
        assert!(matches!(error, Error::Rpc(_) | Error::Peer(PeerError::Undetected(_))), "{error:?}");
    }
}

/// Rows 4 and 7: whatever an older server answers to what it does not know.
#[test]
fn an_older_server_is_shaken_hands_with_whatever_it_answers_first() {
    let not_found = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found"}}"#;
    let no_session = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Bad Request: no session"}}"#;
    for (status, body) in [
        ("404 Not Found", not_found),
        ("200 OK", not_found),
        ("400 Bad Request", no_session),
        ("404 Not Found", ""),
        ("405 Method Not Allowed", ""),
        ("406 Not Acceptable", no_session),
        ("422 Unprocessable Content", "{}"),
    ] {
        let peer = Peer::run(move |peer| {
            expect_discover(peer).json_status(status, "", body);
            peer.shake_streamable_as("", RESULT_2025);
        });
        check(peer, Via::StreamableHttp, ProtocolVersion::V2025_11_25, 2);
    }
}

/// Row 5: 401 and 403 are no evidence; the challenge is the error.
#[test]
fn an_unauthorized_client_learns_how_to_authorize() {
    let peer = Peer::run(|peer| {
        expect_discover(peer).json_status("401 Unauthorized", "WWW-Authenticate: Bearer scope=\"a\"\r\n", "{}");
    });
    let Error::Status(status) = refused(peer) else { panic!("a status") };
    assert_eq!((status.code, status.www_authenticate), (401, vec!["Bearer scope=\"a\"".to_owned()]));
    let peer = Peer::run(|peer| {
        expect_discover(peer).status("404 Not Found", "");
        peer.expect("initialize").status("403 Forbidden", "not you");
    });
    let Error::Status(status) = refused(peer) else { panic!("a status") };
    assert_eq!(status.code, 403);
}

/// Row 6: how the server is says nothing of what it is.
#[test]
fn a_busy_or_silent_server_is_an_error_and_not_an_older_one() {
    for status in ["500 Internal Server Error", "503 Service Unavailable", "429 Too Many Requests"] {
        let peer = Peer::run(move |peer| expect_discover(peer).status(status, ""));
        let Error::Status(found) = refused(peer) else { panic!("a status") };
        assert!(status.starts_with(&found.code.to_string()));
    }
    let peer = Peer::run(|peer| {
        let discover = expect_discover(peer);
        peer.wait_closed(discover.connection);
    });
    let error = builder(&peer.url("/mcp")).call_timeout(Duration::from_millis(200)).connect().unwrap_err();
    assert!(matches!(error, Error::Timeout(timeout) if timeout.setting() == "call_timeout"), "{error}");
    peer.finish();
    let peer = Peer::run(|peer| expect_discover(peer).hang_up());
    assert!(matches!(refused(peer), Error::Transport(_)));
}

/// Step 3: HTTP+SSE, recognised by its first event.
#[test]
fn a_server_of_http_sse_is_found_with_the_third_request() {
    for (first, second) in [("405 Method Not Allowed", "405 Method Not Allowed"), ("404 Not Found", "400 Bad Request")]
    {
        let peer = Peer::run(move |peer| {
            expect_discover(peer).status(first, "");
            peer.expect("initialize").status(second, "");
            let mut stream = peer.stream();
            stream.event("endpoint", ENDPOINT);
            peer.shake(&mut stream);
            peer.wait_closed(stream.connection);
        });
        let client = builder(&peer.url("/sse")).connect().unwrap();
        let found = client.connection();
        assert_eq!((found.via, found.requests), (Via::HttpSse, 3), "{found}");
        drop(client);
        peer.finish();
    }
}

/// Step 3: anything else fails, and the error tells all three attempts.
#[test]
fn what_is_no_server_at_all_is_told_with_every_attempt() {
    let peer = Peer::run(|peer| {
        expect_discover(peer).status("404 Not Found", "");
        peer.expect("initialize").status("404 Not Found", "");
        let get = peer.request();
        assert_eq!(get.method, "GET");
        get.status("404 Not Found", "");
    });
    let error = refused(peer);
    assert!(matches!(error, Error::Peer(PeerError::Undetected(_))), "{error}");
    let text = error.to_string();
    for attempt in ["server/discover", "initialize", "event stream"] {
        assert!(text.contains(attempt), "{text}");
    }
    // A success that is no MCP is what some web servers answer to everything.
    let peer = Peer::run(|peer| {
        for _ in 0..3 {
            let page = "<html></html>";
            let length = page.len();
            peer.request().answer(format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\r\n{page}"
            ));
        }
    });
    let error = refused(peer);
    assert!(matches!(error, Error::Peer(PeerError::Undetected(_))), "{error}");
}

/// Rules 1 to 4 of the handshake: an answer in a revision that is not known ends it.
#[test]
fn a_handshake_in_an_unknown_revision_is_an_error() {
    for version in ["2099-01-01", "latest", "2026-07-28"] {
        let peer = Peer::run(move |peer| {
            expect_discover(peer).status("404 Not Found", "");
            let result = RESULT_2025.replace("2025-11-25", version);
            peer.expect("initialize").json_result(&result);
        });
        let error = refused(peer);
        assert!(matches!(&error, Error::Peer(PeerError::ProtocolVersion(named)) if named == version), "{error}");
    }
}

/// The verdict is cached by URL: an older server is not asked again what it does not know; a stale verdict recovers.
#[test]
fn a_known_server_is_not_asked_again_and_a_stale_verdict_recovers() {
    let peer = Peer::run(|peer| {
        expect_discover(peer).status("404 Not Found", "");
        peer.shake_streamable_as("", RESULT_2025);
        // Known.
        peer.shake_streamable_as("", RESULT_2025);
        // Another server answers at this URL now, which has no handshake.
        let refusal = r#"{"code":-32022,"message":"no handshake","data":{"supported":["2026-07-28"]}}"#;
        peer.expect("initialize").json_error("400 Bad Request", refusal);
        expect_discover(peer).json_result(DISCOVERED);
        // And the verdict is that.
        expect_discover(peer).json_result(DISCOVERED);
    });
    let url = peer.url("/mcp");
    let found = || {
        let client = builder(&url).connect().unwrap();
        (client.protocol_version().as_str(), client.connection().requests)
    };
    assert_eq!(found(), ("2025-11-25", 2));
    assert_eq!(found(), ("2025-11-25", 1));
    assert_eq!(found(), ("2026-07-28", 2));
    assert_eq!(found(), ("2026-07-28", 1));
    peer.finish();
}

/// The same for HTTP+SSE, whose server may speak something newer one day.
#[test]
fn a_known_server_of_http_sse_is_opened_at_once() {
    let peer = Peer::run(|peer| {
        expect_discover(peer).status("404 Not Found", "");
        peer.expect("initialize").status("404 Not Found", "");
        drop(peer.handshake());
        drop(peer.handshake());
        // Its stream is gone: it is found anew.
        let get = peer.request();
        assert_eq!(get.method, "GET");
        get.status("404 Not Found", "");
        expect_discover(peer).status("404 Not Found", "");
        peer.shake_streamable_as("", RESULT_2025);
    });
    let url = peer.url("/sse");
    let requests = || builder(&url).connect().unwrap().connection().requests;
    assert_eq!((requests(), requests(), requests()), (3, 1, 3));
    peer.finish();
}

#[test]
fn who_knows_the_transport_pins_it_and_nothing_is_found_out() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable_as("", RESULT_2025);
        drop(peer.handshake());
        expect_discover(peer).json_result(DISCOVERED);
        // A revision with a handshake is begun with it.
        let initialize = peer.expect("initialize");
        assert_eq!(initialize.json()["params"]["protocolVersion"], "2025-06-18");
        initialize.json_result(&RESULT_2025.replace("2025-11-25", "2025-06-18"));
        peer.expect("notifications/initialized").taken();
        expect_discover(peer).json_result(DISCOVERED);
        // Nobody has to know `server/discover` where nobody has to ask.
        let unknown = r#"{"code":-32601,"message":"Method not found"}"#;
        expect_discover(peer).json_error("404 Not Found", unknown);
    });
    let url = peer.url("/mcp");
    let pinned = |transport| builder(&url).transport(transport).connect().unwrap().connection().clone();
    assert_eq!(pinned(Transport::StreamableHttp).via, Via::StreamableHttp);
    assert_eq!(pinned(Transport::HttpSse).via, Via::HttpSse);
    assert_eq!(pinned(Transport::Stateless).version, ProtocolVersion::V2026_07_28);
    let of = |version| builder(&url).protocol_version(version).connect().unwrap().connection().version;
    assert_eq!(of(ProtocolVersion::V2025_06_18), ProtocolVersion::V2025_06_18);
    assert_eq!(of(ProtocolVersion::V2026_07_28), ProtocolVersion::V2026_07_28);
    assert_eq!(of(ProtocolVersion::V2026_07_28), ProtocolVersion::V2026_07_28);
    peer.finish();
    for (transport, version) in [
        (Transport::HttpSse, ProtocolVersion::V2026_07_28),
        (Transport::StreamableHttp, ProtocolVersion::V2026_07_28),
        (Transport::Stateless, ProtocolVersion::V2025_11_25),
    ] {
        let error = builder(&url).transport(transport).protocol_version(version).connect().unwrap_err();
        assert!(matches!(error, Error::Usage(_)), "{error}");
    }
}

/// R-ST-71 and practice: `serverInfo` in the body is another server's way to say who it is.
#[test]
fn a_server_may_say_who_it_is_in_the_body() {
    let result =
        json!({"supportedVersions": ["2026-07-28"], "capabilities": {}, "serverInfo": {"name": "x", "version": "1"}});
    let peer = Peer::run(move |peer| expect_discover(peer).json_result(&result.to_string()));
    let client = builder(&peer.url("/mcp")).connect().unwrap();
    assert_eq!(client.protocol_version(), ProtocolVersion::V2026_07_28);
    peer.finish();
}

/// R-SSE-20: redirects stay within the origin, and the endpoint is where they led.
#[test]
fn a_redirected_endpoint_is_used_where_it_was_found() {
    let peer = Peer::run(|peer| {
        let discover = expect_discover(peer);
        assert_eq!(discover.target, "/mcp");
        discover.answer("HTTP/1.1 307 Temporary Redirect\r\nLocation: /mcp/\r\nContent-Length: 0\r\n\r\n");
        let discover = expect_discover(peer);
        assert_eq!(discover.target, "/mcp/");
        discover.json_result(DISCOVERED);
        let call = peer.expect("tools/call");
        assert_eq!(call.target, "/mcp/");
        call.json_text("hi");
    });
    let client = builder(&peer.url("/mcp")).connect().unwrap();
    client.call("echo", &()).unwrap();
    peer.finish();
}

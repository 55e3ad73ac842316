//! Redirects: followed within the origin and with all that the request had, refused beyond it (R-SSE-20, R-SEC-26).

#![allow(clippy::unwrap_used)] // a panic is the report

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mcp_sse_blocking::credentials::{self, Credential, Credentials};
use mcp_sse_blocking::{Builder, Client, Error, PeerError, StatusKind, Transport};
use mcp_tests::scripted_peer::{Peer, Request, Running};
use mcp_tests::streamable_peer::{SESSION, StreamablePeer as _, StreamableRequest as _};
use mcp_tests::tls_front::TlsFront;

const DISCOVERED: &str = r#"{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"resultType":"complete"}"#;

/// Those that keep the method, and those that make a GET of a POST.
const KEEPING: [&str; 2] = ["307 Temporary Redirect", "308 Permanent Redirect"];
const CHANGING: [&str; 3] = ["301 Moved Permanently", "302 Found", "303 See Other"];

fn builder(url: &str) -> Builder {
    Client::builder(url)
        .connect_timeout(Duration::from_secs(5))
        .call_timeout(Duration::from_secs(5))
        .header("X-Tenant", "hidden tenant")
        .credentials(provider())
}

fn provider() -> impl Credentials {
    credentials::from_fn(|_| Ok(Some(Credential::bearer("hidden"))))
}

fn redirect(request: &Request, status: &str, location: &str) {
    request.answer(format!("HTTP/1.1 {status}\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"));
}

/// What has secrets in it.
fn secrets(request: &Request) -> Vec<&str> {
    let names = ["authorization", "x-tenant", "mcp-session-id"];
    names.into_iter().filter_map(|name| request.header(name)).collect()
}

/// The request that follows a redirect is the same in all but its target.
fn same_at(peer: &mut Peer, request: &Request, target: &str) -> Request {
    let again = peer.request();
    assert_eq!((again.method.as_str(), again.target.as_str()), (request.method.as_str(), target));
    assert_eq!(again.body, request.body);
    assert_eq!(again.headers, request.headers);
    assert_eq!(again.connection, request.connection);
    again
}

#[test]
fn a_redirect_that_keeps_the_method_is_followed_with_all_that_the_request_had() {
    for status in KEEPING {
        let peer = Peer::run(move |peer| {
            peer.shake_streamable();
            let get = peer.request();
            redirect(&get, status, "/stream");
            let mut stream = same_at(peer, &get, "/stream").open();
            stream.raw(": open\n\n");
            let call = peer.expect("tools/call");
            assert_eq!(secrets(&call), ["Bearer hidden", "hidden tenant", SESSION]);
            redirect(&call, status, "elsewhere/mcp?key=1#fragment");
            same_at(peer, &call, "/elsewhere/mcp?key=1").json_text("hi");
            let delete = peer.request();
            assert_eq!((delete.method.as_str(), delete.target.as_str()), ("DELETE", "/elsewhere/mcp?key=1"));
            redirect(&delete, status, "/gone");
            same_at(peer, &delete, "/gone").status("200 OK", "");
        });
        let builder = builder(&peer.url("/mcp")).transport(Transport::StreamableHttp);
        let client = builder.on_log(|_, _| {}).connect().unwrap();
        assert_eq!(client.call("echo", &()).unwrap().all_text(), "hi");
        client.close();
        peer.finish();
    }
}

#[test]
fn a_redirect_that_would_lose_the_message_is_followed_by_a_get_only() {
    for status in CHANGING {
        let peer = Peer::run(move |peer| {
            peer.shake_streamable();
            let get = peer.request();
            redirect(&get, status, "/stream");
            let mut stream = same_at(peer, &get, "/stream").open();
            stream.raw(": open\n\n");
            redirect(&peer.expect("tools/call"), status, "/elsewhere");
            let delete = peer.request();
            assert_eq!((delete.method.as_str(), delete.target.as_str()), ("DELETE", "/mcp"));
            redirect(&delete, status, "/gone");
            assert!(peer.is_quiet());
        });
        let builder = builder(&peer.url("/mcp")).transport(Transport::StreamableHttp);
        let client = builder.on_log(|_, _| {}).connect().unwrap();
        let error = client.call("echo", &()).unwrap_err();
        let Error::Status(refusal) = &error else { panic!("{error:?}") };
        assert_eq!(refusal.kind(), StatusKind::Redirect);
        let code = &status[..3];
        assert_eq!(error.to_string(), format!("HTTP status {code}, a redirect that would lose the message"));
        client.close();
        peer.finish();
    }
}

#[test]
fn both_ways_of_http_sse_follow_what_they_may() {
    let peer = Peer::run(|peer| {
        let mut get = peer.request();
        for (index, status) in CHANGING.iter().chain(&KEEPING).enumerate() {
            redirect(&get, status, &format!("/sse/{index}"));
            get = same_at(peer, &get, &format!("/sse/{index}"));
        }
        let mut stream = get.open();
        stream.event("endpoint", "messages?sessionId=hidden");
        peer.shake(&mut stream);
        for status in KEEPING {
            let call = peer.expect("tools/call");
            assert_eq!(call.target, "/sse/messages?sessionId=hidden");
            redirect(&call, status, "/m?sessionId=hidden");
            let call = same_at(peer, &call, "/m?sessionId=hidden");
            call.accepted();
            stream.reply_text(&call, "hi");
        }
        for status in CHANGING {
            redirect(&peer.expect("tools/call"), status, "/m");
        }
        assert!(peer.is_quiet());
    });
    let client = builder(&peer.url("/sse")).transport(Transport::HttpSse).connect().unwrap();
    for _ in KEEPING {
        assert_eq!(client.call("echo", &()).unwrap().all_text(), "hi");
    }
    for _ in CHANGING {
        let error = client.call("echo", &()).unwrap_err();
        assert!(matches!(&error, Error::Status(status) if status.kind() == StatusKind::Redirect), "{error:?}");
    }
    peer.finish();
}

#[test]
fn redirects_in_a_circle_end() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        for method in ["POST", "DELETE"] {
            for round in 0..6 {
                let request = peer.request();
                assert_eq!(request.method, method);
                redirect(&request, KEEPING[0], ["/a", "/mcp"][round % 2]);
            }
        }
        assert!(peer.is_quiet());
    });
    let client = builder(&peer.url("/mcp")).transport(Transport::StreamableHttp).connect().unwrap();
    let error = client.call("echo", &()).unwrap_err();
    assert_eq!(error.to_string(), "more than 5 redirects");
    client.close();
    peer.finish();

    let peer = Peer::run(|peer| {
        for _ in 0..6 {
            redirect(&peer.request(), CHANGING[1], "/sse");
        }
        assert!(peer.is_quiet());
    });
    let error = builder(&peer.url("/sse")).transport(Transport::HttpSse).connect().unwrap_err();
    assert!(matches!(error, Error::Peer(PeerError::TooManyRedirects)), "{error:?}");
    peer.finish();
}

/// A server that says what the first request was for.
fn first_target() -> Running<String> {
    Peer::run(|peer| {
        let request = peer.request();
        request.status("200 OK", "");
        request.target
    })
}

/// Nobody was there before this.
fn untouched(elsewhere: Running<String>) {
    let mut own = TcpStream::connect(elsewhere.address()).unwrap();
    own.write_all(b"GET /mine HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert_eq!(elsewhere.finish(), "/mine");
}

/// The redirect of each request, from a server at `http://127.0.0.1`, to this location: nothing goes there.
fn is_refused(location: &str) {
    for status in CHANGING.iter().chain(&KEEPING).copied() {
        let to = location.to_owned();
        // The stream of HTTP+SSE, which is a GET.
        let there = to.clone();
        let peer = Peer::run(move |peer| {
            let request = peer.request();
            assert_eq!(secrets(&request), ["Bearer hidden", "hidden tenant"]);
            redirect(&request, status, &there);
        });
        let error = builder(&peer.url("/sse")).transport(Transport::HttpSse).connect().unwrap_err();
        peer.finish();
        assert!(matches!(&error, Error::Peer(PeerError::Endpoint(_))), "{location}: {error:?}");
        for shown in [error.to_string(), format!("{error:?}")] {
            assert!(!shown.contains("hidden"), "{shown}");
        }
        // Everything else over Streamable HTTP.
        let peer = Peer::run(move |peer| {
            peer.shake_streamable();
            // What the client does about it is its own affair, as long as it comes here.
            redirect(&peer.request(), status, &to);
            redirect(&peer.expect("tools/call"), status, &to);
            let delete = peer.request();
            assert_eq!(delete.method, "DELETE");
            redirect(&delete, status, &to);
        });
        let builder = builder(&peer.url("/mcp")).transport(Transport::StreamableHttp);
        let client = builder.on_log(|_, _| {}).connect().unwrap();
        let error = client.call("echo", &()).unwrap_err();
        match &error {
            Error::Peer(PeerError::Endpoint(_)) => assert!(status.starts_with("307") || status.starts_with("308")),
            Error::Status(refusal) => assert_eq!(refusal.kind(), StatusKind::Redirect),
            _ => panic!("{error:?}"),
        }
        assert!(!format!("{error} {error:?}").contains("hidden"), "{error:?}");
        client.close();
        peer.finish();
    }
}

#[test]
fn nothing_follows_a_redirect_to_another_port() {
    let elsewhere = first_target();
    is_refused(&elsewhere.url("/mcp?token=hidden"));
    untouched(elsewhere);
}

#[test]
fn nothing_follows_a_redirect_to_another_name_of_the_same_place() {
    let elsewhere = first_target();
    is_refused(&format!("//localhost:{}/mcp", elsewhere.address().port()));
    untouched(elsewhere);
}

#[test]
fn nothing_follows_a_redirect_to_what_is_no_place() {
    for location in ["javascript:alert(1)", "ftp://127.0.0.1/", "http://user:hidden@127.0.0.1/", "http://", ""] {
        is_refused(location);
    }
}

#[test]
fn nothing_goes_from_https_to_http() {
    let elsewhere = first_target();
    let to = elsewhere.url("/mcp");
    let peer = Peer::run(move |peer| {
        let first = peer.expect("server/discover");
        first.json_result(DISCOVERED);
        redirect(&peer.expect("tools/call"), KEEPING[1], &to);
        // The same host and port without TLS.
        let call = peer.expect("tools/call");
        let host = call.header("host").unwrap().to_owned();
        redirect(&call, KEEPING[1], &format!("http://{host}/mcp"));
        // With it, it is followed.
        let call = peer.expect("tools/call");
        redirect(&call, KEEPING[1], &format!("https://{host}/other"));
        same_at(peer, &call, "/other").json_text("hi");
    });
    let front = TlsFront::start(peer.address(), &["localhost"]);
    let builder = builder(&front.url("/mcp")).transport(Transport::Stateless);
    let client = builder.root_certificates_pem(front.certificate().as_bytes()).connect().unwrap();
    for _ in 0..2 {
        let error = client.call("echo", &()).unwrap_err().to_string();
        assert!(error.starts_with("a redirect leads from https://localhost:"), "{error}");
        assert!(error.contains(" to http://") && error.contains("another origin"), "{error}");
    }
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "hi");
    drop(client);
    peer.finish();
    untouched(elsewhere);
}

#[test]
fn a_401_behind_a_redirect_asks_for_other_credentials_and_begins_anew() {
    let peer = Peer::run(|peer| {
        let first = peer.expect("server/discover");
        redirect(&first, KEEPING[0], "/moved");
        let moved = same_at(peer, &first, "/moved");
        assert_eq!(moved.header("authorization"), Some("Bearer token-0"));
        moved.json_status("401 Unauthorized", "", "{}");
        let again = peer.expect("server/discover");
        assert_eq!((again.target.as_str(), again.header("authorization")), ("/mcp", Some("Bearer token-1")));
        redirect(&again, KEEPING[0], "/moved");
        let moved = same_at(peer, &again, "/moved");
        moved.json_result(DISCOVERED);
    });
    let number = AtomicUsize::new(0);
    let provider = credentials::from_fn(move |ask| {
        number.fetch_add(usize::from(ask.rejected().is_some()), Ordering::SeqCst);
        Ok(Some(Credential::bearer(format!("token-{}", number.load(Ordering::SeqCst)))))
    });
    Client::builder(&peer.url("/mcp")).transport(Transport::Stateless).credentials(provider).connect().unwrap();
    peer.finish();
}

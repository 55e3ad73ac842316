//! Every kind of secret, on every carrier, looked for in everything that is shown: the trace, the log of the client at every
//! level, `Debug`, errors and counters.

use std::fmt::Debug;

use mcp_core::revision::ProtocolVersion;
use mcp_sse_blocking::credentials::{Credential, from_fn};
use mcp_sse_blocking::{Builder, Client, Command, Error, Reconnect, Transport};
use mcp_tests::scripted_peer::{Peer, Request};
use mcp_tests::streamable_peer::{RESULT_2025, StreamablePeer as _, StreamableRequest as _, end_stream};
use serde_json::Value;

use super::{BOUND, Traced, builder, collect_log, logged};

/// The secrets of the caller, each with a place of its own.
const BEARER: &str = "canary-bearer-token";
const TENANT: &str = "canary-own-header";
const QUOTED: &str = r#"canary "in" quotes"#;
const COOKIE: &str = "canary-of-a-cookie";
const QUERY: &str = "canary-in-the-query";
const PROVIDED: &str = "canary-of-a-provider";
const RENEWED: &str = "canary-asked-for-again";
/// Those of the server.
const SESSION: &str = "canary-session-id";
const GIVEN: &str = "canary-set-cookie";
const ENDPOINT: &str = "canary-of-endpoint";
const SEGMENT: &str = "canary-path-segment";
const MOVED: &str = "canary-of-redirect";

/// No word that a secret begins or ends with is in anything else.
const CANARY: &str = "canary";

/// Those that every client over HTTP has.
const OWN: [&str; 5] = [BEARER, TENANT, QUOTED, COOKIE, QUERY];

/// These and the client's own, as a server repeats them in a text.
fn repeated(others: &[&str]) -> String {
    [&OWN, others].concat().join(" and ")
}

/// A page for people that repeats what the server was sent, as some frameworks show it.
fn page() -> String {
    format!("<html>you sent: {}</html>", repeated(&[]))
}

fn traced_by(builder: Builder, traced: Option<&Traced>) -> Builder {
    match traced {
        Some(traced) => builder.trace(traced.clone()),
        None => builder,
    }
}

fn secretive(url: &str, transport: Transport, traced: Option<&Traced>) -> Builder {
    let builder = builder(&format!("{url}?key={QUERY}"), transport);
    traced_by(builder, traced)
        .bearer(BEARER)
        // The script answers each request once.
        .reconnect(Reconnect::never())
        .header("X-Tenant", TENANT)
        .header("X-Quoted", QUOTED)
        .header("Cookie", &format!("theme=dark; s={COOKIE}"))
}

/// Whether the secrets were really sent: else nothing is shown by their absence.
fn was_sent(request: &Request) {
    assert!(request.header("authorization").unwrap().contains(CANARY), "{request:?}");
    assert_eq!(request.header("x-tenant"), Some(TENANT));
    assert_eq!(request.header("x-quoted"), Some(QUOTED));
    assert!(request.header("cookie").unwrap().contains(COOKIE));
}

fn log_message(text: &str) -> String {
    let data = Value::from(text);
    format!(r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"level":"info","data":{data}}}}}"#)
}

/// Everything that the client shows of itself and of an error.
fn shown(things: &[&dyn Debug], errors: &[&Error], client: &Client) -> String {
    let mut shown = format!("{client:?}\n{:?}\n{}", client.metrics(), client.metrics().to_openmetrics());
    for thing in things {
        shown += &format!("\n{thing:?} {thing:#?}");
    }
    for error in errors {
        shown += &format!("\n{error} {error:?} {error:#?}");
    }
    shown
}

fn http_sse(traced: Option<&Traced>) -> String {
    let peer = Peer::run(|peer| {
        let get = peer.request();
        was_sent(&get);
        assert!(get.target.contains(QUERY), "{get:?}");
        let mut stream = get.open_with(&format!("Set-Cookie: s={GIVEN}; Path=/\r\n"));
        stream.event("endpoint", &format!("/messages/{SEGMENT}?sessionId={ENDPOINT}"));
        peer.shake(&mut stream);
        stream.message(&log_message(&repeated(&[GIVEN, ENDPOINT, SEGMENT])));
        let call = peer.request();
        was_sent(&call);
        assert!(call.target.contains(ENDPOINT) && call.target.contains(SEGMENT), "{call:?}");
        let location = format!("Location: /messages?sessionId={ENDPOINT}&token={MOVED}\r\n");
        call.answer(format!("HTTP/1.1 307 Temporary Redirect\r\n{location}Content-Length: 0\r\n\r\n"));
        let again = peer.request();
        assert!(again.target.contains(MOVED), "{again:?}");
        again.accepted();
        stream.reply_text(&again, &repeated(&[MOVED]));
        let refused = peer.request();
        refused.status("500 Internal Server Error", &page());
        let gone = peer.request();
        gone.status("404 Not Found", &page());
    });
    let made = secretive(&peer.url("/sse"), Transport::HttpSse, traced);
    let recipe = format!("{made:?}");
    let client = made.connect().unwrap();
    let told = client.call("repeat", &()).unwrap().all_text();
    assert_eq!(told, repeated(&[MOVED]), "the program gets what the server said");
    let refused = client.call("refused", &()).unwrap_err();
    assert!(matches!(&refused, Error::Status(_)), "{refused}");
    let gone = client.call("gone", &()).unwrap_err();
    let shown = recipe + &shown(&[client.connection()], &[&refused, &gone], &client);
    client.close();
    peer.finish();
    shown
}

fn streamable(traced: Option<&Traced>) -> String {
    let peer = Peer::run(|peer| {
        let headers = format!("Mcp-Session-Id: {SESSION}\r\nSet-Cookie: s={GIVEN}; Path=/\r\n");
        peer.shake_streamable_as(&headers, RESULT_2025);
        let call = peer.expect("tools/call");
        was_sent(&call);
        assert_eq!(call.header("mcp-session-id"), Some(SESSION));
        call.json_text(&repeated(&[SESSION, GIVEN]));
        let call = peer.expect("tools/call");
        let mut stream = call.open();
        stream.raw(format!("id: {MOVED}\ndata:\n\n"));
        stream.message(&log_message(&repeated(&[SESSION, GIVEN])));
        stream.raw("retry: 1\n\n");
        stream.cut();
        let rest = peer.request();
        assert_eq!(rest.header("last-event-id"), Some(MOVED));
        let mut stream = rest.open();
        stream.reply_text(&call, &[BEARER, SESSION, QUOTED].join(", "));
        end_stream(&rest);
        peer.expect("tools/call").status("403 Forbidden", &page());
        peer.expect("tools/call").answer(format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{}",
            page().len(),
            page()
        ));
        peer.expect("tools/call").hang_up();
    });
    let made = secretive(&peer.url("/mcp"), Transport::StreamableHttp, traced);
    let recipe = format!("{made:?}");
    let client = made.connect().unwrap();
    assert_eq!(client.call("repeat", &()).unwrap().all_text(), repeated(&[SESSION, GIVEN]));
    client.call("resumed", &()).unwrap();
    let refused = client.call("refused", &()).unwrap_err();
    let odd = client.call("odd", &()).unwrap_err();
    let lost = client.call("lost", &()).unwrap_err();
    let shown = recipe + &shown(&[client.connection()], &[&refused, &odd, &lost], &client);
    client.close();
    peer.finish();
    shown
}

fn stateless(traced: Option<&Traced>) -> String {
    let peer = Peer::run(|peer| {
        let discovered = r#"{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"resultType":"complete"}"#;
        let discover = peer.expect("server/discover");
        assert_eq!(discover.header("authorization"), Some(&*format!("Bearer {PROVIDED}")));
        discover.json_result(discovered);
        let outdated = peer.expect("tools/call");
        let challenge = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer error=\"invalid_token\"\r\n";
        outdated.answer(format!("{challenge}Content-Length: {}\r\n\r\n{}", page().len(), page()));
        let call = peer.expect("tools/call");
        was_sent(&call);
        assert_eq!(call.header("authorization"), Some(&*format!("Bearer {RENEWED}")));
        let text = Value::from(repeated(&[PROVIDED, RENEWED]));
        call.json_result(&format!(r#"{{"resultType":"complete","content":[{{"type":"text","text":{text}}}]}}"#));
        // With what there was, and with what there is.
        for _ in 0..2 {
            peer.expect("tools/call").status("401 Unauthorized", &format!("<p>{PROVIDED} {RENEWED}</p>{}", page()));
        }
    });
    let made = secretive(&peer.url("/mcp"), Transport::Stateless, traced).credentials(from_fn(|ask| {
        let token = if ask.rejected().is_some() { RENEWED } else { PROVIDED };
        Ok(Some(Credential::bearer(token)))
    }));
    let recipe = format!("{made:?}");
    let client = made.connect().unwrap();
    assert_eq!(client.call("repeat", &()).unwrap().all_text(), repeated(&[PROVIDED, RENEWED]));
    let refused = client.call("refused", &()).unwrap_err();
    assert!(matches!(&refused, Error::Status(_)), "{refused}");
    let shown = recipe + &shown(&[client.connection()], &[&refused], &client);
    client.close();
    peer.finish();
    shown
}

fn plain(traced: Option<&Traced>) -> String {
    let peer = Peer::run_plain(|peer| {
        let call = peer.request();
        was_sent(&call);
        assert!(call.target.contains(ENDPOINT), "{call:?}");
        let text = Value::from(repeated(&[ENDPOINT]));
        call.json_status("200 OK", "", &format!(r#"{{"content":[{{"type":"text","text":{text}}}]}}"#));
        let get = peer.request();
        was_sent(&get);
        let mut stream = get.open();
        let payload = Value::from(repeated(&[ENDPOINT]));
        stream.raw(format!("data: {{\"event\":\"data_update\",\"payload\":{payload}}}\n\n"));
        let refused = peer.request();
        let refusal =
            format!("HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: {}\r\n", page().len());
        refused.answer(format!("{refusal}\r\n{}", page()));
        peer.wait_closed(stream.connection);
    });
    let made =
        secretive(&peer.url("/mcp/sse"), Transport::Plain, traced).message_url(&format!("/mcp/rpc?token={ENDPOINT}"));
    let recipe = format!("{made:?}");
    let client = made.connect().unwrap();
    assert_eq!(client.call("tools/call", &()).unwrap().all_text(), repeated(&[ENDPOINT]));
    let mut events = client.events("data_update");
    events.next_within(BOUND).unwrap().unwrap();
    let refused = client.call("refused", &()).unwrap_err();
    let shown = recipe + &shown(&[client.connection()], &[&refused], &client);
    drop((events, client));
    peer.finish();
    shown
}

fn child(traced: Option<&Traced>) -> String {
    let command = Command::new(env!("CARGO_BIN_EXE_stdio_server")).arg(QUERY).env("API_KEY", TENANT);
    let recipe = format!("{command:?}");
    let builder = Client::spawn_builder(command).protocol_version(ProtocolVersion::V2025_11_25).call_timeout(BOUND);
    let client = traced_by(builder, traced).connect().unwrap();
    client.call("pid", &()).unwrap();
    let lost = client.call("exit", &()).unwrap_err();
    recipe + &shown(&[client.connection()], &[&lost], &client)
}

/// A session with every kind of secret that a carrier has, perhaps traced; gives what the client shows of it.
type Carrier = fn(Option<&Traced>) -> String;

/// R-SSE-35, R-SEC-9: every kind of secret, on every carrier, in everything that is shown; with a trace and with the log alone.
#[test]
fn no_secret_is_in_the_trace_nor_in_the_log_nor_in_debug_nor_in_errors() {
    collect_log();
    let carriers: [(&str, Carrier); 5] = [
        ("HTTP+SSE", http_sse),
        ("Streamable HTTP", streamable),
        ("stateless", stateless),
        ("plain JSON", plain),
        ("a child", child),
    ];
    for (carrier, run) in carriers {
        let traced = Traced::default();
        for shown in [run(None), run(Some(&traced))] {
            assert!(!shown.contains(CANARY), "{carrier}: {shown}");
        }
        let text = traced.text();
        let told: Vec<&str> = text.lines().filter(|line| line.contains(CANARY)).collect();
        assert!(told.is_empty(), "{carrier}: {told:#?}");
        assert!(text.contains("tools/call"), "{carrier} is traced: {text}");
        assert!(carrier == "a child" || text.contains("authorization: ***"), "{carrier}: {text}");
    }
    let lines = logged();
    assert!(lines.iter().any(|line| line.starts_with("TRACE mcp::wire") && line.contains("*** and ***")), "{lines:#?}");
    let told: Vec<_> = lines.iter().filter(|line| line.contains(CANARY)).collect();
    assert!(told.is_empty(), "{told:#?}");
}

#[test]
fn a_server_of_something_else_that_repeats_what_it_was_sent_gets_no_secret_into_the_error() {
    collect_log();
    for status in ["404 Not Found", "200 OK"] {
        let traced = Traced::default();
        let peer = Peer::run_plain(move |peer| {
            // What it speaks is asked in three ways.
            for _ in 0..3 {
                let request = peer.request();
                was_sent(&request);
                let head =
                    format!("HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n", page().len());
                request.answer(head + &page());
            }
        });
        let made = secretive(&peer.url("/mcp"), Transport::Detect, Some(&traced));
        let error = made.connect().unwrap_err();
        let shown = format!("{error} {error:?} {}", traced.text());
        assert!(shown.contains("you sent: ***"), "{shown}");
        assert!(!shown.contains(CANARY), "{shown}");
        peer.finish();
    }
    assert!(!logged().iter().any(|line| line.contains(CANARY)));
}

#[test]
fn what_is_no_secret_of_the_client_is_shown() {
    // Otherwise a trace without secrets would be no feat.
    let traced = Traced::default();
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        peer.expect("tools/call").json_text("a kestrel, and of the session: hidden-session");
    });
    let client = builder(&peer.url("/mcp?page=2"), Transport::StreamableHttp)
        .header("X-Flag", "1")
        .trace(traced.clone())
        .connect()
        .unwrap();
    client.call("echo", &()).unwrap();
    client.close();
    peer.finish();
    traced.line(&["a kestrel, and of the session: ***"]);
    traced.line(&["x-flag: ***", "/mcp?***"]);
    traced.line(&[r#""jsonrpc":"2.0","id":1"#]);
}

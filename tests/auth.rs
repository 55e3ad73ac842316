//! Credentials of a client: which request carries what, and what happens when they are refused.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use mcp_core::time::Cause;
use mcp_sse_blocking::credentials::{self, Credential, Credentials, CredentialsError};
use mcp_sse_blocking::{Builder, CallOptions, Client, Delivery, Error, StatusKind, Transport};
use mcp_tests::scripted_peer::{BOUND, Peer, Request, Running};
use mcp_tests::streamable_peer::{RESULT_2025, SESSION, StreamablePeer as _, StreamableRequest as _};

const DISCOVERED: &str = r#"{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"resultType":"complete"}"#;

fn builder(url: &str) -> Builder {
    Client::builder(url).connect_timeout(Duration::from_secs(5)).call_timeout(Duration::from_secs(5))
}

/// Gives `token-0`, and after each refusal the next.
#[derive(Default)]
struct Counting {
    number: AtomicUsize,
    /// What was refused, with what the server asked for.
    refused: Mutex<Vec<(Option<String>, Vec<String>)>>,
}

impl Counting {
    fn provider(self: &Arc<Self>) -> impl Credentials + use<> {
        let own = Arc::clone(self);
        credentials::from_fn(move |ask| {
            if let Some(rejected) = ask.rejected() {
                let token = rejected.credential.as_ref().map(|refused| refused.secret().expose().to_owned());
                own.refused.lock().unwrap().push((token, rejected.www_authenticate.clone()));
                own.number.fetch_add(1, Ordering::SeqCst);
            }
            Ok(Some(Credential::bearer(format!("token-{}", own.number.load(Ordering::SeqCst)))))
        })
    }

    fn refusals(&self) -> usize {
        self.refused.lock().unwrap().len()
    }
}

fn token(request: &Request) -> &str {
    request.header("authorization").unwrap_or("none").trim_start_matches("Bearer ")
}

fn refuse(request: &Request) {
    request.json_status("401 Unauthorized", "WWW-Authenticate: Bearer scope=\"a\"\r\n", r#"{"error":"invalid_token"}"#);
}

/// Refuses a request and takes it again, with the token of this number.
fn refuse_once(peer: &mut Peer, request: Request, number: usize) -> Request {
    assert_eq!(token(&request), format!("token-{}", number - 1), "{request:?}");
    refuse(&request);
    let again = peer.request();
    assert_eq!(token(&again), format!("token-{number}"), "{again:?}");
    assert_eq!((&again.method, &again.target, &again.body), (&request.method, &request.target, &request.body));
    assert_eq!(again.connection, request.connection, "the connection is kept");
    again
}

/// R-AU-1, R-AU-2, R-AU-7
#[test]
fn every_request_of_a_session_is_sent_once_more_with_other_credentials() {
    let peer = Peer::run(|peer| {
        let first = peer.expect("initialize");
        let initialize = refuse_once(peer, first, 1);
        let body = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{RESULT_2025}}}"#, initialize.id());
        initialize.json_status("200 OK", &format!("Mcp-Session-Id: {SESSION}\r\n"), &body);
        let first = peer.expect("notifications/initialized");
        refuse_once(peer, first, 2).taken();
        let first = peer.request();
        assert_eq!(first.method, "GET");
        let mut stream = refuse_once(peer, first, 3).open();
        stream.raw(": open\n\n");
        let first = peer.expect("tools/call");
        let call = refuse_once(peer, first, 4);
        assert_eq!(call.header("mcp-session-id"), Some(SESSION));
        call.json_text("hi");
        let first = peer.request();
        assert_eq!(first.method, "DELETE");
        refuse_once(peer, first, 5).status("200 OK", "");
    });
    let counting = Arc::new(Counting::default());
    let builder = builder(&peer.url("/mcp")).transport(Transport::StreamableHttp);
    let client = builder.credentials(counting.provider()).on_log(|_, _| {}).connect().unwrap();
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "hi");
    client.close();
    peer.finish();
    let refused = counting.refused.lock().unwrap();
    assert_eq!(refused.len(), 5);
    assert_eq!(refused[0], (Some("token-0".into()), vec!["Bearer scope=\"a\"".into()]));
}

#[test]
fn both_ways_of_http_sse_are_sent_once_more_with_other_credentials() {
    let peer = Peer::run(|peer| {
        let first = peer.request();
        assert_eq!(first.method, "GET");
        let mut stream = refuse_once(peer, first, 1).open();
        stream.event("endpoint", "/messages?sessionId=hidden");
        let first = peer.request();
        let initialize = refuse_once(peer, first, 2);
        initialize.accepted();
        stream.reply(&initialize, mcp_tests::scripted_peer::INITIALIZE_RESULT);
        peer.request().accepted();
        let first = peer.request();
        let call = refuse_once(peer, first, 3);
        call.accepted();
        stream.reply_text(&call, "hi");
    });
    let counting = Arc::new(Counting::default());
    let builder = builder(&peer.url("/sse")).transport(Transport::HttpSse);
    let client = builder.credentials(counting.provider()).connect().unwrap();
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "hi");
    peer.finish();
}

#[test]
fn finding_out_what_a_server_speaks_asks_for_other_credentials_too() {
    let peer = Peer::run(|peer| {
        let first = peer.expect("server/discover");
        refuse_once(peer, first, 1).status("404 Not Found", "");
        let first = peer.expect("initialize");
        refuse_once(peer, first, 2).status("405 Method Not Allowed", "");
        let first = peer.request();
        let mut stream = refuse_once(peer, first, 3).open();
        stream.event("endpoint", "/messages?sessionId=hidden");
        peer.shake(&mut stream);
    });
    let counting = Arc::new(Counting::default());
    let client = builder(&peer.url("/sse")).credentials(counting.provider()).connect().unwrap();
    assert_eq!(client.connection().requests, 3);
    assert_eq!(counting.refusals(), 3);
    peer.finish();
}

/// R-AU-7
#[test]
fn the_second_401_is_the_error() {
    let peer = Peer::run(|peer| {
        refuse(&peer.expect("server/discover"));
        refuse(&peer.expect("server/discover"));
        assert!(peer.is_quiet());
    });
    let counting = Arc::new(Counting::default());
    let error = builder(&peer.url("/mcp")).credentials(counting.provider()).connect().unwrap_err();
    let Error::Status(status) = &error else { panic!("{error:?}") };
    assert_eq!(status.kind(), StatusKind::Unauthorized);
    assert_eq!(
        error.to_string(),
        "HTTP status 401, credentials are missing or wrong (settings `bearer`, `credentials`): invalid_token"
    );
    assert_eq!(counting.refusals(), 1);
    peer.finish();
}

#[test]
fn what_was_refused_is_not_sent_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let always = credentials::from_fn(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        Ok(Some(Credential::bearer("hidden")))
    });
    let peer = Peer::run(|peer| {
        refuse(&peer.expect("server/discover"));
        assert!(peer.is_quiet());
    });
    let error = builder(&peer.url("/mcp")).credentials(always).connect().unwrap_err();
    assert!(matches!(&error, Error::Status(status) if status.code == 401), "{error}");
    assert_eq!(asked.load(Ordering::SeqCst), 2, "for the request, and after the 401");
    peer.finish();
}

#[test]
fn a_provider_may_wait_for_what_the_server_asks_for() {
    let provider = credentials::from_fn(|ask| {
        assert_eq!(ask.resource().path_and_query(), "/mcp");
        assert!(ask.origin().to_string().starts_with("http://127.0.0.1:"));
        assert!(ask.time_left().is_some_and(|left| left <= Duration::from_secs(5)));
        let Some(rejected) = ask.rejected() else { return Ok(None) };
        assert_eq!(rejected.credential, None);
        let challenges = rejected.challenges();
        let scope = challenges.iter().find_map(|challenge| challenge.parameter("scope")).unwrap();
        Ok(Some(Credential::header("X-Api-Key", format!("for {scope}"))))
    });
    let peer = Peer::run(|peer| {
        let first = peer.expect("server/discover");
        assert_eq!((first.header("authorization"), first.header("x-api-key")), (Some("Bearer of old"), None));
        refuse(&first);
        let again = peer.expect("server/discover");
        assert_eq!(again.header("x-api-key"), Some("for a"));
        again.json_result(DISCOVERED);
    });
    builder(&peer.url("/mcp")).bearer("of old").credentials(provider).connect().unwrap();
    peer.finish();
}

#[test]
fn a_provider_takes_the_place_of_a_header_of_the_same_name() {
    let peer = Peer::run(|peer| {
        let first = peer.expect("server/discover");
        let all = first.headers.iter().filter(|(name, _)| name == "authorization");
        assert_eq!(all.map(|(_, value)| value.as_str()).collect::<Vec<_>>(), ["Bearer token-0"]);
        assert_eq!(first.header("x-tenant"), Some("t"));
        first.json_result(DISCOVERED);
    });
    let provider = Arc::new(Counting::default()).provider();
    builder(&peer.url("/mcp")).bearer("of old").header("X-Tenant", "t").credentials(provider).connect().unwrap();
    peer.finish();
}

/// A client of 2026-07-28 whose provider is this.
fn connect(peer: &Running<()>, provider: impl Credentials + 'static) -> Client {
    builder(&peer.url("/mcp")).transport(Transport::Stateless).credentials(provider).connect().unwrap()
}

#[test]
fn fifty_threads_that_are_refused_ask_for_one_token() {
    const THREADS: usize = 50;
    let peer = Peer::run(|peer| {
        peer.expect("server/discover").json_result(DISCOVERED);
        // All of them were sent with the old token before the first is refused.
        let calls: Vec<Request> = (0..THREADS).map(|_| peer.expect("tools/call")).collect();
        for call in &calls {
            assert_eq!(token(call), "token-0");
            refuse(call);
        }
        for _ in 0..THREADS {
            let call = peer.expect("tools/call");
            assert_eq!(token(&call), "token-1");
            call.json_text("hi");
        }
        assert!(peer.is_quiet());
    });
    let counting = Arc::new(Counting::default());
    let client = connect(&peer, counting.provider());
    thread::scope(|scope| {
        let calls: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| client.call("echo", &()))).collect();
        for call in calls {
            assert_eq!(call.join().unwrap().unwrap().all_text(), "hi");
        }
    });
    assert_eq!(counting.refusals(), 1);
    peer.finish();
}

#[test]
fn threads_that_are_refused_share_the_failure_of_the_one_that_asks() {
    const THREADS: usize = 8;
    let peer = Peer::run(|peer| {
        peer.expect("server/discover").json_result(DISCOVERED);
        let calls: Vec<Request> = (0..THREADS).map(|_| peer.expect("tools/call")).collect();
        calls.iter().for_each(refuse);
        // The next call is a new attempt.
        let call = peer.expect("tools/call");
        refuse(&call);
        assert!(peer.is_quiet());
    });
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let client = connect(
        &peer,
        credentials::from_fn(move |ask| match ask.rejected() {
            None => Ok(Some(Credential::bearer("hidden"))),
            Some(_) => {
                count.fetch_add(1, Ordering::SeqCst);
                Err(CredentialsError::new("the vault", "it is sealed"))
            }
        }),
    );
    thread::scope(|scope| {
        let calls: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| client.call("echo", &()))).collect();
        for call in calls {
            let error = call.join().unwrap().unwrap_err();
            let expected =
                "the server refused the credentials (401), and there are no others from the vault: it is sealed";
            assert_eq!(error.to_string(), expected);
            assert!(matches!(&error, Error::Credentials(error) if error.is_after_rejection()), "{error:?}");
        }
    });
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    client.call("echo", &()).unwrap_err();
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    peer.finish();
}

#[test]
fn who_waits_for_another_s_token_has_its_own_deadline() {
    let peer = Peer::run(|peer| {
        peer.expect("server/discover").json_result(DISCOVERED);
        refuse(&peer.expect("tools/call"));
        let call = peer.expect("tools/call");
        assert_eq!(token(&call), "token-1");
        call.json_text("hi");
        assert!(peer.is_quiet());
    });
    let (asked, go) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let (there, away) = (Arc::clone(&asked), Arc::clone(&go));
    let client = connect(
        &peer,
        credentials::from_fn(move |ask| {
            if ask.rejected().is_none() {
                return Ok(Some(Credential::bearer("token-0")));
            }
            there.wait();
            away.wait();
            Ok(Some(Credential::bearer("token-1")))
        }),
    );
    thread::scope(|scope| {
        let call = scope.spawn(|| client.call("echo", &()));
        asked.wait();
        let short = CallOptions::new().timeout(Duration::from_millis(50));
        let error = client.call_with("echo", &(), short).unwrap_err();
        let Error::Timeout(timeout) = &error else { panic!("{error:?}") };
        assert_eq!((timeout.cause, timeout.delivery), (Cause::Call, Delivery::NotSent));
        go.wait();
        assert_eq!(call.join().unwrap().unwrap().all_text(), "hi");
    });
    peer.finish();
}

#[test]
fn without_credentials_nothing_is_sent() {
    for (provided, expected) in [
        (Err(CredentialsError::new("the vault", "it is sealed")), "no credentials from the vault: it is sealed"),
        (
            Ok(Credential::bearer("")),
            "no credentials from the provider of credentials: what it gives is an empty token",
        ),
        (
            Ok(Credential::bearer("hidden\nhidden")),
            "no credentials from the provider of credentials: what it gives is a token with a line end or another control character",
        ),
    ] {
        let peer = Peer::run(|peer| peer.expect("server/discover").json_result(DISCOVERED));
        let first = AtomicUsize::new(0);
        let client = connect(
            &peer,
            credentials::from_fn(move |_| match first.fetch_add(1, Ordering::SeqCst) {
                0 => Ok(None),
                _ => provided.clone().map(Some),
            }),
        );
        // The script is over: a request would be one too many.
        let error = client.call("echo", &()).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.delivery(), Some(Delivery::NotSent));
        assert!(!format!("{error:?}").contains("hidden"));
        peer.finish();
    }
}

#[test]
fn a_provider_that_cannot_say_ends_the_search_for_the_transport() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let provider = credentials::from_fn(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        Err(CredentialsError::new("the vault", "it is sealed"))
    });
    let peer = Peer::run(|peer| assert!(peer.is_quiet()));
    let error = builder(&peer.url("/mcp")).credentials(provider).connect().unwrap_err();
    assert_eq!(error.to_string(), "no credentials from the vault: it is sealed");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    peer.finish();
}

#[test]
fn a_provider_that_runs_out_of_time_is_a_timeout_and_one_that_is_stopped_a_cancelled_call() {
    let peer = Peer::run(|peer| peer.expect("server/discover").json_result(DISCOVERED));
    let (asked, waiting) = crossbeam_channel::bounded::<()>(1);
    let first = AtomicUsize::new(0);
    let client = connect(
        &peer,
        credentials::from_fn(move |ask| {
            if first.fetch_add(1, Ordering::SeqCst) == 0 {
                return Ok(None);
            }
            let _ = asked.try_send(());
            loop {
                thread::yield_now();
                if ask.is_stopped() {
                    return Err(CredentialsError::stopped("the vault"));
                }
                if ask.time_left().is_some_and(|left| left.is_zero()) {
                    return Err(CredentialsError::out_of_time("the vault"));
                }
            }
        }),
    );
    let short = CallOptions::new().timeout(Duration::from_millis(50));
    let error = client.call_with("echo", &(), short).unwrap_err();
    assert_eq!(error.to_string(), "the call deadline passed after 50ms (setting `call_timeout`)");
    waiting.recv_timeout(BOUND).unwrap();
    let job = client.start("echo", &()).unwrap();
    waiting.recv_timeout(BOUND).unwrap();
    assert!(job.canceller().cancel("enough"));
    let error = job.result().unwrap_err();
    assert!(matches!(error, Error::Cancelled(_)), "{error:?}");
    thread::scope(|scope| {
        let call = scope.spawn(|| client.call("echo", &()));
        waiting.recv_timeout(BOUND).unwrap();
        client.close();
        let error = call.join().unwrap().unwrap_err();
        assert!(matches!(error, Error::Closed(Delivery::NotSent)), "{error:?}");
    });
    peer.finish();
}

#[test]
fn one_provider_serves_several_clients() {
    let counting = Arc::new(Counting::default());
    let provider: Arc<dyn Credentials> = Arc::new(counting.provider());
    for _ in 0..2 {
        let peer = Peer::run(|peer| {
            let discover = peer.expect("server/discover");
            assert_eq!(token(&discover), "token-0");
            discover.json_result(DISCOVERED);
        });
        connect(&peer, Arc::clone(&provider));
        peer.finish();
    }
}

#[test]
fn a_builder_shows_where_credentials_come_from_and_nothing_else() {
    let builder = Client::builder("http://h/mcp").credentials(credentials::BearerToken::new("hidden")).bearer("hidden");
    assert!(!format!("{builder:?}").contains("hidden"), "{builder:?}");
}

#[test]
fn the_refusal_of_a_stream_is_not_read_for_ever() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        let get = peer.request();
        assert_eq!(get.method, "GET");
        get.answer("HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{");
        // While the client is still open: its session is as good without.
        peer.wait_closed(get.connection);
        peer.expect("tools/call").json_text("hi");
    });
    let builder = builder(&peer.url("/mcp")).transport(Transport::StreamableHttp);
    let client = builder.on_log(|_, _| {}).connect().unwrap();
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "hi");
    peer.finish();
}

/// R-AU-38
#[test]
fn refusals_are_typed_and_say_what_to_do() {
    let scope = "WWW-Authenticate: Bearer error=\"insufficient_scope\", scope=\"files:write\"\r\n";
    let insufficient = Some("insufficient_scope".to_owned());
    let write = Some("files:write".to_owned());
    for (status, headers, kind, wait, shown) in [
        (
            "403 Forbidden",
            scope,
            StatusKind::Forbidden { error: insufficient, scope: write },
            None,
            "HTTP status 403, the server refuses this client, its origin or its host (it asks for the scope `files:write`): no",
        ),
        (
            "403 Forbidden",
            "",
            StatusKind::Forbidden { error: None, scope: None },
            None,
            "HTTP status 403, the server refuses this client, its origin or its host: no",
        ),
        // Longer than the call may take: not waited for.
        (
            "429 Too Many Requests",
            "Retry-After: 600\r\n",
            StatusKind::RateLimited,
            Some(600),
            "HTTP status 429, the server is too busy (it asks to wait 600s): no",
        ),
        (
            "503 Service Unavailable",
            "Date: Fri, 20 Nov 2026 08:00:00 GMT\r\nRetry-After: Fri, 20 Nov 2026 08:01:00 GMT\r\n",
            StatusKind::Unavailable,
            Some(60),
            "HTTP status 503, the server is too busy (it asks to wait 60s): no",
        ),
    ] {
        let peer = Peer::run(move |peer| {
            peer.expect("server/discover").json_result(DISCOVERED);
            peer.expect("tools/call").json_status(status, headers, r#"{"error":"no"}"#);
            assert!(peer.is_quiet());
        });
        let counting = Arc::new(Counting::default());
        let client = connect(&peer, counting.provider());
        let error = client.call("echo", &()).unwrap_err();
        let Error::Status(refusal) = &error else { panic!("{error:?}") };
        assert_eq!((refusal.kind(), refusal.wait()), (kind, wait.map(Duration::from_secs)));
        assert_eq!(error.to_string(), shown);
        assert_eq!(counting.refusals(), 0, "only a 401 asks for other credentials");
        peer.finish();
    }
}

#[test]
fn one_connection_is_enough_for_threads_that_are_refused() {
    const THREADS: usize = 4;
    let peer = Peer::run(|peer| {
        peer.expect("server/discover").json_result(DISCOVERED);
        let mut answered = 0;
        while answered < THREADS {
            let call = peer.expect("tools/call");
            match token(&call) {
                "token-0" => refuse(&call),
                _ => {
                    call.json_text("hi");
                    answered += 1;
                }
            }
        }
    });
    let counting = Arc::new(Counting::default());
    let builder = builder(&peer.url("/mcp")).transport(Transport::Stateless).max_connections(1);
    let client = builder.credentials(counting.provider()).connect().unwrap();
    thread::scope(|scope| {
        let calls: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| client.call("echo", &()))).collect();
        for call in calls {
            assert_eq!(call.join().unwrap().unwrap().all_text(), "hi");
        }
    });
    assert_eq!(counting.refusals(), 1);
    peer.finish();
}

//! Tokens by OAuth: from a refusal to a token, and what happens when somebody on the way does not do as they should.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use mcp_sse_blocking::credentials::{OAuth, Secret, TokenMemory, TokenStore};
use mcp_sse_blocking::{Builder, CallOptions, Client, Error, Transport};
use mcp_tests::certificates::{self, As, Issued, Valid};
use mcp_tests::scripted_authority::{Asked, Authority, Reply, browse, get, redirect};
use mcp_tests::tls_front::{Manner, TlsFront};
use serde_json::json;

const PRM: &str = "/.well-known/oauth-protected-resource/mcp";
const METADATA: &str = "/.well-known/oauth-authorization-server";

fn builder(authority: &Authority) -> Builder {
    Client::builder(&authority.url()).transport(Transport::StreamableHttp).call_timeout(Duration::from_secs(20))
}

fn oauth() -> OAuth {
    OAuth::new().client_name("Tests").request_timeout(Duration::from_secs(10)).open_with(browse)
}

fn call(client: &Client) -> String {
    client.call("echo", &()).unwrap().all_text()
}

fn failure(authority: &Authority, oauth: OAuth) -> String {
    let error = builder(authority).credentials(oauth).connect().map(drop).unwrap_err();
    assert!(matches!(error, Error::Credentials(_)), "{error:?}");
    let text = error.to_string();
    assert!(!text.contains("hidden"), "{text}");
    text
}

/// Waits for something that happens on another thread.
fn until(what: &str, holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < Duration::from_secs(20), "{what}");
        thread::yield_now();
    }
}

/// R-AU-1, R-AU-2, R-AU-10, R-AU-16, R-AU-26, R-AU-27, R-AU-29, R-AU-34
#[test]
fn a_person_is_asked_once_and_every_request_carries_the_token() {
    let authority = Authority::decent();
    let client = builder(&authority).credentials(oauth()).connect().unwrap();
    assert_eq!(call(&client), "hi");
    client.close();
    let before: Vec<_> = authority.paths().into_iter().take_while(|path| path != "/token").collect();
    assert_eq!(before, ["/mcp", PRM, METADATA, "/register", "/authorize"]);
    let asked = &authority.asked("/authorize")[0].query;
    assert_eq!(asked["resource"], authority.url());
    assert_eq!((&*asked["code_challenge_method"], &*asked["client_id"]), ("S256", "registered"));
    assert!(asked["redirect_uri"].starts_with("http://127.0.0.1:"), "{asked:?}");
    // That the verifier is the one of the challenge is checked by the server.
    assert_eq!(authority.asked("/token")[0].form()["resource"], authority.url());
    let requests = authority.asked("/mcp");
    assert!(requests.len() >= 4 && requests[1..].iter().all(|request| request.token() == Some("hidden-token-2")));
}

/// R-AU-3, R-SEC-26
#[test]
fn an_authorization_carries_neither_the_headers_of_the_caller_nor_a_token() {
    let authority = Authority::decent();
    let builder = builder(&authority).header("X-Tenant", "hidden").credentials(oauth());
    builder.connect().unwrap().close();
    for path in [PRM, METADATA, "/register", "/token"] {
        for asked in authority.asked(path) {
            assert!(!asked.headers.contains_key("x-tenant") && asked.token().is_none(), "{asked:?}");
        }
    }
}

/// R-AU-42, R-AU-46
#[test]
fn a_token_that_ends_is_renewed_with_a_refresh_token_that_changes_each_time() {
    let authority = Authority::decent();
    // Less than what is left to renew it: each request renews.
    authority.world().expires_in = Some(1);
    let client = builder(&authority).credentials(oauth()).connect().unwrap();
    assert_eq!((call(&client), call(&client)), ("hi".into(), "hi".into()));
    client.close();
    assert_eq!(authority.asked("/authorize").len(), 1, "nobody is asked again");
    assert_eq!(authority.asked(METADATA).len(), 1, "nor is it looked for again who gives tokens");
    let renewed: Vec<_> = authority.asked("/token")[1..].iter().map(|asked| asked.form()).collect();
    assert!(renewed.len() >= 2, "{renewed:?}");
    for (at, form) in renewed.iter().enumerate() {
        assert_eq!(
            (&*form["grant_type"], &form["refresh_token"]),
            ("refresh_token", &format!("hidden-refresh-{}", at + 2))
        );
        assert_eq!(form["resource"], authority.url(), "R-AU-27");
    }
}

/// R-AU-46
#[test]
fn a_refresh_token_that_counts_no_more_leads_back_to_the_person() {
    let authority = Authority::decent();
    authority.world().expires_in = Some(3600);
    let client = builder(&authority).credentials(oauth()).connect().unwrap();
    {
        let mut world = authority.world();
        world.tokens.clear();
        world.refresh_tokens.clear();
    }
    assert_eq!(call(&client), "hi");
    assert_eq!(authority.asked("/authorize").len(), 2);
    // And one that counts does not.
    authority.world().tokens.clear();
    assert_eq!(call(&client), "hi");
    assert_eq!(authority.asked("/authorize").len(), 2);
}

/// R-AU-36, R-AU-39, R-AU-40
#[test]
fn a_scope_that_is_missing_is_asked_for_on_top_and_only_once() {
    let authority = Authority::decent();
    authority.world().challenged = Some("read");
    authority.world().needed = Some("write");
    let client = builder(&authority).credentials(oauth()).connect().unwrap();
    assert_eq!(call(&client), "hi");
    let scopes = || authority.asked("/authorize").iter().map(|asked| asked.query["scope"].clone()).collect::<Vec<_>>();
    assert_eq!(scopes(), ["read", "read write"]);
    // The server says so again, whatever the token is good for.
    authority.world().tokens.values_mut().for_each(|scopes| scopes.clear());
    for _ in 0..3 {
        let error = client.call("echo", &()).unwrap_err();
        assert!(matches!(&error, Error::Status(status) if status.code == 403), "{error:?}");
    }
    assert_eq!(scopes().len(), 2, "nobody is asked for the same again");
}

/// R-AU-40
#[test]
fn a_server_that_wants_another_scope_each_time_gets_two_a_request() {
    let wanted = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&wanted);
    let authority = Authority::run(move |asked, _| {
        (asked.path == "/mcp" && asked.body.contains("tools/call")).then(|| {
            let number = counted.fetch_add(1, Ordering::SeqCst);
            let challenge = format!("WWW-Authenticate: Bearer error=\"insufficient_scope\", scope=\"s{number}\"\r\n");
            Reply::Answer("403 Forbidden", challenge, String::new())
        })
    });
    let client = builder(&authority).credentials(oauth()).connect().unwrap();
    let error = client.call("echo", &()).unwrap_err();
    assert!(matches!(&error, Error::Status(status) if status.code == 403), "{error:?}");
    assert_eq!((wanted.load(Ordering::SeqCst), authority.asked("/authorize").len()), (3, 3));
}

/// R-AU-11, R-AU-17, R-AU-18, R-AU-32, R-SEC-17
#[test]
fn metadata_that_cannot_be_believed_end_it_before_anybody_is_asked() {
    let prm = |resource: &str, issuer: &str| json!({"resource": resource, "authorization_servers": [issuer]});
    for (path, document, problem) in [
        (
            PRM,
            prm("https://evil.example/mcp", "https://evil.example"),
            "the metadata are those of another resource: `https://evil.example/mcp`",
        ),
        (PRM, prm("http://127.0.0.1:1/mcp", "https://a.example"), "the metadata are those of another resource"),
        (PRM, json!({"resource": "ORIGIN"}), "the metadata of the resource name no authorization server"),
        (PRM, prm("ORIGIN", "http://a.example"), "the authorization server at http://a.example is not https"),
        (PRM, prm("ORIGIN", "file:///etc/passwd"), "the authorization server cannot be used"),
        (PRM, json!([]), "the metadata of the resource cannot be read"),
        (
            METADATA,
            json!({"issuer": "https://evil.example"}),
            "another authorization server: the issuer `https://evil.example`",
        ),
        (
            METADATA,
            json!({"issuer": "ORIGIN", "authorization_endpoint": "https://a.example/"}),
            "does not say that it does PKCE",
        ),
        (
            METADATA,
            json!({"issuer": "ORIGIN", "code_challenge_methods_supported": ["S256"], "authorization_endpoint": "javascript:hidden()"}),
            "the authorization endpoint cannot be used",
        ),
        (
            METADATA,
            json!({"issuer": "ORIGIN", "code_challenge_methods_supported": ["S256"]}),
            "has no authorization endpoint",
        ),
    ] {
        let shown = document.to_string();
        let authority = Authority::run(move |asked, world| {
            let document = serde_json::from_str(&document.to_string().replace("ORIGIN", &world.origin)).unwrap();
            (asked.path == path).then(|| Reply::json(&document))
        });
        let error = failure(&authority, oauth().open_with(|url| panic!("nobody is sent to {url}")));
        assert!(error.contains(problem), "{shown}: {error}");
        for untouched in ["/register", "/authorize", "/token"] {
            assert!(authority.asked(untouched).is_empty(), "{shown}: {untouched}");
        }
    }
}

/// R-AU-13
#[test]
fn a_server_without_metadata_is_met_with_the_settings_that_help() {
    let authority =
        Authority::run(|asked, _| asked.path.starts_with("/.well-known/oauth-protected").then(Reply::missing));
    let error = failure(&authority, oauth());
    assert!(
        error.contains("oauth-protected-resource/mcp (404)") && error.contains("oauth-protected-resource (404)"),
        "{error}"
    );
    assert!(error.contains("(settings `issuer`, `server_is_its_own`)"), "{error}");
    let issuer = authority.url().replace("/mcp", "");
    builder(&authority).credentials(oauth().issuer(&issuer)).connect().unwrap().close();
    builder(&authority).credentials(oauth().server_is_its_own()).connect().unwrap().close();
}

/// R-AU-50, R-AU-51
#[test]
fn a_server_of_2025_03_26_is_its_own_authorization_server() {
    let authority = Authority::run(|asked, _| asked.path.starts_with("/.well-known/").then(Reply::missing));
    builder(&authority).credentials(oauth().server_is_its_own()).connect().unwrap().close();
    assert!(authority.asked(METADATA)[0].headers.contains_key("mcp-protocol-version"));
    assert_eq!(authority.asked("/authorize").len(), 1);
}

#[test]
fn a_token_endpoint_that_hangs_is_given_up_with_the_name_of_its_deadline() {
    let authority = Authority::run(|asked, _| (asked.path == "/token").then_some(Reply::Nothing));
    let error = failure(&authority, oauth().request_timeout(Duration::from_millis(300)));
    assert!(error.contains("/token took longer than 300ms (setting `request_timeout`)"), "{error}");
}

#[test]
fn a_document_without_end_is_not_read_to_it() {
    let authority = Authority::run(|asked, _| (asked.path == PRM).then_some(Reply::Endless));
    let error = failure(&authority, oauth());
    assert!(error.contains("an answer has more than 65536 bytes"), "{error}");
}

#[test]
fn metadata_are_not_looked_for_where_a_redirect_leads_elsewhere() {
    let authority = Authority::run(|asked, _| {
        (asked.path == PRM)
            .then(|| Reply::Answer("302 Found", "Location: http://127.0.0.1:1/\r\n".into(), String::new()))
    });
    let error = failure(&authority, oauth());
    assert!(error.contains("another origin"), "{error}");
}

#[test]
fn who_does_not_come_back_is_waited_for_and_then_left_alone() {
    let authority = Authority::decent();
    let opened = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&opened);
    let oauth = Arc::new(oauth().login_timeout(Duration::from_millis(300)).open_with(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }));
    for _ in 0..3 {
        let error = builder(&authority).credentials(Arc::clone(&oauth)).connect().map(drop).unwrap_err().to_string();
        assert!(error.contains("nobody came back from the browser within 300ms (setting `login_timeout`)"), "{error}");
    }
    assert_eq!(opened.load(Ordering::SeqCst), 1, "the browser is not opened again and again");
}

/// R-AU-29
#[test]
fn a_stranger_at_the_door_changes_nothing() {
    let authority = Authority::decent();
    let oauth = oauth().open_with(|url| {
        let back = redirect(url)?;
        let (door, query) = back.split_once('?').unwrap();
        let (door, query) = (door.to_owned(), query.to_owned());
        thread::spawn(move || {
            for (forged, status) in [
                ("?code=stolen&state=other", "400"),
                ("?error=access_denied", "400"),
                ("", "400"),
                ("/elsewhere?code=stolen", "404"),
            ] {
                let answer = get(&format!("{door}{forged}")).unwrap();
                assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{forged}: {answer}");
            }
            let answer = get(&format!("{door}?{query}")).unwrap();
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        });
        Ok(())
    });
    builder(&authority).credentials(oauth).connect().unwrap().close();
    assert_eq!(authority.asked("/token").len(), 1);
}

/// R-AU-29, R-AU-31
#[test]
fn what_comes_back_in_another_way_is_checked_as_well() {
    let authority = Authority::decent();
    for (change, problem) in [
        (("state=", "state=x"), "has not the `state` that was sent there"),
        (
            ("code=", "iss=https://evil.example&error=access_denied&x="),
            "is not from the authorization server that was asked",
        ),
        (
            ("code=", "error=access_denied&error_description=no&x="),
            "the authorization endpoint refuses: access_denied: no",
        ),
    ] {
        let oauth =
            oauth().authorize_with("http://127.0.0.1/here", move |url| Ok(redirect(url)?.replace(change.0, change.1)));
        let error = failure(&authority, oauth);
        assert!(error.contains(problem), "{error}");
    }
    assert!(authority.asked("/token").is_empty());
    let oauth = oauth().authorize_with("com.example:/back", redirect);
    builder(&authority).credentials(oauth).connect().unwrap().close();
    assert_eq!(authority.asked("/authorize").last().unwrap().query["redirect_uri"], "com.example:/back");
}

/// R-AU-46
#[test]
fn fifty_threads_that_need_a_token_ask_one_person() {
    let authority = Authority::decent();
    let client = builder(&authority).credentials(oauth()).connect().unwrap();
    authority.world().tokens.clear();
    let start = Barrier::new(50);
    thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| {
                start.wait();
                assert_eq!(call(&client), "hi");
            });
        }
    });
    assert_eq!(authority.asked("/authorize").len(), 2);
}

#[test]
fn a_person_may_take_longer_than_a_call_and_finishes_for_the_next_one() {
    let (begun, go_on) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let (here, there) = (Arc::clone(&begun), Arc::clone(&go_on));
    let authority = Authority::decent();
    let times = AtomicUsize::new(0);
    let oauth = oauth().open_with(move |url| {
        if times.fetch_add(1, Ordering::SeqCst) == 1 {
            here.wait();
            there.wait();
        }
        browse(url)
    });
    let client = builder(&authority).credentials(oauth).connect().unwrap();
    authority.world().tokens.clear();
    thread::scope(|scope| {
        let hurried =
            scope.spawn(|| client.call_with("echo", &(), CallOptions::new().timeout(Duration::from_millis(500))));
        begun.wait();
        let error = hurried.join().unwrap().unwrap_err();
        assert!(matches!(error, Error::Timeout(_)), "{error:?}");
        let patient = scope.spawn(|| call(&client));
        go_on.wait();
        assert_eq!(patient.join().unwrap(), "hi");
    });
    assert_eq!(authority.asked("/authorize").len(), 2, "the person is asked once more, and not twice");
}

#[test]
fn who_does_not_wait_any_more_leaves_nothing_behind() {
    let authority = Authority::run(|asked, _| (asked.path == "/token").then_some(Reply::Nothing));
    let oauth = oauth().request_timeout(Duration::from_secs(600));
    let client = builder(&authority).call_timeout(Duration::from_millis(500)).credentials(oauth).connect();
    assert!(client.is_err(), "{client:?}");
    // The provider went with the client, and the authorization with the provider: long before its own time.
    until("the authorization ends", || authority.asked("/token").iter().any(|asked| asked.method == "END"));
}

/// R-AU-42
#[test]
fn what_is_kept_is_used_by_the_next_program() {
    let authority = Authority::decent();
    authority.world().expires_in = Some(3600);
    let store = Arc::new(TokenMemory::default());
    for _ in 0..2 {
        let client = builder(&authority).credentials(oauth().store(Arc::clone(&store))).connect().unwrap();
        assert_eq!(call(&client), "hi");
    }
    assert_eq!(authority.asked("/authorize").len(), 1);
    // What is registered is kept as well, and so is the port that it is registered with.
    authority.world().tokens.clear();
    authority.world().refresh_tokens.clear();
    let client = builder(&authority).credentials(oauth().store(Arc::clone(&store))).connect().unwrap();
    assert_eq!(call(&client), "hi");
    let asked = authority.asked("/authorize");
    assert_eq!(asked.len(), 2);
    let is_same_port = asked[0].query["redirect_uri"] == asked[1].query["redirect_uri"];
    assert_eq!(authority.asked("/register").len(), if is_same_port { 1 } else { 2 });
}

/// R-AU-20, R-AU-23
#[test]
fn a_client_that_was_registered_beforehand_shows_what_it_has() {
    let authority = Authority::decent();
    let oauth = oauth().client_id("known").client_secret("hidden").issuer(&authority.origin());
    let client = builder(&authority).credentials(oauth).connect().unwrap();
    assert!(authority.asked("/register").is_empty());
    let shown = authority.asked("/token")[0].headers["authorization"].clone();
    assert_eq!(shown, "Basic a25vd246aGlkZGVu");
    assert_eq!(call(&client), "hi");
}

/// R-AU-47
#[test]
fn a_client_may_have_tokens_of_its_own() {
    let authority = Authority::decent();
    authority.world().secret = Some("hidden");
    let own = OAuth::new().client_id("machine").client_secret("hidden").issuer(&authority.origin());
    let own = own.scopes("jobs").client_credentials();
    let client = builder(&authority).credentials(own).connect().unwrap();
    assert_eq!(call(&client), "hi");
    let form = authority.asked("/token")[0].form();
    assert_eq!(
        (&*form["grant_type"], &*form["scope"], &form["resource"]),
        ("client_credentials", "jobs", &authority.url())
    );
    assert!(authority.asked("/authorize").is_empty());
    let error = failure(&Authority::decent(), OAuth::new().client_credentials());
    assert!(error.contains("(settings `client_id`, `client_secret`)"), "{error}");
    let error = failure(&Authority::decent(), OAuth::new());
    assert!(error.contains("(settings `open_with`, `authorize_with`, `client_credentials`)"), "{error}");
}

#[test]
fn a_closure_that_panics_is_an_error() {
    let authority = Authority::decent();
    let error = failure(&authority, oauth().open_with(|_| panic!("as planned")));
    assert!(error.contains("the authorization panicked"), "{error}");
    let error = failure(&authority, oauth().open_with(|_| Err("there is none".into())));
    assert!(error.contains("the browser was not opened: there is none"), "{error}");
}

/// R-AU-20, R-AU-21
#[test]
fn a_client_is_what_it_was_registered_as_or_a_document_or_registers() {
    const DOCUMENT: &str = "https://app.example/client.json";
    for (is_supported, known, expected) in
        [(true, Some("known"), "known"), (true, None, DOCUMENT), (false, None, "registered")]
    {
        let authority = Authority::decent();
        authority.world().metadata["client_id_metadata_document_supported"] = is_supported.into();
        let oauth = oauth().client_metadata_url(DOCUMENT);
        let oauth = if let Some(id) = known { oauth.client_id(id) } else { oauth };
        builder(&authority).credentials(oauth).connect().unwrap().close();
        assert_eq!(authority.asked("/authorize")[0].query["client_id"], expected);
        assert_eq!(authority.asked("/register").len(), usize::from(expected == "registered"));
    }
    let authority = Authority::decent();
    authority.world().metadata["client_id_metadata_document_supported"] = true.into();
    let error = failure(&authority, oauth().client_metadata_url("http://app.example/client.json"));
    assert!(error.contains("(setting `client_metadata_url`)"), "{error}");
    let authority = Authority::decent();
    authority.world().metadata["registration_endpoint"] = json!(null);
    let error = failure(&authority, oauth());
    assert!(error.contains("(setting `client_id`)"), "{error}");
}

/// R-AU-25
#[test]
fn a_server_that_trusts_another_one_now_leads_there_without_what_was_for_the_first() {
    let other = Authority::decent();
    let (issuer, moved) = (other.world().origin.clone(), Arc::new(AtomicUsize::new(0)));
    let is_moved = Arc::clone(&moved);
    let authority = Authority::run(move |asked, world| {
        let is_moved = is_moved.load(Ordering::SeqCst) == 1;
        (is_moved && asked.path == PRM).then(|| {
            Reply::json(&json!({"resource": format!("{}/mcp", world.origin), "authorization_servers": [issuer]}))
        })
    });
    authority.world().expires_in = Some(3600);
    let client = builder(&authority).credentials(oauth()).connect().unwrap();
    let known = builder(&authority).credentials(oauth().client_id("known")).connect().unwrap();
    moved.store(1, Ordering::SeqCst);
    authority.world().tokens.clear();
    // What the other one gives counts here.
    other.world().secret = None;
    let error = client.call("echo", &()).unwrap_err();
    assert!(matches!(&error, Error::Status(status) if status.code == 401), "its tokens are not known here: {error:?}");
    assert_eq!(other.asked("/register").len(), 1, "it registers there anew");
    let form = other.asked("/token")[0].form();
    assert_eq!(
        (other.asked("/token").len(), &*form["grant_type"]),
        (1, "authorization_code"),
        "no refresh token goes there"
    );
    // What was registered beforehand is for the first.
    let error = known.call("echo", &()).unwrap_err().to_string();
    assert!(error.contains("the client `known` belongs to") && error.contains("(setting `issuer`)"), "{error}");
    assert_eq!(other.asked("/authorize").len(), 1);
}

#[test]
fn a_server_that_refuses_what_it_was_just_given_does_not_wear_people_out() {
    let authority = Authority::run(|asked, world| {
        let is_call = asked.path == "/mcp" && asked.body.contains("tools/call");
        is_call.then(|| {
            world.tokens.clear();
            Reply::Answer("401 Unauthorized", "WWW-Authenticate: Bearer\r\n".into(), String::new())
        })
    });
    let client = builder(&authority).credentials(oauth()).connect().unwrap();
    let errors: Vec<_> = (0..8).map(|_| client.call("echo", &()).unwrap_err().to_string()).collect();
    assert!(errors[7].contains("a person was asked 5 times within 60s"), "{errors:?}");
    assert_eq!(authority.asked("/authorize").len(), 5);
}

/// R-AU-39
#[test]
fn who_does_not_want_more_still_has_what_there_is() {
    let authority = Authority::run(|asked, _| {
        asked.query.get("scope").is_some_and(|scope| scope.contains("write")).then(|| {
            let (back, state) = (&asked.query["redirect_uri"], &asked.query["state"]);
            Reply::Answer("302 Found", format!("Location: {back}?error=access_denied&state={state}\r\n"), String::new())
        })
    });
    authority.world().challenged = Some("read");
    authority.world().needed = Some("write");
    let client = builder(&authority).credentials(oauth()).connect().unwrap();
    for _ in 0..2 {
        let error = client.call("echo", &()).unwrap_err().to_string();
        assert!(error.contains("access_denied"), "{error}");
    }
    assert_eq!(authority.asked("/authorize").len(), 2, "nobody is asked again at once");
    authority.world().needed = None;
    assert_eq!(call(&client), "hi");
}

#[test]
fn a_token_that_cannot_be_renewed_yet_is_used_until_it_ends() {
    let authority = Authority::run(|asked, _| {
        let is_refresh = asked.path == "/token" && asked.body.contains("grant_type=refresh_token");
        is_refresh.then(|| Reply::Answer("503 Service Unavailable", String::new(), String::new()))
    });
    // It ends within the time before which it is renewed.
    authority.world().expires_in = Some(25);
    let client = builder(&authority).credentials(oauth()).connect().unwrap();
    assert_eq!(call(&client), "hi");
    assert_eq!(authority.asked("/authorize").len(), 1);
    authority.world().tokens.clear();
    let error = client.call("echo", &()).unwrap_err().to_string();
    assert!(error.contains("the token endpoint refuses with status 503"), "{error}");
}

/// R-AU-46
#[test]
fn what_is_kept_and_has_ended_is_renewed_by_the_next_program_without_asking_anybody() {
    let authority = Authority::decent();
    authority.world().expires_in = Some(0);
    let store = Arc::new(TokenMemory::default());
    builder(&authority).credentials(oauth().store(Arc::clone(&store))).connect().unwrap().close();
    authority.world().expires_in = Some(3600);
    authority.world().tokens.clear();
    let client = builder(&authority).credentials(oauth().store(store)).connect().unwrap();
    assert_eq!(call(&client), "hi");
    assert_eq!(authority.asked("/authorize").len(), 1);
    assert_eq!(authority.asked("/token").last().unwrap().form()["grant_type"], "refresh_token");
}

#[test]
fn where_tokens_cannot_be_renewed_any_more_it_is_looked_for_anew_who_gives_them() {
    let (is_moved, moved) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let now = Arc::clone(&is_moved);
    let authority = Authority::run(move |asked, world| {
        if now.load(Ordering::SeqCst) == 1 && asked.path == "/token" && moved.fetch_add(1, Ordering::SeqCst) == 0 {
            world.tokens.clear();
            return Some(Reply::missing());
        }
        None
    });
    authority.world().expires_in = Some(0);
    let client = builder(&authority).credentials(oauth()).connect().unwrap();
    is_moved.store(1, Ordering::SeqCst);
    assert_eq!(call(&client), "hi");
    assert_eq!((authority.asked(METADATA).len(), authority.asked("/authorize").len()), (2, 1));
}

/// R-AU-10: what a server says is read as it came, though parts of it are secrets when they are shown.
#[test]
fn a_challenge_is_read_as_it_came() {
    const NAME: &str = "my-long-server-name";
    let authority = Authority::run(|asked, world| {
        let (place, metadata) = (format!("/servers/{NAME}/mcp"), format!("/metadata/{NAME}/calendar"));
        let resource = format!("{}{place}", world.origin);
        if asked.path == metadata {
            return Some(Reply::json(&json!({"resource": resource, "authorization_servers": [world.origin]})));
        }
        let inner = (asked.path == place).then(|| world.serve(&Asked { path: "/mcp".into(), ..asked.clone() }));
        match inner {
            Some(Reply::Answer(status @ "401 Unauthorized", ..)) => {
                let challenge =
                    format!("WWW-Authenticate: Bearer resource_metadata=\"{}{metadata}\"\r\n", world.origin);
                Some(Reply::Answer(status, challenge, String::new()))
            }
            other => other,
        }
    });
    let url = authority.url().replace("/mcp", &format!("/servers/{NAME}/mcp"));
    let builder = Client::builder(&url).transport(Transport::StreamableHttp).header("X-Tenant", "calendar");
    let client = builder.call_timeout(Duration::from_secs(20)).credentials(oauth()).connect().unwrap();
    assert_eq!(call(&client), "hi");
    assert_eq!(authority.asked(&format!("/metadata/{NAME}/calendar")).len(), 1);
}

/// Over http, everybody on the way to another machine could read a token: there is none, neither a new one nor one that is kept.
#[test]
fn no_token_goes_to_another_machine_over_http() {
    const REMOTE: &str = "http://mcp.example/mcp";
    // It stands for a proxy, and for the server behind it.
    let authority = Authority::run(|asked, world| {
        (asked.path == REMOTE).then(|| world.serve(&Asked { path: "/mcp".into(), ..asked.clone() }))
    });
    authority.world().tokens.insert("hidden-kept".into(), Default::default());
    let store = TokenMemory::default();
    let kept = json!({
        "issuer": "https://a.example", "resource": REMOTE, "client_id": "a", "access_token": "hidden-kept", "scope": "",
    });
    store.save(&format!("tokens for {REMOTE}"), Some(&Secret::new(kept.to_string()))).unwrap();
    let oauth = oauth().store(store).open_with(|url| panic!("nobody is sent to {url}"));
    let builder =
        Client::builder(REMOTE).transport(Transport::StreamableHttp).proxy(&authority.url().replace("/mcp", ""));
    let error = builder.credentials(oauth).connect().map(drop).unwrap_err().to_string();
    assert!(error.contains("the server at http://mcp.example is not https"), "{error}");
    assert_eq!(authority.paths(), [REMOTE], "whom it trusts is of no interest then");
    assert_eq!(authority.asked(REMOTE)[0].token(), None);
}

/// What is set of TLS for one server is not for whichever authorization server it names: an authority that is trusted vouches for
/// that one, and nothing is shown to it. Where both are one origin, it is the server's.
#[test]
fn what_is_set_of_tls_is_for_the_server_alone() {
    let authorities = certificates::Authority::new("ours");
    let own = Issued::self_signed(&["localhost"], Valid::Now, As::Itself);
    let vouched = authorities.issue(&["localhost"], Valid::Now);
    let client = authorities.issue(&["client"], Valid::Now);
    let identified = |certificate| Manner { clients: Some(authorities.certificate()), ..Manner::showing(certificate) };
    let pinned = |builder: Builder| {
        let builder = builder.pin_certificate_pem(own.certificate.as_bytes());
        builder.client_certificate_pem(client.certificate.as_bytes(), client.key.as_bytes())
    };
    let any = |builder: Builder| builder.danger_accept_any_certificate();
    type Set<'a> = &'a dyn Fn(Builder) -> Builder;
    // What the server shows, what the authorization server does if it is another, and what the error says if there is one.
    let cases: [(Manner<'_>, Option<Manner<'_>>, Set<'_>, Option<&str>); 6] = [
        (Manner::showing(&own), None, &any, None),
        (identified(&own), None, &pinned, None),
        (identified(&own), Some(Manner::showing(&vouched)), &pinned, None),
        (Manner::showing(&own), Some(Manner::showing(&vouched)), &any, None),
        (Manner::showing(&own), Some(Manner::showing(&own)), &any, Some("the authorization server's certificate is")),
        (identified(&own), Some(identified(&vouched)), &pinned, Some("which is shown to the server alone")),
    ];
    for (at, (server, other, set, problem)) in cases.iter().enumerate() {
        let authority = Authority::run(|asked, world| {
            (asked.path == PRM).then(|| {
                let (resource, issuer) = (&world.metadata["resource"], &world.metadata["issuer"]);
                Reply::json(&json!({"resource": resource, "authorization_servers": [issuer]}))
            })
        });
        let address = authority.url().replace("http://", "").replace("/mcp", "").parse().unwrap();
        let server = TlsFront::start_in(address, server);
        let other = other.as_ref().map(|other| TlsFront::start_in(address, other));
        let issuer = other.as_ref().unwrap_or(&server).url("");
        let plain = authority.world().origin.clone();
        {
            let mut world = authority.world();
            let said = world.metadata.to_string().replace(&plain, &issuer);
            world.metadata = serde_json::from_str(&said).unwrap();
            world.metadata["resource"] = server.url("/mcp").into();
        }
        let shown = issuer.clone();
        let oauth = oauth().open_with(move |url| browse(&url.replace(&shown, &plain)));
        let builder = Client::builder(&server.url("/mcp")).transport(Transport::StreamableHttp);
        let builder = builder.add_root_certificates_pem(authorities.certificate().as_bytes()).credentials(oauth);
        let connected = set(builder.call_timeout(Duration::from_secs(20))).connect();
        match (connected, problem) {
            (Ok(client), None) => assert_eq!(call(&client), "hi"),
            (Err(error), Some(problem)) => assert!(error.to_string().contains(problem), "{at}: {error}"),
            (connected, _) => panic!("{at}: {:?}", connected.map(drop)),
        }
    }
}

/// R-AU-10, R-AU-15
#[test]
fn a_page_where_metadata_could_be_does_not_end_the_search() {
    const ROOT: &str = "/.well-known/oauth-protected-resource";
    const OPENID: &str = "/.well-known/openid-configuration";
    for (status, size) in [("404 Not Found", 200 << 10), ("500 Internal Server Error", 70 << 10), ("200 OK", 100)] {
        let authority = Authority::run(move |asked, world| match &*asked.path {
            PRM | METADATA => {
                let page = format!("<html>{}", "x".repeat(size));
                Some(Reply::Answer(status, "Content-Type: text/html\r\n".into(), page))
            }
            ROOT => Some(Reply::json(&json!({"resource": world.origin, "authorization_servers": [world.origin]}))),
            OPENID => Some(Reply::json(&world.metadata)),
            _ => None,
        });
        let client = builder(&authority).credentials(oauth()).connect().unwrap();
        assert_eq!(call(&client), "hi");
    }
    // Where there is no other place, it is an error.
    let authority = Authority::run(|asked, _| {
        let page = || Reply::Answer("200 OK", "Content-Type: text/html\r\n".into(), "<html>".into());
        asked.path.starts_with("/.well-known").then(page)
    });
    let error = failure(&authority, oauth());
    assert!(error.contains("the metadata of the resource cannot be read"), "{error}");
}

//! Tokens that end, or that are refused: when they are renewed, and when a person is asked again.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::sync::Arc;
use std::time::{Duration, Instant};

use mcp_sse_blocking::credentials::{OAuth, Secret, TokenMemory, TokenStore as _};
use mcp_sse_blocking::{Builder, Client, Error, Transport};
use mcp_tests::scripted_authority::{Asked, Authority, Reply, browse};
use serde_json::json;

fn builder(authority: &Authority) -> Builder {
    Client::builder(&authority.url()).transport(Transport::StreamableHttp).call_timeout(Duration::from_secs(20))
}

fn oauth() -> OAuth {
    OAuth::new().client_name("Tests").request_timeout(Duration::from_secs(10)).open_with(browse)
}

fn call(client: &Client) -> String {
    client.call("echo", &()).unwrap().all_text()
}

fn is_refresh(asked: &Asked) -> bool {
    asked.path == "/token" && asked.body.contains("grant_type=refresh_token")
}

/// How often a token was to be renewed.
fn renewals(authority: &Authority) -> usize {
    authority.asked("/token").iter().filter(|asked| is_refresh(asked)).count()
}

/// How often a person was asked.
fn asked(authority: &Authority) -> usize {
    authority.asked("/authorize").len()
}

/// R-AU-46
#[test]
fn nobody_is_asked_as_long_as_a_token_counts() {
    let authority = Authority::run(|asked, _| is_refresh(asked).then(|| Reply::refusal("invalid_grant")));
    // It ends within the time before which it is renewed.
    authority.world().expires_in = Some(25);
    let client = builder(&authority).credentials(oauth()).connect().unwrap();
    for _ in 0..3 {
        assert_eq!(call(&client), "hi");
    }
    assert_eq!((asked(&authority), renewals(&authority)), (1, 1), "it is not tried again and again");
    authority.world().tokens.clear();
    assert_eq!(call(&client), "hi");
    assert_eq!(asked(&authority), 2);
}

/// R-AU-46
#[test]
fn a_renewal_that_hangs_does_not_hold_up_what_has_a_token() {
    let authority = Authority::run(|asked, _| is_refresh(asked).then_some(Reply::Nothing));
    authority.world().expires_in = Some(25);
    let begin = Instant::now();
    let client = builder(&authority).credentials(oauth()).connect().unwrap();
    assert_eq!(call(&client), "hi");
    assert!(begin.elapsed() < Duration::from_secs(8), "{:?}", begin.elapsed());
    assert_eq!((asked(&authority), renewals(&authority)), (1, 1));
}

/// R-AU-46
#[test]
fn a_token_that_is_refused_although_it_was_just_renewed_leads_to_the_person() {
    let authority = Authority::run(|asked, _| {
        let dead = json!({"access_token": "hidden-dead", "token_type": "Bearer", "expires_in": 3600});
        is_refresh(asked).then(|| Reply::json(&dead))
    });
    authority.world().expires_in = Some(3600);
    let client = builder(&authority).credentials(oauth()).connect().unwrap();
    authority.world().tokens.clear();
    let error = client.call("echo", &()).unwrap_err();
    assert!(matches!(&error, Error::Status(status) if status.code == 401), "it is sent twice at most: {error:?}");
    assert_eq!(call(&client), "hi");
    assert_eq!((asked(&authority), renewals(&authority)), (2, 1));
}

/// R-AU-37
#[test]
fn a_scope_that_was_never_asked_for_comes_of_no_renewal() {
    let authority = Authority::decent();
    authority.world().expires_in = Some(3600);
    let client = builder(&authority).credentials(oauth()).connect().unwrap();
    authority.world().tokens.clear();
    authority.world().challenged = Some("write");
    assert_eq!(call(&client), "hi");
    assert_eq!(authority.asked("/authorize")[1].query["scope"], "write");
    assert_eq!(renewals(&authority), 0);
    // What was asked for does.
    authority.world().tokens.clear();
    assert_eq!(call(&client), "hi");
    assert_eq!((asked(&authority), renewals(&authority)), (2, 1));
}

/// R-AU-25
#[test]
fn a_registration_that_is_forgotten_there_is_made_anew() {
    let authority = Authority::decent();
    authority.world().expires_in = Some(3600);
    let client = builder(&authority).credentials(oauth()).connect().unwrap();
    authority.world().clients.clear();
    authority.world().tokens.clear();
    assert_eq!(call(&client), "hi");
    assert_eq!(authority.asked("/authorize")[1].query["client_id"], "registered-2");
    assert_eq!(authority.asked("/register").len(), 2);
}

/// R-AU-25
#[test]
fn a_registration_with_which_nobody_came_back_is_not_used_again() {
    let authority = Authority::decent();
    let store = Arc::new(TokenMemory::default());
    // The browser shows what is wrong, and leads nowhere.
    let oauth = || {
        let oauth = oauth().login_timeout(Duration::from_millis(300)).store(Arc::clone(&store));
        oauth.open_with(|url| {
            let _ = browse(url);
            Ok(())
        })
    };
    builder(&authority).credentials(oauth()).connect().unwrap().close();
    authority.world().clients.clear();
    authority.world().tokens.clear();
    let error = builder(&authority).credentials(oauth()).connect().map(drop).unwrap_err().to_string();
    assert!(error.contains("(setting `login_timeout`)"), "{error}");
    let client = builder(&authority).credentials(oauth()).connect().unwrap();
    assert_eq!(call(&client), "hi");
    assert_eq!(authority.asked("/register").len(), 2);
}

/// R-AU-25
#[test]
fn a_secret_goes_to_nobody_whom_the_program_did_not_name() {
    let authority = Authority::decent();
    let known = || oauth().client_id("known").client_secret("hidden");
    for oauth in [known(), known().client_credentials()] {
        let error = builder(&authority).credentials(oauth).connect().map(drop).unwrap_err().to_string();
        assert!(error.contains("(setting `issuer`)") && !error.contains("hidden"), "{error}");
    }
    assert!(authority.asked("/token").is_empty() && authority.asked("/authorize").is_empty());
    let oauth = known().issuer(&authority.origin());
    builder(&authority).credentials(oauth).connect().unwrap().close();
}

/// R-AU-46
#[test]
fn what_another_program_renewed_is_used() {
    let authority = Authority::decent();
    authority.world().expires_in = Some(3600);
    let store = Arc::new(TokenMemory::default());
    let connect = || builder(&authority).credentials(oauth().store(Arc::clone(&store))).connect().unwrap();
    let (here, there) = (connect(), connect());
    authority.world().tokens.clear();
    assert_eq!((call(&here), call(&there)), ("hi".into(), "hi".into()));
    assert_eq!((asked(&authority), renewals(&authority)), (1, 1));
    // A refresh token is good for one renewal: the last one is that of the other program.
    authority.world().tokens.clear();
    assert_eq!((call(&there), call(&here)), ("hi".into(), "hi".into()));
    assert_eq!((asked(&authority), renewals(&authority)), (1, 2));
}

/// R-AU-25
#[test]
fn a_refresh_token_is_not_shown_under_another_name() {
    let authority = Authority::decent();
    authority.world().expires_in = Some(3600);
    let store = Arc::new(TokenMemory::default());
    let connect = || builder(&authority).credentials(oauth().store(Arc::clone(&store))).connect().unwrap();
    connect().close();
    let name = format!("client at {}", authority.origin());
    let registered = store.load(&name).unwrap().unwrap().expose().replace("\"registered\"", "\"known\"");
    store.save(&name, Some(&Secret::from(registered))).unwrap();
    authority.world().tokens.clear();
    assert_eq!(call(&connect()), "hi");
    assert_eq!((asked(&authority), renewals(&authority)), (2, 0));
}

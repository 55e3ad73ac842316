//! The client through proxies. Their names for the server cannot be looked up here, so whoever finds it went through the proxy.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use mcp_core::time::Cause;
use mcp_server_tiny::{Server, Tool};
use mcp_sse_blocking::{Builder, Client, Delivery, Error, Transport};
use mcp_tests::raw_http::RunningServer;
use mcp_tests::scripted_proxy::{Manner, ScriptedProxy};
use mcp_tests::tls_front::TlsFront;
use serde_json::json;

/// How long a test waits for anything.
const BOUND: Duration = Duration::from_secs(10);

/// The value of `Proxy-Authorization` of `us%40er:p%3Ass`.
const LOGIN: &str = "Basic dXNAZXI6cDpzcw==";

fn server() -> RunningServer {
    let echo = Tool::new("echo").param::<String>("text", "what");
    RunningServer::start(Server::new("far", "1").allow_host("mcp.test").tool(echo, |call| call.arg::<String>("text")))
}

fn http(server: &RunningServer) -> Manner {
    Manner::Http { to: server.address, wants: None }
}

fn socks(server: &RunningServer) -> Manner {
    Manner::Socks { to: server.address, wants: None }
}

fn builder(url: &str) -> Builder {
    Client::builder(url).bearer("hidden").connect_timeout(BOUND).call_timeout(BOUND)
}

fn works(builder: Builder) {
    let client = builder.connect().unwrap();
    for text in ["a", "b"] {
        assert_eq!(client.call("echo", &json!({"text": text})).unwrap().all_text(), text);
    }
}

/// What is said when it does not work; nothing of it is a secret.
fn refusal(builder: Builder) -> Error {
    let mut shown = format!("{builder:?}");
    let error = builder.connect().unwrap_err();
    shown += &format!("{error:?} {error}");
    for secret in ["hidden", "p%3Ass", "p:ss", "us@er", "us%40er", "dXNA"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    error
}

fn problem(builder: Builder) -> String {
    match refusal(builder) {
        Error::Transport(error) => {
            assert_eq!(error.delivery, Delivery::NotSent);
            error.problem
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn plain_requests_name_the_whole_url() {
    let server = server();
    let proxy = ScriptedProxy::start(http(&server));
    for transport in [Transport::Detect, Transport::StreamableHttp, Transport::HttpSse] {
        let path = if transport == Transport::HttpSse { "/sse" } else { "/mcp" };
        works(builder(&format!("http://mcp.test:8000{path}")).transport(transport).proxy(&proxy.url("http")));
    }
    for head in proxy.asked() {
        let (line, fields) = head.split_once("\r\n").unwrap();
        assert!(line.contains(" http://mcp.test:8000/") && line.ends_with(" HTTP/1.1"), "{line}");
        assert!(fields.to_lowercase().contains("host: mcp.test:8000\r\n"), "{head}");
        assert!(!fields.contains("Proxy-Authorization"), "{head}");
    }
}

#[test]
fn https_goes_through_a_tunnel_in_which_the_proxy_hears_nothing() {
    let server = server();
    let front = TlsFront::start(server.address, &["mcp.test"]);
    let proxy = ScriptedProxy::start(Manner::Http { to: front.address(), wants: None });
    let far = || builder("https://mcp.test/mcp").root_certificates_pem(front.certificate().as_bytes());
    works(far().proxy(&proxy.url("http")));
    let asked = proxy.asked();
    assert!(
        asked.iter().all(|head| head == "CONNECT mcp.test:443 HTTP/1.1\r\nHost: mcp.test:443\r\n\r\n"),
        "{asked:?}"
    );
    // The certificate of the server is judged as ever.
    let problem = problem(builder("https://mcp.test/mcp").proxy(&proxy.url("http")));
    assert!(problem.starts_with("the server's certificate is signed by nobody"), "{problem}");
}

#[test]
fn the_way_to_the_proxy_may_be_tls_as_well() {
    let server = server();
    let inner = TlsFront::start(server.address, &["mcp.test"]);
    let proxy = ScriptedProxy::start(Manner::Http { to: inner.address(), wants: None });
    let outer = TlsFront::start(proxy.address(), &["localhost"]);
    let url = format!("https://localhost:{}", outer.address().port());
    let trusting = || {
        builder("https://mcp.test/mcp")
            .root_certificates_pem(outer.certificate().as_bytes())
            .add_root_certificates_pem(inner.certificate().as_bytes())
    };
    works(trusting().proxy(&url));
    // A pin is of the server, and the roots decide about the proxy.
    works(trusting().pin_certificate_pem(inner.certificate().as_bytes()).proxy(&url));
    for untrusting in [
        builder("https://mcp.test/mcp").pin_certificate_pem(outer.certificate().as_bytes()),
        builder("https://mcp.test/mcp").danger_accept_any_certificate(),
    ] {
        assert_eq!(
            problem(untrusting.proxy(&url)),
            format!(
                "the proxy {url} cannot be reached: the proxy's certificate is signed by nobody who is trusted here; \
                 `add_root_certificates_pem` trusts an authority"
            )
        );
    }
}

#[test]
fn credentials_go_to_the_proxy_and_to_nobody_else() {
    let server = server();
    let front = TlsFront::start(server.address, &["mcp.test"]);
    let far = || builder("https://mcp.test/mcp").root_certificates_pem(front.certificate().as_bytes());
    let (near, tunnel) = (
        ScriptedProxy::start(Manner::Http { to: server.address, wants: Some(LOGIN) }),
        ScriptedProxy::start(Manner::Http { to: front.address(), wants: Some(LOGIN) }),
    );
    for (proxy, far) in [(&near, &(|| builder("http://mcp.test/mcp")) as &dyn Fn() -> Builder), (&tunnel, &far)] {
        works(far().proxy(&proxy.url_of("http", "us%40er:p%3Ass")));
        for head in proxy.asked() {
            assert!(head.contains(&format!("\r\nProxy-Authorization: {LOGIN}\r\n")), "{head}");
        }
        let url = proxy.url("http");
        assert_eq!(
            problem_sent(far().proxy(&url)),
            format!(
                "the proxy {url} wants credentials (407): its URL has none, as in `http://user:password@host:port`"
            )
        );
        assert_eq!(
            problem_sent(far().proxy(&proxy.url_of("http", "us%40er:wrong"))),
            format!("the proxy {url} does not accept the credentials in its URL (407)")
        );
    }
}

/// The same as [`problem`], where a proxy was told the request itself.
fn problem_sent(builder: Builder) -> String {
    match refusal(builder) {
        Error::Transport(error) => error.problem,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_proxy_that_does_not_tunnel_says_why_and_is_named() {
    for (answer, said) in [
        (
            "HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\nno way",
            "refuses to connect to mcp.test:443: 403 Forbidden",
        ),
        ("HTTP/1.0 502\r\n\r\n", "refuses to connect to mcp.test:443: 502"),
        ("HTTP/1.1 302 Found\r\nLocation: http://portal/\r\n\r\n", "refuses to connect to mcp.test:443: 302 Found"),
        ("SSH-2.0-OpenSSH_9.2\r\n", "does not answer in HTTP"),
        ("HTTP/2 200\r\n\r\n", "does not answer in HTTP"),
        ("HTTP/1.1 2000 OK\r\n\r\n", "does not answer in HTTP"),
        ("HTTP/1.1 200 Connec", "hung up before it had answered"),
        ("", "hung up before it had answered"),
    ] {
        let proxy = ScriptedProxy::start(Manner::Answers(answer));
        let url = proxy.url("http");
        assert_eq!(problem(builder("https://mcp.test/mcp").proxy(&url)), format!("the proxy {url} {said}"));
    }
}

#[test]
fn a_proxy_that_refuses_a_plain_request_is_told_from_the_server_and_not_asked_again() {
    for (answer, said) in [
        (
            "HTTP/1.1 503 Service Unavailable\r\nX-Squid-Error: ERR_CONNECT_FAIL 111\r\nContent-Length: 2\r\n\r\nno",
            "refuses the request itself: 503, `ERR_CONNECT_FAIL 111`",
        ),
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
            "wants credentials (407): its URL has none, as in `http://user:password@host:port`",
        ),
    ] {
        let proxy = ScriptedProxy::start(Manner::Answers(answer));
        let url = proxy.url("http");
        assert_eq!(problem_sent(builder("http://mcp.test/mcp").proxy(&url)), format!("the proxy {url} {said}"));
        assert_eq!(proxy.asked().len(), 1, "{:?}", proxy.asked());
    }
}

#[test]
fn a_proxy_that_never_ends_its_answer_is_not_listened_to_for_long() {
    let proxy = ScriptedProxy::start(Manner::Repeats("HTTP/1.1 200 OK\r\nX-More: more\r\n"));
    let url = proxy.url("http");
    let start = Instant::now();
    assert_eq!(
        problem(builder("https://mcp.test/mcp").proxy(&url)),
        format!("the proxy {url} gives CONNECT an answer whose head does not end within 16384 bytes")
    );
    assert!(start.elapsed() < BOUND);
}

#[test]
fn a_proxy_that_says_nothing_is_given_up_when_the_time_for_connecting_is_over() {
    let proxy = ScriptedProxy::start(Manner::Silent);
    let limit = Duration::from_millis(100);
    for url in [proxy.url("http"), proxy.url("https"), proxy.url("socks5h"), proxy.url("socks4a")] {
        let error = refusal(builder("https://mcp.test/mcp").proxy(&url).connect_timeout(limit));
        assert!(matches!(&error, Error::Timeout(timeout) if timeout.cause == Cause::Proxy), "{error:?}");
        assert_eq!(error.to_string(), "the proxy did not answer within 100ms (setting `connect_timeout`)");
        assert_eq!(error.delivery(), Some(Delivery::NotSent));
    }
}

/// The proxy has answered: now it is the server that is waited for.
#[test]
fn a_server_behind_a_proxy_that_says_nothing_is_told_from_the_proxy() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = ScriptedProxy::start(Manner::Http { to: silent.local_addr().unwrap(), wants: None });
    let limit = Duration::from_millis(200);
    let error = refusal(builder("https://mcp.test/mcp").proxy(&proxy.url("http")).connect_timeout(limit));
    assert_eq!(error.to_string(), "the connect deadline passed after 200ms (setting `connect_timeout`)");
}

#[test]
fn a_proxy_that_is_not_there_is_named() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for url in ["http://mcp.test/mcp", "https://mcp.test/mcp"] {
        let problem = problem(builder(url).proxy(&format!("http://us%40er:p%3Ass@{address}")));
        assert!(problem.starts_with(&format!("the proxy http://{address} cannot be reached: ")), "{problem}");
    }
    let problem = problem(builder("http://mcp.test/mcp").proxy("http://proxy.invalid:3128"));
    let said = "the proxy http://proxy.invalid:3128 cannot be reached: the host is not known: ";
    assert!(problem.starts_with(said), "{problem}");
}

#[test]
fn socks_proxies_look_names_up_or_are_given_addresses() {
    let server = server();
    let front = TlsFront::start(server.address, &["mcp.test"]);
    let proxy = ScriptedProxy::start(socks(&server));
    let tunnel = ScriptedProxy::start(Manner::Socks { to: front.address(), wants: None });
    for (scheme, url, asked) in [
        ("socks5h", "http://mcp.test:8000/mcp", "5 |mcp.test:8000"),
        ("socks5", "http://127.0.0.1:8000/mcp", "5 |127.0.0.1:8000"),
        ("socks5h", "http://127.0.0.1/mcp", "5 |127.0.0.1:80"),
        ("socks5", "http://[::1]:8000/mcp", "5 |::1:8000"),
        ("socks4a", "http://mcp.test:8000/mcp", "4 |mcp.test:8000"),
        ("socks4", "http://127.0.0.1:8000/mcp", "4 |127.0.0.1:8000"),
    ] {
        let before = proxy.asked().len();
        works(builder(url).proxy(&proxy.url(scheme)));
        assert!(proxy.asked()[before..].iter().all(|goal| goal == asked), "{scheme} {url}: {:?}", proxy.asked());
    }
    // It can be looked up wherever this runs, and the proxy is given an address.
    let before = proxy.asked().len();
    works(builder("http://localhost:8000/mcp").proxy(&proxy.url("socks4")));
    assert!(proxy.asked()[before..].iter().all(|goal| goal == "4 |127.0.0.1:8000"), "{:?}", proxy.asked());
    works(
        builder("https://mcp.test/mcp")
            .root_certificates_pem(front.certificate().as_bytes())
            .proxy(&tunnel.url("socks5h")),
    );
    let error = problem(builder("http://mcp.test/mcp").proxy(&proxy.url("socks5")));
    let said = "is to be given an address, which `socks5h` and `socks4a` need not: the host is not known: ";
    assert!(error.starts_with(&format!("the proxy {} {said}", proxy.url("socks5"))), "{error}");
    let url = proxy.url("socks4");
    assert_eq!(
        problem(builder("http://[::1]/mcp").proxy(&url)),
        format!(
            "the proxy {url} speaks SOCKS 4, which has no IPv6 addresses: a proxy of version 5 (`socks5`) is needed"
        )
    );
}

#[test]
fn socks_proxies_may_want_a_password() {
    let server = server();
    let proxy = ScriptedProxy::start(Manner::Socks { to: server.address, wants: Some(("us@er", "p:ss")) });
    let far = |url: &str| builder("http://mcp.test:8000/mcp").proxy(url);
    works(far(&proxy.url_of("socks5h", "us%40er:p%3Ass")));
    assert!(proxy.asked().iter().all(|goal| goal == "5 us@er|mcp.test:8000"), "{:?}", proxy.asked());
    let url = proxy.url("socks5h");
    assert_eq!(
        problem(far(&url)),
        format!("the proxy {url} wants credentials: its URL has none, as in `socks5://user:password@host:port`")
    );
    assert_eq!(
        problem(far(&proxy.url_of("socks5h", "us%40er:wrong"))),
        format!("the proxy {url} does not accept the credentials in its URL")
    );
    // Version 4 has a user alone.
    works(far(&proxy.url_of("socks4a", "us%40er")));
    assert_eq!(proxy.asked().last().unwrap(), "4 us@er|mcp.test:8000");
}

#[test]
fn a_socks_proxy_that_refuses_or_speaks_something_else_is_named() {
    for (scheme, turns, said) in [
        ("socks5h", vec![(3, &b"\x05\x00"[..]), (15, b"\x05\x02\x00\x01")], "does not allow the connection"),
        ("socks5h", vec![(3, b"\x05\x00"), (15, b"\x05\x05\x00\x01")], "was refused by the server"),
        ("socks5h", vec![(3, b"\x05\x00"), (15, b"\x05\x63\x00\x01")], "cannot open the connection"),
        ("socks5h", vec![(3, b"\x05\x00"), (15, b"\x05\x00\x00\x09")], "does not answer in SOCKS 5"),
        ("socks5h", vec![(3, b"\x05\x00"), (15, b"HT")], "does not answer in SOCKS 5"),
        ("socks5h", vec![(3, b"HTTP/1.1 400")], "does not answer in SOCKS 5"),
        ("socks5h", vec![(3, b"\x05\x02")], "does not answer in SOCKS 5"),
        ("socks5h", vec![(3, b"\x05\x00"), (15, b"\x05\x00\x00\x01\x7f")], "hung up before it had answered"),
        ("socks5h", vec![(3, b"\x05")], "hung up before it had answered"),
        ("socks4a", vec![(18, b"\x00\x5b\0\0\0\0\0\0")], "refuses the connection, or it failed"),
        ("socks4a", vec![(18, b"\x00\x5d\0\0\0\0\0\0")], "refuses this user"),
        ("socks4a", vec![(18, b"HTTP/1.1 400")], "does not answer in SOCKS 4"),
    ] {
        let proxy = ScriptedProxy::start(Manner::Bytes(turns.clone()));
        let url = proxy.url(scheme);
        assert_eq!(problem(builder("http://mcp.test/mcp").proxy(&url)), format!("the proxy {url} {said}"), "{turns:?}");
    }
}

#[test]
fn a_client_that_is_told_to_goes_directly() {
    let server = server();
    let proxy = ScriptedProxy::start(http(&server));
    let url = format!("http://{}/mcp", server.address);
    works(builder(&url).proxy(&proxy.url("http")).no_proxy());
    assert_eq!(proxy.asked(), [""; 0]);
    // A proxy that the caller names is gone through to this machine as well.
    works(builder(&url).no_proxy().proxy(&proxy.url("http")));
    assert!(!proxy.asked().is_empty());
}

/// What a program says that runs in this environment alone.
fn in_environment(variables: &[(&str, &str)], url: &str) -> String {
    let mut program = Command::new(env!("CARGO_BIN_EXE_environment_client"));
    let output = program.arg(url).env_clear().envs(variables.iter().copied()).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

#[test]
fn the_environment_says_which_way_to_go() {
    let server = server();
    let proxy = ScriptedProxy::start(Manner::Http { to: server.address, wants: Some(LOGIN) });
    let url = proxy.url_of("http", "us%40er:p%3Ass");
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        let before = proxy.asked().len();
        assert_eq!(in_environment(&[(name, &url)], "http://mcp.test:8000/mcp"), "hello", "{name}");
        assert!(proxy.asked().len() > before, "{name}");
    }
    let before = proxy.asked().len();
    for (variables, url) in [
        (&[("ALL_PROXY", url.as_str()), ("NO_PROXY", "elsewhere, .test")][..], "http://mcp.test:8000/mcp"),
        (&[("https_proxy", &url)], "http://mcp.test:8000/mcp"),
        (&[("HTTP_PROXY", &url), ("REQUEST_METHOD", "GET")], "http://mcp.test:8000/mcp"),
    ] {
        let said = in_environment(variables, url);
        assert!(said.contains("the host is not known"), "{variables:?}: {said}");
    }
    // This machine is not behind a proxy.
    assert_eq!(in_environment(&[("ALL_PROXY", &url)], &format!("http://{}/mcp", server.address)), "hello");
    assert_eq!(proxy.asked().len(), before);
    let said = in_environment(&[("ALL_PROXY", "ftp://us%40er:p%3Ass@h")], "http://mcp.test:8000/mcp");
    let problem = "the environment's `ALL_PROXY` cannot be used: its scheme is none of http, https, socks5, socks5h, socks4 and \
                   socks4a";
    // On Windows, where names have no case, it is found under the other one.
    let shown = if cfg!(windows) { said.replace("all_proxy", "ALL_PROXY") } else { said.clone() };
    assert!(shown.contains(problem) && !said.contains("p%3Ass"), "{said}");
}

#[test]
fn what_is_no_proxy_is_the_callers_fault() {
    for (url, said) in [
        ("ftp://us%40er:p%3Ass@h", "its scheme is none of http, https, socks5, socks5h, socks4 and socks4a"),
        ("http://us%40er:p%3Ass@", "it has no host, or no port that can be read"),
        ("http://us%40er:p%3Ass@h:port", "it has no host, or no port that can be read"),
        ("http://us%40er:p%3Ass%zz@h", "its user or password is not percent-encoded UTF-8 without control characters"),
        (
            "http://us%40er:p%3Ass%0d%0aX:%20y@h",
            "its user or password is not percent-encoded UTF-8 without control characters",
        ),
    ] {
        let error = refusal(builder("http://mcp.test/mcp").proxy(url));
        assert!(
            matches!(&error, Error::Usage(problem) if *problem == format!("`proxy` cannot be used: {said}")),
            "{error}"
        );
    }
}

//! Whom the client trusts over https, and what it says of those it does not.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use log::{LevelFilter, Log, Metadata, Record};
use mcp_server_tiny::{Server, Tool};
use mcp_sse_blocking::{Builder, Client, Delivery, Error};
use mcp_tests::certificates::{As, Authority, Issued, Valid};
use mcp_tests::raw_http::RunningServer;
use mcp_tests::tls_front::{Manner, TlsFront};
use serde_json::json;

/// How long a test waits for anything.
const BOUND: Duration = Duration::from_secs(10);

fn server() -> RunningServer {
    RunningServer::start(
        Server::new("tls", "1")
            .tool(Tool::new("echo").param::<String>("text", "what"), |call| call.arg::<String>("text")),
    )
}

fn builder(front: &TlsFront) -> Builder {
    Client::builder(&front.url("/mcp")).bearer("hidden").connect_timeout(BOUND).call_timeout(BOUND)
}

/// Whether a session can be had and used.
fn works(builder: Builder) {
    let client = builder.connect().unwrap();
    assert_eq!(client.call("echo", &json!({"text": "a"})).unwrap().all_text(), "a");
}

/// What is said of a server that is not trusted. It has heard nothing by then.
fn refusal(front: &TlsFront, builder: Builder) -> String {
    let error = builder.connect().unwrap_err();
    let Error::Transport(transport) = &error else { panic!("{error:?}") };
    assert_eq!(transport.delivery, Delivery::NotSent);
    assert_eq!(front.decrypted(), 0, "{error}");
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("hidden"), "{shown}");
    transport.problem.clone()
}

#[test]
fn an_authority_may_be_added_to_others_or_put_in_their_place() {
    let (first, second) = (Authority::new("first"), Authority::new("second"));
    let certificate = second.issue(&["localhost"], Valid::Now);
    let server = server();
    let front = TlsFront::start_in(server.address, &Manner::showing(&certificate));
    let (first, second) = (first.certificate().as_bytes(), second.certificate().as_bytes());
    works(builder(&front).add_root_certificates_pem(second));
    works(builder(&front).add_root_certificates_pem(first).add_root_certificates_pem(second));
    works(builder(&front).root_certificates_pem(second));
    works(builder(&front).root_certificates_pem(first).add_root_certificates_pem(second));
    works(builder(&front).root_certificates_pem(&[first, b"\nand\n", second].concat()));
    // What is put in the place of others is alone.
    let other = TlsFront::start_in(server.address, &Manner::showing(&certificate));
    for untrusting in [
        builder(&other),
        builder(&other).root_certificates_pem(first),
        builder(&other).add_root_certificates_pem(first),
        builder(&other).root_certificates_pem(second).root_certificates_pem(first),
    ] {
        assert_eq!(
            refusal(&other, untrusting),
            "the server's certificate is signed by nobody who is trusted here; `add_root_certificates_pem` trusts an \
             authority; `pin_certificate_pem` trusts this very one"
        );
    }
}

#[test]
fn the_systems_authorities_are_read_and_do_not_vouch_for_ours() {
    let authority = Authority::new("ours");
    let certificate = authority.issue(&["localhost"], Valid::Now);
    let server = server();
    let front = TlsFront::start_in(server.address, &Manner::showing(&certificate));
    match builder(&front).system_roots().connect() {
        Err(Error::Transport(error)) => assert!(error.problem.contains("signed by nobody"), "{error}"),
        // A container may have none.
        Err(Error::Usage(problem)) => assert!(problem.starts_with("`system_roots` found no certificate"), "{problem}"),
        other => panic!("{other:?}"),
    }
    works(builder(&front).system_roots().root_certificates_pem(authority.certificate().as_bytes()));
}

#[test]
fn what_is_wrong_with_a_certificate_is_said_with_the_setting_that_matters() {
    let authority = Authority::new("ours");
    let server = server();
    for (certificate, said) in [
        (
            authority.issue(&["localhost"], Valid::Once),
            "the server's certificate expired on 2001-02-03; `pin_certificate_pem` trusts this very one all the same",
        ),
        (
            authority.issue(&["localhost"], Valid::Later),
            "the server's certificate is valid from 2999-01-01 on only; is the clock of this machine right?",
        ),
        (
            authority.issue(&["elsewhere.example", "127.0.0.1"], Valid::Now),
            "the server's certificate is for elsewhere.example, 127.0.0.1 and not for localhost; \
             `pin_certificate_pem` trusts this very one under any name",
        ),
        (
            Issued::self_signed(&["localhost"], Valid::Now, As::Itself),
            "the server's certificate is signed by nobody who is trusted here; `add_root_certificates_pem` trusts an \
             authority; `pin_certificate_pem` trusts this very one",
        ),
        (
            Issued::self_signed(&["localhost"], Valid::Now, As::Authority),
            "the server's certificate is an authority's, as `openssl req -x509` makes them, and not a server's; \
             `pin_certificate_pem` trusts this very one",
        ),
    ] {
        let front = TlsFront::start_in(server.address, &Manner::showing(&certificate));
        let trusting = builder(&front).root_certificates_pem(authority.certificate().as_bytes());
        assert_eq!(refusal(&front, trusting), said);
    }
}

#[test]
fn an_address_is_a_name_too() {
    let certificate = Issued::self_signed(&["127.0.0.1"], Valid::Now, As::Itself);
    let server = server();
    let front = TlsFront::start_in(server.address, &Manner::showing(&certificate));
    let url = format!("https://127.0.0.1:{}/mcp", front.address().port());
    works(Client::builder(&url).root_certificates_pem(certificate.certificate.as_bytes()).call_timeout(BOUND));
}

#[test]
fn a_pinned_certificate_is_trusted_whatever_it_says() {
    let authority = Authority::new("ours");
    let server = server();
    for certificate in [
        authority.issue(&["localhost"], Valid::Now),
        authority.issue(&["localhost"], Valid::Once),
        authority.issue(&["localhost"], Valid::Later),
        authority.issue(&["elsewhere.example"], Valid::Now),
        authority.issue(&[], Valid::Now),
        Issued::self_signed(&["localhost"], Valid::Now, As::Itself),
        Issued::self_signed(&["elsewhere.example"], Valid::Once, As::Authority),
    ] {
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let manner = Manner { version: Some(version), ..Manner::showing(&certificate) };
            let front = TlsFront::start_in(server.address, &manner);
            works(builder(&front).pin_certificate_pem(certificate.certificate.as_bytes()));
        }
    }
}

#[test]
fn one_pinned_certificate_may_follow_another() {
    let (old, new) = (
        Issued::self_signed(&["localhost"], Valid::Now, As::Itself),
        Issued::self_signed(&["localhost"], Valid::Now, As::Itself),
    );
    let server = server();
    for shown in [&old, &new] {
        let front = TlsFront::start_in(server.address, &Manner::showing(shown));
        works(
            builder(&front)
                .pin_certificate_pem(old.certificate.as_bytes())
                .pin_certificate_pem(new.certificate.as_bytes()),
        );
        works(builder(&front).pin_certificate_pem((old.certificate.clone() + &new.certificate).as_bytes()));
    }
}

#[test]
fn where_one_certificate_is_pinned_no_other_is_trusted() {
    let authority = Authority::new("ours");
    let (pinned, shown) = (authority.issue(&["localhost"], Valid::Now), authority.issue(&["localhost"], Valid::Now));
    let server = server();
    let front = TlsFront::start_in(server.address, &Manner::showing(&shown));
    let trusting = || builder(&front).root_certificates_pem(authority.certificate().as_bytes());
    let said = "the server shows another certificate than that of `pin_certificate_pem`";
    assert_eq!(refusal(&front, trusting().pin_certificate_pem(pinned.certificate.as_bytes())), said);
    // To pin an authority is to pin its own certificate.
    assert_eq!(refusal(&front, trusting().pin_certificate_pem(authority.certificate().as_bytes())), said);
    works(trusting());
}

/// Whoever has the certificate, which is public, and not its key.
#[test]
fn a_server_without_the_key_of_its_certificate_is_refused_even_where_any_is_accepted() {
    let (certificate, other) = (
        Issued::self_signed(&["localhost"], Valid::Now, As::Itself),
        Issued::self_signed(&["localhost"], Valid::Now, As::Itself),
    );
    let server = server();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let manner = Manner { key: Some(&other), version: Some(version), ..Manner::showing(&certificate) };
        let front = TlsFront::start_in(server.address, &manner);
        let pem = certificate.certificate.as_bytes();
        for builder in [
            builder(&front).pin_certificate_pem(pem),
            builder(&front).danger_accept_any_certificate(),
            builder(&front).root_certificates_pem(pem),
        ] {
            assert_eq!(refusal(&front, builder), "a signature by the server is wrong: somebody may be in between");
        }
    }
}

#[test]
fn accepting_any_certificate_works_and_is_loud() {
    listen_to_the_log();
    let certificate = Issued::self_signed(&["elsewhere.example"], Valid::Once, As::Authority);
    let server = server();
    let front = TlsFront::start_in(server.address, &Manner::showing(&certificate));
    let warnings = || {
        let lines = LINES.lock().unwrap();
        lines.iter().filter(|line| line.starts_with("WARN mcp::client: `danger_accept_any_certificate` is set")).count()
    };
    // No other test accepts any without a failure of its own, but one may do so beside this one.
    let before = warnings();
    works(builder(&front).danger_accept_any_certificate());
    works(builder(&front).danger_accept_any_certificate());
    assert!(warnings() >= before + 2);
}

#[test]
fn a_server_that_does_not_speak_tls_is_told_from_one_that_does() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}/mcp", listener.local_addr().unwrap().port());
    let plain = thread::spawn(move || {
        for answer in ["HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", ""] {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    for said in [
        "the server does not speak TLS: its URL may have to begin with `http:`",
        "the server hung up during the TLS handshake",
    ] {
        let error = Client::builder(&url).call_timeout(BOUND).connect().unwrap_err();
        assert!(matches!(&error, Error::Transport(transport) if transport.problem == said), "{error}");
    }
    plain.join().unwrap();
}

#[test]
fn what_cannot_be_used_names_its_setting_and_opens_no_connection() {
    let certificate = Issued::self_signed(&["localhost"], Valid::Now, As::Itself);
    let pem = certificate.certificate.as_bytes();
    let cut = &pem[..pem.len() - 30];
    let garbled: Vec<u8> = pem.iter().map(|&byte| if byte == b'a' { b'!' } else { byte }).collect();
    let no_certificate = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    // Nobody listens there: a connection would be another error.
    let builder = || Client::builder("https://localhost:1/mcp");
    for (builder, said) in [
        (builder().root_certificates_pem(b""), "`root_certificates_pem` has no certificate in it"),
        (builder().root_certificates_pem(cut), "`root_certificates_pem` is no PEM that can be read"),
        (builder().root_certificates_pem(&garbled), "`root_certificates_pem` is no PEM that can be read"),
        (
            builder().root_certificates_pem(no_certificate),
            "`root_certificates_pem` has a certificate that cannot be read",
        ),
        (builder().add_root_certificates_pem(b"x"), "`add_root_certificates_pem` has no certificate in it"),
        (
            builder().add_root_certificates_pem(pem).add_root_certificates_pem(cut),
            "`add_root_certificates_pem` is no PEM that can be read",
        ),
        (builder().pin_certificate_pem(certificate.key.as_bytes()), "`pin_certificate_pem` has no certificate in it"),
        (
            builder().pin_certificate_pem(pem).danger_accept_any_certificate(),
            "`danger_accept_any_certificate` and `pin_certificate_pem` are both set",
        ),
    ] {
        let error = builder.connect().unwrap_err();
        assert!(matches!(&error, Error::Usage(problem) if problem == said), "{error}");
        assert_eq!(error.delivery(), Some(Delivery::NotSent));
    }
}

#[test]
fn a_request_is_one_record_and_sessions_of_tls_are_resumed() {
    let server = server();
    let front = TlsFront::start(server.address, &["localhost"]);
    let trusting = builder(&front).root_certificates_pem(front.certificate().as_bytes());
    let client = trusting.max_idle_connections(0).connect().unwrap();
    for _ in 0..3 {
        let (records, resumed) = (front.records(), front.resumed());
        client.call("echo", &json!({"text": "a"})).unwrap();
        // Each call has a connection of its own: the end of the handshake, and the request.
        assert_eq!((front.records() - records, front.resumed() - resumed), (2, 1));
    }
    let trusting = builder(&front).root_certificates_pem(front.certificate().as_bytes());
    let client = trusting.connect().unwrap();
    client.call("echo", &json!({"text": "a"})).unwrap();
    for _ in 0..3 {
        let records = front.records();
        client.call("echo", &json!({"text": "a"})).unwrap();
        assert_eq!(front.records() - records, 1, "head and body of a call");
    }
}

/// Every line of ours.
static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Collector;

impl Log for Collector {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        if record.target().starts_with("mcp") {
            LINES.lock().unwrap().push(format!("{} {}: {}", record.level(), record.target(), record.args()));
        }
    }

    fn flush(&self) {}
}

fn listen_to_the_log() {
    log::set_logger(&Collector).unwrap();
    log::set_max_level(LevelFilter::Warn);
}

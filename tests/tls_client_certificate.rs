//! The client shows who it is: certificates and keys in every form, and servers that want others.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::time::Duration;

use mcp_server_tiny::{Server, Tool};
use mcp_sse_blocking::{Builder, Client, Error};
use mcp_tests::certificates::{Authority, Issued, Valid};
use mcp_tests::raw_http::RunningServer;
use mcp_tests::tls_front::{Manner, TlsFront};
use rcgen::KeyPair;

/// How long a test waits for anything.
const BOUND: Duration = Duration::from_secs(10);

const RSA_PKCS1: &str = include_str!("vectors/tls/rsa-pkcs1.pem");
const RSA_PKCS8: &str = include_str!("vectors/tls/rsa-pkcs8.pem");
const EC_SEC1: &str = include_str!("vectors/tls/ec-sec1.pem");
const EC_PKCS8: &str = include_str!("vectors/tls/ec-pkcs8.pem");

fn server() -> RunningServer {
    RunningServer::start(Server::new("mtls", "1").tool(Tool::new("hello"), |_| Ok("hello")))
}

fn front(
    server: &RunningServer,
    clients: &Authority,
    version: &'static rustls::SupportedProtocolVersion,
) -> (TlsFront, Issued) {
    let certificate = Authority::new("servers").issue(&["localhost"], Valid::Now);
    let manner =
        Manner { clients: Some(clients.certificate()), version: Some(version), ..Manner::showing(&certificate) };
    (TlsFront::start_in(server.address, &manner), certificate)
}

fn builder(front: &(TlsFront, Issued)) -> Builder {
    Client::builder(&front.0.url("/mcp"))
        .pin_certificate_pem(front.1.certificate.as_bytes())
        .connect_timeout(BOUND)
        .call_timeout(BOUND)
}

#[test]
fn a_client_identifies_with_a_key_in_any_form() {
    let clients = Authority::new("clients");
    let server = server();
    let issue = |pkcs8: &str| clients.issue_for(KeyPair::from_pem(pkcs8).unwrap(), &["client"], Valid::Now);
    let made = clients.issue(&["client"], Valid::Now);
    let (rsa, ec) = (issue(RSA_PKCS8), issue(EC_PKCS8));
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let front = front(&server, &clients, version);
        for (certificate, key) in [
            (&made.certificate, made.key.as_str()),
            (&rsa.certificate, RSA_PKCS1),
            (&rsa.certificate, RSA_PKCS8),
            (&ec.certificate, EC_SEC1),
            (&ec.certificate, EC_PKCS8),
        ] {
            let client = builder(&front).client_certificate_pem(certificate.as_bytes(), key.as_bytes());
            let client = client.connect().unwrap();
            assert_eq!(client.call("hello", &()).unwrap().all_text(), "hello");
            // Both may be in one file.
            let both = format!("{key}{certificate}");
            builder(&front).client_certificate_pem(both.as_bytes(), both.as_bytes()).connect().unwrap();
        }
    }
}

#[test]
fn a_server_that_wants_a_certificate_says_so() {
    let (clients, strangers) = (Authority::new("clients"), Authority::new("strangers"));
    let server = server();
    let stranger = strangers.issue(&["client"], Valid::Now);
    let late = clients.issue(&["client"], Valid::Once);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let front = front(&server, &clients, version);
        let said = |builder: Builder| match builder.connect().unwrap_err() {
            Error::Transport(error) => error.problem,
            other => panic!("{other:?}"),
        };
        assert_eq!(said(builder(&front)), "the server wants a client certificate (setting `client_certificate_pem`)");
        for (shown, why) in [(&stranger, "UnknownCA"), (&late, "CertificateExpired")] {
            let shown = builder(&front).client_certificate_pem(shown.certificate.as_bytes(), shown.key.as_bytes());
            assert_eq!(
                said(shown),
                format!("the server does not accept the client certificate (setting `client_certificate_pem`): {why}")
            );
        }
        assert_eq!(front.0.decrypted(), 0);
    }
}

#[test]
fn what_cannot_be_used_is_named_and_not_shown() {
    let clients = Authority::new("clients");
    let (one, other) = (clients.issue(&["client"], Valid::Now), clients.issue(&["client"], Valid::Now));
    let certificate = one.certificate.as_bytes();
    let key = one.key.as_bytes();
    let damaged = one.key.replace("-----END", "=====\n-----END");
    let odd = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
    for (certificate, key, said) in [
        (&b""[..], key, "has no certificate in it"),
        (certificate, &b""[..], "has no private key in it"),
        (certificate, certificate, "has no private key in it"),
        (certificate, other.key.as_bytes(), "has a key that is not the certificate's"),
        (certificate, damaged.as_bytes(), "has a key that is no PEM that can be read"),
        (certificate, &key[..key.len() - 30], "has a key that is no PEM that can be read"),
        (certificate, odd.as_bytes(), "has a key of a kind that is not known, or that cannot be read"),
        (
            certificate,
            include_bytes!("vectors/tls/ec-encrypted.pem"),
            "has a key that is encrypted: it has to be decrypted first",
        ),
        (
            certificate,
            include_bytes!("vectors/tls/ec-encrypted-sec1.pem"),
            "has a key that is encrypted: it has to be decrypted first",
        ),
    ] {
        let builder = Client::builder("https://localhost:1/mcp").client_certificate_pem(certificate, key);
        let mut shown = format!("{builder:?}");
        let error = builder.connect().unwrap_err();
        assert!(
            matches!(&error, Error::Usage(problem) if *problem == format!("`client_certificate_pem` {said}")),
            "{error}"
        );
        shown += &format!("{error:?}");
        for line in String::from_utf8_lossy(key).lines().filter(|line| !line.is_empty() && !line.starts_with('-')) {
            assert!(!shown.contains(line), "{shown}");
        }
    }
}

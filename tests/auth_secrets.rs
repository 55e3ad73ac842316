//! What must not be shown of credentials: no log, no error and no trace has them, even when a server repeats them.
//!
//! One test in a program of its own, since a program has one logger.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use log::{LevelFilter, Log, Metadata, Record};
use mcp_sse_blocking::credentials::{self, BearerToken, Credential, Credentials, CredentialsError};
use mcp_sse_blocking::{Builder, Client, Transport};
use mcp_tests::scripted_peer::{Peer, Request};
use mcp_tests::streamable_peer::{StreamablePeer as _, StreamableRequest as _};

const DISCOVERED: &str = r#"{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"resultType":"complete"}"#;

/// Every line of ours, and every byte of the traces.
static SHOWN: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Collector;

impl Log for Collector {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        if record.target().starts_with("mcp") {
            writeln!(SHOWN.lock().unwrap(), "{} {}: {}", record.level(), record.target(), record.args()).unwrap();
        }
    }

    fn flush(&self) {}
}

struct Trace;

impl Write for Trace {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        SHOWN.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn show(text: impl std::fmt::Display) {
    writeln!(SHOWN.lock().unwrap(), "{text}").unwrap();
}

/// Gives `hunter2-0`, and after each refusal the next.
fn provider() -> impl Credentials {
    let number = AtomicUsize::new(0);
    credentials::from_fn(move |ask| {
        show(format_args!("{:?}", ask.rejected()));
        let number = number.fetch_add(usize::from(ask.rejected().is_some()), Ordering::SeqCst);
        match number + usize::from(ask.rejected().is_some()) {
            3 => Err(CredentialsError::new("the vault", "it is sealed")),
            number => Ok(Some(Credential::bearer(format!("hunter2-{number}")))),
        }
    })
}

fn builder(url: &str, credentials: impl Credentials + 'static, traced: bool) -> Builder {
    let builder = Client::builder(url).call_timeout(Duration::from_secs(10)).credentials(credentials);
    show(format_args!("{builder:?}"));
    if traced { builder.trace(Trace) } else { builder }
}

/// A refusal in whose page and head the request's credentials are repeated.
fn echo(request: &Request, status: &str) {
    let token = request.header("authorization").unwrap();
    let body = format!(r#"{{"error":"{token} is not welcome"}}"#);
    request.json_status(status, &format!("WWW-Authenticate: Bearer error_description=\"{token}\"\r\n"), &body);
}

#[test]
fn neither_logs_nor_traces_nor_errors_show_what_a_provider_gave() {
    log::set_logger(&Collector).unwrap();
    log::set_max_level(LevelFilter::Trace);
    for traced in [false, true] {
        let peer = Peer::run(|peer| {
            echo(&peer.expect("server/discover"), "401 Unauthorized");
            peer.expect("server/discover").json_result(DISCOVERED);
            echo(&peer.expect("tools/call"), "500 Internal Server Error");
            echo(&peer.expect("tools/call"), "401 Unauthorized");
            let call = peer.expect("tools/call");
            let token = call.header("authorization").unwrap();
            call.json_error("400 Bad Request", &format!(r#"{{"code":-32000,"message":"{token} is not welcome"}}"#));
            let call = peer.expect("tools/call");
            call.json_text(call.header("authorization").unwrap());
            echo(&peer.expect("tools/call"), "401 Unauthorized");
        });
        let client = builder(&peer.url("/mcp"), provider(), traced).transport(Transport::Stateless).connect().unwrap();
        for is_shown in [false, true, true, true] {
            match client.call("echo", &()) {
                // What a tool gives back belongs to whoever called it.
                Ok(result) => assert!(result.all_text().contains("hunter2"), "it is the token of the request"),
                Err(mcp_sse_blocking::Error::Rpc(error)) => {
                    // So does what a server says as JSON-RPC.
                    assert!(is_shown, "{error:?}");
                }
                Err(error) => {
                    show(&error);
                    show(format_args!("{error:?}"));
                }
            }
        }
        show(format_args!("{client:?}"));
        client.close();
        peer.finish();

        // Over HTTP+SSE, where the page of a refused POST is read elsewhere.
        let peer = Peer::run(|peer| {
            let mut stream = peer.handshake();
            let call = peer.expect("tools/call");
            echo(&call, "500 Internal Server Error");
            stream.raw(format!(": {}\n\n", call.header("authorization").unwrap()));
        });
        let builder = builder(&peer.url("/sse"), BearerToken::new("hunter2"), traced);
        let client = builder.transport(Transport::HttpSse).connect().unwrap();
        let error = client.call("echo", &()).unwrap_err();
        show(format_args!("{error} {error:?}"));
        client.close();
        peer.finish();

        // What cannot be sent.
        let unusable = Arc::new(BearerToken::new("hunter2\nhunter2"));
        show(format_args!("{unusable:?}"));
        let error = self::builder("http://127.0.0.1:9/mcp", unusable, traced).connect().unwrap_err();
        show(format_args!("{error} {error:?}"));
    }
    let shown = SHOWN.lock().unwrap();
    let shown = String::from_utf8_lossy(&shown);
    assert!(shown.contains("mcp::wire") && shown.contains("sending again with others"), "it is logged");
    let secrets: Vec<&str> = shown.lines().filter(|line| line.contains("hunter")).collect();
    assert!(secrets.is_empty(), "{}: {secrets:#?}", secrets.len());
}

//! Servers that prove badly who they are, and answers that are packed.

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use mcp_server_tiny::Server;
use mcp_sse_blocking::Client;
use mcp_tests::certificates::{As, Authority, Issued, Valid};
use mcp_tests::raw_http::RunningServer;
use mcp_tests::scripted_peer::Peer;
use mcp_tests::streamable_peer::StreamablePeer;
use mcp_tests::tls_front::{Manner, TlsFront};

use super::kit::{Case, call, connecting, http, meet, sse};

/// Connects to a front with this certificate, for a client that trusts `authority` beside the well-known ones.
fn shown(certificate: &Issued, trusted: Option<&str>) -> String {
    let server = RunningServer::start(Server::new("behind", "1"));
    let front = TlsFront::start_in(server.address, &Manner::showing(certificate));
    let url = front.url("/mcp");
    let mut builder = Client::builder(&url).connect_timeout(super::kit::PATIENT).call_timeout(super::kit::PATIENT);
    if let Some(trusted) = trusted {
        builder = builder.add_root_certificates_pem(trusted.as_bytes());
    }
    let origin = url.trim_start_matches("https://").trim_end_matches("/mcp").to_owned();
    connecting(builder).replace(&origin, "SERVER")
}

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "shows a certificate that has expired",
        seen: "error: sending a message to https://SERVER: the server's certificate expired on 2001-02-03; `pin_certificate_pem` trusts this very one all the same",
        within: Duration::from_secs(1),
        scene: || {
            let authority = Authority::new("ours");
            shown(&authority.issue(&["localhost"], Valid::Once), Some(authority.certificate()))
        },
    },
    Case {
        name: "shows a certificate of its own",
        seen: "error: sending a message to https://SERVER: the server's certificate is signed by nobody who is trusted here; `add_root_certificates_pem` trusts an authority; `pin_certificate_pem` trusts this very one",
        within: Duration::from_secs(1),
        scene: || shown(&Issued::self_signed(&["localhost"], Valid::Now, As::Itself), None),
    },
    Case {
        name: "shows a certificate for another name",
        seen: "error: sending a message to https://SERVER: the server's certificate is for elsewhere.example and not for localhost; `pin_certificate_pem` trusts this very one under any name",
        within: Duration::from_secs(1),
        scene: || {
            let authority = Authority::new("ours");
            shown(&authority.issue(&["elsewhere.example"], Valid::Now), Some(authority.certificate()))
        },
    },
    Case {
        name: "speaks plain HTTP where https was asked for",
        seen: "error: sending a message to https://SERVER: the server does not speak TLS: its URL may have to begin with `http:`",
        within: Duration::from_secs(1),
        scene: || {
            let server = RunningServer::start(Server::new("plain", "1"));
            let address = server.address.to_string();
            let builder = Client::builder(&format!("https://{address}/mcp")).call_timeout(super::kit::PATIENT);
            connecting(builder).replace(&address, "SERVER")
        },
    },
    Case {
        name: "packs its event stream with gzip",
        seen: "unpacked",
        within: Duration::from_millis(500),
        scene: || {
            let script = |peer: &mut Peer| {
                peer.shake_streamable();
                let call = peer.expect("tools/call");
                assert!(call.header("accept-encoding").is_some_and(|accepted| accepted.contains("gzip")));
                let event = format!(
                    "data: {{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{{\"content\":[{{\"type\":\"text\",\"text\":\"unpacked\"}}]}}}}\n\n",
                    call.id()
                );
                let body = packed(&event);
                call.answer(format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
                    body.len()
                ));
                call.answer(body);
                assert_eq!(peer.request().method, "DELETE");
            };
            meet(script, |origin| call(http(origin).compression(mcp_sse_blocking::Compression::Accept)))
        },
    },
    Case {
        name: "packs its event stream though nobody asked for it",
        seen: "error: the server's HTTP cannot be understood: the answer is compressed, unasked (feature and setting `compression`)",
        within: Duration::ZERO,
        scene: || {
            let script = |peer: &mut Peer| {
                let get = peer.request();
                get.answer("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\n");
                get.answer(packed("event: endpoint\ndata: /messages\n\n"));
            };
            meet(script, |origin| connecting(sse(origin)))
        },
    },
    Case {
        name: "packs gigabytes of nothing",
        seen: "error: a message is longer than 4194304 (limit `message_bytes`)",
        within: Duration::from_secs(2),
        scene: || {
            let script = |peer: &mut Peer| {
                peer.shake_streamable();
                let call = peer.expect("tools/call");
                let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
                let zeros = vec![b' '; 1 << 20];
                for _ in 0..64 {
                    encoder.write_all(&zeros).unwrap();
                }
                let block = encoder.finish().unwrap();
                // Members one after the other: each of these few kilobytes is 64 megabytes.
                let body = block.repeat(32);
                call.answer(format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
                    body.len()
                ));
                call.answer(body);
                assert_eq!(peer.request().method, "DELETE");
            };
            meet(script, |origin| call(http(origin).compression(mcp_sse_blocking::Compression::Accept)))
        },
    },
];

//! Every kind of client against every kind of server of ours: who finds whom, in which revision, and what it says otherwise.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::thread::JoinHandle;
use std::time::Duration;

use mcp_core::revision::ProtocolVersion;
use mcp_core::time::Instant;
use mcp_server_tiny::{Handle, Server, Tool};
use mcp_sse_blocking::{Builder, Client, Transport, Via};

use ProtocolVersion::{V2024_11_05, V2025_03_26, V2025_06_18, V2025_11_25, V2026_07_28};

fn server() -> Server {
    Server::new("eras", "1").tool(Tool::new("t"), |_| Ok("called"))
}

/// What a server serves, by the carriers that are left to it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Everything,
    Stateless,
    Sessions,
    HttpSse,
}

/// A server of this kind that runs until it is dropped.
struct Running {
    origin: String,
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start(kind: Kind) -> Self {
        let server = match kind {
            Kind::Everything => server(),
            Kind::Stateless => server().without_sessions().without_http_sse(),
            Kind::Sessions => server().without_stateless().without_http_sse(),
            Kind::HttpSse => server().without_stateless().without_sessions(),
        };
        let bound = server.bind("127.0.0.1:0").unwrap();
        let (origin, handle) = (format!("http://{}", bound.local_addr()), bound.handle());
        let thread = std::thread::spawn(move || bound.run().unwrap());
        Self { origin, handle, thread: Some(thread) }
    }

    fn builder(&self, path: &str) -> Builder {
        Client::builder(&format!("{}{path}", self.origin)).call_timeout(Duration::from_secs(10))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.handle.stop();
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// The revision and the carrier that a client came to, after a call; or the text of its error.
fn outcome(builder: Builder) -> Result<(ProtocolVersion, Via), String> {
    let client = builder.connect().map_err(|error| error.to_string())?;
    assert_eq!(client.call("t", &()).unwrap().all_text(), "called");
    Ok((client.protocol_version(), client.connection().via))
}

#[test]
fn whoever_finds_out_by_itself_finds_the_newest_that_is_served() {
    // R-SH-62, R-SH-63, R-ST-71, R-SSE-40
    for (kind, path, expected) in [
        (Kind::Everything, "/mcp", Some((V2026_07_28, Via::StreamableHttp))),
        (Kind::Everything, "/sse", Some((V2025_11_25, Via::HttpSse))),
        (Kind::Stateless, "/mcp", Some((V2026_07_28, Via::StreamableHttp))),
        (Kind::Stateless, "/sse", None),
        (Kind::Sessions, "/mcp", Some((V2025_11_25, Via::StreamableHttp))),
        (Kind::Sessions, "/sse", None),
        (Kind::HttpSse, "/mcp", None),
        (Kind::HttpSse, "/sse", Some((V2025_11_25, Via::HttpSse))),
    ] {
        let server = Running::start(kind);
        let found = outcome(server.builder(path));
        match expected {
            Some(expected) => assert_eq!(found, Ok(expected), "{kind:?} at {path}"),
            None => {
                let error = found.unwrap_err();
                let attempts = ["server/discover", "initialize", "event stream"];
                assert!(attempts.iter().all(|attempt| error.contains(attempt)), "{kind:?} at {path}: {error}");
            }
        }
    }
}

#[test]
fn a_revision_that_is_pinned_is_spoken_or_the_error_names_what_is() {
    // R-LM-16, R-LM-26, R-ST-26, and the rules of the negotiation
    let mut errors = 0;
    for kind in [Kind::Everything, Kind::Stateless, Kind::Sessions] {
        for version in ProtocolVersion::ALL {
            let server = Running::start(kind);
            let is_served = match kind {
                Kind::Stateless => !version.has_handshake(),
                Kind::Sessions => version.has_handshake(),
                _ => true,
            };
            match outcome(server.builder("/mcp").protocol_version(version)) {
                Ok(found) => {
                    assert!(is_served, "{kind:?} {version}: {found:?}");
                    assert_eq!(found, (version, Via::StreamableHttp), "{kind:?}");
                }
                Err(error) => {
                    assert!(!is_served, "{kind:?} {version}: {error}");
                    // A server of sessions alone looks like one that never heard of the other era.
                    assert!(kind == Kind::Sessions || error.contains("2026-07-28"), "{kind:?} {version}: {error}");
                    errors += 1;
                }
            }
        }
    }
    assert_eq!(errors, 5);
    let server = Running::start(Kind::Everything);
    for version in [V2024_11_05, V2025_03_26, V2025_06_18, V2025_11_25] {
        let pinned = server.builder("/sse").transport(Transport::HttpSse).protocol_version(version);
        assert_eq!(outcome(pinned), Ok((version, Via::HttpSse)));
    }
}

#[test]
fn a_transport_that_is_pinned_is_used_or_is_an_error() {
    // R-SH-63
    for kind in [Kind::Everything, Kind::Stateless, Kind::Sessions, Kind::HttpSse] {
        let server = Running::start(kind);
        for (transport, path, only, version, via) in [
            (Transport::Stateless, "/mcp", Kind::Stateless, V2026_07_28, Via::StreamableHttp),
            (Transport::StreamableHttp, "/mcp", Kind::Sessions, V2025_11_25, Via::StreamableHttp),
            (Transport::HttpSse, "/sse", Kind::HttpSse, V2025_11_25, Via::HttpSse),
        ] {
            let found = outcome(server.builder(path).transport(transport));
            if kind == only || kind == Kind::Everything {
                assert_eq!(found, Ok((version, via)), "{kind:?} {transport:?}");
            } else {
                assert!(found.is_err(), "{kind:?} {transport:?}: {found:?}");
            }
        }
    }
}

#[test]
fn over_lines_each_revision_is_spoken_and_the_newest_is_found() {
    // R-IO-9, R-IO-20, R-LM-16
    for pinned in [None, Some(V2024_11_05), Some(V2025_03_26), Some(V2025_06_18), Some(V2025_11_25), Some(V2026_07_28)]
    {
        let mut pipe = server().pipe().unwrap();
        let builder = Client::around_builder(move |bytes, out| {
            pipe.received(Instant::ZERO, bytes).unwrap();
            out.extend_from_slice(pipe.output());
            pipe.sent(usize::MAX);
        });
        let builder = match pinned {
            Some(version) => builder.protocol_version(version),
            None => builder,
        };
        let client = builder.connect().unwrap();
        assert_eq!(client.call("t", &()).unwrap().all_text(), "called");
        assert_eq!(client.protocol_version(), pinned.unwrap_or(V2026_07_28));
    }
}

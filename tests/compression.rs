//! Compressed answers and event streams: what is asked for, what is read, and how little it takes.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::fs;
use std::io::Write;
use std::time::Duration;

use crossbeam_channel::bounded;
use flate2::Compression as Level;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use mcp_core::limits::Limit;
use mcp_sse_blocking::{Builder, CallOptions, Client, Compression, Error, PeerError, Transport};
use mcp_tests::scripted_peer::{BOUND, Peer, Request, Running, Stream};
use mcp_tests::streamable_peer::{StreamablePeer as _, StreamableRequest as _, end_stream};

const DISCOVERED: &str = r#"{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"resultType":"complete"}"#;

fn plain(url: &str) -> Builder {
    Client::builder(url).connect_timeout(Duration::from_secs(5)).call_timeout(Duration::from_secs(5))
}

fn builder(url: &str) -> Builder {
    plain(url).transport(Transport::Stateless).compression(Compression::Accept)
}

/// A peer of 2026-07-28 that was found, and its client.
fn peer<T: Send + 'static>(script: impl FnOnce(&mut Peer) -> T + Send + 'static) -> (Running<T>, Client) {
    let peer = Peer::run(|peer| {
        peer.expect("server/discover").json_result(DISCOVERED);
        script(peer)
    });
    let client = builder(&peer.url("/mcp")).connect().unwrap();
    (peer, client)
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Level::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Level::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn raw(data: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Level::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// The reply to a call.
fn reply(call: &Request, text: &str) -> String {
    let id = call.id();
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{{"resultType":"complete","content":[{{"type":"text","text":"{text}"}}]}}}}"#
    )
}

/// Answers with JSON that is encoded so.
fn answer(request: &Request, status: &str, encoding: &str, body: &[u8]) {
    request.answer(
        [
            format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Encoding: {encoding}\r\nContent-Length: {}\r\n\r\n",
                body.len()
            )
            .as_bytes(),
            body,
        ]
        .concat(),
    );
}

/// An event stream that is compressed as it is written.
struct Compressed {
    stream: Stream,
    encoder: GzEncoder<Vec<u8>>,
}

impl Compressed {
    fn open(request: &Request) -> Self {
        request.answer("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n");
        // The head is written: what follows is in chunks.
        Self { stream: request.body_in_chunks(), encoder: GzEncoder::new(Vec::new(), Level::default()) }
    }

    /// What an event becomes.
    fn flushed(&mut self, event: &str) -> Vec<u8> {
        self.encoder.write_all(event.as_bytes()).unwrap();
        self.encoder.flush().unwrap();
        std::mem::take(self.encoder.get_mut())
    }

    fn event(&mut self, event: &str, data: &str) {
        let bytes = self.flushed(&format!("event: {event}\ndata: {data}\n\n"));
        self.stream.raw(bytes);
    }
}

#[test]
fn an_answer_is_read_in_every_encoding_that_is_asked_for() {
    let (peer, client) = peer(|peer| {
        for round in 0..6 {
            let call = peer.expect("tools/call");
            assert_eq!(call.header("accept-encoding"), Some("gzip, deflate"));
            assert_eq!(call.connection, 0, "the connection is kept, whatever the encoding");
            let body = reply(&call, &"long ".repeat(1000));
            let body = body.as_bytes();
            match round {
                0 => answer(&call, "200 OK", "gzip", &gzip(body)),
                1 => answer(&call, "200 OK", "X-GZip", &[gzip(&body[..9]), gzip(b""), gzip(&body[9..])].concat()),
                2 => answer(&call, "200 OK", "deflate", &zlib(body)),
                3 => answer(&call, "200 OK", "deflate", &raw(body)),
                4 => answer(&call, "200 OK", "identity", body),
                // It says so and does not do so.
                _ => answer(&call, "200 OK", "gzip", body),
            }
        }
    });
    for _ in 0..6 {
        assert_eq!(client.call("echo", &()).unwrap().all_text(), "long ".repeat(1000));
    }
    peer.finish();
}

#[test]
fn an_event_is_there_as_soon_as_its_server_has_flushed_it() {
    let (heard, hears) = bounded(1);
    let (peer, client) = peer(move |peer| {
        let call = peer.expect("tools/call");
        let mut stream = Compressed::open(&call);
        let token = call.json()["params"]["_meta"]["progressToken"].to_string();
        for n in 1..=3 {
            let params = format!(r#"{{"progressToken":{token},"progress":{n}}}"#);
            stream.event(
                "message",
                &format!(r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{params}}}"#),
            );
            // Nothing more is sent before it was heard.
            assert_eq!(hears.recv_timeout(BOUND).unwrap(), f64::from(n));
        }
        stream.event("message", &reply(&call, "done"));
    });
    let tell = CallOptions::new().on_progress(move |progress| heard.send(progress.progress).unwrap());
    assert_eq!(client.call_with("echo", &(), tell).unwrap().all_text(), "done");
    peer.finish();
}

#[test]
fn a_stream_that_drips_is_read() {
    let (peer, client) = peer(|peer| {
        let call = peer.expect("tools/call");
        let mut stream = Compressed::open(&call);
        let bytes = stream.flushed(&format!("data: {}\n\n", reply(&call, "done")));
        let (last, first) = bytes.split_last().unwrap();
        for byte in first {
            stream.stream.raw([*byte]);
        }
        // With its end, and that of the data in it, the connection can be used again (R-SH-18). In one piece: the client waits for
        // a moment only.
        stream.encoder.try_finish().unwrap();
        let tail = [&[*last], &stream.encoder.get_ref()[..]].concat();
        let size = format!("{:x}\r\n", tail.len());
        call.answer([size.as_bytes(), &tail, b"\r\n0\r\n\r\n"].concat());
        let next = peer.expect("tools/call");
        assert_eq!(next.connection, call.connection);
        next.json_text("again");
    });
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "done");
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "again");
    peer.finish();
}

/// A read that ran out of time is taken up where it was, at whatever byte.
#[test]
fn nothing_is_lost_when_a_deadline_passes_in_the_middle_of_a_block() {
    let (late, is_late) = bounded::<()>(0);
    let peer = Peer::run(move |peer| {
        let get = peer.request();
        assert_eq!(get.header("accept-encoding"), Some("gzip, deflate"));
        let mut stream = Compressed::open(&get);
        stream.event("endpoint", "/messages?sessionId=hidden");
        let initialize = peer.request();
        initialize.accepted();
        let result = mcp_tests::scripted_peer::INITIALIZE_RESULT;
        stream.event("message", &format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, initialize.id()));
        peer.request().accepted();
        // The head of gzip is split as well: a second member begins here.
        stream.encoder.try_finish().unwrap();
        let mut bytes = std::mem::take(stream.encoder.get_mut());
        stream.encoder = GzEncoder::new(Vec::new(), Level::default());
        for place in 0..12 {
            let call = peer.expect("tools/call");
            call.accepted();
            bytes.extend(stream.flushed(&format!("data: {}\n\n", reply(&call, &format!("at {place}")))));
            let rest = bytes.split_off(place * bytes.len() / 24);
            if !bytes.is_empty() {
                stream.stream.raw(&bytes);
            }
            is_late.recv_timeout(BOUND).unwrap();
            stream.stream.raw(&rest);
            bytes.clear();
            // It comes too late for its call; the next one is answered behind it. That the first is given up is said beside it.
            let both = [peer.request(), peer.request()];
            both.iter().for_each(Request::accepted);
            let call = both.iter().find(|request| request.message_method() == "tools/call").unwrap();
            stream.event("message", &reply(call, "in time"));
        }
    });
    let builder = plain(&peer.url("/sse")).transport(Transport::HttpSse);
    let client = builder.compression(Compression::Accept).connect().unwrap();
    for _ in 0..12 {
        let short = CallOptions::new().timeout(Duration::from_millis(30));
        let error = client.call_with("echo", &(), short).unwrap_err();
        assert!(matches!(error, Error::Timeout(_)), "{error:?}");
        late.send(()).unwrap();
        assert_eq!(client.call("echo", &()).unwrap().all_text(), "in time");
    }
    peer.finish();
}

#[test]
fn an_answer_that_is_cut_off_or_damaged_is_an_error() {
    let (peer, client) = peer(|peer| {
        let call = peer.expect("tools/call");
        let whole = gzip(reply(&call, "done").as_bytes());
        answer(&call, "200 OK", "gzip", &whole[..whole.len() - 20]);
        let call = peer.expect("tools/call");
        let mut damaged = gzip(reply(&call, "done").as_bytes());
        *damaged.last_mut().unwrap() ^= 1;
        answer(&call, "200 OK", "gzip", &damaged);
        // A stream that is cut off in a block has ended.
        let call = peer.expect("tools/call");
        let mut stream = Compressed::open(&call);
        let bytes = stream.flushed(&format!("data: {}\n\n", reply(&call, "done")));
        stream.stream.raw(&bytes[..bytes.len() / 2]);
        end_stream(&call);
        let call = peer.expect("tools/call");
        let mut stream = Compressed::open(&call);
        stream.stream.raw([0x1f, 0x8b, 9]);
        peer.wait_closed(call.connection);
    });
    let failed = || client.call("echo", &()).unwrap_err();
    let error = failed().to_string();
    assert!(error.ends_with("a compressed answer ended in the middle; the request had been sent"), "{error}");
    let expected = "the server's HTTP cannot be understood: a compressed answer is damaged: its checksum is wrong";
    assert_eq!(failed().to_string(), expected);
    let error = failed();
    assert!(matches!(error, Error::StreamEnded(_)), "{error:?}");
    let error = failed();
    assert!(
        matches!(&error, Error::Peer(PeerError::Http(problem)) if problem.contains("not begin as gzip")),
        "{error:?}"
    );
    peer.finish();
}

/// Kilobytes that this process had at most.
fn most_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Ten gigabytes in ten megabytes.
#[test]
fn a_bomb_ends_with_the_limit_and_takes_no_memory() {
    let begin = br#"{"jsonrpc":"2.0","id":"#;
    // Members of 16 MiB of zeros, over and over.
    let zeros = gzip(&vec![0; 16 << 20]);
    assert!(zeros.len() < 20 << 10);
    let before = most_memory();
    let bombs = zeros.clone();
    let (peer, client) = peer(move |peer| {
        for is_stream in [false, true] {
            let call = peer.expect("tools/call");
            let (media, begin) =
                if is_stream { ("text/event-stream", &b"data: "[..]) } else { ("application/json", &begin[..]) };
            call.answer(format!("HTTP/1.1 200 OK\r\nContent-Type: {media}\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"));
            let mut stream = call.body_in_chunks();
            stream.raw(gzip(begin));
            // The client has hung up long before the last.
            let sent = (0..640).take_while(|_| stream.raw(&bombs)).count();
            assert!(sent < 640, "it was read to its end");
        }
    });
    for limit in [Limit::MessageBytes, Limit::LineBytes] {
        let error = client.call("echo", &()).unwrap_err();
        assert!(matches!(&error, Error::Limit(exceeded) if exceeded.limit == limit), "{error:?}");
    }
    peer.finish();
    let grown = most_memory().saturating_sub(before);
    assert!(grown < 64 << 10, "{grown} KiB");
}

#[test]
fn blocks_with_nothing_in_them_end_with_the_deadline() {
    let (peer, client) = peer(|peer| {
        for media in ["application/json", "text/event-stream"] {
            let call = peer.expect("tools/call");
            call.answer(format!("HTTP/1.1 200 OK\r\nContent-Type: {media}\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"));
            let mut stream = call.body_in_chunks();
            stream.raw([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
            // Stored blocks of no bytes, until the client hangs up.
            let empty = [0, 0, 0, 0xff, 0xff].repeat(1000);
            while stream.raw(&empty) {}
        }
    });
    for _ in 0..2 {
        let short = CallOptions::new().timeout(Duration::from_millis(100));
        let error = client.call_with("echo", &(), short).unwrap_err();
        assert!(error.to_string().starts_with("the call deadline passed after 100ms"), "{error}");
    }
    peer.finish();
}

#[test]
fn a_call_that_is_cancelled_does_not_wait_for_blocks_with_nothing_in_them() {
    let (begun, is_begun) = bounded::<()>(1);
    let (peer, client) = peer(move |peer| {
        let call = peer.expect("tools/call");
        let mut stream = Compressed::open(&call);
        let mut empty = stream.flushed("");
        empty.extend([0, 0, 0, 0xff, 0xff].repeat(1000));
        stream.stream.raw(&empty);
        begun.send(()).unwrap();
        while stream.stream.raw([0, 0, 0, 0xff, 0xff]) {}
    });
    let job = client.start("echo", &()).unwrap();
    is_begun.recv_timeout(BOUND).unwrap();
    assert!(job.canceller().cancel("enough"));
    assert!(matches!(job.result(), Err(Error::Cancelled(_))));
    peer.finish();
}

#[test]
fn what_was_not_asked_for_is_refused() {
    for (compression, encoding, problem) in [
        (Compression::Refuse, "gzip", "the answer is compressed, unasked (feature and setting `compression`)"),
        (Compression::Accept, "br", "the answer is compressed with `br`, which is not read here"),
        (Compression::Accept, "gzip, gzip", "the answer is compressed more than once, which is not read here"),
    ] {
        let peer = Peer::run(move |peer| {
            let discover = peer.expect("server/discover");
            let expected = (compression == Compression::Accept).then_some("gzip, deflate");
            assert_eq!(discover.header("accept-encoding"), expected);
            let body = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{DISCOVERED}}}"#, discover.id());
            answer(&discover, "200 OK", encoding, &gzip(body.as_bytes()));
        });
        let error = builder(&peer.url("/mcp")).compression(compression).connect().unwrap_err();
        assert_eq!(error.to_string(), format!("the server's HTTP cannot be understood: {problem}"));
        peer.finish();
    }
}

#[test]
fn a_header_of_the_caller_s_asks_for_what_can_be_read() {
    for (own, setting, expected) in [
        ("gzip, deflate", None, Some("gzip, deflate")),
        ("br, gzip;q=0.5", None, Some("gzip")),
        ("identity", None, None),
        ("gzip", Some(Compression::Refuse), None),
        ("gzip", Some(Compression::Accept), Some("gzip, deflate")),
    ] {
        let peer = Peer::run(move |peer| {
            let discover = peer.expect("server/discover");
            assert_eq!(discover.header("accept-encoding"), expected);
            let all = discover.headers.iter().filter(|(name, _)| name == "accept-encoding").count();
            assert_eq!(all, usize::from(expected.is_some()));
            let body = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{DISCOVERED}}}"#, discover.id());
            match expected {
                Some(_) => answer(&discover, "200 OK", "gzip", &gzip(body.as_bytes())),
                None => discover.json_status("200 OK", "", &body),
            }
        });
        let mut builder = plain(&peer.url("/mcp")).transport(Transport::Stateless).header("Accept-Encoding", own);
        if let Some(setting) = setting {
            builder = builder.compression(setting);
        }
        builder.connect().unwrap();
        peer.finish();
    }
}

#[test]
fn a_refusal_that_is_compressed_is_read_all_the_same() {
    let (peer, client) = peer(|peer| {
        let call = peer.expect("tools/call");
        answer(&call, "403 Forbidden", "gzip", &gzip(br#"{"error":"not for you"}"#));
        let call = peer.expect("tools/call");
        let page = gzip(b"the proxy says no");
        call.answer(
            [
                format!(
                    "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
                    page.len()
                )
                .as_bytes(),
                &page,
            ]
            .concat(),
        );
    });
    for expected in ["not for you", "the proxy says no"] {
        let error = client.call("echo", &()).unwrap_err();
        assert!(matches!(&error, Error::Status(status) if status.excerpt == expected), "{error:?}");
    }
    peer.finish();
}

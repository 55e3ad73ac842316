//! The HTTP/1.1 machine against `vectors/http1`: each case whole, byte by byte, and split at each position (R-SEC-7,
//! R-SEC-8, RFC 9112).

use core::mem::MaybeUninit;

use mcp_core::http::Field;
use mcp_server_tiny::http1::body::Sink;
use mcp_server_tiny::http1::head::FIELDS;
use mcp_server_tiny::http1::stream::{write_end, write_event_stream_head};
use mcp_server_tiny::http1::{
    Body, Chunk, Delimiter, Framing, Head, HeadLimits, OpenAnswer, Persistence, Response, Status,
};
use mcp_tests::fuzz_http1::{self, read};
use mcp_tests::http_vectors::{HttpCase, http_cases};
use mcp_tests::random::Random;

fn check(case: &HttpCase) {
    let title = &case.title;
    assert_eq!(read([case.input.as_slice()]), case.expected, "whole: {title}");
    assert_eq!(read(case.input.chunks(1)), case.expected, "byte by byte: {title}");
    for at in 0..=case.input.len() {
        let (before, after) = case.input.split_at(at);
        assert_eq!(read([before, after]), case.expected, "split at {at}: {title}");
    }
}

#[test]
fn requests_are_understood_however_they_are_cut() {
    http_cases(include_str!("vectors/http1/served.txt")).iter().for_each(check);
}

#[test]
fn ambiguous_and_oversized_requests_are_refused_however_they_are_cut() {
    let cases = http_cases(include_str!("vectors/http1/refused.txt"));
    for case in &cases {
        assert!(case.expected.last().is_some_and(|last| last.len() == 3), "ends in a status: {}", case.title);
        check(case);
    }
}

#[test]
fn no_bytes_make_the_machine_panic_or_disagree_with_itself() {
    let mut cases = http_cases(include_str!("vectors/http1/served.txt"));
    cases.extend(http_cases(include_str!("vectors/http1/refused.txt")));
    let mut random = Random::new(1);
    for case in &cases {
        for _ in 0..200 {
            let mut input = case.input.clone();
            for _ in 0..=random.below(3) {
                let at = random.below(input.len());
                input[at] = *random.pick(b"\r\n :;,0a\0\xff");
            }
            input.insert(0, random.below(256) as u8);
            fuzz_http1::requests(&input);
        }
    }
}

#[test]
fn a_dropped_body_is_counted_and_not_kept() {
    let input = b"20\r\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nfff\r\n";
    let mut body = Body::new(Framing::Chunked);
    let taken = body.take(input, &mut Sink::Drop).unwrap();
    assert_eq!((taken.used, taken.complete), (input.len(), false));
}

#[test]
fn a_response_is_one_buffer() {
    let mut out = Vec::new();
    Response::text(Status::Accepted, "Accepted", Persistence::KeepAlive).write(&mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "HTTP/1.1 202 Accepted\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 8\r\n\r\nAccepted"
    );
}

#[test]
fn a_response_to_head_tells_the_length_and_holds_the_body_back() {
    let mut out = Vec::new();
    let response = Response {
        head_only: true,
        fields: "Allow: GET\r\n",
        ..Response::text(Status::MethodNotAllowed, "no", Persistence::Close)
    };
    response.write(&mut out);
    let text = String::from_utf8(out).unwrap();
    assert!(text.ends_with("Content-Length: 2\r\nAllow: GET\r\nConnection: close\r\n\r\n"), "{text}");
}

#[test]
fn a_response_without_content_has_no_length() {
    let mut out = Vec::new();
    Response::text(Status::NoContent, "", Persistence::KeepAliveHttp10).write(&mut out);
    assert_eq!(String::from_utf8(out).unwrap(), "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n");
}

fn with_head(lines: &str, look: impl FnOnce(&Head<'_, '_>)) {
    let text = format!("POST /mcp HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n");
    let limits = HeadLimits { head_bytes: 4096, body_bytes: 4096 };
    let mut fields = [const { MaybeUninit::uninit() }; FIELDS];
    look(&Head::parse(text.as_bytes(), &limits, &mut fields).expect("the head is one"));
}

#[test]
fn the_fields_of_mcp_are_found_in_any_case_and_told_from_repeated_ones() {
    // R-ST-10, R-ST-65
    let lines = "mcp-protocol-version: 2026-07-28\r\nMCP-METHOD:  tools/call \r\nMcp-Name: a\r\nmcp-name: a\r\n\
        Mcp-Session-Id: x\r\nLast-Event-ID:\r\nMcp-Param-Region: us\r\nmcp-param-twice: 1\r\nMcp-Param-Twice: 1\r\n";
    with_head(lines, |head| {
        assert_eq!(head.protocol_version, Field::Once(b"2026-07-28"));
        assert_eq!(head.mcp_method.once(), Some(b"tools/call".as_slice()), "white space around a value means nothing");
        assert_eq!(head.mcp_name, Field::Repeated, "also when both say the same");
        assert_eq!(head.session_id.once(), Some(b"x".as_slice()));
        assert_eq!(head.last_event_id, Field::Once(b""), "an empty value is not an absent field");
        assert_eq!(head.single("mcp-param-region"), Field::Once(b"us"));
        assert_eq!(head.single("Mcp-Param-Twice"), Field::Repeated);
        assert_eq!(head.single("Mcp-Param-None"), Field::Absent);
    });
    with_head("", |head| {
        for field in [head.protocol_version, head.mcp_method, head.mcp_name, head.session_id, head.last_event_id] {
            assert_eq!(field, Field::Absent);
        }
    });
}

#[test]
fn what_a_peer_reads_may_be_said_on_several_lines_or_not_at_all() {
    // R-SH-6
    use mcp_core::http::{accepts_event_stream, accepts_json};
    let both = |lines, expected: (bool, bool)| {
        with_head(lines, |head| {
            assert_eq!((head.accepts(accepts_json), head.accepts(accepts_event_stream)), expected, "{lines}");
        });
    };
    both("", (true, true));
    both("Accept: application/json, text/event-stream\r\n", (true, true));
    both("Accept: application/json\r\nX: y\r\naccept: text/event-stream\r\n", (true, true));
    both("Accept: application/json\r\n", (true, false));
    both("Accept: text/html\r\n", (false, false));
    both("Accept: \u{ff}\r\n", (false, false));
}

#[test]
fn an_answer_is_written_before_its_length_and_its_status_are_known() {
    let mut out = b"before".to_vec();
    let answer = OpenAnswer::begin(&mut out, &["X-A: 1\r\n", "X-B: 2\r\n"], Persistence::KeepAlive);
    let body = answer.body();
    out.extend_from_slice(&[b'x'; 120]);
    assert_eq!(&out[body..], [b'x'; 120]);
    answer.finish(&mut out, Status::NotFound);
    let expected = format!(
        "beforeHTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length:       120\r\nX-A: 1\r\nX-B: 2\r\n\r\n{}",
        "x".repeat(120)
    );
    assert_eq!(String::from_utf8(out).unwrap(), expected);

    let mut out = Vec::new();
    OpenAnswer::begin(&mut out, &[], Persistence::Close).finish(&mut out, Status::Ok);
    let text = String::from_utf8(out).unwrap();
    assert!(text.ends_with("Content-Length:         0\r\nConnection: close\r\n\r\n"), "{text}");

    let mut out = b"before".to_vec();
    OpenAnswer::begin(&mut out, &[], Persistence::KeepAliveHttp10).discard(&mut out);
    assert_eq!(out, b"before");
}

#[test]
fn events_are_chunks_that_our_own_reader_takes_apart() {
    let mut out = Vec::new();
    write_event_stream_head(&mut out, &["X-A: 1\r\n"], Delimiter::Chunks);
    let head = String::from_utf8(std::mem::take(&mut out)).unwrap();
    assert!(head.ends_with("X-A: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), "{head}");
    assert!(!head.contains("Connection") && head.contains("X-Accel-Buffering: no\r\n"), "{head} (R-ST-18)");

    for size in [0, 1, 15, 16, 300, 70_000] {
        let chunk = Chunk::begin(&mut out, Delimiter::Chunks);
        out.resize(out.len() + size, b'e');
        chunk.finish(&mut out);
    }
    let chunk = Chunk::begin(&mut out, Delimiter::Chunks);
    out.extend_from_slice(b"not this");
    chunk.discard(&mut out);
    assert!(!out.windows(5).any(|window| window == b"0\r\n\r\n"), "nothing ended the stream yet");
    write_end(&mut out, Delimiter::Chunks);
    let (mut kept, mut body) = (Vec::new(), Body::new(Framing::Chunked));
    let taken = body.take(&out, &mut Sink::Keep(&mut kept, 1 << 20)).unwrap();
    assert_eq!((taken.used, taken.complete, kept.len()), (out.len(), true, 1 + 15 + 16 + 300 + 70_000));
}

#[test]
fn a_stream_that_owns_its_connection_has_no_chunks() {
    // HTTP/1.0 knows none.
    assert_eq!(Delimiter::of(Persistence::KeepAlive), Delimiter::Chunks);
    assert_eq!(Delimiter::of(Persistence::KeepAliveHttp10), Delimiter::Close);
    let mut out = Vec::new();
    write_event_stream_head(&mut out, &[], Delimiter::Close);
    assert!(out.ends_with(b"Connection: close\r\n\r\n"));
    out.clear();
    let chunk = Chunk::begin(&mut out, Delimiter::Close);
    out.extend_from_slice(b"data: 1\n\n");
    chunk.finish(&mut out);
    write_end(&mut out, Delimiter::Close);
    assert_eq!(out, b"data: 1\n\n");
}

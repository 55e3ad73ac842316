//! The HTTP/1.1 machine against `vectors/http1`: each case whole, byte by byte, and split at each position (R-SEC-7,
//! R-SEC-8, RFC 9112).

use mcp_server_tiny::http1::body::Sink;
use mcp_server_tiny::http1::{Body, Framing, Persistence, Response, Status};
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

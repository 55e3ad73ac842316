//! The HTTP/1.1 machine against `vectors/http1`: each case whole, byte by byte, and split at each position (R-SEC-7,
//! R-SEC-8, RFC 9112).

use core::mem::MaybeUninit;

use mcp_server_tiny::http1::body::Sink;
use mcp_server_tiny::http1::head::FIELDS;
use mcp_server_tiny::http1::{Body, Head, HeadLimits, Persistence, Refusal, Response, Scan, Status};
use mcp_tests::http_vectors::{HttpCase, http_cases};

const LIMITS: HeadLimits = HeadLimits { head_bytes: 300, body_bytes: 64 };

/// The pieces of the machine put together in the plainest way, with a line for each request it understood.
#[derive(Default)]
struct Reader {
    input: Vec<u8>,
    scan: Scan,
    body: Option<(String, Body, Vec<u8>)>,
    lines: Vec<String>,
    refused: bool,
}

impl Reader {
    fn push(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        while !self.refused {
            match self.step() {
                Ok(true) => {}
                Ok(false) => return,
                Err(refusal) => {
                    self.lines.push(refusal.status.code().to_string());
                    self.refused = true;
                }
            }
        }
    }

    /// Whether something was understood, so that more may follow.
    fn step(&mut self) -> Result<bool, Refusal> {
        if let Some((line, body, kept)) = &mut self.body {
            let taken = body.take(&self.input, &mut Sink::Keep(kept, LIMITS.body_bytes))?;
            self.input.drain(..taken.used);
            if taken.complete {
                self.lines.push(format!("{line} {:?}", String::from_utf8_lossy(kept)));
                self.body = None;
            }
            return Ok(taken.complete);
        }
        let Some(end) = self.scan.head_end(&self.input, &LIMITS)? else { return Ok(false) };
        let mut fields = [const { MaybeUninit::uninit() }; FIELDS];
        let head = Head::parse(&self.input[..end], &LIMITS, &mut fields)?;
        self.body = Some((line(&head), Body::new(head.framing), Vec::new()));
        self.input.drain(..end);
        self.scan = Scan::default();
        Ok(true)
    }
}

fn line(head: &Head<'_, '_>) -> String {
    let mut line = format!("{:?} {}", head.method, head.path);
    if let Some(query) = head.query {
        line += "?";
        line += query;
    }
    line += " host=";
    line += head.host.unwrap_or("?");
    if head.expects_continue {
        line.push_str(" continue");
    }
    line.push_str(match head.persistence {
        Persistence::Close => " close",
        Persistence::KeepAlive => " keep-alive",
        Persistence::KeepAliveHttp10 => " keep-alive-1.0",
    });
    line
}

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let mut reader = Reader::default();
    pieces.into_iter().for_each(|piece| reader.push(piece));
    reader.lines
}

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
fn no_bytes_make_the_machine_panic() {
    // A cheap generator is enough to reach each state with each byte; the seeds are the vectors themselves.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut cases = http_cases(include_str!("vectors/http1/served.txt"));
    cases.extend(http_cases(include_str!("vectors/http1/refused.txt")));
    for case in &cases {
        for _ in 0..200 {
            let mut input = case.input.clone();
            for _ in 0..=next(3) {
                let at = next(input.len());
                input[at] = b"\r\n :;,0a\0\xff"[next(10)];
            }
            let cut = next(input.len());
            assert_eq!(read([&input[..cut], &input[cut..]]), read([input.as_slice()]), "{:?}", case.title);
        }
    }
}

#[test]
fn a_dropped_body_is_counted_and_not_kept() {
    let input = b"20\r\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nfff\r\n";
    let mut body = Body::new(mcp_server_tiny::http1::Framing::Chunked);
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

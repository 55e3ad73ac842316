//! What comes on an event stream, and how it ends.

use std::time::Duration;

use mcp_sse_blocking::Limits;
use mcp_tests::scripted_peer::Request;

use super::kit::{Case, SHORT, call, in_a_call, meet, sse};

fn small() -> Limits {
    let mut limits = Limits::default();
    limits.line_bytes = 64 << 10;
    limits.event_bytes = 256 << 10;
    limits
}

/// A text reply, as the bytes of its event.
fn reply(call: &Request, text: &str) -> String {
    format!(
        "event: message\ndata: {{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{{\"content\":[{{\"type\":\"text\",\"text\":\"{text}\"}}]}}}}\n\n",
        call.id()
    )
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "cuts the stream in mid-event",
        seen: "error: reading the event stream of http://SERVER: the server closed the connection; the request had been sent",
        within: Duration::ZERO,
        scene: || {
            let script = in_a_call(|_, stream, call| {
                stream.raw(format!("event: message\ndata: {{\"jsonrpc\":\"2.0\",\"id\":{},\"res", call.id()));
                stream.cut();
            });
            meet(script, |origin| call(sse(origin)))
        },
    },
    Case {
        name: "ends the stream between request and reply",
        seen: "error: the event stream ended before the reply; the request had been sent",
        within: Duration::ZERO,
        scene: || meet(in_a_call(|_, stream, _| stream.end()), |origin| call(sse(origin))),
    },
    Case {
        name: "cuts the connection between request and reply",
        seen: "error: reading the event stream of http://SERVER: the server closed the connection; the request had been sent",
        within: Duration::ZERO,
        scene: || meet(in_a_call(|_, stream, _| stream.cut()), |origin| call(sse(origin))),
    },
    Case {
        name: "falls silent",
        seen: "error: the idle read deadline passed after 200ms (setting `idle_timeout`); the request had been sent",
        within: SHORT,
        scene: || {
            let script = in_a_call(|peer, stream, _| peer.wait_closed(stream.connection));
            meet(script, |origin| call(sse(origin).idle_timeout(SHORT)))
        },
    },
    Case {
        name: "keeps the stream alive and never replies",
        seen: "error: the call deadline passed after 200ms (setting `call_timeout`); the request had been sent",
        within: SHORT,
        scene: || {
            let script = in_a_call(|peer, stream, _| {
                while peer.is_quiet() && stream.raw(": still here\n\n") {
                    std::thread::yield_now();
                }
                // The cancellation.
                peer.request().accepted();
                peer.wait_closed(stream.connection);
            });
            meet(script, |origin| {
                let client = sse(origin).connect().unwrap();
                match client.call_with("echo", &(), mcp_sse_blocking::CallOptions::new().timeout(SHORT)) {
                    Ok(result) => result.all_text(),
                    Err(error) => super::kit::said(&error),
                }
            })
        },
    },
    Case {
        name: "sends a line without end",
        seen: "error: a line of the event stream is longer than 65536 (limit `line_bytes`)",
        within: Duration::ZERO,
        scene: || {
            let script = in_a_call(|_, stream, _| {
                let block = "x".repeat(64 << 10);
                while stream.raw(&block) {}
            });
            meet(script, |origin| call(sse(origin).limits(small())))
        },
    },
    Case {
        name: "sends an event without end",
        seen: "error: the data of an event is longer than 262144 (limit `event_bytes`)",
        within: Duration::ZERO,
        scene: || {
            let script = in_a_call(|_, stream, _| {
                let block = format!("data: {}\n", "x".repeat(1000)).repeat(64);
                while stream.raw(&block) {}
            });
            meet(script, |origin| call(sse(origin).limits(small())))
        },
    },
    Case {
        name: "sends a huge event that is still allowed",
        seen: "4000000",
        within: Duration::ZERO,
        scene: || {
            let script = in_a_call(|_, stream, call| {
                stream.raw(reply(call, &"x".repeat(4_000_000)));
            });
            meet(script, |origin| call(sse(origin)).len().to_string())
        },
    },
    Case {
        name: "sends events of no use without end, and then the reply",
        seen: "at last",
        within: Duration::ZERO,
        scene: || {
            let script = in_a_call(|_, stream, call| {
                let block = "event: noise\ndata: x\n\n: comment\n\nid: 7\nretry: 1\n\n".repeat(1000);
                for _ in 0..100 {
                    stream.raw(&block);
                }
                stream.raw(reply(call, "at last"));
            });
            meet(script, |origin| call(sse(origin)))
        },
    },
    Case {
        name: "writes in single bytes, each a chunk",
        seen: "drip",
        within: Duration::ZERO,
        scene: || {
            let script = in_a_call(|_, stream, call| {
                for byte in reply(call, "drip").into_bytes() {
                    stream.raw([byte]);
                }
            });
            meet(script, |origin| call(sse(origin)))
        },
    },
    Case {
        name: "writes chunks of odd sizes across lines and characters",
        seen: "größe 名前",
        within: Duration::ZERO,
        scene: || {
            let script = in_a_call(|_, stream, call| {
                let bytes = reply(call, "größe 名前").replace('\n', "\r\n").into_bytes();
                let mut sizes = [1, 7, 2, 13, 3].into_iter().cycle();
                let mut rest = &bytes[..];
                while !rest.is_empty() {
                    let (chunk, after) = rest.split_at(sizes.next().unwrap().min(rest.len()));
                    stream.raw(chunk);
                    rest = after;
                }
            });
            meet(script, |origin| call(sse(origin)))
        },
    },
];

//! Event streams that know nothing of MCP, read from a server in Python with the core's types alone.
// In helpers too a panic is the report.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::TcpStream;

use mcp_core::{Limits, sse};
use mcp_tests::peers;
use mcp_tests::process::BOUND;

/// As a Flask generator sends it: no MCP, no length, the end of the connection is the end of the stream.
#[test]
fn a_plain_event_stream_is_read_with_the_core_alone() {
    let Some((_server, address)) = peers::plain_stream(&["--every", "0.01", "--count", "3"]) else { return };
    let events = events(&get(&address, "/mcp-sse"));
    assert_eq!(events, ["message|Update 0|", "message|Update 1|", "message|Update 2|"]);
}

#[test]
fn every_odd_shape_of_a_plain_event_stream_is_read() {
    let Some((_server, address)) = peers::plain_stream(&[]) else { return };
    let events = events(&get(&address, "/shapes"));
    // The unfinished event at the end is dropped, and an id lasts until the next one.
    assert_eq!(events, ["message|one|", "second|two|2", "message|\n three|2", "message|ümläut\n🦀|2"]);
}

/// Type, data and id of each event, at any size of reads.
fn events(stream: &[u8]) -> Vec<String> {
    let read = |size| {
        let mut decoder = sse::Decoder::new(&Limits::default());
        let mut events = Vec::new();
        for piece in stream.chunks(size) {
            decoder.push(piece).unwrap();
            while let Some(event) = decoder.next_event().unwrap() {
                events.push(format!("{}|{}|{}", event.event_str(), event.data_str(), event.id_str()));
            }
        }
        decoder.finish();
        events
    };
    let whole = read(usize::MAX);
    for size in 1..stream.len() {
        assert_eq!(read(size), whole, "in pieces of {size} bytes");
    }
    whole
}

/// The body of an answer that ends with its connection.
fn get(address: &str, path: &str) -> Vec<u8> {
    let host = address.trim_start_matches("http://");
    let mut connection = TcpStream::connect(host).unwrap();
    connection.set_read_timeout(Some(BOUND)).unwrap();
    write!(connection, "GET {path} HTTP/1.0\r\nHost: {host}\r\nAccept: text/event-stream\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).unwrap();
    let body = answer.windows(4).position(|end| end == b"\r\n\r\n").unwrap();
    answer.split_off(body + 4)
}

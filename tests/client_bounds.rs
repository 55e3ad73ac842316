//! What a server, or the network, can make a client wait for or keep: each has an end, and each header its room.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use mcp_sse_blocking::{Client, Error, Transport};
use mcp_tests::scripted_peer::{Peer, Running};
use mcp_tests::streamable_peer::{RESULT_2025, StreamablePeer as _, StreamableRequest as _};
use serde_json::json;

fn streamable<T>(peer: &Running<T>) -> mcp_sse_blocking::Builder {
    Client::builder(&peer.url("/mcp")).transport(Transport::StreamableHttp)
}

#[test]
fn a_header_of_any_size_that_servers_take_leaves_whole() {
    for size in [100, 1_500, 3_000, 4_000, 5_000, 9_000, 40_000] {
        let token = "t".repeat(size);
        let expected = format!("Bearer {token}");
        let peer = Peer::run(move |peer| {
            peer.shake_streamable_as("", RESULT_2025);
            let call = peer.expect("tools/call");
            assert!(call.header("authorization") == Some(expected.as_str()), "{size}");
            call.json_text("taken");
        });
        let client = streamable(&peer).bearer(&token).connect().unwrap_or_else(|error| panic!("{size}: {error}"));
        assert_eq!(client.call("any", &json!({"x": "y".repeat(size)})).unwrap().all_text(), "taken");
        drop(client);
        peer.finish();
    }
    let peer = Peer::run(|_| {});
    let error = streamable(&peer).bearer(&"t".repeat(100_000)).connect().unwrap_err();
    assert!(matches!(&error, Error::Usage(problem) if problem.contains("65536")), "{error}");
    peer.finish();
}

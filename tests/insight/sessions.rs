//! Sessions that are lost and found again, as a client counts them, on every carrier.

use std::thread;
use std::time::Duration;

use mcp_sse_blocking::{Client, Command, Reconnect, Transport};
use mcp_tests::scripted_peer::Peer;
use mcp_tests::streamable_peer::{StreamablePeer as _, StreamableRequest as _, end_stream, primed};

use super::{BOUND, await_metrics, streamable};

#[test]
fn a_session_that_breaks_is_a_loss_and_so_is_what_was_in_flight() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        peer.request().accepted();
        stream.cut();
    });
    let client =
        Client::builder(&peer.url("/sse")).transport(Transport::HttpSse).call_timeout(BOUND).connect().unwrap();
    let before = client.metrics();
    assert!(before.connected.is_some() && before.events >= 2, "the endpoint and the answer: {before:#?}");
    client.call("echo", &()).unwrap_err();
    let metrics = await_metrics(&client, |metrics| metrics.losses == 1);
    assert_eq!((metrics.calls.lost, metrics.connects, metrics.reconnects), (1, 1, 0), "{metrics:#?}");
    peer.finish();
}

#[test]
fn a_session_in_place_of_a_forgotten_one_is_a_reconnect() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        let lost = peer.expect("tools/call");
        lost.status("404 Not Found", "no such session");
        peer.shake_streamable();
        peer.expect("tools/call").json_text("done");
    });
    let client = streamable(&peer.url("/mcp")).connect().unwrap();
    client.call("echo", &()).unwrap();
    let metrics = client.metrics();
    assert_eq!((metrics.connects, metrics.reconnects, metrics.losses), (2, 1, 1), "{metrics:#?}");
    assert_eq!((metrics.calls.ok, metrics.errors.total()), (1, 0), "who called was told of no error");
    assert!(metrics.connected.unwrap() <= metrics.connected_total);
    client.close();
    peer.finish();
}

#[test]
fn a_stream_that_is_opened_again_is_a_reconnect() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        peer.request().accepted();
        stream.cut();
        let mut stream = peer.handshake();
        let call = peer.request();
        call.accepted();
        stream.reply_text(&call, "done");
    });
    let client = Client::builder(&peer.url("/sse"))
        .transport(Transport::HttpSse)
        .reconnect(Reconnect::on_demand())
        .call_timeout(BOUND)
        .connect()
        .unwrap();
    client.call("echo", &()).unwrap_err();
    await_metrics(&client, |metrics| metrics.losses == 1 && metrics.connected.is_none());
    client.call("echo", &()).unwrap();
    let metrics = client.metrics();
    assert_eq!((metrics.connects, metrics.reconnects, metrics.losses), (2, 1, 1), "{metrics:#?}");
    assert_eq!((metrics.calls.lost, metrics.calls.ok, metrics.errors.total()), (1, 1, 1));
    assert!(metrics.connected.is_some());
    client.close();
    peer.finish();
}

#[test]
fn a_server_that_is_reached_again_is_a_reconnect_also_with_the_session_that_it_had() {
    let first = Peer::run(|peer| peer.shake_streamable());
    let address = first.address();
    let policy = Reconnect::new().interval(Duration::from_millis(10));
    let client = streamable(&first.url("/mcp")).reconnect(policy).connect().unwrap();
    first.finish();
    // The port is closed now; the open connection is not told of it before it is used.
    client.call("echo", &()).unwrap_err();
    let caller = client.clone();
    let calling = thread::spawn(move || caller.call("echo", &()));
    await_metrics(&client, |metrics| metrics.losses == 1 && metrics.connected.is_none());
    let again = Peer::run_at(address, |peer| {
        let mut request = peer.request();
        while request.message_method() == "ping" {
            request.json_result("{}");
            request = peer.request();
        }
        request.json_text("done");
    });
    calling.join().unwrap().unwrap();
    let metrics = client.metrics();
    assert_eq!((metrics.connects, metrics.reconnects, metrics.losses), (2, 1, 1), "{metrics:#?}");
    assert!(metrics.connected.is_some(), "{metrics:#?}");
    client.close();
    again.finish();
}

#[test]
fn a_child_that_is_started_again_is_a_reconnect() {
    let child = Command::new(env!("CARGO_BIN_EXE_stdio_server"));
    let client = Client::spawn_builder(child).call_timeout(BOUND).connect().unwrap();
    client.call("pid", &()).unwrap();
    client.call("exit", &()).unwrap_err();
    // Who called is told first.
    let broken = await_metrics(&client, |metrics| metrics.losses == 1);
    assert_eq!((broken.calls.lost, broken.connected), (1, None), "{broken:#?}");
    client.call("pid", &()).unwrap();
    let metrics = client.metrics();
    assert_eq!((metrics.connects, metrics.reconnects, metrics.connections), (2, 1, 2), "{metrics:#?}");
    assert_eq!((metrics.errors.exited, metrics.calls.ok), (1, 2));
    assert!(metrics.server.contains("stdio_server"), "{}", metrics.server);
}

#[test]
fn the_rest_of_a_stream_that_broke_is_a_resumption() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        let call = peer.expect("tools/call");
        let mut stream = primed(&call, "e0");
        stream.raw("retry: 1\n\n");
        stream.cut();
        let get = peer.request();
        assert_eq!(get.header("last-event-id"), Some("e0"));
        let mut rest = get.open();
        rest.reply_text(&call, "done");
        end_stream(&get);
    });
    let client = streamable(&peer.url("/mcp")).connect().unwrap();
    client.call("echo", &()).unwrap();
    let metrics = client.metrics();
    assert_eq!((metrics.resumptions, metrics.reconnects, metrics.calls.ok), (1, 0, 1), "{metrics:#?}");
    client.close();
    peer.finish();
}

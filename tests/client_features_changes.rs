//! Subscriptions: changes of the server behind one iterator, in both eras, over lines and over Streamable HTTP.

use std::time::Duration;

use crossbeam_channel::bounded;
use mcp_core::revision::ProtocolVersion;
use mcp_sse_blocking::{Builder, Change, Client, Error, Filter, Missed, Transport, memory::End};
use mcp_tests::scripted_lines::{Script, Server};
use mcp_tests::scripted_peer::{Peer, Request, Stream};
use mcp_tests::streamable_peer::{StreamablePeer, StreamableRequest};
use serde_json::{Value, json};

const NEWEST: ProtocolVersion = ProtocolVersion::V2026_07_28;
const HANDSHAKE: ProtocolVersion = ProtocolVersion::V2025_11_25;
const ID: &str = "io.modelcontextprotocol/subscriptionId";

fn builder(end: End) -> Builder {
    Client::over_memory_builder(end).call_timeout(Duration::from_secs(5))
}

fn everything() -> Value {
    json!({"tools": {"listChanged": true}, "prompts": {"listChanged": true},
        "resources": {"listChanged": true, "subscribe": true}})
}

fn connected<T: Send + 'static>(
    version: ProtocolVersion,
    script: impl FnOnce(&mut Server) -> T + Send + 'static,
) -> (Script<T>, Client) {
    let (script, end) = Script::run(version, everything(), script);
    (script, builder(end).connect().expect("it connects"))
}

/// Says what will be told.
fn acknowledge(server: &mut Server, listen: &Value, honoured: Value) {
    let params = json!({"notifications": honoured, "_meta": {ID: listen["id"]}});
    server.notify("notifications/subscriptions/acknowledged", params);
}

fn next(subscription: &mut mcp_sse_blocking::Subscription) -> Change {
    subscription.next_within(Duration::from_secs(5)).expect("no failure").expect("a change")
}

#[test]
fn changes_of_what_was_acknowledged_are_told_to_the_subscription_that_they_name() {
    // R-ST-39 to R-ST-44
    let (script, client) = connected(NEWEST, |server| {
        let first = server.expect("subscriptions/listen");
        assert_eq!(
            first["params"]["notifications"],
            json!({"toolsListChanged": true, "resourceSubscriptions": ["file:///a"]})
        );
        acknowledge(server, &first, json!({"toolsListChanged": true}));
        let second = server.expect("subscriptions/listen");
        acknowledge(server, &second, json!({"toolsListChanged": true, "promptsListChanged": true}));
        server.notify("notifications/tools/list_changed", json!({"_meta": {ID: second["id"]}}));
        server.notify("notifications/resources/updated", json!({"uri": "file:///a/b", "_meta": {ID: first["id"]}}));
        server.notify("notifications/tools/list_changed", json!({"_meta": {ID: first["id"]}}));
        server.notify("notifications/prompts/list_changed", json!({"_meta": {ID: second["id"]}}));
        // Each is ended by its own request being given up.
        let mut ended = [server.expect("notifications/cancelled"), server.expect("notifications/cancelled")]
            .map(|cancelled| cancelled["params"]["requestId"].as_u64());
        ended.sort_unstable();
        assert_eq!(ended, [first["id"].as_u64(), second["id"].as_u64()]);
    });
    let mut first = client.listen(Filter::new().tools().resource("file:///a")).unwrap();
    // A part of what was asked for (R-ST-44).
    assert!(first.acknowledged().tools_list_changed && first.acknowledged().resource_subscriptions.is_empty());
    let mut second = client.listen(Filter::new().tools().prompts()).unwrap();
    assert_eq!(next(&mut second), Change::Tools);
    assert_eq!(next(&mut second), Change::Prompts);
    assert_eq!(next(&mut first), Change::Resource("file:///a/b".into()));
    assert_eq!(next(&mut first), Change::Tools);
    drop(first);
    drop(second);
    script.finish();
}

#[test]
fn a_server_ends_a_subscription_by_its_result_or_by_taking_it_back() {
    // R-ST-45, and the conflict that the specification has about it: both are an end.
    for by_result in [true, false] {
        let (script, client) = connected(NEWEST, move |server| {
            let listen = server.expect("subscriptions/listen");
            acknowledge(server, &listen, json!({"toolsListChanged": true}));
            server.notify("notifications/tools/list_changed", json!({"_meta": {ID: listen["id"]}}));
            if by_result {
                server.result(&listen, json!({"resultType": "complete", "_meta": {ID: listen["id"]}}));
            } else {
                server.notify("notifications/cancelled", json!({"requestId": listen["id"]}));
            }
            // Nothing is asked for again.
            assert_eq!(server.try_next(), None);
        });
        let told: Vec<_> = client.listen(Filter::new().tools()).unwrap().map(Result::unwrap).collect();
        assert_eq!(told, [Change::Tools]);
        drop(client);
        script.finish();
    }
}

#[test]
fn a_refused_subscription_is_an_error_and_one_to_nothing_is_not_sent() {
    let (script, client) = connected(NEWEST, |server| {
        let listen = server.expect("subscriptions/listen");
        server.error(&listen, -32603, "too many subscriptions");
    });
    assert!(matches!(client.listen(Filter::new()), Err(Error::Usage(_))));
    assert!(matches!(client.listen(Filter::new().tools()), Err(Error::Rpc(error)) if error.code == -32603));
    script.finish();
}

#[test]
fn a_server_that_does_not_say_what_it_will_tell_is_not_waited_for_longer_than_for_a_call() {
    let (script, end) = Script::run(NEWEST, everything(), |server| {
        let listen = server.expect("subscriptions/listen");
        let cancelled = server.expect("notifications/cancelled");
        assert_eq!(cancelled["params"]["requestId"], listen["id"]);
    });
    let client = builder(end).call_timeout(Duration::from_millis(200)).connect().unwrap();
    let error = client.listen(Filter::new().tools()).unwrap_err();
    assert!(matches!(error, Error::Timeout(_)), "{error}");
    script.finish();
}

#[test]
fn with_a_handshake_each_resource_is_subscribed_to_once_and_given_up_with_its_last_subscription() {
    // R-FS-25, R-FS-29
    let (script, client) = connected(HANDSHAKE, |server| {
        for uri in ["file:///a", "file:///b"] {
            let subscribe = server.expect("resources/subscribe");
            assert_eq!(subscribe["params"]["uri"], uri);
            server.result(&subscribe, json!({}));
        }
        server.notify("notifications/resources/updated", json!({"uri": "file:///a"}));
        server.notify("notifications/tools/list_changed", json!({}));
        server.notify("notifications/resources/updated", json!({"uri": "file:///b"}));
        // Given up in the background, each by a thread of its own.
        let mut given_up = [(); 2].map(|()| {
            let unsubscribe = server.expect("resources/unsubscribe");
            server.result(&unsubscribe, json!({}));
            unsubscribe["params"]["uri"].as_str().unwrap().to_owned()
        });
        given_up.sort();
        assert_eq!(given_up, ["file:///a", "file:///b"]);
    });
    let mut first = client.listen(Filter::new().resource("file:///a")).unwrap();
    let mut second = client.listen(Filter::new().tools().resource("file:///a").resource("file:///b")).unwrap();
    assert_eq!(next(&mut first), Change::Resource("file:///a".into()));
    assert_eq!(next(&mut second), Change::Resource("file:///a".into()));
    assert_eq!(next(&mut second), Change::Tools);
    assert_eq!(next(&mut second), Change::Resource("file:///b".into()));
    drop(second);
    drop(first);
    script.finish();
}

#[test]
fn a_resource_that_is_subscribed_to_while_it_is_being_given_up_stays_subscribed_to() {
    let (seen, given_up) = bounded(1);
    let (script, client) = connected(HANDSHAKE, move |server| {
        let subscribe = server.expect("resources/subscribe");
        server.result(&subscribe, json!({}));
        let unsubscribe = server.expect("resources/unsubscribe");
        seen.send(()).unwrap();
        // Taken in the other order than they were sent.
        let subscribe = server.expect("resources/subscribe");
        server.result(&subscribe, json!({}));
        server.result(&unsubscribe, json!({}));
        let again = server.expect("resources/subscribe");
        assert_eq!(again["params"]["uri"], "file:///a");
        server.result(&again, json!({}));
    });
    drop(client.listen(Filter::new().resource("file:///a")).unwrap());
    given_up.recv_timeout(Duration::from_secs(5)).unwrap();
    let mut subscription = client.listen(Filter::new().resource("file:///a")).unwrap();
    // What happened in between is not known.
    assert_eq!(next(&mut subscription), Change::Resource("file:///a".into()));
    script.finish();
}

#[test]
fn what_a_server_did_not_declare_is_not_asked_of_it() {
    // R-LM-26
    let (script, end) = Script::run(HANDSHAKE, json!({"tools": {}, "resources": {"listChanged": true}}), |server| {
        server.expect("tools/call");
    });
    let client = builder(end).call_timeout(Duration::from_secs(1)).connect().unwrap();
    let subscription = client.listen(Filter::new().tools().resources().resource("file:///a")).unwrap();
    let honoured = subscription.acknowledged();
    assert!(honoured.resources_list_changed && !honoured.tools_list_changed);
    assert!(honoured.resource_subscriptions.is_empty());
    let _ = client.start("x", &()).unwrap();
    script.finish();
}

#[test]
fn the_end_of_the_session_is_told_to_whoever_listens() {
    for version in [HANDSHAKE, NEWEST] {
        let (script, client) = connected(version, move |server| {
            listened_to(server);
            // Somebody listens by now.
            let list = server.expect("tools/list");
            server.result(&list, json!({"tools": []}));
        });
        let mut subscription = client.listen(Filter::new().tools()).unwrap();
        assert_eq!(client.tools().count(), 0);
        script.finish();
        assert!(matches!(subscription.next(), Some(Err(_))));
        assert!(subscription.next().is_none() && subscription.is_over());
    }
}

#[test]
fn closing_the_client_ends_a_subscription_without_a_failure() {
    for version in [HANDSHAKE, NEWEST] {
        let (script, client) = connected(version, |server| {
            listened_to(server);
            while server.try_next().is_some() {}
        });
        let subscription = client.listen(Filter::new().tools()).unwrap();
        let waiting = std::thread::spawn(move || subscription.map(Result::unwrap).count());
        client.close();
        assert_eq!(waiting.join().unwrap(), 0);
        script.finish();
    }
}

/// Takes the request of a subscription, where it is one.
fn listened_to(server: &mut Server) {
    if !server.version().has_handshake() {
        let listen = server.expect("subscriptions/listen");
        acknowledge(server, &listen, json!({"toolsListChanged": true}));
    }
}

/// Takes a `subscriptions/listen` over HTTP and acknowledges it.
fn listening(peer: &mut Peer) -> (Request, Stream) {
    let listen = peer.expect("subscriptions/listen");
    let mut stream = listen.open();
    let meta = json!({ID: listen.json()["id"]});
    let params = json!({"notifications": {"toolsListChanged": true}, "_meta": meta});
    let message = json!({"jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged", "params": params});
    stream.message(&message.to_string());
    (listen, stream)
}

fn changed(stream: &mut Stream, listen: &Request) {
    let params = json!({"_meta": {ID: listen.json()["id"]}});
    let message = json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed", "params": params});
    stream.message(&message.to_string());
}

fn discovered(peer: &mut Peer) {
    let found = json!({"supportedVersions": ["2026-07-28"], "capabilities": everything(), "resultType": "complete",
        "ttlMs": 0, "cacheScope": "private"});
    peer.expect("server/discover").json_result(&found.to_string());
}

fn stateless(url: &str) -> Client {
    Client::builder(url)
        .transport(Transport::Stateless)
        .call_timeout(Duration::from_secs(5))
        .connect()
        .expect("it connects")
}

#[test]
fn a_stream_of_changes_that_breaks_is_asked_for_again_and_says_so() {
    // R-ST-33, R-ST-45
    let peer = Peer::run(|peer| {
        discovered(peer);
        let (listen, mut stream) = listening(peer);
        changed(&mut stream, &listen);
        stream.cut();
        let (again, mut stream) = listening(peer);
        assert_ne!(again.id(), listen.id());
        assert_eq!(again.header("last-event-id"), None);
        changed(&mut stream, &again);
        // The client gives it up by closing its connection, and says nothing (R-ST-34).
        peer.wait_closed(again.connection);
        assert!(peer.is_quiet());
    });
    let client = stateless(&peer.url("/mcp"));
    let mut subscription = client.listen(Filter::new().tools()).unwrap();
    assert_eq!(next(&mut subscription), Change::Tools);
    assert_eq!(next(&mut subscription), Change::Missed(Missed::Reconnected));
    assert_eq!(next(&mut subscription), Change::Tools);
    drop(subscription);
    peer.finish();
}

#[test]
fn lists_that_are_kept_are_dropped_when_the_stream_of_changes_breaks() {
    // R-LM-61, R-ST-45
    let page = |name: &str| {
        json!({"tools": [{"name": name, "inputSchema": {"type": "object"}}], "resultType": "complete", "ttlMs": 60000,
            "cacheScope": "private"})
        .to_string()
    };
    let peer = Peer::run(move |peer| {
        discovered(peer);
        let (listen, mut stream) = listening(peer);
        peer.expect("tools/list").json_result(&page("before"));
        // Says that it has looked.
        peer.expect("tools/call").json_text("");
        changed(&mut stream, &listen);
        peer.expect("tools/list").json_result(&page("changed"));
        peer.expect("tools/call").json_text("");
        stream.cut();
        let (again, _stream) = listening(peer);
        peer.expect("tools/list").json_result(&page("after"));
        peer.wait_closed(again.connection);
    });
    let client = stateless(&peer.url("/mcp"));
    let names = || client.tools().map(|tool| tool.unwrap().name).collect::<Vec<_>>();
    let mut subscription = client.listen(Filter::new().tools()).unwrap();
    assert_eq!([names(), names()], [["before"], ["before"]]);
    client.call("looked", &()).unwrap();
    assert_eq!(next(&mut subscription), Change::Tools);
    assert_eq!([names(), names()], [["changed"], ["changed"]]);
    client.call("looked", &()).unwrap();
    assert_eq!(next(&mut subscription), Change::Missed(Missed::Reconnected));
    assert_eq!([names(), names()], [["after"], ["after"]]);
    drop(subscription);
    peer.finish();
}

//! Who shares a process with whom.

use super::super::*;

const SESSIONS: [ProtocolVersion; 2] = [ProtocolVersion::OLDEST, ProtocolVersion::LATEST_HANDSHAKE];

#[test]
fn twenty_sessions_have_a_process_each_and_know_nothing_of_one_another() {
    let bridge = Bridge::start(&[]);
    let clients: Vec<_> = (0..20).map(|number| bridge.client(SESSIONS[number % 2])).collect();
    for (number, client) in clients.iter().enumerate() {
        assert_eq!(call(client, "note", json!({"text": number})), "null", "nobody noted anything here");
    }
    for (number, client) in clients.iter().enumerate() {
        assert_eq!(call(client, "note", json!({})), number.to_string());
    }
    let pids: std::collections::BTreeSet<_> = clients.iter().map(|client| call(client, "pid", json!({}))).collect();
    assert_eq!((pids.len(), bridge.children().len()), (20, 20));
    for client in clients {
        client.close();
    }
    wait_until("no process is left", || bridge.children().is_empty());
}

#[test]
fn clients_without_a_session_share_a_process_until_nobody_uses_it() {
    let bridge = Bridge::start(&["--idle", "0.3"]);
    let (one, other) = (bridge.client(ProtocolVersion::LATEST), bridge.client(ProtocolVersion::LATEST));
    assert_eq!(bridge.children().len(), 0, "nobody has asked for anything");
    assert_eq!(call(&one, "note", json!({"text": "of one"})), "null");
    assert_eq!(call(&other, "note", json!({"text": "of the other"})), "\"of one\"");
    wait_until("the process has ended", || bridge.children().is_empty());
    // And starts again.
    assert_eq!(call(&one, "note", json!({})), "null");
}

#[test]
fn who_listens_uses_the_process() {
    let bridge = Bridge::start(&["--idle", "0.1"]);
    let client = bridge.client(ProtocolVersion::LATEST);
    let mut changes = client.listen(mcp_sse_blocking::Filter::new().tools()).unwrap();
    let pid = call(&client, "pid", json!({}));
    assert!(changes.next_within(Duration::from_millis(500)).unwrap().is_none());
    assert_eq!(call(&client, "pid", json!({})), pid);
    drop(changes);
    wait_until("the process has ended", || bridge.children().is_empty());
}

#[test]
fn who_listened_and_left_at_once_leaves_no_subscription() {
    use mcp_sse_blocking::Filter;
    let bridge = Bridge::start(&["--idle", "0.1"]);
    let client = bridge.client(ProtocolVersion::LATEST);
    for _ in 0..3 {
        let filter = (0..500).fold(Filter::new(), |filter, number| filter.resource(format!("a:{number}")));
        let changes = client.listen(filter).unwrap();
        wait_until("the process is started", || !bridge.children().is_empty());
        drop(changes);
        wait_until("nobody uses the process", || bridge.children().is_empty());
    }
}

#[test]
fn one_process_for_everybody_when_that_is_wanted() {
    let bridge = Bridge::start(&["--shared"]);
    let clients = ProtocolVersion::ALL.map(|version| bridge.client(version));
    let pids: std::collections::BTreeSet<_> = clients.iter().map(|client| call(client, "pid", json!({}))).collect();
    assert_eq!((pids.len(), bridge.children().len()), (1, 1));
}

#[test]
fn in_a_shared_process_changes_reach_those_who_asked_for_them() {
    use mcp_sse_blocking::{Change, Filter};
    let bridge = Bridge::start(&["--shared"]);
    let clients = ProtocolVersion::ALL.map(|version| bridge.client(version));
    let mut listening: Vec<_> =
        clients.iter().map(|client| client.listen(Filter::new().tools().resource("a:b")).unwrap()).collect();
    // One subscription is enough, and is there until the last does not want it any more.
    wait_until("the subscription", || seen(&clients[0])["subscribed"] == json!(["a:b"]));
    drop(listening.remove(0));
    call(&clients[0], "changed", json!({}));
    for changes in &mut listening {
        assert_eq!(changes.next_within(BOUND).unwrap(), Some(Change::Tools));
    }
    wait_until("all of them are told", || {
        call(&clients[0], "update", json!({"uri": "a:b"}));
        listening.iter_mut().all(|changes| {
            changes.next_within(Duration::from_millis(200)).unwrap() == Some(Change::Resource("a:b".into()))
        })
    });
    drop(listening);
    wait_until("the end of the subscription", || seen(&clients[0])["subscribed"] == json!([]));
}

#[test]
fn sessions_beyond_the_bound_are_refused() {
    let bridge = Bridge::start(&["--max-sessions", "2"]);
    let _clients = SESSIONS.map(|version| bridge.client(version));
    for version in SESSIONS {
        let refused = bridge.builder(version).connect().unwrap_err();
        let refused = refused.to_string();
        assert!(refused.contains("503") || refused.contains("too many sessions"), "{refused}");
    }
}

#[test]
fn a_session_that_nobody_uses_ends_with_its_process() {
    let bridge = Bridge::start(&["--idle", "0.3"]);
    // Without a stream that listens: such a client is there.
    let client = bridge.client(ProtocolVersion::LATEST_HANDSHAKE);
    call(&client, "note", json!({"text": "mine"}));
    wait_until("the process has ended", || bridge.children().is_empty());
    // The client opens another session by itself (R-SH-51).
    assert_eq!(call(&client, "note", json!({})), "null");
}

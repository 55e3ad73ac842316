//! The same over the carriers: sessions that end, subscriptions, and lines.

use super::*;
use mcp_core::types::meta;

fn server() -> (Server, Receiver<Heard>, Clients) {
    let (sender, heard) = channel();
    let mut clients = None;
    let server = Server::new("unused", "0").delegate(announced(), |handle| {
        clients = Some(handle);
        ToTest(sender)
    });
    (server, heard, clients.unwrap())
}

fn stateless(id: u64, method: &str, mut params: Value) -> String {
    params["_meta"] = json!({meta::PROTOCOL_VERSION: ProtocolVersion::LATEST.as_str(), meta::CLIENT_CAPABILITIES: {}});
    format!("{}\n", json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
}

fn lines(bytes: &[u8]) -> Vec<Value> {
    String::from_utf8(bytes.to_vec()).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn over_lines_a_listener_is_known_until_it_is_gone_and_told_of_what_it_asked_for() {
    let (server, heard, clients) = server();
    let mut pipe = server.pipe().unwrap();
    let now = Instant::ZERO;
    let notifications = json!({"toolsListChanged": true, "resourceSubscriptions": ["a:b"]});
    let listen = stateless(1, "subscriptions/listen", json!({"notifications": notifications}));
    pipe.received(now, listen.as_bytes()).unwrap();
    let Ok(Heard::Listens(caller, filter)) = heard.try_recv() else { panic!() };
    assert_eq!((caller.session, filter.resource_subscriptions), (None, vec!["a:b".to_owned()]));
    pipe.sent(usize::MAX);
    clients.tell_listeners(None, Change::Resource("a:b/c".into()));
    clients.tell_listeners(None, Change::Prompts);
    clients.tell_listeners(Some(b"somebody else".as_slice().into()), Change::Tools);
    pipe.deliver_replies(now);
    let told = lines(pipe.output());
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        (&told[0]["method"], &told[0]["params"]["uri"]),
        (&json!("notifications/resources/updated"), &json!("a:b/c"))
    );
    assert!(heard.try_recv().is_err());
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}});
    pipe.received(now, format!("{cancel}\n").as_bytes()).unwrap();
    assert!(matches!(heard.try_recv(), Ok(Heard::ListensNoMore)));
}

#[test]
fn the_end_of_a_session_is_heard_after_that_of_its_calls() {
    use mcp_tests::raw_engine::RawEngine;

    let (server, heard, _clients) = server();
    let mut raw = RawEngine::new(server);
    let session = raw.initialized();
    let call = json!({"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": {"name": "t"}});
    raw.post(&session, &call.to_string());
    let Ok(Heard::Call(call)) = heard.try_recv() else { panic!() };
    let number = call.caller().session.unwrap();
    let (sender, cancelled) = channel();
    call.on_cancel(move || sender.send(()).unwrap());
    raw.end(session.stream);
    cancelled.try_recv().unwrap();
    assert!(matches!(heard.try_recv(), Ok(Heard::Ended(ended)) if ended == number));
}

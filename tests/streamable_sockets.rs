//! The server's loop over Streamable HTTP on loopback: what only sockets and threads can show.

use std::sync::Mutex;
use std::sync::mpsc;

use mcp_server_tiny::{Call, Deferred, Later, Server, Tool};
use mcp_tests::raw_http::{PATIENCE, RawPeer, RunningServer};
use mcp_tests::raw_streamable::stateless;
use serde_json::json;

/// A server whose tool `later` gives each call to the test.
fn server() -> (Server, mpsc::Receiver<Deferred>) {
    let (tell, calls) = mpsc::channel();
    let tell = Mutex::new(tell);
    let server = Server::new("test", "1.0.0")
        .tool(Tool::new("echo").param::<String>("text", "said back"), |call: &mut Call<'_>| {
            Ok(call.arg::<&str>("text")?.to_owned())
        })
        .tool(Tool::new("later"), move |call: &mut Call<'_>| {
            let _ = tell.lock().expect("no test panics here").send(call.defer());
            Ok(Later)
        });
    (server, calls)
}

fn echo(id: u32, text: &str) -> String {
    stateless(id, "tools/call", json!({ "name": "echo", "arguments": { "text": text } }))
}

#[test]
fn a_thousand_calls_on_one_connection_take_no_delays() {
    // As over HTTP+SSE: with a delay of 40 ms for each they would take longer than this waits.
    let (server, _) = server();
    let server = RunningServer::start(server);
    let mut peer = RawPeer::connect(server.address);
    let begun = std::time::Instant::now();
    for id in 0..1000 {
        let answer = peer.ask(echo(id, "hi"));
        assert!(answer.status == 200 && answer.body.contains(&format!("\"id\":{id},")));
    }
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
}

#[test]
fn a_client_that_hangs_up_is_noticed_while_a_worker_computes() {
    // R-ST-35, R-ST-36
    let (tell, noticed) = mpsc::channel();
    let (began, begun) = mpsc::channel();
    let both = Mutex::new((tell, began));
    let slow = Tool::new("slow").on_worker();
    let server = Server::new("test", "1").tool(slow, move |call: &mut Call<'_>| {
        let (tell, began) = both.lock().unwrap().clone();
        let _ = began.send(());
        // Ends as soon as nobody waits any more.
        let outcome = call.sleep(PATIENCE);
        let _ = tell.send(call.is_cancelled());
        outcome
    });
    let server = RunningServer::start(server);
    let mut peer = RawPeer::connect(server.address);
    peer.send(stateless(1, "tools/call", json!({ "name": "slow" })));
    begun.recv_timeout(PATIENCE).unwrap();
    drop(peer);
    assert_eq!(noticed.recv_timeout(PATIENCE / 2), Ok(true));
}

#[test]
fn requests_without_end_behind_one_that_takes_its_time_wait_in_the_system_and_are_all_answered() {
    let (server, calls) = server();
    let server = RunningServer::start(server);
    let mut peer = RawPeer::connect(server.address);
    peer.send(stateless(0, "tools/call", json!({ "name": "later" })));
    let deferred = calls.recv_timeout(PATIENCE).unwrap();
    // More than is read meanwhile, less than the system takes.
    let text = "x".repeat(1000);
    let behind: String = (1..=100).map(|id| echo(id, &text)).collect();
    peer.send(behind);
    deferred.answer(Ok("at last"));
    assert!(peer.answer().body.contains("at last"));
    for id in 1..=100 {
        assert!(peer.answer().body.contains(&format!("\"id\":{id},")), "each in its turn");
    }
}

#[test]
fn changes_are_told_from_any_thread() {
    // R-ST-43
    let (server, _) = server();
    let server = RunningServer::start(server);
    let mut peer = RawPeer::connect(server.address);
    peer.send(stateless("s", "subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } })));
    assert!(peer.event().contains("acknowledged"));
    let handle = server.handle.clone();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let handle = handle.clone();
            std::thread::spawn(move || handle.tools_changed())
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert!(peer.event().contains("notifications/tools/list_changed"));
    handle.prompts_changed();
    handle.resources_changed();
    handle.resource_updated("a:b");
    handle.stop();
    let last = peer.until("\r\n0\r\n\r\n");
    assert!(!last.contains("prompts") && !last.contains("resources"), "nobody asked for those: {last}");
    assert!(last.contains("\"resultType\":\"complete\""), "R-ST-45: {last}");
}

#[test]
fn an_answer_of_megabytes_in_events_arrives_whole() {
    let big = Tool::new("big");
    let server = Server::new("test", "1").tool(big, |call: &mut Call<'_>| {
        call.progress(1.0, None, None);
        Ok("x".repeat(3 << 20))
    });
    let server = RunningServer::start(server);
    let mut peer = RawPeer::connect(server.address);
    let mut meta = mcp_tests::raw_streamable::meta(json!({}));
    meta["progressToken"] = json!(1);
    for _ in 0..2 {
        peer.send(stateless(1, "tools/call", json!({ "name": "big", "_meta": meta })));
        let text = peer.until("\r\n0\r\n\r\n");
        assert!(text.len() > 3 << 20);
    }
}

//! What a server, or the network, can make a client wait for or keep: each has an end, and each header its room.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::thread;
use std::time::{Duration, Instant};

use mcp_core::revision::ProtocolVersion;
use mcp_sse_blocking::{CallOptions, Client, Error, Filter, Question, Streams, Transport, memory};
use mcp_tests::leaks::client_threads;
use mcp_tests::scripted_lines::Script;
use mcp_tests::scripted_peer::{BOUND, Peer, Running};
use mcp_tests::streamable_peer::{RESULT_2025, StreamablePeer as _, StreamableRequest as _};
use serde_json::{Value, json};

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

#[test]
fn what_comes_before_the_answer_to_initialize_is_bounded_in_bytes() {
    // Far fewer messages than are kept, but large ones.
    const SIZE: usize = 3 << 20;
    let peer = Peer::run(|peer| {
        let initialize = peer.expect("initialize");
        let mut stream = initialize.open();
        for _ in 0..3 {
            let data = "x".repeat(SIZE);
            stream.message(&format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"level":"info","data":"{data}"}}}}"#
            ));
        }
        // Given up before there is an answer.
        peer.wait_closed(initialize.connection);
    });
    let error = streamable(&peer).connect().unwrap_err();
    assert!(matches!(error, Error::Peer(_)), "{error}");
    peer.finish();
}

#[test]
fn whoever_only_looks_for_a_result_is_told_of_the_deadline_as_well() {
    // One carrier whose calls have a thread of their own, and one whose calls have none.
    let (address, stop) = quiet_lines();
    let by_lines = Client::over_builder(address).connect().unwrap();
    let mut job = by_lines.start_with("slow", &(), CallOptions::new().timeout(Duration::from_millis(50))).unwrap();
    let until = Instant::now() + BOUND;
    let error = loop {
        assert!(Instant::now() < until, "the deadline passed long ago");
        match job.try_result() {
            None => thread::yield_now(),
            Some(Err(error)) => break error.to_string(),
            Some(Ok(result)) => panic!("{result:?}"),
        }
    };
    assert!(error.contains("call deadline"), "{error}");
    assert!(matches!(job.result(), Err(Error::Timeout(_))));
    drop(stop);
}

/// A server of 2025-11-25 over lines that answers `initialize` and nothing else.
fn quiet_lines() -> (Streams, memory::End) {
    let (here, there) = memory::pair();
    let (mut writer, reader) = (there.clone(), there.clone());
    thread::spawn(move || {
        for line in BufReader::new(reader).lines().map_while(Result::ok) {
            let message: Value = serde_json::from_str(&line).unwrap();
            let answer = match message["method"].as_str() {
                Some("initialize") => {
                    let server = json!({"name": "quiet", "version": "1"});
                    json!({"result": {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": server}})
                }
                Some("server/discover") => json!({"error": {"code": -32601, "message": "what?"}}),
                _ => continue,
            };
            let mut answer = answer;
            answer["jsonrpc"] = "2.0".into();
            answer["id"] = message["id"].clone();
            if writeln!(writer, "{answer}").is_err() {
                return;
            }
        }
    });
    (Streams::new(here.clone(), here), there)
}

#[test]
fn a_server_that_asks_faster_than_it_is_answered_is_refused() {
    // One question is at the handler, 16 wait, and what comes beyond is refused at once.
    let (release, held) = crossbeam_channel::bounded::<()>(0);
    let (script, end) = Script::run(ProtocolVersion::V2025_11_25, json!({}), move |server| {
        for id in 0..18 {
            server.send(json!({"jsonrpc": "2.0", "id": format!("q{id}"), "method": "roots/list"}));
        }
        let refused = server.message();
        assert_eq!(refused["error"]["code"], -32603, "{refused}");
        drop(release);
        for _ in 0..17 {
            let answer = server.message();
            assert!(answer["result"]["roots"].is_array() || answer["error"]["code"] == -32603, "{answer}");
        }
    });
    let client = Client::over_memory_builder(end)
        .on_roots(move || {
            let _ = held.recv_timeout(BOUND);
            Ok(Vec::new())
        })
        .connect()
        .unwrap();
    script.finish();
    drop(client);
}

/// Sends questions of 3 MiB, and gives the refusals of those that are too many. `release` lets whoever holds the others answer them.
fn ask_at_length(server: &mut mcp_tests::scripted_lines::Server, release: impl FnOnce()) {
    let long = "x".repeat(3 << 20);
    for id in 0..6 {
        let params = json!({"_meta": {"long": long}});
        server.send(json!({"jsonrpc": "2.0", "id": id, "method": "roots/list", "params": params}));
    }
    let refused = server.message();
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!(5), &json!(-32603)), "{refused}");
    assert!(refused["error"]["message"].as_str().unwrap().contains("16777216 bytes"), "{refused}");
    release();
    for _ in 0..5 {
        assert_eq!(server.message()["result"], json!({"roots": []}));
    }
    server.send(json!({"jsonrpc": "2.0", "id": "next", "method": "roots/list", "params": {}}));
    assert_eq!(server.message()["id"], "next");
}

#[test]
fn questions_that_wait_for_an_answer_are_bounded_in_bytes() {
    let (release, held) = crossbeam_channel::bounded::<()>(0);
    let (script, end) =
        Script::run(ProtocolVersion::V2025_11_25, json!({}), move |server| ask_at_length(server, || drop(release)));
    let builder = Client::over_memory_builder(end).on_roots(move || {
        let _ = held.recv_timeout(BOUND);
        Ok(Vec::new())
    });
    let client = builder.connect().unwrap();
    script.finish();
    drop(client);
}

#[test]
fn questions_that_are_handed_on_are_bounded_in_bytes_until_they_are_answered() {
    let (sender, asked) = crossbeam_channel::unbounded::<Question>();
    let (release, held) = crossbeam_channel::bounded::<()>(0);
    let (script, end) =
        Script::run(ProtocolVersion::V2025_11_25, json!({}), move |server| ask_at_length(server, || drop(release)));
    let mut capabilities = mcp_core::types::ClientCapabilities::default();
    capabilities.roots = Some(mcp_core::types::RootsCapability::default());
    let builder = Client::over_memory_builder(end).capabilities(capabilities);
    let client = builder.on_question(move |question| sender.send(question).unwrap()).connect().unwrap();
    let answering = thread::spawn(move || {
        let _ = held.recv_timeout(BOUND);
        for question in asked {
            question.answer(Ok(serde_json::value::to_raw_value(&json!({"roots": []})).unwrap()));
        }
    });
    script.finish();
    drop(client);
    answering.join().unwrap();
}

/// Each thread that tells a new session what the last one knew would make another one necessary, and another thread.
#[test]
fn a_server_that_forgets_each_session_when_it_is_told_something_is_told_by_one_thread() {
    let result = RESULT_2025.replace(r#""tools":{}"#, r#""tools":{},"resources":{"subscribe":true}"#);
    assert_ne!(result, RESULT_2025);
    let peer = Peer::run(move |peer| {
        peer.shake_streamable_as("Mcp-Session-Id: s0\r\n", &result);
        let (mut sessions, mut subscribed, mut most) = (1, 0, 0);
        for _ in 0..18 {
            let request = peer.request();
            most = most.max(client_threads().iter().filter(|name| *name == "mcp-subscribe").count());
            if request.method == "GET" {
                request.status("405 Method Not Allowed", "");
                continue;
            }
            match &*request.message_method() {
                "initialize" => {
                    let body = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, request.id());
                    request.json_status("200 OK", &format!("Mcp-Session-Id: s{sessions}\r\n"), &body);
                    sessions += 1;
                }
                "notifications/initialized" => request.taken(),
                "tools/call" if sessions > 1 => request.json_text("done"),
                "resources/subscribe" if subscribed < 3 => {
                    subscribed += 1;
                    request.json_result("{}");
                }
                _ => request.status("404 Not Found", ""),
            }
        }
        most
    });
    let client = streamable(&peer).connect().unwrap();
    let filter = ["a:1", "a:2", "a:3"].into_iter().fold(Filter::new(), |filter, uri| filter.resource(uri));
    let changes = client.listen(filter).unwrap();
    assert_eq!(client.call("any", &()).unwrap().all_text(), "done");
    assert_eq!(peer.finish(), 1, "threads at a time");
    drop((changes, client));
}

/// Each subscription that is dropped is given up on another thread: on the same one, if the server takes its time.
#[test]
fn a_server_that_does_not_let_go_of_resources_is_told_by_one_thread() {
    const RESOURCES: usize = 30;
    let result = RESULT_2025.replace(r#""tools":{}"#, r#""tools":{},"resources":{"subscribe":true}"#);
    let (dropped, all_dropped) = crossbeam_channel::bounded::<()>(0);
    let peer = Peer::run(move |peer| {
        peer.shake_streamable_as("Mcp-Session-Id: s0\r\n", &result);
        let mut subscribed = 0;
        let mut withheld = Vec::new();
        while subscribed < RESOURCES || withheld.is_empty() {
            let request = peer.request();
            match (&*request.method, subscribed) {
                ("GET", _) => request.status("405 Method Not Allowed", ""),
                (_, RESOURCES) => withheld.push(request),
                _ => {
                    request.json_result("{}");
                    subscribed += 1;
                }
            }
        }
        all_dropped.recv_timeout(BOUND).unwrap();
        let threads = client_threads().iter().filter(|name| name.starts_with("mcp-unsubscrib")).count();
        (threads, withheld)
    });
    let client = streamable(&peer).connect().unwrap();
    let listening: Vec<_> =
        (0..RESOURCES).map(|number| client.listen(Filter::new().resource(format!("a:{number}"))).unwrap()).collect();
    drop(listening);
    dropped.send(()).unwrap();
    let (threads, withheld) = peer.finish();
    assert_eq!(threads, 1);
    drop((withheld, client));
}

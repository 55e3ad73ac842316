//! A client and a server in one process, without sockets: through a pipe in memory with a thread for the server, and with the
//! server as bytes in, bytes out on the thread that calls.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::thread;
use std::time::Duration;

use mcp_core::revision::ProtocolVersion;
use mcp_core::time::Instant;
use mcp_server_tiny::{Call, Server, Tool};
use mcp_sse_blocking::{CallOptions, Client, Error, memory};
use serde_json::json;

fn server() -> Server {
    Server::new("inside", "1.0.0")
        .tool(Tool::new("echo").param::<String>("text", "what to say"), |call: &mut Call<'_>| {
            Ok(call.arg::<&str>("text")?.to_owned())
        })
        .tool(Tool::new("steps"), |call: &mut Call<'_>| {
            for step in 1..=3 {
                call.progress(f64::from(step), Some(3.0), None);
            }
            Ok("done")
        })
        .tool(Tool::new("slow").on_worker(), |_: &mut Call<'_>| {
            thread::sleep(Duration::from_millis(30));
            Ok("at last")
        })
}

const REVISIONS: [Option<ProtocolVersion>; 3] =
    [None, Some(ProtocolVersion::V2025_11_25), Some(ProtocolVersion::V2024_11_05)];

fn works(client: &Client, expected: Option<ProtocolVersion>) {
    assert_eq!(client.server_info().name, "inside");
    assert_eq!(client.protocol_version(), expected.unwrap_or(ProtocolVersion::LATEST));
    let names: Vec<String> = client.tools().map(|tool| tool.unwrap().name).collect();
    assert_eq!(names, ["echo", "steps", "slow"]);
    for size in [0, 1, 100, 100_000, 1_000_000] {
        let text = "x\n".repeat(size);
        assert!(client.call("echo", &json!({ "text": text })).unwrap().all_text() == text, "{size}");
    }
    let mut steps = Vec::new();
    let tell = CallOptions::new().on_progress(|progress| steps.push(progress.progress));
    assert_eq!(client.call_with("steps", &(), tell).unwrap().all_text(), "done");
    assert_eq!(steps, [1.0, 2.0, 3.0]);
    assert_eq!(client.call("slow", &()).unwrap().all_text(), "at last");
    let error = client.call("none", &()).unwrap_err();
    assert!(matches!(error, Error::Rpc(_)), "{error}");
    thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for round in 0..20 {
                    let text = format!("{thread} {round}");
                    assert_eq!(client.call("echo", &json!({ "text": text })).unwrap().all_text(), text);
                }
            });
        }
    });
}

#[test]
fn a_server_on_a_thread_is_called_through_memory_in_every_era() {
    for revision in REVISIONS {
        let (here, there) = memory::pair();
        let served = thread::spawn(move || server().serve(there.clone(), there));
        let builder = Client::over_memory_builder(here);
        let builder = match revision {
            Some(revision) => builder.protocol_version(revision),
            None => builder,
        };
        let client = builder.connect().unwrap();
        works(&client, revision);
        drop(client);
        served.join().unwrap().unwrap();
    }
}

#[test]
fn a_server_without_a_thread_is_called_in_every_era() {
    for revision in REVISIONS {
        let mut pipe = server().pipe().unwrap();
        let start = std::time::Instant::now();
        let builder = Client::around_builder(move |bytes, out| {
            let now = Instant::from_elapsed(start.elapsed());
            pipe.received(now, bytes).unwrap();
            loop {
                let more = pipe.deliver_replies(now);
                out.extend_from_slice(pipe.output());
                pipe.sent(usize::MAX);
                if !more {
                    break;
                }
            }
        });
        let builder = match revision {
            Some(revision) => builder.protocol_version(revision),
            None => builder,
        };
        works(&builder.connect().unwrap(), revision);
    }
}

#[test]
fn a_server_that_panics_ends_the_session_and_not_the_program() {
    let mut pipe = server().pipe().unwrap();
    let client = Client::around(move |bytes, out| {
        assert!(!bytes.windows(4).any(|word| word == b"boom"), "a fault of the server's");
        pipe.received(Instant::ZERO, bytes).unwrap();
        out.extend_from_slice(pipe.output());
        pipe.sent(usize::MAX);
    })
    .unwrap();
    let caught =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| client.call("echo", &json!({"text": "boom"}))));
    assert!(caught.is_err(), "it runs on the thread that calls");
    let error = client.call_with("echo", &json!({"text": "x"}), CallOptions::new().timeout(Duration::from_secs(5)));
    let error = error.unwrap_err();
    assert!(matches!(error, Error::StreamEnded(_) | Error::Closed(_)), "{error}");
}

/// A server that greets, and runs `call` when a tool is called.
fn greeting_then(mut call: impl FnMut(&mut Vec<u8>) + Send) -> impl FnMut(&[u8], &mut Vec<u8>) + Send {
    let mut lines = mcp_core::jsonrpc::ndjson::Decoder::new(&mcp_core::Limits::default());
    move |bytes, out| {
        lines.push(bytes).unwrap();
        while let Some(line) = lines.next_message().unwrap() {
            let message: serde_json::Value = serde_json::from_slice(line).unwrap();
            match message["method"].as_str() {
                Some("server/discover") => {
                    let result = json!({"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}});
                    let answer = json!({"jsonrpc": "2.0", "id": message["id"], "result": result});
                    out.extend(format!("{answer}\n").bytes());
                }
                Some("tools/call") => call(out),
                _ => {}
            }
        }
        if bytes.is_empty() {
            call(out);
        }
    }
}

#[test]
fn closing_does_not_wait_for_a_server_that_does_not_come_back() {
    let (entered, running) = crossbeam_channel::bounded(1);
    let (leave, may_leave) = crossbeam_channel::bounded::<()>(0);
    let client = Client::around(greeting_then(move |_| {
        let _ = entered.try_send(());
        let _ = may_leave.recv_timeout(Duration::from_secs(20));
    }))
    .unwrap();
    let caller = client.clone();
    let calling = thread::spawn(move || caller.call("slow", &()));
    running.recv_timeout(Duration::from_secs(10)).unwrap();
    let start = std::time::Instant::now();
    // Nor does another call wait for longer than it may.
    let late = client.call_with("other", &(), CallOptions::new().timeout(Duration::from_millis(50))).unwrap_err();
    assert!(matches!(late, Error::Timeout(_)), "{late}");
    client.close();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    drop(leave);
    let ended = calling.join().unwrap().unwrap_err();
    assert!(matches!(ended, Error::Closed(_)), "{ended}");
}

#[test]
fn a_server_that_calls_its_own_client_waits_for_its_deadline_and_no_longer() {
    use std::sync::{Arc, OnceLock};
    let own: Arc<OnceLock<Client>> = Arc::default();
    let (told, outcome) = crossbeam_channel::bounded(1);
    let inner = Arc::clone(&own);
    let client = Client::around(greeting_then(move |_| {
        if let Some(client) = inner.get() {
            let _ = told.try_send(client.call_with("x", &(), CallOptions::new().timeout(Duration::from_millis(20))));
        }
    }))
    .unwrap();
    own.set(client.clone()).unwrap();
    // The thread that reads asks the server for what it has to say: it is not writing then.
    let inside = outcome.recv_timeout(Duration::from_secs(10)).unwrap();
    assert!(matches!(inside, Err(Error::Timeout(_))), "{inside:?}");
    client.close();
}

#[test]
fn no_id_is_given_out_twice_on_one_stream() {
    // R-IO-35
    let mut seen = std::collections::HashSet::new();
    let mut greet = greeting_then(|_| {});
    let client = Client::around(move |bytes, out| {
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let message: serde_json::Value = serde_json::from_slice(line).unwrap();
            assert!(seen.insert(message["id"].to_string()), "{message}");
            if message["method"] == "tools/list" {
                let answer = json!({"jsonrpc": "2.0", "id": message["id"], "result": {"tools": []}});
                out.extend(format!("{answer}\n").bytes());
            }
        }
        greet(bytes, out);
    })
    .unwrap();
    assert_eq!(client.tools().count(), 0);
    assert_eq!(client.tools().count(), 0);
}

//! Our client and our server, over real sockets.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use mcp_core::types::LoggingLevel;
use mcp_server_tiny::{Call, Later, Server, Tool, ToolError};
use mcp_sse_blocking::{CallOptions, Client, Error};
use mcp_tests::judging_front::JudgingFront;
use mcp_tests::raw_http::RunningServer;
use mcp_tests::tls_front::TlsFront;
use mcp_tests::wire_judge::Ours;
use serde_json::json;

/// How long a test waits for anything.
const BOUND: Duration = Duration::from_secs(10);

fn tools() -> Server {
    Server::new("loopback", "1")
        .instructions("Try them all.")
        .workers(4, 64)
        .tool(Tool::new("echo").param::<String>("text", "what"), |call| call.arg::<String>("text"))
        .tool(Tool::new("add").param::<i64>("a", "one").param::<i64>("b", "two"), |call| {
            Ok((call.arg::<i64>("a")? + call.arg::<i64>("b")?).to_string())
        })
        .tool(Tool::new("fail"), |_| Err::<(), _>(ToolError::new("it failed")))
        .tool(Tool::new("big").param::<usize>("bytes", "how many"), |call| Ok("x".repeat(call.arg("bytes")?)))
        .tool(Tool::new("count").param::<u32>("to", "up to").on_worker(), count)
        .tool(Tool::new("until-cancelled").on_worker(), until_cancelled)
        .tool(Tool::new("log"), |call| {
            call.log(LoggingLevel::Warning, "look out");
            Ok("logged")
        })
        .tool(Tool::new("later"), |call| {
            let deferred = call.defer();
            thread::spawn(move || deferred.answer(Ok("from another thread")));
            Ok(Later)
        })
}

fn count(call: &mut Call<'_>) -> Result<String, ToolError> {
    let to: u32 = call.arg("to")?;
    for step in 1..=to {
        call.progress(step.into(), Some(to.into()), Some("counting"));
    }
    Ok(to.to_string())
}

fn until_cancelled(call: &mut Call<'_>) -> Result<String, ToolError> {
    while !call.is_cancelled() {
        thread::yield_now();
    }
    Err(ToolError::new("cancelled"))
}

/// A server, and a front before it that has what both sides say judged by the schema of their revision.
fn start() -> (RunningServer, JudgingFront, String) {
    let server = RunningServer::start(tools());
    let front = JudgingFront::start(server.address, Ours::Both);
    let url = format!("http://{}/sse", front.address);
    (server, front, url)
}

fn connect(url: &str) -> Client {
    Client::builder(url).call_timeout(BOUND).connect().expect("it connects")
}

#[test]
fn the_two_understand_each_other() {
    let (_server, _front, url) = start();
    let client = connect(&url);
    assert_eq!((client.server_info().name.as_str(), client.instructions()), ("loopback", Some("Try them all.")));
    assert_eq!(client.protocol_version(), mcp_core::revision::ProtocolVersion::LATEST_HANDSHAKE);
    let names: Vec<String> = client.tools().map(|tool| tool.unwrap().name).collect();
    assert_eq!(names.len(), 8, "{names:?}");
    assert_eq!(client.call("echo", &json!({"text": "grüße\r\n\u{2028}"})).unwrap().all_text(), "grüße\r\n\u{2028}");
    assert_eq!(client.call("add", &json!({"a": 40, "b": 2})).unwrap().all_text(), "42");
    assert_eq!(client.call("later", &()).unwrap().all_text(), "from another thread");
    let failed = client.call("fail", &()).unwrap();
    assert!(failed.is_error);
    assert_eq!(failed.all_text(), "it failed");
    assert!(matches!(client.call("nope", &()), Err(Error::Rpc(error)) if error.code == -32602));
    client.ping().unwrap();
}

#[test]
fn a_list_in_pages_is_read_to_its_end() {
    let server = RunningServer::start(tools().page_size(3));
    let client = connect(&format!("http://{}/sse", server.address));
    assert_eq!(client.tools().filter(Result::is_ok).count(), 8);
}

#[test]
fn results_of_every_size_arrive_whole() {
    let (_server, _front, url) = start();
    let client = connect(&url);
    for bytes in [0, 1, 1000, 4096, 16_384, 65_536, 100_000, 1_000_000, 3_000_000] {
        assert_eq!(client.call("big", &json!({"bytes": bytes})).unwrap().all_text().len(), bytes);
    }
}

#[test]
fn progress_arrives_in_order_by_callback_and_by_iterator() {
    let (_server, _front, url) = start();
    let client = connect(&url);
    let mut steps = Vec::new();
    let options = CallOptions::new().on_progress(|progress| steps.push(progress.progress));
    assert_eq!(client.call_with("count", &json!({"to": 20}), options).unwrap().all_text(), "20");
    assert_eq!(steps, (1..=20).map(f64::from).collect::<Vec<_>>());
    let mut job = client.start("count", &json!({"to": 20})).unwrap();
    assert_eq!(job.by_ref().count(), 20);
    assert_eq!(job.result().unwrap().all_text(), "20");
}

#[test]
fn a_cancelled_call_ends_on_both_sides() {
    let (_server, _front, url) = start();
    let client = connect(&url);
    for _ in 0..10 {
        // More rounds than the server has workers: each cancellation must free one.
        let job = client.start("until-cancelled", &()).unwrap();
        let canceller = job.canceller();
        let waiting = thread::spawn(move || job.result());
        assert!(canceller.cancel("enough"));
        assert!(matches!(waiting.join().unwrap(), Err(Error::Cancelled(_))));
    }
    assert_eq!(client.call("count", &json!({"to": 1})).unwrap().all_text(), "1");
}

#[test]
fn a_deadline_frees_the_servers_worker_as_well() {
    let (_server, _front, url) = start();
    let client = connect(&url);
    for _ in 0..10 {
        let options = CallOptions::new().timeout(Duration::from_millis(20));
        assert!(matches!(client.call_with("until-cancelled", &(), options), Err(Error::Timeout(_))));
    }
    assert_eq!(client.call("count", &json!({"to": 1})).unwrap().all_text(), "1");
}

#[test]
fn logs_reach_their_handler_from_the_level_that_was_asked_for() {
    let (_server, _front, url) = start();
    let (tell, heard) = mpsc::channel();
    let client = Client::builder(&url).on_log(move |_, message| tell.send(message.text()).unwrap()).connect().unwrap();
    client.set_log_level(LoggingLevel::Error).unwrap();
    client.call("log", &()).unwrap();
    client.set_log_level(LoggingLevel::Debug).unwrap();
    client.call("log", &()).unwrap();
    assert_eq!(heard.recv_timeout(BOUND).unwrap(), "look out");
    client.close();
    assert!(heard.try_recv().is_err(), "the first was below the level");
}

#[test]
fn fifty_calls_in_parallel_and_eight_threads_without_end() {
    let (_server, _front, url) = start();
    let client = connect(&url);
    let jobs: Vec<_> = (0..50).map(|index| client.start("add", &json!({"a": index, "b": 1})).unwrap()).collect();
    for (index, job) in jobs.into_iter().enumerate() {
        assert_eq!(job.result().unwrap().all_text(), (index + 1).to_string());
    }
    thread::scope(|scope| {
        for thread in 0..8 {
            let client = &client;
            scope.spawn(move || {
                for index in 0..200 {
                    let text = format!("{thread}/{index}");
                    assert_eq!(client.call("echo", &json!({"text": text})).unwrap().all_text(), text);
                }
            });
        }
    });
}

#[test]
fn many_clients_share_a_server() {
    let (_server, _front, url) = start();
    thread::scope(|scope| {
        for index in 0..20 {
            let url = &url;
            scope.spawn(move || {
                let client = connect(url);
                for _ in 0..20 {
                    let text = index.to_string();
                    assert_eq!(client.call("echo", &json!({"text": text})).unwrap().all_text(), text);
                }
            });
        }
    });
}

#[test]
fn a_server_that_stops_in_mid_call_is_noticed_at_once() {
    let (server, _front, url) = start();
    let client = connect(&url);
    let job = client.start("until-cancelled", &()).unwrap();
    server.handle.stop();
    let error = job.result().unwrap_err();
    assert!(matches!(&error, Error::StreamEnded(_) | Error::Transport(_)), "{error:?}");
    assert!(!client.is_connected());
    server.join();
}

#[test]
fn the_wrong_token_is_refused_and_the_right_one_is_not() {
    let server = RunningServer::start(tools().bearer("right"));
    let url = format!("http://{}/sse", server.address);
    let error = Client::builder(&url).bearer("wrong").connect().unwrap_err();
    assert!(matches!(&error, Error::Status(status) if status.code == 401), "{error:?}");
    let client = Client::builder(&url).bearer("right").connect().unwrap();
    assert_eq!(client.call("echo", &json!({"text": "in"})).unwrap().all_text(), "in");
}

#[test]
fn they_meet_behind_a_proxy_that_speaks_tls() {
    let server = RunningServer::start(tools());
    let front = TlsFront::start(server.address, &["localhost"]);
    let client = Client::builder(&front.url("/sse"))
        .root_certificates_pem(front.certificate().as_bytes())
        .call_timeout(BOUND)
        .connect()
        .unwrap();
    assert_eq!(client.call("big", &json!({"bytes": 500_000})).unwrap().all_text().len(), 500_000);
    thread::scope(|scope| {
        for _ in 0..4 {
            let client = &client;
            scope.spawn(move || {
                for _ in 0..50 {
                    assert_eq!(client.call("echo", &json!({"text": "a"})).unwrap().all_text(), "a");
                }
            });
        }
    });
}

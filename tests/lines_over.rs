//! Line streams over whatever reads and writes: a pipe in memory, sockets, and streams that block for ever.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use mcp_sse_blocking::{Client, Error, Streams, memory};
use mcp_tests::schema_judge::{Conversation, Side};
use serde_json::{Value, json};

/// A server with one tool, `echo`, which answers until its input ends. What it gets is judged by the schema of its revision.
fn serve(reader: impl Read, mut writer: impl Write) -> io::Result<()> {
    let mut judge = Conversation::default();
    for line in BufReader::new(reader).lines() {
        let line = line?;
        judge.sent(Side::Client, line.as_bytes());
        let message: Value = serde_json::from_str(&line).map_err(io::Error::other)?;
        let result = match message["method"].as_str() {
            Some("initialize") => json!({
                "protocolVersion": message["params"]["protocolVersion"], "capabilities": {},
                "serverInfo": {"name": "inside", "version": "1"},
            }),
            Some("tools/call") if message["params"]["name"] == "echo" => {
                json!({"content": [{"type": "text", "text": message["params"]["arguments"]["text"]}]})
            }
            Some("tools/call") => continue,
            _ if message["id"].is_null() => continue,
            _ => {
                let error = json!({"code": -32601, "message": "no"});
                writeln!(writer, "{}", json!({"jsonrpc": "2.0", "id": message["id"], "error": error}))?;
                continue;
            }
        };
        writeln!(writer, "{}", json!({"jsonrpc": "2.0", "id": message["id"], "result": result}))?;
        writer.flush()?;
    }
    Ok(())
}

fn echo(client: &Client, text: &str) -> Result<String, Error> {
    client.call("echo", &json!({ "text": text })).map(|result| result.all_text())
}

#[test]
fn a_server_in_the_same_process_is_called_through_memory() {
    let (here, there) = memory::pair();
    let server = thread::spawn(move || serve(there.clone(), there));
    let client = Client::over_memory(here).unwrap();
    assert_eq!(client.server_info().name, "inside");
    for round in 0..100 {
        assert_eq!(echo(&client, &round.to_string()).unwrap(), round.to_string());
    }
    let large = "x".repeat(3 << 20);
    assert!(echo(&client, &large).unwrap() == large, "larger than what the pipe holds, both ways");
    drop(client);
    server.join().unwrap().unwrap();
}

#[test]
fn a_client_over_memory_has_no_thread_that_reads_bytes() {
    let (here, there) = memory::pair();
    let server = thread::Builder::new().name("a server".into()).spawn(move || serve(there.clone(), there)).unwrap();
    let client = Client::over_memory(here).unwrap();
    let start = Instant::now();
    let error = {
        let options = mcp_sse_blocking::CallOptions::new().timeout(Duration::from_millis(100));
        client.call_with("never", &(), options).unwrap_err()
    };
    assert!(matches!(error, Error::Timeout(_)), "{error}");
    assert!(start.elapsed() < Duration::from_secs(2));
    assert_eq!(echo(&client, "after").unwrap(), "after");
    drop(client);
    server.join().unwrap().unwrap();
}

#[test]
fn a_server_that_lets_go_of_its_end_ends_the_session() {
    let (here, there) = memory::pair();
    let (mut end, reader) = (there.clone(), there);
    thread::spawn(move || {
        // Answers the greeting and no more.
        let mut lines = BufReader::new(reader).lines();
        while let Some(Ok(line)) = lines.next() {
            let message: Value = serde_json::from_str(&line).unwrap();
            match message["method"].as_str() {
                Some("initialize") => {
                    let info = json!({"name": "brief", "version": "1"});
                    let result = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": info});
                    writeln!(end, "{}", json!({"jsonrpc": "2.0", "id": message["id"], "result": result})).unwrap();
                }
                Some("server/discover") => {
                    let error = json!({"code": -32601, "message": "no"});
                    writeln!(end, "{}", json!({"jsonrpc": "2.0", "id": message["id"], "error": error})).unwrap();
                }
                Some("tools/call") => break,
                _ => {}
            }
        }
    });
    let client = Client::over_memory(here).unwrap();
    let error = echo(&client, "x").unwrap_err();
    assert!(matches!(error, Error::StreamEnded(mcp_sse_blocking::Delivery::Sent)), "{error}");
    assert!(!client.is_connected());
}

// R-IO-21
#[test]
fn a_server_behind_a_socket_is_called_and_closed() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (socket, _) = listener.accept()?;
        serve(socket.try_clone()?, socket)
    });
    let socket = TcpStream::connect(address).unwrap();
    let (writer, close) = (socket.try_clone().unwrap(), socket.try_clone().unwrap());
    let streams = Streams::new(socket, writer).named("a socket").on_close(move || {
        let _ = close.shutdown(Shutdown::Both);
    });
    let client = Client::over_builder(streams).connect().unwrap();
    assert_eq!(echo(&client, "hello").unwrap(), "hello");
    let large = "x".repeat(3 << 20);
    assert!(echo(&client, &large).unwrap() == large);
    drop(client);
    let _ = server.join().unwrap();
}

/// Neither reads nor writes, until it is let go.
struct Stuck(crossbeam_channel::Receiver<()>);

impl Read for Stuck {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        let _ = self.0.recv();
        Ok(0)
    }
}

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn streams_that_block_for_ever_hold_up_neither_a_deadline_nor_closing() {
    let (let_go, stuck) = crossbeam_channel::bounded::<()>(0);
    let start = Instant::now();
    let builder = Client::over_builder(Streams::new(Stuck(stuck.clone()), Stuck(stuck)));
    let error = builder.call_timeout(Duration::from_millis(300)).connect().unwrap_err();
    assert!(matches!(error, Error::Timeout(_)), "{error}");
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    drop(let_go);
}

#[test]
fn a_reader_that_fails_ends_the_session_with_its_failure() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the wire is cut"))
        }
    }
    let error = Client::over(Broken, io::sink()).unwrap_err();
    assert!(error.to_string().contains("the wire is cut"), "{error}");
}

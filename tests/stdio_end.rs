//! How a child process ends, on any system: with all that it started, and after it has said its last.
//!
//! What only Unix has, process numbers and signals, is in `stdio_close.rs`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::io::Read;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use mcp_sse_blocking::{Client, Command, Error};
use serde_json::json;

const PEER: &str = env!("CARGO_BIN_EXE_stdio_peer");
const BOUND: Duration = Duration::from_secs(20);

/// A process that a server started, known by the connection that it holds.
struct Grandchild(TcpStream);

/// A server with a grandchild.
fn connect(args: &[&str]) -> (Client, Grandchild) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let grandchild = format!("grandchild={}", listener.local_addr().unwrap());
    let command = Command::new(PEER).arg(grandchild).args(args).grace(Duration::from_millis(300)).restarts(0);
    let client = Client::spawn(command).unwrap();
    (client, Grandchild(listener.accept().unwrap().0))
}

impl Grandchild {
    /// The system closes what a process held when it ends, with a reset perhaps.
    fn await_end(mut self) {
        self.0.set_read_timeout(Some(BOUND)).unwrap();
        match self.0.read(&mut [0]) {
            Ok(0) => {}
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
            other => panic!("it is still there: {other:?}"),
        }
    }
}

// R-IO-25
#[test]
fn what_a_server_started_ends_with_its_client() {
    for args in [&[][..], &["ignore_eof"]] {
        let (client, grandchild) = connect(args);
        client.close();
        grandchild.await_end();
        let (client, grandchild) = connect(args);
        drop(client);
        grandchild.await_end();
    }
}

// R-IO-25
#[test]
fn what_a_server_started_ends_with_its_client_also_when_the_server_was_gone_before() {
    let (client, grandchild) = connect(&[]);
    let error = client.call("exit", &json!({"code": 3})).unwrap_err();
    let Error::Exited(exited) = error else { panic!("{error}") };
    assert_eq!(exited.code, Some(3));
    client.close();
    grandchild.await_end();
}

// R-IO-22, R-IO-31: more than a pipe holds, and nobody wants it any more.
#[test]
fn a_server_that_says_much_when_its_input_ends_can_end_by_itself() {
    let record = std::env::temp_dir().join(format!("mcp-stdio-end-{}", std::process::id()));
    let args = ["farewell=1000000".to_owned(), format!("record={}", record.display())];
    let client = Client::spawn(Command::new(PEER).args(args).grace(BOUND)).unwrap();
    client.ping().unwrap();
    client.close();
    let lines = std::fs::read_to_string(&record).unwrap();
    std::fs::remove_file(record).unwrap();
    assert_eq!(lines.lines().last(), Some("end"), "{lines}");
}

/// `npx` is such a file.
#[cfg(windows)]
#[test]
fn a_server_that_is_a_batch_file_is_found_and_gets_its_arguments_as_they_stand() {
    let folder = std::env::temp_dir().join(format!("mcp batch {}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("server.cmd"), format!("@\"{PEER}\" %*\r\n")).unwrap();
    let record = folder.join("its record & more.txt");
    let command = Command::new("server").arg(format!("record={}", record.display())).env("PATH", &folder);
    let client = Client::spawn(command).unwrap();
    assert_eq!(client.call("echo", &json!({"text": "hello"})).unwrap().all_text(), "hello");
    client.close();
    assert!(std::fs::read_to_string(record).unwrap().starts_with("start\n"));
    std::fs::remove_dir_all(folder).unwrap();
}

//! The firmware of `examples/firmware`, on the microcontroller that QEMU plays: what clients at the other end of its serial
//! line get, and what it gets over.
//!
//! `MCP_FIRMWARE` says where the image is, as the step `firmware` of `tests/check.sh` does. Without it the tests say so and
//! pass.
#![allow(clippy::unwrap_used)] // a panic is the report

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use mcp_tests::command_line::{printed, run};
use mcp_tests::peers::{self, Peer};
use mcp_tests::process::{self, Process};
use mcp_tests::raw_http::{RawAnswer, RawPeer};
use mcp_tests::raw_streamable::{post, stateless};
use serde_json::{Value, json};

/// The largest message that the firmware takes.
const MESSAGE_BYTES: usize = 2 * 1024;

/// RAM of the chip.
const RAM: u64 = 64 * 1024;

/// What the firmware may have in use of it: the peaks of heap and stack together, and statics.
const PEAK: u64 = 32 * 1024;

/// A device that has booted.
struct Device {
    _qemu: Process,
    address: SocketAddr,
}

impl Device {
    /// `None` where there is no image.
    fn boot() -> Option<Self> {
        let Some(image) = std::env::var_os("MCP_FIRMWARE") else {
            eprintln!("skipped: MCP_FIRMWARE names no image; `tests/check.sh firmware` builds one");
            return None;
        };
        if !peers::is_installed("qemu-system-arm") {
            assert!(!peers::are_required(), "qemu-system-arm is not installed: run examples/firmware/install.sh");
            eprintln!("skipped: qemu-system-arm is not installed; examples/firmware/install.sh installs it");
            return None;
        }
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let mut qemu = Command::new("qemu-system-arm");
        qemu.args(["-machine", "lm3s6965evb", "-display", "none", "-monitor", "none", "-kernel"]).arg(image);
        // Standard error is where the device says why it starts anew, and no test wants that.
        qemu.args(["-serial", &format!("tcp:{address},server=on,wait=off,nodelay=on"), "-serial", "stdio"]);
        let qemu = Process::start(&mut qemu);
        let deadline = Instant::now() + process::BOUND;
        while let Err(error) = TcpStream::connect(address) {
            assert!(Instant::now() < deadline, "QEMU does not listen at {address}: {error}; {}", qemu.log());
            std::thread::yield_now();
        }
        let device = Self { _qemu: qemu, address };
        // Who comes while it boots is told to come again.
        device.is_usable_again();
        Some(device)
    }

    fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    fn connect(&self) -> RawPeer {
        RawPeer::connect(self.address)
    }

    /// Connects until a call is answered as it should be, and says how often it was not. One that comes at the wrong moment
    /// is told to come again; that none is left without an answer is what matters.
    fn is_usable_again(&self) -> usize {
        for attempt in 0..20 {
            match self.attempt(1000 + attempt) {
                Some(200) => return attempt,
                // 405: what is left of the one before became part of the method.
                None | Some(400 | 405 | 408 | 503) => {}
                Some(status) => panic!("answered {status}"),
            }
        }
        panic!("the device is still not usable");
    }

    /// A call on a connection of its own, and the status of its answer. `None` when what came was, in part or in whole, an
    /// answer to a client that had gone: the device cannot know.
    fn attempt(&self, id: usize) -> Option<u16> {
        let mut socket = TcpStream::connect(self.address).unwrap();
        socket.set_read_timeout(Some(process::BOUND)).unwrap();
        socket.write_all(uptime(id).as_bytes()).unwrap();
        let (mut received, mut part) = (Vec::new(), [0; 512]);
        loop {
            let count = socket.read(&mut part).expect("an answer in time");
            received.extend_from_slice(&part[..count]);
            const START: &[u8] = b"HTTP/1.1 ";
            if count == 0 || received[..START.len().min(received.len())] != START[..START.len().min(received.len())] {
                return None;
            }
            if let Some(answer) = RawAnswer::take_from(&mut received) {
                let is_ours = answer.status != 200 || answer.body.contains(&format!("\"id\":{id},"));
                return is_ours.then_some(answer.status);
            }
        }
    }
}

fn uptime(id: usize) -> String {
    stateless(id, "tools/call", json!({ "name": "uptime", "arguments": {} }))
}

fn memory(peer: &mut RawPeer) -> Value {
    let answer = peer.ask(stateless(1, "resources/read", json!({ "uri": "device://memory" })));
    let answer: Value = serde_json::from_str(&answer.body).unwrap();
    serde_json::from_str(answer["result"]["contents"][0]["text"].as_str().unwrap()).unwrap()
}

/// What was ever in use of the RAM, at most: the peaks need not fall together. Statics are what is neither stack nor heap.
fn peak(memory: &Value) -> u64 {
    let bytes = |of: &str, what: &str| memory[of][what].as_u64().unwrap();
    let statics = RAM - bytes("heap", "bytes") - bytes("stack", "bytes");
    bytes("heap", "peak") + bytes("stack", "peak") + statics
}

#[test]
fn the_command_line_lists_and_calls_the_tools_of_the_device() {
    let Some(device) = Device::boot() else { return };
    let url = device.url();
    let tools = "\
read_sensor  The temperature of the chip
set_led  Turns the lamp on or off
    on  boolean  required  whether it shines
uptime  Milliseconds since the device started";
    assert_eq!(run(&["tools", &url]), printed(0, tools, ""));
    assert_eq!(run(&["call", &url, "set_led", "on=true"]), printed(0, "the lamp is on", ""));
    assert_eq!(run(&["call", &url, "set_led", "on=false"]), printed(0, "the lamp is off", ""));
    let measured = run(&["call", &url, "read_sensor"]);
    assert!(measured.code == Some(0) && measured.out[0].ends_with(" °C"), "{measured:?}");
    let read = run(&["read", &url, "device://memory"]);
    assert!(read.code == Some(0) && read.out[0].contains("peak"), "{read:?}");
    for revision in ["2025-11-25", "2026-07-28"] {
        let measured = run(&["call", "--revision", revision, &url, "read_sensor"]);
        assert_eq!(measured.code, Some(0), "{revision}: {measured:?}");
    }
}

#[test]
fn the_python_sdk_lists_and_calls_the_tools_of_the_device() {
    let Some(device) = Device::boot() else { return };
    for era in ["discover", "initialize"] {
        let Some(mut client) = Peer::Python2.script("device_client.py") else { return };
        client.args(["--era", era, &device.url()]);
        peers::checks(&mut client, &["tools", "sensor", "lamp", "refused", "resource"]);
    }
}

#[test]
fn a_thousand_calls_leave_nothing_behind() {
    let Some(device) = Device::boot() else { return };
    let mut peer = device.connect();
    let mut calls = |count: u32| {
        for _ in 0..count {
            assert_eq!(peer.ask(uptime(1)).status, 200);
        }
        memory(&mut peer)
    };
    let (first, last) = (calls(20), calls(1000));
    eprintln!("memory of the device after 1020 calls: {last}");
    let used = |memory: &Value| memory["heap"]["used"].as_u64().unwrap();
    // Less than a byte for each: deadlines that are over are kept until they would have come.
    assert!(used(&last) < used(&first) + 1000, "{first}, {last}");
    assert!(peak(&last) <= PEAK, "{} bytes: {last}", peak(&last));
}

#[test]
fn what_is_too_large_is_refused_and_the_next_client_is_served() {
    let Some(device) = Device::boot() else { return };
    for too_much in [1, 100, 20_000] {
        let mut peer = device.connect();
        peer.try_send(post(&[], &"x".repeat(MESSAGE_BYTES + too_much)));
        assert_eq!(peer.answer().status, 413, "{too_much} bytes too many");
        drop(peer);
        device.is_usable_again();
    }
    let mut peer = device.connect();
    peer.try_send(format!("POST /mcp HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(2 * MESSAGE_BYTES)));
    assert_eq!(peer.answer().status, 431);
    drop(peer);
    device.is_usable_again();
    // The largest message is taken.
    let mut peer = device.connect();
    let padding = " ".repeat(MESSAGE_BYTES - body_of(&uptime(1)).len());
    let request = uptime(1);
    let (_, body) = request.split_once("\r\n\r\n").unwrap();
    let fields = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"), ("Mcp-Name", "uptime")];
    assert_eq!(peer.ask(post(&fields, &(padding + body))).status, 200);
    let memory = memory(&mut peer);
    eprintln!("memory of the device after the largest messages: {memory}");
    assert!(peak(&memory) <= PEAK, "{} bytes: {memory}", peak(&memory));
}

fn body_of(request: &str) -> &str {
    request.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

#[test]
fn nonsense_is_refused_and_the_next_client_is_served() {
    let Some(device) = Device::boot() else { return };
    let every_byte: Vec<u8> = (0..=255).collect();
    let deep = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"x","params":{}{}}}"#, "[".repeat(900), "]".repeat(900));
    let cases: [&[u8]; 5] =
        [&every_byte, b"\r\n\r\n\r\n", b"HELLO\r\n\r\n", &post(&[], "{").into_bytes(), &post(&[], &deep).into_bytes()];
    for case in cases {
        let mut peer = device.connect();
        peer.try_send(case);
        drop(peer);
        device.is_usable_again();
    }
}

#[test]
fn who_hangs_up_in_the_middle_of_a_request_leaves_the_line_to_the_next() {
    let Some(device) = Device::boot() else { return };
    let request = uptime(1);
    for cut in [1, 5, 40, request.len() / 2, request.len() - 1] {
        let mut peer = device.connect();
        peer.send(&request[..cut]);
        drop(peer);
        let refused = device.is_usable_again();
        assert!(refused <= 10, "cut after {cut} bytes, {refused} requests were refused");
    }
    // Who comes back later is not even told.
    let mut peer = device.connect();
    peer.send(&request[..request.len() / 2]);
    drop(peer);
    quiet_line();
    assert_eq!(device.connect().ask(uptime(1)).status, 200);
}

/// What makes a line quiet is that nothing happens on it: the only thing to wait for is time.
fn quiet_line() {
    let (_keep, never) = std::sync::mpsc::channel::<()>();
    never.recv_timeout(Duration::from_millis(500)).unwrap_err();
}

#[test]
fn what_clients_cannot_be_told_is_not_declared() {
    let Some(device) = Device::boot() else { return };
    let mut peer = device.connect();
    let answer = peer.ask(stateless(1, "server/discover", json!({})));
    let answer: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(answer["result"]["capabilities"], json!({ "tools": {}, "resources": {} }));
    let listen = stateless(2, "subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } }));
    let answer = peer.ask(listen);
    assert!(answer.body.contains("-32601"), "{answer:?}");
}

#[test]
fn a_session_has_no_stream_of_its_own_so_that_it_needs_no_second_connection() {
    let Some(device) = Device::boot() else { return };
    let mut peer = device.connect();
    let info = json!({ "name": "t", "version": "0" });
    let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": info });
    let hello = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params }).to_string();
    let answer = peer.ask(post(&[], &hello));
    assert_eq!(answer.status, 200, "{answer:?}");
    let session = answer.field("Mcp-Session-Id").unwrap().to_owned();
    let get = format!(
        "GET /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nMcp-Session-Id: {session}\r\n\r\n"
    );
    let answer = peer.ask(get);
    assert_eq!((answer.status, answer.field("Allow")), (405, Some("POST, DELETE")));
    let ended = peer.ask(format!("DELETE /mcp HTTP/1.1\r\nHost: localhost\r\nMcp-Session-Id: {session}\r\n\r\n"));
    assert!(matches!(ended.status, 200 | 204), "{ended:?}");
}

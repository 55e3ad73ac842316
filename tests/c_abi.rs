//! Programs in C and C++ that use the library: they compile without a warning, do what they say, and leave nothing behind, as
//! valgrind and the sanitizers see it.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // a panic is the report

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mcp_server_tiny::{Server, Tool};
use mcp_tests::peers;
use mcp_tests::process::Process;
use mcp_tests::raw_http::RunningServer;

/// How a program is built and run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    C11,
    Cpp17,
    /// Under valgrind: any error and any leak fails.
    Valgrind,
    /// With the address and undefined-behaviour sanitizers, and their leak check.
    Sanitized,
}

const ALL: [How; 4] = [How::C11, How::Cpp17, How::Valgrind, How::Sanitized];

/// A program of examples/c-abi/programs, compiled; `None` where what it takes is not installed and not required.
fn program(name: &str, how: How) -> Option<Command> {
    let compiler = if how == How::Cpp17 { "c++" } else { "cc" };
    let needed: &[&str] = if how == How::Valgrind { &[compiler, "valgrind"] } else { &[compiler] };
    if let Some(missing) = needed.iter().find(|tool| !peers::is_installed(tool)) {
        assert!(!peers::are_required(), "`{missing}` is required");
        eprintln!("skipped: `{missing}` is not installed");
        return None;
    }
    // Asked for once: under load cargo takes seconds to find that there is nothing to do.
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    let library = LIBRARY.get_or_init(|| peers::c_library("libmcp.a"));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/c-abi");
    // Of its own for each: a program that is run cannot be written.
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let made = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}-{number}", std::process::id()));
    let mut compile = Command::new(compiler);
    match how {
        How::Cpp17 => compile.args(["-x", "c++", "-std=c++17", "-pedantic"]),
        How::Sanitized => compile.args(["-std=c11", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]),
        How::C11 | How::Valgrind => compile.args(["-std=c11", "-pedantic"]),
    };
    compile.args(["-g", "-Wall", "-Wextra", "-Werror", "-I"]).arg(folder.join("include"));
    compile.arg(folder.join("programs").join(name).with_extension("c"));
    // What follows is no C++ source.
    compile.args(["-x", "none"]).arg(library).args(["-lpthread", "-ldl", "-lm", "-o"]).arg(&made);
    let output = compile.output().unwrap();
    assert!(output.status.success(), "{name}, {how:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(match how {
        How::Valgrind => {
            let mut valgrind = Command::new("valgrind");
            // What is held by a pointer into it, as all that is counted by Rust, is `possible` here and no leak.
            valgrind.args(["--quiet", "--error-exitcode=99", "--leak-check=full", "--show-leak-kinds=definite"]);
            valgrind.arg("--errors-for-leak-kinds=definite").arg(made);
            valgrind
        }
        _ => Command::new(made),
    })
}

/// What a program that ends by itself printed.
fn output(mut command: Command) -> String {
    let output = command.output().unwrap();
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{said}{complained}", output.status);
    said.into_owned()
}

fn adder() -> RunningServer {
    let add = Tool::new("add").param::<i64>("a", "one").param::<i64>("b", "the other");
    RunningServer::start(Server::new("adder", "1").tool(add, |call| {
        call.progress(1.0, Some(2.0), Some("half"));
        Ok(call.arg::<i64>("a")? + call.arg::<i64>("b")?)
    }))
}

/// Ends a server program as its user does, by ending its input; what it complained of.
fn end(mut server: Process) -> String {
    server.end_input();
    let status = server.wait();
    let complaints: Vec<String> = std::iter::from_fn(|| server.error_line()).collect();
    assert!(status.success(), "{status}: {complaints:?}");
    complaints.join("\n")
}

#[test]
fn a_client_in_c_lists_tools_and_calls_one() {
    let server = adder();
    for how in ALL {
        for path in ["mcp", "sse"] {
            let url = format!("http://{}/{path}", server.address);
            let Some(mut list) = program("call_tool", how) else { continue };
            list.arg(&url);
            assert!(output(list).contains(r#""name":"add""#), "{how:?}");
            let Some(mut call) = program("call_tool", how) else { continue };
            call.args([url.as_str(), "add", r#"{"a":40,"b":2}"#]);
            assert!(output(call).contains(r#""text":"42""#), "{how:?}");
        }
    }
}

#[test]
fn a_client_in_c_is_told_what_is_wrong() {
    let Some(mut refused) = program("call_tool", How::C11) else { return };
    refused.arg("http://127.0.0.1:1/mcp");
    let output = refused.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(complaint.contains("Connection refused") && complaint.contains("status 8"), "{complaint}");
}

#[test]
fn a_server_in_c_serves_clients_of_every_transport() {
    for how in ALL {
        let Some(mut command) = program("tiny_server", how) else { continue };
        let server = Process::start_with_input(&mut command);
        let url = server.line().expect("the URL");
        let sse = url.replace("/mcp", "/sse");
        for url in [url.as_str(), sse.as_str()] {
            let client = mcp_sse_blocking::Client::connect(url).unwrap();
            let sum = client.call("add", &serde_json::json!({"a": 40, "b": 2})).unwrap();
            assert_eq!(sum.all_text(), "42");
            assert!(client.call("add", &serde_json::json!({"a": "x", "b": 2})).unwrap().is_error);
            let mut job = client.start("count", &()).unwrap();
            let steps: Vec<f64> = job.by_ref().map(|progress| progress.progress).collect();
            assert_eq!(steps, [1.0, 2.0, 3.0]);
            assert_eq!(job.result().unwrap().structured_content.unwrap()["counted"], 3);
            let about = client.read_resource("tiny://about").unwrap();
            assert_eq!(about.contents[0].text.as_deref(), Some("a server in C"));
        }
        let complaints = end(server);
        assert!(complaints.contains("released after 2 calls"), "{how:?}: {complaints}");
    }
}

#[test]
fn a_server_in_c_may_be_part_of_a_loop_of_its_own() {
    for how in ALL {
        let Some(mut command) = program("own_loop", how) else { continue };
        let server = Process::start_with_input(&mut command);
        let url = server.line().expect("the URL");
        for url in [url.clone(), url.replace("/mcp", "/sse")] {
            let client = mcp_sse_blocking::Client::connect(&url).unwrap();
            for _ in 0..10 {
                assert!(client.call("frames", &()).unwrap().all_text().starts_with("call "));
                assert_eq!(client.call("think", &()).unwrap().all_text(), "42");
            }
        }
        let complaints = end(server);
        assert!(complaints.contains("served 20 calls"), "{how:?}: {complaints}");
    }
}

/// The body of a call of a tool, as one POST of the newest revision.
fn call_of(tool: &str) -> String {
    let meta =
        r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
    let params = format!(r#"{{"name":"{tool}","arguments":{{}},"_meta":{meta}}}"#);
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#);
    format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: application/json, \
         text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: {tool}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A client that is gone while a worker has its call and no more is read of it: the loop sleeps meanwhile, though the system
/// has something to say of that connection whatever is asked.
#[test]
fn a_loop_of_its_own_does_not_spin_when_a_client_is_gone() {
    let Some(mut command) = program("own_loop", How::C11) else { return };
    let server = Process::start_with_input(&mut command);
    let url = server.line().expect("the URL");
    let address = url.trim_start_matches("http://").trim_end_matches("/mcp");
    for _ in 0..5 {
        let mut stream = TcpStream::connect(address).unwrap();
        // More than is taken in while one of them is at work.
        let all = call_of("frames") + &call_of("think") + &call_of("frames").repeat(100);
        stream.write_all(all.as_bytes()).unwrap();
        // What is not read when a connection is closed has it reset.
        assert_eq!(stream.peek(&mut [0]).unwrap(), 1);
        drop(stream);
        // Longer than the tool thinks.
        std::thread::sleep(Duration::from_millis(100));
    }
    let complaints = end(server);
    let frames = complaints.split("calls in ").nth(1).and_then(|rest| rest.split(' ').next()).expect(&complaints);
    assert!(frames.parse::<u32>().unwrap() < 500, "{complaints}");
}

/// What the library keeps while a callback runs it keeps no longer. Where nothing else looks: its shelves hold it all, so that
/// it is no leak to valgrind.
#[test]
fn memory_stays_what_it_is_however_often_callbacks_run() {
    for how in [How::C11, How::Cpp17] {
        let Some(many_times) = program("many_times", how) else { continue };
        assert!(output(many_times).contains("bytes more after 200 rounds"), "{how:?}");
    }
}

/// What programs were compiled with stays true: where each member of a struct is, on machines of 64 bits.
const LAYOUT: &str = r#"
#include "mcp.h"
#define AT(type, member, place) _Static_assert(offsetof(type, member) == (place), #type "." #member)
#define SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type)
AT(mcp_error, status, 0);
AT(mcp_error, delivery, 4);
AT(mcp_error, rpc_code, 8);
AT(mcp_error, http_status, 16);
AT(mcp_error, retry_after_ms, 24);
AT(mcp_error, message_length, 32);
AT(mcp_error, message, 40);
SIZE(mcp_error, 1064);
AT(mcp_string, data, 0);
AT(mcp_string, length, 8);
SIZE(mcp_string, 16);
AT(mcp_call_settings, timeout_ms, 0);
AT(mcp_call_settings, idempotent, 8);
AT(mcp_call_settings, cancel, 16);
AT(mcp_call_settings, on_progress, 24);
AT(mcp_call_settings, userdata, 32);
SIZE(mcp_call_settings, 40);
AT(mcp_connection, engine, 0);
AT(mcp_connection, id, 8);
SIZE(mcp_connection, 16);
SIZE(mcp_options, 8);
SIZE(mcp_client, 8);
SIZE(mcp_cancel, 8);
SIZE(mcp_subscription, 8);
SIZE(mcp_question, 8);
SIZE(mcp_credentials, 8);
SIZE(mcp_server, 8);
SIZE(mcp_bound, 8);
SIZE(mcp_engine, 8);
SIZE(mcp_call, 8);
SIZE(mcp_deferred, 8);
SIZE(mcp_completion, 8);
SIZE(mcp_status, 4);
SIZE(mcp_change, 4);
SIZE(mcp_connection_state, 4);
"#;

/// Compiles a source that includes the header and nothing else, with every warning an error.
fn compiles(compiler: &str, standard: &str, source: &str) {
    let made = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("header-{standard}-{}.c", std::process::id()));
    fs::write(&made, source).unwrap();
    let mut compile = Command::new(compiler);
    let language = if compiler == "c++" { "c++" } else { "c" };
    compile.args(["-x", language, &format!("-std={standard}"), "-pedantic", "-Wall", "-Wextra", "-Wconversion"]);
    compile.args(["-Wstrict-aliasing", "-Wundef", "-Wshadow", "-Werror", "-fsyntax-only", "-I"]);
    compile.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/c-abi/include")).arg(&made);
    let output = compile.output().unwrap();
    fs::remove_file(made).unwrap();
    assert!(output.status.success(), "{standard}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_header_is_plain_c_and_plain_cpp_and_structs_stay_as_they_are() {
    if !peers::is_installed("cc") || !peers::is_installed("c++") {
        assert!(!peers::are_required(), "`cc` and `c++` are required");
        return eprintln!("skipped: `cc` or `c++` is not installed");
    }
    for standard in ["c99", "c11", "c17", "c2x"] {
        compiles("cc", standard, "#include \"mcp.h\"\nint none;\n");
    }
    for standard in ["c++11", "c++17", "c++20"] {
        compiles("c++", standard, "#include \"mcp.h\"\nint none;\n");
    }
    if cfg!(target_pointer_width = "64") {
        compiles("cc", "c11", LAYOUT);
    }
}

/// The newest revision, which asks in results, and one whose servers send requests.
const REVISIONS: [&str; 2] = ["2026-07-28", "2025-11-25"];

#[test]
fn a_server_in_c_asks_its_client_and_answers_late() {
    for how in ALL {
        for revision in REVISIONS {
            let Some(mut asking) = program("asking", how) else { continue };
            asking.arg(revision);
            let said = output(asking);
            for line in [
                "delete_all: it is gone",
                "delete_all: nothing was done",
                "summary: run 2: in srv, calm",
                "progress 1: half way",
                r#"later: "late":true"#,
                "never: the tool gave no answer",
            ] {
                assert!(said.lines().any(|said| said == line), "{how:?}, {revision}, {line}: {said}");
            }
        }
    }
}

#[test]
fn a_server_in_c_offers_all_that_there_is_and_a_client_in_c_uses_it() {
    for how in ALL {
        for revision in REVISIONS {
            let Some(mut offers) = program("offers", how) else { continue };
            offers.arg(revision);
            let said = output(offers);
            for line in [
                r#"{"uri":"note:shopping"}: milk, bread"#,
                r#"{"uri":"note:nothing"}: resource not found"#,
                r#"{"uri":"random:four"}: "blob":"AAH+/w==""#,
                r#"proposals for `sh`: ["shopping","ships"]"#,
                "talk: Who is there?",
                "a change: note:shopping",
                "greet: hello",
                "a request that was cancelled: status 12",
            ] {
                assert!(said.lines().any(|said| said == line), "{how:?}, {revision}, {line}: {said}");
            }
        }
    }
}

#[test]
fn settings_in_c_do_what_they_say() {
    for how in ALL {
        let Some(mut settings) = program("settings", how) else { continue };
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("c-settings-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        settings.arg(&folder);
        assert!(output(settings).starts_with("each setting of version "), "{how:?}");
        // What the program wrote there it has removed.
        fs::remove_dir(&folder).unwrap();
    }
}

#[test]
fn misuse_is_answered_and_crashes_nothing() {
    let server = adder();
    for how in ALL {
        let Some(mut command) = program("misuse", how) else { continue };
        command.arg(format!("http://{}/mcp", server.address));
        assert_eq!(output(command).trim(), "each was answered", "{how:?}");
    }
}

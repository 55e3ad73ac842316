//! The tool of `asking-server`, its source written once, asks its user in each revision that has forms, over each carrier that
//! can speak it. Over HTTP what both sides say is judged by the schema of the revision.
// In helpers too a panic is the report.
#![allow(clippy::unwrap_used)]

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use mcp_core::revision::ProtocolVersion;
use mcp_core::types::{ElicitAction, ElicitResult};
use mcp_sse_blocking::{Builder, Client, Command as Child, FormRequest, Transport, memory};
use mcp_tests::judging_front::JudgingFront;
use mcp_tests::peers;
use mcp_tests::process::Process;
use mcp_tests::wire_judge::Ours;
use serde_json::json;

#[path = "../examples/asking-server/booking.rs"]
mod booking;

/// The revisions with a handshake and forms.
const IN_A_SESSION: [ProtocolVersion; 2] = [ProtocolVersion::V2025_06_18, ProtocolVersion::V2025_11_25];
/// All revisions with forms.
const WITH_FORMS: [ProtocolVersion; 3] =
    [ProtocolVersion::V2025_06_18, ProtocolVersion::V2025_11_25, ProtocolVersion::V2026_07_28];

/// Books three tables: one user fills in the form, one declines and one dismisses it.
fn books(version: ProtocolVersion, builder: Builder) {
    let (asked, heard) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(ElicitAction::Accept)));
    let (log, action) = (Arc::clone(&asked), Arc::clone(&heard));
    let answer = move |form: &FormRequest| {
        log.lock().unwrap().push(form.message().to_owned());
        match *action.lock().unwrap() {
            ElicitAction::Accept => {
                let mut content = form.defaults();
                content.insert("guests".into(), json!(2));
                ElicitResult::accept(content)
            }
            ElicitAction::Decline => ElicitResult::decline(),
            ElicitAction::Cancel => ElicitResult::cancel(),
        }
    };
    let client = builder.protocol_version(version).on_elicitation(answer).connect().unwrap();
    assert_eq!(client.protocol_version(), version);
    for (action, expected) in [
        (ElicitAction::Accept, "a table for 2 on Monday, inside"),
        (ElicitAction::Decline, "nothing is booked: you said no"),
        (ElicitAction::Cancel, "nothing is booked: you did not say"),
    ] {
        *heard.lock().unwrap() = action;
        let result = client.call("book_table", &json!({"day": "Monday"})).unwrap();
        assert_eq!((result.all_text().as_str(), result.is_error), (expected, false), "{version}");
    }
    assert_eq!(*asked.lock().unwrap(), ["A table for Monday: for how many?"; 3], "{version}");
}

/// The address of a running server, behind a judge.
fn server() -> (Process, JudgingFront) {
    let program = peers::example("asking-server");
    let (server, address) = Process::start_server(Command::new(program).args(["--listen", "127.0.0.1:0"]));
    let behind = address.strip_prefix("http://").unwrap().parse().unwrap();
    (server, JudgingFront::start(behind, Ours::Both))
}

#[test]
fn a_tool_asks_over_http_sse() {
    for version in IN_A_SESSION {
        let (_server, front) = server();
        books(version, Client::builder(&format!("http://{}/sse", front.address)).transport(Transport::HttpSse));
    }
}

#[test]
fn a_tool_asks_over_streamable_http_with_and_without_a_session() {
    for version in WITH_FORMS {
        let (_server, front) = server();
        let transport = if version.has_handshake() { Transport::StreamableHttp } else { Transport::Stateless };
        books(version, Client::builder(&format!("http://{}/mcp", front.address)).transport(transport));
    }
}

#[test]
fn a_tool_asks_over_stdio() {
    let program = peers::example("asking-server");
    for version in WITH_FORMS {
        books(version, Client::spawn_builder(Child::new(&program).arg("--stdio")));
    }
}

#[test]
fn a_tool_asks_within_one_process_on_a_thread_and_without() {
    for version in WITH_FORMS {
        let (here, there) = memory::pair();
        let serving = thread::spawn(move || booking::server().serve(there.clone(), there));
        books(version, Client::over_memory_builder(here));
        serving.join().unwrap().unwrap();

        books(version, Client::around_builder(booking::server().in_process().unwrap()));
    }
}

#[test]
fn the_table_of_revisions_and_carriers_has_no_gap() {
    let mut program = Process::start(Command::new(peers::example("asking-server")).arg("--table"));
    let lines: Vec<String> = std::iter::from_fn(|| program.line()).collect();
    let cells = |head: &str| {
        let line = lines.iter().find_map(|line| line.strip_prefix(head)).unwrap_or_else(|| panic!("{lines:?}"));
        line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(cells("HTTP+SSE"), ["no forms", "no forms", "asked", "asked", "-"]);
    assert_eq!(cells("Streamable HTTP"), ["-", "no forms", "asked", "asked", "asked"]);
    assert_eq!(cells("stdio"), ["no forms", "no forms", "asked", "asked", "asked"]);
    assert_eq!(cells("in one process"), ["no forms", "no forms", "asked", "asked", "asked"]);
    assert!(program.wait().success(), "{}", program.log());
}

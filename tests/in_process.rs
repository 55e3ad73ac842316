//! A client and a server in one process, the server as a closure: `Client::around(server.in_process()?)`.

use std::thread;
use std::time::Duration;

use mcp_core::revision::ProtocolVersion;
use mcp_core::types::{BooleanSchema, ElicitParams, RequestedSchema};
use mcp_server_tiny::{Call, Error as ServerError, Later, Server, Tool, ToolError};
use mcp_sse_blocking::{Client, Error};
use serde_json::json;

fn server() -> Server {
    Server::new("inside", "1.0.0")
        .tool(Tool::new("echo").param::<String>("text", "what to say"), |call: &mut Call<'_>| {
            call.arg::<String>("text")
        })
        .tool(Tool::new("worker").on_worker(), |call: &mut Call<'_>| {
            call.sleep(Duration::from_millis(20))?;
            Ok("from a worker")
        })
        .tool(Tool::new("later"), |call: &mut Call<'_>| {
            let reply = call.defer();
            thread::spawn(move || reply.answer(Ok("from elsewhere")));
            Ok(Later)
        })
        .tool(Tool::new("sure"), |call: &mut Call<'_>| {
            let form = RequestedSchema::new().required("sure", BooleanSchema::new().default_value(true));
            let answer = call.elicit("sure", ElicitParams::form("Are you?", form))?;
            Ok::<_, ToolError>(format!("{:?}", answer.action))
        })
}

#[test]
fn every_revision_is_spoken_and_other_threads_are_heard() {
    for version in ProtocolVersion::ALL {
        let client = Client::around_builder(server().in_process().unwrap())
            .protocol_version(version)
            .on_elicitation(|form| form.accept_defaults())
            .connect()
            .unwrap();
        assert_eq!(client.protocol_version(), version);
        for (tool, text) in [("worker", "from a worker"), ("later", "from elsewhere")] {
            assert_eq!(client.call(tool, &()).unwrap().all_text(), text, "{version}");
        }
        let sure = client.call("sure", &()).unwrap();
        assert_eq!(sure.is_error, !version.has_elicitation(), "{version}: {}", sure.all_text());
    }
}

/// Up to 2025-11-25 the call waits at the server, which has no clock but the one it is called by.
#[test]
fn a_question_that_nobody_answers_ends_its_call() {
    let server = server().input_timeout(Duration::from_millis(50)).in_process().unwrap();
    let client = Client::around_builder(server)
        .protocol_version(ProtocolVersion::V2025_11_25)
        .call_timeout(Duration::from_secs(20))
        .on_elicitation(|form| {
            // Longer than the server waits.
            thread::sleep(Duration::from_millis(500));
            form.accept_defaults()
        })
        .connect()
        .unwrap();
    let result = client.call("sure", &()).unwrap();
    assert!(result.is_error && result.all_text().contains("answer"), "{}", result.all_text());
}

#[test]
fn a_line_that_is_too_long_silences_the_server_and_no_call_outlives_its_deadline() {
    let server = server().message_limits(|limits| limits.message_bytes = 64 << 10).in_process().unwrap();
    let client = Client::around_builder(server).call_timeout(Duration::from_millis(300)).connect().unwrap();
    assert_eq!(client.call("echo", &json!({"text": "short"})).unwrap().all_text(), "short");
    for text in ["x".repeat(64 << 10), "short".to_owned()] {
        let error = client.call("echo", &json!({ "text": text })).unwrap_err();
        assert!(matches!(error, Error::Timeout(_)), "{error}");
    }
}

#[test]
fn a_mistake_in_what_is_offered_is_told_at_once() {
    let mistaken = Server::new("inside", "1.0.0").tool(Tool::new("no name"), |_| Ok(()));
    assert!(matches!(mistaken.in_process().map(drop), Err(ServerError::Setting(_))));
}

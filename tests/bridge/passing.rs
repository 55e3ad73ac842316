//! What goes through, in each revision and over each carrier.

use super::super::*;
use mcp_core::types::LoggingLevel;
use mcp_sse_blocking::{Change, Error, Filter};

#[test]
fn requests_results_and_errors_go_through_as_they_are() {
    let bridge = Bridge::start(&[]);
    for version in ProtocolVersion::ALL {
        let client = bridge.client(version);
        assert_eq!((client.server_info().name.as_str(), client.instructions()), ("upstream", Some("Ask nicely.")));
        let capabilities = client.capabilities();
        assert!(
            capabilities.resources.as_ref().unwrap().subscribe && capabilities.tools.as_ref().unwrap().list_changed
        );
        assert!(capabilities.tasks.is_none() && capabilities.experimental.is_none(), "these cannot be carried");
        // Cursors are the server's own.
        let tools: Vec<_> = client.tools().map(|tool| tool.unwrap().name).collect();
        assert_eq!(tools, ["echo", "note"], "{version}");
        let options = CallOptions::new().meta("com.example/tenant", "north");
        let params = json!({"name": "echo", "arguments": {"n": 1}, "own": [2]});
        let result = client.request_with(mcp_core::types::Method::ToolsCall, &params, options).unwrap();
        // Digit by digit: 1.50 is not 1.5.
        assert!(result.get().contains(r#""own":{"digits":1.50}"#), "{version}: {result}");
        let result: Value = serde_json::from_str(result.get()).unwrap();
        assert_eq!((&result["asked"]["own"], &result["asked"]["arguments"]), (&json!([2]), &json!({"n": 1})));
        assert_eq!(
            result["asked"]["_meta"],
            json!({"com.example/tenant": "north"}),
            "and nothing of this side's protocol"
        );
        assert_eq!(result["_meta"]["com.example/k"], 2.5);
        let Err(Error::Rpc(error)) = client.call("fail", &()) else { panic!("{version}") };
        assert_eq!((error.code, error.message.as_str()), (-31999, "out of paper"));
        assert_eq!(error.data.unwrap().get(), r#"{"tray":2}"#);
        assert_eq!(client.read_resource("a:b").unwrap().contents.len(), 1);
        assert_eq!(client.get_prompt("p", &()).unwrap().messages.len(), 0);
        client.close();
    }
}

#[test]
fn progress_goes_through_under_the_clients_own_token() {
    let bridge = Bridge::start(&[]);
    for version in ProtocolVersion::ALL {
        let client = bridge.client(version);
        let mut steps = Vec::new();
        let options = CallOptions::new().on_progress(|progress| steps.push((progress.progress, progress.total)));
        client.call_with("progress", &(), options).unwrap();
        assert_eq!(steps, [(1.0, Some(3.0)), (2.0, Some(3.0)), (3.0, Some(3.0))], "{version}");
    }
}

#[test]
fn logs_go_through_before_the_answer_when_they_are_wanted() {
    let bridge = Bridge::start(&[]);
    for version in ProtocolVersion::ALL {
        let (sender, logs) = channel();
        let client = bridge
            .builder(version)
            .on_log(move |_, message| {
                sender.send((message.level, message.logger.clone(), message.data.to_string())).unwrap()
            })
            .connect()
            .unwrap();
        client.set_log_level(LoggingLevel::Warning).unwrap();
        assert_eq!(call(&client, "log", json!({})), "logged", "{version}");
        let logged = logs.recv_timeout(BOUND).unwrap();
        assert_eq!(logged, (LoggingLevel::Error, Some("part".into()), r#"{"why":[1]}"#.into()), "{version}");
        assert!(logs.try_recv().is_err(), "{version}: what is not wanted does not come");
        // The level is set there as well: what is not wanted is not even sent.
        wait_until("the level is known", || seen(&client)["level"] == "warning");
    }
}

#[test]
fn who_gives_a_request_up_is_heard_of_at_the_other_end() {
    let bridge = Bridge::start(&[]);
    for version in ProtocolVersion::ALL {
        let client = bridge.client(version);
        let before = seen(&client)["cancelled"].as_u64().unwrap();
        let job = start_waiting(&client);
        job.canceller().cancel("enough");
        assert!(matches!(job.result(), Err(Error::Cancelled(_))));
        wait_until("the cancellation arrives", || seen(&client)["cancelled"].as_u64() > Some(before));
    }
}

#[test]
fn changes_reach_those_who_listen() {
    let bridge = Bridge::start(&[]);
    for version in ProtocolVersion::ALL {
        let client = bridge.client(version);
        let mut changes = client.listen(Filter::new().tools().resource("a:b")).unwrap();
        assert!(changes.acknowledged().tools_list_changed, "{version}");
        let mut next = || changes.next_within(BOUND).unwrap().unwrap_or_else(|| panic!("{version}: no change"));
        // Without a session the bridge subscribes after it has acknowledged.
        wait_until("the subscription", || seen(&client)["subscribed"] == json!(["a:b"]));
        call(&client, "changed", json!({}));
        assert_eq!(next(), Change::Tools, "{version}");
        call(&client, "update", json!({"uri": "a:b"}));
        assert_eq!(next(), Change::Resource("a:b".into()), "{version}");
        drop(changes);
        wait_until("the end of the subscription", || seen(&client)["subscribed"] == json!([]));
    }
}

#[test]
fn changes_of_a_server_without_sessions_reach_clients_of_every_revision() {
    let bridge = Bridge::before(&[], &[env!("CARGO_BIN_EXE_stdio_server")]);
    for version in ProtocolVersion::ALL {
        let client = bridge.client(version);
        let mut changes = client.listen(Filter::new().resource("memo://a")).unwrap();
        // To clients without sessions it is acknowledged before the server is asked.
        wait_until("a change is told", || {
            assert_eq!(call(&client, "change", json!({})), "changed");
            changes.next_within(Duration::from_millis(500)).unwrap() == Some(Change::Resource("memo://a".into()))
        });
    }
}

#[test]
fn a_server_that_does_not_answer_who_subscribes_serves_requests_and_is_told_the_level() {
    let file = format!("{}/silent-{}", env!("CARGO_TARGET_TMPDIR"), std::process::id());
    let bridge = Bridge::before(&[], &[&upstream(), &file]);
    let client = bridge.client(ProtocolVersion::LATEST_HANDSHAKE);
    let _changes = client.listen(Filter::new().resource("a:b")).unwrap();
    assert!(client.call("die", &()).is_err());
    std::fs::write(&file, "").unwrap();
    // Started anew, it is subscribed to again.
    let job = client.start_with("pid", &(), CallOptions::new().timeout(BOUND)).unwrap();
    wait_until("it is asked", || std::fs::read_to_string(&file).unwrap() == "asked");
    client.set_log_level(LoggingLevel::Warning).unwrap();
    assert!(job.result().is_ok());
    wait_until("the level is known", || seen(&client)["level"] == "warning");
    std::fs::remove_file(file).unwrap();
}

#[test]
fn changed_roots_are_told() {
    let bridge = Bridge::start(&[]);
    for version in ProtocolVersion::WITH_HANDSHAKE {
        let client = bridge.builder(version).roots([Root::new("file:///a")]).connect().unwrap();
        assert_eq!(seen(&client)["rootsChanged"], 0);
        client.set_roots([Root::new("file:///b")]).unwrap();
        wait_until("the roots have changed", || seen(&client)["rootsChanged"] == 1);
    }
}

#[test]
fn what_changes_often_takes_few_threads_and_the_newest_arrives() {
    let bridge = Bridge::start(&[]);
    let client = bridge.builder(ProtocolVersion::LATEST_HANDSHAKE).roots([Root::new("file:///a")]).connect().unwrap();
    assert_eq!(seen(&client)["rootsChanged"], 0);
    let tellers = || {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", bridge.process.id())).unwrap().flatten();
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
        names.filter(|name| name.trim() == "bridge-tell").count()
    };
    for _ in 0..50 {
        client.set_log_level(LoggingLevel::Debug).unwrap();
        client.set_roots([Root::new("file:///b")]).unwrap();
        client.set_log_level(LoggingLevel::Critical).unwrap();
        // One that is over may still be leaving.
        assert!(tellers() <= 4);
    }
    wait_until("the newest level is known", || seen(&client)["level"] == "critical");
    wait_until("the roots have changed", || seen(&client)["rootsChanged"].as_u64() >= Some(1));
}

#[test]
fn a_message_that_is_too_large_is_refused_on_either_side() {
    let bridge = Bridge::start(&["--max-message", "20000"]);
    let client = bridge.client(ProtocolVersion::LATEST_HANDSHAKE);
    // In: refused by the front.
    let Err(error) = client.call("echo", &json!({"text": "x".repeat(30_000)})) else { panic!() };
    assert!(matches!(&error, Error::Status(status) if status.code == 413), "{error}");
    // Out: the answer repeats what was asked.
    let Err(error) = client.call("echo", &json!({"text": "x".repeat(19_900)})) else { panic!() };
    assert!(error.to_string().contains("behind the bridge"), "{error}");
    // The session goes on.
    assert_eq!(call(&client, "log", json!({})), "logged");
}

#[test]
fn requests_beyond_the_bound_are_refused() {
    let bridge = Bridge::start(&["--max-calls", "2"]);
    let client = bridge.client(ProtocolVersion::LATEST_HANDSHAKE);
    let one = start_waiting(&client);
    let mut other = client.start("never", &()).unwrap();
    wait_until("both are worked on", || {
        // One of these may have come before it.
        if other.try_result().is_some() {
            other = client.start("never", &()).unwrap();
        }
        matches!(client.call("pid", &()), Err(Error::Rpc(error)) if error.message.contains("--max-calls"))
    });
    for job in [&one, &other] {
        job.canceller().cancel("enough");
    }
    wait_until("there is room again", || client.call("pid", &()).is_ok());
}

#[test]
fn a_request_that_takes_too_long_ends_with_an_error_that_says_so() {
    let bridge = Bridge::start(&["--call-timeout", "0.2"]);
    let client = bridge.client(ProtocolVersion::LATEST_HANDSHAKE);
    // To start it may take longer than a call may.
    wait_until("the server runs", || client.call("pid", &()).is_ok());
    let Err(Error::Rpc(error)) = client.call("never", &()) else { panic!() };
    assert!(error.message.contains("behind the bridge") && error.message.contains("deadline"), "{error}");
    wait_until("the server is told", || seen(&client)["cancelled"] == 1);
}

//! Progress and log messages of a handler on the loop.

use std::time::Duration;

use mcp_core::Limits;
use mcp_core::jsonrpc::{Payload, decode};
use mcp_core::session::ServerEvent;
use mcp_server_tiny::service::{Kind, Origin, Outbox};

use super::*;

#[test]
fn progress_goes_out_only_to_whom_wants_it_and_only_rising() {
    // R-LM-82, R-LM-83
    let handler = |call: &mut Call<'_>| {
        for (done, message) in [(1.0, Some("one")), (1.0, None), (0.5, None), (f64::NAN, None), (2.5, None)] {
            call.progress(done, Some(4.0), message);
        }
        Ok("done")
    };
    let mut client = with_tool(NEWEST, Tool::new("t"), handler);
    assert_eq!(client.call("t", json!({}))["result"], text("done"), "and no progress: no token");
    for token in [json!("p"), json!(9_007_199_254_740_993_u64)] {
        let sent = client.ask_all("tools/call", json!({"name": "t", "_meta": {"progressToken": token}}));
        let expected = [
            json!({"progressToken": token, "progress": 1.0, "total": 4.0, "message": "one"}),
            json!({"progressToken": token, "progress": 2.5, "total": 4.0}),
        ];
        assert_eq!(sent.len(), 3);
        for (sent, expected) in sent.iter().zip(&expected) {
            assert_eq!(sent["method"], "notifications/progress");
            assert_eq!(&sent["params"], expected);
        }
    }
    let mut old = with_tool("2024-11-05", Tool::new("t"), handler);
    let sent = old.ask_all("tools/call", json!({"name": "t", "_meta": {"progressToken": 1}}));
    assert_eq!(
        sent[0]["params"],
        json!({"progressToken": 1, "progress": 1.0, "total": 4.0}),
        "no message before 2025-03-26"
    );
}

#[test]
fn progress_is_bounded_and_the_newest_is_not_lost() {
    // R-LM-84
    let mut client = with_tool(NEWEST, Tool::new("t"), |call| {
        (1..=100_000).for_each(|step| call.progress(f64::from(step), None, None));
        Ok(())
    });
    let sent = client.ask_all("tools/call", json!({"name": "t", "_meta": {"progressToken": 1}}));
    let steps: Vec<f64> = sent.iter().filter_map(|message| message["params"]["progress"].as_f64()).collect();
    assert!((21..100).contains(&steps.len()), "{}", steps.len());
    assert!(steps.is_sorted() && steps[..20].iter().copied().eq((1..=20).map(f64::from)));
    assert_eq!(steps.last(), Some(&100_000.0));
}

#[test]
fn a_token_that_is_none_is_refused() {
    let mut client = with_tool(NEWEST, Tool::new("t"), |_| Ok(()));
    for token in [json!(1.5), json!([]), json!(true)] {
        let params = json!({"name": "t", "_meta": {"progressToken": token}});
        assert_eq!(client.ask("tools/call", params)["error"]["code"], -32602, "{token}");
    }
    assert_eq!(
        client.ask("tools/call", json!({"name": "t", "_meta": {"progressToken": null}}))["result"],
        json!({"content": []})
    );
}

#[test]
fn logs_go_out_from_the_level_that_is_wanted() {
    // R-LM-89, R-LM-90
    let mut client = with_tool(NEWEST, Tool::new("t"), |call| {
        call.log(LoggingLevel::Debug, "d");
        call.log(LoggingLevel::Info, &json!({"a": 1}));
        call.log(LoggingLevel::Error, "e");
        Ok(())
    });
    let logged = |client: &mut RawService| -> Vec<Value> {
        let mut sent = client.ask_all("tools/call", json!({"name": "t"}));
        sent.pop();
        sent.iter_mut().map(|message| message["params"].take()).collect()
    };
    let info = json!({"level": "info", "logger": "t", "data": {"a": 1}});
    let error = json!({"level": "error", "logger": "t", "data": "e"});
    assert_eq!(logged(&mut client), [info.clone(), error.clone()]);
    client.ask("logging/setLevel", json!({"level": "warning"}));
    assert_eq!(logged(&mut client), std::slice::from_ref(&error));
    client.ask("logging/setLevel", json!({"level": "debug"}));
    let debug = json!({"level": "debug", "logger": "t", "data": "d"});
    assert_eq!(logged(&mut client), [debug, info, error]);
}

#[test]
fn logs_are_bounded_and_can_be_turned_off() {
    // R-LM-88, R-LM-92
    let mut quiet = service();
    quiet.disable_logging();
    let mut loud = service();
    for service in [&mut quiet, &mut loud] {
        service.tool(Tool::new("t"), |call| {
            (0..10_000).for_each(|_| call.log(LoggingLevel::Emergency, "fire"));
            Ok(())
        });
    }
    assert_eq!(RawService::new(quiet, NEWEST).ask_all("tools/call", json!({"name": "t"})).len(), 1);
    let sent = RawService::new(loud, NEWEST).ask_all("tools/call", json!({"name": "t"})).len() - 1;
    assert!((100..1000).contains(&sent), "{sent}");
}

#[test]
fn a_handler_knows_its_tool_its_session_and_the_revision() {
    for version in REVISIONS {
        let mut client = with_tool(version, Tool::new("t"), |call| {
            assert!(!call.is_cancelled());
            // Without sessions the number is that of the request alone.
            let in_session = call.version().has_handshake() == (call.session() == SESSION);
            Ok(format!("{} {in_session} {}", call.name(), call.version()))
        });
        assert_eq!(plain(client.call("t", json!({}))["result"].take()), text(&format!("t true {version}")));
    }
}

#[test]
fn without_a_level_a_client_of_2026_hears_no_log() {
    // R-LM-91
    let tool = |call: &mut Call<'_>| {
        call.log(LoggingLevel::Info, "info");
        call.log(LoggingLevel::Error, "error");
        Ok(())
    };
    for place in [Tool::new("t"), Tool::new("t").on_worker()] {
        let mut client = with_tool("2026-07-28", place, tool);
        let mut logged = |level| {
            client.level = level;
            let id = client.begin("tools/call", json!({"name": "t"}));
            client.wait_for(id).len() - 1
        };
        assert_eq!([logged(None), logged(Some("debug")), logged(Some("error")), logged(None)], [0, 2, 1, 0]);
    }
}

#[test]
fn closing_the_stream_is_for_carriers_that_can() {
    // R-SH-39: elsewhere nothing happens. In its place among what the handler says.
    struct Polling(Vec<String>);
    impl Outbox for Polling {
        fn message(&mut self, kind: Kind, write: &mut dyn FnMut(&mut Vec<u8>) -> bool) {
            let mut out = Vec::new();
            if write(&mut out) {
                self.0.push(format!("{kind:?}"));
            }
        }

        fn close_stream(&mut self, retry: Option<Duration>) {
            self.0.push(format!("closed {retry:?}"));
        }
    }
    for place in [Tool::new("t"), Tool::new("t").on_worker()] {
        let mut client = with_tool(NEWEST, place, |call: &mut Call<'_>| {
            call.progress(1.0, None, None);
            call.close_stream(Some(Duration::from_millis(500)));
            call.progress(2.0, None, None);
            Ok(())
        });
        let mut polling = Polling(Vec::new());
        let params = json!({"name": "t", "_meta": {"progressToken": 1}}).to_string();
        let text = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{params}}}"#);
        let Ok(Payload::Message(message)) = decode(text.as_bytes(), &Limits::default()) else { panic!("no message") };
        let event =
            client.session.handle_message(&client.service.profile(), &Limits::default(), message, &mut Vec::new());
        let ServerEvent::Request { key, method, params } = event else { panic!("no request") };
        let origin = Origin::new(SESSION, key, client.now);
        let mut outcome = client.service.handle(&mut client.session, &origin, method, params, &mut polling);
        while outcome == Outcome::Later {
            client.wait_for_wake();
            while let Some(mail) = client.service.next_mail() {
                client.service.deliver(client.now, mail, &mut client.session, &mut polling);
            }
            if polling.0.iter().any(|said| said == "Answer") {
                outcome = Outcome::Answered;
            }
        }
        assert_eq!(polling.0, ["Report", "closed Some(500ms)", "Report", "Answer"]);
        // An outbox of lines has no such thing.
        let id = client.begin("tools/call", json!({"name": "t"}));
        client.wait_for(id);
    }
}

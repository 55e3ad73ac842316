//! Questions of the server in the middle of a call.

use super::super::*;
use mcp_core::types::CreateMessageResult;
use mcp_sse_blocking::Error;

fn with_name(builder: Builder, name: &'static str) -> Client {
    let builder = builder.on_elicitation(move |form| {
        assert_eq!(form.message(), "Who?");
        accepted(name)
    });
    builder.connect().unwrap()
}

#[test]
fn the_user_is_asked_in_each_revision_that_has_it() {
    let bridge = Bridge::start(&[]);
    for version in ProtocolVersion::ALL.into_iter().filter(|version| version.has_elicitation()) {
        let client = with_name(bridge.builder(version), "Ada");
        let answer: Value = serde_json::from_str(&call(&client, "ask", json!({}))).unwrap();
        assert_eq!(answer, json!({"action": "accept", "content": {"name": "Ada"}}), "{version}");
    }
}

#[test]
fn roots_and_models_are_asked_in_every_revision() {
    let bridge = Bridge::start(&[]);
    for version in ProtocolVersion::ALL {
        let client = bridge
            .builder(version)
            .roots([Root::new("file:///home/ada")])
            .on_sampling(|_| Ok(CreateMessageResult::text("model", "hello")))
            .connect()
            .unwrap();
        let roots: Value = serde_json::from_str(&call(&client, "roots", json!({}))).unwrap();
        assert_eq!(roots["roots"][0]["uri"], "file:///home/ada", "{version}");
        let sampled: Value = serde_json::from_str(&call(&client, "sample", json!({}))).unwrap();
        assert_eq!(sampled["model"], "model", "{version}");
    }
}

#[test]
fn a_server_that_asks_when_it_starts_is_answered() {
    // It asks for the roots at once and waits for nothing: the answer to the first request waits for them.
    let bridge = Bridge::start(&[]);
    for version in ProtocolVersion::WITH_HANDSHAKE {
        let client = bridge.builder(version).roots([Root::new("file:///a")]).connect().unwrap();
        assert_eq!(client.tools().count(), 2);
        assert_eq!(seen(&client)["roots"]["roots"][0]["uri"], "file:///a", "{version}");
    }
}

#[test]
fn what_a_client_cannot_be_asked_is_told_to_the_server() {
    let bridge = Bridge::start(&[]);
    for version in ProtocolVersion::ALL {
        let client = bridge.client(version);
        let answer: Value = serde_json::from_str(&call(&client, "ask", json!({}))).unwrap();
        assert_eq!(answer["code"], -32601, "{version}: {answer}");
    }
    // To a process of its own a client's capabilities are declared as they are.
    let client = bridge.client(ProtocolVersion::LATEST_HANDSHAKE);
    assert_eq!(seen(&client)["capabilities"], json!({}));
    let client = with_name(bridge.builder(ProtocolVersion::LATEST_HANDSHAKE), "Ada");
    assert_eq!(seen(&client)["capabilities"], json!({"elicitation": {"form": {}}}));
}

#[test]
fn a_question_that_the_server_takes_back_is_taken_back_from_the_client() {
    let bridge = Bridge::start(&[]);
    for version in ProtocolVersion::ALL {
        let client = bridge.builder(version).roots([Root::new("file:///a")]).connect().unwrap();
        assert_eq!(call(&client, "withdraw", json!({})), "taken back", "{version}");
        assert_eq!(call(&client, "log", json!({})), "logged", "and the session goes on");
    }
}

#[test]
fn calls_of_one_client_without_a_session_are_each_asked_what_is_theirs() {
    let bridge = Bridge::start(&[]);
    let clients = ["Ada", "Bob"].map(|name| with_name(bridge.builder(ProtocolVersion::LATEST), name));
    for _ in 0..5 {
        for (client, name) in clients.iter().zip(["Ada", "Bob"]) {
            assert!(call(client, "ask", json!({})).contains(name));
        }
    }
}

#[test]
fn nobody_is_shown_what_may_belong_to_somebody_else() {
    let bridge = Bridge::start(&["--shared"]);
    let version = ProtocolVersion::LATEST_HANDSHAKE;
    let (ada, bob) = (with_name(bridge.builder(version), "Ada"), bridge.client(version));
    assert!(call(&ada, "ask", json!({})).contains("Ada"), "alone it is clear who is meant");
    let waiting = start_waiting(&bob);
    assert!(call(&ada, "ask", json!({})).contains("nobody knows who is meant"));
    waiting.canceller().cancel("enough");
    // The server is not obliged to stop, and may still ask what was meant for Bob.
    wait_until("the server knows", || seen(&bob)["cancelled"] == 1);
    for _ in 0..3 {
        let refused = call(&ada, "ask", json!({}));
        assert!(refused.contains("was given up") && refused.contains("until the server is started anew"), "{refused}");
    }
    // One that was started again knows of nobody's calls.
    assert!(ada.call("die", &()).is_err());
    assert!(call(&ada, "ask", json!({})).contains("Ada"));
}

#[test]
fn a_stateless_client_that_does_not_come_back_ends_its_call() {
    let bridge = Bridge::start(&["--call-timeout", "1"]);
    let client = bridge.client(ProtocolVersion::LATEST);
    // To start it may take longer than a call may.
    wait_until("the server runs", || client.call("seen", &json!({})).is_ok());
    // A client that can be asked, and never makes its request again.
    let mut capabilities = mcp_core::types::ClientCapabilities::default();
    capabilities.roots = Some(mcp_core::types::RootsCapability::default());
    let deaf = bridge.builder(ProtocolVersion::LATEST).capabilities(capabilities).connect().unwrap();
    let params = json!({"name": "roots", "arguments": {}});
    let asked: Value = deaf.request("tools/call", &params).unwrap();
    assert_eq!(asked["resultType"], "input_required");
    wait_until("the call is given up", || seen(&client)["cancelled"] == 1);
    // And what it was asked is good for nothing any more.
    let key = asked["inputRequests"].as_object().unwrap().keys().next().unwrap();
    let late = json!({"name": "roots", "arguments": {}, "requestState": asked["requestState"],
        "inputResponses": {key: {"roots": []}}});
    let Err(Error::Rpc(error)) = deaf.request::<_, Value>("tools/call", &late) else { panic!() };
    // Which of the two comes first: that it was given up, or that nobody waits for it any more.
    assert!(error.code == -32602 || error.message.contains("deadline"), "{error}");
}

/// R-FC-27
#[test]
fn that_a_page_was_visited_is_told_to_whom_was_sent_there_and_to_nobody_else() {
    for options in [&[][..], &["--shared"]] {
        let bridge = Bridge::start(options);
        let clients = ["ada", "bob"].map(|name| {
            let (told, heard) = channel();
            let builder = bridge.builder(ProtocolVersion::LATEST_HANDSHAKE);
            let builder = builder.on_url_elicitation(|_| mcp_core::types::ElicitAction::Accept);
            let builder = builder.on_notification(move |_, told_of| {
                assert_eq!(told_of.method, "notifications/elicitation/complete");
                let params: Value = serde_json::from_str(told_of.params.as_ref().unwrap().get()).unwrap();
                told.send(params["elicitationId"].as_str().unwrap().to_owned()).unwrap();
            });
            (name, builder.connect().unwrap(), heard)
        });
        let is_shared = !options.is_empty();
        for round in 0..3 {
            for (name, client, _) in &clients {
                let answer = call(client, "visit", json!({"id": format!("{name}-{round}")}));
                assert_eq!(answer, r#"{"action":"accept"}"#);
            }
            for (name, own, heard) in &clients {
                let page = format!("{name}-{round}");
                // In a process of its own a session hears what its server says; in a shared one anybody's call may tell it, and
                // what is not known, or was told already, reaches nobody.
                for (_, teller, _) in clients.iter().filter(|(teller, ..)| is_shared || teller == name) {
                    call(teller, "visited", json!({"id": page}));
                }
                if is_shared {
                    call(own, "visited", json!({"id": "of nobody"}));
                }
                assert_eq!(heard.recv_timeout(BOUND).as_deref(), Ok(&*page));
            }
        }
        for (name, client, heard) in clients {
            client.close();
            assert_eq!(heard.try_iter().next(), None, "{name}");
        }
    }
}

//! What clients can make a server remember has bounds.

use super::*;

#[test]
fn rounds_are_counted() {
    // R-LM-70
    for version in ELICITING {
        let mut service = Service::new("test", "1.0.0");
        service.tool(Tool::new("t"), |call: &mut Call<'_>| {
            for round in 0..100 {
                call.elicit(&format!("q{round}"), form("more?"))?;
            }
            Ok(())
        });
        let mut client = client(service, version);
        let (answer, rounds) = client.converse("tools/call", call("t"), |_, _| Ok(ada()));
        assert_eq!(rounds, 10, "{version}");
        assert!(text(&answer).contains("limit `input_rounds`"), "{answer}");
    }
}

#[test]
fn one_session_holds_only_so_many_waiting_calls() {
    let mut client = client(service(), HANDSHAKE);
    let asked = (0..100)
        .filter(|_| {
            client.begin("tools/call", call("greet"));
            client.sent()[0].get("method").is_some()
        })
        .count();
    assert_eq!((asked, client.service.waiting_calls()), (64, 64));
}

#[test]
fn large_arguments_do_not_wait_without_bound() {
    let mut service = Service::new("test", "1.0.0");
    service.tool(Tool::new("t").optional_param::<String>("x", ""), greet);
    let mut client = client(service, HANDSHAKE);
    let large = json!({"name": "t", "arguments": {"x": "x".repeat(3 << 20)}});
    let asked = (0..10)
        .filter(|_| {
            client.begin("tools/call", large.clone());
            client.sent()[0].get("method").is_some()
        })
        .count();
    assert_eq!(asked, 5, "16 MiB hold five of them");
}

#[test]
fn a_handler_that_asks_one_key_twice_asks_once() {
    for version in ELICITING {
        let mut service = Service::new("test", "1.0.0");
        service.tool(Tool::new("t"), |call: &mut Call<'_>| {
            let one = call.elicit("user", form("Who?"));
            let two = call.elicit("user", form("Who?"));
            Ok(one? == two?)
        });
        let mut client = client(service, version);
        let (answer, rounds) = client.converse("tools/call", call("t"), |_, _| Ok(ada()));
        assert_eq!((text(&answer), rounds), ("true", 1), "{version}");
    }
}

#[test]
fn answers_that_wait_for_others_have_a_bound_in_bytes() {
    // R-SEC-7: of two questions one is answered, at length, by call after call.
    let mut service = Service::new("test", "1.0.0");
    service.tool(Tool::new("both"), |call: &mut Call<'_>| {
        let (user, roots) = (call.elicit("user", form("Who are you?")), call.roots("roots"));
        Ok(format!("{:?} {}", user?.action, roots?.roots.len()))
    });
    let mut client = client(service, HANDSHAKE);
    let failed: Vec<bool> = (0..7)
        .map(|_| {
            let id = client.begin_call("both", json!({}));
            let asked = client.sent().remove(0)["id"].clone();
            let large = json!({"action": "accept", "content": {"name": "x".repeat(3 << 20)}});
            let _outcome = client.send(&json!({"jsonrpc": "2.0", "id": asked, "result": large}));
            let said = client.sent();
            said.iter().any(|message| message["id"] == json!(id) && message["result"]["isError"] == true)
        })
        .collect();
    assert_eq!(failed, [false, false, false, false, false, true, true], "16 MiB hold five of them");
    assert_eq!(client.service.waiting_calls(), 5);
}

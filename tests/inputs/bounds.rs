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

//! Errors: of tools, of arguments, of the protocol, and panics.

use super::*;

#[test]
fn any_error_and_any_text_is_a_result_that_says_so() {
    // R-FS-18: failures of the tool are results.
    for version in REVISIONS {
        assert_eq!(result_in::<()>(version, |_| Err("no luck".into())), failure("no luck"));
        assert_eq!(result_in::<()>(version, |_| Err(format!("no {}", "luck").into())), failure("no luck"));
        let parsed = |_: &mut Call<'_>| Ok("x".parse::<i32>()?);
        assert_eq!(result_in(version, parsed), failure("invalid digit found in string"));
        let boxed = |_: &mut Call<'_>| {
            let error: Box<dyn std::error::Error> = "boxed".into();
            Err::<(), _>(error.into())
        };
        assert_eq!(result_in(version, boxed), failure("boxed"));
    }
}

#[test]
fn a_handler_can_answer_with_an_error_of_the_protocol() {
    let mut client = with_tool(NEWEST, Tool::new("t"), |_| Err::<(), _>(ToolError::protocol(-1, "rejected")));
    assert_eq!(client.call("t", json!({}))["error"], json!({"code": -1, "message": "rejected"}));
}

#[test]
fn an_error_of_the_protocol_may_carry_data() {
    // R-FC-28: which pages to visit first.
    let pages = json!({"elicitations": [
        {"mode": "url", "elicitationId": "7", "url": "https://example.com/in", "message": "Please sign in"}
    ]});
    let data = pages.clone();
    let mut client = with_tool(NEWEST, Tool::new("t"), move |_| {
        Err::<(), _>(ToolError::protocol(-32042, "sign in first").data(&data))
    });
    let error = client.call("t", json!({}))["error"].take();
    assert_eq!(error, json!({"code": -32042, "message": "sign in first", "data": pages}));
    let failed = result(|_| Err::<(), _>(ToolError::new("no luck").data(&7)));
    assert_eq!(failed, failure("no luck"), "a result has no place for it");
}

#[test]
fn an_unknown_tool_is_an_error_that_names_it_cut() {
    // R-FS-18
    let mut client = with_tool(NEWEST, Tool::new("t"), |_| Ok(()));
    for (name, shown) in
        [("u", "u".to_owned()), ("T", "T".to_owned()), ("", String::new()), (&"x".repeat(500), "x".repeat(64) + "...")]
    {
        let error = client.call(name, json!({}))["error"].take();
        assert_eq!(error, json!({"code": -32602, "message": format!("unknown tool: {shown}")}));
    }
}

#[test]
fn a_call_that_is_malformed_is_an_error() {
    // R-FS-18
    let mut client = with_tool(NEWEST, Tool::new("t"), |_| Ok(()));
    for params in
        [json!({}), json!({"name": 1}), json!({"name": "t", "arguments": [1]}), json!({"name": "t", "arguments": "a"})]
    {
        assert_eq!(client.ask("tools/call", params.clone())["error"]["code"], -32602, "{params}");
    }
    assert_eq!(client.session.in_flight(), 0);
    let without = json!({"jsonrpc": "2.0", "id": 99, "method": "tools/call"});
    let _outcome = client.send(&without);
    assert_eq!(client.sent()[0]["error"]["code"], -32602);
}

#[test]
fn methods_of_features_that_are_not_offered_do_not_exist() {
    let mut client = with_tool(NEWEST, Tool::new("t"), |_| Ok(()));
    for method in ["resources/list", "resources/read", "prompts/list", "completion/complete"] {
        assert_eq!(client.ask(method, json!({}))["error"]["code"], -32601, "{method}");
    }
}

#[test]
fn a_panic_ends_the_call_and_its_text_stays_inside() {
    // R-FS-18, R-LM-92
    let mut client = with_tool(NEWEST, Tool::new("t").param::<bool>("panic", ""), |call| {
        call.log(LoggingLevel::Info, "begun");
        assert!(!call.arg::<bool>("panic")?, "the password is 1234");
        Ok("fine")
    });
    let sent = client.ask_all("tools/call", json!({"name": "t", "arguments": {"panic": true}}));
    assert_eq!(sent[0]["params"]["data"], "begun", "what was said before it is sent");
    assert_eq!(sent[1]["result"], failure("`t` failed: internal error"));
    assert_eq!(
        client.ask_all("tools/call", json!({"name": "t", "arguments": {"panic": false}}))[1]["result"],
        text("fine")
    );
    assert_eq!(client.session.in_flight(), 0);
}

#[test]
fn a_value_that_panics_while_it_is_written_leaves_no_half_message() {
    struct Bomb;
    impl Serialize for Bomb {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeSeq;
            let mut sequence = serializer.serialize_seq(None)?;
            sequence.serialize_element("begun")?;
            panic!("in the middle")
        }
    }
    let mut service = service();
    service.tool(Tool::new("log"), |call| {
        call.log(LoggingLevel::Error, &Bomb);
        Ok(())
    });
    service.tool(Tool::new("result"), |_| Ok(Json(Bomb)));
    let mut client = RawService::new(service, NEWEST);
    for tool in ["log", "result"] {
        assert_eq!(client.call(tool, json!({}))["result"], failure(&format!("`{tool}` failed: internal error")));
    }
}

#[test]
fn later_without_a_deferred_reply_is_an_internal_error() {
    let mut client = with_tool(NEWEST, Tool::new("t"), |_| Ok(Later));
    assert_eq!(client.call("t", json!({}))["error"]["code"], -32603);
}

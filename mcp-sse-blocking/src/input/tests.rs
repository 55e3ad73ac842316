//! What handlers are asked, and what leaves.

use mcp_core::types::{ElicitResult, SamplingBlock};
use serde_json::{Value, json};

use super::*;
use crate::client::Client;

fn builder() -> Builder {
    Client::builder("http://127.0.0.1:9/mcp")
}

fn handlers(builder: Builder) -> InputHandlers {
    builder.common.input
}

fn declared(handlers: &InputHandlers, version: ProtocolVersion) -> Value {
    let mut capabilities = ClientCapabilities::default();
    handlers.declare(&mut capabilities, version);
    serde_json::to_value(capabilities).unwrap()
}

fn answer(handlers: &InputHandlers, method: Method, params: Value) -> Result<Value, Unanswered> {
    let params = to_raw_value(&params).unwrap();
    let newest = ProtocolVersion::LATEST;
    let answer = handlers.answer(&Implementation::new("calendar", "1"), newest, method, Some(&params))?;
    Ok(serde_json::from_str(answer.get()).unwrap())
}

fn form(schema: Value) -> Value {
    json!({"message": "?", "requestedSchema": schema})
}

fn name_and_age() -> Value {
    form(json!({"type": "object", "required": ["name"], "properties": {
        "name": {"type": "string", "default": "Ada"}, "age": {"type": "integer", "minimum": 0}}}))
}

#[test]
fn a_handler_that_is_set_declares_the_capability_in_the_form_of_the_revision() {
    // R-FC-1, R-FC-2, R-FC-6, R-FC-17
    use ProtocolVersion::*;
    let none = handlers(builder());
    assert!(ProtocolVersion::ALL.into_iter().all(|version| declared(&none, version) == json!({})));

    let all = handlers(
        builder()
            .roots([])
            .on_sampling(|_| Err(Refusal::Rejected))
            .sampling_tools()
            .sampling_context()
            .on_elicitation(|_| ElicitResult::cancel())
            .on_url_elicitation(|_| ElicitAction::Cancel),
    );
    assert_eq!(declared(&all, V2024_11_05), json!({"roots": {"listChanged": true}, "sampling": {}}));
    assert_eq!(declared(&all, V2025_06_18), json!({"roots": {"listChanged": true}, "sampling": {}, "elicitation": {}}));
    let newest = json!({"tools": {}, "context": {}});
    assert_eq!(
        declared(&all, V2025_11_25),
        json!({"roots": {"listChanged": true}, "sampling": newest, "elicitation": {"form": {}, "url": {}}})
    );
    assert_eq!(
        declared(&all, V2026_07_28),
        json!({"roots": {}, "sampling": newest, "elicitation": {"form": {}, "url": {}}})
    );

    let url = handlers(builder().on_url_elicitation(|_| ElicitAction::Cancel));
    assert_eq!(declared(&url, V2025_06_18), json!({}));
    assert_eq!(declared(&url, V2025_11_25), json!({"elicitation": {"url": {}}}));
}

#[test]
fn what_was_not_declared_is_refused_without_asking_anybody() {
    // R-FC-3, R-FC-18
    let none = handlers(builder());
    for method in [Method::RootsList, Method::SamplingCreateMessage] {
        assert_eq!(answer(&none, method, json!({})).unwrap_err().to_error().code, code::METHOD_NOT_FOUND);
    }
    let url = json!({"mode": "url", "message": "?", "url": "https://example.com", "elicitationId": "1"});
    let forms = handlers(builder().on_elicitation(|_| ElicitResult::cancel()));
    assert_eq!(answer(&forms, Method::ElicitationCreate, url).unwrap_err().to_error().code, code::INVALID_PARAMS);
    let urls = handlers(builder().on_url_elicitation(|_| ElicitAction::Cancel));
    let refused = answer(&urls, Method::ElicitationCreate, name_and_age()).unwrap_err();
    assert_eq!(refused.to_error().code, code::INVALID_PARAMS);
}

#[test]
fn a_form_without_a_mode_is_a_form_and_its_defaults_are_at_hand() {
    // R-FC-19, R-FC-22
    let accepting = handlers(builder().on_elicitation(FormRequest::accept_defaults));
    let accepted = json!({"action": "accept", "content": {"name": "Ada"}});
    assert_eq!(answer(&accepting, Method::ElicitationCreate, name_and_age()), Ok(accepted.clone()));
    let mut with_mode = name_and_age();
    with_mode["mode"] = "form".into();
    assert_eq!(answer(&accepting, Method::ElicitationCreate, with_mode), Ok(accepted));
    let mut unknown = name_and_age();
    unknown["mode"] = "voice".into();
    assert!(matches!(answer(&accepting, Method::ElicitationCreate, unknown), Err(Unanswered::Invalid(_))));
}

#[test]
fn an_answer_that_does_not_fit_the_form_does_not_leave() {
    // R-FC-22
    for content in [json!({}), json!({"name": 7}), json!({"name": "a", "age": -1}), json!({"name": "a", "age": "1"})] {
        let content = content.as_object().unwrap().clone();
        let handlers = handlers(builder().on_elicitation(move |_| ElicitResult::accept(content.clone())));
        let unfit = answer(&handlers, Method::ElicitationCreate, name_and_age()).unwrap_err();
        assert!(matches!(unfit, Unanswered::Unfit(_)), "{unfit:?}");
        assert_eq!(unfit.to_error().code, code::INTERNAL_ERROR);
    }
}

#[test]
fn content_leaves_only_with_consent() {
    // R-FC-23
    for (action, name) in [(ElicitAction::Decline, "decline"), (ElicitAction::Cancel, "cancel")] {
        let handlers = handlers(builder().on_elicitation(move |form| {
            let mut answer = form.accept_defaults();
            answer.action = action;
            answer
        }));
        assert_eq!(answer(&handlers, Method::ElicitationCreate, name_and_age()), Ok(json!({"action": name})));
    }
    let bare = handlers(builder().on_elicitation(|_| ElicitResult::consent()));
    let empty = form(json!({"type": "object", "properties": {}}));
    assert_eq!(answer(&bare, Method::ElicitationCreate, empty), Ok(json!({"action": "accept", "content": {}})));
}

#[test]
fn a_page_is_agreed_to_or_not_and_has_no_content() {
    // R-FC-24, R-FC-27
    let url = json!({"mode": "url", "message": "?", "url": "https://example.com/x", "elicitationId": "1"});
    for (action, name) in
        [(ElicitAction::Accept, "accept"), (ElicitAction::Decline, "decline"), (ElicitAction::Cancel, "cancel")]
    {
        let handlers = handlers(builder().on_url_elicitation(move |page| {
            assert_eq!((page.url(), page.server.name.as_str()), ("https://example.com/x", "calendar"));
            action
        }));
        assert_eq!(answer(&handlers, Method::ElicitationCreate, url.clone()), Ok(json!({"action": name})));
    }
}

#[test]
fn the_host_of_a_page_is_told_and_what_may_look_like_another() {
    // R-FC-25
    let page = |url: &str| UrlRequest {
        server: Implementation::new("calendar", "1"),
        params: serde_json::from_value(json!({"mode": "url", "message": "?", "url": url})).unwrap(),
    };
    for (url, host, lookalikes) in [
        ("https://example.com/pay?x=1", Some("example.com"), false),
        ("https://a.xn--80ak6aa92e.com/", Some("a.xn--80ak6aa92e.com"), true),
        ("https://\u{430}pple.com/", None, true),
        ("https://bank.com@evil.example/", None, false),
        ("javascript:alert(1)", None, false),
    ] {
        let page = page(url);
        assert_eq!((page.host().as_deref(), page.has_lookalikes()), (host, lookalikes), "{url}");
    }
}

#[test]
fn sampling_is_answered_refused_or_fails() {
    // R-FC-13
    let question = json!({"messages": [{"role": "user", "content": {"type": "text", "text": "2+2"}}], "maxTokens": 5});
    let sampling = |handler: fn(&SamplingRequest) -> Result<CreateMessageResult, Refusal>| {
        let handlers = handlers(builder().on_sampling(handler));
        answer(&handlers, Method::SamplingCreateMessage, question.clone())
    };
    let said = sampling(|asked| {
        assert_eq!((asked.params.max_tokens, asked.params.messages[0].content.all_text().as_str()), (5, "2+2"));
        Ok(CreateMessageResult::text("m", "4"))
    });
    // One block is an object (R-FC-16).
    let four =
        json!({"role": "assistant", "content": {"type": "text", "text": "4"}, "model": "m", "stopReason": "endTurn"});
    assert_eq!(said, Ok(four));
    assert_eq!(sampling(|_| Err(Refusal::Rejected)).unwrap_err().to_error().code, -1);
    let failed = sampling(|_| Err(Refusal::Failed("no model".into()))).unwrap_err().to_error();
    assert_eq!((failed.code, failed.message.as_str()), (code::INTERNAL_ERROR, "no model"));
    assert_eq!(sampling(|_| panic!("on purpose")).unwrap_err().to_error().code, code::INTERNAL_ERROR);
}

#[test]
fn several_blocks_are_not_sent_where_there_has_to_be_one() {
    // R-FC-16
    let blocks = |count: usize| vec![SamplingBlock::text("x"); count];
    for (version, count, is_sent) in [
        (ProtocolVersion::V2025_06_18, 1, true),
        (ProtocolVersion::V2025_06_18, 2, false),
        (ProtocolVersion::V2025_06_18, 0, false),
        (ProtocolVersion::V2025_11_25, 2, true),
    ] {
        let handlers = handlers(builder().on_sampling(move |_| Ok(CreateMessageResult::new("m", blocks(count)))));
        let question = to_raw_value(&json!({"messages": [], "maxTokens": 5})).unwrap();
        let server = Implementation::new("calendar", "1");
        let answer = handlers.answer(&server, version, Method::SamplingCreateMessage, Some(&question));
        assert_eq!(answer.is_ok(), is_sent, "{version} {count}");
    }
}

#[test]
fn tools_need_their_own_capability_and_their_rules() {
    // R-FC-9, R-FC-11, R-FC-13
    let handler = |_: &SamplingRequest| Ok(CreateMessageResult::new("m", SamplingBlock::text("x")));
    let with_tools = json!({"messages": [], "maxTokens": 5, "tools": []});
    let plain = handlers(builder().on_sampling(handler));
    let error = answer(&plain, Method::SamplingCreateMessage, with_tools.clone()).unwrap_err().to_error();
    assert_eq!(error.code, code::INVALID_PARAMS);
    let tools = handlers(builder().on_sampling(handler).sampling_tools());
    assert!(answer(&tools, Method::SamplingCreateMessage, with_tools).is_ok());
    let mixed = json!({"maxTokens": 5, "messages": [{"role": "user", "content": [
        {"type": "tool_result", "toolUseId": "1", "content": []}, {"type": "text", "text": "x"}]}]});
    let error = answer(&tools, Method::SamplingCreateMessage, mixed).unwrap_err().to_error();
    assert_eq!(error.code, code::INVALID_PARAMS);
}

#[test]
fn parameters_that_cannot_be_read_are_invalid() {
    let handlers =
        handlers(builder().on_sampling(|_| Err(Refusal::Rejected)).on_elicitation(|_| ElicitResult::cancel()));
    for method in [Method::SamplingCreateMessage, Method::ElicitationCreate] {
        let server = Implementation::new("calendar", "1");
        for params in [None, Some(to_raw_value(&json!({"messages": 1})).unwrap())] {
            let error =
                handlers.answer(&server, ProtocolVersion::LATEST, method, params.as_deref()).unwrap_err().to_error();
            assert_eq!(error.code, code::INVALID_PARAMS, "{}", method.name());
        }
    }
}

#[test]
fn only_roots_that_are_files_and_lead_nowhere_else_are_told() {
    // R-FC-4
    let told = handlers(
        builder().roots(
            [
                "file:///home/ada",
                "https://example.com",
                "file:///a/../etc",
                "file:///a/%2e%2E/etc",
                "file:///a..b",
                "/home",
            ]
            .map(Root::new),
        ),
    );
    let roots = json!({"roots": [{"uri": "file:///home/ada"}, {"uri": "file:///a..b"}]});
    assert_eq!(answer(&told, Method::RootsList, json!({})), Ok(roots));
    assert!(matches!(told.set_roots(vec![Root::new("https://example.com")]), Err(Error::Usage(_))));
    told.set_roots(vec![Root::new("file:///new").name("new")]).unwrap();
    let roots = json!({"roots": [{"uri": "file:///new", "name": "new"}]});
    assert_eq!(answer(&told, Method::RootsList, json!({})), Ok(roots.clone()));
    let asked = handlers(builder().on_roots(|| Ok(vec![Root::new("file:///new").name("new")])));
    assert_eq!(answer(&asked, Method::RootsList, json!({})), Ok(roots));
    assert!(matches!(asked.set_roots(Vec::new()), Err(Error::Usage(_))));
}

//! Prompts and completion, in each revision.

use mcp_core::types::{Completion, ContentBlock, GetPromptResult, PromptMessage, ResourceContents};
use mcp_server_tiny::prompt::Prompt;
use mcp_server_tiny::resource::ResourceTemplate;
use mcp_server_tiny::service::Service;
use mcp_server_tiny::{Call, ToolError};
use mcp_tests::raw_service::RawService;
use serde_json::{Value, json};

const REVISIONS: [&str; 5] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"];

fn service() -> Service {
    let mut service = Service::new("test", "1.0.0");
    let greet = Prompt::new("greet")
        .title("Greeting")
        .description("Greets somebody")
        .argument("who", "the name")
        .argument_title("Who")
        .optional_argument("how", "the tone")
        .complete("how", |typed| typed.matching(["warm", "wry", "cold"]));
    service.prompt(greet, |call: &mut Call<'_>| {
        let how = call.arg::<Option<&str>>("how")?.unwrap_or("plain");
        Ok(format!("Greet {} in a {how} way", call.arg::<&str>("who")?))
    });
    assert_eq!(service.check(), Ok(()));
    service
}

fn client(version: &str) -> RawService {
    RawService::new(service(), version)
}

fn get(client: &mut RawService, name: &str, arguments: Value) -> Value {
    let id = client.begin("prompts/get", json!({"name": name, "arguments": arguments}));
    client.wait_for(id).pop().expect("an answer")
}

#[test]
fn a_prompt_is_filled_in() {
    for version in REVISIONS {
        let answer = get(&mut client(version), "greet", json!({"who": "Ada", "how": "wry"}));
        let message = json!({"role": "user", "content": {"type": "text", "text": "Greet Ada in a wry way"}});
        assert_eq!(answer["result"]["messages"], json!([message]), "{version}");
        let answer = get(&mut client(version), "greet", json!({"who": "Ada", "more": "ignored"}));
        assert_eq!(answer["result"]["messages"][0]["content"]["text"], "Greet Ada in a plain way");
    }
}

#[test]
fn what_is_wrong_with_a_request_is_named() {
    // R-FS-33, R-FS-34
    for version in REVISIONS {
        let mut client = client(version);
        for (params, told) in [
            (json!({"name": "nobody"}), "unknown prompt: nobody"),
            (json!({"name": "greet"}), "`who`"),
            (json!({"name": "greet", "arguments": {"how": "wry"}}), "`who`"),
            (json!({"name": "greet", "arguments": {"who": 7}}), "an object of strings"),
            (json!({"name": "greet", "arguments": {"who": "Ada", "more": {}}}), "an object of strings"),
            (json!({"name": "greet", "arguments": []}), "an object of strings"),
            (json!({}), "`prompts/get` needs a `name`"),
        ] {
            let error = client.ask("prompts/get", params.clone())["error"].clone();
            assert_eq!(error["code"], -32602, "{version} {params}");
            assert!(error["message"].as_str().unwrap().contains(told), "{error}");
        }
    }
}

#[test]
fn prompts_are_listed_as_their_revision_knows_them() {
    // R-FS-32
    for version in REVISIONS {
        let mut client = client(version);
        let listed = client.ask("prompts/list", json!({}))["result"]["prompts"][0].clone();
        let has_titles = version >= "2025-06-18";
        assert_eq!(listed.get("title").is_some(), has_titles);
        assert_eq!(listed["arguments"][0].get("title").is_some(), has_titles);
        assert_eq!(listed["description"], "Greets somebody");
        assert_eq!(
            (&listed["arguments"][0]["name"], &listed["arguments"][0]["required"]),
            (&json!("who"), &json!(true))
        );
        assert_eq!((&listed["arguments"][1]["name"], listed["arguments"][1].get("required")), (&json!("how"), None));
    }
    let mut service = service();
    service.set_page_size(1);
    service.prompt(Prompt::new("second"), |_| Ok(""));
    let mut client = RawService::new(service, "2026-07-28");
    let first = client.ask("prompts/list", json!({}))["result"].clone();
    assert_eq!((first["prompts"].as_array().map(Vec::len), &first["ttlMs"]), (Some(1), &json!(0)));
    let second = client.ask("prompts/list", json!({"cursor": first["nextCursor"]}))["result"].clone();
    assert_eq!((&second["prompts"][0]["name"], second.get("nextCursor")), (&json!("second"), None));
}

#[test]
fn nothing_offered_is_no_method() {
    for version in REVISIONS {
        let mut nothing = RawService::new(Service::new("test", "1"), version);
        for (method, params) in [
            ("prompts/list", json!({})),
            ("prompts/get", json!({"name": "x"})),
            (
                "completion/complete",
                json!({"ref": {"type": "ref/prompt", "name": "x"}, "argument": {"name": "a", "value": ""}}),
            ),
        ] {
            assert_eq!(nothing.ask(method, params)["error"]["code"], -32601, "{version} {method}");
        }
    }
}

#[test]
fn messages_may_hold_every_block_and_older_clients_get_what_they_know() {
    // R-FS-5, R-FS-6
    for version in REVISIONS {
        let mut service = Service::new("test", "1");
        service.prompt(Prompt::new("p").on_worker(), |_| {
            let mut result = GetPromptResult::new(vec![
                PromptMessage::user(ContentBlock::image("AAAA", "image/png")),
                PromptMessage::assistant(ContentBlock::resource(ResourceContents::text("a:b", "c"))),
                PromptMessage::user(ContentBlock::audio("AAAA", "audio/wav")),
                PromptMessage::user(ContentBlock::resource_link("a:b", "b")),
            ]);
            result.description = Some("Blocks".to_owned());
            Ok(result)
        });
        service.prompt(Prompt::new("broken"), |_| Ok(ContentBlock::image("no base64!", "image/png")));
        let mut client = RawService::new(service, version);
        let result = get(&mut client, "p", json!({}))["result"].clone();
        let kinds: Vec<_> =
            result["messages"].as_array().unwrap().iter().map(|m| m["content"]["type"].as_str().unwrap()).collect();
        let expected = match version {
            "2024-11-05" => ["image", "resource", "text", "text"],
            "2025-03-26" => ["image", "resource", "audio", "text"],
            _ => ["image", "resource", "audio", "resource_link"],
        };
        assert_eq!(kinds, expected, "{version}");
        assert_eq!((&result["description"], &result["messages"][1]["role"]), (&json!("Blocks"), &json!("assistant")));
        assert_eq!(get(&mut client, "broken", json!({}))["error"]["code"], -32603);
    }
}

#[test]
fn what_fails_is_an_error_of_the_protocol() {
    for version in REVISIONS {
        let mut service = Service::new("test", "1");
        service.prompt(Prompt::new("fails"), |_| Err::<&str, _>(ToolError::new("no")));
        service.prompt(Prompt::new("wrong"), |_| Err::<&str, _>(ToolError::invalid_arguments("no")));
        service.prompt(Prompt::new("panics"), |_| -> Result<&str, _> { panic!("on purpose") });
        let mut client = RawService::new(service, version);
        assert_eq!(get(&mut client, "fails", json!({}))["error"]["code"], -32603);
        assert_eq!(get(&mut client, "wrong", json!({}))["error"]["code"], -32602);
        assert_eq!(get(&mut client, "panics", json!({}))["error"]["code"], -32603);
    }
}

#[test]
fn mistakes_are_told_when_the_server_starts() {
    for (prompt, told) in [
        (Prompt::new(""), "it has no name"),
        (Prompt::new("p").argument("a", "").optional_argument("a", ""), "another parameter `a`"),
        (Prompt::new("p").complete("a", |_| ["1"]), "there is no argument `a`"),
        (Prompt::new("greet"), "there is another prompt of this name"),
    ] {
        let mut service = service();
        service.prompt(prompt, |_| Ok(""));
        let mistake = service.check().unwrap_err().to_string();
        assert!(mistake.contains(told), "{mistake}");
    }
}

fn complete(client: &mut RawService, reference: Value, argument: &str, value: &str, context: Value) -> Value {
    let params =
        json!({"ref": reference, "argument": {"name": argument, "value": value}, "context": {"arguments": context}});
    client.ask("completion/complete", params)
}

#[test]
fn arguments_are_completed() {
    // R-FS-35
    for version in REVISIONS {
        let mut client = client(version);
        let prompt = json!({"type": "ref/prompt", "name": "greet"});
        let completion = complete(&mut client, prompt.clone(), "how", "W", json!({}))["result"]["completion"].clone();
        assert_eq!(completion, json!({"values": ["warm", "wry"], "total": 2, "hasMore": false}), "{version}");
        let without = complete(&mut client, prompt.clone(), "who", "", json!({}))["result"]["completion"].clone();
        assert_eq!(without["values"], json!([]));
        for (reference, argument) in [
            (prompt, "nothing"),
            (json!({"type": "ref/prompt", "name": "nobody"}), "how"),
            (json!({"type": "ref/resource", "uri": "a:b"}), "how"),
            (json!({"type": "ref/other", "uri": "a:b"}), "how"),
        ] {
            assert_eq!(complete(&mut client, reference, argument, "", json!({}))["error"]["code"], -32602);
        }
    }
}

#[test]
fn variables_of_templates_are_completed_by_what_was_filled_in_before() {
    // R-FS-37
    let mut service = Service::new("test", "1");
    let template = ResourceTemplate::new("db://{table}/{id}", "row")
        .complete("id", |typed| vec![format!("{}-{}", typed.earlier("table").unwrap_or("any"), typed.value())]);
    service.resource_template(template, |_| Ok(""));
    let mut client = RawService::new(service, "2026-07-28");
    for uri in ["db://{table}/{id}", "db://users/1"] {
        let reference = json!({"type": "ref/resource", "uri": uri});
        let answer = complete(&mut client, reference, "id", "7", json!({"table": "users"}));
        assert_eq!(answer["result"]["completion"]["values"], json!(["users-7"]));
    }
}

#[test]
fn a_hundred_values_are_sent_and_told_of_the_rest() {
    // R-FS-35
    let mut service = Service::new("test", "1");
    let prompt = Prompt::new("p")
        .argument("many", "")
        .argument("known", "")
        .argument("fails", "")
        .argument("panics", "")
        .complete("many", |_| (0..101).map(|number| number.to_string()).collect::<Vec<_>>())
        .complete("known", |_| {
            let mut completion = Completion::default();
            completion.values = vec!["x".to_owned(); 150];
            completion.total = Some(5000);
            completion
        })
        .complete("fails", |_| Err::<Vec<String>, _>(ToolError::new("the index is gone")))
        .complete("panics", |_| -> Vec<String> { panic!("on purpose") });
    service.prompt(prompt, |_| Ok(""));
    let mut client = RawService::new(service, "2025-11-25");
    let reference = || json!({"type": "ref/prompt", "name": "p"});
    let many = complete(&mut client, reference(), "many", "", json!({}))["result"]["completion"].clone();
    assert_eq!(
        (many["values"].as_array().map(Vec::len), &many["total"], &many["hasMore"]),
        (Some(100), &json!(101), &json!(true))
    );
    let known = complete(&mut client, reference(), "known", "", json!({}))["result"]["completion"].clone();
    assert_eq!(
        (known["values"].as_array().map(Vec::len), &known["total"], &known["hasMore"]),
        (Some(100), &json!(5000), &json!(true))
    );
    for argument in ["fails", "panics"] {
        assert_eq!(complete(&mut client, reference(), argument, "", json!({}))["error"]["code"], -32603);
    }
}

//! What handlers can ask, and how the same source is answered in each revision.

use super::*;

#[test]
fn one_tool_that_elicits_is_answered_in_every_revision_that_has_it() {
    // The issue's show 3; R-LM-64 to R-LM-67.
    for version in ELICITING {
        for tool in ["greet", "greet_on_worker"] {
            let mut client = client(service(), version);
            let (answer, rounds) = client.converse("tools/call", call(tool), |method, params| {
                assert_eq!((method, &params["message"]), ("elicitation/create", &json!("Who are you?")));
                assert_eq!(params["requestedSchema"]["properties"]["name"], json!({"type": "string"}));
                Ok(ada())
            });
            assert_eq!((text(&answer), rounds), ("Hello, Ada!", 1), "{version} {tool}");
            assert_eq!((client.service.waiting_calls(), client.session.asked()), (0, 0));
        }
    }
}

#[test]
fn a_revision_without_elicitation_is_told_what_lacks() {
    for version in ["2024-11-05", "2025-03-26"] {
        let answer = client(service(), version).ask("tools/call", call("greet"));
        assert_eq!(answer["result"]["isError"], true, "{answer}");
        assert!(text(&answer).contains("`elicitation.form`"), "{answer}");
    }
}

#[test]
fn no_and_never_mind_are_answers() {
    // R-FC-23
    for version in ELICITING {
        for (action, said) in [("decline", "Decline"), ("cancel", "Cancel")] {
            let mut client = client(service(), version);
            let (answer, _) = client.converse("tools/call", call("greet"), |_, _| Ok(json!({"action": action})));
            assert_eq!(text(&answer), said, "{version}");
        }
    }
}

#[test]
fn what_is_asked_before_the_first_question_mark_goes_out_in_one_round() {
    let mut both = Service::new("test", "1.0.0");
    both.tool(Tool::new("t"), |call: &mut Call<'_>| {
        let user = call.elicit("user", form("Who?"));
        let haiku = call.sample("haiku", CreateMessageParams::text("A haiku", 50));
        let roots = call.roots("roots");
        let (user, haiku, roots) = (user?, haiku?, roots?);
        let name = user.content.unwrap_or_default()["name"].clone();
        Ok(format!("{name} {} {}", haiku.content.all_text(), roots.roots[0].uri))
    });
    let mut client = client(both, STATELESS);
    let (asked, _) = questions(&mut client, "tools/call", call("t"));
    let kinds: Vec<_> =
        asked.as_object().unwrap().iter().map(|(key, asked)| (key.as_str(), &asked["method"])).collect();
    assert_eq!(
        kinds,
        [
            ("haiku", &json!("sampling/createMessage")),
            ("roots", &json!("roots/list")),
            ("user", &json!("elicitation/create"))
        ]
    );
    // R-LM-66: neither `jsonrpc` nor `id`.
    assert!(asked["user"].get("id").is_none() && asked["user"].get("jsonrpc").is_none());
}

#[test]
fn every_kind_of_question_is_answered_in_every_revision_that_has_it() {
    for version in REVISIONS {
        let mut service = Service::new("test", "1.0.0");
        service.tool(Tool::new("t"), |call: &mut Call<'_>| {
            let haiku = call.sample("haiku", CreateMessageParams::text("A haiku", 50));
            let roots = call.roots("roots");
            let (haiku, roots) = (haiku?, roots?);
            Ok(format!("{} {} {}", haiku.model, haiku.content.all_text(), roots.roots[0].uri))
        });
        let mut client = client(service, version);
        let (answer, rounds) = client.converse("tools/call", call("t"), |method, _| {
            Ok(match method {
                "roots/list" => json!({"roots": [{"uri": "file:///home"}]}),
                _ => json!({"role": "assistant", "model": "m", "content": {"type": "text", "text": "old pond"}}),
            })
        });
        assert_eq!((text(&answer), rounds), ("m old pond file:///home", 1), "{version}");
    }
}

#[test]
fn a_handler_may_ask_again_and_finds_what_it_kept() {
    for version in ELICITING {
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&runs);
        let mut service = Service::new("test", "1.0.0");
        service.tool(Tool::new("t"), move |call: &mut Call<'_>| {
            counted.fetch_add(1, Ordering::Relaxed);
            let drawn: u32 = call.kept("drawn")?.unwrap_or(17);
            call.keep("drawn", &(drawn + 1))?;
            let first = call.elicit("first", form("first"))?;
            let second = call.elicit("second", form("second"))?;
            let name = |answer: mcp_core::types::ElicitResult| answer.content.unwrap_or_default()["name"].clone();
            Ok(format!("{} {} {drawn}", name(first), name(second)))
        });
        let mut client = client(service, version);
        let (answer, rounds) = client.converse("tools/call", call("t"), |_, params| {
            Ok(json!({"action": "accept", "content": {"name": params["message"]}}))
        });
        assert_eq!((text(&answer), rounds), (r#""first" "second" 19"#, 2), "{version}");
        assert_eq!(runs.load(Ordering::Relaxed), 3);
    }
}

#[test]
fn prompts_and_resources_ask_as_well() {
    // R-LM-64
    for version in ELICITING {
        let mut service = Service::new("test", "1.0.0");
        service.prompt(Prompt::new("p"), greet);
        service.resource_template(
            ResourceTemplate::new("greet://{lang}", "greeting").on_worker(),
            |call: &mut Call<'_>| {
                let lang = call.arg::<String>("lang")?;
                Ok(vec![ResourceContents::text(call.name(), format!("{} ({lang})", greet(call)?))])
            },
        );
        let mut client = client(service, version);
        let (answer, rounds) = client.converse("prompts/get", json!({"name": "p"}), |_, _| Ok(ada()));
        assert_eq!(answer["result"]["messages"][0]["content"]["text"], "Hello, Ada!", "{answer}");
        assert_eq!(rounds, 1);
        let (answer, rounds) = client.converse("resources/read", json!({"uri": "greet://en"}), |_, _| Ok(ada()));
        assert_eq!(answer["result"]["contents"][0]["text"], "Hello, Ada! (en)", "{answer}");
        assert_eq!((&answer["result"]["contents"][0]["uri"], rounds), (&json!("greet://en"), 1));
    }
}

#[test]
fn a_page_to_visit_is_asked_for_as_its_revision_has_it() {
    // R-FC-17, R-FC-18, R-FC-27
    let url = || {
        let mut service = Service::new("test", "1.0.0");
        service.tool(Tool::new("t"), |call: &mut Call<'_>| {
            let answer = call.elicit("consent", ElicitParams::url("Please sign in", "https://example.com/in"))?;
            Ok(format!("{:?}", answer.action))
        });
        service
    };
    let mut ids = Vec::new();
    for version in [HANDSHAKE, STATELESS] {
        let (answer, _) = client(url(), version).converse("tools/call", call("t"), |_, params| {
            assert_eq!((&params["mode"], &params["url"]), (&json!("url"), &json!("https://example.com/in")));
            ids.push(params.get("elicitationId").cloned());
            Ok(json!({"action": "accept"}))
        });
        assert_eq!(text(&answer), "Accept", "{version}");
    }
    assert!(ids[0].as_ref().is_some_and(Value::is_string) && ids[1].is_none(), "{ids:?}");
    let answer = client(url(), "2025-06-18").ask("tools/call", call("t"));
    assert!(text(&answer).contains("`elicitation.url`"), "{answer}");
    let mut forms_only = RawService::with(url(), STATELESS, json!({"elicitation": {}}));
    let error = forms_only.ask("tools/call", call("t"))["error"].clone();
    assert_eq!(error["code"], -32021);
    assert_eq!(error["data"], json!({"requiredCapabilities": {"elicitation": {"url": {}}}}));
}

#[test]
fn a_client_is_asked_only_for_what_it_declared() {
    // R-LM-33, R-LM-66, R-FC-9, R-FC-10
    let mut service = service();
    service.tool(Tool::new("sample"), |call: &mut Call<'_>| {
        Ok(call.sample("s", CreateMessageParams::text("x", 1))?.model)
    });
    service.tool(Tool::new("roots"), |call: &mut Call<'_>| Ok(call.roots("r")?.roots.len()));
    service.tool(Tool::new("tools"), |call: &mut Call<'_>| {
        let mut params = CreateMessageParams::text("x", 1);
        params.tools = Some(Vec::new());
        params.include_context = Some(mcp_core::types::IncludeContext::ThisServer);
        Ok(call.sample("s", params)?.model)
    });
    service.tool(Tool::new("whatever"), |call: &mut Call<'_>| {
        if call.offers().elicitation_form {
            greet(call)
        } else {
            Ok(call.sample("s", CreateMessageParams::text("x", 1))?.model)
        }
    });
    let mut client = RawService::with(service, STATELESS, json!({}));
    for (tool, required) in [
        ("greet", json!({"elicitation": {"form": {}}})),
        ("sample", json!({"sampling": {}})),
        ("roots", json!({"roots": {}})),
        ("greet_on_worker", json!({"elicitation": {"form": {}}})),
    ] {
        let id = client.begin("tools/call", call(tool));
        let error = client.wait_for(id).pop().unwrap()["error"].clone();
        assert_eq!((&error["code"], &error["data"]), (&json!(-32021), &json!({"requiredCapabilities": required})));
    }
    // What an earlier request declared means nothing (R-ST-66).
    client.capabilities = json!({"sampling": {}});
    let (asked, _) = questions(&mut client, "tools/call", call("whatever"));
    assert_eq!(asked["s"]["method"], "sampling/createMessage");
    let error = client.ask("tools/call", call("tools"))["error"].clone();
    assert_eq!(error["data"], json!({"requiredCapabilities": {"sampling": {"tools": {}}}}));
    client.capabilities = json!({"sampling": {"tools": {}}});
    let (asked, _) = questions(&mut client, "tools/call", call("tools"));
    assert_eq!((&asked["s"]["params"]["tools"], asked["s"]["params"].get("includeContext")), (&json!([]), None));
    client.capabilities = json!({});
    assert_eq!(client.ask("tools/call", call("tools"))["error"]["code"], -32021);
}

#[test]
fn messages_that_no_client_could_take_are_not_sent() {
    // R-FC-11, R-FC-12; up to 2025-06-18 a message is one block.
    let mut service = Service::new("test", "1.0.0");
    service.tool(Tool::new("mixed"), |call: &mut Call<'_>| {
        let mixed = vec![SamplingBlock::tool_result("1", Vec::new()), SamplingBlock::text("x")];
        Ok(call.sample("s", CreateMessageParams::new(vec![SamplingMessage::user(mixed)], 1))?.model)
    });
    service.tool(Tool::new("two"), |call: &mut Call<'_>| {
        let two = vec![SamplingBlock::text("x"), SamplingBlock::text("y")];
        Ok(call.sample("s", CreateMessageParams::new(vec![SamplingMessage::user(two)], 1))?.model)
    });
    let mut newest = client(service, HANDSHAKE);
    assert!(text(&newest.ask("tools/call", call("mixed"))).contains("cannot be asked"));
    newest.begin("tools/call", call("two"));
    assert_eq!(newest.sent()[0]["params"]["messages"][0]["content"].as_array().map(Vec::len), Some(2));
    let mut service = Service::new("test", "1.0.0");
    service.tool(Tool::new("two"), |call: &mut Call<'_>| {
        let two = vec![SamplingBlock::text("x"), SamplingBlock::text("y")];
        Ok(call.sample("s", CreateMessageParams::new(vec![SamplingMessage::user(two)], 1))?.model)
    });
    assert!(text(&client(service, "2025-06-18").ask("tools/call", call("two"))).contains("a message is one block"));
}

#[test]
fn content_that_does_not_fit_the_form_fails_the_call() {
    // R-FC-22
    for version in ELICITING {
        let mut client = client(service(), version);
        let wrong = json!({"action": "accept", "content": {"nickname": "A"}});
        let (answer, _) = client.converse("tools/call", call("greet"), |_, _| Ok(wrong.clone()));
        let said = if version == STATELESS {
            assert_eq!(answer["error"]["code"], -32602);
            answer["error"]["message"].as_str().unwrap()
        } else {
            assert_eq!(answer["result"]["isError"], true);
            text(&answer)
        };
        assert!(said.contains("does not fit its form") && said.contains("`name`"), "{said}");
    }
}

#[test]
fn a_question_that_is_not_passed_on_is_not_asked() {
    for version in ELICITING {
        let mut service = Service::new("test", "1.0.0");
        service.tool(Tool::new("t"), |call: &mut Call<'_>| {
            let error = call.elicit("user", form("Who?")).unwrap_err();
            Ok(error.is_question())
        });
        let answer = client(service, version).ask("tools/call", call("t"));
        assert_eq!(text(&answer), "true", "{version}");
    }
}

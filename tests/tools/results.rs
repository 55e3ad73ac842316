//! Results: what a handler returns, as each revision writes it.

use super::*;

#[test]
fn each_simple_type_is_one_text() {
    assert_eq!(result(|_| Ok("static")), text("static"));
    assert_eq!(result(|_| Ok(String::from("a \"b\"\n\u{1}é"))), text("a \"b\"\n\u{1}é"));
    assert_eq!(result(|_| Ok(std::borrow::Cow::Borrowed("cow"))), text("cow"));
    assert_eq!(result(|_| Ok(-5_i64)), text("-5"));
    assert_eq!(result(|_| Ok(2.5)), text("2.5"));
    assert_eq!(result(|_| Ok(true)), text("true"));
    assert_eq!(result(|_| Ok(Some("some"))), text("some"));
}

#[test]
fn nothing_is_a_result_without_content() {
    // `content` is required, also when it is empty (features, section C).
    assert_eq!(result(|_| Ok(())), json!({"content": []}));
    assert_eq!(result(|_| Ok(None::<String>)), json!({"content": []}));
}

#[test]
fn a_text_is_written_without_detours() {
    let mut client = with_tool(NEWEST, Tool::new("t"), |_| Ok("x"));
    let _outcome = client.send_text(r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"t"}}"#);
    let expected = "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"x\"}]}}\n";
    assert_eq!(client.sent_text(), expected);
}

#[test]
fn an_object_is_structured_content_and_text_where_the_revision_has_it() {
    // R-FS-16, R-FS-17
    #[derive(Serialize)]
    struct Sum {
        sum: i32,
    }
    let both = json!({"content": [{"type": "text", "text": "{\"sum\":3}"}], "structuredContent": {"sum": 3}});
    for version in ["2025-06-18", "2025-11-25"] {
        assert_eq!(result_in(version, |_| Ok(Json(Sum { sum: 3 }))), both);
        assert_eq!(result_in(version, |_| Ok(json!({"sum": 3}))), both);
    }
    for version in ["2024-11-05", "2025-03-26"] {
        assert_eq!(result_in(version, |_| Ok(Json(Sum { sum: 3 }))), text("{\"sum\":3}"));
        assert_eq!(result_in(version, |_| Ok(CallToolResult::from_structured(json!({"sum": 3})))), text("{\"sum\":3}"));
    }
}

#[test]
fn other_json_is_text_only_until_a_revision_allows_more() {
    // R-FS-17: up to 2025-11-25 structured content is an object.
    for value in [json!([1, 2]), json!("a"), json!(false), json!(0), json!(null)] {
        let (one, two, written) = (value.clone(), value.clone(), value.to_string());
        assert_eq!(result(move |_| Ok(Json(one.clone()))), text(&written));
        assert_eq!(result(move |_| Ok(CallToolResult::from_structured(two.clone()))), text(&written));
    }
}

#[test]
fn content_blocks_go_out_as_they_are() {
    let image = json!({"type": "image", "data": "AAAA", "mimeType": "image/png"});
    assert_eq!(result(|_| Ok(ContentBlock::image("AAAA", "image/png"))), json!({"content": [image]}));
    let blocks = || vec![ContentBlock::text("a"), ContentBlock::resource(ResourceContents::text("file:///a", "b"))];
    let expected = json!([
        {"type": "text", "text": "a"},
        {"type": "resource", "resource": {"uri": "file:///a", "text": "b"}},
    ]);
    assert_eq!(result(move |_| Ok(blocks()))["content"], expected);
}

#[test]
fn content_that_a_revision_does_not_know_becomes_text_that_says_what_it_is() {
    // R-FS-6
    let blocks = || {
        let mut link = ContentBlock::resource_link("file:///a", "a");
        if let ContentBlock::ResourceLink { description, .. } = &mut link {
            *description = Some("all of it".into());
        }
        vec![ContentBlock::audio("AAAA", "audio/wav"), link, ContentBlock::text("x")]
    };
    let kinds = |version| {
        let content = result_in(version, move |_| Ok(blocks()))["content"].take();
        let Value::Array(content) = content else { panic!() };
        content.iter().map(|block| block["type"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(kinds("2024-11-05"), ["text", "text", "text"]);
    assert_eq!(kinds("2025-03-26"), ["audio", "text", "text"]);
    assert_eq!(kinds("2025-06-18"), ["audio", "resource_link", "text"]);
    let old = result_in("2024-11-05", move |_| Ok(blocks()));
    assert_eq!(old["content"][0]["text"], "[audio, audio/wav, 4 bytes of Base64]");
    assert_eq!(old["content"][1]["text"], "[resource a at file:///a: all of it]");
}

#[test]
fn binary_content_that_no_client_could_decode_is_an_internal_error() {
    // R-FS-5
    let good = ["", "AA==", "AAA=", "AAAA", "+/9zZ0=="];
    let bad = ["A", "AA", "AAA", "AA=", "====", "A===", "AA==AA==", "AA-_", "AA A", "A\nAA", "\u{e9}\u{e9}"];
    for (base64, is_good) in good.map(|text| (text, true)).into_iter().chain(bad.map(|text| (text, false))) {
        let answer =
            |block: ContentBlock| with_tool(NEWEST, Tool::new("t"), move |_| Ok(block.clone())).call("t", json!({}));
        let blob = ContentBlock::resource(ResourceContents::blob("file:///a", base64));
        for block in [ContentBlock::image(base64, "image/png"), ContentBlock::audio(base64, "audio/wav"), blob] {
            let answer = answer(block);
            assert_eq!(answer["result"].is_object(), is_good, "{base64}: {answer}");
            assert_eq!(answer["error"]["code"] == -32603, !is_good, "{base64}: {answer}");
        }
    }
    let mut untyped = with_tool(NEWEST, Tool::new("t"), |_| Ok(ContentBlock::image("AAAA", "")));
    assert_eq!(untyped.call("t", json!({}))["error"]["code"], -32603);
}

#[test]
fn a_whole_result_keeps_its_error_flag_and_metadata() {
    let handler = |_: &mut Call<'_>| {
        let mut result = CallToolResult::error("no");
        result.meta = json!({"example.com/a": 1}).as_object().cloned();
        Ok(result)
    };
    let expected = json!({"content": [{"type": "text", "text": "no"}], "isError": true, "_meta": {"example.com/a": 1}});
    assert_eq!(result(handler), expected);
}

#[test]
fn a_value_that_is_no_json_is_an_internal_error_and_nothing_of_it_is_sent() {
    let mut client = with_tool(NEWEST, Tool::new("t"), |_| {
        Ok(Json([([1], 2)].into_iter().collect::<std::collections::BTreeMap<_, _>>()))
    });
    let answer = client.call("t", json!({}));
    assert_eq!(answer["error"]["code"], -32603);
}

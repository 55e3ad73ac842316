//! The command line `mcp` with `--output json`: exactly what the server sent, and errors as JSON.
// In helpers too a panic is the report.
#![allow(clippy::unwrap_used)]

use mcp_tests::command_line::{Ended, code, echo_server, printed, run, serve, serve_results};
use serde_json::Value;

/// What of a server is odd and has to come through: digits, order, members that nobody knows, spaces.
const ODD: &str =
    r#"{"z":123456789012345678901234567890.10, "content":[ {"type":"text","text":"a\u001b","new":1e5} ],"a":-0.0}"#;

fn sse(arguments: &[&str]) -> Ended {
    run(&[arguments, &["--transport=sse", "--output=json"]].concat())
}

#[test]
fn the_result_of_a_call_is_printed_as_it_came() {
    let peer = serve_results(&[ODD]);
    assert_eq!(sse(&["call", &peer.url("/sse"), "t", "--json={}"]), printed(0, ODD, ""));
    peer.finish();
}

#[test]
fn resources_prompts_and_completions_are_printed_as_they_came() {
    for (words, method) in [
        (&["read", "test://x"][..], "resources/read"),
        (&["prompt", "p", "a=1"], "prompts/get"),
        (&["complete", "p", "a=1", "b=2"], "completion/complete"),
        (&["prompts"], "prompts/list"),
        (&["tools"], "tools/list"),
    ] {
        let peer = serve_results(&[ODD]);
        let url = peer.url("/sse");
        let line = [&words[..1], &[&url], &words[1..]].concat();
        assert_eq!(sse(&line), printed(0, ODD, ""), "{words:?}");
        assert_eq!(peer.finish()[0]["method"], method);
    }
}

#[test]
fn pages_of_a_list_are_one_document() {
    let peer = serve_results(&[
        r#"{"tools":[{"name":"b","inputSchema":{"z":1,"a":1.50}}],"nextCursor":"x","_meta":{"y":1}}"#,
        r#"{"tools":[{"name":"a","inputSchema":{}}],"nextCursor":"y"}"#,
        r#"{"tools":[]}"#,
    ]);
    let expected =
        r#"{"tools":[{"name":"b","inputSchema":{"z":1,"a":1.50}},{"name":"a","inputSchema":{}}],"_meta":{"y":1}}"#;
    assert_eq!(sse(&["tools", &peer.url("/sse")]), printed(0, expected, ""));
    let cursors: Vec<Value> = peer.finish().iter().map(|request| request["params"]["cursor"].clone()).collect();
    assert_eq!(cursors, [Value::Null, "x".into(), "y".into()]);
}

#[test]
fn a_list_that_goes_in_circles_is_4() {
    let page = r#"{"tools":[],"nextCursor":"x"}"#;
    let peer = serve_results(&[r#"{"tools":[],"nextCursor":"x"}"#, r#"{"tools":[],"nextCursor":"x"}"#]);
    assert_eq!(code(&["tools", &peer.url("/sse"), "--transport=sse", "-o", "json"]), 4, "{page}");
    peer.finish();
}

#[test]
fn resources_and_templates_are_one_document() {
    let peer = serve_results(&[
        r#"{"resources":[{"uri":"a:b","name":"n","size":18446744073709551616}],"_meta":{}}"#,
        r#"{"resourceTemplates":[{"uriTemplate":"a:{b}","name":"t"}]}"#,
    ]);
    let expected = r#"{"resources":[{"uri":"a:b","name":"n","size":18446744073709551616}],"resourceTemplates":[{"uriTemplate":"a:{b}","name":"t"}]}"#;
    assert_eq!(sse(&["resources", &peer.url("/sse")]), printed(0, expected, ""));
    peer.finish();
}

#[test]
fn a_tool_that_fails_is_printed_and_is_1() {
    let (_server, url) = echo_server();
    let ended = run(&["call", &url, "fail", "-o", "json"]);
    let result: Value = serde_json::from_str(&ended.out[0]).unwrap();
    assert_eq!((ended.code, &result["isError"], ended.err.len()), (Some(1), &Value::Bool(true), 0));
}

#[test]
fn an_error_is_the_last_line_of_standard_error() {
    let error = |ended: &Ended| -> Value {
        assert!(ended.out.is_empty(), "{ended:?}");
        serde_json::from_str::<Value>(ended.err.last().unwrap()).unwrap()["error"].take()
    };
    let (_server, url) = echo_server();
    let ended = run(&["call", &url, "nothing", "--json={}", "-o", "json"]);
    assert_eq!(ended.code, Some(1));
    let refused = error(&ended);
    assert_eq!((&refused["kind"], &refused["code"], &refused["exit"]), (&"rpc".into(), &(-32602).into(), &1.into()));

    let ended = run(&["call", &url, "slow", "ms=60000", "--timeout=0.2", "-o", "json"]);
    let late = error(&ended);
    assert_eq!((ended.code, &late["kind"], &late["delivery"]), (Some(5), &"timeout".into(), &"sent".into()));
    assert!(late["hint"].as_str().unwrap().contains("--timeout"), "{late}");

    let busy = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n";
    let peer = serve(move |peer| peer.request().answer(busy));
    let ended = sse(&["tools", &peer.url("/sse")]);
    let limited = error(&ended);
    assert_eq!((&limited["status"], &limited["retryAfter"]), (&429.into(), &"7".into()));
    peer.finish();

    let ended = run(&["call", &url, "echo", "-o", "json"]);
    assert_eq!((ended.code, &error(&ended)["kind"]), (Some(2), &"usage".into()));
}

#[test]
fn data_of_an_error_is_given_as_it_came() {
    let peer = serve(|peer| {
        let mut stream = peer.handshake();
        let call = peer.request();
        call.accepted();
        let id = call.id();
        let error = r#"{"code":-32000,"message":"no","data":{"z":1.50,"a":[]}}"#;
        stream.message(&format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#));
    });
    let ended = sse(&["call", &peer.url("/sse"), "t", "--json={}"]);
    assert!(ended.err[0].contains(r#""data":{"z":1.50,"a":[]}"#), "{ended:?}");
    peer.finish();
}

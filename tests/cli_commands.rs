//! The command line `mcp`: resources, prompts, completion, ping, info and watch.
// In helpers too a panic is the report.
#![allow(clippy::unwrap_used)]

use mcp_tests::command_line::{Ended, echo_server, ended, example, printed, run, scripted, serve_results, start};
use mcp_tests::process::Process;
use serde_json::json;

/// A server with resources, prompts and everything else, over Streamable HTTP.
fn conformance() -> (Process, String) {
    let (server, sse) = example("conformance-server");
    (server, sse.replace("/sse", "/mcp"))
}

#[test]
fn resources_are_listed_and_read() {
    let (_server, url) = conformance();
    let listed = run(&["resources", &url]);
    assert_eq!(listed.code, Some(0));
    assert_eq!(listed.out[0], "test://static-text  Static text  text/plain  18 bytes");
    assert!(listed.out.iter().any(|line| line.starts_with("template test://template/{id}/data  ")), "{listed:?}");
    assert_eq!(run(&["read", &url, "test://static-text"]), printed(0, "A text that stays.", ""));
    assert_eq!(run(&["read", &url, "test://template/7/data"]).code, Some(0));
    let missing = run(&["read", &url, "test://nothing"]);
    assert_eq!((missing.code, missing.out.len()), (Some(1), 0), "{missing:?}");
    assert_eq!(run(&["read", &url]).code, Some(2));
}

#[test]
fn binary_contents_are_bytes_for_a_pipe_and_described_when_there_are_several() {
    let peer = serve_results(&[r#"{"contents":[{"uri":"a:b","blob":"AP9hCg=="}]}"#]);
    let mut read = mcp_tests::command_line::command(&["read", &peer.url("/sse"), "--transport=sse", "a:b"]);
    assert_eq!(read.output().unwrap().stdout, [0, 255, b'a', b'\n']);
    peer.finish();
    let peer = serve_results(&[r#"{"contents":[{"uri":"a:b","blob":"AP9h"},{"uri":"a:c","text":"t"}]}"#]);
    assert_eq!(
        run(&["read", &peer.url("/sse"), "--transport=sse", "a:b"]),
        printed(0, "[a:b, unknown type, 3 bytes]\nt", "")
    );
    peer.finish();
}

#[test]
fn prompts_are_listed_filled_in_and_completed() {
    let (_server, url) = conformance();
    let listed = run(&["prompts", &url]);
    let arguments =
        "test_prompt_with_arguments  Compares two things\n    arg1  required  the one\n    arg2  required  the other";
    assert!(listed.out.join("\n").contains(arguments), "{listed:?}");
    assert_eq!(run(&["prompt", &url, "test_simple_prompt"]), printed(0, "user:\nSay hello.", ""));
    let filled = run(&["prompt", &url, "test_prompt_with_arguments", "arg1=apples", "arg2=pears"]);
    assert!(filled.out[1].contains("apples") && filled.out[1].contains("pears"), "{filled:?}");
    assert_eq!(run(&["prompt", &url, "nothing"]).code, Some(1));
    assert_eq!(run(&["prompt", &url]).code, Some(2));
}

#[test]
fn an_argument_of_a_prompt_or_a_template_is_completed() {
    let peer = serve_results(&[r#"{"completion":{"values":["flask","fl\u001b"],"total":5,"hasMore":true}}"#]);
    let line = ["complete", &peer.url("/sse"), "--transport=sse", "review", "framework=fl", "language=python"];
    assert_eq!(run(&line), printed(0, "flask\nfl\u{FFFD}", "mcp: 3 more are not shown"));
    let params = &peer.finish()[0]["params"];
    assert_eq!(params["ref"], json!({"type": "ref/prompt", "name": "review"}));
    assert_eq!(params["argument"], json!({"name": "framework", "value": "fl"}));
    // Which its revision does not have (R-FS-37).
    assert_eq!(params["context"], serde_json::Value::Null);

    let peer = serve_results(&[r#"{"completion":{"values":[]}}"#]);
    assert_eq!(
        run(&["complete", &peer.url("/sse"), "--transport=sse", "file:///{path}", "path=a"]),
        printed(0, "", "")
    );
    assert_eq!(peer.finish()[0]["params"]["ref"], json!({"type": "ref/resource", "uri": "file:///{path}"}));
}

#[test]
fn ping_tells_how_long_it_took() {
    let (_server, url) = echo_server();
    let Ended { code, out, .. } = run(&["ping", &url, "--count", "3", "--interval", "0.001"]);
    assert_eq!((code, out.len()), (Some(0), 4), "{out:?}");
    assert!(out[..3].iter().all(|line| line.starts_with("echo answered in ") && line.ends_with(" ms")), "{out:?}");
    assert!(out[3].starts_with("3 answers: "), "{out:?}");
    let exact = run(&["ping", &url, "-o", "json"]);
    let exact: serde_json::Value = serde_json::from_str(&exact.out[0]).unwrap();
    assert_eq!(exact["seconds"].as_array().unwrap().len(), 1);
}

#[test]
fn info_tells_who_the_server_is_and_how_it_is_spoken_to() {
    let (_server, url) = conformance();
    let told = run(&["info", &url]);
    assert_eq!(told.code, Some(0));
    assert_eq!(told.out[0], "server        conformance 0.1.0");
    let connection = "Streamable HTTP, stateless, revision 2026-07-28, found in 1 request";
    assert!(told.out[1].ends_with(connection) && told.out[2].starts_with("offers        tools"), "{told:?}");
    let exact = run(&["info", &url, "--output=json"]);
    let exact: serde_json::Value = serde_json::from_str(&exact.out[0]).unwrap();
    assert_eq!(
        (&exact["serverInfo"]["name"], &exact["protocolVersion"]),
        (&"conformance".into(), &"2026-07-28".into())
    );
    assert!(exact["capabilities"]["tools"].is_object(), "{exact}");
}

#[test]
fn watch_prints_what_the_server_tells_by_itself_until_there_was_enough() {
    for (form, first, second) in [
        ("human", r#" notifications/message {"level":"info","data":"a\u001b"}"#, " notifications/x"),
        (
            "json",
            r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"a\u001b"}}"#,
            r#"{"method":"notifications/x", "jsonrpc":"2.0"}"#,
        ),
    ] {
        let peer = scripted(|_, mut stream| {
            let log = r#"{"level":"info","data":"a\u001b"}"#;
            stream.message(&format!(r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{log}}}"#));
            stream.message(r#"{"method":"notifications/x", "jsonrpc":"2.0"}"#);
        });
        let ended = run(&["watch", &peer.url("/sse"), "--transport=sse", "--count=2", "--output", form]);
        assert_eq!((ended.code, ended.out.len()), (Some(0), 2), "{ended:?}");
        assert!(ended.out[0].ends_with(first) && ended.out[1].ends_with(second), "{ended:?}");
        peer.finish();
    }
}

#[test]
fn watch_tells_of_changes_and_ends_with_ctrl_c() {
    let (_server, url) = conformance();
    for revision in ["2026-07-28", "2025-11-25"] {
        let watch = start(&["watch", &url, "--revision", revision, "--resource", "test://watched-resource", "-v"]);
        // It listens once its subscription is answered. What a server offers names subscriptions as well.
        let asks = |line: &str| line.contains("subscriptions/listen") || line.contains("resources/subscribe");
        while !asks(&watch.error_line().unwrap()) {}
        while !watch.error_line().unwrap().starts_with("<-- ") {}
        assert_eq!(run(&["call", &url, "test_trigger_tool_change"]).code, Some(0));
        let told = watch.line().unwrap();
        assert!(told.contains(" notifications/tools/list_changed"), "{told}");
        watch.signal("INT");
        let ended = ended(watch);
        assert_eq!((ended.code, ended.out.len()), (Some(0), 0), "{ended:?}");
    }
}

#[test]
fn watch_prints_what_was_told_before_it_says_why_the_server_went() {
    for told in [0, 1, 50] {
        let peer = scripted(move |_, mut stream| {
            // All of it comes at once, and as soon as it may.
            for number in 0..told {
                stream.message(&format!(r#"{{"jsonrpc":"2.0","method":"notifications/x{number}"}}"#));
            }
            stream.cut();
        });
        let ended = run(&["watch", &peer.url("/sse"), "--transport=sse"]);
        assert_eq!((ended.code, ended.out.len()), (Some(3), told), "{ended:?}");
        assert!(
            ended.out.iter().enumerate().all(|(number, line)| line.ends_with(&format!(" notifications/x{number}")))
        );
        assert!(ended.err[0].starts_with("mcp: "), "{ended:?}");
        peer.finish();
    }
}

#[test]
fn watch_connects_again_when_it_is_told_to() {
    let note = |name: &str| format!(r#"{{"jsonrpc":"2.0","method":"notifications/{name}"}}"#);
    let peer = scripted(move |peer, mut stream| {
        stream.message(&note("first"));
        stream.cut();
        let mut stream = peer.handshake();
        stream.message(&note("unwanted"));
        stream.message(&note("second"));
    });
    let line = ["watch", &peer.url("/sse"), "--transport=sse", "--reconnect", "--count=2"];
    let wanted = ["--event=notifications/first", "--event=notifications/second"];
    let ended = run(&[&line[..], &wanted].concat());
    assert_eq!((ended.code, ended.out.len()), (Some(0), 2), "{ended:?}");
    assert!(
        ended.out[0].ends_with(" notifications/first") && ended.out[1].ends_with(" notifications/second"),
        "{ended:?}"
    );
    assert!(ended.err.iter().any(|line| line.starts_with("mcp: reconnecting, attempt 1")), "{ended:?}");
    peer.finish();
}

//! The command line `mcp` and the arguments of tools: what is sent, and what is said of what cannot be.
// In helpers too a panic is the report.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::process::Stdio;

use mcp_tests::command_line::{Ended, command, echo_server, printed, run, serve_results};
use serde_json::{Value, json};

/// A tool with parameters of every kind.
const TOOLS: &str = r##"{"tools":[{"name":"book","inputSchema":{
    "type":"object","additionalProperties":false,"required":["day"],
    "properties":{
        "day":{"enum":["Monday","Tuesday"]},
        "tags":{"type":"array","items":{"type":"string"}},
        "who":{"$ref":"#/$defs/Who"},
        "guests":{"type":"integer"}
    },
    "$defs":{"Who":{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"}}}}
}}]}"##;
const DONE: &str = r#"{"content":[{"type":"text","text":"done"}]}"#;

/// The arguments that arrive for these words.
fn sent(words: &[&str]) -> Value {
    let peer = serve_results(&[TOOLS, DONE]);
    let url = peer.url("/sse");
    assert_eq!(run(&[&["call", &url, "--transport=sse", "book"], words].concat()), printed(0, "done", ""));
    peer.finish()[1]["params"]["arguments"].clone()
}

/// What is said of these words, which are not sent.
fn refused(words: &[&str]) -> String {
    let peer = serve_results(&[TOOLS]);
    let url = peer.url("/sse");
    let ended = run(&[&["call", &url, "--transport=sse", "book"], words].concat());
    assert_eq!((ended.code, ended.out.len()), (Some(2), 0), "{ended:?}");
    peer.finish();
    ended.err[0].clone()
}

#[test]
fn elements_and_members_are_given_one_by_one() {
    assert_eq!(
        sent(&["day=Monday", "tags=a", "who.name=Ada", "tags=1", "who.age=36", "guests=4"]),
        json!({"day": "Monday", "tags": ["a", "1"], "who": {"name": "Ada", "age": 36}, "guests": 4})
    );
    assert_eq!(
        sent(&["day=Monday", r#"tags=["a"]"#, r#"who={"name":"Ada"}"#]),
        json!({"day": "Monday", "tags": ["a"], "who": {"name": "Ada"}})
    );
}

#[test]
fn what_is_wrong_is_named() {
    for (words, said) in [
        (&["day=Mondy"][..], r#"mcp: `day` has to be "Monday" or "Tuesday", not `Mondy` (did you mean `Monday`?)"#),
        (&["guests=4"], "mcp: `day` is required and not given"),
        (
            &["day=Monday", "guest=4"],
            "mcp: `book` has no parameter `guest` (did you mean `guests`?), it has day, guests, tags, who",
        ),
        (&["day=Monday", "who.age=old"], "mcp: `who.age` has to be an integer, not `old`"),
        (&["day=Monday", "guests=1", "guests=2"], "mcp: `guests` is given twice"),
        (&["day=Monday", "tags=a,b"], "mcp: `tags` has to be a JSON array, or to be given several times, not `a,b`"),
    ] {
        assert_eq!(refused(words), said);
    }
}

#[test]
fn json_is_sent_as_it_is_from_the_line_a_file_and_standard_input() {
    let text = r#"{"n":123456789012345678901234567890, "day":"Sunday"}"#;
    let file = std::env::temp_dir().join(format!("mcp-cli-arguments-{}.json", std::process::id()));
    std::fs::write(&file, text).unwrap();
    let at_file = format!("@{}", file.display());
    for (given, input) in [(text, ""), (at_file.as_str(), ""), ("@-", text)] {
        let peer = serve_results(&[DONE]);
        let mut child = command(&["call", &peer.url("/sse"), "--transport=sse", "book", "--json", given])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        assert_eq!(child.wait_with_output().unwrap().stdout, b"done\n", "{given}");
        let arguments = &peer.finish()[0]["params"]["arguments"];
        assert_eq!(arguments["day"], "Sunday");
    }
    std::fs::remove_file(&file).unwrap();
    let missing = run(&["call", "http://127.0.0.1:1/sse", "t", "--json", "@/nonexistent"]);
    assert_eq!(missing.code, Some(2));
    assert!(missing.err[0].starts_with("mcp: --json: /nonexistent: "), "{missing:?}");
}

#[test]
fn a_tool_that_is_not_there_is_named_with_those_that_are() {
    let (_server, url) = echo_server();
    let Ended { code, err, .. } = run(&["call", &url, "ecko", "text=a"]);
    assert_eq!(code, Some(1));
    assert_eq!(
        err[0],
        "mcp: the server lists no tool `ecko` (did you mean `echo`?), it lists echo, slow, progress, fail, big"
    );
    let shown = run(&["tools", &url, "slow"]);
    assert_eq!(
        shown,
        printed(0, "slow  Answers after a while\n    ms  integer  required  after how many milliseconds", "")
    );
    assert_eq!(run(&["tools", &url, "slo"]).code, Some(1));
}

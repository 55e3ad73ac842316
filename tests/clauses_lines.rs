//! Clauses about lines that hold whatever is sent: each line is a message or is answered as none, and nothing else is written.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::io::Write as _;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcp_core::Limits;
use mcp_core::jsonrpc::{Message, Payload, decode};
use mcp_core::revision::ProtocolVersion;
use mcp_core::time::Instant;
use mcp_server_tiny::types::{Change, ElicitParams, RequestedSchema, StringSchema};
use mcp_server_tiny::{Call, Pipe, Server, Tool};
use mcp_sse_blocking::{CallOptions, Client, Command, Error, Filter};
use mcp_tests::random::Random;
use mcp_tests::schema_judge::{Conversation, Side};
use mcp_tests::scripted_lines::Script;
use serde_json::{Value, json};

const META: &str = r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{},"roots":{},"sampling":{}},"progressToken":"p","io.modelcontextprotocol/logLevel":"debug"}"#;

fn server() -> Server {
    let form = || RequestedSchema::new().required("name", StringSchema::new());
    Server::new("lines", "1.0.0")
        .tool(Tool::new("echo").optional_param::<String>("text", "what"), |call: &mut Call<'_>| {
            call.progress(1.0, None, Some("half\nway\r\u{2028}"));
            call.log(mcp_core::types::LoggingLevel::Info, "a\nline\u{85}");
            Ok(call.arg::<Option<String>>("text")?.unwrap_or_default())
        })
        .tool(Tool::new("ask"), move |call: &mut Call<'_>| {
            call.elicit("user", ElicitParams::form("Who?", form()))?;
            call.roots("roots")?;
            Ok("asked")
        })
        .tool(Tool::new("change"), |call: &mut Call<'_>| {
            call.announce(Change::Tools);
            Ok("changed")
        })
}

/// What a pipe writes because of `input`, line by line. Nothing of it stands beside a line.
fn written(pipe: &mut Pipe, input: &[u8]) -> Vec<Vec<u8>> {
    pipe.received(Instant::ZERO, input).unwrap();
    let output = pipe.output().to_vec();
    pipe.sent(output.len());
    assert!(output.is_empty() || output.ends_with(b"\n"), "a line ends with its message");
    output.split_inclusive(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\n").unwrap().to_vec()).collect()
}

fn json(line: &[u8]) -> Value {
    serde_json::from_slice(line).unwrap_or_else(|_| panic!("no JSON: {:?}", String::from_utf8_lossy(line)))
}

fn call(id: u64, tool: &str, arguments: Value) -> Vec<u8> {
    let params = json!({ "name": tool, "arguments": arguments, "_meta": serde_json::from_str::<Value>(META).unwrap() });
    format!("{}\n", json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })).into_bytes()
}

#[test]
fn a_line_that_is_not_utf8_is_no_message_and_the_next_one_is_served() {
    // R-IO-3, R-IO-28
    let mut pipe = server().pipe().unwrap();
    let good = call(1, "echo", json!({ "text": "x" }));
    for wrong in [&b"\xff"[..], b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80"] {
        // Where nobody looks, in a name that counts, and in the id.
        for place in ["\"text\":\"x", "\"name\":\"echo", "\"id\":"] {
            let at = good.windows(place.len()).position(|window| window == place.as_bytes()).unwrap() + place.len();
            let broken = [&good[..at], wrong, &good[at..]].concat();
            let lines = written(&mut pipe, &broken);
            assert_eq!(lines.len(), 1, "{wrong:?} behind {place}");
            let answer = json(&lines[0]);
            let refused = answer["error"]["code"] == -32700;
            // Arguments belong to their handler, who is the one to read them.
            let failed =
                answer["id"] == 1 && (answer["error"]["code"] == -32602 || answer["result"]["isError"] == true);
            assert!(refused || (place.starts_with("\"text") && failed), "{wrong:?} behind {place}: {answer}");
        }
    }
    let served = written(&mut pipe, &good);
    assert_eq!(json(served.last().unwrap())["result"]["content"][0]["text"], "x");
}

/// Pieces of lines: whole messages, halves of them, and what no client would send.
const PIECES: [&str; 20] = [
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"a\nb\u2028"},"_meta":META}}"#,
    r#"{"jsonrpc":"2.0","id":"q\"\n","method":"tools/call","params":{"name":"ask","_meta":META}}"#,
    r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"change","_meta":META}}"#,
    r#"{"jsonrpc":"2.0","id":8,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},"_meta":META}}"#,
    r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":8}}"#,
    r#"{"jsonrpc":"2.0","method":"notifications/unknown"}"#,
    r#"{"jsonrpc":"2.0","id":9,"method":"server/discover","params":{"_meta":META}}"#,
    r#"{"jsonrpc":"2.0","id":10,"method":"tools/list","params":{"cursor":"\ud800","_meta":META}}"#,
    r#"{"jsonrpc":"2.0","id":11,"method":"no\u0000thing\r","params":{"_meta":META}}"#,
    r#"{"jsonrpc":"2.0","id":12,"method":"tools/list"}"#,
    r#"{"jsonrpc":"2.0","id":13,"result":{}}"#,
    r#"{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"\n"}}"#,
    r#"{"jsonrpc":"1.0","id":14,"method":"x"}"#,
    r#"{"id":15}"#,
    r#"[{"jsonrpc":"2.0","id":16,"method":"ping"}]"#,
    "[]",
    "\u{feff}",
    "GET / HTTP/1.1",
    "\0",
    " \t",
];

#[test]
fn nothing_but_messages_is_written_whatever_comes_in_and_no_requests_where_there_was_no_handshake() {
    // R-IO-2, R-IO-4, R-IO-11, R-IO-12, R-LM-7
    let mut random = Random::new(17);
    let (mut lines_written, mut notifications) = (0, 0);
    for _ in 0..300 {
        let mut pipe = server().pipe().unwrap();
        let mut judge = Conversation::default();
        for _ in 0..random.below(12) {
            let mut line = random.pick(&PIECES).replace("META", META).into_bytes();
            match random.below(6) {
                0 => line.truncate(random.below(line.len() + 1)),
                1 => line[0] = random.byte(),
                2 => line.extend_from_slice(&random.bytes(3)),
                _ => {}
            }
            line.retain(|byte| *byte != b'\n');
            judge.overheard(Side::Client, &line);
            line.push(b'\n');
            for written in written(&mut pipe, &line) {
                let Ok(Payload::Message(message)) = decode(&written, &Limits::default()) else {
                    panic!("{:?} for {:?}", String::from_utf8_lossy(&written), String::from_utf8_lossy(&line))
                };
                assert!(!written.contains(&b'\r'), "a line end within");
                assert!(!matches!(message, Message::Request(_)), "{}", String::from_utf8_lossy(&written));
                notifications += usize::from(matches!(message, Message::Notification(_)));
                judge.sent(Side::Server, &written);
                lines_written += 1;
            }
        }
    }
    assert!(lines_written > 500 && notifications > 50, "{lines_written} {notifications}");
}

#[test]
fn what_one_line_declared_means_nothing_to_the_next() {
    // R-IO-19, R-ST-66, R-LM-33
    let mut pipe = server().pipe().unwrap();
    let asked = json(&written(&mut pipe, &call(1, "ask", json!({})))[0]);
    assert_eq!(asked["result"]["resultType"], "input_required");
    let bare = String::from_utf8(call(2, "ask", json!({}))).unwrap();
    let bare = bare.replace(r#"{"elicitation":{},"roots":{},"sampling":{}}"#, "{}");
    assert!(!bare.contains("elicitation"));
    let refused = json(&written(&mut pipe, bare.as_bytes())[0]);
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!(2), &json!(-32021)));
}

/// A client around a server, and every byte that it wrote.
fn overheard(version: Option<ProtocolVersion>) -> (Client, Arc<Mutex<Vec<u8>>>) {
    let mut pipe = server().pipe().unwrap();
    let all = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&all);
    let builder = Client::around_builder(move |bytes, out| {
        heard.lock().unwrap().extend_from_slice(bytes);
        pipe.received(Instant::ZERO, bytes).unwrap();
        out.extend_from_slice(pipe.output());
        pipe.sent(usize::MAX);
        // What no server should write.
        out.extend_from_slice(b"Listening...\n\n\xff\xfe\n{\"half\":\n[1,2]\n");
    });
    let builder = match version {
        Some(version) => builder.protocol_version(version),
        None => builder,
    };
    let builder = builder.on_elicitation(|form| form.accept_defaults()).roots([]);
    (builder.connect().unwrap(), all)
}

#[test]
fn nothing_but_messages_is_written_to_a_server_whatever_it_writes() {
    // R-IO-2, R-IO-5, R-IO-27
    for version in [None, Some(ProtocolVersion::V2025_11_25), Some(ProtocolVersion::V2024_11_05)] {
        let (client, all) = overheard(version);
        for text in ["a\nb", "\r\n", "\u{2028}\u{2029}\u{85}", "\0", "\u{feff}", "\"\\"] {
            assert_eq!(client.call("echo", &json!({ "text": text })).unwrap().all_text(), text);
            let _refused = client.call(text, &());
            let _refused = client.read_resource(text);
        }
        let options = CallOptions::new().meta("com.example/x", json!("a\nb")).timeout(Duration::from_millis(300));
        client.call_with("echo", &json!({ "text": "x" }), options).unwrap();
        let _asked = client.call("ask", &());
        let _subscription = client.listen(Filter::new().tools());
        client.close();
        let all = all.lock().unwrap();
        let lines: Vec<&[u8]> = all.split_inclusive(|byte| *byte == b'\n').collect();
        assert!(lines.len() > 20, "{}", lines.len());
        for line in lines {
            let (end, line) = line.split_last().unwrap();
            assert_eq!(*end, b'\n', "the last line too");
            assert!(matches!(decode(line, &Limits::default()), Ok(Payload::Message(_))), "{line:?}");
            assert!(!line.contains(&b'\r'));
            std::str::from_utf8(line).unwrap();
        }
    }
}

#[test]
fn the_end_of_a_page_that_nobody_knows_is_no_news() {
    // R-FC-27: whoever agreed to a page has not been there yet; a message about one that is unknown is left alone.
    let (script, end) = Script::run(ProtocolVersion::V2025_11_25, json!({ "tools": {} }), |server| {
        let call = server.expect("tools/call");
        server.notify("notifications/elicitation/complete", json!({ "elicitationId": "nobody's" }));
        server.notify("notifications/elicitation/complete", json!({}));
        server.result(&call, json!({ "content": [{ "type": "text", "text": "done" }] }));
        let again = server.expect("tools/call");
        server.result(&again, json!({ "content": [] }));
    });
    let client = Client::over_memory_builder(end).call_timeout(Duration::from_secs(5)).connect().unwrap();
    assert_eq!(client.call("x", &()).unwrap().all_text(), "done");
    client.call("x", &()).unwrap();
    script.finish();
}

#[test]
fn no_shell_reads_what_a_child_is_given() {
    // R-IO-33
    let odd = "$(exit 3) `exit 4`; exit 5 | \"'*?~ &\\";
    let command = Command::new(env!("CARGO_BIN_EXE_stdio_peer")).arg(format!("last_words={odd}"));
    let client = Client::spawn(command).unwrap();
    let error = client.call("exit", &json!({ "code": 42 })).unwrap_err();
    let Error::Exited(exited) = error else { panic!("{error}") };
    assert_eq!((exited.code, exited.stderr.as_slice()), (Some(42), &[odd.to_owned()][..]));
}

#[test]
fn what_a_line_has_to_say_of_itself_and_does_not_is_named() {
    // R-LM-52, R-ST-26, R-LM-91
    let mut pipe = server().pipe().unwrap();
    let good = String::from_utf8(call(1, "echo", json!({}))).unwrap();
    let capabilities = r#""io.modelcontextprotocol/clientCapabilities":{"elicitation":{},"roots":{},"sampling":{}}"#;
    assert!(good.contains(capabilities));
    for (title, line, code) in [
        ("no capabilities", good.replace(&format!("{capabilities},"), ""), -32602),
        ("capabilities of another kind", good.replace(capabilities, &capabilities.replace("{}", "7")), -32602),
        ("a level that there is not", good.replace("\"debug\"", "\"loud\""), -32602),
        ("a revision of the other era", good.replace("2026-07-28", "2025-11-25"), -32022),
        ("no revision", good.replace("2026-07-28", "latest"), -32022),
        (
            "no claim for a method that needs one",
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server/discover\"}\n".into(),
            -32602,
        ),
        ("no claim and no handshake", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}\n".into(), -32600),
    ] {
        let lines = written(&mut pipe, line.as_bytes());
        let answer = json(&lines[0]);
        assert_eq!(
            (lines.len(), &answer["id"], &answer["error"]["code"]),
            (1, &json!(1), &json!(code)),
            "{title}: {answer}"
        );
    }
    // Escapes make no other request of it.
    let escaped =
        good.replace("io.modelcontextprotocol/", r"io.modelcontextprotocol\/").replace("\"_meta\"", r#""\u005fmeta""#);
    assert_eq!(json(written(&mut pipe, escaped.as_bytes()).last().unwrap())["result"]["resultType"], "complete");
}

#[test]
fn a_server_that_wants_a_handshake_gets_one_over_lines_as_well() {
    // R-IO-20, R-LM-20: it looks like one that never heard of the other era.
    let handshake_only = || server().without_stateless();
    let mut pipe = handshake_only().pipe().unwrap();
    for line in [call(1, "echo", json!({})), discover()] {
        let lines = written(&mut pipe, &line);
        let code = json(&lines[0])["error"]["code"].as_i64().unwrap();
        assert!(lines.len() == 1 && !(-32099..=-32020).contains(&code), "{code}");
    }
    let client = Client::around(handshake_only().in_process().unwrap()).unwrap();
    assert_eq!(client.protocol_version(), ProtocolVersion::LATEST_HANDSHAKE);
    assert_eq!(client.call("echo", &json!({ "text": "x" })).unwrap().all_text(), "x");
    let pinned = Client::around_builder(handshake_only().in_process().unwrap());
    pinned.protocol_version(ProtocolVersion::V2026_07_28).connect().unwrap_err();
}

fn discover() -> Vec<u8> {
    let params = json!({ "_meta": serde_json::from_str::<Value>(META).unwrap() });
    format!("{}\n", json!({ "jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": params })).into_bytes()
}

#[test]
fn a_process_that_serves_its_standard_streams_writes_messages_and_ends_with_its_input() {
    // R-IO-4, R-IO-6, R-IO-23
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_stdio_server"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let lines = [
        &call(1, "pid", json!({}))[..],
        b"no message\n\n\xff\n",
        &call(2, "change", json!({})),
        &call(3, "none", json!({})),
    ];
    input.write_all(&lines.concat()).unwrap();
    drop(input);
    let (tell, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || tell.send(child.wait_with_output().unwrap()));
    let output = ended.recv_timeout(Duration::from_secs(20)).expect("it ends with its input");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let answers: Vec<Value> =
        output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(json).collect();
    assert!(output.stdout.ends_with(b"\n"));
    let codes: Vec<_> = answers.iter().map(|answer| (answer["id"].clone(), answer["error"]["code"].clone())).collect();
    let (null, parse) = (Value::Null, json!(-32700));
    assert_eq!(
        codes,
        [
            (json!(1), null.clone()),
            (null.clone(), parse.clone()),
            (null.clone(), parse),
            (json!(2), null),
            (json!(3), json!(-32602))
        ],
        "{answers:?}"
    );
}

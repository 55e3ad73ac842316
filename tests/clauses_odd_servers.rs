//! A client and servers that answer anything: every call ends in time, nothing panics, and the next good answer counts.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mcp_core::revision::ProtocolVersion;
use mcp_core::types::{CompletionReference, CreateMessageResult, ElicitAction, LoggingLevel, Root};
use mcp_sse_blocking::{CallOptions, Client, Filter};
use mcp_tests::random::Random;
use serde_json::{Value, json};

/// Values that fit nowhere, or nearly.
const VALUES: [&str; 22] = [
    "null",
    "true",
    "7",
    "-1",
    "1e400",
    "18446744073709551616",
    "0.5",
    "\"\"",
    "\"text\\u0000\\n\"",
    "\"\\ud800\"",
    "[]",
    "[7]",
    "{}",
    r#"{"type":"text"}"#,
    r#"[{"type":"text","text":7}]"#,
    r#"[{"type":"image","data":"!","mimeType":7}]"#,
    r#"[{"name":7}]"#,
    r#"[{"name":"a","inputSchema":null}]"#,
    r#"[{"uri":null,"text":"a"}]"#,
    r#"{"a":{"method":"roots/list"}}"#,
    r#"{"a":{"method":"elicitation/create","params":{"message":7}}}"#,
    r#"{"io.modelcontextprotocol/subscriptionId":[],"progressToken":{}}"#,
];

/// Members that messages have.
const MEMBERS: [&str; 26] = [
    "content",
    "structuredContent",
    "isError",
    "tools",
    "nextCursor",
    "resources",
    "contents",
    "messages",
    "completion",
    "resultType",
    "inputRequests",
    "requestState",
    "ttlMs",
    "cacheScope",
    "_meta",
    "capabilities",
    "supportedVersions",
    "progressToken",
    "progress",
    "requestId",
    "uri",
    "level",
    "data",
    "requestedSchema",
    "mode",
    "maxTokens",
];

const METHODS: [&str; 16] = [
    "notifications/progress",
    "notifications/message",
    "notifications/cancelled",
    "notifications/tools/list_changed",
    "notifications/resources/updated",
    "notifications/subscriptions/acknowledged",
    "notifications/elicitation/complete",
    "notifications/initialized",
    "notifications/unknown",
    "ping",
    "roots/list",
    "sampling/createMessage",
    "elicitation/create",
    "tools/call",
    "unknown/method",
    "",
];

fn value(random: &mut Random) -> String {
    if random.below(40) == 0 {
        return format!("{}{}", "[".repeat(200), "]".repeat(200));
    }
    (*random.pick(&VALUES)).to_owned()
}

/// An object of some members that messages have, with values that need not fit.
fn object(random: &mut Random) -> String {
    let kind = [r#""complete""#, r#""input_required""#, r#""task""#];
    let members: Vec<String> = (0..random.below(6))
        .map(|_| match *random.pick(&MEMBERS) {
            "resultType" => format!(r#""resultType":{}"#, random.pick(&kind)),
            member => format!("\"{member}\":{}", value(random)),
        })
        .collect();
    format!("{{{}}}", members.join(","))
}

/// What an odd server says to a request with this id.
fn odd(random: &mut Random, id: &Value) -> String {
    let right = id.to_string();
    let wrong = ["null", "\"1\"", "0", "99999", "1.5", "{}", "-1"];
    let id = if random.below(3) == 0 { (*random.pick(&wrong)).to_owned() } else { right };
    let body = object(random);
    match random.below(10) {
        0..4 => format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{body}}}"#),
        4 => format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{}}}"#, value(random)),
        5 => {
            let code = random.pick(&[-32601, -32602, -32002, -32042, -32020, -32022, 0, i64::MIN]);
            format!(
                r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":"no\u0007","data":{}}}}}"#,
                value(random)
            )
        }
        6 => format!(r#"{{"jsonrpc":"2.0","method":"{}","params":{body}}}"#, random.pick(&METHODS)),
        7 => format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{}","params":{body}}}"#, random.pick(&METHODS)),
        8 => format!(r#"[{{"jsonrpc":"2.0","id":{id},"result":{body}}},7,{body}]"#),
        _ => {
            let mut line = format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{body}}}"#);
            let at = random.below(line.len());
            line.truncate(at);
            line
        }
    }
}

/// What a good one says.
fn good(message: &Value) -> Option<Value> {
    let info = json!({ "name": "odd", "version": "1" });
    let capabilities = json!({ "tools": { "listChanged": true }, "resources": { "subscribe": true }, "prompts": {},
        "completions": {}, "logging": {} });
    let result = match message["method"].as_str()? {
        "server/discover" => json!({ "supportedVersions": ["2026-07-28"], "capabilities": capabilities,
            "resultType": "complete", "ttlMs": 0, "cacheScope": "private" }),
        "initialize" => json!({ "protocolVersion": message["params"]["protocolVersion"], "capabilities": capabilities,
            "serverInfo": info }),
        "tools/call" => json!({ "content": [{ "type": "text", "text": "good" }] }),
        _ => json!({}),
    };
    message.get("id").map(|id| json!({ "jsonrpc": "2.0", "id": id, "result": result }))
}

#[test]
fn every_call_ends_whatever_a_server_answers_and_a_good_answer_counts_afterwards() {
    // R-SEC-27, R-LM-8, R-LM-15, R-LM-56, R-LM-79, R-LM-84
    for (seed, version) in
        (1..).zip([ProtocolVersion::V2026_07_28, ProtocolVersion::V2025_11_25, ProtocolVersion::V2025_03_26])
    {
        let mut random = Random::new(seed);
        let is_odd = Arc::new(AtomicBool::new(false));
        let odd_now = Arc::clone(&is_odd);
        let mut input = Vec::new();
        let builder = Client::around_builder(move |bytes, out| {
            input.extend_from_slice(bytes);
            while let Some(end) = input.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = input.drain(..=end).collect();
                let message: Value = serde_json::from_slice(&line).expect("a client writes JSON");
                if !odd_now.load(Ordering::Relaxed) {
                    if let Some(answer) = good(&message) {
                        out.extend_from_slice(format!("{answer}\n").as_bytes());
                    }
                    continue;
                }
                // An answer to an answer would go on for ever.
                let requests = usize::from(message.get("method").is_some());
                for _ in 0..requests * (1 + random.below(4)) {
                    out.extend_from_slice(odd(&mut random, &message["id"]).as_bytes());
                    out.push(b'\n');
                }
            }
        });
        let mut limits = mcp_core::Limits::default();
        (limits.list_pages, limits.input_rounds) = (4, 2);
        let client = builder
            .limits(limits)
            .protocol_version(version)
            .call_timeout(Duration::from_millis(50))
            .roots([Root::new("file:///w")])
            .on_elicitation(|form| form.accept_defaults())
            .on_url_elicitation(|_| ElicitAction::Accept)
            .on_sampling(|_| Ok(CreateMessageResult::text("m", "x")))
            .on_notification(|_, _| ())
            .connect()
            .unwrap();
        let (mut refused, mut taken) = (0, 0);
        let mut count = |is_ok: bool| if is_ok { taken += 1 } else { refused += 1 };
        for round in 0..12 {
            is_odd.store(true, Ordering::Relaxed);
            let begun = Instant::now();
            count(client.call("t", &json!({ "round": round })).is_ok());
            let mut progress = 0;
            count(client.call_with("t", &(), CallOptions::new().on_progress(|_| progress += 1)).is_ok());
            count(client.tools().take(20).all(|tool| tool.is_ok()));
            count(client.resources().take(20).all(|it| it.is_ok()));
            count(client.prompts().take(20).all(|it| it.is_ok()));
            count(client.read_resource("file:///a").is_ok());
            count(client.get_prompt("p", &json!({ "a": "b" })).is_ok());
            count(client.complete(CompletionReference::prompt("p"), "a", "b", &json!({ "c": "d" })).is_ok());
            count(client.ping().is_ok());
            count(client.set_log_level(LoggingLevel::Info).is_ok());
            if let Ok(mut subscription) = client.listen(Filter::new().tools().resource("file:///a")) {
                let _change = subscription.next_within(Duration::from_millis(1));
            }
            if let Ok(job) = client.start("t", &()) {
                count(job.result().is_ok());
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "{version}, round {round}: {:?}", begun.elapsed());
            is_odd.store(false, Ordering::Relaxed);
            let options = CallOptions::new().timeout(Duration::from_secs(10));
            let answer = client.call_with("t", &(), options).unwrap_or_else(|error| panic!("{version}: {error}"));
            assert_eq!(answer.all_text(), "good", "{version}, round {round}");
        }
        assert!(refused > 30 && taken > 3, "{version}: {refused} {taken}");
        client.close();
    }
}

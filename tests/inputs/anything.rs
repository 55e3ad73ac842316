//! Whatever comes, there is one answer: to requests of every kind, and to questions.

use mcp_tests::random::Random;

use super::*;

/// Everything that can be asked for, by handlers that ask back.
fn everything() -> Service {
    let mut service = service();
    let prompt = Prompt::new("p")
        .argument("who", "")
        .optional_argument("how", "")
        .complete("how", |typed| vec![format!("{}{}", typed.value(), typed.earlier("who").unwrap_or_default())]);
    service.prompt(prompt, |call: &mut Call<'_>| Ok(format!("{} {}", call.arg::<&str>("who")?.len(), greet(call)?)));
    let template = ResourceTemplate::new("a://{x}/{+y}", "a").complete("x", |_| ["1", "2"]);
    service.resource_template(template, |call: &mut Call<'_>| {
        let (x, y) = (call.arg::<String>("x")?, call.arg::<String>("y")?);
        call.keep("y", &y)?;
        Ok((x != "1").then_some(format!("{x} {y} {}", greet(call)?)))
    });
    service
}

const VALUES: [&str; 26] = [
    "\"\"",
    "\"p\"",
    "\"greet\"",
    "\"a://1/2\"",
    "\"a://2/b/c%20d\"",
    "\"a://%zz/%2e%2e%2f\"",
    "\"a://{x}/{+y}\"",
    "\"\\ud800\"",
    "\"who\"",
    "\"x\"",
    "null",
    "true",
    "-1.5e3",
    "1e999",
    "123456789012345678901234567890",
    "[]",
    "{}",
    "{\"who\":\"Ada\"}",
    "{\"who\":null,\"how\":7}",
    "{\"type\":\"ref/prompt\",\"name\":\"p\"}",
    "{\"type\":\"ref/resource\",\"uri\":\"a://{x}/{+y}\"}",
    "{\"name\":\"how\",\"value\":\"w\"}",
    "{\"name\":\"x\",\"value\":\"\"}",
    "{\"arguments\":{\"who\":\"Ada\"}}",
    "{\"user\":{\"action\":\"accept\",\"content\":{\"name\":\"Ada\"}}}",
    "{\"user\":{\"action\":\"decline\"},\"other\":[null]}",
];

#[test]
fn whatever_is_asked_for_there_is_one_answer_and_no_panic() {
    // Each with what often makes sense.
    let user = r#""inputResponses":{"user":{"action":"accept","content":{"name":"Ada"}}}"#;
    let methods: [(&str, &[&str]); 7] = [
        ("tools/call", &[r#""name":"greet""#, r#""arguments":{}"#, user]),
        ("prompts/get", &[r#""name":"p""#, r#""arguments":{"who":"Ada"}"#, user]),
        ("resources/read", &[r#""uri":"a://2/b/c%20d""#, r#""uri":"a://1/x""#, user]),
        (
            "completion/complete",
            &[
                r#""ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"how","value":"w"}"#,
                r#""ref":{"type":"ref/resource","uri":"a://{x}/{+y}"},"argument":{"name":"x","value":""}"#,
                r#""context":{"arguments":{"who":"Ada"}}"#,
            ],
        ),
        ("resources/list", &[r#""cursor":null"#]),
        ("prompts/list", &[r#""cursor":null"#]),
        ("resources/templates/list", &[r#""cursor":null"#]),
    ];
    let members =
        ["name", "arguments", "uri", "ref", "argument", "context", "cursor", "inputResponses", "requestState"];
    let mut random = Random::new(11);
    let (mut answers, mut errors, mut questions) = (0, 0, 0);
    for version in REVISIONS {
        let mut client = client(everything(), version);
        let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{},"roots":{}}}"#;
        for id in 1000..3000 {
            let (method, sensible) = *random.pick(&methods);
            let mut params: Vec<String> = Vec::new();
            sensible.iter().for_each(|part| {
                if random.below(3) > 0 {
                    params.push((*part).to_owned());
                }
            });
            if random.below(2) == 0 {
                params.push(format!("\"{}\":{}", random.pick(&members), random.pick(&VALUES)));
            }
            if version == STATELESS {
                params.push(meta.to_owned());
            }
            let params = params.join(",");
            let message = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{{params}}}}}"#);
            // On a worker the same handler is called; here every answer is there at once.
            if message.contains("greet_on_worker") {
                continue;
            }
            let outcome = client.send_text(&message);
            let sent = client.sent();
            let last = sent.last().unwrap_or_else(|| panic!("no answer: {message}"));
            if outcome == Outcome::Later {
                // It asks; whatever is answered, there is one answer to the call.
                questions += 1;
                let asked = last["id"].clone();
                let result = random.pick(&VALUES);
                let reply = if result.starts_with('{') {
                    format!(r#"{{"jsonrpc":"2.0","id":{asked},"result":{result}}}"#)
                } else {
                    format!(r#"{{"jsonrpc":"2.0","id":{asked},"error":{{"code":-1,"message":"no"}}}}"#)
                };
                let _outcome = client.send_text(&reply);
                let sent = client.sent();
                assert_eq!((sent.len(), &sent[0]["id"]), (1, &json!(id)), "{message} {reply}");
                continue;
            }
            assert_eq!((sent.len(), &last["id"]), (1, &json!(id)), "{message}");
            assert_ne!(last.get("result").is_some(), last.get("error").is_some(), "{message}");
            assert!(!last.to_string().contains("internal error"), "{message} {last}");
            match last.get("error") {
                Some(_) => errors += 1,
                None if last["result"]["resultType"] == "input_required" => questions += 1,
                None => answers += 1,
            }
        }
        assert_eq!((client.session.in_flight(), client.service.waiting_calls()), (0, 0));
    }
    assert!(answers > 500 && errors > 500 && questions > 50, "{answers} {errors} {questions}");
}

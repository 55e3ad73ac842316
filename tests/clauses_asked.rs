//! Questions of the server among other messages: in batches, several at once, on lines, and after connections broke.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::io::{BufRead as _, BufReader, Write as _};
use std::time::Duration;

use mcp_core::time::Instant;
use mcp_server_tiny::types::CreateMessageParams;
use mcp_server_tiny::{Call, Server, Tool};
use mcp_sse_blocking::memory;
use mcp_tests::raw_engine::RawEngine;
use mcp_tests::raw_streamable::{Streamed, call};
use serde_json::{Value, json};

fn server() -> Server {
    Server::new("asks", "1").tool(Tool::new("sample").param::<String>("text", "what"), |call: &mut Call<'_>| {
        let text = call.arg::<String>("text")?;
        let first = call.sample("first", CreateMessageParams::text(format!("{text} 1"), 10));
        let second = call.sample("second", CreateMessageParams::text(format!("{text} 2"), 10));
        let (first, second) = (first?, second?);
        Ok(format!("{} and {}", first.content.all_text(), second.content.all_text()))
    })
}

fn sample(id: u32, text: &str) -> String {
    call(id, "tools/call", json!({ "name": "sample", "arguments": { "text": text } }))
}

/// The answer to a question: what was asked, in capitals.
fn said(question: &Value) -> String {
    assert_eq!(question["method"], "sampling/createMessage", "{question}");
    let asked = question["params"]["messages"][0]["content"]["text"].as_str().unwrap();
    let content = json!({ "type": "text", "text": asked.to_uppercase() });
    let result = json!({ "role": "assistant", "model": "m", "content": content });
    json!({ "jsonrpc": "2.0", "id": question["id"], "result": result }).to_string()
}

fn text(message: &Value) -> (u64, &str) {
    (message["id"].as_u64().unwrap(), message["result"]["content"][0]["text"].as_str().unwrap())
}

#[test]
fn calls_of_a_batch_ask_each_for_itself_and_are_answered_by_a_batch() {
    // R-SH-7, R-SH-12, R-SH-13, R-SH-17, R-LM-9
    let mut engine = RawEngine::new(server());
    let session = engine.session_with("2025-03-26", json!({ "sampling": {} }));
    let ping = r#"{"jsonrpc":"2.0","id":9,"method":"ping"}"#;
    engine.send(session.conn, session.post(&format!("[{},{ping},{}]", sample(1, "a"), sample(2, "b"))));
    let streamed = engine.streamed(session.conn);
    assert!(!streamed.is_over);
    let (questions, answers): (Vec<_>, Vec<_>) =
        streamed.messages().into_iter().partition(|message| message.get("method").is_some());
    assert_eq!((questions.len(), answers.len(), &answers[0]["id"]), (4, 1, &json!(9)));
    let mut ids: Vec<String> = questions.iter().map(|question| question["id"].to_string()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 4, "each has an id of its own");
    // The second call is answered first, and both questions of the first in one batch.
    let [first, second]: [Vec<Value>; 2] = [" 1", " 2"].map(|end| {
        let mut of: Vec<Value> = questions.clone();
        of.retain(|question| question["params"]["messages"][0]["content"]["text"].as_str().unwrap().ends_with(end));
        of
    });
    for question in [&first[1], &second[1]] {
        assert_eq!(engine.connect_and_ask(&session.post(&said(question))).status, 202);
    }
    let streamed = engine.streamed(session.conn);
    assert!(!streamed.is_over);
    assert_eq!(text(&streamed.messages()[0]), (2, "B 1 and B 2"));
    let both = format!("[{},{}]", said(&second[0]), said(&first[0]));
    assert_eq!(engine.connect_and_ask(&session.post(&both)).status, 202);
    let streamed = engine.streamed(session.conn);
    assert!(streamed.is_over);
    assert_eq!(text(&streamed.messages()[0]), (1, "A 1 and A 2"));
}

#[test]
fn a_question_that_was_lost_on_its_way_is_sent_again_to_who_comes_back() {
    // R-SH-13, R-SH-17, R-SH-34
    let mut engine = RawEngine::new(server());
    let session = engine.session_with("2025-11-25", json!({ "sampling": {} }));
    engine.send(session.conn, session.post(&sample(1, "a")));
    let begun = engine.streamed(session.conn);
    let first = begun.events[0].id.clone().unwrap();
    engine.engine.closed(session.conn);
    let again = engine.listen(&session, Some(&first));
    let questions = engine.streamed(again).messages();
    assert_eq!(questions, begun.messages(), "the same ones, under their ids");
    for question in &questions {
        assert_eq!(engine.connect_and_ask(&session.post(&said(question))).status, 202);
    }
    let rest = engine.streamed(again);
    assert!(rest.is_over);
    assert_eq!(text(&rest.messages()[0]), (1, "A 1 and A 2"));
}

#[test]
fn questions_of_several_calls_share_one_stream_of_lines_or_of_http_sse() {
    // R-IO-9, R-SSE-4, R-LM-11
    let mut pipe = server().pipe().unwrap();
    let mut ask = |line: &str| -> Vec<Value> {
        pipe.received(Instant::ZERO, format!("{line}\n").as_bytes()).unwrap();
        let sent = String::from_utf8(pipe.output().to_vec()).unwrap();
        pipe.sent(sent.len());
        sent.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let hello = mcp_tests::raw_streamable::initialize("2024-11-05", json!({ "sampling": {} }));
    let ready = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    ask(&hello);
    ask(ready);
    let mut questions = ask(&sample(1, "a"));
    questions.extend(ask(&sample(2, "b")));
    let mut answers = Vec::new();
    for question in questions.iter().rev() {
        answers.extend(ask(&said(question)));
    }
    assert_eq!(answers.iter().map(text).collect::<Vec<_>>(), [(2, "B 1 and B 2"), (1, "A 1 and A 2")]);

    let mut engine = RawEngine::new(server());
    let session = engine.open();
    engine.post(&session, &hello);
    engine.post(&session, ready);
    engine.taken(session.stream);
    engine.post(&session, &sample(1, "a"));
    engine.post(&session, &sample(2, "b"));
    let questions = Streamed::parse(&engine.taken(session.stream), false).messages();
    for question in questions.iter().rev() {
        engine.post(&session, &said(question));
    }
    let answers = Streamed::parse(&engine.taken(session.stream), false).messages();
    assert_eq!(answers.iter().map(text).collect::<Vec<_>>(), [(2, "B 1 and B 2"), (1, "A 1 and A 2")]);
}

#[test]
fn a_question_that_nobody_answers_ends_its_call_also_when_nothing_else_happens() {
    // R-LM-29, R-LM-77: a server on a thread of its own is woken by its own deadline.
    let (here, there) = memory::pair();
    let server = server().input_timeout(Duration::from_millis(200));
    let serving = std::thread::spawn(move || server.serve(there.clone(), there));
    let mut writer = here.clone();
    let hello = mcp_tests::raw_streamable::initialize("2025-06-18", json!({ "sampling": {} }));
    let ready = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    writer.write_all(format!("{hello}\n{ready}\n{}\n", sample(1, "a")).as_bytes()).unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(here).lines() {
            let Ok(line) = line else { return };
            let _ = tell.send(serde_json::from_str::<Value>(&line).unwrap());
        }
    });
    let next = || told.recv_timeout(Duration::from_secs(10)).expect("another message");
    assert_eq!(next()["id"], 0);
    let questions = [next(), next()];
    let mut withdrawn = [next(), next()].map(|message| message["params"]["requestId"].clone());
    withdrawn.sort_by_key(Value::to_string);
    assert_eq!(withdrawn, questions.map(|question| question["id"].clone()));
    let answer = next();
    assert_eq!((&answer["id"], &answer["result"]["isError"]), (&json!(1), &json!(true)), "{answer}");
    drop(writer);
    drop(told);
    let _ = serving;
}

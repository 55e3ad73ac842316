//! What a server says without being asked, or before it answers: where it is told, to whom, and that nothing of it is lost.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcp_core::types::LoggingLevel;
use mcp_server_tiny::engine::ConnId;
use mcp_server_tiny::resource::Resource;
use mcp_server_tiny::types::Change;
use mcp_server_tiny::{Call, Deferred, Later, Server, Tool};
use mcp_tests::random::Random;
use mcp_tests::raw_engine::RawEngine;
use mcp_tests::raw_http::RawAnswer;
use mcp_tests::raw_streamable::{McpSession, Streamed, call, initialize, meta, post, stateless};
use serde_json::{Value, json};

fn body(answer: &RawAnswer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("no JSON: {answer:?}"))
}

/// The status of an answer and the code of the error in it.
fn verdict(answer: &RawAnswer) -> (u16, i64) {
    let code = serde_json::from_str::<Value>(&answer.body).ok().and_then(|body| body["error"]["code"].as_i64());
    (answer.status, code.unwrap_or(0))
}

/// A tool and three resources, which may change.
fn shelf() -> Server {
    let mut server = Server::new("shelf", "1").tool(Tool::new("t"), |_| Ok("done"));
    for name in ["a", "b", "ab"] {
        server = server.resource(Resource::text(format!("shelf:{name}"), name, "text"));
    }
    server
}

#[test]
fn what_belongs_to_a_request_is_told_on_its_own_stream_and_on_no_other() {
    // R-ST-15, R-ST-42, R-LM-91, R-LM-83: also when all of them chose the same token.
    let held = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&held);
    let server = Server::new("later", "1").tool(Tool::new("later"), move |call: &mut Call<'_>| {
        kept.lock().unwrap().push(call.defer());
        Ok(Later)
    });
    let mut engine = RawEngine::new(server);
    let level = "io.modelcontextprotocol/logLevel";
    let mut loud = meta(json!({}));
    (loud["progressToken"], loud[level]) = (json!("p"), json!("debug"));
    let mut quiet = meta(json!({}));
    quiet["progressToken"] = json!("p");
    let listening = engine.connect();
    let filter = json!({ "notifications": { "toolsListChanged": true }, "_meta": loud });
    engine.send(listening, stateless("l", "subscriptions/listen", filter));
    engine.taken(listening);
    let session = engine.session("2025-11-25");
    let own = engine.listen(&session, None);
    engine.taken(own);
    let conns = [&loud, &quiet].map(|meta| {
        let conn = engine.connect();
        engine.send(conn, stateless(1, "tools/call", json!({ "name": "later", "_meta": meta })));
        conn
    });
    let in_session = json!({ "name": "later", "_meta": { "progressToken": "p" } });
    engine.send(session.conn, session.post(&call(1, "tools/call", in_session)));
    let calls: Vec<Deferred> = held.lock().unwrap().drain(..).collect();
    for (number, call) in (1u32..).zip(&calls) {
        call.progress(f64::from(number), None, None);
        call.log(LoggingLevel::Error, &number);
    }
    for call in calls {
        call.answer(Ok("done"));
    }
    settle(&mut engine);
    for ((number, conn), logs) in (1u32..).zip([conns[0], conns[1], session.conn]).zip([true, false, true]) {
        let messages = engine.streamed(conn).messages();
        let told = |method: &str, member: &str| -> Vec<Value> {
            let of_method = messages.iter().filter(|message| message["method"] == method);
            of_method.map(|message| message["params"][member].clone()).collect()
        };
        assert_eq!(told("notifications/progress", "progress"), [json!(f64::from(number))], "{number}: {messages:?}");
        let expected = if logs { vec![json!(number)] } else { Vec::new() };
        assert_eq!(told("notifications/message", "data"), expected, "{number}: {messages:?}");
        assert_eq!(messages.last().unwrap()["id"], 1);
    }
    assert_eq!((engine.taken(listening), engine.taken(own)), (String::new(), String::new()));
}

/// What a connection was sent of messages with this method, each with the URI in it.
fn told(engine: &mut RawEngine, conn: ConnId, chunked: bool, method: &str) -> Vec<String> {
    let messages = Streamed::parse(&engine.taken(conn), chunked).messages();
    let of_method = messages.iter().filter(|message| message["method"] == method);
    of_method.map(|message| message["params"]["uri"].as_str().unwrap_or("-").to_owned()).collect()
}

#[test]
fn a_changed_resource_is_told_to_who_watches_it_on_every_carrier_and_to_nobody_else() {
    // R-FS-25, R-FS-29, R-SH-22, R-ST-43
    const UPDATED: &str = "notifications/resources/updated";
    let mut engine = RawEngine::new(shelf());
    let over_sse = engine.initialized();
    let [watching, other] = [(); 2].map(|()| engine.session("2025-06-18"));
    let streams = [&watching, &other].map(|session| engine.listen(session, None));
    let alone = engine.connect();
    let filter = json!({ "notifications": { "resourceSubscriptions": ["shelf:a"] } });
    engine.send(alone, stateless("l", "subscriptions/listen", filter));
    engine.post(&over_sse, &call(1, "resources/subscribe", json!({ "uri": "shelf:a" })));
    let answer = engine.post_to(&watching, &call(1, "resources/subscribe", json!({ "uri": "shelf:a" })));
    assert_eq!(body(&answer)["result"], json!({}));
    engine.post_to(&other, &call(1, "resources/subscribe", json!({ "uri": "shelf:b" })));
    for conn in [over_sse.stream, streams[0], streams[1], alone] {
        engine.taken(conn);
    }
    let announce = |engine: &mut RawEngine, uri: &'static str| {
        engine.engine.announce(Change::Resource(uri.into()));
        settle(engine);
        [(over_sse.stream, false), (streams[0], false), (streams[1], false), (alone, true)]
            .map(|(conn, chunked)| told(engine, conn, chunked, UPDATED))
    };
    let only = |uri: &str| vec![uri.to_owned()];
    assert_eq!(announce(&mut engine, "shelf:a"), [only("shelf:a"), only("shelf:a"), vec![], only("shelf:a")]);
    assert_eq!(announce(&mut engine, "shelf:a/1"), [only("shelf:a/1"), only("shelf:a/1"), vec![], only("shelf:a/1")]);
    assert_eq!(announce(&mut engine, "shelf:b"), [vec![], vec![], only("shelf:b"), vec![]]);
    assert_eq!(announce(&mut engine, "shelf:ab"), [const { Vec::<String>::new() }; 4]);
    engine.post_to(&watching, &call(2, "resources/unsubscribe", json!({ "uri": "shelf:a" })));
    engine.post(&over_sse, &call(2, "resources/unsubscribe", json!({ "uri": "shelf:a" })));
    assert_eq!(announce(&mut engine, "shelf:a"), [vec![], vec![], vec![], only("shelf:a")]);
}

#[test]
fn nobody_is_told_of_changes_before_the_handshake_is_over() {
    // R-LM-25, R-LM-31
    const CHANGED: &str = "notifications/tools/list_changed";
    let ready = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let announce = |engine: &mut RawEngine| {
        engine.engine.announce(Change::Tools);
        settle(engine);
    };
    let mut engine = RawEngine::new(shelf());
    let over_sse = engine.open();
    announce(&mut engine);
    engine.post(&over_sse, &initialize("2025-03-26", json!({})));
    announce(&mut engine);
    assert_eq!(told(&mut engine, over_sse.stream, false, CHANGED), [""; 0]);
    engine.post(&over_sse, ready);
    announce(&mut engine);
    assert_eq!(told(&mut engine, over_sse.stream, false, CHANGED), ["-"]);

    // Who never says so is ready with its first request (R-LM-31).
    let silent = engine.open();
    engine.post(&silent, &initialize("2025-03-26", json!({})));
    engine.post(&silent, &call(1, "tools/list", json!({})));
    announce(&mut engine);
    assert_eq!(told(&mut engine, silent.stream, false, CHANGED), ["-"]);

    let conn = engine.connect();
    let hello = engine.ask(conn, post(&[], &initialize("2025-11-25", json!({}))));
    let id = hello.field("Mcp-Session-Id").unwrap().to_owned();
    let session = McpSession { conn, id, version: "2025-11-25".into() };
    let stream = engine.listen(&session, None);
    announce(&mut engine);
    assert_eq!(told(&mut engine, stream, false, CHANGED), [""; 0]);
    assert_eq!(engine.post_to(&session, ready).status, 202);
    announce(&mut engine);
    assert_eq!(told(&mut engine, stream, false, CHANGED), ["-"]);
}

#[test]
fn a_level_holds_for_the_session_that_set_it() {
    // R-LM-88, R-LM-90, R-LM-91
    let server = Server::new("logs", "1").tool(Tool::new("log"), |call: &mut Call<'_>| {
        call.log(LoggingLevel::Info, "heard?");
        Ok("logged")
    });
    let mut engine = RawEngine::new(server);
    let [quiet, loud] = [(); 2].map(|()| engine.session("2025-06-18"));
    for (session, level) in [(&quiet, "error"), (&loud, "debug")] {
        let set = engine.post_to(session, &call(1, "logging/setLevel", json!({ "level": level })));
        assert_eq!(body(&set)["result"], json!({}));
        let wrong = engine.post_to(session, &call(2, "logging/setLevel", json!({ "level": "loud" })));
        assert_eq!(verdict(&wrong), (200, -32602));
    }
    let request = call(3, "tools/call", json!({ "name": "log" }));
    engine.send(loud.conn, loud.post(&request));
    let streamed = engine.streamed(loud.conn).messages();
    assert_eq!(
        (&streamed[0]["method"], &streamed[0]["params"]["data"]),
        (&json!("notifications/message"), &json!("heard?"))
    );
    assert_eq!(body(&engine.post_to(&quiet, &request))["id"], 3, "nothing came before it, so that it is JSON");
    // A request that stands alone says so itself, whatever sessions there are.
    let answer = engine.connect_and_ask(&stateless(1, "tools/call", json!({ "name": "log" })));
    assert_eq!(answer.field("Content-Type"), Some("application/json"));
}

/// A client that waits for the answer to a call, on whichever connection.
struct Waiting {
    conn: ConnId,
    reads: bool,
    /// The last event that it saw.
    last: Option<String>,
    /// What it saw: progress, and one more for the answer.
    seen: Vec<u32>,
}

const STEPS: u32 = 12;

impl Waiting {
    /// Reads what there is; the call has the id and the token `id`.
    fn read(&mut self, engine: &mut RawEngine, id: u32) {
        for event in engine.streamed(self.conn).events {
            self.last.clone_from(&event.id);
            if event.data.is_empty() {
                continue;
            }
            let message = event.json();
            if let Some(step) = message["params"]["progress"].as_f64() {
                assert_eq!(message["params"]["progressToken"], id, "of the other call");
                self.seen.push(step as u32);
            } else {
                assert_eq!((&message["id"], &message["result"]["content"][0]["text"]), (&json!(id), &json!("done")));
                self.seen.push(STEPS + 1);
            }
        }
    }

    /// Goes on with the stream on another connection.
    fn resume(&mut self, engine: &mut RawEngine, session: &McpSession) {
        self.conn = engine.listen(session, self.last.as_deref());
        self.reads = true;
    }
}

fn settle(engine: &mut RawEngine) {
    let now = engine.now();
    while engine.engine.deliver_replies(now) {}
    engine.settle();
}

#[test]
fn whatever_breaks_each_message_of_a_session_arrives_once_and_in_order() {
    // R-SH-27, R-SH-30 to R-SH-35, R-SH-16: connections that end, hang or are left for another one, at any time.
    let mut resumed = 0;
    for seed in 1..60 {
        let mut random = Random::new(seed);
        let held = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&held);
        let server = Server::new("later", "1").tool(Tool::new("later"), move |call: &mut Call<'_>| {
            kept.lock().unwrap().push(call.defer());
            Ok(Later)
        });
        let mut engine = RawEngine::new(server);
        let session = engine.session("2025-11-25");
        // Two calls at the same time, whose streams must not mix.
        let mut clients = [1, 2].map(|id| {
            let conn = engine.connect();
            let params = json!({ "name": "later", "_meta": { "progressToken": id } });
            engine.send(conn, session.post(&call(id, "tools/call", params)));
            Waiting { conn, reads: true, last: None, seen: Vec::new() }
        });
        let calls: Vec<Deferred> = held.lock().unwrap().drain(..).collect();
        for step in 1..=STEPS {
            for ((id, client), deferred) in (1..).zip(&mut clients).zip(&calls) {
                deferred.progress(f64::from(step), None, None);
                settle(&mut engine);
                match random.below(6) {
                    gone @ (0 | 1) if client.last.is_some() => {
                        // Gone without a word, with whatever was on its way; or back before the old connection is known to
                        // be gone.
                        if gone == 0 {
                            engine.engine.closed(client.conn);
                        }
                        client.resume(&mut engine, &session);
                        resumed += 1;
                    }
                    2 => {
                        client.reads = !client.reads;
                        engine.reads(client.conn, client.reads);
                    }
                    _ => {}
                }
                if client.reads {
                    client.read(&mut engine, id);
                }
            }
            engine.pass(Duration::from_secs(1));
        }
        calls.into_iter().for_each(|deferred| deferred.answer(Ok("done")));
        settle(&mut engine);
        for (id, client) in (1..).zip(&mut clients) {
            engine.reads(client.conn, true);
            client.read(&mut engine, id);
            assert_eq!(client.seen, (1..=STEPS + 1).collect::<Vec<_>>(), "seed {seed}, call {id}");
        }
    }
    assert!(resumed > 100, "{resumed}");
}

#[test]
fn a_subscription_that_makes_no_sense_is_refused_and_one_that_knows_more_is_not() {
    // R-ST-39, R-ST-40, R-ST-46
    let mut engine = RawEngine::new(shelf());
    let listen = |filter: Value| stateless("l", "subscriptions/listen", json!({ "notifications": filter }));
    for wrong in [
        json!(null),
        json!("tools"),
        json!({ "resourceSubscriptions": "shelf:a" }),
        json!({ "resourceSubscriptions": [7] }),
    ] {
        let answer = engine.connect_and_ask(&listen(wrong.clone()));
        assert_eq!(verdict(&answer), (400, -32602), "{wrong}: {answer:?}");
    }
    for (filter, honoured) in [
        (json!({}), json!({})),
        (json!({ "toolsListChanged": false }), json!({})),
        (json!({ "toolsListChanged": true, "taskIds": ["t"], "unheard": 7 }), json!({ "toolsListChanged": true })),
        (json!({ "promptsListChanged": true, "resourcesListChanged": true }), json!({ "resourcesListChanged": true })),
    ] {
        let conn = engine.connect();
        engine.send(conn, listen(filter.clone()));
        let first = engine.streamed(conn).messages().remove(0);
        assert_eq!(first["params"]["notifications"], honoured, "{filter}");
        engine.end(conn);
    }
    assert_eq!(engine.engine.connections(), 0);
}

#[test]
fn who_does_not_read_what_it_asked_to_be_told_costs_a_bounded_amount() {
    // R-SEC-7, R-SSE-49: on each kind of stream, however often something changes, and without harm to the others.
    const BOUND: usize = 20_000;
    let server = shelf().limits(|limits| (limits.output_bytes, limits.replay_bytes) = (BOUND, BOUND));
    let mut engine = RawEngine::new(server);
    let over_sse = engine.initialized();
    let [deaf, fine] = [(); 2].map(|()| engine.session("2025-11-25"));
    let (own, read) = (engine.listen(&deaf, None), engine.listen(&fine, None));
    let alone = engine.connect();
    engine
        .send(alone, stateless("l", "subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } })));
    engine.taken(read);
    let deaf_conns = [over_sse.stream, own, alone];
    for conn in deaf_conns {
        engine.reads(conn, false);
    }
    let mut heard = 0;
    for _ in 0..2_000 {
        engine.engine.announce(Change::Tools);
        settle(&mut engine);
        for conn in deaf_conns {
            if !engine.is_closed(conn) {
                let waiting = engine.engine.output(conn).len();
                assert!(waiting <= BOUND + 1_000, "{waiting} bytes wait");
            }
        }
        heard += told(&mut engine, read, false, "notifications/tools/list_changed").len();
    }
    assert_eq!(heard, 2_000, "whoever reads hears everything");
    engine.pass(Duration::from_secs(60));
    assert!(deaf_conns.into_iter().all(|conn| engine.is_closed(conn)), "in the end they are dropped");
    assert_eq!(engine.post_to(&fine, &call(1, "tools/list", json!({}))).status, 200);
}

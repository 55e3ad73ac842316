//! One row of the suite, done and judged.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::table::Row;
use super::wire::{Answer, Field, PATIENCE, Stream, ask};

/// The path of the stream at all servers of the suite.
const STREAM: &str = "/sse";

/// How long after the answer to a later request an expected message may come. A row that holds never waits for it.
const GRACE: Duration = Duration::from_secs(2);

/// The request that follows all others, so that its answer says that no other message is to be waited for.
const FENCE: &str = "fence";

/// What was seen of a server in one row: the outside, as a client would.
pub(crate) struct Scene {
    server: SocketAddr,
    streams: BTreeMap<String, Stream>,
    answer: Answer,
}

/// Runs a row. The error says what was seen instead of what was expected.
pub(crate) fn run(server: SocketAddr, row: &Row) -> Result<(), String> {
    let mut scene = Scene { server, streams: BTreeMap::new(), answer: Answer::default() };
    row.done.iter().try_for_each(|step| scene.act(step).map_err(|error| format!("{step}: {error}")))?;
    row.expected.iter().try_for_each(|step| scene.judge(step))
}

type Outcome = Result<(), String>;

impl Scene {
    fn act(&mut self, step: &str) -> Outcome {
        let (step, fields) = match step.split_once(" with ") {
            Some((before, field)) if field.contains(':') && !field.contains('`') => {
                let (name, value) = field.split_once(':').expect("a field has a colon");
                (before, vec![(name, value.trim())])
            }
            _ => (step, Vec::new()),
        };
        if let Some(client) = step.strip_prefix("open ") {
            return self.open(client, &fields);
        }
        if let Some(client) = step.strip_prefix("close ") {
            self.stream(client).close();
            return Ok(());
        }
        if let Some(rest) = step.strip_prefix("shake hands as ") {
            let (client, revision) = rest.split_once(" in ").unwrap_or((rest, "2024-11-05"));
            return self.shake_hands(client, revision);
        }
        if let Some(rest) = step.strip_prefix("send ") {
            let (method, place) = rest.split_once(" to the ").expect("a request has a place");
            let target = match place.strip_prefix("messages of ") {
                Some(client) => self.endpoint(client),
                None => STREAM.to_owned(),
            };
            self.answer = ask(self.server, method, &target, &fields, "");
            return Ok(());
        }
        let rest = step.strip_prefix("post ").unwrap_or_else(|| panic!("nobody knows how to do this: {step}"));
        let (what, how) = rest.rsplit_once(" as ").expect("somebody posts");
        let message = match what.strip_suffix(" MiB") {
            Some(size) => padded_ping(size.parse().expect("a size is a number")),
            None => message(what.trim_matches('`')),
        };
        self.post(&message, how, &fields)
    }

    fn open(&mut self, client: &str, fields: &[Field<'_>]) -> Outcome {
        let (answer, stream) = Stream::open(self.server, STREAM, fields);
        let is_stream = answer.status == 200;
        self.answer = answer;
        self.streams.insert(client.to_owned(), stream);
        // Whether it is named `endpoint` is the row's to judge.
        let has_begun = |stream: &Stream| !stream.events.is_empty();
        if is_stream && !self.wait(client, PATIENCE, has_begun) {
            return Err("no event at all".into());
        }
        Ok(())
    }

    fn shake_hands(&mut self, client: &str, revision: &str) -> Outcome {
        self.post(&message(&format!("initialize {revision}")), client, &[])?;
        let answered = |stream: &Stream| messages(stream).any(|message| message["id"] == 0);
        if !self.wait(client, PATIENCE, answered) {
            return Err("`initialize` has no answer".into());
        }
        self.post(&message("initialized"), client, &[])?;
        match self.answer.status {
            200..=299 => Ok(()),
            status => Err(format!("`initialized` has status {status}")),
        }
    }

    fn post(&mut self, message: &str, how: &str, fields: &[Field<'_>]) -> Outcome {
        let (client, way) = how.split_once(' ').unwrap_or((how, ""));
        let endpoint = self.endpoint(client);
        let target = match way {
            "" | "until it is refused" => endpoint,
            "without a session" => endpoint.split('?').next().unwrap_or_default().to_owned(),
            "with a malformed session" => altered(&endpoint, |_| '!'),
            "with an unknown session" => altered(&endpoint, |digit| if digit == '0' { '1' } else { '0' }),
            "with another slash" => other_slash(&endpoint),
            way => panic!("nobody knows how to post {way}"),
        };
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.answer = ask(self.server, "POST", &target, fields, message);
            let is_done = way != "until it is refused" || !(200..300).contains(&self.answer.status);
            if is_done || Instant::now() > deadline {
                return Ok(());
            }
        }
    }

    fn judge(&mut self, step: &str) -> Outcome {
        if let Some(statuses) = step.strip_prefix("status ") {
            let seen = self.answer.status.to_string();
            return held(statuses.split(" or ").any(|status| status == seen), || format!("status {seen}"));
        }
        if let Some(name) = step.strip_prefix("no header ") {
            return held(self.answer.field(name).is_none(), || format!("header {name}"));
        }
        if let Some(field) = step.strip_prefix("header ") {
            return self.judge_header(field);
        }
        if step == "no JSON in the body" {
            let is_json = serde_json::from_str::<Value>(&self.answer.body).is_ok_and(|value| value.is_object());
            return held(!is_json, || "JSON in the body".into());
        }
        if let Some(rest) = step.strip_prefix("the first event of A is ") {
            let first = &self.stream("A").events[0].kind;
            return held(first == quoted(rest), || format!("event {first}"));
        }
        if step == "the endpoints of A and B differ" {
            return held(self.endpoint("A") != self.endpoint("B"), || "the same endpoint twice".into());
        }
        if let Some(kind) = step.strip_prefix("the endpoint of A ") {
            let endpoint = self.endpoint("A");
            return match kind {
                "is a path" => held(endpoint.starts_with('/') && !endpoint.starts_with("//"), || endpoint.clone()),
                "has 122 random bits" => held(bits(&endpoint) >= 122, || format!("{} bits", bits(&endpoint))),
                _ => panic!("nobody knows how to judge this: {step}"),
            };
        }
        if let Some(numbers) = step.strip_prefix("messages ").and_then(|rest| rest.strip_suffix(" to A in this order"))
        {
            self.fence("A")?;
            let ids: Vec<String> = messages(self.stream("A")).map(|message| message["id"].to_string()).collect();
            let wanted: Vec<&str> = numbers.split(", ").collect();
            let seen: Vec<&str> = ids.iter().map(String::as_str).filter(|id| wanted.contains(id)).collect();
            return held(seen == wanted, || format!("messages {}", seen.join(", ")));
        }
        let (what, client) = step.rsplit_once(" to ").unwrap_or((step, "A"));
        let (client, rest) = client.split_once(' ').unwrap_or((client, ""));
        self.judge_stream(format!("{what} {rest}").trim(), client)
    }

    fn judge_header(&self, field: &str) -> Outcome {
        let (name, is_whole, wanted) = match (field.split_once(" is "), field.split_once(" has ")) {
            (Some((name, value)), _) => (name, true, value),
            (_, Some((name, values))) => (name, false, values),
            _ => panic!("nobody knows how to judge this: {field}"),
        };
        let Some(value) = self.answer.field(name) else { return Err(format!("no header {name}")) };
        let fits =
            |wanted: &str| if is_whole { value.split(';').next() == Some(wanted) } else { value.contains(wanted) };
        held(wanted.split(" or ").any(fits), || format!("header {name}: {value}"))
    }

    fn judge_stream(&mut self, what: &str, client: &str) -> Outcome {
        if let Some(wanted) = what.strip_prefix("message ") {
            let wanted: Value = serde_json::from_str(quoted(wanted)).expect("an expected message is JSON");
            return self.expect_message(client, &wanted);
        }
        if what == "a comment" {
            let is_comment = |stream: &Stream| stream.text().lines().any(|line| line.starts_with(':'));
            return held(self.wait(client, GRACE + GRACE, is_comment), || "no comment".into());
        }
        self.fence(client)?;
        let stream = self.stream(client);
        if let Some(unwanted) = what.strip_prefix("no message ") {
            let unwanted: Value = serde_json::from_str(quoted(unwanted)).expect("an unwanted message is JSON");
            let found = messages(stream).find(|message| has(message, &unwanted));
            return held(found.is_none(), || format!("message {}", found.map(|it| brief(&it)).unwrap_or_default()));
        }
        if let Some(kind) = what.strip_prefix("one event ") {
            let count = stream.events.iter().filter(|event| event.kind == quoted(kind)).count();
            return held(count == 1, || format!("{count} of them"));
        }
        let text = stream.text();
        match what {
            "no other message" => {
                let other = messages(stream).find(|message| message["id"] != 0 && message["id"] != FENCE);
                held(other.is_none(), || format!("message {}", other.map(|it| brief(&it)).unwrap_or_default()))
            }
            "the lines end in LF" => held(!text.contains('\r'), || "lines that end in CR LF".into()),
            "the lines have a colon and a space" => {
                let other =
                    text.lines().find(|line| !line.is_empty() && !line.starts_with(':') && !line.contains(": "));
                held(other.is_none(), || format!("line {:?}", other.unwrap_or_default()))
            }
            "no event has an id" => held(stream.events.iter().all(|event| event.id.is_empty()), || "an id".into()),
            "each event has one line of data" => {
                let count = text.lines().filter(|line| line.starts_with("data")).count();
                held(count == stream.events.len(), || {
                    format!("{count} lines of data in {} events", stream.events.len())
                })
            }
            _ => panic!("nobody knows how to judge this: {what}"),
        }
    }

    /// Waits for a message; once a later request is answered, no longer than [`GRACE`].
    fn expect_message(&mut self, client: &str, wanted: &Value) -> Outcome {
        let has_come = |stream: &Stream| messages(stream).any(|message| has(&message, wanted));
        let is_answered = |stream: &Stream| messages(stream).any(|message| message["id"] == wanted["id"]);
        if !has_come(self.stream(client)) {
            self.fence(client)?;
        }
        // An answer that is another one will not be followed by the right one.
        self.wait(client, GRACE, |stream| has_come(stream) || (wanted["id"].is_u64() && is_answered(stream)));
        let stream = self.stream(client);
        let answer = messages(stream).find(|message| message["id"] == wanted["id"] && !wanted["id"].is_null());
        held(has_come(stream), || format!("message {}", answer.map_or_else(|| "none".into(), |it| brief(&it))))
    }

    /// Sees to it that a request after all others was answered.
    fn fence(&mut self, client: &str) -> Outcome {
        let is_answered = |stream: &Stream| messages(stream).any(|message| message["id"] == FENCE);
        if is_answered(self.stream(client)) {
            return Ok(());
        }
        let target = self.endpoint(client);
        let answer = ask(self.server, "POST", &target, &[], &message(&format!("ping \"{FENCE}\"")));
        if !(200..300).contains(&answer.status) {
            return Err(format!("status {} for a later `ping`", answer.status));
        }
        held(self.wait(client, PATIENCE, is_answered), || "no answer to a later `ping`".into())
    }

    fn wait(&mut self, client: &str, patience: Duration, is_it: impl Fn(&Stream) -> bool) -> bool {
        let deadline = Instant::now() + patience;
        let stream = self.streams.get_mut(client).expect("the client has a stream");
        while !is_it(stream) {
            if !stream.advance(deadline) {
                return is_it(stream);
            }
        }
        true
    }

    fn stream(&self, client: &str) -> &Stream {
        &self.streams[client]
    }

    fn endpoint(&self, client: &str) -> String {
        let endpoint = self.stream(client).events.iter().find(|event| event.kind == "endpoint");
        endpoint.expect("a stream whose endpoint nobody judges has one").data.clone()
    }
}

fn held(holds: bool, seen: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(seen()) }
}

fn quoted(text: &str) -> &str {
    text.trim().trim_matches('`')
}

/// The messages of a stream so far, those of a batch one by one.
fn messages(stream: &Stream) -> impl Iterator<Item = Value> {
    let events = stream.events.iter().filter(|event| event.kind == "message");
    events.filter_map(|event| serde_json::from_str(&event.data).ok()).flat_map(|message| match message {
        Value::Array(messages) => messages,
        message => vec![message],
    })
}

/// Whether `value` has all that `wanted` has.
fn has(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::Object(value), Value::Object(wanted)) => {
            wanted.iter().all(|(name, wanted)| value.get(name).is_some_and(|value| has(value, wanted)))
        }
        (Value::Array(_), Value::Array(wanted)) if wanted.is_empty() => true,
        (Value::Array(value), Value::Array(wanted)) => {
            value.len() == wanted.len() && value.iter().zip(wanted).all(|(value, wanted)| has(value, wanted))
        }
        // `1` and `1.0` are one number.
        (Value::Number(value), Value::Number(wanted)) => value.as_f64() == wanted.as_f64(),
        _ => value == wanted,
    }
}

/// A message in a few words that are the same each time.
fn brief(message: &Value) -> String {
    match (&message["method"], &message["error"]["code"], &message["result"]) {
        (Value::String(method), ..) => format!("`{method}`"),
        (_, Value::Number(code), _) => format!("error {code}"),
        (.., result) => match (&result["protocolVersion"], result["isError"] == true) {
            (Value::String(version), _) => format!("result of {version}"),
            (_, true) => "result that is an error".into(),
            _ => "result".into(),
        },
    }
}

/// The message that a row means.
fn message(short: &str) -> String {
    if short.is_empty() || short.starts_with(['{', '[']) {
        return short.to_owned();
    }
    if short == "initialized" {
        return json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string();
    }
    let (method, rest) = short.split_once(' ').expect("a request has an id");
    let (id, params) = match method {
        "initialize" => {
            let client = json!({"name": "suite", "version": "1"});
            ("0", json!({"protocolVersion": rest, "capabilities": {}, "clientInfo": client}))
        }
        "call" => {
            let mut words = rest.splitn(3, ' ');
            let mut word = || words.next().expect("a call has an id, a tool and arguments");
            let (id, tool, arguments) = (word(), word(), word());
            let arguments: Value = serde_json::from_str(arguments).expect("arguments are JSON");
            let token: Value = serde_json::from_str(id).expect("an id is JSON");
            (id, json!({"name": tool, "arguments": arguments, "_meta": {"progressToken": token}}))
        }
        _ => (rest, json!({})),
    };
    let method = if method == "call" { "tools/call" } else { method };
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#)
}

/// A `ping` of so many mebibytes.
fn padded_ping(size: usize) -> String {
    let padding = "x".repeat(size << 20);
    format!(r#"{{"jsonrpc":"2.0","id":7,"method":"ping","params":{{"_meta":{{"padding":"{padding}"}}}}}}"#)
}

/// The endpoint with its last letter or digit changed, which is part of the session.
fn altered(endpoint: &str, change: impl Fn(char) -> char) -> String {
    let at = endpoint.rfind(|character: char| character.is_ascii_alphanumeric()).expect("an endpoint has a session");
    let last = endpoint[at..].chars().next().expect("it was found");
    format!("{}{}{}", &endpoint[..at], change(last), &endpoint[at + 1..])
}

fn other_slash(endpoint: &str) -> String {
    let (path, query) =
        endpoint.split_once('?').map_or((endpoint, String::new()), |(path, query)| (path, format!("?{query}")));
    match path.strip_suffix('/') {
        Some(path) => format!("{path}{query}"),
        None => format!("{path}/{query}"),
    }
}

/// How many random bits the session in an endpoint can have at most, by its letters. A version 4 UUID has six that are not random.
fn bits(endpoint: &str) -> usize {
    let session = endpoint.rsplit(['=', '/']).next().unwrap_or_default();
    let digits = session.chars().filter(char::is_ascii_alphanumeric).count();
    let is_hexadecimal = session.chars().all(|digit| digit.is_ascii_hexdigit() || digit == '-');
    if is_hexadecimal { digits * 4 - 6 } else { digits * 5 }
}

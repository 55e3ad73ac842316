//! Headers that repeat the body, with random input: against a slow judge, both sides against each other, and against the clock.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use mcp_core::http::era::{Detection, Finding, Next};
use mcp_core::http::{EventId, Field, ParamHeaders, SessionId, value};
use mcp_core::jsonrpc::ErrorObject;
use mcp_tests::random::Random;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// Pieces of which texts are made: what is special in a header, in JSON, or in the markers.
const PIECES: [&str; 14] =
    ["a", "B", " ", "\t", "\n", "\0", "ä", "世", "\u{1F600}", "=?base64?", "?=", "SGVsbG8=", "\"", "\\"];

fn text(random: &mut Random) -> String {
    (0..random.below(5)).map(|_| *random.pick(&PIECES)).collect()
}

/// R-ST-52 to R-ST-57
#[test]
fn any_text_survives_the_way_through_a_header() {
    let mut random = Random::new(1);
    for _ in 0..20_000 {
        let text = text(&mut random);
        let header = value::encode(&text);
        assert!(header.bytes().all(|byte| matches!(byte, b' '..=b'~')) && header.trim() == header, "{header:?}");
        assert_eq!(value::decode(format!(" {header}\t").as_bytes()).unwrap(), text);
    }
}

/// R-ST-56
#[test]
fn any_bytes_are_read_or_refused_and_what_is_read_is_written_as_it_was() {
    let mut random = Random::new(2);
    let mut wrapped = 0;
    for round in 0..50_000 {
        let length = random.below(24);
        let mut bytes = random.bytes(length);
        if round % 2 == 0 {
            // Canonical Base64 is rare among random bytes.
            let digits: Vec<u8> = bytes.iter().map(|byte| b"ABYZabyz0189+/=="[usize::from(byte % 16)]).collect();
            bytes = [b"=?base64?", &digits[..], b"?="].concat();
        }
        let Ok(text) = value::decode(&bytes) else { continue };
        let is_wrapped = bytes.starts_with(b"=?base64?") && bytes.ends_with(b"?=") && bytes.len() > 10;
        if is_wrapped {
            wrapped += 1;
            let mut again = String::new();
            mcp_core::base64::encode(text.as_bytes(), &mut again);
            assert_eq!(format!("=?base64?{again}?=").as_bytes(), bytes);
        } else {
            assert_eq!(text.as_bytes(), bytes.trim_ascii());
        }
    }
    assert!(wrapped > 100, "{wrapped} of them were wrapped");
}

/// A schema of nested properties, some of them annotated, and the paths of those.
fn schema(random: &mut Random, depth: usize, path: &str, paths: &mut BTreeMap<String, String>) -> Value {
    let mut properties = serde_json::Map::new();
    for name in ["a", "b", "\"/~", "ä"].into_iter().take(1 + random.below(4)) {
        let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
        let property = match random.below(3) {
            0 if depth > 0 => schema(random, depth - 1, &path, paths),
            1 => json!({"type": "string"}),
            _ => {
                let header = format!("H{}", paths.len());
                let property = json!({"type": random.pick(&["string", "integer", "boolean"]), "x-mcp-header": header});
                paths.insert(format!("Mcp-Param-{header}"), path);
                property
            }
        };
        properties.insert(name.to_owned(), property);
    }
    json!({"type": "object", "properties": properties})
}

fn arguments(random: &mut Random, depth: usize) -> Value {
    let mut arguments = serde_json::Map::new();
    for name in ["a", "b", "\"/~", "ä", "other"] {
        let argument = match random.below(9) {
            0 => continue,
            1 => Value::Null,
            2 => json!(random.below(2) == 0),
            3 => json!(random.number() as i64 >> 11),
            4 => json!(random.below(100) as f64),
            5 | 6 if depth > 0 => arguments_below(random, depth),
            _ => Value::String(text(random)),
        };
        arguments.insert(name.to_owned(), argument);
    }
    Value::Object(arguments)
}

fn arguments_below(random: &mut Random, depth: usize) -> Value {
    arguments(random, depth - 1)
}

/// The judge: parses everything, walks every path, and writes every value anew.
fn by_the_book(paths: &BTreeMap<String, String>, arguments: &Value) -> Option<BTreeMap<String, String>> {
    let mut headers = BTreeMap::new();
    for (header, path) in paths {
        let value = match arguments.pointer(path) {
            None | Some(Value::Null) => continue,
            Some(Value::String(text)) => value::encode(text).into_owned(),
            Some(Value::Bool(boolean)) => boolean.to_string(),
            Some(Value::Number(number)) => (number.as_f64()? as i64).to_string(),
            Some(Value::Array(_) | Value::Object(_)) => return None,
        };
        headers.insert(header.clone(), value);
    }
    Some(headers)
}

/// R-ST-50, R-ST-58, R-ST-59
#[test]
fn a_client_sends_what_the_judge_sends_and_a_server_takes_that_and_nothing_else() {
    let mut random = Random::new(3);
    let (mut sent, mut refused) = (0, 0);
    for _ in 0..5_000 {
        let mut paths = BTreeMap::new();
        let schema = schema(&mut random, 2, "", &mut paths);
        let headers = ParamHeaders::of_schema(&schema.to_string()).unwrap();
        let arguments = arguments(&mut random, 2);
        let raw: Box<RawValue> = serde_json::from_str(&arguments.to_string()).unwrap();

        let expected = by_the_book(&paths, &arguments);
        let values = headers.values(Some(&raw));
        let Ok(values) = values else {
            assert_eq!(expected, None, "{schema} {arguments}");
            refused += 1;
            continue;
        };
        let values: BTreeMap<String, String> =
            values.into_iter().map(|(name, value)| (name.to_owned(), value.into_owned())).collect();
        assert_eq!(Some(&values), expected.as_ref(), "{schema} {arguments}");

        let check = |values: &BTreeMap<String, String>| {
            let given = |name: &str| values.get(name).map_or(Field::Absent, |value| Field::Once(value.as_bytes()));
            headers.check(Some(&raw), given).is_ok()
        };
        assert!(check(&values), "{schema} {arguments}");
        for header in paths.keys() {
            let mut other = values.clone();
            if other.remove(header).is_none() {
                other.insert(header.clone(), String::new());
            }
            assert!(!check(&other), "{header} of {schema} {arguments}");
            other.insert(header.clone(), "something else".to_owned());
            assert!(!check(&other), "{header} of {schema} {arguments}");
            sent += 1;
        }
    }
    assert!(sent > 1_000 && refused > 100, "{sent} {refused}");
}

/// R-SEC-7, R-SEC-27: what a peer sends costs time in proportion to its length.
#[test]
fn large_schemas_and_arguments_take_no_more_than_their_length() {
    let begun = Instant::now();
    let annotated = |index| format!(r#""p{index}":{{"type":"string","x-mcp-header":"P{index}"}}"#);
    let many: Vec<String> = (0..20_000).map(annotated).collect();
    assert!(ParamHeaders::of_schema(&format!(r#"{{"properties":{{{}}}}}"#, many.join(","))).is_err());

    let few = format!(r#"{{"properties":{{{}}}}}"#, many[..64].join(","));
    let headers = ParamHeaders::of_schema(&few).unwrap();
    let members: Vec<String> = (0..50_000).map(|index| format!(r#""p{}":"x""#, index % 64)).collect();
    let arguments: Box<RawValue> = serde_json::from_str(&format!("{{{}}}", members.join(","))).unwrap();
    assert!(headers.check(Some(&arguments), |_| Field::Once(b"x")).is_err(), "repeated members");
    assert_eq!(headers.values(Some(&arguments)).unwrap().len(), 64);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

/// R-SH-30, R-SH-31, R-SH-36, R-SH-47: a text is what it says, in one form, or nothing.
#[test]
fn ids_of_events_and_sessions_are_read_in_one_form_only() {
    let mut random = Random::new(4);
    for _ in 0..50_000 {
        let text: String = (0..random.below(6)).map(|_| *random.pick(&['0', '1', '9', '-', '+', ' ', 'a'])).collect();
        if let Some(id) = EventId::parse(text.as_bytes()) {
            assert_eq!(id.to_string(), text);
        }
        let length = random.below(4);
        let bytes = random.bytes(length);
        let is_visible = !bytes.is_empty() && bytes.iter().all(u8::is_ascii_graphic);
        assert_eq!(SessionId::parse(&bytes).is_some(), is_visible, "{bytes:?}");
    }
}

/// Whatever is answered, in whatever order, the detection ends after a few attempts, and its error is fit for a terminal (R-SEC-25).
#[test]
fn no_server_keeps_the_detection_going() {
    let mut random = Random::new(5);
    let results = [
        r#"{"supportedVersions":["2026-07-28","\u001b[2J"]}"#,
        r#"{"supportedVersions":["1","2025-06-18"]}"#,
        "{}",
        "[]",
    ];
    let lists = [
        r#"{"supported":["2026-07-28"]}"#,
        r#"{"supported":["2025-11-25"]}"#,
        r#"{"supported":["\u001b[2J"]}"#,
        "null",
    ];
    for _ in 0..50_000 {
        let mut detection =
            [Detection::http(), Detection::http_handshake(), Detection::stdio()][random.below(3)].clone();
        let mut steps = 0;
        while matches!(detection.next(), Next::Try(_)) {
            steps += 1;
            assert!(steps <= 4, "{:?}", detection.next());
            let status = *random.pick(&[200, 202, 302, 400, 404, 405, 406, 500, 503]);
            let mut error =
                ErrorObject::new(*random.pick(&[-32601, -32602, -32020, -32022, 0]), "\u{1b}[2J".repeat(200));
            error.data = Some(serde_json::from_str(lists[random.below(lists.len())]).unwrap());
            detection.handle(match random.below(7) {
                0 => Finding::Result(serde_json::from_str(results[random.below(results.len())]).unwrap()),
                1 | 2 => Finding::Error(status, &error),
                3 => Finding::FirstEvent("\u{1b}message"),
                4 => Finding::Silence,
                5 => Finding::Exit,
                _ => Finding::Status(status),
            });
        }
        if let Next::Failed(error) = detection.next() {
            let shown = error.to_string();
            assert!(shown.len() < 4096 && !shown.chars().any(char::is_control), "{shown:?}");
        }
    }
}

//! JSON with comments.

use super::*;

/// The tree as JSON, for comparison.
fn written(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(text) => serde_json::from_str(text).unwrap(),
        Value::Text(text) => text.as_str().into(),
        Value::List(items) => items.iter().map(written).collect(),
        Value::Map(entries) => {
            serde_json::Value::Object(entries.iter().map(|(key, node)| (key.text.clone(), written(node))).collect())
        }
    }
}

fn refused(text: &str) -> (u32, u32, String) {
    let error = parse(text).err().unwrap_or_else(|| panic!("{text:?} is read"));
    (error.spot.line, error.spot.column, error.problem)
}

#[test]
fn what_serde_json_reads_is_read_alike() {
    for text in [
        r#"{"a":[1,-2.5e3,0,true,false,null,"x\n\u00e9\ud83e\udd80 ü 🦀"],"b":{},"c":[]}"#,
        "[]",
        " \"text\"\r\n",
        "\t1e2 ",
        r#"{"":{"":{"":""}}}"#,
    ] {
        let expected: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(written(&parse(text).ok().unwrap()), expected, "{text}");
    }
}

#[test]
fn what_serde_json_refuses_is_refused_but_for_comments_and_last_commas() {
    for text in [
        "",
        "{",
        "[",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "01",
        "-",
        "1.",
        "+1",
        "nul",
        "tru",
        "\"",
        "\"\\x\"",
        "\"\\ud800\"",
        "\"\n\"",
        "[,]",
        "{,}",
        "[1,,]",
        "1e999",
        "[]]",
        "'a'",
        "/",
        "/*",
        "/* *",
        "[}",
        "{]",
    ] {
        assert!(serde_json::from_str::<serde_json::Value>(text).is_err(), "{text}");
        refused(text);
    }
}

#[test]
fn comments_and_last_commas_are_read() {
    let text = "\u{feff}// one\n{ /* two */ \"a\" /**/ : [1, /* // */ 2, ], // three\n \"b\": \"// no /* comment */\", }\n// end";
    let expected = serde_json::json!({"a": [1, 2], "b": "// no /* comment */"});
    assert_eq!(written(&parse(text).ok().unwrap()), expected);
}

#[test]
fn values_know_their_places() {
    let node = parse("{\n  \"ä\": [1,\n    \"🦀\", 2]}").ok().unwrap();
    let (key, list) = &node.entries().unwrap()[0];
    assert_eq!((key.spot.line, key.spot.column, list.spot.line, list.spot.column), (2, 3, 2, 8));
    let Value::List(items) = &list.value else { panic!() };
    let places: Vec<_> = items.iter().map(|item| (item.spot.line, item.spot.column)).collect();
    assert_eq!(places, [(2, 9), (3, 5), (3, 10)]);
}

#[test]
fn errors_say_where_and_what() {
    assert_eq!(refused("{\n  \"a\": tru\n}"), (2, 8, "a value is expected; strings stand in double quotes".into()));
    assert_eq!(refused("{\"a\": 1\n \"b\": 2}"), (2, 2, "a `,` or `}` is expected".into()));
    assert_eq!(refused("{\"a\": \"x\ny\"}"), (1, 7, "a string has a line end or another control character".into()));
    assert_eq!(refused("{\"a\": 1").2, "a `{` is never closed");
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    for depth in [MAX_DEPTH - 1, MAX_DEPTH] {
        assert!(parse(&nested(depth)).is_ok());
    }
    assert_eq!(refused(&nested(MAX_DEPTH + 1)).2, "values are nested more than 64 deep");
    refused(&"{\"a\":".repeat(100_000));
}

/// Every text of up to five of these pieces: what `serde_json` reads is read alike, and what it refuses is refused, unless commas
/// before the end of a list or mapping are all that is wrong.
#[test]
fn serde_json_is_the_judge_of_short_texts() {
    const PIECES: [&str; 12] = ["{", "}", "[", "]", ",", ":", "\"a\"", "1", "null", " ", "-", "\"\\"];
    let (mut read, mut more) = (0, 0);
    for length in 1..=5 {
        for number in 0..PIECES.len().pow(length) {
            let digits = (0..length).map(|digit| number / PIECES.len().pow(digit) % PIECES.len());
            let text: String = digits.map(|digit| PIECES[digit]).collect();
            let judged = serde_json::from_str::<serde_json::Value>(&text);
            match (parse(&text), judged) {
                (Ok(node), Ok(expected)) => {
                    assert_eq!(written(&node), expected, "{text}");
                    read += 1;
                }
                (Ok(node), Err(_)) => {
                    let bare = text.replace(' ', "").replace(",}", "}").replace(",]", "]");
                    let expected = serde_json::from_str::<serde_json::Value>(&bare);
                    assert_eq!(Some(written(&node)), expected.ok(), "{text}");
                    more += 1;
                }
                (Err(error), Ok(_)) => panic!("{text}: {}", error.problem),
                (Err(_), Err(_)) => {}
            }
        }
    }
    assert!(read > 100 && more > 10, "{read} {more}");
}

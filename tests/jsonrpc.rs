//! JSON-RPC: bytes to messages, messages to bytes, and newline framing (R-LM-1 to R-LM-12).
#![allow(clippy::unwrap_used)]

use mcp_core::Limits;
use mcp_core::jsonrpc::{
    DecodeError, EncodeError, ErrorId, ErrorObject, Fault, Message, Payload, RequestId, code, decode, ndjson,
    write_error, write_notification, write_request, write_request_with_meta, write_result,
};
use mcp_core::limits::Limit;
use mcp_tests::fuzz_jsonrpc;
use mcp_tests::random::Random;
use serde_json::{Value, json};

/// What a line of `vectors/jsonrpc.tsv` calls a message.
fn outcome(bytes: &[u8]) -> String {
    let id = |id: &ErrorId<'_>| match id {
        ErrorId::Known(id) => serde_json::to_string(id).unwrap(),
        ErrorId::Null => "null".to_owned(),
        ErrorId::Absent => "absent".to_owned(),
    };
    let known = |known: RequestId<'_>| id(&ErrorId::Known(known));
    match decode(bytes, &Limits::default()) {
        Ok(Payload::Batch(batch)) => format!("batch {}", batch.len()),
        Ok(Payload::Message(Message::Request(it))) => format!("request {} {}", known(it.id), it.method),
        Ok(Payload::Message(Message::Notification(it))) => format!("notification {}", it.method),
        Ok(Payload::Message(Message::Response(it))) => format!("response {}", known(it.id)),
        Ok(Payload::Message(Message::Error(it))) => format!("error {} {}", id(&it.id), it.error.code),
        Err(error) => format!("wrong {} {}", error.code(), id(&error.id)),
    }
}

#[test]
fn every_vector_is_what_its_line_says() {
    let vectors = include_str!("vectors/jsonrpc.tsv");
    let mut seen = 0;
    for line in vectors.lines().filter(|line| !line.starts_with('#')) {
        let mut columns = line.splitn(3, '\t');
        let (expected, clause, json) = (columns.next().unwrap(), columns.next().unwrap(), columns.next().unwrap());
        assert_eq!(outcome(json.as_bytes()), expected, "{clause}: {json}");
        seen += 1;
    }
    assert!(seen > 50, "the vectors were read");
}

#[test]
fn method_params_and_result_are_slices_of_the_input() {
    let bytes = br#"{"jsonrpc":"2.0","id":"abc","method":"tools/call","params":{"a" : [1, 2]}}"#;
    let inside = |slice: &str| bytes.as_ptr_range().contains(&slice.as_ptr());
    let Ok(Payload::Message(Message::Request(request))) = decode(bytes, &Limits::default()) else { panic!() };
    assert!(inside(&request.method));
    assert!(inside(request.params.unwrap().get()));
    assert_eq!(request.params.unwrap().get(), r#"{"a" : [1, 2]}"#, "raw means as it came");
    let RequestId::String(id) = &request.id else { panic!() };
    assert!(inside(id));
}

/// R-LM-6, R-LM-7
#[test]
fn what_is_wrong_is_answered_unless_it_is_a_notification_or_a_response() {
    let (null, one) = (Some(ErrorId::Null), Some(ErrorId::Known(RequestId::from(1))));
    for (json, expected) in [
        ("{", null.clone()),
        ("7", null.clone()),
        (r#"{"jsonrpc":"2.0"}"#, null.clone()),
        (r#"{"jsonrpc":"2.0","id":null,"method":"a"}"#, null.clone()),
        (r#"{"jsonrpc":"2.0","id":1,"method":7}"#, one.clone()),
        (r#"{"jsonrpc":"2.0","id":1,"method":"a","result":{}}"#, one.clone()),
        (r#"{"jsonrpc":"2.0","id":1}"#, one),
        (r#"{"jsonrpc":"2.0","method":"a","params":[1]}"#, None),
        (r#"{"method":"a"}"#, None),
        (r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"m"}}"#, None),
        (r#"{"jsonrpc":"2.0","id":1,"error":{"code":"x"}}"#, None),
        (r#"{"jsonrpc":"2.0","result":{}}"#, None),
        (r#"{"id":1,"result":{}}"#, None),
        (r#"{"jsonrpc":"2.0","id":1.5,"result":{}}"#, None),
    ] {
        let error = decode(json.as_bytes(), &Limits::default()).unwrap_err();
        assert_eq!(error.answer_id(), expected, "{json}");
        assert_eq!(error.clone().into_owned(), error);
    }
}

#[test]
fn a_member_that_is_not_utf8_is_a_parse_error() {
    let bytes = b"{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"params\":{\"a\":\"\xFF\"}}";
    assert_eq!(decode(bytes, &Limits::default()).unwrap_err().code(), code::PARSE_ERROR);
}

fn limit_of(error: DecodeError<'_>) -> Limit {
    let Fault::Limit(exceeded) = error.fault else { panic!("{error}") };
    exceeded.limit
}

#[test]
fn the_size_of_a_message_is_bounded_at_the_bound() {
    let bytes = br#"{"jsonrpc":"2.0","method":"a"}"#;
    let mut limits = Limits::default();
    for (bound, fits) in [(bytes.len() + 1, true), (bytes.len(), true), (bytes.len() - 1, false)] {
        limits.message_bytes = bound;
        match decode(bytes, &limits) {
            Ok(_) => assert!(fits),
            Err(error) => assert!(!fits && limit_of(error) == Limit::MessageBytes),
        }
    }
}

#[test]
fn the_depth_of_a_message_is_bounded_at_the_bound() {
    let mut limits = Limits::default();
    limits.depth = 8;
    // The envelope is one level.
    for (levels, fits) in [(6, true), (7, true), (8, false), (100_000, false)] {
        let params = format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
        let bytes = format!(r#"{{"jsonrpc":"2.0","method":"a","params":{params}}}"#);
        match decode(bytes.as_bytes(), &limits) {
            Ok(_) => assert!(fits, "{levels}"),
            Err(error) => assert!(!fits && limit_of(error) == Limit::Depth, "{levels}"),
        }
    }
}

#[test]
fn a_million_brackets_do_not_overflow_the_stack_even_when_depth_is_not_bounded() {
    let mut limits = Limits::default();
    limits.depth = usize::MAX;
    for brackets in ["[", "{\"a\":"] {
        let bytes = format!(r#"{{"jsonrpc":"2.0","x":{},"method":"a"}}"#, brackets.repeat(500_000));
        assert!(decode(bytes.as_bytes(), &limits).is_err());
    }
}

#[test]
fn the_length_of_an_id_is_bounded_at_the_bound() {
    let limits = Limits::default();
    for (length, fits) in [(limits.id_bytes, true), (limits.id_bytes + 1, false)] {
        let bytes = format!(r#"{{"jsonrpc":"2.0","id":"{}","method":"a"}}"#, "x".repeat(length));
        assert_eq!(decode(bytes.as_bytes(), &limits).is_ok(), fits);
    }
}

#[test]
fn a_batch_is_bounded_and_one_wrong_message_does_not_spoil_the_others() {
    let mut limits = Limits::default();
    limits.batch_messages = 3;
    let bytes = br#"[{"jsonrpc":"2.0","id":1,"method":"a"},[],{"jsonrpc":"2.0","method":"b"}]"#;
    let Ok(Payload::Batch(batch)) = decode(bytes, &limits) else { panic!() };
    let messages: Vec<_> = batch.into_iter().collect();
    assert!(matches!(messages[0], Ok(Message::Request(_))));
    assert!(matches!(&messages[1], Err(error) if error.fault == Fault::NotAnObject));
    assert!(matches!(messages[2], Ok(Message::Notification(_))));
    limits.batch_messages = 2;
    assert_eq!(limit_of(decode(bytes, &limits).unwrap_err()), Limit::BatchMessages);
}

/// What is beyond the bound is read, for it must be JSON, and not remembered.
#[test]
fn a_batch_beyond_its_bound_is_still_read_to_its_end() {
    let limits = Limits::default();
    let many = |last: &str| format!("[{}{last}]", "1,".repeat(100_000));
    assert_eq!(limit_of(decode(many("1").as_bytes(), &limits).unwrap_err()), Limit::BatchMessages);
    assert_eq!(decode(many("x").as_bytes(), &limits).unwrap_err().code(), code::PARSE_ERROR);
    let exact = format!("[{}1]", "1,".repeat(limits.batch_messages - 1));
    assert!(
        matches!(decode(exact.as_bytes(), &limits), Ok(Payload::Batch(batch)) if batch.len() == limits.batch_messages)
    );
}

#[test]
fn what_is_written_is_read_back() {
    let mut out = Vec::new();
    let id = RequestId::from("a\nb");
    write_request(&mut out, &id, "tools/call", &json!({"name": "x\ny"})).unwrap();
    let Ok(Payload::Message(Message::Request(request))) = decode(&out, &Limits::default()) else { panic!() };
    assert_eq!((request.id, &*request.method), (id, "tools/call"));
    assert_eq!(request.params.unwrap().get(), r#"{"name":"x\ny"}"#);
}

#[test]
fn parameters_may_be_left_out_and_get_meta() {
    #[track_caller]
    fn check(params: &Value, meta: &Value, expected: &str) {
        let mut out = b"before".to_vec();
        write_request_with_meta(&mut out, &RequestId::from(1), "m", params, meta).unwrap();
        let expected = format!(r#"before{{"jsonrpc":"2.0","id":1,"method":"m"{expected}}}"#);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
    check(&Value::Null, &Value::Null, "");
    check(&json!({}), &Value::Null, r#","params":{}"#);
    check(&json!({"a": 1}), &Value::Null, r#","params":{"a":1}"#);
    check(&Value::Null, &json!({"t": 1}), r#","params":{"_meta":{"t":1}}"#);
    check(&json!({}), &json!({"t": 1}), r#","params":{"_meta":{"t":1}}"#);
    check(&json!({"a": 1}), &json!({"t": 1}), r#","params":{"_meta":{"t":1},"a":1}"#);
}

/// Raw JSON keeps the white space it was written with.
#[test]
fn raw_parameters_get_meta_wherever_they_have_white_space() {
    for (params, expected) in [("{ }", r#"{"_meta":{"t":1}}"#), ("{\n\t}", r#"{"_meta":{"t":1}}"#)] {
        let params = serde_json::value::RawValue::from_string(params.to_owned()).unwrap();
        let mut out = Vec::new();
        write_request_with_meta(&mut out, &RequestId::from(1), "m", &params, &json!({"t": 1})).unwrap();
        let written: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(written["params"].to_string(), expected);
    }
    let params = serde_json::value::RawValue::from_string(r#"{ "a" : 1 }"#.to_owned()).unwrap();
    let mut out = Vec::new();
    write_request_with_meta(&mut out, &RequestId::from(1), "m", &params, &json!({"t": 1})).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&out).unwrap()["params"], json!({"_meta": {"t": 1}, "a": 1}));
}

#[test]
fn what_cannot_be_written_leaves_the_buffer_as_it_was() {
    let mut out = b"before".to_vec();
    let id = RequestId::from(1);
    assert_eq!(write_request(&mut out, &id, "m", &[1]), Err(EncodeError::NotAnObject));
    assert_eq!(write_notification(&mut out, "m", "text"), Err(EncodeError::NotAnObject));
    let no_text_keys = std::collections::BTreeMap::from([(vec![1], 2)]);
    assert!(matches!(write_result(&mut out, &id, &no_text_keys), Err(EncodeError::Serialize(_))));
    assert_eq!(out, b"before");
}

#[test]
fn raw_json_spread_over_lines_is_written_on_one() {
    let pretty =
        serde_json::value::RawValue::from_string("{\n  \"a\": \"x\\ny\",\r\n  \"b\": 1\n}".to_owned()).unwrap();
    let mut out = Vec::new();
    write_notification(&mut out, "m", &pretty).unwrap();
    assert!(!out.contains(&b'\n') && !out.contains(&b'\r'));
    let value: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(value["params"], json!({"a": "x\ny", "b": 1}));
}

#[test]
fn an_error_carries_a_known_a_null_or_no_id() {
    let error = ErrorObject::new(code::PARSE_ERROR, "m");
    let ids = [(ErrorId::Known("x".into()), r#""id":"x","#), (ErrorId::Null, r#""id":null,"#), (ErrorId::Absent, "")];
    for (id, expected) in ids {
        let mut out = Vec::new();
        write_error(&mut out, &id, &error);
        let expected = format!(r#"{{"jsonrpc":"2.0",{expected}"error":{{"code":-32700,"message":"m"}}}}"#);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

#[test]
fn lines_come_out_the_same_however_the_input_is_cut() {
    let input = b"one\r\n\n\ntwo two\nthree\r\nrest";
    let split = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut decoder = ndjson::Decoder::new(&Limits::default());
        let mut lines = Vec::new();
        for piece in pieces {
            decoder.push(piece).unwrap();
            while let Some(line) = decoder.next_message().unwrap() {
                lines.push(String::from_utf8(line.to_vec()).unwrap());
            }
        }
        (lines, decoder.buffered())
    };
    let expected = (vec!["one".to_owned(), "two two".to_owned(), "three".to_owned()], 4);
    assert_eq!(split(&mut std::iter::once(&input[..])), expected);
    assert_eq!(split(&mut input.chunks(1)), expected);
    for at in 0..input.len() {
        let (head, tail) = input.split_at(at);
        assert_eq!(split(&mut [head, tail].into_iter()), expected, "split at {at}");
    }
}

#[test]
fn a_line_is_bounded_at_the_bound_also_before_its_end_is_there() {
    let mut limits = Limits::default();
    limits.message_bytes = 8;
    for (length, fits) in [(7, true), (8, true), (9, false)] {
        for end in ["", "\n", "\r", "\r\n"] {
            let mut decoder = ndjson::Decoder::new(&limits);
            decoder.push(format!("{}{end}", "x".repeat(length)).as_bytes()).unwrap();
            let answer = decoder.next_message().map(|line| line.map(<[u8]>::len));
            assert_eq!(answer.is_ok(), fits, "{length} {end:?}");
            assert_eq!(decoder.next_message().is_ok(), fits, "the error stays");
            assert_eq!(decoder.space(1).is_ok(), fits);
        }
    }
}

#[test]
fn a_large_buffer_of_lines_is_given_back_and_a_long_stream_needs_a_short_one() {
    let mut decoder = ndjson::Decoder::new(&Limits::default());
    decoder.push(&[b'x'; 1 << 20]).unwrap();
    decoder.push(b"\n").unwrap();
    assert_eq!(decoder.next_message().unwrap().map(<[u8]>::len), Some(1 << 20));
    for _ in 0..10_000 {
        assert!(decoder.space(16).unwrap().len() <= 64 << 10);
        decoder.push(b"a line of text\nan").unwrap();
        while decoder.next_message().unwrap().is_some() {}
    }
}

#[test]
fn arbitrary_input_neither_panics_nor_changes_when_written_back() {
    let mut random = Random::new(0x5EED);
    let seeds: Vec<&str> = include_str!("vectors/jsonrpc.tsv").lines().filter(|line| !line.starts_with('#')).collect();
    for round in 0..20_000 {
        let seed = seeds[round % seeds.len()].as_bytes();
        let mut bytes = seed[seed.len() / 3..].to_vec();
        for _ in 0..random.below(4) {
            let at = random.below(bytes.len().max(1));
            match random.below(3) {
                0 if at < bytes.len() => bytes[at] = random.byte(),
                1 if at < bytes.len() => drop(bytes.remove(at)),
                _ => bytes.insert(at.min(bytes.len()), b"{}[]\",:0e\\ \n"[random.below(12)]),
            }
        }
        fuzz_jsonrpc::decode_and_write_back(&bytes);
    }
}

#[test]
fn arbitrary_lines_do_not_depend_on_their_pieces() {
    let mut random = Random::new(1);
    for _ in 0..2_000 {
        let length = random.below(600);
        let mut bytes = random.bytes(length);
        for _ in 0..length / 20 {
            let at = random.below(length);
            bytes[at] = *random.pick(b"\r\n");
        }
        fuzz_jsonrpc::lines_do_not_depend_on_pieces(&bytes);
    }
    fuzz_jsonrpc::lines_do_not_depend_on_pieces(&[b'x'; 5000]);
}

#[test]
fn sessions_take_in_messages_in_any_order() {
    let mut random = Random::new(2);
    let messages: Vec<&str> = include_str!("vectors/jsonrpc.tsv")
        .lines()
        .filter_map(|line| line.rsplit('\t').next())
        .chain([
            r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2024-11-05","clientInfo":{"name":"f"}}}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":2,"progress":1}}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}}"#,
            r#"{"jsonrpc":"2.0","id":2,"result":{}}"#,
        ])
        .collect();
    for _ in 0..2_000 {
        let lines: Vec<&str> = (0..1 + random.below(8)).map(|_| *random.pick(&messages)).collect();
        fuzz_jsonrpc::sessions(lines.join("\n").as_bytes());
    }
}

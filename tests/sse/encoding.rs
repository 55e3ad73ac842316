//! Encoding: vectors, what cannot be written, round trips.

use super::*;

#[test]
fn vectors_are_written_byte_for_byte() {
    let file = include_str!("../vectors/sse-encode.txt");
    for case in sse_vectors::cases(file, &["event", "id", "retry", "comment", "written"]) {
        let mut out = Vec::new();
        let mut begun = Vec::new();
        for (keyword, arguments) in &case.lines {
            match &**keyword {
                "comment" => sse::encode::comment(&mut out, &text(&arguments[0])),
                "id" => sse::encode::id(&mut out, &text(&arguments[0])).unwrap(),
                "retry" => sse::encode::retry(&mut out, text(&arguments[0]).parse().unwrap()),
                "event" => {
                    begun.clone_from(&out);
                    sse::encode::event(&mut out, &text(&arguments[0]), &arguments[1]).unwrap();
                    let mark = sse::begin(&mut begun, text(&arguments[0]).leak());
                    begun.extend_from_slice(&arguments[1]);
                    sse::finish(&mut begun, mark);
                }
                _ => {}
            }
        }
        assert_eq!(text(&out), text(&case.joined("written")), "{}", case.name);
        assert_eq!(text(&begun), text(&out), "{}: begun and finished", case.name);
    }
}

/// R-EV-37 to R-EV-39
#[test]
fn any_text_survives_writing_and_reading() {
    let words = ["a", " ", "\r", "\n", "\r\n", "\0", ":", "\u{2028}", "\u{85}", "\u{FEFF}", "data: ", "é", "😀", "\t"];
    for seed in 0..2000 {
        let mut random = Random::new(seed);
        let length = random.below(12);
        let payload: String = (0..length).map(|_| *random.pick(&words)).collect();
        let mut out = Vec::new();
        sse::encode::event(&mut out, "t", &payload).unwrap();
        let expected = payload.replace("\r\n", "\n").replace('\r', "\n");
        let seen = sse_oracle::decode(&out.chunks(1 + random.below(9)).collect::<Vec<_>>(), &Limits::default());
        assert_eq!(seen.unwrap().events, [Event { event: "t".into(), data: expected, id: String::new() }]);
    }
}

/// R-EV-37
#[test]
fn names_types_and_ids_that_cannot_be_written_are_refused_and_leave_no_trace() {
    use sse::EncodeError::*;
    use sse::encode::{event, field, id};
    let mut out = Vec::new();
    for bad in ["a\r", "\nb", "a\r\nb"] {
        assert_eq!(event(&mut out, bad, "x"), Err(LineEndInValue));
        assert_eq!(id(&mut out, bad), Err(LineEndInValue));
        assert_eq!(field(&mut out, "name", bad), Err(LineEndInValue));
        assert_eq!(field(&mut out, bad, "value"), Err(LineEndOrColonInName));
    }
    assert_eq!(field(&mut out, "a:b", "value"), Err(LineEndOrColonInName));
    assert_eq!(field(&mut out, "", "value"), Err(EmptyName));
    assert_eq!(id(&mut out, "a\0b"), Err(NulInId));
    assert_eq!(out, b"");
}

#[test]
#[should_panic(expected = "CR or LF in an event type")]
fn a_program_that_begins_an_event_with_a_line_end_in_its_type_is_stopped() {
    let _ = sse::begin(&mut Vec::new(), "a\nb");
}

#[test]
fn fields_of_other_names_are_written_and_ignored_by_readers() {
    let mut out = Vec::new();
    sse::encode::field(&mut out, "priority", "7").unwrap();
    sse::encode::event(&mut out, "", "a").unwrap();
    assert_eq!(text(&out), "priority: 7\ndata: a\n\n");
    assert_eq!(sse_oracle::read(&out).events.len(), 1);
}

/// Raw JSON may come indented from the caller; it must not break out of its event.
#[test]
fn indented_json_between_begin_and_finish_stays_one_event_with_the_same_value() {
    let value = serde_json::json!({"a": [1, 2], "b": {"c": "line\nend"}});
    let mut out = b"data: before\n\n".to_vec();
    let mark = sse::begin(&mut out, "message");
    serde_json::to_writer_pretty(&mut out, &value).unwrap();
    sse::finish(&mut out, mark);
    let events = sse_oracle::decode(&[&out], &Limits::default()).unwrap().events;
    assert_eq!(events.len(), 2);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&events[1].data).unwrap(), value);
    assert_strict(&out);
}

#[test]
fn a_discarded_event_leaves_no_trace() {
    let mut out = b"data: before\n\n".to_vec();
    let mark = sse::begin(&mut out, "message");
    out.extend_from_slice(b"{\"half\":");
    sse::discard(&mut out, mark);
    assert_eq!(out, b"data: before\n\n");
}

/// R-SSE-46
#[test]
fn a_reader_that_splits_at_lf_only_and_needs_colons_understands_us() {
    let mut out = Vec::new();
    let mark = sse::begin(&mut out, "endpoint");
    out.extend_from_slice(b"/messages?sessionId=7");
    sse::finish(&mut out, mark);
    sse::encode::comment(&mut out, "keep-alive");
    sse::encode::comment(&mut out, "");
    sse::encode::id(&mut out, "").unwrap();
    sse::encode::retry(&mut out, 0);
    sse::encode::event(&mut out, "", "").unwrap();
    sse::encode::event(&mut out, "message", "{}").unwrap();
    let expected = [("endpoint", "/messages?sessionId=7"), ("", ""), ("message", "{}")];
    assert_eq!(assert_strict(&out), expected.map(|(event, data)| (event.to_owned(), data.to_owned())));
}

/// Reads as the Go SDK does: lines end in LF, a line without a colon is an error, values are trimmed.
fn assert_strict(stream: &[u8]) -> Vec<(String, String)> {
    let stream = std::str::from_utf8(stream).unwrap();
    assert!(!stream.contains('\r') && stream.ends_with("\n\n"));
    let mut events = Vec::new();
    for block in stream.split_terminator("\n\n") {
        let mut event = None;
        let mut data: Option<String> = None;
        for line in block.split('\n') {
            let (name, value) = line.split_once(": ").expect("every line has a name, a colon and a space");
            match name {
                "event" => event = Some(value.trim().to_owned()),
                "data" => {
                    let data = data.get_or_insert_default();
                    data.push_str(value.trim());
                }
                _ => {}
            }
        }
        if let Some(data) = data {
            events.push((event.unwrap_or_default(), data));
        }
    }
    events
}

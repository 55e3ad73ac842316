//! Decoding: vectors, random streams, ends, and what the standard says between the lines.

use super::*;

#[test]
fn vectors_hold_however_they_are_cut() {
    let file = include_str!("../vectors/sse-decode.txt");
    for case in sse_vectors::cases(file, &["input", "event", "id", "retry"]) {
        let input = case.joined("input");
        let expected = Seen {
            events: case.all("event").map(event_of).collect(),
            last_event_id: text(&case.joined("id")),
            retry: case.all("retry").next().map(|retry| text(&retry[0]).parse().unwrap()),
        };
        assert_eq!(sse_oracle::read(&input), expected, "{}: the judge", case.name);
        for pieces in cuts(&input) {
            let seen = sse_oracle::decode(&pieces, &Limits::default());
            assert_eq!(seen.as_ref(), Ok(&expected), "{}: {pieces:?}", case.name);
        }
    }
}

fn event_of(arguments: &[Vec<u8>]) -> Event {
    let id = arguments.get(2).map(|id| text(id)).unwrap_or_default();
    Event { event: text(&arguments[0]), data: text(&arguments[1]), id }
}

/// R-EV-7, and all of sections A to C: streams made of the grammar's own words, in any order.
#[test]
fn random_streams_are_read_as_the_judge_reads_them() {
    for seed in 0..3000 {
        let mut random = Random::new(seed);
        let stream = random_stream(&mut random, 60);
        let expected = Ok(sse_oracle::read(&stream));
        for longest in [2, 7, 1000] {
            let pieces = random_cut(&stream, longest, &mut random);
            assert_eq!(sse_oracle::decode(&pieces, &Limits::default()), expected, "seed {seed}: {pieces:?}");
        }
    }
}

/// R-EV-3, R-EV-4: splitting bytes and decoding values gives what decoding and splitting text gives.
#[test]
fn random_bytes_in_values_decode_as_text_would() {
    for seed in 0..2000 {
        let mut random = Random::new(seed);
        let length = random.below(30);
        let mut stream = b"data: ".to_vec();
        stream.extend(random.bytes(length));
        stream.extend_from_slice(b"\ndata: ");
        // Bytes that begin, continue or break sequences.
        stream.extend((0..length).map(|_| *random.pick(b"\xF0\x9F\x98\x80\xE2\xC3\xED\xA0\xFFa\r\n")));
        stream.extend_from_slice(b"\n\ndata: z\n\n");
        assert_eq!(sse_oracle::decode(&[&stream], &Limits::default()), Ok(sse_oracle::read(&stream)), "seed {seed}");
    }
}

/// R-EV-26
#[test]
fn an_end_at_any_position_yields_no_part_of_an_event() {
    let stream = b"\xEF\xBB\xBFid: 1\r\nevent: x\rdata: a\ndata: b\r\n\r\nretry: 9\nid: 2\ndata: c\n\ndata: d\r\r";
    let whole = sse_oracle::read(stream);
    assert_eq!(whole.events.len(), 3);
    for end in 0..=stream.len() {
        let seen = sse_oracle::decode(&[&stream[..end]], &Limits::default()).unwrap();
        assert!(whole.events.starts_with(&seen.events), "ended after {end}");
        assert_eq!(seen, sse_oracle::read(&stream[..end]), "ended after {end}");
    }
}

/// R-EV-26, R-EV-2
#[test]
fn after_the_end_another_stream_begins_and_the_id_and_retry_stay() {
    let mut decoder = sse::Decoder::new(&Limits::default());
    let mut events = Vec::new();
    decoder.push(b"id: 1\nretry: 5\n\nevent: x\nid: 2\ndata: lost\r").unwrap();
    sse_oracle::drain(&mut decoder, &mut events).unwrap();
    decoder.finish();
    assert_eq!((decoder.buffered(), decoder.allocated()), (0, 0));
    // Neither the type nor the data of the other stream; and the mark is at a start again.
    decoder.push(b"\xEF\xBB\xBFdata: found\n\n").unwrap();
    sse_oracle::drain(&mut decoder, &mut events).unwrap();
    assert_eq!(events, [Event { event: "message".into(), data: "found".into(), id: "1".into() }]);
    assert_eq!(decoder.retry().unwrap().as_millis(), 5);
}

/// R-EV-6
#[test]
fn an_event_is_there_at_the_cr_of_its_empty_line() {
    let mut decoder = sse::Decoder::new(&Limits::default());
    decoder.push(b"data: a\r\n\r").unwrap();
    assert_eq!(decoder.next_event().unwrap().unwrap().data, b"a");
    decoder.push(b"\n").unwrap();
    assert_eq!(decoder.next_event(), Ok(None));
    assert_eq!(decoder.buffered(), 0);
}

/// R-EV-18
#[test]
fn an_id_takes_effect_at_the_empty_line_and_retry_when_read() {
    let mut decoder = sse::Decoder::new(&Limits::default());
    decoder.push(b"retry: 7\nid: a\n").unwrap();
    assert_eq!(decoder.next_event(), Ok(None));
    assert_eq!((decoder.last_event_id(), decoder.retry().unwrap().as_millis()), (&b""[..], 7));
    decoder.push(b"\n").unwrap();
    assert_eq!(decoder.next_event(), Ok(None));
    assert_eq!(decoder.last_event_id(), b"a");
}

/// R-EV-33, R-EV-34
#[test]
fn messages_are_events_of_type_message_that_have_data() {
    let mut decoder = sse::Decoder::new(&Limits::default());
    decoder.push(b"data: {}\n\nevent: message\ndata: {}\n\nid: 1\ndata:\n\nevent: endpoint\ndata: /m\n\n").unwrap();
    let carries: Vec<bool> =
        std::iter::from_fn(|| decoder.next_event().unwrap().map(|event| event.carries_message())).collect();
    assert_eq!(carries, [true, true, false, false]);
}

/// R-EV-36
#[test]
fn replaced_text_can_be_told_from_text_that_was_right() {
    let mut decoder = sse::Decoder::new(&Limits::default());
    decoder.push(b"data: right\n\ndata: wr\xFFng\n\n").unwrap();
    assert!(matches!(decoder.next_event().unwrap().unwrap().data_str(), std::borrow::Cow::Borrowed("right")));
    assert!(matches!(decoder.next_event().unwrap().unwrap().data_str(), std::borrow::Cow::Owned(_)));
}

/// R-EV-43
#[test]
fn data_of_one_line_stays_where_it_was_read_to_and_further_lines_join_it_there() {
    let mut decoder = sse::Decoder::new(&Limits::default());
    for stream in [&b"event: x\ndata: one line\n\n"[..], b"event: x\ndata: one\nid: 1\n:\ndata: line\n\n"] {
        let room = decoder.space(100).unwrap();
        room[..stream.len()].copy_from_slice(stream);
        let place = &raw const room["event: x\ndata: ".len()];
        decoder.filled(stream.len());
        let event = decoder.next_event().unwrap().unwrap();
        assert_eq!((event.data.as_ptr(), event.data.len()), (place, 8));
        assert_eq!(decoder.next_event(), Ok(None));
    }
}

/// R-EV-43: the events of one buffer, asked for one by one, with reads between that find little room.
#[test]
fn events_that_cross_the_end_of_the_buffer_are_put_together() {
    let mut stream = Vec::new();
    for n in 0..2000_usize {
        sse::encode::event(&mut stream, "", "x".repeat(n % 300)).unwrap();
    }
    let expected = sse_oracle::read(&stream);
    for read in [64, 1000, 4096] {
        let mut decoder = sse::Decoder::new(&Limits::default());
        let mut events = Vec::new();
        let mut rest = &stream[..];
        while !rest.is_empty() {
            let room = decoder.space(read).unwrap();
            assert!(room.len() >= read);
            let n = read.min(rest.len());
            room[..n].copy_from_slice(&rest[..n]);
            decoder.filled(n);
            rest = &rest[n..];
            sse_oracle::drain(&mut decoder, &mut events).unwrap();
        }
        assert_eq!(events, expected.events);
        assert!(decoder.allocated() <= 4 * read.max(300), "{} for reads of {read}", decoder.allocated());
    }
}

#[test]
fn input_may_come_before_earlier_events_are_taken() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let stream = random_stream(&mut random, 200);
        let mut decoder = sse::Decoder::new(&Limits::default());
        let mut events = Vec::new();
        for piece in random_cut(&stream, 40, &mut random) {
            decoder.push(piece).unwrap();
            if random.below(3) == 0
                && let Some(event) = decoder.next_event().unwrap()
            {
                events.push((event.event_str().into_owned(), event.data_str().into_owned()));
            }
        }
        while let Some(event) = decoder.next_event().unwrap() {
            events.push((event.event_str().into_owned(), event.data_str().into_owned()));
        }
        let expected = sse_oracle::read(&stream).events.into_iter().map(|event| (event.event, event.data));
        assert_eq!(events, expected.collect::<Vec<_>>(), "seed {seed}");
    }
}

#[test]
fn a_decoder_shows_none_of_its_input_and_an_event_all_of_it() {
    let mut decoder = sse::Decoder::new(&Limits::default());
    decoder.push(b"event: x\ndata: secret\n").unwrap();
    assert_eq!(format!("{decoder:?}"), "Decoder { buffered: 22, retry: None, failed: None, .. }");
    decoder.push(b"\n").unwrap();
    let event = decoder.next_event().unwrap().unwrap();
    assert_eq!(format!("{event:?}"), r#"Event { event: "x", data: "secret", id: "" }"#);
}

#[test]
#[should_panic(expected = "more bytes filled than there was space for")]
fn filling_more_than_the_space_is_the_callers_fault() {
    let mut decoder = sse::Decoder::new(&Limits::default());
    let room = decoder.space(10).unwrap().len();
    decoder.filled(room + 1);
}

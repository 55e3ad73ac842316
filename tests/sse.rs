//! The event-stream decoder and encoder against vectors, against a slow judge, and against their limits.

#![allow(clippy::unwrap_used, reason = "a panic is the report, in the helpers too")]

use mcp_core::limits::{Limit, LimitExceeded};
use mcp_core::{Limits, sse};
use mcp_tests::chunks::{Random, cuts, random_cut};
use mcp_tests::sse_oracle::{self, Event, Seen};
use mcp_tests::{fuzz_sse, sse_vectors};

mod decoding {
    use super::*;

    #[test]
    fn vectors_hold_however_they_are_cut() {
        let file = include_str!("vectors/sse-decode.txt");
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
            assert_eq!(
                sse_oracle::decode(&[&stream], &Limits::default()),
                Ok(sse_oracle::read(&stream)),
                "seed {seed}"
            );
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
}

mod limits {
    use super::*;

    /// A stream, the limit that is set, and the length of what it limits.
    struct Bounded {
        limit: Limit,
        set: fn(&mut Limits, usize),
        length: usize,
        stream: &'static [u8],
    }

    /// R-EV-40, R-EV-41: each with its subject as the only thing that is long.
    const BOUNDED: &[Bounded] = &[
        Bounded { limit: Limit::LineBytes, set: |l, n| l.line_bytes = n, length: 10, stream: b"data: 7890\n\n" },
        Bounded { limit: Limit::LineBytes, set: |l, n| l.line_bytes = n, length: 10, stream: b":234567890\n\n" },
        Bounded { limit: Limit::LineBytes, set: |l, n| l.line_bytes = n, length: 10, stream: b"abcdefghij" },
        Bounded {
            limit: Limit::LineBytes,
            set: |l, n| l.line_bytes = n,
            length: 7,
            stream: b"\xEF\xBB\xBFdata: a\r\n\r\n",
        },
        Bounded { limit: Limit::LineBytes, set: |l, n| l.line_bytes = n, length: 1, stream: b"\xEF\xBB\xBFa" },
        Bounded { limit: Limit::EventBytes, set: |l, n| l.event_bytes = n, length: 4, stream: b"data: 1234\n\n" },
        Bounded {
            limit: Limit::EventBytes,
            set: |l, n| l.event_bytes = n,
            length: 4,
            stream: b"data: 1\ndata\ndata: 4\n\n",
        },
        Bounded { limit: Limit::EventIdBytes, set: |l, n| l.event_id_bytes = n, length: 3, stream: b"id: abc\n\n" },
        Bounded {
            limit: Limit::EventTypeBytes,
            set: |l, n| l.event_type_bytes = n,
            length: 3,
            stream: b"event: abc\ndata\n\n",
        },
    ];

    #[test]
    fn each_limit_holds_at_the_bound_and_below_it_and_fails_above() {
        for Bounded { limit, set, length, stream } in BOUNDED {
            for pieces in cuts(stream) {
                let read = |bound| {
                    let mut limits = Limits::default();
                    set(&mut limits, bound);
                    sse_oracle::decode(&pieces, &limits)
                };
                let expected = Ok(sse_oracle::read(stream));
                assert_eq!(read(length + 1), expected, "{pieces:?}");
                assert_eq!(read(*length), expected, "{pieces:?}");
                let bound = length - 1;
                assert_eq!(read(bound), Err(LimitExceeded { limit: *limit, bound }), "{pieces:?}");
            }
        }
    }

    #[test]
    fn retry_is_cut_to_its_limit() {
        let mut limits = Limits::default();
        limits.retry_millis = 50;
        for (written, read) in [(49, 49), (50, 50), (51, 50), (u64::MAX, 50)] {
            let mut stream = Vec::new();
            sse::encode::retry(&mut stream, written);
            assert_eq!(sse_oracle::decode(&[&stream], &limits).unwrap().retry, Some(read));
        }
    }

    #[test]
    fn the_buffer_takes_as_much_as_its_limit_and_says_when_it_is_full() {
        let mut limits = Limits::default();
        limits.buffered_bytes = 100;
        let full = LimitExceeded { limit: Limit::BufferedBytes, bound: 100 };

        let mut decoder = sse::Decoder::new(&limits);
        assert_eq!(decoder.push(&[b'x'; 101]), Err(full));
        assert_eq!(decoder.buffered(), 0, "nothing was taken");
        decoder.push(&[b'x'; 99]).unwrap();
        assert_eq!(decoder.space(50).unwrap().len(), 1, "less than asked for, not none");
        decoder.push(b"\n").unwrap();
        assert_eq!(decoder.space(1), Err(full));
        assert_eq!(decoder.next_event(), Ok(None));
        assert_eq!(decoder.space(50).unwrap().len(), 100, "taking lines makes room");
        assert_eq!(decoder.allocated(), 100);
    }

    #[test]
    fn data_counts_as_buffered_and_what_is_between_data_lines_does_not() {
        let mut limits = Limits::default();
        limits.buffered_bytes = 100;
        let mut decoder = sse::Decoder::new(&limits);
        decoder.push(b"data: 0123456789\n").unwrap();
        assert_eq!(decoder.next_event(), Ok(None));
        // Together with the kept bytes it fills the buffer to the last byte.
        let comment = [b":", "x".repeat(88).as_bytes(), b"\n"].concat();
        for _ in 0..1000 {
            assert_eq!(decoder.buffered(), 10);
            decoder.push(&comment).unwrap();
            assert_eq!(decoder.next_event(), Ok(None));
        }
        decoder.push(b"data: z\n\n").unwrap();
        assert_eq!(decoder.next_event().unwrap().unwrap().data, b"0123456789\nz");
    }

    #[test]
    fn an_error_stays_until_the_stream_is_given_up() {
        let mut limits = Limits::default();
        limits.line_bytes = 20;
        let mut decoder = sse::Decoder::new(&limits);
        let mut events = Vec::new();
        decoder.push(b"id: 1\ndata: a\n\ndata: this line is too long\n\ndata: b\n\n").unwrap();
        let failed = LimitExceeded { limit: Limit::LineBytes, bound: 20 };
        assert_eq!(sse_oracle::drain(&mut decoder, &mut events), Err(failed));
        assert_eq!(events.len(), 1, "what came before the error was delivered");
        for _ in 0..3 {
            assert_eq!(decoder.next_event(), Err(failed));
            assert_eq!(decoder.space(1), Err(failed));
            assert_eq!(decoder.push(b"data: c\n\n"), Err(failed));
        }
        assert_eq!((decoder.buffered(), decoder.allocated(), decoder.last_event_id()), (0, 0, &b"1"[..]));
        decoder.finish();
        decoder.push(b"data: d\n\n").unwrap();
        assert_eq!(decoder.next_event().unwrap().unwrap().data, b"d");
    }

    /// R-EV-40
    #[test]
    fn an_event_of_the_largest_size_passes_and_one_byte_more_does_not() {
        let mut limits = Limits::SMALL;
        limits.line_bytes = limits.event_bytes + 7;
        let bound = limits.event_bytes;
        let event = |length| [b"data: ", "x".repeat(length).as_bytes(), b"\n\n"].concat();
        for cut in [1, 7, 5000] {
            let read = |stream: &[u8]| sse_oracle::decode(&stream.chunks(cut).collect::<Vec<_>>(), &limits);
            assert_eq!(read(&event(bound)).unwrap().events[0].data.len(), bound);
            assert_eq!(read(&event(bound + 1)), Err(LimitExceeded { limit: Limit::EventBytes, bound }));
        }
    }
}

mod memory {
    use super::*;

    /// Feeds `total` bytes of `line` over and over, in reads of 16 KiB, and gives the most memory that was held.
    fn feed(decoder: &mut sse::Decoder, line: &[u8], total: usize) -> usize {
        let block = line.repeat(16 * 1024 / line.len() + 2);
        let mut most = 0;
        let mut fed = 0;
        while fed < total {
            let room = &mut decoder.space(16 * 1024).unwrap()[..16 * 1024];
            // Each read goes on in the line where the last one stopped.
            let from = fed % line.len();
            room.copy_from_slice(&block[from..from + 16 * 1024]);
            decoder.filled(16 * 1024);
            fed += 16 * 1024;
            assert_eq!(decoder.next_event(), Ok(None));
            most = most.max(decoder.allocated());
        }
        most
    }

    /// R-EV-40, R-EV-42, R-EV-43
    #[test]
    fn comments_without_end_take_no_memory() {
        let mut decoder = sse::Decoder::new(&Limits::default());
        assert!(
            feed(&mut decoder, b": nothing happens, and it happens for a long time on this stream\n", 64 << 20)
                <= 64 << 10
        );
    }

    #[test]
    fn comments_without_end_between_data_lines_take_no_memory() {
        let mut decoder = sse::Decoder::new(&Limits::default());
        decoder.push(b"data: kept\n").unwrap();
        assert_eq!(decoder.next_event(), Ok(None));
        assert!(
            feed(
                &mut decoder,
                b": a comment, an unknown field, an id and a type\nfoo: bar\nid: 1\nevent: x\n",
                16 << 20
            ) <= 64 << 10
        );
        decoder.push(b"\ndata: more\n\n").unwrap();
        assert_eq!(decoder.next_event().unwrap().unwrap().data, b"kept\nmore");
    }

    #[test]
    fn empty_lines_without_end_take_no_memory() {
        for line in [&b"\n"[..], b"\r", b"\r\n"] {
            let mut decoder = sse::Decoder::new(&Limits::default());
            assert!(feed(&mut decoder, line, 2 << 20) <= 64 << 10);
        }
    }

    /// Were a line searched again from its start with each byte, this test would not end.
    #[test]
    fn a_long_line_in_single_bytes_is_searched_once_and_seldom_moved() {
        for feed in [push, read_into_space] {
            let mut decoder = sse::Decoder::new(&Limits::default());
            let mut sizes = std::collections::BTreeSet::new();
            feed(&mut decoder, b"data:");
            for _ in 0..1 << 18 {
                feed(&mut decoder, b"x");
                assert_eq!(decoder.next_event(), Ok(None));
                sizes.insert(decoder.allocated());
            }
            assert!(sizes.len() <= 20, "the buffer doubles: {sizes:?}");
            feed(&mut decoder, b"\n\n");
            assert_eq!(decoder.next_event().unwrap().unwrap().data.len(), 1 << 18);
        }
    }

    fn push(decoder: &mut sse::Decoder, bytes: &[u8]) {
        decoder.push(bytes).unwrap();
    }

    fn read_into_space(decoder: &mut sse::Decoder, bytes: &[u8]) {
        decoder.space(bytes.len()).unwrap()[..bytes.len()].copy_from_slice(bytes);
        decoder.filled(bytes.len());
    }

    /// A caller may fall behind. Its backlog is then moved once in a while, not for each event that it takes.
    #[test]
    fn a_backlog_gets_a_larger_buffer_instead_of_being_moved_for_every_event() {
        let mut decoder = sse::Decoder::new(&Limits::default());
        let event = b"data: 0123456789\n\n";
        decoder.push(&event.repeat(1000)).unwrap();
        assert_eq!(decoder.buffered(), decoder.allocated());
        let full = decoder.allocated();
        for _ in 0..5000 {
            assert!(decoder.next_event().unwrap().is_some());
            decoder.push(event).unwrap();
        }
        assert_eq!(decoder.allocated(), 2 * full);
    }

    /// Were the data moved with each line or each read, this test would not end.
    #[test]
    fn many_short_data_lines_are_joined_in_linear_time() {
        let mut decoder = sse::Decoder::new(&Limits::default());
        for _ in 0..1 << 19 {
            decoder.push(b"data:x\n:\n").unwrap();
            assert_eq!(decoder.next_event(), Ok(None));
        }
        assert!(decoder.allocated() <= 4 << 20, "{}", decoder.allocated());
        decoder.push(b"\n").unwrap();
        let event = decoder.next_event().unwrap().unwrap();
        assert_eq!(event.data.len(), (1 << 20) - 1);
        assert!(event.data.chunks(2).all(|pair| pair == b"x\n" || pair == b"x"));
    }

    /// The rule is that of the documentation of `Decoder`.
    #[test]
    fn memory_of_a_large_event_is_given_back_with_the_second_drained_read() {
        let mut decoder = sse::Decoder::new(&Limits::default());
        assert_eq!(decoder.allocated(), 0, "nothing before the first read");
        let large = [b"data: ", "x".repeat(1 << 20).as_bytes(), b"\n\n"].concat();
        for _ in 0..3 {
            for piece in large.chunks(4096) {
                decoder.push(piece).unwrap();
                while decoder.next_event().unwrap().is_some() {}
            }
            assert!(decoder.allocated() > 1 << 20, "large events one after the other keep their buffer");
        }
        decoder.space(4096).unwrap();
        assert!(decoder.allocated() > 1 << 20, "kept for one more");
        decoder.push(b": keep-alive\n\n").unwrap();
        assert_eq!(decoder.next_event(), Ok(None));
        decoder.space(4096).unwrap();
        assert_eq!(decoder.allocated(), 4096);
    }

    #[test]
    fn reads_larger_than_the_kept_size_do_not_allocate_each_time() {
        let mut decoder = sse::Decoder::new(&Limits::default());
        for round in 0..3 {
            let room = decoder.space(256 << 10).unwrap();
            assert!(round == 0 || room.starts_with(b"data: a"), "a new buffer would be zero");
            room[..9].copy_from_slice(b"data: a\n\n");
            decoder.filled(9);
            while decoder.next_event().unwrap().is_some() {}
        }
    }
}

mod encoding {
    use super::*;

    #[test]
    fn vectors_are_written_byte_for_byte() {
        let file = include_str!("vectors/sse-encode.txt");
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
        let words =
            ["a", " ", "\r", "\n", "\r\n", "\0", ":", "\u{2028}", "\u{85}", "\u{FEFF}", "data: ", "é", "😀", "\t"];
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
}

mod fuzz_bodies {
    use super::*;

    #[test]
    fn hold_for_random_bytes_and_for_random_streams() {
        for seed in 0..3000 {
            let mut random = Random::new(seed);
            let length = random.below(80);
            let bytes = random.bytes(length);
            let stream = random_stream(&mut random, 30);
            for input in [bytes, stream] {
                fuzz_sse::decode(&input);
                fuzz_sse::encode(&input);
            }
        }
    }

    #[test]
    fn hold_for_the_vectors() {
        let file = include_str!("vectors/sse-decode.txt");
        for case in sse_vectors::cases(file, &["input", "event", "id", "retry"]) {
            fuzz_sse::decode(&case.joined("input"));
            fuzz_sse::encode(&case.joined("input"));
        }
    }
}

/// A stream of up to `most` words of the grammar, of near misses and of bytes that are not text.
fn random_stream(random: &mut Random, most: usize) -> Vec<u8> {
    const WORDS: &[&[u8]] = &[
        b"data",
        b"data",
        b"data: ",
        b"data:",
        b"event",
        b"event: ",
        b"id",
        b"id: ",
        b"retry: ",
        b"retry",
        b"Data",
        b"foo",
        b":",
        b":",
        b" ",
        b"\r",
        b"\n",
        b"\n",
        b"\r\n",
        b"\n\n",
        b"\r\r",
        b"\n\n",
        b"12",
        b"99999999999999999999999",
        b"x",
        b"message",
        b"\0",
        b"\t",
        b"\xEF\xBB\xBF",
        b"\xEF",
        b"\xF0\x9F",
        b"\x98\x80",
        b"\xFF",
        b"a longer piece of text, of no use",
    ];
    let words = random.below(most);
    (0..words).flat_map(|_| *random.pick(WORDS)).copied().collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

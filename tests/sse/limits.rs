//! Each limit of the decoder at its bound, below it and above it (section G of the requirements).

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

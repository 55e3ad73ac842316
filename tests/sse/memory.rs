//! What the decoder holds and moves while a peer sends without end.

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
        feed(&mut decoder, b": nothing happens, and it happens for a long time on this stream\n", 64 << 20) <= 64 << 10
    );
}

#[test]
fn comments_without_end_between_data_lines_take_no_memory() {
    let mut decoder = sse::Decoder::new(&Limits::default());
    decoder.push(b"data: kept\n").unwrap();
    assert_eq!(decoder.next_event(), Ok(None));
    assert!(
        feed(&mut decoder, b": a comment, an unknown field, an id and a type\nfoo: bar\nid: 1\nevent: x\n", 16 << 20)
            <= 64 << 10
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

/// Nor is it moved each time that a little before it has died, as long as there is room behind it.
#[test]
fn a_backlog_stays_where_it_is_while_there_is_room() {
    let mut decoder = sse::Decoder::new(&Limits::default());
    let event = b"data: 0123456789\n\n";
    let place = |decoder: &mut sse::Decoder| decoder.next_event().unwrap().unwrap().data.as_ptr() as usize;
    decoder.push(&event.repeat(60_000)).unwrap();
    decoder.push(event).unwrap();
    let first = place(&mut decoder);
    for taken in 1..5_000 {
        decoder.push(event).unwrap();
        assert_eq!(place(&mut decoder), first + taken * event.len());
    }
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

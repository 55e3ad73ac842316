//! Newline framing: what is read off a stream of lines, and what its buffer keeps.

use mcp_core::Limits;
use mcp_core::jsonrpc::ndjson;

// R-IO-26
#[test]
fn blank_lines_a_byte_order_mark_and_a_missing_last_end_are_tolerated() {
    let lines = |input: &[u8]| {
        let mut decoder = ndjson::Decoder::new(&Limits::default());
        let mut lines = Vec::new();
        for byte in input {
            decoder.push(&[*byte]).unwrap();
            while let Some(line) = decoder.next_message().unwrap() {
                lines.push(String::from_utf8(line.to_vec()).unwrap());
            }
        }
        decoder.finish();
        while let Some(line) = decoder.next_message().unwrap() {
            lines.push(String::from_utf8(line.to_vec()).unwrap());
        }
        assert_eq!((decoder.buffered(), decoder.next_message().unwrap()), (0, None));
        lines
    };
    assert_eq!(lines(b"\xEF\xBB\xBFone\r\n \t\r\n\r\n  \ntwo\n"), ["one", "two"]);
    assert_eq!(lines(b"one\n\xEF\xBB\xBFtwo"), ["one", "\u{FEFF}two"], "a mark is one at the beginning only");
    for only in [&b"one"[..], b"one\r", b"\xEF\xBB\xBFone", b"one\n\n"] {
        assert_eq!(lines(only), ["one"]);
    }
    for none in [&b""[..], b"\n", b"\r", b"\xEF\xBB\xBF", b"\xEF\xBB\xBF\r\n"] {
        assert_eq!(lines(none), [""; 0]);
    }
}

// R-IO-29
#[test]
fn a_large_buffer_is_given_back_also_when_the_next_line_has_begun() {
    let mut decoder = ndjson::Decoder::new(&Limits::default());
    decoder.push(&[b'x'; 1 << 20]).unwrap();
    decoder.push(b"\nand the next").unwrap();
    assert_eq!(decoder.next_message().unwrap().map(<[u8]>::len), Some(1 << 20));
    assert!(decoder.space(16).unwrap().len() <= 64 << 10);
    decoder.push(b" one\n").unwrap();
    assert_eq!(decoder.next_message().unwrap(), Some(&b"and the next one"[..]));
}

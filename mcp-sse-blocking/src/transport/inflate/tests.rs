//! Data that is whole, cut, damaged, dripping and much larger than it looks.

use std::collections::VecDeque;
use std::io::Write as _;

use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use flate2::{Compression, GzBuilder};

use super::*;

/// Gives one piece a read; where there is none, it is out of time for once.
struct Pieces(VecDeque<Option<Vec<u8>>>);

impl Read for Pieces {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Some(piece) = self.0.pop_front() else { return Ok(0) };
        let Some(piece) = piece else { return Err(io::ErrorKind::WouldBlock.into()) };
        let n = piece.len().min(out.len());
        out[..n].copy_from_slice(&piece[..n]);
        if n < piece.len() {
            self.0.push_front(Some(piece[n..].to_vec()));
        }
        Ok(n)
    }
}

fn text() -> Vec<u8> {
    (0..2000u32).flat_map(|n| format!("event {} of {n}; ", n * 7919 % 1000).into_bytes()).collect()
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// A member with every part that a head can have.
fn gzip_with_all(data: &[u8]) -> Vec<u8> {
    let builder = GzBuilder::new().extra(vec![7; 300]).filename("a name").comment("a comment").mtime(7);
    let mut encoder = builder.write(Vec::new(), Compression::best());
    encoder.write_all(data).unwrap();
    let mut member = encoder.finish().unwrap();
    // flate2 writes no checksum of the head.
    member[3] |= 2;
    let end = 10 + 2 + 300 + "a name\0a comment\0".len();
    member.splice(end..end, [0xab, 0xcd]);
    member
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn raw(data: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// Reads to the end or to a failure, over every moment without data, `room` bytes at once.
fn read(coding: Coding, pieces: Vec<Option<Vec<u8>>>, room: usize) -> (Vec<u8>, Option<String>) {
    let mut reader = Inflate::new(coding, Pieces(pieces.into()));
    let (mut all, mut room) = (Vec::new(), vec![0; room]);
    loop {
        match reader.read(&mut room) {
            Ok(0) => return (all, None),
            Ok(n) => all.extend_from_slice(&room[..n]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => {
                assert_eq!(reader.read(&mut room).unwrap_err().to_string(), error.to_string(), "it stays so");
                return (all, Some(error.to_string()));
            }
        }
    }
}

fn whole(coding: Coding, data: &[u8]) -> (Vec<u8>, Option<String>) {
    read(coding, vec![Some(data.to_vec())], 4 << 10)
}

#[test]
fn data_is_the_same_however_it_is_cut() {
    let text = text();
    let two = [gzip(&text[..777]), gzip_with_all(&text[777..])].concat();
    for (coding, data) in [
        (Coding::Gzip, gzip(&text)),
        (Coding::Gzip, gzip_with_all(&text)),
        (Coding::Gzip, two),
        (Coding::Deflate, zlib(&text)),
        (Coding::Deflate, raw(&text)),
    ] {
        assert_eq!(whole(coding, &data), (text.clone(), None));
        for room in [1, 7, 100_000] {
            // Byte by byte, out of time before each.
            let bytes = data.iter().flat_map(|byte| [None, Some(vec![*byte])]).collect();
            assert_eq!(read(coding, bytes, room), (text.clone(), None));
        }
    }
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits = hexadecimal.as_bytes().chunks(2);
    digits.map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

/// By gzip 1.12 and by zlib 1.2 from Python, which share no code with the encoders above.
#[test]
fn what_other_programs_compress_is_read() {
    let (gzip, zlib, raw) = (Coding::Gzip, Coding::Deflate, Coding::Deflate);
    let ours = "aaaa bbbb aaaa bbbb";
    for (coding, data, expected) in [
        (
            gzip,
            "1f8b0808805d006b0203617574682d68656c6c6f2e74787400cb48cdc9c957c840277514d2ab320b14f2d3144a32521592f3737\
             313f352147232f352b900a5f9aa4d32000000",
            "hello hello hello hello, gzip of the command line\n",
        ),
        (gzip, "1f8b0800000000000403011300ecff61616161206262626220616161612062626262af413a5313000000", ours),
        (raw, "4b4c4c4c544802028544180b00", ours),
        (raw, "05c18100000000c32095ab357f8817ac6ab0aa03", ours),
        (raw, "4b0402852420504804028524200000", "aaaa bbbb aaaa bbbb"),
        // A window of 512 bytes.
        (zlib, "18d34a492c49b452c8cf4be5e202000000ffff030016c3034b", "data: one\n\n"),
    ] {
        let (all, problem) = whole(coding, &bytes(data));
        assert_eq!((String::from_utf8(all).unwrap().as_str(), problem), (expected, None), "{data}");
    }
}

/// The same programs, which flush after each event.
#[test]
fn each_event_that_other_programs_flush_is_there() {
    let events = ["data: one\n\n", "data: two two two\n\n", "data: three\n\n"];
    let flushed = [
        "4a492c49b452c8cf4be5e202000000ffff",
        "4a01334bcaf361988b0b000000ffff",
        "4a492c49b45228c9284a4de5e202000000ffff",
    ];
    for (coding, head, tail) in [
        (Coding::Gzip, "1f8b0800000000000203", "0300195335142b000000"),
        (Coding::Deflate, "78da", "0300367c0dc1"),
        (Coding::Deflate, "18d3", "0300367c0dc1"),
        (Coding::Deflate, "", "0300"),
    ] {
        let mut pieces: VecDeque<_> = flushed.iter().flat_map(|piece| [Some(bytes(piece)), None]).collect();
        if !head.is_empty() {
            pieces.push_front(Some(bytes(head)));
        }
        pieces.push_back(Some(bytes(tail)));
        let mut reader = Inflate::new(coding, Pieces(pieces));
        let mut room = [0; 100];
        for event in events {
            let n = reader.read(&mut room).unwrap();
            assert_eq!(room[..n], *event.as_bytes());
            assert_eq!(reader.read(&mut room).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        }
        assert_eq!(reader.read(&mut room).unwrap(), 0);
    }
}

#[test]
fn data_may_be_split_at_every_byte() {
    let text = b"short, so that each place can be tried; short, so that each place can be tried".repeat(3);
    for (coding, data) in [
        (Coding::Gzip, [gzip_with_all(&text[..40]), gzip(&text[40..])].concat()),
        (Coding::Deflate, zlib(&text)),
        (Coding::Deflate, raw(&text)),
    ] {
        for at in 0..=data.len() {
            let (left, right) = data.split_at(at);
            // An empty piece would be the end.
            let pieces = [left, right].into_iter().filter(|piece| !piece.is_empty());
            let pieces = pieces.flat_map(|piece| [Some(piece.to_vec()), None]).collect();
            assert_eq!(read(coding, pieces, 16), (text.clone(), None), "at {at}");
        }
    }
}

#[test]
fn data_that_ends_too_early_says_so_at_every_byte() {
    let text = text()[..2000].to_vec();
    for (coding, data) in
        [(Coding::Gzip, gzip_with_all(&text)), (Coding::Deflate, zlib(&text)), (Coding::Deflate, raw(&text))]
    {
        for at in 1..data.len() {
            let (all, problem) = whole(coding, &data[..at]);
            assert_eq!(problem.as_deref(), Some("a compressed answer ended in the middle"), "at {at}");
            assert!(text.starts_with(&all));
        }
        assert_eq!(whole(coding, b""), (Vec::new(), None));
    }
}

#[test]
fn what_was_flushed_is_there_before_more_comes() {
    for coding in [Coding::Gzip, Coding::Deflate] {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let mut plain = ZlibEncoder::new(Vec::new(), Compression::default());
        let mut pieces = VecDeque::new();
        for n in 0..3 {
            let event = format!("data: {n}\n\n");
            encoder.write_all(event.as_bytes()).unwrap();
            encoder.flush().unwrap();
            plain.write_all(event.as_bytes()).unwrap();
            plain.flush().unwrap();
            let flushed = if coding == Coding::Gzip { encoder.get_mut() } else { plain.get_mut() };
            pieces.push_back(Some(std::mem::take(flushed)));
            pieces.push_back(None);
        }
        let mut reader = Inflate::new(coding, Pieces(pieces));
        for n in 0..3 {
            let mut room = [0; 100];
            let read = reader.read(&mut room).unwrap();
            assert_eq!(room[..read], *format!("data: {n}\n\n").as_bytes());
            assert_eq!(reader.read(&mut room).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        }
    }
}

#[test]
fn damage_is_found() {
    let good = gzip(&text());
    let damaged = |at: usize, byte: u8| {
        let mut data = good.clone();
        data[at] ^= byte;
        whole(Coding::Gzip, &data).1.unwrap()
    };
    let last = good.len() - 1;
    assert_eq!(damaged(last, 1), "a compressed answer is damaged: its checksum is wrong");
    assert_eq!(damaged(last - 7, 1), "a compressed answer is damaged: its checksum is wrong");
    for at in [1, 2] {
        assert_eq!(damaged(at, 1), "a compressed answer is damaged: it does not begin as gzip does");
    }
    assert_eq!(damaged(3, 0x80), "a compressed answer is damaged: it does not begin as gzip does");
    let nonsense = [&good[..10], &[0xff; 40]].concat();
    assert_eq!(whole(Coding::Gzip, &nonsense).1.unwrap(), "a compressed answer is damaged: its blocks cannot be read");
    assert_eq!(
        whole(Coding::Deflate, &[0xff; 40]).1.unwrap(),
        "a compressed answer is damaged: its blocks cannot be read"
    );
    let more = [&zlib(b"x")[..], b"more"].concat();
    assert_eq!(
        whole(Coding::Deflate, &more),
        (b"x".to_vec(), Some("a compressed answer is damaged: something follows its end".into()))
    );
    let more = [&gzip(b"x")[..], b"more"].concat();
    assert_eq!(whole(Coding::Gzip, &more).1.unwrap(), "a compressed answer is damaged: it does not begin as gzip does");
}

#[test]
fn no_input_makes_it_fail_in_another_way_than_with_an_error() {
    let good = [gzip_with_all(&text()[..9000]), zlib(&text()[..9000])].concat();
    let mut state = 7u64;
    for _ in 0..300 {
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize
        };
        let mut data = good.clone();
        for _ in 0..1 + random() % 4 {
            let at = random() % data.len();
            data[at] = random() as u8;
        }
        let coding = if random() % 2 == 0 { Coding::Gzip } else { Coding::Deflate };
        let (all, _) = whole(coding, &data[random() % data.len()..]);
        assert!(all.len() < 100 << 20);
    }
}

#[test]
fn a_head_has_an_end() {
    let mut data = gzip(b"x");
    data[3] = 1 << 3;
    data.truncate(10);
    data.extend(vec![b'n'; HEAD_BYTES]);
    let (_, problem) = whole(Coding::Gzip, &data);
    assert_eq!(problem.unwrap(), "a compressed answer is damaged: the head of a member has more than 65536 bytes");
}

#[test]
fn what_is_not_compressed_although_it_says_so_is_passed_on() {
    let bytes = b"{\"jsonrpc\":\"2.0\"}".iter().flat_map(|byte| [None, Some(vec![*byte])]).collect();
    assert_eq!(read(Coding::Gzip, bytes, 100), (b"{\"jsonrpc\":\"2.0\"}".to_vec(), None));
}

#[test]
fn nothing_is_decoded_ahead_of_what_is_asked_for() {
    // A thousandth of what it stands for.
    let bomb = gzip(&vec![0; 10 << 20]);
    assert!(bomb.len() < 20 << 10);
    let mut reader = Inflate::new(Coding::Gzip, &bomb[..]);
    let mut room = [1; 1000];
    for _ in 0..10 {
        let n = reader.read(&mut room).unwrap();
        assert!(n > 0 && room[..n].iter().all(|byte| *byte == 0));
    }
    assert!(!reader.source.is_empty());
}

//! The event-stream decoder and encoder against vectors, against a slow judge, and against their limits.

#![allow(clippy::unwrap_used, reason = "a panic is the report, in the helpers too")]

use mcp_core::limits::{Limit, LimitExceeded};
use mcp_core::{Limits, sse};
use mcp_tests::chunks::{cuts, random_cut};
use mcp_tests::random::Random;
use mcp_tests::sse_oracle::{self, Event, Seen};
use mcp_tests::{fuzz_sse, sse_vectors};

#[path = "sse/decoding.rs"]
mod decoding;
#[path = "sse/encoding.rs"]
mod encoding;
#[path = "sse/limits.rs"]
mod limits;
#[path = "sse/memory.rs"]
mod memory;

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

//! What a server says while a client finds out how to speak to it.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| mcp_tests::fuzz_streamable::era(input));

//! Values of headers, ids of events and of sessions, from anyone.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| mcp_tests::fuzz_streamable::values(input));

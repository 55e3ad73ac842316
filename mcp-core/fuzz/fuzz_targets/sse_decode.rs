//! Event streams from anyone, in any pieces.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| mcp_tests::fuzz_sse::decode(input));

//! What happens to a stream that may be resumed.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| mcp_tests::fuzz_streamable::resumption(input));

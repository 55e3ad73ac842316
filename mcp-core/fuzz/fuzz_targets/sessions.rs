//! Messages from anyone, at any time, to both sides of a session.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| mcp_tests::fuzz_jsonrpc::sessions(input));

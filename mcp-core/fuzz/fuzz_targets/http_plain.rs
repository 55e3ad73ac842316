//! A message for a server that speaks no JSON-RPC, and what it answers.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| mcp_tests::fuzz_http::plain(input));

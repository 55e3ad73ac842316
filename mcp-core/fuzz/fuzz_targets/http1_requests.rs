//! Bytes of a connection to the server, from anyone, in pieces of any size.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| mcp_tests::fuzz_http1::requests(input));

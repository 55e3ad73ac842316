//! Lines from anyone, in any pieces.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| mcp_tests::fuzz_jsonrpc::lines_do_not_depend_on_pieces(input));

//! The parameters of a request that may stand alone, from anyone.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| mcp_tests::fuzz_streamable::claims(input));

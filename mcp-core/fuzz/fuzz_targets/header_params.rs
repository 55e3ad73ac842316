//! The input schema of a tool and arguments for it, from anyone.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| mcp_tests::fuzz_streamable::params(input));

//! The schema of a form and what was filled in, from anyone.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| mcp_tests::fuzz_types::forms(input));

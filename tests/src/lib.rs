//! What the tests share.

pub mod fuzz_http;
pub mod peers;
pub mod process;

pub mod http_vectors;

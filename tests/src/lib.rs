//! What the tests share.

pub mod chunks;
pub mod fuzz_http;
pub mod fuzz_sse;
pub mod http_vectors;
pub mod pair;
pub mod peers;
pub mod process;
pub mod sse_oracle;
pub mod sse_vectors;
pub mod fuzz_jsonrpc;
pub mod random;
pub mod raw_engine;
pub mod raw_http;

//! What the tests share.

pub mod certificates;
pub mod chunks;
pub mod command_line;
pub mod door;
pub mod fuzz_http;
pub mod fuzz_http1;
pub mod fuzz_jsonrpc;
pub mod fuzz_sse;
pub mod fuzz_streamable;
pub mod fuzz_types;
pub mod http_vectors;
pub mod judging_front;
pub mod leaks;
pub mod pair;
pub mod peers;
pub mod process;
pub mod random;
pub mod raw_engine;
pub mod raw_http;
pub mod raw_service;
pub mod raw_streamable;
pub mod schema_judge;
pub mod scripted_authority;
pub mod scripted_lines;
pub mod scripted_peer;
pub mod scripted_proxy;
pub mod sse_oracle;
pub mod sse_vectors;
pub mod streamable_peer;
#[cfg(unix)]
pub mod terminal;
pub mod tls_front;
pub mod wire_judge;

/// The programs of the README are compiled, and run where that needs no server.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

//! What the tests share.

pub mod peers;
pub mod process;

pub mod http_vectors;

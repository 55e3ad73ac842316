//! Who a client says it is, asked for with every request over HTTP.

mod challenge;

pub use challenge::Challenge;

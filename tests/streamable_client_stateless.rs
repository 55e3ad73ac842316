//! The client over Streamable HTTP.

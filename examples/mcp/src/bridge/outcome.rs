//! What a client is told when its request failed on the way.

use mcp_core::jsonrpc::{Error as RpcError, code};
use mcp_sse_blocking::Error;

/// An error of the server as it is; any other failure as an internal error that says what happened behind the bridge.
pub(super) fn told(error: Error) -> RpcError {
    match error {
        Error::Rpc(error) => error,
        error => failed(&error),
    }
}

/// An internal error.
pub(super) fn failed(what: impl std::fmt::Display) -> RpcError {
    RpcError::new(code::INTERNAL_ERROR, format!("behind the bridge: {what}"))
}

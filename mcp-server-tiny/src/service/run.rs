//! Running a handler so that its failure is no one else's.

use crate::call::Call;
use crate::result::{ToolError, ToolResult};

/// A handler whose result was made one type of.
pub(crate) type Handler = dyn Fn(&mut Call<'_>) -> Result<ToolResult, ToolError> + Send + Sync;

/// Runs a handler. With `std` a panic ends the call and nothing else: the client is told that the tool failed, the
/// text of the panic stays in the log, since it may speak of the program's insides (R-LM-92). Programs built with
/// `panic = "abort"` end, as they asked for.
pub(crate) fn run(handler: &Handler, call: &mut Call<'_>) -> Result<ToolResult, ToolError> {
    #[cfg(feature = "std")]
    {
        let tool = call.tool();
        // What a handler shares with other calls is behind locks of its own choice; the call itself is not used after
        // a panic, except for what was reported before it.
        let outcome = std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| handler(call)));
        outcome.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<&str>().copied();
            let text = text.or_else(|| panic.downcast_ref::<alloc::string::String>().map(|text| &**text));
            log::error!("tool `{tool}` panicked: {}", text.unwrap_or("no text"));
            Err(ToolError::new(alloc::format!("`{tool}` failed: internal error")))
        })
    }
    #[cfg(not(feature = "std"))]
    handler(call)
}

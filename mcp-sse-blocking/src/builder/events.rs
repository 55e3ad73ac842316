//! Settings of what is heard beside replies: handlers by name, and the transformation of payloads.

/// The settings of events.
#[derive(Default)]
pub(crate) struct EventOptions {}

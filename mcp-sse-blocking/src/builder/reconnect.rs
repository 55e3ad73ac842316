//! Settings of staying connected.

/// The settings of staying connected.
#[derive(Default)]
pub(crate) struct ReconnectOptions {}

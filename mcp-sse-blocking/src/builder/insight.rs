//! Settings of insight: counters, warnings, the trace of the wire.

/// The settings of insight.
#[derive(Default)]
pub(crate) struct InsightOptions {}

//! The trace of the wire.

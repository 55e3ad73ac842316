//! The commands, one file each: what it takes on the command line, and what it does.

pub(crate) mod call;
pub(crate) mod tools;

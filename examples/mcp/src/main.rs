//! The Model Context Protocol on the command line.
fn main() {}

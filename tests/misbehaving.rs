//! The misbehaving server: whatever it does, the caller gets an answer or an error that says what is wrong, in time, and
//! nothing is left behind: no thread, no socket, no memory.
//!
//! Each case is a script for the server, what the caller does, and the words that the caller then sees, asserted to the
//! letter. They run one after the other, in one test and a binary of its own, because what the whole process holds is counted
//! around each. `cargo test -p mcp-tests --test misbehaving -- --nocapture` prints the table.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a panic is the report, in the helpers too")]

#[path = "misbehaving/again.rs"]
mod again;
#[path = "misbehaving/encrypted.rs"]
mod encrypted;
#[path = "misbehaving/endpoint.rs"]
mod endpoint;
#[path = "misbehaving/eras.rs"]
mod eras;
#[path = "misbehaving/http.rs"]
mod http;
#[path = "misbehaving/kit.rs"]
mod kit;
#[path = "misbehaving/messages.rs"]
mod messages;
#[path = "misbehaving/stream.rs"]
mod stream;

use kit::{Case, Table};

#[test]
fn every_fault_of_a_server_is_told_in_time_and_leaves_nothing_behind() {
    // Whatever the first use of a library sets up for good.
    (endpoint::CASES[0].scene)();

    let mut table = Table::default();
    let groups: [&[Case]; 7] =
        [again::CASES, encrypted::CASES, endpoint::CASES, stream::CASES, messages::CASES, http::CASES, eras::CASES];
    for case in groups.into_iter().flatten() {
        table.run(case);
    }
    eprintln!("{table}");
    table.check();
}

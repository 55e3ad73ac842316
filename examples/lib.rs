//! The programs beside this file show the client and the server; run one with `cargo run --release --example NAME`.

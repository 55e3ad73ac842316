//! The C ABI: a client and a server of the Model Context Protocol for C, C++ and whatever calls C.
//!
//! The header [`include/mcp.h`](../include/mcp.h) is generated from this crate and is its documentation. How it is built:
//!
//! | Module | Job |
//! | --- | --- |
//! | [`border`] | what every function goes through: no panic leaves, errors become a status and a message |
//! | [`text`] | text and bytes in, strings out: the pointers |
//! | [`handles`] | numbers for objects: a handle that was freed, or is another's, is an answer and no crash |
//! | [`error`] | the fixed numbers of errors |
//! | [`options`], [`client`], [`cancel`] | the client |
//! | [`server`], [`tool`], [`running`], [`engine`] | the server: what it offers, its handlers, its own loop, the caller's loop |
//! | [`logging`] | the log |
//!
//! Unsafe code is in `text`, in the callbacks of `callback`, and nowhere else: handles are numbers, so that nothing has to be
//! believed of them.

mod border;
mod callback;
mod cancel;
mod client;
mod engine;
mod error;
mod handles;
mod logging;
mod options;
mod running;
mod server;
mod text;
mod tool;

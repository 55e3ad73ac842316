//! The C ABI: a client and a server of the Model Context Protocol for C, C++ and whatever calls C.
//!
//! The header [`include/mcp.h`](../include/mcp.h) is generated from this crate and is its documentation. How
//! it is built:
//!
//! | Module | Job |
//! | --- | --- |
//! | [`border`] | what every function goes through: no panic leaves, errors become a status and a message |
//! | [`text`] | text and bytes in, strings out: the pointers |
//! | [`handles`] | numbers for objects: a handle that was freed, or is another's, is an answer and no crash |
//! | [`error`] | the fixed numbers of errors |
//! | [`options`], [`way`], [`credentials`], [`client`], [`request`], [`cancel`], [`subscription`] | the client |
//! | [`question`] | what servers ask of it |
//! | [`server`], [`offer`], [`completion`], [`changing`] | what a server offers |
//! | [`tool`], [`reply`], [`ask`], [`deferred`] | its handlers: the call, what they answer, what they ask, and when |
//! | [`running`], [`engine`] | its own loop, the caller's loop |
//! | [`logging`] | the log |
//!
//! Unsafe code is where pointers of the caller's are looked behind (`text`, `request`, `engine`), where
//! `tool` finds the call of a handler again, and where `callback` promises for `userdata` what the header
//! demands. Handles are numbers, so that nothing has to be believed of them.

mod ask;
mod border;
mod callback;
mod cancel;
mod changing;
mod client;
mod completion;
mod credentials;
mod deferred;
mod engine;
mod error;
mod handles;
mod logging;
mod offer;
mod options;
mod question;
mod reply;
mod request;
mod running;
mod server;
mod subscription;
mod text;
mod tool;
mod way;

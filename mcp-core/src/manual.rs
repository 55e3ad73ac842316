//! Decisions that outlive a change, with their reasons. Documentation only.
//!
//! # One message in, at most one message out
//!
//! A core without I/O usually has a queue of output that is drained after each input. No message of MCP asks for more
//! than one in return, so `handle_message` appends that one to a buffer of the caller's and returns
//! what the message meant. There is no queue to bound, to drain or to forget, and the event can borrow from the message.
//! What has to be awaited, deadlines, is asked for: `next_timeout` and `handle_timeout`.
//!
//! # Raw first, typed where somebody looks
//!
//! The envelope of a message is found in one pass and `params`, `result` and `data` stay slices. A server parses the
//! parameters of `tools/call` once, into a struct that borrows; a client that only passes a result on never parses it.
//! The price is a second pass over a result that is wanted typed.
//!
//! # An envelope by hand, not an untagged enum
//!
//! Four things that `serde`'s derive cannot do decide it: an untagged enum cannot borrow a `RawValue`, `Option` takes `null` and
//! absent for the same (they differ for ids, R-LM-6), `Option<Cow<str>>` never borrows, and an error should still be answered under
//! the id of the message that caused it.
//!
//! # Integers up to 128 bits as ids
//!
//! An id has to come back with exactly its digits (R-LM-12). Keeping the text would do as well, but then equality would be a
//! matter of spelling. 38 digits are more than any counter, timestamp or snowflake in use; longer ones are refused.
//!
//! # Keys that rise, in a queue
//!
//! Requests in flight stand in a deque sorted by a number that only rises. Finding one is a binary search over what is usually a
//! handful of entries, nothing is hashed or allocated per call, and a late or repeated answer finds nothing because no key
//! comes twice. The server's table is the same one, with the client's ids as values.
//!
//! # A lifecycle without roles
//!
//! What may happen when is one table over steps that have no direction. Both sides feed it with what they send and what they
//! receive, so that client and server cannot disagree about the protocol because two tables do.
//!
//! # Depth is counted before it is measured
//!
//! A message that has no more than 128 opening brackets is not nested deeper than 128. Counting brackets is a vector
//! addition; only messages with more are walked with an eye on strings. The parsers behind use no stack for skipped values
//! and stop at 128 levels for typed ones.
//!
//! # Server identity in the session id
//!
//! The session id of HTTP+SSE is a bearer secret in a URL. It is made of a slot number, which finds the session without
//! hashing a secret, and of random bits that are compared in constant time.
//!
//! # The stateless request is the native model
//!
//! From 2026-07-28 on a request stands alone: its `_meta` says what a handshake would have said, notifications belong to it, and its
//! result may ask for input. The eras before are adapters around that. On the server a request that stands alone is a
//! [`ServerSession`](crate::session::ServerSession) with one request in it, so that whoever carries out requests sees one type; on the
//! client [`ClientSession::stateless`](crate::session::ClientSession::stateless) operates at once and writes the `_meta` itself. The
//! other way round, a stateless request as a fragment of a session, would have put the question which era it is into every
//! handler and every call.
//!
//! # A handler that asks is run again
//!
//! A question to the client leaves the handler like an error, and its answer runs the handler again from the start. The other ways
//! were a thread for each call that waits, which a server on one thread does not have, or handlers that are `async`, which this
//! library does without. Run again, the same code serves a revision in which the server forgets the call in between
//! (2026-07-28: what it knows travels by way of the client, sealed) and those in which it keeps it in a table. The price is a
//! rule for whoever writes one: ask first, act afterwards.
//!
//! # What a client can be asked, in seven bits
//!
//! A server keeps of a client's capabilities only what it may ask: [`ClientOffers`](crate::session::ClientOffers). The rest stays
//! unread: typed, with icons and experimental entries, it was a tenth of what a small server weighs beyond std.
//!
//! # An authorization is steps, not a machine
//!
//! From a refusal to a token a client reads documents, perhaps registers, opens a port and waits for a person, in an order that
//! depends on what it finds. A machine that hands each of these out and takes its outcome back had as many states as the shell has
//! lines, and none of them could be entered in another order. So [`auth`](crate::auth) has each step as a function over what came, with
//! a type that only the step before gives, and the shell is one function that calls them from top to bottom.
//!
//! # Adding a revision
//!
//! One table, one module and their tests:
//!
//! 1. [`revision`](crate::revision): a variant, its date, and whichever predicates change their answer. Nothing else in the workspace
//!    compares revisions; elsewhere a predicate is asked.
//! 2. [`types::method`](crate::types::method), the table of methods: new rows, and a new last revision for the rows that end.
//! 3. Its JSON schema beside the others in `tests/schema`, with which every message that either side emits in any test is judged;
//!    rows in `tests/requirements.md`, and tests that prove them.
//!
//! A revision that brings new data has a file for it in [`types`](crate::types); one that changes how requests travel over HTTP has its rules
//! in [`http`](crate::http). Both shells follow by asking.

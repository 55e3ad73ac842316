//! Decisions that outlive a change, with their reasons. Documentation only.
//!
//! # One message in, at most one message out
//!
//! A core without I/O usually has a queue of output that is drained after each input. In the handshake eras of MCP no
//! message asks for more than one in return, so `handle_message` appends that one to a buffer of the caller's and returns
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
//! # Adding a revision
//!
//! A revision is a variant and its predicates in [`revision`](crate::revision), its rows in [`types::method`](crate::types::method), and their
//! tests. Code elsewhere asks a predicate; it never compares dates.

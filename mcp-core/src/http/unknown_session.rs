//! Does the server say with this 400 that it does not know the session?
//!
//! An unknown session is answered 404 or 410 as a rule, and 400 by many: C# says `"Session ID not found."`, the programs after
//! TypeScript's example `No transport found for sessionId`, Python `Invalid session ID` where the id cannot be one (R-SSE-27,
//! R-SSE-28). The same status refuses a message that cannot be read, and then a body may repeat it: TypeScript's answers
//! `Invalid message: ` and what it was sent. To take that for the end of the session would end it for everybody who calls,
//! because one of them has the word in an argument. So a 400 ends a session only if all that it says is about sessions.

use alloc::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// Bytes of a statement. 200: with an id of 64 characters none that is known has more than 110.
const LONGEST: usize = 200;

/// What is spoken of.
const SUBJECTS: [&str; 4] = ["session", "sessionid", "session_id", "sessions"];

/// What denies that it is there.
const DENIALS: [&str; 18] = [
    "no",
    "not",
    "unknown",
    "invalid",
    "missing",
    "required",
    "expired",
    "closed",
    "terminated",
    "gone",
    "null",
    "without",
    "ended",
    "inactive",
    "stale",
    "cannot",
    "never",
    "unrecognized",
];

/// What else stands in such a sentence.
const OTHERS: [&str; 50] = [
    "a",
    "an",
    "the",
    "this",
    "that",
    "is",
    "was",
    "has",
    "been",
    "be",
    "does",
    "do",
    "did",
    "could",
    "can",
    "must",
    "it",
    "with",
    "for",
    "of",
    "in",
    "to",
    "or",
    "and",
    "on",
    "id",
    "ids",
    "found",
    "find",
    "exist",
    "exists",
    "active",
    "valid",
    "known",
    "established",
    "transport",
    "connection",
    "sse",
    "mcp",
    "server",
    "client",
    "endpoint",
    "message",
    "parameter",
    "query",
    "header",
    "provided",
    "bad",
    "request",
    "error",
];

/// Whether `body`, the beginning of the body of a 400, says that the session is unknown, and nothing else.
pub fn says_unknown_session(body: &[u8]) -> bool {
    let Ok(text) = core::str::from_utf8(body) else { return false };
    let text = text.trim();
    match text.as_bytes().first() {
        Some(b'{') => statement(text).is_some_and(|statement| is_about_sessions(&statement)),
        // ASP.NET writes the text as JSON.
        Some(b'"') => serde_json::from_str::<Cow<'_, str>>(text).is_ok_and(|text| is_about_sessions(&text)),
        _ => is_about_sessions(text),
    }
}

/// What a JSON object says: as a JSON-RPC error that answers no request, or in the members that frameworks use.
fn statement(object: &str) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        id: Option<&'a RawValue>,
        #[serde(borrow)]
        error: Option<Said<'a>>,
        #[serde(borrow)]
        message: Option<Cow<'a, str>>,
        #[serde(borrow)]
        detail: Option<Cow<'a, str>>,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Said<'a> {
        Text(#[serde(borrow)] Cow<'a, str>),
        Object {
            #[serde(borrow)]
            message: Cow<'a, str>,
        },
    }
    let Body { id: None, error, message, detail } = serde_json::from_str(object).ok()? else { return None };
    match error {
        Some(Said::Text(text) | Said::Object { message: text }) => Some(text),
        None => message.or(detail),
    }
}

/// Whether each word of a text is one of those that say so, but for one id.
fn is_about_sessions(text: &str) -> bool {
    // What begins like a message or a page may be the beginning of one.
    if text.len() > LONGEST || text.contains(['{', '<']) {
        return false;
    }
    let (mut has_subject, mut is_denied, mut has_id) = (false, false, false);
    let words = text.split(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '-'));
    for word in words.map(|word| word.trim_matches(['_', '-'])).filter(|word| !word.is_empty()) {
        let is_one_of = |list: &[&str]| list.iter().any(|known| known.eq_ignore_ascii_case(word));
        if is_one_of(&SUBJECTS) {
            has_subject = true;
        } else if is_one_of(&DENIALS) {
            is_denied = true;
        } else if is_one_of(&OTHERS) {
        } else if !has_id && is_id(word) {
            has_id = true;
        } else {
            return false;
        }
    }
    has_subject && is_denied
}

/// Whether it may be the id of a session: long, and no word.
fn is_id(word: &str) -> bool {
    word.len() >= 8 && word.bytes().any(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::String;

    #[test]
    fn what_known_servers_say_of_an_unknown_session_is_understood() {
        for body in [
            "No transport found for sessionId",
            "No transport found for sessionId '3b12f1df-5232-4804-897e-917bf397618a'",
            "\"Session ID not found.\"",
            "Session not found",
            "Invalid session ID",
            "session_id is required",
            "Could not find session",
            "Missing sessionId parameter",
            "Invalid session ID or transport",
            "Bad Request: No valid session ID provided",
            "Session expired\n",
            "INVALID SESSION",
            r#"{"error":"No transport found for sessionId"}"#,
            r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: No valid session ID provided"},"id":null}"#,
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found: m4VzT3_pRWA1N9LCl3oOhw"}}"#,
            r#"{"message":"Session ID missing in message endpoint"}"#,
            r#"{"detail":"Session not found"}"#,
        ] {
            assert!(says_unknown_session(body.as_bytes()), "{body}");
        }
    }

    #[test]
    fn a_refused_message_that_has_the_word_in_it_ends_nothing() {
        for body in [
            "",
            "session",
            "Could not parse message",
            r#"Invalid message: {"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"end","arguments":{"why":"session not found"}}}"#,
            "Invalid message: [object Object], session",
            "no session {",
            "Unknown tool: delete_session",
            "Tool session not found",
            "invalid arguments: the session must be a number",
            r#"{"error":{"message":"unknown tool: session"}}"#,
            r#"{"jsonrpc":"2.0","id":3,"error":{"code":-32602,"message":"Session not found"}}"#,
            r#"{"error":{"code":-32602,"message":"Invalid params","data":"session not found"}}"#,
            r#"{"error":"bad arguments","message":"session not found"}"#,
            r#"{"error":"Session not found"#,
            "<html><title>400</title>session not found</html>",
            "no session 12345678 87654321",
            "\u{fffd}",
        ] {
            assert!(!says_unknown_session(body.as_bytes()), "{body}");
        }
        assert!(!says_unknown_session(b"session not found \xff"));
    }

    #[test]
    fn a_statement_is_short() {
        let said = |length: usize| format!("session not found{}", " ".repeat(length - 19) + "no");
        assert!(says_unknown_session(said(LONGEST).as_bytes()));
        assert!(!says_unknown_session(said(LONGEST + 1).as_bytes()));
        let repeated: String = "no session ".repeat(50);
        assert!(!says_unknown_session(repeated.as_bytes()));
    }

    /// Whatever a caller sends and a server repeats after words of its own.
    #[test]
    fn no_echo_of_a_message_is_a_statement() {
        let message = r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"session","arguments":{"session":"no session"}}}"#;
        for before in ["", "Invalid message: ", "session not found: ", "no session "] {
            for end in 1..=message.len() {
                let body = format!("{before}{}", &message[..end]);
                // Cut before the first word of the message there is only what the server says itself.
                if end > 2 {
                    assert!(!says_unknown_session(body.as_bytes()), "{body}");
                }
            }
        }
    }
}

//! Bodies of fuzz tests for the rules of HTTP. Each takes any bytes; a panic is the report.

use std::time::Duration;

use mcp_core::http::{self, Answer, Authority, HostPolicy, Origin, OriginPolicy, Url, cors, headers, plain};
use mcp_core::jsonrpc::{self, Message, Payload};

/// Reads the first line as a URL and the rest as a reference against it.
pub fn endpoint(input: &[u8]) {
    let input = String::from_utf8_lossy(input);
    let (base, reference) = input.split_once('\n').unwrap_or(("http://h:8000/mcp/sse?token=1", &input));
    check_url(base);
    check_url(reference);
    let Ok(base) = Url::parse(base) else { return };

    if let Ok(url) = http::resolve(&base, reference) {
        check_url(url.as_str());
        assert!(!url.path().split('/').any(|segment| segment == "." || segment == "..") || reference.starts_with('?'));
        let query = reference.split('#').next().and_then(|text| text.split_once('?'));
        assert_eq!(url.query(), query.map(|(_, query)| query), "the query is kept byte for byte");
    }
    match http::resolve_endpoint(&base, reference) {
        Ok(url) => {
            assert!(url.is_same_origin(&base));
            assert_eq!(url.origin(), base.origin());
        }
        Err(error) => assert!(error.to_string().chars().all(|c| !c.is_control())),
    }
    let _ = http::resolve_redirect(&base, Some(reference));
}

/// What holds for each text that is a URL.
fn check_url(text: &str) {
    let Ok(url) = Url::parse(text) else { return };
    assert_eq!(Url::parse(url.as_str()).as_ref(), Ok(&url), "reading again changes nothing");
    assert!(headers::is_valid_value(url.as_str()) && !url.as_str().contains([' ', '#', '\\']));
    assert!(!url.authority().contains('@'));
    assert!(url.path().starts_with('/'));
    assert_eq!(Authority::parse(url.authority()).map(|authority| authority.host), Some(url.host()));
    assert_eq!(format!("{}://{}{}", url.scheme(), url.authority(), url.path_and_query()).len(), url.as_str().len());
    assert_eq!(Origin::parse(&url.origin().to_string()), Some(url.origin()));
    let shown = url.to_string();
    assert!(shown.ends_with("?...") || url.query().is_none());
}

/// Reads the input as each header that the rules judge.
pub fn head(input: &[u8]) {
    for policy in [HostPolicy::loopback(), HostPolicy::any()] {
        if let Err(refusal) = policy.check(Some(input)) {
            assert!(refusal.to_string().chars().all(|c| !c.is_control()));
        }
    }
    for policy in [OriginPolicy::loopback(), OriginPolicy::listed()] {
        match policy.check(Some(input)) {
            Ok(origin) => assert!(origin.is_some_and(headers::is_valid_value), "it is echoed in a header"),
            Err(refusal) => assert!(refusal.to_string().chars().all(|c| !c.is_control())),
        }
    }

    let text = String::from_utf8_lossy(input);
    let status = input.iter().fold(0, |status: u16, b| status.wrapping_mul(31).wrapping_add(u16::from(*b)));
    let _ = Answer::to_stream_request(status % 1000, Some(&text));
    let _ = Answer::to_message(status % 1000, input);
    check_wait(&text);
    assert!(!(http::is_json(&text) && http::is_event_stream(&text)));
    let _ = http::accepts_event_stream(Some(&text));
    cors::preflight_headers("http://localhost", "GET", Some(&text), |name, value| {
        assert!(headers::is_valid_name(name) && headers::is_valid_value(value));
    });
}

/// Reads the input as a `Retry-After`, against a clock and without one.
fn check_wait(text: &str) {
    let longest = Duration::from_secs(3600);
    let by_number = http::retry_after(text, None, longest);
    for answered in [0, 1_795_161_600, u64::MAX] {
        let answered = http::Date::from_unix(Duration::from_secs(answered));
        let wait = http::retry_after(text, Some(answered), longest);
        assert!(wait.is_none_or(|wait| wait <= longest));
        assert!(by_number.is_none() || wait == by_number, "a number of seconds needs no clock");
        match http::Date::parse(text) {
            Some(date) => assert_eq!(wait, Some(date.since(answered).min(longest))),
            None => assert_eq!(wait, by_number),
        }
    }
}

/// Reads the first line as a message for a server that speaks no JSON-RPC and the rest as the body of its answer.
pub fn plain(input: &[u8]) {
    let limits = mcp_core::Limits::default();
    let (message, body) =
        input.iter().position(|b| *b == b'\n').map_or((&b""[..], input), |at| (&input[..at], &input[at + 1..]));
    let list = plain::Request::of(br#"{"jsonrpc":"2.0","id":7,"method":"tools/list"}"#);
    let own = plain::Request::of(message);
    if let Some(request) = &own {
        let sent: serde_json::Value = serde_json::from_slice(request.body()).expect("what is sent is JSON");
        let meant: serde_json::Value = serde_json::from_slice(message).expect("what is sent was JSON");
        assert_eq!(sent["method"], meant["method"]);
        assert!(sent.get("id").is_none() && sent.get("jsonrpc").is_none());
    }
    for request in [own, list].into_iter().flatten() {
        let Ok(answer) = request.answer(body, &limits) else {
            assert!(serde_json::from_slice::<&serde_json::value::RawValue>(body).is_err(), "what is JSON is an answer");
            continue;
        };
        match jsonrpc::decode(&answer, &limits) {
            Ok(Payload::Message(Message::Response(_) | Message::Error(_))) => {}
            // Only what is too large or too deep for any message.
            Err(error) => {
                assert!(answer.len() > limits.message_bytes || jsonrpc::decode(body, &limits).is_err(), "{error}")
            }
            Ok(_) => panic!("an answer is an answer"),
        }
        assert!(answer.len() <= body.len().max(limits.message_bytes) + 128 || request.refusal(body).is_some());
    }
}

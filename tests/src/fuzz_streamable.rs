//! Bodies of fuzz tests for the rules of Streamable HTTP, in both of its eras. Each takes any bytes; a panic is the report.

use std::time::Duration;

use mcp_core::http::era::{Detection, Era, Finding, Next, Probe};
use mcp_core::http::params::MAX_PARAM_HEADERS;
use mcp_core::http::resume::{Ended, ResumePolicy, Resumption};
use mcp_core::http::{EventId, Field, ParamHeaders, SessionId, headers, value};
use mcp_core::jsonrpc::ErrorObject;
use mcp_core::revision::ProtocolVersion;
use mcp_core::session::Claim;
use mcp_core::time::Instant;
use serde_json::value::RawValue;

fn is_harmless(text: &str) -> bool {
    text.chars().all(|c| !c.is_control())
}

/// Reads the input as the value of a header that repeats the body, as the id of an event and as the id of a session.
///
/// # Panics
///
/// When one is read otherwise than it was written.
pub fn values(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input) {
        let header = value::encode(text);
        assert!(headers::is_valid_value(&header) && header.is_ascii() && header.trim() == header);
        assert_eq!(value::decode(header.as_bytes()).as_deref(), Ok(text));
    }
    if let Ok(text) = value::decode(input) {
        assert_eq!(value::decode(value::encode(&text).as_bytes()).as_deref(), Ok(&*text));
    }
    if let Some(id) = EventId::parse(input) {
        assert_eq!(id.to_string().as_bytes(), input);
    }
    if let Some(id) = SessionId::parse(input) {
        assert_eq!(id.as_str().as_bytes(), input);
        assert!(headers::is_valid_value(id.as_str()) && !format!("{id:?}").contains(&format!("({})", id.as_str())));
    }
}

/// Reads the first line as the input schema of a tool and the second as arguments for it: what a client would send passes with
/// the server, unless the arguments have a member twice, and nothing else does.
///
/// # Panics
///
/// When it is otherwise.
pub fn params(input: &[u8]) {
    let input = String::from_utf8_lossy(input);
    let (schema, arguments) = input.split_once('\n').unwrap_or((&input, "{}"));
    let found = match ParamHeaders::of_schema(schema) {
        Ok(found) => found,
        Err(error) => return assert!(is_harmless(&error.to_string()) && error.to_string().len() < 1000),
    };
    let Ok(arguments) = serde_json::from_str::<&RawValue>(arguments) else { return };
    let values = match found.values(Some(arguments)) {
        Ok(values) => values,
        Err(error) => return assert!(is_harmless(&error.to_string())),
    };
    assert!(values.len() <= MAX_PARAM_HEADERS && (values.is_empty() || !found.is_empty()));
    for (name, value) in &values {
        assert!(headers::is_valid_name(name) && headers::is_valid_value(value));
    }
    let sent = |name: &str| -> Field<'_> {
        let same = values.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        same.map(|(_, value)| value.as_bytes()).collect()
    };
    if let Err(mismatch) = found.check(Some(arguments), sent) {
        assert!(is_harmless(&mismatch.to_string()));
        // Only because a member is there twice: its last value alone passes.
        assert!(has_repeated_member(arguments), "{mismatch}: {input}");
    }
    let is_without = found.check(Some(arguments), |_| Field::Absent).is_ok();
    assert!(values.is_empty() || !is_without, "a header that is missing is missed");
}

/// Whether an object in `json` has two members of one name.
fn has_repeated_member(json: &RawValue) -> bool {
    let colons = |text: &str| text.bytes().filter(|byte| *byte == b':').count();
    let merged: serde_json::Value = serde_json::from_str(json.get()).unwrap_or_default();
    // A colon in a text is one before and after.
    colons(&merged.to_string()) < colons(json.get())
}

/// Reads the input as the parameters of a request: whatever is escaped in them, they claim the same.
///
/// # Panics
///
/// When they do not.
pub fn claims(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(params) = serde_json::from_str::<&RawValue>(text) else { return };
    let meaning = |params: &RawValue| {
        let claim = Claim::of(Some(params))?;
        Ok::<_, mcp_core::session::ClaimFault>(claim.map(|claim| {
            (
                format!("{} {:?} {:?} {:?}", claim.version, claim.offers, claim.level, claim.progress_token),
                claim.mirrored_name("tools/call").map(std::borrow::Cow::into_owned),
                claim.revision(),
            )
        }))
    };
    let plain = meaning(params);
    let Some(members) = params.get().strip_prefix('{') else { return assert_eq!(plain, Ok(None)) };
    let comma = if members.trim_start() == "}" { "" } else { "," };
    let escaped = format!("{{\"\\u0000\":\"\\n\"{comma}{members}");
    if let Ok(escaped) = serde_json::from_str::<&RawValue>(&escaped) {
        assert_eq!(meaning(escaped), plain, "{params}");
    }
}

/// Reads the input as a script of what a server says: each line begins with what kind of answer it is. The detection comes to
/// an end, tries nothing twice but what it may, and a verdict stays.
///
/// # Panics
///
/// When it does not.
pub fn era(input: &[u8]) {
    let input = String::from_utf8_lossy(input);
    let stateless = Era::Stateless(ProtocolVersion::LATEST);
    let machines = [
        Detection::http(),
        Detection::http_handshake(),
        Detection::stdio(),
        Detection::pinned(stateless),
        Detection::pinned(Era::Handshake),
        Detection::pinned(Era::HttpSse),
    ];
    for mut detection in machines {
        let mut tried = Vec::new();
        for line in input.split('\n') {
            let is_over = match *detection.next() {
                Next::Try(probe) => {
                    tried.push(probe);
                    false
                }
                Next::Authorize { .. } => false,
                Next::Found(_) | Next::Failed(_) => true,
            };
            let before = detection.next().clone();
            find(&mut detection, line);
            assert!(!is_over || *detection.next() == before, "a verdict stays");
        }
        let times = |wanted: fn(&Probe) -> bool| tried.iter().filter(|probe| wanted(probe)).count();
        assert!(times(|probe| matches!(probe, Probe::Discover(_))) <= 2, "{tried:?}");
        assert!(times(|probe| *probe == Probe::Initialize) <= 1 && times(|probe| *probe == Probe::OpenStream) <= 1);
        assert!(detection.attempts() <= tried.len());
        if let Next::Failed(error) = detection.next() {
            assert!(is_harmless(&error.to_string()) && error.to_string().len() < 10_000, "{error}");
        }
    }
}

fn find(detection: &mut Detection, line: &str) {
    let mut characters = line.chars();
    let kind = characters.next().unwrap_or('f');
    let rest = characters.as_str();
    let (number, json) = rest.split_once(' ').unwrap_or((rest, ""));
    let (status, code) = number.split_once('/').unwrap_or((number, "0"));
    let (status, code) = (status.parse().unwrap_or(200), code.parse().unwrap_or(0));
    match kind {
        'r' => match serde_json::from_str(json) {
            Ok(result) => detection.handle(Finding::Result(result)),
            Err(_) => detection.handle(Finding::Status(200)),
        },
        'e' => {
            let mut error = ErrorObject::new(code, rest);
            error.data = serde_json::from_str(json).ok();
            detection.handle(Finding::Error(status, &error));
        }
        's' => detection.handle(Finding::Status(status)),
        'v' => detection.handle(Finding::FirstEvent(rest)),
        'i' => detection.handle(Finding::Silence),
        'x' => detection.handle(Finding::Exit),
        _ => detection.handle(Finding::Failure(rest)),
    }
}

/// Reads the input as what happens to a stream: it is never resumed more often in vain than the policy says, never before its
/// time, and not at all without an id or in a revision that has no resumption.
///
/// # Panics
///
/// When it is.
pub fn resumption(input: &[u8]) {
    let attempts = u32::from(input.first().copied().unwrap_or(5));
    let now = Instant::from_elapsed(Duration::from_secs(60));
    for version in ProtocolVersion::ALL {
        let mut policy = ResumePolicy::default();
        policy.attempts = attempts;
        let (mut stream, mut in_vain) = (Resumption::new(version, policy), 0);
        for byte in input {
            let retry = (byte & 4 != 0).then(|| Duration::from_millis(u64::from(*byte) << (byte >> 4)));
            match byte & 3 {
                0 => {
                    stream.handle_event();
                    in_vain = 0;
                }
                1 => assert_eq!(stream.handle_end(now, b"", retry), Ended::Lost),
                _ => match stream.handle_end(now, b"1-2", retry) {
                    Ended::Lost => assert!(!version.has_resumption()),
                    Ended::GivenUp { attempts: given } => assert_eq!(given, attempts),
                    Ended::ResumeAt(at) => {
                        in_vain += 1;
                        assert!(version.has_resumption() && in_vain <= attempts + 1, "{in_vain} of {attempts}");
                        assert!(retry.is_none_or(|asked| at.since(now) >= asked));
                        assert!(at.since(now) <= retry.unwrap_or_default().max(policy.longest_delay));
                    }
                },
            }
        }
    }
}

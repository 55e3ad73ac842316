use super::*;

use Era::{Handshake, HttpSse, Stateless};
use ProtocolVersion::V2026_07_28 as V26_07;

/// One answer of a script: what a fake server says to the next attempt.
#[derive(Clone, Copy, Debug)]
enum Says {
    Result(&'static str),
    /// Status, code, data.
    Error(u16, i64, &'static str),
    Status(u16),
    Event(&'static str),
    Silence,
    Exit,
    Failure,
}

/// Runs a machine against a script. Gives what it tried, and where it stands afterwards.
fn run(mut detection: Detection, script: &[Says]) -> (Vec<Probe>, Next) {
    let mut tried = Vec::new();
    for says in script {
        let (Next::Try(probe) | Next::Authorize { probe, .. }) = *detection.next() else {
            panic!("{says:?} comes after the end: {:?}", detection.next())
        };
        tried.push(probe);
        match *says {
            Says::Result(json) => detection.handle(Finding::Result(serde_json::from_str(json).unwrap())),
            Says::Error(status, code, data) => {
                let mut error = ErrorObject::new(code, "refused");
                error.data = if data.is_empty() { None } else { Some(serde_json::from_str(data).unwrap()) };
                detection.handle(Finding::Error(status, &error));
            }
            Says::Status(status) => detection.handle(Finding::Status(status)),
            Says::Event(event) => detection.handle(Finding::FirstEvent(event)),
            Says::Silence => detection.handle(Finding::Silence),
            Says::Exit => detection.handle(Finding::Exit),
            Says::Failure => detection.handle(Finding::Failure("connection refused")),
        }
    }
    (tried, detection.next().clone())
}

fn failure(next: Next) -> String {
    match next {
        Next::Failed(error) => error.to_string(),
        next => panic!("{next:?}"),
    }
}

const DISCOVER: Probe = Probe::Discover(V26_07);
const MODERN: Says = Says::Result(r#"{"supportedVersions":["2025-11-25","2026-07-28"],"capabilities":{}}"#);
const OLD_LIST: &str = r#"{"supported":["2025-06-18","2025-11-25"],"requested":"2026-07-28"}"#;
const NEW_LIST: &str = r#"{"supported":["2026-07-28"],"requested":"2026-07-28"}"#;
const ALIEN_LIST: &str = r#"{"supported":["2031-01-01"],"requested":"2026-07-28"}"#;

/// README, "Client detection order on HTTP", step 1.
#[test]
fn the_answer_to_a_discover_decides_the_era_over_http() {
    let found = |era| Next::Found(era);
    let initialize = Next::Try(Probe::Initialize);
    for (script, expected) in [
        (&[MODERN][..], found(Stateless(V26_07))),
        // Refused, with a list: asked again, at most once (rule 7), also with the same revision (conformance, `request-metadata`).
        (&[Says::Error(400, -32022, NEW_LIST)], Next::Try(DISCOVER)),
        (&[Says::Error(200, -32022, NEW_LIST)], Next::Try(DISCOVER)),
        (&[Says::Error(400, -32022, NEW_LIST), MODERN], found(Stateless(V26_07))),
        (&[Says::Error(400, -32022, OLD_LIST)], initialize.clone()),
        (&[Says::Error(400, -32022, NEW_LIST), Says::Error(400, -32022, OLD_LIST)], initialize.clone()),
        // R-ST-71
        (&[Says::Result(r#"{"supportedVersions":["2025-11-25"]}"#)], initialize.clone()),
        (&[Says::Result(r#"{"tools":[]}"#)], initialize.clone()),
        (&[Says::Result(r#"{"supportedVersions":"2026-07-28"}"#)], initialize.clone()),
        (&[Says::Error(404, -32601, "")], initialize.clone()),
        (&[Says::Error(200, -32601, "")], initialize.clone()),
        (&[Says::Error(200, 0, "")], initialize.clone()),
        (&[Says::Error(200, -32602, "")], initialize.clone()),
        (&[Says::Error(400, -32000, "")], initialize.clone()),
        (&[Says::Status(400)], initialize.clone()),
        (&[Says::Status(404)], initialize.clone()),
        (&[Says::Status(405)], initialize.clone()),
        (&[Says::Status(406)], initialize.clone()),
        (&[Says::Status(415)], initialize.clone()),
        (&[Says::Status(422)], initialize.clone()),
        (&[Says::Status(200)], initialize.clone()),
        (&[Says::Status(202)], initialize.clone()),
    ] {
        let (tried, next) = run(Detection::http(), script);
        assert_eq!(next, expected, "{script:?}");
        assert!(tried.iter().all(|probe| *probe == DISCOVER), "{script:?}");
    }
}

/// README: what is no evidence, and what must not be hidden by trying something older.
#[test]
fn a_server_that_fails_or_is_modern_and_refuses_is_not_taken_for_an_old_one() {
    for (script, expected) in [
        (&[Says::Error(400, -32020, "")][..], "the server refuses the request: error -32020: refused"),
        (&[Says::Error(400, -32021, "")], "the server refuses the request: error -32021: refused"),
        (&[Says::Error(400, -32022, "")], "the server refuses the revision and names no other"),
        (&[Says::Error(400, -32022, ALIEN_LIST)], "the server speaks 2031-01-01, none of which can be used"),
        (&[Says::Error(400, -32022, r#"{"supported":[]}"#)], "the server names no revision that it speaks"),
        (&[Says::Result(r#"{"supportedVersions":["2031-01-01"]}"#)], "the server speaks 2031-01-01"),
        (
            &[Says::Error(400, -32022, NEW_LIST), Says::Error(400, -32022, NEW_LIST)],
            "the server refuses revision 2026-07-28 and lists it as supported",
        ),
        (&[Says::Status(500)], "no MCP server was found (`server/discover` of 2026-07-28: status 500)"),
        (&[Says::Error(500, -32603, "")], "no MCP server was found"),
        (&[Says::Status(501)], "no MCP server was found"),
        (&[Says::Status(503)], "no MCP server was found"),
        (&[Says::Status(429)], "no MCP server was found"),
        (&[Says::Status(408)], "no MCP server was found"),
        (&[Says::Status(302)], "no MCP server was found"),
        (&[Says::Silence], "no MCP server was found (`server/discover` of 2026-07-28: no answer)"),
        (&[Says::Failure], "no MCP server was found (`server/discover` of 2026-07-28: connection refused)"),
    ] {
        let text = failure(run(Detection::http(), script).1);
        assert!(text.starts_with(expected), "{script:?}: {text}");
    }
}

/// README, steps 2 and 3; R-SH-63.
#[test]
fn a_server_that_refuses_initialize_is_asked_for_a_stream() {
    let legacy = Says::Status(404);
    let found = |script: &[Says]| run(Detection::http(), &[&[legacy], script].concat()).1;
    let result = Says::Result(r#"{"protocolVersion":"2025-11-25"}"#);
    assert_eq!(found(&[result]), Next::Found(Handshake));
    assert_eq!(found(&[Says::Error(200, -32602, "")]), Next::Found(Handshake));
    for refusal in [
        Says::Status(400),
        Says::Status(404),
        Says::Status(405),
        Says::Status(415),
        Says::Error(400, -32600, ""),
        Says::Status(200),
    ] {
        assert_eq!(found(&[refusal]), Next::Try(Probe::OpenStream), "{refusal:?}");
    }
    for failure in [Says::Status(500), Says::Status(429), Says::Failure, Says::Error(503, -32603, "")] {
        assert!(matches!(found(&[failure]), Next::Failed(_)), "{failure:?}");
    }
    assert_eq!(found(&[Says::Status(405), Says::Event("endpoint")]), Next::Found(HttpSse));
    for other in [Says::Event("message"), Says::Event(""), Says::Status(405), Says::Status(200), Says::Silence] {
        assert!(matches!(found(&[Says::Status(405), other]), Next::Failed(_)), "{other:?}");
    }
}

/// README, step 2 as 2026-07-28 has it: "and no modern error body"; rule 9.
#[test]
fn a_server_that_begins_with_no_handshake_is_not_asked_for_a_stream() {
    for (data, expected) in [
        (NEW_LIST, "the server begins with no handshake and speaks 2026-07-28"),
        ("", "the server begins with no handshake: error -32022: refused"),
    ] {
        let text = failure(run(Detection::http_handshake(), &[Says::Error(400, -32022, data)]).1);
        assert!(text.starts_with(expected), "{text}");
    }
}

/// README: "report all three attempts".
#[test]
fn a_failure_names_each_attempt() {
    let script = [Says::Error(404, -32601, ""), Says::Status(405), Says::Status(404)];
    let (tried, next) = run(Detection::http(), &script);
    assert_eq!(tried, [DISCOVER, Probe::Initialize, Probe::OpenStream]);
    assert_eq!(
        failure(next),
        "no MCP server was found (`server/discover` of 2026-07-28: status 404 with error -32601: refused; `initialize`: status \
         405; an event stream: status 404)"
    );
}

/// README: 401 and 403 are not evidence: authorize, and probe again.
#[test]
fn authorization_is_asked_for_and_the_same_attempt_made_again() {
    for status in [401, 403] {
        let asks = Says::Status(status);
        assert_eq!(run(Detection::http(), &[asks]).1, Next::Authorize { probe: DISCOVER, status });
        let in_json = Says::Error(status, -32600, "");
        assert_eq!(run(Detection::http(), &[in_json]).1, Next::Authorize { probe: DISCOVER, status });
        assert_eq!(run(Detection::http(), &[asks, MODERN]).1, Next::Found(Stateless(V26_07)));
        let later = [Says::Status(404), asks, Says::Status(405), asks, Says::Event("endpoint")];
        assert_eq!(run(Detection::http(), &later).1, Next::Found(HttpSse));
        // The attempt is the same one, made again.
        let text = failure(run(Detection::http(), &[asks, asks, Says::Status(500)]).1);
        assert_eq!(text, "no MCP server was found (`server/discover` of 2026-07-28: status 500)");
    }
}

/// README, "Client detection on stdio"; R-IO-20, R-IO-35.
#[test]
fn any_other_answer_silence_or_the_end_of_the_process_leads_to_initialize_over_stdio() {
    for says in [
        Says::Error(200, -32601, ""),
        Says::Error(200, -32602, ""),
        Says::Error(200, -32000, ""),
        Says::Error(200, 0, ""),
        Says::Error(200, -32022, OLD_LIST),
        Says::Result("{}"),
        Says::Silence,
        Says::Exit,
    ] {
        assert_eq!(run(Detection::stdio(), &[says]).1, Next::Try(Probe::Initialize), "{says:?}");
        let initialized = Says::Result(r#"{"protocolVersion":"2024-11-05"}"#);
        assert_eq!(run(Detection::stdio(), &[says, initialized]).1, Next::Found(Handshake));
        for end in [Says::Silence, Says::Exit, Says::Failure] {
            assert!(matches!(run(Detection::stdio(), &[says, end]).1, Next::Failed(_)), "{says:?} {end:?}");
        }
    }
    assert_eq!(run(Detection::stdio(), &[MODERN]).1, Next::Found(Stateless(V26_07)));
    assert_eq!(
        run(Detection::stdio(), &[Says::Error(200, -32022, NEW_LIST), MODERN]).1,
        Next::Found(Stateless(V26_07))
    );
    assert!(matches!(run(Detection::stdio(), &[Says::Error(200, -32022, ALIEN_LIST)]).1, Next::Failed(_)));
    let modern_only = [Says::Silence, Says::Error(200, -32022, NEW_LIST)];
    assert!(failure(run(Detection::stdio(), &modern_only).1).contains("speaks 2026-07-28"));
}

/// README: "let the caller pin a transport".
#[test]
fn a_pinned_era_is_the_only_one_that_is_tried() {
    for (era, probe, success) in [
        (Stateless(V26_07), DISCOVER, MODERN),
        (Handshake, Probe::Initialize, Says::Result("{}")),
        (HttpSse, Probe::OpenStream, Says::Event("endpoint")),
    ] {
        assert_eq!(Detection::pinned(era).next(), &Next::Try(probe));
        assert_eq!(run(Detection::pinned(era), &[success]).1, Next::Found(era));
        for refusal in
            [Says::Status(404), Says::Status(405), Says::Error(404, -32601, ""), Says::Error(400, -32022, OLD_LIST)]
        {
            assert!(matches!(run(Detection::pinned(era), &[refusal]).1, Next::Failed(_)), "{era:?} {refusal:?}");
        }
    }
    let (tried, next) = run(Detection::http_handshake(), &[Says::Status(405), Says::Event("endpoint")]);
    assert_eq!((tried, next), ([Probe::Initialize, Probe::OpenStream].into(), Next::Found(HttpSse)));
}

#[test]
fn what_comes_after_the_verdict_changes_nothing() {
    let mut detection = Detection::http();
    detection.handle(Finding::Result(serde_json::from_str(r#"{"supportedVersions":["2026-07-28"]}"#).unwrap()));
    detection.handle(Finding::Status(404));
    assert_eq!(detection.next(), &Next::Found(Stateless(V26_07)));
    assert_eq!(detection.attempts(), 1);
}

//! The rules of HTTP against tables: where messages go, and which requests are served.
//!
//! The cases are in `vectors/endpoint*.tsv` and `vectors/origin*.tsv`, each under the clause it proves.

#![allow(clippy::unwrap_used)] // a panic is the report

use mcp_core::http::{self, EndpointError, HostPolicy, OriginPolicy, Url};
use mcp_tests::fuzz_http;
use mcp_tests::random::Random;
use std::net::Ipv4Addr;

#[path = "http_rules/anything.rs"]
mod anything;

/// The rows of a table: its line number and its columns, unescaped.
fn rows(table: &str) -> impl Iterator<Item = (usize, Vec<String>)> {
    let lines = table.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines.map(|(index, line)| (index + 1, line.split('\t').map(unescaped).collect()))
}

fn unescaped(text: &str) -> String {
    let mut out = text.to_owned();
    for (escape, character) in [("\\r", "\r"), ("\\n", "\n"), ("\\t", "\t"), ("\\s", " "), ("\\0", "\0")] {
        out = out.replace(escape, character);
    }
    while let Some(start) = out.find("\\u{") {
        let end = start + out[start..].find('}').unwrap();
        let character = u32::from_str_radix(&out[start + 3..end], 16).ok().and_then(char::from_u32).unwrap();
        out.replace_range(start..=end, &character.to_string());
    }
    out
}

fn kind(error: &EndpointError) -> &'static str {
    match error {
        EndpointError::Empty => "! empty",
        EndpointError::TooLong(_) => "! too long",
        EndpointError::Character { .. } => "! character",
        EndpointError::Scheme(_) => "! scheme",
        EndpointError::UserInformation => "! user information",
        EndpointError::Host(_) => "! host",
        EndpointError::OtherOrigin(_) => "! other origin",
        _ => "! something else",
    }
}

/// R-SSE-14, R-SSE-18, R-SSE-19, R-SSE-20, R-SSE-50, R-SEC-18
#[test]
fn an_endpoint_is_resolved_against_the_stream_or_refused() {
    let mut count = 0;
    for (line, row) in rows(include_str!("vectors/endpoint.tsv")) {
        let [stream, data, expected] = &row[..] else { panic!("line {line} has {} columns", row.len()) };
        let data = if data == "-" { "" } else { data };
        let outcome = http::resolve_endpoint(&Url::parse(stream).unwrap(), data);
        let shown = match &outcome {
            Ok(url) => url.as_str(),
            Err(error) => kind(error),
        };
        assert_eq!(shown, expected, "line {line}: {data:?} against {stream}");
        count += 1;
    }
    assert!(count > 100, "the table has {count} rows");
}

/// R-SSE-20: the same check guards redirects.
#[test]
fn a_redirect_follows_the_rules_of_an_endpoint() {
    for (line, row) in rows(include_str!("vectors/endpoint.tsv")) {
        let (stream, data, expected) = (&row[0], &row[1], &row[2]);
        let data = if data == "-" { "" } else { data };
        let outcome = http::resolve_redirect(&Url::parse(stream).unwrap(), Some(data));
        match outcome {
            Ok(url) => assert_eq!(url.as_str(), expected, "line {line}"),
            Err(EndpointError::RedirectedAway(_)) => assert_eq!(expected, "! other origin", "line {line}"),
            Err(error) => assert_eq!(kind(&error), expected, "line {line}"),
        }
    }
}

/// R-SSE-18
#[test]
fn references_resolve_as_in_the_examples_of_rfc_3986() {
    let base = Url::parse("http://a/b/c/d;p?q").unwrap();
    for (line, row) in rows(include_str!("vectors/endpoint_rfc3986.tsv")) {
        let target = http::resolve(&base, &row[0]).unwrap_or_else(|error| panic!("line {line}: {error}"));
        assert_eq!(target.as_str(), row[1], "line {line}: {}", row[0]);
    }
}

/// R-SSE-19: no error of an endpoint shows what may be a secret in it.
#[test]
fn no_refusal_of_an_endpoint_shows_a_query_or_a_password() {
    let stream = Url::parse("http://h:8000/sse?token=hidden").unwrap();
    for data in [
        "http://other/m?sessionId=hidden",
        "//other?hidden",
        "http://u:hidden@h/m",
        "ftp://h/m?hidden",
        "/m?hidden\r\n",
        "http://h:port/m?hidden",
        "http://?hidden",
    ] {
        let error = http::resolve_endpoint(&stream, data).unwrap_err();
        assert!(!error.to_string().contains("hidden"), "{error}");
    }
    assert!(!format!("{stream} {stream:?}").contains("hidden"));
}

/// R-SSE-18: our removal of dot segments against that of RFC 3986, section 5.2.4, as it is written there.
#[test]
fn dot_segments_are_removed_as_the_standard_says_step_by_step() {
    const SEGMENTS: [&str; 8] = ["", ".", "..", "a", "%2e", "...", ".a", "b.."];
    let base = Url::parse("http://h").unwrap();
    // All paths of up to five segments.
    for length in 1..=5 {
        for index in 0..SEGMENTS.len().pow(length) {
            let path: String = (0..length)
                .map(|at| format!("/{}", SEGMENTS[index / SEGMENTS.len().pow(at) % SEGMENTS.len()]))
                .collect();
            // With an authority before it, since a path that starts with two slashes would be read as one.
            let url = http::resolve(&base, &format!("http://h{path}")).unwrap();
            assert_eq!(url.path(), without_dots_by_the_book(&path), "{path}");
        }
    }
}

fn without_dots_by_the_book(path: &str) -> String {
    let mut input = path.to_owned();
    let mut output = String::new();
    while !input.is_empty() {
        if input.starts_with("../") {
            input.replace_range(..3, "");
        } else if input.starts_with("./") {
            input.replace_range(..2, "");
        } else if input.starts_with("/./") {
            input.replace_range(..3, "/");
        } else if input == "/." {
            input = "/".to_owned();
        } else if input.starts_with("/../") || input == "/.." {
            input.replace_range(..if input == "/.." { 3 } else { 4 }, "/");
            output.truncate(output.rfind('/').unwrap_or(0));
        } else if input == "." || input == ".." {
            input.clear();
        } else {
            let end = input[1..].find('/').map_or(input.len(), |slash| slash + 1);
            output.push_str(&input[..end]);
            input.replace_range(..end, "");
        }
    }
    output
}

/// One listener on loopback as it comes, one where others are allowed.
fn host_policies() -> [HostPolicy; 2] {
    let loopback = HostPolicy::for_listener(Ipv4Addr::LOCALHOST.into());
    let mut allowing = loopback.clone();
    allowing.allow("app.example").unwrap();
    allowing.allow("one.example:8443").unwrap();
    [loopback, allowing]
}

/// One listener on loopback, one elsewhere where others are allowed.
fn origin_policies() -> [OriginPolicy; 2] {
    let mut elsewhere = OriginPolicy::for_listener(Ipv4Addr::UNSPECIFIED.into());
    elsewhere.allow("https://app.example").unwrap();
    elsewhere.allow("vscode-webview://ab12").unwrap();
    [OriginPolicy::for_listener(Ipv4Addr::LOCALHOST.into()), elsewhere]
}

fn is_yes(cell: &str) -> bool {
    assert!(cell == "yes" || cell == "no", "{cell}");
    cell == "yes"
}

/// R-SSE-43, R-SEC-3
#[test]
fn only_loopback_and_allowed_hosts_are_served() {
    for (line, row) in rows(include_str!("vectors/origin_hosts.tsv")) {
        let host = (row[0] != "-").then_some(&row[0]);
        for (policy, cell) in host_policies().iter().zip(&row[1..]) {
            let outcome = policy.check(host);
            assert_eq!(outcome.is_ok(), is_yes(cell), "line {line}: {host:?}");
            if let Err(refusal) = outcome {
                assert_eq!((refusal.status(), refusal.setting()), (403, Some("allow_host")));
            }
        }
    }
}

/// R-SSE-5, R-SEC-1, R-SEC-2
#[test]
fn only_exactly_matching_origins_are_served() {
    for (line, row) in rows(include_str!("vectors/origin.tsv")) {
        let origins: Vec<&str> = if row[0] == "-" { Vec::new() } else { row[0].split(" | ").collect() };
        for (policy, cell) in origin_policies().iter().zip(&row[1..]) {
            let outcome = policy.check(origins.iter().copied());
            assert_eq!(outcome.is_ok(), is_yes(cell), "line {line}: {origins:?}");
            match outcome {
                Ok(allowed) => assert_eq!(allowed, origins.first().copied(), "the value is given as it was sent"),
                Err(refusal) => assert_eq!(refusal.status(), 403),
            }
        }
    }
}

/// R-SEC-25, R-SSE-43: what a refusal shows is cut, and says which setting would help.
#[test]
fn a_refusal_names_the_value_and_the_setting_that_would_allow_it() {
    let long = format!("{}.example", "x".repeat(1000));
    let refusal = HostPolicy::loopback().check(Some(&long)).unwrap_err().to_string();
    assert!(refusal.contains("xxx...`") && refusal.len() < 200, "{refusal}");
    assert!(refusal.ends_with("the setting `allow_host` allows it"), "{refusal}");
    let refusal = OriginPolicy::listed().check(Some("https://app.example")).unwrap_err().to_string();
    assert_eq!(refusal, "origin `https://app.example` is not allowed; the setting `allow_origin` allows it");
    let refusal = OriginPolicy::listed().check(Some("null")).unwrap_err();
    assert_eq!(refusal.setting(), None, "no setting allows `null`");
}

/// R-SEC-28: the bytes of a peer reach these rules unchecked.
#[test]
fn no_input_makes_the_rules_panic() {
    let pieces = [
        "http://",
        "https:",
        "//",
        "/",
        "..",
        ".",
        "?",
        "#",
        "@",
        ":",
        "[",
        "]",
        "[::1]",
        "h",
        "H.example",
        "127.0.0.1",
        "8000",
        "65536",
        "%2e",
        "%",
        "\\",
        "\r\n",
        "\n",
        "\0",
        " ",
        "\u{e9}",
        "\u{10ffff}",
        "null",
        "localhost",
        "*/*",
        "text/event-stream",
        ";q=0",
        ",",
        "=",
        "session",
        "7",
        "Fri, 20 Nov 2026 ",
        "08:00:60 GMT",
        "Nov",
    ];
    let mut random = Random::new(0x9e37_79b9_7f4a_7c15);
    for _ in 0..10_000 {
        let mut input = Vec::new();
        for _ in 0..random.below(9) {
            input.extend_from_slice(random.pick(&pieces).as_bytes());
            if random.below(16) == 0 {
                input.push(random.byte());
            }
        }
        fuzz_http::endpoint(&input);
        fuzz_http::head(&input);
    }
    for row in rows(include_str!("vectors/endpoint.tsv")) {
        fuzz_http::endpoint(row.1[..2].join("\n").as_bytes());
    }
}

/// Pieces of JSON in any order, and each whole body cut at each place.
#[test]
fn whatever_a_server_without_json_rpc_answers_is_an_answer() {
    let pieces = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\n",
        " ",
        "null",
        "7",
        "1e999",
        "true",
        "\"\"",
        "\"\\ud800\"",
        "\"a\"",
        "\"x\":",
        "\"id\":7,",
        "\"method\":\"tools/list\"",
        "\"params\":{}",
        "\"error\":",
        "\"result\":",
        "\"content\":",
        "\"tools\":[",
        "{\"name\":\"a\"}",
        "\"inputSchema\":null",
        "\"jsonrpc\":\"2.0\",",
        "\"code\":",
        "\"message\":",
        "\u{e9}",
    ];
    let mut random = Random::new(0x51_7c_c1_b7);
    for _ in 0..20_000 {
        let mut input = Vec::new();
        for _ in 0..random.below(12) {
            input.extend_from_slice(random.pick(&pieces).as_bytes());
            if random.below(64) == 0 {
                input.push(random.byte());
            }
        }
        fuzz_http::plain(&input);
    }
    let whole = [
        r#"{"tools":[{"name":"a"},{"name":"\u00e9","inputSchema":null}],"error":null}"#,
        r#"{"error":{"code":"A","message":7,"retry_after":[]},"content":{"\ud83e\udd80":1}}"#,
        r#" { "jsonrpc" : "2.0" , "result" : [ { } ] , "error" : [ 1 , "x" ] } "#,
    ];
    for body in whole {
        let input = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\"params\":[]}}\n{body}");
        for end in 0..=input.len() {
            for from in [0, end / 2] {
                fuzz_http::plain(&input.as_bytes()[from..end]);
            }
        }
    }
    fuzz_http::plain("[".repeat(200_000).as_bytes());
    fuzz_http::plain(format!("{{\"tools\":[{}{{}}]}}", "{\"name\":\"a\"},".repeat(100_000)).as_bytes());
}

//! Clauses about messages that only the whole of the sources, or all revisions together, can prove.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use mcp_core::jsonrpc::code;
use mcp_core::revision::ProtocolVersion;
use mcp_core::types::Method;
use mcp_server_tiny::{Server, Tool};
use mcp_tests::raw_engine::RawEngine;
use mcp_tests::raw_streamable::{call, stateless};
use serde_json::{Value, json};

fn sources() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut folders: Vec<PathBuf> = ["mcp-core", "mcp-server-tiny", "mcp-sse-blocking"]
        .iter()
        .map(|name| root.join(name).join("src"))
        .chain([root.join("examples")])
        .collect();
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") && !path.to_string_lossy().ends_with("tests.rs") {
                sources.push(path);
            }
        }
    }
    sources
}

/// The numbers between -32768 and -32000 in a line of code.
fn reserved(line: &str) -> impl Iterator<Item = i64> {
    let code = line.split("//").next().unwrap_or_default().replace('_', "");
    let starts: Vec<usize> = code.match_indices("-32").map(|(at, _)| at).collect();
    starts.into_iter().filter_map(move |at| {
        let digits = code[at + 1..].find(|it: char| !it.is_ascii_digit()).unwrap_or(code.len() - at - 1);
        code[at..at + 1 + digits].parse().ok().filter(|code| (-32768..=-32000).contains(code))
    })
}

#[test]
fn no_error_code_is_made_up_where_the_specification_keeps_them_for_itself() {
    // R-LM-13, R-LM-14
    let known = [
        code::PARSE_ERROR,
        code::INVALID_REQUEST,
        code::METHOD_NOT_FOUND,
        code::INVALID_PARAMS,
        code::INTERNAL_ERROR,
        code::RESOURCE_NOT_FOUND,
        code::URL_ELICITATION_REQUIRED,
        code::HEADER_MISMATCH,
        code::MISSING_CLIENT_CAPABILITY,
        code::UNSUPPORTED_PROTOCOL_VERSION,
    ];
    let specified = [-32700, -32600, -32601, -32602, -32603, -32002, -32042, -32020, -32021, -32022];
    assert_eq!(known, specified);
    let mut found: BTreeMap<i64, String> = BTreeMap::new();
    for path in sources() {
        let source = fs::read_to_string(&path).unwrap();
        let code = source.split("#[cfg(test)]").next().unwrap_or_default();
        for number in code.lines().flat_map(reserved) {
            found.entry(number).or_insert_with(|| path.display().to_string());
        }
    }
    assert!(found.contains_key(&code::HEADER_MISMATCH), "the sources are read");
    found.retain(|code, _| !known.contains(code));
    assert!(found.is_empty(), "{found:#?}");
    assert_eq!(reserved("a(-32_000, -32768, -3, 32700) // -32001").collect::<Vec<_>>(), [-32000, -32768]);
}

#[test]
fn a_method_of_another_revision_is_unknown_in_this_one() {
    // R-LM-34, R-LM-76, R-ST-27: every method of every revision against every revision, over one endpoint.
    let server = || Server::new("methods", "1").tool(Tool::new("t"), |_| Ok("x"));
    let asked = |version: ProtocolVersion, method: &str| {
        let mut engine = RawEngine::new(server());
        let params = json!({ "name": "t", "uri": "a:b", "level": "info", "notifications": {} });
        if version.has_handshake() {
            let session = engine.session(version.as_str());
            return engine.post_to(&session, &call(1, method, params));
        }
        let params = match method {
            "tools/call" => json!({ "name": "t" }),
            _ => json!({ "notifications": {} }),
        };
        engine.connect_and_ask(&stateless(1, method, params))
    };
    let offered = |method: Method| {
        let name = method.name();
        !["resources/", "prompts/", "completion/"].iter().any(|feature| name.starts_with(feature))
    };
    let mut unknown = 0;
    for version in ProtocolVersion::ALL {
        for method in Method::all().filter(|method| !method.is_notification()) {
            // What opens a session or a stream has tests of its own.
            if matches!(method, Method::Initialize | Method::SubscriptionsListen) && method.exists_in(version) {
                continue;
            }
            let is_known = mcp_core::session::requested_method(version, method.name()).is_some() && offered(method);
            // Methods of requests that stand alone lack their `_meta` in a session, which is what they are told (R-ST-23).
            if version.has_handshake() && matches!(method, Method::ServerDiscover | Method::SubscriptionsListen) {
                continue;
            }
            let answer = asked(version, method.name());
            let body: Value = serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{answer:?}"));
            let is_unknown = body["error"]["code"] == code::METHOD_NOT_FOUND;
            assert_eq!(is_unknown, !is_known, "{} in {version}: {answer:?}", method.name());
            let status = if is_unknown && !version.has_handshake() { 404 } else { 200 };
            assert_eq!(answer.status, status, "{} in {version}: {answer:?}", method.name());
            unknown += u32::from(is_unknown);
        }
    }
    assert!(unknown > 40, "{unknown}");
}

//! The C header says what the library has.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::fs;
use std::path::{Path, PathBuf};

/// In the order in which a reader of the header wants them, with what each is about.
const MODULES: [(&str, &str); 21] = [
    ("error", "Errors"),
    ("text", "Text"),
    ("callback", ""),
    ("options", "Client: how to connect"),
    ("way", "Client: the way to the server"),
    ("credentials", "Client: credentials that may change"),
    ("client", "Client: the session, and what the server offers"),
    ("request", "Client: calls and other requests"),
    ("cancel", "Client: cancelling calls"),
    ("subscription", "Client: changes of the server"),
    ("question", "Client: what servers ask"),
    ("server", "Server: what it offers, and to whom"),
    ("offer", "Server: what it offers, described as the protocol does"),
    ("completion", "Server: proposing values while somebody types"),
    ("tool", "Server: the call, in its handler"),
    ("ask", "Server: asking the client, in a handler"),
    ("deferred", "Server: answering after the handler has returned"),
    ("running", "Server: running it"),
    ("changing", "Server: what it offers, while it runs"),
    ("engine", "Server: in a loop of the program's own"),
    ("logging", "The library"),
];

fn library() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/c-abi")
}

/// The header, as the library makes it.
fn made() -> String {
    let library = library();
    let source = |module: &str| library.join("src").join(module).with_extension("rs");
    let config = cbindgen::Config::from_file(library.join("cbindgen.toml")).unwrap();
    let mut builder = cbindgen::Builder::new().with_config(config);
    for (module, _) in MODULES {
        builder = builder.with_src(source(module));
    }
    let mut made = Vec::new();
    builder.generate().unwrap().write(&mut made);
    let mut header = String::from_utf8(made).unwrap();
    for (module, heading) in MODULES.into_iter().filter(|(_, heading)| !heading.is_empty()) {
        // Above the first function of the module, and what is said of it.
        let text = fs::read_to_string(source(module)).unwrap();
        let function = text.split("pub extern \"C\" fn ").nth(1).unwrap().split('(').next().unwrap();
        let at = header.find(&format!(" {function}(")).or_else(|| header.find(&format!(" *{function}("))).unwrap();
        let at = header[..at].rfind("\n\n").unwrap() + 2;
        header.insert_str(at, &format!("/* ---- {heading} ---- */\n\n"));
    }
    header
}

/// With `MCP_HEADER=write` it is written instead.
#[test]
fn the_header_is_the_one_that_the_library_makes() {
    let made = made();
    let header = library().join("include/mcp.h");
    if std::env::var_os("MCP_HEADER").is_some_and(|value| value == "write") {
        fs::write(&header, &made).unwrap();
    }
    let committed = fs::read_to_string(&header).unwrap_or_default();
    assert!(made == committed, "examples/c-abi/include/mcp.h is out of date: run this test with MCP_HEADER=write");
}

/// Every module whose functions are exported is in the list above.
#[test]
fn no_function_of_the_library_is_missing_in_the_header() {
    let header = fs::read_to_string(library().join("include/mcp.h")).unwrap();
    for entry in fs::read_dir(library().join("src")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        for function in text.split("pub extern \"C\" fn ").skip(1) {
            let name = function.split('(').next().unwrap();
            assert!(header.contains(&format!("{name}(")), "{name} is not in the header");
        }
    }
}

/// The numbers that are fixed for ever. A new one is added at the end of its list, here and there.
#[test]
fn numbers_stay_what_they_are() {
    const STATUSES: &str = "OK=0 USAGE=1 RPC=2 PEER=3 LIMIT=4 HTTP=5 SESSION_GONE=6 TIMEOUT=7 TRANSPORT=8 \
        STREAM_ENDED=9 EXITED=10 INPUT=11 CANCELLED=12 CLOSED=13 NULL=14 UTF8=15 JSON=16 CONFIG=17 HANDLE=18 STATE=19 \
        CREDENTIALS=20 NOT_CONNECTED=21 ASKED=22 PANIC=99";
    const STATES: &str = "OPEN=0 HALF_CLOSE=1 CLOSE=2";
    const CHANGES: &str = "NONE=0 TOOLS=1 PROMPTS=2 RESOURCES=3 RESOURCE=4 MISSED=5 OVER=6";
    let header = fs::read_to_string(library().join("include/mcp.h")).unwrap();
    for (name, prefix, fixed) in [
        ("mcp_status", "MCP_STATUS_", STATUSES),
        ("mcp_connection_state", "MCP_CONNECTION_STATE_", STATES),
        ("mcp_change", "MCP_CHANGE_", CHANGES),
    ] {
        let body = header.split(&format!("\nenum {name}\n")).nth(1).unwrap().split("};").next().unwrap();
        let entries = body.lines().filter_map(|line| line.trim().strip_prefix(prefix)?.strip_suffix(','));
        let found: Vec<String> = entries.map(|entry| entry.replace(' ', "")).collect();
        assert_eq!(found, fixed.split_whitespace().collect::<Vec<_>>(), "{name}");
    }
}

//! The command line `mcp` with the servers of others.
// In helpers too a panic is the report.
#![allow(clippy::unwrap_used)]

use mcp_tests::command_line::{Ended, code, printed, run};
use mcp_tests::peers::Peer as Other;

#[test]
fn python_1_is_listed_and_called() {
    is_listed_and_called(Other::Python1);
}

#[test]
fn python_2_is_listed_and_called() {
    is_listed_and_called(Other::Python2);
}

#[test]
fn typescript_1_is_listed_and_called() {
    is_listed_and_called(Other::TypeScript1);
}

/// Over Streamable HTTP, and as programs that are started.
#[test]
fn each_is_found_in_the_newest_revision_that_it_speaks() {
    for server in Other::ALL {
        let (http, lines) = if Other::STATELESS.contains(&server) {
            (
                "Streamable HTTP, stateless, revision 2026-07-28, found in 1 request",
                "lines, stateless, revision 2026-07-28,",
            )
        } else {
            ("Streamable HTTP, revision 2025-11-25, found in 2 requests", "lines, revision 2025-11-25,")
        };
        let is_found = |ended: Ended, found: &str| {
            assert_eq!(ended.code, Some(0), "{server:?}: {ended:?}");
            assert!(ended.out.iter().any(|line| line.starts_with("echo")), "{server:?}: {ended:?}");
            assert!(ended.err.iter().any(|line| line.contains(found)), "{server:?}: no `{found}`: {ended:?}");
        };
        if let Some((_server, address)) = server.http_server() {
            is_found(run(&["tools", &format!("{address}/mcp"), "-v"]), http);
        }
        if let Some(program) = server.stdio_server() {
            let words = std::iter::once(program.get_program()).chain(program.get_args());
            let words = words.map(|word| word.to_str().unwrap().to_owned()).collect::<Vec<_>>();
            let mut line = vec!["tools", "-v", "--stdio", "--"];
            line.extend(words.iter().map(String::as_str));
            is_found(run(&line), lines);
        }
    }
}

fn is_listed_and_called(server: Other) {
    let Some((_server, address)) = server.sse_server() else { return };
    let url = format!("{address}/sse");
    let tools = run(&["tools", &url]);
    assert_eq!(&tools.out[..2], ["echo  Gives the text back.", "    text  string  required"]);
    assert_eq!(run(&["call", &url, "echo", "text=1"]), printed(0, "1", ""));
    assert_eq!(run(&["call", &url, "add", "a=1", "b=2"]), printed(0, "3", ""));
    let progress = "mcp: progress 1/2 step 1\nmcp: progress 2/2 step 2";
    assert_eq!(run(&["call", &url, "progress", "steps=2", "ms=20"]), printed(0, "2 steps", progress));
    assert_eq!(code(&["call", &url, "fail"]), 1);
    assert_eq!(code(&["call", &url, "nothing"]), 1);
    assert_eq!(code(&["call", &url, "slow", "ms=60000", "--timeout", "0.5"]), 5);
}

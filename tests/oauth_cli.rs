//! Logging in from the command line.

#![allow(clippy::unwrap_used)] // a panic is the report

use mcp_tests::command_line::{command, ended, run};
use mcp_tests::process::Process;
use mcp_tests::scripted_authority::{Authority, browse};

#[test]
fn a_person_opens_the_page_that_is_shown_and_is_not_asked_the_next_time() {
    let authority = Authority::decent();
    let folder = std::env::temp_dir().join(format!("mcp-cli-oauth-{}", std::process::id()));
    let url = authority.url();
    let arguments = ["call", &url, "echo", "--transport=http", "--oauth", "-v"];
    let start = || Process::start(command(&arguments).env("XDG_DATA_HOME", &folder).env("HOME", &folder));
    let mcp = start();
    let mut shown = Vec::new();
    let page = loop {
        let line = mcp.error_line().expect("the page is shown");
        if let Some((_, page)) = line.split_once("to log in: ") {
            break page.to_owned();
        }
        shown.push(line);
    };
    browse(&page).unwrap();
    let first = ended(mcp);
    assert_eq!((first.code, first.out), (Some(0), vec!["hi".to_owned()]), "{:?}", first.err);
    shown.extend(first.err);
    assert!(!shown.join("\n").contains("hidden"), "{shown:?}");
    let second = ended(start());
    assert_eq!((second.code, second.out), (Some(0), vec!["hi".to_owned()]), "{:?}", second.err);
    assert_eq!(authority.asked("/authorize").len(), 1);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn options_of_a_login_need_a_login() {
    let ended = run(&["tools", "http://127.0.0.1:1/mcp", "--client-id", "a"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.iter().any(|line| line.contains("--oauth")), "{ended:?}");
}

//! The command line `mcp` and what servers ask their user while they work.
// In helpers too a panic is the report.
#![allow(clippy::unwrap_used)]

use mcp_tests::command_line::{command, example, printed, run};
use mcp_tests::terminal::{Terminal, plain};

const REVISIONS: [&str; 2] = ["2025-11-25", "2026-07-28"];

#[test]
fn answers_on_the_command_line_fill_in_the_form() {
    let (_server, sse) = example("asking-server");
    let url = sse.replace("/sse", "/mcp");
    for revision in REVISIONS {
        let book = |answers: &[&str]| {
            run(&[&["call", &url, "book_table", "day=Monday", "--revision", revision], answers].concat())
        };
        let done = "a table for 4 on Monday, garden";
        assert_eq!(book(&["--answer", "guests=4", "--answer", "seats=garden"]), printed(0, done, ""));
        // Fields with a default need no answer.
        assert_eq!(book(&["--answer=guests=2"]), printed(0, "a table for 2 on Monday, inside", ""));
        let missing = "mcp: declined: the server asks for `guests`, and there is no --answer guests=...";
        assert_eq!(book(&["--answer=seats=garden"]), printed(0, "nothing is booked: you said no", missing));
        let wrong = book(&["--answer=guests=40"]);
        assert!(wrong.err[0].starts_with("mcp: declined: ") && wrong.err[0].contains("guests"), "{wrong:?}");
    }
}

#[test]
fn where_nobody_can_be_asked_the_error_says_what_helps() {
    let (_server, sse) = example("asking-server");
    let url = sse.replace("/sse", "/mcp");
    for revision in REVISIONS {
        let ended = run(&["call", &url, "book_table", "day=Monday", "--revision", revision]);
        assert_eq!((ended.code, ended.out.len()), (Some(1), 0), "{ended:?}");
        assert!(ended.err.iter().any(|line| line.contains("--answer FIELD=VALUE")), "{ended:?}");
    }
}

#[test]
fn whoever_sits_at_the_terminal_is_asked() {
    let (_server, sse) = example("asking-server");
    let url = sse.replace("/sse", "/mcp");
    for revision in REVISIONS {
        let line = ["call", &url, "book_table", "day=Monday", "--revision", revision];
        let mut terminal = Terminal::start(&mut command(&line), 80);
        terminal.wait_for("restaurant asks:");
        terminal.wait_for("Guests (an integer): ");
        terminal.enter("many\n");
        terminal.wait_for("`guests` has to be a number, not `many`");
        terminal.enter("3\n");
        terminal.wait_for("2 garden");
        terminal.enter("2\n");
        terminal.wait_for("Send it? [Y/n] ");
        terminal.enter("\n");
        let (code, shown) = terminal.end();
        let shown = plain(&shown);
        assert_eq!(code, Some(0), "{shown}");
        assert_eq!(shown.trim_end().lines().last(), Some("a table for 3 on Monday, garden"), "{shown}");
    }
}

#[test]
fn the_user_may_say_no_or_go() {
    let (_server, sse) = example("asking-server");
    let url = sse.replace("/sse", "/mcp");
    let line = ["call", &url, "book_table", "day=Monday"];
    let mut terminal = Terminal::start(&mut command(&line), 80);
    terminal.wait_for("Guests (an integer): ");
    terminal.enter("3\n");
    terminal.wait_for("seats");
    terminal.enter("\n");
    terminal.wait_for("Send it? [Y/n] ");
    terminal.enter("n\n");
    let (code, shown) = terminal.end();
    assert!(shown.contains("nothing is booked: you said no"), "{shown}");
    assert_eq!(code, Some(0));
    // Ctrl-D at a field.
    let mut terminal = Terminal::start(&mut command(&line), 80);
    terminal.wait_for("Guests (an integer): ");
    terminal.enter("\x04");
    let (code, shown) = terminal.end();
    assert!(shown.contains("nothing is booked: you did not say"), "{shown}");
    assert_eq!(code, Some(0));
    // Ctrl-C while it asks.
    let mut terminal = Terminal::start(&mut command(&line), 80);
    terminal.wait_for("Guests (an integer): ");
    terminal.interrupt();
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(130), "{shown}");
}

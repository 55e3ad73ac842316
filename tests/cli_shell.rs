//! The command line `mcp` and the shell: help, completions, the man page.
// In helpers too a panic is the report.
#![allow(clippy::unwrap_used)]

use std::process::Command;

use mcp_tests::command_line::run;

const COMMANDS: [&str; 15] = [
    "tools",
    "call",
    "resources",
    "read",
    "prompts",
    "prompt",
    "complete",
    "ping",
    "info",
    "watch",
    "config",
    "check",
    "bridge",
    "completions",
    "man",
];

#[test]
fn completions_of_each_shell_name_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = run(&["completions", shell]);
        assert_eq!((ended.code, ended.err.len()), (Some(0), 0), "{shell}");
        let script = ended.out.join("\n");
        for command in COMMANDS {
            assert!(script.contains(command), "{shell}: no {command}");
        }
        assert!(script.contains("token-command"), "{shell}: no options");
    }
    assert_eq!(run(&["completions", "tcsh"]).code, Some(2));
}

#[test]
fn bash_reads_its_completions_and_completes() {
    let script = run(&["completions", "bash"]).out.join("\n");
    let ask = "COMP_WORDS=(mcp prom); COMP_CWORD=1; _mcp mcp prom mcp; echo \"${COMPREPLY[@]}\"";
    let Ok(bash) = Command::new("bash").arg("-c").arg(format!("{script}\n{ask}")).output() else {
        let required = std::env::var("MCP_INTEROP").is_ok_and(|value| value == "required");
        assert!(!required, "bash is not installed, and MCP_INTEROP=required is set");
        return;
    };
    assert_eq!(String::from_utf8_lossy(&bash.stdout).trim(), "prompts prompt", "{bash:?}");
}

#[test]
fn the_man_page_names_every_command_and_each_has_one() {
    let page = run(&["man"]);
    assert_eq!((page.code, page.err.len()), (Some(0), 0));
    let page = page.out.join("\n").replace("\\-", "-");
    assert!(page.contains(".TH mcp 1"), "{page}");
    for command in COMMANDS.iter().filter(|command| **command != "check") {
        assert!(page.contains(&format!("mcp-{command}(1)")), "no {command}: {page}");
    }
    assert!(page.contains("interrupted"), "the exit codes are on the page");
    let directory = std::env::temp_dir().join(format!("mcp-cli-man-{}", std::process::id()));
    assert_eq!(run(&["man", "--dir", directory.to_str().unwrap()]).code, Some(0));
    for command in COMMANDS {
        let name = if command == "check" { "mcp-config-check.1".to_owned() } else { format!("mcp-{command}.1") };
        assert!(directory.join(&name).is_file(), "no {name}");
    }
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn help_names_every_command_and_every_help_can_be_read() {
    let help = run(&["--help"]).out.join("\n");
    for command in COMMANDS.iter().filter(|command| **command != "check") {
        assert!(help.contains(&format!("\n  {command} ")), "no {command}: {help}");
        let own = run(&[command, "--help"]);
        assert_eq!((own.code, own.err.len()), (Some(0), 0), "{command}");
        let widest = own.out.iter().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= 120, "{command}: a line of {widest} characters: {own:?}");
    }
}

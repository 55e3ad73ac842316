//! The command line `mcp` with configuration files: `config check`, and servers by their name.
// In helpers too a panic is the report.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use mcp_tests::command_line::{echo_server, printed, run};
use mcp_tests::peers;
use serde_json::{Value, json};

/// A file that is gone when the test is over.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("mcp-cli-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// One server that runs, one that is started, one that is not there.
fn three(url: &str, name: &str) -> File {
    let echo = peers::example("echo-server");
    let text = json!({"mcpServers": {
        "web": {"url": url, "headers": {"Authorization": "Bearer secret-token"}},
        "local": {"command": echo, "args": ["--stdio"], "excludeTools": ["fail"]},
        "gone": {"url": "http://127.0.0.1:1/mcp"},
    }});
    File::new(name, &text.to_string())
}

#[test]
fn good_files_of_each_format_are_listed() {
    for (name, text, listed) in [
        (
            "good.json",
            r#"{"mcpServers": {"a": {"command": "npx", "args": ["x"]}, "b": {"url": "https://example.com/mcp", "type": "http"}}}"#,
            "a  stdio  npx\nb  http  https://example.com",
        ),
        (
            "good-code.json",
            r#"{"inputs": [{"type": "promptString", "id": "key", "description": "The key"}],
                // VS Code
                "servers": {"a": {"type": "sse", "url": "https://example.com/sse", "headers": {"X-Key": "${input:key}"}}}}"#,
            "a  sse  https://example.com",
        ),
        (
            "good.yaml",
            "mcps:\n  - name: a\n    transport: sse\n    url: https://example.com/sse\n    reconnect_interval: 5\n",
            "a  sse  https://example.com",
        ),
    ] {
        let file = File::new(name, text);
        assert_eq!(run(&["config", "check", file.path()]), printed(0, listed, ""), "{name}");
    }
}

#[test]
fn all_faults_of_a_file_are_listed_each_with_its_place() {
    for (name, text, places) in [
        (
            "bad.json",
            "{\"mcpServers\": {\n\"a\": {\"command\": 7},\n\"b\": {\"url\": \"nowhere\"},\n\"c\": {}}}",
            &["2:", "3:", "4:"][..],
        ),
        ("bad-code.json", "{\"servers\": {\n\"a\": {\"type\": \"pigeon\", \"url\": \"https://h/mcp\"}}}", &["2:"]),
        (
            "bad.yaml",
            "mcps:\n  - transport: sse\n    url: https://h/sse\n  - name: b\n    transport: sse\n    url: ${NOT_SET_ANYWHERE}\n",
            &["2:", "6:"],
        ),
        ("cut.json", "{\"mcpServers\": {", &["1:"]),
    ] {
        let file = File::new(name, text);
        let ended = run(&["config", "check", file.path()]);
        assert_eq!((ended.code, ended.out.len()), (Some(1), places.len()), "{ended:?}");
        for (line, place) in ended.out.iter().zip(places) {
            assert!(line.starts_with(&format!("{}:{place}", file.path())), "{line}");
        }
        let plural = if places.len() == 1 { "" } else { "s" };
        assert_eq!(ended.err, [format!("mcp: {} fault{plural}", places.len())]);
        // The same for programs.
        let exact = run(&["config", "check", file.path(), "-o", "json"]);
        let exact: Value = serde_json::from_str(&exact.out[0]).unwrap();
        assert_eq!(exact["faults"].as_array().unwrap().len(), places.len());
    }
    assert_eq!(run(&["config", "check", "/nonexistent/file"]).code, Some(1));
}

#[test]
fn each_server_can_be_tried() {
    let (_server, url) = echo_server();
    let file = three(&url, "try.json");
    let ended = run(&["config", "check", file.path(), "--connect", "--timeout=20"]);
    assert_eq!((ended.code, ended.out.len()), (Some(1), 3), "{ended:?}");
    let line = |name: &str| ended.out.iter().find(|line| line.starts_with(name)).unwrap();
    assert!(line("web").contains("  ok: ") && line("web").contains("HTTP+SSE"), "{ended:?}");
    assert!(line("local").contains("  not fail  ok: ") && line("local").contains("lines, stateless"), "{ended:?}");
    assert!(line("gone").contains("  failed: "), "{ended:?}");
    assert!(!format!("{ended:?}").contains("secret"), "{ended:?}");
    let only = run(&["config", "check", file.path(), "--connect", "--server=web"]);
    assert_eq!((only.code, only.out.len()), (Some(0), 1), "{only:?}");
}

#[test]
fn a_server_is_used_by_its_name() {
    let (_server, url) = echo_server();
    let file = three(&url, "use.json");
    for name in ["web", "local"] {
        let line = ["call", "--config", file.path(), "--server", name, "echo", "text=a"];
        assert_eq!(run(&line), printed(0, "a", ""), "{name}");
    }
    let alone = File::new("alone.json", &json!({"mcpServers": {"web": {"url": url}}}).to_string());
    assert_eq!(run(&["call", "--config", alone.path(), "echo", "text=a"]), printed(0, "a", ""));
    for (line, said) in [
        (&["tools", "--config", file.path()][..], "which server? --server NAME with one of "),
        (&["tools", "--config", file.path(), "--server", "wob"], "names no server `wob` (did you mean `web`?)"),
        (&["tools", "--config", file.path(), "--server", "web", "echo", "more"], "one word too many: `more`"),
        (&["ping", "--config", file.path(), "--server", "web", &url], "what is `http"),
        (&["tools", "--server", "web"], "--config"),
        (&["tools", "--config", "/nonexistent"], "cannot be read"),
    ] {
        let ended = run(line);
        assert_eq!((ended.code, ended.out.len()), (Some(2), 0), "{ended:?}");
        assert!(ended.err.iter().any(|line| line.contains(said)), "no `{said}`: {ended:?}");
    }
}

#[test]
fn what_the_file_does_not_permit_is_neither_listed_nor_called() {
    let file = three("http://127.0.0.1:1/sse", "filter.json");
    let server = ["--config", file.path(), "--server", "local"];
    let listed = run(&[&["tools"], &server[..]].concat());
    assert!(listed.out.iter().any(|line| line.starts_with("echo")), "{listed:?}");
    assert!(!listed.out.iter().any(|line| line.starts_with("fail")), "{listed:?}");
    let exact = run(&[&["tools", "-o", "json"], &server[..]].concat());
    let exact: Value = serde_json::from_str(&exact.out[0]).unwrap();
    let names: Vec<&str> =
        exact["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["echo", "slow", "progress", "big"]);
    let refused = run(&[&["call"], &server[..], &["fail"]].concat());
    assert_eq!(refused.code, Some(2));
    assert!(refused.err[0].contains("does not permit the tool `fail`"), "{refused:?}");
}

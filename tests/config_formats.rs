//! Configuration files as other systems write them (`vectors/config`), and what becomes of them.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::path::{Path, PathBuf};

use mcp_server_tiny::{Server, Tool};
use mcp_sse_blocking::State;
use mcp_sse_blocking::config::{Config, Format, Reader, ServerConfig};
use mcp_tests::scripted_peer::Peer;
use serde_json::json;

/// Reads a sample with the variables that the samples use.
fn sample(name: &str) -> Config {
    reader().file(path(name)).unwrap_or_else(|error| panic!("{error}"))
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/config").join(name)
}

fn reader() -> Reader {
    let variables = |name: &str| match name {
        "API_KEY" | "TOKEN" | "MCP_INPUT_PERPLEXITY_KEY" => Some("a-secret".to_owned()),
        "HOME" => Some("/home/ada".to_owned()),
        _ => None,
    };
    Config::reader().variables(variables).workspace(path(".."))
}

/// `name transport address` of each server.
fn summary(config: &Config) -> Vec<String> {
    let line = |server: &ServerConfig| format!("{} {} {}", server.name(), server.transport(), server.address());
    config.servers().iter().map(line).collect()
}

fn warnings(config: &Config) -> Vec<String> {
    config.warnings().iter().map(ToString::to_string).collect()
}

#[track_caller]
fn assert_shows(server: &ServerConfig, expected: &str) {
    let shown = format!("{server:?}");
    assert!(shown.contains(expected), "no `{expected}` in {shown}");
}

#[test]
fn the_file_of_claude_desktop_is_read() {
    let config = sample("claude_desktop.json");
    assert_eq!(config.format(), Format::McpServers);
    assert_eq!(summary(&config), ["filesystem stdio npx", "brave-search stdio npx"]);
    assert_shows(&config.servers()[1], r#"args: 2, env: ["BRAVE_API_KEY"]"#);
    assert_eq!(warnings(&config), [""; 0]);
    assert_eq!(config.servers()[0].place(), "mcpServers.filesystem");
}

#[test]
fn the_file_of_claude_code_is_read_with_its_variables() {
    let config = sample("claude_code.json");
    let expected = ["api http https://api.example.com", "old sse https://old.example.com:8443", "local stdio server"];
    assert_eq!(summary(&config), expected);
    assert_shows(&config.servers()[0], "call: Some(600s)");
    assert_eq!(
        warnings(&config),
        ["line 14, column 24: mcpServers.old.headersHelper: means nothing here, and is left out"]
    );
}

#[test]
fn the_file_of_cursor_is_read_with_its_file_of_variables() {
    let config = sample("cursor.json");
    let expected =
        ["server-name stdio python", "found-out http http://localhost:3000", "signed-in http https://api.example.com"];
    assert_eq!(summary(&config), expected);
    assert_shows(&config.servers()[0], r#"env: ["API_KEY", "REGION"]"#);
    assert_eq!(
        warnings(&config),
        [
            "line 11, column 64: mcpServers.found-out.headers.Content-Type: is set by the transport, and left out",
            "line 15, column 15: mcpServers.signed-in.auth: means nothing here, and is left out",
        ]
    );
}

#[test]
fn the_file_of_cline_is_read_and_what_is_turned_off_does_no_harm() {
    let config = sample("cline.json");
    assert_eq!(summary(&config), ["local-server stdio node", "remote http https://remote.example.com"]);
    assert_shows(&config.servers()[0], "call: Some(60s)");
    assert!(config.servers()[0].tools().permits("tool1") && config.servers()[0].tools().permits("other"));
    let tools = config.servers()[1].tools();
    assert!(tools.permits("tool3") && !tools.permits("delete_everything") && !tools.permits("drop_table"));
    // One of them has a fault; it is not there to be connected to.
    let disabled: Vec<&str> = config.disabled().iter().map(ServerConfig::name).collect();
    assert_eq!(disabled, ["also-off"]);
    assert!(config.server("also-off").is_some() && config.server("off").is_none());
    let unset = "mcpServers.off.env.TOKEN: the variable `NOBODY_SETS_THIS` is not set and has no default";
    assert!(warnings(&config).iter().any(|warning| warning.ends_with(unset)), "{:?}", config.warnings());
}

#[test]
fn the_spelling_of_a_key_makes_no_difference() {
    let text = r#"{"mcpServers": {"a": {"Command": "a", "Disabled": true}, "b": {"URL": "http://x/", "SSE-Read-Timeout": 7}}}"#;
    let config: Config = text.parse().unwrap();
    assert_eq!(summary(&config), ["b http http://x"]);
    assert_shows(&config.servers()[0], "idle: Some(7s)");
    assert_eq!(config.disabled()[0].name(), "a");
}

#[test]
fn a_timeout_is_in_seconds_or_in_milliseconds_as_it_makes_sense() {
    for (text, expected) in [
        ("60", "call: Some(60s)"),
        ("999", "call: Some(999s)"),
        ("1000", "call: Some(1s)"),
        ("30000", "call: Some(30s)"),
        ("0.5", "call: Some(500ms)"),
        ("\"45\"", "call: Some(45s)"),
    ] {
        let text = format!(r#"{{"mcpServers":{{"a":{{"command":"a","timeout":{text}}}}}}}"#);
        assert_shows(&text.parse::<Config>().unwrap().servers()[0], expected);
    }
    // Between the two it is said.
    let in_between = warnings(&sample("cline.json"));
    assert!(in_between.iter().any(|warning| warning.contains("mcpServers.remote.timeout: is taken for milliseconds")));
}

#[test]
fn the_settings_of_gemini_and_windsurf_are_read() {
    let config = sample("gemini.json");
    let expected =
        ["tools stdio python", "web http http://localhost:3000", "windsurf http https://windsurf.example.com"];
    assert_eq!(summary(&config), expected);
    assert_shows(&config.servers()[0], r#"args: 4, env: ["DATABASE_URL", "WORKERS"]"#);
    let tools = config.servers()[0].tools();
    assert!(tools.permits("safe_tool") && !tools.permits("file_reader") && !tools.permits("other"));
    assert_eq!(
        warnings(&config),
        [
            "line 7, column 31: mcpServers.tools.env.DATABASE_URL: looks like a variable; with braces, `${NAME}`, it would be one"
        ]
    );
}

#[test]
fn the_file_of_vs_code_is_read_with_comments_and_inputs() {
    let config = sample("vscode_mcp.json");
    assert_eq!(config.format(), Format::VsCode);
    assert_eq!(summary(&config), ["perplexity stdio npx", "context7 http https://mcp.context7.com"]);
    assert_shows(&config.servers()[0], r#"args: 3, env: ["PERPLEXITY_API_KEY"]"#);
    assert_eq!(
        warnings(&config),
        ["line 23, column 31: servers.perplexity.sandboxEnabled: means nothing here, and is left out"]
    );
}

#[test]
fn inputs_are_asked_for_once_each_and_only_when_they_are_needed() {
    let (sender, asked) = std::sync::mpsc::channel();
    let ask = move |input: &mcp_sse_blocking::config::Input| {
        sender.send(format!("{} {} {}", input.id, input.description, input.is_password)).unwrap();
        (input.id == "perplexity-key").then(|| "answer".to_owned())
    };
    let config = Config::reader().variables(|_| None).inputs(ask).file(path("vscode_mcp.json")).unwrap();
    assert_eq!(config.servers().len(), 2);
    let asked: Vec<String> = asked.try_iter().collect();
    assert_eq!(asked, ["region Which region? false", "perplexity-key Perplexity API Key true"]);
}

#[test]
fn one_server_is_read_without_what_the_others_need() {
    let none = || Config::reader().variables(|_| None);
    let config = none().only("old").file(path("claude_code.json")).unwrap();
    assert_eq!(summary(&config), ["old sse https://old.example.com:8443"]);
    let asked = |_: &mcp_sse_blocking::config::Input| -> Option<String> { panic!("nobody is to be asked") };
    assert!(none().inputs(asked).only("time").file(path("vscode_settings.json")).is_ok());
    let error = none().only("nobody").file(path("claude_code.json")).unwrap_err();
    assert!(
        error.to_string().ends_with("claude_code.json: the file has no server `nobody`; it has `api`, `old`, `local`"),
        "{error}"
    );
}

#[test]
fn the_settings_of_vs_code_have_the_servers_one_level_deeper() {
    let config = sample("vscode_settings.json");
    assert_eq!(summary(&config), ["time stdio uvx"]);
    assert_eq!(config.servers()[0].place(), "mcp.servers.time");
}

#[test]
fn the_yaml_of_crewai_is_read() {
    let config = sample("crewai.yaml");
    assert_eq!(config.format(), Format::CrewAi);
    assert_eq!(summary(&config), ["reliable_sse sse https://api.example.com"]);
    let server = config.server("reliable_sse").unwrap();
    assert_shows(server, r#"headers: ["Authorization", "Accept-Encoding"]"#);
    assert_shows(server, "connect: Some(30s), endpoint: Some(30s), call: None");
    assert_shows(server, "interval: Some(5s), most: Some(10)");
    assert_eq!(server.place(), "mcps[0]");
    assert_eq!(warnings(&config), [""; 0]);
}

#[test]
fn yaml_has_aliases_times_filters_and_other_transports() {
    let config = sample("crewai_more.yaml");
    assert_eq!(
        summary(&config),
        [
            "first http https://one.example.com",
            "second http https://two.example.com",
            "third stdio uvx",
            "fourth sse http://localhost:8000",
        ]
    );
    for server in &config.servers()[..2] {
        assert_shows(server, "connect: Some(2.5s), endpoint: Some(2.5s), call: Some(90s), idle: Some(300s)");
        assert!(server.tools().permits("search") && server.tools().permits("read_file"));
        assert!(!server.tools().permits("write"));
    }
    assert_shows(&config.servers()[1], "most: Some(0)");
    assert_shows(&config.servers()[2], "args: 3");
    assert!(!config.servers()[2].tools().permits("convert_time"));
    assert_shows(&config.servers()[3], r#"headers: ["Authorization"]"#);
}

#[test]
fn the_format_may_be_given() {
    let both = r#"{"mcpServers": {"a": {"command": "a"}}, "servers": {"b": {"command": "b"}}}"#;
    assert_eq!(summary(&Config::parse(both, Format::McpServers).unwrap()), ["a stdio a"]);
    assert_eq!(summary(&Config::parse(both, Format::VsCode).unwrap()), ["b stdio b"]);
    // JSON is no matter of the format, and neither is YAML.
    let json = r#"{"mcps": [{"name": "c", "transport": "stdio", "command": "c"}]}"#;
    assert_eq!(summary(&json.parse::<Config>().unwrap()), ["c stdio c"]);
    let yaml = "mcpServers:\n  d:\n    command: d\n";
    assert_eq!(summary(&yaml.parse::<Config>().unwrap()), ["d stdio d"]);
}

/// What the file says reaches the server: its URL, a header with a variable in it, the transport.
#[test]
fn a_server_of_a_file_is_connected_to() {
    for (transport, path) in [("http", "mcp"), ("sse", "sse")] {
        let server = Server::new("behind-a-file", "1.0.0").bearer("hunter2").tool(Tool::new("echo"), |_| Ok("hello"));
        let bound = server.bind("127.0.0.1:0").unwrap();
        let (port, handle) = (bound.local_addr().port().to_string(), bound.handle());
        let running = std::thread::spawn(move || bound.run());

        let text = format!(
            r#"{{"mcpServers": {{"tiny": {{"type": "{transport}", "url": "http://127.0.0.1:${{PORT}}/{path}",
                "headers": {{"Authorization": "Bearer ${{env:TOKEN}}"}}, "timeout": 20}}}}}}"#
        );
        let variables = move |name: &str| match name {
            "PORT" => Some(port.clone()),
            "TOKEN" => Some("hunter2".to_owned()),
            _ => None,
        };
        let config = Config::reader().variables(variables).text(&text).unwrap();
        let client = config.server("tiny").unwrap().builder().unwrap().connect().unwrap();
        assert_eq!(client.server_info().name, "behind-a-file");
        assert_eq!(client.call("echo", &json!({})).unwrap().all_text(), "hello");
        client.close();
        handle.stop();
        running.join().unwrap().unwrap();
    }
}

/// Arguments, variables and the directory reach a child process.
#[cfg(unix)]
#[test]
fn a_program_of_a_file_is_started() {
    let text = json!({"mcpServers": {"peer": {
        "command": "sh",
        "args": ["-c", "test \"$TOKEN\" = hunter2 && test \"$(pwd)\" = / && exec \"$0\"", "${PEER}"],
        "env": {"TOKEN": "${TOKEN}"},
        "cwd": "${/}",
    }}});
    let variables = |name: &str| match name {
        "PEER" => Some(env!("CARGO_BIN_EXE_stdio_peer").to_owned()),
        "TOKEN" => Some("hunter2".to_owned()),
        _ => None,
    };
    let config = Config::reader().variables(variables).text(&text.to_string()).unwrap();
    let client = config.servers()[0].builder().unwrap().connect().unwrap();
    assert_eq!(client.call("echo", &json!({"text": "hello"})).unwrap().all_text(), "hello");
}

/// The deadlines of a file are those of its client: a server that takes connections and says nothing.
#[test]
fn the_deadlines_of_a_file_are_kept() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    for (text, expected) in [
        (
            format!(r#"{{"mcpServers": {{"a": {{"type": "http", "url": "{url}", "timeout": 0.2}}}}}}"#),
            "the initialize deadline passed after 200ms (setting `call_timeout`)",
        ),
        (
            format!("mcps:\n  - {{name: a, transport: sse, url: '{url}', timeout: 0.3}}"),
            "the endpoint deadline passed after 300ms (setting `endpoint_timeout`)",
        ),
    ] {
        let config: Config = text.parse().unwrap();
        let error = config.servers()[0].builder().unwrap().connect().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

/// A stream that falls silent.
#[test]
fn the_read_timeout_of_a_file_is_kept() {
    let peer = Peer::run(|peer| {
        let stream = peer.handshake();
        let call = peer.request();
        call.accepted();
        peer.wait_closed(stream.connection);
    });
    let text = format!("mcps:\n  - {{name: a, transport: sse, url: '{}', sse_read_timeout: 0.3}}", peer.url("/sse"));
    let config: Config = text.parse().unwrap();
    let client = config.servers()[0].builder().unwrap().connect().unwrap();
    let error = client.call("silent", &json!({})).unwrap_err().to_string();
    assert!(error.contains("deadline passed after 300ms (setting `idle_timeout`)"), "{error}");
    client.close();
    peer.finish();
}

/// Over HTTP the next request would open a new session by default.
#[test]
fn no_reconnects_are_none_over_http_as_well() {
    let peer = Peer::run(|peer| peer.handshake().end());
    let text = format!("mcps:\n  - {{name: a, transport: sse, url: '{}', max_reconnects: 0}}", peer.url("/sse"));
    let config: Config = text.parse().unwrap();
    let client = config.servers()[0].builder().unwrap().connect().unwrap();
    let mut states = client.watch();
    while !states.next_within(std::time::Duration::from_secs(10)).expect("another state").is_closed() {}
    peer.finish();
}

/// `max_reconnects` and `reconnect_interval` are heeded: the client comes back by itself, or is closed at once.
#[cfg(unix)]
#[test]
fn what_a_file_says_of_reconnecting_is_done() {
    for (settings, comes_back) in [("reconnect_interval: 0.05", true), ("max_reconnects: 0", false)] {
        let peer = env!("CARGO_BIN_EXE_stdio_peer");
        let text = format!("mcps:\n  - {{name: a, transport: stdio, command: '{peer}', {settings}}}");
        let config: Config = text.parse().unwrap();
        let client = config.servers()[0].builder().unwrap().connect().unwrap();
        let mut states = client.watch();
        client.call("exit", &json!({"code": 1})).unwrap_err();
        // Nobody calls meanwhile.
        let mut was_lost = false;
        let last = loop {
            let state = states.next_within(std::time::Duration::from_secs(10)).expect("another state");
            if state.is_closed() || (state.is_ready() && was_lost) {
                break state;
            }
            was_lost |= matches!(state, State::Reconnecting { .. });
        };
        assert_eq!(last.is_ready(), comes_back, "{settings}: {last:?}");
    }
}

/// A server without JSON-RPC, and one whose endpoint is said in the file.
#[test]
fn a_file_says_where_messages_go() {
    let peer = Peer::run_plain(|peer| {
        let post = peer.request();
        assert_eq!((post.method.as_str(), post.target.as_str()), ("POST", "/mcp/rpc"));
        assert_eq!(post.header("x-key"), Some("k"));
        post.answer("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 45\r\n\r\n");
        post.answer(r#"{"content": [{"type": "text", "text": "42"}]}"#);
    });
    let url = peer.url("/mcp/sse");
    let text = json!({"mcpServers": {
        "plain": {"type": "plain", "url": url, "message_url": "rpc", "headers": {"X-Key": "k"}},
    }});
    let config: Config = text.to_string().parse().unwrap();
    assert_eq!(config.servers()[0].transport(), "plain");
    let client = config.servers()[0].builder().unwrap().connect().unwrap();
    assert_eq!(client.call("answer", &json!({})).unwrap().all_text(), "42");
    client.close();
    peer.finish();

    let wrong = r#"{"mcpServers": {"a": {"type": "sse", "url": "http://x/", "message_url": "ftp://x/"}}}"#;
    let error = wrong.parse::<Config>().unwrap_err().to_string();
    let expected = "mcpServers.a.message_url: is no URL: it does not start with http:// or https://";
    assert!(error.ends_with(expected), "{error}");

    let wrong =
        r#"{"mcpServers": {"a": {"type": "sse", "url": "https://x/", "message_url": "http://y/?token=hidden"}}}"#;
    let error = wrong.parse::<Config>().unwrap_err().to_string();
    assert!(
        error.contains("mcpServers.a.message_url: is a URL of http, although the stream is one of https"),
        "{error}"
    );
    assert!(!error.contains("hidden"), "{error}");
}

//! Configuration files that are wrong: every fault at once, each with its place, and no panic whatever the file is.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::path::{Path, PathBuf};

use mcp_sse_blocking::config::{Config, ConfigError, Format, MAX_FILE_BYTES, Reader};
use mcp_tests::random::Random;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/config")
}

/// No variable is set but one.
fn reader() -> Reader {
    let variables = |name: &str| (name == "GITHUB_TOKEN").then(|| "canary-variable".to_owned());
    Config::reader().variables(variables).workspace(folder())
}

#[track_caller]
fn refused(text: &str) -> ConfigError {
    match reader().text(text) {
        Err(error) => error,
        Ok(_) => panic!("this is read: {}", text.chars().take(200).collect::<String>()),
    }
}

/// The faults of a sample are these lines, no more and no fewer.
#[track_caller]
fn assert_faults(name: &str, expected: &str) {
    let error = reader().file(folder().join(name)).expect_err("this is wrong");
    let prefix = format!("{}:", folder().join(name).display());
    let lines: Vec<String> = error.to_string().lines().map(|line| line.replacen(&prefix, "", 1)).collect();
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(lines, expected);
    assert_eq!(error.faults().len(), lines.len());
}

#[test]
fn every_fault_of_an_mcp_servers_file_is_said_at_once() {
    assert_faults(
        "broken_mcp_servers.json",
        r#"
        3:13: mcpServers.both: has both `command` and `url`; which of them is the server?
        4:16: mcpServers.neither: has neither `command` nor `url`
        5:16: mcpServers.nothing: is a string, not a mapping
        7:18: mcpServers["wrong types"].command: is a list, not a string
        8:15: mcpServers["wrong types"].args: is a string, not a list of strings
        9:22: mcpServers["wrong types"].env["A=B"]: has a name that no variable has
        9:35: mcpServers["wrong types"].env.FLAG: is a truth value, not a string
        9:50: mcpServers["wrong types"].env.TOKEN: the variable `UNSET_TOKEN` is not set and has no default
        9:50: mcpServers["wrong types"].env.TOKEN: the variable `UNSET_TOO` is not set and has no default
        10:14: mcpServers["wrong types"].cwd: is a number, not a string
        11:19: mcpServers["wrong types"].disabled: is a string, not true or false
        17:21: mcpServers.headers.headers.X-Number: is a number, not a string
        18:20: mcpServers.headers.headers.X-Break: has a line break or another control character
        19:20: mcpServers.headers.headers["X Space"]: has a name that no header has
        21:20: mcpServers.headers.headers.x-twice: is given twice: the case of letters makes no difference
        25:36: mcpServers.urls.url: is no URL: it does not start with http:// or https://
        26:36: mcpServers["url with a password"].url: has a user name or password; credentials belong into a header
        27:33: mcpServers["url with a space"].url: is no URL: the character at byte 21 must be percent-encoded
        28:27: mcpServers.transport.type: `websocket` is no transport; known are `stdio`, `http` (or `streamable-http`), `sse` and `plain`
        28:47: mcpServers.transport.url: is no URL: it does not start with http:// or https://
        29:49: mcpServers.transports.transport: says something else than `type`, which means the same
        30:20: mcpServers["needs a url"]: `url` is missing, which the transport needs
        31:24: mcpServers["needs a command"]: `command` is missing, which the transport `stdio` needs
        34:18: mcpServers.times.timeout: must be more than 0
        35:26: mcpServers.times.connect_timeout: is not a number of seconds
        36:27: mcpServers.times.sse_read_timeout: must be more than 0
        37:23: mcpServers.times.call_timeout: is longer than a year
        38:29: mcpServers.times.reconnect_interval: is a list, not a number of seconds
        39:25: mcpServers.times.max_reconnects: is not a whole number from 0
        41:30: mcpServers.variables.command: a `${` is never closed
        41:45: mcpServers.variables.args[0]: the default of `A` has a variable of its own
        41:59: mcpServers.variables.args[1]: variables of the kind `config` are not known here
        41:74: mcpServers.variables.args[2]: what stands between `${` and `}` is no name of a variable
        41:95: mcpServers.variables.env.X: the input `key` is not declared under `inputs`
        42:31: mcpServers.twice.command: is given twice
        43:5: mcpServers.twice: the name `twice` is taken in line 42
        44:58: mcpServers.tools.tools: is a number, not a list of strings
        44:84: mcpServers.tools.disabledTools[1]: is a mapping, not a string
        45:5: mcpServers[""]: the name is empty
        "#,
    );
}

#[test]
fn every_fault_of_a_file_of_vs_code_is_said_at_once() {
    assert_faults(
        "broken_vscode.json",
        "
        4:9: inputs[0]: `id` is missing
        5:9: inputs[1]: is a string, not a mapping
        6:62: inputs[2].description: is a number, not a string
        7:9: inputs[3]: the id `key` is taken
        10:57: servers.undeclared.env.KEY: the input `other` is not declared under `inputs`
        11:95: servers.unanswered.headers.X-Key: the input `key` has no answer; the variable `MCP_INPUT_KEY` can give it
        12:43: servers.socket.url: is no URL: it does not start with http:// or https://
        13:47: servers.file.envFile: the file cannot be read: entity not found
        ",
    );
}

#[test]
fn every_fault_of_a_file_of_crewai_is_said_at_once() {
    assert_faults(
        "broken_crewai.yaml",
        "
        2:5: mcps[0]: `name` is missing
        4:5: mcps[1] (server `no_transport`): `transport` is missing
        6:5: mcps[2] (server `no_url`): `url` is missing, which the transport needs
        8:5: mcps[3] (server `no_transport`): the name `no_transport` is taken in line 4
        12:16: mcps[4].transport (server `unknown`): `websocket` is no transport; known are `stdio`, `http` (or `streamable-http`), `sse` and `plain`
        13:10: mcps[4].url (server `unknown`): is no URL: it does not start with http:// or https://
        18:7: mcps[5].headers (server `headers`): is a list, not a mapping
        23:17: mcps[6].headers.X-Number (server `values`): is a number, not a string
        25:9: mcps[6].headers.X-Block (server `values`): has a line break or another control character
        27:22: mcps[6].headers.Authorization (server `values`): the variable `TOKEN_OF_NOBODY` is not set and has no default
        28:14: mcps[6].timeout (server `values`): must be more than 0
        29:25: mcps[6].reconnect_interval (server `values`): is not a number of seconds
        30:21: mcps[6].max_reconnects (server `values`): is not a whole number from 0
        31:5: mcps[7]: is a string, not a mapping
        32:11: mcps[8].name: is a number, not a string
        ",
    );
}

#[test]
fn a_fault_is_known_by_its_parts() {
    let error =
        refused("mcps:\n  - {name: a, transport: sse, url: 'http://x/', headers: {Authorization: \"${NONE}\"}}");
    let [fault] = error.faults() else { panic!("{error}") };
    assert_eq!(fault.place(), "mcps[0].headers.Authorization");
    assert_eq!((fault.server(), fault.line(), fault.column()), (Some("a"), Some(2), Some(74)));
    assert_eq!(fault.problem(), "the variable `NONE` is not set and has no default");
    assert_eq!(error.file(), None);
    assert_eq!(
        error.to_string(),
        "line 2, column 74: mcps[0].headers.Authorization (server `a`): the variable `NONE` is not set and has no default"
    );
}

#[test]
fn what_is_no_json_or_yaml_is_said_with_line_and_column() {
    for (text, expected) in [
        ("{\n  \"mcpServers\": {\n", "line 3, column 1: a `{` is never closed"),
        (
            "{\"mcpServers\": {\"a\": {\"command\": npx}}}",
            "line 1, column 34: a value is expected; strings stand in double quotes",
        ),
        ("{\"a\": 'x'}", "line 1, column 7: a value is expected"),
        ("{\"a\": 1} {", "line 1, column 10: there is more after the end of the document"),
        ("mcps:\n  - name: a\n   url: b\n", "line 3, column 4: "),
        ("mcps: [", "line 1, column "),
        ("mcps: *nobody", "line 1, column 7: "),
        ("", "line 1, column 1: there is no document"),
    ] {
        let said = refused(text).to_string();
        assert!(said.starts_with(expected), "{text:?}: {said}");
    }
}

#[test]
fn a_file_of_no_known_format_is_told_which_are_known() {
    let known = "known are `mcpServers` (Claude, Cursor and others), `servers` (VS Code) and `mcps` (CrewAI)";
    for (text, expected) in [
        ("{\"a\": 1}", format!("the file has no servers: {known}")),
        ("{\"mcpServer\": {}}", format!("the file has no servers: {known}; is `mcpServers` meant by `mcpServer`?")),
        ("mcp_servers: {}", format!("the file has no servers: {known}; is `mcpServers` meant by `mcp_servers`?")),
        ("[]", format!("the file is a list, not a mapping; {known}")),
        (
            "{\"mcpServers\": {}, \"mcps\": []}",
            "the file has `mcpServers` and `mcps`; name the format that is meant".into(),
        ),
        (
            "{\"mcpServers\": []}",
            "line 1, column 16: mcpServers: is a list, not a mapping from names to servers".into(),
        ),
        ("mcps:\n  a: 1", "line 2, column 3: mcps: is a mapping, not a list of servers".into()),
        ("{\"servers\": null}", "line 1, column 13: servers: is nothing, not a mapping from names to servers".into()),
    ] {
        assert_eq!(refused(text).to_string(), expected, "{text}");
    }
    let error = Config::parse("{\"mcpServers\": {}}", Format::CrewAi).unwrap_err();
    assert_eq!(error.to_string(), "the file has no `mcps`");
}

#[test]
fn a_misspelt_key_is_worth_a_warning_and_an_unknown_one_is_not() {
    let text = r#"{"mcpServers": {"a": {"command": "a", "agrs": [], "heders": {}, "x-own": 1, "autoApprove": []},
        "b": {"url": "http://localhost/", "env": {}, "tools": {"x": {"enabled": true}}}}}"#;
    let config: Config = text.parse().unwrap();
    let warnings: Vec<String> = config.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "line 1, column 47: mcpServers.a.agrs: is not known; is `args` meant?",
            "line 1, column 61: mcpServers.a.heders: is not known; is `headers` meant?",
            "line 2, column 50: mcpServers.b.env: means nothing for a server behind a URL",
            "line 2, column 63: mcpServers.b.tools: means nothing here; a list of names would",
        ]
    );
}

/// For programs that would rather have some servers than none.
#[test]
fn servers_with_faults_may_be_left_out() {
    let text = "mcps:\n  - {name: a, transport: stdio, command: a}\n  - {name: b, transport: stdio, command: '${NONE}'}\n  \
                - {name: a, transport: stdio, command: c}";
    assert_eq!(refused(text).faults().len(), 2);
    let config = reader().leave_out_faulty().text(text).unwrap();
    let names: Vec<&str> = config.servers().iter().map(|server| server.name()).collect();
    assert_eq!(names, ["a"]);
    assert_eq!(config.servers()[0].place(), "mcps[0]");
    let warnings: Vec<&str> = config.warnings().iter().map(|warning| warning.problem()).collect();
    assert_eq!(warnings, ["the variable `NONE` is not set and has no default", "the name `a` is taken in line 2"]);
    assert!(reader().leave_out_faulty().text("mcps: 1").is_err());
}

#[test]
fn the_size_of_a_file_is_bounded() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("config_size.json");
    let fill = |length: usize| {
        let start = r#"{"mcpServers": {"a": {"command": "a"}}}"#;
        std::fs::write(&path, format!("{start}{}", " ".repeat(length - start.len()))).unwrap();
        reader().file(&path)
    };
    for length in [MAX_FILE_BYTES - 1, MAX_FILE_BYTES] {
        assert_eq!(fill(length).unwrap().servers().len(), 1);
    }
    let error = fill(MAX_FILE_BYTES + 1).unwrap_err();
    assert_eq!(error.to_string(), format!("{}: the file has more than 1048576 bytes", path.display()));
    assert_eq!(error.file(), Some(path.as_path()));
    let text = " ".repeat(MAX_FILE_BYTES + 1);
    assert_eq!(refused(&text).to_string(), "the file has more than 1048576 bytes");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let missing = folder().join("not-there.json");
    let error = reader().file(&missing).unwrap_err();
    assert_eq!(error.to_string(), format!("{}: the file cannot be read: entity not found", missing.display()));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("config_latin1.json");
    std::fs::write(&path, b"{\n  \"\xe9\": 1}").unwrap();
    let error = reader().file(&path).unwrap_err();
    assert_eq!(error.to_string(), format!("{}:2:4: the file is not UTF-8 from here on", path.display()));
}

/// A megabyte of the worst of each kind is read or refused in a moment; a test that hangs is the report.
#[test]
fn large_files_are_no_harder_than_they_are_long() {
    let many = |entry: fn(usize) -> String| (0..6_000).map(entry).collect::<Vec<String>>().join(",");
    let servers = many(|number| format!("\"s{number}\":{{\"command\":\"c\"}}"));
    assert_eq!(reader().text(&format!("{{\"mcpServers\":{{{servers}}}}}")).unwrap().servers().len(), 6_000);
    let env = many(|number| format!("\"V{number}\":\"${{GITHUB_TOKEN}}\""));
    assert!(reader().text(&format!("{{\"mcpServers\":{{\"a\":{{\"command\":\"c\",\"env\":{{{env}}}}}}}}}")).is_ok());
    let keys = many(|number| format!("\"{}{number}\":1", "k".repeat(30)));
    let said = refused(&format!("{{\"mcpServers\":{{\"a\":{{\"command\":\"c\",{keys}}}}}}}")).to_string();
    assert_eq!(said, "line 1, column 20: mcpServers.a: has more than 256 keys");
    let faults = refused(&format!("{{\"mcpServers\":{{{}}}}}", many(|number| format!("\"{number}\":0"))));
    assert_eq!(faults.faults().len(), 6_000);
    let headers = many(|number| format!("\"H{number}\":\"x\""));
    let headers = format!("{{\"mcpServers\":{{\"a\":{{\"url\":\"http://x/\",\"headers\":{{{headers}}}}}}}}}");
    let said = refused(&headers).to_string();
    assert_eq!(said, "line 1, column 49: mcpServers.a.headers: has more than 256 headers");
    let anchors: String = (0..6_000).map(|number| format!("- &a{number} x\n- *a{number}\n")).collect();
    refused(&format!("mcps:\n{anchors}"));
    let merged = format!("a: &a {{{}}}\nb: {{<<: *a, {}}}", many(|n| format!("k{n}: 1")), many(|n| format!("l{n}: 1")));
    refused(&merged);
}

/// Whatever becomes of a file on its way, reading it ends in servers or in faults.
#[test]
fn mutated_files_never_panic() {
    let mut random = Random::new(4);
    let samples = |is_wanted: fn(&str) -> bool| -> Vec<Vec<u8>> {
        let names = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| is_wanted(name)).collect();
        names.sort();
        names.iter().map(|name| std::fs::read(folder().join(name)).unwrap()).collect()
    };
    let (right, all) = (samples(|name| !name.starts_with("broken")), samples(|_| true));
    assert!(right.len() >= 8 && all.len() > right.len());
    let pieces: Vec<&str> = "{ } [ ] \" : , ${ *a &a \\ \n- \n /* 🦀".split(' ').collect();
    let (mut read, mut refused) = (0, 0);
    for _ in 0..2_500 {
        let mut bytes = random.pick(&right).clone();
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len());
            match random.below(5) {
                0 => bytes[at] = random.byte(),
                1 => drop(bytes.drain(at..(at + random.below(40)).min(bytes.len()))),
                2 => drop(bytes.splice(at..at, random.pick(&pieces).bytes())),
                3 => bytes.truncate(at.max(1)),
                _ => {
                    let other = random.pick(&all);
                    let from = random.below(other.len());
                    let piece = other[from..(from + 60).min(other.len())].to_vec();
                    drop(bytes.splice(at..at, piece));
                }
            }
            if bytes.is_empty() {
                bytes.push(b'{');
            }
        }
        let reader = Config::reader().variables(|_| Some("value".to_owned())).workspace(folder());
        match reader.text(&String::from_utf8_lossy(&bytes)) {
            Ok(config) => {
                assert!(config.servers().iter().all(|server| server.builder().is_ok()));
                read += 1;
            }
            Err(error) => {
                assert!(!error.faults().is_empty() && !error.to_string().is_empty());
                refused += 1;
            }
        }
    }
    assert!(read > 50 && refused > 50, "{read} read, {refused} refused");
}

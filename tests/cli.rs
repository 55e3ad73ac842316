//! The command line `mcp` as its user runs it: what it prints where, and the code it ends with.
//!
//! Against the echo-server where a decent server is wanted, against scripted ones for everything else.
// In helpers too a panic is the report.
#![allow(clippy::unwrap_used)]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use mcp_tests::peers;
use mcp_tests::process::Process;
use mcp_tests::scripted_peer::{Peer, Running, Stream};

/// What a run printed, line by line, and how it ended.
#[derive(Debug, PartialEq)]
struct Ended {
    code: Option<i32>,
    out: Vec<String>,
    err: Vec<String>,
}

mod results {
    use super::*;

    #[test]
    fn tools_are_listed_with_their_parameters() {
        let (_server, url) = echo_server();
        let expected = "\
echo  Gives the text back
    text  string  required  what to give back
slow  Answers after a while
    ms  integer  required  after how many milliseconds
progress  Reports each of its steps
    steps  integer  required  how many
    ms     integer            milliseconds before each of them; none if absent
fail  Always fails
big  Answers with that many bytes
    bytes  integer  required  how many";
        assert_eq!(run(&["tools", &url]), printed(0, expected, ""));
    }

    #[test]
    fn the_result_is_on_standard_output_and_nothing_else_is() {
        let (_server, url) = echo_server();
        assert_eq!(run(&["call", &url, "echo", "text=a=b c"]), printed(0, "a=b c", ""));
        let progress = "mcp: progress 1/2 step 1\nmcp: progress 2/2 step 2";
        assert_eq!(run(&["call", &url, "progress", "steps=2", "ms=1"]), printed(0, "2 steps", progress));
    }

    #[test]
    fn values_are_sent_as_the_tool_describes_them() {
        let (_server, url) = echo_server();
        assert_eq!(run(&["call", &url, "slow", "ms=1"]), printed(0, "slept 1 ms", ""));
        assert_eq!(run(&["call", &url, "echo", "text=1"]), printed(0, "1", ""));
        assert_eq!(run(&["call", &url, "echo", "--json", r#"{"text": "x"}"#]), printed(0, "x", ""));
        let wrong = "mcp: `ms` has to be an integer, not `soon`";
        assert_eq!(run(&["call", &url, "slow", "ms=soon"]), printed(2, "", wrong));
    }

    #[test]
    fn a_name_that_the_tool_does_not_describe_is_sent_with_a_warning() {
        let (_server, url) = echo_server();
        let warning = "mcp: `echo` has no parameter `txt`, it has text; it is sent all the same";
        assert_eq!(run(&["call", &url, "echo", "text=a", "txt=b"]), printed(0, "a", warning));
        // `fail` says that it takes none.
        assert_eq!(
            run(&["call", &url, "fail", "a=b"]),
            printed(2, "", "mcp: `fail` has no parameter `a`, it has none")
        );
    }

    #[test]
    fn a_pipe_gets_every_byte_and_what_is_no_text_is_described() {
        let peer = serve_result(
            r#"{"content":[{"type":"text","text":"\u001b[31mred"},{"type":"image","data":"aGVsbG8=","mimeType":"image/png"}]}"#,
        );
        assert_eq!(
            run(&["call", &peer.url("/sse"), "--transport=sse", "t", "--json={}"]),
            printed(0, "\x1b[31mred\n[image, image/png, 5 bytes]", "")
        );
        peer.finish();
    }

    #[test]
    fn what_a_server_logs_is_on_standard_error_without_control_characters() {
        let peer = serve(|peer| {
            let mut stream = peer.handshake();
            let call = peer.request();
            call.accepted();
            let data = r#"{"level":"warning","logger":"disk","data":"nearly\u001b[2J full"}"#;
            stream.message(&format!(r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{data}}}"#));
            stream.reply_text(&call, "done");
        });
        let ended = run(&["call", &peer.url("/sse"), "--transport=sse", "t", "--json={}"]);
        assert_eq!(ended, printed(0, "done", "mcp: server warning disk: nearly[2J full"));
        peer.finish();
    }

    #[test]
    fn how_the_server_was_found_is_told_to_who_wants_to_know() {
        let (_server, sse) = echo_server();
        let http = sse.replace("/sse", "/mcp");
        for (url, option, found) in [
            (&http, "--transport=auto", "Streamable HTTP, stateless, revision 2026-07-28, found in 1 request"),
            (&http, "--transport=http", "Streamable HTTP, revision 2025-11-25, found in 1 request"),
            (&sse, "--transport=auto", "HTTP+SSE, revision 2025-11-25, found in 3 requests"),
        ] {
            let ended = run(&["tools", url, option, "-v"]);
            assert_eq!(ended.code, Some(0));
            let lines = &ended.err;
            assert!(lines.contains(&format!("mcp: {url}: {found}")), "{lines:#?}");
            // All that was tried is on the wire.
            let asked = lines.iter().filter(|line| line.starts_with("--> ") && line.contains("\"id\":1,")).count();
            assert!(asked >= if found.ends_with("3 requests") { 3 } else { 1 }, "{lines:#?}");
        }
    }

    #[test]
    fn any_revision_can_be_asked_for() {
        let (_server, sse) = echo_server();
        let http = sse.replace("/sse", "/mcp");
        for (url, revision, found) in [
            (&sse, "2024-11-05", "HTTP+SSE, revision 2024-11-05"),
            (&sse, "2025-11-25", "HTTP+SSE, revision 2025-11-25"),
            (&http, "2025-03-26", "Streamable HTTP, revision 2025-03-26"),
            (&http, "2025-06-18", "Streamable HTTP, revision 2025-06-18"),
            (&http, "2025-11-25", "Streamable HTTP, revision 2025-11-25"),
            (&http, "2026-07-28", "Streamable HTTP, stateless, revision 2026-07-28"),
        ] {
            let ended = run(&["tools", url, "--revision", revision, "-v"]);
            assert_eq!((ended.code, ended.out.len()), (Some(0), 10), "{ended:?}");
            assert!(ended.err.iter().any(|line| line.contains(found)), "{ended:?}");
        }
    }

    #[test]
    fn a_server_is_started_called_and_ended() {
        let server = peers::example("echo-server");
        let server = server.to_str().unwrap();
        assert_eq!(run(&["call", "--stdio", "echo", "text=a", "--", server, "--stdio"]), printed(0, "a", ""));
        let ended = run(&["tools", "--stdio", "-v", "--", server, "--stdio"]);
        let found = "mcp: echo-server: lines, stateless, revision 2026-07-28, found in 1 request";
        assert!(ended.err.iter().any(|line| line == found), "{ended:?}");
        let ended = run(&["tools", "--stdio", "--", server, "--nonsense"]);
        assert_eq!((ended.code, ended.out.len()), (Some(3), 0));
        assert!(ended.err.iter().any(|line| line.starts_with("usage: echo-server")), "{ended:?}");
    }

    #[test]
    fn help_and_version_are_no_errors() {
        for option in ["--help", "--version"] {
            let ended = run(&[option]);
            assert_eq!((ended.code, ended.err.len()), (Some(0), 0));
            assert!(!ended.out.is_empty());
        }
    }

    /// `mcp call URL big bytes=3000000 | head -c 10`
    #[test]
    fn it_ends_quietly_when_nobody_reads_the_result() {
        let (_server, url) = echo_server();
        let mut child = command(&["call", &url, "big", "bytes=3000000"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
    }
}

mod servers_of_others {
    use super::*;
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
}

mod codes {
    use super::*;

    #[test]
    fn a_tool_that_fails_is_1() {
        let (_server, url) = echo_server();
        assert_eq!(run(&["call", &url, "fail"]), printed(1, "", "mcp: the tool `fail` failed: this tool always fails"));
        let listed = "mcp: the server lists no tool `nothing`, it lists echo, slow, progress, fail, big";
        let refused = "mcp: the server answered error -32602: unknown tool: nothing";
        assert_eq!(run(&["call", &url, "nothing"]), printed(1, "", &format!("{listed}\n{refused}")));
    }

    #[test]
    fn a_command_line_that_cannot_be_used_is_2() {
        let lines: [&[&str]; 9] = [
            &[],
            &["tools"],
            &["call", "http://127.0.0.1:1/sse"],
            &["call", "http://127.0.0.1:1/sse", "echo", "text"],
            &["call", "http://127.0.0.1:1/sse", "echo", "--json", "[]"],
            &["tools", "localhost:8000/sse"],
            &["tools", "http://127.0.0.1:1/sse", "--timeout", "0"],
            &["tools", "http://127.0.0.1:1/sse", "--transport", "pigeon"],
            &["tools", "http://127.0.0.1:1/sse", "-H", "Content-Length: 1"],
        ];
        for line in lines {
            let ended = run(line);
            assert_eq!((ended.code, ended.out.len()), (Some(2), 0), "{line:?}: {ended:?}");
            assert!(!ended.err.is_empty(), "{line:?}");
        }
    }

    #[test]
    fn no_connection_is_3() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let ended = run(&["tools", &format!("http://{free}/sse")]);
        assert_eq!((ended.code, ended.out.len()), (Some(3), 0));
        assert!(ended.err[0].starts_with(&format!("mcp: sending a message to http://{free}: ")), "{ended:?}");
        assert!(ended.err.iter().any(|line| line.contains("is the server running?")), "no advice: {ended:?}");
        let (_server, url) = echo_server();
        let ended = run(&["tools", &url.replace("http://", "https://")]);
        assert_eq!((ended.code, ended.out.len()), (Some(3), 0));
        assert!(ended.err.iter().any(|line| line.contains("does not speak TLS")), "no advice: {ended:?}");
        let ended = run(&["tools", "--stdio", "--", "/nonexistent/server"]);
        assert_eq!((ended.code, ended.out.len()), (Some(3), 0));
        assert!(ended.err[0].starts_with("mcp: starting the server server: "), "{ended:?}");
    }

    #[test]
    fn nothing_at_the_url_is_3_whatever_is_asked_for() {
        let advised = |line: &[&str], advice: &str| {
            let ended = run(line);
            assert_eq!(ended.code, Some(3), "{ended:?}");
            assert!(ended.err.iter().any(|line| line == advice), "no advice: {ended:?}");
        };
        let (_server, url) = echo_server();
        advised(
            &["tools", url.strip_suffix("/sse").unwrap()],
            "     most servers are at a path that ends with /mcp or /sse",
        );
        advised(
            &["tools", &url, "--transport=http"],
            "     without --transport it is found out what the server speaks",
        );
    }

    #[test]
    fn a_stream_that_is_lost_is_3() {
        let peer = scripted(|peer, mut stream| {
            peer.request().accepted();
            stream.cut();
        });
        assert_eq!(code(&["call", &peer.url("/sse"), "--transport=sse", "t", "--json={}"]), 3);
        peer.finish();
    }

    #[test]
    fn a_session_that_the_server_forgot_is_3() {
        let peer = scripted(|peer, _stream| peer.request().status("404 Not Found", "no such session"));
        assert_eq!(code(&["call", &peer.url("/sse"), "--transport=sse", "t", "--json={}"]), 3);
        peer.finish();
    }

    #[test]
    fn a_page_in_place_of_a_stream_is_4() {
        let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n<p>a";
        let peer = serve(move |peer| peer.request().answer(page));
        assert_eq!(code(&["tools", &peer.url("/sse"), "--transport=sse"]), 4);
        peer.finish();
    }

    #[test]
    fn an_endpoint_elsewhere_is_4() {
        let peer = serve(|peer| peer.stream().event("endpoint", "http://elsewhere.example/messages"));
        assert_eq!(code(&["tools", &peer.url("/sse"), "--transport=sse"]), 4);
        peer.finish();
    }

    #[test]
    fn a_result_of_another_shape_is_4() {
        let peer = serve_result(r#"{"content":"text"}"#);
        assert_eq!(code(&["call", &peer.url("/sse"), "--transport=sse", "t", "--json={}"]), 4);
        peer.finish();
    }

    #[test]
    fn a_deadline_is_5() {
        let (_server, url) = echo_server();
        let ended = run(&["call", &url, "slow", "ms=60000", "--timeout", "0.2"]);
        assert_eq!((ended.code, ended.out.len()), (Some(5), 0));
        assert!(ended.err.iter().any(|line| line.contains("--timeout")), "no advice: {ended:?}");
    }

    #[test]
    fn a_server_that_is_silent_before_it_names_an_endpoint_is_5() {
        let peer = serve(|peer| {
            let stream = peer.stream();
            peer.wait_closed(stream.connection);
        });
        assert_eq!(code(&["tools", &peer.url("/sse"), "--transport=sse", "--timeout", "0.2"]), 5);
        peer.finish();
    }

    #[test]
    fn an_interrupt_is_130_and_the_server_is_told() {
        let peer = scripted(|peer, mut stream| {
            let call = peer.request();
            call.accepted();
            let token = &call.json()["params"]["_meta"]["progressToken"];
            let progress = format!(r#"{{"progressToken":{token},"progress":1}}"#);
            stream.message(&format!(r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{progress}}}"#));
            let cancelled = peer.request();
            cancelled.accepted();
            assert_eq!(cancelled.message_method(), "notifications/cancelled");
            assert_eq!(cancelled.json()["params"]["requestId"], call.json()["id"]);
        });
        let process = start(&["call", &peer.url("/sse"), "--transport=sse", "t", "--json={}"]);
        assert_eq!(process.error_line().as_deref(), Some("mcp: progress 1"));
        process.signal("INT");
        assert_eq!(ended(process), printed(130, "", "mcp: interrupted"));
        peer.finish();
    }

    #[test]
    fn an_interrupt_before_there_is_a_call_is_130_too() {
        let (asked, was_asked) = crossbeam_channel::bounded(1);
        let peer = serve(move |peer| {
            let stream = peer.stream();
            asked.send(()).unwrap();
            peer.wait_closed(stream.connection);
        });
        let process = start(&["tools", &peer.url("/sse"), "--transport=sse"]);
        was_asked.recv_timeout(mcp_tests::process::BOUND).unwrap();
        process.signal("INT");
        assert_eq!(ended(process).code, Some(130));
        peer.finish();
    }
}

mod secrets {
    use super::*;

    const SECRET: &str = "c2VjcmV0LXRva2Vu";

    #[test]
    fn headers_are_sent_with_every_request_and_shown_nowhere() {
        let peer = serve(|peer| {
            let get = peer.request();
            let mut stream = get.open();
            stream.event("endpoint", "/messages?sessionId=1");
            peer.shake(&mut stream);
            let call = peer.request();
            call.accepted();
            // A server that repeats what it was sent.
            let told = call.header("authorization").unwrap().to_owned();
            stream.message(&format!(r#"{{"jsonrpc":"2.0","method":"notifications/x","params":{{"seen":"{told}"}}}}"#));
            stream.reply_text(&call, "done");
            (get.header("authorization").map(str::to_owned), told)
        });
        let header = format!("Authorization: Bearer {SECRET}");
        let ended = run(&["call", &peer.url("/sse"), "--transport=sse", "t", "--json={}", "-vv", "-H", &header]);
        assert_eq!((ended.code, &ended.out[..]), (Some(0), &["done".to_owned()][..]));
        let shown = ended.err.join("\n");
        assert!(
            shown.contains(r#"<-- {"jsonrpc":"2.0","method":"notifications/x","params":{"seen":"***"}}"#),
            "{shown}"
        );
        assert!(shown.contains(r#"--> {"jsonrpc":"2.0","id":1,"method":"initialize""#), "{shown}");
        assert!(!shown.contains(SECRET) && !shown.contains("sessionId"), "{shown}");
        let value = format!("Bearer {SECRET}");
        assert_eq!(peer.finish(), (Some(value.clone()), value));
    }

    #[test]
    fn a_header_that_cannot_be_sent_is_not_repeated() {
        for header in [SECRET.to_owned(), format!("Authorization {SECRET}"), format!("A: {SECRET}\nB: c")] {
            let ended = run(&["tools", "http://127.0.0.1:1/sse", "-H", &header]);
            assert_eq!(ended.code, Some(2));
            assert!(!ended.err.join("\n").contains(SECRET), "{ended:?}");
        }
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(mcp());
    command.args(arguments);
    command
}

fn mcp() -> &'static Path {
    static MCP: OnceLock<PathBuf> = OnceLock::new();
    MCP.get_or_init(|| peers::program("mcp"))
}

fn start(arguments: &[&str]) -> Process {
    Process::start(&mut command(arguments))
}

fn run(arguments: &[&str]) -> Ended {
    ended(start(arguments))
}

fn code(arguments: &[&str]) -> i32 {
    let ended = run(arguments);
    assert!(ended.out.is_empty() && !ended.err.is_empty(), "{ended:?}");
    ended.code.unwrap()
}

fn ended(mut process: Process) -> Ended {
    let out = std::iter::from_fn(|| process.line()).collect();
    let err = std::iter::from_fn(|| process.error_line()).collect();
    Ended { code: process.wait().code(), out, err }
}

fn printed(code: i32, out: &str, err: &str) -> Ended {
    let lines = |text: &str| text.lines().map(str::to_owned).collect();
    Ended { code: Some(code), out: lines(out), err: lines(err) }
}

fn echo_server() -> (Process, String) {
    static SERVER: OnceLock<PathBuf> = OnceLock::new();
    let server = SERVER.get_or_init(|| peers::example("echo-server"));
    let (server, address) = Process::start_server(Command::new(server).args(["--listen", "127.0.0.1:0"]));
    (server, format!("{address}/sse"))
}

/// A server that does as it is told. Its script waits for no longer than a run takes, so the program is built before it starts.
fn serve<T: Send + 'static>(script: impl FnOnce(&mut Peer) -> T + Send + 'static) -> Running<T> {
    mcp();
    Peer::run(script)
}

/// The same, once it has shaken hands.
fn scripted(script: impl FnOnce(&mut Peer, Stream) + Send + 'static) -> Running<()> {
    serve(move |peer| {
        let stream = peer.handshake();
        script(peer, stream);
    })
}

/// A server that answers the first call with this result.
fn serve_result(result: &'static str) -> Running<()> {
    scripted(move |peer, mut stream| {
        let call = peer.request();
        call.accepted();
        stream.reply(&call, result);
    })
}

//! A client for the Model Context Protocol on plain threads: no async runtime, one to three threads a session, few crates.
//!
//! It speaks every revision over every carrier, and finds out by itself which: HTTP+SSE (2024-11-05), Streamable HTTP
//! (2025-03-26 to 2025-11-25), the stateless 2026-07-28, and lines over the input and output of a child process or over
//! anything else that reads and writes. Whoever calls a tool does not see the difference. Servers that want a login get one: a
//! token that is known, or one by OAuth (feature `oauth`). Tasks are not here.
//!
//! ```
//! use mcp_sse_blocking::{CallOptions, Client, Error};
//!
//! fn use_tools(client: &Client) -> Result<(), Error> {
//!     for tool in client.tools() {
//!         println!("{}", tool?.name);
//!     }
//!     let result = client.call("echo", &serde_json::json!({"text": "hello"}))?;
//!     println!("{}", result.all_text());
//!     // A slow one, with its progress.
//!     let tell = CallOptions::new().on_progress(|progress| println!("{} done", progress.progress));
//!     client.call_with("index", &(), tell)?;
//!     // And one that runs beside this thread.
//!     let job = client.start("index", &())?;
//!     println!("{}", job.result()?.all_text());
//!     Ok(())
//! }
//!
//! # // A server in the same process, in a few lines: bytes in, bytes out.
//! # fn serve(input: &[u8], output: &mut Vec<u8>) {
//! #     for line in input.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
//! #         let message: serde_json::Value = serde_json::from_slice(line).unwrap();
//! #         let result = match message["method"].as_str().unwrap_or_default() {
//! #             "server/discover" => r#"{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}"#,
//! #             "tools/list" => r#"{"tools":[{"name":"echo","inputSchema":{"type":"object"}}]}"#,
//! #             "tools/call" => r#"{"content":[{"type":"text","text":"done"}]}"#,
//! #             _ => continue,
//! #         };
//! #         output.extend(format!("{{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{result}}}\n", message["id"]).bytes());
//! #     }
//! # }
//! // Over HTTP: `Client::connect("http://localhost:8000/mcp")`; a program: `Client::spawn(Command::new("a-server"))`;
//! // here, a server in this process, such as `Server::in_process` of `mcp-server-tiny` gives:
//! let client = Client::around(serve)?;
//! use_tools(&client)?;
//! # Ok::<(), Error>(())
//! ```
//!
//! What a server may ask while it works is answered by handlers, which are closures. Setting one declares that this client
//! can:
//!
//! ```
//! use mcp_sse_blocking::mcp_core::types::Root;
//! use mcp_sse_blocking::{Client, Error};
//!
//! # fn serve(input: &[u8], output: &mut Vec<u8>) {
//! #     for line in input.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
//! #         let message: serde_json::Value = serde_json::from_slice(line).unwrap();
//! #         let answer = &message["params"]["inputResponses"]["day"]["content"]["day"];
//! #         let result = match (message["method"].as_str().unwrap_or_default(), answer.as_str()) {
//! #             ("server/discover", _) => r#"{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}"#.to_owned(),
//! #             (_, None) => {
//! #                 r#"{"resultType":"input_required","inputRequests":{"day":{"method":"elicitation/create","params":{"message":"When?","requestedSchema":{"type":"object","properties":{"day":{"type":"string","default":"Monday"}}}}}}}"#.to_owned()
//! #             }
//! #             (_, Some(day)) => format!(r#"{{"content":[{{"type":"text","text":"booked for {day}"}}]}}"#),
//! #         };
//! #         output.extend(format!("{{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{result}}}\n", message["id"]).bytes());
//! #     }
//! # }
//! let client = Client::around_builder(serve)
//!     .roots([Root::new("file:///home/ada/project")])
//!     .on_elicitation(|form| {
//!         println!("{} asks: {}", form.server.name, form.message());
//!         form.accept_defaults()
//!     })
//!     .connect()?;
//! assert_eq!(client.call("book", &())?.all_text(), "booked for Monday");
//! # Ok::<(), Error>(())
//! ```
//!
//! # What there is
//!
//! | For | See |
//! | --- | --- |
//! | connecting | [`Client::connect`], [`Client::spawn`], [`Client::over`], [`Client::around`], [`Builder`], [`Client::connection`] |
//! | configuration files | [`config::Config`], [`Servers::from_file`] |
//! | staying connected | [`Builder::reconnect`], [`Reconnect`], [`Client::state`], [`Client::watch`], [`Connector`] |
//! | credentials | [`Builder::bearer`], [`Builder::credentials`], [`BearerToken`](credentials::BearerToken), `credentials::OAuth` (feature `oauth`), [`Status::kind`] |
//! | tools | [`Client::tools`], [`Client::call`], [`Client::start`], [`CallOptions`] |
//! | resources | [`Client::resources`], [`Client::resource_templates`], [`Client::read_resource`] |
//! | prompts | [`Client::prompts`], [`Client::get_prompt`], [`Client::complete`] |
//! | changes | [`Client::listen`], [`Subscription`] |
//! | events | [`Client::events`], [`Builder::on_event`], [`Builder::transform`]; for servers without MCP [`Transport::Plain`] |
//! | logs | [`Builder::on_log`], [`Client::set_log_level`] |
//! | what is going on | [`Client::metrics`], [`Builder::slow_call`], [`Builder::trace`], [`CallOptions::traceparent`] |
//! | what servers ask | [`Builder::on_elicitation`], [`Builder::on_url_elicitation`], [`Builder::on_sampling`], [`Builder::roots`] |
//! | everything else | [`Client::request`], [`Client::notify`], [`Builder::on_notification`] |
//! | handing on as JSON | [`Client::relay`], [`Builder::on_question`], [`Builder::on_told`] |
//!
//! # What differs between the revisions
//!
//! Little of it can be seen. In a session servers ask by requests, which a thread of the client's answers; in 2026-07-28 they
//! answer a call with their questions, and the call is made again with the answers, by itself and at most
//! [`input_rounds`](Limits::input_rounds) times. There, lists and resources are kept for as long as their server says
//! ([`Builder::cache`]), logs come only for the level that was asked for, and each [`Subscription`] is a stream of its own.
//! Streams of answers that break can be resumed up to 2025-11-25; in 2026-07-28 the request is lost, and made again only where
//! that does no harm ([`CallOptions::idempotent`]).
//!
//! # What it promises
//!
//! * **Every wait has a deadline**, named in the error when it passes: see [`Builder`] for the four of them. A call's deadline
//!   is for all of it; neither progress nor pings nor comments nor questions extend it.
//! * **Whatever a server can make grow has a bound**: lines, events, messages, batches, pages of a list, rounds of input
//!   ([`Limits`]); heads of answers (16 KiB), redirects (5), what is read of an answer to a POST without a reply (64 KiB) or
//!   shown of an error page (512 bytes), all of it after decompression; progress kept for a call (64 and 1 MiB, the oldest is dropped), notifications kept for
//!   handlers (1024 and 16 MiB, the newest is dropped), changes kept for a subscription (1024) and events kept for a listener
//!   ([as many as it says](EventFilter::queue); the oldest are dropped, and both say so), lists and resources that are kept ([`CacheSize`]), questions that wait (16), messages before there is a session
//!   (64 and 4 MiB).
//! * **Closing takes a second at most**, whatever the server does, and leaves no thread and no socket. Dropping the last
//!   handle closes. A child process is given two seconds to end, then told to and given two more, then killed
//!   ([`Command::grace`]). What nothing can interrupt is left behind: a handler of yours, a server in this process and the
//!   system's name lookup, when they hang, and a TCP connection that is being opened, whose thread ends by itself within one attempt (750 ms as a rule). A child
//!   process is waited for: it ends by itself at once as a rule, and by force after [its grace](Command::grace), with what it
//!   started. A foreign reader or writer that blocks is left behind unless [it can be ended](Streams::on_close).
//! * **Credentials go to one origin only**: the endpoint a server announces and every redirect must be of the origin of the
//!   URL that was given, unless the caller sets another [message URL](Builder::message_url). They are in no error and no `Debug`.
//!   What a provider of [`credentials`] gives is bounded too: a token is read from 64 KiB at most, from a regular file, or from a
//!   command that has 30 s and leaves no process behind. An authorization by OAuth believes no metadata but those of the server and of
//!   the one that it trusts, reads 64 KiB of each answer, and has a deadline for each of its requests and for the person.
//!
//! # Features
//!
//! `tls`, which is on unless default features are off, is for servers and proxies of https: without it they are refused with an
//! [`Error::Usage`] that says so, and rustls, ring and the list of authorities are not built. The others add to what there is and
//! are off: `system-roots`, `socks`, `compression`, `oauth`, and `yaml` for configuration files.
//!
//! # How it works
//!
//! A call runs on the thread that makes it. Over Streamable HTTP it is an exchange: POSTed and its answer read there. Where
//! one stream brings all replies, HTTP+SSE and lines, the thread sends its message and then reads the stream until its reply
//! comes, handing other replies to whom they belong. When nobody calls, the thread `mcp-read` reads it, so that pings are
//! answered and the end of the stream is noticed: right away while it reads, up to 40 ms later just after a call. Other
//! threads start when there is something for them: `mcp-post` with the first answer or cancellation, `mcp-requests` with the
//! first question, `mcp-listen` with the stream of a session over Streamable HTTP, `mcp-call` with each started call and each
//! subscription that needs one, `mcp-again` with each session that is lost and opened anew without a call; `mcp-events` runs the
//! handlers for logs and notifications, `mcp-state` the one for [states](State). A child process has `mcp-stderr`, which reads its standard error, and `mcp-child`, which sees to its end; a foreign reader and writer have `mcp-line-read` and
//! `mcp-line-write`. The modules `reader` and `background` of the source say more.
//!
//! A POST that meets a connection that its server closed in the same moment is sent once more on another; the module
//! `transport::http::send` has the rule and why it is safe.
//!
//! # Logs, counters, traces
//!
//! **Logs** go through the crate `log`: `mcp::client` (what was ignored, dropped or refused, and why; of what a server does wrong
//! the first 16 at level warn; slow calls, where [`Builder::slow_call`] says what is slow), `mcp::http` (redirects, second
//! tries), `mcp::server` (the standard error of child processes, at level info), and `mcp::wire` at level trace: each message
//! on both wires, cut to 4096 characters. Messages may hold what you send to tools. ureq logs as well, under `ureq` and
//! `ureq_proto`: whole URLs, and at level trace every byte. Who keeps logs of others leaves those two out.
//!
//! **Counters** are always kept, which costs a call two looks at the clock and some atomic additions: [`Client::metrics`] gives
//! sessions, connections, messages, bytes, calls by outcome and how long they took, as a struct or as
//! [OpenMetrics text](Metrics::to_openmetrics).
//!
//! **A trace** of the wire is written where [`Builder::trace`] or [`Builder::trace_file`] says: heads of HTTP, messages and
//! events, with their times. Secrets that the client knows are `***` in it, and in the messages of `mcp::wire`: values of the
//! caller's headers, credentials, ids of sessions, cookies, queries of URLs. Who passes an OpenTelemetry context on gives each
//! call its [`CallOptions::traceparent`].

mod ask;
mod background;
mod backoff;
mod builder;
mod cache;
mod call;
mod carrier;
mod client;
mod clock;
pub mod config;
mod connect;
mod connector;
pub mod credentials;
mod engine;
mod error;
pub mod events;
mod features;
mod feed;
mod hints;
mod input;
mod insight;
mod intake;
mod job;
mod kept;
mod list;
mod listen;
pub mod log_target;
mod options;
mod params;
mod pending;
mod plain;
mod prompts;
mod questions;
mod raw;
mod reader;
mod reconnect;
mod relay;
mod request;
mod resources;
mod restore;
mod retelling;
mod rounds;
mod servers;
mod slot;
mod spawn;
mod standing;
mod state;
mod streamable;
mod subscription;
mod tools;
mod transport;
mod unsubscribing;

pub use background::{LogMessage, Notification};
#[cfg(feature = "compression")]
pub use builder::Compression;
pub use builder::{Builder, Transport};
pub use cache::CacheSize;
pub use call::{Canceller, Job};
pub use client::Client;
pub use connect::{Connection, Streams, Via};
pub use connector::Connector;
pub use error::{Delivery, Error, PeerError, Status, StatusKind, Timeout, TransportError};
pub use events::{Event, EventFilter, Events};
pub use feed::{Change, Missed};
pub use input::{FormRequest, InputError, Refusal, SamplingRequest, Unanswered, UrlRequest};
pub use insight::{CallCounts, CallTimes, ErrorCounts, Metrics};
pub use list::{List, Listed, Prompts, ResourceTemplates, Resources, Tools};
pub use mcp_core;
pub use mcp_core::Limits;
pub use options::CallOptions;
pub use reconnect::{NotConnected, Reconnect};
pub use relay::{Question, Relay, Told};
pub use servers::{Found, Functions, Problem, ServerTool, Servers, ServersBuilder, ToolSet};
pub use slot::Progress;
pub use spawn::{Command, Exited, Stderr, terminate_children};
pub use state::{State, States};
pub use subscription::{Filter, Stopper, Subscription};
pub use transport::line_memory as memory;

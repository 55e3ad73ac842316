//! The tool that asks, called in every revision over every carrier, and a table of how each went.
// What it prints is what it is for.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use mcp_core::revision::ProtocolVersion;
use mcp_core::types::ElicitResult;
use mcp_sse_blocking::{Builder, Client, Command, FormRequest, Transport};
use serde_json::json;

use super::booking;

/// What the booking says when the form was filled in and came back.
const BOOKED: &str = "a table for 4 on Monday, garden";

/// What carries the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carrier {
    HttpSse,
    StreamableHttp,
    Stdio,
    /// The server is bytes in, bytes out, in the process of its client.
    InProcess,
}

/// How a call went.
enum Outcome {
    /// The tool asked once and was answered.
    Asked,
    /// The revision has no forms, and the tool's error says so.
    NoForms,
    Wrong(String),
}

/// Prints the table.
///
/// # Errors
///
/// When a call went otherwise than its revision and carrier promise.
pub(crate) fn print() -> Result<(), Box<dyn Error>> {
    let server = booking::server().bind("127.0.0.1:0")?;
    let (address, stop) = (server.local_addr().to_string(), server.handle());
    let serving = thread::spawn(move || server.run());

    let mut wrong = Vec::new();
    print_row("", ProtocolVersion::ALL.map(ProtocolVersion::as_str));
    for carrier in [Carrier::HttpSse, Carrier::StreamableHttp, Carrier::Stdio, Carrier::InProcess] {
        print_row(
            carrier.name(),
            ProtocolVersion::ALL.map(|version| {
                if !carrier.carries(version) {
                    return "-";
                }
                match call(carrier, version, &address) {
                    Outcome::Asked => "asked",
                    Outcome::NoForms => "no forms",
                    Outcome::Wrong(problem) => {
                        wrong.push(format!("{}, {version}: {problem}", carrier.name()));
                        "WRONG"
                    }
                }
            }),
        );
    }
    println!("\nasked: the form came to the client, was filled in, and its answer reached the tool");
    println!("no forms: the revision has none, and the tool's error says so");
    println!("-: the revision is not spoken over this carrier");

    stop.stop();
    serving.join().map_err(|_| "the server panicked")??;
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

fn print_row(head: &str, cells: [&str; 5]) {
    let row: String = cells.iter().map(|cell| format!("{cell:<12}")).collect();
    println!("{}", format!("{head:<17}{row}").trim_end());
}

impl Carrier {
    fn name(self) -> &'static str {
        match self {
            Self::HttpSse => "HTTP+SSE",
            Self::StreamableHttp => "Streamable HTTP",
            Self::Stdio => "stdio",
            Self::InProcess => "in one process",
        }
    }

    fn carries(self, version: ProtocolVersion) -> bool {
        match self {
            Self::HttpSse => version.has_handshake(),
            Self::StreamableHttp => version.has_streamable_http(),
            Self::Stdio | Self::InProcess => true,
        }
    }

    fn builder(self, version: ProtocolVersion, address: &str) -> Result<Builder, Box<dyn Error>> {
        Ok(match self {
            Self::HttpSse => Client::builder(&format!("http://{address}/sse")).transport(Transport::HttpSse),
            Self::StreamableHttp => Client::builder(&format!("http://{address}/mcp"))
                .transport(if version.has_handshake() { Transport::StreamableHttp } else { Transport::Stateless }),
            Self::Stdio => Client::spawn_builder(Command::new(std::env::current_exe()?).arg("--stdio")),
            Self::InProcess => Client::around_builder(booking::server().in_process()?),
        })
    }
}

/// Books a table.
fn call(carrier: Carrier, version: ProtocolVersion, address: &str) -> Outcome {
    let forms = Arc::new(AtomicUsize::new(0));
    let shown = Arc::clone(&forms);
    let booked = carrier.builder(version, address).and_then(|builder| {
        let fill_in = move |form: &FormRequest| {
            shown.fetch_add(1, Ordering::Relaxed);
            let mut content = form.defaults();
            content.insert("guests".into(), json!(4));
            content.insert("seats".into(), json!("garden"));
            ElicitResult::accept(content)
        };
        let client = builder.protocol_version(version).on_elicitation(fill_in).connect()?;
        if client.protocol_version() != version {
            return Err(format!("{} is spoken", client.protocol_version()).into());
        }
        Ok(client.call("book_table", &json!({"day": "Monday"}))?)
    });
    let forms = forms.load(Ordering::Relaxed);
    match booked {
        Ok(result) if version.has_elicitation() && !result.is_error && result.all_text() == BOOKED && forms == 1 => {
            Outcome::Asked
        }
        Ok(result) if !version.has_elicitation() && result.is_error && forms == 0 => match result.all_text() {
            text if text.contains("`elicitation.form`") => Outcome::NoForms,
            text => Outcome::Wrong(text),
        },
        Ok(result) => Outcome::Wrong(format!("{forms} forms, `{}`", result.all_text())),
        Err(error) => Outcome::Wrong(error.to_string()),
    }
}

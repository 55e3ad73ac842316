//! `mcp read`: the contents of a resource.

use std::io::{self, IsTerminal};

use clap::Args;
use mcp_core::types::{Method, ReadResourceParams, ReadResourceResult};
use mcp_sse_blocking::CallOptions;

use crate::ask::Answers;
use crate::exit::{Exit, Failure};
use crate::output::{self, Output, one_line};
use crate::session::Context;
use crate::target::Target;

/// Reads a resource and prints its contents
#[derive(Debug, Args)]
#[command(
    after_help = "Text is printed as it is. Binary contents are bytes for a file or a pipe when there is one of them; on a \
        terminal, and when there are several, they are described.",
    override_usage = "mcp read [OPTIONS] URL URI\n       \
    mcp read [OPTIONS] --config FILE --server NAME URI\n       \
    mcp read [OPTIONS] --stdio URI -- COMMAND [ARGUMENT]..."
)]
pub(crate) struct Read {
    /// Where the server is, unless --config or --stdio says it; then the URI of the resource
    #[arg(value_name = "URL URI")]
    words: Vec<String>,
    #[command(flatten)]
    answers: Answers,
    #[command(flatten)]
    target: Target,
}

impl Read {
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let (server, words) = self.target.split(&self.words)?;
        let [uri] = words else {
            return Err(Failure::Usage("one URI of a resource is wanted; `mcp resources` lists them".into()));
        };
        context.session_with(
            server,
            |builder| self.answers.apply(builder),
            |client| {
                if context.wants_json() {
                    let params = ReadResourceParams::new(uri);
                    let options = CallOptions::new().idempotent();
                    Output::new().json(&client.request_with(Method::ResourcesRead, &params, options)?)?;
                    return Ok(Exit::Done);
                }
                print(&client.read_resource(uri)?)?;
                Ok(Exit::Done)
            },
        )
    }
}

fn print(result: &ReadResourceResult) -> io::Result<()> {
    if let ([only], false) = (&result.contents[..], io::stdout().is_terminal())
        && let (None, Some(blob)) = (&only.text, &only.blob)
        && let Some(bytes) = base64(blob)
    {
        return Output::new().bytes(&bytes);
    }
    let mut output = Output::new();
    for contents in &result.contents {
        match (&contents.text, &contents.blob) {
            (Some(text), _) => {
                let end = if text.ends_with('\n') { "" } else { "\n" };
                output.untrusted(&format!("{text}{end}"))?;
            }
            (None, blob) => {
                let bytes = blob.as_deref().map_or(0, output::decoded_length);
                let kind = contents.mime_type.as_deref().unwrap_or("unknown type");
                output.print(&format!("[{}, {}, {bytes} bytes]\n", one_line(&contents.uri), one_line(kind)))?;
            }
        }
    }
    Ok(())
}

/// The bytes of a Base64 text; `None` when it is none.
fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').as_bytes();
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    for group in digits.chunks(4) {
        let mut bits = 0_u32;
        for digit in group {
            bits = bits << 6 | u32::from(sextet(*digit)?);
        }
        bits <<= 6 * (4 - group.len());
        let count = match group.len() {
            1 => return None,
            length => length - 1,
        };
        bytes.extend_from_slice(&bits.to_be_bytes()[1..=count]);
    }
    Some(bytes)
}

fn sextet(digit: u8) -> Option<u8> {
    Some(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_becomes_bytes() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("Zg==", b"f"),
            ("Zm8=", b"fo"),
            ("Zm9v", b"foo"),
            ("Zm9vYg", b"foob"),
            ("//79", &[255, 254, 253]),
        ] {
            assert_eq!(base64(text).as_deref(), Some(bytes), "{text}");
        }
        for odd in ["Z", "Zm9vY", "Zm 9v", "ä"] {
            assert_eq!(base64(odd), None, "{odd}");
        }
    }
}

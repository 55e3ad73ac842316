//! What `-v` shows on standard error: the messages on the wire, then what the client does about them.

use std::io::Write;

use env_logger::Target;
use log::LevelFilter;
use mcp_sse_blocking::log_target::WIRE;

use crate::options::Header;
use crate::output::StandardError;

/// Starts logging. Values of `headers` are masked wherever they occur: a server may repeat them.
pub(crate) fn start(verbose: u8, headers: &[Header]) {
    let secrets: Vec<String> =
        headers.iter().filter_map(Header::parts).flat_map(|(_, value)| secrets(value)).map(str::to_owned).collect();
    let mut logger = env_logger::Builder::new();
    // By way of the progress bar, which makes room.
    logger.target(Target::Pipe(Box::new(StandardError)));
    let (wire, rest) = match verbose {
        0 => (LevelFilter::Off, LevelFilter::Warn),
        1 => (LevelFilter::Trace, LevelFilter::Warn),
        _ => (LevelFilter::Trace, LevelFilter::Debug),
    };
    // Only our own: other crates may log headers.
    logger.filter_module("mcp", rest).filter_module(WIRE, wire);
    logger.format(move |out, record| {
        let text = masked(record.args().to_string(), &secrets);
        if record.target() == WIRE { writeln!(out, "{text}") } else { writeln!(out, "mcp: {text}") }
    });
    logger.init();
}

/// What is secret in the value of a header: all of it, and the credentials behind the name of a scheme. Words that are too short to be
/// secrets would mask ordinary text.
fn secrets(value: &str) -> impl Iterator<Item = &str> {
    let credentials = value.split_once(' ').map(|(_, credentials)| credentials.trim());
    std::iter::once(value).chain(credentials).filter(|secret| secret.len() >= 6)
}

fn masked(mut text: String, secrets: &[String]) -> String {
    for secret in secrets {
        if text.contains(secret.as_str()) {
            text = text.replace(secret.as_str(), "***");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_masked_with_and_without_their_scheme() {
        let secrets: Vec<String> = secrets("Bearer abc.def").map(str::to_owned).collect();
        let text = masked("sent Bearer abc.def, got abc.def and abc".into(), &secrets);
        assert_eq!(text, "sent ***, got *** and abc");
    }
}

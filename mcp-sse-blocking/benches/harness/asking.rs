//! This program again, as a client that makes calls for whoever counts what they cost.

use std::{env, io};

use crate::process::behind;

/// The argument that makes this program such a client. The words after it say how.
const ASK: &str = "--ask";

/// The words after [`ASK`] when this process was started as such a client.
pub(crate) fn words() -> Option<Vec<String>> {
    let mut arguments = env::args();
    arguments.find(|argument| argument == ASK)?;
    Some(arguments.collect())
}

/// Whether counting is what was asked for.
pub(crate) fn is_to_count() -> bool {
    env::args().any(|argument| argument == "counts")
}

/// Starts it behind the words of a tool, and gives what the tool says.
pub(crate) fn counted(tool: &[&str], words: &[&str]) -> io::Result<String> {
    let output = behind(tool)?.arg(ASK).args(words).output()?;
    let report = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(report) } else { Err(io::Error::other(report)) }
}

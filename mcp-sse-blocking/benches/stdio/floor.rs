//! The least a server on standard input and output can do: it finds the id of a call and answers from a prepared text.

use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;

/// What a call carries and what comes back.
pub(crate) const TEXT: &str = "the quick brown fox jumps over the lazy dog";

/// Answers until the input ends: one read and one write a call, without the buffers of the standard library.
pub(crate) fn serve() -> io::Result<()> {
    let mut input = std::fs::File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut output = std::fs::File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let (mut buffer, mut filled) = (vec![0; 64 * 1024], 0);
    let mut answer = Vec::new();
    loop {
        filled += match input.read(&mut buffer[filled..])? {
            0 => return Ok(()),
            count => count,
        };
        let mut start = 0;
        while let Some(end) = memchr::memchr(b'\n', &buffer[start..filled]) {
            answer_to(&buffer[start..start + end], &mut answer);
            start += end + 1;
        }
        if !answer.is_empty() {
            output.write_all(&answer)?;
            answer.clear();
        }
        buffer.copy_within(start..filled, 0);
        filled -= start;
    }
}

/// Appends the answer to one line, if it asks for one.
fn answer_to(line: &[u8], out: &mut Vec<u8>) {
    let Some(at) = memchr::memmem::find(line, b"\"id\":") else { return };
    let digits = &line[at + 5..];
    let id = &digits[..digits.iter().take_while(|byte| byte.is_ascii_digit()).count()];
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
    out.extend_from_slice(id);
    if memchr::memmem::find(line, b"\"tools/call\"").is_some() {
        out.extend_from_slice(b",\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"");
        out.extend_from_slice(TEXT.as_bytes());
        out.extend_from_slice(b"\"}]}}\n");
    } else if memchr::memmem::find(line, b"\"initialize\"").is_some() {
        let server = br#","result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"floor","version":"1"}}}"#;
        out.extend_from_slice(server);
        out.push(b'\n');
    } else {
        out.extend_from_slice(b",\"error\":{\"code\":-32601,\"message\":\"method not found\"}}\n");
    }
}

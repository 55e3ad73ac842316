//! A tunnel through an HTTP proxy: CONNECT (RFC 9110, section 9.3.6).

use std::io;

use mcp_core::text::Excerpt;

use super::place::Place;
use super::proxy::Proxy;
use super::stream::Stream;

/// Bytes of the head of the proxy's answer. 16 KiB, as for every answer.
const HEAD_BYTES: usize = 16 << 10;
/// Bytes of what the proxy says of its refusal that are shown.
const REASON_BYTES: usize = 80;

/// Asks the proxy at the other end of `stream` to connect it to `place`.
///
/// # Errors
/// Those of the stream; a refusal; an answer that does not end, or that is none.
pub(super) fn open(stream: &mut dyn Stream, proxy: &Proxy, place: &Place) -> io::Result<()> {
    let mut request = format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n");
    if let Some(credentials) = proxy.basic_credentials() {
        request.push_str(&format!("Proxy-Authorization: {credentials}\r\n"));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes())?;
    let head = read_head(stream, proxy)?;
    let line = head.split(|&byte| byte == b'\r' || byte == b'\n').next().unwrap_or_default();
    match status(line) {
        Some(200..=299) => Ok(()),
        Some(407) => Err(proxy.unauthorized()),
        Some(_) => {
            // `HTTP/1.1 403 Forbidden`
            let said = String::from_utf8_lossy(&line[9..]);
            let said = Excerpt::new(said.trim(), REASON_BYTES);
            Err(proxy.told(io::ErrorKind::ConnectionRefused, format!("refuses to connect to {place}: {said}")))
        }
        None => Err(proxy.told(io::ErrorKind::InvalidData, "does not answer in HTTP")),
    }
}

/// Reads up to the empty line and no further: what follows is the server's.
fn read_head(stream: &mut dyn Stream, proxy: &Proxy) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    // One at a time: there is one such head in the life of a connection, and the next byte may be another's.
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && !head.ends_with(b"\n\n") {
        if stream.read(&mut byte)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        head.push(byte[0]);
        if head.len() == 5 && head != *b"HTTP/" {
            return Err(proxy.told(io::ErrorKind::InvalidData, "does not answer in HTTP"));
        }
        if head.len() > HEAD_BYTES {
            let problem = format!("gives CONNECT an answer whose head does not end within {HEAD_BYTES} bytes");
            return Err(proxy.told(io::ErrorKind::InvalidData, problem));
        }
    }
    Ok(head)
}

/// The status of `HTTP/1.1 200 Connection established`.
fn status(line: &[u8]) -> Option<u16> {
    let mut words = line.splitn(3, |&byte| byte == b' ');
    let (version, digits) = (words.next()?, words.next()?);
    let is_status = version.starts_with(b"HTTP/1.") && digits.len() == 3;
    std::str::from_utf8(digits).ok()?.parse().ok().filter(|_| is_status)
}

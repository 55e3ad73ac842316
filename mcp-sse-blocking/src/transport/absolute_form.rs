//! Plain HTTP through a proxy: the proxy makes the request, so it is told the whole URL (RFC 9112, section 3.2.2).
//!
//! A tunnel would do as well, but proxies open those to port 443 only, as squid and tinyproxy are shipped. ureq writes the path
//! alone; the rest is put in here, between ureq and the wire, with the credentials for the proxy, which are in no header that
//! anybody else sees.

use std::io;

use mcp_core::text::Excerpt;
use ureq::unversioned::transport::Buffers as _;

use super::buffers::IoBuffers;
use super::place::Place;
use super::proxy::Proxy;

/// What a request gets on its way.
#[derive(Debug)]
pub(super) struct AbsoluteForm {
    /// `http://host:port`, put before the path.
    origin: String,
    proxy: Proxy,
    /// A line of the head, with its end; empty without credentials.
    authorization: Secret,
}

struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("..")
    }
}

/// Whose answer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// More of it has to come.
    NotYet,
    /// The server's, or it cannot be told.
    Servers,
}

/// Characters of a proxy's reason that are shown.
const REASON: usize = 80;

impl AbsoluteForm {
    pub(super) fn new(proxy: &Proxy, place: &Place) -> Self {
        // A default port is left out, as it is in the `Host` header beside it.
        let port = if place.port == 80 { String::new() } else { format!(":{}", place.port) };
        let authorization =
            proxy.basic_credentials().map(|value| format!("Proxy-Authorization: {value}\r\n")).unwrap_or_default();
        Self {
            origin: format!("http://{}{port}", place.host),
            proxy: proxy.clone(),
            authorization: Secret(authorization),
        }
    }

    /// Completes the first `amount` bytes of a request, which hold its first line. Says how many there are then.
    pub(super) fn apply(&self, buffers: &mut IoBuffers, amount: usize) -> usize {
        let begin = &buffers.output()[..amount];
        let (Some(space), Some(end)) =
            (begin.iter().position(|&byte| byte == b' '), begin.windows(2).position(|pair| pair == b"\r\n"))
        else {
            return amount;
        };
        // From the back, so that the first place stays what it was.
        let authorization = self.authorization.0.as_bytes();
        buffers.insert(end + 2, authorization, amount);
        buffers.insert(space + 1, self.origin.as_bytes(), amount + authorization.len());
        amount + authorization.len() + self.origin.len()
    }

    /// Whose answer it is, by its beginning.
    ///
    /// # Errors
    /// When it is the proxy's: 407 always is; other refusals are where the proxy says so, which squid, tinyproxy, and whoever
    /// knows RFC 9209 do. What is left may be either's.
    pub(super) fn judge(&self, answer: &[u8]) -> io::Result<Verdict> {
        // `HTTP/1.1 407 `
        let Some(status) = answer.get(9..12) else { return Ok(Verdict::NotYet) };
        match status {
            b"407" => Err(self.proxy.unauthorized()),
            [b'4' | b'5', ..] => {
                let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
                    return Ok(Verdict::NotYet);
                };
                let head = String::from_utf8_lossy(&answer[..end]);
                let Some(reason) = head.lines().find_map(proxys_own) else { return Ok(Verdict::Servers) };
                let (status, reason) = (String::from_utf8_lossy(status), Excerpt::new(reason, REASON));
                let problem = format!("refuses the request itself: {status}, `{reason}`");
                Err(self.proxy.told(io::ErrorKind::ConnectionRefused, problem))
            }
            _ => Ok(Verdict::Servers),
        }
    }
}

/// The value of a field by which a proxy says that an answer is its own.
fn proxys_own(line: &str) -> Option<&str> {
    let (name, value) = line.split_once(':')?;
    let value = value.trim();
    let is_own = match &*name.to_ascii_lowercase() {
        "x-squid-error" | "proxy-status" => true,
        "server" => value.starts_with("tinyproxy"),
        _ => false,
    };
    is_own.then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(proxy: &str, port: u16) -> AbsoluteForm {
        let place = Place { is_https: false, host: "mcp.example".into(), port };
        AbsoluteForm::new(&Proxy::parse(proxy).unwrap(), &place)
    }

    fn applied(form: &AbsoluteForm, request: &str) -> String {
        let mut buffers = IoBuffers::default();
        // Whatever is gathered already stays where it is.
        buffers.output()[..3].copy_from_slice(b"...");
        buffers.gather(3);
        buffers.output()[..request.len()].copy_from_slice(request.as_bytes());
        let amount = form.apply(&mut buffers, request.len());
        buffers.gather(amount);
        String::from_utf8(buffers.gathered().to_owned()).unwrap()
    }

    #[test]
    fn a_request_names_the_whole_url_and_keeps_the_rest() {
        let request = "POST /mcp?a=b HTTP/1.1\r\nhost: mcp.example\r\n\r\n{}";
        assert_eq!(
            applied(&form("http://proxy:3128", 80), request),
            "...POST http://mcp.example/mcp?a=b HTTP/1.1\r\nhost: mcp.example\r\n\r\n{}"
        );
        assert_eq!(
            applied(&form("http://u:p@proxy:3128", 8080), request),
            "...POST http://mcp.example:8080/mcp?a=b HTTP/1.1\r\nProxy-Authorization: Basic dTpw\r\n\
             host: mcp.example\r\n\r\n{}"
        );
    }

    #[test]
    fn a_buffer_without_room_grows() {
        let path = "x".repeat(5000);
        let mut buffers = IoBuffers::default();
        let line = format!("GET /{path} HTTP/1.1\r\n");
        super::super::exchange::run(
            super::super::exchange::Bounds { longest_line: line.len(), ..Default::default() },
            || {
                buffers.output()[..line.len()].copy_from_slice(line.as_bytes());
                let amount = form("http://u:p@proxy", 80).apply(&mut buffers, line.len());
                buffers.gather(amount);
            },
        );
        let sent = String::from_utf8(buffers.gathered().to_owned()).unwrap();
        assert!(sent.starts_with("GET http://mcp.example/xxx") && sent.ends_with("Basic dTpw\r\n"));
    }

    #[test]
    fn a_407_is_the_proxys_as_soon_as_it_can_be_told() {
        let form = form("http://u:hidden@proxy:3128", 80);
        assert_eq!(form.judge(b"HTTP/1.1 40").unwrap(), Verdict::NotYet);
        assert_eq!(form.judge(b"HTTP/1.1 200").unwrap(), Verdict::Servers);
        let error = form.judge(b"HTTP/1.1 407 ").unwrap_err().to_string();
        assert!(error.contains("http://proxy:3128") && !error.contains("hidden"), "{error}");
    }

    #[test]
    fn a_refusal_is_the_proxys_where_it_says_so() {
        let form = form("http://proxy:3128", 80);
        for (head, own) in [
            (
                "HTTP/1.1 503 Service Unavailable\r\nX-Squid-Error: ERR_CONNECT_FAIL 111\r\n\r\n",
                Some("503, `ERR_CONNECT_FAIL 111`"),
            ),
            ("HTTP/1.0 403 Filtered\r\nServer: tinyproxy/1.11.1\r\n\r\n", Some("403, `tinyproxy/1.11.1`")),
            ("HTTP/1.1 502 x\r\nproxy-status:p; error=dns_error\r\n\r\n", Some("502, `p; error=dns_error`")),
            ("HTTP/1.1 503 Service Unavailable\r\nServer: nginx\r\n\r\nX-Squid-Error: no\r\n\r\n", None),
            ("HTTP/1.1 200 OK\r\nX-Squid-Error: none\r\n\r\n", None),
        ] {
            match (form.judge(head.as_bytes()), own) {
                (Err(error), Some(own)) => {
                    assert_eq!(
                        error.to_string(),
                        format!("the proxy http://proxy:3128 refuses the request itself: {own}")
                    );
                }
                (judged, own) => assert!(judged.unwrap() == Verdict::Servers && own.is_none(), "{head}"),
            }
        }
        let cut = "HTTP/1.1 503 Service Unavailable\r\nX-Squid-Error: ERR";
        assert_eq!(form.judge(cut.as_bytes()).unwrap(), Verdict::NotYet);
    }
}

//! Requests that have nothing to do with the server's session: those of an authorization, which may go to other servers.

use std::io::{self, Read as _};
use std::sync::Arc;

use ureq::http::header::HeaderMap;

use super::{Again, Http, Outgoing, Target, Verb};
use crate::error::{Delivery, Error, PeerError};
use crate::transport::exchange::{self, Bounds, Stop};
use crate::transport::pool::Room;
use mcp_core::http::Url;
use mcp_core::time::Deadline;

/// One such request.
pub(crate) struct Fetch<'a> {
    pub(crate) verb: Verb,
    pub(crate) url: &'a Url,
    pub(crate) headers: &'a HeaderMap,
    /// Of a POST. All of it is masked in a trace.
    pub(crate) body: &'a str,
    pub(crate) deadline: Deadline,
    pub(crate) stop: Arc<dyn Stop>,
    /// Bytes that the body of the answer may have. Of a refusal it is the beginning.
    pub(crate) most: usize,
    pub(crate) doing: &'static str,
}

impl Http {
    /// Another one for such requests: the same way, without credentials. What was set of TLS for the server at `own` alone is for
    /// its origin alone. It does not keep the provider alive, which may wait to be dropped.
    pub(crate) fn apart(&self, own: &Url) -> Self {
        let tls = Arc::new(self.settings.tls.apart(own.origin()));
        Self::new(super::Settings { guard: None, tls, ..self.settings.clone() })
    }

    /// The status and the body of an answer, whatever the status. The request has the given headers only: neither those of
    /// the caller nor credentials. Redirects are followed within the origin.
    ///
    /// # Errors
    /// When there is no answer, or a success that is larger than it may be.
    pub(crate) fn fetch(&self, fetch: &Fetch<'_>) -> Result<(u16, Vec<u8>), Error> {
        let target = Target::new(fetch.url.clone())?;
        let outgoing = Outgoing {
            verb: fetch.verb,
            target: &target,
            headers: fetch.headers,
            body: fetch.body.as_bytes(),
            deadline: Some(fetch.deadline),
            stop: Some(Arc::clone(&fetch.stop)),
            // A code and a refresh token are good for one request.
            again: if fetch.verb == Verb::Get { Again::Yes } else { Again::No },
            room: Room::Free,
            doing: fetch.doing,
        };
        self.insight().secret(fetch.body);
        let (response, _) = self.follow(&outgoing, None, &fetch.stop)?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        let mut reader = self.encodings.body(response)?;
        let bounds =
            Bounds { deadline: Some(fetch.deadline), stop: Some(Arc::clone(&fetch.stop)), ..Bounds::default() };
        let (read, outcome) = exchange::run(bounds, || -> io::Result<()> {
            let mut rest = (&mut reader).take(fetch.most as u64 + 1);
            let mut chunk = [0; 4 << 10];
            loop {
                match rest.read(&mut chunk)? {
                    0 => return Ok(()),
                    n => body.extend_from_slice(&chunk[..n]),
                }
                // What comes in drops is never silent, which is when the socket looks for this.
                if fetch.stop.is_stopped() {
                    return Err(io::ErrorKind::Interrupted.into());
                }
            }
        });
        match read {
            _ if fetch.stop.is_stopped() => Err(Error::Cancelled(Delivery::Sent)),
            Err(error) => Err(self.failure(error.into(), outcome, fetch.doing, fetch.url)),
            Ok(()) if body.len() > fetch.most && (200..300).contains(&status) => {
                Err(PeerError::Http(format!("an answer has more than {} bytes", fetch.most)).into())
            }
            Ok(()) => {
                body.truncate(fetch.most);
                Ok((status, body))
            }
        }
    }

    /// The headers of such requests.
    pub(crate) fn foreign_headers(own: &[(&'static str, &str)]) -> HeaderMap {
        let own = own.iter().map(|(name, value)| (*name, std::borrow::Cow::Borrowed(*value)));
        super::all_headers(own, &super::Settings::default())
    }
}

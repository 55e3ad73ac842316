//! One request on its way: with credentials, to where redirects lead, over a connection that still stands.
//!
//! Three things may make it be sent again, each around the next: credentials that are refused, a redirect within the origin, and a
//! connection that had gone stale.
//!
//! **The second try.** A server may close an idle connection at the moment it is used again (RFC 9112, section 9.5). A request is
//! sent again, on another connection, when all of this holds: the connection had carried an exchange before, it failed without
//! one byte of an answer, no deadline had passed, and nobody gave up on the request; at most once for each idle connection, and
//! once on a fresh one. A server, or a proxy before it, that read the request and then went without an answer looks the same. So
//! a POST that does more when it is done twice is sent again only while not one byte of it had left (RFC 9110, section 9.2.2);
//! one that is [safe to repeat](Again), whatever its delivery, and what it is answered then says so ([`SentBefore`]): a refusal is
//! no proof any more that nobody has acted. So that the others seldom need it, each connection is looked at before one of them
//! uses it, however short it was idle.

use std::io;
use std::sync::Arc;

use mcp_core::auth::Challenge;
use mcp_core::http::endpoint::MAX_REDIRECTS;
use mcp_core::http::{Answer, Url, headers, resolve_redirect};
use mcp_core::time::Deadline;
use ureq::Body;
use ureq::http::header::HeaderMap;
use ureq::http::{Method, Request, Response, StatusCode};

use super::{Again, Http, Outgoing, Target, Verb};
use crate::credentials::CredentialsError;
use crate::credentials::guard::{Carried as Credentials, For, Header as CredentialHeader};
use crate::error::{Delivery, Error, PeerError, Timeout};
use crate::log_target;
use crate::transport::answer::{SentBefore, discard, text, www_authenticate};
use crate::transport::exchange::{self, Bounds, Outcome, Stop, Trust};

/// How often one request is sent again because of a 401 (R-AU-7).
const MOST_REFUSALS: u32 = 1;
/// How often one request is sent again because of a scope that is missing (R-AU-40). 2: another thread may have stepped up to
/// another scope meanwhile.
const MOST_STEP_UPS: u32 = 2;

/// Bytes of a line in the head of a request. 64 KiB: far more than servers take.
const LINE_BYTES: usize = 64 << 10;

impl Http {
    /// Makes a request, with the credentials that there are; once more with others, when the server refuses them with 401 (R-AU-7)
    /// or finds that they lack a scope (R-AU-39): it was not processed. Follows redirects within the origin (R-SSE-20); also says where it ended up, if elsewhere. The
    /// answer is judged by nobody yet.
    ///
    /// # Errors
    /// When there is no answer, a redirect that cannot be followed, or no credentials although there should be.
    pub(crate) fn send(&self, outgoing: &Outgoing<'_>) -> Result<(Response<Body>, Option<Target>), Error> {
        let stop = self.stop(outgoing);
        let Some(guard) = &self.guard else { return self.follow(outgoing, None, &stop) };
        let of = For { url: &outgoing.target.url, deadline: outgoing.deadline, stop: &*stop, http: Some(self) };
        let without = |error| self.without_credentials(error, outgoing.deadline);
        let mut carried = guard.credential(of).map_err(without)?;
        let (mut refusals, mut step_ups) = (0, 0);
        loop {
            let (response, moved) = self.follow(outgoing, Some(&carried), &stop)?;
            let code = response.status();
            let is_asked_again = match code {
                StatusCode::UNAUTHORIZED => counted(&mut refusals, MOST_REFUSALS),
                StatusCode::FORBIDDEN => {
                    guard.steps_up() && lacks_scope(&response) && counted(&mut step_ups, MOST_STEP_UPS)
                }
                _ => false,
            };
            if !is_asked_again {
                return Ok((response, moved));
            }
            let renewed = guard.renewed(of, &carried, code.as_u16(), www_authenticate(&response)).map_err(without)?;
            let Some(renewed) = renewed else { return Ok((response, moved)) };
            log::debug!(target: log_target::HTTP, "the server refused the credentials with {}; sending again with others", code.as_u16());
            discard(response, outgoing.deadline, Arc::clone(&stop));
            carried = renewed;
        }
    }

    /// The server at `url` says on a stream that the credentials which were sent last are not taken any more: the provider is
    /// asked again. Whether there are others now; without a provider there are none.
    ///
    /// # Errors
    /// When the provider fails.
    pub(crate) fn renew_credentials(&self, url: &Url, deadline: Option<Deadline>) -> Result<bool, Error> {
        let Some(guard) = &self.guard else { return Ok(false) };
        let stop = self.closed();
        guard
            .rejected(For { url, deadline, stop: &*stop, http: Some(self) })
            .map_err(|error| self.without_credentials(error, deadline))
    }

    /// What becomes of a request for which there are no credentials.
    fn without_credentials(&self, error: CredentialsError, deadline: Option<Deadline>) -> Error {
        let delivery = Delivery::NotSent;
        match deadline {
            _ if self.is_closed() => Error::Closed(delivery),
            _ if error.is_stopped() => Error::Cancelled(delivery),
            Some(Deadline { cause, .. }) if error.is_out_of_time() => {
                Error::Timeout(Timeout { cause, after: None, delivery })
            }
            // It may repeat what the server said.
            _ => Error::Credentials(Box::new(error.cleared(|text| self.insight.clear_text(text)))),
        }
    }

    /// Makes a request and follows redirects.
    pub(super) fn follow(
        &self,
        outgoing: &Outgoing<'_>,
        carried: Option<&Credentials>,
        stop: &Arc<dyn Stop>,
    ) -> Result<(Response<Body>, Option<Target>), Error> {
        // Nothing that a server says back shows it.
        if let Some(secret) = carried.and_then(Credentials::new_secret) {
            self.insight.secret(secret.expose());
        }
        let credential = carried.and_then(Credentials::header);
        let mut redirect: Option<Target> = None;
        for _ in 0..=MAX_REDIRECTS {
            let target = redirect.as_ref().unwrap_or(outgoing.target);
            let response = self.send_once(outgoing, target, credential, stop)?;
            let code = response.status().as_u16();
            let is_redirect = match outgoing.verb {
                Verb::Get => Answer::to_stream_request(code, None) == Answer::Redirect,
                Verb::Post | Verb::Delete => Answer::to_message(code, b"") == Answer::Redirect,
            };
            if !is_redirect {
                return Ok((response, redirect));
            }
            redirect = Some(redirected(target, &response)?);
            discard(response, outgoing.deadline, Arc::clone(stop));
        }
        Err(PeerError::TooManyRedirects.into())
    }

    /// One request, or more when the first met stale connections.
    fn send_once(
        &self,
        outgoing: &Outgoing<'_>,
        target: &Target,
        credential: Option<&CredentialHeader>,
        stop: &Arc<dyn Stop>,
    ) -> Result<Response<Body>, Error> {
        let with_credential;
        let headers = match credential {
            None => outgoing.headers,
            Some((name, value)) => {
                let mut headers = outgoing.headers.clone();
                headers.insert(name, value.clone());
                with_credential = headers;
                &with_credential
            }
        };
        let longest_line = longest_line(headers, target);
        if longest_line > LINE_BYTES {
            return Err(Error::Usage(format!(
                "a header or the URL makes a line of {longest_line} bytes in the head of a request, more than {LINE_BYTES}"
            )));
        }
        let mut tries = 0;
        let mut sent = false;
        loop {
            tries += 1;
            let trust = if outgoing.again == Again::Yes { Trust::WhileFresh } else { Trust::Never };
            let bounds = Bounds {
                deadline: outgoing.deadline,
                stop: Some(Arc::clone(stop)),
                trust,
                room: outgoing.room,
                place: Some(Arc::clone(&target.place)),
                longest_line,
            };
            let traced = self.insight.request(outgoing.verb.name(), &target.url, headers, outgoing.body);
            let (response, outcome) = match outgoing.verb {
                Verb::Get => {
                    let request = request(Method::GET, target, headers, ());
                    exchange::run(bounds, || self.agent.run(request))
                }
                Verb::Post => {
                    let request = request(Method::POST, target, headers, outgoing.body);
                    exchange::run(bounds, || self.agent.run(request))
                }
                Verb::Delete => {
                    let request = request(Method::DELETE, target, headers, ());
                    exchange::run(bounds, || self.agent.run(request))
                }
            };
            match response {
                Ok(mut response) => {
                    self.insight.answered(traced, &mut response);
                    if sent {
                        response.extensions_mut().insert(SentBefore);
                    }
                    return Ok(response);
                }
                Err(error)
                    if tries <= self.agent.most_idle() + 1
                        && (outgoing.again == Again::Yes || !outcome.progress.sent)
                        && self.was_stale(&error, outcome) =>
                {
                    sent |= outcome.progress.sent;
                    log::debug!(target: log_target::HTTP, "the server had closed an idle connection; sending again on another");
                }
                Err(error) => {
                    let failure = self.failure(error, outcome, outgoing.doing, &target.url);
                    self.insight.unanswered(traced, &failure);
                    // What an earlier try sent stays sent.
                    return Err(if sent { failure.with_delivery(Delivery::Sent) } else { failure });
                }
            }
        }
    }

    /// Whether a request may be sent again; the module says when.
    fn was_stale(&self, error: &ureq::Error, outcome: Outcome) -> bool {
        let io = matches!(error, ureq::Error::Io(error) if error.kind() != io::ErrorKind::NotConnected);
        io && outcome.progress.reused
            && !outcome.progress.answered
            && outcome.expired.is_none()
            && !outcome.stopped
            && !self.is_closed()
    }
}

/// Counts one more, if it may be.
fn counted(count: &mut u32, most: u32) -> bool {
    *count += 1;
    *count <= most
}

/// Whether a 403 says that a token lacks a scope (R-AU-38).
fn lacks_scope(response: &Response<Body>) -> bool {
    let values = www_authenticate(response);
    let challenges = Challenge::parse(values.iter().map(String::as_str));
    challenges
        .iter()
        .any(|challenge| challenge.is("Bearer") && challenge.parameter("error") == Some("insufficient_scope"))
}

/// Bytes of the longest line in the head of a request.
fn longest_line(headers: &HeaderMap, target: &Target) -> usize {
    // With what stands around a value: the method, the version, a colon and the ends of two lines.
    const AROUND: usize = 32;
    let headers = headers.iter().map(|(name, value)| name.as_str().len() + value.len());
    headers.chain([target.url.as_str().len()]).max().unwrap_or_default() + AROUND
}

fn request<B>(method: Method, target: &Target, headers: &HeaderMap, body: B) -> Request<B> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = target.uri.clone();
    *request.headers_mut() = headers.clone();
    request
}

fn redirected(from: &Target, response: &Response<Body>) -> Result<Target, Error> {
    let to = resolve_redirect(&from.url, text(response, headers::LOCATION)).map_err(PeerError::Endpoint)?;
    // Without the path: of a message's URL any part may be the token of the session (R-SSE-14).
    log::debug!(target: log_target::HTTP, "redirected within {}", to.origin());
    Target::new(to)
}

//! Which era a server behind a URL belongs to, found by asking, and the session that comes of it.
//!
//! What is asked in which order, and what an answer means, the core decides ([`mcp_core::http::era`]).

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;

use mcp_core::http::Url;
use mcp_core::http::era::{Detection, Era, Finding, Next, Probe};
use mcp_core::jsonrpc::code;
use mcp_core::revision::ProtocolVersion;
use mcp_core::time::{Cause, Deadline};
use mcp_core::types::{DiscoverResult, Implementation, InitializeResult};
use serde_json::value::RawValue;

use super::http_sse::{Manner, Reopen};
use super::opening::initialize_params;
use super::streamable::{Greeted, discover, greet, stateless};
use super::{Opening, http_sse, verdicts};
use crate::builder::{Common, HttpOptions, Transport};
use crate::carrier::{Carrier, Shared};
use crate::client::Client;
use crate::clock;
use crate::error::{Delivery, Error, PeerError};
use crate::log_target;
use crate::restore::{is_put_off, pause_before_another};
use crate::streamable::Streamable;
use crate::transport::http::{Http, Target};
use crate::transport::http_sse::{self as carried, Opened, Session};
use crate::transport::streamable_http::Endpoint;

/// What was opened on the way to the verdict, and what the attempts failed with.
#[derive(Default)]
struct Evidence {
    /// Of all attempts together.
    deadline: Option<Deadline>,
    requests: usize,
    discovered: Option<Box<RawValue>>,
    greeted: Option<Greeted>,
    stream: Option<http_sse::Open>,
    /// Of the last attempt.
    error: Option<Error>,
}

/// Connects to the server at `url`.
pub(super) fn connect(url: &Url, http: Http, options: &HttpOptions, common: Common) -> Result<Client, Error> {
    let remembered = match (options.transport, common.version) {
        (Transport::Detect, None) => verdicts::of(url),
        _ => None,
    };
    let mut endpoint = Endpoint::new(http, Target::new(url.clone())?, common.limits.clone(), common.idle_timeout);
    endpoint.transformer = common.events.transformer(&common.limits);
    let timeout = common.call_timeout;
    let deadline = timeout.map(|timeout| Deadline::after(clock::now(), timeout, Cause::Initialize));
    let mut evidence = Evidence { deadline, ..Evidence::default() };
    let mut attempts = 0;
    let mut era = loop {
        let mut detection = start(options.transport, &common, remembered)?;
        let era = find(&mut detection, url, &endpoint, options, &common, &mut evidence);
        let Err(error) = &era else { break era };
        attempts += 1;
        let Some(pause) = pause_before_another(&common.reconnect.policy, error, attempts, deadline) else { break era };
        log::debug!(target: log_target::CLIENT, "{url} is not there yet; trying again in {pause:?}: {error}");
        // There is no client yet that could be closed meanwhile; the deadline was looked at.
        thread::sleep(pause);
        endpoint.http.look_up_again();
        evidence = Evidence { deadline, requests: evidence.requests, ..Evidence::default() };
    };
    if remembered.is_some() && matches!(era, Err(Error::Status(_) | Error::Rpc(_) | Error::Peer(_))) {
        // The server is another one by now.
        verdicts::forget(url);
        let mut detection = Detection::http();
        era = find(&mut detection, url, &endpoint, options, &common, &mut evidence);
    }
    let era = era?;
    log::debug!(target: log_target::CLIENT, "{url} is {era}; requests it took: {}", evidence.requests);
    let requests = evidence.requests;
    let manner = Manner::new(url, options, &common);
    let client = open(era, endpoint, manner, common, evidence)?.found_in(requests).into_client()?;
    if options.transport == Transport::Detect {
        verdicts::remember(url, era);
    }
    Ok(client)
}

/// What is tried, and in which order.
fn start(transport: Transport, common: &Common, remembered: Option<Era>) -> Result<Detection, Error> {
    let has_handshake = common.version.is_none_or(|version| version.has_handshake());
    let stateless = common.version.filter(|version| !version.has_handshake()).unwrap_or(ProtocolVersion::LATEST);
    Ok(match transport {
        Transport::HttpSse | Transport::StreamableHttp if !has_handshake => {
            return Err(Error::Usage(format!(
                "revision {stateless} has no handshake, which this transport begins with"
            )));
        }
        Transport::Stateless if common.version.is_some() && has_handshake => {
            return Err(Error::Usage("`Transport::Stateless` has no revision with a handshake".into()));
        }
        Transport::HttpSse => Detection::pinned(Era::HttpSse),
        Transport::StreamableHttp => Detection::pinned(Era::Handshake),
        Transport::Stateless => Detection::pinned(Era::Stateless(stateless)),
        Transport::Plain => return Err(Error::Usage("`Transport::Plain` is not found out".into())),
        Transport::Detect if !has_handshake => Detection::pinned(Era::Stateless(stateless)),
        Transport::Detect if common.version.is_some() => Detection::http_handshake(),
        Transport::Detect => match remembered {
            Some(Era::Handshake) => Detection::http_handshake(),
            Some(Era::HttpSse) => Detection::pinned(Era::HttpSse),
            // The first request is the same.
            Some(Era::Stateless(_)) | None => Detection::http(),
        },
    })
}

/// Asks until there is a verdict.
fn find(
    detection: &mut Detection,
    url: &Url,
    endpoint: &Endpoint,
    options: &HttpOptions,
    common: &Common,
    evidence: &mut Evidence,
) -> Result<Era, Error> {
    let (timeout, deadline) = (common.call_timeout, evidence.deadline);
    loop {
        let probe = match detection.next() {
            Next::Try(probe) => *probe,
            Next::Authorize { .. } => return Err(evidence.error.take().unwrap_or(PeerError::NoAnswer.into())),
            Next::Found(era) => return Ok(*era),
            // Nobody has to know this method where nobody has to ask.
            Next::Failed(_) if is_pinned_stateless(options.transport, common) && has_no_discover(evidence) => {
                return Ok(Era::Stateless(common.version.unwrap_or(ProtocolVersion::LATEST)));
            }
            Next::Failed(undetected) => {
                let undetected = PeerError::Undetected(Box::new(undetected.clone()));
                return Err(match evidence.error.take() {
                    // What one attempt failed with says more than what all of them mean.
                    Some(error) if is_failure(&error) || is_put_off(&error).is_some() => error.after(timeout),
                    // A refusal that names revisions is better told in words.
                    Some(error) if detection.attempts() <= 1 && !names_revisions(&error) => error,
                    _ => undetected.into(),
                });
            }
        };
        evidence.requests += 1;
        match probe {
            Probe::Discover(version) => match discover(endpoint, common, version, deadline) {
                Ok(heard) => {
                    heard.finding(&common.limits, |finding| {
                        if let Finding::Result(result) = &finding {
                            evidence.discovered = Some((*result).to_owned());
                        }
                        detection.handle(finding);
                    });
                    // What is wrong with a result only the detection knows.
                    evidence.error = match evidence.discovered {
                        Some(_) => None,
                        None => Some(heard.into_error(&common.limits)),
                    };
                }
                Err(error) => fail(detection, evidence, error),
            },
            Probe::Initialize => match greet(endpoint, &initialize_params(common), deadline) {
                Ok(greeted) => {
                    greeted.heard.finding(&common.limits, |finding| detection.handle(finding));
                    match detection.next() {
                        Next::Found(_) => evidence.greeted = Some(greeted),
                        _ => evidence.error = Some(greeted.heard.into_error(&common.limits)),
                    }
                }
                Err(error) => fail(detection, evidence, error),
            },
            Probe::OpenStream => match http_sse::open(&Manner::new(url, options, common), &endpoint.http, None) {
                Ok(open) => {
                    detection.handle(Finding::FirstEvent("endpoint"));
                    evidence.stream = Some(open);
                }
                Err(error) => {
                    match &error {
                        Error::Status(status) => detection.handle(Finding::Status(status.code)),
                        error => detection.handle(Finding::Failure(&error.to_string())),
                    }
                    evidence.error = Some(error);
                }
            },
        }
    }
}

fn fail(detection: &mut Detection, evidence: &mut Evidence, error: Error) {
    detection.handle(Finding::Failure(&error.to_string()));
    evidence.error = Some(error);
}

fn is_pinned_stateless(transport: Transport, common: &Common) -> bool {
    transport == Transport::Stateless || common.version.is_some_and(|version| !version.has_handshake())
}

/// Whether the server answered that it does not know `server/discover`.
fn has_no_discover(evidence: &Evidence) -> bool {
    matches!(&evidence.error, Some(Error::Rpc(error)) if error.code == code::METHOD_NOT_FOUND)
}

fn names_revisions(error: &Error) -> bool {
    matches!(error, Error::Rpc(error) if error.code == code::UNSUPPORTED_PROTOCOL_VERSION)
}

/// Whether nothing was found out, because nobody answered.
fn is_failure(error: &Error) -> bool {
    !matches!(error, Error::Status(_) | Error::Rpc(_) | Error::Peer(_) | Error::StreamEnded(_))
}

/// The session, in the era that was found. From here on, every way out closes what was opened.
fn open(era: Era, endpoint: Endpoint, manner: Manner, common: Common, evidence: Evidence) -> Result<Opening, Error> {
    let timeout = common.call_timeout;
    match (era, evidence) {
        (Era::Stateless(version), evidence) => {
            let server = discovered(evidence.discovered.as_deref(), version)?;
            endpoint.enter(endpoint.blank().in_session(None, version)?);
            let session = stateless(&common, version)?;
            let carrier = Carrier::Streamable(Box::new(Streamable::new(endpoint, None)));
            Ok(Opening::opened(carrier, session, common)?.with_server(server, version))
        }
        (Era::Handshake, Evidence { greeted: Some(greeted), deadline, .. }) => {
            let opened = greeted.open(&endpoint, deadline).map_err(|error| error.after(timeout))?;
            endpoint.enter(opened.context);
            let hello = initialize_params(&common);
            let carrier = Carrier::Streamable(Box::new(Streamable::new(endpoint, Some(hello))));
            let opening = Opening::opened(carrier, opened.session, common)?;
            for data in opened.early {
                opening.engine().take_data(&data, None);
            }
            Ok(opening)
        }
        (Era::HttpSse, Evidence { stream: Some(open), .. }) => {
            let http = endpoint.http.anew();
            let session = Arc::new(Session::new(endpoint.http, open.stream.url().clone()));
            session.found(open.stream.url().clone(), open.target);
            // What came early is taken in here.
            let opened = Opened { events: open.stream, early: VecDeque::new() };
            let (sink, stream) = carried::over(session, opened, initialize_params(&common));
            if common.reconnect.policy.may_try() {
                sink.begin_again_with(Box::new(Reopen { manner, http }));
            }
            let opening = Opening::new(Carrier::Shared(Shared::new(sink, stream)), common)?;
            for data in open.early {
                opening.engine().take_data(&data, None);
            }
            opening.initialize()
        }
        _ => Err(Error::Closed(Delivery::NotSent)),
    }
}

/// What a server says of itself without a handshake, in the form in which the others say it.
pub(super) fn discovered(result: Option<&RawValue>, version: ProtocolVersion) -> Result<InitializeResult, Error> {
    let nobody = || Implementation::new("", "");
    let Some(result) = result else {
        return Ok(InitializeResult::new(version, Default::default(), nobody()));
    };
    let result: DiscoverResult = crate::client::read("server/discover", result)?;
    let info = result.server_info().unwrap_or_else(nobody);
    let mut said = InitializeResult::new(version, result.capabilities, info);
    (said.instructions, said.meta, said.other) = (result.instructions, result.meta, result.other);
    Ok(said)
}

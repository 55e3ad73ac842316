//! Servers that speak JSON over HTTP without JSON-RPC: what they are sent and what they answer is translated by
//! [`mcp_core::http::plain`], so that everything above sees JSON-RPC: a session that stands from the start, whose requests have ids.
//! The URL of the stream and that of the messages are two; who reads the stream is [`stream`].

mod stream;

use mcp_core::Limits;
use mcp_core::http::plain::{NotJson, Request};

use crate::error::{Error, PeerError};
use crate::transport::http::Target;
use crate::transport::streamable_http::{Answered, Posting, Reply};

/// Where such a server is.
pub(crate) struct Plain {
    /// Its stream.
    pub(crate) stream: Target,
    /// Whether it takes requests: whether the caller said where.
    pub(crate) takes_requests: bool,
}

impl Plain {
    /// Sends a message by `post`, if it is a request: there is nothing else that such a server takes.
    pub(crate) fn post(
        &self,
        posting: &Posting<'_>,
        limits: &Limits,
        post: impl FnOnce(&Posting<'_>) -> Result<Answered, Error>,
    ) -> Result<Answered, Error> {
        let Some(request) = Request::of(posting.message) else {
            return Ok(Answered { reply: Reply::Accepted, session: None });
        };
        if !self.takes_requests {
            let problem =
                "this server has a stream of events and nothing else, unless `message_url` says where requests go";
            return Err(Error::Usage(problem.into()));
        }
        let posting = Posting { message: request.body(), stop: posting.stop.clone(), ..*posting };
        let mut answered = post(&posting)?;
        answered.reply = match answered.reply {
            Reply::Json(body) => {
                let answer = request.answer(&body, limits);
                Reply::Json(answer.map_err(|NotJson(problem)| PeerError::Message(problem))?)
            }
            Reply::Refused(mut refused) => {
                // HTTP 500 with `{"error": "..."}`: what the server says is more than its status.
                if let Some(error) = request.refusal(&refused.body) {
                    refused.body = error;
                }
                Reply::Refused(refused)
            }
            Reply::Stream(_) => {
                let (found, excerpt) = ("an event stream, where JSON was expected".into(), String::new());
                return Err(PeerError::NotAnAnswer { found, excerpt }.into());
            }
            Reply::Accepted => Reply::Accepted,
        };
        Ok(answered)
    }
}

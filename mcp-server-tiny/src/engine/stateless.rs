//! Requests that stand alone (2026-07-28): each says everything about itself, and nothing is left of one that is answered.
//!
//! The order of the checks is that of R-ST-64: `_meta`, headers against body, revision, method; parameters and capabilities are the
//! business of who carries the request out.

use alloc::boxed::Box;

use mcp_core::http::stateless::{MirrorHeaders, Mirrored, serve};
use mcp_core::jsonrpc::{ErrorObject, Request, code};
use mcp_core::session::{Claim, ServerSession};
use mcp_core::types::Method;
use mcp_core::types::method::Sender;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Engine;
use super::admission::token;
use super::answer::{AnswerOutbox, Statuses};
use super::endpoint::Post;
use super::exchange::{Asked, Owner};
use crate::http1::Status;
use crate::parts::Listening;
use crate::service::{Origin, Outcome, WhenBusy};

impl Engine {
    /// A request that claims a revision.
    pub(super) fn stateless(&mut self, post: &Post<'_, '_>, request: &Request<'_>, claim: &Claim<'_>) {
        let id = request.id.as_borrowed().into();
        let Post { head, .. } = post;
        let headers = MirrorHeaders { version: head.protocol_version, method: head.mcp_method, name: head.mcp_name };
        let name = claim.mirrored_name(&request.method);
        let body = Mirrored { version: &claim.version, method: &request.method, name: name.as_deref() };
        if let Err(mismatch) = headers.check(&body) {
            return self.reject(post, &id, &mismatch.error().as_object());
        }
        let version = match serve(&claim.version, self.service.versions()) {
            Ok(version) => version,
            Err(unsupported) => return self.reject(post, &id, &unsupported.error().as_object()),
        };
        let method = Method::from_name(&request.method)
            .filter(|method| !method.is_notification() && method.may_come_from(Sender::Client))
            .filter(|method| method.exists_in(version));
        let Some(method) = method else {
            return self.reject(post, &id, &ErrorObject::new(code::METHOD_NOT_FOUND, "method not found"));
        };
        if let (Method::SubscriptionsListen, Some(part)) = (method, Listening::BUILT) {
            return self.subscribe(post, request, part);
        }
        if let (Method::ToolsCall, Some(name)) = (method, &name)
            && let Some(headers) = self.service.param_headers(name).filter(|headers| !headers.is_empty())
            && let Err(mismatch) = headers.check(arguments(request.params), |name| head.single(name))
        {
            let error = mismatch.error();
            return self.reject(post, &id, &error.as_object());
        }
        let (mut session, key) = ServerSession::stateless(version, &request.id, claim);
        let mut writing = self.writing(Statuses::ByCode, 1);
        let Some(conn) = self.conns.get_mut(post.conn) else { return };
        let out = conn.writer(&mut self.buffers);
        let mut outbox = AnswerOutbox { out, writing: &mut writing, terms: post.terms, memory: None, now: post.now };
        let owner = Owner::Request(self.exchanges.next_key());
        let credential = head.authorization.map(token);
        let origin = Origin { when_busy: WhenBusy::Refuse, credential, ..Origin::new(owner.to_bits(), key, post.now) };
        let outcome = self.service.handle(&mut session, &origin, method, request.params, &mut outbox);
        match outcome {
            _ if writing.is_complete() => self.end_answer(post.conn, post.now, writing.persistence(post.terms)),
            Outcome::Busy => {
                let error = ErrorObject::new(code::INTERNAL_ERROR, "all workers are taken, try again later");
                self.reject_with(post, Status::ServiceUnavailable, &id, &error);
            }
            Outcome::Later => {
                self.hold(post, writing, Asked::Alone(Box::new(session), key));
            }
            Outcome::Answered => {
                let row = self.hold(post, writing, Asked::Alone(Box::new(session), key));
                self.end_unanswered(row, post.now);
            }
        }
    }
}

/// The arguments of a `tools/call`.
fn arguments(params: Option<&RawValue>) -> Option<&RawValue> {
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow)]
        arguments: Option<&'a RawValue>,
    }
    serde_json::from_str::<Params<'_>>(params?.get()).ok()?.arguments
}

//! What a server sends because of a request: its result or error, and before that its progress and log messages.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use serde::Serialize;

use super::{RequestKey, ServerProfile, ServerSession};
use crate::jsonrpc::{
    EncodeError, ErrorObject, json, write_error, write_notification, write_result, write_result_after,
    write_result_with,
};
use crate::types::meta::SERVER_INFO;
use crate::types::{CacheHints, Implementation, JsonObject, LoggingLevel, Method, Progress};

/// A result with what stands beside its own members. What a revision does not have is left out.
#[derive(Debug, Clone, Copy)]
pub struct Reply<'a, R: ?Sized> {
    /// The members of the result: serializes to an object without `_meta`, `resultType` and caching hints.
    pub result: &'a R,
    /// Its `_meta`.
    pub meta: Option<&'a JsonObject>,
    /// How long it is fresh, for results that say so (R-LM-57).
    pub hints: Option<CacheHints>,
}

impl<'a, R: ?Sized> Reply<'a, R> {
    /// A result and nothing else.
    pub fn new(result: &'a R) -> Self {
        Self { result, meta: None, hints: None }
    }
}

/// A result that asks for input before there can be one (R-LM-65). At least one of its members is there.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InputRequired<'a, Q: ?Sized> {
    /// What is asked, by keys of the server's choice: a map of `{method, params}` (R-LM-66).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_requests: Option<&'a Q>,
    /// What the client gives back with its answers (R-LM-68).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_state: Option<&'a str>,
}

impl ServerSession {
    /// Answers a request. False when it is no longer in flight: then nothing is sent (R-LM-78).
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when the result cannot be written; the request is still in flight then.
    pub fn respond<R: Serialize + ?Sized>(
        &mut self,
        profile: &ServerProfile<'_>,
        key: RequestKey,
        reply: &Reply<'_, R>,
        out: &mut Vec<u8>,
    ) -> Result<bool, EncodeError> {
        let has_type = self.version.has_result_type();
        let Some(id) = self.pending.find(key.0) else { return Ok(false) };
        if has_type {
            let beside = Beside { kind: "complete", hints: reply.hints, meta: reply.meta, info: profile.info };
            write_result_after(out, id, &mut |out| beside.write(out), reply.result)?;
        } else if let Some(meta) = reply.meta {
            #[derive(Serialize)]
            struct Meta<'a> {
                _meta: &'a JsonObject,
            }
            write_result_with(out, id, &Meta { _meta: meta }, reply.result)?;
        } else {
            write_result(out, id, reply.result)?;
        }
        self.pending.remove(key.0);
        Ok(true)
    }

    /// Answers a request by asking for input (R-LM-64): where the revision has no requests of servers. False when it is no
    /// longer in flight: then nothing is sent.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when a question cannot be written; the request is still in flight then.
    pub fn respond_input_required<Q: Serialize + ?Sized>(
        &mut self,
        profile: &ServerProfile<'_>,
        key: RequestKey,
        wanted: &InputRequired<'_, Q>,
        out: &mut Vec<u8>,
    ) -> Result<bool, EncodeError> {
        debug_assert!(!self.version.has_server_requests(), "ask with a request instead");
        let Some(id) = self.pending.find(key.0) else { return Ok(false) };
        let beside = Beside { kind: "input_required", hints: None, meta: None, info: profile.info };
        write_result_after(out, id, &mut |out| beside.write(out), wanted)?;
        self.pending.remove(key.0);
        Ok(true)
    }

    /// Answers a request with an error. False when it is no longer in flight: then nothing is sent.
    pub fn respond_error(&mut self, key: RequestKey, error: &ErrorObject<'_>, out: &mut Vec<u8>) -> bool {
        let Some(id) = self.pending.remove(key.0) else { return false };
        write_error(out, &id.into(), error);
        true
    }

    /// Reports progress under the token that came with a request (R-LM-83). False when the request is no longer in flight, or
    /// the progress is infinite or not a number, which JSON does not have: then nothing is sent. Rising numbers are the
    /// caller's business.
    pub fn progress(&self, key: RequestKey, progress: &Progress<'_>, out: &mut Vec<u8>) -> bool {
        if !self.pending.contains(key.0) || !progress.progress.is_finite() {
            return false;
        }
        let progress = Progress {
            progress_token: progress.progress_token.as_borrowed(),
            progress: progress.progress,
            total: progress.total.filter(|total| total.is_finite()),
            message: progress.message.as_deref().filter(|_| self.version.has_progress_message()).map(Cow::Borrowed),
        };
        write_notification(out, Method::NotificationsProgress.name(), &progress).is_ok()
    }

    /// Sends a log message, unless the client wants only worse ones (R-LM-90), or none (R-LM-91).
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when `data` cannot be written.
    pub fn log<D: Serialize + ?Sized>(
        &self,
        level: LoggingLevel,
        logger: Option<&str>,
        data: &D,
        out: &mut Vec<u8>,
    ) -> Result<bool, EncodeError> {
        if self.level.is_none_or(|wanted| level < wanted) {
            return Ok(false);
        }
        #[derive(Serialize)]
        struct Params<'a, D: ?Sized> {
            level: LoggingLevel,
            #[serde(skip_serializing_if = "Option::is_none")]
            logger: Option<&'a str>,
            data: &'a D,
        }
        write_notification(out, Method::NotificationsMessage.name(), &Params { level, logger, data })?;
        Ok(true)
    }
}

/// The members that stand beside a result's own (R-LM-50, R-LM-55, R-LM-57).
struct Beside<'a> {
    kind: &'static str,
    hints: Option<CacheHints>,
    meta: Option<&'a JsonObject>,
    info: &'a Implementation,
}

impl Beside<'_> {
    /// Appends them as an object. The protocol's own words are written as they are: nothing in them has to be escaped.
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let words =
            |out: &mut Vec<u8>, words: &[&str]| words.iter().for_each(|word| out.extend_from_slice(word.as_bytes()));
        words(out, &[r#"{"resultType":""#, self.kind, r#"""#]);
        if let Some(hints) = self.hints {
            words(out, &[r#","ttlMs":"#]);
            json(out, &hints.ttl_ms.unwrap_or(0).max(0))?;
            words(out, &[r#","cacheScope":"#]);
            json(out, &hints.scope())?;
        }
        words(out, &[r#","_meta":{""#, SERVER_INFO, r#"":"#]);
        json(out, self.info)?;
        for (key, value) in self.meta.into_iter().flatten().filter(|(key, _)| *key != SERVER_INFO) {
            out.push(b',');
            json(out, key)?;
            out.push(b':');
            json(out, value)?;
        }
        words(out, &["}}"]);
        Ok(())
    }
}

//! What a server may ask of this program while it works: its model, its user, its roots (R-FC).
//!
//! The same handlers answer in every revision. With a handshake the questions are requests of the server and are answered on a
//! thread of the client's; in 2026-07-28 they come with the result of a call and are answered on the thread that made it. A
//! handler that is set declares the capability, and what is not declared is refused without asking anybody.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError, RwLock};

use mcp_core::jsonrpc::{self, code};
use mcp_core::revision::ProtocolVersion;
use mcp_core::types::{
    ClientCapabilities, CreateMessageParams, CreateMessageResult, ElicitAction, ElicitParams, ElicitResult,
    ElicitationCapability, Implementation, JsonObject, ListRootsResult, Method, RequestedSchema, Root, RootsCapability,
    SamplingCapability,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::{RawValue, to_raw_value};

use crate::builder::Builder;
use crate::error::Error;
use crate::log_target;
use crate::relay::{Questioned, Teller};

mod error;
mod request;

pub use error::{InputError, Unanswered};
pub use request::{FormRequest, Refusal, SamplingRequest, UrlRequest};

type Handler<Q, A> = Option<Arc<dyn Fn(&Q) -> A + Send + Sync>>;

/// The handlers of one client.
#[derive(Clone, Default)]
pub(crate) struct InputHandlers {
    sampling: Handler<SamplingRequest, Result<CreateMessageResult, Refusal>>,
    sampling_tools: bool,
    sampling_context: bool,
    form: Handler<FormRequest, ElicitResult>,
    url: Handler<UrlRequest, ElicitAction>,
    roots: Roots,
    /// Who gets all of it as JSON instead.
    pub(crate) relay: Option<Arc<Questioned>>,
    /// Who is told what the server says as it comes.
    pub(crate) teller: Option<Teller>,
}

#[derive(Clone, Default)]
enum Roots {
    #[default]
    None,
    Listed(Arc<RwLock<Vec<Root>>>),
    Asked(Arc<dyn Fn() -> Result<Vec<Root>, Refusal> + Send + Sync>),
}

impl Builder {
    /// Answers `sampling/createMessage`, and declares that this client can (R-FC-6).
    ///
    /// Without [`sampling_tools`](Self::sampling_tools) the server may not bring tools. With a handshake `handler` runs on a thread
    /// of the client's, one question at a time, so that a call from within that is asked again waits for itself; in 2026-07-28
    /// on the thread of the call that it belongs to. The time that it takes is part of the call's.
    pub fn on_sampling(
        mut self,
        handler: impl Fn(&SamplingRequest) -> Result<CreateMessageResult, Refusal> + Send + Sync + 'static,
    ) -> Self {
        self.common.input.sampling = Some(Arc::new(handler));
        self
    }

    /// Declares that the model of [`on_sampling`](Self::on_sampling) can use tools that the server brings (R-FC-9); since
    /// 2025-11-25.
    pub fn sampling_tools(mut self) -> Self {
        self.common.input.sampling_tools = true;
        self
    }

    /// Declares that [`on_sampling`](Self::on_sampling) adds what it knows of servers when it is asked to (R-FC-10); since
    /// 2025-11-25.
    pub fn sampling_context(mut self) -> Self {
        self.common.input.sampling_context = true;
        self
    }

    /// Answers forms (`elicitation/create`), and declares that this client can; since 2025-06-18. Runs as
    /// [`on_sampling`](Self::on_sampling) does.
    ///
    /// An answer that does not fit the form is not sent (R-FC-22); the server is told that something failed.
    ///
    /// ```
    /// use mcp_sse_blocking::Client;
    /// use mcp_sse_blocking::mcp_core::types::ElicitResult;
    ///
    /// let builder = Client::builder("http://localhost:8000/mcp").on_elicitation(|form| {
    ///     if form.message().contains("password") {
    ///         return ElicitResult::decline();
    ///     }
    ///     form.accept_defaults()
    /// });
    /// # drop(builder);
    /// ```
    pub fn on_elicitation(mut self, handler: impl Fn(&FormRequest) -> ElicitResult + Send + Sync + 'static) -> Self {
        self.common.input.form = Some(Arc::new(handler));
        self
    }

    /// Answers whether the user agrees to visit a page, and declares that this client can ask; since 2025-11-25. Runs as
    /// [`on_sampling`](Self::on_sampling) does. This library never fetches the URL (R-FC-24); `Accept` means consent, not that
    /// anything was done (R-FC-27): in 2025-11-25 a server may tell that by `notifications/elicitation/complete`, which reaches
    /// [`on_notification`](Self::on_notification), and later the call is made again and asks no more.
    pub fn on_url_elicitation(mut self, handler: impl Fn(&UrlRequest) -> ElicitAction + Send + Sync + 'static) -> Self {
        self.common.input.url = Some(Arc::new(handler));
        self
    }

    /// Where in the file system a server may work, and declares that this client says so (R-FC-1). They may be none at first:
    /// [`Client::set_roots`](crate::Client::set_roots) changes them later.
    ///
    /// What is no `file` URI, or leads upwards with `..`, is not told to servers (R-FC-4); the log says so.
    pub fn roots(mut self, roots: impl IntoIterator<Item = Root>) -> Self {
        self.common.input.roots = Roots::Listed(Arc::new(RwLock::new(roots.into_iter().collect())));
        self
    }

    /// As [`roots`](Self::roots), asked anew whenever a server asks. Runs as [`on_sampling`](Self::on_sampling) does.
    pub fn on_roots(mut self, handler: impl Fn() -> Result<Vec<Root>, Refusal> + Send + Sync + 'static) -> Self {
        self.common.input.roots = Roots::Asked(Arc::new(handler));
        self
    }
}

impl InputHandlers {
    /// Adds what the handlers can answer to what a client says of itself, in the form that `version` has.
    pub(crate) fn declare(&self, capabilities: &mut ClientCapabilities, version: ProtocolVersion) {
        if !matches!(self.roots, Roots::None) {
            let mut roots = RootsCapability::default();
            // R-FC-2: gone with the notification.
            roots.list_changed = Method::NotificationsRootsListChanged.exists_in(version);
            capabilities.roots = Some(roots);
        }
        let when = |is_set: bool| is_set.then(JsonObject::new);
        if self.sampling.is_some() {
            let mut sampling = SamplingCapability::default();
            sampling.tools = when(self.sampling_tools && version.has_sampling_tools());
            sampling.context = when(self.sampling_context && version.has_sampling_tools());
            capabilities.sampling = Some(sampling);
        }
        let has_url = self.url.is_some() && version.has_url_elicitation();
        if version.has_elicitation() && (self.form.is_some() || has_url) {
            let mut elicitation = ElicitationCapability::default();
            elicitation.form = when(self.form.is_some() && version.has_url_elicitation());
            elicitation.url = when(has_url);
            capabilities.elicitation = Some(elicitation);
        }
    }

    /// A question that was handed on has its answer.
    pub(crate) fn relay_closed(&self, key: mcp_core::session::AskedKey) {
        if let Some(relay) = &self.relay {
            relay.closed(key);
        }
    }

    /// Whether somebody can say what the roots are.
    pub(crate) fn has_roots(&self) -> bool {
        !matches!(self.roots, Roots::None)
    }

    /// Takes other roots.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`]: a root that servers may not be told of, or roots that come from elsewhere.
    pub(crate) fn set_roots(&self, roots: Vec<Root>) -> Result<(), Error> {
        if let Some(root) = roots.iter().find(|root| !is_fit(root)) {
            return Err(Error::Usage(format!("`{}` can be no root: it has to be a `file` URI without `..`", root.uri)));
        }
        let Roots::Listed(listed) = &self.roots else {
            return Err(Error::Usage(
                "roots have to be declared with `Builder::roots`, before the client connects".into(),
            ));
        };
        *listed.write().unwrap_or_else(PoisonError::into_inner) = roots;
        Ok(())
    }

    /// Answers one question. Runs code of the caller's, which may take long; a panic in it is caught.
    ///
    /// # Errors
    ///
    /// Why there is no answer.
    pub(crate) fn answer(
        &self,
        server: &Implementation,
        version: ProtocolVersion,
        method: Method,
        params: Option<&RawValue>,
    ) -> Result<Box<RawValue>, Unanswered> {
        let answered = catch_unwind(AssertUnwindSafe(|| match method {
            Method::SamplingCreateMessage => self.sample(server, version, params),
            Method::ElicitationCreate => self.elicit(server, params),
            Method::RootsList => self.list_roots(),
            _ => Err(Unanswered::NotOffered),
        }));
        answered.unwrap_or_else(|_| {
            log::error!(target: log_target::CLIENT, "the handler for `{}` panicked", method.name());
            Err(Unanswered::Failed("the handler failed".into()))
        })
    }

    fn sample(
        &self,
        server: &Implementation,
        version: ProtocolVersion,
        params: Option<&RawValue>,
    ) -> Result<Box<RawValue>, Unanswered> {
        let handler = self.sampling.as_ref().ok_or(Unanswered::NotOffered)?;
        let params: CreateMessageParams = read(params)?;
        if params.uses_tools() && !self.sampling_tools {
            return Err(Unanswered::Invalid("tools need the capability `sampling.tools`".into()));
        }
        params.check().map_err(|fault| Unanswered::Invalid(fault.to_string()))?;
        let sampled = handler(&SamplingRequest { server: server.clone(), params })?;
        if !version.has_sampling_tools() && sampled.content.len() != 1 {
            // R-FC-16
            let blocks = sampled.content.len();
            return Err(Unanswered::Failed(format!("revision {version} wants one block of content, not {blocks}")));
        }
        write(&sampled)
    }

    fn elicit(&self, server: &Implementation, params: Option<&RawValue>) -> Result<Box<RawValue>, Unanswered> {
        match read(params)? {
            ElicitParams::Form(params) => {
                let handler = self.form.as_ref().ok_or_else(|| Unanswered::mode("form"))?;
                let request = FormRequest { server: server.clone(), params };
                write(&fitting(handler(&request), request.schema())?)
            }
            ElicitParams::Url(params) => {
                let handler = self.url.as_ref().ok_or_else(|| Unanswered::mode("url"))?;
                write(&match handler(&UrlRequest { server: server.clone(), params }) {
                    ElicitAction::Accept => ElicitResult::consent(),
                    ElicitAction::Decline => ElicitResult::decline(),
                    ElicitAction::Cancel => ElicitResult::cancel(),
                })
            }
        }
    }

    fn list_roots(&self) -> Result<Box<RawValue>, Unanswered> {
        let mut roots = match &self.roots {
            Roots::None => return Err(Unanswered::NotOffered),
            Roots::Listed(listed) => listed.read().unwrap_or_else(PoisonError::into_inner).clone(),
            Roots::Asked(handler) => handler()?,
        };
        roots.retain(|root| {
            let is_fit = is_fit(root);
            if !is_fit {
                log::error!(target: log_target::CLIENT, "`{}` is not told as a root: no `file` URI, or with `..`", root.uri);
            }
            is_fit
        });
        write(&ListRootsResult::new(roots))
    }
}

impl std::fmt::Debug for InputHandlers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InputHandlers")
            .field("sampling", &self.sampling.is_some())
            .field("form", &self.form.is_some())
            .field("url", &self.url.is_some())
            .field("roots", &self.has_roots())
            .finish()
    }
}

impl From<Refusal> for Unanswered {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Rejected => Self::Refused,
            Refusal::Failed(why) => Self::Failed(why),
        }
    }
}

impl Unanswered {
    fn mode(mode: &str) -> Self {
        // R-FC-18
        Self::Invalid(format!("elicitations of mode `{mode}` were not declared"))
    }

    /// What the server is told, where it can be told (R-FC-3, R-FC-13, R-FC-18).
    pub(crate) fn to_error(&self) -> jsonrpc::Error {
        match self {
            Self::NotOffered => jsonrpc::Error::new(code::METHOD_NOT_FOUND, "method not supported by this client"),
            Self::Refused => jsonrpc::Error::new(REJECTED, "the user refused"),
            Self::Invalid(why) => jsonrpc::Error::new(code::INVALID_PARAMS, why.clone()),
            Self::Failed(why) => jsonrpc::Error::new(code::INTERNAL_ERROR, why.clone()),
            Self::Unfit(_) => jsonrpc::Error::new(code::INTERNAL_ERROR, "the answer does not fit what was asked for"),
        }
    }
}

/// The code of a refusal by the user (R-FC-13).
const REJECTED: i64 = -1;

/// The answer to a form as it may leave: content only with consent, and only what fits the form (R-FC-22).
fn fitting(mut answer: ElicitResult, schema: &RequestedSchema) -> Result<ElicitResult, Unanswered> {
    if answer.action != ElicitAction::Accept {
        answer.content = None;
        return Ok(answer);
    }
    let content = answer.content.get_or_insert_with(JsonObject::new);
    schema.check(content).map_err(|fault| {
        log::error!(target: log_target::CLIENT, "the answer to a form is not sent: {fault}");
        Unanswered::Unfit(fault)
    })?;
    Ok(answer)
}

/// Whether servers may be told of a root (R-FC-4).
fn is_fit(root: &Root) -> bool {
    let Some(path) = root.uri.strip_prefix("file://") else { return false };
    let is_dot = |segment: &str| segment.to_ascii_lowercase().replace("%2e", ".") == "..";
    !path.split(['/', '\\']).any(is_dot) && !root.uri.chars().any(char::is_control)
}

fn read<T: DeserializeOwned>(params: Option<&RawValue>) -> Result<T, Unanswered> {
    let params = params.ok_or_else(|| Unanswered::Invalid("the parameters are missing".into()))?;
    serde_json::from_str(params.get())
        .map_err(|error| Unanswered::Invalid(mcp_core::text::Excerpt::new(&error.to_string(), 256).to_string()))
}

fn write<T: Serialize>(answer: &T) -> Result<Box<RawValue>, Unanswered> {
    to_raw_value(answer).map_err(|error| Unanswered::Failed(error.to_string()))
}

#[cfg(test)]
mod tests;

//! Who a client says it is, asked for with every request over HTTP.
//!
//! A token that never changes is [`Builder::bearer`](crate::Builder::bearer). Whatever may change is a provider of
//! [`Credentials`]: it is asked with each request, on the thread that makes it, and asked again when the server refuses what it
//! gave with 401. Then the request is sent once more: a 401 was not processed (R-AU-1, R-AU-7). However many threads are
//! refused at the same time, one of them asks the provider again, and the others take what it got.
//!
//! ```no_run
//! use mcp_sse_blocking::credentials::BearerToken;
//! use mcp_sse_blocking::{Client, Command};
//!
//! let command = Command::new("gcloud").args(["auth", "print-access-token"]);
//! let client = Client::builder("https://mcp.example/mcp").credentials(BearerToken::from_command(command)).connect()?;
//! # Ok::<(), mcp_sse_blocking::Error>(())
//! ```
//!
//! Anything else is a closure, here one that looks at what the server asks for:
//!
//! ```
//! use mcp_sse_blocking::credentials::{self, Credential, CredentialsError};
//! use mcp_sse_blocking::Client;
//!
//! # fn login(scope: &str) -> Result<String, String> { Ok(scope.to_owned()) }
//! # fn kept() -> Option<String> { None }
//! let provider = credentials::from_fn(|ask| {
//!     let Some(rejected) = ask.rejected() else { return Ok(kept().map(Credential::bearer)) };
//!     let challenges = rejected.challenges();
//!     let scope = challenges.iter().find_map(|challenge| challenge.parameter("scope")).unwrap_or("");
//!     let token = login(scope).map_err(|problem| CredentialsError::new("the login", problem))?;
//!     Ok(Some(Credential::bearer(token)))
//! });
//! let builder = Client::builder("https://mcp.example/mcp").credentials(provider);
//! ```
//!
//! With the feature `oauth`, `OAuth` is a provider as well: it asks a person in a browser, and keeps what that gave.

mod bearer;
mod credential;
mod error;
mod flight;
pub(crate) mod guard;
#[cfg(feature = "oauth")]
mod oauth;
mod secret;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mcp_core::http::{Origin, Url};
use mcp_core::time::Deadline;

use crate::clock;
use crate::transport::exchange::Stop;
use crate::transport::http::Http;

pub use mcp_core::auth::Challenge;

pub use self::bearer::BearerToken;
pub use self::credential::Credential;
pub use self::error::CredentialsError;
#[cfg(feature = "oauth")]
pub use self::oauth::{OAuth, TokenFile, TokenMemory, TokenStore};
pub use self::secret::Secret;

/// Gives the credentials of requests. Shared by all threads of a client, and by all clients that were given the same `Arc`.
///
/// A provider that gives what it has without waiting costs nothing worth speaking of; one that has to fetch something keeps it.
pub trait Credentials: Send + Sync {
    /// The credential of one request; `None` sends it without. Runs on the thread that makes the request, before it, and again
    /// when the server answered 401: then [`Ask::rejected`] says what was refused. Giving the same again, or `None`, leaves it at
    /// that: the caller gets the 401.
    ///
    /// One thread at a time asks because of a 401, and the requests of all others wait for it: a provider must not make requests of
    /// the client that asks it. What this waits for is not interrupted. It is to give up when [`Ask::time_left`] is over, with
    /// [`CredentialsError::out_of_time`], and should when [`Ask::is_stopped`].
    ///
    /// # Errors
    /// When there is no way to get one. The request is not made then, or the second time not again.
    fn credential(&self, ask: &Ask<'_>) -> Result<Option<Credential>, CredentialsError>;

    /// Where the credentials come from, for errors: `the variable TOKEN`.
    fn source(&self) -> String {
        "the provider of credentials".into()
    }

    /// Whether it can get credentials that are good for more: then it is asked again as well when the server answers 403 with the
    /// error `insufficient_scope` (R-AU-38, R-AU-39).
    fn steps_up(&self) -> bool {
        false
    }
}

/// A provider that is a closure; see [`Credentials::credential`].
pub fn from_fn<F>(provide: F) -> impl Credentials + use<F>
where
    F: Fn(&Ask<'_>) -> Result<Option<Credential>, CredentialsError> + Send + Sync,
{
    FromFn(provide)
}

struct FromFn<F>(F);

impl<F> Credentials for FromFn<F>
where
    F: Fn(&Ask<'_>) -> Result<Option<Credential>, CredentialsError> + Send + Sync,
{
    fn credential(&self, ask: &Ask<'_>) -> Result<Option<Credential>, CredentialsError> {
        self.0(ask)
    }
}

impl<C: Credentials + ?Sized> Credentials for Arc<C> {
    fn credential(&self, ask: &Ask<'_>) -> Result<Option<Credential>, CredentialsError> {
        (**self).credential(ask)
    }

    fn source(&self) -> String {
        (**self).source()
    }

    fn steps_up(&self) -> bool {
        (**self).steps_up()
    }
}

impl<C: Credentials + ?Sized> Credentials for Box<C> {
    fn credential(&self, ask: &Ask<'_>) -> Result<Option<Credential>, CredentialsError> {
        (**self).credential(ask)
    }

    fn source(&self) -> String {
        (**self).source()
    }

    fn steps_up(&self) -> bool {
        (**self).steps_up()
    }
}

/// What a provider is asked: a credential for whom, until when, and in place of what.
pub struct Ask<'a> {
    url: &'a Url,
    resource: &'a Url,
    deadline: Option<Deadline>,
    stop: Option<&'a dyn Stop>,
    rejected: Option<&'a Rejected>,
    #[cfg_attr(not(feature = "oauth"), expect(dead_code, reason = "only OAuth makes requests"))]
    http: Option<&'a Http>,
}

/// What the server refused.
#[derive(Clone)]
#[non_exhaustive]
pub struct Rejected {
    /// The credential that the request carried, if it carried one.
    pub credential: Option<Credential>,
    /// The status of the refusal: 401, or 403 where a scope is missing and the provider [steps up](Credentials::steps_up).
    pub status: u16,
    /// The values of `WWW-Authenticate`, as they came: a server may have repeated secrets in them. `Debug` shows none that the
    /// client knows.
    pub www_authenticate: Vec<String>,
    /// The same values without secrets.
    shown: Vec<String>,
}

impl Rejected {
    /// What the server asks for.
    pub fn challenges(&self) -> Vec<Challenge> {
        Challenge::parse(self.www_authenticate.iter().map(String::as_str))
    }
}

impl fmt::Debug for Rejected {
    /// Without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejected")
            .field("credential", &self.credential)
            .field("status", &self.status)
            .field("www_authenticate", &self.shown)
            .finish_non_exhaustive()
    }
}

impl Ask<'_> {
    /// Whom the request goes to. This is the origin of the URL that the client was given, except where
    /// [`message_url`](crate::Builder::message_url) names another one: redirects and `endpoint` events lead nowhere else.
    pub fn origin(&self) -> Origin {
        self.url.origin()
    }

    /// The URL that the client was given: the resource that a token is for (R-AU-28).
    pub fn resource(&self) -> &Url {
        self.resource
    }

    /// How long the request may still take, this included. `None` is for ever.
    pub fn time_left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.at.since(clock::now()))
    }

    /// Whether nobody wants the request any more: its call was cancelled, or the client closed.
    pub fn is_stopped(&self) -> bool {
        self.stop.is_some_and(|stop| stop.is_stopped())
    }

    /// What the server refused, when this is asked because of it.
    pub fn rejected(&self) -> Option<&Rejected> {
        self.rejected
    }
}

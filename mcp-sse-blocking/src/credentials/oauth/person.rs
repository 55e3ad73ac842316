//! Who says yes, and how the answer comes back.

use std::fmt;
use std::sync::Arc;

use mcp_core::auth::Authorization;
use mcp_core::time::{Cause, Deadline};

use super::HERE;
use super::listener::Listener;
use super::settings::Settings;
use crate::clock;
use crate::transport::exchange::Stop;

/// Opens a page in a browser.
type Open = dyn Fn(&str) -> Result<(), String> + Send + Sync;
/// Has a person asked, and says where the browser was sent.
type Authorize = dyn Fn(&str) -> Result<String, String> + Send + Sync;

/// Who is asked.
#[derive(Clone)]
pub(super) enum Person {
    Nobody,
    /// The client has tokens of its own.
    Itself,
    /// A person in a browser on this machine.
    Browser {
        open: Arc<Open>,
        port: u16,
        path: String,
    },
    /// The program has its own way.
    Own {
        redirect_uri: String,
        authorize: Arc<Authorize>,
    },
}

/// The way back for one answer.
pub(super) enum Return<'a> {
    Here(Listener, &'a Open),
    Own(&'a str, &'a Authorize),
}

impl Person {
    /// Prepares the way back, on the port of `before` if there was one.
    pub(super) fn prepare(&self, before: Option<&str>) -> Result<Return<'_>, String> {
        match self {
            Self::Nobody | Self::Itself => {
                Err("nobody can be asked (settings `open_with`, `authorize_with`, `client_credentials`)".into())
            }
            Self::Own { redirect_uri, authorize } => Ok(Return::Own(redirect_uri, &**authorize)),
            Self::Browser { open, port, path } => {
                let listener = Listener::bind(HERE, *port, path, before).map_err(|error| {
                    format!("127.0.0.1:{port} cannot be listened on: {error} (setting `redirect_port`)")
                })?;
                Ok(Return::Here(listener, &**open))
            }
        }
    }
}

impl Return<'_> {
    pub(super) fn redirect_uri(&self) -> &str {
        match self {
            Self::Here(listener, _) => listener.redirect_uri(),
            Self::Own(redirect_uri, _) => redirect_uri,
        }
    }

    /// Sends the person there, and gives the query with which the browser comes back.
    pub(super) fn ask(
        self,
        authorization: &Authorization,
        settings: &Settings,
        stop: &dyn Stop,
    ) -> Result<String, String> {
        match self {
            Self::Here(mut listener, open) => {
                open(authorization.url()).map_err(|problem| format!("the browser was not opened: {problem}"))?;
                let until = Deadline::after(clock::now(), settings.login_timeout, Cause::Call);
                listener
                    .wait(|query| authorization.is_answered_by(query), until, stop)
                    .map_err(|waited| waited.describe(settings.login_timeout))
            }
            Self::Own(_, authorize) => {
                let back = authorize(authorization.url())?;
                let back = back.trim();
                let query = back.split_once('?').map_or(back, |(_, query)| query);
                Ok(query.split('#').next().unwrap_or_default().to_owned())
            }
        }
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nobody => "Nobody",
            Self::Itself => "Itself",
            Self::Browser { .. } => "Browser",
            Self::Own { .. } => "Own",
        })
    }
}

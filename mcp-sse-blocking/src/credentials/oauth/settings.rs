//! The settings of OAuth.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcp_core::auth::Scopes;
use mcp_core::http::Url;

use super::person::Person;
use super::store::{Grant, TokenMemory, TokenStore};
use super::{OAuth, SOURCE};
use crate::credentials::{CredentialsError, Secret};

/// What was set.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) client_name: String,
    pub(super) client_id: Option<String>,
    pub(super) client_secret: Option<Secret>,
    pub(super) client_metadata_url: Option<String>,
    pub(super) issuer: Option<String>,
    pub(super) scopes: Scopes,
    pub(super) person: Person,
    pub(super) store: Arc<dyn TokenStore>,
    pub(super) login_timeout: Duration,
    pub(super) request_timeout: Duration,
    pub(super) is_old: bool,
}

impl Settings {
    /// What the store has of this resource, if it is this client's.
    pub(super) fn kept(&self, resource: &Url) -> Result<Option<Grant>, CredentialsError> {
        let kept = Grant::load(&*self.store, resource);
        let kept =
            kept.map_err(|error| CredentialsError::new(SOURCE, format!("the kept tokens cannot be read: {error}")))?;
        Ok(kept.filter(|grant| self.client_id.as_ref().is_none_or(|id| *id == grant.client_id)))
    }
}

impl OAuth {
    /// With a browser still to be named: [`open_with`](Self::open_with) or [`authorize_with`](Self::authorize_with), or
    /// [`client_credentials`](Self::client_credentials) without a person.
    pub fn new() -> Self {
        let settings = Settings {
            client_name: "mcp-sse-blocking".into(),
            client_id: None,
            client_secret: None,
            client_metadata_url: None,
            issuer: None,
            scopes: Scopes::default(),
            person: Person::Nobody,
            store: Arc::new(TokenMemory::default()),
            login_timeout: Duration::from_secs(300),
            request_timeout: Duration::from_secs(30),
            is_old: false,
        };
        Self { settings: Arc::new(settings), servers: Mutex::default(), dropped: Arc::default() }
    }

    /// What people are shown when they are asked: the name of the program.
    pub fn client_name(mut self, name: &str) -> Self {
        self.set().client_name = name.to_owned();
        self
    }

    /// The id of a client that was registered beforehand. It belongs to one authorization server: that of
    /// [`issuer`](Self::issuer), or the first one at which it is used.
    pub fn client_id(mut self, id: &str) -> Self {
        self.set().client_id = Some(id.to_owned());
        self
    }

    /// The secret of a client that was registered beforehand. It goes to the authorization server that
    /// [`issuer`](Self::issuer) names, and without that to none: any server could name its own otherwise.
    pub fn client_secret(mut self, secret: impl Into<Secret>) -> Self {
        self.set().client_secret = Some(secret.into());
        self
    }

    /// The URL of a document that describes this client, for authorization servers that take one as its id (R-AU-21). The
    /// redirect URI in it must be that of [`authorize_with`](Self::authorize_with), or `http://127.0.0.1/callback`, where
    /// the port is left to the client (RFC 8252, section 7.3).
    pub fn client_metadata_url(mut self, url: &str) -> Self {
        self.set().client_metadata_url = Some(url.to_owned());
        self
    }

    /// The only authorization server that is asked, whatever the resource says; its issuer, byte for byte. It is also the one
    /// that is asked when the resource says nothing.
    pub fn issuer(mut self, issuer: &str) -> Self {
        self.set().issuer = Some(issuer.to_owned());
        self
    }

    /// Scopes, divided by spaces, that are asked for from the start: instead of all that the resource supports, and with those that
    /// it asks for.
    pub fn scopes(mut self, scopes: &str) -> Self {
        self.set().scopes = Scopes::parse(scopes);
        self
    }

    /// Opens a browser, and waits for what comes back from it on this machine: on `127.0.0.1` and a port that is free. The URL
    /// comes from a server and must not go through a shell; it is http or https (R-AU-33). What this does is not interrupted: it
    /// must return when the browser is open, and may be called from any thread.
    pub fn open_with<F>(mut self, open: F) -> Self
    where
        F: Fn(&str) -> Result<(), String> + Send + Sync + 'static,
    {
        let (port, path) = match &self.settings.person {
            Person::Browser { port, path, .. } => (*port, path.clone()),
            _ => (0, "/callback".to_owned()),
        };
        self.set().person = Person::Browser { open: Arc::new(open), port, path };
        self
    }

    /// The port on which [`open_with`](Self::open_with), to be set before, waits, for clients that are registered with it.
    pub fn redirect_port(mut self, number: u16) -> Self {
        if let Person::Browser { port, .. } = &mut self.set().person {
            *port = number;
        }
        self
    }

    /// Has a person asked in a way of the program's own: the closure gets the URL to which the person is sent, and gives the one to
    /// which the browser was sent afterwards, which begins with `redirect_uri`. For custom schemes, and for machines without a
    /// browser, whose user copies both. What this does is not interrupted.
    pub fn authorize_with<F>(mut self, redirect_uri: &str, authorize: F) -> Self
    where
        F: Fn(&str) -> Result<String, String> + Send + Sync + 'static,
    {
        self.set().person = Person::Own { redirect_uri: redirect_uri.to_owned(), authorize: Arc::new(authorize) };
        self
    }

    /// Asks nobody: the tokens are the client's own, had with its [id](Self::client_id) and [secret](Self::client_secret) (R-AU-47).
    ///
    /// ```
    /// use mcp_sse_blocking::credentials::OAuth;
    ///
    /// let oauth = OAuth::new().client_id("calendar").client_secret("s3cr3t").issuer("https://login.example");
    /// let oauth = oauth.scopes("read").client_credentials();
    /// assert!(!format!("{oauth:?}").contains("s3cr3t"));
    /// ```
    pub fn client_credentials(mut self) -> Self {
        self.set().person = Person::Itself;
        self
    }

    /// Where tokens are kept, and registrations. In memory by default.
    pub fn store(mut self, store: impl TokenStore + 'static) -> Self {
        self.set().store = Arc::new(store);
        self
    }

    /// How long a person has. 5 minutes by default.
    pub fn login_timeout(mut self, timeout: Duration) -> Self {
        self.set().login_timeout = timeout;
        self
    }

    /// How long each request of an authorization may take. 30 s by default.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.set().request_timeout = timeout;
        self
    }

    /// Where a server has no metadata, takes it for its own authorization server, as 2025-03-26 has it (R-AU-50, R-AU-51). Such a
    /// server cannot say that it does PKCE.
    pub fn server_is_its_own(mut self) -> Self {
        self.set().is_old = true;
        self
    }

    fn set(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.settings)
    }
}

impl Default for OAuth {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for OAuth {
    /// Without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = &self.settings;
        f.debug_struct("OAuth")
            .field("client_name", &settings.client_name)
            .field("client_id", &settings.client_id)
            .field("client_secret", &settings.client_secret)
            .field("issuer", &settings.issuer)
            .field("person", &settings.person)
            .finish_non_exhaustive()
    }
}

//! From a refusal to a token, in the order of the protocol.

use std::sync::Arc;

use mcp_core::auth::authorization::Wanted;
use mcp_core::auth::{
    AuthError, AuthMethod, Authorization, AuthorizationServer, MAX_DOCUMENT_BYTES, ProtectedResource, Registration,
    Scopes, TokenRequest, Tokens, place, token,
};
use mcp_core::http::{Url, headers};
use mcp_core::revision::ProtocolVersion;
use mcp_core::text::Excerpt;
use mcp_core::time::{Cause, Deadline};

use super::person::Person;
use super::settings::Settings;
use super::store::{Grant, Registered};
use super::{Dropped, SOURCE, random};
use crate::clock;
use crate::credentials::{CredentialsError, Secret};
use crate::error::Error;
use crate::log_target;
use crate::transport::exchange::Stop;
use crate::transport::http::{Fetch, Http, Verb};

/// One authorization for one resource.
pub(super) struct Login {
    pub(super) settings: Arc<Settings>,
    pub(super) http: Http,
    pub(super) resource: Url,
    pub(super) dropped: Arc<Dropped>,
}

/// What the server said. With status 0 it said nothing: a token ends soon.
#[derive(Debug, Default)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) scope: Option<String>,
    pub(super) resource_metadata: Option<String>,
}

/// Whom the server trusts.
pub(super) struct Found {
    /// What tokens are for, byte for byte.
    resource: String,
    scopes: Option<Vec<String>>,
    server: AuthorizationServer,
}

/// What came of it.
pub(super) struct Got {
    pub(super) grant: Grant,
    pub(super) found: Arc<Found>,
    /// A person was asked.
    pub(super) is_of_person: bool,
    /// A refresh token gave it.
    pub(super) is_refreshed: bool,
}

/// Why nothing came of it.
pub(super) struct Failed {
    pub(super) error: CredentialsError,
    /// A person was asked: not at once again.
    pub(super) is_of_person: bool,
}

impl From<AuthError> for Failed {
    fn from(error: AuthError) -> Self {
        error.to_string().into()
    }
}

impl From<String> for Failed {
    fn from(problem: String) -> Self {
        CredentialsError::new(SOURCE, problem).into()
    }
}

impl From<CredentialsError> for Failed {
    fn from(error: CredentialsError) -> Self {
        Self { error, is_of_person: false }
    }
}

impl Login {
    /// All of it. `grant` is what there was, `found` whom it was from, `asked` the scopes that were asked for
    /// before, `issuer` who was asked last.
    pub(super) fn run(
        &self,
        refusal: &Refusal,
        grant: Option<Grant>,
        found: Option<Arc<Found>>,
        asked: &Scopes,
        issuer: Option<&String>,
    ) -> Result<Got, Failed> {
        if self.settings.client_secret.is_some() && self.settings.issuer.is_none() {
            // Any server could name one that is to be told the secret (R-AU-25).
            let problem = "the secret of a client is for one authorization server, and it is not said for which (setting `issuer`)";
            return Err(problem.to_owned().into());
        }
        // After a refusal the server may trust another one than before (R-AU-25).
        let found = match found.filter(|_| refusal.status == 0) {
            Some(found) => found,
            None => Arc::new(self.find(refusal, grant.as_ref())?),
        };
        // What was registered beforehand is for one authorization server (R-AU-25).
        if let (Some(id), None, Some(before)) = (&self.settings.client_id, &self.settings.issuer, issuer)
            && *before != found.server.issuer
        {
            let now = Excerpt::new(&found.server.issuer, 256);
            return Err(format!(
                "the client `{id}` belongs to {before}, and the server trusts {now} now (setting `issuer`)"
            )
            .into());
        }
        let own = grant.filter(|grant| grant.issuer == found.server.issuer && grant.resource == found.resource);
        // A refresh gives what there was, not what is missing.
        if refusal.status != 403
            && let Some(grant) = own.clone().filter(|grant| grant.refresh_token.is_some())
            && let Some(grant) = self.refresh(&found, grant)?
        {
            return Ok(Got { grant, found, is_of_person: false, is_refreshed: true });
        }
        if refusal.status == 0 {
            // Nobody is asked as long as the server takes what there is.
            return Err("the refresh token counts no more".to_owned().into());
        }
        let mut scopes = Scopes::initial(&self.settings.scopes, refusal.scope.as_deref(), found.scopes.as_deref());
        if refusal.status != 401 && own.is_some() {
            // What there was and what is missing (R-AU-39).
            let mut both = asked.clone();
            if let Some(challenged) = &refusal.scope {
                both.extend(&Scopes::parse(challenged));
            }
            scopes = both;
        }
        let grant = match &self.settings.person {
            Person::Itself => self.for_itself(&found, &scopes)?,
            person => self.for_person(&found, person, scopes.offline(&found.server))?,
        };
        let is_of_person = !matches!(self.settings.person, Person::Itself);
        Ok(Got { grant, found, is_of_person, is_refreshed: false })
    }

    /// Whom the server trusts (R-AU-10 to R-AU-18).
    fn find(&self, refusal: &Refusal, grant: Option<&Grant>) -> Result<Found, Failed> {
        let announced = refusal.resource_metadata.as_deref();
        let places = place::of_resource(&self.resource, announced)?;
        let (document, looked) = self.first_of("reading the metadata of", &places)?;
        let (resource, issuer, scopes) = match (document, &self.settings.issuer) {
            (Some(document), chosen) => {
                let said = ProtectedResource::read(&document, &self.resource)?;
                let issuer = choose(&said.authorization_servers, chosen.as_deref(), grant)?;
                (said.resource, issuer, said.scopes_supported)
            }
            (None, Some(issuer)) => (place::canonical(&self.resource), issuer.clone(), None),
            (None, None) if self.settings.is_old => return self.find_old(),
            (None, None) => {
                return Err(format!(
                    "the server does not say whom it trusts: there are no metadata at {looked} (settings `issuer`, \
                     `server_is_its_own`)"
                )
                .into());
            }
        };
        let places = place::of_issuer(&issuer, &self.resource)?;
        let (document, looked) = self.first_of("reading the metadata of", &places)?;
        let Some(document) = document else {
            return Err(format!("the authorization server has no metadata at {looked}").into());
        };
        let server = AuthorizationServer::read(&document, &issuer)?;
        Ok(Found { resource, scopes, server })
    }

    /// A server that is its own authorization server (R-AU-50, R-AU-51).
    fn find_old(&self) -> Result<Found, Failed> {
        let base = place::base(&self.resource);
        let places = place::of_issuer(&base, &self.resource)?;
        let (document, _) = self.first_of("reading the metadata of", &places[..1])?;
        let server = match document {
            Some(document) => AuthorizationServer::read(&document, &base)?,
            None => AuthorizationServer::unspoken(&self.resource),
        };
        Ok(Found { resource: place::canonical(&self.resource), scopes: None, server })
    }

    /// The first document that is there, or where it was looked for. A page for people is none, as long as there is another place to
    /// look: some servers show one wherever nothing is.
    fn first_of(&self, doing: &'static str, places: &[Url]) -> Result<(Option<Vec<u8>>, String), Failed> {
        let mut looked = Vec::new();
        for (at, place) in places.iter().enumerate() {
            let version = ProtocolVersion::LATEST.as_str();
            let accept = [(headers::ACCEPT, headers::JSON), (headers::MCP_PROTOCOL_VERSION, version)];
            let (status, body) = self.fetch(Verb::Get, place, &accept, "", doing)?;
            let is_last = at + 1 == places.len();
            if status == 200 && (is_last || serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_ok()) {
                return Ok((Some(body), String::new()));
            }
            let what = if status == 200 { ", no JSON" } else { "" };
            looked.push(format!("{place} ({status}{what})"));
        }
        Ok((None, looked.join(", ")))
    }

    /// Another token for a refresh token; `None` when that counts no more (R-AU-46).
    fn refresh(&self, found: &Found, grant: Grant) -> Result<Option<Grant>, Failed> {
        // It is bound to the client that it was given to.
        let registration = self.known(found)?.filter(|registration| registration.client_id == grant.client_id);
        let (Some(registration), Some(refresh_token)) = (registration, &grant.refresh_token) else {
            return Ok(None);
        };
        self.http.insight().secret(refresh_token);
        let request = TokenRequest::refresh(refresh_token, &registration, &found.resource);
        match self.tokens(found, &request)? {
            Ok(tokens) => Ok(Some(grant.with(tokens))),
            Err(error) if error.is_invalid_grant() || error.is_invalid_client() => {
                log::info!(target: log_target::CLIENT, "the refresh token counts no more: {error}");
                if error.is_invalid_client() {
                    self.forget(found);
                }
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A token for the client itself (R-AU-47).
    fn for_itself(&self, found: &Found, scopes: &Scopes) -> Result<Grant, Failed> {
        let (Some(id), Some(secret)) = (&self.settings.client_id, &self.settings.client_secret) else {
            return Err("the client has nothing to show (settings `client_id`, `client_secret`)".to_owned().into());
        };
        let registration = Registration::known(id, Some(secret.expose()), &found.server);
        let request = TokenRequest::client_credentials(&registration, &found.resource, scopes);
        let tokens = self.tokens(found, &request)??;
        Ok(begin(found, &registration, scopes).with(tokens))
    }

    /// A token for what a person says yes to (R-AU-26 to R-AU-34).
    fn for_person(&self, found: &Found, person: &Person, scopes: Scopes) -> Result<Grant, Failed> {
        let server = &found.server;
        server.check_pkce()?;
        let endpoint = server.authorization_endpoint(&self.resource)?;
        // Before anybody is asked: without it, all was for nothing.
        server.token_endpoint(&self.resource)?;
        let kept = self.kept(found)?;
        let way_back = person.prepare(kept.as_ref().map(|kept| &*kept.redirect_uri))?;
        let kept = kept.filter(|kept| kept.redirect_uri == way_back.redirect_uri());
        let (registration, is_kept) = match (self.given(found)?, kept) {
            (Some(registration), _) => (registration, false),
            (None, Some(kept)) => (kept.registration, true),
            (None, None) => (self.register(found, way_back.redirect_uri())?, false),
        };
        let entropy = random::entropy()?;
        let wanted = Wanted {
            client_id: &registration.client_id,
            redirect_uri: way_back.redirect_uri(),
            resource: &found.resource,
            scopes: &scopes,
        };
        let authorization = Authorization::new(server, &endpoint, wanted, &entropy, random::sha256);
        log::info!(target: log_target::CLIENT, "somebody is asked at {} for access to {}", endpoint.origin(), self.resource.origin());
        let of_person = |failed: Failed| Failed { is_of_person: true, ..failed };
        let query = way_back.ask(&authorization, &self.settings, &*self.dropped);
        let query = query.map_err(|problem| match self.dropped.is_stopped() {
            true => CredentialsError::stopped(SOURCE).into(),
            false => {
                if is_kept {
                    // The person may be looking at a page that says that the client is not known.
                    self.forget(found);
                }
                of_person(problem.into())
            }
        })?;
        let of_server = |error: AuthError| {
            if error.is_invalid_client() {
                self.forget(found);
            }
            of_person(error.into())
        };
        let code = authorization.code(&query).map_err(of_server)?;
        let request = TokenRequest::code(&code, &registration, &found.resource);
        let tokens = self.tokens(found, &request).map_err(of_person)?.map_err(of_server)?;
        Ok(begin(found, &registration, &scopes).with(tokens))
    }

    /// As whom the client asks, if it need not register (R-AU-20).
    fn given(&self, found: &Found) -> Result<Option<Registration>, Failed> {
        let settings = &*self.settings;
        if let Some(id) = &settings.client_id {
            let secret = settings.client_secret.as_ref().map(Secret::expose);
            return Ok(Some(Registration::known(id, secret, &found.server)));
        }
        let url = settings.client_metadata_url.as_deref();
        let Some(url) = url.filter(|_| found.server.client_id_metadata_document_supported == Some(true)) else {
            return Ok(None);
        };
        if !Url::parse(url).is_ok_and(|url| url.is_https() && url.path() != "/") {
            return Err("the id of a client is an https URL with a path (setting `client_metadata_url`)"
                .to_owned()
                .into());
        }
        Ok(Some(Registration::known(url, None, &found.server)))
    }

    /// As whom the client asked before.
    fn known(&self, found: &Found) -> Result<Option<Registration>, Failed> {
        match self.given(found)? {
            Some(registration) => Ok(Some(registration)),
            None => Ok(self.kept(found)?.map(|kept| kept.registration)),
        }
    }

    /// What the client registered itself as.
    fn kept(&self, found: &Found) -> Result<Option<Registered>, Failed> {
        let kept = Registered::load(&*self.settings.store, &found.server.issuer);
        kept.map_err(|error| format!("the kept registration cannot be read: {error}").into())
    }

    /// What it registered itself as is not known there any more: the next authorization registers it anew.
    fn forget(&self, found: &Found) {
        if let Err(error) = Registered::forget(&*self.settings.store, &found.server.issuer) {
            log::warn!(target: log_target::CLIENT, "the registration is not forgotten: {error}");
        }
    }

    /// Registers the client (R-AU-24).
    fn register(&self, found: &Found, redirect_uri: &str) -> Result<Registration, Failed> {
        let server = &found.server;
        let endpoint = server.registration_endpoint(&self.resource).map_err(|error| match error {
            AuthError::NoEndpoint(_) => {
                let issuer = Excerpt::new(&server.issuer, 256);
                format!("the authorization server {issuer} registers no clients itself: one has to be known to it (setting `client_id`)")
            }
            error => error.to_string(),
        })?;
        let method = AuthMethod::wished(server);
        let request = Registration::request(&self.settings.client_name, redirect_uri, method);
        let headers = [(headers::ACCEPT, headers::JSON), (headers::CONTENT_TYPE, headers::JSON)];
        let (status, answer) = self.fetch(Verb::Post, &endpoint, &headers, &request, "registering at")?;
        let registration = Registration::read(status, &answer, server)?;
        if let Some(secret) = &registration.client_secret {
            self.http.insight().secret(secret);
        }
        let registered = Registered { registration: registration.clone(), redirect_uri: redirect_uri.to_owned() };
        if let Err(error) = registered.save(&*self.settings.store, &server.issuer) {
            log::warn!(target: log_target::CLIENT, "the registration is not kept: {error}");
        }
        Ok(registration)
    }

    /// What the token endpoint says.
    fn tokens(&self, found: &Found, request: &TokenRequest) -> Result<Result<Tokens, AuthError>, Failed> {
        let endpoint = found.server.token_endpoint(&self.resource)?;
        let mut headers = vec![(headers::ACCEPT, headers::JSON), (headers::CONTENT_TYPE, token::FORM)];
        headers.extend(request.authorization.as_deref().map(|value| (headers::AUTHORIZATION, value)));
        let (status, answer) = self.fetch(Verb::Post, &endpoint, &headers, &request.form, "asking for a token at")?;
        Ok(Tokens::read(status, &answer))
    }

    /// One request.
    fn fetch(
        &self,
        verb: Verb,
        url: &Url,
        headers: &[(&'static str, &str)],
        body: &str,
        doing: &'static str,
    ) -> Result<(u16, Vec<u8>), Failed> {
        let timeout = self.settings.request_timeout;
        let deadline = Deadline::after(clock::now(), timeout, Cause::Response);
        let stop = Arc::clone(&self.dropped) as Arc<dyn Stop>;
        let headers = Http::foreign_headers(headers);
        let fetch = Fetch { verb, url, headers: &headers, body, deadline, stop, most: MAX_DOCUMENT_BYTES, doing };
        self.http.fetch(&fetch).map_err(|error| match error {
            Error::Cancelled(_) | Error::Closed(_) => CredentialsError::stopped(SOURCE).into(),
            Error::Timeout(late) if late.cause == Cause::Response => {
                format!("{doing} {url} took longer than {timeout:?} (setting `request_timeout`)").into()
            }
            error => format!("{doing} {url} failed: {error}").into(),
        })
    }
}

/// The authorization server that is asked (R-AU-12): the one that was chosen, or the one that was asked before, or the first.
fn choose(servers: &[String], chosen: Option<&str>, before: Option<&Grant>) -> Result<String, Failed> {
    let shown = || servers.iter().map(|server| Excerpt::new(server, 256).to_string()).collect::<Vec<_>>().join(", ");
    match chosen {
        Some(chosen) if servers.iter().any(|server| server == chosen) => Ok(chosen.to_owned()),
        Some(chosen) => Err(format!("the server trusts {} and not {chosen} (setting `issuer`)", shown()).into()),
        None => {
            let before = before.and_then(|grant| servers.iter().find(|server| **server == grant.issuer));
            // There is one: the document was refused otherwise.
            Ok(before.or(servers.first()).cloned().unwrap_or_default())
        }
    }
}

fn begin(found: &Found, registration: &Registration, scopes: &Scopes) -> Grant {
    Grant {
        issuer: found.server.issuer.clone(),
        resource: found.resource.clone(),
        client_id: registration.client_id.clone(),
        access_token: String::new(),
        refresh_token: None,
        expires_at: None,
        scope: scopes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R-AU-12
    #[test]
    fn the_one_that_was_asked_before_is_asked_again() {
        let servers = ["https://a".to_owned(), "https://b".to_owned()];
        let found = Found {
            resource: String::new(),
            scopes: None,
            server: AuthorizationServer::unspoken(&Url::parse("https://b").unwrap()),
        };
        let registration = Registration::known("id", None, &found.server);
        let before = begin(&found, &registration, &Scopes::default());
        let choose = |chosen, before| choose(&servers, chosen, before).map_err(|failed| failed.error.to_string());
        assert_eq!(choose(None, None), Ok("https://a".into()));
        assert_eq!(choose(None, Some(&before)), Ok("https://b".into()));
        assert_eq!(choose(Some("https://b"), None), Ok("https://b".into()));
        let problem =
            "no credentials from OAuth: the server trusts https://a, https://b and not https://c (setting `issuer`)";
        assert_eq!(choose(Some("https://c"), None), Err(problem.into()));
    }
}

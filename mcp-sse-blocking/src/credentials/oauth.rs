//! Tokens by OAuth: who asks the person, where what was given is kept, and who waits for whom.
//!
//! [`mcp_core::auth`] decides; this moves bytes. [`login`] is the way from a refusal to a token, in the order of the protocol.
//! It runs on a thread of its own: a person may need longer than a request may take, and then finishes for the next one.

mod file;
mod listener;
mod login;
mod person;
mod random;
mod settings;
mod store;

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use mcp_core::auth::{Scopes, place};
use mcp_core::http::Url;
use mcp_core::time::{Cause, Deadline, Instant};

use self::login::{Found, Login, Refusal};
use self::settings::Settings;
use self::store::Grant;
use super::flight::{Flight, Left, Patience};
use super::{Ask, Credential, Credentials, CredentialsError, Rejected};
use crate::clock;
use crate::log_target;
use crate::transport::exchange::Stop;

pub use self::file::TokenFile;
pub use self::store::{TokenMemory, TokenStore};

/// What errors call it.
const SOURCE: &str = "OAuth";
/// A token is renewed when it counts no longer than this. 30 s: a request has to arrive, and clocks differ.
const RENEWED_BEFORE: Duration = Duration::from_secs(30);
/// How long a request waits for that while its token counts. 1 s: then it takes what there is, and the renewal is for the next one.
const RENEWAL_PATIENCE: Duration = Duration::from_secs(1);
/// For how long a person who said no, or nothing, is not asked again: else every request, and whatever is tried again in the
/// background, would open the browser anew.
const LEFT_ALONE: Duration = Duration::from_secs(60);
/// How often a person is asked within [`LEFT_ALONE`]: a server that refuses what it was just given would go on for ever.
const MOST_ASKED: usize = 5;

/// A provider of credentials by OAuth 2.1, as MCP has it: nobody has to know more than the URL of the server.
///
/// Requests go out without a token until the server refuses one with 401. Then the server's metadata and those of its
/// authorization server are read and checked, the client registers where that is needed, a person is asked in the browser, and
/// what comes back is exchanged for a token, which goes into all further requests. It is renewed with its refresh token before it
/// ends, and when the server refuses it; when the server says that a scope is missing, the person is asked again for that one on
/// top.
///
/// ```no_run
/// use mcp_sse_blocking::credentials::{OAuth, TokenFile};
/// use mcp_sse_blocking::Client;
///
/// let oauth = OAuth::new()
///     .client_name("Calendar")
///     .store(TokenFile::new("/home/ada/.local/share/calendar/tokens"))
///     .open_with(|url| {
///         // Without a shell: the URL comes from a server.
///         let browser = std::process::Command::new("xdg-open").arg(url).status();
///         browser.map(drop).map_err(|error| error.to_string())
///     });
/// let client = Client::builder("https://mcp.example/mcp").credentials(oauth).connect()?;
/// # Ok::<(), mcp_sse_blocking::Error>(())
/// ```
///
/// **Who the client is**, in this order (R-AU-20): what was [registered beforehand](Self::client_id), the URL of a
/// [document about it](Self::client_metadata_url) where the server takes one, or a registration that it makes itself and keeps.
///
/// **Waiting.** One authorization a server is under way at a time, on a thread of its own, and every request that needs a token waits
/// for it with its own deadline. When that passes, the authorization goes on for the next request. It has
/// [`login_timeout`](Self::login_timeout) for the person and [`request_timeout`](Self::request_timeout) for each of its
/// requests, and ends when this is dropped, which waits for nothing. After a person said no, or nothing, the same error is given for one minute
/// without asking again.
///
/// **Where it goes.** Its requests take the client's way: its proxies, its authorities of TLS, its time for opening a
/// connection. What else was set of TLS (a certificate that is pinned or shown, that any is accepted) is for the origin of the
/// server alone. They carry none of the caller's headers. A server that is on another machine and spoken to over http gets no token. Only https is spoken to, except on this machine for servers that are on
/// this machine; the answers have 64 KiB at most; redirects are followed within the origin only. What it sends is masked in traces.
pub struct OAuth {
    settings: Arc<Settings>,
    servers: Mutex<HashMap<String, Arc<Server>>>,
    dropped: Arc<Dropped>,
}

/// Ends what is under way when nobody can want it any more.
#[derive(Debug, Default)]
struct Dropped(AtomicBool);

impl Stop for Dropped {
    fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// What there is for one resource.
#[derive(Default)]
struct Server {
    authorizations: Arc<Flight<Result<(), CredentialsError>>>,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    /// Whether the store was asked.
    is_loaded: bool,
    grant: Option<Grant>,
    /// The token that the store had when it was last looked at: any other one is newer, of another program.
    stored: Option<String>,
    /// When the token was had for a refresh token, if it was.
    refreshed: Option<Instant>,
    /// Whose tokens they are, from the authorization that got them.
    found: Option<Arc<Found>>,
    /// Who gave the last one, also when it counts no more.
    issuer: Option<String>,
    /// The scopes that were asked for so far.
    asked: Scopes,
    /// What a person said, and when.
    failure: Option<(Instant, CredentialsError)>,
    /// When a person was asked lately.
    asked_at: Vec<Instant>,
}

impl Credentials for OAuth {
    fn credential(&self, ask: &Ask<'_>) -> Result<Option<Credential>, CredentialsError> {
        if ask.origin() != ask.resource().origin() {
            // `message_url` leads elsewhere, and the token is for the resource (R-AU-3).
            return Ok(None);
        }
        if let Err(error) = place::may_have_token(ask.resource()) {
            // Not what is kept either: everybody on the way could read it.
            let problem = || CredentialsError::new(SOURCE, error.to_string());
            return ask.rejected().map_or(Ok(None), |_| Err(problem()));
        }
        let server = self.server(ask.resource());
        // Before anything is looked at: what lands later is newer.
        let (seen, _) = server.authorizations.last();
        let refusal = match self.judge(&server, ask)? {
            Verdict::Give(token) => return Ok(token.map(Credential::bearer)),
            Verdict::Authorize(refusal) => refusal,
        };
        // It was to be renewed before it ends. Should that fail, it is used until then; after that the server says anew whom it trusts.
        let is_early = refusal.is_early();
        let authorized = self.authorize(&server, seen, ask, refusal);
        let held = server.held();
        let mut grant = held.grant.as_ref();
        match authorized {
            Err(error) if is_early && !error.is_stopped() => {
                log::warn!(target: log_target::CLIENT, "the token is not renewed yet: {error}");
                grant = grant.filter(|grant| !grant.has_ended());
                if grant.is_none() && error.is_out_of_time() {
                    return Err(error);
                }
            }
            authorized => authorized?,
        }
        Ok(grant.map(|grant| Credential::bearer(grant.access_token.as_str())))
    }

    fn source(&self) -> String {
        SOURCE.into()
    }

    fn steps_up(&self) -> bool {
        true
    }
}

/// What is to be done for a request.
enum Verdict {
    Give(Option<String>),
    Authorize(Refusal),
}

impl OAuth {
    fn server(&self, resource: &Url) -> Arc<Server> {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(servers.entry(resource.as_str().to_owned()).or_default())
    }

    fn judge(&self, server: &Server, ask: &Ask<'_>) -> Result<Verdict, CredentialsError> {
        let mut held = server.held();
        if !held.is_loaded {
            if let Some(grant) = self.settings.kept(ask.resource())? {
                held.take(grant);
            }
            held.is_loaded = true;
        }
        let token = held.grant.as_ref().map(|grant| grant.access_token.clone());
        let Some(rejected) = ask.rejected() else {
            let is_ending =
                held.grant.as_ref().is_some_and(|grant| grant.ends_within(RENEWED_BEFORE, SystemTime::now()));
            // Who the tokens are from is known only after a refusal in this program: then the next one says it again.
            let can_renew =
                held.found.is_some() && held.grant.as_ref().is_some_and(|grant| grant.refresh_token.is_some());
            return Ok(match is_ending {
                true if can_renew => Verdict::Authorize(Refusal::default()),
                true => Verdict::Give(
                    held.grant.as_ref().filter(|grant| !grant.has_ended()).map(|_| token).unwrap_or_default(),
                ),
                false => Verdict::Give(token),
            });
        };
        let refused = rejected.credential.as_ref().map(|credential| credential.secret().expose());
        let has_ended = held.grant.as_ref().is_some_and(Grant::has_ended);
        if token.is_some() && token.as_deref() != refused && !has_ended {
            // Another request had the same trouble before.
            return Ok(Verdict::Give(token));
        }
        let now = clock::now();
        held.asked_at.retain(|at| now.since(*at) < LEFT_ALONE);
        if let Some((at, error)) = &held.failure
            && now.since(*at) < LEFT_ALONE
        {
            return Err(error.clone());
        }
        if held.asked_at.len() >= MOST_ASKED {
            let problem = format!(
                "a person was asked {MOST_ASKED} times within {LEFT_ALONE:?}, and the server refuses what came of it"
            );
            return Err(CredentialsError::new(SOURCE, problem));
        }
        let refusal = Refusal::read(rejected);
        if rejected.status == 403 && held.asked.hold(&refusal.scopes()) {
            // It was asked for already, and did not help (R-AU-40).
            return Ok(Verdict::Give(token));
        }
        Ok(Verdict::Authorize(refusal))
    }

    /// Waits for an authorization that began after `seen`, or begins it.
    fn authorize(
        &self,
        server: &Arc<Server>,
        seen: u64,
        ask: &Ask<'_>,
        refusal: Refusal,
    ) -> Result<(), CredentialsError> {
        let Some(http) = ask.http else { return Err(CredentialsError::new(SOURCE, "there is no HTTP to ask over")) };
        let login = Login {
            settings: Arc::clone(&self.settings),
            http: http.apart(ask.resource()),
            resource: ask.resource().clone(),
            dropped: Arc::clone(&self.dropped),
        };
        let (own, is_early) = (Arc::clone(server), refusal.is_early());
        let authorize = move || {
            // A panic, of a closure of the program's for instance, would leave all others waiting.
            let done = catch_unwind(AssertUnwindSafe(|| own.authorized(&login, &refusal)));
            login.http.shut_down();
            done.unwrap_or_else(|_| Err(CredentialsError::new(SOURCE, "the authorization panicked")))
        };
        let mut patience = Patience { deadline: ask.deadline, stop: ask.stop };
        if is_early && server.held().grant.as_ref().is_some_and(|grant| !grant.has_ended()) {
            let soon = Deadline::after(clock::now(), RENEWAL_PATIENCE, Cause::Response);
            patience.deadline = Some(patience.deadline.filter(|own| own.at < soon.at).unwrap_or(soon));
        }
        match server.authorizations.join_apart(seen, patience, authorize) {
            Ok(done) => done,
            Err(Left::OutOfTime) => Err(CredentialsError::out_of_time(SOURCE)),
            Err(Left::Stopped) => Err(CredentialsError::stopped(SOURCE)),
        }
    }
}

impl Server {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An authorization from its beginning to its end, without a lock.
    fn authorized(&self, login: &Login, refusal: &Refusal) -> Result<(), CredentialsError> {
        let kept = login.settings.kept(&login.resource)?;
        let (grant, found, asked, issuer) = {
            let mut held = self.held();
            if let Some(kept) = kept.filter(|kept| held.stored.as_ref() != Some(&kept.access_token)) {
                login.http.insight().secret(&kept.access_token);
                held.take(kept);
                if held.is_good_for(refusal) {
                    return Ok(());
                }
            }
            let grant = held.grant.clone().map(|grant| match held.is_refresh_of_use(refusal) {
                true => grant,
                false => Grant { refresh_token: None, ..grant },
            });
            (grant, held.found.clone(), held.asked.clone(), held.issuer.clone())
        };
        let got = login.run(refusal, grant, found, &asked, issuer.as_ref());
        let saved = got.as_ref().ok().map(|got| got.grant.save(&*login.settings.store, &login.resource));
        if let Some(Err(error)) = &saved {
            log::warn!(target: log_target::CLIENT, "the tokens are not kept: {error}");
        }
        let mut held = self.held();
        match got {
            Ok(got) => {
                login.http.insight().secret(&got.grant.access_token);
                let mut asked_at = std::mem::take(&mut held.asked_at);
                if got.is_of_person {
                    asked_at.push(clock::now());
                }
                let stored = match saved {
                    Some(Ok(())) => Some(got.grant.access_token.clone()),
                    _ => held.stored.take(),
                };
                *held = Held {
                    is_loaded: true,
                    stored,
                    refreshed: got.is_refreshed.then(clock::now),
                    asked_at,
                    issuer: Some(got.grant.issuer.clone()),
                    asked: Scopes::parse(&got.grant.scope),
                    grant: Some(got.grant),
                    found: Some(got.found),
                    failure: None,
                };
                Ok(())
            }
            Err(failed) if refusal.is_early() => {
                // Not again with each request: the next refusal says whom the server trusts.
                held.found = None;
                Err(failed.error)
            }
            Err(failed) => {
                if failed.is_of_person {
                    held.asked_at.push(clock::now());
                    held.failure = Some((clock::now(), failed.error.clone()));
                }
                // Who does not want more may still want what there is.
                if failed.is_of_person && refusal.status != 403 {
                    held.grant = None;
                }
                Err(failed.error)
            }
        }
    }
}

impl Held {
    /// What the store has.
    fn take(&mut self, grant: Grant) {
        if self.issuer.as_ref() != Some(&grant.issuer) {
            self.found = None;
        }
        self.issuer = Some(grant.issuer.clone());
        self.asked = Scopes::parse(&grant.scope);
        self.stored = Some(grant.access_token.clone());
        self.refreshed = None;
        self.grant = Some(grant);
    }

    /// Whether what there is may be what the server wants.
    fn is_good_for(&self, refusal: &Refusal) -> bool {
        let before = if refusal.is_early() { RENEWED_BEFORE } else { Duration::ZERO };
        let counts = self.grant.as_ref().is_some_and(|grant| !grant.ends_within(before, SystemTime::now()));
        counts && self.asked.hold(&refusal.scopes())
    }

    /// Whether the server might take what a refresh token gives: neither when it wants what was never asked for (R-AU-37),
    /// nor when it refuses what the last one just gave.
    fn is_refresh_of_use(&self, refusal: &Refusal) -> bool {
        let has_ended = self.grant.as_ref().is_some_and(Grant::has_ended);
        let is_new = self.refreshed.is_some_and(|at| clock::now().since(at) < LEFT_ALONE);
        refusal.is_early() || (self.asked.hold(&refusal.scopes()) && (has_ended || !is_new))
    }
}

impl Refusal {
    /// The server said nothing: a token ends soon.
    fn is_early(&self) -> bool {
        self.status == 0
    }

    /// Those that it asks for.
    fn scopes(&self) -> Scopes {
        self.scope.as_deref().map(Scopes::parse).unwrap_or_default()
    }

    fn read(rejected: &Rejected) -> Self {
        let challenges = rejected.challenges();
        let bearer: Vec<_> = challenges.iter().filter(|challenge| challenge.is("Bearer")).collect();
        let said = |name: &str| bearer.iter().find_map(|challenge| challenge.parameter(name)).map(str::to_owned);
        Self { status: rejected.status, scope: said("scope"), resource_metadata: said("resource_metadata") }
    }
}

impl Drop for OAuth {
    fn drop(&mut self) {
        self.dropped.0.store(true, Ordering::Release);
    }
}

/// Where the browser comes back to.
const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;

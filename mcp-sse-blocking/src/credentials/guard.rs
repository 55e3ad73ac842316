//! Between requests and the provider: who is asked when, and by whom.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use mcp_core::http::Url;
use mcp_core::time::Deadline;
use ureq::http::header::{HeaderName, HeaderValue};

use super::flight::{Flight, Left, Patience, Share};
use super::{Ask, Credential, Credentials, CredentialsError, Rejected, Secret};
use crate::transport::exchange::Stop;
use crate::transport::http::Http;

/// The provider of one client, asked again by one thread at a time.
pub(crate) struct Guard {
    provider: Arc<dyn Credentials>,
    /// The URL that the client was given.
    resource: Url,
    /// One, and another where `message_url` names another origin. What was given for one origin goes to no other.
    origins: Mutex<Vec<Arc<Kept>>>,
}

/// What is kept for one origin.
struct Kept {
    /// Some URL of it.
    url: Url,
    renewals: Flight<Result<Option<Credential>, CredentialsError>>,
    /// What was sent last.
    last: Mutex<Option<Credential>>,
}

/// For which request.
#[derive(Clone, Copy)]
pub(crate) struct For<'a> {
    pub(crate) url: &'a Url,
    pub(crate) deadline: Option<Deadline>,
    pub(crate) stop: &'a dyn Stop,
    /// What makes the request, for providers that make requests themselves.
    pub(crate) http: Option<&'a Http>,
}

/// A credential as it is sent.
pub(crate) type Header = (HeaderName, HeaderValue);

/// What a request carries.
#[derive(Default)]
pub(crate) struct Carried {
    credential: Option<Credential>,
    header: Option<Header>,
    /// How often the provider had been asked again before.
    seen: u64,
    /// The request before carried another one.
    is_new: bool,
}

impl Carried {
    pub(crate) fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// The secret, when it is another one than that of the request before.
    pub(crate) fn new_secret(&self) -> Option<&Secret> {
        self.credential.as_ref().filter(|_| self.is_new).map(Credential::secret)
    }
}

impl Guard {
    pub(crate) fn new(provider: Arc<dyn Credentials>, resource: Url) -> Self {
        Self { provider, resource, origins: Mutex::default() }
    }

    /// Whether the provider is asked again because of a scope that is missing.
    pub(crate) fn steps_up(&self) -> bool {
        self.provider.steps_up()
    }

    /// The credential of a request. Waits while another thread asks again: what there is was refused.
    pub(crate) fn credential(&self, of: For<'_>) -> Result<Carried, CredentialsError> {
        let kept = self.kept(of.url);
        let seen = kept.renewals.landings(of.patience()).map_err(|left| self.left(left))?;
        let credential = self.ask(of, None)?;
        self.carried(&kept, credential, seen)
    }

    /// Another one in place of what a request carried, which was refused. `None` when there is no other.
    pub(crate) fn renewed(
        &self,
        of: For<'_>,
        carried: &Carried,
        status: u16,
        www_authenticate: Vec<String>,
    ) -> Result<Option<Carried>, CredentialsError> {
        let kept = self.kept(of.url);
        let mut shown = www_authenticate.clone();
        match of.http {
            Some(http) => shown.iter_mut().for_each(|value| http.insight().clear_text(value)),
            None => shown.clear(),
        }
        let rejected = Rejected { credential: carried.credential.clone(), status, www_authenticate, shown };
        let mut seen = carried.seen;
        let (credential, seen) = loop {
            let mut is_own = false;
            let renewed = kept.renewals.join(seen, of.patience(), || {
                is_own = true;
                let renewed = self.ask(of, Some(&rejected));
                let is_of_this_request = |error: &CredentialsError| error.is_out_of_time() || error.is_stopped();
                let share = if renewed.as_ref().is_err_and(is_of_this_request) { Share::No } else { Share::Yes };
                (renewed, share)
            });
            let renewed = renewed.map_err(|left| self.left(left)).and_then(|renewed| renewed);
            let credential = renewed.map_err(|error| error.after_rejection(status))?;
            let now = kept.renewals.last().0;
            // What another thread got may be what was refused here, when it came just before this request took it.
            if is_own || seen == now || credential != carried.credential {
                break (credential, now);
            }
            seen = now;
        };
        if credential.is_none() || credential == carried.credential {
            return Ok(None);
        }
        self.carried(&kept, credential, seen).map(Some).map_err(|error| error.after_rejection(status))
    }

    /// The server says in another way than by 401 that what was sent last is not taken any more. Whether there is another now.
    pub(crate) fn rejected(&self, of: For<'_>) -> Result<bool, CredentialsError> {
        let kept = self.kept(of.url);
        let seen = kept.renewals.landings(of.patience()).map_err(|left| self.left(left))?;
        let credential = kept.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let carried = Carried { credential, seen, ..Carried::default() };
        Ok(self.renewed(of, &carried, 401, Vec::new())?.is_some())
    }

    fn ask(&self, of: For<'_>, rejected: Option<&Rejected>) -> Result<Option<Credential>, CredentialsError> {
        let resource = &self.resource;
        let ask = Ask { url: of.url, resource, deadline: of.deadline, stop: Some(of.stop), rejected, http: of.http };
        // A panic would leave whoever opens a session half-way, and those who wait for it waiting.
        catch_unwind(AssertUnwindSafe(|| self.provider.credential(&ask)))
            .unwrap_or_else(|_| Err(CredentialsError::new("the provider of credentials", "it panicked")))
    }

    /// What is kept for the origin of `url`.
    fn kept(&self, url: &Url) -> Arc<Kept> {
        let mut origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = origins.iter().find(|kept| kept.url.is_same_origin(url)) {
            return Arc::clone(kept);
        }
        let kept = Arc::new(Kept { url: url.clone(), renewals: Flight::default(), last: Mutex::default() });
        origins.push(Arc::clone(&kept));
        kept
    }

    fn carried(&self, kept: &Kept, credential: Option<Credential>, seen: u64) -> Result<Carried, CredentialsError> {
        let header = credential.as_ref().map(Credential::to_header).transpose();
        let header = header
            .map_err(|problem| CredentialsError::new(self.provider.source(), format!("what it gives is {problem}")))?;
        let mut last = kept.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = *last != credential;
        if is_new {
            last.clone_from(&credential);
        }
        Ok(Carried { credential, header, seen, is_new })
    }

    fn left(&self, left: Left) -> CredentialsError {
        match left {
            Left::OutOfTime => CredentialsError::out_of_time(self.provider.source()),
            Left::Stopped => CredentialsError::stopped(self.provider.source()),
        }
    }
}

impl<'a> For<'a> {
    fn patience(self) -> Patience<'a> {
        Patience { deadline: self.deadline, stop: Some(self.stop) }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("provider", &self.provider.source()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::credentials::from_fn;

    struct Never;

    impl Stop for Never {
        fn is_stopped(&self) -> bool {
            false
        }
    }

    fn to(url: &Url) -> For<'_> {
        For { url, deadline: None, stop: &Never, http: None }
    }

    /// Only `message_url` makes that there are two.
    #[test]
    fn what_is_given_for_one_origin_goes_to_no_other() {
        let (stream, messages) = (Url::parse("http://a/sse").unwrap(), Url::parse("http://b/rpc").unwrap());
        let number = AtomicU32::new(0);
        let provider = from_fn(move |ask| {
            let number = number.fetch_add(1, Ordering::Relaxed);
            Ok(Some(Credential::bearer(format!("{}#{number}", ask.origin()))))
        });
        let guard = Guard::new(Arc::new(provider), stream.clone());
        let carried = [&stream, &messages].map(|url| guard.credential(to(url)).unwrap());
        // Both were sent before either was refused.
        for (url, carried) in [&stream, &messages].into_iter().zip(&carried) {
            let renewed = guard.renewed(to(url), carried, 401, Vec::new()).unwrap().unwrap();
            let token = renewed.credential.unwrap().secret().expose().to_owned();
            assert!(token.starts_with(&format!("{}#", url.origin())), "{token} for {}", url.origin());
        }
    }
}

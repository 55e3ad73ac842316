//! Settings of authentication: who asks for the credentials of a request.

use std::fmt;
use std::sync::Arc;

use mcp_core::http::Url;

use super::Builder;
use crate::credentials::Credentials;
use crate::credentials::guard::Guard;

/// The settings of authentication.
#[derive(Default)]
pub(crate) struct AuthOptions {
    provider: Option<Arc<dyn Credentials>>,
}

impl Builder {
    /// Who gives the credentials of each request over HTTP, and others when a server refuses them with 401; see
    /// [`credentials`](crate::credentials). A header of the same name given by [`header`](Self::header) or
    /// [`bearer`](Self::bearer) is sent where there are none.
    pub fn credentials(mut self, provider: impl Credentials + 'static) -> Self {
        self.http.auth.provider = Some(Arc::new(provider));
        self
    }
}

impl AuthOptions {
    /// Who asks the provider, for all requests of one client of the server at `resource`.
    pub(super) fn guard(&self, resource: &Url) -> Option<Arc<Guard>> {
        let provider = Arc::clone(self.provider.as_ref()?);
        Some(Arc::new(Guard::new(provider, resource.clone())))
    }
}

impl fmt::Debug for AuthOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AuthOptions").field(&self.provider.as_ref().map(|provider| provider.source())).finish()
    }
}

//! Settings of authentication: who asks for the credentials of a request.

/// The settings of authentication.
#[derive(Default)]
pub(crate) struct AuthOptions {}

//! Settings of TLS, left out: without the feature `tls` there are none.

use crate::error::Error;
use crate::transport::tls::Tls;

/// Nothing to set.
#[derive(Default)]
pub(crate) struct TlsOptions {}

impl TlsOptions {
    /// As it is with the feature, where settings may be wrong.
    pub(super) fn settings(&self) -> Result<Tls, Error> {
        Ok(Tls {})
    }
}

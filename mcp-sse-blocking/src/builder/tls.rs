//! Settings of TLS: whom to trust, and how to identify.

use ureq::tls::{PemItem, RootCerts, parse_pem};

use super::Builder;
use crate::error::Error;

/// The settings of TLS.
#[derive(Default)]
pub(crate) struct TlsOptions {
    roots: Option<Vec<u8>>,
}

impl Builder {
    /// Certificates, in PEM, that servers' certificates may be signed by, instead of Mozilla's list; for private authorities and
    /// tests.
    pub fn root_certificates_pem(mut self, pem: &[u8]) -> Self {
        self.http.tls.roots = Some(pem.to_owned());
        self
    }
}

impl TlsOptions {
    pub(super) fn root_certificates(&self) -> Result<Option<RootCerts>, Error> {
        let Some(pem) = &self.roots else { return Ok(None) };
        let mut certificates = Vec::new();
        for item in parse_pem(pem) {
            match item {
                Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
                Ok(_) => {}
                Err(error) => return Err(Error::Usage(format!("the root certificates cannot be read: {error}"))),
            }
        }
        if certificates.is_empty() {
            return Err(Error::Usage("there is no certificate among the root certificates".into()));
        }
        Ok(Some(RootCerts::new_with_certs(&certificates)))
    }
}

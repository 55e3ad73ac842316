//! Settings of TLS: whom to trust, and how to identify.

use ureq::tls::{PemItem, RootCerts, parse_pem};

use super::Builder;
use crate::error::Error;

/// The settings of TLS.
#[derive(Default)]
pub(crate) struct TlsOptions {
    base: Base,
    added: Vec<Vec<u8>>,
    /// A chain of certificates and the key of the first.
    client: Option<(Vec<u8>, Vec<u8>)>,
    pinned: Vec<Vec<u8>>,
    accepts_any: bool,
}

/// The authorities that are trusted before any are added.
#[derive(Default)]
enum Base {
    /// Mozilla's list, as it was when this crate was built.
    #[default]
    Bundled,
    #[cfg(feature = "system-roots")]
    System,
    Pem(Vec<u8>),
}

impl Builder {
    /// Certificates, in PEM, that servers' certificates may be signed by, instead of Mozilla's list; for private authorities and
    /// tests.
    pub fn root_certificates_pem(mut self, pem: &[u8]) -> Self {
        self.http.tls.base = Base::Pem(pem.to_owned());
        self
    }

    /// Certificates, in PEM, of authorities to trust beside the others: beside Mozilla's list, or what
    /// [`root_certificates_pem`](Self::root_certificates_pem) or `system_roots` put in its place. May be given several times.
    pub fn add_root_certificates_pem(mut self, pem: &[u8]) -> Self {
        self.http.tls.added.push(pem.to_owned());
        self
    }

    /// Trusts the authorities that the operating system trusts, instead of Mozilla's list.
    #[cfg(feature = "system-roots")]
    pub fn system_roots(mut self) -> Self {
        self.http.tls.base = Base::System;
        self
    }

    /// Identifies this client to servers that ask for it: a chain of certificates, its own first, and the private key of that,
    /// both in PEM.
    pub fn client_certificate_pem(mut self, certificates: &[u8], key: &[u8]) -> Self {
        self.http.tls.client = Some((certificates.to_owned(), key.to_owned()));
        self
    }

    /// Trusts the server that shows exactly this certificate, in PEM, and no other.
    pub fn pin_certificate_pem(mut self, pem: &[u8]) -> Self {
        self.http.tls.pinned.push(pem.to_owned());
        self
    }

    /// Accepts whatever certificate a server shows: anybody on the way can read and change what is said. For tests of servers
    /// that are being built; warns in the log at each connect.
    pub fn danger_accept_any_certificate(mut self) -> Self {
        self.http.tls.accepts_any = true;
        self
    }
}

impl TlsOptions {
    pub(super) fn root_certificates(&self) -> Result<Option<RootCerts>, Error> {
        let Base::Pem(pem) = &self.base else { return Ok(None) };
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

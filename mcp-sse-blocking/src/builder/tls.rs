//! Settings of TLS: whom to trust, and how to identify.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::pem::{PemObject as _, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::Builder;
use crate::error::Error;
use crate::log_target;
use crate::transport::tls::{Tls, Trust, bundled_roots, provider};

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
    /// tests. Takes the place of `system_roots` too: the last of the two counts.
    pub fn root_certificates_pem(mut self, pem: &[u8]) -> Self {
        self.http.tls.base = Base::Pem(pem.to_owned());
        self
    }

    /// Certificates, in PEM, of authorities to trust beside the others: beside Mozilla's list, or what
    /// [`root_certificates_pem`](Self::root_certificates_pem) or `system_roots` put in its place. For the authority of a company,
    /// or of a proxy that looks into TLS. May be given several times.
    pub fn add_root_certificates_pem(mut self, pem: &[u8]) -> Self {
        self.http.tls.added.push(pem.to_owned());
        self
    }

    /// Trusts the authorities that the operating system trusts, instead of Mozilla's list. They are read at
    /// [`connect`](Self::connect), which fails when the system has none; `SSL_CERT_FILE` and `SSL_CERT_DIR` say where they are,
    /// as for OpenSSL.
    #[cfg(feature = "system-roots")]
    pub fn system_roots(mut self) -> Self {
        self.http.tls.base = Base::System;
        self
    }

    /// Identifies this client to servers that ask for it: a chain of certificates, its own first, and the private key of that,
    /// both in PEM. Keys of RSA, ECDSA (P-256, P-384) and Ed25519 are known, written as PKCS#8, PKCS#1 or SEC 1, and not
    /// encrypted. The certificate is shown to servers only, never to proxies.
    pub fn client_certificate_pem(mut self, certificates: &[u8], key: &[u8]) -> Self {
        self.http.tls.client = Some((certificates.to_owned(), key.to_owned()));
        self
    }

    /// Trusts the server that shows exactly this certificate, in PEM, and no other. For a device with a certificate that it made
    /// itself. May be given several times, or with several certificates, of which any will do: to change one for the next.
    ///
    /// It takes the place of everything that is otherwise asked of a certificate: who signed it, for which name, from when to
    /// when, for what. A server with any other certificate is refused, though an authority that is trusted vouches for it;
    /// authorities, bundled or set, then only count for a proxy that is spoken to over TLS. What is still checked is the
    /// signature of the handshake, by which the server shows that it has the key.
    pub fn pin_certificate_pem(mut self, pem: &[u8]) -> Self {
        self.http.tls.pinned.push(pem.to_owned());
        self
    }

    /// Accepts whatever certificate a server shows: anybody on the way can read and change what is said, tokens and answers
    /// alike. For tests of servers that are being built; each [`connect`](Self::connect) warns of it in the log. Where the
    /// server's certificate is known, [`pin_certificate_pem`](Self::pin_certificate_pem) is as easy and safe.
    ///
    /// That the server has the key of what it shows is checked all the same, and proxies are judged as ever.
    pub fn danger_accept_any_certificate(mut self) -> Self {
        self.http.tls.accepts_any = true;
        self
    }
}

impl TlsOptions {
    /// What these settings come to.
    ///
    /// # Errors
    /// [`Error::Usage`], which names the setting and shows nothing of it.
    pub(super) fn settings(&self) -> Result<Tls, Error> {
        if self.accepts_any && !self.pinned.is_empty() {
            return Err(unusable("`danger_accept_any_certificate` and `pin_certificate_pem`", "are both set"));
        }
        let (roots, identity) = (self.roots()?.map(Arc::new), self.identity()?);
        let mut trust = Trust::Roots;
        if self.accepts_any {
            log::warn!(
                target: log_target::CLIENT,
                "`danger_accept_any_certificate` is set: whoever is between this program and the server can read and change \
                 everything"
            );
            trust = Trust::Any;
        } else if !self.pinned.is_empty() {
            let mut pinned = Vec::new();
            for pem in &self.pinned {
                pinned.extend(certificates("`pin_certificate_pem`", pem)?);
            }
            trust = Trust::Pinned(pinned);
        }
        Ok(Tls::new(trust, roots, identity))
    }

    /// `None` for Mozilla's list alone.
    fn roots(&self) -> Result<Option<RootCertStore>, Error> {
        let mut roots = match &self.base {
            Base::Bundled if self.added.is_empty() => return Ok(None),
            Base::Bundled => bundled_roots(),
            #[cfg(feature = "system-roots")]
            Base::System => system_roots()?,
            Base::Pem(pem) => {
                let mut roots = RootCertStore::empty();
                add_roots(&mut roots, "`root_certificates_pem`", pem)?;
                roots
            }
        };
        for pem in &self.added {
            add_roots(&mut roots, "`add_root_certificates_pem`", pem)?;
        }
        Ok(Some(roots))
    }

    fn identity(&self) -> Result<Option<Arc<CertifiedKey>>, Error> {
        const SETTING: &str = "`client_certificate_pem`";
        let Some((chain, key)) = &self.client else { return Ok(None) };
        let chain = certificates(SETTING, chain)?;
        let key = private_key(SETTING, key)?;
        let identity = CertifiedKey::from_der(chain, key, provider()).map_err(|error| {
            let problem = match error {
                rustls::Error::InconsistentKeys(_) => "has a key that is not the certificate's",
                rustls::Error::InvalidCertificate(_) => "has a certificate that cannot be read",
                // What it says may be of the key.
                _ => "has a key of a kind that is not known, or that cannot be read",
            };
            unusable(SETTING, problem)
        })?;
        Ok(Some(Arc::new(identity)))
    }
}

fn add_roots(roots: &mut RootCertStore, setting: &str, pem: &[u8]) -> Result<(), Error> {
    for certificate in certificates(setting, pem)? {
        roots.add(certificate).map_err(|_| unusable(setting, "has a certificate that cannot be read"))?;
    }
    Ok(())
}

/// What of the system's list can be read.
#[cfg(feature = "system-roots")]
fn system_roots() -> Result<RootCertStore, Error> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        let why = found.errors.first().map(|error| format!(": {error}")).unwrap_or_default();
        return Err(unusable("`system_roots`", &format!("found no certificate of an authority on this system{why}")));
    }
    Ok(roots)
}

/// The certificates of a text in PEM; whatever else is in it is passed over.
fn certificates(setting: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let mut certificates = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        certificates.push(certificate.map_err(|_| unusable(setting, "is no PEM that can be read"))?);
    }
    if certificates.is_empty() { Err(unusable(setting, "has no certificate in it")) } else { Ok(certificates) }
}

/// The first private key of a text in PEM.
fn private_key(setting: &str, pem: &[u8]) -> Result<PrivateKeyDer<'static>, Error> {
    // A mark of its own, which the reader below passes over.
    if pem.windows(ENCRYPTED_KEY.len()).any(|window| window == ENCRYPTED_KEY)
        || pem.windows(ENCRYPTED_PKCS1.len()).any(|window| window == ENCRYPTED_PKCS1)
    {
        return Err(unusable(setting, "has a key that is encrypted: it has to be decrypted first"));
    }
    let mut sections = <(SectionKind, Vec<u8>)>::pem_slice_iter(pem);
    sections
        .find_map(|section| match section {
            Ok((kind, der)) => PrivateKeyDer::from_pem(kind, der).map(Ok),
            Err(_) => Some(Err(unusable(setting, "has a key that is no PEM that can be read"))),
        })
        .unwrap_or_else(|| Err(unusable(setting, "has no private key in it")))
}

/// PKCS#8 with a password.
const ENCRYPTED_KEY: &[u8] = b"BEGIN ENCRYPTED PRIVATE KEY";
/// The older way to say so, in a header of PEM.
const ENCRYPTED_PKCS1: &[u8] = b"Proc-Type: 4,ENCRYPTED";

fn unusable(setting: &str, problem: &str) -> Error {
    Error::Usage(format!("{setting} {problem}"))
}

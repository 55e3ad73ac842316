//! Certificates of every kind, made as they are needed.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// An authority of a test's own.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

/// A certificate with its key.
pub struct Issued {
    /// In PEM.
    pub certificate: String,
    /// In PEM, PKCS#8.
    pub key: String,
    certificate_der: CertificateDer<'static>,
    key_der: Vec<u8>,
}

/// When a certificate is valid.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Valid {
    /// From 1975 to 4096.
    #[default]
    Now,
    /// From 2000 to 2001-02-03.
    Once,
    /// From 2999-01-01.
    Later,
}

/// What a certificate that vouches for itself says it may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum As {
    /// Show itself.
    Itself,
    /// Sign others: what `openssl req -x509` makes.
    Authority,
}

impl Authority {
    /// One of this name.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names are names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// Its certificate, in PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// A certificate for `names`.
    pub fn issue(&self, names: &[&str], valid: Valid) -> Issued {
        self.issue_for(KeyPair::generate().expect("a key"), names, valid)
    }

    /// A certificate for `names` with this key.
    pub fn issue_for(&self, key: KeyPair, names: &[&str], valid: Valid) -> Issued {
        let certificate = params(names, valid).signed_by(&key, &self.issuer).expect("a certificate");
        Issued::new(&certificate, &key)
    }
}

impl Issued {
    /// A certificate that nobody vouches for but itself.
    pub fn self_signed(names: &[&str], valid: Valid, what: As) -> Self {
        let mut params = params(names, valid);
        if what == As::Authority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let key = KeyPair::generate().expect("a key");
        Self::new(&params.self_signed(&key).expect("a certificate"), &key)
    }

    fn new(certificate: &rcgen::Certificate, key: &KeyPair) -> Self {
        Self {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            certificate_der: certificate.der().clone(),
            key_der: key.serialize_der(),
        }
    }

    /// The chain of one, as rustls wants it.
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        vec![self.certificate_der.clone()]
    }

    /// The key, as rustls wants it.
    pub fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key_der.clone()).expect("its key")
    }
}

fn params(names: &[&str], valid: Valid) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    match valid {
        Valid::Now => {}
        Valid::Once => {
            (params.not_before, params.not_after) = (date_time_ymd(2000, 1, 1), date_time_ymd(2001, 2, 3));
        }
        Valid::Later => params.not_before = date_time_ymd(2999, 1, 1),
    }
    params
}

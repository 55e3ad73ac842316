//! TLS, by rustls with the cryptography of ring: whom a client trusts, and a [stream](super::stream) on a stream.
//!
//! ureq has a connector for rustls. It cannot trust one certificate, warn, or say which setting would help, and it makes a
//! record of TLS for each piece that ureq writes; here a request is one, and the client's last word of the handshake leaves
//! with it. Sessions are resumed as rustls does it, those of one client with another connection of it.

mod failure;
mod verify;

use std::fmt;
use std::io::{self, Read, Write as _};
use std::sync::{Arc, OnceLock};

use mcp_core::http::Origin;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use self::failure::Whose;
use self::verify::{AnyCertificate, Pinned};
use super::place::Place;
use super::stream::{Idle, Stream};

/// Reads that what a server says unasked is given, before its connection is given up.
const MOST_UNASKED: usize = 8;

/// Whom a client trusts, and how it identifies.
#[derive(Default)]
pub(crate) struct Tls {
    trust: Trust,
    /// `None` is Mozilla's list, made when it is first needed.
    roots: Option<Arc<RootCertStore>>,
    /// What it shows to servers that ask for it.
    identity: Option<Arc<CertifiedKey>>,
    /// Whom `trust` and `identity` are for. Of all others the roots decide, and they are shown nothing. `None` is for everybody.
    only: Option<Origin>,
    /// For each of whom there may be.
    configs: [OnceLock<Arc<ClientConfig>>; Whose::COUNT],
}

/// Which certificates of servers are accepted.
#[derive(Clone, Default)]
pub(crate) enum Trust {
    /// Those that the roots vouch for.
    #[default]
    Roots,
    /// Exactly these.
    Pinned(Vec<CertificateDer<'static>>),
    /// Whatever is shown.
    Any,
}

/// The cryptography of all clients.
pub(crate) fn provider() -> &'static Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(ring::default_provider()))
}

/// Mozilla's list of authorities.
pub(crate) fn bundled_roots() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

impl Tls {
    /// `roots`: those of Mozilla when there are none.
    pub(crate) fn new(trust: Trust, roots: Option<Arc<RootCertStore>>, identity: Option<Arc<CertifiedKey>>) -> Self {
        Self { trust, roots, identity, only: None, configs: Default::default() }
    }

    /// For requests to other servers too: what was said of one server is for the one at `own`.
    #[cfg(feature = "oauth")]
    pub(crate) fn apart(&self, own: Origin) -> Self {
        let (trust, roots, identity) = (self.trust.clone(), self.roots.clone(), self.identity.clone());
        Self { only: Some(own), ..Self::new(trust, roots, identity) }
    }

    /// TLS with the server at `place`.
    ///
    /// # Errors
    /// Those of the stream; a handshake that fails, in words that name the setting which matters.
    pub(super) fn with_server(&self, stream: Box<dyn Stream>, place: &Place) -> io::Result<Box<dyn Stream>> {
        let is_meant = |own: &Origin| Origin::parse(&format!("https://{place}")).is_some_and(|origin| origin == *own);
        if self.only.as_ref().is_some_and(|own| !is_meant(own)) {
            let config = self.config(Whose::Other, || configured(self.by_roots()?, None))?;
            return Secure::shake_hands(stream, config, place, Whose::Other, false);
        }
        let config = self.config(Whose::Server, || {
            let verifier: Arc<dyn ServerCertVerifier> = match &self.trust {
                Trust::Roots => self.by_roots()?,
                Trust::Pinned(certificates) => Arc::new(Pinned(certificates.clone())),
                Trust::Any => Arc::new(AnyCertificate),
            };
            configured(verifier, self.identity.clone())
        })?;
        Secure::shake_hands(stream, config, place, Whose::Server, self.identity.is_some())
    }

    /// TLS with a proxy: the roots decide, whatever is said of servers, and this client does not identify.
    pub(super) fn with_proxy(&self, stream: Box<dyn Stream>, place: &Place) -> io::Result<Box<dyn Stream>> {
        let config = self.config(Whose::Proxy, || configured(self.by_roots()?, None))?;
        Secure::shake_hands(stream, config, place, Whose::Proxy, false)
    }

    /// Made once: sessions are resumed from it.
    fn config(
        &self,
        whose: Whose,
        make: impl FnOnce() -> Result<ClientConfig, rustls::Error>,
    ) -> io::Result<Arc<ClientConfig>> {
        let kept = &self.configs[whose as usize];
        if let Some(config) = kept.get() {
            return Ok(Arc::clone(config));
        }
        let config = make().map_err(|error| failure::of(error, whose, false))?;
        Ok(Arc::clone(kept.get_or_init(|| Arc::new(config))))
    }

    fn by_roots(&self) -> Result<Arc<WebPkiServerVerifier>, rustls::Error> {
        let roots = self.roots.clone().unwrap_or_else(|| Arc::new(bundled_roots()));
        WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider()))
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))
    }
}

fn configured(
    verifier: Arc<dyn ServerCertVerifier>,
    identity: Option<Arc<CertifiedKey>>,
) -> Result<ClientConfig, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(Arc::clone(provider()))
        .with_safe_default_protocol_versions()?
        // It says "dangerous" because any verifier may be put there.
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    Ok(match identity {
        Some(identity) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity))),
        None => builder.with_no_client_auth(),
    })
}

impl fmt::Debug for Tls {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trust = match &self.trust {
            Trust::Roots => "roots",
            Trust::Pinned(_) => "pinned",
            Trust::Any => "any",
        };
        f.debug_struct("Tls")
            .field("trust", &trust)
            .field("identifies", &self.identity.is_some())
            .field("only", &self.only)
            .finish_non_exhaustive()
    }
}

/// A stream of bytes that are encrypted on the way.
struct Secure {
    stream: Box<dyn Stream>,
    tls: ClientConnection,
    /// What is on its way out; kept for its room.
    encrypted: Vec<u8>,
    whose: Whose,
    identifies: bool,
}

impl Secure {
    fn shake_hands(
        stream: Box<dyn Stream>,
        config: Arc<ClientConfig>,
        place: &Place,
        whose: Whose,
        identifies: bool,
    ) -> io::Result<Box<dyn Stream>> {
        let name = ServerName::try_from(place.bare_host().to_owned()).map_err(|_| failure::no_name(place))?;
        let tls = ClientConnection::new(config, name).map_err(|error| failure::of(error, whose, identifies))?;
        let mut secure = Self { stream, tls, encrypted: Vec::new(), whose, identifies };
        while secure.tls.is_handshaking() {
            secure.flush()?;
            if !secure.fill()? {
                return Err(failure::hung_up(whose));
            }
        }
        // What the client says last leaves with its request.
        Ok(Box::new(secure))
    }

    /// Sends what TLS has to say.
    fn flush(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.encrypted)?;
        }
        if self.encrypted.is_empty() {
            return Ok(());
        }
        let written = self.stream.write_all(&self.encrypted);
        self.encrypted.clear();
        written
    }

    /// Waits for bytes and takes them in; false at their end.
    fn fill(&mut self) -> io::Result<bool> {
        let n = self.tls.read_tls(&mut Encrypted(&mut *self.stream))?;
        if let Err(error) = self.tls.process_new_packets() {
            // Why it fails, for the peer; it may have gone.
            let _ = self.flush();
            return Err(failure::of(error, self.whose, self.identifies));
        }
        Ok(n > 0)
    }
}

impl Stream for Secure {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.tls.reader().read(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // An end that nobody announced is told as `UnexpectedEof`.
                read => return read,
            }
            // An answer to what came before: a key update.
            self.flush()?;
            self.fill()?;
        }
    }

    fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            // As much as rustls takes at once, then to the network.
            let n = self.tls.writer().write(bytes)?;
            bytes = &bytes[n..];
            self.flush()?;
        }
        Ok(())
    }

    /// What comes unasked may be the word that the server closes, or session tickets, which say nothing.
    fn idle(&mut self) -> Idle {
        for _ in 0..MOST_UNASKED {
            match self.stream.idle() {
                // Bytes are there: this does not wait.
                Idle::Spoke if matches!(self.fill(), Ok(true)) => {}
                Idle::Spoke => return Idle::Gone,
                idle => return idle,
            }
            match self.tls.process_new_packets() {
                Ok(state) if state.peer_has_closed() => return Idle::Gone,
                Ok(state) if state.plaintext_bytes_to_read() > 0 => return Idle::Spoke,
                Ok(_) => {}
                Err(_) => return Idle::Gone,
            }
        }
        Idle::Gone
    }

    fn is_writable(&self) -> bool {
        self.stream.is_writable()
    }
}

impl fmt::Debug for Secure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secure").field("stream", &self.stream).finish_non_exhaustive()
    }
}

/// The bytes below, as rustls reads them.
struct Encrypted<'a>(&'a mut dyn Stream);

impl Read for Encrypted<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

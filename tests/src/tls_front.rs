//! TLS in front of a plain server: takes connections, decrypts them and passes the bytes on.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{HandshakeKind, RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion};

use crate::certificates::{As, Issued, Valid};

/// A running front with a certificate of its own.
pub struct TlsFront {
    address: SocketAddr,
    certificate: String,
    seen: Arc<Seen>,
    stopping: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

/// What came from clients so far.
#[derive(Default)]
struct Seen {
    decrypted: AtomicUsize,
    records: AtomicUsize,
    resumed: AtomicUsize,
    /// Connections that the front closed.
    closed: Mutex<usize>,
    one_more_closed: Condvar,
}

/// How long a test waits for anything.
const BOUND: Duration = Duration::from_secs(10);

/// How a front speaks TLS.
pub struct Manner<'a> {
    /// What it shows.
    pub certificate: &'a Issued,
    /// What it signs with, if not with the key of that.
    pub key: Option<&'a Issued>,
    /// In PEM: the authority whose certificates its clients must show.
    pub clients: Option<&'a str>,
    /// Only this version of TLS.
    pub version: Option<&'static SupportedProtocolVersion>,
}

impl<'a> Manner<'a> {
    /// Any version, any client.
    pub fn showing(certificate: &'a Issued) -> Self {
        Self { certificate, key: None, clients: None, version: None }
    }

    fn config(&self) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = match &self.version {
            Some(version) => std::slice::from_ref(version),
            None => rustls::ALL_VERSIONS,
        };
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_protocol_versions(versions).expect("versions of TLS");
        let builder = match self.clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                let authority = CertificateDer::from_pem_slice(authority.as_bytes()).expect("PEM");
                roots.add(authority).expect("an authority");
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
                builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
            }
        };
        let key = self.key.unwrap_or(self.certificate).private_key();
        // Not `with_single_cert`, which would notice a key that is another's.
        let key = provider.key_provider.load_private_key(key).expect("a key");
        let certified = CertifiedKey::new(self.certificate.chain(), key);
        builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)))
    }
}

impl TlsFront {
    /// Starts a front for the server at `behind`; its certificate is for `names`.
    pub fn start(behind: SocketAddr, names: &[&str]) -> Self {
        let certificate = Issued::self_signed(names, Valid::Now, As::Itself);
        Self::start_in(behind, &Manner::showing(&certificate))
    }

    /// Starts a front for the server at `behind` that speaks TLS in this manner.
    pub fn start_in(behind: SocketAddr, manner: &Manner<'_>) -> Self {
        let config = Arc::new(manner.config());
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let (stopping, seen) = (Arc::new(AtomicBool::new(false)), Arc::<Seen>::default());
        let (stop, count) = (Arc::clone(&stopping), Arc::clone(&seen));
        let acceptor = thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                if stop.load(Ordering::Acquire) {
                    return;
                }
                let connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
                let Ok(server) = TcpStream::connect(behind) else { continue };
                client.set_nodelay(true).expect("TCP_NODELAY");
                server.set_nodelay(true).expect("TCP_NODELAY");
                carry(connection, client, server, &count);
            }
        });
        let certificate = manner.certificate.certificate.clone();
        Self { address, certificate, seen, stopping, acceptor: Some(acceptor) }
    }

    /// A URL on this front, by the name `localhost`.
    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its certificate, in PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// How many bytes clients have sent through TLS so far.
    pub fn decrypted(&self) -> usize {
        self.seen.decrypted.load(Ordering::Acquire)
    }

    /// How many records with data clients have sent so far.
    pub fn records(&self) -> usize {
        self.seen.records.load(Ordering::Acquire)
    }

    /// Waits until the front has closed so many connections, with the word that says so.
    pub fn wait_closed(&self, count: usize) {
        let closed = self.seen.closed.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.seen.one_more_closed.wait_timeout_while(closed, BOUND, |closed| *closed < count);
        let (closed, _) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(*closed >= count, "{closed} connections were closed");
    }

    /// How many handshakes went on with an earlier session.
    pub fn resumed(&self) -> usize {
        self.seen.resumed.load(Ordering::Acquire)
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

/// One thread for each direction; they share the state of TLS and end when either side does.
fn carry(connection: ServerConnection, client: TcpStream, server: TcpStream, seen: &Arc<Seen>) {
    let connection = Arc::new(Mutex::new(connection));
    let (client, server) = (Arc::new(client), Arc::new(server));
    let (count, seen) = (Arc::clone(seen), Arc::clone(seen));
    let (tls, from, to) = (Arc::clone(&connection), Arc::clone(&client), Arc::clone(&server));
    thread::spawn(move || {
        let mut bytes = vec![0; 64 * 1024];
        let (mut is_new, mut records) = (true, Records::default());
        while let Ok(n @ 1..) = (&*from).read(&mut bytes) {
            count.records.fetch_add(records.count(&bytes[..n]), Ordering::AcqRel);
            let mut plain = Vec::new();
            let mut tls = tls.lock().unwrap_or_else(PoisonError::into_inner);
            let mut encrypted = &bytes[..n];
            while !encrypted.is_empty() {
                if tls.read_tls(&mut encrypted).is_err() || tls.process_new_packets().is_err() {
                    break;
                }
                // `WouldBlock` says that there is no more for now.
                let _ = tls.reader().read_to_end(&mut plain);
            }
            if is_new && let Some(kind) = tls.handshake_kind() {
                is_new = false;
                count.resumed.fetch_add(usize::from(kind == HandshakeKind::Resumed), Ordering::AcqRel);
            }
            while tls.wants_write() && tls.write_tls(&mut &*from).is_ok() {}
            drop(tls);
            count.decrypted.fetch_add(plain.len(), Ordering::AcqRel);
            if (&*to).write_all(&plain).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
    thread::spawn(move || {
        let mut bytes = vec![0; 64 * 1024];
        loop {
            let read = (&*server).read(&mut bytes);
            let mut tls = connection.lock().unwrap_or_else(PoisonError::into_inner);
            match read {
                Ok(n @ 1..) => drop(tls.writer().write_all(&bytes[..n])),
                _ => tls.send_close_notify(),
            }
            while tls.wants_write() && tls.write_tls(&mut &*client).is_ok() {}
            if !matches!(read, Ok(1..)) {
                break;
            }
        }
        let _ = client.shutdown(Shutdown::Both);
        *seen.closed.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        seen.one_more_closed.notify_all();
    });
}

/// Counts records of TLS by their headers (RFC 8446, section 5.1).
#[derive(Default)]
struct Records {
    head: Vec<u8>,
    /// Bytes of the record at hand that are still to come.
    left: usize,
}

impl Records {
    /// How many records with data, as far as can be told from outside, begin in `bytes`.
    fn count(&mut self, mut bytes: &[u8]) -> usize {
        let mut count = 0;
        while let Some((&byte, rest)) = bytes.split_first() {
            if self.left > 0 {
                let passed = self.left.min(bytes.len());
                self.left -= passed;
                bytes = &bytes[passed..];
                continue;
            }
            self.head.push(byte);
            bytes = rest;
            if let [kind, _, _, high, low] = self.head[..] {
                self.left = usize::from(u16::from_be_bytes([high, low]));
                count += usize::from(kind == 23);
                self.head.clear();
            }
        }
        count
    }
}

//! TLS in front of a plain server: takes connections, decrypts them and passes the bytes on.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection};

/// A running front with a certificate of its own.
pub struct TlsFront {
    address: SocketAddr,
    certificate: String,
    decrypted: Arc<AtomicUsize>,
    stopping: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl TlsFront {
    /// Starts a front for the server at `behind`; its certificate is for `names`.
    pub fn start(behind: SocketAddr, names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).expect("a certificate");
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("its key");
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .expect("a key that fits");
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let (stopping, decrypted) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (stop, count) = (Arc::clone(&stopping), Arc::clone(&decrypted));
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
        Self { address, certificate: cert.pem(), decrypted, stopping, acceptor: Some(acceptor) }
    }

    /// A URL on this front, by the name `localhost`.
    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }

    /// Its certificate, in PEM: the authority that signed it is itself.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// How many bytes clients have sent through TLS so far.
    pub fn decrypted(&self) -> usize {
        self.decrypted.load(Ordering::Acquire)
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
fn carry(connection: ServerConnection, client: TcpStream, server: TcpStream, decrypted: &Arc<AtomicUsize>) {
    let connection = Arc::new(Mutex::new(connection));
    let (client, server) = (Arc::new(client), Arc::new(server));
    let count = Arc::clone(decrypted);
    let (tls, from, to) = (Arc::clone(&connection), Arc::clone(&client), Arc::clone(&server));
    thread::spawn(move || {
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(n @ 1..) = (&*from).read(&mut bytes) {
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
            while tls.wants_write() && tls.write_tls(&mut &*from).is_ok() {}
            drop(tls);
            count.fetch_add(plain.len(), Ordering::AcqRel);
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
    });
}

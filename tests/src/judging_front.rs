//! A front that passes bytes between a client and a server and has what our sides say judged by the schema of their revision.
//!
//! For tests in which both ends are real and nobody else sees the messages.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use crate::wire_judge::{Ours, Verdict, Wire, locked};

/// A running front. Dropping it ends it, and fails the test when something was wrong.
#[derive(Debug)]
pub struct JudgingFront {
    /// Where it listens.
    pub address: SocketAddr,
    stopping: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
    _verdict: Verdict,
}

impl JudgingFront {
    /// Starts a front for the server at `behind`.
    pub fn start(behind: SocketAddr, ours: Ours) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let verdict = Verdict::default();
        let (sessions, stopping) = (verdict.clone(), Arc::new(AtomicBool::new(false)));
        let stop = Arc::clone(&stopping);
        let acceptor = thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                if stop.load(Ordering::Acquire) {
                    return;
                }
                let Ok(server) = TcpStream::connect(behind) else { continue };
                client.set_nodelay(true).expect("TCP_NODELAY");
                server.set_nodelay(true).expect("TCP_NODELAY");
                let (client, server) = (Arc::new(client), Arc::new(server));
                let wire = Arc::new(Mutex::new(sessions.wire(ours)));
                carry(Arc::clone(&client), Arc::clone(&server), Arc::clone(&wire), Wire::requested);
                carry(server, client, wire, Wire::answered);
            }
        });
        Self { address, stopping, acceptor: Some(acceptor), _verdict: verdict }
    }
}

impl Drop for JudgingFront {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        // One more connection, so that `accept` returns.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

/// Passes one direction on, on a thread of its own, until either end is gone.
fn carry(from: Arc<TcpStream>, to: Arc<TcpStream>, wire: Arc<Mutex<Wire>>, hear: fn(&mut Wire, &[u8])) {
    thread::spawn(move || {
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(n @ 1..) = (&*from).read(&mut bytes) {
            // Before it is passed on, so that a question is heard before its answer.
            hear(&mut locked(&wire), &bytes[..n]);
            if (&*to).write_all(&bytes[..n]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    });
}

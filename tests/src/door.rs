//! A door in front of a server: while it is shut, connections are refused, as by a server that is not up.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// A door that is shut until [`Door::open`] is called.
pub struct Door {
    address: SocketAddr,
    server: SocketAddr,
    open: Option<Open>,
}

struct Open {
    acceptor: JoinHandle<()>,
    closing: Arc<AtomicBool>,
    through: Arc<Mutex<Vec<TcpStream>>>,
}

impl Door {
    /// A door to `server`, shut.
    pub fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        Self { address: listener.local_addr().expect("its address"), server, open: None }
    }

    /// A URL behind the door.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Lets connections through from now on.
    pub fn open(&mut self) {
        let listener = TcpListener::bind(self.address).expect("the port is still free");
        let (closing, through) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (stop, all, server) = (Arc::clone(&closing), Arc::clone(&through), self.server);
        let acceptor = thread::spawn(move || {
            while let Ok((near, _)) = listener.accept() {
                if stop.load(Ordering::Acquire) {
                    return;
                }
                let Ok(far) = TcpStream::connect(server) else { continue };
                let clone = |socket: &TcpStream| socket.try_clone().expect("another handle");
                let mut all = all.lock().expect("no panic under it");
                all.extend([clone(&near), clone(&far)]);
                for (mut from, mut to) in [(clone(&near), clone(&far)), (far, near)] {
                    let _ = to.set_nodelay(true);
                    thread::spawn(move || {
                        let _ = io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Write);
                    });
                }
            }
        });
        self.open = Some(Open { acceptor, closing, through });
    }

    /// Refuses connections, and cuts those that there are.
    pub fn shut(&mut self) {
        let Some(Open { acceptor, closing, through }) = self.open.take() else { return };
        closing.store(true, Ordering::Release);
        // One more connection, so that `accept` returns and the port is given back.
        let _ = TcpStream::connect(self.address);
        let _ = acceptor.join();
        for socket in through.lock().expect("no panic under it").drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.shut();
    }
}

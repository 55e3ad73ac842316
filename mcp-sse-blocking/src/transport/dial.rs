//! Opening TCP connections, within the deadline of the exchange.
//!
//! It cannot be interrupted without `unsafe`, so it is tried in slices with a look at the stop flag between them.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::exchange;
use crate::clock;

/// How long one try to open a TCP connection may take before the stop flag is looked at. The kernel repeats its first packet
/// after a second; a try in slices does the same, from another port. A server that took longer once is given more.
const CONNECT_SLICE: Duration = Duration::from_millis(750);

/// The shortest timeout that is asked of the system; zero would mean for ever.
const SHORTEST: Duration = Duration::from_millis(1);

/// Opens TCP connections.
#[derive(Debug, Default)]
pub(super) struct Dialer {
    /// Microseconds that the slowest connection took so far.
    slowest: AtomicU64,
}

impl Dialer {
    /// Tries one address after the other.
    pub(super) fn dial(&self, addresses: &[SocketAddr]) -> io::Result<TcpStream> {
        let slice = CONNECT_SLICE.max(Duration::from_micros(self.slowest.load(Ordering::Relaxed)) * 3);
        let mut failure = io::ErrorKind::AddrNotAvailable.into();
        for (index, address) in addresses.iter().enumerate() {
            let (start, last) = (clock::now(), index + 1 == addresses.len());
            match dial_one(address, last, slice) {
                Ok(stream) => {
                    let took = clock::now().since(start).as_micros();
                    self.slowest.fetch_max(u64::try_from(took).unwrap_or(u64::MAX), Ordering::Relaxed);
                    return Ok(stream);
                }
                Err(error) => failure = error,
            }
            // Out of time altogether, not only with this address.
            exchange::left()?;
        }
        Err(failure)
    }
}

/// Tries one address; unless it is the last, with half of the time that is left.
fn dial_one(address: &SocketAddr, last: bool, slice: Duration) -> io::Result<TcpStream> {
    let Some(left) = exchange::left()? else { return TcpStream::connect(address) };
    let until = clock::now() + if last { left } else { left / 2 };
    let slice = if exchange::can_be_stopped() { slice } else { Duration::MAX };
    loop {
        let left = until.since(clock::now()).max(SHORTEST);
        match TcpStream::connect_timeout(address, left.min(slice)) {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
            done => return done,
        }
        exchange::check_stop()?;
        exchange::left()?;
        if until <= clock::now() {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
}

// Other systems refuse at once what the queue has no room for.
#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};
    use std::sync::Arc;

    use mcp_core::time::{Cause, Deadline};

    use super::*;

    #[test]
    fn opening_a_connection_can_be_stopped_whichever_address_is_tried() {
        struct Stopped;
        impl exchange::Stop for Stopped {
            fn is_stopped(&self) -> bool {
                true
            }
        }
        // Nobody takes what is in its queue: once that is full, connections hang.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let slice = Duration::from_millis(50);
        let mut queued = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, slice) {
            queued.push(stream);
        }
        for last in [true, false] {
            let deadline = Deadline::after(clock::now(), Duration::from_secs(30), Cause::Call);
            let bounds = exchange::Bounds {
                deadline: Some(deadline),
                stop: Some(Arc::new(Stopped)),
                ..exchange::Bounds::default()
            };
            let (refused, outcome) = exchange::run(bounds, || dial_one(&address, last, slice));
            assert!(refused.is_err() && outcome.stopped, "last: {last}");
        }
    }
}

//! Opening TCP connections, within the deadline of the exchange.
//!
//! It cannot be interrupted without `unsafe`, so it is tried in slices with a look at the stop flag between them.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::exchange;
use crate::clock;

/// How long one try to open a TCP connection may take before the stop flag is looked at. The kernel repeats its first packet
/// after a second; a try in slices does the same, from another port. A server that took longer once is given more.
const CONNECT_SLICE: Duration = Duration::from_millis(750);

/// How long one try with this machine itself may take while there are other addresses. It answers at once, but for Windows, which
/// tells of a refusal after two seconds of trying again: `localhost` is `::1` first, and many servers are at `127.0.0.1` alone.
const MOMENT: Duration = Duration::from_millis(250);

/// The shortest timeout that is asked of the system; zero would mean for ever.
const SHORTEST: Duration = Duration::from_millis(1);

/// Opens TCP connections.
#[derive(Debug, Default)]
pub(super) struct Dialer {
    /// Microseconds that the slowest connection took so far.
    slowest: AtomicU64,
}

impl Dialer {
    /// Tries one address after the other; then those again that were given a moment only.
    pub(super) fn dial(&self, addresses: &[SocketAddr]) -> io::Result<TcpStream> {
        let slice = CONNECT_SLICE.max(Duration::from_micros(self.slowest.load(Ordering::Relaxed)) * 3);
        let mut failure = io::ErrorKind::AddrNotAvailable.into();
        let (others, last) = addresses.split_at(addresses.len().saturating_sub(1));
        let others = others.iter().map(|address| (address, Patience::of(address)));
        let mut tries: VecDeque<_> = others.chain(last.iter().map(|last| (last, Patience::All))).collect();
        while let Some((address, patience)) = tries.pop_front() {
            let start = clock::now();
            match dial_one(address, patience, slice) {
                Ok(stream) => {
                    let took = clock::now().since(start).as_micros();
                    self.slowest.fetch_max(u64::try_from(took).unwrap_or(u64::MAX), Ordering::Relaxed);
                    return Ok(stream);
                }
                Err(error) => {
                    if patience == Patience::Moment && error.kind() == io::ErrorKind::TimedOut {
                        tries.push_back((address, Patience::All));
                    }
                    failure = error;
                }
            }
            // Out of time altogether, not only with this address.
            exchange::left()?;
        }
        Err(failure)
    }
}

/// How much of the time that is left one address is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Patience {
    Moment,
    Half,
    All,
}

impl Patience {
    /// With an address after which others are tried.
    fn of(address: &SocketAddr) -> Self {
        if address.ip().is_loopback() { Self::Moment } else { Self::Half }
    }

    fn share(self, left: Duration) -> Duration {
        match self {
            Self::Moment => MOMENT.min(left / 2),
            Self::Half => left / 2,
            Self::All => left,
        }
    }
}

fn dial_one(address: &SocketAddr, patience: Patience, slice: Duration) -> io::Result<TcpStream> {
    let Some(left) = exchange::left()? else { return TcpStream::connect(address) };
    let until = clock::now() + patience.share(left);
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
#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};
    use std::sync::Arc;

    use mcp_core::time::{Cause, Deadline};

    use super::*;

    /// Nobody takes what is in its queue: once that is full, connections hang.
    fn hanging() -> (SocketAddr, (TcpListener, Vec<TcpStream>)) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(50)) {
            queued.push(stream);
        }
        (address, (listener, queued))
    }

    #[test]
    fn this_machine_is_not_waited_for_while_there_are_other_addresses() {
        let (silent, _full) = hanging();
        assert_eq!(Patience::of(&silent), Patience::Moment);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let there = listener.local_addr().unwrap();
        let deadline = Deadline::after(clock::now(), Duration::from_secs(60), Cause::Call);
        let bounds = exchange::Bounds { deadline: Some(deadline), ..exchange::Bounds::default() };
        let start = clock::now();
        let (stream, _) = exchange::run(bounds, || Dialer::default().dial(&[silent, there]));
        assert_eq!(stream.unwrap().peer_addr().unwrap(), there);
        assert!(clock::now().since(start) < Duration::from_secs(15), "not half of the time that there is");
    }

    #[test]
    fn this_machine_gets_the_time_that_is_left_when_nobody_else_answers() {
        let (silent, _full) = hanging();
        let refused = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let deadline = Deadline::after(clock::now(), 3 * MOMENT, Cause::Call);
        let bounds = exchange::Bounds { deadline: Some(deadline), ..exchange::Bounds::default() };
        let (failed, _) = exchange::run(bounds, || Dialer::default().dial(&[silent, refused]));
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::TimedOut, "not the refusal: it was tried again");
    }

    #[test]
    fn opening_a_connection_can_be_stopped_whichever_address_is_tried() {
        struct Stopped;
        impl exchange::Stop for Stopped {
            fn is_stopped(&self) -> bool {
                true
            }
        }
        let slice = Duration::from_millis(50);
        let (address, _full) = hanging();
        for patience in [Patience::All, Patience::Half, Patience::Moment] {
            let deadline = Deadline::after(clock::now(), Duration::from_secs(30), Cause::Call);
            let bounds = exchange::Bounds {
                deadline: Some(deadline),
                stop: Some(Arc::new(Stopped)),
                ..exchange::Bounds::default()
            };
            let (refused, outcome) = exchange::run(bounds, || dial_one(&address, patience, slice));
            assert!(refused.is_err() && outcome.stopped, "{patience:?}");
        }
    }
}

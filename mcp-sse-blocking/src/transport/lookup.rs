//! Asking the system for the addresses of a name.
//!
//! The system's lookup cannot be interrupted, and may hang for as long as its servers do. So each has a thread of its own, which
//! is left behind by whoever does not want to wait any longer: because a deadline passed, or because the client is closed.
//!
//! **How many there are.** Who asks for a name that is being looked up waits for the same thread, of whichever client it is; only
//! one that has taken [`LONG`] is left alone and another begun. In the whole program there are [`MOST`] of these threads at a
//! time, however many clients it has and however often they try.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{io, thread};

use mcp_core::time::Instant;

use super::exchange;
use crate::clock;

/// Addresses that are kept of one name.
pub(super) const ADDRESSES: usize = 16;

/// Lookups at a time. 32: each takes milliseconds unless the system's servers do not answer; then all of them hang.
const MOST: usize = 32;

/// Who comes later does not wait for the same lookup. 5 s: what a resolver takes to ask its servers for the second time, and the
/// network may be another one by then.
const LONG: Duration = Duration::from_secs(5);

/// Those of this program.
static LOOKUPS: Lookups = Lookups(Mutex::new(Vec::new()));

/// Lookups that are under way.
struct Lookups(Mutex<Vec<Arc<Lookup>>>);

/// One of them.
struct Lookup {
    host: String,
    port: u16,
    since: Instant,
    found: Mutex<Option<Result<Vec<SocketAddr>, Unknown>>>,
    done: Condvar,
}

/// What the system says of a name that it does not know.
#[derive(Debug, Clone)]
struct Unknown(String);

/// Asks the system, until the deadline of the exchange or until it is stopped.
pub(super) fn look_up(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let lookup = LOOKUPS.join_or_begin(host, port, |host, port| {
        (host, port).to_socket_addrs().map(|addresses| addresses.take(ADDRESSES).collect())
    })?;
    lookup.wait()
}

impl Lookups {
    fn under_way(&self) -> MutexGuard<'_, Vec<Arc<Lookup>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lookup of this name that is under way, or one that begins now on a thread of its own.
    fn join_or_begin(
        &'static self,
        host: &str,
        port: u16,
        ask: impl FnOnce(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + 'static,
    ) -> io::Result<Arc<Lookup>> {
        let mut under_way = self.under_way();
        let now = clock::now();
        // The newest is the last.
        let same = under_way.iter().rev().find(|lookup| lookup.host == host && lookup.port == port);
        if let Some(same) = same.filter(|same| now.since(same.since) < LONG || under_way.len() >= MOST) {
            return Ok(Arc::clone(same));
        }
        if under_way.len() >= MOST {
            let problem = format!("{MOST} lookups of other names are under way, which the system does not finish");
            return Err(io::Error::new(io::ErrorKind::WouldBlock, problem));
        }
        let (found, done) = (Mutex::new(None), Condvar::new());
        let lookup = Arc::new(Lookup { host: host.to_owned(), port, since: now, found, done });
        under_way.push(Arc::clone(&lookup));
        // Whatever ends it takes it out again.
        drop(under_way);
        let mine = Ending { lookups: self, lookup: Arc::clone(&lookup) };
        thread::Builder::new().name("mcp-lookup".into()).spawn(move || {
            let lookup = &mine.lookup;
            let found = ask(&lookup.host, lookup.port).map_err(|error| Unknown(error.to_string()));
            *lookup.found() = Some(found);
        })?;
        Ok(lookup)
    }
}

impl Lookup {
    fn found(&self) -> MutexGuard<'_, Option<Result<Vec<SocketAddr>, Unknown>>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was found, as soon as it is; in the exchange of this thread.
    fn wait(&self) -> io::Result<Vec<SocketAddr>> {
        let mut found = self.found();
        loop {
            if let Some(found) = &*found {
                // What `getaddrinfo` says comes as an error without a kind.
                return found.clone().map_err(|Unknown(problem)| {
                    io::Error::new(io::ErrorKind::NotFound, format!("the host is not known: {problem}"))
                });
            }
            exchange::check_stop()?;
            let look = exchange::left()?.map_or(exchange::STOP_CHECK, |left| left.min(exchange::STOP_CHECK));
            found = self.done.wait_timeout(found, look).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Ends a lookup, also when the thread for it cannot be started or the system's code panics.
struct Ending {
    lookups: &'static Lookups,
    lookup: Arc<Lookup>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let mut found = self.lookup.found();
        found.get_or_insert_with(|| Err(Unknown("the lookup failed".into())));
        drop(found);
        self.lookup.done.notify_all();
        self.lookups.under_way().retain(|lookup| !Arc::ptr_eq(lookup, &self.lookup));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;

    use mcp_core::time::{Cause, Deadline};

    use super::*;

    fn lookups() -> &'static Lookups {
        Box::leak(Box::new(Lookups(Mutex::default())))
    }

    /// A lookup that hangs until what is returned is dropped.
    fn hang(lookups: &'static Lookups, host: &str) -> (Arc<Lookup>, mpsc::Sender<()>) {
        let (release, hangs) = mpsc::channel::<()>();
        let lookup = lookups.join_or_begin(host, 1, move |_, _| {
            let _ = hangs.recv();
            Ok(vec![SocketAddr::from(([192, 0, 2, 1], 1))])
        });
        (lookup.unwrap(), release)
    }

    fn nobody_asks(_: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        panic!("it is being looked up already")
    }

    fn bounds(within: Duration) -> exchange::Bounds {
        let deadline = Deadline::after(clock::now(), within, Cause::Connect);
        exchange::Bounds { deadline: Some(deadline), ..exchange::Bounds::default() }
    }

    /// Waits until the threads of all lookups are gone.
    fn await_none(lookups: &Lookups) {
        let until = Deadline::after(clock::now(), Duration::from_secs(20), Cause::Close);
        while !lookups.under_way().is_empty() {
            assert!(!until.has_passed(clock::now()), "a lookup is left");
            thread::yield_now();
        }
    }

    #[test]
    fn a_lookup_that_hangs_is_left_behind_when_nobody_wants_the_answer_any_more() {
        #[derive(Default)]
        struct Flag(AtomicBool);
        impl exchange::Stop for Flag {
            fn is_stopped(&self) -> bool {
                self.0.load(Ordering::Acquire)
            }
        }
        let lookups = lookups();
        let (lookup, release) = hang(lookups, "h");
        let flag = Arc::new(Flag::default());
        let waiting = {
            let (lookup, flag) = (Arc::clone(&lookup), Arc::clone(&flag));
            thread::spawn(move || {
                let stop: Arc<dyn exchange::Stop> = flag;
                exchange::run(exchange::Bounds { stop: Some(stop), ..bounds(Duration::from_secs(600)) }, || {
                    lookup.wait()
                })
            })
        };
        // As `close` does it, from another thread.
        flag.0.store(true, Ordering::Release);
        let (found, outcome) = waiting.join().unwrap();
        assert!(found.is_err() && outcome.stopped && outcome.expired.is_none());
        assert_eq!(lookups.under_way().len(), 1, "its thread hangs on");
        drop(release);
        await_none(lookups);
    }

    #[test]
    fn a_lookup_that_hangs_ends_with_the_deadline_that_is_named() {
        let lookups = lookups();
        let (lookup, _release) = hang(lookups, "h");
        let (found, outcome) = exchange::run(bounds(Duration::from_millis(1)), || lookup.wait());
        assert!(found.is_err());
        assert_eq!((outcome.expired, outcome.stopped), (Some(Cause::Connect), false));
    }

    #[test]
    fn however_often_a_name_is_asked_for_one_thread_looks_it_up() {
        let lookups = lookups();
        let (first, release) = hang(lookups, "h");
        for _ in 0..1000 {
            assert!(Arc::ptr_eq(&first, &lookups.join_or_begin("h", 1, nobody_asks).unwrap()));
        }
        let (other, _release) = hang(lookups, "i");
        assert!(!Arc::ptr_eq(&first, &other));
        drop(release);
        let (found, _) = exchange::run(bounds(Duration::from_secs(20)), || first.wait());
        assert_eq!(found.unwrap(), [SocketAddr::from(([192, 0, 2, 1], 1))]);
    }

    #[test]
    fn lookups_that_hang_are_bounded_and_the_error_says_so() {
        let lookups = lookups();
        let hanging: Vec<_> = (0..MOST).map(|n| hang(lookups, &n.to_string())).collect();
        let refused = lookups.join_or_begin("h", 1, nobody_asks).err().unwrap();
        assert!(refused.to_string().starts_with("32 lookups of other names are under way"), "{refused}");
        assert!(lookups.join_or_begin("31", 1, nobody_asks).is_ok(), "what is looked up already is waited for");
        assert_eq!(lookups.under_way().len(), MOST);
        drop(hanging);
        await_none(lookups);
        let (_, _release) = hang(lookups, "h");
    }

    #[test]
    fn what_the_system_says_of_an_unknown_name_reaches_everybody_and_a_panic_hangs_nobody() {
        let lookups = lookups();
        let unknown = lookups.join_or_begin("h", 1, |_, _| Err(io::Error::other("no such name"))).unwrap();
        for _ in 0..2 {
            let (found, _) = exchange::run(bounds(Duration::from_secs(20)), || unknown.wait());
            assert_eq!(found.unwrap_err().to_string(), "the host is not known: no such name");
        }
        let failed = lookups.join_or_begin("i", 1, |_, _| panic!("as no system does")).unwrap();
        let (found, _) = exchange::run(bounds(Duration::from_secs(20)), || failed.wait());
        assert_eq!(found.unwrap_err().to_string(), "the host is not known: the lookup failed");
        await_none(lookups);
    }
}

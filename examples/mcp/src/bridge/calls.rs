//! The calls that one server works on, and for which of them it asks or logs.
//!
//! Over standard input and output a server does not say that. With one client it does not matter much, and with several nobody may
//! be shown what belongs to somebody else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mcp_server_tiny::delegate::DelegatedCall;

/// Clients that are remembered because a call of theirs was given up; beyond that everybody may be meant.
const LEFT: usize = 1024;

/// Whose a call is: two calls of one of these may be mistaken for each other without harm.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Principal {
    Session(u64),
    /// A client without a session, by its credential.
    Alone(Option<Arc<[u8]>>),
}

impl Principal {
    pub(super) fn of(call: &DelegatedCall) -> Self {
        let caller = call.caller();
        caller.session.map_or_else(|| Self::Alone(caller.credential.clone()), Self::Session)
    }
}

/// The calls that one server works on.
#[derive(Debug, Default)]
pub(super) struct Calls {
    table: Mutex<Table>,
    /// A question was answered.
    answered: Condvar,
}

#[derive(Debug, Default)]
struct Table {
    calls: BTreeMap<u64, Entry>,
    next: u64,
    /// Whose calls were given up: the server may still work on them, and ask or log for them.
    left: BTreeSet<Principal>,
    /// There were more of them than are remembered.
    has_lost_count: bool,
}

#[derive(Debug)]
struct Entry {
    call: Arc<DelegatedCall>,
    /// Questions that were asked in its name and have no answer.
    open: usize,
}

/// What it is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A question: not every request can be answered with one.
    Ask,
    Tell,
}

/// Why nobody was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nobody {
    /// There is no call that could be meant.
    NoCall,
    /// There are calls of several clients.
    Several,
    /// A call of another client was given up, and the server may still work on it.
    Left,
}

/// Takes a call out of the table when it is dropped.
#[derive(Debug)]
pub(super) struct InFlight<'a> {
    calls: &'a Calls,
    number: u64,
}

impl Calls {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server works on a call from now on.
    pub(super) fn enter(&self, call: &Arc<DelegatedCall>) -> InFlight<'_> {
        let mut table = self.table();
        table.next += 1;
        let number = table.next;
        table.calls.insert(number, Entry { call: Arc::clone(call), open: 0 });
        InFlight { calls: self, number }
    }

    /// A call ends here without an answer of the server, which may go on with it.
    pub(super) fn leave_behind(&self, call: &DelegatedCall) {
        let mut table = self.table();
        if table.left.len() < LEFT {
            table.left.insert(Principal::of(call));
        } else if !table.left.contains(&Principal::of(call)) {
            table.has_lost_count = true;
        }
    }

    /// The server is started again: it knows nothing of calls that were given up.
    pub(super) fn begin(&self) {
        let mut table = self.table();
        (table.left, table.has_lost_count) = (BTreeSet::new(), false);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.table().calls.is_empty()
    }

    /// The call that is meant; of several of one client the newest that nothing was asked for. A question counts as open from here
    /// on, until [`close`](Self::close).
    pub(super) fn meant(&self, purpose: Purpose) -> Result<(u64, Arc<DelegatedCall>), Nobody> {
        let mut table = self.table();
        let mut working = table.calls.values().map(|entry| Principal::of(&entry.call));
        if let Some(first) = working.next().or_else(|| table.left.first().cloned()) {
            if working.any(|other| other != first) {
                return Err(Nobody::Several);
            }
            if table.has_lost_count || table.left.iter().any(|other| *other != first) {
                return Err(Nobody::Left);
            }
        }
        drop(working);
        let can = |call: &DelegatedCall| {
            let has_requests = call.caller().version.has_server_requests();
            purpose == Purpose::Tell || has_requests || call.method().may_ask_for_input()
        };
        let fitting = table.calls.iter_mut().filter(|(_, entry)| can(&entry.call));
        // Those that may ask first, then those that wait for nothing yet, then the newest.
        let meant = fitting.max_by_key(|(number, entry)| {
            (entry.call.method().may_ask_for_input(), std::cmp::Reverse(entry.open), **number)
        });
        let (number, entry) = meant.ok_or(Nobody::NoCall)?;
        if purpose == Purpose::Ask {
            entry.open += 1;
        }
        Ok((*number, Arc::clone(&entry.call)))
    }

    /// A question was answered, or is not wanted any more.
    pub(super) fn close(&self, number: u64) {
        if let Some(entry) = self.table().calls.get_mut(&number) {
            entry.open = entry.open.saturating_sub(1);
        }
        self.answered.notify_all();
    }
}

impl InFlight<'_> {
    /// Waits until nothing is open that was asked in the name of the call, at most for so long.
    pub(super) fn settle(&self, bound: Duration) {
        let is_open = |table: &mut Table| table.calls.get(&self.number).is_some_and(|entry| entry.open > 0);
        drop(self.calls.answered.wait_timeout_while(self.calls.table(), bound, is_open));
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let entry = self.calls.table().calls.remove(&self.number);
        // It may be the last to hold the call, which then answers: not under the lock.
        drop(entry);
    }
}

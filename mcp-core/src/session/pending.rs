//! Requests in flight: a bounded table, ordered by when they began.

use alloc::collections::VecDeque;

use crate::limits::{Limit, LimitExceeded};

/// The requests of one direction that have no answer yet.
///
/// Keys are given out rising and never twice, so that the table is a queue sorted by key: no hashing, no allocation once it has
/// grown to the usual number of requests, and a late or repeated answer finds nothing (R-LM-79).
#[derive(Debug, Clone)]
pub struct Pending<T> {
    /// Sorted by key.
    entries: VecDeque<(u64, T)>,
    next: u64,
}

impl<T> Pending<T> {
    /// An empty table whose first key is 1: some peers take 0 for no id.
    pub const fn new() -> Self {
        Self::starting_at(1)
    }

    /// An empty table whose first key is this one.
    pub const fn starting_at(next: u64) -> Self {
        Self { entries: VecDeque::new(), next }
    }

    /// How many requests are in flight.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no request is in flight.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The key that the next request will get.
    pub fn next_key(&self) -> u64 {
        self.next
    }

    /// Gives no key before this one from now on.
    pub fn skip_to(&mut self, key: u64) {
        self.next = self.next.max(key);
    }

    /// Takes in a request and gives its key.
    ///
    /// # Errors
    ///
    /// [`LimitExceeded`] when there are `bound` already; nothing is taken in then.
    pub fn insert(&mut self, request: T, bound: usize) -> Result<u64, LimitExceeded> {
        if self.entries.len() >= bound {
            return Err(LimitExceeded { limit: Limit::RequestsInFlight, bound });
        }
        let key = self.next;
        self.next += 1;
        self.entries.push_back((key, request));
        Ok(key)
    }

    /// Whether the request with this key is in flight.
    pub fn contains(&self, key: u64) -> bool {
        self.index(key).is_some()
    }

    /// The request with this key.
    pub fn find(&mut self, key: u64) -> Option<&mut T> {
        let index = self.index(key)?;
        self.entries.get_mut(index).map(|(_, request)| request)
    }

    /// Takes out the request with this key.
    pub fn remove(&mut self, key: u64) -> Option<T> {
        let index = self.index(key)?;
        self.entries.remove(index).map(|(_, request)| request)
    }

    /// All requests with their keys, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        self.entries.iter().map(|(key, request)| (*key, request))
    }

    /// Takes out all requests, oldest first.
    pub fn drain(&mut self) -> impl Iterator<Item = (u64, T)> {
        self.entries.drain(..)
    }

    fn index(&self, key: u64) -> Option<usize> {
        self.entries.binary_search_by_key(&key, |(key, _)| *key).ok()
    }
}

impl<T> Default for Pending<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_finds_its_request_once_in_any_order() {
        let mut pending = Pending::new();
        for request in 'a'..='e' {
            pending.insert(request, 5).unwrap();
        }
        for (key, request) in [(3, 'c'), (1, 'a'), (5, 'e'), (2, 'b'), (4, 'd')] {
            assert_eq!(pending.remove(key), Some(request));
            assert_eq!(pending.remove(key), None);
        }
        assert!(pending.is_empty());
    }

    #[test]
    fn the_bound_holds_and_names_itself() {
        let mut pending = Pending::new();
        assert!(pending.insert((), 1).is_ok());
        let full = pending.insert((), 1).unwrap_err();
        assert_eq!(full.limit, Limit::RequestsInFlight);
        pending.remove(1);
        assert_eq!(pending.insert((), 1), Ok(2), "keys are not given out twice");
    }
}

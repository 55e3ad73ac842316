//! Threads for tools that take their time: a bounded pool, started when it is first needed.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// Work for a thread. It must not panic.
pub(crate) type Job = Box<dyn FnOnce(Seat) + Send>;

/// All seats are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Busy;

/// Whether a job may be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// When all seats are taken.
    New,
    /// Not: it was carried out before and waited for its client meanwhile, in a table that has a bound of its own.
    Again,
}

/// How large a pool may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PoolSize {
    pub(crate) threads: usize,
    /// Jobs that wait for a thread.
    pub(crate) queue: usize,
}

/// Where jobs are given to threads. A trait, so that a program none of whose tools are on workers contains no pool.
pub(crate) trait Workers: Send {
    /// Runs a job as soon as a thread is free.
    fn submit(&mut self, job: Job, admission: Admission) -> Result<(), Busy>;

    /// Seats that are taken.
    fn taken(&self) -> usize;

    /// Takes in no more jobs and waits for those that were taken in, at most for `bound`.
    fn stop(&mut self, bound: Duration);
}

/// A bounded number of threads with a bounded queue before them. There is a seat for each thread and each place in the
/// queue.
pub(crate) struct Pool {
    size: PoolSize,
    handles: Vec<JoinHandle<()>>,
    shared: Arc<Shared>,
}

/// A seat, given back when it is dropped. A job drops it just before it tells of its result, so that whoever hears of
/// that finds the seat free.
pub(crate) struct Seat(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// A job was queued, or it is time to end.
    work: Condvar,
    /// A thread ended.
    ended: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    /// Seats taken.
    taken: usize,
    /// Threads that run.
    running: usize,
    stopping: bool,
}

impl Pool {
    pub(crate) fn new(size: PoolSize) -> Self {
        Self { size, handles: Vec::new(), shared: Arc::default() }
    }

    /// Starts a thread and counts it.
    fn start_thread(&mut self, state: &mut State) {
        let shared = Arc::clone(&self.shared);
        match thread::Builder::new().name("mcp-worker".into()).spawn(move || work(&shared)) {
            Ok(handle) => {
                self.handles.push(handle);
                state.running += 1;
            }
            Err(error) => log::error!("no thread for a worker: {error}"),
        }
    }
}

impl Workers for Pool {
    fn submit(&mut self, job: Job, admission: Admission) -> Result<(), Busy> {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        let is_full = state.taken >= self.size.threads.saturating_add(self.size.queue);
        if state.stopping || is_full && admission == Admission::New {
            return Err(Busy);
        }
        if state.taken >= state.running && state.running < self.size.threads {
            self.start_thread(&mut state);
        }
        if state.running == 0 {
            return Err(Busy);
        }
        state.taken += 1;
        state.queue.push_back(job);
        shared.work.notify_one();
        Ok(())
    }

    fn taken(&self) -> usize {
        self.shared.lock().taken
    }

    fn stop(&mut self, bound: Duration) {
        let mut state = self.shared.lock();
        state.stopping = true;
        self.shared.work.notify_all();
        let waited = self.shared.ended.wait_timeout_while(state, bound, |state| state.running > 0);
        let all_ended = waited.unwrap_or_else(PoisonError::into_inner).0.running == 0;
        for handle in self.handles.drain(..) {
            if all_ended || handle.is_finished() {
                // It cannot have panicked.
                let _ = handle.join();
            } else {
                log::warn!("a tool's handler does not end; its thread is left to itself");
            }
        }
    }
}

impl Shared {
    /// Nobody panics while holding it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.lock().taken -= 1;
    }
}

/// What each thread does until the pool stops: then what is still queued is run as well, to be answered.
fn work(shared: &Arc<Shared>) {
    let mut state = shared.lock();
    loop {
        if let Some(job) = state.queue.pop_front() {
            drop(state);
            job(Seat(Arc::clone(shared)));
            state = shared.lock();
        } else if state.stopping {
            state.running -= 1;
            shared.ended.notify_all();
            return;
        } else {
            state = shared.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

//! Threads for tools that take their time: a bounded pool, started when it is first needed.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};

/// Work for a thread. It must not panic.
pub(crate) type Job = Box<dyn FnOnce(Seat) + Send>;

/// A seat in the pool, given back when it is dropped. A job drops it just before it tells of its result, so that whoever hears of that
/// finds the seat free.
pub(crate) struct Seat(Arc<AtomicUsize>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// All threads are taken and the queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Busy;

/// A bounded number of threads with a bounded queue before them.
pub(crate) struct Pool {
    threads: usize,
    queue: usize,
    running: Option<Running>,
    stopped: bool,
}

struct Running {
    jobs: Sender<Job>,
    todo: Receiver<Job>,
    /// Jobs that were taken in and are not done.
    outstanding: Arc<AtomicUsize>,
    handles: Vec<JoinHandle<()>>,
    /// Each thread holds the other end for as long as it lives.
    ended: Receiver<()>,
    alive: Sender<()>,
}

impl Pool {
    pub(crate) const fn new(threads: usize, queue: usize) -> Self {
        Self { threads, queue, running: None, stopped: false }
    }

    /// Runs a job as soon as a thread is free. Starts a thread when all are taken and there may be another.
    pub(crate) fn submit(&mut self, job: Job) -> Result<(), Busy> {
        if self.stopped {
            return Err(Busy);
        }
        let running = self.running.get_or_insert_with(Running::new);
        let outstanding = running.outstanding.load(Ordering::Acquire);
        if outstanding >= self.threads.saturating_add(self.queue) {
            return Err(Busy);
        }
        if outstanding >= running.handles.len() && running.handles.len() < self.threads {
            running.start_thread();
        }
        if running.handles.is_empty() {
            return Err(Busy);
        }
        running.outstanding.fetch_add(1, Ordering::AcqRel);
        // The receiver is kept here, so that sending cannot fail.
        running.jobs.send(job).map_err(|_| Busy)
    }

    /// Takes in no more jobs and waits for those that were taken in, at most for `bound`.
    pub(crate) fn stop(&mut self, bound: Duration) {
        self.stopped = true;
        let Some(Running { jobs, todo, handles, ended, alive, .. }) = self.running.take() else { return };
        drop((jobs, todo, alive));
        // Nothing is ever sent: the channel ends when the last thread gives up its end, which is the last thing it does.
        let all_ended = ended.recv_deadline(Instant::now() + bound) == Err(RecvTimeoutError::Disconnected);
        for handle in handles {
            if all_ended || handle.is_finished() {
                // It cannot have panicked.
                let _ = handle.join();
            } else {
                log::warn!("a tool's handler does not end; its thread is left to itself");
            }
        }
    }
}

impl Running {
    fn new() -> Self {
        let (jobs, todo) = unbounded();
        let (alive, ended) = bounded(0);
        Self { jobs, todo, outstanding: Arc::default(), handles: Vec::new(), ended, alive }
    }

    fn start_thread(&mut self) {
        let (todo, alive, outstanding) = (self.todo.clone(), self.alive.clone(), Arc::clone(&self.outstanding));
        let work = move || {
            let _alive = alive;
            for job in todo {
                job(Seat(Arc::clone(&outstanding)));
            }
        };
        match thread::Builder::new().name("mcp-worker".into()).spawn(work) {
            Ok(handle) => self.handles.push(handle),
            Err(error) => log::error!("no thread for a worker: {error}"),
        }
    }
}

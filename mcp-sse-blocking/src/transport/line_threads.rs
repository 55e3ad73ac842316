//! A line stream over any reader and any writer, each behind a thread of its own.
//!
//! A foreign `read` or `write` may block for as long as it likes and nothing can end it from outside. So neither runs on a
//! thread that has a deadline: `mcp-line-read` reads ahead, four pieces at most, and `mcp-line-write` writes one message at
//! a time. Closing lets go of both ends; a thread that is blocked then is left behind, and ends with its `read` or `write`.

use std::convert::Infallible;
use std::io::{self, IoSlice, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, never, select};

use super::line::{Came, Duplex};
use crate::log_target;

/// Bytes of one read.
const READ_BYTES: usize = 16 << 10;
/// Reads that wait to be looked at.
const READS: usize = 4;
/// How long closing waits for the threads.
const FINISH_TIME: Duration = Duration::from_millis(500);

type Close = Box<dyn FnOnce() + Send>;

/// Reader and writer behind threads.
pub(crate) struct Threads {
    name: String,
    reads: Receiver<io::Result<Vec<u8>>>,
    /// What was read and did not fit.
    rest: Mutex<Vec<u8>>,
    /// Gone once it was shut down; the writer's thread then drops the writer.
    writes: Mutex<Option<Sender<Vec<u8>>>>,
    /// Why nothing is written any more.
    write_failed: Arc<Mutex<Option<io::Error>>>,
    /// Dropped to end all waits.
    awake: Mutex<Option<Sender<Infallible>>>,
    woken: Receiver<Infallible>,
    close: Mutex<Option<Close>>,
    /// Each disconnected once its thread is done.
    done: [Receiver<Infallible>; 2],
}

impl Threads {
    pub(crate) fn start(
        name: String,
        mut reader: impl Read + Send + 'static,
        mut writer: impl Write + Send + 'static,
        close: Option<Close>,
    ) -> io::Result<Self> {
        let (read, reads) = bounded(READS);
        let (write, writes) = bounded::<Vec<u8>>(0);
        let (awake, woken) = bounded(0);
        let write_failed = Arc::new(Mutex::new(None));
        let failed = Arc::clone(&write_failed);
        let reading = spawn("mcp-line-read", {
            let woken = woken.clone();
            move || read_all(&mut reader, &read, &woken)
        })?;
        let writing = spawn("mcp-line-write", move || {
            for message in writes {
                if let Err(error) = writer.write_all(&message).and_then(|()| writer.flush()) {
                    *lock(&failed) = Some(error);
                    return;
                }
            }
        })?;
        Ok(Self {
            name,
            reads,
            rest: Mutex::default(),
            writes: Mutex::new(Some(write)),
            write_failed,
            awake: Mutex::new(Some(awake)),
            woken,
            close: Mutex::new(close),
            done: [reading, writing],
        })
    }
}

/// The one loop of `mcp-line-read`.
fn read_all(reader: &mut impl Read, read: &Sender<io::Result<Vec<u8>>>, woken: &Receiver<Infallible>) {
    let mut room = vec![0; READ_BYTES];
    loop {
        let piece = match reader.read(&mut room) {
            Ok(0) => return,
            Ok(n) => Ok(room[..n].to_vec()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let is_last = piece.is_err();
        select! {
            send(read, piece) -> sent => if sent.is_err() { return },
            recv(woken) -> _ => return,
        }
        if is_last {
            return;
        }
    }
}

impl Duplex for Threads {
    /// The message is the writer's thread's once this returns: what becomes of it then is told to the next one.
    fn write(&self, parts: &[IoSlice<'_>], wait: Option<Duration>) -> io::Result<usize> {
        let Some(writes) = lock(&self.writes).clone() else { return Err(io::ErrorKind::NotConnected.into()) };
        let message: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
        let length = message.len();
        let late = wait.map_or_else(never, crossbeam_channel::after);
        let sent = select! {
            send(writes, message) -> sent => sent.is_ok(),
            recv(self.woken) -> _ => return Err(io::ErrorKind::NotConnected.into()),
            recv(late) -> _ => return Ok(0),
        };
        if sent {
            return Ok(length);
        }
        let error = lock(&self.write_failed).as_ref().map(|error| io::Error::new(error.kind(), error.to_string()));
        Err(error.unwrap_or_else(|| io::ErrorKind::BrokenPipe.into()))
    }

    fn read(&self, room: &mut [u8], wait: Option<Duration>) -> io::Result<Came> {
        let mut rest = lock(&self.rest);
        if rest.is_empty() {
            let late = wait.map_or_else(never, crossbeam_channel::after);
            *rest = select! {
                recv(self.reads) -> read => match read {
                    Ok(read) => read?,
                    Err(_) => return Ok(Came::End),
                },
                recv(self.woken) -> _ => return Ok(Came::End),
                recv(late) -> _ => return Ok(Came::Nothing),
            };
        }
        let n = rest.len().min(room.len());
        room[..n].copy_from_slice(&rest[..n]);
        rest.drain(..n);
        Ok(Came::Bytes(n))
    }

    fn shut_down(&self) {
        lock(&self.awake).take();
        lock(&self.writes).take();
        let close = lock(&self.close).take();
        if let Some(close) = close {
            close();
        }
    }

    fn finish(&self, wait: Option<Duration>) {
        let late = crossbeam_channel::after(wait.map_or(FINISH_TIME, |wait| wait.min(FINISH_TIME)));
        for (done, name) in self.done.iter().zip(["mcp-line-read", "mcp-line-write"]) {
            select! {
                recv(done) -> _ => {}
                recv(late) -> _ => {
                    return log::warn!(
                        target: log_target::CLIENT,
                        "the thread {name} for {} is left behind: nothing can end its read or write from outside",
                        self.name
                    );
                }
            }
        }
    }

    fn place(&self) -> String {
        self.name.clone()
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<Receiver<Infallible>> {
    let (alive, done) = bounded(0);
    thread::Builder::new().name(name.into()).spawn(move || {
        let _alive: Sender<Infallible> = alive;
        run();
    })?;
    Ok(done)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

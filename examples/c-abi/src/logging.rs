//! The log of the library, for the caller.

use std::ffi::{c_char, c_void};
use std::sync::OnceLock;

use log::{LevelFilter, Log, Metadata, Record};

use crate::border::enter;
use crate::callback::{Release, Userdata, shown};
use crate::error::{Fault, Status};
use crate::text::Out;

/// Told of a line of the log: `level` is 1 error, 2 warning, 3 info, 4 debug, 5 trace. On any thread, several
/// at once.
pub type OnLine = Option<extern "C" fn(userdata: *mut c_void, level: i32, text: *const c_char, length: usize)>;

struct Logger {
    tell: extern "C" fn(*mut c_void, i32, *const c_char, usize),
    userdata: Userdata,
}

static LOGGER: OnceLock<Logger> = OnceLock::new();

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // What lies below us shows whole URLs.
        metadata.target().starts_with("mcp")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = format!("{}: {}", record.target(), record.args());
            let (text, length) = shown(&line);
            (self.tell)(self.userdata.pointer(), record.level() as i32, text, length);
        }
    }

    fn flush(&self) {}
}

/// Has the log told, up to this level: 0 nothing, 1 error, 2 warning, 3 info, 4 debug, 5 trace. Once for the
/// process; later only the level can be changed, with a callback of NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_log_to(tell: OnLine, userdata: *mut c_void, release: Release, level: i32) -> Status {
    let userdata = Userdata::new(userdata, release);
    enter(Out(std::ptr::null_mut()), || {
        let level = match level {
            0 => LevelFilter::Off,
            1 => LevelFilter::Error,
            2 => LevelFilter::Warn,
            3 => LevelFilter::Info,
            4 => LevelFilter::Debug,
            5 => LevelFilter::Trace,
            other => return Err(Fault::new(Status::Usage, format!("there is no level {other}"))),
        };
        if let Some(tell) = tell {
            let taken = || Fault::new(Status::State, "the log goes elsewhere already");
            LOGGER.set(Logger { tell, userdata }).map_err(|_| taken())?;
            let Some(logger) = LOGGER.get() else { return Err(taken()) };
            log::set_logger(logger).map_err(|_| taken())?;
        }
        log::set_max_level(level);
        Ok(())
    })
}

/// The version of the library, with a NUL at its end. Lives as long as the library.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

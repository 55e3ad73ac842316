//! A process and all that it starts, to be ended together, on Windows: what a process group is on Unix.
//!
//! The job is closed by whoever ends the process, or by the system when this program is gone; then all that is still in it is
//! killed. What the process starts in the moment before it is in the job stays outside.

use std::os::windows::io::AsRawHandle as _;
use std::os::windows::process::CommandExt as _;
use std::process::{Child, Command};
use std::sync::{Mutex, PoisonError};

use win32job::{ExtendedLimitInfo, Job, JobError};

use crate::log_target;

/// `CREATE_NO_WINDOW`: a program with windows opens no console for a server, and an interrupt at the keyboard reaches this program
/// alone, which then ends its servers in order.
const CREATE_NO_WINDOW: u32 = 0x0800_0000;

/// The job of one process.
pub(super) struct ProcessJob(Mutex<Option<Job>>);

impl ProcessJob {
    /// What a command is told so that its process belongs to a job of its own.
    pub(super) fn prepare(command: &mut Command) {
        command.creation_flags(CREATE_NO_WINDOW);
    }

    /// A job with this process in it. Where the system has none the process is ended alone.
    pub(super) fn around(process: &Child) -> Self {
        let job = Self::job(process).inspect_err(|error| {
            log::warn!(target: log_target::CLIENT, "process {} has no job, so what it starts is not ended with it: {error}", process.id());
        });
        Self(Mutex::new(job.ok()))
    }

    fn job(process: &Child) -> Result<Job, JobError> {
        let job = Job::create_with_limit_info(ExtendedLimitInfo::new().limit_kill_on_job_close())?;
        job.assign_process(process.as_raw_handle() as isize)?;
        Ok(job)
    }

    /// Kills all that is in it. Fine to call again.
    pub(super) fn kill(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

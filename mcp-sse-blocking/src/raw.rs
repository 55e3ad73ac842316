//! Requests whose results are wanted as the JSON that came, for programs that hand it on.

use std::sync::Arc;

use mcp_core::types::Method;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::call::Job;
use crate::client::{Client, raw};
use crate::clock;
use crate::error::Error;
use crate::insight::{Insight, tool_name};
use crate::options::CallOptions;
use crate::pending::Want;
use crate::slot::Waiter;

impl Client {
    /// Makes a request as the method of this client for it does, with its rounds of input, its progress and a deadline of its
    /// own, and gives the result as it came: members that are not known here, their order, and every digit of a number.
    ///
    /// Nothing is kept and no page follows; see [`request`](Self::request) for requests without any of this, and
    /// [`Job::json`](crate::Job::json) for calls that can be cancelled.
    ///
    /// ```no_run
    /// use mcp_sse_blocking::mcp_core::types::Method;
    /// use mcp_sse_blocking::{CallOptions, Client};
    ///
    /// let client = Client::connect("http://localhost:8000/mcp")?;
    /// let uri = serde_json::json!({"uri": "file:///notes.txt"});
    /// println!("{}", client.request_with(Method::ResourcesRead, &uri, CallOptions::new())?);
    /// # Ok::<(), mcp_sse_blocking::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub fn request_with<P: Serialize + ?Sized>(
        &self,
        method: Method,
        params: &P,
        mut options: CallOptions<'_>,
    ) -> Result<Box<RawValue>, Error> {
        let want = options.want(self.engine())?;
        let mut tell = |progress| {
            if let Some(tell) = &mut options.on_progress {
                tell(progress);
            }
        };
        let params = raw(params)?;
        let insight = &**self.engine().insight();
        let timed = (method == Method::ToolsCall).then(|| Insight::call(insight));
        let outcome =
            self.engine().converse(method, &*params, &want, Some(&mut tell), |result, _| Ok(result.to_owned()));
        if let Some(timed) = timed {
            timed.end_raw(&outcome, &tool_name(&params), clock::now());
        }
        outcome
    }

    /// As [`request_with`](Self::request_with), started: it runs on a thread of its own, the [`Job`] gives its progress and with
    /// [`Job::json`] its result, and it can be cancelled from another thread. A method that is not known here is asked for as
    /// [`request`](Self::request) does it, without rounds of input.
    ///
    /// ```no_run
    /// use mcp_sse_blocking::{CallOptions, Client};
    ///
    /// let client = Client::connect("http://localhost:8000/mcp")?;
    /// let uri = serde_json::json!({"uri": "file:///large.iso"});
    /// let job = client.start_request("resources/read", &uri, CallOptions::new())?;
    /// let canceller = job.canceller(); // for whoever sees the user press a key
    /// println!("{}", job.json()?);
    /// # drop(canceller);
    /// # Ok::<(), mcp_sse_blocking::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_request<P: Serialize + ?Sized>(
        &self,
        method: &str,
        params: &P,
        options: CallOptions<'_>,
    ) -> Result<Job, Error> {
        let want = Want { waiter: Waiter::Job, progress: true, ..options.want(self.engine())? };
        let (method, params) = (method.to_owned(), raw(params)?);
        let known = Method::from_name(&method);
        let tool = (known == Some(Method::ToolsCall)).then(|| tool_name(&params));
        let timed = tool.as_ref().map(|_| Insight::call(Arc::clone(self.engine().insight())));
        let started = self.engine().start(want, move |engine, want| {
            let mut tell = |progress| {
                if let Some(job) = &want.job {
                    job.slot.progress(progress);
                }
            };
            match known {
                Some(method) => {
                    engine.converse(method, &*params, want, Some(&mut tell), |result, _| Ok(result.to_owned()))
                }
                None => engine.insight().measure(|| {
                    engine.request(&method, &*params, want, Some(&mut tell), |result| Ok(result.to_owned()))
                }),
            }
        });
        match (started, timed, tool) {
            (Ok(call), Some(timed), Some(tool)) => Ok(Job::new(self.clone(), call, timed, &tool)),
            (Ok(call), ..) => Ok(Job::untimed(self.clone(), call)),
            (Err(error), Some(timed), Some(tool)) => Err(timed.failed(error, &tool)),
            (Err(error), ..) => Err(error),
        }
    }
}

//! Requests whose results are wanted as the JSON that came, for programs that hand it on.

use mcp_core::types::Method;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::client::{Client, raw};
use crate::clock;
use crate::error::Error;
use crate::insight::{Insight, tool_name};
use crate::options::CallOptions;

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
}

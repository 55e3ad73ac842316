//! A server for a client in the same process: bytes in and bytes out, with a clock and without a thread or a socket.

use std::time::Instant as Clock;

use mcp_core::time::Instant;

use crate::error::Error;
use crate::server::Server;

impl Server {
    /// The server as a closure for a client in the same process: it takes bytes that the client sends, in pieces of any size,
    /// none when there is only time to pass, and appends what the server has to say. `Client::around` of `mcp-sse-blocking`
    /// takes such a closure.
    ///
    /// Handlers that are not on workers run on the thread that calls it. What workers and deferred replies have to say waits
    /// until it is called again. After a line that is longer than [`Server::message_limits`] allow it is silent, and the log
    /// says why. Whoever owns the clock as well takes a [`Pipe`](crate::Pipe) instead.
    ///
    /// ```
    /// use mcp_server_tiny::{Server, Tool};
    ///
    /// let mut server = Server::new("clock", "1.0.0").tool(Tool::new("time"), |_| Ok("noon")).in_process()?;
    /// let mut said = Vec::new();
    /// server(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n", &mut said);
    /// assert_eq!(said, b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n");
    /// # Ok::<(), mcp_server_tiny::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] for a setting that cannot work.
    pub fn in_process(self) -> Result<impl FnMut(&[u8], &mut Vec<u8>) + Send + 'static, Error> {
        let (mut pipe, start, mut failed) = (self.pipe()?, Clock::now(), false);
        Ok(move |bytes: &[u8], out: &mut Vec<u8>| {
            let now = Instant::from_elapsed(start.elapsed());
            if pipe.next_wake().is_some_and(|wake| wake <= now) {
                pipe.handle_timeouts(now);
            }
            if let (false, Err(exceeded)) = (failed, pipe.received(now, bytes)) {
                log::error!("nothing more is read: {exceeded}");
                failed = true;
            }
            loop {
                let more = pipe.deliver_replies(now);
                out.extend_from_slice(pipe.output());
                pipe.sent(usize::MAX);
                if !more && !pipe.go_on(now).unwrap_or(false) {
                    return;
                }
            }
        })
    }
}

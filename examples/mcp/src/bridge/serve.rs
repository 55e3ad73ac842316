//! From the command line to a front that serves, and its end.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use mcp_core::types::ClientCapabilities;
use mcp_server_tiny::{Error as ServerError, Server};

use super::desk::{Bridge, Desk, Manner};
use super::source::{Place, Source};
use super::told::Audience;
use super::upstream::Common;
use super::{BridgeArgs, announce, tokens};
use crate::exit::{Exit, Failure};
use crate::output;
use crate::session::Context;

/// How long requests in flight may take once the bridge is told to stop.
const STOP: Duration = Duration::from_secs(2);

/// How long another signal changes nothing, after the one that stops the bridge.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) fn run(args: &BridgeArgs, context: &Context) -> Result<Exit, Failure> {
    match &args.url {
        Some(url) => serve_stdio(args, context, url),
        None => serve_http(args, context),
    }
}

fn serve_http(args: &BridgeArgs, context: &Context) -> Result<Exit, Failure> {
    let tokens = tokens::read(args.token_env.as_deref(), args.token_file.as_deref())?;
    let address = address(args.listen.as_deref().unwrap_or_default())?;
    if !address.ip().is_loopback() && tokens.is_empty() {
        return Err(Failure::Usage(format!(
            "{address} can be reached from elsewhere: a bridge there needs --token-env or --token-file"
        )));
    }
    let source = source(args, context, Place::Program(args.program.clone()));
    let (mut server, bridge) = front(args, source, !tokens.is_empty())?;
    for token in tokens {
        server = server.bearer(token);
    }
    for host in &args.allow_host {
        server = server.allow_host(host);
    }
    for origin in &args.allow_origin {
        server = server.allow_origin(origin);
    }
    let bound = server.bind(address).map_err(|error| match error {
        ServerError::Io(error) => Failure::Usage(format!("nothing can listen at {address}: {error}")),
        error => Failure::Usage(error.to_string()),
    })?;
    let handle = bound.handle();
    context.interrupt.stops(patiently(move || handle.stop()));
    let address = bound.local_addr();
    output::say(format!("listening at http://{address}/mcp, and at http://{address}/sse for HTTP+SSE"));
    let served = bound.run();
    bridge.close();
    context.interrupt.ends();
    served.map(|()| Exit::Done).map_err(|error| Failure::Usage(error.to_string()))
}

fn serve_stdio(args: &BridgeArgs, context: &Context, url: &str) -> Result<Exit, Failure> {
    let source = source(args, context, Place::Url(url.to_owned()));
    let (server, bridge) = front(args, source, false)?;
    let closing = std::sync::Arc::clone(&bridge);
    context.interrupt.stops(patiently(move || {
        let closing = std::sync::Arc::clone(&closing);
        // Nothing ends the wait for input.
        std::thread::spawn(move || {
            closing.close();
            std::process::exit(Exit::Done as i32);
        });
    }));
    let served = server.serve_stdio();
    bridge.close();
    context.interrupt.ends();
    match served {
        Ok(()) => Ok(Exit::Done),
        Err(ServerError::Io(error)) => Err(Failure::Output(error)),
        Err(error) => Err(Failure::Usage(error.to_string())),
    }
}

fn source(args: &BridgeArgs, context: &Context, place: Place) -> Source {
    Source {
        place,
        options: context.options.clone(),
        hidden: args.token_env.clone(),
        max_message: args.max_message,
        call_timeout: args.call_timeout,
        version: None,
    }
}

/// A server that hands everything on. What it says of itself is asked first, of a connection that is closed again: then it is known
/// that there is a server, and which revision it speaks.
fn front(args: &BridgeArgs, mut source: Source, has_tokens: bool) -> Result<(Server, std::sync::Arc<Bridge>), Failure> {
    let scout = source.builder(ClientCapabilities::default())?.connect()?;
    let announced = announce::announced(&scout);
    source.version = Some(scout.protocol_version());
    scout.close();
    let manner = Manner { is_shared: args.shared, has_tokens, idle: args.idle, max_calls: args.max_calls };
    let mut made = None;
    let server = Server::new("bridge", env!("CARGO_PKG_VERSION")).delegate(announced, |clients| {
        let bridge = Bridge::new(
            Common { source, clients, audience: Audience::default(), connecting: AtomicUsize::new(0) },
            &manner,
        );
        made = Some(std::sync::Arc::clone(&bridge));
        Desk(bridge)
    });
    // It is made before `delegate` returns.
    let bridge = made.ok_or_else(|| Failure::Usage("the bridge could not be made".into()))?;
    let server = server
        .limits(|limits| {
            limits.sessions = args.max_sessions.max(1);
            limits.connections = limits.connections.max(4 * limits.sessions);
            limits.body_bytes = args.max_message;
            limits.output_bytes = limits.output_bytes.max(2 * args.max_message);
        })
        .message_limits(|limits| {
            limits.message_bytes = args.max_message;
            limits.line_bytes = limits.line_bytes.max(args.max_message);
        })
        .timeouts(|timeouts| {
            timeouts.session_unused = args.idle;
            timeouts.stop = STOP;
        })
        .input_timeout(args.call_timeout)
        .state_lifetime(args.call_timeout);
    Ok((server, bridge))
}

/// Stops once. Who wants the end again has to mean it: some send a signal twice, and processes are being ended meanwhile.
fn patiently(mut stop: impl FnMut() + Send + 'static) -> impl FnMut() -> bool + Send + 'static {
    let mut since: Option<Instant> = None;
    move || match since {
        None => {
            since = Some(Instant::now());
            stop();
            true
        }
        Some(since) => since.elapsed() < PATIENCE,
    }
}

/// Where to listen: the first address of a name.
fn address(text: &str) -> Result<SocketAddr, Failure> {
    let full = if text.starts_with(':') { format!("127.0.0.1{text}") } else { text.to_owned() };
    let resolved = full.to_socket_addrs().map(|mut addresses| addresses.next());
    match resolved {
        Ok(Some(address)) => Ok(address),
        Ok(None) => Err(Failure::Usage(format!("--listen {text}: there is no such address"))),
        Err(error) => Err(Failure::Usage(format!("--listen {text}: {error}; it is written HOST:PORT or :PORT"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_one_of_this_machine() {
        assert_eq!(address(":8000").unwrap(), "127.0.0.1:8000".parse().unwrap());
        assert_eq!(address("[::1]:0").unwrap(), "[::1]:0".parse().unwrap());
        for text in ["8000", "", "host", "127.0.0.1:99999"] {
            assert!(matches!(address(text), Err(Failure::Usage(_))), "{text}");
        }
    }
}

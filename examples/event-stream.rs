//! A plain event stream, served and read with the types of `mcp-core` alone. No MCP is involved.
//!
//! ```text
//! cargo run --example event-stream -- serve [ADDRESS]     `data: Update 0`, one a second, at http://127.0.0.1:5000/mcp-sse
//! cargo run --example event-stream -- read URL            prints the events of any event stream
//! ```
//!
//! The core does not read or write sockets: it says which events are in the bytes, and which bytes an event is. The rest of this
//! file is the least HTTP that carries them. The reader asks as HTTP/1.0, so that a server sends the stream as it is, up to
//! the end of the connection; it refuses an answer in chunks, a compressed one, a redirect and https. `mcp-sse-blocking` knows those.

use std::error::Error;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use mcp_core::http::{Url, is_event_stream};
use mcp_core::{Limits, sse, text::Excerpt};

const USAGE: &str = "usage: event-stream serve [ADDRESS] | event-stream read URL";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["serve"] => serve("127.0.0.1:5000"),
        ["serve", address] => serve(address),
        ["read", url] => read(url),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // `event-stream read URL | head -3`: whoever wanted the events has enough.
        Err(error) if is_broken_pipe(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("event-stream: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Reads events until the server ends the stream.
fn read(url: &str) -> Result<(), Box<dyn Error>> {
    let mut stream = get(&Url::parse(url)?)?;
    let mut decoder = sse::Decoder::new(&Limits::default());
    let mut stdout = io::stdout().lock();
    loop {
        // The socket's bytes land in the decoder's buffer, and an event is a slice of it: nothing is copied.
        let count = match stream.read(decoder.space(4096)?) {
            Ok(0) => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            read => read?,
        };
        decoder.filled(count);
        while let Some(event) = decoder.next_event()? {
            let (kind, data) = (event.event_str(), event.data_str());
            for line in data.split('\n') {
                // A peer's text: no control character of it may reach a terminal.
                writeln!(stdout, "{}: {}", Excerpt::new(&kind, 256), Excerpt::new(line, 4096))?;
            }
        }
    }
    decoder.finish();
    eprintln!("the stream ended");
    if let Some(pause) = decoder.retry() {
        eprintln!("the server asks its readers to come back after {pause:?}");
    }
    Ok(())
}

/// Asks for a stream and reads the answer up to its body.
fn get(url: &Url) -> Result<BufReader<TcpStream>, Box<dyn Error>> {
    if url.is_https() {
        return Err("this example has no TLS".into());
    }
    // An IPv6 address stands in brackets in a URL and nowhere else.
    let host = url.host().to_string();
    let mut socket = TcpStream::connect((host.trim_matches(['[', ']']), url.port()))?;
    let (target, host) = (url.path_and_query(), url.authority());
    write!(socket, "GET {target} HTTP/1.0\r\nHost: {host}\r\nAccept: text/event-stream\r\n\r\n")?;

    let mut answer = BufReader::new(socket);
    // No head that is worth reading is longer. Only the head is bounded: the stream may go on for ever.
    let mut head = (&mut answer).take(16 * 1024);
    let mut line = String::new();
    head.read_line(&mut line)?;
    if line.split(' ').nth(1) != Some("200") {
        return Err(format!("the server answered `{}`", Excerpt::new(line.trim_end(), 80)).into());
    }
    let mut is_stream = false;
    loop {
        line.clear();
        if head.read_line(&mut line)? == 0 {
            return Err("the head of the answer has no end".into());
        }
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-type" => is_stream = is_event_stream(value.trim()),
            "content-encoding" => return Err("the stream is compressed".into()),
            "transfer-encoding" => return Err("the server sends chunks to a client of HTTP/1.0".into()),
            _ => {}
        }
    }
    if is_stream { Ok(answer) } else { Err("this is no event stream".into()) }
}

/// Serves the stream to whoever comes, each on a thread of its own.
fn serve(address: &str) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(address)?;
    eprintln!("listening on http://{}", listener.local_addr()?);
    loop {
        let (socket, _) = listener.accept()?;
        thread::spawn(move || match updates(socket) {
            Err(error) if !is_gone(&error) => eprintln!("event-stream: {error}"),
            _ => {}
        });
    }
}

/// What a Flask generator with `mimetype='text/event-stream'` sends.
fn updates(mut socket: TcpStream) -> io::Result<()> {
    // A browser that says nothing must not keep the thread.
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    socket.set_nodelay(true)?;
    let mut head = BufReader::new(&socket).take(16 * 1024);
    let mut line = String::new();
    while head.read_line(&mut line)? > 2 {
        line.clear();
    }
    // Without a length: the end of the connection ends the stream.
    let fields = "Content-Type: text/event-stream\r\nCache-Control: no-cache\r\nConnection: close";
    write!(socket, "HTTP/1.1 200 OK\r\n{fields}\r\n\r\n")?;
    let mut out = Vec::new();
    for number in 0u64.. {
        out.clear();
        sse::encode::event(&mut out, "", format!("Update {number}")).map_err(io::Error::other)?;
        socket.write_all(&out)?;
        thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted)
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

//! Events whose payload is encrypted, read as if it were not.
//!
//! ```text
//! cargo run --example decrypt                              a server and its client in one process
//! FERNET_KEY=... cargo run --example decrypt -- URL        the plain stream of somebody else's server
//! ```
//!
//! Some servers send `{"event": ..., "encrypted_payload": TOKEN}`, where the token is that of Fernet: AES-128 in CBC mode under an
//! HMAC, as Python's `cryptography` makes it. The crate `fernet` takes it apart; the hook of `Builder::transform` puts the
//! payload in its place before anybody reads the event.
// What it prints is what it is for.
#![allow(clippy::print_stdout)]

use std::borrow::Cow;
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::ExitCode;
use std::thread;

use fernet::Fernet;
use mcp_core::text::Excerpt;
use mcp_sse_blocking::events::{EventFilter, Heard, TransformError};
use mcp_sse_blocking::{Client, Transport};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// What an event has that is encrypted.
const ENCRYPTED: &str = "encrypted_payload";

fn main() -> ExitCode {
    let done = match std::env::args().nth(1) {
        Some(url) => match std::env::var("FERNET_KEY") {
            Ok(key) => read(&url, &key, usize::MAX),
            Err(_) => Err("the key is expected in the variable FERNET_KEY".into()),
        },
        None => show(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("decrypt: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What payloads go through: those that are encrypted come out in the clear, the others as they are.
fn decrypt<'a>(fernet: &Fernet, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>, TransformError> {
    // Most have nothing to decrypt, and are not taken apart for that.
    if !bytes.windows(ENCRYPTED.len()).any(|window| window == ENCRYPTED.as_bytes()) {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut event: Map<String, Value> = serde_json::from_slice(bytes)?;
    let Some(Value::String(token)) = event.remove(ENCRYPTED) else { return Ok(Cow::Borrowed(bytes)) };
    // Which of the two it is, only who has the key could know.
    let payload = fernet.decrypt(&token).map_err(|_| "the key does not fit, or the payload was changed on its way")?;
    event.insert("payload".into(), serde_json::from_slice(&payload)?);
    Ok(Cow::Owned(serde_json::to_vec(&event)?))
}

/// Prints the events of a plain stream, up to `most`.
fn read(url: &str, key: &str, most: usize) -> Result<(), Box<dyn Error>> {
    let fernet = Fernet::new(key).ok_or("the key is no key of Fernet: 32 bytes in Base64")?;
    let client = Client::builder(url)
        .transport(Transport::Plain)
        .transform(move |bytes, _| decrypt(&fernet, bytes))
        .connect()?;
    for heard in client.events(EventFilter::new()).take(most) {
        match heard? {
            Heard::Event(event) => {
                let payload: Box<RawValue> = event.payload()?;
                // A name is a peer's text: no control character of it may reach a terminal. In JSON they are escaped.
                println!("{}: {payload}", Excerpt::new(event.name(), 256));
            }
            Heard::Missed(missed) => println!("something is missing here: {missed:?}"),
            _ => {}
        }
    }
    Ok(())
}

/// A server that encrypts, and a client that has its key.
fn show() -> Result<(), Box<dyn Error>> {
    let key = Fernet::generate_key();
    let fernet = Fernet::new(&key).ok_or("a key that was just made")?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/mcp/sse", listener.local_addr()?);
    thread::spawn(move || serve(&listener, &fernet));
    read(&url, &key, 2)
}

fn serve(listener: &TcpListener, fernet: &Fernet) -> std::io::Result<()> {
    let (mut socket, _) = listener.accept()?;
    let mut request = BufReader::new(socket.try_clone()?).lines();
    while request.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let token = fernet.encrypt(br#"{"value":42}"#);
    let body = format!(
        "data: {{\"event\":\"data_update\",\"encrypted_payload\":\"{token}\"}}\n\n\
         data: {{\"event\":\"data_update\",\"payload\":\"in the clear\"}}\n\n"
    );
    write!(socket, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n{body}")?;
    // Until the client is gone: the end of the connection would end the stream, and it would come back.
    request.next().map_or(Ok(()), |line| line.map(drop))
}

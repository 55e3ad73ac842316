//! The smallest HTTP server that the standard library alone makes: the limit that `sizes.sh` measures a one-tool server
//! against. It answers each request with the same words and is of no other use.

use std::env;
use std::error::Error;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};

fn main() -> Result<(), Box<dyn Error>> {
    let port: u16 = env::args().nth(1).map_or(Ok(8000), |port| port.parse())?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    loop {
        let (mut socket, _) = listener.accept()?;
        let mut head = [0; 4096];
        let count = socket.read(&mut head)?;
        let body = format!("{count} bytes came\n");
        write!(socket, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())?;
    }
}

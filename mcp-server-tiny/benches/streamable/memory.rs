//! Resident memory of a server with open sessions, each with its standalone stream (the GET of R-SH-19).
//!
//! All handshakes are posted through one connection, so that what grows is the sessions and their streams. Memory of the kernel
//! (socket buffers) is in no process's figure.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use crate::case::{connect, open_session, unexpected};
use crate::harness::process::{Memory, Server};
use crate::harness::report::Table;

const STEPS: [usize; 2] = [1000, 5000];

/// Prints a line for each of `servers`. The first one is the limit.
pub(crate) fn run(servers: &[&str]) -> io::Result<()> {
    let mut table = Table::new(&["server", "at rest", "a session at 1000", "a session at 5000"]);
    for role in servers {
        let server = Server::start(role, None)?;
        let rest = server.memory();
        let mut cells = vec![(*role).to_owned(), both(rest, 1e6, "MB")];
        let mut streams = Vec::new();
        let mut posts = connect(server.address)?;
        for count in STEPS {
            while streams.len() < count {
                let session = open_session(&mut posts, server.address)?;
                streams.push(listen(server.address, &session)?);
            }
            let now = server.memory();
            let sessions = count as f64;
            let each = Memory {
                resident: (now.resident - rest.resident) / sessions,
                anonymous: (now.anonymous - rest.anonymous) / sessions,
            };
            cells.push(both(each, 1e3, "KB"));
        }
        table.row(&cells);
    }
    println!("\nresident memory of the server process (in brackets: without pages of the program file)");
    table.print();
    println!("target: 2 KB a session with its stream\n");
    Ok(())
}

fn listen(host: SocketAddr, session: &str) -> io::Result<TcpStream> {
    let mut socket = connect(host)?;
    let request = format!(
        "GET /mcp HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\nMCP-Protocol-Version: 2025-11-25\r\nMcp-Session-Id: {session}\r\n\r\n"
    );
    socket.write_all(request.as_bytes())?;
    let mut head = [0; 512];
    let count = socket.read(&mut head)?;
    if head.starts_with(b"HTTP/1.1 200 ") { Ok(socket) } else { Err(unexpected("answer to the GET", &head[..count])) }
}

fn both(memory: Memory, unit: f64, name: &str) -> String {
    format!("{:.2} {name} ({:.2})", memory.resident / unit, memory.anonymous / unit)
}

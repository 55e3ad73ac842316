//! Resident memory of a server: as it starts, and with idle sessions open.
//!
//! An idle session is one that did its handshake and keeps its event stream open. All handshakes are posted through one
//! connection, so that what grows is the sessions. Memory of the kernel (socket buffers) is in no process's figure.

use std::io;

use crate::harness::process::{Memory, Server};
use crate::harness::report::Table;
use crate::wire::{EventStream, Incoming};

const STEPS: [usize; 2] = [1000, 5000];

/// Prints a line for each of `servers`. The first one is the limit.
pub(crate) fn run(servers: &[&str]) -> io::Result<()> {
    let mut table = Table::new(&["server", "at rest", "a session at 1000", "a session at 5000", "after closing all"]);
    for role in servers {
        let server = Server::start(role, None)?;
        let rest = server.memory();
        let mut cells = vec![(*role).to_owned(), both(rest, 1e6, "MB")];
        let mut streams = Vec::new();
        let mut posts = Incoming::connect(server.address)?;
        for count in STEPS {
            while streams.len() < count {
                let mut stream = EventStream::open(server.address)?;
                stream.initialize(&mut posts, server.address)?;
                streams.push(stream);
            }
            let now = server.memory();
            let sessions = count as f64;
            let each = Memory {
                resident: (now.resident - rest.resident) / sessions,
                anonymous: (now.anonymous - rest.anonymous) / sessions,
            };
            cells.push(both(each, 1e3, "KB"));
        }
        drop(streams);
        // An exchange after the last close: the server has worked through all of them before it answers.
        EventStream::open(server.address)?.initialize(&mut posts, server.address)?;
        cells.push(both(server.memory(), 1e6, "MB"));
        table.row(&cells);
    }
    println!("\nresident memory of the server process (in brackets: without pages of the program file)");
    table.print();
    println!("target: 1.5 KB a session; 2.5 MB at rest, of a program built small: tests/measure/sizes.sh\n");
    Ok(())
}

fn both(memory: Memory, unit: f64, name: &str) -> String {
    format!("{:.2} {name} ({:.2})", memory.resident / unit, memory.anonymous / unit)
}

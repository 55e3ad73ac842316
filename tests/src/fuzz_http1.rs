//! The HTTP/1.1 machine put together in the plainest way, and a fuzz body on it: a panic is the report.

use core::mem::MaybeUninit;

use mcp_server_tiny::http1::body::Sink;
use mcp_server_tiny::http1::head::FIELDS;
use mcp_server_tiny::http1::{Body, Head, HeadLimits, Persistence, Refusal, Scan};

/// Small bounds, so that short inputs reach them.
pub const LIMITS: HeadLimits = HeadLimits { head_bytes: 300, body_bytes: 64 };

/// The pieces of the machine put together in the plainest way, with a line for each request it understood.
#[derive(Default)]
struct Reader {
    input: Vec<u8>,
    scan: Scan,
    body: Option<(String, Body, Vec<u8>)>,
    lines: Vec<String>,
    refused: bool,
}

impl Reader {
    fn push(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        while !self.refused {
            match self.step() {
                Ok(true) => {}
                Ok(false) => return,
                Err(refusal) => {
                    self.lines.push(refusal.status.code().to_string());
                    self.refused = true;
                }
            }
        }
    }

    /// Whether something was understood, so that more may follow.
    fn step(&mut self) -> Result<bool, Refusal> {
        if let Some((line, body, kept)) = &mut self.body {
            let taken = body.take(&self.input, &mut Sink::Keep(kept, LIMITS.body_bytes))?;
            self.input.drain(..taken.used);
            if taken.complete {
                self.lines.push(format!("{line} {:?}", String::from_utf8_lossy(kept)));
                self.body = None;
            }
            return Ok(taken.complete);
        }
        let Some(end) = self.scan.head_end(&self.input, &LIMITS)? else { return Ok(false) };
        let mut fields = [const { MaybeUninit::uninit() }; FIELDS];
        let head = Head::parse(&self.input[..end], &LIMITS, &mut fields)?;
        self.body = Some((line(&head), Body::new(head.framing), Vec::new()));
        self.input.drain(..end);
        self.scan = Scan::default();
        Ok(true)
    }
}

fn line(head: &Head<'_, '_>) -> String {
    let mut line = format!("{:?} {}", head.method, head.path);
    if let Some(query) = head.query {
        line += "?";
        line += query;
    }
    line += " host=";
    line += head.host.unwrap_or("?");
    if head.expects_continue {
        line.push_str(" continue");
    }
    line.push_str(match head.persistence {
        Persistence::Close => " close",
        Persistence::KeepAlive => " keep-alive",
        Persistence::KeepAliveHttp10 => " keep-alive-1.0",
    });
    line
}

/// What requests the machine sees in `pieces`, one line each; the last is the status of a refusal if there was one.
pub fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let mut reader = Reader::default();
    pieces.into_iter().for_each(|piece| reader.push(piece));
    reader.lines
}

/// Reads `input` whole and in pieces of the size that its first byte gives: the answers must agree.
pub fn requests(input: &[u8]) {
    let Some((size, input)) = input.split_first() else { return };
    let whole = read([input]);
    assert_eq!(read(input.chunks(usize::from(*size) + 1)), whole);
    assert!(whole.iter().filter(|line| line.len() == 3).count() <= 1, "nothing is read after a refusal: {whole:?}");
}

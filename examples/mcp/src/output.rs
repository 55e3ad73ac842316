//! What is printed, and where: results and lists on standard output, everything else on standard error.

mod content;
pub(crate) mod json;
mod progress;
mod stderr;
mod table;
mod untrusted;
mod view;

use std::io::{self, StdoutLock, Write};

use serde_json::value::RawValue;

pub(crate) use content::{decoded_length, describe, text_of};
pub(crate) use progress::Watched;
pub(crate) use stderr::{StandardError, complain, failure, log, not_listed, pause, say, write};
pub(crate) use table::Table;
pub(crate) use untrusted::{first_line, harmless, one_line};
#[cfg(test)]
pub(crate) use view::Colour;
pub(crate) use view::{Style, View};

/// Standard output.
pub(crate) struct Output {
    out: StdoutLock<'static>,
    view: View,
}

impl Output {
    pub(crate) fn new() -> Self {
        Self { view: View::of_stdout(), out: io::stdout().lock() }
    }

    /// Who reads it.
    pub(crate) fn view(&self) -> View {
        self.view
    }

    /// Bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.out.flush()
    }

    /// Texts of a server, each under its heading.
    pub(crate) fn untrusted_lines(&mut self, texts: &[(String, String)]) -> io::Result<()> {
        for (heading, text) in texts {
            self.print(&format!("{heading}\n"))?;
            let end = if text.ends_with('\n') { "" } else { "\n" };
            self.untrusted(&format!("{text}{end}"))?;
        }
        Ok(())
    }

    /// Text that was made fit for a terminal where that is needed.
    pub(crate) fn print(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// Text of a server: whole for a pipe, without what a terminal would act on for a terminal.
    pub(crate) fn untrusted(&mut self, text: &str) -> io::Result<()> {
        if self.view.is_terminal() { self.print(&harmless(text)) } else { self.print(text) }
    }

    /// A document of this program's own.
    pub(crate) fn document(&mut self, document: &serde_json::Value) -> io::Result<()> {
        self.json(&json::raw(document.to_string()))
    }

    /// One JSON document and a line end; byte by byte as it came, but for a terminal.
    pub(crate) fn json(&mut self, document: &RawValue) -> io::Result<()> {
        let text = format!("{document}\n");
        if self.view.is_terminal() { self.print(&untrusted::harmless_json(&text)) } else { self.print(&text) }
    }
}

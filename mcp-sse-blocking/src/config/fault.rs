//! What is wrong with a file, and where.
//!
//! No fault shows a value of the file or of a variable: names, keys and places only. Values may be secrets, and the text of a
//! fault ends up in logs.

use std::fmt;
use std::path::{Path, PathBuf};

/// Characters of a name that a place shows.
const SHOWN_NAME: usize = 64;

/// Everything that is wrong with a file, each with its place. `Display` has a line for each.
#[derive(Debug, Clone)]
pub struct ConfigError {
    file: Option<PathBuf>,
    faults: Vec<Fault>,
}

/// One thing that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    place: String,
    server: Option<String>,
    spot: Option<Spot>,
    problem: String,
}

/// Where something stands in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    /// From 1.
    pub(super) line: u32,
    /// In characters, from 1.
    pub(super) column: u32,
}

impl Spot {
    /// Where the text ends.
    pub(super) fn after(text: &str) -> Self {
        let line = text.rsplit('\n').next().unwrap_or_default();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX).saturating_add(1);
        Self { line: number(text.matches('\n').count()), column: number(line.chars().count()) }
    }
}

impl ConfigError {
    pub(super) fn new(faults: Vec<Fault>) -> Self {
        Self { file: None, faults }
    }

    /// A fault of the whole file.
    pub(super) fn of_file(problem: String) -> Self {
        Self::new(vec![Fault::new("", None, problem)])
    }

    pub(super) fn in_file(mut self, file: &Path) -> Self {
        self.file = Some(file.to_owned());
        self
    }

    /// The faults, as they stand in the file; one at least.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The file, when it was one.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }
}

impl Fault {
    pub(super) fn new(place: &str, spot: Option<Spot>, problem: impl Into<String>) -> Self {
        Self { place: place.to_owned(), server: None, spot, problem: problem.into() }
    }

    /// The same fault of this server, whose name its place does not show.
    pub(super) fn of_server(mut self, server: Option<&str>) -> Self {
        self.server = server.map(shown);
        self
    }

    /// The place, such as `mcpServers.github.headers.Authorization` or `mcps[2].url`. Empty when it is about the whole file.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The name of the server, where the place has its number only.
    pub fn server(&self) -> Option<&str> {
        self.server.as_deref()
    }

    /// The line, from 1; `None` when the file could not be read.
    pub fn line(&self) -> Option<u32> {
        self.spot.map(|spot| spot.line)
    }

    /// The column in characters, from 1.
    pub fn column(&self) -> Option<u32> {
        self.spot.map(|spot| spot.column)
    }

    /// What is wrong there.
    pub fn problem(&self) -> &str {
        &self.problem
    }

    pub(super) fn spot(&self) -> Option<Spot> {
        self.spot
    }

    /// Everything but line and column.
    fn write_rest(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.is_empty() {
            f.write_str(&self.place)?;
            if let Some(server) = &self.server {
                write!(f, " (server `{server}`)")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.problem)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Spot { line, column }) = self.spot {
            write!(f, "line {line}, column {column}: ")?;
        }
        self.write_rest(f)
    }
}

impl fmt::Display for ConfigError {
    /// With a file as compilers do: `mcp.json:7:24: ...`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, fault) in self.faults.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            let Some(file) = &self.file else {
                fault.fmt(f)?;
                continue;
            };
            write!(f, "{}:", file.display())?;
            if let Some(Spot { line, column }) = fault.spot {
                write!(f, "{line}:{column}:")?;
            }
            f.write_str(" ")?;
            fault.write_rest(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// A name of the file, fit to be shown: cut, and without control characters.
pub(super) fn shown(name: &str) -> String {
    let mut shown: String = name.chars().take(SHOWN_NAME).flat_map(char::escape_debug).collect();
    if name.chars().nth(SHOWN_NAME).is_some() {
        shown.push_str("...");
    }
    shown
}

/// The place of `key` within `place`.
pub(super) fn within(place: &str, key: &str) -> String {
    let is_plain = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    match (is_plain, place.is_empty()) {
        (true, true) => shown(key),
        (true, false) => format!("{place}.{}", shown(key)),
        (false, _) => format!("{place}[\"{}\"]", shown(key)),
    }
}

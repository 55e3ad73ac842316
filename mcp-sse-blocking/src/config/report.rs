//! What was found wrong so far.

use super::fault::{Fault, Spot};
use super::tree::Node;

/// Faults and warnings, in the order in which they were found.
#[derive(Default)]
pub(super) struct Report {
    pub(super) faults: Vec<Fault>,
    pub(super) warnings: Vec<Fault>,
    /// The server that is being read, where its place does not name it.
    pub(super) server: Option<String>,
}

/// A value of the file and the words for where it is.
#[derive(Clone)]
pub(super) struct At<'t> {
    pub(super) place: String,
    pub(super) node: &'t Node,
}

impl Report {
    pub(super) fn fault(&mut self, place: &str, spot: Spot, problem: impl Into<String>) {
        let fault = Fault::new(place, Some(spot), problem).of_server(self.server.as_deref());
        self.faults.push(fault);
    }

    pub(super) fn warn(&mut self, place: &str, spot: Spot, problem: impl Into<String>) {
        let warning = Fault::new(place, Some(spot), problem).of_server(self.server.as_deref());
        self.warnings.push(warning);
    }

    /// A fault of this value.
    pub(super) fn fault_at(&mut self, at: &At<'_>, problem: impl Into<String>) {
        self.fault(&at.place, at.node.spot, problem);
    }

    /// The value is of the wrong kind.
    pub(super) fn wrong_type(&mut self, at: &At<'_>, expected: &str) {
        self.fault_at(at, format!("is {}, not {expected}", at.node.kind()));
    }

    /// In the order of the file.
    pub(super) fn sorted(mut faults: Vec<Fault>) -> Vec<Fault> {
        faults.sort_by_key(|fault| fault.spot().map(|Spot { line, column }| (line, column)));
        faults
    }
}

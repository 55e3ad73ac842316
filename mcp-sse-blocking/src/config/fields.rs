//! Values of the tree as the types that keys have. What is wrong is reported, and `None` is given.

use std::collections::HashSet;
use std::time::Duration;

use super::fault::within;
use super::report::{At, Report};
use super::tree::Value;
use super::variables::Variables;

/// The longest time a file may set: a year. What is longer is a slip, and would overflow clocks.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Reads values, filling in variables.
pub(super) struct Fields<'r> {
    pub(super) report: &'r mut Report,
    pub(super) variables: &'r mut Variables,
}

/// In what a time is given.
#[derive(Clone, Copy)]
pub(super) enum Unit {
    Seconds,
    /// What is less than 1000 in seconds, as in Cline; from there on in milliseconds, as in Claude Code, which ignores less than
    /// 1000, and in Gemini CLI.
    SecondsOrMilliseconds,
}

impl Fields<'_> {
    /// A string.
    pub(super) fn text(&mut self, at: &At<'_>) -> Option<String> {
        match &at.node.value {
            Value::Text(text) => self.expanded(at, text),
            _ => {
                self.report.wrong_type(at, "a string");
                None
            }
        }
    }

    /// A string that is not empty.
    pub(super) fn some_text(&mut self, at: &At<'_>) -> Option<String> {
        let text = self.text(at)?;
        if text.is_empty() {
            self.report.fault_at(at, "is empty");
            return None;
        }
        Some(text)
    }

    /// A string, or a number as it is written: `"PORT": 8080`.
    pub(super) fn text_or_number(&mut self, at: &At<'_>) -> Option<String> {
        match &at.node.value {
            Value::Number(number) => Some(number.clone()),
            _ => self.text(at),
        }
    }

    fn expanded(&mut self, at: &At<'_>, text: &str) -> Option<String> {
        if is_bare_variable(text) {
            self.report.warn(&at.place, at.node.spot, "looks like a variable; with braces, `${NAME}`, it would be one");
        }
        match self.variables.expand(text) {
            Ok(text) if text.contains('\0') => {
                self.report.fault_at(at, "has a NUL character");
                None
            }
            Ok(text) => Some(text),
            Err(problems) => {
                for problem in problems {
                    self.report.fault_at(at, problem);
                }
                None
            }
        }
    }

    /// `true` or `false`.
    pub(super) fn truth(&mut self, at: &At<'_>) -> Option<bool> {
        match &at.node.value {
            Value::Bool(value) => Some(*value),
            _ => {
                self.report.wrong_type(at, "true or false");
                None
            }
        }
    }

    /// A time that is more than none.
    pub(super) fn duration(&mut self, at: &At<'_>, unit: Unit) -> Option<Duration> {
        let number: f64 = self.number(at, "a number of seconds")?;
        let is_milliseconds = matches!(unit, Unit::SecondsOrMilliseconds) && number >= 1000.0;
        if is_milliseconds && number <= 3600.0 {
            let said = "is taken for milliseconds; Cline means seconds, in which `call_timeout` always is";
            self.report.warn(&at.place, at.node.spot, said);
        }
        let seconds = if is_milliseconds { number / 1000.0 } else { number };
        if seconds.is_nan() || seconds <= 0.0 {
            self.report.fault_at(at, "must be more than 0");
            return None;
        }
        match Duration::try_from_secs_f64(seconds) {
            Ok(duration) if duration.is_zero() => {
                self.report.fault_at(at, "must be more than 0");
                None
            }
            Ok(duration) if duration <= LONGEST => Some(duration),
            _ => {
                self.report.fault_at(at, "is longer than a year");
                None
            }
        }
    }

    /// A whole number from 0.
    pub(super) fn count(&mut self, at: &At<'_>) -> Option<u32> {
        self.number(at, "a whole number from 0")
    }

    /// A number, or a string that is one: numbers may come from variables.
    fn number<T: std::str::FromStr>(&mut self, at: &At<'_>, expected: &str) -> Option<T> {
        let text = match &at.node.value {
            Value::Number(_) | Value::Text(_) => self.text_or_number(at)?,
            _ => {
                self.report.wrong_type(at, expected);
                return None;
            }
        };
        let number = text.trim().parse().ok();
        if number.is_none() {
            self.report.fault_at(at, format!("is not {expected}"));
        }
        number
    }

    /// A list of strings; numbers count as strings.
    pub(super) fn texts(&mut self, at: &At<'_>) -> Vec<String> {
        let Value::List(items) = &at.node.value else {
            self.report.wrong_type(at, "a list of strings");
            return Vec::new();
        };
        let mut texts = Vec::with_capacity(items.len());
        for (number, node) in items.iter().enumerate() {
            let item = At { place: format!("{}[{number}]", at.place), node };
            texts.extend(self.text_or_number(&item));
        }
        texts
    }

    /// The entries of a mapping, each with its key; those that are null are left out.
    pub(super) fn entries<'t>(&mut self, at: &At<'t>) -> Vec<(&'t str, At<'t>)> {
        let Some(entries) = at.node.entries() else {
            self.report.wrong_type(at, "a mapping");
            return Vec::new();
        };
        let mut seen = HashSet::new();
        let mut found: Vec<(&str, At<'t>)> = Vec::new();
        for (key, node) in entries {
            let place = within(&at.place, &key.text);
            if !seen.insert(&key.text) {
                self.report.fault(&place, key.spot, "is given twice");
            } else if !matches!(node.value, Value::Null) {
                found.push((&key.text, At { place, node }));
            }
        }
        found
    }
}

/// `$NAME`, as Gemini CLI has it. Passwords may look so too, which is why it is not filled in.
fn is_bare_variable(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    text.strip_prefix('$').is_some_and(|name| name.len() > 1 && name.chars().all(is_part))
}

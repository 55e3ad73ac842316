//! Where text goes, and what can be done with it there.

use std::io::{self, IsTerminal};

use console::Term;

/// Columns of a terminal that does not say how many it has.
const COLUMNS: usize = 80;

/// Who reads what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// A program, or a file: lines of one form.
    Piped,
    /// A person at a terminal of so many columns.
    Terminal { columns: usize, colour: Colour },
}

/// Whether colours are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    On,
    Off,
}

/// How a piece of text stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Strong,
    Faint,
    Bad,
    Warning,
}

impl View {
    /// Of standard output.
    pub(crate) fn of_stdout() -> Self {
        Self::of(io::stdout().is_terminal(), &Term::stdout())
    }

    /// Of standard error.
    pub(crate) fn of_stderr() -> Self {
        Self::of(io::stderr().is_terminal(), &Term::stderr())
    }

    fn of(is_terminal: bool, term: &Term) -> Self {
        if !is_terminal {
            return Self::Piped;
        }
        let columns = term.size_checked().map_or(COLUMNS, |(_, columns)| usize::from(columns));
        Self::Terminal { columns: columns.max(1), colour: Colour::wanted(|name| std::env::var(name).ok()) }
    }

    pub(crate) fn is_terminal(self) -> bool {
        self != Self::Piped
    }

    /// `text`, standing out where that is wanted.
    pub(crate) fn paint(self, style: Style, text: &str) -> String {
        if !matches!(self, Self::Terminal { colour: Colour::On, .. }) || text.is_empty() {
            return text.to_owned();
        }
        let code = match style {
            Style::Strong => "1",
            Style::Faint => "2",
            Style::Bad => "1;31",
            Style::Warning => "33",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

impl Colour {
    /// What the environment says: <https://no-color.org>, and terminals that know none.
    fn wanted(variable: impl Fn(&str) -> Option<String>) -> Self {
        let is_refused = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
        if is_refused || variable("TERM").as_deref() == Some("dumb") { Self::Off } else { Self::On }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_whose_user_does_not_refuse_them() {
        let terminal = |colour| View::Terminal { columns: 80, colour };
        assert_eq!(terminal(Colour::On).paint(Style::Strong, "a"), "\x1b[1ma\x1b[0m");
        assert_eq!(terminal(Colour::Off).paint(Style::Strong, "a"), "a");
        assert_eq!(View::Piped.paint(Style::Strong, "a"), "a");
    }

    #[test]
    fn no_color_counts_when_it_says_something() {
        let wanted = |pairs: &[(&str, &str)]| {
            Colour::wanted(|name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(wanted(&[]), Colour::On);
        assert_eq!(wanted(&[("NO_COLOR", "")]), Colour::On);
        assert_eq!(wanted(&[("NO_COLOR", "1")]), Colour::Off);
        assert_eq!(wanted(&[("TERM", "dumb")]), Colour::Off);
        assert_eq!(wanted(&[("TERM", "xterm")]), Colour::On);
    }
}

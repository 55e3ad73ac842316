//! Files of variables (`.env`), to which VS Code and Cursor refer as `envFile`.
//!
//! Lines of `NAME=value`, with `export` in front or not, in quotes or not; `#` begins a comment where a value may not have one.
//! Nothing is filled in: what a dollar means differs from program to program.

use std::path::Path;

use super::read::{contents, unreadable};

/// Reads the variables of a file, a later one of the same name after an earlier one.
///
/// # Errors
/// In words, without the path or a value.
pub(super) fn read(path: &Path) -> Result<Vec<(String, String)>, String> {
    let bytes = contents(path).map_err(|error| unreadable(&error))?;
    let text = String::from_utf8(bytes).map_err(|_| "the file is not UTF-8")?;
    parse(&text)
}

fn parse(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::new();
    let lines = text.trim_start_matches('\u{feff}').lines().enumerate();
    for (number, line) in lines {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let pair = line.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
        let Some((name, value)) = pair.filter(|(name, _)| !name.is_empty() && !name.contains(char::is_whitespace))
        else {
            return Err(format!("line {} of the file is no `NAME=value`", number + 1));
        };
        if value.contains('\0') {
            return Err(format!("line {} of the file has a NUL character", number + 1));
        }
        pairs.push((name.to_owned(), unquoted(value)));
    }
    Ok(pairs)
}

fn unquoted(value: &str) -> String {
    if let Some(inside) = value.strip_prefix('\'').and_then(|rest| rest.split_once('\'')) {
        return inside.0.to_owned();
    }
    let Some(rest) = value.strip_prefix('"') else {
        let comment = value.find(" #").unwrap_or(value.len());
        return value[..comment].trim_end().to_owned();
    };
    let mut text = String::new();
    let mut characters = rest.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => match characters.next() {
                Some('n') => text.push('\n'),
                Some('r') => text.push('\r'),
                Some('t') => text.push('\t'),
                Some(other) => text.push(other),
                None => text.push('\\'),
            },
            _ => text.push(character),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_lines_are_read() {
        let text =
            "# a comment\n\nA=1\nexport B = two words # not this\r\nC='#$x' # rest\nD=\"a\\\"b\\n\"\nE=\nF=a=b#c";
        let pairs = parse(text).unwrap();
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expected = [("A", "1"), ("B", "two words"), ("C", "#$x"), ("D", "a\"b\n"), ("E", ""), ("F", "a=b#c")];
        assert_eq!(pairs, expected);
    }

    #[test]
    fn other_lines_are_refused_by_their_number() {
        assert_eq!(parse("A=1\nsecret").unwrap_err(), "line 2 of the file is no `NAME=value`");
        assert_eq!(parse("=x").unwrap_err(), "line 1 of the file is no `NAME=value`");
        assert_eq!(parse("A b=x").unwrap_err(), "line 1 of the file is no `NAME=value`");
    }
}

//! JSON as editors write it: with comments, and with commas after the last entry.
//!
//! `serde_json` reads neither, and says no places of values; it is asked for what is within strings and numbers. Nesting is
//! bounded, and the text is walked once.

use super::fault::Spot;
use super::tree::{Key, MAX_DEPTH, Node, SyntaxError, Value};

/// Reads a document.
pub(super) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let mut parser = Parser { text, at: 0, depth: 0, spot: Spot { line: 1, column: 1 }, spot_at: 0 };
    // Windows editors put one in front.
    parser.at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    parser.spot_at = parser.at;
    let node = parser.value()?;
    parser.skip()?;
    match parser.peek() {
        None => Ok(node),
        Some(_) => Err(parser.error("there is more after the end of the document")),
    }
}

struct Parser<'t> {
    text: &'t str,
    /// The next byte. Always at the beginning of a character.
    at: usize,
    depth: usize,
    /// Line and column of the byte `spot_at`, which `at` is never before.
    spot: Spot,
    spot_at: usize,
}

impl<'t> Parser<'t> {
    fn value(&mut self) -> Result<Node, SyntaxError> {
        self.skip()?;
        let spot = self.spot();
        let value = match self.peek() {
            Some(b'{') => self.nested(Self::map)?,
            Some(b'[') => self.nested(Self::list)?,
            Some(b'"') => Value::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't' | b'f' | b'n') => self.word()?,
            Some(_) => return Err(self.error("a value is expected")),
            None => return Err(self.error("the document ends where a value is expected")),
        };
        Ok(Node { spot, value })
    }

    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Result<Value, SyntaxError>) -> Result<Value, SyntaxError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error(&format!("values are nested more than {MAX_DEPTH} deep")));
        }
        self.depth += 1;
        self.at += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn map(&mut self) -> Result<Value, SyntaxError> {
        let mut entries = Vec::new();
        loop {
            self.skip()?;
            match self.peek() {
                Some(b'}') => break,
                Some(b'"') => {}
                Some(_) => return Err(self.error("a key in double quotes or `}` is expected")),
                None => return Err(self.error("a `{` is never closed")),
            }
            let key = Key { spot: self.spot(), text: self.string()? };
            self.skip()?;
            if self.peek() != Some(b':') {
                return Err(self.error("a `:` is expected after a key"));
            }
            self.at += 1;
            entries.push((key, self.value()?));
            if !self.another(b'}', "a `,` or `}` is expected", "a `{` is never closed")? {
                break;
            }
        }
        self.at += 1;
        Ok(Value::Map(entries))
    }

    fn list(&mut self) -> Result<Value, SyntaxError> {
        let mut items = Vec::new();
        loop {
            self.skip()?;
            if self.peek() == Some(b']') {
                break;
            }
            items.push(self.value()?);
            if !self.another(b']', "a `,` or `]` is expected", "a `[` is never closed")? {
                break;
            }
        }
        self.at += 1;
        Ok(Value::List(items))
    }

    /// After an entry: whether another may follow, which is said by a comma.
    fn another(&mut self, end: u8, otherwise: &str, unclosed: &str) -> Result<bool, SyntaxError> {
        self.skip()?;
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            Some(byte) if byte == end => Ok(false),
            Some(_) => Err(self.error(otherwise)),
            None => Err(self.error(unclosed)),
        }
    }

    fn string(&mut self) -> Result<String, SyntaxError> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut end = start + 1;
        loop {
            match bytes.get(end) {
                Some(b'"') => break,
                Some(b'\\') => end += 2,
                Some(0..=0x1f) => return Err(self.error("a string has a line end or another control character")),
                Some(_) => end += 1,
                None => return Err(self.error("a string is never closed")),
            }
        }
        // `end` is at a quote, which is one byte: the slice begins and ends between characters.
        let text = serde_json::from_str(&self.text[start..=end]);
        let text = text.map_err(|_| self.error("a string has an escape that JSON does not have"))?;
        self.at = end + 1;
        Ok(text)
    }

    fn number(&mut self) -> Result<Value, SyntaxError> {
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E')).unwrap_or(rest.len());
        if serde_json::from_str::<serde_json::Number>(&rest[..end]).is_err() {
            return Err(self.error("a number is expected, and this is none"));
        }
        self.at += end;
        Ok(Value::Number(rest[..end].to_owned()))
    }

    fn word(&mut self) -> Result<Value, SyntaxError> {
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
        let value = match &rest[..end] {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            _ => return Err(self.error("a value is expected; strings stand in double quotes")),
        };
        self.at += end;
        Ok(value)
    }

    /// Goes past white space and comments.
    fn skip(&mut self) -> Result<(), SyntaxError> {
        loop {
            let rest = &self.text[self.at..];
            let length = if rest.starts_with("//") {
                rest.find('\n').unwrap_or(rest.len())
            } else if let Some(comment) = rest.strip_prefix("/*") {
                match comment.find("*/") {
                    Some(end) => end + 4,
                    None => return Err(self.error("a comment is never closed")),
                }
            } else {
                rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len()
            };
            if length == 0 {
                return Ok(());
            }
            self.at += length;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn error(&mut self, problem: &str) -> SyntaxError {
        SyntaxError { spot: self.spot(), problem: problem.to_owned() }
    }

    /// Where `at` is. Counts from where it was asked last: a file in one line is not counted through for each value.
    fn spot(&mut self) -> Spot {
        for character in self.text[self.spot_at..self.at].chars() {
            if character == '\n' {
                self.spot.line += 1;
                self.spot.column = 1;
            } else {
                self.spot.column += 1;
            }
        }
        self.spot_at = self.at;
        self.spot
    }
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;

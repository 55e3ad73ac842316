//! Patterns of URIs: RFC 6570, level 1, and one `{+name}`.
//!
//! Variables take as little as they can, so that a URI fits in one way only and finding it takes one pass: before `{+name}`
//! from the front, after it from the back.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A pattern that was checked.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    /// What the URI begins with.
    start: String,
    variables: Vec<Variable>,
}

#[derive(Debug, Clone)]
struct Variable {
    name: String,
    /// It was written `{+name}`: it may hold slashes.
    is_open: bool,
    /// A slash stands before it, and not that of `file://`: with one of its own it would be an absolute path.
    begins_segment: bool,
    /// What comes after it.
    then: String,
}

impl Pattern {
    /// Reads a pattern, or says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut parts = text.split('{');
        let start = parts.next().unwrap_or_default();
        let mut variables: Vec<Variable> = Vec::new();
        for part in parts {
            let (expression, then) = part.split_once('}').ok_or("a `{` of its template has no `}`")?;
            let (is_open, name) = match expression.strip_prefix('+') {
                Some(name) => (true, name),
                None => (false, expression),
            };
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                return Err("its template may hold `{name}` and `{+name}`, with letters, digits and `_`");
            }
            if variables.iter().any(|known| known.name == name) {
                return Err("its template has a variable twice");
            }
            if variables.last().is_some_and(|last| last.then.is_empty()) {
                return Err("two variables of its template need something between them");
            }
            if is_open && variables.iter().any(|known| known.is_open) {
                return Err("its template may have one `{+name}`");
            }
            let before = variables.last().map_or(start, |last| last.then.as_str());
            let begins_segment = before.ends_with('/') && !before.ends_with("://");
            variables.push(Variable { name: name.to_string(), is_open, begins_segment, then: then.to_string() });
        }
        let has_brace = start.contains('}') || variables.iter().any(|variable| variable.then.contains('}'));
        if has_brace {
            return Err("a `}` of its template has no `{`");
        }
        if variables.is_empty() {
            return Err("its template has no variable; it is a resource");
        }
        Ok(Self { start: start.to_string(), variables })
    }

    pub(crate) fn has_variable(&self, name: &str) -> bool {
        self.variables.iter().any(|variable| variable.name == name)
    }

    /// The variables of a URI that fits, decoded. Takes time in proportion to the URI and the pattern.
    pub(crate) fn variables<'a>(&'a self, uri: &str) -> Option<Vec<(&'a str, String)>> {
        let mut rest = uri.strip_prefix(self.start.as_str())?;
        let open = self.variables.iter().position(|variable| variable.is_open).unwrap_or(self.variables.len());
        let (before, after) = self.variables.split_at(open);
        let mut found = Vec::new();
        for (index, variable) in before.iter().enumerate() {
            let is_last = index + 1 == self.variables.len();
            // The last one ends where the URI does.
            let at = if is_last { rest.len().checked_sub(variable.then.len())? } else { find(rest, &variable.then)? };
            let (value, then) = rest.split_at_checked(at)?;
            rest = then.strip_prefix(variable.then.as_str())?;
            found.push((variable, value));
        }
        for (index, variable) in after.iter().enumerate().rev() {
            rest = rest.strip_suffix(variable.then.as_str())?;
            // It begins after what stands before it: the end of the one before, or of what was taken from the front.
            let at = match index.checked_sub(1).map(|before| after[before].then.as_str()) {
                Some(then) => {
                    rest.get(..rest.len().checked_sub(1)?)
                        .map_or_else(|| rest.rfind(then), |all_but_last| all_but_last.rfind(then))?
                        + then.len()
                }
                None => 0,
            };
            let (before, value) = rest.split_at_checked(at)?;
            rest = before;
            found.push((variable, value));
        }
        if !rest.is_empty() {
            return None;
        }
        found.into_iter().map(|(variable, value)| Some((variable.name.as_str(), variable.read(value)?))).collect()
    }
}

/// Where `then` begins in a text, after at least one character.
fn find(text: &str, then: &str) -> Option<usize> {
    let first = text.chars().next()?.len_utf8();
    text[first..].find(then).map(|at| at + first)
}

impl Variable {
    /// The value that stands in a URI, `None` for one that this variable does not take.
    fn read(&self, value: &str) -> Option<String> {
        let is_plain = |byte: u8| self.is_open && byte != b'\\' || !matches!(byte, b'/' | b'?' | b'#' | b'\\');
        if value.is_empty() || !value.bytes().all(is_plain) {
            return None;
        }
        let value = decode(value)?;
        // R-FS-31: also written as `%2e%2e%2f`, and with the separator of other systems.
        let climbs = value.split(['/', '\\']).any(|segment| segment == "..");
        // `Path::join` takes it in place of the directory.
        let is_absolute = value.starts_with(['/', '\\']) && (self.begins_segment || !self.is_open);
        (!climbs && !is_absolute && !value.contains('\0')).then_some(value)
    }
}

/// Percent-decodes a text. `None` when it is no text then.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            byte => byte,
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(pattern: &str, uri: &str) -> Option<Vec<(String, String)>> {
        let pattern = Pattern::parse(pattern).unwrap();
        let variables = pattern.variables(uri)?;
        Some(variables.into_iter().map(|(name, value)| (name.to_string(), value)).collect())
    }

    fn value(pattern: &str, uri: &str, name: &str) -> Option<String> {
        matched(pattern, uri)?.into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    #[test]
    fn variables_are_what_stands_between_the_fixed_parts() {
        assert_eq!(value("test://template/{id}/data", "test://template/123/data", "id").as_deref(), Some("123"));
        assert_eq!(value("a:{x}-{y}", "a:1-2-3", "y").as_deref(), Some("2-3"));
        assert_eq!(value("a:{x}", "a:%C3%A4%20b", "x").as_deref(), Some("\u{e4} b"));
        assert_eq!(value("f:///{+path}", "f:///a/b/c.txt", "path").as_deref(), Some("a/b/c.txt"));
        let uri = "f:1/p/q/r.txt";
        assert_eq!(value("f:{v}/{+path}/{name}.{ext}", uri, "path").as_deref(), Some("p/q"));
        assert_eq!(value("f:{v}/{+path}/{name}.{ext}", uri, "name").as_deref(), Some("r"));
        assert_eq!(value("f:{v}/{+path}/{name}.{ext}", uri, "ext").as_deref(), Some("txt"));
        assert_eq!(value("f:{+path}/end", "f:a/end/end", "path").as_deref(), Some("a/end"));
    }

    #[test]
    fn what_does_not_fit_is_not_taken() {
        for uri in
            ["test://template//data", "test://template/1/2/data", "test://template/1/dat", "test://template/1", ""]
        {
            assert_eq!(matched("test://template/{id}/data", uri), None, "{uri}");
        }
        for uri in ["a:", "a:x?y", "a:x#y", "a:%zz", "a:%", "a:%ff", "b:x", "a:x%00"] {
            assert_eq!(matched("a:{x}", uri), None, "{uri}");
        }
        for uri in ["f:x/end", "f:/y/x", "f:"] {
            assert_eq!(matched("f:{v}/{+path}/end", uri), None, "{uri}");
        }
    }

    #[test]
    fn no_variable_climbs() {
        // R-FS-31
        for uri in [
            "f:///a/../../etc/passwd",
            "f:///..",
            "f:///../x",
            "f:///a/%2e%2e/b",
            "f:///a%2f..%2fb",
            "f:///a%5c%2E.%5cb",
            "f:///a\\..\\b",
        ] {
            assert_eq!(matched("f:///{+path}", uri), None, "{uri}");
        }
        assert_eq!(matched("f:///{name}", "f:///..%2fetc"), None);
        assert!(matched("f:///{+path}", "f:///a/..b/c../...").is_some());
    }

    #[test]
    fn no_variable_is_an_absolute_path_unless_its_pattern_says_so() {
        // R-FS-31: joined to a directory, such a value would take its place.
        for (pattern, uri) in [
            ("f:///{+path}", "f:////etc/passwd"),
            ("f:///{+path}", "f:///%2fetc/passwd"),
            ("f:///{+path}", "f:///%5cserver"),
            ("f:///{name}", "f:///%2Fetc%2Fpasswd"),
            ("r:{owner}/{+path}", "r:me//etc/passwd"),
            ("r:{owner}/{+path}.md", "r:me//etc/x.md"),
        ] {
            assert_eq!(matched(pattern, uri), None, "{uri}");
        }
        assert_eq!(value("file://{+path}", "file:///etc/passwd", "path").as_deref(), Some("/etc/passwd"));
        assert_eq!(value("f:{+path}", "f:/a", "path").as_deref(), Some("/a"));
        assert_eq!(value("f:///{branch}", "f:///topic%2Fx", "branch").as_deref(), Some("topic/x"));
    }

    #[test]
    fn a_pattern_that_could_be_read_in_two_ways_is_refused() {
        for pattern in
            ["a:{x}{y}", "a:{+x}/{+y}", "a:{x}/{x}", "a:{}", "a:{x", "a:x}", "a:{x}}", "a:{?x}", "a:{x*}", "a:b"]
        {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn a_long_uri_is_read_in_one_pass() {
        let uri = alloc::format!("a:{}", "-".repeat(100_000));
        assert!(matched("a:{a}-{b}-{c}-{d}-{e}!", &uri).is_none());
        assert!(matched("a:{+a}-{b}-{c}-{d}-{e}", &uri).is_some());
    }
}

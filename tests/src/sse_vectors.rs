//! Reads the vectors of `tests/vectors/sse-*.txt`.
//!
//! A file is a list of cases. A case is a run of lines, a keyword and its arguments each; `case` begins one. Arguments are bare words
//! or quoted bytes with the escapes `\n \r \t \0 \" \\ \xFF`. Lines that start with `#` and empty lines mean nothing.

/// One case: its name and its lines.
#[derive(Debug)]
pub struct Case {
    /// What the case shows, a sentence.
    pub name: String,
    /// The other lines: keyword and arguments.
    pub lines: Vec<(String, Vec<Vec<u8>>)>,
}

impl Case {
    /// The arguments of the lines that begin with `keyword`.
    pub fn all<'a>(&'a self, keyword: &'a str) -> impl Iterator<Item = &'a [Vec<u8>]> {
        self.lines.iter().filter(move |(word, _)| word == keyword).map(|(_, arguments)| arguments.as_slice())
    }

    /// The first argument of the lines that begin with `keyword`, one after the other: long inputs span several lines.
    pub fn joined(&self, keyword: &str) -> Vec<u8> {
        self.all(keyword).flat_map(|arguments| arguments[0].clone()).collect()
    }
}

/// The cases of a file.
///
/// # Panics
///
/// If the file is not of this form, if a case cites no requirement, or if a keyword is not among `keywords`.
pub fn cases(file: &str, keywords: &[&str]) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in file.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (keyword, rest) = line.split_once(' ').unwrap_or((line, ""));
        if keyword == "case" {
            cases.push(Case { name: rest.trim().to_owned(), lines: Vec::new() });
            continue;
        }
        assert!(keyword == "rows" || keywords.contains(&keyword), "unknown keyword in: {line}");
        let case = cases.last_mut().expect("a file begins with a case");
        case.lines.push((keyword.to_owned(), arguments(rest)));
    }
    for case in &cases {
        assert!(case.joined("rows").starts_with(b"R-"), "{} cites no requirement", case.name);
    }
    cases
}

fn arguments(text: &str) -> Vec<Vec<u8>> {
    let mut arguments = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let argument;
        (argument, rest) = match rest.strip_prefix('"') {
            Some(quoted) => unquote(quoted),
            None => {
                let end = rest.find(' ').unwrap_or(rest.len());
                (rest.as_bytes()[..end].to_vec(), &rest[end..])
            }
        };
        arguments.push(argument);
        rest = rest.trim_start();
    }
    arguments
}

/// The bytes up to the closing quote, and what stands behind it.
fn unquote(text: &str) -> (Vec<u8>, &str) {
    let mut bytes = Vec::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (bytes, &text[at + 1..]),
            '\\' => {
                let (at, escape) = chars.next().expect("an escape ends before the line does");
                bytes.push(match escape {
                    'n' => b'\n',
                    'r' => b'\r',
                    't' => b'\t',
                    '0' => 0,
                    'x' => {
                        chars.nth(1);
                        u8::from_str_radix(&text[at + 1..at + 3], 16).expect("two hexadecimal digits follow \\x")
                    }
                    _ => escape as u8,
                });
            }
            _ => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    panic!("no closing quote in: {text}");
}

//! Reads `tests/vectors/http1*`: titles, bytes with escapes, expected lines.

/// One case of a vector file.
#[derive(Debug, Clone)]
pub struct HttpCase {
    /// Its title with the clause it proves.
    pub title: String,
    /// The bytes a peer sends.
    pub input: Vec<u8>,
    /// What is expected, one line each, without the arrow.
    pub expected: Vec<String>,
}

/// The cases of the file `text`.
///
/// # Panics
///
/// When the file is malformed.
pub fn http_cases(text: &str) -> Vec<HttpCase> {
    let mut cases: Vec<HttpCase> = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("== ") {
            cases.push(HttpCase { title: title.into(), input: Vec::new(), expected: Vec::new() });
        } else if let Some(expected) = line.strip_prefix("-> ") {
            cases.last_mut().expect("a title comes first").expected.push(repeated(expected));
        } else if !line.is_empty() && !line.starts_with('#') {
            let bytes = unescaped(&repeated(line));
            cases.last_mut().expect("a title comes first").input.extend(bytes);
        }
    }
    assert!(!cases.is_empty(), "a vector file has cases");
    cases
}

/// `{3*ab}` is `ababab`.
fn repeated(line: &str) -> String {
    let Some((before, rest)) = line.split_once('{') else { return line.into() };
    let (inner, after) = rest.split_once('}').expect("a repetition ends");
    let (count, what) = inner.split_once('*').expect("a repetition has a count");
    before.to_owned() + &what.repeat(count.parse().expect("a count is a number")) + &repeated(after)
}

fn unescaped(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next().expect("an escape has a letter") {
                b'r' => b'\r',
                b'n' => b'\n',
                b't' => b'\t',
                b'0' => 0,
                b'x' => {
                    let mut digit = || char::from(rest.next().expect("two digits")).to_digit(16).expect("hexadecimal");
                    (digit() * 16 + digit()) as u8
                }
                other => panic!("escape {other}"),
            },
            plain => plain,
        });
    }
    bytes
}

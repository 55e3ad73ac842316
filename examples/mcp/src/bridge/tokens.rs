//! The tokens that clients have to show.

use std::path::Path;

use crate::exit::Failure;

/// Bytes of a file of tokens. More than a thousand of any kind.
const FILE: u64 = 64 << 10;

/// The tokens that the command line points to; none when it points to none.
///
/// # Errors
///
/// [`Failure::Usage`]: there is none where it points. What is there is not shown.
pub(super) fn read(variable: Option<&str>, file: Option<&Path>) -> Result<Vec<String>, Failure> {
    let (tokens, place) = match (variable, file) {
        (Some(variable), _) => {
            let token = std::env::var(variable).map_err(|_| {
                Failure::Usage(format!("--token-env: there is no variable `{variable}`, or it is no text"))
            })?;
            (vec![token.trim().to_owned()], format!("the variable `{variable}`"))
        }
        (None, Some(file)) => {
            let unreadable = |problem: &dyn std::fmt::Display| {
                Failure::Usage(format!("--token-file: {} cannot be read: {problem}", file.display()))
            };
            let size = std::fs::metadata(file).map_err(|error| unreadable(&error))?.len();
            if size > FILE {
                return Err(unreadable(&format_args!("it is larger than {FILE} bytes")));
            }
            let text = std::fs::read_to_string(file).map_err(|error| unreadable(&error))?;
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
            (lines.map(str::to_owned).collect(), file.display().to_string())
        }
        (None, None) => return Ok(Vec::new()),
    };
    let is_token = |token: &String| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    if tokens.is_empty() || !tokens.iter().all(is_token) {
        return Err(Failure::Usage(format!("{place} holds no token, or one that is not visible ASCII characters")));
    }
    Ok(tokens)
}

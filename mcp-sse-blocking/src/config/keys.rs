//! The keys of a server, as the systems write them, and those that are easily taken for one of them.

/// What a key of a server means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Name,
    Command,
    Args,
    Env,
    EnvFile,
    Directory,
    Url,
    MessageUrl,
    Transport,
    Headers,
    /// Of the call in JSON files, of connecting in CrewAI's.
    Timeout,
    ConnectTimeout,
    EndpointTimeout,
    CallTimeout,
    ReadTimeout,
    ReconnectInterval,
    MaxReconnects,
    Disabled,
    Enabled,
    Allow,
    Deny,
}

/// What is known of a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Field(Field),
    /// It matters in another system, and here it does nothing.
    NotHere,
    /// Not known, but almost this one.
    Misspelt(&'static str),
    /// For people, for another system's windows, or not known at all.
    Nothing,
}

/// The keys with a meaning, the usual spelling of each first. `_`, `-` and the case of letters make no difference.
const FIELDS: [(&str, Field); 36] = [
    ("name", Field::Name),
    ("command", Field::Command),
    ("args", Field::Args),
    ("env", Field::Env),
    // VS Code, Cursor.
    ("envFile", Field::EnvFile),
    ("cwd", Field::Directory),
    ("url", Field::Url),
    // Windsurf.
    ("serverUrl", Field::Url),
    // Gemini CLI.
    ("httpUrl", Field::Url),
    ("message_url", Field::MessageUrl),
    ("type", Field::Transport),
    ("transport", Field::Transport),
    // Roo Code.
    ("transportType", Field::Transport),
    ("headers", Field::Headers),
    ("timeout", Field::Timeout),
    ("connect_timeout", Field::ConnectTimeout),
    ("connection_timeout", Field::ConnectTimeout),
    ("endpoint_timeout", Field::EndpointTimeout),
    ("call_timeout", Field::CallTimeout),
    ("request_timeout", Field::CallTimeout),
    // Agno, and the official Python client.
    ("sse_read_timeout", Field::ReadTimeout),
    ("idle_timeout", Field::ReadTimeout),
    // CrewAI.
    ("reconnect_interval", Field::ReconnectInterval),
    ("max_reconnects", Field::MaxReconnects),
    ("disabled", Field::Disabled),
    ("enabled", Field::Enabled),
    // Copilot.
    ("tools", Field::Allow),
    ("allowedTools", Field::Allow),
    ("enabledTools", Field::Allow),
    // Gemini CLI, Agno.
    ("includeTools", Field::Allow),
    ("disabledTools", Field::Deny),
    ("deniedTools", Field::Deny),
    ("blockedTools", Field::Deny),
    ("excludeTools", Field::Deny),
    ("allow", Field::Allow),
    ("deny", Field::Deny),
];

/// Keys that change what a server may do or who one is to it, in the systems that have them.
const NOT_HERE: [&str; 8] =
    ["oauth", "auth", "authProviderType", "headersHelper", "sandbox", "sandboxEnabled", "tls", "proxy"];

/// Known keys that do nothing here and need no word: what is asked of the user, and what is shown to him. Listed so that
/// nobody is told he misspelt another.
const NOTHING: [&str; 19] = [
    "alwaysAllow",
    "alwaysLoad",
    "autoApprove",
    "autoStart",
    "description",
    "dev",
    "disabledReason",
    "display_name",
    "gallery",
    "icon",
    "id",
    "instructions",
    "metadata",
    "note",
    "scope",
    "tags",
    "title",
    "trust",
    "version",
];

/// What the key means.
pub(super) fn meaning(key: &str) -> Meaning {
    let bare = bare(key);
    let is_it = |known: &&str| self::bare(known) == bare;
    if let Some((_, field)) = FIELDS.iter().find(|(known, _)| is_it(known)) {
        return Meaning::Field(*field);
    }
    if NOT_HERE.iter().any(is_it) {
        return Meaning::NotHere;
    }
    if NOTHING.iter().any(is_it) {
        return Meaning::Nothing;
    }
    nearest(key, FIELDS.iter().map(|(known, _)| *known)).map_or(Meaning::Nothing, Meaning::Misspelt)
}

/// The one of `known` that was probably meant.
pub(super) fn nearest(key: &str, known: impl IntoIterator<Item = &'static str>) -> Option<&'static str> {
    let key = bare(key);
    let near = known.into_iter().filter_map(|known| {
        let (other, allowed) = (bare(known), allowed(known));
        // Lengths tell most of them apart, at a hundredth of the price.
        let distance = (key.len().abs_diff(other.len()) <= 2 * allowed).then(|| distance(&key, &other))?;
        (distance <= allowed).then_some((distance, known))
    });
    near.min().map(|(_, known)| known)
}

/// Letters and digits only, lower case: `sseReadTimeout` is `sse_read_timeout`.
pub(super) fn bare(key: &str) -> String {
    key.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// How many slips of the finger a key may have and still be meant: one in a short one, two in a long one.
fn allowed(known: &str) -> usize {
    if known.len() < 6 { 1 } else { 2 }
}

/// How many characters are to be put in, taken out, replaced or exchanged with their neighbour to make `a` into `b`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            let mut least = (rows[i - 1][j] + 1).min(row[j - 1] + 1).min(rows[i - 1][j - 1] + same);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_the_systems_are_one_key() {
        for key in ["sse_read_timeout", "sseReadTimeout", "SSE-Read-Timeout"] {
            assert_eq!(meaning(key), Meaning::Field(Field::ReadTimeout), "{key}");
        }
    }

    #[test]
    fn slips_of_the_finger_are_known() {
        for (key, meant) in [
            ("comand", "command"),
            ("agrs", "args"),
            ("uri", "url"),
            ("header", "headers"),
            ("evn", "env"),
            ("max_reconects", "max_reconnects"),
            ("transprot", "transport"),
            ("disabledTool", "disabledTools"),
        ] {
            assert_eq!(meaning(key), Meaning::Misspelt(meant), "{key}");
        }
    }

    #[test]
    fn other_keys_are_no_slips() {
        for key in ["autoApprove", "alwaysAllow", "description", "trust", "version", "x-note", "$schema", "dev", "id"] {
            assert_eq!(meaning(key), Meaning::Nothing, "{key}");
        }
        assert_eq!(meaning("oauth"), Meaning::NotHere);
        assert_eq!(meaning(&"x".repeat(100_000)), Meaning::Nothing);
    }

    #[test]
    fn no_key_is_listed_twice() {
        let mut all: Vec<String> =
            FIELDS.iter().map(|(key, _)| *key).chain(NOT_HERE).chain(NOTHING).map(bare).collect();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}

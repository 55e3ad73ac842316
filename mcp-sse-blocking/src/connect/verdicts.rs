//! What was found out about servers, for as long as the process lives.
//!
//! By full URL: one origin may host several servers. A verdict for a revision with a handshake is forgotten after a while,
//! because a server that learned more still answers as it did.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mcp_core::http::Url;
use mcp_core::http::era::Era;
use mcp_core::time::Instant;

use crate::clock;

/// Servers that are remembered. 128: more than a program talks to; the oldest is forgotten first.
const REMEMBERED: usize = 128;

/// How long a verdict for an older era counts.
const OLD_ERA: Duration = Duration::from_secs(10 * 60);

/// Oldest first.
static VERDICTS: Mutex<Vec<Verdict>> = Mutex::new(Vec::new());

struct Verdict {
    url: String,
    era: Era,
    since: Instant,
}

/// The era of the server at `url`, when it was found before.
pub(super) fn of(url: &Url) -> Option<Era> {
    let verdicts = verdicts();
    let verdict = verdicts.iter().find(|verdict| verdict.url == url.as_str())?;
    let is_current = matches!(verdict.era, Era::Stateless(_)) || clock::now().since(verdict.since) < OLD_ERA;
    is_current.then_some(verdict.era)
}

/// The server at `url` is of this era.
pub(super) fn remember(url: &Url, era: Era) {
    let mut verdicts = verdicts();
    let known = verdicts.iter().position(|verdict| verdict.url == url.as_str());
    if let Some(known) = known {
        // The time of a verdict that still holds is that of its first finding.
        if verdicts[known].era == era && clock::now().since(verdicts[known].since) < OLD_ERA {
            return;
        }
        verdicts.remove(known);
    }
    if verdicts.len() == REMEMBERED {
        verdicts.remove(0);
    }
    verdicts.push(Verdict { url: url.as_str().to_owned(), era, since: clock::now() });
}

/// The verdict about `url` turned out to be wrong.
pub(super) fn forget(url: &Url) {
    verdicts().retain(|verdict| verdict.url != url.as_str());
}

fn verdicts() -> MutexGuard<'static, Vec<Verdict>> {
    VERDICTS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_belongs_to_a_full_url_and_can_be_taken_back() {
        let url = |path: &str| Url::parse(&format!("http://verdicts.test{path}")).unwrap();
        assert_eq!(of(&url("/a")), None);
        remember(&url("/a"), Era::Handshake);
        remember(&url("/b"), Era::HttpSse);
        assert_eq!((of(&url("/a")), of(&url("/b"))), (Some(Era::Handshake), Some(Era::HttpSse)));
        remember(&url("/a"), Era::HttpSse);
        assert_eq!(of(&url("/a")), Some(Era::HttpSse));
        forget(&url("/a"));
        assert_eq!((of(&url("/a")), of(&url("/b"))), (None, Some(Era::HttpSse)));
        for n in 0..2 * REMEMBERED {
            remember(&url(&format!("/{n}")), Era::Handshake);
        }
        assert_eq!(verdicts().len(), REMEMBERED);
        assert_eq!(of(&url("/b")), None, "the oldest was forgotten");
    }
}

//! How long does this server want to be left alone? `Retry-After` as seconds and as a date (RFC 9110, section 10.2.3).

use super::date::Date;
use core::time::Duration;

/// How long a `Retry-After` asks to wait, `longest` at most: nobody waits for years, and a number of them is a mistake.
///
/// `answered` is when the answer was made: its `Date`, so that a date counts from the server's own clock, or what the caller's
/// clock says. Without one a date asks for nothing that could be told. `None` also for what cannot be read.
///
/// ```
/// use core::time::Duration;
/// use mcp_core::http::{Date, retry_after};
///
/// let hour = Duration::from_secs(3600);
/// assert_eq!(retry_after("7", None, hour), Some(Duration::from_secs(7)));
/// let answered = Date::parse("Fri, 20 Nov 2026 08:00:00 GMT");
/// assert_eq!(retry_after("Fri, 20 Nov 2026 08:00:07 GMT", answered, hour), Some(Duration::from_secs(7)));
/// assert_eq!(retry_after("soon", answered, hour), None);
/// ```
pub fn retry_after(value: &str, answered: Option<Date>, longest: Duration) -> Option<Duration> {
    let value = value.trim_matches([' ', '\t']);
    let wait = if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // Only a number too large for its type fails to parse here.
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        // A date that has passed asks for no wait.
        Date::parse(value)?.since(answered?)
    };
    Some(wait.min(longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_wait_is_a_number_of_seconds_or_the_time_until_a_date() {
        let answered = Date::parse("Fri, 20 Nov 2026 08:00:00 GMT");
        for (text, expected) in [
            (" 3 ", Some(3)),
            ("0", Some(0)),
            ("3599", Some(3599)),
            ("3600", Some(3600)),
            ("3601", Some(3600)),
            ("86400", Some(3600)),
            ("18446744073709551616", Some(3600)),
            ("99999999999999999999999", Some(3600)),
            ("Fri, 20 Nov 2026 08:00:07 GMT", Some(7)),
            ("Friday, 20-Nov-26 08:00:07 GMT", Some(7)),
            ("Fri Nov 20 08:00:07 2026", Some(7)),
            ("Fri, 20 Nov 2026 07:00:00 GMT", Some(0)),
            ("Fri, 20 Nov 2099 07:00:00 GMT", Some(3600)),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1.5", None),
            ("1e3", None),
            ("\u{661}", None),
            ("soon", None),
        ] {
            assert_eq!(retry_after(text, answered, HOUR), expected.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn without_a_clock_only_a_number_says_how_long() {
        assert_eq!(retry_after("7", None, HOUR), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Fri, 20 Nov 2026 08:00:07 GMT", None, HOUR), None);
    }
}

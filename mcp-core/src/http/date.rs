//! Which moment is that? Dates in headers, in the three forms that a recipient must read (RFC 9110, section 5.6.7).
//!
//! The core has no calendar of its own: a [`Date`] is a number of seconds, to be compared with another one.

use core::time::Duration;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The longest text that is looked at. The longest form, with a Wednesday, has 33 bytes.
const LONGEST: usize = 64;

/// A moment as a header names it: whole seconds since 1970, leap seconds not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(u64);

impl Date {
    /// The moment so long after the beginning of 1970: for a caller who has a clock.
    pub fn from_unix(since: Duration) -> Self {
        Self(since.as_secs())
    }

    /// Seconds since the beginning of 1970.
    pub fn unix_seconds(self) -> u64 {
        self.0
    }

    /// The moment that a header names; `None` when it is no date, or one before 1970.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_matches([' ', '\t']);
        if text.len() > LONGEST {
            return None;
        }
        let is_between = |c: char| matches!(c, ' ' | ',' | '-' | ':');
        let mut words = [""; 9];
        let mut count = 0;
        for word in text.split(is_between).filter(|word| !word.is_empty()) {
            *words.get_mut(count)? = word;
            count += 1;
        }
        let (day, month, year, time) = match words[..count] {
            // Sun, 06 Nov 1994 08:49:37 GMT and Sunday, 06-Nov-94 08:49:37 GMT
            [_, day, month, year, hour, minute, second, "GMT"] => (day, month, year, [hour, minute, second]),
            // Sun Nov  6 08:49:37 1994
            [_, month, day, hour, minute, second, year] => (day, month, year, [hour, minute, second]),
            _ => return None,
        };
        let month = MONTHS.iter().position(|name| *name == month)? as u64 + 1;
        let year = match (year.len(), number(year)?) {
            (2, year @ 0..70) => 2000 + year,
            (2, year) => 1900 + year,
            (4, year @ 1970..) => year,
            _ => return None,
        };
        let day = number(day).filter(|day| (1..=days_in(month, year)).contains(day))?;
        let [hour, minute, second] = time.map(number);
        // The 60th second is a leap second.
        let (hour, minute, second) =
            (hour.filter(|h| *h < 24)?, minute.filter(|m| *m < 60)?, second.filter(|s| *s <= 60)?);
        let days = days_before(year) + (1..month).map(|month| days_in(month, year)).sum::<u64>() + day - 1;
        Some(Self(((days * 24 + hour) * 60 + minute) * 60 + second))
    }

    /// How long after `earlier` it is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0))
    }
}

fn number(digits: &str) -> Option<u64> {
    let is_number = (1..=4).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}

/// From 1970 to the beginning of a year.
fn days_before(year: u64) -> u64 {
    let leap_days = |year: u64| year / 4 - year / 100 + year / 400;
    (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969)
}

fn days_in(month: u64, year: u64) -> u64 {
    match month {
        2 if (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    fn seconds(text: &str) -> Option<u64> {
        Date::parse(text).map(Date::unix_seconds)
    }

    #[test]
    fn a_date_is_read_in_its_three_forms() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            " Sun, 06 Nov 1994 08:49:37 GMT ",
        ] {
            assert_eq!(seconds(text), Some(784_111_777), "{text}");
        }
        assert_eq!(seconds("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(seconds("Tue, 29 Feb 2000 00:00:00 GMT"), Some(951_782_400));
        assert_eq!(seconds("Fri, 20 Nov 2026 08:00:00 GMT"), Some(1_795_161_600));
        assert_eq!(seconds("Fri, 31 Dec 9999 23:59:60 GMT"), Some(253_402_300_800));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "soon",
            "120",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:60:37 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Thu, 29 Feb 1900 08:49:37 GMT",
            "Wed, 29 Feb 2023 08:49:37 GMT",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Wed, 31 Dec 1969 23:59:59 GMT",
            "Sun, 06 Nov 99999 08:49:37 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT GMT",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    /// Every day from 1970 to 2400 against one that counts them.
    #[test]
    fn every_day_follows_the_day_before() {
        let mut days = 0;
        for year in 1970..=2400 {
            for (index, name) in MONTHS.iter().enumerate() {
                let is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
                let length = [31, if is_leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][index];
                for day in 1..=length {
                    let text = format!("Mon, {day:02} {name} {year} 00:00:00 GMT");
                    assert_eq!(seconds(&text), Some(days * 86_400), "{text}");
                    days += 1;
                }
                assert_eq!(seconds(&format!("Mon, {} {name} {year} 00:00:00 GMT", length + 1)), None);
            }
        }
    }
}

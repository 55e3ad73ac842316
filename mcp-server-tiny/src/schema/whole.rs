//! JSON numbers that are integers, decided on their text: `2.0` and `1e3` are integers to JSON Schema as well.
//!
//! A float would round what it cannot hold, and reading one brings tables of 15 KB into every program.

/// An integer that was written as any JSON number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Whole {
    negative: bool,
    /// `None`: above what 64 bits hold.
    magnitude: Option<u64>,
}

impl Whole {
    /// The integer that a JSON number is, if it is one.
    pub(crate) fn read(json: &str) -> Option<Self> {
        let (negative, number) = json.strip_prefix('-').map_or((false, json), |number| (true, number));
        let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
        let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = || integer.bytes().chain(fraction.bytes()).map(|digit| u64::from(digit.wrapping_sub(b'0')));
        if digits().any(|digit| digit > 9) {
            return None;
        }
        let count = integer.len() + fraction.len();
        // How many digits stand before the point once it is where the exponent moves it; more than there are means zeros.
        let before = match exponent.parse::<i32>() {
            Ok(exponent) => integer.len() as i64 + i64::from(exponent),
            Err(_) if exponent.starts_with('-') => 0,
            Err(_) => i64::MAX,
        };
        let before = usize::try_from(before).unwrap_or(if before < 0 { 0 } else { usize::MAX });
        if digits().skip(before).any(|digit| digit != 0) {
            return None;
        }
        let append = |sum: Option<u64>, digit| sum?.checked_mul(10)?.checked_add(digit);
        // Twenty zeros are enough to make anything but zero too large.
        let zeros = before.saturating_sub(count).min(20);
        let magnitude = digits().take(before).chain((0..zeros).map(|_| 0)).fold(Some(0), append);
        Some(Self { negative, magnitude })
    }

    /// Its value, when 64 bits hold it without its sign.
    pub(crate) fn value(self) -> Option<i128> {
        let magnitude = i128::from(self.magnitude?);
        Some(if self.negative { -magnitude } else { magnitude })
    }

    /// Whether it is below zero; `-0` is not.
    pub(crate) fn is_negative(self) -> bool {
        self.negative && self.magnitude != Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: &str) -> Option<i128> {
        Whole::read(json).and_then(Whole::value)
    }

    #[test]
    fn integers_are_read_however_they_are_written() {
        let cases: [(&str, i128); 12] = [
            ("0", 0),
            ("-0", 0),
            ("0e999999999999", 0),
            ("0.000e-5", 0),
            ("2.0", 2),
            ("-12.50e1", -125),
            ("1E+3", 1000),
            ("120e-1", 12),
            ("0.5e1", 5),
            ("9007199254740993", 9_007_199_254_740_993),
            ("18446744073709551615", 18_446_744_073_709_551_615),
            ("1.8446744073709551615e19", 18_446_744_073_709_551_615),
        ];
        for (json, expected) in cases {
            assert_eq!(value(json), Some(expected), "{json}");
        }
    }

    #[test]
    fn other_numbers_are_no_integers() {
        for json in ["0.5", "-1.25", "12e-1", "1e-99999999999999999999", "9007199254740992.5", "true", "1x"] {
            assert_eq!(Whole::read(json), None, "{json}");
        }
    }

    #[test]
    fn an_integer_too_large_to_hold_is_still_an_integer() {
        for json in ["18446744073709551616", "1e20", "-1e300", "1e99999999999999999999", "123456789012345678901.0"] {
            let whole = Whole::read(json).unwrap();
            assert_eq!(whole.value(), None, "{json}");
            assert_eq!(whole.is_negative(), json.starts_with('-'), "{json}");
        }
    }

    #[test]
    fn a_double_agrees_wherever_it_is_exact() {
        for mantissa in ["0", "1", "10", "12", "125", "1000", "1.0", "1.5", "12.50", "0.125", "100.001"] {
            for exponent in -4..=6 {
                let json = alloc::format!("-{mantissa}e{exponent}");
                let number: f64 = json.parse().unwrap();
                // Divisions by ten are not exact, but which of these are integers is.
                let nearest = (number * 1e6).round() / 1e6;
                let expected = (nearest as i64 as f64 == nearest).then_some(nearest as i128);
                assert_eq!(value(&json), expected, "{json}");
            }
        }
    }
}

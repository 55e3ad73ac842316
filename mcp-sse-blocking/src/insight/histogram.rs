//! How long calls took, in constant memory: a log-linear histogram that many threads add to at once.
//!
//! ```text
//! unit 2^6 ns        0 .. 2^11 ns             32 buckets of 64 ns
//! each power of two  2^11 .. 2^12, ..         32 buckets each, as wide as 1/32 of its lower end
//! the last           2^41 .. 2^42 ns (73 min) and whatever is longer
//! ```
//!
//! A value is told as the middle of its bucket, so that it is off by at most 1/64 (1.6 %), or by 32 ns where it is below 2 µs.

use std::sync::atomic::{AtomicU64, Ordering};

/// Buckets of each power of two, as a power of two.
const SUB_BITS: u32 = 5;
const SUB: u64 = 1 << SUB_BITS;
/// The narrowest bucket, as a power of two of nanoseconds.
const UNIT_BITS: u32 = 6;
/// Values of this many bits and more are in the last bucket.
const TOP_BITS: u32 = 42;

/// How many buckets there are: 8 KiB of counters.
const BUCKETS: usize = ((TOP_BITS - UNIT_BITS - SUB_BITS + 1) as usize) << SUB_BITS;

/// Counts of durations by their length.
#[derive(Debug)]
pub(super) struct Histogram([AtomicU64; BUCKETS]);

impl Default for Histogram {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; BUCKETS])
    }
}

impl Histogram {
    /// Counts one duration. One atomic addition.
    pub(super) fn record(&self, nanos: u64) {
        self.0[bucket(nanos)].fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted so far. What is added meanwhile may be in it or not.
    pub(super) fn counts(&self) -> Counts {
        Counts(self.0.iter().map(|count| count.load(Ordering::Relaxed)).collect())
    }
}

/// What a histogram had counted at one moment.
#[derive(Debug)]
pub(super) struct Counts(Vec<u64>);

impl Counts {
    /// How many values there are.
    pub(super) fn all(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Nanoseconds that `percent` of the values do not exceed, by the nearest rank; `None` when there are no values.
    pub(super) fn percentile(&self, percent: u64) -> Option<u64> {
        let rank = (u128::from(self.all()) * u128::from(percent)).div_ceil(100).max(1);
        let mut seen = 0;
        for (index, count) in self.0.iter().enumerate() {
            seen += u128::from(*count);
            if seen >= rank {
                return Some(middle(index));
            }
        }
        None
    }
}

fn bucket(nanos: u64) -> usize {
    let units = nanos >> UNIT_BITS;
    if units < SUB {
        return units as usize;
    }
    let octave = units.ilog2() - SUB_BITS;
    let index = (u64::from(octave + 1) << SUB_BITS) + (units >> octave) - SUB;
    (index as usize).min(BUCKETS - 1)
}

/// The middle of a bucket, in nanoseconds.
fn middle(index: usize) -> u64 {
    let (octave, sub) = (index as u64 >> SUB_BITS, index as u64 & (SUB - 1));
    if octave == 0 {
        return (sub << UNIT_BITS) + (1 << (UNIT_BITS - 1));
    }
    let width_bits = octave - 1 + u64::from(UNIT_BITS);
    ((SUB + sub) << width_bits) + (1 << (width_bits - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers as good as random, the same each time (splitmix64).
    struct Random(u64);

    impl Random {
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^ (z >> 31)
        }
    }

    /// The stated error: 1/64 of the value, or half of the narrowest bucket.
    fn is_near(told: u64, exact: u64) -> bool {
        told.abs_diff(exact) <= (exact / 64).max(1 << (UNIT_BITS - 1))
    }

    #[test]
    fn each_value_is_told_within_the_stated_error() {
        let mut random = Random(1);
        let edges = (0..TOP_BITS).flat_map(|bits| [(1 << bits) - 1, 1 << bits, (1 << bits) + 1]);
        let values = edges.chain((0..100_000).map(|_| random.next() >> (22 + random.next() % 42)));
        for value in values {
            let told = middle(bucket(value));
            assert!(is_near(told, value), "{value} is told as {told}");
        }
    }

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        for index in 1..BUCKETS {
            assert!(middle(index) > middle(index - 1));
            assert_eq!(bucket(middle(index)), index);
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1, "what is too long is in the last");
    }

    #[test]
    fn percentiles_of_random_data_are_those_of_the_sorted_data_within_the_error() {
        for seed in 0..20 {
            let mut random = Random(seed);
            let histogram = Histogram::default();
            // From 1 ns to more than an hour, small ones as often as large ones.
            let mut values: Vec<u64> =
                (0..1 + random.next() % 5000).map(|_| random.next() >> (23 + random.next() % 41)).collect();
            for value in &values {
                histogram.record(*value);
            }
            values.sort_unstable();
            for percent in [0, 1, 50, 90, 99, 100] {
                let rank = (values.len() * percent).div_ceil(100).max(1);
                let (exact, told) = (values[rank - 1], histogram.counts().percentile(percent as u64).unwrap_or(0));
                assert!(is_near(told, exact), "seed {seed}: p{percent} is {exact}, told as {told}");
            }
        }
    }

    #[test]
    fn nothing_has_no_percentile() {
        assert_eq!(Histogram::default().counts().percentile(99), None);
    }
}

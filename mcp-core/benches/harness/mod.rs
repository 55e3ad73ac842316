//! Measures our code and a limit for it side by side.
//!
//! A limit is the least that any implementation has to do, a `memchr` pass or a `memcpy` for instance. Both are run by turns
//! for half a millisecond each, many times: what else the machine has to do hits some of the runs, and the medians, which are
//! printed with their ratio, do not move. The ratio means more on another machine than either number.

#![allow(clippy::print_stdout, reason = "a benchmark prints its results")]

use std::hint::black_box;
use std::time::{Duration, Instant};

/// What is measured, and what one pass of it amounts to.
pub(crate) struct Case {
    /// What the bytes are.
    pub(crate) name: &'static str,
    /// Input bytes of one pass.
    pub(crate) bytes: usize,
    /// Items of one pass: events, messages, pieces.
    pub(crate) items: usize,
    /// What we want to reach.
    pub(crate) target: Target,
}

/// Ways to state a goal.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// Our speed, as a part of the limit's.
    #[allow(dead_code, reason = "each benchmark uses some of these")]
    SpeedAtLeast(f64),
    /// Our time, as a multiple of the limit's.
    #[allow(dead_code, reason = "each benchmark uses some of these")]
    TimeAtMost(f64),
    /// None: the case is there to be compared with another.
    #[allow(dead_code, reason = "each benchmark uses some of these")]
    None,
}

/// Rounds whose median is reported.
const ROUNDS: usize = 501;

/// How long either side runs in a round: less than a scheduler lets a program run.
const SLICE: Duration = Duration::from_micros(500);

/// Runs both and prints one line, unless an argument was given that the name of the case does not contain.
///
/// Each gives a number that depends on all its work, so that none of it can be left out by the compiler.
pub(crate) fn compare(case: &Case, mut ours: impl FnMut() -> usize, mut limit: impl FnMut() -> usize) {
    // Cargo itself passes `--bench`.
    if std::env::args().skip(1).any(|word| !word.starts_with('-') && !case.name.contains(&word)) {
        return;
    }
    let (our_passes, limit_passes) = (passes(&mut ours), passes(&mut limit));
    let mut rounds: Vec<[f64; 2]> =
        (0..ROUNDS).map(|_| [seconds(&mut limit, limit_passes), seconds(&mut ours, our_passes)]).collect();
    let [limit, ours] = [0, 1].map(|side| {
        rounds.sort_by(|a, b| a[side].total_cmp(&b[side]));
        rounds[ROUNDS / 2][side]
    });

    let speed = |seconds: f64| case.bytes as f64 / seconds / 1e9;
    let nanos = |seconds: f64| seconds / case.items as f64 * 1e9;
    let verdict = |met| if met { "met" } else { "missed" };
    let (ratio, target) = match case.target {
        Target::SpeedAtLeast(target) => {
            let ratio = limit / ours;
            (ratio, format!(" (target at least {target:.2}: {})", verdict(ratio >= target)))
        }
        Target::TimeAtMost(target) => {
            let ratio = ours / limit;
            (ratio, format!(" (target at most {target:.2}: {})", verdict(ratio <= target)))
        }
        Target::None => (limit / ours, String::new()),
    };
    println!(
        "{:<42} ours {:>6.2} GB/s {:>9.1} ns   limit {:>6.2} GB/s {:>9.1} ns   ratio {ratio:.3}{target}",
        case.name,
        speed(ours),
        nanos(ours),
        speed(limit),
        nanos(limit),
    );
}

/// How many passes fill a slice.
fn passes(work: &mut impl FnMut() -> usize) -> u32 {
    let mut passes = 1;
    while seconds(work, passes) * f64::from(passes) < SLICE.as_secs_f64() {
        passes *= 2;
    }
    passes
}

/// Seconds that one pass takes.
fn seconds(work: &mut impl FnMut() -> usize, passes: u32) -> f64 {
    let start = Instant::now();
    for _ in 0..passes {
        black_box(work());
    }
    start.elapsed().as_secs_f64() / f64::from(passes)
}

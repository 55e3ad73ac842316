//! What a call costs a program, counted instead of timed: instructions and allocations in user space, system calls. However
//! busy the machine is, it changes none of them. The time that they take is another matter: a system call is worth
//! thousands of instructions.
//!
//! `valgrind` and `strace` count while a program makes or answers calls, once a few and once many; the difference is what
//! the calls cost, without what comes before and after them.

use std::io;

use super::report::Table;

const FEW: u32 = 500;
const MANY: u32 = 2500;

/// What one call costs.
pub(crate) struct Counts {
    instructions: f64,
    allocations: f64,
    system_calls: f64,
}

impl Counts {
    /// Counts. `run` starts a program behind the words of a tool, has it make or answer so many calls, and gives what the
    /// tool has written to standard error.
    pub(crate) fn of(mut run: impl FnMut(&[&str], u32) -> io::Result<String>) -> io::Result<Self> {
        let mut a_call = |tool: &[&str], read: fn(&str) -> Option<f64>| {
            let mut count = |calls| {
                let report = run(tool, calls)?;
                read(&report).ok_or_else(|| io::Error::other(format!("{tool:?} counted nothing: {report}")))
            };
            Ok::<_, io::Error>((count(MANY)? - count(FEW)?) / f64::from(MANY - FEW))
        };
        Ok(Self {
            instructions: a_call(&["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"], instructions)?,
            allocations: a_call(&["valgrind", "--tool=memcheck", "--undef-value-errors=no"], allocations)?,
            system_calls: a_call(&["strace", "-f", "-c"], system_calls)?,
        })
    }
}

/// `==1== Collected : 1234`
fn instructions(report: &str) -> Option<f64> {
    number(report.lines().find_map(|line| line.split_once("Collected :"))?.1)
}

/// `==1==   total heap usage: 1,234 allocs, 5 frees, 6 bytes allocated`. A buffer that is given more room counts again.
fn allocations(report: &str) -> Option<f64> {
    number(report.lines().find_map(|line| line.split_once("total heap usage:"))?.1)
}

/// `100.00    0.001234           1      1234         5 total`
fn system_calls(report: &str) -> Option<f64> {
    number(report.lines().find(|line| line.ends_with(" total"))?.split_whitespace().nth(3)?)
}

fn number(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.replace(',', "").parse().ok()
}

/// Prints a row for each program, the limit first.
pub(crate) fn print(title: &str, programs: &[(&str, Counts)]) {
    println!("\n{title}: what a call costs");
    let mut table = Table::new(&["", "instructions", "allocations", "system calls"]);
    for (name, counts) in programs {
        table.row(&[
            (*name).to_owned(),
            format!("{:.0}", counts.instructions),
            format!("{:.2}", counts.allocations),
            format!("{:.2}", counts.system_calls),
        ]);
    }
    table.print();
}

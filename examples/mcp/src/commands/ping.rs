//! `mcp ping`: whether the server lives, and how fast it answers.

use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use mcp_sse_blocking::Client;

use crate::exit::{Exit, Failure};
use crate::options;
use crate::output::{Output, json, one_line};
use crate::session::Context;
use crate::target::Target;

/// Asks a server for a sign of life, and tells how long it took
#[derive(Debug, Args)]
#[command(override_usage = "mcp ping [OPTIONS] URL\n       \
    mcp ping [OPTIONS] --config FILE --server NAME\n       \
    mcp ping [OPTIONS] --stdio -- COMMAND [ARGUMENT]...")]
pub(crate) struct Ping {
    /// Where the server is, unless --config or --stdio says it
    #[arg(value_name = "URL")]
    words: Vec<String>,
    /// How often
    #[arg(short, long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// How long to wait in between
    #[arg(short, long, value_name = "SECONDS", default_value = "1", value_parser = options::seconds)]
    interval: Duration,
    #[command(flatten)]
    target: Target,
}

impl Ping {
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        context.session(self.target.alone(&self.words)?, |client| {
            let mut times = Vec::new();
            for number in 0..self.count {
                if number > 0 {
                    self.pause(client);
                }
                let begun = Instant::now();
                client.ping()?;
                let took = begun.elapsed();
                times.push(took);
                if !context.wants_json() {
                    let server = one_line(&client.server_info().name);
                    Output::new().print(&format!("{server} answered in {}\n", milliseconds(took)))?;
                }
            }
            if context.wants_json() {
                let seconds: Vec<String> = times.iter().map(|took| format!("{:.6}", took.as_secs_f64())).collect();
                Output::new().json(&json::object([("seconds", format!("[{}]", seconds.join(",")))]))?;
            } else if times.len() > 1 {
                Output::new().print(&summary(&times))?;
            }
            Ok(Exit::Done)
        })
    }

    /// Waits, but no longer than there is a session: Ctrl-C closes it.
    fn pause(&self, client: &Client) {
        let until = Instant::now() + self.interval;
        while client.is_connected() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread::sleep(left.min(Duration::from_millis(50)));
        }
    }
}

fn summary(times: &[Duration]) -> String {
    let [least, most] = [times.iter().min(), times.iter().max()].map(|time| time.copied().unwrap_or_default());
    let mean = times.iter().sum::<Duration>() / u32::try_from(times.len()).unwrap_or(u32::MAX).max(1);
    format!(
        "{} answers: {} at least, {} on average, {} at most\n",
        times.len(),
        milliseconds(least),
        milliseconds(mean),
        milliseconds(most)
    )
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_summed_up() {
        let times = [10, 20, 90].map(Duration::from_millis);
        assert_eq!(summary(&times), "3 answers: 10.0 ms at least, 40.0 ms on average, 90.0 ms at most\n");
    }
}

//! Counters as OpenMetrics text: <https://github.com/OpenObservability/OpenMetrics/blob/main/specification/OpenMetrics.md>.
//!
//! All samples of a family stand together, also those of different clients, and the text ends with `# EOF`.

use std::fmt::{self, Write as _};
use std::time::Duration;

use super::metrics::{CallCounts, Metrics};

/// What a family is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
}

/// A family with one sample of each client.
struct Family {
    kind: Kind,
    name: &'static str,
    unit: Option<&'static str>,
    help: &'static str,
    value: fn(&Metrics) -> Value,
}

enum Value {
    Count(u64),
    Seconds(Duration),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => count.fmt(f),
            Self::Seconds(duration) => seconds(*duration).fmt(f),
        }
    }
}

const FAMILIES: [Family; 15] = [
    counter("connects", None, "How often there came to be a session.", |m| Value::Count(m.connects)),
    counter("reconnects", None, "How often there came to be a session after a loss.", |m| Value::Count(m.reconnects)),
    counter("losses", None, "How often the session was lost, or the server out of reach.", |m| Value::Count(m.losses)),
    counter("resumptions", None, "Event streams whose rest was had on another connection.", |m| {
        Value::Count(m.resumptions)
    }),
    gauge("connected_seconds", Some("seconds"), "How long the session that stands now has stood.", |m| {
        Value::Seconds(m.connected.unwrap_or_default())
    }),
    counter("session_seconds", Some("seconds"), "How long there was a session, in all.", |m| {
        Value::Seconds(m.connected_total)
    }),
    counter("connections", None, "Connections that were opened.", |m| Value::Count(m.connections)),
    gauge("open_connections", None, "Connections that are open now.", |m| Value::Count(m.open_connections)),
    counter("events", None, "Events of event streams.", |m| Value::Count(m.events)),
    counter("sent_messages", None, "Messages that were written.", |m| Value::Count(m.messages_sent)),
    counter("received_messages", None, "Messages that came.", |m| Value::Count(m.messages_received)),
    counter("sent_bytes", Some("bytes"), "Bytes that went out.", |m| Value::Count(m.bytes_sent)),
    counter("received_bytes", Some("bytes"), "Bytes that came in.", |m| Value::Count(m.bytes_received)),
    counter("slow_calls", None, "Calls of tools that took as long as the threshold or longer.", |m| {
        Value::Count(m.slow_calls)
    }),
    gauge("connected", None, "Whether there is a session now: 1 or 0.", |m| {
        Value::Count(u64::from(m.connected.is_some()))
    }),
];

const fn counter(
    name: &'static str,
    unit: Option<&'static str>,
    help: &'static str,
    value: fn(&Metrics) -> Value,
) -> Family {
    Family { kind: Kind::Counter, name, unit, help, value }
}

const fn gauge(
    name: &'static str,
    unit: Option<&'static str>,
    help: &'static str,
    value: fn(&Metrics) -> Value,
) -> Family {
    Family { kind: Kind::Gauge, name, unit, help, value }
}

impl Metrics {
    /// As OpenMetrics text, of the media type `application/openmetrics-text; version=1.0.0; charset=utf-8`.
    ///
    /// Families begin with `mcp_client_`. Each sample has the label `server`, and `name` when that is set. Times of calls are
    /// summaries (`mcp_client_call_duration_seconds`, with quantiles over the whole life of the client), outcomes and kinds of
    /// errors are labels.
    pub fn to_openmetrics(&self) -> String {
        Self::all_to_openmetrics([self])
    }

    /// The same of several clients in one text. They are told apart by `server` and [`name`](Self::name): those of two to the
    /// same server have to differ in the name.
    pub fn all_to_openmetrics<'a>(all: impl IntoIterator<Item = &'a Self>) -> String {
        let all: Vec<(String, &Self)> = all.into_iter().map(|metrics| (metrics.labels(), metrics)).collect();
        let mut text = String::with_capacity(8 << 10);
        for Family { kind, name, unit, help, value } in &FAMILIES {
            let (kind, suffix) = match kind {
                Kind::Counter => ("counter", "_total"),
                Kind::Gauge => ("gauge", ""),
            };
            describe(&mut text, kind, name, *unit, help);
            for (labels, metrics) in &all {
                sample(&mut text, name, suffix, labels, "", &value(metrics));
            }
        }
        describe(&mut text, "counter", "errors", None, "What calls and requests failed with.");
        for (labels, metrics) in &all {
            for (error, count) in metrics.errors.by_kind() {
                sample(&mut text, "errors", "_total", labels, &format!("kind=\"{error}\""), &count);
            }
        }
        calls(&mut text, &all, "call", "Calls of tools", |metrics| &metrics.calls);
        calls(&mut text, &all, "request", "Other requests of the program", |metrics| &metrics.requests);
        text.push_str("# EOF\n");
        text
    }

    fn labels(&self) -> String {
        let mut labels = format!("server=\"{}\"", Escaped(&self.server));
        if let Some(name) = &self.name {
            let _ = write!(labels, ",name=\"{}\"", Escaped(name));
        }
        labels
    }
}

/// The families of one sort of calls.
fn calls(text: &mut String, all: &[(String, &Metrics)], one: &str, what: &str, of: impl Fn(&Metrics) -> &CallCounts) {
    let ended = format!("{one}s");
    describe(text, "counter", &ended, None, &format!("{what} that have ended, by outcome."));
    for (labels, metrics) in all {
        for (outcome, count) in of(metrics).by_outcome() {
            sample(text, &ended, "_total", labels, &format!("outcome=\"{outcome}\""), &count);
        }
    }
    let in_flight = format!("{one}s_in_flight");
    describe(text, "gauge", &in_flight, None, &format!("{what} that are being made now."));
    for (labels, metrics) in all {
        sample(text, &in_flight, "", labels, "", &of(metrics).in_flight);
    }
    let duration = format!("{one}_duration_seconds");
    describe(text, "summary", &duration, Some("seconds"), &format!("{what}: how long they took."));
    for (labels, metrics) in all {
        let times = of(metrics).times.unwrap_or_default();
        if times.count > 0 {
            for (quantile, value) in [("0.5", times.p50), ("0.9", times.p90), ("0.99", times.p99)] {
                sample(text, &duration, "", labels, &format!("quantile=\"{quantile}\""), &seconds(value));
            }
        }
        sample(text, &duration, "_sum", labels, "", &seconds(times.sum));
        sample(text, &duration, "_count", labels, "", &times.count);
    }
    // Of a summary they cannot be a part.
    for (bound, help) in [("min", "the shortest"), ("max", "the longest")] {
        let name = format!("{one}_duration_{bound}_seconds");
        describe(text, "gauge", &name, Some("seconds"), &format!("{what}: {help}."));
        for (labels, metrics) in all {
            let Some(times) = of(metrics).times else { continue };
            let value = if bound == "min" { times.min } else { times.max };
            sample(text, &name, "", labels, "", &seconds(value));
        }
    }
}

fn describe(text: &mut String, kind: &str, name: &str, unit: Option<&str>, help: &str) {
    let _ = writeln!(text, "# TYPE mcp_client_{name} {kind}");
    if let Some(unit) = unit {
        let _ = writeln!(text, "# UNIT mcp_client_{name} {unit}");
    }
    let _ = writeln!(text, "# HELP mcp_client_{name} {help}");
}

fn sample(text: &mut String, name: &str, suffix: &str, labels: &str, more: &str, value: &impl fmt::Display) {
    let comma = if more.is_empty() { "" } else { "," };
    let _ = writeln!(text, "mcp_client_{name}{suffix}{{{labels}{comma}{more}}} {value}");
}

/// Seconds with all their nanoseconds.
fn seconds(duration: Duration) -> impl fmt::Display {
    struct Seconds(Duration);
    impl fmt::Display for Seconds {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{}.{:09}", self.0.as_secs(), self.0.subsec_nanos())
        }
    }
    Seconds(duration)
}

/// The value of a label: a backslash, a quote and a line end are escaped.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                character => f.write_char(character)?,
            }
        }
        Ok(())
    }
}

//! The counters of a client as OpenMetrics text, held against the grammar and the rules of the specification by a checker that
//! accepts nothing else. The checker is tested as well: it refuses what breaks a rule.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::{BTreeMap, HashSet};

use mcp_server_tiny::{Call, Server, Tool, ToolError};
use mcp_sse_blocking::{Client, Metrics};

/// One family, with its samples in their order.
#[derive(Debug, Default)]
struct Family {
    kind: String,
    unit: Option<String>,
    help: Option<String>,
    samples: Vec<Sample>,
}

#[derive(Debug, Clone, PartialEq)]
struct Sample {
    /// After the name of the family.
    suffix: String,
    labels: Vec<(String, String)>,
    value: f64,
}

impl Sample {
    fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The metric that it belongs to: its labels but those that belong to the kind.
    fn metric(&self) -> Vec<(String, String)> {
        self.labels.iter().filter(|(name, _)| name != "quantile").cloned().collect()
    }
}

/// Reads the text, or says what is wrong with it.
fn read(text: &str) -> Result<BTreeMap<String, Family>, String> {
    if text.contains('\r') {
        return Err("a carriage return".into());
    }
    let body = text.strip_suffix("# EOF\n").ok_or("it does not end with `# EOF` and a line feed")?;
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current: Option<String> = None;
    for line in body.split_terminator('\n') {
        let wrong = |what: &str| Err(format!("{what}: {line}"));
        if let Some(comment) = line.strip_prefix('#') {
            let parts: Vec<&str> = comment.splitn(4, ' ').collect();
            let ["", what @ ("TYPE" | "UNIT" | "HELP"), name, rest] = parts[..] else {
                return wrong("neither metadata nor the end");
            };
            if !is_name(name, true) {
                return wrong("no name");
            }
            if current.as_deref() != Some(name) {
                if families.contains_key(name) {
                    return wrong("a family that was begun before");
                }
                families.insert(name.into(), Family::default());
                current = Some(name.into());
            }
            let family = families.get_mut(name).ok_or("no family")?;
            if !family.samples.is_empty() {
                return wrong("metadata after samples");
            }
            match what {
                "TYPE" if family.kind.is_empty() => family.kind = rest.into(),
                "UNIT" if family.unit.is_none() && !rest.is_empty() => family.unit = Some(rest.into()),
                "HELP" if family.help.is_none() => family.help = Some(unescape(rest).ok_or("bad escape in help")?),
                _ => return wrong("metadata twice"),
            }
            continue;
        }
        let Some(name) = &current else { return wrong("a sample without a family") };
        let Some(family) = families.get_mut(name) else { return wrong("a sample without a family") };
        let (full, rest) = line.split_at(line.find(['{', ' ']).ok_or(format!("no sample: {line}"))?);
        let Some(suffix) = full.strip_prefix(name.as_str()) else { return wrong("a sample of another family") };
        let (labels, rest) = read_labels(rest).ok_or(format!("bad labels: {line}"))?;
        let Some(number) = rest.strip_prefix(' ') else { return wrong("no value") };
        let value = read_number(number).ok_or(format!("no number: {line}"))?;
        let sample = Sample { suffix: suffix.into(), labels, value };
        if family.samples.iter().any(|other| other.suffix == sample.suffix && other.labels == sample.labels) {
            return wrong("the same sample twice");
        }
        family.samples.push(sample);
    }
    let mut taken = HashSet::new();
    for (name, family) in &families {
        check(name, family).map_err(|problem| format!("{problem}: {name}"))?;
        for suffix in suffixes(&family.kind) {
            if !taken.insert(format!("{name}{suffix}")) {
                return Err(format!("two families have samples of one name: {name}{suffix}"));
            }
        }
    }
    Ok(families)
}

fn suffixes(kind: &str) -> &'static [&'static str] {
    match kind {
        "counter" => &["_total"],
        "summary" => &["", "_sum", "_count"],
        _ => &[""],
    }
}

/// The rules of one family.
fn check(name: &str, family: &Family) -> Result<(), &'static str> {
    if !matches!(family.kind.as_str(), "counter" | "gauge" | "summary") {
        return Err("a kind that is not used here");
    }
    if family.help.is_none() {
        return Err("nothing says what it is");
    }
    if family.unit.as_ref().is_some_and(|unit| !name.ends_with(&format!("_{unit}"))) {
        return Err("the name does not end with the unit");
    }
    if ["seconds", "bytes"].iter().any(|unit| name.ends_with(&format!("_{unit}"))) && family.unit.is_none() {
        return Err("a unit in the name only");
    }
    if name.ends_with("_total") || name.ends_with("_count") || name.ends_with("_sum") {
        return Err("a suffix of samples at the end of a family");
    }
    let mut metrics: Vec<Vec<(String, String)>> = Vec::new();
    for sample in &family.samples {
        if !suffixes(&family.kind).contains(&sample.suffix.as_str()) {
            return Err("a suffix that its kind does not have");
        }
        if family.kind != "gauge" && (sample.value.is_nan() || sample.value < 0.0) {
            return Err("what only rises is negative or no number");
        }
        let is_quantile = family.kind == "summary" && sample.suffix.is_empty();
        match (is_quantile, sample.label("quantile")) {
            (true, Some(quantile)) if (0.0..=1.0).contains(&read_number(quantile).unwrap_or(-1.0)) => {}
            (false, None) => {}
            _ => return Err("a quantile that is missing, misplaced or no quantile"),
        }
        if sample.suffix == "_count" && sample.value.fract() != 0.0 {
            return Err("a count that is no whole number");
        }
        let metric = sample.metric();
        if metrics.last() != Some(&metric) {
            if metrics.contains(&metric) {
                return Err("samples of a metric do not stand together");
            }
            metrics.push(metric);
        }
    }
    Ok(())
}

fn is_name(name: &str, colons: bool) -> bool {
    let is_first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || (colons && byte == b':');
    name.bytes().enumerate().all(|(at, byte)| is_first(byte) || (at > 0 && byte.is_ascii_digit())) && !name.is_empty()
}

/// Labels in braces, or none, and what follows.
fn read_labels(text: &str) -> Option<(Vec<(String, String)>, &str)> {
    let Some(mut rest) = text.strip_prefix('{') else { return Some((Vec::new(), text)) };
    let mut labels: Vec<(String, String)> = Vec::new();
    loop {
        let (name, after) = rest.split_once("=\"")?;
        let mut end = None;
        let mut is_escaped = false;
        for (at, character) in after.char_indices() {
            match character {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                '"' => {
                    end = Some(at);
                    break;
                }
                _ => {}
            }
        }
        let end = end?;
        if !is_name(name, false) || name.starts_with("__") || labels.iter().any(|(known, _)| known == name) {
            return None;
        }
        labels.push((name.into(), unescape(&after[..end])?));
        let after = &after[end + 1..];
        match after.split_at_checked(1)? {
            (",", more) => rest = more,
            ("}", more) => return Some((labels, more)),
            _ => return None,
        }
    }
}

/// `\\`, `\"` and `\n` and no other escape.
fn unescape(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        out.push(match character {
            '\\' => match characters.next()? {
                '\\' => '\\',
                '"' => '"',
                'n' => '\n',
                _ => return None,
            },
            character => character,
        });
    }
    Some(out)
}

/// A real number as the grammar has it; a timestamp or an exemplar after it is none.
fn read_number(text: &str) -> Option<f64> {
    let digits = text.trim_start_matches(['+', '-']);
    let has_form = digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
    (has_form && digits.starts_with(|first: char| first.is_ascii_digit() || first == '.')).then_some(())?;
    text.parse().ok()
}

fn used() -> Metrics {
    let server = Server::new("counted", "1.0.0")
        .tool(Tool::new("echo"), |_: &mut Call<'_>| Ok("done"))
        .tool(Tool::new("fails"), |_: &mut Call<'_>| -> Result<&str, ToolError> { Err("it went wrong".into()) });
    let client = Client::around(server.in_process().unwrap()).unwrap();
    for _ in 0..3 {
        client.call("echo", &()).unwrap();
    }
    client.call("fails", &()).unwrap();
    client.call("no such tool", &()).unwrap_err();
    client.ping().unwrap();
    client.metrics()
}

fn value(families: &BTreeMap<String, Family>, family: &str, suffix: &str, label: Option<(&str, &str)>) -> f64 {
    let samples = &families[&format!("mcp_client_{family}")].samples;
    let is_it = |sample: &&Sample| {
        sample.suffix == suffix && label.is_none_or(|(name, value)| sample.label(name) == Some(value))
    };
    samples.iter().find(is_it).unwrap_or_else(|| panic!("no {family}{suffix} {label:?}")).value
}

#[test]
fn the_text_of_a_client_follows_the_rules_and_says_what_the_struct_says() {
    let metrics = used();
    let text = metrics.to_openmetrics();
    let families = read(&text).unwrap_or_else(|problem| panic!("{problem}\n{text}"));
    for (outcome, count) in metrics.calls.by_outcome() {
        assert_eq!(value(&families, "calls", "_total", Some(("outcome", outcome))), count as f64, "{outcome}");
    }
    assert_eq!(value(&families, "calls", "_total", Some(("outcome", "ok"))), 3.0);
    for (kind, count) in metrics.errors.by_kind() {
        assert_eq!(value(&families, "errors", "_total", Some(("kind", kind))), count as f64, "{kind}");
    }
    assert_eq!(value(&families, "errors", "_total", Some(("kind", "rpc"))), 1.0);
    let times = metrics.calls.times.unwrap();
    let duration = "call_duration_seconds";
    assert_eq!(value(&families, duration, "_count", None), 5.0);
    assert_eq!(value(&families, duration, "_sum", None), times.sum.as_secs_f64());
    assert_eq!(value(&families, duration, "", Some(("quantile", "0.99"))), times.p99.as_secs_f64());
    assert_eq!(value(&families, "call_duration_max_seconds", "", None), times.max.as_secs_f64());
    assert_eq!(value(&families, "received_bytes", "_total", None), metrics.bytes_received as f64);
    assert_eq!(value(&families, "sent_bytes", "_total", None), metrics.bytes_sent as f64);
    assert_eq!(value(&families, "connects", "_total", None), 1.0);
    assert_eq!(value(&families, "connected", "", None), 1.0);
    assert_eq!(value(&families, "calls_in_flight", "", None), 0.0);
    assert_eq!(text, metrics.to_string(), "it is how metrics are shown");
}

#[test]
fn a_client_that_did_nothing_has_every_family_and_no_times() {
    let text = Metrics::default().to_openmetrics();
    let families = read(&text).unwrap_or_else(|problem| panic!("{problem}\n{text}"));
    assert_eq!(families.keys().collect::<Vec<_>>(), read(&used().to_openmetrics()).unwrap().keys().collect::<Vec<_>>());
    let duration = &families["mcp_client_call_duration_seconds"].samples;
    assert_eq!(duration.len(), 2, "a sum and a count: {duration:?}");
    assert!(families["mcp_client_call_duration_max_seconds"].samples.is_empty());
}

#[test]
fn whatever_a_server_is_called_the_labels_say_it_exactly() {
    for name in ["plain", "a \"quoted\" one", "back\\slash", "two\nlines", "\\n is no line end", "ümlaut {}, =\"", ""]
    {
        let mut metrics = used();
        (metrics.server, metrics.name) = (name.into(), Some(name.into()));
        let text = metrics.to_openmetrics();
        let families = read(&text).unwrap_or_else(|problem| panic!("{name}: {problem}\n{text}"));
        for sample in families.values().flat_map(|family| &family.samples) {
            assert_eq!((sample.label("server"), sample.label("name")), (Some(name), Some(name)));
        }
    }
}

#[test]
fn several_clients_stand_together_family_by_family() {
    let all: Vec<Metrics> = ["one", "two", "three"]
        .into_iter()
        .map(|name| {
            let mut metrics = used();
            metrics.name = Some(name.into());
            metrics
        })
        .collect();
    let text = Metrics::all_to_openmetrics(&all);
    let families = read(&text).unwrap_or_else(|problem| panic!("{problem}\n{text}"));
    for metrics in &all {
        let name = metrics.name.as_deref().unwrap();
        let sent = families["mcp_client_sent_bytes"].samples.iter().find(|sample| sample.label("name") == Some(name));
        assert_eq!(sent.unwrap().value, metrics.bytes_sent as f64);
    }
    assert_eq!(text.matches("# TYPE mcp_client_calls counter\n").count(), 1);
}

/// Makes a good text a bad one.
type Change = fn(&str) -> String;

#[test]
fn the_checker_refuses_what_breaks_a_rule() {
    let good = "# TYPE a counter\n# HELP a x\na_total{l=\"v\"} 1\n# EOF\n";
    assert!(read(good).is_ok(), "{:?}", read(good));
    let broken: [(&str, Change); 17] = [
        ("the end is missing", |good| good.replace("# EOF\n", "")),
        ("something after the end", |good| format!("{good}\n")),
        ("no line end at the end", |good| good.trim_end().into()),
        ("a counter without its suffix", |good| good.replace("a_total", "a")),
        ("a gauge with the suffix", |good| good.replace("counter", "gauge")),
        ("an unknown escape", |good| good.replace("\"v\"", "\"\\t\"")),
        ("an open quote", |good| good.replace("\"v\"", "\"v")),
        ("a label twice", |good| good.replace("{l=\"v\"}", "{l=\"v\",l=\"w\"}")),
        ("no name of a label", |good| good.replace("{l=", "{1=")),
        ("no number", |good| good.replace(" 1\n", " one\n")),
        ("a negative count", |good| good.replace(" 1\n", " -1\n")),
        ("two spaces", |good| good.replace(" 1\n", "  1\n")),
        ("a sample twice", |good| good.replace("# EOF", "a_total{l=\"v\"} 2\n# EOF")),
        ("a family twice", |good| good.replace("# EOF", "# TYPE b gauge\n# HELP b x\n# TYPE a counter\n# EOF")),
        ("a unit that the name does not end with", |good| good.replace("# HELP", "# UNIT a seconds\n# HELP")),
        ("metadata twice", |good| good.replace("# HELP a x", "# HELP a x\n# HELP a x")),
        ("a windows line end", |good| good.replace("1\n", "1\r\n")),
    ];
    for (what, change) in broken {
        let text = change(good);
        assert_ne!(text, good, "{what}");
        assert!(read(&text).is_err(), "{what}:\n{text}");
    }
}

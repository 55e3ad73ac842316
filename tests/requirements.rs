//! The page `requirements.md`, checked both ways: what it names exists, and what is cited has a row in it.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

const PAGE: &str = include_str!("requirements.md");

/// The families of clauses and their numbers: each has a row.
const FAMILIES: &[(&str, &[RangeInclusive<u32>])] = &[
    ("R-EV", &[1..=43]),
    ("R-SSE", &[1..=52]),
    ("R-SH", &[1..=63]),
    ("R-ST", &[1..=71]),
    ("R-IO", &[1..=36]),
    ("R-LM", &[1..=16, 20..=34, 40..=114]),
    ("R-FS", &[1..=38]),
    ("R-FC", &[1..=30]),
    ("R-SEC", &[1..=30]),
    ("R-AU", &[1..=52]),
];

/// One row of the page; several clauses share a row when they share a fate.
struct Row<'a> {
    line: usize,
    family: &'a str,
    numbers: RangeInclusive<u32>,
    level: &'a str,
    who: &'a str,
    sentence: &'a str,
    status: &'a str,
    tests: Vec<&'a str>,
}

fn page() -> Vec<Row<'static>> {
    let lines = PAGE.lines().enumerate();
    lines.filter(|(_, line)| line.starts_with("| R-")).map(|(index, line)| row(index + 1, line)).collect()
}

fn row(line: usize, text: &str) -> Row<'_> {
    let cells: Vec<&str> = text.trim_matches('|').split('|').map(str::trim).collect();
    let [id, level, who, sentence, status, tests] = cells[..] else { panic!("line {line} has {} cells", cells.len()) };
    let (family, number) = id.rsplit_once('-').unwrap();
    let (first, last) = number.split_once("..").unwrap_or((number, number));
    let numbers = first.parse().unwrap()..=last.parse().unwrap();
    let tests = tests.split(',').map(|test| test.trim().trim_matches('`')).filter(|test| !test.is_empty()).collect();
    Row { line, family, numbers, level, who, sentence, status, tests }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

#[test]
fn every_row_is_complete_and_no_clause_has_two() {
    let mut seen = BTreeSet::new();
    for row in page() {
        let at = format!("line {}", row.line);
        assert!(FAMILIES.iter().any(|(family, _)| *family == row.family), "{at}: {}", row.family);
        assert!(["C", "S", "B", "parser", "writer"].contains(&row.who), "{at}: {}", row.who);
        assert!(!row.level.is_empty() && row.sentence.len() > 10, "{at}: the level or the sentence is missing");
        let reason = row.status.strip_prefix("later: ").or(row.status.strip_prefix("n/a: "));
        assert!(
            matches!(row.status, "covered" | "open") || reason.is_some_and(|reason| reason.len() > 5),
            "{at}: status `{}`",
            row.status
        );
        assert!(row.status != "open" || !row.level.starts_with("MUST"), "{at}: a MUST without a test");
        assert!(row.status != "covered" || !row.tests.is_empty(), "{at}: covered by nothing");
        assert!(row.status == "covered" || row.tests.is_empty(), "{at}: it has tests, so it is covered");
        for number in row.numbers {
            assert!(seen.insert((row.family, number)), "{at}: {}-{number} has a row already", row.family);
        }
    }
    for (family, numbers) in FAMILIES {
        let missing: Vec<u32> =
            numbers.iter().cloned().flatten().filter(|it| !seen.contains(&(*family, *it))).collect();
        assert!(missing.is_empty(), "{family} has no rows for {missing:?}");
    }
}

#[test]
fn every_named_test_exists() {
    let mut sources = BTreeMap::new();
    let mut missing = Vec::new();
    for row in page() {
        for test in row.tests {
            let (file, name) = test.rsplit_once("::").unwrap_or_else(|| panic!("line {}: `{test}`", row.line));
            let source = sources.entry(file).or_insert_with(|| fs::read_to_string(source_of(file)).unwrap_or_default());
            if !has_test(source, name) {
                missing.push(format!("line {}: {test}", row.line));
            }
        }
    }
    assert!(missing.is_empty(), "there are no such tests:\n{}", missing.join("\n"));
}

fn source_of(file: &str) -> PathBuf {
    let (folder, file) = match file.split_once(':') {
        Some(("core", file)) => ("mcp-core/src", file),
        Some(("client", file)) => ("mcp-sse-blocking/src", file),
        Some(("server", file)) => ("mcp-server-tiny/src", file),
        _ => ("tests", file),
    };
    root().join(folder).join(file).with_extension("rs")
}

/// Whether a function of this name has `#[test]` among the attributes right above it, and is not ignored.
fn has_test(source: &str, name: &str) -> bool {
    let start = format!("fn {name}(");
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    lines.iter().enumerate().filter(|(_, line)| line.starts_with(&start)).any(|(index, _)| {
        let above = lines[..index].iter().rev().take_while(|line| line.starts_with("#[") || line.starts_with("//"));
        let attributes: Vec<_> = above.filter(|line| line.starts_with("#[")).collect();
        attributes.contains(&&"#[test]") && !attributes.iter().any(|line| line.starts_with("#[ignore"))
    })
}

#[test]
fn every_cited_clause_has_a_row() {
    let mut rows = BTreeSet::new();
    for row in page() {
        rows.extend(row.numbers.map(|number| format!("{}-{number}", row.family)));
    }
    let mut unknown = BTreeMap::new();
    for folder in ["mcp-core", "mcp-sse-blocking", "mcp-server-tiny", "examples", "tests"] {
        visit(&root().join(folder), &mut |path| {
            let source = fs::read_to_string(path).unwrap_or_default();
            for id in cited(&source).filter(|id| !rows.contains(*id)) {
                unknown.entry(id.to_owned()).or_insert_with(|| path.display().to_string());
            }
        });
    }
    assert!(unknown.is_empty(), "these clauses are cited and have no row: {unknown:#?}");
}

/// Calls `on_file` for each source file below a folder.
fn visit(folder: &Path, on_file: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            // Build output and what package managers put beside our files.
            if !matches!(&*name, "target" | "node_modules") && !name.starts_with('.') && !name.contains("venv") {
                visit(&path, on_file);
            }
        } else if path
            .extension()
            .is_some_and(|it| ["rs", "tsv", "txt", "toml", "py", "mjs", "sh"].iter().any(|known| it == *known))
        {
            on_file(&path);
        }
    }
}

/// The numbers such as the one of this sentence, `R-SSE-1`, in a text.
fn cited(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("R-").filter_map(|(start, _)| {
        let rest = &text[start..];
        let family = 2 + rest[2..].find(|c: char| !c.is_ascii_uppercase())?;
        let number = rest[family..].strip_prefix('-')?;
        let digits = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
        (family > 2 && digits > 0).then(|| &rest[..family + 1 + digits])
    })
}

/// Lists what is open, for whoever runs it with `--nocapture`.
#[test]
fn what_is_open_is_listed() {
    let rows = page();
    let count = |wanted: &str| rows.iter().filter(|row| row.status.split(':').next() == Some(wanted)).count();
    eprintln!("{} covered, {} open, {} later, {} n/a", count("covered"), count("open"), count("later"), count("n/a"));
    for row in rows.iter().filter(|row| row.status == "open") {
        eprintln!("open: {}-{} {} {}", row.family, row.numbers.start(), row.level, row.sentence);
    }
    assert!(rows.len() > 100);
}

#[test]
fn citations_are_found_where_they_stand() {
    let found: Vec<&str> = cited("(R-SSE-18, 19; R-EV-5), R-2, R-X, R-LM-").collect();
    assert_eq!(found, ["R-SSE-18", "R-EV-5"]);
    assert!(has_test("/// R-EV-1\n#[test]\nfn a() {", "a"));
    assert!(!has_test("#[test]\nfn b() {}\nfn a() {", "a"));
    assert!(!has_test("#[test]\n#[ignore]\nfn a() {", "a"));
}

//! What the three crates pull in: no async runtime anywhere, mio in the server only, and few crates.

use std::collections::BTreeSet;
use std::process::Command;

/// Runtimes and what is built on them. A name ending in `*` stands for all that begin so.
const RUNTIMES: [&str; 14] = [
    "tokio*", "futures*", "hyper*", "reqwest*", "async-*", "smol*", "actix*", "axum*", "tower*", "h2", "isahc",
    "glommio", "monoio", "mio",
];

/// The one exception: the server's readiness loop is built on mio, which is no runtime.
const MIO: &str = "mio";

/// Crates of a server with one tool, the program itself and what only builds run included. 22 when this was
/// written.
const ONE_TOOL_SERVER: usize = 30;

#[test]
fn no_library_crate_pulls_in_an_async_runtime() {
    for package in ["mcp-core", "mcp-sse-blocking", "mcp-server-tiny"] {
        let tree = tree(&["--package", package, "--edges", "normal", "--all-features"]);
        let found: Vec<_> = tree
            .iter()
            .filter(|name| RUNTIMES.iter().any(|runtime| is_named(name, runtime)))
            .filter(|name| package != "mcp-server-tiny" || *name != MIO)
            .collect();
        assert!(found.is_empty(), "{package} depends on {found:?}");
    }
}

#[test]
fn the_crates_depend_on_the_core_and_not_on_each_other() {
    let ours = |package| -> Vec<_> {
        let tree = tree(&["--package", package, "--edges", "normal", "--all-features"]);
        tree.into_iter().filter(|name| name.starts_with("mcp-")).collect()
    };
    assert_eq!(ours("mcp-core"), ["mcp-core"]);
    assert_eq!(ours("mcp-sse-blocking"), ["mcp-core", "mcp-sse-blocking"]);
    assert_eq!(ours("mcp-server-tiny"), ["mcp-core", "mcp-server-tiny"]);
}

#[test]
fn a_server_with_one_tool_is_made_of_few_crates() {
    let packages = packages(&["--package", "mcp-server-tiny", "--edges", "normal,build"]);
    let crates = packages.len() + 1;
    assert!(crates <= ONE_TOOL_SERVER, "{crates} crates: {packages:?}");
    // For the record; shown with `--nocapture`.
    eprintln!("a server with one tool: {crates} crates");
}

/// Without default features the server keeps no system crate: no sockets, no threads, no randomness.
#[test]
fn a_server_without_std_leaves_the_system_alone() {
    let tree = tree(&["--package", "mcp-server-tiny", "--edges", "normal", "--no-default-features"]);
    for name in ["libc", "mio", "getrandom", "crossbeam-channel"] {
        assert!(!tree.contains(name), "{name} is in {tree:?}");
    }
}

/// TLS is most of what a client weighs. Whoever leaves it out is rid of all of it; whoever says nothing has it.
#[test]
fn a_client_without_tls_has_no_cryptography() {
    let client = |more: &[&str]| tree(&[&["--package", "mcp-sse-blocking", "--edges", "normal,build"], more].concat());
    let (with, without) = (client(&[]), client(&["--no-default-features"]));
    for name in ["rustls", "ring", "webpki-roots"] {
        assert!(with.contains(name), "{name} is not in {with:?}");
    }
    for family in ["rustls*", "ring", "webpki*", "untrusted", "cc", "openssl*", "native-tls", "aws-lc*"] {
        let found = without.iter().find(|name| is_named(name, family));
        assert!(found.is_none(), "{found:?} is in {without:?}");
    }
    let c_library = tree(&["--package", "mcp-c-abi", "--edges", "normal,build", "--no-default-features"]);
    assert!(!c_library.contains("rustls"), "{c_library:?}");
    // What adds to TLS brings it.
    assert!(client(&["--no-default-features", "--features", "system-roots"]).contains("rustls"));
}

/// The newest toolchain alone cannot show that an older one would do; this much of it can be read.
#[test]
fn no_dependency_needs_a_newer_rust_than_we_promise() {
    let promised = version(env!("CARGO_PKG_RUST_VERSION"));
    let metadata = cargo(&["metadata", "--format-version=1"]);
    let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap();
    for package in metadata["packages"].as_array().unwrap() {
        let Some(needed) = package["rust_version"].as_str() else { continue };
        assert!(version(needed) <= promised, "{} {} needs Rust {needed}", package["name"], package["version"]);
    }
}

/// The names of the packages in a dependency tree, each once.
fn tree(arguments: &[&str]) -> BTreeSet<String> {
    packages(arguments).into_iter().map(|(name, _)| name).collect()
}

/// The packages in a dependency tree, each once, by name and version.
fn packages(arguments: &[&str]) -> BTreeSet<(String, String)> {
    let tree = cargo(&[&["tree", "--prefix", "none", "--format", "{p}"], arguments].concat());
    let mut packages = BTreeSet::new();
    for line in tree.lines() {
        // `name v1.2.3 (proc-macro) (*)`
        let mut words = line.split_whitespace().map(str::to_owned);
        packages.extend(words.next().zip(words.next()));
    }
    assert!(!packages.is_empty(), "cargo tree printed nothing");
    packages
}

/// What cargo prints.
fn cargo(arguments: &[&str]) -> String {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(arguments).args(["--quiet", "--locked"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = cargo.output().expect("cargo runs");
    assert!(output.status.success(), "{cargo:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

/// `1.88` and `1.88.0` as the same numbers, so that 1.100 is newer than both.
fn version(text: &str) -> [u32; 3] {
    let mut version = [0; 3];
    for (number, digits) in version.iter_mut().zip(text.split('.')) {
        *number = digits.parse().expect("a version is numbers");
    }
    version
}

fn is_named(name: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    }
}

#[test]
fn a_pattern_with_a_star_stands_for_a_family() {
    assert!(is_named("tokio-util", "tokio*") && is_named("tokio", "tokio*"));
    assert!(is_named("h2", "h2") && !is_named("h2o", "h2"));
}

//! The Python package over the C ABI: its wheel is built, installed into a clean virtual environment, and its own tests pass there,
//! with the servers of the Python SDK.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // a panic is the report

use std::path::{Path, PathBuf};
use std::process::Command;

use mcp_tests::peers;

#[test]
fn the_wheel_works_where_nothing_else_is_installed() {
    if let Some(missing) = missing() {
        assert!(!peers::are_required(), "{missing}");
        eprintln!("skipped: {missing}");
        return;
    }
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/python");
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("wheel-{}", std::process::id()));
    let mut build = Command::new("bash");
    build.arg(package.join("build.sh")).arg(&folder);
    if peers::are_required() {
        // Small, as it is given away. What cargo told this test of its own package is not for the library.
        for (variable, _) in std::env::vars_os() {
            if variable.to_str().is_some_and(is_of_this_package) {
                build.env_remove(variable);
            }
        }
    } else {
        // One that was built anyway.
        build.env("MCP_SYNC_LIBRARY", peers::c_library("libmcp.so"));
    }
    let output = build.output().unwrap();
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    eprintln!("{said}{complained}");
    assert!(output.status.success(), "{}", output.status);
    let inside = folder.join("environment");
    assert!(said.contains(inside.to_str().unwrap()), "another package was tested");
    assert!(complained.contains("\nOK"), "no tests were run");
    if peers::are_required() {
        let skipped: Vec<&str> = complained.lines().filter(|line| line.contains("skipped=")).collect();
        assert!(skipped.is_empty(), "{skipped:?}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

/// What is not installed.
fn missing() -> Option<&'static str> {
    if !peers::is_installed("python3") || !peers::is_installed("bash") {
        return Some("`python3` or `bash` is not installed");
    }
    // Debian's own Python comes without `venv`; building the wheel reads TOML.
    let whole = Command::new("python3").args(["-c", "import ensurepip, tomllib, venv"]).output().unwrap();
    if whole.status.success() { None } else { Some("the Python of this machine is older than 3.11 or has no `venv`") }
}

fn is_of_this_package(variable: &str) -> bool {
    let told = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_PACKAGE"];
    told.iter().any(|beginning| variable.starts_with(beginning))
}

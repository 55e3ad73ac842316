//! The C header says what the library has.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::fs;
use std::path::Path;

/// In the order in which a reader of the header wants them.
const MODULES: [&str; 10] =
    ["error", "text", "callback", "options", "client", "cancel", "tool", "server", "running", "engine"];

/// With `MCP_HEADER=write` it is written instead.
#[test]
fn the_header_is_the_one_that_the_library_makes() {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/c-abi");
    let config = cbindgen::Config::from_file(library.join("cbindgen.toml")).unwrap();
    let mut builder = cbindgen::Builder::new().with_config(config);
    for module in MODULES.into_iter().chain(["logging"]) {
        builder = builder.with_src(library.join("src").join(module).with_extension("rs"));
    }
    let mut made = Vec::new();
    builder.generate().unwrap().write(&mut made);
    let made = String::from_utf8(made).unwrap();
    let header = library.join("include/mcp.h");
    if std::env::var_os("MCP_HEADER").is_some_and(|value| value == "write") {
        fs::write(&header, &made).unwrap();
    }
    let committed = fs::read_to_string(&header).unwrap_or_default();
    assert!(made == committed, "examples/c-abi/include/mcp.h is out of date: run this test with MCP_HEADER=write");
}

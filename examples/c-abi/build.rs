//! Gives the shared library the name that programs look for when they start: `libmcp.so.0`, `libmcp.0.dylib`.
//!
//! The number is that of the C ABI, which is the major version: it changes when a program that was linked has to be linked anew.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let system = env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    let number = env!("CARGO_PKG_VERSION_MAJOR");
    match system.as_str() {
        // A library of Windows has no such name.
        "windows" => {}
        "macos" | "ios" => println!("cargo::rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libmcp.{number}.dylib"),
        _ => println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libmcp.so.{number}"),
    }
}

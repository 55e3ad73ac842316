#!/usr/bin/env bash
# Everything that must hold before a change lands, in the order that finds most mistakes first. CI runs this script; run
# it before you commit. Peers of other languages are used where they are installed (tests/interop/install.sh installs
# them), and so is the official conformance suite (tests/conformance/install.sh); with MCP_INTEROP=required their absence
# fails.
#
#     tests/check.sh            everything
#     tests/check.sh STEP ...   only these: format clippy docs no_std fuzz test examples firmware portability conformance
set -euo pipefail
cd "$(dirname "$0")/.."

format() {
  cargo fmt --all --check
  cargo fmt --manifest-path tests/no_std_probe/Cargo.toml --check
  cargo fmt --manifest-path examples/firmware/Cargo.toml --check
  cargo fmt --manifest-path mcp-core/fuzz/Cargo.toml --check
  cargo fmt --manifest-path tests/interop/rmcp/Cargo.toml --check
}

# With `incompatible_msrv` clippy also refuses what the declared minimum Rust version does not have.
clippy() {
  cargo clippy --quiet --locked --workspace --all-targets -- -D warnings -D clippy::incompatible_msrv
  # What a device builds: in the workspace the other crates' features hide a missing import.
  cargo clippy --quiet --locked --package mcp-core -- -D warnings
  cargo clippy --quiet --locked --package mcp-server-tiny --no-default-features -- -D warnings
  # Its parts, each by itself, and its own tests without them.
  cargo clippy --quiet --locked --package mcp-server-tiny --no-default-features --features http-sse -- -D warnings
  cargo clippy --quiet --locked --package mcp-server-tiny --no-default-features --features listening -- -D warnings
  cargo check --quiet --locked --package mcp-server-tiny --no-default-features --features std --lib --tests
  # A client without TLS.
  cargo clippy --quiet --locked --package mcp-sse-blocking --no-default-features --lib --tests -- -D warnings
  cargo clippy --quiet --manifest-path tests/no_std_probe/Cargo.toml --lib --test memory -- -D warnings
  cargo clippy --quiet --locked --manifest-path examples/firmware/Cargo.toml -- -D warnings
}

docs() {
  RUSTDOCFLAGS="-D warnings" cargo doc --quiet --locked --workspace --no-deps
}

no_std() {
  bash tests/no_std_probe/check.sh
}

# That the fuzz targets still build. Fuzzing itself needs a nightly compiler; what the targets do, the tests do as well.
# Not `--locked`: what they rest on is the tests' own package, which has its lock file at the top.
fuzz() {
  cargo check --quiet --manifest-path mcp-core/fuzz/Cargo.toml --target-dir "${CARGO_TARGET_DIR:-target}/fuzz"
}

test() {
  # Documentation examples are part of it.
  cargo test --locked --workspace
  # What a client without TLS refuses.
  cargo test --locked --package mcp-sse-blocking --no-default-features --lib
}

examples() {
  # What the README tells a newcomer to run.
  timeout 120 cargo run --quiet --locked --release --package mcp-examples --example quickstart
}

# The server on a microcontroller, which QEMU plays: our command line and the Python SDK use it.
firmware() {
  if ! [ -d /usr/lib/rustlib/src ] && ! [ -d /usr/src/rustc-web ] && [ "${MCP_INTEROP:-}" != required ]; then
    echo "skipped: core and alloc cannot be built from source here; examples/firmware/install.sh installs what it needs" >&2
    return
  fi
  local image
  image=$(bash examples/firmware/build.sh)
  MCP_FIRMWARE=$image cargo test --locked --workspace --test device_qemu
}

# What is cheap of tests/portability: the core on 32 bits, and whether Windows compiles.
portability() {
  if { ! [ -d /usr/lib/rustlib/src ] || ! command -v i686-linux-gnu-gcc >/dev/null; } && [ "${MCP_INTEROP:-}" != required ]; then
    echo "skipped: what it needs is not installed; tests/portability/install.sh i686-unknown-linux-gnu installs it" >&2
    return
  fi
  bash tests/portability/check.sh i686-unknown-linux-gnu core
  bash tests/portability/check.sh x86_64-pc-windows-gnu check
}

conformance() {
  if [ ! -f tests/conformance/node_modules/made-from ] && [ "${MCP_INTEROP:-}" != required ]; then
    echo "skipped: the conformance suite is not installed; tests/conformance/install.sh installs it" >&2
    return
  fi
  bash tests/conformance/run.sh
}

if [ $# -eq 0 ]; then set -- format clippy docs no_std fuzz test examples firmware portability conformance; fi
for step in "$@"; do
  echo "== $step"
  started=$SECONDS
  "$step"
  echo "== $step: $((SECONDS - started)) s"
done

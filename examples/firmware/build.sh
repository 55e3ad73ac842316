#!/usr/bin/env bash
# Builds the image and prints its path; its sizes go to standard error. `.text` is what the flash holds.
#
# `core` and `alloc` are built from source, for which a stable toolchain has to be told so: Debian's `rustc-web`, `cargo-web`
# and `rust-web-src` (install.sh), with the linker `rust-lld` of the ordinary toolchain, or another that MCP_FIRMWARE_LINKER
# names.
set -euo pipefail
cd "$(dirname "$0")"

linker=${MCP_FIRMWARE_LINKER:-$(find "$(rustc --print sysroot)" -name rust-lld -type f | head -n 1)}
if [ -z "$linker" ]; then
  echo "there is no rust-lld in the toolchain of \`rustc\`; MCP_FIRMWARE_LINKER can name another linker" >&2
  exit 1
fi
target=${CARGO_TARGET_DIR:-$PWD/target}/firmware
# Encoded: RUSTFLAGS takes no paths with spaces.
separator=$'\x1f'
flags="-Clinker=$linker${separator}-Clinker-flavor=gnu-lld${separator}-Clink-arg=-T$PWD/memory.ld${separator}-Clink-arg=--gc-sections"
# Debug forms, which nobody reads here, and functions that are the same: 5 KiB.
flags+="${separator}-Zunstable-options${separator}-Zfmt-debug=none${separator}-Clink-arg=--icf=all"

RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc CARGO_ENCODED_RUSTFLAGS=$flags CARGO_TARGET_DIR=$target \
  CARGO_INCREMENTAL=0 /usr/bin/cargo build --quiet --locked --release --target thumbv7m-none-eabi \
  -Zbuild-std=core,alloc -Zbuild-std-features=optimize_for_size \
  -Zpanic-immediate-abort --config 'profile.release.panic="immediate-abort"' >&2

image=$target/thumbv7m-none-eabi/release/firmware
size -A "$image" >&2
echo "$image"

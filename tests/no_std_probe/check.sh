#!/usr/bin/env bash
# Builds, links and runs the probe, then shows that it fails as soon as `std` slips in. See README.md.
set -euo pipefail
cd "$(dirname "$0")"
target=${CARGO_TARGET_DIR:-$PWD/target}/no_std_probe

CARGO_TARGET_DIR=$target cargo build --quiet --release
# `main` is in the archive: the C start-up code asks for it. The linker takes what the archive lacks from libc only, which
# must be memory functions and nothing else.
cc -Wl,--gc-sections -o "$target/probe" "$target/release/libno_std_probe.a"
"$target/probe"
lacking=$(nm --undefined-only --dynamic "$target/probe" | awk '{sub(/@.*/, "", $NF); print $NF}' |
  grep -vE '^(mem(cpy|move|set|cmp)|bcmp|strlen|__libc_start_main|__cxa_finalize|__gmon_start__|_ITM_.*)$' || true)
if [ -n "$lacking" ]; then
  echo "no_std probe: takes from the system what a device has not: $lacking" >&2
  exit 1
fi

# The test's own harness has `std`; the server that it counts has not.
CARGO_TARGET_DIR=$target cargo test --quiet --test memory

# `check` is enough, and quicker: the compiler itself refuses.
for crate in core server; do
  if CARGO_TARGET_DIR=$target cargo check --quiet --features "$crate-std-slips-in" 2>"$target/refused"; then
    echo "no_std probe: builds although std slipped into $crate, so it proves nothing" >&2
    exit 1
  fi
  if ! grep -q 'panic_impl' "$target/refused"; then
    echo "no_std probe: fails for another reason than a second panic handler:" >&2
    cat "$target/refused" >&2
    exit 1
  fi
done
echo "no_std probe: links and runs without std, within its memory, and is refused with it"

#!/bin/sh
# What a one-tool HTTP+SSE server weighs: bytes of the stripped program under the profile `release-small`, resident memory
# when it has just begun to listen, crates it is made of, and the wall time of a build from nothing with two jobs.
# Beside it, under the same profile, the smallest HTTP server that the standard library alone makes.
#
#     tests/measure/sizes.sh
#
# Each program is built as a package of its own, as a user's would be: inside the workspace the other members' features
# would be built into it. The sources of the dependencies are fetched before the clock starts.

set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# package NAME SOURCE [DEPENDENCY]: a package around one source file, with the workspace's profiles and versions.
package() {
    mkdir -p "$work/$1/src"
    cp "$2" "$work/$1/src/main.rs"
    cp "$root/Cargo.lock" "$work/$1/"
    {
        printf '[package]\nname = "%s"\nedition = "2024"\n\n[dependencies]\n%s\n\n' "$1" "${3-}"
        sed -n '/^\[profile\.release\]/,/^$/p; /^\[profile\.release-small\]/,/^$/p' "$root/Cargo.toml"
    } >"$work/$1/Cargo.toml"
}

# memory PROGRAM: KiB resident a second after its start.
memory() {
    "$1" 0 &
    sleep 1
    sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$!/status"
    kill $!
}

# measure NAME: builds it and prints its line.
measure() {
    cd "$work/$1"
    CARGO_TARGET_DIR=$work/$1/target
    export CARGO_TARGET_DIR
    cargo fetch --quiet
    start=$(date +%s.%N)
    cargo build --quiet --jobs 2 --profile release-small
    end=$(date +%s.%N)
    crates=$(cargo tree --edges normal --prefix none --no-dedupe | awk '{ print $1, $2 }' | sort -u | wc -l)
    program=$CARGO_TARGET_DIR/release-small/$1
    bytes=$(wc -c <"$program")
    kib=$(memory "$program")
    awk -v name="$1" -v bytes="$bytes" -v kib="$kib" -v crates="$crates" -v start="$start" -v end="$end" \
        'BEGIN { printf "  %-10s %9d  %6.2f MB  %7d  %8.1f s\n", name, bytes, kib * 1024 / 1e6, crates, end - start }'
}

package one-tool "$root/examples/one-tool.rs" "mcp-server-tiny = { path = \"$root/mcp-server-tiny\" }"
package std-only "$root/tests/measure/std_only.rs"

printf '  %-10s %9s  %9s  %7s  %10s\n' program bytes 'at rest' crates build
measure std-only
measure one-tool
echo 'target for one-tool: 750000 bytes (600000 while HTTP+SSE was all it spoke), 2.5 MB, 30 crates (the program is one of them), 20 s'

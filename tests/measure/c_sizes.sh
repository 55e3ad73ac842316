#!/bin/sh
# What the client weighs, as a C library and as a program, with TLS and without: bytes after `strip`, under the profile
# `release-small`.
#
#     tests/measure/c_sizes.sh [all] [no-tls] [none] [rust] [rust-no-tls]
#
# libmcp.so is client and server, whatever of them a program will use. A program that is linked with libmcp.a has what it
# uses; those here link the system's C library as well as not. The Rust client is a package of its own, as a user's is.
# Each program lists the tools of a server before it is weighed: what does not run weighs nothing.

set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
server=
trap 'kill $server 2>/dev/null || true; rm -rf "$work"' EXIT
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}
export CARGO_TARGET_DIR
cd "$root"

# A server whose tools can be listed.
cargo build --quiet --locked --package mcp-examples --example one-tool
tool=echo
port=$((20000 + $$ % 20000))
"$CARGO_TARGET_DIR/debug/examples/one-tool" "$port" &
server=$!
url=http://127.0.0.1:$port/mcp

# row NAME FILE [PROGRAM]: prints a line; a program has to work.
row() {
    strip -s -o "$work/stripped" "$2"
    if [ -n "${3-}" ]; then
        "$2" "$url" | grep -q "$tool" || { echo "$1 does not run" >&2; exit 1; }
    fi
    printf '  %-58s %9d\n' "$1" "$(wc -c <"$work/stripped")"
}

# library NAME [CARGO ARGUMENTS]: the C library with these features, and a C program that is linked with it.
library() {
    name=$1
    shift
    cargo build --quiet --locked --package mcp-c-abi --profile release-small "$@"
    built=$CARGO_TARGET_DIR/release-small
    row "libmcp.so, $name" "$built/libmcp.so"
    [ -n "${linked-}" ] || return 0
    link call_tool
    row "call_tool with libmcp.a, $name" "$work/call_tool" program
    # The linker warns of names that glibc looks up with its shared libraries.
    link call_tool -static 2>/dev/null
    row "call_tool, -static, $name" "$work/call_tool" program
}

# link PROGRAM [ARGUMENTS]: a C program with the library that was built last.
link() {
    program=$1
    shift
    cc -O2 -I "$root/examples/c-abi/include" "$root/examples/c-abi/programs/$program.c" "$built/libmcp.a" \
        -lpthread -ldl -lm -Wl,--gc-sections "$@" -o "$work/$program"
}

# client NAME DEPENDENCY: a Rust client of its own package.
client() {
    mkdir -p "$work/client/src"
    cp "$root/tests/measure/small_client.rs" "$work/client/src/main.rs"
    cp "$root/Cargo.lock" "$work/client/"
    {
        printf '[package]\nname = "small-client"\nedition = "2024"\n\n[workspace]\n\n[dependencies]\n'
        printf 'serde_json = "1"\nmcp-sse-blocking = { path = "%s/mcp-sse-blocking"%s }\n\n' "$root" "$2"
        sed -n '/^\[profile\.release\]/,/^$/p; /^\[profile\.release-small\]/,/^$/p' "$root/Cargo.toml"
    } >"$work/client/Cargo.toml"
    (cd "$work/client" && cargo build --quiet --profile release-small)
    row "small_client.rs, $1" "$CARGO_TARGET_DIR/release-small/small-client" program
    crates=$(cd "$work/client" && cargo tree --edges normal --prefix none --no-dedupe | awk '{ print $1, $2 }' | sort -u | wc -l)
    printf '  %-58s %9d\n' "    crates, itself included" "$crates"
}

if [ $# -eq 0 ]; then set -- all no-tls none rust rust-no-tls; fi
for part; do
    case $part in
    all) linked=yes library "all features" ;;
    no-tls) linked=yes library "without tls" --no-default-features --features compression,socks,yaml ;;
    none) library "no features" --no-default-features ;;
    rust) client "with tls" '' ;;
    rust-no-tls) client "without tls" ', default-features = false' ;;
    esac
done

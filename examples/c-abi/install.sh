#!/usr/bin/env bash
# Builds the library and installs it with its header and its pkg-config file.
#
#     examples/c-abi/install.sh PREFIX [CARGO ARGUMENTS]     such as /usr/local, or a folder of your own
set -euo pipefail
prefix=${1:?where to, such as /usr/local}
shift
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
cargo build --locked --package mcp-c-abi --profile release-small "$@"
built=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release-small
version=$(cargo pkgid --package mcp-c-abi | sed 's/.*[#@]//')
install -d "$prefix/lib/pkgconfig" "$prefix/include"
install -m 644 "$here/include/mcp.h" "$prefix/include/"
install -m 755 "$built/libmcp.so" "$prefix/lib/"
install -m 644 "$built/libmcp.a" "$prefix/lib/"
sed -e "s|@PREFIX@|$prefix|" -e "s|@VERSION@|$version|" "$here/mcp.pc.in" > "$prefix/lib/pkgconfig/mcp.pc"
echo "installed in $prefix"

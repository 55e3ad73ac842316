#!/usr/bin/env bash
# Builds the C library and installs it: the shared library, the static one, the header, the pkg-config file.
#
#     examples/c-abi/install.sh [PREFIX] [CARGO ARGUMENTS]      PREFIX is /usr/local, or a folder of your own
#
# Variables, as packagers know them:
#
#     DESTDIR        is put before every path that is written to, and stands in no file
#     LIBDIR         PREFIX/lib; a distribution may want PREFIX/lib64 or PREFIX/lib/x86_64-linux-gnu
#     INCLUDEDIR     PREFIX/include
#     PKGCONFIGDIR   LIBDIR/pkgconfig
#     PROFILE        the profile of Cargo, release-small unless set: `release` is larger and faster, `dev` is built soonest
#
# Cargo's own arguments and variables choose the rest: `--no-default-features --features yaml` leaves TLS out,
# `--target TRIPLE` builds for another machine.
set -euo pipefail

prefix=/usr/local
case ${1:-} in
"" | -*) ;;
*)
  prefix=$1
  shift
  ;;
esac
case $prefix in
/*) ;;
*) prefix=$PWD/$prefix ;;
esac
libdir=${LIBDIR:-$prefix/lib}
includedir=${INCLUDEDIR:-$prefix/include}
pkgconfigdir=${PKGCONFIGDIR:-$libdir/pkgconfig}
destdir=${DESTDIR:-}

here=$(cd "$(dirname "$0")" && pwd -P)
cd "$here"

# What is built says itself where it is: that depends on the profile, the target and the settings of whoever builds.
said=$(cargo build --locked --package mcp-c-abi --lib --profile "${PROFILE:-release-small}" \
  --message-format json-render-diagnostics "$@")
built=$(sed -n 's|.*"filenames":\["\([^"]*\)/[^"/]*mcp\.[^"]*".*|\1|p' <<<"$said" | tail -n 1)
version=$(cargo pkgid --offline --package mcp-c-abi | sed 's/.*[#@]//')
number=${version%%.*}

# What Rust's standard library wants of the system. Not what a compiler adds by itself: it knows which it is, for a program
# that is linked statically another.
triple=${CARGO_BUILD_TARGET:-}
for ((i = 1; i <= $#; i++)); do
  next=$((i + 1))
  case ${!i} in
  --target) triple=${!next} ;;
  --target=*) triple=${!i#--target=} ;;
  esac
done
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
: >"$scratch/none.rs"
libraries=$("${RUSTC:-rustc}" --crate-type staticlib --print native-static-libs ${triple:+--target "$triple"} \
  --out-dir "$scratch" "$scratch/none.rs" 2>&1 | sed -n 's/.*native-static-libs: *//p' | tail -n 1)
private=
for library in $libraries; do
  case $library in
  -lc | -lgcc_s | -lgcc_eh | -lunwind) ;;
  *) private="$private $library" ;;
  esac
done

install -d "$destdir$libdir" "$destdir$includedir" "$destdir$pkgconfigdir"
install -m 644 include/mcp.h "$destdir$includedir/mcp.h"
install -m 644 "$built/libmcp.a" "$destdir$libdir/"
# Under the name with the whole version; a program finds it by the one with the ABI's number, a linker by the one without.
if [ -f "$built/libmcp.dylib" ]; then
  install -m 755 "$built/libmcp.dylib" "$destdir$libdir/libmcp.$version.dylib"
  ln -sf "libmcp.$version.dylib" "$destdir$libdir/libmcp.$number.dylib"
  ln -sf "libmcp.$number.dylib" "$destdir$libdir/libmcp.dylib"
elif [ -f "$built/libmcp.so" ]; then
  install -m 755 "$built/libmcp.so" "$destdir$libdir/libmcp.so.$version"
  ln -sf "libmcp.so.$version" "$destdir$libdir/libmcp.so.$number"
  ln -sf "libmcp.so.$number" "$destdir$libdir/libmcp.so"
else
  echo "there is no shared library for this target" >&2
fi
# Folders below the prefix are written so that pkg-config can be told another one (`--define-variable=prefix=..`).
own='${prefix}'
sed -e "s|@PREFIX@|$prefix|" -e "s|@LIBDIR@|${libdir/#$prefix\//$own/}|" -e "s|@INCLUDEDIR@|${includedir/#$prefix\//$own/}|" \
  -e "s|@VERSION@|$version|" -e "s|@PRIVATE@|${private# }|" mcp.pc.in >"$scratch/mcp.pc"
install -m 644 "$scratch/mcp.pc" "$destdir$pkgconfigdir/"
echo "installed in $destdir$prefix"

#!/usr/bin/env bash
# Builds for another system and runs what this one can play: Wine for Windows, QEMU for other processors.
#
#     tests/portability/check.sh TARGET          everything that can be done for this target
#     tests/portability/check.sh TARGET STEP ... only these: check core libraries programs tests c
#
# What each step is stands at its function; README.md says what came of them last. install.sh installs what is needed.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=$PWD/tests/portability
target=${1:?which target}
shift

# Debian's toolchain, which has the source of `std`; a stable compiler has to be told that it may build it.
export RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_TEST_DEBUG=0
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/portability
cargo=(/usr/bin/cargo)
options=(--locked --target "$target" -Zbuild-std=std,panic_unwind)
made=$CARGO_TARGET_DIR/$target

# A variable for cargo about this target, such as LINKER.
for_target() {
  local name=${target^^}
  export "CARGO_TARGET_${name//-/_}_$1=$2"
}
# A variable for the build scripts of C code (ring's).
for_c() {
  export "$1_${target//-/_}=$2"
}

# Where there is no C compiler for the target, TLS is left out and nothing is linked.
without_c=(--no-default-features --features mcp-sse-blocking/compression,mcp-sse-blocking/oauth,mcp-sse-blocking/socks,mcp-sse-blocking/yaml,mcp-server-tiny/std,mcp-server-tiny/http-sse,mcp-server-tiny/listening)
runner=()
can_run=yes
suffix=
case $target in
  x86_64-pc-windows-gnu)
    suffix=.exe
    runner=(wine)
    if ! command -v x86_64-w64-mingw32-gcc >/dev/null || ! command -v wine >/dev/null; then can_run=no; fi
    export WINEDEBUG=${WINEDEBUG:--all} WINEPREFIX=$CARGO_TARGET_DIR/wine
    ;;
  x86_64-unknown-linux-musl)
    # The unwinder is the compiler's; rustc asks for it by the name of LLVM's.
    mkdir -p "$CARGO_TARGET_DIR/musl"
    cp "$(gcc -print-file-name=libgcc_eh.a)" "$CARGO_TARGET_DIR/musl/libunwind.a"
    for_target LINKER musl-gcc
    for_target RUSTFLAGS "-Clink-self-contained=no -Ctarget-feature=+crt-static -Lnative=$CARGO_TARGET_DIR/musl"
    for_c CC musl-gcc
    ;;
  i686-unknown-linux-gnu)
    # Static, so that they run without a loader of theirs.
    for_target LINKER i686-linux-gnu-gcc
    for_target RUSTFLAGS -Ctarget-feature=+crt-static
    for_c CC i686-linux-gnu-gcc
    ;;
  armv7-unknown-linux-gnueabihf)
    runner=(qemu-arm)
    for_target LINKER arm-linux-gnueabihf-gcc
    for_target RUSTFLAGS -Ctarget-feature=+crt-static
    for_c CC arm-linux-gnueabihf-gcc
    ;;
  s390x-unknown-linux-gnu)
    runner=(qemu-s390x)
    for_target LINKER s390x-linux-gnu-gcc
    for_target RUSTFLAGS -Ctarget-feature=+crt-static
    for_c CC s390x-linux-gnu-gcc
    ;;
  *-apple-darwin | mipsel-unknown-linux-gnu)
    can_run=no
    ;;
  *)
    echo "nothing is known of $target" >&2
    exit 2
    ;;
esac
if [ ${#runner[@]} -gt 0 ]; then for_target RUNNER "${runner[*]}"; fi

# A Windows of its own for Wine, which lacks one library up to version 8.
prepare() {
  if [ "$can_run" = no ] || [ "${runner[*]}" != wine ] || [ -f "$WINEPREFIX/made" ]; then return; fi
  wineboot --init
  local system=$WINEPREFIX/drive_c/windows/system32
  if [ ! -f "$system/bcryptprimitives.dll" ]; then
    x86_64-w64-mingw32-gcc -O1 -s -shared -o "$system/bcryptprimitives.dll" "$here/wine/bcryptprimitives.c" -ladvapi32
  fi
  touch "$WINEPREFIX/made"
}

run() {
  timeout 120 "${runner[@]}" "$@"
}

# That it compiles.
check() {
  local what=(-p mcp-core -p mcp-sse-blocking -p mcp-server-tiny)
  if [ "$can_run" = yes ]; then what+=(-p mcp-c-abi -p mcp); else what+=("${without_c[@]}"); fi
  "${cargo[@]}" check --quiet "${options[@]}" "${what[@]}"
}

# The tests of the core.
core() {
  "${cargo[@]}" test --quiet "${options[@]}" -p mcp-core --lib
}

# The tests within client and server.
libraries() {
  "${cargo[@]}" test --quiet "${options[@]}" -p mcp-server-tiny -p mcp-sse-blocking --lib
}

# The command line and the examples, with each other: over HTTP, and as a child process.
programs() {
  "${cargo[@]}" build --quiet "${options[@]}" -p mcp
  "${cargo[@]}" build --quiet "${options[@]}" -p mcp-examples --example quickstart --example echo-server --example calendar-server
  run "$made/debug/examples/quickstart$suffix"
  local said
  said=$(run "$made/debug/mcp$suffix" call --stdio echo text=hello -- "$made/debug/examples/echo-server$suffix" --stdio | tr -d '\r')
  [ "$said" = hello ] || { echo "the child process said: $said" >&2; return 1; }
}

# Tests over all crates that need nothing but this workspace. MCP_TESTS names some of them.
tests() {
  local names=()
  for name in ${MCP_TESTS:-$(grep -v '^#' "$here/tests.txt")}; do names+=(--test "$name"); done
  "${cargo[@]}" build --quiet "${options[@]}" -p mcp -p mcp-examples --bins --examples
  MCP_PROGRAMS=$made/debug "${cargo[@]}" test --quiet --no-fail-fast "${options[@]}" -p mcp-tests "${names[@]}"
}

# The C programs against the library, where they are no programs of Linux alone: server and client, with each other.
c() {
  local folder=$CARGO_TARGET_DIR/c-$target compiler programs=$PWD/examples/c-abi
  case $target in
    x86_64-pc-windows-gnu) compiler=x86_64-w64-mingw32-gcc ;;
    *)
      echo "skipped: the C programs are run on Windows only" >&2
      return
      ;;
  esac
  "${cargo[@]}" build --quiet "${options[@]}" -p mcp-c-abi
  mkdir -p "$folder"
  cp "$made/debug/mcp.dll" "$folder"
  local name
  for name in call_tool tiny_server; do
    "$compiler" -std=c11 -pedantic -Wall -Wextra -Werror -I "$programs/include" "$programs/programs/$name.c" \
      "$made/debug/libmcp.dll.a" -static -lpthread -o "$folder/$name.exe"
  done
  # Against the static library too, which wants what Rust's standard library does.
  "$compiler" -std=c11 -I "$programs/include" "$programs/programs/call_tool.c" "$made/debug/libmcp.a" \
    -static -lpthread -lws2_32 -luserenv -lntdll -lbcrypt -lsynchronization -o "$folder/call_tool_static.exe"

  local url said
  coproc SERVER { "${runner[@]}" "$folder/tiny_server.exe"; }
  read -r -t 60 url <&"${SERVER[0]}"
  url=${url%$'\r'}
  for name in call_tool call_tool_static; do
    said=$(run "$folder/$name.exe" "$url" add '{"a":1,"b":2}' | tr -d '\r')
    [[ $said == *'"text":"3"'* ]] || { echo "$name said: $said" >&2; return 1; }
  done
  local pid=$SERVER_PID
  eval "exec ${SERVER[1]}>&-"
  wait "$pid"
}

prepare
if [ $# -eq 0 ]; then
  set -- check
  if [ "$can_run" = yes ]; then set -- check core libraries programs tests c; fi
fi
for step in "$@"; do
  echo "== $target: $step"
  started=$SECONDS
  "$step"
  echo "== $target: $step: $((SECONDS - started)) s"
done

#!/usr/bin/env bash
# The official conformance suite, pinned, against examples/conformance-server and examples/conformance-client: both
# requirement sets (2025-11-25 and 2026-07-28) in both roles, judged more strictly than the suite judges itself; see
# judge.mjs. Prints one line for each run, and what was found where one falls short.
#
#     tests/conformance/run.sh            all four runs
#     tests/conformance/run.sh RUN ...    only these: server-2025-11-25 server-2026-07-28 client-2025-11-25 client-2026-07-28
#
# The examples are built as the tests build them, unless told otherwise:
#
#     CONFORMANCE_SERVER, CONFORMANCE_CLIENT   programs to judge instead
#     CONFORMANCE_KEEP=1                       keep what the suite wrote of runs that passed, too
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."

bash "$here/install.sh"
# Only loopback is spoken to; a proxy of the environment must not come between.
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
node=node
for brought in "$here"/node_modules/node-*/bin/node; do
  if [ -x "$brought" ]; then node=$brought; fi
done

"$node" --test "$here/judge.test.mjs" >/dev/null || { echo "the judge is broken: $node --test $here/judge.test.mjs" >&2; exit 1; }

example() {
  cargo build --quiet --locked --workspace --example "$1" --message-format=json |
    sed -nE 's/.*"executable":"([^"]*\/'"$1"')".*/\1/p' | tail -1
}
: "${CONFORMANCE_SERVER:=$(example conformance-server)}"
: "${CONFORMANCE_CLIENT:=$(example conformance-client)}"
export CONFORMANCE_SERVER CONFORMANCE_CLIENT

if [ $# -eq 0 ]; then set -- server-2025-11-25 server-2026-07-28 client-2025-11-25 client-2026-07-28; fi
failed=0
for run in "$@"; do
  "$node" "$here/run.mjs" "$run" || failed=1
done
exit "$failed"

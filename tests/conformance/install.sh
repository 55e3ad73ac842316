#!/usr/bin/env bash
# Installs the official conformance suite, in its pinned version, into tests/conformance/node_modules, with the Node.js 22
# that it needs where the machine's own is older. Does nothing when it is there already. Needs npm and its registry.
set -euo pipefail
cd "$(dirname "$0")"

# The suite's package says nothing of it, but under Node.js 20 every command of it ends in a SyntaxError.
needed=22
own=$(node --version 2>/dev/null | sed -E 's/^v([0-9]+).*/\1/')
omit=
if [ "${own:-0}" -ge "$needed" ]; then omit=--omit=optional; fi

# The installation carries a copy of what it was made from, so that a changed pin makes it anew.
if cmp -s <(cat package-lock.json; echo "$omit") node_modules/made-from; then exit 0; fi
# shellcheck disable=SC2086
npm ci $omit --no-audit --no-fund --ignore-scripts --loglevel=error
(cat package-lock.json; echo "$omit") >node_modules/made-from

#!/usr/bin/env bash
# Installs the peers of the interop tests, in their pinned versions, into tests/interop: two Python environments
# (.venv/mcp-1 and .venv/mcp-2, one for each major version of the SDK), a third (.venv/tools) with the kernel of notebooks and a
# checker of types, in which the Python package is used too, node_modules, and rmcp/target for the official Rust SDK, which is
# built outside the workspace. Does nothing when they are there already. Needs Python 3.11 with pip, Node.js 20 with npm, Rust,
# and their package registries.
set -euo pipefail
cd "$(dirname "$0")"

# Each installation carries a copy of what it was made from, so that a changed pin makes it anew.
python_environment() {
  local environment=.venv/$1 requirements=$2
  if cmp -s "$requirements" "$environment/made-from"; then return; fi
  rm -rf "$environment"
  if ! python3 -m venv "$environment" 2>/dev/null; then
    # Debian's own Python comes without `venv`.
    rm -rf "$environment"
    apt-get update -qq && apt-get install -qq -y python3-venv
    python3 -m venv "$environment"
  fi
  # Already a complete list: resolving dependencies again could only differ from it.
  "$environment/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --requirement "$requirements"
  "$environment/bin/python" -m pip check
  cp "$requirements" "$environment/made-from"
}

node_modules() {
  if cmp -s package-lock.json node_modules/made-from; then return; fi
  npm ci --no-audit --no-fund --ignore-scripts --loglevel=error
  cp package-lock.json node_modules/made-from
}

# Cargo sees for itself what has changed. Its own target directory, whatever the environment says: the tests look there.
rust() {
  cargo build --quiet --locked --manifest-path rmcp/Cargo.toml --target-dir rmcp/target
}

python_environment mcp-1 requirements.txt
python_environment mcp-2 requirements-2.txt
python_environment tools requirements-tools.txt
node_modules
rust

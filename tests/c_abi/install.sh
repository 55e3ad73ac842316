#!/usr/bin/env bash
# Installs what the tests of the C library run, on Debian; does nothing when it is there already.
set -euo pipefail

# A program, and the package that has it.
wanted=(cc:gcc c++:g++ make:make cmake:cmake pkg-config:pkg-config valgrind:valgrind)
missing=()
for entry in "${wanted[@]}"; do
  if ! command -v "${entry%%:*}" >/dev/null; then missing+=("${entry#*:}"); fi
done
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi
"${as_root[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -qq -y --no-install-recommends "${missing[@]}"

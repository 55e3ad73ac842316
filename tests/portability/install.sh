#!/usr/bin/env bash
# Installs what check.sh needs for a target, on Debian; does nothing when it is there already.
#
#     tests/portability/install.sh TARGET ...
set -euo pipefail

# `core`, `alloc` and `std` of each target are built from source.
packages=(rustc-web cargo-web rust-web-src)
for target in "$@"; do
  case $target in
    x86_64-pc-windows-gnu) packages+=(gcc-mingw-w64-x86-64 wine wine64) ;;
    x86_64-unknown-linux-musl) packages+=(gcc musl-tools) ;;
    i686-unknown-linux-gnu) packages+=(gcc-i686-linux-gnu libc6-dev-i386-cross) ;;
    armv7-unknown-linux-gnueabihf) packages+=(gcc-arm-linux-gnueabihf libc6-dev-armhf-cross qemu-user) ;;
    s390x-unknown-linux-gnu) packages+=(gcc-s390x-linux-gnu libc6-dev-s390x-cross qemu-user) ;;
    *-apple-darwin | mipsel-unknown-linux-gnu) ;;
    *)
      echo "nothing is known of $target" >&2
      exit 2
      ;;
  esac
done
missing=()
for package in "${packages[@]}"; do
  if ! dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed; then
    missing+=("$package")
  fi
done
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi
"${as_root[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -qq -y --no-install-recommends "${missing[@]}"

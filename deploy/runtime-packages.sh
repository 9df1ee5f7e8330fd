#!/bin/sh
# Usage: runtime-packages.sh PROGRAM..
# Prints the Debian packages that own the shared libraries of the programs, one a line. Libraries of no package (LibTorch)
# are left out; a library that is not found is an error.
set -eu

[ $# -gt 0 ] || { echo "usage: runtime-packages.sh PROGRAM.." >&2; exit 2; }
libraries=$(for program in "$@"; do ldd "$program"; done)
if printf '%s\n' "$libraries" | grep 'not found' >&2; then
  echo "runtime-packages.sh: libraries are missing" >&2
  exit 1
fi
# A package may own the path under /lib or the one under /usr/lib, where these are one folder.
printf '%s\n' "$libraries" | awk '$2 == "=>" { print $3 }' | sort -u | while read -r library; do
  real=$(readlink -f "$library")
  for path in "$library" "$real" "${real#/usr}"; do
    if owner=$(dpkg-query -S "$path" 2>/dev/null); then
      printf '%s\n' "${owner%%:*}"
      break
    fi
  done
done | sort -u

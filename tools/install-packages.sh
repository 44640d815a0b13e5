#!/usr/bin/env bash
# Installs the packages of apt.txt that are missing, as root or by sudo. Does nothing, quickly, when all are there.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v dpkg-query >/dev/null || {
  echo "drst: this system has no dpkg; install what apt.txt names by hand" >&2
  exit 0
}
mapfile -t wanted < <(grep -vE '^\s*(#|$)' apt.txt)
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null | sed -n 's/^installed //p')
missing=()
for package in "${wanted[@]}"; do
  grep -qx -- "$package" <<<"$installed" || missing+=("$package")
done
[ "${#missing[@]}" -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "drst: missing packages: ${missing[*]}; run this as root or install sudo" >&2
    exit 1
  }
  as_root=(sudo)
fi
echo "installing: ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -q
"${as_root[@]}" apt-get install -q -y --no-install-recommends "${missing[@]}"

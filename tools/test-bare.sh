#!/usr/bin/env bash
# Proves, in a bare Debian 12 root made by debootstrap, that a fresh clone needs nothing but `make run` and `make test`.
# Needs root, debootstrap, and DRST_DATA for the tests on real tables. The machine's own apt, pip, Maven and Go settings are copied into the root.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" -eq 0 ] || { echo "make test-bare: debootstrap and chroot need root" >&2; exit 1; }
command -v debootstrap >/dev/null || { apt-get update -q; apt-get install -q -y debootstrap; }

root=${DRST_BARE_ROOT:-$(mktemp -d /var/tmp/drst-bare-XXXXXX)}
data=$(readlink -f "${DRST_DATA:-../shared/data}")
targets=("${@:-}")
[ -n "${targets[0]}" ] || targets=(run test)
cleanup() {
  for mount in data dev sys proc; do umount -l "$root/$mount" 2>/dev/null || true; done
  [ -n "${DRST_BARE_KEEP:-}" ] || rm -rf "$root"
}
trap cleanup EXIT

mirror=$(sed -nE 's/^(deb |URIs: )(\[[^]]*\] )?([^ ]+).*/\3/p' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1 || true)
if [ ! -e "$root/usr/bin/apt-get" ]; then
  debootstrap --variant=minbase bookworm "$root" "$mirror"
fi
copy_in() {  # copies a file or folder of this machine to the same place in the root
  [ -e "$1" ] || return 0
  mkdir -p "$root/$(dirname "$1")"
  cp -aL "$1" "$root/$(dirname "$1")/"
}
rm -rf "$root/etc/apt/sources.list" "$root/etc/apt/sources.list.d"
for setting in /etc/apt/sources.list /etc/apt/sources.list.d /etc/apt/apt.conf.d /etc/apt/auth.conf.d /etc/apt/trusted.gpg.d \
  /etc/apt/keyrings /usr/share/keyrings /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/ssl/certs /usr/local/share/ca-certificates \
  "$HOME/.config/pip" "$HOME/.pip" "$HOME/.m2/settings.xml" "$HOME/.config/go/env"; do
  copy_in "$setting"
done
mkdir -p "$root/data"
mount --bind "$data" "$root/data"
mount --bind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -t sysfs sys "$root/sys"

# Proxy, package index and certificate settings travel as variables too, and the files they name as copies.
mapfile -t passed < <(env | grep -iE '^(https?_proxy|no_proxy|pip_[a-z_]*|ssl_cert_(file|dir)|requests_ca_bundle|curl_ca_bundle|go(proxy|private|nosumdb|noproxy|sumdb|flags|insecure))=' || true)
for setting in "${passed[@]}"; do
  value=${setting#*=}
  case $value in /*) copy_in "$value" ;; esac
done
enter() {
  chroot "$root" /usr/bin/env -i HOME=/root TERM=dumb PATH=/usr/sbin:/usr/bin:/sbin:/bin CI=true DRST_DATA=/data \
    "${passed[@]}" "$@"
}
# Only what is needed to clone: git and make belong to the visitor, the rest is the project's business.
enter apt-get update -q
enter apt-get install -q -y --no-install-recommends git make ca-certificates
rm -rf "$root/src" "$root/origin.git"
git clone -q --bare . "$root/origin.git"
enter git clone -q /origin.git /src
for target in "${targets[@]}"; do
  echo "== bare root: make $target"
  enter make -C /src "$target"
done
echo "bare root: ${targets[*]} passed"

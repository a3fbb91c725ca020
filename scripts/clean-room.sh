#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# clean-room.sh [COMMAND…]: proves a command (default: ./dev build) on a fresh Debian 12 that has git
# and nothing else. Makes a minimal root with debootstrap, clones what is committed here into it and
# runs the command there. Takes this machine's way to the outside (apt sources, npm and proxy
# settings, certificates of its own) at run time. Needs root; leaves nothing but what KEEP names.
#
#   KEEP=DIR     make the root in DIR and leave it there; one that is there already is used again
#   TIMES=2      run the command so many times, to see that the next run is quick (default 1)
set -euo pipefail

cd "$(dirname "$0")/.."
repo=$PWD
[ $# -gt 0 ] || set -- ./dev build
[ "$(id -u)" = 0 ] || {
  echo "clean-room.sh: must be root" >&2
  exit 1
}

# Mounts and processes in there are in namespaces of their own: they are gone when this ends.
if [ -z "${PROSA_CLEAN_ROOM:-}" ]; then
  command -v debootstrap >/dev/null || {
    apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends debootstrap >/dev/null
  }
  root=${KEEP:-$(mktemp -d /var/tmp/prosa-room.XXXXXX)}
  mkdir -p "$root"
  chmod 755 "$root" # mktemp's 700 would hide "/" from every other user in there
  root=$(cd "$root" && pwd)
  rc=0
  PROSA_CLEAN_ROOM=$root unshare --mount --pid --fork --kill-child --propagation private \
    "$repo/scripts/clean-room.sh" "$@" || rc=$?
  [ -n "${KEEP:-}" ] || rm -rf --one-file-system "$root"
  exit $rc
fi
root=$PROSA_CLEAN_ROOM

# The first source of ours that has bookworm's main; both ways of writing sources are in use.
mirror=$(
  cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
    awk '$1 == "URIs:" { uri = $2 }
         $1 == "Suites:" && / bookworm( |$)/ { print uri; exit }
         $1 == "deb" { for (i = 2; i < NF; i++) if ($(i + 1) == "bookworm") { print $i; exit } }' || true
)
[ -n "$mirror" ] || {
  echo "clean-room.sh: no source for bookworm in /etc/apt" >&2
  exit 1
}

if [ ! -x "$root/usr/bin/git" ]; then
  echo "== a fresh Debian 12"
  debootstrap --variant=minbase --include=git bookworm "$root" "$mirror" >"$root.log" 2>&1 || {
    tail -n 20 "$root.log" >&2
    exit 1
  }
  rm -f "$root.log"
fi

copy() { # copy PATH…: same place in there, if it is here
  local path
  for path in "$@"; do
    [ -e "$path" ] || continue
    mkdir -p "$root${path%/*}"
    cp -rL "$path" "$root${path%/*}/"
  done
}
rm -f "$root/etc/apt/sources.list"
copy /etc/resolv.conf /etc/hosts /etc/apt/sources.list /etc/apt/sources.list.d /etc/apt/auth.conf.d \
  /etc/apt/keyrings /usr/local/share/ca-certificates /root/.npmrc /usr/etc/npmrc /etc/npmrc \
  /usr/local/etc/npmrc
for conf in /etc/apt/apt.conf.d/*; do
  case $conf in
  */docker-* | */01autoremove*) ;; # docker-clean would throw the downloads away
  *) copy "$conf" ;;
  esac
done
# Settings that name a certificate bundle need it before ca-certificates is installed.
[ -e "$root/etc/ssl/certs/ca-certificates.crt" ] || copy /etc/ssl/certs/ca-certificates.crt

mount --bind "$root" "$root" # "/" in there is a mount of its own, as on any machine
mount -t proc proc "$root/proc"
# Devices of its own: what is chmodded in there must not change the machine's.
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in 'null 1 3' 'zero 1 5' 'full 1 7' 'random 1 8' 'urandom 1 9' 'tty 5 0'; do
  read -r name major minor <<<"$device"
  mknod -m 666 "$root/dev/$name" c "$major" "$minor"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for i in 'stdin 0' 'stdout 1' 'stderr 2'; do
  ln -s "/proc/self/fd/${i#* }" "$root/dev/${i% *}"
done
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"

home=/root/prosa
if [ -d "$root$home/.git" ]; then
  git -C "$root$home" -c safe.directory='*' fetch -q "$repo" HEAD
  git -C "$root$home" -c safe.directory='*' reset -q --hard FETCH_HEAD
else
  git clone -q --no-hardlinks "$repo" "$root$home"
fi

pass=(HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8)
while IFS='=' read -r -d '' name value; do
  case $name in
  npm_config_* | NPM_CONFIG_* | http_proxy | https_proxy | no_proxy | HTTP_PROXY | HTTPS_PROXY | NO_PROXY | \
    NODE_EXTRA_CA_CERTS | SSL_CERT_FILE) pass+=("$name=$value") ;;
  esac
done < <(env -0)

for ((time = 1; time <= ${TIMES:-1}; time++)); do
  echo "== $* (run $time)"
  start=$SECONDS
  chroot "$root" env -i "${pass[@]}" bash -c 'cd "$0" && exec "$@"' "$home" "$@"
  echo "== ok after $((SECONDS - start)) s"
done

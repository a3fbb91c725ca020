#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# install.sh GROUP…: installs what is missing of scripts/packages.txt. When nothing is, it asks dpkg
# once and is done, without network.
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=()
for group in "$@"; do
  while read -r name; do
    wanted+=("$name")
  done < <(awk -v group="$group" '$1 !~ /^#/ && $2 == group { print $1 }' scripts/packages.txt)
done

mapfile -t there < <(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${wanted[@]}" 2>/dev/null |
  awk '$2 == "installed" { print $1 }')
missing=()
for name in "${wanted[@]}"; do
  [[ " ${there[*]} " == *" $name "* ]] || missing+=("$name")
done
[ ${#missing[@]} -gt 0 ] || exit 0

sudo=()
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || {
    echo "install.sh: not root and no sudo; please install: ${missing[*]}" >&2
    exit 1
  }
  sudo=(sudo)
fi

# Debian would create and start a server of its own on installing PostgreSQL. The tests bring their
# own (tests/tools/pg.sh), so tell it not to, unless the machine has made up its mind already.
conf=/etc/postgresql-common/createcluster.d/prosa.conf
if [[ " ${missing[*]} " == *" postgresql-15 "* ]] && [ ! -e "$conf" ]; then
  "${sudo[@]}" mkdir -p "${conf%/*}"
  echo 'create_main_cluster = false' | "${sudo[@]}" tee "$conf" >/dev/null
fi

echo "installing: ${missing[*]}"
apt=("${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
"${apt[@]}" update
"${apt[@]}" install -y --no-install-recommends -o Dpkg::Use-Pty=0 "${missing[@]}" >/dev/null

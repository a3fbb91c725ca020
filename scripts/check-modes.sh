#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every script with a "#!" line is executable in the repository, else a fresh clone cannot run it.
set -euo pipefail
cd "$(dirname "$0")/.."
bad=0 n=0
while IFS=$'\t' read -r mode path; do
  [ -f "$path" ] && [ "$(head -c 2 "$path" | tr -d '\0')" = '#!' ] || continue
  n=$((n + 1))
  case $mode in
  100755*) ;;
  *)
    echo "$path: starts with #! but is not executable: git update-index --chmod=+x $path"
    bad=1
    ;;
  esac
done < <(git ls-files -s)
[ $bad = 0 ] && echo "$n scripts are executable"
exit $bad

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every C file is as clang-format 14 lays it out, every file starts with its licence.
# check-format.sh --fix rewrites the C files instead.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -d '' files < <(git ls-files -z -co --exclude-standard -- '*.c' '*.h' | sort -zu)
present=()
for file in "${files[@]}"; do
  [ ! -f "$file" ] || present+=("$file")
done
[ ${#present[@]} -gt 0 ] || exit 0

if [ "${1:-}" = --fix ]; then
  clang-format-14 -i "${present[@]}"
  exit 0
fi

mkdir -p build
bad=0
for file in "${present[@]}"; do
  if ! head -n 40 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0'; then
    echo "$file: no SPDX-License-Identifier" >&2
    bad=1
  fi
done
printf '%s\0' "${present[@]}" | xargs -0 -n 40 -P 2 clang-format-14 --dry-run -Werror >build/format.log 2>&1 || {
  echo "not laid out as ./dev fmt does it (places, file):" >&2
  grep -o '^[^:]*\.[ch]:[0-9]*:[0-9]*: error' build/format.log | cut -d: -f1 | sort | uniq -c >&2
  bad=1
}
echo "${#present[@]} files looked at"
exit $bad

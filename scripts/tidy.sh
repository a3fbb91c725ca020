#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tidy.sh [FILE…]: clang-tidy over src/, two files at a time. A file that was clean is not looked at
# again until something that clang-tidy sees of it changes: the key is the preprocessed text with
# comments (they hold NOLINT), the command, the checks and clang-tidy itself.
set -euo pipefail
cd "$(dirname "$0")/.."

build=build/tidy
cache=$build/tidy-cache

if [ "${1:-}" = --one ]; then
  command=$2 file=$3
  compile=${command% -o *} # CMake writes: COMPILER FLAGS -o OBJECT -c FILE
  key=$({
    cat "$cache/base-key"
    echo "$compile"
    (cd $build && eval "$compile -E -C -P $file") 2>/dev/null || echo "broken $RANDOM$$"
  } | sha256sum | cut -c1-64)
  [ ! -e "$cache/$key" ] || exit 0
  short=${file#"$PWD"/}
  if out=$(clang-tidy-14 --quiet -p $build "$file" 2>&1); then
    touch "$cache/$key"
    echo "clean $short"
  else
    grep -vE '^[0-9]+ warnings? (generated|treated)|^Suppressed|^Use -header-filter' <<<"$out" || true
    exit 1
  fi
  exit 0
fi

cmake --preset tidy >/dev/null
mkdir -p $cache
{
  clang-tidy-14 --version
  cat .clang-tidy
} >$cache/base-key
find $cache -type f -mtime +14 ! -name base-key -delete

# compile_commands.json has one key a line, as CMake writes it.
total=0
work=()
while IFS=$'\t' read -r command file; do
  case $file in
  "$PWD"/src/*) ;;
  *) continue ;;
  esac
  if [ $# -gt 0 ]; then
    [[ " $* " == *" ${file#"$PWD"/} "* ]] || continue
  fi
  work+=("$command" "$file")
  total=$((total + 1))
done < <(sed -n -e 's/^ *"command": "\(.*\)",$/\1/p' -e 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' \
  $build/compile_commands.json | sed 's/\\"/"/g; s/\\\\/\\/g' | paste - -)

[ $total -gt 0 ] || exit 0
bad=0
printf '%s\0' "${work[@]}" | xargs -0 -n 2 -P 2 scripts/tidy.sh --one || bad=1
[ $bad = 0 ] && echo "clang-tidy: $total files clean"
exit $bad

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Includes point down: fails on an include that cmake/modules.txt does not allow, on a look into
# another feature's private header, and on a module that is missing in the table.
set -euo pipefail
cd "$(dirname "$0")/.."

find src -name '*.[ch]' -print0 | LC_ALL=C sort -z |
  xargs -0 -r grep -EHno '^[[:space:]]*#[[:space:]]*include[[:space:]]*["<][a-z_]+/[^">]+' |
  awk '
    # First the table, then lines "src/MODULE/FILE:LINE:#include "MODULE/HEADER".
    function expand(words, from,   i, n, list, out) {
      sub(/\|.*/, "", words)
      n = split(words, list, " ")
      for (i = 1; i <= n; i++)
        out = out " " (list[i] ~ /^@/ ? group[substr(list[i], 2)] : list[i])
      return out
    }
    FNR == NR && /^(#|$)/ { next }
    FNR == NR {
      words = $0
      if ($1 ~ /^@/) {
        sub(/^@[a-z]+ *= */, "", words)
        group[substr($1, 2)] = expand(words)
        next
      }
      is_feature = sub(/^feature /, "", words)
      name = words
      sub(/:.*/, "", name)
      generated = words
      sub(/^[a-z]+:/, "", words)
      module[name] = 1
      feature[name] = is_feature
      n = split(expand(words), list, " ")
      for (i = 1; i <= n; i++)
        allowed[name, list[i]] = 1
      if (sub(/.*\|/, "", generated)) {
        n = split(generated, list, " ")
        for (i = 1; i <= n; i++)
          allowed[name, list[i]] = 1
      }
      next
    }
    {
      split($0, part, ":")
      file = part[1]
      from = file
      sub(/^src\//, "", from)
      if (from !~ /\//)
        next # src/main.c may use all
      sub(/\/.*/, "", from)
      header = $0
      sub(/.*["<]/, "", header)
      to = header
      sub(/\/.*/, "", to)
      if (!(from in module)) {
        if (!(from in told))
          print file ": module " from " is not in cmake/modules.txt"
        told[from] = 1
        bad = 1
      } else if (to != from && (to in module || to == "assets" || to == "descriptions" || to == "migrations" || to == "curl")) {
        if (!((from, to) in allowed)) {
          print file ":" part[2] ": " from " may not include " header " (cmake/modules.txt)"
          bad = 1
        } else if (feature[to] && header != to "/" to ".h") {
          print file ":" part[2] ": " header " is private to " to ", use " to "/" to ".h"
          bad = 1
        }
      }
      seen++
    }
    END {
      if (!bad)
        print seen + 0 " includes point down"
      exit bad
    }' cmake/modules.txt -

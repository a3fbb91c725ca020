#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The unit tests of build/dev under valgrind: it sees reads of memory never written, which the
# sanitizers of the other presets do not.
set -euo pipefail
cd "$(dirname "$0")/../build/dev"
bad=0
for program in tests/unit_*; do
  [ -x "$program" ] || continue
  valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite \
    "$program" >"$program.valgrind.log" 2>&1 || {
    tail -n 40 "$program.valgrind.log"
    echo "valgrind: $program failed"
    bad=1
  }
done
exit $bad

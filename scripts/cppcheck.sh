#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# cppcheck over src/, with what it found out about unchanged files kept in build/cppcheck.
set -euo pipefail
cd "$(dirname "$0")/.."

cmake --preset tidy >/dev/null
# It wants every file that compile_commands.json names, also the generated ones.
cmake --build --preset tidy --target prosa_lib_migrations prosa_lib_descriptions prosa_lib_assets >/dev/null
mkdir -p build/cppcheck
cppcheck --quiet -j2 --project=build/tidy/compile_commands.json --file-filter="src/*" \
  --cppcheck-build-dir=build/cppcheck --enable=warning,performance,portability \
  --suppressions-list=scripts/cppcheck.supp --inline-suppr --error-exitcode=1 \
  --template='{file}:{line}: {severity}: {message} [{id}]'
echo "cppcheck: nothing found"

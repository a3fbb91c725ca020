#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds web/ into web/dist, unless that was built from the same files already: every build preset
# embeds the same bundle, and none but the first has to make it.
set -euo pipefail
cd "$(dirname "$0")/.."

inputs() {
  find web -path web/node_modules -prune -o -path web/dist -prune -o -type f ! -name '.*' -print |
    LC_ALL=C sort | xargs -d '\n' sha256sum
  sha256sum scripts/node/package-lock.json
}

exec 7>web/.build-lock
flock 7
now=$(inputs | sha256sum)
[ "$(cat web/dist/.inputs 2>/dev/null)" != "$now" ] || exit 0
. scripts/node.sh
npm_ci web
(cd web && npm run --silent build)
# What the program gives to browsers; without name and time, so that the same files make the same program.
find web/dist/assets -type f \( -name '*.js' -o -name '*.css' -o -name '*.svg' \) -exec gzip -9nk {} +
echo "$now" >web/dist/.inputs

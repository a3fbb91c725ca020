# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# To be sourced from the top of the tree: puts the Node.js and npm that scripts/node pins in front of
# PATH, and installs them first where they are missing. Debian 12's own Node.js 18 is too old for
# Vite and Playwright; it serves only to fetch this one.

node_home=$PWD/scripts/node
node_stamp=$node_home/node_modules/.prosa-lock
node_bin=$node_home/node_modules/.prosa-bin

node_pinned() {
  cmp -s "$node_home/package-lock.json" "$node_stamp" && "$node_bin/node" -v >/dev/null 2>&1
}

if ! node_pinned; then
  exec 8>"$node_home/.lock"
  flock 8
  if ! node_pinned; then
    command -v npm >/dev/null || scripts/install.sh node
    echo "installing the pinned Node.js"
    # Once more where the registry hiccups; the second failure is told.
    for try in 1 2 3; do
      (cd "$node_home" && npm ci --no-audit --no-fund --loglevel=error) && break
      [ $try -lt 3 ] || {
        echo "node.sh: could not install scripts/node with npm" >&2
        exit 1
      }
    done
    # Our own links: Debian's npm 9 makes none in .bin for a package of one platform.
    mkdir -p "$node_bin"
    (
      cd "$node_bin"
      ln -sf ../node-linux-*/bin/node node
      ln -sf ../npm/bin/npm-cli.js npm
      ln -sf ../npm/bin/npx-cli.js npx
    )
    cp "$node_home/package-lock.json" "$node_stamp"
  fi
  exec 8>&-
fi
case :$PATH: in
*:"$node_bin":*) ;;
*) PATH=$node_bin:$PATH ;;
esac
export PATH

# npm_ci DIR: npm ci where the lock file is another than the one installed.
npm_ci() {
  local stamp=$1/node_modules/.prosa-lock
  [ -f "$1/package-lock.json" ] || return 0
  (
    flock 8
    cmp -s "$1/package-lock.json" "$stamp" && exit 0
    (cd "$1" && npm ci --no-audit --no-fund --loglevel=error) && cp "$1/package-lock.json" "$stamp"
  ) 8>"$1/.npm-lock"
}

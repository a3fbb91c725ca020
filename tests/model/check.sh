#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check.sh DIR: Spin tries every way through the model in DIR. It must find no broken promise, and must find one in each copy
# that lacks one of the comparisons: a model that cannot fail says nothing.
set -euo pipefail
model=$(cd "$(dirname "$0")" && pwd)/ownership.pml
dir=${1:?usage: check.sh DIR}
mkdir -p "$dir"
cd "$dir"

command -v spin >/dev/null || {
  echo "model: spin is not installed: ./dev install" >&2
  exit 1
}

# run NAME: 0 when every promise holds, 1 when one does not.
run() {
  local name=$1
  mkdir -p "$name.d"
  (
    cd "$name.d"
    spin -a "../$name.pml" >spin.log 2>&1 || {
      cat spin.log >&2
      exit 2
    }
    "${CC:-gcc}" -O2 -DSAFETY -DCOLLAPSE -DVECTORSZ=2048 -o pan pan.c >cc.log 2>&1 || {
      cat cc.log >&2
      exit 2
    }
    ./pan -m200000 -E >pan.log
    grep -q 'max search depth too small' pan.log && {
      echo "model: $name: the search was cut off" >&2
      exit 2
    }
    grep -q 'errors: 0' pan.log
  )
}

# broken NAME FROM TO: the model with one line changed must fail.
broken() {
  local name=$1 from=$2 to=$3 rc=0
  sed "s/$from/$to/" "$model" >"$name.pml"
  cmp -s "$model" "$name.pml" && {
    echo "model: $name changes nothing: the line it looks for is gone" >&2
    exit 1
  }
  run "$name" || rc=$?
  [ $rc = 1 ] || {
    echo "model: without $name every promise still holds (or the check did not run: $rc): it checks nothing" >&2
    exit 1
  }
  echo "without $name a promise breaks, as it must: $(grep -m1 -o 'assertion violated.*' "$name.d/pan.log")"
}

cp "$model" whole.pml
rc=0
run whole || rc=$?
[ $rc = 0 ] || {
  grep -E 'assertion|errors:' whole.d/pan.log >&2 || true
  (cd whole.d && spin -t -p ../whole.pml 2>/dev/null | tail -60 >&2) || true
  echo "model: a promise is broken; the way there is above" >&2
  exit 1
}
echo "every promise holds in $(sed -nE 's/^ *([0-9.e+]+) states, stored.*/\1/p' whole.d/pan.log) states"

broken cas-turn '!(owner == BOT \&\& version == saw_version \&\& inbound == saw_inbound)' 'false'
broken cas-send 'status\[m\] == QUEUED \&\& msg_version\[m\] != version' 'false'
broken cas-once 'status\[m\] == SENDING -> status\[m\] = UNCERTAIN' 'status[m] == SENDING -> may_call = 1'
broken cas-take ':: owner == PERSON -> assert(who != 0 \&\& who != _pid)' ':: false -> skip'

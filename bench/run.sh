#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Measures prosa beside what users would pick instead, each in turn, several rounds in one run; prints medians and ratios.
#   bench/run.sh [intake|steady|queue|way|live|paint|scale|leads|dispatch|import|memory]…      ROUNDS=3 DUR=5 CONNS="64 256"
# Machines are noisy: read the ratios.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
. scripts/node.sh
bash bench/peers/install.sh
. bench/peers/env.sh
set -euo pipefail
bash bench/peers/build.sh
rounds=${ROUNDS:-3}
dur=${DUR:-5}
cp build/release/prosa "$SCRATCH/prosa" # a copy: a build may replace it meanwhile
prosa=$SCRATCH/prosa
results=$SCRATCH/results.tsv
: >"$results"
pid=
stub=

finish() {
  [ -z "$stub" ] || kill "$stub" 2>/dev/null || true
  [ -z "$pid" ] || kill -TERM -- "-$pid" 2>/dev/null || true
  bash "$PEERS/tools/pg.sh" down >/dev/null 2>&1 || true
  bash "$PEERS/tools/redis.sh" down >/dev/null 2>&1 || true
}
trap finish EXIT
bash "$PEERS/tools/pg.sh" up

# begin PORT CMD…: in a process group of its own, so that its workers end with it
begin() {
  local port=$1
  shift
  setsid "$@" >"$SCRATCH/server.log" 2>&1 &
  pid=$!
  wait_port "$port" || { cat "$SCRATCH/server.log" >&2; exit 1; }
  sleep 0.5
}
end() {
  kill -TERM -- "-$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  pid=
}

prosa_env() { # ENGINE
  work=$SCRATCH/prosa-$1
  rm -rf "$work"
  mkdir -p "$work"
  export PROSA_MASTER_KEY_FILE=$work/key PROSA_META_APP_SECRET=peer-secret PROSA_LISTEN=127.0.0.1:18200 PROSA_LOG_LEVEL=error
  if [ "$1" = sqlite ]; then
    export PROSA_DATABASE_URL=sqlite:$work/bench.db
  else
    bash "$PEERS/tools/pg.sh" fresh 2>/dev/null
    export PROSA_DATABASE_URL=postgresql://postgres@127.0.0.1:25432/peer
  fi
}

# load NAME PORT PATH CONNS PROCESS…: one measured run into the results
load() {
  local name=$1 port=$2 path=$3 conns=$4 names=()
  shift 4
  for p in "$@"; do names+=(-N "$p"); done
  local line
  line=$("$BIN/loadgen" -c "$conns" -w 1 -d "$dur" -l "$name" "${names[@]}" "$port" "$path" | tail -1)
  awk -v name="$name" -v conns="$conns" '{
    for (i = 1; i <= NF; i++) { split($i, kv, "="); v[kv[1]] = kv[2] }
    cpu = 0
    for (k in v) if (k ~ /^cpu_/) { sub(/us.*/, "", v[k]); cpu += v[k] }
    sub(/ms/, "", v["p50"]); sub(/ms/, "", v["p99"])
    printf "intake\t%s\t%s\t%s\t%s\t%s\t%.1f\t%s\n", name, conns, v["rps"], v["p50"], v["p99"], cpu, v["bad"]
  }' <<<"$line" | tee -a "$results"
}

intake() {
  local conns
  for round in $(seq "$rounds"); do
    for conns in ${CONNS:-64 256}; do
      begin 18101 env SUSPEND=1 "$BIN/mhd" 18101 2
      load floor-mhd 18101 / "$conns" mhd
      end
      for engine in sqlite postgres; do
        prosa_env $engine
        begin 18200 "$prosa" serve --roles api
        load "prosa-$engine" 18200 /webhooks/meta "$conns" prosa postgres
        end
        prosa_env $engine
        begin 18200 "$prosa" serve
        load "prosa-$engine-all-roles" 18200 /webhooks/meta "$conns" prosa postgres
        end
      done
      bash "$PEERS/tools/pg.sh" fresh 2>/dev/null
      psql -q -f "$PEERS/intake/schema.sql" >/dev/null
      (cd "$PEERS/intake" && begin 18000 env POOL=20 /usr/bin/python3 -m uvicorn app_fastapi:app --host 127.0.0.1 --port 18000 --workers 2 --loop uvloop --http httptools --no-access-log --log-level warning && echo "$pid" >"$SCRATCH/pid")
      pid=$(cat "$SCRATCH/pid")
      sleep 1
      load fastapi 18000 /webhook "$conns" python3 uvicorn postgres
      end
      bash "$PEERS/tools/pg.sh" fresh 2>/dev/null
      psql -q -f "$PEERS/intake/schema.sql" >/dev/null
      (export NODE_PATH=$NODE_MODULES && cd "$PEERS/intake" && begin 18000 env TUNED=1 WORKERS=2 POOL=20 PORT=18000 node app_fastify.cjs && echo "$pid" >"$SCRATCH/pid")
      pid=$(cat "$SCRATCH/pid")
      sleep 1
      load fastify 18000 /webhook "$conns" node node-MainThread MainThread postgres
      end
    done
  done
  report_intake
}

# Latency at a thousand calls a second, counted from when each was due.
steady() {
  for engine in sqlite postgres; do
    prosa_env $engine
    begin 18200 "$prosa" serve
    "$BIN/loadgen" -c 64 -r "${RATE:-1000}" -w 1 -d "$dur" -l "prosa-$engine" -N prosa -N postgres 18200 /webhooks/meta | tail -1
    end
  done
}

report_intake() {
  echo
  echo "webhook intake, medians of $rounds rounds (req/s, p50 ms, p99 ms, CPU us/request)"
  awk -F'\t' '$1 == "intake" { k = $2 "\t" $3; n[k]++; for (c = 4; c <= 7; c++) v[k, c, n[k]] = $c }
    function med(k, c,   i, j, t, m, a) { m = n[k]; for (i = 1; i <= m; i++) a[i] = v[k, c, i]
      for (i = 1; i <= m; i++) for (j = i + 1; j <= m; j++) if (a[j] + 0 < a[i] + 0) { t = a[i]; a[i] = a[j]; a[j] = t }
      return m % 2 ? a[(m + 1) / 2] : (a[m / 2] + a[m / 2 + 1]) / 2 }
    END {
      for (k in n) { printf "%-28s %9.0f %8.2f %8.2f %7.1f\n", k, med(k, 4), med(k, 5), med(k, 6), med(k, 7) | "sort"; r[k] = med(k, 4) }
      close("sort")
      for (k in r) { split(k, p, "\t"); if (p[1] == "prosa-postgres") {
        printf "%s connections: prosa on PostgreSQL is %.1f x FastAPI, %.1f x Fastify; on SQLite %.0f %% of the floor\n", p[2],
          r[k] / r["fastapi\t" p[2]], r[k] / r["fastify\t" p[2]], 100 * r["prosa-sqlite\t" p[2]] / r["floor-mhd\t" p[2]] } }
    }' "$results"
}

queue() {
  cmake --preset release >/dev/null
  cmake --build --preset release --target bench_queue_noop
  local noop
  noop=$(find build/release -name bench_queue_noop -type f | head -1)
  for round in $(seq "$rounds"); do
    prosa_env sqlite
    echo "prosa sqlite: $("$noop" "$PROSA_DATABASE_URL" 100000 8 2>&1 | tr '\n' ' ')"
    prosa_env postgres
    echo "prosa postgres: $("$noop" "$PROSA_DATABASE_URL" 100000 8 2>&1 | tr '\n' ' ')"
    bash "$PEERS/tools/pg.sh" fresh 2>/dev/null
    echo "graphile-worker bulk: $(timeout 120 node "$PEERS/queue/graphile.mjs" bulk 20000 1 24 500 0 2>&1 | tail -1)"
    bash "$PEERS/tools/pg.sh" fresh 2>/dev/null
    echo "pg-boss bulk: $(timeout 120 node "$PEERS/queue/pgboss.mjs" bulk 20000 1 2 500 2>&1 | tail -1)"
    bash "$PEERS/tools/pg.sh" fresh 2>/dev/null
    echo "graphile-worker live: $(timeout 120 node "$PEERS/queue/graphile.mjs" live 10000 1 24 -1 -1 2>&1 | tail -1)"
    bash "$PEERS/tools/pg.sh" fresh 2>/dev/null
    echo "pg-boss live: $(timeout 120 node "$PEERS/queue/pgboss.mjs" live 10000 1 1 100 2>&1 | tail -1)"
  done
}

way() {
  npm_ci tests
  for round in $(seq "$rounds"); do
    for engine in sqlite postgres; do
      prosa_env $engine
      PROSA_BIN=$prosa node bench/way.mjs "$engine" "${MESSAGES:-3000}"
    done
  done
}

live() {
  npm_ci tests
  PROSA_BIN=$prosa node bench/live.mjs "${SOCKETS:-1000}" "${PER_SECOND:-5}" "$dur"
}

# The console in a browser without a cache.
paint() {
  npm_ci tests
  PROSA_BIN=$prosa PROSA_CHROMIUM=${PROSA_CHROMIUM:-/usr/bin/chromium} node bench/paint.mjs "${TIMES:-20}"
}

# The inbox of a large tenant; CONVERSATIONS=1000000 MESSAGES=20000000 takes an hour to fill, hours to index (INDEX_S ends that, SEARCH=0 leaves
# it out), and 60 GB.
scale() {
  for engine in sqlite postgres; do
    prosa_env $engine
    echo "-- $engine"
    PROSA_BIN=$prosa node bench/scale.mjs "${CONVERSATIONS:-100000}" "${MESSAGES:-2000000}"
  done
}

# The list of people of a large tenant, 20 small ones beside it; ONLY=search measures those alone.
leads() {
  for engine in sqlite postgres; do
    prosa_env $engine
    echo "-- $engine"
    PROSA_BIN=$prosa node bench/leads.mjs "${LEADS:-300000}"
  done
}

# Campaigns against a provider that answers after 100 ms: sends a second with durable results, beside a BullMQ worker, and how exactly
# 80/s is kept.
dispatch() {
  npm_ci tests
  gcc -O2 -w -o "$BIN/rawepoll" "$PEERS/http/rawepoll.c" -lpthread
  "$BIN/rawepoll" 18110 1 100 &
  stub=$!
  local n=${RECIPIENTS:-20000} processes
  for round in $(seq "$rounds"); do
    for engine in sqlite postgres; do
      PROSA_BIN=$prosa tests/tools/pg.sh run "$SCRATCH/pg-dispatch" node bench/dispatch.mjs "$engine" "$n" http://127.0.0.1:18110
    done
    for processes in 1 2; do
      bash "$PEERS/tools/pg.sh" fresh 2>/dev/null
      bash "$PEERS/tools/redis.sh" up always
      NODE_MODULES=$SCRATCH/npmdispatch/node_modules timeout 300 node "$PEERS/dispatch/bullmq.mjs" "$n" "$processes" 500
      bash "$PEERS/tools/redis.sh" down
    done
  done
  for engine in sqlite postgres; do
    PROSA_BIN=$prosa tests/tools/pg.sh run "$SCRATCH/pg-dispatch" node bench/dispatch.mjs "$engine" 2400 http://127.0.0.1:18110 80
  done
  kill "$stub"
  stub=
}

# A spreadsheet of contacts: prosa reads it, checks the numbers and stores everybody with what became of each row; the peers read
# and check only. ROWS=1000000 for the memory of a million.
import() {
  local rows=${ROWS:-100000} file
  file=$SCRATCH/contacts-$rows.xlsx
  [ -f "$file" ] || /usr/bin/python3 "$PEERS/import/gen.py" "$file" "$rows"
  timed() { # NAME CMD…
    local name=$1
    shift
    /usr/bin/time -o "$SCRATCH/time" -f '%e %U %S %M' "$@" >/dev/null
    awk -v name="$name" -v rows="$rows" '{ printf "%-34s %7.0f rows/s, %5.1f us CPU a row, peak %d MB\n", name, rows / $1, ($2 + $3) * 1e6 / rows, $4 / 1024 }' "$SCRATCH/time"
  }
  for round in $(seq "$rounds"); do
    for engine in sqlite postgres; do
      prosa_env $engine
      "$prosa" tenant add bench >/dev/null
      timed "prosa, stored in $engine" "$prosa" import "$file" --tenant bench
    done
    timed "openpyxl + phonenumbers" /usr/bin/python3 "$PEERS/import/read_openpyxl.py" "$file"
    NODE_PATH=$SCRATCH/npmimport/node_modules timed "exceljs + libphonenumber-js" node "$PEERS/import/read_exceljs.cjs" "$file"
  done
}

memory() {
  prosa_env sqlite
  begin 18200 "$prosa" serve
  local self
  self=$(pgrep -g "$pid" -x prosa | head -1)
  rss() { awk '/^VmRSS/ { print $2 }' "/proc/$self/status"; }
  local idle
  idle=$(rss)
  ulimit -n 20000
  "$BIN/loadgen" -c 16 -i 10000 -w 3 -d 4 -l idle 18200 /webhooks/meta >/dev/null &
  local gen=$!
  sleep 5
  echo "resident memory: $idle KB idle at start, $(rss) KB with 10,000 idle keep-alive connections"
  wait $gen || true
  end
}

for what in "${@:-intake}"; do
  echo "== $what"
  "$what"
done

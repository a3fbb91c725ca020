#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A real PostgreSQL 15 server of the tests' own. Nothing else on the machine is touched: own data
# directory, own port on 127.0.0.1, own password; only the process of that data directory is stopped.
#
#   pg.sh start DIR             start; a running one is kept, a dead one's data is thrown away
#   pg.sh stop DIR              stop at once and remove the data
#   pg.sh restart DIR [MODE]    same data and port; MODE: fast (default), immediate = like a crash
#   pg.sh url DIR               print the URL of a superuser
#   pg.sh with DIR CMD…         run CMD with PROSA_TEST_POSTGRES_URL and PROSA_TEST_POSTGRES_DIR set
#   pg.sh run DIR CMD…          start, with, stop
#
# DIR holds state (data=… port=… password=…) and the server's log. The data are in DIR/data, or in a
# new directory in /var/tmp where the server's user may not enter DIR. As root the server runs as
# user postgres, because it refuses to run as root.
set -euo pipefail

die() {
  echo "pg.sh: $*" >&2
  exit 1
}

usage() {
  sed -n 's/^#   pg/  pg/p' "$0" >&2
  exit 2
}

[ $# -ge 2 ] || usage
verb=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd)
shift 2

bin=${PROSA_PG_BIN:-/usr/lib/postgresql/15/bin}
[ -x "$bin/postgres" ] || die "no PostgreSQL 15 in $bin: run ./dev check install"

# Ends the shell that calls it: call it in ( ) or with &. From / because the server's user may not
# read the caller's directory; exec, so that no shell of ours stays behind as the server's parent,
# with our lock and the caller's pipes in its hands.
as_server() {
  cd / || exit 1
  if [ "$(id -u)" = 0 ]; then
    exec setpriv --reuid=postgres --regid=postgres --init-groups --inh-caps=-all \
      env -u XDG_RUNTIME_DIR HOME=/ "$@"
  fi
  exec "$@"
}

data='' port='' password=''
load_state() {
  [ -f "$dir/state" ] || return 1
  # shellcheck disable=SC1091 # written by save_state
  . "$dir/state"
  [ -n "$data" ] && [ -n "$port" ]
}

save_state() {
  (umask 077 && printf 'data=%q\nport=%q\npassword=%q\n' "$data" "$port" "$password" >"$dir/state")
}

# The pid of the server of our data directory, or failure. A pid file may be left from a killed run
# and its number may be another process now: only one that works in our directory counts.
server_pid() {
  local pid
  [ -r "$data/postmaster.pid" ] || return 1
  pid=$(head -n1 "$data/postmaster.pid")
  [ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" = "$data" ] || return 1
  echo "$pid"
}

ready() {
  "$bin/pg_isready" -q -h 127.0.0.1 -p "$port" -t 1
}

url() {
  echo "postgresql://prosa_test:$password@127.0.0.1:$port/postgres"
}

# Starts the server on $port; fails when the port is taken.
launch() {
  : >"$dir/log"
  [ "$(id -u)" != 0 ] || chown postgres "$dir/log"
  # setsid: a ^C at the tests must not reach the server before its users are gone.
  as_server setsid "$bin/postgres" -D "$data" -p "$port" >>"$dir/log" 2>&1 </dev/null &
  local child=$! tries
  for ((tries = 0; tries < 600; tries++)); do
    if server_pid >/dev/null && ready; then
      disown "$child" 2>/dev/null || true
      return 0
    fi
    kill -0 "$child" 2>/dev/null || return 1
    sleep 0.05
  done
  halt immediate
  return 1
}

halt() {
  local pid signal=INT tries
  [ "$1" = immediate ] && signal=QUIT
  pid=$(server_pid) || return 0
  kill -"$signal" "$pid" 2>/dev/null || return 0
  for ((tries = 0; tries < 600; tries++)); do
    [ -d "/proc/$pid" ] || return 0
    sleep 0.05
  done
  kill -KILL "$pid" 2>/dev/null || true
}

remove_data() {
  # Only what looks like ours: a wrong state file must not delete anything else.
  case $data in
  "$dir/data" | /var/tmp/prosa-pg.*) rm -rf "$data" ;;
  esac
  rm -f "$dir/state"
}

create() {
  data=$dir/data
  rm -rf "$data"
  mkdir -p "$data"
  if [ "$(id -u)" = 0 ]; then
    chown postgres "$data"
    if ! (as_server test -x "$data" -a -w "$data") 2>/dev/null; then
      rmdir "$data"
      data=$(mktemp -d /var/tmp/prosa-pg.XXXXXX)
      chown postgres "$data"
    fi
  fi
  password=$(od -An -tx1 -N16 /dev/urandom | tr -d ' \n')
  port=1
  save_state
  local pwfile made=yes
  pwfile=$(mktemp /var/tmp/prosa-pw.XXXXXX)
  echo "$password" >"$pwfile"
  [ "$(id -u)" != 0 ] || chown postgres "$pwfile"
  (as_server "$bin/initdb" -D "$data" -U prosa_test --auth=scram-sha-256 --no-sync \
    --encoding=UTF8 --locale=C.UTF-8 --pwfile="$pwfile") >"$dir/log" 2>&1 </dev/null || made=no
  rm -f "$pwfile"
  if [ $made = no ]; then
    cat "$dir/log" >&2
    remove_data
    die "initdb failed"
  fi
  # fsync stays on: the tests are about what survives. Small memory: it shares two cores and a laptop.
  cat >>"$data/postgresql.conf" <<'CONF'
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
shared_buffers = 64MB
fsync = on
synchronous_commit = on
full_page_writes = on
wal_level = minimal
max_wal_senders = 0
autovacuum_naptime = 10s
log_min_messages = warning
log_min_error_statement = panic
CONF
}

start() {
  local tries
  if load_state; then
    if server_pid >/dev/null; then
      for ((tries = 0; tries < 200; tries++)); do
        ready && return 0
        sleep 0.05
      done
      halt immediate
    fi
    remove_data
  fi
  create
  # PostgreSQL takes no port 0, so we draw below the range that the kernel gives to clients.
  for ((tries = 0; tries < 20; tries++)); do
    port=$((20000 + RANDOM % 12000))
    save_state
    launch && return 0
    grep -q 'Address already in use' "$dir/log" || break
  done
  cat "$dir/log" >&2
  remove_data
  die "could not start PostgreSQL in $dir"
}

stop() {
  load_state || return 0
  halt immediate
  remove_data
}

with() {
  load_state && server_pid >/dev/null || die "no server in $dir: pg.sh start $dir"
  PROSA_TEST_POSTGRES_URL=$(url) PROSA_TEST_POSTGRES_DIR=$dir "$@"
}

# Two at once in one directory would both create it.
locked() {
  exec 9>"$dir/lock"
  flock 9
  "$@" 9>&-
  exec 9>&-
}

case $verb in
start)
  locked start
  url
  ;;
stop) locked stop ;;
restart)
  load_state || die "nothing was started in $dir"
  locked halt "${1:-fast}"
  locked launch || {
    cat "$dir/log" >&2
    die "could not restart PostgreSQL in $dir"
  }
  ;;
url)
  load_state || die "nothing was started in $dir"
  url
  ;;
with)
  [ $# -ge 1 ] || usage
  with "$@"
  ;;
run)
  [ $# -ge 1 ] || usage
  trap 'locked stop' EXIT
  trap 'exit 130' INT TERM HUP
  locked start
  with "$@"
  ;;
*) usage ;;
esac

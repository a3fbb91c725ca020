#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# redis.sh up [always|everysec] | down: a Redis of our own that keeps what it is told, on loopback.
. "$(dirname "$0")/../env.sh"
set -e
dir=$SCRATCH/redis
case $1 in
up)
  rm -rf "$dir"
  mkdir -p "$dir"
  redis-server --bind 127.0.0.1 --port "$REDIS_PORT" --dir "$dir" --appendonly yes --appendfsync "${2:-always}" --save "" \
    --maxmemory-policy noeviction --daemonize yes --pidfile "$dir/pid" --logfile "$dir/log" >/dev/null
  wait_port "$REDIS_PORT"
  ;;
down) [ ! -f "$dir/pid" ] || redis-cli -p "$REDIS_PORT" shutdown nosave ;;
esac

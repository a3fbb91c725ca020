#!/bin/bash
# pg.sh up|down|fresh: PostgreSQL 15 on 127.0.0.1:25432, default durability. fresh: drop and make the database peer.
. "$(dirname "$0")/../env.sh"; D=$SCRATCH/peerpg
case $1 in
up) [ -d $D/data ] || { mkdir -p $D; chown postgres $D; cd /; su postgres -c "$PGBIN/initdb -D $D/data -A trust -U postgres >/dev/null"; }
    su postgres -c "$PGBIN/pg_ctl -D $D/data status" >/dev/null || su postgres -c "$PGBIN/pg_ctl -D $D/data -o '-p 25432 -c listen_addresses=127.0.0.1 -c unix_socket_directories=$D' -l $D/log -w start" >/dev/null ;;
down) su postgres -c "$PGBIN/pg_ctl -D $D/data -m fast -w stop" >/dev/null ;;
fresh) psql -q -d postgres -c "drop database if exists peer with (force)" -c "create database peer" -c checkpoint ;;
esac

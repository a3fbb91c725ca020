#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs what the reference stacks use: Debian packages, and npm packages under $SCRATCH. As root.
set -e
. "$(dirname "$0")/env.sh"
export DEBIAN_FRONTEND=noninteractive
apt-get -qq -o DPkg::Lock::Timeout=400 install -y --no-install-recommends postgresql-15 gcc libc6-dev libssl-dev libmicrohttpd-dev \
  python3-openpyxl python3-phonenumbers time python3-fastapi uvicorn python3-psycopg python3-psycopg-pool python3-uvloop python3-httptools redis-server >/dev/null
mkdir -p "$SCRATCH/npmbench"
cd "$SCRATCH/npmbench"
[ -d node_modules/pg-boss ] || {
  echo '{"name":"n","version":"1.0.0"}' >package.json
  npm i --no-audit --no-fund --ignore-scripts fastify@5.12.8 pg@8.23.1 graphile-worker@0.18.0 pg-boss@12.35.0
}
mkdir -p "$SCRATCH/npmimport"
cd "$SCRATCH/npmimport"
[ -d node_modules/libphonenumber-js ] || {
  echo '{"name":"i","version":"1.0.0"}' >package.json
  npm i --no-audit --no-fund --ignore-scripts exceljs@4.4.0 libphonenumber-js@1.12.0
}
mkdir -p "$SCRATCH/npmdispatch"
cd "$SCRATCH/npmdispatch"
[ -d node_modules/ioredis ] || {
  echo '{"name":"d","version":"1.0.0"}' >package.json
  npm i --no-audit --no-fund --ignore-scripts bullmq@6.7.0 ioredis@6.0.0 pg@8.23.1 undici@8.12.4
}

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# migrated.sh CMD…: runs CMD with PROSA_TEST_POSTGRES_TEMPLATE, the name of a database on the server of
# PROSA_TEST_POSTGRES_URL that PROSA_BIN has migrated. Copying it costs a test a fifth of the migrations.
set -euo pipefail

server=${PROSA_TEST_POSTGRES_URL%/*}
export PROSA_TEST_POSTGRES_TEMPLATE=prosa_template_$$
psql -q "$PROSA_TEST_POSTGRES_URL" -c "CREATE DATABASE $PROSA_TEST_POSTGRES_TEMPLATE"
env -i PATH="$PATH" PROSA_DATABASE_URL="$server/$PROSA_TEST_POSTGRES_TEMPLATE" "$PROSA_BIN" migrate
exec "$@"

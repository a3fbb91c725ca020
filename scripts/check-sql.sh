#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SQL stands in store*.c of a module and in src/db/ alone, and every statement on a tenant's table
# names tenant_id, or is a statement of the system's that the list below gives a reason for. The
# tables are those that migrations/ marks with @tenant_table.
set -euo pipefail
cd "$(dirname "$0")/.."

bad=0

# 1. Where SQL stands.
while IFS= read -r file; do
  echo "$file: SQL outside store*.c and src/db/" >&2
  bad=1
done < <(find src -name '*.c' ! -path 'src/db/*' ! -name 'store*.c' -print0 |
  xargs -0 -r grep -lE '\bDB_(SQL2?|QUERY|EXEC)\b' || true)

# 2. What it names. A statement runs from a literal that begins with a verb to the next such literal
# or to the end of its function; a macro with the rest of one begins with FROM.
# file | piece of the statement | why it speaks of all tenants
allowed() {
  cat <<'LIST'
src/intake/store.c | DELETE FROM inbox WHERE id IN | retention, the same for all
src/intake/store.c | DELETE FROM inbound_seen WHERE at | retention, the same for all
src/intake/store.c | DELETE FROM receipts_early WHERE at | retention, the same for all
src/queue/store_claim.c | SELECT set_config | the claimer serves all tenants: what waits for its time
src/queue/store_claim.c | (SELECT run_at FROM jobs WHERE state = 4 | the same, how long to sleep
src/queue/store_claim.c | UPDATE jobs SET state = 0 WHERE seq IN | the same, making it ready
src/queue/store_claim.c | UPDATE jobs j SET state = 0 FROM (SELECT ctid | the same, making it ready
src/queue/store_claim.c | UPDATE jobs j SET lease_until | by the place of rows that STORE_LOCK_HELD found by tenant
src/queue/store_finish.c | UPDATE jobs j SET state = p.state | by the place of rows that STORE_LOCK_HELD found by tenant
src/queue/store_finish.c | UPDATE jobs j SET state = CASE WHEN j.run_at | by the place of rows found by tenant
src/queue/store_finish.c | UPDATE jobs SET lease_until = $2 WHERE state = 1 | what a dead process of the only node held, of every tenant
src/queue/store_people.c | SELECT 0, count(*), min(run_at) FROM jobs | WHOSE, behind it, names the tenant
src/queue/store_people.c | UPDATE jobs j SET state = CASE WHEN lane | by the place of rows found by tenant
src/tenant/store_account.c | WHERE kind = $1 AND address = $2 | finds the tenant of an inbound call
src/tenant/store_account.c | WHERE kind = $1 AND account_group = $2 | finds the tenant of an inbound call
src/tenant/store_audit.c | INSERT INTO audit_log | COLUMNS begins with tenant_id
src/tenant/store_user.c | DELETE FROM login_tries WHERE since | old counts, the same for all
src/webhook/store_delivery.c | DELETE FROM webhook_deliveries WHERE id IN | retention, the same for all
src/webhook/store_delivery.c | DELETE FROM webhook_endpoints WHERE state | retention, the same for all
src/webhook/store_delivery.c | SELECT count(CASE WHEN state | health of the installation
src/webhook/store_delivery.c | FROM webhook_deliveries WHERE state | health of the installation
LIST
}

tables=$(sed -nE 's/^-- @tenant_table ([a-z_]+)$/\1/p' migrations/*.sql | paste -sd'|')
[ -n "$tables" ] || {
  echo "check-sql: no @tenant_table in migrations/" >&2
  exit 1
}

mapfile -d '' files < <(find src -name 'store*.c' -print0 | LC_ALL=C sort -z)
allowed | awk -v tables="$tables" '
    function finish(   i, n, entry, found) {
      if (text ~ ("(FROM|INTO|UPDATE|JOIN) (" tables ")([^a-z_]|$)") && text !~ /tenant_id|OF_TENANT/) {
        n = 0
        for (i = 1; i <= n_allowed; i++) {
          split(allowed[i], entry, " *[|] *")
          if (entry[1] == file && index(text, entry[2]) > 0) {
            used[i] = 1
            n = 1
          }
        }
        if (!n) {
          printf "%s:%d: names no tenant_id: %s\n", file, line, substr(text, 1, 100)
          bad = 1
        }
      }
      text = ""
    }
    FILENAME == "-" { if (/[|]/) allowed[++n_allowed] = $0; next }
    FNR == 1 { finish(); file = FILENAME }
    /^[ \t]*(\/\*|\*)/ { next }
    /"[ (]*(SELECT|INSERT|UPDATE|DELETE|WITH|FROM) / { finish(); line = FNR }
    /^}/ { finish() }
    {
      rest = $0
      while (match(rest, /"([^"\\]|\\.)*"|OF_TENANT/)) {
        if (text != "" || substr(rest, RSTART, RLENGTH) ~ /^"[ (]*(SELECT|INSERT|UPDATE|DELETE|WITH|FROM) /)
          text = text substr(rest, RSTART, RLENGTH)
        rest = substr(rest, RSTART + RLENGTH)
      }
      gsub(/""/, "", text)
    }
    END {
      finish()
      for (i = 1; i <= n_allowed; i++)
        if (!used[i]) {
          printf "check-sql: no such statement any more: %s\n", allowed[i]
          bad = 1
        }
      exit bad
    }' - "${files[@]}" >&2 || bad=1

exit $bad

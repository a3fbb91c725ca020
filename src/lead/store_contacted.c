/* store_contacted.c - SQL of the one step that a campaign makes with hundreds of leads at once.
 * SPDX-License-Identifier: Apache-2.0 */
#include "lead/store.h"

enum { COLUMNS = 4 };

enum status lead_contacted_many(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                const struct lead_id *leads, size_t n, int64_t now_ms,
                                struct err *e) {
    struct db_val *vals = arena_array_of(a, n * COLUMNS + 1, struct db_val);

    if (n == 0)
        return ST_OK;
    for (size_t i = 0; i < n; i++) {
        const struct db_val row[COLUMNS] = {V_UUID(tenant.v), V_UUID(leads[i].v), V_I64(now_ms),
                                            V_UUID(uuid_new())};

        memcpy(vals + i * COLUMNS, row, sizeof(row));
    }
    /* On SQLite the event first, while the state still tells whose it is. */
    if (tx_engine(tx) == DB_SQLITE)
        TRY(db_exec_rows(
            tx,
            DB_SQL(
                "INSERT INTO lead_events (id, tenant_id, lead_id, kind, data, at)"
                " SELECT $4, $1, $2, 'lead.state', '{\"from\":\"new\",\"to\":\"contacting\"}', $3"
                " FROM leads WHERE tenant_id = $1 AND id = $2 AND state = 'new'"),
            vals, n, COLUMNS, NULL, e));
    return db_exec_rows(
        tx,
        DB_SQL2("UPDATE leads SET state = 'contacting', updated_at = $3 WHERE tenant_id = $1"
                " AND id = $2 AND state = 'new' AND $4 IS NOT NULL",
                "WITH moved AS (UPDATE leads l SET state = 'contacting', updated_at = u.at FROM"
                " unnest($1::uuid[], $2::uuid[], $3::int8[], $4::uuid[])"
                " AS u(tenant_id, id, at, event) WHERE l.tenant_id = u.tenant_id AND l.id = u.id"
                " AND l.state = 'new' RETURNING u.event, l.tenant_id, l.id, u.at)"
                " INSERT INTO lead_events (id, tenant_id, lead_id, kind, data, at)"
                " SELECT event, tenant_id, id, 'lead.state',"
                " '{\"from\":\"new\",\"to\":\"contacting\"}', at FROM moved"),
        vals, n, COLUMNS, NULL, e);
}

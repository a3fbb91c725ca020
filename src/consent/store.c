/* store.c - SQL of what stands and of how it came to that.
 * SPDX-License-Identifier: Apache-2.0 */
#include "consent/store.h"

#include "base/utf8.h"

enum { ROWS_MAX = 100000 };

enum status store_act_insert(struct tx *tx, const struct act *act, struct err *e) {
    const struct consent_proof *p = act->proof;

    return DB_LATER(tx,
                    DB_SQL("INSERT INTO consents (id, tenant_id, lead_id, act, channel, source,"
                           " text, message_id, actor, keys, at)"
                           " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"),
                    e, V_UUID(act->id), V_UUID(act->tenant.v), V_UUID_OPT(act->lead.v),
                    V_TEXT(str_of(act->word)), V_TEXT(act->channel), V_TEXT(p->source),
                    V_TEXT(utf8_cut_points(p->text, CONSENT_TEXT_MAX)), V_UUID_OPT(p->message.v),
                    V_TEXT(p->actor), V_TEXT(act->keys), V_I64(act->at_ms));
}

enum status store_suppressions_insert(struct arena *a, struct tx *tx, const struct act *act,
                                      const struct str *keys, size_t n, int64_t *ret_added,
                                      struct err *e) {
    enum { COLUMNS = 9 };
    struct db_val *vals = arena_array_of(a, n * COLUMNS + 1, struct db_val);
    const struct consent_proof *p = act->proof;

    *ret_added = 0;
    for (size_t i = 0; i < n; i++) {
        struct db_val *v = vals + i * COLUMNS;

        v[0] = V_UUID(act->tenant.v);
        v[1] = V_TEXT(keys[i]);
        v[2] = V_TEXT(act->channel);
        v[3] = V_UUID(uuid_new());
        v[4] = V_TEXT(p->source);
        v[5] = V_UUID_OPT(act->lead.v);
        v[6] = V_TEXT(p->actor);
        v[7] = V_TEXT(utf8_cut_points(p->text, CONSENT_TEXT_MAX));
        v[8] = V_I64(act->at_ms);
    }
    if (n == 0)
        return ST_OK;
    return db_exec_rows(
        tx,
        DB_SQL2("INSERT INTO suppressions (tenant_id, key, channel, id, source, lead_id, actor,"
                " note, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
                " ON CONFLICT (tenant_id, key, channel) DO NOTHING",
                "INSERT INTO suppressions (tenant_id, key, channel, id, source, lead_id, actor,"
                " note, created_at) SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[],"
                " $4::uuid[], $5::text[], $6::uuid[], $7::text[], $8::text[], $9::int8[])"
                " ON CONFLICT (tenant_id, key, channel) DO NOTHING"),
        vals, n, COLUMNS, ret_added, e);
}

enum status store_suppressions_delete(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                      const struct str *keys, size_t n, struct str channel,
                                      struct err *e) {
    struct db_val *vals = arena_array_of(a, n * 3 + 1, struct db_val);

    for (size_t i = 0; i < n; i++) {
        vals[i * 3] = V_UUID(tenant.v);
        vals[i * 3 + 1] = V_TEXT(keys[i]);
        vals[i * 3 + 2] = V_TEXT(channel);
    }
    if (n == 0)
        return ST_OK;
    return db_exec_rows(
        tx,
        DB_SQL2("DELETE FROM suppressions WHERE tenant_id = $1 AND key = $2 AND channel = $3",
                "DELETE FROM suppressions s USING unnest($1::uuid[], $2::text[], $3::text[])"
                " AS u (tenant, key, channel) WHERE s.tenant_id = u.tenant AND s.key = u.key"
                " AND s.channel = u.channel"),
        vals, n, 3, NULL, e);
}

enum status store_suppressions_find(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                    struct str keys, struct db_rows *ret, struct err *e) {
    return db_query_vals(
        a, tx,
        DB_SQL2(
            "SELECT key, channel, created_at FROM suppressions WHERE tenant_id = $1"
            " AND key IN (SELECT value FROM json_each($2))",
            "SELECT s.key, s.channel, s.created_at FROM json_array_elements_text($2::text::json)"
            " AS k (key) CROSS JOIN LATERAL (SELECT key, channel, created_at FROM suppressions"
            " WHERE tenant_id = $1 AND key = k.key OFFSET 0) AS s"),
        DB_VALS_(V_UUID(tenant.v), V_TEXT(keys)), 2, ROWS_MAX, ret, e);
}

enum status store_suppressions_any(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                   bool *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, DB_SQL("SELECT id FROM suppressions WHERE tenant_id = $1 LIMIT 1"), &rows,
                 e, V_UUID(tenant.v)));
    *ret = rows.n > 0;
    return ST_OK;
}

enum status store_mark_stop(struct tx *tx, struct tenant_id tenant, struct err *e) {
    return DB_LATER(tx,
                    DB_SQL("INSERT INTO consent_marks AS m (tenant_id, stops) VALUES ($1, 1)"
                           " ON CONFLICT (tenant_id) DO UPDATE SET stops = m.stops + 1"),
                    e, V_UUID(tenant.v));
}

enum status store_mark_hold(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            int64_t *ret_stops, struct err *e) {
    const struct db_sql look =
        DB_SQL2("SELECT stops FROM consent_marks WHERE tenant_id = $1",
                "SELECT stops FROM consent_marks WHERE tenant_id = $1 FOR SHARE");
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, look, &rows, e, V_UUID(tenant.v)));
    *ret_stops = rows.n > 0 ? db_i64(&rows, 0, 0) : 0;
    if (rows.n > 0)
        return ST_OK;
    /* Nobody ever stopped: a row has to be there to be held. */
    TRY(DB_EXEC(tx,
                DB_SQL("INSERT INTO consent_marks (tenant_id, stops) VALUES ($1, 0)"
                       " ON CONFLICT (tenant_id) DO NOTHING"),
                NULL, e, V_UUID(tenant.v)));
    TRY(DB_QUERY(a, tx, look, &rows, e, V_UUID(tenant.v)));
    *ret_stops = rows.n > 0 ? db_i64(&rows, 0, 0) : 0;
    return ST_OK;
}

enum status store_consent_settings_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                       struct str *ret_settings, int64_t *ret_version,
                                       struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT settings, version FROM consent_settings WHERE tenant_id = $1"),
                 &rows, e, V_UUID(tenant.v)));
    *ret_settings = rows.n > 0 ? db_text(&rows, 0, 0) : STR_EMPTY;
    *ret_version = rows.n > 0 ? db_i64(&rows, 0, 1) : 0;
    return ST_OK;
}

enum status store_consent_settings_put(struct tx *tx, struct tenant_id tenant, struct str settings,
                                       int64_t version, int64_t now_ms, int64_t *ret_changed,
                                       struct err *e) {
    return DB_EXEC(
        tx,
        DB_SQL("INSERT INTO consent_settings AS s (tenant_id, settings, version, updated_at)"
               " VALUES ($1, $2, $3 + 1, $4)"
               " ON CONFLICT (tenant_id) DO UPDATE SET settings = excluded.settings,"
               " version = s.version + 1, updated_at = excluded.updated_at"
               " WHERE s.version = $3"),
        ret_changed, e, V_UUID(tenant.v), V_TEXT(settings), V_I64(version), V_I64(now_ms));
}

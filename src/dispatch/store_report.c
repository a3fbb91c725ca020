/* store_report.c - SQL of dry runs and of what became of a campaign.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/store.h"

enum { DRY_COLUMNS = 16, HOUR_MS = 3600 * 1000 };

enum status store_dry_insert(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             struct dispatch_id id, const struct dry_row *rows, size_t n,
                             struct err *e) {
    struct db_val *vals = arena_array_of(a, n * DRY_COLUMNS + 1, struct db_val);

    if (n == 0)
        return ST_OK;
    for (size_t i = 0; i < n; i++) {
        const struct dry_row *r = &rows[i];
        const struct db_val row[DRY_COLUMNS] = {
            V_UUID(tenant.v),         V_UUID(id.v),         V_UUID(r->recipient.v),
            V_UUID(r->lead.v),        V_TEXT(r->name),      V_TEXT(r->phone),
            V_TEXT(r->email),         V_TEXT(r->channel),   V_TEXT(r->reason),
            V_TEXT(r->template_name), V_I64(r->would_send), V_TEXT(r->block_reason),
            V_I64(r->not_before_ms),  V_I64(r->cost),       V_TEXT(r->text),
            V_I64(r->at_ms),
        };

        memcpy(vals + i * DRY_COLUMNS, row, sizeof(row));
    }
    return db_exec_rows(
        tx,
        DB_SQL2("INSERT INTO dry_run_log (tenant_id, dispatch_id, recipient_id, lead_id, name,"
                " phone, email, channel, reason, template, would_send, block_reason, not_before,"
                " cost, text, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,"
                " $14, $15, $16) ON CONFLICT (tenant_id, dispatch_id, recipient_id) DO NOTHING",
                "INSERT INTO dry_run_log (tenant_id, dispatch_id, recipient_id, lead_id, name,"
                " phone, email, channel, reason, template, would_send, block_reason, not_before,"
                " cost, text, at) SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[],"
                " $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],"
                " $10::text[], $11::int4[], $12::text[], $13::int8[], $14::int8[], $15::text[],"
                " $16::int8[]) ON CONFLICT (tenant_id, dispatch_id, recipient_id) DO NOTHING"),
        vals, n, DRY_COLUMNS, NULL, e);
}

enum status store_dry_clear(struct tx *tx, struct tenant_id tenant, struct dispatch_id id,
                            struct err *e) {
    return DB_EXEC(tx, DB_SQL("DELETE FROM dry_run_log WHERE tenant_id = $1 AND dispatch_id = $2"),
                   NULL, e, V_UUID(tenant.v), V_UUID(id.v));
}

enum status store_dry_list(struct arena *a, struct tx *tx, const struct dry_query *q,
                           struct dry_row **ret, size_t *ret_n, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT recipient_id, lead_id, name, phone, email, channel, reason,"
                        " template, would_send, block_reason, not_before, cost, text, at"
                        " FROM dry_run_log WHERE tenant_id = $1 AND dispatch_id = $2"
                        " AND recipient_id > $3 AND ($4 = '' OR ($4 = 'true') = (would_send = 1))"
                        " ORDER BY recipient_id LIMIT $5"),
                 &rows, e, V_UUID(q->tenant.v), V_UUID(q->dispatch.v), V_UUID(q->after.v),
                 V_TEXT(q->would_send), V_I64((int64_t)q->limit)));
    *ret = arena_array_of(a, rows.n + 1, struct dry_row);
    *ret_n = rows.n;
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = (struct dry_row){
            .recipient.v = db_uuid(&rows, i, 0),
            .lead.v = db_uuid(&rows, i, 1),
            .name = db_text(&rows, i, 2),
            .phone = db_text(&rows, i, 3),
            .email = db_text(&rows, i, 4),
            .channel = db_text(&rows, i, 5),
            .reason = db_text(&rows, i, 6),
            .template_name = db_text(&rows, i, 7),
            .would_send = db_i64(&rows, i, 8) != 0,
            .block_reason = db_text(&rows, i, 9),
            .not_before_ms = db_i64(&rows, i, 10),
            .cost = db_i64(&rows, i, 11),
            .text = db_text(&rows, i, 12),
            .at_ms = db_i64(&rows, i, 13),
        };
    return ST_OK;
}

enum status store_dry_sum(struct arena *a, struct tx *tx, struct tenant_id tenant,
                          struct dispatch_id id, struct dry_sum *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT count(*), coalesce(CAST(sum(cost) AS BIGINT), 0) FROM dry_run_log"
                        " WHERE tenant_id = $1 AND dispatch_id = $2 AND would_send = 1"),
                 &rows, e, V_UUID(tenant.v), V_UUID(id.v)));
    *ret = (struct dry_sum){.would_send = db_i64(&rows, 0, 0), .cost = db_i64(&rows, 0, 1)};
    return ST_OK;
}

/* --- report ------------------------------------------------------------------------------------------------------------- */

static void add_state(struct dispatch_counts *c, struct str state, int64_t n) {
    const struct {
        const char *name;
        int64_t *at;
    } states[] = {
        {"planned", &c->planned}, {"excluded", &c->excluded},   {"sending", &c->sending},
        {"sent", &c->sent},       {"delivered", &c->delivered}, {"read", &c->read},
        {"failed", &c->failed},   {"uncertain", &c->uncertain}, {"cancelled", &c->cancelled},
    };

    c->total += n;
    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        if (str_eq(state, str_of(states[i].name)))
            *states[i].at += n;
    c->reached = c->sent + c->delivered + c->read;
}

enum status store_counts(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct dispatch_id id, struct dispatch_counts *ret, struct err *e) {
    struct db_rows rows;

    *ret = (struct dispatch_counts){0};
    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT state, count(*), count(CASE WHEN replied_at > 0 THEN 1 END),"
                        " count(CASE WHEN opted_out_at > 0 THEN 1 END),"
                        " coalesce(CAST(sum(cost) AS BIGINT), 0) FROM dispatch_recipients"
                        " WHERE tenant_id = $1 AND dispatch_id = $2 AND is_test = 0"
                        " GROUP BY state"),
                 &rows, e, V_UUID(tenant.v), V_UUID(id.v)));
    for (size_t i = 0; i < rows.n; i++) {
        add_state(ret, db_text(&rows, i, 0), db_i64(&rows, i, 1));
        ret->replied += db_i64(&rows, i, 2);
        ret->opted_out += db_i64(&rows, i, 3);
        ret->cost += db_i64(&rows, i, 4);
    }
    return ST_OK;
}

static enum status causes(struct arena *a, struct tx *tx, struct tenant_id tenant,
                          struct dispatch_id id, struct dispatch_report *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT state, CASE WHEN state = 'excluded' THEN block_reason"
                        " ELSE error_cause END AS cause, count(*), min(error_reason),"
                        " count(CASE WHEN state = 'uncertain' OR " NEVER_TAKEN " THEN 1 END)"
                        " FROM dispatch_recipients WHERE tenant_id = $1 AND dispatch_id = $2"
                        " AND is_test = 0 AND state IN ('excluded', 'failed', 'uncertain')"
                        " GROUP BY 1, 2 ORDER BY 3 DESC, 2 LIMIT 200"),
                 &rows, e, V_UUID(tenant.v), V_UUID(id.v)));
    ret->causes = arena_array_of(a, rows.n + 1, struct dispatch_cause);
    ret->n_causes = rows.n;
    for (size_t i = 0; i < rows.n; i++)
        ret->causes[i] = (struct dispatch_cause){.state = db_text(&rows, i, 0),
                                                 .cause = db_text(&rows, i, 1),
                                                 .n = db_i64(&rows, i, 2),
                                                 .sample = db_text(&rows, i, 3),
                                                 .n_settleable = db_i64(&rows, i, 4)};
    return ST_OK;
}

#define AT(column, alias)                                                                          \
    "SELECT " column " / 3600000 AS slot, '" alias "' AS what FROM dispatch_recipients"            \
    " WHERE tenant_id = $1 AND dispatch_id = $2 AND is_test = 0 AND " column " > 0"

static enum status hours(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct dispatch_id id, struct dispatch_report *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(
        a, tx,
        DB_SQL(
            "SELECT slot, count(CASE WHEN what = 's' THEN 1 END),"
            " count(CASE WHEN what = 'd' THEN 1 END), count(CASE WHEN what = 'r' THEN 1 END),"
            " count(CASE WHEN what = 'f' THEN 1 END), count(CASE WHEN what = 'a' THEN 1 END)"
            " FROM (" AT("sent_at", "s") " UNION ALL " AT("delivered_at", "d") " UNION ALL " AT(
                "read_at",
                "r") " UNION ALL " AT("failed_at",
                                      "f") " UNION ALL " AT("replied_at",
                                                            "a") ") AS t GROUP BY slot ORDER BY slot LIMIT 2000"),
        &rows, e, V_UUID(tenant.v), V_UUID(id.v)));
    ret->hours = arena_array_of(a, rows.n + 1, struct dispatch_hour);
    ret->n_hours = rows.n;
    for (size_t i = 0; i < rows.n; i++)
        ret->hours[i] = (struct dispatch_hour){.at_ms = db_i64(&rows, i, 0) * HOUR_MS,
                                               .sent = db_i64(&rows, i, 1),
                                               .delivered = db_i64(&rows, i, 2),
                                               .read = db_i64(&rows, i, 3),
                                               .failed = db_i64(&rows, i, 4),
                                               .replied = db_i64(&rows, i, 5)};
    return ST_OK;
}

#define HOW_MANY(condition) " count(CASE WHEN " condition " THEN 1 END),"

static enum status channels(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct dispatch_id id, struct dispatch_report *ret, struct err *e) {
    const struct db_sql sql = DB_SQL(
        "SELECT channel, template, count(*)," HOW_MANY("state IN ('sent', 'delivered', 'read')") HOW_MANY(
            "state IN ('delivered', 'read')") HOW_MANY("state = 'read'") HOW_MANY("state = 'failed'")
            HOW_MANY("state = 'uncertain'") HOW_MANY("replied_at > 0") HOW_MANY(
                "opted_out_at > 0") " coalesce(CAST(sum(cost) AS BIGINT), 0) FROM dispatch_recipients WHERE tenant_id = $1"
                                    " AND dispatch_id = $2 AND is_test = 0 AND state <> 'excluded'"
                                    " GROUP BY channel, template ORDER BY channel, template LIMIT 200");
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, sql, &rows, e, V_UUID(tenant.v), V_UUID(id.v)));
    ret->channels = arena_array_of(a, rows.n + 1, struct dispatch_by_channel);
    ret->n_channels = rows.n;
    for (size_t i = 0; i < rows.n; i++)
        ret->channels[i] = (struct dispatch_by_channel){
            .channel = db_text(&rows, i, 0),
            .template_name = db_text(&rows, i, 1),
            .n = db_i64(&rows, i, 2),
            .reached = db_i64(&rows, i, 3),
            .delivered = db_i64(&rows, i, 4),
            .read = db_i64(&rows, i, 5),
            .failed = db_i64(&rows, i, 6),
            .uncertain = db_i64(&rows, i, 7),
            .replied = db_i64(&rows, i, 8),
            .opted_out = db_i64(&rows, i, 9),
            .cost = db_i64(&rows, i, 10),
        };
    return ST_OK;
}

enum status store_report(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct dispatch_id id, struct dispatch_report *ret, struct err *e) {
    *ret = (struct dispatch_report){0};
    TRY(store_counts(a, tx, tenant, id, &ret->counts, e));
    TRY(causes(a, tx, tenant, id, ret, e));
    TRY(hours(a, tx, tenant, id, ret, e));
    return channels(a, tx, tenant, id, ret, e);
}

enum status store_outcome(struct arena *a, struct tx *tx, struct tenant_id tenant,
                          struct dispatch_id id, int64_t since_ms, struct run_outcome *ret,
                          struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(
        a, tx,
        DB_SQL("SELECT count(CASE WHEN state IN ('sent', 'delivered', 'read') THEN 1 END),"
               " count(CASE WHEN state = 'failed' OR (failed_at >= $3 AND state ="
               " 'planned') THEN 1 END) FROM dispatch_recipients WHERE tenant_id = $1"
               " AND dispatch_id = $2 AND is_test = 0 AND (sent_at >= $3 OR failed_at >= $3)"),
        &rows, e, V_UUID(tenant.v), V_UUID(id.v), V_I64(since_ms)));
    *ret = (struct run_outcome){.good = db_i64(&rows, 0, 0), .bad = db_i64(&rows, 0, 1)};
    return ST_OK;
}

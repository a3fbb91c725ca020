/* store_recipient.c - SQL of a campaign's recipients: set-based where a claim or a batch of receipts is at it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/store.h"

/* SQLite takes a list of ids as their bytes one behind the other, PostgreSQL as text. */
#define IDS_SQLITE(arg)                                                                            \
    "WITH RECURSIVE n(i) AS (SELECT 0 WHERE length(" arg ") > 0 UNION ALL SELECT i + 16 FROM n"    \
    " WHERE i + 16 < length(" arg ")), ids(id) AS (SELECT substr(" arg ", i + 1, 16) FROM n)"
#define IDS_POSTGRES(arg)                                                                          \
    "WITH ids(id) AS (SELECT unnest(string_to_array(" arg "::text, ','))::uuid)"

#define COLUMNS                                                                                    \
    "r.id, r.dispatch_id, r.lead_id, r.is_test, r.state, r.rank, r.step, r.channel, r.address,"    \
    " r.template, r.language, r.account_id, r.reason, r.block_reason, r.attempts, r.spared,"       \
    " r.history, r.text, r.provider_id, r.cost, r.error_code, r.error_cause, r.error_reason,"      \
    " r.message_id, r.due_at, r.sending_at, r.sent_at, r.delivered_at, r.read_at, r.failed_at,"    \
    " r.replied_at, r.opted_out_at, r.created_at, r.updated_at"

static struct recipient recipient_of(const struct db_rows *rows, size_t i) {
    return (struct recipient){
        .id.v = db_uuid(rows, i, 0),
        .dispatch.v = db_uuid(rows, i, 1),
        .lead.v = db_uuid(rows, i, 2),
        .is_test = db_i64(rows, i, 3) != 0,
        .state = db_text(rows, i, 4),
        .rank = db_i64(rows, i, 5),
        .step = db_i64(rows, i, 6),
        .channel = db_text(rows, i, 7),
        .address = db_text(rows, i, 8),
        .template_name = db_text(rows, i, 9),
        .language = db_text(rows, i, 10),
        .account.v = db_uuid(rows, i, 11),
        .reason = db_text(rows, i, 12),
        .block_reason = db_text(rows, i, 13),
        .attempts = db_i64(rows, i, 14),
        .spared = db_i64(rows, i, 15),
        .history = db_text(rows, i, 16),
        .text = db_text(rows, i, 17),
        .provider_id = db_text(rows, i, 18),
        .cost = db_i64(rows, i, 19),
        .error_code = db_i64(rows, i, 20),
        .error_cause = db_text(rows, i, 21),
        .error_reason = db_text(rows, i, 22),
        .message.v = db_uuid(rows, i, 23),
        .due_at_ms = db_i64(rows, i, 24),
        .sending_at_ms = db_i64(rows, i, 25),
        .sent_at_ms = db_i64(rows, i, 26),
        .delivered_at_ms = db_i64(rows, i, 27),
        .read_at_ms = db_i64(rows, i, 28),
        .failed_at_ms = db_i64(rows, i, 29),
        .replied_at_ms = db_i64(rows, i, 30),
        .opted_out_at_ms = db_i64(rows, i, 31),
        .created_at_ms = db_i64(rows, i, 32),
        .updated_at_ms = db_i64(rows, i, 33),
    };
}

static void recipients_of(struct arena *a, const struct db_rows *rows, struct recipient **ret,
                          size_t *ret_n) {
    *ret = arena_array_of(a, rows->n + 1, struct recipient);
    *ret_n = rows->n;
    for (size_t i = 0; i < rows->n; i++)
        (*ret)[i] = recipient_of(rows, i);
}

struct db_val store_ids(struct arena *a, struct tx *tx, const struct uuid *ids, size_t n) {
    if (tx_engine(tx) == DB_SQLITE) {
        char *bytes = arena_alloc(a, n * UUID_BYTES + 1);

        for (size_t i = 0; i < n; i++)
            memcpy(bytes + i * UUID_BYTES, ids[i].bytes, UUID_BYTES);
        return V_BYTES(((struct str){bytes, n * UUID_BYTES}));
    }

    char *text = arena_alloc(a, n * (UUID_TEXT_BYTES + 1) + 1);

    for (size_t i = 0; i < n; i++) {
        uuid_format_to(ids[i], text + i * (UUID_TEXT_BYTES + 1));
        text[i * (UUID_TEXT_BYTES + 1) + UUID_TEXT_BYTES] = ',';
    }
    return V_TEXT(((struct str){text, n > 0 ? n * (UUID_TEXT_BYTES + 1) - 1 : 0}));
}

/* --- planning --------------------------------------------------------------------------------------------------------- */

enum { INSERT_COLUMNS = 15 };

enum status store_recipients_insert(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                    const struct recipient *rows, size_t n, struct err *e) {
    struct db_val *vals = arena_array_of(a, n * INSERT_COLUMNS + 1, struct db_val);

    if (n == 0)
        return ST_OK;
    for (size_t i = 0; i < n; i++) {
        const struct recipient *r = &rows[i];
        const struct db_val row[INSERT_COLUMNS] = {
            V_UUID(r->id.v),          V_UUID(tenant.v),
            V_UUID(r->dispatch.v),    V_UUID(r->lead.v),
            V_I64(r->is_test),        V_TEXT(r->state),
            V_I64(r->step),           V_TEXT(r->channel),
            V_UUID_OPT(r->account.v), V_TEXT(r->address),
            V_TEXT(r->template_name), V_TEXT(r->reason),
            V_TEXT(r->block_reason),  V_I64_OPT(r->due_at_ms, r->due_at_ms > 0),
            V_I64(r->created_at_ms),
        };

        memcpy(vals + i * INSERT_COLUMNS, row, sizeof(row));
    }
    return db_exec_rows(
        tx,
        DB_SQL2("INSERT INTO dispatch_recipients (id, tenant_id, dispatch_id, lead_id, is_test,"
                " state, step, channel, account_id, address, template, reason, block_reason,"
                " due_at, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,"
                " $11, $12, $13, $14, $15, $15) ON CONFLICT DO NOTHING",
                "INSERT INTO dispatch_recipients (id, tenant_id, dispatch_id, lead_id, is_test,"
                " state, step, channel, account_id, address, template, reason, block_reason,"
                " due_at, created_at, updated_at) SELECT u.id, u.tenant_id, u.dispatch_id,"
                " u.lead_id, u.is_test, u.state, u.step, u.channel, u.account_id, u.address,"
                " u.template, u.reason, u.block_reason, u.due_at, u.at, u.at FROM"
                " unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::int8[],"
                " $6::text[], $7::int8[], $8::text[], $9::uuid[], $10::text[], $11::text[],"
                " $12::text[], $13::text[], $14::int8[], $15::int8[]) AS u(id, tenant_id,"
                " dispatch_id, lead_id, is_test, state, step, channel, account_id, address,"
                " template, reason, block_reason, due_at, at) ON CONFLICT DO NOTHING"),
        vals, n, INSERT_COLUMNS, NULL, e);
}

enum { SLICE = 5000 };

/* In slices: a million rows are no business of one transaction. */
enum status store_recipients_clear(struct tx *tx, struct tenant_id tenant, struct dispatch_id id,
                                   int64_t *ret_n, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("DELETE FROM dispatch_recipients WHERE tenant_id = $1 AND id IN"
                          " (SELECT id FROM dispatch_recipients WHERE tenant_id = $1"
                          " AND dispatch_id = $2 AND is_test = 0 LIMIT $3)"),
                   ret_n, e, V_UUID(tenant.v), V_UUID(id.v), V_I64(SLICE));
}

/* --- claiming --------------------------------------------------------------------------------------------------------- */

#define DUE                                                                                        \
    "SELECT " COLUMNS " FROM dispatch_recipients r WHERE r.tenant_id = $1 AND r.dispatch_id = $2"  \
    " AND r.due_at IS NOT NULL AND r.due_at <= $3 AND r.is_test = 0 ORDER BY r.due_at, r.id"       \
    " LIMIT $4"

enum status store_recipients_due(struct arena *a, struct tx *tx, const struct claim_query *q,
                                 struct recipient **ret, size_t *ret_n, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, DB_SQL2(DUE, DUE " FOR UPDATE SKIP LOCKED"), &rows, e, V_UUID(q->tenant.v),
                 V_UUID(q->dispatch.v), V_I64(q->due_before_ms), V_I64((int64_t)q->limit)));
    recipients_of(a, &rows, ret, ret_n);
    return ST_OK;
}

enum status store_recipients_next(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                  struct dispatch_id id, int64_t *ret_ms, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT due_at FROM dispatch_recipients WHERE tenant_id = $1"
                        " AND dispatch_id = $2 AND due_at IS NOT NULL AND is_test = 0"
                        " ORDER BY due_at, id LIMIT 1"),
                 &rows, e, V_UUID(tenant.v), V_UUID(id.v)));
    *ret_ms = rows.n > 0 ? db_i64(&rows, 0, 0) : 0;
    return ST_OK;
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status store_recipients_walk(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                  struct dispatch_id id, struct lead_id after, size_t limit,
                                  struct recipient **ret, size_t *ret_n, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT " COLUMNS " FROM dispatch_recipients r WHERE r.tenant_id = $1"
                        " AND r.dispatch_id = $2 AND r.is_test = 0 AND r.lead_id > $3"
                        " ORDER BY r.lead_id LIMIT $4"),
                 &rows, e, V_UUID(tenant.v), V_UUID(id.v), V_UUID(after.v), V_I64((int64_t)limit)));
    recipients_of(a, &rows, ret, ret_n);
    return ST_OK;
}

#define THESE                                                                                      \
    " SELECT " COLUMNS " FROM ids JOIN dispatch_recipients r ON r.id = ids.id"                     \
    " WHERE r.tenant_id = $2 ORDER BY r.id"

/* In order of id: two that lock several rows each never wait for one another in a circle. */
/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status store_recipients_lock(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                  const struct uuid *ids, size_t n, struct recipient **ret,
                                  size_t *ret_n, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL2(IDS_SQLITE("$1") THESE, IDS_POSTGRES("$1") THESE " FOR UPDATE OF r"),
                 &rows, e, store_ids(a, tx, ids, n), V_UUID(tenant.v)));
    recipients_of(a, &rows, ret, ret_n);
    return ST_OK;
}

enum status store_recipient_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                struct recipient_id id, struct recipient *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT " COLUMNS " FROM dispatch_recipients r WHERE r.tenant_id = $1"
                        " AND r.id = $2"),
                 &rows, e, V_UUID(tenant.v), V_UUID(id.v)));
    if (rows.n == 0)
        FAIL(e, ST_NOT_FOUND, "there is no such recipient");
    *ret = recipient_of(&rows, 0);
    return ST_OK;
}

enum status store_recipient_is_there(struct arena *a, struct tx *tx, const struct dispatch *d,
                                     struct lead_id lead, bool *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT id FROM dispatch_recipients WHERE tenant_id = $1"
                        " AND dispatch_id = $2 AND lead_id = $3 AND is_test = 0"),
                 &rows, e, V_UUID(d->tenant.v), V_UUID(d->id.v), V_UUID(lead.v)));
    *ret = rows.n > 0;
    return ST_OK;
}

enum { SENDING_COLUMNS = 11 };

enum status store_recipients_sending(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                     const struct recipient *rows, size_t n, int64_t now_ms,
                                     struct err *e) {
    struct db_val *vals = arena_array_of(a, n * SENDING_COLUMNS + 1, struct db_val);

    if (n == 0)
        return ST_OK;
    for (size_t i = 0; i < n; i++) {
        const struct recipient *r = &rows[i];
        const struct db_val row[SENDING_COLUMNS] = {
            V_UUID(tenant.v),
            V_UUID(r->id.v),
            V_I64(r->step),
            V_TEXT(r->channel),
            V_UUID_OPT(r->account.v),
            V_TEXT(r->address),
            V_TEXT(r->template_name),
            V_TEXT(r->language),
            V_TEXT(r->reason),
            V_TEXT(r->text),
            V_I64(now_ms),
        };

        memcpy(vals + i * SENDING_COLUMNS, row, sizeof(row));
    }
    return db_exec_rows(
        tx,
        DB_SQL2("UPDATE dispatch_recipients SET state = 'sending', due_at = NULL, step = $3,"
                " channel = $4, account_id = $5, address = $6, template = $7, language = $8,"
                " reason = $9, text = $10, sending_at = $11, updated_at = $11,"
                " attempts = attempts + 1, error_code = 0, error_cause = '', error_reason = ''"
                " WHERE tenant_id = $1 AND id = $2 AND state = 'planned'",
                "UPDATE dispatch_recipients r SET state = 'sending', due_at = NULL, step = u.step,"
                " channel = u.channel, account_id = u.account_id, address = u.address,"
                " template = u.template, language = u.language, reason = u.reason, text = u.text,"
                " sending_at = u.at, updated_at = u.at, attempts = r.attempts + 1, error_code = 0,"
                " error_cause = '', error_reason = '' FROM"
                " unnest($1::uuid[], $2::uuid[], $3::int8[], $4::text[], $5::uuid[],"
                " $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::int8[])"
                " AS u(tenant_id, id, step, channel, account_id, address, template, language,"
                " reason, text, at) WHERE r.tenant_id = u.tenant_id AND r.id = u.id"
                " AND r.state = 'planned'"),
        vals, n, SENDING_COLUMNS, NULL, e);
}

#define UNCLAIM                                                                                    \
    " UPDATE dispatch_recipients SET state = 'planned', due_at = $3, sending_at = 0,"              \
    " attempts = attempts - 1, updated_at = $3 WHERE tenant_id = $2"                               \
    " AND id IN (SELECT id FROM ids) AND state = 'sending'"

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how many and when */
enum status store_recipients_unclaim(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                     const struct uuid *ids, size_t n, int64_t now_ms,
                                     struct err *e) {
    if (n == 0)
        return ST_OK;
    return DB_EXEC(tx, DB_SQL2(IDS_SQLITE("$1") UNCLAIM, IDS_POSTGRES("$1") UNCLAIM), NULL, e,
                   store_ids(a, tx, ids, n), V_UUID(tenant.v), V_I64(now_ms));
}

enum { SENT_COLUMNS = 5 };

enum status store_recipients_sent(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                  const struct recipient *rows, size_t n, int64_t now_ms,
                                  struct err *e) {
    struct db_val *vals = arena_array_of(a, n * SENT_COLUMNS + 1, struct db_val);

    if (n == 0)
        return ST_OK;
    for (size_t i = 0; i < n; i++) {
        const struct db_val row[SENT_COLUMNS] = {V_UUID(tenant.v), V_UUID(rows[i].id.v),
                                                 V_TEXT(rows[i].provider_id), V_I64(rows[i].cost),
                                                 V_I64(now_ms)};

        memcpy(vals + i * SENT_COLUMNS, row, sizeof(row));
    }
    return db_exec_rows(
        tx,
        DB_SQL2("UPDATE dispatch_recipients SET provider_id = $3,"
                " cost = CASE WHEN state = 'failed' THEN cost ELSE $4 END,"
                " sent_at = CASE WHEN sent_at = 0 THEN $5 ELSE sent_at END, updated_at = $5,"
                " rank = CASE WHEN state IN ('sending', 'uncertain') THEN 1 ELSE rank END,"
                " state = CASE WHEN state IN ('sending', 'uncertain') THEN 'sent' ELSE state END"
                " WHERE tenant_id = $1 AND id = $2 AND state NOT IN ('planned', 'excluded')",
                "UPDATE dispatch_recipients r SET provider_id = u.provider_id,"
                " cost = CASE WHEN r.state = 'failed' THEN r.cost ELSE u.cost END,"
                " sent_at = CASE WHEN r.sent_at = 0 THEN u.at ELSE r.sent_at END,"
                " updated_at = u.at,"
                " rank = CASE WHEN r.state IN ('sending', 'uncertain') THEN 1 ELSE r.rank END,"
                " state = CASE WHEN r.state IN ('sending', 'uncertain') THEN 'sent'"
                " ELSE r.state END FROM"
                " unnest($1::uuid[], $2::uuid[], $3::text[], $4::int8[], $5::int8[])"
                " AS u(tenant_id, id, provider_id, cost, at) WHERE r.tenant_id = u.tenant_id"
                " AND r.id = u.id AND r.state NOT IN ('planned', 'excluded')"),
        vals, n, SENT_COLUMNS, NULL, e);
}

enum { NOTE_COLUMNS = 7 };

enum status store_recipients_exclude(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                     const struct recipient *rows, size_t n, int64_t now_ms,
                                     struct err *e) {
    struct db_val *vals = arena_array_of(a, n * NOTE_COLUMNS + 1, struct db_val);

    if (n == 0)
        return ST_OK;
    for (size_t i = 0; i < n; i++) {
        const struct db_val row[NOTE_COLUMNS] = {
            V_UUID(tenant.v),       V_UUID(rows[i].id.v),         V_TEXT(rows[i].channel),
            V_TEXT(rows[i].reason), V_TEXT(rows[i].block_reason), V_TEXT(rows[i].error_reason),
            V_I64(now_ms),
        };

        memcpy(vals + i * NOTE_COLUMNS, row, sizeof(row));
    }
    return db_exec_rows(
        tx,
        DB_SQL2("UPDATE dispatch_recipients SET state = 'excluded', due_at = NULL, channel = $3,"
                " reason = $4, block_reason = $5, error_reason = $6, updated_at = $7"
                " WHERE tenant_id = $1 AND id = $2 AND state = 'planned'",
                "UPDATE dispatch_recipients r SET state = 'excluded', due_at = NULL,"
                " channel = u.channel, reason = u.reason, block_reason = u.block_reason,"
                " error_reason = u.why, updated_at = u.at FROM unnest($1::uuid[], $2::uuid[],"
                " $3::text[], $4::text[], $5::text[], $6::text[], $7::int8[]) AS u(tenant_id, id,"
                " channel, reason, block_reason, why, at) WHERE r.tenant_id = u.tenant_id"
                " AND r.id = u.id AND r.state = 'planned'"),
        vals, n, NOTE_COLUMNS, NULL, e);
}

enum { LATER_COLUMNS = 3 };

enum status store_recipients_later(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                   const struct recipient *rows, size_t n, struct err *e) {
    struct db_val *vals = arena_array_of(a, n * LATER_COLUMNS + 1, struct db_val);

    if (n == 0)
        return ST_OK;
    for (size_t i = 0; i < n; i++) {
        const struct db_val row[LATER_COLUMNS] = {V_UUID(tenant.v), V_UUID(rows[i].id.v),
                                                  V_I64(rows[i].due_at_ms)};

        memcpy(vals + i * LATER_COLUMNS, row, sizeof(row));
    }
    return db_exec_rows(
        tx,
        DB_SQL2("UPDATE dispatch_recipients SET due_at = $3 WHERE tenant_id = $1 AND id = $2"
                " AND state = 'planned'",
                "UPDATE dispatch_recipients r SET due_at = u.due_at FROM unnest($1::uuid[],"
                " $2::uuid[], $3::int8[]) AS u(tenant_id, id, due_at)"
                " WHERE r.tenant_id = u.tenant_id AND r.id = u.id AND r.state = 'planned'"),
        vals, n, LATER_COLUMNS, NULL, e);
}

enum status store_recipient_update(struct tx *tx, struct tenant_id tenant,
                                   const struct recipient *r, int64_t now_ms, struct err *e) {
    return DB_EXEC(
        tx,
        DB_SQL("UPDATE dispatch_recipients SET state = $3, rank = $4, step = $5, channel = $6,"
               " account_id = $7, address = $8, template = $9, reason = $10, block_reason = $11,"
               " attempts = $12, spared = $13, history = $14, provider_id = $15, cost = $16,"
               " error_code = $17, error_cause = $18, error_reason = $19, message_id = $20,"
               " due_at = $21, sent_at = $22, delivered_at = $23, read_at = $24, failed_at = $25,"
               " replied_at = $26, opted_out_at = $27, updated_at = $28"
               " WHERE tenant_id = $1 AND id = $2"),
        NULL, e, V_UUID(tenant.v), V_UUID(r->id.v), V_TEXT(r->state), V_I64(r->rank),
        V_I64(r->step), V_TEXT(r->channel), V_UUID_OPT(r->account.v), V_TEXT(r->address),
        V_TEXT(r->template_name), V_TEXT(r->reason), V_TEXT(r->block_reason), V_I64(r->attempts),
        V_I64(r->spared), V_TEXT(r->history), V_TEXT(r->provider_id), V_I64(r->cost),
        V_I64(r->error_code), V_TEXT(r->error_cause), V_TEXT(r->error_reason),
        V_UUID_OPT(r->message.v), V_I64_OPT(r->due_at_ms, r->due_at_ms > 0), V_I64(r->sent_at_ms),
        V_I64(r->delivered_at_ms), V_I64(r->read_at_ms), V_I64(r->failed_at_ms),
        V_I64(r->replied_at_ms), V_I64(r->opted_out_at_ms), V_I64(now_ms));
}

/* --- what a person decides ------------------------------------------------------------------------------------------------ */

#define GROUP                                                                                      \
    "SELECT " COLUMNS " FROM dispatch_recipients r WHERE r.tenant_id = $1 AND r.dispatch_id = $2"  \
    " AND r.is_test = 0 AND r.lead_id > $3 AND r.state = $4 AND r.error_cause = $5"                \
    " AND r.updated_at <= $6 AND (r.state = 'uncertain' OR " NEVER_TAKEN ")"                       \
    " ORDER BY r.lead_id LIMIT $7"

/* Nobody is waited for: a receipt holds its rows while it may wait for the campaign, which a step holds while it asks for rows. */
enum status store_recipients_group(struct arena *a, struct tx *tx, const struct recipient_group *g,
                                   size_t limit, struct recipient **ret, size_t *ret_n,
                                   struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, DB_SQL2(GROUP, GROUP " FOR UPDATE SKIP LOCKED"), &rows, e,
                 V_UUID(g->tenant.v), V_UUID(g->dispatch.v), V_UUID(g->after.v), V_TEXT(g->state),
                 V_TEXT(g->cause), V_I64(g->as_of_ms), V_I64((int64_t)limit)));
    recipients_of(a, &rows, ret, ret_n);
    return ST_OK;
}

enum { SETTLED_COLUMNS = 16 };

enum status store_recipients_settled(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                     const struct recipient *rows, size_t n, int64_t now_ms,
                                     struct err *e) {
    struct db_val *vals = arena_array_of(a, n * SETTLED_COLUMNS + 1, struct db_val);

    if (n == 0)
        return ST_OK;
    for (size_t i = 0; i < n; i++) {
        const struct recipient *r = &rows[i];
        const struct db_val row[SETTLED_COLUMNS] = {
            V_UUID(tenant.v),       V_UUID(r->id.v),
            V_TEXT(r->state),       V_I64(r->rank),
            V_I64(r->attempts),     V_I64(r->spared),
            V_TEXT(r->provider_id), V_I64(r->cost),
            V_TEXT(r->error_cause), V_TEXT(r->error_reason),
            V_I64(r->sent_at_ms),   V_I64(r->failed_at_ms),
            V_I64(now_ms),          V_I64_OPT(r->due_at_ms, r->due_at_ms > 0),
            V_I64(r->step),         V_TEXT(r->block_reason),
        };

        memcpy(vals + i * SETTLED_COLUMNS, row, sizeof(row));
    }
    return db_exec_rows(
        tx,
        DB_SQL2("UPDATE dispatch_recipients SET state = $3, rank = $4, attempts = $5, spared = $6,"
                " provider_id = $7, cost = $8, error_cause = $9, error_reason = $10, sent_at = $11,"
                " failed_at = $12, updated_at = $13, due_at = $14, step = $15,"
                " block_reason = $16 WHERE tenant_id = $1 AND id = $2",
                "UPDATE dispatch_recipients r SET state = u.state, rank = u.rank,"
                " attempts = u.attempts, spared = u.spared, provider_id = u.provider_id,"
                " cost = u.cost, error_cause = u.cause, error_reason = u.why, sent_at = u.sent_at,"
                " failed_at = u.failed_at, updated_at = u.at, due_at = u.due_at, step = u.step,"
                " block_reason = u.block FROM"
                " unnest($1::uuid[], $2::uuid[], $3::text[], $4::int8[], $5::int8[], $6::int8[],"
                " $7::text[], $8::int8[], $9::text[], $10::text[], $11::int8[], $12::int8[],"
                " $13::int8[], $14::int8[], $15::int8[], $16::text[]) AS u(tenant_id, id, state,"
                " rank, attempts, spared, provider_id, cost, cause, why, sent_at, failed_at, at,"
                " due_at, step, block)"
                " WHERE r.tenant_id = u.tenant_id AND r.id = u.id"),
        vals, n, SETTLED_COLUMNS, NULL, e);
}

/* --- receipts ----------------------------------------------------------------------------------------------------------- */

enum { MOVE_COLUMNS = 7 };

/* "delivered" may be skipped: who read it got it. A cost that was not known while the call was uncertain stays what it is. */
enum status store_recipients_receipt(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                     const struct receipt_move *moves, size_t n, int64_t now_ms,
                                     struct err *e) {
    struct db_val *vals = arena_array_of(a, n * MOVE_COLUMNS + 1, struct db_val);

    if (n == 0)
        return ST_OK;
    for (size_t i = 0; i < n; i++) {
        const struct db_val row[MOVE_COLUMNS] = {
            V_UUID(tenant.v),     V_UUID(moves[i].id.v), V_TEXT(str_of(moves[i].state)),
            V_I64(moves[i].rank), V_I64(moves[i].at_ms), V_TEXT(moves[i].provider_id),
            V_I64(now_ms),
        };

        memcpy(vals + i * MOVE_COLUMNS, row, sizeof(row));
    }
    return db_exec_rows(
        tx,
        DB_SQL2(
            "UPDATE dispatch_recipients SET state = $3, rank = $4, due_at = NULL, updated_at = $7,"
            " provider_id = CASE WHEN provider_id = '' THEN $6 ELSE provider_id END,"
            " sent_at = CASE WHEN sent_at = 0 THEN $5 ELSE sent_at END,"
            " delivered_at = CASE WHEN $4 >= 2 AND delivered_at = 0 THEN $5 ELSE delivered_at END,"
            " read_at = CASE WHEN $4 >= 3 AND read_at = 0 THEN $5 ELSE read_at END,"
            " error_code = 0, error_cause = '', error_reason = ''"
            " WHERE tenant_id = $1 AND id = $2 AND rank < $4",
            "UPDATE dispatch_recipients r SET state = u.state, rank = u.rank, due_at = NULL,"
            " updated_at = u.now,"
            " provider_id = CASE WHEN r.provider_id = '' THEN u.provider_id ELSE r.provider_id"
            " END, sent_at = CASE WHEN r.sent_at = 0 THEN u.at ELSE r.sent_at END,"
            " delivered_at = CASE WHEN u.rank >= 2 AND r.delivered_at = 0 THEN u.at"
            " ELSE r.delivered_at END,"
            " read_at = CASE WHEN u.rank >= 3 AND r.read_at = 0 THEN u.at ELSE r.read_at END,"
            " error_code = 0, error_cause = '', error_reason = '' FROM"
            " unnest($1::uuid[], $2::uuid[], $3::text[], $4::int8[], $5::int8[], $6::text[],"
            " $7::int8[]) AS u(tenant_id, id, state, rank, at, provider_id, now)"
            " WHERE r.tenant_id = u.tenant_id AND r.id = u.id AND r.rank < u.rank"),
        vals, n, MOVE_COLUMNS, NULL, e);
}

enum status store_recipients_orphans(struct tx *tx, struct tenant_id tenant, struct dispatch_id id,
                                     int64_t now_ms, int64_t *ret_n, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE dispatch_recipients SET state = 'uncertain', updated_at = $3,"
                          " error_cause = 'interrupted', error_reason = 'the program stopped"
                          " during the call: waiting for the provider''s status'"
                          " WHERE tenant_id = $1 AND dispatch_id = $2 AND state = 'sending'"
                          " AND is_test = 0"),
                   ret_n, e, V_UUID(tenant.v), V_UUID(id.v), V_I64(now_ms));
}

enum status store_recipients_cancel(struct tx *tx, struct tenant_id tenant, struct dispatch_id id,
                                    int64_t now_ms, int64_t *ret_n, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE dispatch_recipients SET state = 'cancelled', due_at = NULL,"
                          " updated_at = $3 WHERE tenant_id = $1 AND id IN"
                          " (SELECT id FROM dispatch_recipients WHERE tenant_id = $1"
                          " AND dispatch_id = $2 AND due_at IS NOT NULL AND is_test = 0 LIMIT $4)"),
                   ret_n, e, V_UUID(tenant.v), V_UUID(id.v), V_I64(now_ms), V_I64(SLICE));
}

/* --- a lead's campaigns ----------------------------------------------------------------------------------------------- */

/* CROSS JOIN: SQLite then goes from the ids to their rows; by itself it reads all rows of the tenant. */
#define TOUCHES                                                                                    \
    " SELECT r.lead_id, count(CASE WHEN r.sending_at > $4 THEN 1 END),"                            \
    " count(CASE WHEN r.dispatch_id <> $3 AND (r.sending_at > $5 OR r.state = 'sending') THEN 1"   \
    " END) FROM ids CROSS JOIN dispatch_recipients r"                                              \
    " WHERE r.tenant_id = $2 AND r.lead_id = ids.id AND r.is_test = 0"                             \
    " AND r.state IN ('sending', 'sent', 'delivered', 'read', 'uncertain') GROUP BY r.lead_id"

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status store_lead_touches(struct arena *a, struct tx *tx, const struct touch_query *q,
                               const struct uuid *leads, size_t n, struct lead_touch **ret,
                               size_t *ret_n, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, DB_SQL2(IDS_SQLITE("$1") TOUCHES, IDS_POSTGRES("$1") TOUCHES), &rows, e,
                 store_ids(a, tx, leads, n), V_UUID(q->tenant.v), V_UUID(q->dispatch.v),
                 V_I64(q->since_ms), V_I64(q->overlap_since_ms)));
    *ret = arena_array_of(a, rows.n + 1, struct lead_touch);
    *ret_n = rows.n;
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = (struct lead_touch){.lead.v = db_uuid(&rows, i, 0),
                                        .recent = db_i64(&rows, i, 1),
                                        .overlapping = db_i64(&rows, i, 2)};
    return ST_OK;
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status store_recipients_of_lead(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                     struct lead_id lead, int64_t since_ms, struct recipient **ret,
                                     size_t *ret_n, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT " COLUMNS " FROM dispatch_recipients r WHERE r.tenant_id = $1"
                        " AND r.lead_id = $2 AND r.sending_at > $3 AND r.state IN ('sending',"
                        " 'sent', 'delivered', 'read', 'uncertain')"
                        " ORDER BY r.sending_at DESC LIMIT 20"),
                 &rows, e, V_UUID(tenant.v), V_UUID(lead.v), V_I64(since_ms)));
    recipients_of(a, &rows, ret, ret_n);
    return ST_OK;
}

enum status store_recipient_message(struct tx *tx, struct tenant_id tenant, struct recipient_id id,
                                    struct message_id message, struct err *e) {
    return DB_LATER(tx,
                    DB_SQL("UPDATE dispatch_recipients SET message_id = $3 WHERE tenant_id = $1"
                           " AND id = $2"),
                    e, V_UUID(tenant.v), V_UUID(id.v), V_UUID(message.v));
}

enum status store_recipient_replied(struct tx *tx, struct tenant_id tenant, struct recipient_id id,
                                    int64_t now_ms, struct err *e) {
    return DB_LATER(tx,
                    DB_SQL("UPDATE dispatch_recipients SET replied_at = $3, updated_at = $3"
                           " WHERE tenant_id = $1 AND id = $2 AND replied_at = 0"),
                    e, V_UUID(tenant.v), V_UUID(id.v), V_I64(now_ms));
}

enum status store_recipient_opted_out(struct tx *tx, struct tenant_id tenant,
                                      struct recipient_id id, int64_t now_ms, struct err *e) {
    return DB_LATER(tx,
                    DB_SQL("UPDATE dispatch_recipients SET opted_out_at = $3, updated_at = $3"
                           " WHERE tenant_id = $1 AND id = $2 AND opted_out_at = 0"),
                    e, V_UUID(tenant.v), V_UUID(id.v), V_I64(now_ms));
}

enum status store_recipient_list(struct arena *a, struct tx *tx, const struct recipient_query *q,
                                 struct recipient **ret, size_t *ret_n, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(
        a, tx,
        DB_SQL(
            "SELECT " COLUMNS " FROM dispatch_recipients r WHERE r.tenant_id = $1"
            " AND r.dispatch_id = $2 AND r.is_test = 0 AND r.lead_id > $3"
            " AND ($4 = '' OR r.state = $4) AND ($5 = '' OR r.channel = $5)"
            " AND ($6 = '' OR r.block_reason = $6 OR r.error_cause = $6)"
            " AND ($7::bigint = 0 OR r.replied_at > 0) AND ($8::bigint = 0 OR r.opted_out_at > 0)"
            " ORDER BY r.lead_id LIMIT $9"),
        &rows, e, V_UUID(q->tenant.v), V_UUID(q->dispatch.v), V_UUID(q->after.v), V_TEXT(q->state),
        V_TEXT(q->channel), V_TEXT(q->cause), V_I64(q->has_replied), V_I64(q->has_opted_out),
        V_I64((int64_t)q->limit)));
    recipients_of(a, &rows, ret, ret_n);
    return ST_OK;
}

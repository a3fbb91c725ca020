/* store.c - SQL of webhook endpoints and of the places they stand at.
 * SPDX-License-Identifier: Apache-2.0 */
#include "webhook/store.h"

#define COLUMNS                                                                                    \
    "id, tenant_id, url, description, events, state, state_reason, old_secret_until,"              \
    " failing_since, last_success_at, last_failure_at, last_failure, created_at, updated_at"

enum { SECRET_COLUMN = 14, ENDPOINT_PAGE = 200 };

enum status place_parse(struct str cursor, struct place *ret, struct err *e) {
    struct str head;

    if (!str_cut(&cursor, '.', &head) || !str_parse_i64(head, 0, INT64_MAX, &ret->xid) ||
        !str_parse_i64(cursor, 0, INT64_MAX, &ret->seq))
        FAIL(e, ST_BROKEN, "an event's cursor is not like \"1.2\"");
    return ST_OK;
}

struct str place_format(struct arena *a, struct place p) {
    return arena_printf(a, "%lld.%lld", (long long)p.xid, (long long)p.seq);
}

static struct webhook webhook_at(const struct db_rows *rows, size_t i) {
    return (struct webhook){
        .id.v = db_uuid(rows, i, 0),
        .tenant.v = db_uuid(rows, i, 1),
        .url = db_text(rows, i, 2),
        .description = db_text(rows, i, 3),
        .events = db_text(rows, i, 4),
        .state = db_text(rows, i, 5),
        .state_reason = db_text(rows, i, 6),
        .old_secret_until_ms = db_i64(rows, i, 7),
        .failing_since_ms = db_i64(rows, i, 8),
        .last_success_at_ms = db_i64(rows, i, 9),
        .last_failure_at_ms = db_i64(rows, i, 10),
        .last_failure = db_text(rows, i, 11),
        .created_at_ms = db_i64(rows, i, 12),
        .updated_at_ms = db_i64(rows, i, 13),
    };
}

/* --- writing -------------------------------------------------------------------------------------------------------- */

enum status store_endpoint_insert(struct tx *tx, const struct webhook *w, struct str sealed,
                                  struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("INSERT INTO webhook_endpoints"
                          " (id, tenant_id, url, description, events, state, secret, created_at,"
                          " updated_at) VALUES ($1, $2, $3, $4, $5, 'active', $6, $7, $7)"),
                   NULL, e, V_UUID(w->id.v), V_UUID(w->tenant.v), V_TEXT(w->url),
                   V_TEXT(w->description), V_TEXT(w->events), V_BYTES(sealed),
                   V_I64(w->created_at_ms));
}

enum status store_endpoint_update(struct tx *tx, const struct webhook *w, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE webhook_endpoints SET url = $3, description = $4, events = $5,"
                          " updated_at = $6 WHERE tenant_id = $1 AND id = $2"),
                   NULL, e, V_UUID(w->tenant.v), V_UUID(w->id.v), V_TEXT(w->url),
                   V_TEXT(w->description), V_TEXT(w->events), V_I64(w->updated_at_ms));
}

enum status store_endpoint_state(struct tx *tx, const struct webhook *w, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE webhook_endpoints SET state = $3, state_reason = $4,"
                          " failing_since = $5, last_success_at = $6, last_failure_at = $7,"
                          " last_failure = $8, updated_at = $9 WHERE tenant_id = $1 AND id = $2"),
                   NULL, e, V_UUID(w->tenant.v), V_UUID(w->id.v), V_TEXT(w->state),
                   V_TEXT(w->state_reason), V_I64(w->failing_since_ms),
                   V_I64(w->last_success_at_ms), V_I64(w->last_failure_at_ms),
                   V_TEXT(w->last_failure), V_I64(w->updated_at_ms));
}

enum status store_endpoint_secrets(struct tx *tx, struct tenant_id tenant, struct webhook_id id,
                                   struct sealed_secrets s, int64_t old_until_ms, struct err *e) {
    struct db_val old = V_BYTES(s.old);

    old.is_null = s.old.len == 0;
    return DB_EXEC(tx,
                   DB_SQL("UPDATE webhook_endpoints SET secret = $3, old_secret = $4,"
                          " old_secret_until = $5 WHERE tenant_id = $1 AND id = $2"),
                   NULL, e, V_UUID(tenant.v), V_UUID(id.v), V_BYTES(s.secret), old,
                   V_I64(old_until_ms));
}

/* --- reading -------------------------------------------------------------------------------------------------------- */

static enum status one(const struct db_rows *rows, struct webhook *ret,
                       struct sealed_secrets *ret_secrets, struct err *e) {
    if (rows->n == 0)
        FAIL(e, ST_NOT_FOUND, "there is no such webhook");
    *ret = webhook_at(rows, 0);
    if (ret_secrets)
        *ret_secrets = (struct sealed_secrets){.secret = db_text(rows, 0, SECRET_COLUMN),
                                               .old = db_text(rows, 0, SECRET_COLUMN + 1)};
    return ST_OK;
}

#define FIND                                                                                       \
    "SELECT " COLUMNS ", secret, old_secret FROM webhook_endpoints"                                \
    " WHERE tenant_id = $1 AND id = $2 AND state <> 'deleted'"

enum status store_endpoint_lock(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                struct webhook_id id, struct webhook *ret,
                                struct sealed_secrets *ret_secrets, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, DB_SQL2(FIND, FIND " FOR UPDATE"), &rows, e, V_UUID(tenant.v),
                 V_UUID(id.v)));
    return one(&rows, ret, ret_secrets, e);
}

enum status store_endpoint_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct webhook_id id, struct webhook *ret,
                               struct sealed_secrets *ret_secrets, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, DB_SQL(FIND), &rows, e, V_UUID(tenant.v), V_UUID(id.v)));
    return one(&rows, ret, ret_secrets, e);
}

enum status webhook_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct webhook **ret, size_t *ret_n, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT " COLUMNS " FROM webhook_endpoints"
                        " WHERE tenant_id = $1 AND state <> 'deleted' ORDER BY id"),
                 &rows, e, V_UUID(tenant.v)));
    *ret = arena_array_of(a, rows.n + 1, struct webhook);
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = webhook_at(&rows, i);
    *ret_n = rows.n;
    return ST_OK;
}

/* system */
enum status store_endpoint_page(struct arena *a, struct tx *tx, struct webhook_id after,
                                struct endpoint_of **ret, size_t *ret_n, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT tenant_id, id FROM webhook_endpoints WHERE id > $1"
                        " AND state <> 'deleted' ORDER BY id LIMIT $2"),
                 &rows, e, V_UUID(after.v), V_I64(ENDPOINT_PAGE)));
    *ret = arena_array_of(a, rows.n + 1, struct endpoint_of);
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = (struct endpoint_of){
            .tenant.v = db_uuid(&rows, i, 0),
            .id.v = db_uuid(&rows, i, 1),
        };
    *ret_n = rows.n;
    return ST_OK;
}

/* --- places --------------------------------------------------------------------------------------------------------- */

enum status store_place_set(struct tx *tx, struct tenant_id tenant, struct webhook_id id,
                            struct place place, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("INSERT INTO webhook_places (tenant_id, endpoint_id, xid, seq)"
                          " VALUES ($1, $2, $3, $4) ON CONFLICT (tenant_id, endpoint_id)"
                          " DO UPDATE SET xid = excluded.xid, seq = excluded.seq"),
                   NULL, e, V_UUID(tenant.v), V_UUID(id.v), V_I64(place.xid), V_I64(place.seq));
}

enum status store_place_move(struct tx *tx, struct tenant_id tenant, struct webhook_id id,
                             struct place from, struct place to, bool *ret_moved, struct err *e) {
    int64_t changed;

    TRY(DB_EXEC(tx,
                DB_SQL("UPDATE webhook_places SET xid = $5, seq = $6"
                       " WHERE tenant_id = $1 AND endpoint_id = $2 AND xid = $3 AND seq = $4"),
                &changed, e, V_UUID(tenant.v), V_UUID(id.v), V_I64(from.xid), V_I64(from.seq),
                V_I64(to.xid), V_I64(to.seq)));
    *ret_moved = changed > 0;
    return ST_OK;
}

#define FOLLOWING                                                                                  \
    "SELECT w.tenant_id, w.id, w.events, p.xid, p.seq FROM webhook_endpoints w"                    \
    " JOIN webhook_places p ON p.tenant_id = w.tenant_id AND p.endpoint_id = w.id"                 \
    " WHERE w.state = 'active'"

static struct following following_at(const struct db_rows *rows, size_t i) {
    return (struct following){
        .tenant.v = db_uuid(rows, i, 0),
        .id.v = db_uuid(rows, i, 1),
        .events = db_text(rows, i, 2),
        .at = {db_i64(rows, i, 3), db_i64(rows, i, 4)},
    };
}

/* system */
enum status store_following(struct arena *a, struct tx *tx, struct following **ret, size_t *ret_n,
                            struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, DB_SQL(FOLLOWING " ORDER BY w.tenant_id, w.id"), &rows, e));
    *ret = arena_array_of(a, rows.n + 1, struct following);
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = following_at(&rows, i);
    *ret_n = rows.n;
    return ST_OK;
}

enum status store_following_one(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                struct webhook_id id, struct following *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, DB_SQL(FOLLOWING " AND w.tenant_id = $1 AND w.id = $2"), &rows, e,
                 V_UUID(tenant.v), V_UUID(id.v)));
    if (rows.n == 0)
        FAIL(e, ST_NOT_FOUND, "the webhook is not active");
    *ret = following_at(&rows, 0);
    return ST_OK;
}

/* store.c - SQL of paces.
 * tat_us is the theoretical arrival time: when the bucket will be full again. A cell moves it by one interval; it may run ahead
 * of the clock by what may be taken at once, less one.
 * SPDX-License-Identifier: Apache-2.0 */
#include "pace/pace.h"

enum { SWEEP_MAX = 10000 };

#define FULL_FOR_US ((int64_t)3600 * 1000 * 1000) /* nodes' clocks may differ */

/* How far ahead tat_us may be for one more cell. */
static int64_t tolerance_us(struct pace pace) {
    int64_t most = pace.burst - pace.reserve;

    return (most > 1 ? most - 1 : 0) * pace.interval_us;
}

enum status pace_take(struct arena *a, struct tx *tx, struct tenant_id tenant, struct pace pace,
                      int64_t now_us, int64_t *ret_wait_us, struct err *e) {
    int64_t ahead_us = tolerance_us(pace);
    int64_t granted;
    struct db_rows rows;

    *ret_wait_us = 0;
    TRY(DB_EXEC(
        tx,
        DB_SQL("INSERT INTO rate_limits AS r (tenant_id, key, tat_us) VALUES ($1, $2, $3 + $4)"
               " ON CONFLICT (tenant_id, key) DO UPDATE"
               " SET tat_us = CASE WHEN r.tat_us > $3 THEN r.tat_us ELSE $3 END + $4"
               " WHERE r.tat_us <= $3 + $5"),
        &granted, e, V_UUID(tenant.v), V_TEXT(pace.key), V_I64(now_us), V_I64(pace.interval_us),
        V_I64(ahead_us)));
    if (granted > 0)
        return ST_OK;
    TRY(DB_QUERY(a, tx, DB_SQL("SELECT tat_us FROM rate_limits WHERE tenant_id = $1 AND key = $2"),
                 &rows, e, V_UUID(tenant.v), V_TEXT(pace.key)));

    int64_t wait_us = rows.n > 0 ? db_i64(&rows, 0, 0) - ahead_us - now_us : pace.interval_us;

    *ret_wait_us = wait_us > 0 ? wait_us : 1;
    return ST_OK;
}

/* NOLINTNEXTLINE(readability-function-size): whose, where, what and when */
enum status pace_take_some(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           struct pace pace, int64_t want, int64_t now_us, int64_t *ret_granted,
                           int64_t *ret_wait_us, struct err *e) {
    int64_t room_us, granted = 0;
    struct db_rows rows;

    *ret_granted = *ret_wait_us = 0;
    if (want <= 0)
        return ST_OK;
    /* Locks the row and brings it up to now; what it held back then is lost, as it should be. */
    TRY(DB_QUERY(a, tx,
                 DB_SQL("INSERT INTO rate_limits AS r (tenant_id, key, tat_us) VALUES ($1, $2, $3)"
                        " ON CONFLICT (tenant_id, key) DO UPDATE"
                        " SET tat_us = CASE WHEN r.tat_us > $3 THEN r.tat_us ELSE $3 END"
                        " RETURNING tat_us"),
                 &rows, e, V_UUID(tenant.v), V_TEXT(pace.key), V_I64(now_us)));
    room_us = now_us + tolerance_us(pace) - db_i64(&rows, 0, 0);
    if (room_us >= 0)
        granted = room_us / pace.interval_us + 1;
    if (granted > want)
        granted = want;
    *ret_granted = granted;
    if (granted < want)
        *ret_wait_us = granted * pace.interval_us - room_us;
    if (granted == 0)
        return ST_OK;
    return DB_LATER(
        tx, DB_SQL("UPDATE rate_limits SET tat_us = tat_us + $3 WHERE tenant_id = $1 AND key = $2"),
        e, V_UUID(tenant.v), V_TEXT(pace.key), V_I64(granted * pace.interval_us));
}

enum status pace_give_back(struct tx *tx, struct tenant_id tenant, struct pace pace, int64_t cells,
                           struct err *e) {
    if (cells <= 0)
        return ST_OK;
    return DB_LATER(
        tx, DB_SQL("UPDATE rate_limits SET tat_us = tat_us - $3 WHERE tenant_id = $1 AND key = $2"),
        e, V_UUID(tenant.v), V_TEXT(pace.key), V_I64(cells * pace.interval_us));
}

enum status pace_sweep(struct arena *a, struct tx *tx, struct pace_place *at, size_t most,
                       int64_t now_us, bool *ret_more, struct err *e) {
    size_t limit = most < SWEEP_MAX ? most : SWEEP_MAX;
    struct pace_place from = *at;
    struct db_rows rows;

    *ret_more = false;
    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT tenant_id, key FROM rate_limits WHERE (tenant_id, key) > ($1, $2)"
                        " ORDER BY tenant_id, key LIMIT $3"),
                 &rows, e, V_UUID(from.tenant.v), V_TEXT(from.key), V_I64((int64_t)limit)));
    if (rows.n == 0)
        return ST_OK;
    *at = (struct pace_place){.tenant.v = db_uuid(&rows, rows.n - 1, 0),
                              .key = db_text(&rows, rows.n - 1, 1)};
    *ret_more = rows.n == limit;
    return DB_EXEC(tx,
                   DB_SQL("DELETE FROM rate_limits WHERE (tenant_id, key) > ($1, $2)"
                          " AND (tenant_id, key) <= ($3, $4) AND tat_us < $5"),
                   NULL, e, V_UUID(from.tenant.v), V_TEXT(from.key), V_UUID(at->tenant.v),
                   V_TEXT(at->key), V_I64(now_us - FULL_FOR_US));
}

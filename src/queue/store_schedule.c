/* store_schedule.c - the table of schedules: who moves next_at on is the one who fires.
 * SPDX-License-Identifier: Apache-2.0 */
#include "queue/store.h"

/* $1 name, $2 kind, $3 every_ms, $4 next_at. A schedule that was known before keeps its time unless
 * its interval changed. */
static const struct db_sql set_sql =
    DB_SQL("INSERT INTO schedules (name, kind, every_ms, next_at) VALUES ($1, $2, $3, $4)"
           " ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, every_ms = excluded.every_ms,"
           " next_at = CASE WHEN schedules.every_ms = excluded.every_ms"
           "  THEN schedules.next_at ELSE excluded.next_at END"
           " WHERE schedules.kind <> excluded.kind OR schedules.every_ms <> excluded.every_ms");

static const struct db_sql list_sql = DB_SQL("SELECT name, next_at FROM schedules ORDER BY name");

/* $1 name, $2 the next_at this node saw, $3 the new one, $4 now */
static const struct db_sql fire_sql =
    DB_SQL("UPDATE schedules SET next_at = $3, fired_at = $4, fired = fired + 1"
           " WHERE name = $1 AND next_at = $2");

enum status store_schedule_set(struct tx *tx, const struct schedule *s, int64_t first_at_ms,
                               struct err *e) {
    return DB_EXEC(tx, set_sql, NULL, e, V_TEXT(str_of(s->name)), V_TEXT(str_of(s->kind)),
                   V_I64(s->every_ms), V_I64(first_at_ms));
}

enum status store_schedules(struct arena *a, struct tx *tx, struct store_schedule **ret,
                            size_t *ret_n, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, list_sql, &rows, e));
    *ret = arena_array_of(a, rows.n + 1, struct store_schedule);
    *ret_n = rows.n;
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = (struct store_schedule){db_text(&rows, i, 0), db_i64(&rows, i, 1)};
    return ST_OK;
}

enum status store_schedule_fire(struct tx *tx, struct str name, int64_t was_ms, int64_t next_ms,
                                int64_t now_ms, bool *ret_won, struct err *e) {
    int64_t n;

    TRY(DB_EXEC(tx, fire_sql, &n, e, V_TEXT(name), V_I64(was_ms), V_I64(next_ms), V_I64(now_ms)));
    *ret_won = n == 1;
    return ST_OK;
}

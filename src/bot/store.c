/* store.c - SQL of bots, their turns and what they spent.
 * SPDX-License-Identifier: Apache-2.0 */
#include "bot/store.h"

enum status store_bot_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct bot *ret,
                          struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(
        a, tx,
        DB_SQL(
            "SELECT kind, script, model, debounce_ms, debounce_cap_ms, budget_micros, version FROM bots"
            " WHERE tenant_id = $1"),
        &rows, e, V_UUID(tenant.v)));
    if (rows.n == 0)
        FAIL(e, ST_NOT_FOUND, "the tenant has no bot of its own");
    *ret = (struct bot){
        .tenant = tenant,
        .kind = db_text(&rows, 0, 0),
        .script = db_text(&rows, 0, 1),
        .model = db_text(&rows, 0, 2),
        .debounce = {.wait_ms = db_i64(&rows, 0, 3), .cap_ms = db_i64(&rows, 0, 4)},
        .budget_micros = db_i64(&rows, 0, 5),
        .version = db_i64(&rows, 0, 6),
    };
    return ST_OK;
}

enum status store_bot_put(struct tx *tx, const struct bot *bot, int64_t now_ms,
                          int64_t *ret_changed, struct err *e) {
    return DB_EXEC(
        tx,
        DB_SQL(
            "INSERT INTO bots AS b (tenant_id, kind, script, model, debounce_ms, debounce_cap_ms,"
            " budget_micros, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
            " ON CONFLICT (tenant_id) DO UPDATE SET kind = excluded.kind, script = excluded.script,"
            " model = excluded.model, debounce_ms = excluded.debounce_ms,"
            " debounce_cap_ms = excluded.debounce_cap_ms, budget_micros = excluded.budget_micros,"
            " updated_at = excluded.updated_at, version = b.version + 1 WHERE b.version = $9"),
        ret_changed, e, V_UUID(bot->tenant.v), V_TEXT(bot->kind), V_TEXT(bot->script),
        V_TEXT(bot->model), V_I64(bot->debounce.wait_ms), V_I64(bot->debounce.cap_ms),
        V_I64(bot->budget_micros), V_I64(now_ms), V_I64(bot->version));
}

enum status store_turn_insert(struct tx *tx, struct tenant_id tenant, const struct turn *t,
                              struct err *e) {
    return DB_LATER(
        tx,
        DB_SQL("INSERT INTO bot_turns (id, tenant_id, conversation_id, outcome, seen_count, trace,"
               " prompt_tokens, completion_tokens, cost_micros, started_at, took_ms)"
               " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"),
        e, V_UUID(t->id), V_UUID(tenant.v), V_UUID(t->conversation.v), V_TEXT(t->outcome),
        V_I64(t->seen_count), V_TEXT(t->trace), V_I64(t->prompt_tokens),
        V_I64(t->completion_tokens), V_I64(t->cost_micros), V_I64(t->started_at_ms),
        V_I64(t->took_ms));
}

enum status store_spend(struct tx *tx, struct tenant_id tenant, struct str month, int64_t micros,
                        int64_t budget_micros, bool *ret_granted, struct err *e) {
    int64_t changed;

    TRY(DB_EXEC(
        tx,
        DB_SQL("INSERT INTO bot_spending (tenant_id, month, spent_micros) VALUES ($1, $2, 0)"
               " ON CONFLICT (tenant_id, month) DO NOTHING"),
        NULL, e, V_UUID(tenant.v), V_TEXT(month)));
    TRY(DB_EXEC(
        tx,
        DB_SQL("UPDATE bot_spending SET spent_micros = spent_micros + $3"
               " WHERE tenant_id = $1 AND month = $2 AND ($4 = 0 OR spent_micros + $3 <= $4)"),
        &changed, e, V_UUID(tenant.v), V_TEXT(month), V_I64(micros), V_I64(budget_micros)));
    *ret_granted = changed > 0;
    return ST_OK;
}

#define TURN_COLUMNS                                                                               \
    "SELECT id, outcome, trace, seen_count, prompt_tokens, completion_tokens, cost_micros,"        \
    " started_at, took_ms, conversation_id FROM bot_turns WHERE tenant_id = $1"

static struct turn turn_row(const struct db_rows *rows, size_t i) {
    return (struct turn){
        .id = db_uuid(rows, i, 0),
        .outcome = db_text(rows, i, 1),
        .trace = db_text(rows, i, 2),
        .seen_count = db_i64(rows, i, 3),
        .prompt_tokens = db_i64(rows, i, 4),
        .completion_tokens = db_i64(rows, i, 5),
        .cost_micros = db_i64(rows, i, 6),
        .started_at_ms = db_i64(rows, i, 7),
        .took_ms = db_i64(rows, i, 8),
        .conversation.v = db_uuid(rows, i, 9),
    };
}

enum status bot_turns(struct arena *a, struct tx *tx, struct tenant_id tenant,
                      struct conversation_id conversation, size_t limit, struct turn_page *ret,
                      struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, DB_SQL(TURN_COLUMNS " AND conversation_id = $2 ORDER BY id DESC LIMIT $3"),
                 &rows, e, V_UUID(tenant.v), V_UUID(conversation.v), V_I64((int64_t)limit)));
    *ret = (struct turn_page){.items = arena_array_of(a, rows.n + 1, struct turn), .n = rows.n};
    for (size_t i = 0; i < rows.n; i++)
        ret->items[i] = turn_row(&rows, i);
    return ST_OK;
}

static enum status one_turn(const struct db_rows *rows, struct turn *ret, struct err *e) {
    if (rows->n == 0)
        FAIL(e, ST_NOT_FOUND, "no such turn of the bot");
    *ret = turn_row(rows, 0);
    return ST_OK;
}

enum status bot_turn_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct uuid id,
                         struct turn *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, DB_SQL(TURN_COLUMNS " AND id = $2"), &rows, e, V_UUID(tenant.v),
                 V_UUID(id)));
    return one_turn(&rows, ret, e);
}

enum status bot_turn_after(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           struct conversation_id conversation, int64_t at_ms, struct turn *ret,
                           struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(
        a, tx,
        DB_SQL(TURN_COLUMNS " AND conversation_id = $2 AND started_at >= $3 ORDER BY id LIMIT 1"),
        &rows, e, V_UUID(tenant.v), V_UUID(conversation.v), V_I64(at_ms)));
    return one_turn(&rows, ret, e);
}

enum status store_spent(struct arena *a, struct tx *tx, struct tenant_id tenant, struct str month,
                        int64_t *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(
        a, tx, DB_SQL("SELECT spent_micros FROM bot_spending WHERE tenant_id = $1 AND month = $2"),
        &rows, e, V_UUID(tenant.v), V_TEXT(month)));
    *ret = rows.n > 0 ? db_i64(&rows, 0, 0) : 0;
    return ST_OK;
}

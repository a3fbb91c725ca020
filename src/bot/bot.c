/* bot.c - a tenant's bot: its settings, checked before they are kept.
 * SPDX-License-Identifier: Apache-2.0 */
#include "bot/bot.h"

#include "base/clock.h"
#include "bot/script.h"
#include "bot/store.h"
#include "bot/turn.h"

enum { DEBOUNCE_DEFAULT_MS = 2000, DEBOUNCE_CAP_DEFAULT_MS = 8000, DEBOUNCE_CAP_MAX_MS = 60000 };

enum status bot_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct bot *ret,
                    struct err *e) {
    struct err miss = ERR_INIT;
    enum status st = store_bot_get(a, tx, tenant, ret, &miss);

    if (st == ST_NOT_FOUND) {
        *ret = (struct bot){
            .tenant = tenant,
            .kind = STR("script"),
            .debounce = {.wait_ms = DEBOUNCE_DEFAULT_MS, .cap_ms = DEBOUNCE_CAP_DEFAULT_MS},
        };
        return ST_OK;
    }
    if (st != ST_OK)
        *e = miss;
    return st;
}

enum status bot_debounce(struct tx *tx, struct tenant_id tenant, struct debounce *ret,
                         struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct bot bot;

    TRY(bot_get(&a, tx, tenant, &bot, e));
    *ret = bot.debounce;
    return ST_OK;
}

enum status bot_check_script(struct arena *a, struct str script, struct err *e) {
    const struct script *parsed;

    return script_parse(a, script, &parsed, e);
}

struct str bot_builtin_script(void) {
    return script_builtin();
}

enum status bot_spent(struct arena *a, struct tx *tx, struct tenant_id tenant, int64_t *ret,
                      struct err *e) {
    return store_spent(a, tx, tenant, bot_month(a), ret, e);
}

enum status bot_check_model(struct arena *a, struct str text, struct err *e) {
    const struct json *model;

    TRY(json_parse(a, text, JSON_LIMITS_DEFAULT, &model, e));
    if (json_str(json_get(model, "system_prompt")).len == 0)
        FAIL(e, ST_INVALID, "model.system_prompt: a text is needed");

    int64_t history = json_i64(json_get(model, "history"), 20);
    int64_t timeout_ms = json_i64(json_get(model, "timeout_ms"), 30000);

    if (history < 1 || history > 200)
        FAIL(e, ST_INVALID, "model.history: a number of messages from 1 to 200 is needed");
    if (timeout_ms < 1000 || timeout_ms > 120000)
        FAIL(e, ST_INVALID, "model.timeout_ms: 1000 to 120000 milliseconds");
    return ST_OK;
}

enum status bot_set(struct arena *a, struct tx *tx, const struct bot *bot, struct err *e) {
    const struct debounce *d = &bot->debounce;
    bool is_model = str_eq(bot->kind, STR("model"));
    int64_t changed;

    if (!is_model && !str_eq(bot->kind, STR("script")))
        FAIL(e, ST_INVALID, "kind: \"script\" or \"model\" is needed");
    if (bot->script.len > 0)
        TRY(bot_check_script(a, bot->script, e));
    if (is_model)
        TRY(bot_check_model(a, bot->model, e));
    if (d->wait_ms < BOT_DEBOUNCE_MIN_MS || d->wait_ms > BOT_DEBOUNCE_MAX_MS)
        FAIL(e, ST_INVALID, "debounce_ms: %d to %d milliseconds", BOT_DEBOUNCE_MIN_MS,
             BOT_DEBOUNCE_MAX_MS);
    if (d->cap_ms < d->wait_ms || d->cap_ms > DEBOUNCE_CAP_MAX_MS)
        FAIL(e, ST_INVALID, "debounce_cap_ms: from debounce_ms to %d milliseconds",
             DEBOUNCE_CAP_MAX_MS);
    if (bot->budget_micros < 0)
        FAIL(e, ST_INVALID, "budget_micros: 0 (no limit) or more");
    TRY(store_bot_put(tx, bot, clock_now_ms(), &changed, e));
    if (changed == 0)
        FAIL_AS(e, ST_CONFLICT, "version", "somebody changed the bot meanwhile: load it again");
    return ST_OK;
}

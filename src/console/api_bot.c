/* api_bot.c - the tenant's bot.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include "bot/bot.h"

static enum status get_bot(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct bot bot;
    struct json_out *o;

    TRY(bot_get(x->r->arena, tx, x->tenant, &bot, e));
    o = api_begin(x);
    json_put_str(o, "kind", bot.kind);
    if (bot.script.len > 0)
        json_put_raw(o, "script", bot.script);
    if (bot.model.len > 0)
        json_put_raw(o, "model", bot.model);
    json_put_i64(o, "debounce_ms", bot.debounce.wait_ms);
    json_put_i64(o, "debounce_cap_ms", bot.debounce.cap_ms);
    json_put_i64(o, "budget_micros", bot.budget_micros);
    json_put_i64(o, "version", bot.version);
    json_end(o);
    return ST_OK;
}

static enum status put_bot(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct bot bot;

    TRY(bot_get(x->r->arena, tx, x->tenant, &bot, e));
    if (json_get(x->body, "kind"))
        bot.kind = json_str(json_get(x->body, "kind"));
    if (json_get(x->body, "script"))
        bot.script = api_text(x, json_get(x->body, "script"));
    if (json_get(x->body, "model"))
        bot.model = api_text(x, json_get(x->body, "model"));
    bot.debounce.wait_ms = json_i64(json_get(x->body, "debounce_ms"), bot.debounce.wait_ms);
    bot.debounce.cap_ms = json_i64(json_get(x->body, "debounce_cap_ms"), bot.debounce.cap_ms);
    bot.budget_micros = json_i64(json_get(x->body, "budget_micros"), bot.budget_micros);
    TRY(bot_set(x->r->arena, tx, &bot, e));
    TRY(api_audit(tx, x, "bot.set", STR("bot"), e));
    return get_bot(tx, ctx, e);
}

API_HANDLER(bot_get_handler, API_READS, get_bot)
API_HANDLER(bot_put_handler, API_WRITES, put_bot)

const struct route api_bot_routes[] = {
    {HTTP_GET, API "/bot", bot_get_handler, AGENT, .scope = "bot:read",
     .summary = "The tenant's bot"},
    {HTTP_PUT, API "/bot", bot_put_handler, ADMIN, .scope = "bot:write", .max_body = 512 << 10,
     .summary = "Change the tenant's bot"},
};
const size_t api_bot_n_routes = ARRAY_LEN(api_bot_routes);

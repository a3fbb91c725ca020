/* api_bot.c - the tenant's bot.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include "bot/bot.h"

static enum status get_bot(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct bot bot;
    struct json_out *o;
    int64_t spent;

    TRY(bot_get(x->r->arena, tx, x->tenant, &bot, e));
    TRY(bot_spent(x->r->arena, tx, x->tenant, &spent, e));
    o = api_begin(x);
    json_put_str(o, "kind", bot.kind);
    if (bot.script.len > 0)
        json_put_raw(o, "script", bot.script);
    if (bot.model.len > 0)
        json_put_raw(o, "model", bot.model);
    json_put_i64(o, "debounce_ms", bot.debounce.wait_ms);
    json_put_i64(o, "debounce_cap_ms", bot.debounce.cap_ms);
    json_put_i64(o, "budget_micros", bot.budget_micros);
    json_put_i64(o, "spent_micros", spent);
    json_put_i64(o, "version", bot.version);
    json_put_raw(o, "builtin_script", bot_builtin_script());
    json_end(o);
    return ST_OK;
}

/* What the body says over what is kept. A script may also come as text, as an editor has it. */
static void merge_bot(struct api *x, struct bot *bot) {
    const struct json *script = json_get(x->body, "script");

    if (json_get(x->body, "kind"))
        bot->kind = json_str(json_get(x->body, "kind"));
    if (json_type(script) == JSON_NULL)
        bot->script = STR_EMPTY;
    else if (script)
        bot->script = json_type(script) == JSON_STRING ? json_str(script) : api_text(x, script);
    if (json_get(x->body, "model"))
        bot->model = api_text(x, json_get(x->body, "model"));
    bot->debounce.wait_ms = json_i64(json_get(x->body, "debounce_ms"), bot->debounce.wait_ms);
    bot->debounce.cap_ms = json_i64(json_get(x->body, "debounce_cap_ms"), bot->debounce.cap_ms);
    bot->budget_micros = json_i64(json_get(x->body, "budget_micros"), bot->budget_micros);
}

static enum status put_bot(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct bot bot;

    TRY(bot_get(x->r->arena, tx, x->tenant, &bot, e));
    if (json_i64(json_get(x->body, "version"), bot.version) != bot.version)
        FAIL_AS(e, ST_CONFLICT, "version", "somebody changed the bot meanwhile: load it again");
    merge_bot(x, &bot);
    TRY(bot_set(x->r->arena, tx, &bot, e));
    TRY(api_audit(tx, x, "bot.set", STR("bot"), e));
    return get_bot(tx, ctx, e);
}

static enum status check_script(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    const struct json *script = json_get(x->body, "script");
    struct bot_problem *list;
    size_t n;

    (void)tx;
    if (!script)
        FAIL(e, ST_INVALID, "script: it is needed, as JSON or as text");
    bot_problems(x->r->arena,
                 json_type(script) == JSON_STRING ? json_str(script) : api_text(x, script), &list,
                 &n);
    json_arr(api_begin(x), "problems");
    for (size_t i = 0; i < n; i++) {
        json_obj(&x->o, NULL);
        json_put_str(&x->o, "path", list[i].path);
        json_put_str(&x->o, "message", list[i].message);
        json_end(&x->o);
    }
    json_end(&x->o);
    json_end(&x->o);
    return ST_OK;
}

/* --- trying it out ------------------------------------------------------------------------------------------------------ */

static enum status read_lines(struct api *x, struct bot_try *ret, struct err *e) {
    const struct json *list = json_get(x->body, "messages");
    struct bot_line *lines;

    if (json_len(list) > BOT_TRY_LINES)
        FAIL(e, ST_INVALID, "messages: at most %d", BOT_TRY_LINES);
    lines = arena_array_of(x->r->arena, json_len(list) + 1, struct bot_line);
    for (size_t i = 0; i < json_len(list); i++) {
        const struct json *v = json_at(list, i);

        lines[i] = (struct bot_line){
            .is_bot = str_eq(json_str(json_get(v, "from")), STR("bot")),
            .text = json_type(v) == JSON_STRING ? json_str(v) : json_str(json_get(v, "text")),
            .choice = json_str(json_get(v, "choice")),
        };
    }
    ret->lines = lines;
    ret->n_lines = json_len(list);
    ret->name = json_str(json_get(x->body, "name"));
    return ST_OK;
}

struct trying {
    struct api *x;
    struct bot bot;
};

static enum status load_bot(struct tx *tx, void *ctx, struct err *e) {
    struct trying *t = ctx;

    return bot_get(t->x->r->arena, tx, t->x->tenant, &t->bot, e);
}

static void write_answer(struct api *x, const struct bot_answer *answer) {
    struct json_out *o = api_begin(x);

    json_arr(o, "say");
    for (size_t i = 0; i < answer->n_say; i++) {
        json_obj(o, NULL);
        json_put_str(o, "type", answer->say[i].type);
        json_put_raw(o, "content", answer->say[i].content);
        json_end(o);
    }
    json_end(o);
    json_put_str_or_null(o, "handoff", answer->handoff);
    json_put_raw(o, "decided", answer->how);
    json_put_i64(o, "cost_micros", answer->cost_micros);
    json_put_i64(o, "took_ms", answer->took_ms);
    json_end(o);
}

/* Outside of a transaction: a model takes its time. */
static enum status bot_try_post(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    ATTR_CLEANUP(api_done) struct api x;
    struct trying t = {.x = &x};
    struct bot_try in = {.bot = &t.bot};
    struct bot_answer answer;

    TRY(api_start(&x, app, r, e));
    TRY(db_read(app_db(app), DB_TENANT(x.tenant), load_bot, &t, e));
    merge_bot(&x, &t.bot);
    TRY(read_lines(&x, &in, e));
    TRY(bot_try(app_bot(app), r->arena, &in, &answer, e));
    write_answer(&x, &answer);
    resp_json(r, ret, 200, &x.out);
    return ST_OK;
}

API_HANDLER(bot_get_handler, API_READS, get_bot)
API_HANDLER(bot_put_handler, API_WRITES, put_bot)
API_HANDLER(bot_check_post, API_READS, check_script)

const struct route api_bot_routes[] = {
    {HTTP_GET, API "/bot", bot_get_handler, AGENT, .scope = "bot:read",
     .summary = "The tenant's bot"},
    {HTTP_PUT, API "/bot", bot_put_handler, ADMIN, .scope = "bot:write", .max_body = 512 << 10,
     .summary = "Change the tenant's bot"},
    {HTTP_POST, API "/bot/check", bot_check_post, ADMIN, .scope = "bot:write",
     .max_body = 512 << 10, .summary = "What is wrong with a script, place by place"},
    {HTTP_POST, API "/bot/try", bot_try_post, ADMIN, .scope = "bot:write", .max_body = 512 << 10,
     .rate_per_min = 60, .summary = "What the bot would answer to a talk; nothing is kept or sent"},
};
const size_t api_bot_n_routes = ARRAY_LEN(api_bot_routes);

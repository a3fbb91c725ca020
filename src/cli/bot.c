/* bot.c - prosa bot: what answers for a tenant.
 * A file holds either a script, or the bot's settings as the API shows them: {"kind", "script",
 * "model", "debounce_ms", "debounce_cap_ms", "budget_micros"}, each as needed.
 * SPDX-License-Identifier: Apache-2.0 */
#include "bot/bot.h"

#include "cli/cli.h"

enum {
    FILE_MAX_BYTES = 1 << 20,
};

struct bot_file {
    struct cli *c;
    struct str text;
    const struct json *json;
};

static enum status read_bot_file(struct cli *c, struct str path, struct bot_file *ret,
                                 struct err *e) {
    *ret = (struct bot_file){.c = c};
    TRY(cli_read_file(c, path, FILE_MAX_BYTES, &ret->text, e));
    TRY(json_parse(&c->arena, ret->text, JSON_LIMITS_DEFAULT, &ret->json, e));
    if (json_type(ret->json) != JSON_OBJECT)
        FAIL(e, ST_INVALID, "the file is not a JSON object");
    return ST_OK;
}

static bool is_script(const struct bot_file *f) {
    return json_get(f->json, "nodes") != NULL;
}

static struct str as_text(struct cli *c, const struct json *v) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = 2 * FILE_MAX_BYTES};

    if (json_type(v) == JSON_STRING)
        return json_str(v);
    json_write(&b, v);
    return arena_str(&c->arena, buf_str(&b));
}

static enum status refuse_unknown(const struct bot_file *f, struct err *e) {
    static const char *const known[] = {
        "kind", "script", "model", "debounce_ms", "debounce_cap_ms", "budget_micros", "version"};
    const struct json *value;
    struct str key;

    for (size_t i = 0; json_member(f->json, i, &key, &value); i++) {
        bool found = false;

        for (size_t j = 0; j < ARRAY_LEN(known); j++)
            found = found || str_eq(key, str_of(known[j]));
        if (!found)
            FAIL(e, ST_INVALID, "\"%.*s\" is neither of a script nor of the settings",
                 STR_ARG(str_sub(key, 0, 40)));
    }
    return ST_OK;
}

static enum status apply(const struct bot_file *f, struct bot *bot, struct err *e) {
    const struct json *v = f->json;

    if (is_script(f)) {
        bot->kind = STR("script");
        bot->script = f->text;
        return ST_OK;
    }
    TRY(refuse_unknown(f, e));
    if (json_get(v, "kind"))
        bot->kind = json_str(json_get(v, "kind"));
    if (json_get(v, "script"))
        bot->script = as_text(f->c, json_get(v, "script"));
    if (json_get(v, "model"))
        bot->model = as_text(f->c, json_get(v, "model"));
    bot->debounce.wait_ms = json_i64(json_get(v, "debounce_ms"), bot->debounce.wait_ms);
    bot->debounce.cap_ms = json_i64(json_get(v, "debounce_cap_ms"), bot->debounce.cap_ms);
    bot->budget_micros = json_i64(json_get(v, "budget_micros"), bot->budget_micros);
    return ST_OK;
}

/* --- show ------------------------------------------------------------------------------------ */

/* JSON in either case: a bot is a file one edits. */
static enum status put_bot(struct cli *c, struct tx *tx, struct tenant_id tenant, struct err *e) {
    struct json_out *o = &c->json;
    struct bot bot;

    TRY(bot_get(&c->arena, tx, tenant, &bot, e));
    json_obj(o, NULL);
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
    if (!c->is_json)
        buf_add_char(&c->out, '\n');
    return ST_OK;
}

static enum status show_tx(struct tx *tx, void *ctx, struct err *e) {
    struct cli *c = ctx;
    struct tenant tenant;

    TRY(cli_tenant(c, tx, cli_arg(c, 0), &tenant, e));
    return put_bot(c, tx, tenant.id, e);
}

static enum status show(struct cli *c, struct err *e) {
    return cli_write(c, show_tx, c, e);
}

/* --- set, check ------------------------------------------------------------------------------ */

static enum status set_tx(struct tx *tx, void *ctx, struct err *e) {
    struct bot_file *f = ctx;
    struct tenant tenant;
    struct bot bot;

    TRY(cli_tenant(f->c, tx, cli_arg(f->c, 0), &tenant, e));
    TRY(bot_get(&f->c->arena, tx, tenant.id, &bot, e));
    TRY(apply(f, &bot, e));
    TRY(bot_set(&f->c->arena, tx, &bot, e));
    TRY(cli_audit(f->c, tx, tenant.id, "bot.set", "tenant", tenant.id.v, e));
    if (f->c->is_json)
        return put_bot(f->c, tx, tenant.id, e);
    buf_printf(&f->c->out, "Stored the bot of %.*s\n", STR_ARG(tenant.slug));
    return ST_OK;
}

static enum status set(struct cli *c, struct err *e) {
    struct bot_file f;

    TRY(read_bot_file(c, cli_arg(c, 1), &f, e));
    return cli_write(c, set_tx, &f, e);
}

static enum status check(struct cli *c, struct err *e) {
    struct bot_file f;
    struct bot bot = {0};

    TRY(read_bot_file(c, cli_arg(c, 0), &f, e));
    TRY(apply(&f, &bot, e));
    if (bot.script.len > 0)
        TRY(bot_check_script(&c->arena, bot.script, e));
    if (!c->is_json) {
        buf_add(&c->out, STR("The file is in order.\n"));
        return ST_OK;
    }
    json_obj(&c->json, NULL);
    json_put_bool(&c->json, "is_ok", true);
    json_end(&c->json);
    return ST_OK;
}

#define FILE_HELP                                                                                  \
    "FILE (\"-\": standard input) is a script, or settings as `prosa bot show` prints them."

const struct command bot_commands[] = {
    {.name = "set",
     .args = "SLUG FILE",
     .summary = "store a tenant's bot",
     .task = "store the bot",
     .help = FILE_HELP,
     .run = set},
    {.name = "show",
     .args = "SLUG",
     .summary = "print a tenant's bot as JSON",
     .task = "show the bot",
     .run = show},
    {.name = "check",
     .args = "FILE",
     .summary = "check a file without storing it",
     .task = "accept the bot",
     .help = FILE_HELP,
     .run = check,
     .opens = OPENS_NOTHING},
    {.name = NULL},
};

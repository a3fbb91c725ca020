/* inbox.c - prosa inbox: providers' calls as they came in.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"
#include "cli/cli.h"
#include "intake/intake.h"

static void put_row(struct cli *c, const struct inbox_row *r, bool with_body) {
    struct json_out *o = &c->json;

    json_obj(o, NULL);
    json_put_id(o, "id", r->id.v);
    json_put_id(o, "tenant_id", r->tenant.v);
    json_put_id(o, "provider_id", r->account.v);
    json_put_str(o, "provider", r->provider);
    json_put_str(o, "state", r->state);
    json_put_str_or_null(o, "cause", r->cause);
    json_put_str_or_null(o, "reason", r->reason);
    json_put_i64(o, "events", r->events);
    json_put_i64(o, "bytes", r->bytes);
    json_put_time(o, "received_at", r->received_at_ms);
    json_put_time(o, "done_at", r->done_at_ms);
    if (with_body) { /* as it came: not always text */
        if (utf8_is_valid(r->body))
            json_put_str(o, "body", r->body);
        else
            json_put_str(o, "body_base64", crypto_base64(&c->arena, r->body));
    }
    json_end(o);
}

/* --- list ------------------------------------------------------------------------------------ */

static void list_table(struct cli *c, const struct inbox_page *page) {
    static const char *const heads[] = {"ID",     "PROVIDER", "STATE", "RECEIVED",
                                        "EVENTS", "BYTES",    "CAUSE", "REASON"};
    struct table t;

    table_begin(&t, c, heads, ARRAY_LEN(heads));
    for (size_t i = 0; i < page->n; i++) {
        const struct inbox_row *r = &page->items[i];

        table_add(&t, cli_id_text(c, r->id.v));
        table_add(&t, r->provider);
        table_add(&t, r->state);
        table_add(&t, cli_time_text(c, r->received_at_ms));
        table_add(&t, arena_printf(&c->arena, "%lld", (long long)r->events));
        table_add(&t, arena_printf(&c->arena, "%lld", (long long)r->bytes));
        table_add(&t, r->cause);
        table_add(&t, r->reason);
    }
    table_end(&t, "No such calls.");
    if (page->next.len > 0)
        buf_printf(&c->out, "More with --cursor %.*s\n", STR_ARG(page->next));
}

static void list_json(struct cli *c, const struct inbox_page *page) {
    json_obj(&c->json, NULL);
    json_arr(&c->json, "data");
    for (size_t i = 0; i < page->n; i++)
        put_row(c, &page->items[i], false);
    json_end(&c->json);
    json_put_str_or_null(&c->json, "next", page->next);
    json_end(&c->json);
}

static enum status list_tx(struct tx *tx, void *ctx, struct err *e) {
    struct cli *c = ctx;
    struct inbox_query query = {.state = cli_value(c, "state"), .cursor = cli_value(c, "cursor")};
    struct inbox_page page;

    TRY(cli_limit(c, &query.limit, e));
    TRY(cli_tenant_option(c, tx, &query.tenant, e));
    TRY(inbox_list(&c->arena, tx, &query, &page, e));
    if (c->is_json)
        list_json(c, &page);
    else
        list_table(c, &page);
    return ST_OK;
}

static enum status list(struct cli *c, struct err *e) {
    return cli_write(c, list_tx, c, e);
}

/* --- show, replay ---------------------------------------------------------------------------- */

static enum status show_tx(struct tx *tx, void *ctx, struct err *e) {
    struct cli *c = ctx;
    struct inbox_id id;
    struct inbox_row row;

    TRY(cli_arg_uuid(c, 0, &id.v, e));
    TRY(inbox_get(&c->arena, tx, (struct tenant_id){0}, id, &row, e));
    if (c->is_json) {
        put_row(c, &row, true);
        return ST_OK;
    }
    buf_add(&c->out, row.body);
    buf_add_char(&c->out, '\n');
    return ST_OK;
}

static enum status show(struct cli *c, struct err *e) {
    return cli_write(c, show_tx, c, e);
}

static enum status replay_tx(struct tx *tx, void *ctx, struct err *e) {
    struct cli *c = ctx;
    struct tenant_id tenant;
    struct inbox_id id;
    int64_t n;

    TRY(cli_arg_uuid(c, 0, &id.v, e));
    if (uuid_is_nil(id.v) && !cli_has(c, "state") && !cli_has(c, "all"))
        FAIL(e, ST_INVALID, "which calls? Give an ID, --state or --all");
    TRY(cli_tenant_option(c, tx, &tenant, e));
    TRY(inbox_replay(tx, tenant, id, cli_value(c, "state"), &n, e));
    if (n == 0 && !uuid_is_nil(id.v))
        FAIL(e, ST_NOT_FOUND, "there is no such call, or it waits already");
    TRY(cli_audit(c, tx, tenant, "inbox.replay", "inbox", id.v, e));
    if (!c->is_json) {
        buf_printf(&c->out, "Back in line: %lld\n", (long long)n);
        return ST_OK;
    }
    json_obj(&c->json, NULL);
    json_put_i64(&c->json, "count", n);
    json_end(&c->json);
    return ST_OK;
}

static enum status replay(struct cli *c, struct err *e) {
    return cli_write(c, replay_tx, c, e);
}

/* --- table ----------------------------------------------------------------------------------- */

#define TENANT_OPTION                                                                              \
    { .name = "tenant", .value = "SLUG", .help = "only this tenant's (default: everybody's)" }
#define STATE_OPTION                                                                               \
    { .name = "state", .value = "STATE", .help = "received, unparsed, unrouted, failed or done" }

static const struct option list_options[] = {
    TENANT_OPTION,
    STATE_OPTION,
    CLI_LIMIT_OPTION,
    {.name = "cursor", .value = "CURSOR", .help = "go on where the last list ended"},
    {.name = NULL},
};

static const struct option replay_options[] = {
    TENANT_OPTION,
    STATE_OPTION,
    {.name = "all", .help = "all that could not be applied"},
    {.name = NULL},
};

const struct command inbox_commands[] = {
    {.name = "list", .summary = "list calls, newest first", .options = list_options, .run = list},
    {.name = "show",
     .args = "ID",
     .summary = "print a call as it came",
     .task = "show the call",
     .help = "The body holds what people wrote: mind who sees it.",
     .run = show},
    {.name = "replay",
     .args = "[ID]",
     .summary = "read calls again that could not be applied",
     .task = "replay calls",
     .help = "What took effect before does not take effect twice.",
     .options = replay_options,
     .run = replay},
    {.name = NULL},
};

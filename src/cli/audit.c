/* audit.c - prosa audit: who changed what.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

/* The tenant of args[0]; without one the installation's own log. */
static enum status whose(struct cli *c, struct tx *tx, struct tenant_id *ret, struct err *e) {
    struct tenant tenant = {0};

    if (c->n_args > 0)
        TRY(cli_tenant(c, tx, cli_arg(c, 0), &tenant, e));
    *ret = tenant.id;
    return ST_OK;
}

static void put_row(struct cli *c, const struct audit_row *r) {
    struct json_out *o = &c->json;

    json_obj(o, NULL);
    json_put_i64(o, "seq", r->seq);
    json_put_time(o, "at", r->at_ms);
    json_put_str(o, "actor", r->actor);
    json_put_str(o, "action", r->action);
    json_put_str_or_null(o, "object", r->object);
    json_put_raw_or_null(o, "detail", r->detail);
    json_put_str(o, "hash", crypto_hex(&c->arena, r->hash));
    json_end(o);
}

static void list_table(struct cli *c, const struct audit_row *list, size_t n) {
    static const char *const heads[] = {"NO", "AT", "WHO", "DID", "TO", "DETAIL"};
    struct table t;

    table_begin(&t, c, heads, ARRAY_LEN(heads));
    for (size_t i = 0; i < n; i++) {
        table_add(&t, arena_printf(&c->arena, "%lld", (long long)list[i].seq));
        table_add(&t, cli_time_text(c, list[i].at_ms));
        table_add(&t, list[i].actor);
        table_add(&t, list[i].action);
        table_add(&t, list[i].object);
        table_add(&t, list[i].detail);
    }
    table_end(&t, "Nothing was recorded yet.");
}

static enum status list_tx(struct tx *tx, void *ctx, struct err *e) {
    struct cli *c = ctx;
    struct audit_query query = {0};
    struct audit_row *rows;
    size_t n;

    TRY(cli_limit(c, &query.limit, e));
    TRY(cli_number(c, "before", 1, INT64_MAX, &query.before, e));
    TRY(whose(c, tx, &query.tenant, e));
    TRY(audit_list(&c->arena, tx, query, &rows, &n, e));
    CLI_LIST(c, rows, n, put_row, list_table);
    return ST_OK;
}

static enum status list(struct cli *c, struct err *e) {
    return cli_write(c, list_tx, c, e);
}

static enum status verify_tx(struct tx *tx, void *ctx, struct err *e) {
    struct cli *c = ctx;
    struct tenant_id tenant;
    int64_t n;

    TRY(whose(c, tx, &tenant, e));
    TRY(audit_verify(tx, tenant, &n, e));
    if (!c->is_json) {
        buf_printf(&c->out, "%lld entries, each as it was recorded.\n", (long long)n);
        return ST_OK;
    }
    json_obj(&c->json, NULL);
    json_put_bool(&c->json, "is_ok", true);
    json_put_i64(&c->json, "count", n);
    json_end(&c->json);
    return ST_OK;
}

static enum status verify(struct cli *c, struct err *e) {
    return cli_write(c, verify_tx, c, e);
}

static const struct option list_options[] = {
    CLI_LIMIT_OPTION,
    {.name = "before", .value = "NO", .help = "go on below this number"},
    {.name = NULL},
};

const struct command audit_commands[] = {
    {.name = "list",
     .args = "[SLUG]",
     .summary = "list what was done, newest first",
     .help = "Without SLUG: what concerns the installation as a whole.",
     .options = list_options,
     .run = list},
    {.name = "verify",
     .args = "[SLUG]",
     .summary = "check that no entry was changed or removed",
     .task = "verify the audit log",
     .help =
         "Each entry's hash covers the one before. Note a hash of `audit list --json` elsewhere\n"
         "from time to time: it proves everything up to its entry.",
     .run = verify},
    {.name = NULL},
};

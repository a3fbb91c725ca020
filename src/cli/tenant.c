/* tenant.c - prosa tenant: the clients whose data is kept.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

enum {
    LEGACY_MAX_BYTES = 256 << 10,
};

static void put_tenant(struct cli *c, const struct tenant *t) {
    struct json_out *o = &c->json;

    json_obj(o, NULL);
    json_put_id(o, "id", t->id.v);
    json_put_str(o, "slug", t->slug);
    json_put_str(o, "name", t->name);
    json_put_str(o, "locale", t->locale);
    json_put_str(o, "timezone", t->timezone);
    json_put_bool(o, "is_active", t->is_active);
    json_put_time(o, "created_at", t->created_at_ms);
    json_end(o);
}

static void show(struct cli *c, const struct tenant *t, const char *what) {
    if (c->is_json)
        put_tenant(c, t);
    else
        buf_printf(&c->out, "%s tenant %.*s (%.*s)\n", what, STR_ARG(t->slug),
                   STR_ARG(cli_id_text(c, t->id.v)));
}

/* --- add ------------------------------------------------------------------------------------- */

static enum status add_tx(struct tx *tx, void *ctx, struct err *e) {
    struct cli *c = ctx;
    struct tenant_new in = {
        .slug = cli_arg(c, 0),
        .name = cli_value(c, "name"),
        .locale = cli_value(c, "locale"),
        .timezone = cli_value(c, "timezone"),
    };
    struct tenant t;

    TRY(tenant_add(&c->arena, tx, in, &t, e));
    TRY(cli_audit(c, tx, t.id, "tenant.add", "tenant", t.id.v, e));
    show(c, &t, "Added");
    return ST_OK;
}

static enum status add(struct cli *c, struct err *e) {
    return cli_write(c, add_tx, c, e);
}

/* --- list ------------------------------------------------------------------------------------ */

static void list_table(struct cli *c, const struct tenant *list, size_t n) {
    static const char *const heads[] = {"SLUG", "NAME", "STATE", "TIME ZONE", "ADDED", "ID"};
    struct table t;

    table_begin(&t, c, heads, ARRAY_LEN(heads));
    for (size_t i = 0; i < n; i++) {
        table_add(&t, list[i].slug);
        table_add(&t, list[i].name);
        table_add(&t, list[i].is_active ? STR("active") : STR("disabled"));
        table_add(&t, list[i].timezone);
        table_add(&t, cli_time_text(c, list[i].created_at_ms));
        table_add(&t, cli_id_text(c, list[i].id.v));
    }
    table_end(&t, "No tenants yet: prosa tenant add SLUG");
}

static enum status list_tx(struct tx *tx, void *ctx, struct err *e) {
    struct cli *c = ctx;
    struct tenant *list;
    size_t n;

    TRY(tenant_list(&c->arena, tx, &list, &n, e));
    CLI_LIST(c, list, n, put_tenant, list_table);
    return ST_OK;
}

static enum status list(struct cli *c, struct err *e) {
    return cli_write(c, list_tx, c, e);
}

/* --- enable, disable ------------------------------------------------------------------------- */

static enum status switch_active(struct cli *c, struct tx *tx, bool is_active, struct err *e) {
    struct tenant t;

    TRY(cli_tenant(c, tx, cli_arg(c, 0), &t, e));
    TRY(tenant_set_active(tx, t.id, is_active, e));
    TRY(cli_audit(c, tx, t.id, is_active ? "tenant.enable" : "tenant.disable", "tenant", t.id.v,
                  e));
    t.is_active = is_active;
    show(c, &t, is_active ? "Enabled" : "Disabled");
    return ST_OK;
}

static enum status enable_tx(struct tx *tx, void *ctx, struct err *e) {
    return switch_active(ctx, tx, true, e);
}

static enum status disable_tx(struct tx *tx, void *ctx, struct err *e) {
    return switch_active(ctx, tx, false, e);
}

static enum status enable(struct cli *c, struct err *e) {
    return cli_write_callers(c, enable_tx, c, e);
}

static enum status disable(struct cli *c, struct err *e) {
    return cli_write_callers(c, disable_tx, c, e);
}

/* --- old columns ----------------------------------------------------------------------------- */

struct legacy {
    struct cli *c;
    struct str json;
};

static enum status legacy_tx(struct tx *tx, void *ctx, struct err *e) {
    struct legacy *l = ctx;
    struct tenant t;

    TRY(cli_tenant(l->c, tx, cli_arg(l->c, 0), &t, e));
    TRY(tenant_set_legacy(tx, t.id, l->json, e));
    TRY(cli_audit(l->c, tx, t.id, "tenant.legacy", "tenant", t.id.v, e));
    show(l->c, &t, "Stored the old columns of");
    return ST_OK;
}

static enum status legacy(struct cli *c, struct err *e) {
    struct legacy l = {.c = c};

    TRY(cli_read_file(c, cli_arg(c, 1), LEGACY_MAX_BYTES, &l.json, e));
    return cli_write(c, legacy_tx, &l, e);
}

static const struct option add_options[] = {
    {.name = "name", .value = "TEXT", .help = "shown to people (default: the slug)"},
    {.name = "locale", .value = "TAG", .help = "language and country (default: pt-BR)"},
    {.name = "timezone", .value = "ZONE", .help = "(default: America/Sao_Paulo)"},
    {.name = NULL},
};

const struct command tenant_commands[] = {
    {.name = "add",
     .args = "SLUG",
     .summary = "add a tenant",
     .task = "add the tenant",
     .help = "SLUG names the tenant on the command line: a-z, 0-9 and \"-\", 2 to 40 characters.",
     .options = add_options,
     .run = add},
    {.name = "list", .summary = "list the tenants", .run = list},
    {.name = "enable",
     .args = "SLUG",
     .summary = "enable a tenant again",
     .task = "enable the tenant",
     .run = enable},
    {.name = "disable",
     .args = "SLUG",
     .summary = "refuse its users and keys and leave its calls undone; deletes nothing",
     .task = "disable the tenant",
     .run = disable},
    {.name = "legacy",
     .args = "SLUG FILE",
     .summary = "store what an older system knew of this client",
     .task = "store the old columns",
     .help =
         "FILE (\"-\": standard input) is a JSON object with the client's old columns, such as\n"
         "whatsapp_phone_number_id, and tools_config. They serve where no active provider\n"
         "account does, and stay as plain as they are: prefer `prosa provider add`.",
     .run = legacy},
    {.name = NULL},
};

/* template.c - prosa template: message templates of a tenant, and reading them from the providers.
 * SPDX-License-Identifier: Apache-2.0 */
#include "template/template.h"
#include "cli/cli.h"

enum { PAGE_ROWS = 500 };

struct showing {
    struct cli *c;
    struct tenant tenant;
    struct template_page page;
    struct table table;
};

static void put_template(struct cli *c, const struct template *t) {
    struct json_out *o = &c->json;

    json_obj(o, NULL);
    json_put_id(o, "id", t->id);
    json_put_id(o, "account_id", t->account.v);
    json_put_str(o, "channel", t->channel);
    json_put_str(o, "name", t->name);
    json_put_str(o, "language", t->language);
    json_put_str_or_null(o, "category", t->category);
    json_put_str(o, "status", t->status);
    json_put_str_or_null(o, "status_reason", t->status_reason);
    json_put_str_or_null(o, "quality", t->quality);
    json_put_str_or_null(o, "provider_ref", t->provider_ref);
    json_put_str_or_null(o, "subject", t->subject);
    json_put_str(o, "body", t->body);
    json_put_str_or_null(o, "html", t->html);
    json_arr(o, "variables");
    for (size_t i = 0; i < t->n_variables; i++)
        json_put_str(o, NULL, t->variables[i].key);
    json_end(o);
    json_put_time(o, "synced_at", t->synced_at_ms);
    json_put_time(o, "updated_at", t->updated_at_ms);
    json_end(o);
}

static struct str variables_text(struct cli *c, const struct template *t) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = 4096};

    for (size_t i = 0; i < t->n_variables; i++)
        buf_printf(&b, "%s%.*s", i > 0 ? " " : "", STR_ARG(t->variables[i].key));
    return arena_str(&c->arena, buf_str(&b));
}

static void add_row(struct showing *s, const struct template *t) {
    table_add(&s->table, cli_id_text(s->c, t->id));
    table_add(&s->table, t->channel);
    table_add(&s->table, t->name);
    table_add(&s->table, t->language);
    table_add(&s->table, t->status);
    table_add(&s->table, t->quality.len > 0 ? t->quality : STR("-"));
    table_add(&s->table, variables_text(s->c, t));
}

static enum status list_tx(struct tx *tx, void *ctx, struct err *e) {
    static const char *const heads[] = {"ID",     "CHANNEL", "NAME",     "LANGUAGE",
                                        "STATUS", "QUALITY", "VARIABLES"};
    struct cli *c = ctx;
    struct showing s = {.c = c};
    struct template_query q = {.limit = PAGE_ROWS};

    TRY(cli_tenant(c, tx, cli_arg(c, 0), &s.tenant, e));
    if (c->is_json)
        cli_begin_list(c);
    else
        table_begin(&s.table, c, heads, ARRAY_LEN(heads));
    do {
        TRY(template_list(&c->arena, tx, s.tenant.id, &q, &s.page, e));
        for (size_t i = 0; i < s.page.n; i++) {
            if (c->is_json)
                put_template(c, &s.page.items[i]);
            else
                add_row(&s, &s.page.items[i]);
        }
        q.after = s.page.next;
    } while (s.page.has_more);
    if (c->is_json)
        cli_end_list(c);
    else
        table_end(&s.table, "No templates yet: prosa template sync SLUG");
    return ST_OK;
}

static enum status list(struct cli *c, struct err *e) {
    return cli_write(c, list_tx, c, e);
}

static enum status show_tx(struct tx *tx, void *ctx, struct err *e) {
    struct cli *c = ctx;
    struct tenant tenant;
    struct template t;
    struct uuid id;

    TRY(cli_arg_uuid(c, 1, &id, e));
    TRY(cli_tenant(c, tx, cli_arg(c, 0), &tenant, e));
    TRY(template_get(&c->arena, tx, tenant.id, id, &t, e));
    if (c->is_json) {
        put_template(c, &t);
        return ST_OK;
    }
    buf_printf(&c->out, "%.*s (%.*s, %.*s) is %.*s%s%.*s\n", STR_ARG(t.name), STR_ARG(t.language),
               STR_ARG(t.channel), STR_ARG(t.status), t.status_reason.len > 0 ? ": " : "",
               STR_ARG(t.status_reason));
    if (t.subject.len > 0)
        buf_printf(&c->out, "Subject: %.*s\n", STR_ARG(t.subject));
    buf_printf(&c->out, "Variables: %.*s\n\n%.*s\n", STR_ARG(variables_text(c, &t)),
               STR_ARG(t.body));
    return ST_OK;
}

static enum status show(struct cli *c, struct err *e) {
    return cli_write(c, show_tx, c, e);
}

static enum status sync_tx(struct tx *tx, void *ctx, struct err *e) {
    struct cli *c = ctx;
    struct tenant tenant;
    size_t n;

    TRY(cli_tenant(c, tx, cli_arg(c, 0), &tenant, e));
    TRY(template_sync_tenant(&c->arena, tx, tenant.id, &n, e));
    if (c->is_json) {
        json_obj(&c->json, NULL);
        json_put_i64(&c->json, "accounts", (int64_t)n);
        json_end(&c->json);
    } else {
        buf_printf(&c->out, "The templates of %zu account%s will be read by the server\n", n,
                   n == 1 ? "" : "s");
    }
    return ST_OK;
}

static enum status sync_all(struct cli *c, struct err *e) {
    return cli_write(c, sync_tx, c, e);
}

const struct command template_commands[] = {
    {.name = "list", .args = "SLUG", .summary = "list a tenant's templates", .run = list},
    {.name = "show",
     .args = "SLUG ID",
     .summary = "show one template",
     .task = "show the template",
     .run = show},
    {.name = "sync",
     .args = "SLUG",
     .summary = "read the templates from the providers",
     .task = "sync the templates",
     .help = "Done by the server, soon; it does so by itself every hour.",
     .run = sync_all},
    {.name = NULL},
};

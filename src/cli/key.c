/* key.c - prosa key: API keys of a tenant.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/cli.h"

enum {
    SCOPES_MAX_BYTES = 4096,
};

/* secret: only of a new key, this once. */
static void put_key(struct json_out *o, const struct api_key *k, struct str secret) {
    json_obj(o, NULL);
    json_put_id(o, "id", k->id);
    json_put_id(o, "tenant_id", k->tenant.v);
    json_put_opt(o, "key", secret);
    json_put_str_or_null(o, "name", k->name);
    json_put_str(o, "prefix", k->prefix);
    json_put_str(o, "scopes", k->scopes);
    json_put_time(o, "created_at", k->created_at_ms);
    json_put_time(o, "last_used_at", k->last_used_at_ms);
    json_put_time(o, "revoked_at", k->revoked_at_ms);
    json_end(o);
}

/* --- add ------------------------------------------------------------------------------------- */

static struct str all_scopes(struct cli *c) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = SCOPES_MAX_BYTES};

    for (size_t i = 0; i < c->n_given; i++) {
        if (strcmp(c->given[i].option->name, "scope") == 0) {
            buf_add(&b, c->given[i].value);
            buf_add_char(&b, ' ');
        }
    }
    return arena_str(&c->arena, buf_str(&b));
}

static enum status add_tx(struct tx *tx, void *ctx, struct err *e) {
    struct cli *c = ctx;
    struct tenant tenant;
    struct api_key key;
    struct str secret;
    struct api_key_new in = {.name = cli_value(c, "name"), .scopes = all_scopes(c)};

    TRY(cli_tenant(c, tx, cli_arg(c, 0), &tenant, e));
    in.tenant = tenant.id;
    TRY(api_key_add(&c->arena, tx, in, &secret, &key, e));
    TRY(cli_audit(c, tx, tenant.id, "key.add", "key", key.id, e));
    if (c->is_json)
        put_key(&c->json, &key, secret);
    else
        buf_printf(&c->out, "%.*s\nThis is the only time the key is shown. Id %.*s, scopes %.*s\n",
                   STR_ARG(secret), STR_ARG(cli_id_text(c, key.id)), STR_ARG(key.scopes));
    return ST_OK;
}

static enum status add(struct cli *c, struct err *e) {
    return cli_write(c, add_tx, c, e);
}

/* --- list ------------------------------------------------------------------------------------ */

static void list_table(struct cli *c, const struct api_key *list, size_t n) {
    static const char *const heads[] = {"KEY",   "NAME",      "SCOPES", "ADDED",
                                        "STATE", "LAST USED", "ID"};
    struct table t;

    table_begin(&t, c, heads, ARRAY_LEN(heads));
    for (size_t i = 0; i < n; i++) {
        table_add(&t, arena_printf(&c->arena, "%.*s…", STR_ARG(list[i].prefix)));
        table_add(&t, list[i].name);
        table_add(&t, list[i].scopes);
        table_add(&t, cli_time_text(c, list[i].created_at_ms));
        table_add(&t, list[i].revoked_at_ms ? STR("revoked") : STR("in force"));
        table_add(&t, cli_time_text(c, list[i].last_used_at_ms));
        table_add(&t, cli_id_text(c, list[i].id));
    }
    table_end(&t, "No keys yet: prosa key add SLUG --scope read");
}

static enum status list_tx(struct tx *tx, void *ctx, struct err *e) {
    struct cli *c = ctx;
    struct tenant tenant;
    struct api_key *list;
    size_t n;

    TRY(cli_tenant(c, tx, cli_arg(c, 0), &tenant, e));
    TRY(api_key_list(&c->arena, tx, tenant.id, &list, &n, e));
    if (!c->is_json) {
        list_table(c, list, n);
        return ST_OK;
    }
    cli_begin_list(c);
    for (size_t i = 0; i < n; i++)
        put_key(&c->json, &list[i], STR_EMPTY);
    cli_end_list(c);
    return ST_OK;
}

static enum status list(struct cli *c, struct err *e) {
    return cli_write(c, list_tx, c, e);
}

/* --- revoke ---------------------------------------------------------------------------------- */

static enum status revoke_tx(struct tx *tx, void *ctx, struct err *e) {
    struct cli *c = ctx;
    struct tenant tenant;
    struct uuid id;

    TRY(cli_arg_uuid(c, 1, &id, e));
    TRY(cli_tenant(c, tx, cli_arg(c, 0), &tenant, e));
    TRY(api_key_revoke(tx, tenant.id, id, e));
    TRY(cli_audit(c, tx, tenant.id, "key.revoke", "key", id, e));
    if (!c->is_json) {
        buf_add(&c->out, STR("Revoked. Servers forget it within some seconds.\n"));
        return ST_OK;
    }
    json_obj(&c->json, NULL);
    json_put_id(&c->json, "id", id);
    json_put_bool(&c->json, "is_revoked", true);
    json_end(&c->json);
    return ST_OK;
}

static enum status revoke_key(struct cli *c, struct err *e) {
    return cli_write_callers(c, revoke_tx, c, e);
}

static const struct option add_options[] = {
    {.name = "scope",
     .value = "SCOPES",
     .help = "what it permits; may be repeated",
     .is_required = true},
    {.name = "name", .value = "TEXT", .help = "what it is for"},
    {.name = NULL},
};

const struct command key_commands[] = {
    {.name = "add",
     .args = "SLUG",
     .summary = "make a key and print it, once",
     .task = "add the key",
     .help = "SCOPES are separated by spaces or commas:\n"
             "  read          see what customers wrote and what became of it\n"
             "  write         the same, and act on it\n"
             "  admin or *    everything, also providers, users, keys and the audit log\n"
             "  THING:read, THING:write, THING:*\n"
             "of THING: conversations, messages, leads, events, inbox, jobs, metrics, bot, me,\n"
             "providers, users, keys, audit. Send it as \"Authorization: Bearer KEY\".",
     .options = add_options,
     .run = add},
    {.name = "list", .args = "SLUG", .summary = "list a tenant's keys", .run = list},
    {.name = "revoke",
     .args = "SLUG ID",
     .summary = "end a key",
     .task = "revoke the key",
     .run = revoke_key},
    {.name = NULL},
};

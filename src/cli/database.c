/* database.c - one transaction of a command, and the records it leaves.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

struct attempt {
    struct cli *c;
    tx_fn fn;
    void *ctx;
};

static enum status run_anew(struct tx *tx, void *ctx, struct err *e) {
    struct attempt *t = ctx;

    buf_clear(&t->c->out);
    json_out_init(&t->c->json, &t->c->out);
    return t->fn(tx, t->ctx, e);
}

enum status cli_write(struct cli *c, tx_fn fn, void *ctx, struct err *e) {
    struct attempt t = {.c = c, .fn = fn, .ctx = ctx};

    return db_write(c->rt.db, DB_SYSTEM, run_anew, &t, e);
}

enum status cli_read(struct cli *c, tx_fn fn, void *ctx, struct err *e) {
    struct attempt t = {.c = c, .fn = fn, .ctx = ctx};

    return db_read(c->rt.db, DB_SYSTEM, run_anew, &t, e);
}

enum status cli_write_callers(struct cli *c, tx_fn fn, void *ctx, struct err *e) {
    TRY(cli_write(c, fn, ctx, e));
    db_notify(c->rt.db, CALLERS_CHANNEL);
    return ST_OK;
}

enum status cli_tenant(struct cli *c, struct tx *tx, struct str slug, struct tenant *ret,
                       struct err *e) {
    TRY(tenant_find_slug(&c->arena, tx, slug, ret, e));
    return tx_set_scope(tx, DB_TENANT(ret->id), e);
}

enum status cli_tenant_option(struct cli *c, struct tx *tx, struct tenant_id *ret, struct err *e) {
    struct tenant tenant;

    *ret = (struct tenant_id){0};
    if (!cli_has(c, "tenant"))
        return ST_OK;
    TRY(tenant_find_slug(&c->arena, tx, cli_value(c, "tenant"), &tenant, e));
    *ret = tenant.id;
    return ST_OK;
}

enum status cli_audit(struct cli *c, struct tx *tx, struct tenant_id tenant, const char *action,
                      const char *object_kind, struct uuid object, struct err *e) {
    struct str id = uuid_is_nil(object) ? STR("*") : uuid_format(&c->arena, object);

    return audit_add(tx,
                     (struct audit){
                         .tenant = tenant,
                         .actor = STR("cli"),
                         .action = action,
                         .object = arena_printf(&c->arena, "%s:%.*s", object_kind, STR_ARG(id)),
                     },
                     e);
}

/* user.c - prosa user: people of a tenant.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

struct acting { /* on one user */
    struct cli *c;
    struct tenant tenant;
    struct user user;
    bool is_active;
};

static void put_user(struct cli *c, const struct user *u) {
    struct json_out *o = &c->json;

    json_obj(o, NULL);
    json_put_id(o, "id", u->id.v);
    json_put_id(o, "tenant_id", u->tenant.v);
    json_put_str(o, "email", u->email);
    json_put_str_or_null(o, "name", u->name);
    json_put_str(o, "role", str_of(role_name(u->role)));
    json_put_bool(o, "is_active", u->is_active);
    json_put_bool(o, "has_totp", u->has_totp);
    json_put_time(o, "created_at", u->created_at_ms);
    json_end(o);
}

static void show(struct cli *c, const struct user *u, const char *what) {
    if (c->is_json)
        put_user(c, u);
    else
        buf_printf(&c->out, "%s %s %.*s\n", what, role_name(u->role), STR_ARG(u->email));
}

static enum status find_tenant_tx(struct tx *tx, void *ctx, struct err *e) {
    struct acting *x = ctx;

    return cli_tenant(x->c, tx, cli_arg(x->c, 0), &x->tenant, e);
}

/* The row after a change; the caller's e-mail may be in another case. */
static enum status find_user(struct acting *x, struct tx *tx, struct err *e) {
    struct user *list;
    size_t n;

    TRY(user_list(&x->c->arena, tx, x->tenant.id, &list, &n, e));
    for (size_t i = 0; i < n; i++) {
        if (str_eq_nocase(list[i].email, str_trim(cli_arg(x->c, 1)))) {
            x->user = list[i];
            return ST_OK;
        }
    }
    FAIL(e, ST_NOT_FOUND, "the tenant has no user with this e-mail");
}

/* --- add, passwd: hashing is slow and stands outside of transactions ------------------------- */

static enum status record_add_tx(struct tx *tx, void *ctx, struct err *e) {
    struct acting *x = ctx;

    TRY(cli_tenant(x->c, tx, x->tenant.slug, &x->tenant, e));
    TRY(cli_audit(x->c, tx, x->tenant.id, "user.add", "user", x->user.id.v, e));
    show(x->c, &x->user, "Added");
    return ST_OK;
}

static enum status add(struct cli *c, struct err *e) {
    struct acting x = {.c = c};
    struct user_new in = {.email = cli_arg(c, 1), .name = cli_value(c, "name")};

    if (!role_parse(cli_value(c, "role"), &in.role))
        FAIL(e, ST_INVALID, "--role is agent, supervisor or admin");
    TRY(cli_write(c, find_tenant_tx, &x, e));
    TRY(cli_read_password(c, &in.password, e));
    in.tenant = x.tenant.id;
    TRY(user_add(&c->arena, c->rt.db, in, &x.user, e));
    return cli_write(c, record_add_tx, &x, e);
}

static enum status record_password_tx(struct tx *tx, void *ctx, struct err *e) {
    struct acting *x = ctx;

    TRY(cli_tenant(x->c, tx, x->tenant.slug, &x->tenant, e));
    TRY(find_user(x, tx, e));
    TRY(cli_audit(x->c, tx, x->tenant.id, "user.passwd", "user", x->user.id.v, e));
    show(x->c, &x->user, "Set the password and ended the sessions of");
    return ST_OK;
}

static enum status passwd(struct cli *c, struct err *e) {
    struct acting x = {.c = c};
    struct str password;

    TRY(cli_write(c, find_tenant_tx, &x, e));
    TRY(cli_read_password(c, &password, e));
    TRY(user_set_password(c->rt.db, x.tenant.id, cli_arg(c, 1), password, e));
    return cli_write_callers(c, record_password_tx, &x, e);
}

/* --- list ------------------------------------------------------------------------------------ */

static void list_table(struct cli *c, const struct user *list, size_t n) {
    static const char *const heads[] = {"E-MAIL", "NAME", "ROLE", "STATE", "ADDED", "ID"};
    struct table t;

    table_begin(&t, c, heads, ARRAY_LEN(heads));
    for (size_t i = 0; i < n; i++) {
        table_add(&t, list[i].email);
        table_add(&t, list[i].name);
        table_add(&t, str_of(role_name(list[i].role)));
        table_add(&t, list[i].is_active ? STR("active") : STR("disabled"));
        table_add(&t, cli_time_text(c, list[i].created_at_ms));
        table_add(&t, cli_id_text(c, list[i].id.v));
    }
    table_end(&t, "No users yet: prosa user add SLUG EMAIL --role admin");
}

static enum status list_tx(struct tx *tx, void *ctx, struct err *e) {
    struct cli *c = ctx;
    struct tenant tenant;
    struct user *list;
    size_t n;

    TRY(cli_tenant(c, tx, cli_arg(c, 0), &tenant, e));
    TRY(user_list(&c->arena, tx, tenant.id, &list, &n, e));
    CLI_LIST(c, list, n, put_user, list_table);
    return ST_OK;
}

static enum status list(struct cli *c, struct err *e) {
    return cli_write(c, list_tx, c, e);
}

/* --- enable, disable ------------------------------------------------------------------------- */

static enum status switch_tx(struct tx *tx, void *ctx, struct err *e) {
    struct acting *x = ctx;
    const char *action = x->is_active ? "user.enable" : "user.disable";

    TRY(cli_tenant(x->c, tx, cli_arg(x->c, 0), &x->tenant, e));
    TRY(user_set_active(tx, x->tenant.id, cli_arg(x->c, 1), x->is_active, e));
    TRY(find_user(x, tx, e));
    TRY(cli_audit(x->c, tx, x->tenant.id, action, "user", x->user.id.v, e));
    show(x->c, &x->user, x->is_active ? "Enabled" : "Disabled");
    return ST_OK;
}

static enum status enable(struct cli *c, struct err *e) {
    struct acting x = {.c = c, .is_active = true};

    return cli_write_callers(c, switch_tx, &x, e);
}

static enum status disable(struct cli *c, struct err *e) {
    struct acting x = {.c = c, .is_active = false};

    return cli_write_callers(c, switch_tx, &x, e);
}

/* --- reset-totp ------------------------------------------------------------------------------ */

static enum status reset_totp_tx(struct tx *tx, void *ctx, struct err *e) {
    struct acting *x = ctx;

    TRY(cli_tenant(x->c, tx, cli_arg(x->c, 0), &x->tenant, e));
    TRY(find_user(x, tx, e));
    TRY(totp_reset(tx, x->tenant.id, x->user.id, e));
    x->user.has_totp = false;
    TRY(cli_audit(x->c, tx, x->tenant.id, "user.totp-reset", "user", x->user.id.v, e));
    show(x->c, &x->user, "Took the second factor away from");
    return ST_OK;
}

static enum status reset_totp(struct cli *c, struct err *e) {
    struct acting x = {.c = c};

    return cli_write(c, reset_totp_tx, &x, e);
}

#define PASSWORD_OPTION                                                                            \
    {                                                                                              \
        .name = "password-file", .value = "FILE",                                                  \
        .help = "first line is the password (default: asked, or standard input)"                   \
    }
#define PASSWORD_HELP                                                                              \
    "The password is asked on the terminal without echo; without a terminal it is the first\n"     \
    "line of standard input. It has at least 8 characters and is never an argument."

static const struct option add_options[] = {
    {.name = "role", .value = "ROLE", .help = "agent, supervisor or admin", .is_required = true},
    {.name = "name", .value = "TEXT", .help = "shown to colleagues"},
    PASSWORD_OPTION,
    {.name = NULL},
};

static const struct option passwd_options[] = {PASSWORD_OPTION, {.name = NULL}};

const struct command user_commands[] = {
    {.name = "add",
     .args = "SLUG EMAIL",
     .summary = "add a user",
     .task = "add the user",
     .help = PASSWORD_HELP,
     .options = add_options,
     .run = add},
    {.name = "list", .args = "SLUG", .summary = "list a tenant's users", .run = list},
    {.name = "passwd",
     .args = "SLUG EMAIL",
     .summary = "set a user's password and end their sessions",
     .task = "set the password",
     .help = PASSWORD_HELP,
     .options = passwd_options,
     .run = passwd},
    {.name = "reset-totp",
     .args = "SLUG EMAIL",
     .summary = "take a user's second factor away, after a lost device",
     .task = "reset the second factor",
     .run = reset_totp},
    {.name = "enable",
     .args = "SLUG EMAIL",
     .summary = "enable a user again",
     .task = "enable the user",
     .run = enable},
    {.name = "disable",
     .args = "SLUG EMAIL",
     .summary = "refuse a user and end their sessions",
     .task = "disable the user",
     .run = disable},
    {.name = NULL},
};

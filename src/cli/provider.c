/* provider.c - prosa provider: accounts at WhatsApp, language models and the like.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/cli.h"
#include "cli/probe.h"
#include "intake/intake.h"

enum {
    SECRET_MAX_BYTES = 16 << 10,
};

struct acting { /* on one account */
    struct cli *c;
    struct tenant tenant;
    struct account_id id;
    struct account account;
    struct account_new in;
    enum status (*change)(struct acting *x, struct tx *tx, struct err *e);
    const char *action, *done;
    bool is_active;
};

/* --- showing --------------------------------------------------------------------------------- */

static void put_account(struct cli *c, const struct account *p) {
    struct json_out *o = &c->json;

    json_obj(o, NULL);
    json_put_id(o, "id", p->id.v);
    json_put_id(o, "tenant_id", p->tenant.v);
    json_put_str(o, "kind", p->kind);
    json_put_str_or_null(o, "name", p->name);
    json_put_str_or_null(o, "address", p->address);
    json_put_json(o, "settings", p->settings);
    json_put_bool(o, "is_active", p->is_active);
    json_put_bool(o, "is_preferred", p->is_preferred);
    json_put_str(o, "state", p->state);
    json_put_str_or_null(o, "state_reason", p->state_reason);
    if (p->address.len > 0 && !uuid_is_nil(p->id.v))
        json_put_str(o, "webhook_path",
                     arena_printf(&c->arena, "/webhooks/%.*s/%.*s", STR_ARG(p->kind),
                                  STR_ARG(cli_id_text(c, p->id.v))));
    else
        json_put_null(o, "webhook_path");
    json_put_time(o, "created_at", p->created_at_ms);
    json_put_time(o, "updated_at", p->updated_at_ms);
    json_end(o);
}

/* Most are called for by the installation's. */
static bool may_share_app(const struct account *p) {
    const struct provider *provider = provider_find(p->kind);

    return provider && provider->has_shared_app;
}

/* Nobody calls us for it. */
static bool is_mailbox(const struct account *p) {
    const struct provider *provider = provider_find(p->kind);

    return provider && provider->transport == TRANSPORT_MAIL;
}

static void show(struct cli *c, const struct account *p, const char *done) {
    struct str id = cli_id_text(c, p->id.v);

    if (c->is_json) {
        put_account(c, p);
        return;
    }
    buf_printf(&c->out, "%s %.*s account \"%.*s\" (%.*s)\n", done, STR_ARG(p->kind),
               STR_ARG(p->name), STR_ARG(id));
    if (strcmp(done, "Added") == 0 && p->address.len > 0 && !is_mailbox(p))
        buf_printf(&c->out, "%s: %.*s/webhooks/%.*s/%.*s\n",
                   may_share_app(p) ? "Webhook of an app of its own" : "Its webhook",
                   STR_ARG(c->rt.config->public_url), STR_ARG(p->kind), STR_ARG(id));
}

/* --- settings and secrets from the command line ---------------------------------------------- */

/* "-" and "@FILE" keep a secret out of the process list and the shell's history. */
static enum status read_secret(struct cli *c, struct str *value, struct err *e) {
    struct str path = *value;

    if (!str_eq(*value, STR("-")) && !str_eat(&path, STR("@")))
        return ST_OK;
    TRY(cli_read_file(c, path, SECRET_MAX_BYTES, value, e));
    *value = str_trim(*value);
    return ST_OK;
}

static enum status collect(struct cli *c, const char *option, struct setting **ret, size_t *ret_n,
                           struct err *e) {
    struct setting *list = arena_array_of(&c->arena, c->n_given + 1, struct setting);
    bool is_secret = strcmp(option, "secret") == 0;
    size_t n = 0;

    for (size_t i = 0; i < c->n_given; i++) {
        struct str value = c->given[i].value, key;

        if (strcmp(c->given[i].option->name, option) != 0)
            continue;
        if (!str_cut(&value, '=', &key) || key.len == 0)
            FAIL(e, ST_INVALID, "--%s is not like NAME=VALUE", option);
        if (is_secret)
            TRY(read_secret(c, &value, e));
        list[n++] = (struct setting){.key = key, .value = value};
    }
    *ret = list;
    *ret_n = n;
    return ST_OK;
}

static enum status collect_input(struct acting *x, struct err *e) {
    struct setting *settings = NULL, *secrets = NULL;

    x->in.name = cli_value(x->c, "name");
    x->in.address = cli_value(x->c, "address");
    TRY(collect(x->c, "set", &settings, &x->in.n_settings, e));
    TRY(collect(x->c, "secret", &secrets, &x->in.n_secrets, e));
    x->in.settings = settings;
    x->in.secrets = secrets;
    return ST_OK;
}

/* --- one change ------------------------------------------------------------------------------ */

static enum status change_tx(struct tx *tx, void *ctx, struct err *e) {
    struct acting *x = ctx;

    TRY(cli_tenant(x->c, tx, cli_arg(x->c, 0), &x->tenant, e));
    x->in.tenant = x->tenant.id;
    TRY(x->change(x, tx, e));
    if (!uuid_is_nil(x->id.v))
        TRY(account_get(&x->c->arena, tx, x->id, &x->account, e));
    TRY(cli_audit(x->c, tx, x->tenant.id, x->action, "provider", x->account.id.v, e));
    show(x->c, &x->account, x->done);
    return ST_OK;
}

static enum status change(struct acting *x, struct err *e) {
    return cli_write(x->c, change_tx, x, e);
}

/* The account is args[1]. */
static enum status change_one(struct acting *x, struct err *e) {
    TRY(cli_arg_uuid(x->c, 1, &x->id.v, e));
    return change(x, e);
}

static enum status do_add(struct acting *x, struct tx *tx, struct err *e) {
    return account_add(&x->c->arena, tx, x->c->rt.keys, x->in, &x->account, e);
}

static enum status add(struct cli *c, struct err *e) {
    struct acting x = {.c = c, .change = do_add, .action = "provider.add", .done = "Added"};

    x.in.kind = cli_arg(c, 1);
    TRY(collect_input(&x, e));
    return change(&x, e);
}

static enum status do_set(struct acting *x, struct tx *tx, struct err *e) {
    return account_update(&x->c->arena, tx, x->c->rt.keys, x->id, x->in, &x->account, e);
}

static enum status set(struct cli *c, struct err *e) {
    struct acting x = {.c = c, .change = do_set, .action = "provider.set", .done = "Changed"};

    TRY(collect_input(&x, e));
    if (x.in.n_settings + x.in.n_secrets + x.in.name.len + x.in.address.len == 0)
        FAIL(e, ST_INVALID, "nothing to change: give --name, --address, --set or --secret");
    return change_one(&x, e);
}

static enum status do_switch(struct acting *x, struct tx *tx, struct err *e) {
    return account_set_active(tx, x->tenant.id, x->id, x->is_active, e);
}

static enum status enable(struct cli *c, struct err *e) {
    struct acting x = {.c = c,
                       .change = do_switch,
                       .action = "provider.enable",
                       .done = "Enabled",
                       .is_active = true};

    return change_one(&x, e);
}

static enum status disable(struct cli *c, struct err *e) {
    struct acting x = {
        .c = c, .change = do_switch, .action = "provider.disable", .done = "Disabled"};

    return change_one(&x, e);
}

static enum status do_prefer(struct acting *x, struct tx *tx, struct err *e) {
    return account_set_preferred(tx, x->tenant.id, x->id, e);
}

static enum status prefer(struct cli *c, struct err *e) {
    struct acting x = {
        .c = c, .change = do_prefer, .action = "provider.prefer", .done = "From now on first:"};

    return change_one(&x, e);
}

/* Sends that were parked because the account was blocked go on. */
static enum status do_clear(struct acting *x, struct tx *tx, struct err *e) {
    return account_set_state(tx, x->tenant.id, x->id, STR("ok"), STR_EMPTY, e);
}

static enum status clear(struct cli *c, struct err *e) {
    struct acting x = {.c = c, .change = do_clear, .action = "provider.clear", .done = "Cleared"};

    return change_one(&x, e);
}

/* --- list, kinds ----------------------------------------------------------------------------- */

static struct str state_text(const struct account *p) {
    return p->is_active ? p->state : STR("disabled");
}

static void list_table(struct cli *c, const struct account *list, size_t n) {
    static const char *const heads[] = {"KIND", "NAME", "ADDRESS", "STATE", "FIRST", "ID"};
    struct table t;

    table_begin(&t, c, heads, ARRAY_LEN(heads));
    for (size_t i = 0; i < n; i++) {
        table_add(&t, list[i].kind);
        table_add(&t, list[i].name);
        table_add(&t, list[i].address);
        table_add(&t, state_text(&list[i]));
        table_add(&t, list[i].is_preferred ? STR("yes") : STR_EMPTY);
        table_add(&t, cli_id_text(c, list[i].id.v));
    }
    table_end(&t, "No provider accounts yet: prosa provider add SLUG KIND");
}

static enum status list_tx(struct tx *tx, void *ctx, struct err *e) {
    struct cli *c = ctx;
    struct tenant tenant;
    struct account *list;
    size_t n;

    TRY(cli_tenant(c, tx, cli_arg(c, 0), &tenant, e));
    TRY(account_list(&c->arena, tx, tenant.id, &list, &n, e));
    CLI_LIST(c, list, n, put_account, list_table);
    return ST_OK;
}

static enum status list(struct cli *c, struct err *e) {
    return cli_write(c, list_tx, c, e);
}

static void put_kind(struct json_out *o, const struct account_kind *kind) {
    json_obj(o, NULL);
    json_put_str(o, "kind", str_of(kind->name));
    json_put_str(o, "summary", str_of(kind->summary));
    json_put_str_or_null(o, "address", str_of(kind->address));
    json_arr(o, "fields");
    for (size_t i = 0; i < kind->n_fields; i++) {
        json_obj(o, NULL);
        json_put_str(o, "name", str_of(kind->fields[i].name));
        json_put_bool(o, "is_secret", kind->fields[i].is_secret);
        json_put_str(o, "summary", str_of(kind->fields[i].summary));
        json_end(o);
    }
    json_end(o);
    json_end(o);
}

static void show_kind(struct buf *out, const struct account_kind *kind) {
    buf_printf(out, "%s - %s\n", kind->name, kind->summary);
    if (kind->address)
        buf_printf(out, "  --address %-22s %s\n", "", kind->address);
    for (size_t i = 0; i < kind->n_fields; i++) {
        const struct account_field *f = &kind->fields[i];

        buf_printf(out, "  --%s %-*s %s\n", f->is_secret ? "secret" : "set", f->is_secret ? 23 : 26,
                   f->name, f->summary);
    }
    buf_add_char(out, '\n');
}

static enum status list_kinds(struct cli *c, struct err *e) {
    size_t n;
    const struct account_kind *kinds = account_kinds(&n);

    (void)e;
    if (c->is_json)
        cli_begin_list(c);
    for (size_t i = 0; i < n; i++) {
        if (c->is_json)
            put_kind(&c->json, &kinds[i]);
        else
            show_kind(&c->out, &kinds[i]);
    }
    if (c->is_json)
        cli_end_list(c);
    return ST_OK;
}

/* --- mailbox --------------------------------------------------------------------------------- */

static enum status look_tx(struct tx *tx, void *ctx, struct err *e) {
    struct acting *x = ctx;
    struct cli *c = x->c;
    struct mail_look last;

    TRY(cli_tenant(c, tx, cli_arg(c, 0), &x->tenant, e));
    TRY(account_get(&c->arena, tx, x->id, &x->account, e));
    TRY(mail_look_get(&c->arena, tx, &x->account, &last, e));
    TRY(mail_poll_put(&c->arena, tx, &x->account, e));
    if (c->is_json) {
        json_obj(&c->json, NULL);
        json_put_id(&c->json, "id", x->account.id.v);
        json_put_time(&c->json, "looked_at", last.looked_at_ms);
        json_put_str_or_null(&c->json, "trouble", last.trouble);
        json_put_bool(&c->json, "is_refused", last.is_refused);
        json_end(&c->json);
        return ST_OK;
    }
    buf_printf(&c->out, "The mailbox of %.*s is looked at now.\n", STR_ARG(x->account.address));
    if (last.trouble.len > 0)
        buf_printf(&c->out, "The last look failed: %.*s\n", STR_ARG(last.trouble));
    return ST_OK;
}

static enum status look(struct cli *c, struct err *e) {
    struct acting x = {.c = c};

    TRY(cli_arg_uuid(c, 1, &x.id.v, e));
    return cli_write(c, look_tx, &x, e);
}

/* --- test ------------------------------------------------------------------------------------ */

static enum status find_tx(struct tx *tx, void *ctx, struct err *e) {
    struct acting *x = ctx;

    TRY(cli_tenant(x->c, tx, cli_arg(x->c, 0), &x->tenant, e));
    return account_get(&x->c->arena, tx, x->id, &x->account, e);
}

static void show_probe(struct cli *c, const struct account *account, const struct probe *probe) {
    const char *state = probe->is_ok ? "ok" : probe->is_retriable ? "unreachable" : "refused";

    if (!c->is_json) {
        buf_printf(&c->out, "%s: %.*s\n", state, STR_ARG(probe->reason));
        if (probe->has_hook)
            buf_printf(&c->out, "webhook %.*s: %.*s\n",
                       STR_ARG(hook_outcome_name(probe->hook.outcome)),
                       STR_ARG(probe->hook.reason));
        if (probe->hook.advice.len > 0)
            buf_printf(&c->out, "  → %.*s\n", STR_ARG(probe->hook.advice));
        return;
    }
    json_obj(&c->json, NULL);
    json_put_id(&c->json, "id", account->id.v);
    json_put_str(&c->json, "result", str_of(state));
    json_put_str_or_null(&c->json, "cause", probe->cause);
    json_put_str_or_null(&c->json, "reason", probe->reason);
    probe_put_told(&c->json, probe);
    json_end(&c->json);
}

static enum status test(struct cli *c, struct err *e) {
    struct acting x = {.c = c};
    struct httpc *httpc;
    struct probe probe;
    enum status st;

    TRY(cli_arg_uuid(c, 1, &x.id.v, e));
    TRY(cli_write(c, find_tx, &x, e));
    TRY(probe_start(c, &httpc, e));
    st = probe_account(c, httpc, &x.account, &probe, e);
    httpc_stop(httpc);
    TRY(st);
    show_probe(c, &x.account, &probe);
    if (!probe.is_ok)
        c->exit_code = probe.is_retriable ? cli_exit_code(ST_UNAVAILABLE) : 1;
    return ST_OK;
}

/* --- table ----------------------------------------------------------------------------------- */

static const struct option change_options[] = {
    {.name = "address", .value = "ID", .help = "of whatsapp: the phone number id"},
    {.name = "set", .value = "NAME=VALUE", .help = "a setting; may be repeated"},
    {.name = "secret", .value = "NAME=VALUE", .help = "a secret; VALUE may be @FILE, or - (stdin)"},
    {.name = "name", .value = "TEXT", .help = "shown to people"},
    {.name = NULL},
};

#define ONE_ACCOUNT "SLUG ID"

const struct command provider_commands[] = {
    {.name = "add",
     .args = "SLUG KIND",
     .summary = "add an account",
     .task = "add the provider account",
     .help = "`prosa provider kinds` lists the kinds with their settings and secrets. Secrets are\n"
             "sealed before they are stored. A VALUE on the command line can be read by everybody\n"
             "on this machine for a moment: @FILE and - avoid that.",
     .options = change_options,
     .run = add,
     .needs_keys = true},
    {.name = "kinds",
     .summary = "list the kinds of accounts and what each takes",
     .run = list_kinds,
     .opens = OPENS_NOTHING},
    {.name = "list", .args = "SLUG", .summary = "list a tenant's accounts", .run = list},
    {.name = "set",
     .args = ONE_ACCOUNT,
     .summary = "change an account; an empty VALUE removes one",
     .task = "change the provider account",
     .options = change_options,
     .run = set,
     .needs_keys = true},
    {.name = "enable",
     .args = ONE_ACCOUNT,
     .summary = "use an account again",
     .task = "enable the provider account",
     .run = enable},
    {.name = "disable",
     .args = ONE_ACCOUNT,
     .summary = "stop using an account; its calls are kept undone",
     .task = "disable the provider account",
     .run = disable},
    {.name = "prefer",
     .args = ONE_ACCOUNT,
     .summary = "make an account the first of its kind",
     .task = "prefer the provider account",
     .run = prefer},
    {.name = "test",
     .args = ONE_ACCOUNT,
     .summary = "try an account's credentials",
     .task = "test the provider account",
     .help = "Asks WhatsApp for the number's name, or a model for one short answer; nobody gets a\n"
             "message. Exits with 1 when refused and 5 when not reached.",
     .run = test,
     .needs_keys = true},
    {.name = "look",
     .args = ONE_ACCOUNT,
     .summary = "look at an e-mail account's mailbox now",
     .task = "look at the mailbox",
     .help = "A running `prosa serve` looks within a second; says how the last look before went.",
     .run = look},
    {.name = "clear",
     .args = ONE_ACCOUNT,
     .summary = "say that a blocked account is in order again",
     .task = "clear the provider account",
     .help = "Messages parked meanwhile go out with `prosa jobs replay --cause account-blocked`.",
     .run = clear},
    {.name = NULL},
};

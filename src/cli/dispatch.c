/* dispatch.c - prosa dispatch: campaigns planned, tried dry, sent and reported. The server does the work; these commands give the
 * orders and show where it stands.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/dispatch.h"

#include "base/clock.h"
#include "cli/cli.h"

enum { LIST_MAX = 500 };

struct acting {
    struct cli *c;
    struct tenant tenant;
    struct dispatch_id id;
    struct dispatch dispatch;
    struct dispatch_counts counts;
    enum dispatch_order order;
    const char *action;
    int64_t start_at_ms;
};

/* --- showing -------------------------------------------------------------------------------------------------------------- */

static void put_dispatch(struct cli *c, const struct dispatch *d) {
    struct json_out *o = &c->json;

    json_obj(o, NULL);
    cli_put_id(o, "id", d->id.v);
    json_put_str(o, "name", d->name);
    json_put_str(o, "state", d->state);
    cli_put_text(o, "cause", d->cause);
    cli_put_text(o, "reason", d->reason);
    cli_put_text(o, "waits_for", d->wait_cause);
    cli_put_time(o, "waits_until", d->wait_until_ms);
    if (d->estimate.len > 0)
        json_put_raw(o, "estimate", d->estimate);
    else
        json_put_null(o, "estimate");
    cli_put_time(o, "start_at", d->start_at_ms);
    cli_put_time(o, "started_at", d->started_at_ms);
    cli_put_time(o, "finished_at", d->finished_at_ms);
    cli_put_time(o, "created_at", d->created_at_ms);
    json_end(o);
}

static void show(struct cli *c, const struct dispatch *d) {
    if (c->is_json) {
        put_dispatch(c, d);
        return;
    }
    buf_printf(&c->out, "%.*s \"%.*s\" is %.*s", STR_ARG(cli_id_text(c, d->id.v)), STR_ARG(d->name),
               STR_ARG(d->state));
    if (d->reason.len > 0)
        buf_printf(&c->out, ": %.*s", STR_ARG(d->reason));
    buf_add(&c->out, STR("\n"));
}

/* --- orders ----------------------------------------------------------------------------------------------------------------- */

static enum gate gate_of(const struct cli *c) {
    switch (c->rt.config->outbound) {
    case CONFIG_OUTBOUND_OFF:
        return GATE_OFF;
    case CONFIG_OUTBOUND_REPLIES:
        return GATE_REPLIES;
    case CONFIG_OUTBOUND_ALL:
        return GATE_ALL;
    }
    return GATE_OFF;
}

static enum status order_tx(struct tx *tx, void *ctx, struct err *e) {
    struct acting *x = ctx;
    struct cli *c = x->c;

    TRY(cli_tenant(c, tx, cli_arg(c, 0), &x->tenant, e));

    const struct dispatch_ordered o = {.tenant = x->tenant.id,
                                       .id = x->id,
                                       .order = x->order,
                                       .start_at_ms = x->start_at_ms,
                                       .gate = gate_of(c),
                                       .now_ms = clock_now_ms()};

    TRY(dispatch_order(&c->arena, tx, &o, &x->dispatch, e));
    TRY(cli_audit(c, tx, x->tenant.id, x->action, "dispatch", x->id.v, e));
    show(c, &x->dispatch);
    return ST_OK;
}

static enum status give(struct cli *c, enum dispatch_order order, const char *action,
                        struct err *e) {
    struct acting x = {.c = c, .order = order, .action = action};

    TRY(cli_arg_uuid(c, 1, &x.id.v, e));
    if (order == DISPATCH_START && cli_has(c, "at") &&
        !clock_parse_iso(cli_value(c, "at"), &x.start_at_ms))
        FAIL(e, ST_INVALID, "--at wants a time such as 2026-11-21T08:00:00-03:00");
    return cli_write(c, order_tx, &x, e);
}

static enum status plan(struct cli *c, struct err *e) {
    return give(c, DISPATCH_PLAN, "dispatch.plan", e);
}

static enum status dry_run(struct cli *c, struct err *e) {
    return give(c, DISPATCH_DRY_RUN, "dispatch.dry_run", e);
}

static enum status start(struct cli *c, struct err *e) {
    return give(c, DISPATCH_START, "dispatch.start", e);
}

static enum status pause_it(struct cli *c, struct err *e) {
    return give(c, DISPATCH_PAUSE, "dispatch.pause", e);
}

static enum status resume(struct cli *c, struct err *e) {
    return give(c, DISPATCH_RESUME, "dispatch.resume", e);
}

static enum status cancel(struct cli *c, struct err *e) {
    return give(c, DISPATCH_CANCEL, "dispatch.cancel", e);
}

/* --- add -------------------------------------------------------------------------------------------------------------------- */

static enum status add_tx(struct tx *tx, void *ctx, struct err *e) {
    struct acting *x = ctx;
    struct cli *c = x->c;
    struct str name = cli_arg(c, 1), text = cli_value(c, "audience");
    struct dispatch_edit in = {.name = &name};

    TRY(cli_tenant(c, tx, cli_arg(c, 0), &x->tenant, e));
    if (text.len == 0)
        text = STR("{\"filter\":{\"all\":[]}}");
    TRY(json_parse(&c->arena, text, JSON_LIMITS_DEFAULT, &in.audience, e));
    if (cli_has(c, "variables"))
        TRY(json_parse(&c->arena, cli_value(c, "variables"), JSON_LIMITS_DEFAULT, &in.variables,
                       e));
    if (cli_has(c, "channels"))
        TRY(json_parse(&c->arena, cli_value(c, "channels"), JSON_LIMITS_DEFAULT, &in.channels, e));
    TRY(dispatch_add(&c->arena, tx, x->tenant.id, &in, STR("cli"), clock_now_ms(), &x->dispatch,
                     e));
    TRY(cli_audit(c, tx, x->tenant.id, "dispatch.add", "dispatch", x->dispatch.id.v, e));
    show(c, &x->dispatch);
    return ST_OK;
}

static enum status add(struct cli *c, struct err *e) {
    struct acting x = {.c = c};

    return cli_write(c, add_tx, &x, e);
}

/* --- report ----------------------------------------------------------------------------------------------------------------- */

static void put_count(struct cli *c, const char *name, int64_t n) {
    if (c->is_json)
        json_put_i64(&c->json, name, n);
    else
        buf_printf(&c->out, "%-12s %lld\n", name, (long long)n);
}

static void show_counts(struct cli *c, const struct dispatch_counts *n) {
    const struct {
        const char *name;
        int64_t n;
    } all[] = {
        {"total", n->total},         {"planned", n->planned}, {"excluded", n->excluded},
        {"sending", n->sending},     {"sent", n->sent},       {"delivered", n->delivered},
        {"read", n->read},           {"failed", n->failed},   {"uncertain", n->uncertain},
        {"cancelled", n->cancelled}, {"replied", n->replied}, {"opted_out", n->opted_out},
        {"cost", n->cost},
    };

    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        put_count(c, all[i].name, all[i].n);
}

static void show_causes(struct cli *c, const struct dispatch_report *r) {
    if (c->is_json)
        json_arr(&c->json, "causes");
    for (size_t i = 0; i < r->n_causes; i++) {
        const struct dispatch_cause *x = &r->causes[i];

        if (!c->is_json) {
            buf_printf(&c->out, "%lld %.*s: %.*s %.*s\n", (long long)x->n, STR_ARG(x->state),
                       STR_ARG(x->cause), STR_ARG(x->sample));
            continue;
        }
        json_obj(&c->json, NULL);
        json_put_str(&c->json, "state", x->state);
        json_put_str(&c->json, "cause", x->cause);
        json_put_i64(&c->json, "count", x->n);
        json_end(&c->json);
    }
    if (c->is_json)
        json_end(&c->json);
}

static enum status report_tx(struct tx *tx, void *ctx, struct err *e) {
    struct acting *x = ctx;
    struct cli *c = x->c;
    struct dispatch_report r;

    TRY(cli_tenant(c, tx, cli_arg(c, 0), &x->tenant, e));
    TRY(dispatch_get(&c->arena, tx, x->tenant.id, x->id, &x->dispatch, e));
    TRY(dispatch_report(&c->arena, tx, x->tenant.id, x->id, &r, e));
    if (c->is_json) {
        json_obj(&c->json, NULL);
        cli_put_id(&c->json, "id", x->id.v);
        json_put_str(&c->json, "name", x->dispatch.name);
        json_put_str(&c->json, "state", x->dispatch.state);
    } else {
        show(c, &x->dispatch);
    }
    show_counts(c, &r.counts);
    show_causes(c, &r);
    if (c->is_json)
        json_end(&c->json);
    return ST_OK;
}

static enum status report(struct cli *c, struct err *e) {
    struct acting x = {.c = c};

    TRY(cli_arg_uuid(c, 1, &x.id.v, e));
    return cli_write(c, report_tx, &x, e);
}

/* --- list ------------------------------------------------------------------------------------------------------------------- */

static enum status list_tx(struct tx *tx, void *ctx, struct err *e) {
    static const char *const heads[] = {"ID", "STATE", "CREATED AT", "NAME"};
    struct cli *c = ctx;
    struct dispatch_query q = {.limit = LIST_MAX};
    struct tenant tenant;
    struct dispatch *list;
    struct table t;
    size_t n;

    TRY(cli_tenant(c, tx, cli_arg(c, 0), &tenant, e));
    q.tenant = tenant.id;
    TRY(dispatch_list(&c->arena, tx, &q, &list, &n, e));
    if (c->is_json) {
        cli_begin_list(c);
        for (size_t i = 0; i < n; i++)
            put_dispatch(c, &list[i]);
        cli_end_list(c);
        return ST_OK;
    }
    table_begin(&t, c, heads, ARRAY_LEN(heads));
    for (size_t i = 0; i < n; i++) {
        table_add(&t, cli_id_text(c, list[i].id.v));
        table_add(&t, list[i].state);
        table_add(&t, cli_time_text(c, list[i].created_at_ms));
        table_add(&t, list[i].name);
    }
    table_end(&t, "No campaigns yet: prosa dispatch add SLUG NAME");
    return ST_OK;
}

static enum status list(struct cli *c, struct err *e) {
    return cli_write(c, list_tx, c, e);
}

/* --- table ------------------------------------------------------------------------------------------------------------------ */

#define ONE "SLUG ID"

static const struct option add_options[] = {
    {.name = "audience",
     .value = "JSON",
     .help =
         "{\"filter\": …}, {\"segment\": …}, {\"import\": …} or {\"leads\": […]} (default: everybody)"},
    {.name = "channels", .value = "JSON", .help = "first choice first (default: whatsapp, email)"},
    {.name = "variables", .value = "JSON", .help = "what fills in the template"},
    {.name = NULL},
};

static const struct option start_options[] = {
    {.name = "at", .value = "TIME", .help = "not before, 2026-11-21T08:00:00-03:00"},
    {.name = NULL},
};

const struct command dispatch_commands[] = {
    {.name = "add",
     .args = "SLUG NAME",
     .summary = "make a campaign, as a draft",
     .task = "add the campaign",
     .options = add_options,
     .run = add},
    {.name = "list", .args = "SLUG", .summary = "list a tenant's campaigns", .run = list},
    {.name = "plan",
     .args = ONE,
     .summary = "find a campaign's audience",
     .task = "plan the campaign",
     .run = plan},
    {.name = "dry-run",
     .args = ONE,
     .summary = "say of everybody what would happen; sends nothing",
     .task = "try the campaign dry",
     .run = dry_run},
    {.name = "start",
     .args = ONE,
     .summary = "send it, now or at a time",
     .task = "start the campaign",
     .help = "Only while PROSA_OUTBOUND is all (or MICRO_AGENT_DISPARO_ENABLED is true), for this\n"
             "command and for the server.",
     .options = start_options,
     .run = start},
    {.name = "pause",
     .args = ONE,
     .summary = "begin no more messages",
     .task = "pause the campaign",
     .run = pause_it},
    {.name = "resume",
     .args = ONE,
     .summary = "go on where it was paused",
     .task = "resume the campaign",
     .run = resume},
    {.name = "cancel",
     .args = ONE,
     .summary = "end it for good",
     .task = "cancel the campaign",
     .run = cancel},
    {.name = "report",
     .args = ONE,
     .summary = "who got it, read it, answered, failed and why",
     .run = report},
    {.name = NULL},
};

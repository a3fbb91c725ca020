/* dispatch.c - prosa dispatch: campaigns planned, tried dry, sent and reported. The server does the work; these commands give the
 * orders and show where it stands.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/clock.h"
#include "cli/campaign.h"

enum { LIST_MAX = 500, COUNTS_MAX = 16 };

struct counted {
    const char *name;
    int64_t n;
};

/* --- showing -------------------------------------------------------------------------------------------------------------- */

/* In the order of a person's questions. */
static size_t list_counts(const struct dispatch_counts *n, struct counted *ret) {
    const struct counted all[] = {
        {"total", n->total},         {"planned", n->planned}, {"excluded", n->excluded},
        {"sending", n->sending},     {"sent", n->sent},       {"delivered", n->delivered},
        {"read", n->read},           {"failed", n->failed},   {"uncertain", n->uncertain},
        {"cancelled", n->cancelled}, {"reached", n->reached}, {"replied", n->replied},
        {"opted_out", n->opted_out}, {"cost", n->cost},
    };

    memcpy(ret, all, sizeof(all));
    return ARRAY_LEN(all);
}

static void put_counts(struct json_out *o, const struct dispatch_counts *counts) {
    struct counted all[COUNTS_MAX];
    size_t n = list_counts(counts, all);

    for (size_t i = 0; i < n; i++)
        json_put_i64(o, all[i].name, all[i].n);
}

void campaign_show_counts(struct cli *c, const struct dispatch_counts *counts) {
    struct counted all[COUNTS_MAX];
    size_t n = list_counts(counts, all);

    for (size_t i = 0; i < n; i++)
        buf_printf(&c->out, "%-12s %lld\n", all[i].name, (long long)all[i].n);
}

static void put_dispatch(struct cli *c, const struct dispatch *d,
                         const struct dispatch_counts *counts) {
    struct json_out *o = &c->json;

    json_obj(o, NULL);
    json_put_id(o, "id", d->id.v);
    json_put_str(o, "name", d->name);
    json_put_str(o, "state", d->state);
    json_put_str_or_null(o, "cause", d->cause);
    json_put_str_or_null(o, "reason", d->reason);
    json_put_str_or_null(o, "waits_for", d->wait_cause);
    json_put_time(o, "waits_until", d->wait_until_ms);
    json_put_raw_or_null(o, "estimate", d->estimate);
    if (counts) {
        json_obj(o, "counts");
        put_counts(o, counts);
        json_end(o);
    }
    json_put_time(o, "start_at", d->start_at_ms);
    json_put_time(o, "dry_run_at", d->dry_run_at_ms);
    json_put_time(o, "started_at", d->started_at_ms);
    json_put_time(o, "finished_at", d->finished_at_ms);
    json_put_time(o, "created_at", d->created_at_ms);
    json_end(o);
}

void campaign_show(struct cli *c, const struct dispatch *d, const struct dispatch_counts *counts) {
    if (c->is_json) {
        put_dispatch(c, d, counts);
        return;
    }
    buf_printf(&c->out, "%.*s \"%.*s\" is %.*s", STR_ARG(cli_id_text(c, d->id.v)), STR_ARG(d->name),
               STR_ARG(d->state));
    if (d->reason.len > 0)
        buf_printf(&c->out, ": %.*s", STR_ARG(d->reason));
    if (d->wait_cause.len > 0)
        buf_printf(&c->out, ", waits for %.*s until %.*s", STR_ARG(d->wait_cause),
                   STR_ARG(cli_time_text(c, d->wait_until_ms)));
    buf_add(&c->out, STR("\n"));
}

/* --- which ------------------------------------------------------------------------------------------------------------------ */

enum status campaign_find(struct cli *c, struct tx *tx, struct tenant_id tenant,
                          struct dispatch_id *ret, struct err *e) {
    struct dispatch_query q = {.tenant = tenant, .limit = LIST_MAX};
    struct str name = cli_arg(c, 1);
    struct dispatch *list;
    size_t n, found = 0;

    if (uuid_parse(name, &ret->v))
        return ST_OK;
    do {
        TRY(dispatch_list(&c->arena, tx, &q, &list, &n, e));
        for (size_t i = 0; i < n; i++) {
            q.after = list[i].id;
            if (!str_eq(list[i].name, name))
                continue;
            *ret = list[i].id;
            found++;
        }
    } while (n == q.limit);
    if (found == 0)
        FAIL(e, ST_NOT_FOUND, "there is no campaign \"%.*s\"", STR_ARG(str_sub(name, 0, 80)));
    if (found > 1)
        FAIL(e, ST_CONFLICT, "%zu campaigns are called \"%.*s\": give the id", found,
             STR_ARG(str_sub(name, 0, 80)));
    return ST_OK;
}

/* --- orders ----------------------------------------------------------------------------------------------------------------- */

enum gate campaign_gate(const struct cli *c) {
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
    struct campaign *x = ctx;
    struct cli *c = x->c;

    TRY(cli_tenant(c, tx, cli_arg(c, 0), &x->tenant, e));
    TRY(campaign_find(c, tx, x->tenant.id, &x->id, e));

    const struct dispatch_ordered o = {.tenant = x->tenant.id,
                                       .id = x->id,
                                       .order = x->order,
                                       .start_at_ms = x->start_at_ms,
                                       .gate = campaign_gate(c),
                                       .now_ms = clock_now_ms()};

    TRY(dispatch_order(&c->arena, tx, &o, &x->dispatch, e));
    TRY(cli_audit(c, tx, x->tenant.id, x->action, "dispatch", x->id.v, e));
    campaign_show(c, &x->dispatch, NULL);
    return ST_OK;
}

static enum status give(struct cli *c, enum dispatch_order order, const char *action,
                        struct err *e) {
    struct campaign x = {.c = c, .order = order, .action = action};

    TRY(campaign_deadline(c, &x.deadline_ms, e));
    if (order == DISPATCH_START && cli_has(c, "at") &&
        !clock_parse_iso(cli_value(c, "at"), &x.start_at_ms))
        FAIL(e, ST_INVALID, "--at wants a time such as 2026-11-21T08:00:00-03:00");
    TRY(cli_write(c, order_tx, &x, e));
    return campaign_follow(&x, e);
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

/* NULL without the option. */
static enum status read_json(struct cli *c, const char *option, const struct json **ret,
                             struct err *e) {
    struct err why = ERR_INIT;

    *ret = NULL;
    if (!cli_has(c, option))
        return ST_OK;
    if (json_parse(&c->arena, cli_value(c, option), JSON_LIMITS_DEFAULT, ret, &why) != ST_OK)
        FAIL(e, ST_INVALID, "--%s: %s", option, why.message);
    return ST_OK;
}

static enum status read_edit(struct cli *c, struct dispatch_edit *ret, struct err *e) {
    TRY(read_json(c, "audience", &ret->audience, e));
    TRY(read_json(c, "variables", &ret->variables, e));
    TRY(read_json(c, "channels", &ret->channels, e));
    TRY(read_json(c, "limits", &ret->limits, e));
    return ret->audience ? ST_OK
                         : json_parse(&c->arena, STR("{\"filter\":{\"all\":[]}}"),
                                      JSON_LIMITS_DEFAULT, &ret->audience, e);
}

static enum status add_tx(struct tx *tx, void *ctx, struct err *e) {
    struct campaign *x = ctx;
    struct cli *c = x->c;
    struct str name = cli_arg(c, 1);
    struct dispatch_edit in = {.name = &name};

    TRY(cli_tenant(c, tx, cli_arg(c, 0), &x->tenant, e));
    TRY(read_edit(c, &in, e));
    TRY(dispatch_add(&c->arena, tx, x->tenant.id, &in, STR("cli"), clock_now_ms(), &x->dispatch,
                     e));
    TRY(cli_audit(c, tx, x->tenant.id, "dispatch.add", "dispatch", x->dispatch.id.v, e));
    campaign_show(c, &x->dispatch, NULL);
    return ST_OK;
}

static enum status add(struct cli *c, struct err *e) {
    struct campaign x = {.c = c};

    return cli_write(c, add_tx, &x, e);
}

/* --- report ----------------------------------------------------------------------------------------------------------------- */

void campaign_show_causes(struct cli *c, const struct dispatch_report *r) {
    for (size_t i = 0; i < r->n_causes; i++)
        buf_printf(&c->out, "%lld %.*s: %.*s %.*s\n", (long long)r->causes[i].n,
                   STR_ARG(r->causes[i].state), STR_ARG(r->causes[i].cause),
                   STR_ARG(r->causes[i].sample));
}

static void put_causes(struct json_out *o, const struct dispatch_report *r) {
    json_arr(o, "causes");
    for (size_t i = 0; i < r->n_causes; i++) {
        json_obj(o, NULL);
        json_put_str(o, "state", r->causes[i].state);
        json_put_str(o, "cause", r->causes[i].cause);
        json_put_str_or_null(o, "sample", r->causes[i].sample);
        json_put_i64(o, "count", r->causes[i].n);
        json_put_i64(o, "settleable", r->causes[i].n_settleable);
        json_end(o);
    }
    json_end(o);
}

static void show_channels(struct cli *c, const struct dispatch_report *r) {
    for (size_t i = 0; i < r->n_channels; i++) {
        const struct dispatch_by_channel *by = &r->channels[i];
        long long failed = by->failed + by->uncertain;

        if (by->channel.len > 0)
            buf_printf(&c->out, "%.*s %.*s: %lld of %lld reached, %lld read, %lld failed\n",
                       STR_ARG(by->channel), STR_ARG(by->template_name), (long long)by->reached,
                       (long long)by->n, (long long)by->read, failed);
    }
}

static void put_report(struct campaign *x) {
    struct json_out *o = &x->c->json;

    json_obj(o, NULL);
    json_put_id(o, "id", x->id.v);
    json_put_str(o, "name", x->dispatch.name);
    json_put_str(o, "state", x->dispatch.state);
    put_counts(o, &x->report.counts);
    put_causes(o, &x->report);
    dispatch_write_channels(o, &x->report);
    json_end(o);
}

static enum status report_tx(struct tx *tx, void *ctx, struct err *e) {
    struct campaign *x = ctx;
    struct cli *c = x->c;

    TRY(cli_tenant(c, tx, cli_arg(c, 0), &x->tenant, e));
    TRY(campaign_find(c, tx, x->tenant.id, &x->id, e));
    TRY(dispatch_get(&c->arena, tx, x->tenant.id, x->id, &x->dispatch, e));
    TRY(dispatch_report(&c->arena, tx, x->tenant.id, x->id, &x->report, e));
    if (c->is_json) {
        put_report(x);
        return ST_OK;
    }
    campaign_show(c, &x->dispatch, NULL);
    campaign_show_counts(c, &x->report.counts);
    show_channels(c, &x->report);
    campaign_show_causes(c, &x->report);
    return ST_OK;
}

static enum status report(struct cli *c, struct err *e) {
    struct campaign x = {.c = c};

    return cli_read(c, report_tx, &x, e);
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
            put_dispatch(c, &list[i], NULL);
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
    return cli_read(c, list_tx, c, e);
}

/* --- table ------------------------------------------------------------------------------------------------------------------ */

/* An id, or a name where one campaign alone has it. */
#define ONE "SLUG CAMPAIGN"

static const struct option add_options[] = {
    {.name = "audience",
     .value = "JSON",
     .help =
         "{\"filter\": …}, {\"segment\": …}, {\"import\": …} or {\"leads\": […]} (default: everybody)"},
    {.name = "channels", .value = "JSON", .help = "first choice first (default: whatsapp, email)"},
    {.name = "variables",
     .value = "JSON",
     .help =
         "what fills in the template: {\"1\": {\"field\": \"name\", \"default\": \"cliente\"}}"},
    {.name = "limits",
     .value = "JSON",
     .help = "instead of the tenant's: {\"per_second\": 5, \"error_percent\": 10, …}"},
    {.name = NULL},
};

static const struct option start_options[] = {
    {.name = "at", .value = "TIME", .help = "not before, 2026-11-21T08:00:00-03:00"},
    CAMPAIGN_WAIT,
    {.name = NULL},
};

static const struct option order_options[] = {
    CAMPAIGN_WAIT,
    {.name = NULL},
};

const struct command dispatch_commands[] = {
    {.name = "add",
     .args = "SLUG NAME",
     .summary = "make a campaign, as a draft",
     .task = "add the campaign",
     .help = "docs/dispatch.md tells what the JSON may say.",
     .options = add_options,
     .run = add},
    {.name = "list",
     .args = "SLUG",
     .summary = "list a tenant's campaigns",
     .task = "list the campaigns",
     .run = list},
    {.name = "plan",
     .args = ONE,
     .summary = "find a campaign's audience",
     .help = "With --wait it says how many get it, what that costs, and who is left out, why.",
     .task = "plan the campaign",
     .options = order_options,
     .run = plan},
    {.name = "preview",
     .args = ONE " [WHO]",
     .summary = "show the message with somebody's data",
     .help =
         "Of the first of the audience, or of WHO: an id, a telephone number or an e-mail address of\n"
         "the tenant's. Says over which channel they would get it, or why not, and names what has no\n"
         "value. By the code that sends it; sends nothing.",
     .task = "show the message",
     .run = campaign_preview},
    {.name = "dry-run",
     .args = ONE,
     .summary = "say of everybody what would happen; sends nothing",
     .help = "With --wait it says how many would get it, what that would cost, and who would not,\n"
             "why. Exits with 1 when it could not be tried.",
     .task = "try the campaign dry",
     .options = order_options,
     .run = dry_run},
    {.name = "start",
     .args = ONE,
     .summary = "send it, now or at a time",
     .task = "start the campaign",
     .help =
         "Only while PROSA_OUTBOUND is all (or MICRO_AGENT_DISPARO_ENABLED is true), for this\n"
         "command and for the server. --wait ends with 1 when the campaign was paused, cancelled\n"
         "or could not begin, and says why.",
     .options = start_options,
     .run = start},
    {.name = "pause",
     .args = ONE,
     .summary = "begin no more messages",
     .help =
         "In force when the command returns; --wait waits for the answers of what was under way.",
     .task = "pause the campaign",
     .options = order_options,
     .run = pause_it},
    {.name = "resume",
     .args = ONE,
     .summary = "go on where it was paused",
     .task = "resume the campaign",
     .options = order_options,
     .run = resume},
    {.name = "cancel",
     .args = ONE,
     .summary = "end it for good",
     .task = "cancel the campaign",
     .options = order_options,
     .run = cancel},
    {.name = "report",
     .args = ONE,
     .summary = "who got it, read it, answered, failed and why",
     .task = "report on the campaign",
     .run = report},
    {.name = "recipients",
     .args = ONE,
     .summary = "list a campaign's people, and what became of them",
     .task = "list the recipients",
     .options = campaign_recipient_options,
     .run = campaign_recipients},
    {.name = "export",
     .args = ONE " [FILE]",
     .summary = "write a campaign's people to a spreadsheet",
     .task = "export the recipients",
     .help =
         "Without a FILE it goes to standard output. No cell can become a formula. With --dry-run it\n"
         "is the list of intended sends: to whom, how, why or why not, and the text.",
     .options = campaign_export_options,
     .run = campaign_export},
    {.name = "test",
     .args = ONE " WHO",
     .summary = "send one message, with somebody's data, to an address of yours",
     .task = "send the test",
     .help =
         "WHO is an id, a telephone number or an e-mail address of the tenant's. Nobody but ADDRESS\n"
         "gets anything, and no report counts it. --wait ends with 1 when it was not taken.",
     .options = campaign_test_options,
     .run = campaign_test},
    {.name = "settle",
     .args = "SLUG RECIPIENT HOW",
     .summary = "decide about an uncertain message, or send a failed one again",
     .task = "settle it",
     .help = "RECIPIENT is an id that `prosa dispatch recipients SLUG CAMPAIGN --state uncertain`\n"
             "lists; HOW is sent (it arrived), failed (it did not) or resend.",
     .run = campaign_settle},
    {.name = "settle-all",
     .args = ONE " HOW",
     .summary = "decide about all that are uncertain, or have failed, for one cause",
     .task = "settle them",
     .help =
         "The report lists the causes. HOW is resend; of uncertain ones also sent (they arrived) or\n"
         "failed (they did not). Failed ones are sent again only where the provider never took the\n"
         "message. Who has changed meanwhile is skipped. A pause stops those that are sent again.",
     .options = campaign_group_options,
     .run = campaign_settle_all},
    {.name = NULL},
};

/* dispatch_group.c - prosa dispatch settle-all: everybody whom one cause kept from a campaign's message, decided together.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/campaign.h"

struct group {
    struct cli *c;
    struct tenant tenant;
    struct recipient_group what;
    struct recipient_group_step step;
    int64_t n_all; /* with those that cannot be decided together */
};

/* --- how many ----------------------------------------------------------------------------------------------------------------- */

static enum status count_tx(struct tx *tx, void *ctx, struct err *e) {
    struct group *x = ctx;
    struct cli *c = x->c;
    struct dispatch_report report;
    struct dispatch d;

    TRY(cli_tenant(c, tx, cli_arg(c, 0), &x->tenant, e));
    TRY(campaign_find(c, tx, x->tenant.id, &x->what.dispatch, e));
    TRY(dispatch_get(&c->arena, tx, x->tenant.id, x->what.dispatch, &d, e));
    x->what.tenant = x->tenant.id;
    x->what.as_of_ms = clock_now_ms();
    x->what.n = x->n_all = 0;
    TRY(dispatch_report(&c->arena, tx, x->tenant.id, d.id, &report, e));
    for (size_t i = 0; i < report.n_causes; i++) {
        if (!str_eq(report.causes[i].state, x->what.state) ||
            !str_eq(report.causes[i].cause, x->what.cause))
            continue;
        x->n_all = report.causes[i].n;
        x->what.n = report.causes[i].n_settleable;
    }
    return ST_OK;
}

static enum status read_what(struct group *x, struct err *e) {
    struct cli *c = x->c;

    x->what.state = cli_value(c, "state");
    x->what.cause = cli_value(c, "cause");
    x->what.actor = STR("cli");
    x->what.gate = campaign_gate(c);
    TRY(campaign_read_how(c, &x->what.how, e));
    if (!str_eq(x->what.state, STR("failed")) && !str_eq(x->what.state, STR("uncertain")))
        FAIL(e, ST_INVALID, "--state is failed or uncertain");
    if (str_eq(x->what.state, STR("failed")) && x->what.how != RECIPIENT_RESEND)
        FAIL(e, ST_INVALID, "what failed can only be sent again: resend");
    TRY(cli_read(c, count_tx, x, e));
    if (x->n_all == 0)
        FAIL(e, ST_NOT_FOUND, "nobody is %.*s for \"%.*s\"", STR_ARG(x->what.state),
             STR_ARG(str_sub(x->what.cause, 0, 80)));
    if (x->what.n == 0)
        FAIL(e, ST_CONFLICT,
             "the provider had taken the message of each of the %lld: look at them one by one",
             (long long)x->n_all);
    return ST_OK;
}

/* --- step by step ------------------------------------------------------------------------------------------------------------ */

static enum status step_tx(struct tx *tx, void *ctx, struct err *e) {
    struct group *x = ctx;
    struct cli *c = x->c;

    TRY(cli_tenant(c, tx, cli_arg(c, 0), &x->tenant, e));
    x->what.now_ms = clock_now_ms();
    TRY(recipient_settle_step(&c->arena, tx, &x->what, &x->step, e));
    if (x->what.n_settled > 0 || x->step.n_settled == 0)
        return ST_OK;
    return cli_audit(c, tx, x->tenant.id, "dispatch.settle_group", "dispatch", x->what.dispatch.v,
                     e);
}

static enum status decide_all(struct group *x, struct err *e) {
    struct arena kept = x->c->arena; /* steps come and go in one of their own */
    bool is_told = isatty(STDERR_FILENO) && !x->c->is_json;
    enum status st;

    x->c->arena = (struct arena){0};
    do {
        st = cli_write(x->c, step_tx, x, e);
        if (st != ST_OK)
            break;
        x->what.after = x->step.after;
        x->what.n_settled = x->step.n_settled;
        if (is_told)
            (void)fprintf(stderr, "\r%lld of %lld\x1b[K", (long long)x->what.n_settled,
                          (long long)x->what.n);
        arena_reset(&x->c->arena);
    } while (!x->step.is_through);
    arena_done(&x->c->arena);
    x->c->arena = kept;
    if (is_told)
        (void)fprintf(stderr, "\r\x1b[K");
    return st;
}

/* --- shown -------------------------------------------------------------------------------------------------------------------- */

static void show(struct group *x, bool is_done) {
    struct cli *c = x->c;
    int64_t n_skipped = is_done ? x->what.n - x->what.n_settled : 0;

    if (c->is_json) {
        json_obj(&c->json, NULL);
        json_put_id(&c->json, "dispatch_id", x->what.dispatch.v);
        json_put_str(&c->json, "state", x->what.state);
        json_put_str(&c->json, "cause", x->what.cause);
        json_put_str(&c->json, "as", cli_arg(c, 2));
        json_put_i64(&c->json, "count", x->what.n);
        json_put_bool(&c->json, "is_done", is_done);
        json_put_i64(&c->json, "settled", x->what.n_settled);
        json_put_i64(&c->json, "skipped", n_skipped);
        json_end(&c->json);
        return;
    }
    if (is_done) {
        buf_printf(&c->out, "%lld settled as %.*s, %lld skipped: somebody else was faster\n",
                   (long long)x->what.n_settled, STR_ARG(cli_arg(c, 2)), (long long)n_skipped);
        return;
    }
    buf_printf(&c->out, "%lld of the %lld that are %.*s for \"%.*s\" would be settled as %.*s",
               (long long)x->what.n, (long long)x->n_all, STR_ARG(x->what.state),
               STR_ARG(x->what.cause), STR_ARG(cli_arg(c, 2)));
    buf_add(&c->out, STR(": --yes does it\n"));
}

enum status campaign_settle_all(struct cli *c, struct err *e) {
    struct group x = {.c = c};
    bool is_done = cli_has(c, "yes");

    TRY(read_what(&x, e));
    if (is_done)
        TRY(decide_all(&x, e));
    show(&x, is_done);
    return ST_OK;
}

const struct option campaign_group_options[] = {
    {.name = "state", .value = "STATE", .help = "failed or uncertain", .is_required = true},
    {.name = "cause", .value = "CAUSE", .help = "why, as the report says it", .is_required = true},
    {.name = "yes", .help = "do it; without it the number is shown and nothing changes"},
    {.name = NULL},
};

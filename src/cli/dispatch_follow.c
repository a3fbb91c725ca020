/* dispatch_follow.c - prosa dispatch … --wait: the server carries an order out, the command watches it.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/campaign.h"

enum { LOOK_MS = 300, DAY_S = 24 * 3600, TIMEOUT_MAX_S = 30 * DAY_S };

static bool is_in(const struct campaign *x, const char *state) {
    return str_eq(x->dispatch.state, str_of(state));
}

/* --- what is waited for --------------------------------------------------------------------------------------------------- */

static bool is_through(const struct campaign *x) {
    if (is_in(x, "planning") || is_in(x, "dry_run"))
        return false;
    switch (x->order) {
    case DISPATCH_PLAN:
    case DISPATCH_DRY_RUN:
        return true;
    case DISPATCH_START:
    case DISPATCH_RESUME:
        return !is_in(x, "running") && !(is_in(x, "planned") && x->dispatch.start_at_ms > 0);
    case DISPATCH_PAUSE: /* what was under way has its answer */
        return x->report.counts.sending == 0;
    case DISPATCH_CANCEL:
        return x->report.counts.sending == 0 && x->report.counts.planned == 0;
    }
    return true;
}

static bool is_as_wanted(const struct campaign *x) {
    switch (x->order) {
    case DISPATCH_PLAN:
        return is_in(x, "planned");
    case DISPATCH_DRY_RUN:
        return is_in(x, "planned") && x->dispatch.dry_run_at_ms > 0;
    case DISPATCH_START:
    case DISPATCH_RESUME:
        return is_in(x, "done");
    case DISPATCH_PAUSE: /* it was through before, or waits for its time no more */
        return is_in(x, "paused") || is_in(x, "planned") || is_in(x, "done");
    case DISPATCH_CANCEL:
        return is_in(x, "cancelled");
    }
    return false;
}

/* --- looking -------------------------------------------------------------------------------------------------------------- */

static enum status look_tx(struct tx *tx, void *ctx, struct err *e) {
    struct campaign *x = ctx;
    struct cli *c = x->c;

    TRY(cli_tenant(c, tx, cli_arg(c, 0), &x->tenant, e));
    TRY(dispatch_get(&c->arena, tx, x->tenant.id, x->id, &x->dispatch, e));
    return dispatch_report(&c->arena, tx, x->tenant.id, x->id, &x->report, e);
}

/* Of a running one the counts alone are needed, a thousand times. */
static enum status glance_tx(struct tx *tx, void *ctx, struct err *e) {
    struct campaign *x = ctx;

    x->report = (struct dispatch_report){0};
    TRY(cli_tenant(x->c, tx, cli_arg(x->c, 0), &x->tenant, e));
    TRY(dispatch_get(&x->c->arena, tx, x->tenant.id, x->id, &x->dispatch, e));
    return dispatch_count(&x->c->arena, tx, x->tenant.id, x->id, &x->report.counts, e);
}

static void tell(const struct campaign *x) {
    const struct dispatch_counts *n = &x->report.counts;
    const struct dispatch *d = &x->dispatch;

    if (is_in(x, "planning") || is_in(x, "dry_run"))
        (void)fprintf(stderr, "\r%.*s: %lld looked at\x1b[K", STR_ARG(d->state),
                      (long long)d->plan_seen);
    else
        (void)fprintf(stderr, "\r%.*s: %lld of %lld reached, %lld failed, %lld to go%s%.*s\x1b[K",
                      STR_ARG(d->state), (long long)n->reached, (long long)(n->total - n->excluded),
                      (long long)(n->failed + n->uncertain), (long long)(n->planned + n->sending),
                      d->wait_cause.len > 0 ? ", waits for " : "", STR_ARG(d->wait_cause));
}

void campaign_rest(void) {
    const struct timespec ms = {.tv_nsec = LOOK_MS * 1000000L};

    (void)nanosleep(&ms, NULL);
}

enum status campaign_deadline(const struct cli *c, int64_t *ret_mono_ms, struct err *e) {
    int64_t seconds = DAY_S;

    if (cli_has(c, "timeout") && !cli_has(c, "wait"))
        FAIL(e, ST_INVALID, "--timeout goes with --wait");
    TRY(cli_number(c, "timeout", 1, TIMEOUT_MAX_S, &seconds, e));
    *ret_mono_ms = clock_mono_ms() + seconds * 1000;
    return ST_OK;
}

static enum status watch(struct campaign *x, bool is_told, struct err *e) {
    struct arena kept = x->c->arena; /* looks come and go in one of their own */
    enum status st;

    x->c->arena = (struct arena){0};
    for (;;) {
        st = cli_read(x->c, glance_tx, x, e);
        if (st != ST_OK || is_through(x))
            break;
        if (is_told)
            tell(x);
        if (clock_mono_ms() > x->deadline_ms) {
            st = err_set(e, ST_UNAVAILABLE, __FILE__, __LINE__,
                         "it is still %.*s: the order stands, a server carries it out",
                         STR_ARG(x->dispatch.state));
            break;
        }
        campaign_rest();
        arena_reset(&x->c->arena);
    }
    arena_done(&x->c->arena);
    x->c->arena = kept;
    if (is_told)
        (void)fprintf(stderr, "\r\x1b[K");
    return st;
}

/* --- the end ---------------------------------------------------------------------------------------------------------------- */

static void show_estimate(struct cli *c, const struct dispatch *d) {
    const struct json *v = NULL;
    struct err why = ERR_INIT;
    int64_t cost;

    if (d->estimate.len == 0 ||
        json_parse(&c->arena, d->estimate, JSON_LIMITS_DEFAULT, &v, &why) != ST_OK)
        return;
    cost = json_i64(json_get(v, "cost"), 0);
    buf_printf(&c->out, "%lld would get it, for about %.*s %lld.%02lld",
               (long long)json_i64(json_get(v, "recipients"), 0),
               STR_ARG(json_str(json_get(v, "currency"))), (long long)(cost / 1000000),
               (long long)(cost % 1000000 / 10000));
    if (json_str(json_get(v, "finish_at")).len > 0)
        buf_printf(&c->out, ", through by %.*s", STR_ARG(json_str(json_get(v, "finish_at"))));
    buf_add(&c->out, STR("\n"));
}

static enum status show_end(struct campaign *x, struct err *e) {
    struct cli *c = x->c;
    bool is_before = x->order == DISPATCH_PLAN || x->order == DISPATCH_DRY_RUN;

    TRY(cli_read(c, look_tx, x, e));
    campaign_show(c, &x->dispatch, &x->report.counts);
    if (c->is_json)
        return ST_OK;
    if (is_before)
        show_estimate(c, &x->dispatch);
    else
        campaign_show_counts(c, &x->report.counts);
    campaign_show_causes(c, &x->report);
    return ST_OK;
}

enum status campaign_follow(struct campaign *x, struct err *e) {
    struct cli *c = x->c;

    if (!cli_has(c, "wait"))
        return ST_OK;
    TRY(watch(x, isatty(STDERR_FILENO) && !c->is_json, e));
    TRY(show_end(x, e));
    c->exit_code = is_as_wanted(x) ? 0 : 1;
    return ST_OK;
}

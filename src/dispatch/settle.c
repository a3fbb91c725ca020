/* settle.c - what only a person can decide: whether an uncertain message arrived, and whether one that failed is sent again; one by
 * one, or all that share a cause.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/internal.h"

struct decision_of_person {
    struct arena *a;
    enum recipient_settle how;
    struct str actor;
    const struct json *channels; /* the campaign's */
    int64_t now_ms;
};

/* The channel that failed, also where the next one was looked at and led nowhere. */
static int64_t step_of(const struct json *channels, const struct recipient *r) {
    for (size_t i = 0; i < json_len(channels); i++)
        if (str_eq(json_str(json_get(json_at(channels, i), "channel")), r->channel))
            return (int64_t)i;
    return r->step;
}

/* What is still told of the message before is not this one's. */
static void plan_again(struct recipient *r, int64_t now_ms) {
    r->state = STR("planned");
    r->block_reason = STR_EMPTY;
    r->rank = 0;
    r->attempts = r->spared = 0;
    r->due_at_ms = now_ms;
    r->sent_at_ms = 0;
    r->cost = 0;
    r->provider_id = STR_EMPTY;
}

static void decide(const struct decision_of_person *d, struct recipient *r) {
    switch (d->how) {
    case RECIPIENT_SENT:
        r->state = STR("sent");
        r->rank = 1;
        r->sent_at_ms = d->now_ms;
        break;
    case RECIPIENT_FAILED:
        r->state = STR("failed");
        r->failed_at_ms = d->now_ms;
        break;
    case RECIPIENT_RESEND:
        r->step = step_of(d->channels, r);
        plan_again(r, d->now_ms);
        break;
    }
    r->error_cause = STR("settled");
    r->error_reason = arena_printf(d->a, "settled by %.*s", STR_ARG(d->actor));
}

static enum status check_can_resend(const struct dispatch *d, enum gate gate, struct err *e) {
    if (str_eq(d->state, STR("cancelled")))
        FAIL(e, ST_CONFLICT, "the campaign is cancelled");
    return dispatch_check_gate(gate, e);
}

/* --- one ---------------------------------------------------------------------------------------------------------------------- */

enum status recipient_settle(struct arena *a, struct tx *tx, const struct recipient_decided *what,
                             struct recipient *ret, struct err *e) {
    struct decision_of_person as = {
        .a = a, .how = what->how, .actor = what->actor, .now_ms = what->now_ms};
    struct dispatch *d = arena_new_of(a, struct dispatch);
    struct recipient *rows;
    size_t n;
    bool is_uncertain;

    TRY(store_recipients_lock(a, tx, what->tenant, &what->id.v, 1, &rows, &n, e));
    if (n == 0)
        FAIL(e, ST_NOT_FOUND, "there is no such recipient");
    *ret = rows[0];
    is_uncertain = str_eq(ret->state, STR("uncertain"));
    if (ret->is_test ||
        (!is_uncertain && !(str_eq(ret->state, STR("failed")) && what->how == RECIPIENT_RESEND)))
        FAIL(e, ST_CONFLICT, "the recipient is %.*s: there is nothing to settle",
             STR_ARG(ret->state));
    TRY(store_dispatch_get(a, tx, what->tenant, ret->dispatch, false, d, e));
    TRY(json_parse(a, d->channels, JSON_LIMITS_DEFAULT, &as.channels, e));
    if (what->how == RECIPIENT_RESEND) {
        TRY(check_can_resend(d, what->gate, e));
        TRY(dispatch_go_on(a, tx, d, what->now_ms, e));
    }
    decide(&as, ret);
    return store_recipients_settled(a, tx, what->tenant, ret, 1, what->now_ms, e);
}

/* --- all that share a cause -------------------------------------------------------------------------------------------------------- */

static enum status check_group(const struct recipient_group *g, struct err *e) {
    bool is_failed = str_eq(g->state, STR("failed"));

    if (!is_failed && !str_eq(g->state, STR("uncertain")))
        FAIL(e, ST_INVALID, "state: \"failed\" or \"uncertain\"");
    if (is_failed && g->how != RECIPIENT_RESEND)
        FAIL(e, ST_INVALID, "as: what failed can only be sent again, \"resend\"");
    if (g->n < 1 || g->n_settled < 0 || g->n_settled > g->n)
        FAIL(e, ST_INVALID, "count: how many there are, as the report says");
    return ST_OK;
}

/* The campaign first and then its rows, as a run does. */
static enum status hold_campaign(struct arena *a, struct tx *tx, const struct recipient_group *g,
                                 struct dispatch *ret, struct err *e) {
    bool is_resend = g->how == RECIPIENT_RESEND;

    TRY(store_dispatch_get(a, tx, g->tenant, g->dispatch, is_resend, ret, e));
    return is_resend ? check_can_resend(ret, g->gate, e) : ST_OK;
}

enum status recipient_settle_step(struct arena *a, struct tx *tx, const struct recipient_group *g,
                                  struct recipient_group_step *ret, struct err *e) {
    struct decision_of_person as = {.a = a, .how = g->how, .actor = g->actor, .now_ms = g->now_ms};
    struct dispatch *d = arena_new_of(a, struct dispatch);
    struct recipient *rows;
    size_t n, limit;

    TRY(check_group(g, e));
    TRY(hold_campaign(a, tx, g, d, e));
    TRY(json_parse(a, d->channels, JSON_LIMITS_DEFAULT, &as.channels, e));
    limit = (size_t)(g->n - g->n_settled);
    if (limit > RECIPIENT_STEP_MAX)
        limit = RECIPIENT_STEP_MAX;
    TRY(store_recipients_group(a, tx, g, limit, &rows, &n, e));
    for (size_t i = 0; i < n; i++)
        decide(&as, &rows[i]);
    TRY(store_recipients_settled(a, tx, g->tenant, rows, n, g->now_ms, e));
    if (n > 0 && g->how == RECIPIENT_RESEND)
        TRY(dispatch_go_on(a, tx, d, g->now_ms, e));
    ret->after = n > 0 ? rows[n - 1].lead : g->after;
    ret->n_settled = g->n_settled + (int64_t)n;
    ret->is_through = n < limit || ret->n_settled == g->n;
    return ST_OK;
}

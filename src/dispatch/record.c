/* record.c - what came back, written down: by hundreds where the provider took it, one by one where it said something else.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/run.h"

#include "base/clock.h"

struct record {
    struct run *run;
    struct arena *a;
    struct tx *tx;
    struct dispatch *d;
    struct flight *const *flights; /* that this transaction writes down */
    size_t n;
    int64_t now_ms;
    size_t n_channels;
};

/* --- taken ---------------------------------------------------------------------------------------------------------------- */

static enum status record_accepted(struct record *x, struct err *e) {
    struct recipient *rows = arena_array_of(x->a, x->n + 1, struct recipient);
    struct lead_id *fresh = arena_array_of(x->a, x->n + 1, struct lead_id);
    size_t n = 0, n_fresh = 0;

    for (size_t i = 0; i < x->n; i++) {
        const struct flight *f = x->flights[i];

        if (f->result.outcome != SEND_ACCEPTED)
            continue;
        rows[n] = f->row;
        rows[n].provider_id = f->result.message_id;
        rows[n++].cost = f->price;
        if (f->is_new_lead && !f->row.is_test)
            fresh[n_fresh++] = f->row.lead;
        if (f->result.phone.len > 0 && !str_eq(f->result.phone, f->row.address) && !f->is_user_id &&
            !f->row.is_test)
            TRY(lead_learn_address(
                x->a, x->tx, x->d->tenant, f->row.lead,
                &(struct party){.phone = f->result.phone, .user_id = f->result.user_id}, x->now_ms,
                e));
    }
    TRY(store_recipients_sent(x->a, x->tx, x->d->tenant, rows, n, x->now_ms, e));
    return lead_contacted_many(x->a, x->tx, x->d->tenant, fresh, n_fresh, x->now_ms, e);
}

/* Who is in a conversation right now sees there what the campaign said. */
static enum status show_in_conversations(struct record *x, struct err *e) {
    struct lead_id *leads = arena_array_of(x->a, x->n + 1, struct lead_id);
    struct open_conversation *open;
    size_t n = 0, n_open;

    for (size_t i = 0; i < x->n; i++)
        if (x->flights[i]->result.outcome == SEND_ACCEPTED && !x->flights[i]->row.is_test)
            leads[n++] = x->flights[i]->row.lead;
    if (n == 0)
        return ST_OK;
    TRY(conversation_open_of_leads(x->a, x->tx, x->d->tenant, leads, n, &open, &n_open, e));
    for (size_t i = 0; i < x->n && n_open > 0; i++) {
        const struct flight *f = x->flights[i];
        struct recipient row = f->row;

        if (f->result.outcome != SEND_ACCEPTED || row.is_test)
            continue;
        row.provider_id = f->result.message_id;
        for (size_t k = 0; k < n_open; k++)
            if (uuid_eq(open[k].lead.v, row.lead.v) && uuid_eq(open[k].account.v, row.account.v))
                TRY(dispatch_show(x->a, x->tx, x->d, &row, open[k].id, x->now_ms, e));
    }
    return ST_OK;
}

/* --- not taken -------------------------------------------------------------------------------------------------------------- */

static enum status stop(struct record *x, const struct outcome *o, struct err *e) {
    const struct recipient *r = &o->row;

    if (o->is_account)
        TRY(account_set_state(x->tx, x->d->tenant, r->account, STR("blocked"), r->error_reason, e));
    if (!str_eq(x->d->state, STR("running")) || r->is_test)
        return ST_OK;
    return dispatch_set_state(x->a, x->tx, x->d, "paused",
                              o->is_account ? STR("account-blocked") : STR("template-refused"),
                              r->error_reason, x->now_ms, e);
}

static enum status apply(struct record *x, const struct recipient *now, struct flight *f,
                         struct err *e) {
    struct sender_state sender;
    struct outcome o;

    /* A receipt that overtook the answer has settled it already. */
    if (!str_eq(now->state, STR("sending")) && !str_eq(now->state, STR("uncertain")))
        return ST_OK;
    TRY(store_sender_get(x->a, x->tx, x->d->tenant, now->account, x->now_ms, &sender, e));
    outcome_of(x->a, now, &f->result, x->n_channels, sender.backoffs, x->now_ms, &o);
    if (now->is_test && str_eq(o.row.state, STR("planned"))) { /* a test is not tried again */
        o.row.state = STR("failed");
        o.row.due_at_ms = 0;
        o.row.failed_at_ms = x->now_ms;
    }
    TRY(store_recipient_update(x->tx, x->d->tenant, &o.row, x->now_ms, e));
    if (o.sender_wait_ms > 0 && sender.blocked_until_ms <= x->now_ms)
        TRY(store_sender_block(x->tx, x->d->tenant, now->account, x->now_ms + o.sender_wait_ms,
                               f->result.cause, x->now_ms, e));
    if (f->result.is_no_address && !now->is_test)
        TRY(lead_learn_bounce(x->a, x->tx, x->d->tenant, now->address, x->now_ms, e));
    if (o.is_opt_out && !now->is_test)
        TRY(dispatch_provider_stop(x->a, x->tx, x->d->tenant, now->lead, now->channel,
                                   f->result.reason, x->now_ms, e));
    return o.is_stop ? stop(x, &o, e) : ST_OK;
}

static int by_id(const void *a, const void *b) {
    const struct flight *const *x = a, *const *y = b;

    return uuid_cmp((*x)->row.id.v, (*y)->row.id.v);
}

static enum status record_others(struct record *x, struct err *e) {
    struct flight **others = arena_array_of(x->a, x->n + 1, struct flight *);
    struct uuid *ids = arena_array_of(x->a, x->n + 1, struct uuid);
    struct recipient *rows;
    size_t n = 0, n_rows;

    for (size_t i = 0; i < x->n; i++)
        if (x->flights[i]->result.outcome != SEND_ACCEPTED)
            others[n++] = x->flights[i];
    if (n == 0)
        return ST_OK;
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are what is sorted */
    qsort(others, n, sizeof(*others), by_id);
    for (size_t i = 0; i < n; i++)
        ids[i] = others[i]->row.id.v;
    TRY(store_recipients_lock(x->a, x->tx, x->d->tenant, ids, n, &rows, &n_rows, e));
    for (size_t i = 0, k = 0; i < n_rows; i++) {
        while (k < n && !uuid_eq(others[k]->row.id.v, rows[i].id.v))
            k++;
        if (k < n)
            TRY(apply(x, &rows[i], others[k], e));
    }
    return ST_OK;
}

/* The provider takes messages again: whatever it asked for is over. */
static enum status end_backoff(struct record *x, struct err *e) {
    struct run *r = x->run;

    for (size_t i = 0; i < r->n_finished; i++) {
        const struct flight *f = r->finished[i];
        struct sender_state s;

        if (f->result.outcome != SEND_ACCEPTED)
            continue;
        TRY(store_sender_get(x->a, x->tx, x->d->tenant, f->row.account, x->now_ms, &s, e));
        if (s.backoffs > 0 && s.blocked_until_ms <= x->now_ms)
            TRY(store_sender_block(x->tx, x->d->tenant, f->row.account, 0, STR_EMPTY, x->now_ms,
                                   e));
        return ST_OK; /* one account is what nearly all of them have */
    }
    return ST_OK;
}

enum status run_record(struct run *r, struct tx *tx, struct dispatch *d, int64_t now_ms,
                       struct err *e) {
    struct record x = {.run = r,
                       .a = &r->batch->arena,
                       .tx = tx,
                       .d = d,
                       .flights = r->finished + r->n_aside,
                       .n = r->n_finished - r->n_aside,
                       .now_ms = now_ms};
    const struct json *channels;

    if (r->n_finished == 0)
        return ST_OK;
    TRY(json_parse(x.a, d->channels, JSON_LIMITS_DEFAULT, &channels, e));
    x.n_channels = json_len(channels);
    TRY(record_accepted(&x, e));
    TRY(show_in_conversations(&x, e));
    TRY(end_backoff(&x, e));
    TRY(record_others(&x, e));
    r->pass.n_recorded = (int64_t)r->n_finished;
    return ST_OK;
}

/* Of the fence nothing is needed: what the provider has taken it has taken, whoever has the job by now, and the statement leaves a
 * row alone that is to be sent again. */
enum status run_record_aside(struct tx *tx, void *ctx, struct err *e) {
    struct run *r = ctx;
    struct arena *a = &r->recorder.arena;
    struct dispatch *d;
    struct record x;

    arena_reset(a);
    d = arena_new_of(a, struct dispatch);
    TRY(store_dispatch_get(a, tx, r->job->tenant, r->id, false, d, e));
    x = (struct record){.run = r,
                        .a = a,
                        .tx = tx,
                        .d = d,
                        .flights = r->finished,
                        .n = r->n_aside,
                        .now_ms = clock_now_ms()};
    TRY(record_accepted(&x, e));
    return show_in_conversations(&x, e);
}

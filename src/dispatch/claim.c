/* claim.c - the next recipients: whoever is due, still permitted, and within what their sender may send.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/run.h"

#include <assert.h>

#include "base/clock.h"

enum {
    SHORT_WAIT_MS = 60 * 1000, /* for less nobody's time is moved */
    IDLE_US = 200 * 1000,
    LEAVE_MS = 2000, /* who waits longer for more gives up its turn */
};

struct lane { /* a channel of the campaign in this claim */
    struct sender sender;
    struct channel channel;
    size_t *at; /* rows that may go out over it */
    size_t n;
    int64_t granted;
};

struct claim {
    struct run *run;
    struct tx *tx;
    struct dispatch *d;
    struct permit *permit;
    struct lane lanes[DISPATCH_CHANNELS_MAX];
    struct recipient *rows;
    struct decision *decisions;
    size_t n;
    struct recipient *later, *excluded, *failed;
    size_t n_later, n_excluded, n_failed;
    struct str wait_cause; /* of the rows that are moved to later */
    int64_t wait_until_ms;
    int64_t now_ms;
    int64_t may_fly;                   /* calls there is room for */
    const struct permit_channel *stop; /* the campaign cannot go on over it */
};

static struct arena *arena_of(struct claim *c) {
    return &c->run->batch->arena;
}

static enum status open_lanes(struct claim *c, struct err *e) {
    for (size_t i = 0; i < c->permit->rules.n; i++) {
        const struct permit_channel *ch = &c->permit->channels[i];

        if (ch->is_open)
            TRY(sender_open(arena_of(c), c->tx, &ch->account, ch->provider,
                            &c->permit->rules.limits, c->now_ms, &c->lanes[i].sender, e));
    }
    return ST_OK;
}

/* More than the senders take between two claims would only be looked at for nothing; but who may not get it now must not hold up
 * those behind, who may. */
static size_t rows_to_look_at(const struct claim *c, size_t want) {
    int64_t n = 0;

    if (c->run->is_skimming)
        return RUN_CLAIM_MAX;

    for (size_t i = 0; i < c->permit->rules.n; i++)
        if (c->permit->channels[i].is_open)
            n += c->lanes[i].sender.per_second / 10 + 2;
    if (n < (int64_t)want)
        want = (size_t)n;
    return want < RUN_CLAIM_MAX ? want : RUN_CLAIM_MAX;
}

static void note_wait(struct claim *c, struct str cause, int64_t until_ms) {
    if (c->wait_until_ms != 0 && c->wait_until_ms <= until_ms)
        return;
    c->wait_cause = cause;
    c->wait_until_ms = until_ms;
}

static void put_later(struct claim *c, size_t i, struct str cause, int64_t until_ms) {
    c->later[c->n_later] = c->rows[i];
    c->later[c->n_later++].due_at_ms = until_ms;
    note_wait(c, cause, until_ms);
}

/* A fallback that leads nowhere leaves the row failed, with what the provider said before. */
static void put_out(struct claim *c, size_t i) {
    const struct decision *d = &c->decisions[i];
    struct recipient r = c->rows[i];

    r.block_reason = d->block_reason;
    if (r.step > 0 && r.failed_at_ms > 0) {
        r.state = STR("failed");
        r.due_at_ms = 0;
        c->failed[c->n_failed++] = r;
        return;
    }
    r.channel = d->address.len > 0 ? c->permit->rules.channels[d->step].channel : STR_EMPTY;
    r.reason = d->reason;
    r.error_reason = d->why;
    c->excluded[c->n_excluded++] = r;
}

/* The tier counts people: who is tried again is the same one. */
static bool is_new(const struct recipient *r) {
    return r->attempts == 0;
}

/* Who tries a campaign wants to know now: a test waits for nothing. */
static void fail_test(struct claim *c, size_t i, struct str cause, struct str why) {
    struct recipient r = c->rows[i];

    r.state = STR("failed");
    r.due_at_ms = 0;
    r.failed_at_ms = c->now_ms;
    r.error_cause = cause;
    r.error_reason = why;
    c->failed[c->n_failed++] = r;
}

/* Until when, and why; not later than now: it may go. Who is tried again has a place in the tier already. */
static int64_t sender_wait(const struct claim *c, const struct lane *lane,
                           const struct recipient *r, struct str *ret_cause) {
    const struct sender *s = &lane->sender;

    if (is_new(r) && s->full_until_ms > c->now_ms && s->full_until_ms > s->wait_until_ms) {
        *ret_cause = s->full_cause;
        return s->full_until_ms;
    }
    *ret_cause = s->wait_cause;
    return s->wait_until_ms;
}

static void sort_row(struct claim *c, size_t i) {
    const struct decision *d = &c->decisions[i];
    struct lane *lane = &c->lanes[d->step];
    struct str cause;
    int64_t wait_until_ms;

    if (!d->is_allowed && c->rows[i].is_test) {
        fail_test(c, i, d->block_reason, d->why);
        return;
    }
    if (!d->is_allowed && d->is_channel_block) {
        c->stop = &c->permit->channels[d->step];
        return;
    }
    if (!d->is_allowed) {
        put_out(c, i);
        return;
    }
    if (d->not_before_ms > c->now_ms && !c->rows[i].is_test) {
        put_later(c, i, STR("quiet-hours"), d->not_before_ms);
        return;
    }
    wait_until_ms = sender_wait(c, lane, &c->rows[i], &cause);
    if (wait_until_ms > c->now_ms && c->rows[i].is_test) {
        fail_test(c, i, cause, STR("the account may not send now"));
        return;
    }
    if (wait_until_ms > c->now_ms) {
        if (wait_until_ms > c->now_ms + SHORT_WAIT_MS)
            put_later(c, i, cause, wait_until_ms);
        else
            note_wait(c, cause, wait_until_ms);
        return;
    }
    assert(lane->at); /* made with the lanes */
    lane->at[lane->n++] = i;
}

static int64_t count_new(const struct claim *c, const struct lane *lane, size_t n) {
    int64_t n_new = 0;

    for (size_t k = 0; k < n; k++)
        n_new += is_new(&c->rows[lane->at[k]]);
    return n_new;
}

/* The lane's first rows, up to the person for whom there is no room. */
static int64_t count_fitting(const struct claim *c, const struct lane *lane) {
    size_t n = 0;
    int64_t n_new = 0;

    while (n < lane->n) {
        n_new += is_new(&c->rows[lane->at[n]]);
        if (n_new > lane->sender.room)
            break;
        n++;
    }
    return (int64_t)n;
}

static void note_pace(struct claim *c, int64_t wait_us) {
    if (wait_us > 0 && (c->run->pass.wait_us == 0 || wait_us < c->run->pass.wait_us))
        c->run->pass.wait_us = wait_us;
}

/* The bucket of the number comes last: 1:1 messages wait for its row until the commit. */
static enum status take_lane(struct claim *c, size_t i, struct err *e) {
    struct lane *lane = &c->lanes[i];
    const struct permit_channel *ch = &c->permit->channels[i];
    int64_t want = count_fitting(c, lane), wait_us = 0;

    if (want > c->may_fly)
        want = c->may_fly;
    if (lane->sender.is_probing && want > 1)
        want = 1;
    if (lane->sender.is_probing && c->run->n_flying > 0)
        want = 0;
    if (want <= 0)
        return ST_OK;
    TRY(account_channel(arena_of(c), c->tx, c->run->deps->keys, &ch->account,
                        *atomic_load(&c->run->deps->defaults->now), &lane->channel, e));
    TRY(sender_take(arena_of(c), c->tx, c->d->tenant, &lane->sender, want, c->now_ms * 1000,
                    &lane->granted, &wait_us, e));
    c->may_fly -= lane->granted;
    note_pace(c, wait_us);
    if (lane->granted == 0 || lane->sender.per_day == 0)
        return ST_OK;
    return store_sender_count(c->tx, c->d->tenant, ch->account.id, c->now_ms,
                              count_new(c, lane, (size_t)lane->granted), e);
}

static void mark(struct claim *c, size_t lane_i, size_t i) {
    const struct decision *d = &c->decisions[i];
    const struct channel_rule *rule = &c->permit->rules.channels[lane_i];
    const struct permit_channel *ch = &c->permit->channels[lane_i];
    struct claimed *to = &c->run->pass.claimed[c->run->pass.n_claimed++];

    to->row = c->rows[i];
    to->row.step = (int64_t)lane_i;
    to->row.channel = rule->channel;
    to->row.account = ch->account.id;
    to->row.address = d->address;
    to->row.template_name = rule->template_name;
    to->row.language = ch->template.language;
    to->row.reason = d->reason;
    to->row.text = d->text;
    to->row.attempts++;
    to->row.state = STR("sending");
    to->row.error_code = 0;
    to->row.error_cause = to->row.error_reason = STR_EMPTY;
    to->decision = d;
    to->via = ch;
    to->channel = &c->lanes[lane_i].channel;
}

static enum status store_sorted(struct claim *c, struct err *e) {
    struct pass *p = &c->run->pass;
    struct recipient *marked;

    for (size_t i = 0; i < c->permit->rules.n; i++)
        if (c->lanes[i].n > 0)
            TRY(take_lane(c, i, e));
    for (size_t i = 0; i < c->permit->rules.n; i++)
        for (size_t k = 0; k < (size_t)c->lanes[i].granted; k++)
            mark(c, i, c->lanes[i].at[k]);
    marked = arena_array_of(arena_of(c), p->n_claimed + 1, struct recipient);
    for (size_t i = 0; i < p->n_claimed; i++)
        marked[i] = p->claimed[i].row;
    TRY(store_recipients_sending(arena_of(c), c->tx, c->d->tenant, marked, p->n_claimed, c->now_ms,
                                 e));
    TRY(store_recipients_exclude(arena_of(c), c->tx, c->d->tenant, c->excluded, c->n_excluded,
                                 c->now_ms, e));
    for (size_t i = 0; i < c->n_failed; i++)
        TRY(store_recipient_update(c->tx, c->d->tenant, &c->failed[i], c->now_ms, e));
    return store_recipients_later(arena_of(c), c->tx, c->d->tenant, c->later, c->n_later, e);
}

static enum status find_rows(struct claim *c, size_t want, struct err *e) {
    const struct claim_query q = {.tenant = c->d->tenant,
                                  .dispatch = c->d->id,
                                  .due_before_ms = c->now_ms,
                                  .limit = rows_to_look_at(c, want)};
    struct recipient r;

    if (uuid_is_nil(c->run->test.v))
        return store_recipients_due(arena_of(c), c->tx, &q, &c->rows, &c->n, e);
    TRY(store_recipient_get(arena_of(c), c->tx, c->d->tenant, c->run->test, &r, e));
    c->rows = arena_new_of(arena_of(c), struct recipient);
    c->rows[0] = r;
    c->n = str_eq(r.state, STR("planned"));
    return ST_OK;
}

/* What the next one waits for, when no claim has said so: the run was begun anew after the rows were moved. */
static enum status explain_wait(struct claim *c, int64_t next_ms, struct err *e) {
    const struct claim_query q = {
        .tenant = c->d->tenant, .dispatch = c->d->id, .due_before_ms = next_ms, .limit = 1};
    struct str cause = STR("retry"), from_sender;
    struct decision decision;
    size_t n;

    if (c->d->wait_cause.len > 0 && c->d->wait_until_ms > c->now_ms)
        return ST_OK;
    TRY(store_recipients_due(arena_of(c), c->tx, &q, &c->rows, &n, e));
    if (n == 0) /* somebody has it in hand */
        return ST_OK;
    TRY(permit_decide(c->permit, c->rows, 1, &decision, e));
    if (decision.is_allowed && decision.not_before_ms > c->now_ms)
        cause = STR("quiet-hours");
    else if (decision.is_allowed &&
             sender_wait(c, &c->lanes[decision.step], &c->rows[0], &from_sender) > c->now_ms)
        cause = from_sender;
    return store_dispatch_wait(c->tx, c->d->tenant, c->d->id, cause, next_ms, e);
}

/* Nothing is due: is there anything left at all? */
static enum status look_ahead(struct claim *c, struct err *e) {
    struct pass *p = &c->run->pass;
    int64_t next_ms = 0;

    if (uuid_is_nil(c->run->test.v))
        TRY(store_recipients_next(arena_of(c), c->tx, c->d->tenant, c->d->id, &next_ms, e));
    if (next_ms == 0) {
        p->is_campaign_over = c->run->n_flying == 0; /* what flies may have to be sent again */
        p->is_over = true;
        return ST_OK;
    }
    p->again_at_ms = next_ms;
    p->is_over = next_ms > c->now_ms + LEAVE_MS && c->run->n_flying == 0;
    p->wait_us = (next_ms - c->now_ms) * 1000;
    if (p->wait_us < 1000 || p->wait_us > IDLE_US)
        p->wait_us = IDLE_US;
    return p->is_over ? explain_wait(c, next_ms, e) : ST_OK;
}

static enum status stop(struct claim *c, struct err *e) {
    c->run->pass.is_over = true;
    return dispatch_set_state(arena_of(c), c->tx, c->d, "paused", c->stop->block,
                              c->stop->block_why, c->now_ms, e);
}

/* The sender pauses: that is no reason to keep others' campaigns from their turn. */
static void leave_while_waiting(struct claim *c) {
    struct pass *p = &c->run->pass;

    if (p->n_claimed > 0 || c->run->n_flying > 0 || c->n_later + c->n_excluded + c->n_failed > 0 ||
        c->wait_until_ms <= c->now_ms + LEAVE_MS)
        return;
    p->is_over = true;
    p->again_at_ms = c->wait_until_ms;
}

static enum status tell_wait(struct claim *c, struct err *e) {
    bool is_waiting = c->run->pass.n_claimed == 0 && c->wait_until_ms > 0;
    struct str cause = is_waiting ? c->wait_cause : STR_EMPTY;
    int64_t until_ms = is_waiting ? c->wait_until_ms : 0;

    if (str_eq(cause, c->d->wait_cause) && until_ms == c->d->wait_until_ms)
        return ST_OK;
    if (c->run->pass.n_claimed == 0 && c->n == 0) /* as the last claim said */
        return ST_OK;
    return store_dispatch_wait(c->tx, c->d->tenant, c->d->id, cause, until_ms, e);
}

enum status run_claim(struct run *r, struct tx *tx, struct dispatch *d, size_t want, int64_t now_ms,
                      struct err *e) {
    struct arena *a = &r->batch->arena;
    struct claim *c = arena_new_of(a, struct claim);

    *c = (struct claim){.run = r,
                        .tx = tx,
                        .d = d,
                        .now_ms = now_ms,
                        .may_fly = (int64_t)want,
                        .permit = arena_new_of(a, struct permit)};
    TRY(permit_open(a, tx, d, now_ms, c->permit, e));
    TRY(open_lanes(c, e));
    /* Campaigns of one tenant take turns here, and a stop is either seen or waits for this commit. */
    TRY(store_dispatch_settings_lock(a, tx, d->tenant, e));
    TRY(consent_hold(a, tx, d->tenant, &r->pass.stops, e));
    TRY(find_rows(c, want, e));
    if (c->n == 0) {
        TRY(look_ahead(c, e));
        return ST_OK;
    }
    c->decisions = arena_array_of(a, c->n, struct decision);
    c->later = arena_array_of(a, c->n, struct recipient);
    c->excluded = arena_array_of(a, c->n, struct recipient);
    c->failed = arena_array_of(a, c->n, struct recipient);
    r->pass.claimed = arena_array_of(a, c->n, struct claimed);
    for (size_t i = 0; i < c->permit->rules.n; i++)
        c->lanes[i].at = arena_array_of(a, c->n, size_t);
    TRY(permit_decide(c->permit, c->rows, c->n, c->decisions, e));
    for (size_t i = 0; i < c->n && !c->stop; i++)
        sort_row(c, i);
    if (c->stop)
        return stop(c, e);
    TRY(store_sorted(c, e));
    r->is_skimming = r->pass.n_claimed == 0 && c->n_later + c->n_excluded > 0;
    if (r->pass.n_claimed == 0 && r->pass.wait_us == 0 && c->wait_until_ms > 0 && !r->is_skimming)
        r->pass.wait_us = IDLE_US;
    leave_while_waiting(c);
    return tell_wait(c, e);
}

/* deliver.c - the job of one endpoint: sends what is due, a few side by side, records each end, and comes again when the next
 * is due.
 *
 *   read what is due → POST them → one transaction: fence, each fate, the endpoint's health → … → put itself for the next
 *
 * A run that dies between POST and record sends again: the receiver sees the same id and bytes. One endpoint has one job in
 * one lane, so a slow one holds one worker; all endpoints together hold at most a quarter of them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "webhook/store.h"

#include "stats/stats.h"
#include "webhook/running.h"

enum {
    SIDE_BY_SIDE = 8,
    RUN_MS = 2000,       /* then the job gives its worker back and comes again */
    BUSY_AGAIN_MS = 250, /* other endpoints hold the workers meant for this */
    CLOSED_MIN_MS = 1000,
    GIVE_UP_MS =
        26 * 3600 * 1000, /* the schedule of attempts ends before; a closed circuit may delay it */
    RETENTION_DAYS = 30,
    DISABLE_AFTER_DAYS = 3,
};

#define DELIVERIES(outcome)                                                                        \
    STATS_COUNTER_L("prosa_webhook_deliveries_total",                                              \
                    "Attempts to deliver an event to a webhook endpoint, by outcome.",             \
                    "outcome=\"" outcome "\"")
static struct stats_counter delivered = DELIVERIES("delivered");
static struct stats_counter retried = DELIVERIES("retry");
static struct stats_counter dead = DELIVERIES("dead");
static struct stats_counter not_made = DELIVERIES("circuit-open");
static struct stats_counter endpoints_disabled = STATS_COUNTER(
    "prosa_webhook_endpoints_disabled_total", "Webhook endpoints disabled because they failed.");

struct run { /* of the job */
    struct webhooks *webhooks;
    const struct job *job;
    struct webhook_id id;

    struct arena arena; /* of the batch */
    struct door door;
    bool is_active;
    struct due_list due;
    size_t n; /* of the batch */
    struct parcel parcels[SIDE_BY_SIDE];
    struct delivery_fate fates[SIDE_BY_SIDE];
    int64_t wait_ms; /* the circuit is open: no sooner */
    bool is_disabled;
    int64_t n_given_up;
};

/* --- read --------------------------------------------------------------------------------------------------------------- */

static enum status read_batch(struct tx *tx, void *ctx, struct err *e) {
    struct run *r = ctx;
    enum status st =
        door_open(&r->arena, tx, r->webhooks->options.keys, r->job->tenant, r->id, &r->door, e);

    r->n = 0;
    r->is_active = st == ST_OK && str_eq(r->door.webhook.state, STR("active"));
    if (st == ST_NOT_FOUND)
        err_clear(e);
    else
        TRY(st);
    if (!r->is_active)
        return ST_OK;
    TRY(store_due(&r->arena, tx, r->job->tenant, r->id, SIDE_BY_SIDE, &r->due, e));
    r->n = r->due.n;
    return ST_OK;
}

/* --- record ------------------------------------------------------------------------------------------------------------- */

static uint32_t chance(void) {
    uint32_t n;

    crypto_random(&n, sizeof(n));
    return n;
}

static void decide(struct run *r, size_t i, int64_t now_ms) {
    const struct due_delivery *d = &r->due.items[i];
    const struct webhook_attempt *at = &r->parcels[i].attempt;
    int64_t attempts = d->attempts + 1;
    int64_t wait_ms = webhook_backoff_ms(attempts, chance());

    if (at->retry_after_ms > wait_ms && wait_ms > 0)
        wait_ms = at->retry_after_ms < WEBHOOK_DAY_MS ? at->retry_after_ms : WEBHOOK_DAY_MS;
    r->fates[i] = (struct delivery_fate){
        .id = d->id, .state = "waiting", .attempts = attempts, .attempt = *at};
    if (at->is_delivered)
        r->fates[i].state = "delivered";
    else if (at->is_gone || wait_ms == 0 || now_ms + wait_ms - d->queued_at_ms > GIVE_UP_MS)
        r->fates[i].state = "dead";
    else
        r->fates[i].next_at_ms = now_ms + wait_ms;
}

static void count(const struct delivery_fate *f) {
    struct str state = str_of(f->state);

    stats_add(str_eq(state, STR("delivered")) ? &delivered
              : str_eq(state, STR("dead"))    ? &dead
                                              : &retried,
              1);
}

/* What the batch says about the endpoint. */
static void judge_health(struct run *r, struct webhook *w, int64_t now_ms, bool *ret_is_gone) {
    const struct webhook_attempt *failure = NULL;
    bool has_success = false;

    *ret_is_gone = false;
    for (size_t i = 0; i < r->n; i++) {
        const struct webhook_attempt *at = &r->parcels[i].attempt;

        if (at->is_not_made)
            continue;
        has_success = has_success || at->is_delivered;
        if (!at->is_delivered)
            failure = at;
        *ret_is_gone = *ret_is_gone || at->is_gone;
    }
    if (has_success) {
        w->last_success_at_ms = now_ms;
        w->failing_since_ms = 0;
    }
    if (failure) {
        w->last_failure_at_ms = now_ms;
        w->last_failure = failure->reason;
        if (!has_success && w->failing_since_ms == 0)
            w->failing_since_ms = now_ms;
    }
}

static enum status stop_failing(struct tx *tx, struct run *r, struct str reason, struct err *e) {
    r->is_disabled = true;
    TRY(webhook_disable(&r->arena, tx, r->job->tenant, r->id, reason, e));
    return audit_add(
        tx,
        (struct audit){.tenant = r->job->tenant,
                       .actor = STR("system"),
                       .action = "webhook.disable",
                       .object = arena_printf(&r->arena, "webhook:%.*s",
                                              STR_ARG(uuid_format(&r->arena, r->id.v))),
                       .detail = STR("{}")},
        e);
}

static enum status record_health(struct tx *tx, struct run *r, int64_t now_ms, struct err *e) {
    struct webhook w;
    bool is_gone;
    enum status st = store_endpoint_lock(&r->arena, tx, r->job->tenant, r->id, &w, NULL, e);

    if (st == ST_NOT_FOUND) { /* deleted meanwhile */
        err_clear(e);
        return ST_OK;
    }
    TRY(st);
    judge_health(r, &w, now_ms, &is_gone);
    TRY(store_endpoint_state(tx, &w, e));
    if (is_gone)
        return stop_failing(tx, r, STR("the endpoint answered 410 Gone"), e);
    if (w.failing_since_ms == 0)
        return ST_OK;
    if (now_ms - w.failing_since_ms > (int64_t)DISABLE_AFTER_DAYS * WEBHOOK_DAY_MS)
        return stop_failing(tx, r,
                            arena_printf(&r->arena,
                                         "every attempt has failed for %d days, last: %.*s",
                                         DISABLE_AFTER_DAYS, STR_ARG(w.last_failure)),
                            e);
    /* What the open circuit has kept from being tried ends with its time as well. */
    return store_deliveries_give_up(tx,
                                    (struct giving_up){.tenant = r->job->tenant,
                                                       .webhook = r->id,
                                                       .queued_before_ms = now_ms - GIVE_UP_MS,
                                                       .cause = STR("endpoint-down"),
                                                       .reason = w.last_failure},
                                    &r->n_given_up, e);
}

static enum status record(struct tx *tx, void *ctx, struct err *e) {
    struct run *r = ctx;
    int64_t now_ms = clock_now_ms();

    r->is_disabled = false;
    r->n_given_up = 0;
    TRY(queue_fence(tx, r->job, e));
    for (size_t i = 0; i < r->n; i++) {
        if (r->parcels[i].attempt.is_not_made)
            continue;
        decide(r, i, now_ms);
        TRY(store_delivery_fate(tx, r->job->tenant, r->fates[i], now_ms, e));
    }
    return record_health(tx, r, now_ms, e);
}

static enum status record_batch(struct run *r, struct err *e) {
    size_t n_made = 0;

    r->wait_ms = 0;
    for (size_t i = 0; i < r->n; i++) {
        const struct webhook_attempt *at = &r->parcels[i].attempt;

        n_made += !at->is_not_made;
        if (at->is_not_made)
            r->wait_ms = at->retry_after_ms > CLOSED_MIN_MS ? at->retry_after_ms : CLOSED_MIN_MS;
    }
    stats_add(&not_made, (int64_t)(r->n - n_made));
    if (n_made == 0)
        return ST_OK;
    TRY(db_write(r->webhooks->options.db, DB_TENANT(r->job->tenant), record, r, e));
    for (size_t i = 0; i < r->n; i++)
        if (!r->parcels[i].attempt.is_not_made)
            count(&r->fates[i]);
    stats_add(&dead, r->n_given_up);
    stats_add(&endpoints_disabled, r->is_disabled);
    return ST_OK;
}

/* --- the run ------------------------------------------------------------------------------------------------------------ */

static enum status batch(struct run *r, struct err *e) {
    enum status st;

    TRY(db_read(r->webhooks->options.db, DB_TENANT(r->job->tenant), read_batch, r, e));
    if (r->n == 0)
        return ST_OK;
    for (size_t i = 0; i < r->n; i++)
        r->parcels[i] = (struct parcel){.id = uuid_format(&r->arena, r->due.items[i].message),
                                        .body = r->due.items[i].body};
    st = parcels_send(r->webhooks->options.httpc, &r->door, r->parcels, r->n, e);
    if (st == ST_OK)
        st = record_batch(r, e);
    for (size_t i = 0; i < r->n; i++)
        arena_done(&r->parcels[i].arena);
    return st;
}

enum status webhook_plan(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct webhook_id webhook, int64_t run_at_ms, enum queue_coalesce coalesce,
                         struct err *e) {
    struct str id = uuid_format(a, webhook.v);

    return queue_put(
        tx,
        (struct job_put){.tenant = tenant,
                         .kind = WEBHOOK_DELIVER_JOB,
                         .lane = arena_printf(a, "webhook:%.*s", STR_ARG(id)),
                         .key = id,
                         .coalesce = coalesce,
                         .priority = QUEUE_NORMAL,
                         .run_at_ms = run_at_ms,
                         .payload = arena_printf(a, "{\"endpoint\":\"%.*s\"}", STR_ARG(id))},
        NULL, e);
}

/* A job that waits already was put by new deliveries, or is this one's successor: it stays as it is. */
static enum status plan_next(struct tx *tx, void *ctx, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct run *r = ctx;
    int64_t next_ms, now_ms = clock_now_ms();

    TRY(queue_fence(tx, r->job, e));
    TRY(store_next_due(&a, tx, r->job->tenant, r->id, &next_ms, e));
    if (next_ms == 0)
        return ST_OK;
    if (next_ms < now_ms + r->wait_ms)
        next_ms = now_ms + r->wait_ms;
    return webhook_plan(&a, tx, r->job->tenant, r->id, next_ms, QUEUE_KEEP, e);
}

static enum status run_batches(struct run *r, struct err *e) {
    int64_t end_ms = clock_mono_ms() + RUN_MS;

    do {
        arena_reset(&r->arena);
        TRY(batch(r, e));
    } while (r->n == SIDE_BY_SIDE && r->wait_ms == 0 && !r->is_disabled &&
             clock_mono_ms() < end_ms);
    if (!r->is_active || r->is_disabled)
        return ST_OK;
    return db_write(r->webhooks->options.db, DB_TENANT(r->job->tenant), plan_next, r, e);
}

static enum status endpoint_of_job(struct arena *a, const struct job *job, struct webhook_id *ret,
                                   struct err *e) {
    const struct json *payload;

    TRY(json_parse(a, job->payload, JSON_LIMITS_DEFAULT, &payload, e));
    if (!uuid_parse(json_str(json_get(payload, "endpoint")), &ret->v))
        FAIL(e, ST_INVALID, "the job's payload names no endpoint");
    return ST_OK;
}

enum status webhook_deliver_job(struct app *app, struct arena *a, const struct job *job,
                                struct verdict *ret_verdict, struct err *e) {
    struct webhooks *w = app_webhooks(app);
    struct run *r = arena_new_of(a, struct run);
    enum status st;

    *ret_verdict = (struct verdict){.kind = VERDICT_DONE};
    *r = (struct run){.webhooks = w, .job = job};
    TRY(endpoint_of_job(a, job, &r->id, e));
    if (atomic_fetch_add(&w->delivering, 1) >= w->max_delivering) {
        atomic_fetch_sub(&w->delivering, 1);
        *ret_verdict = (struct verdict){.kind = VERDICT_AGAIN, .after_ms = BUSY_AGAIN_MS};
        return ST_OK;
    }
    st = run_batches(r, e);
    arena_done(&r->arena);
    atomic_fetch_sub(&w->delivering, 1);
    return st;
}

/* --- test and replay ---------------------------------------------------------------------------------------------------- */

enum status webhook_send_test(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct webhook_id id, struct delivery_id *ret, struct err *e) {
    struct outgoing_event event = {
        .id = uuid_new(), .delivery.v = uuid_new(), .kind = STR("webhook.test")};
    struct webhook w;
    int64_t n;

    TRY(store_endpoint_get(a, tx, tenant, id, &w, NULL, e));
    if (!str_eq(w.state, STR("active")))
        FAIL(e, ST_CONFLICT, "the webhook is disabled: enable it first");
    event.body = body_of_test(a, event.id, &w);
    TRY(store_hand_out(
        a, tx,
        &(struct handing_out){
            .to = {.tenant = tenant, .id = id}, .events = &event, .n = 1, .now_ms = clock_now_ms()},
        &n, e));
    *ret = event.delivery;
    return webhook_plan(a, tx, tenant, id, clock_now_ms(), QUEUE_MOVE, e);
}

enum status webhook_replay(struct arena *a, struct tx *tx, const struct webhook_replay *which,
                           int64_t *ret_n, struct err *e) {
    int64_t now_ms = clock_now_ms();
    struct replayed again;

    TRY(store_replay(a, tx, which, now_ms, &again, e));
    for (size_t i = 0; i < again.n_webhooks; i++)
        TRY(webhook_plan(a, tx, which->tenant, again.webhooks[i], now_ms, QUEUE_MOVE, e));
    *ret_n = again.n;
    return ST_OK;
}

/* --- forgetting --------------------------------------------------------------------------------------------------------- */

static enum status purge(struct tx *tx, void *ctx, struct err *e) {
    return store_webhook_purge(tx, clock_now_ms() - (int64_t)RETENTION_DAYS * WEBHOOK_DAY_MS, ctx,
                               e);
}

enum status webhook_purge_job(struct app *app, struct arena *a, const struct job *job,
                              struct verdict *ret_verdict, struct err *e) {
    int64_t n;

    (void)a;
    (void)job;
    *ret_verdict = (struct verdict){.kind = VERDICT_DONE};
    do
        TRY(db_write(app_db(app), DB_SYSTEM, purge, &n, e));
    while (n > 0);
    return ST_OK;
}

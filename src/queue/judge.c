/* judge.c - runs one job and turns what its handler answered into what becomes of the row.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "crypto/crypto.h"
#include "queue/internal.h"
#include "stats/stats.h"

static struct stats_histogram run_time =
    STATS_HISTOGRAM("prosa_job_duration_seconds", "Time a job's handler ran");
static struct stats_histogram wait_time = STATS_HISTOGRAM(
    "prosa_job_wait_seconds", "Time between a job being due and its handler starting");

static const char *const said[] = {
    [VERDICT_RETRY] = "job will be retried",
    [VERDICT_PARK] = "job parked",
    [VERDICT_DEAD] = "job is dead",
};

static const struct job_kind unknown_kind = {.name = ""};

const struct job_kind *queue_find_kind(const struct queue *q, struct str name) {
    for (size_t i = 0; i < q->options.n_kinds; i++)
        if (str_eq(str_of(q->options.kinds[i].name), name))
            return &q->options.kinds[i];
    return NULL;
}

/* --- when to try again ------------------------------------------------------------------------ */

static int32_t max_attempts(const struct job_kind *kind) {
    return kind->max_attempts > 0 ? kind->max_attempts : QUEUE_MAX_ATTEMPTS;
}

/* Full jitter: anywhere between now and the ceiling, so that what failed together does not come
 * back together. */
static int64_t backoff_ms(const struct job_kind *kind, int32_t attempt) {
    int64_t ceiling = kind->backoff_ms > 0 ? kind->backoff_ms : QUEUE_BACKOFF_MS;
    int64_t most = kind->max_backoff_ms > 0 ? kind->max_backoff_ms : QUEUE_MAX_BACKOFF_MS;
    uint64_t random;

    for (int32_t i = 1; i < attempt && ceiling < most; i++)
        ceiling *= 2;
    if (ceiling > most)
        ceiling = most;
    crypto_random(&random, sizeof(random));
    return 1 + (int64_t)(random % (uint64_t)ceiling);
}

/* --- what a status means ---------------------------------------------------------------------- */

static enum verdict_kind verdict_of(enum status st) {
    switch (st) {
    case ST_OK:
    case ST_NOT_FOUND:
        return VERDICT_DONE;
    case ST_CONFLICT:
    case ST_UNAVAILABLE:
    case ST_LIMITED:
    case ST_UNCERTAIN: /* a commit may have been lost with its connection: handlers run safely twice */
        return VERDICT_RETRY;
    case ST_INVALID:
    case ST_DENIED:
    case ST_BROKEN:
        break;
    }
    return VERDICT_DEAD;
}

/* A verdict the handler set stands; where it set none or merely did not finish, its status speaks.
 * */
static void translate(enum status st, const struct err *e, struct verdict *v) {
    if (v->kind == VERDICT_DONE && verdict_of(st) != VERDICT_DONE)
        *v = (struct verdict){.kind = verdict_of(st)};
    if (v->kind == VERDICT_RETRY && v->after_ms == 0)
        v->after_ms = e->retry_after_ms;
    if (st != ST_OK && !v->cause)
        v->cause = e->cause ? e->cause : status_name(st);
    if (st != ST_OK && v->reason.len == 0)
        v->reason = str_of(e->message);
}

/* --- the outcome ------------------------------------------------------------------------------ */

/* What the database refuses would take the whole batch of verdicts with it: no NUL, no broken
 * UTF-8, no length. */
static void keep_reason(struct arena *a, struct claimed *c, struct str reason) {
    struct str clean = utf8_cut_bytes(utf8_repair(a, reason), QUEUE_REASON_BYTES);

    if (clean.len == 0)
        return;
    c->reason = calloc(1, clean.len + 1);
    if (!c->reason)
        return;
    memcpy(c->reason, clean.ptr, clean.len);
    for (size_t i = 0; i < clean.len; i++)
        if (c->reason[i] == '\0')
            c->reason[i] = ' ';
    c->outcome.reason = (struct str){c->reason, clean.len};
}

static void keep_cause(struct arena *a, struct claimed *c, const char *cause) {
    struct str clean = utf8_cut_bytes(utf8_repair(a, str_of(cause)), QUEUE_CAUSE_BYTES);

    if (clean.len > 0)
        memcpy(c->cause, clean.ptr, clean.len);
    c->outcome.cause = (struct str){c->cause, clean.len};
}

static struct outcome outcome_of(const struct claimed *c, enum outcome_kind kind) {
    return (struct outcome){
        .held = claimed_held(c),
        .kind = kind,
        .job_kind = c->job.kind,
        .lane = c->job.lane,
        .key = c->job.key,
        .run_at_ms = c->job.run_at_ms,
        .attempts = c->job.attempt,
    };
}

static void set_outcome(struct arena *a, struct claimed *c, const struct job_kind *kind,
                        struct verdict v) {
    int64_t now_ms = clock_now_ms();

    if (v.kind == VERDICT_RETRY && c->job.attempt >= max_attempts(kind))
        v.kind = VERDICT_DEAD;
    c->verdict = v.kind;
    switch (v.kind) {
    case VERDICT_DONE:
        c->outcome = outcome_of(c, OUTCOME_GONE);
        return;
    case VERDICT_RETRY:
        c->outcome = outcome_of(c, OUTCOME_READY);
        c->outcome.run_at_ms =
            now_ms + (v.after_ms > 0 ? v.after_ms : backoff_ms(kind, c->job.attempt));
        break;
    case VERDICT_AGAIN:
        c->outcome = outcome_of(c, OUTCOME_READY);
        c->outcome.run_at_ms = now_ms + v.after_ms;
        c->outcome.attempts = c->job.attempt - 1;
        break;
    case VERDICT_PARK:
        c->outcome = outcome_of(c, OUTCOME_PARKED);
        break;
    case VERDICT_DEAD:
        c->outcome = outcome_of(c, OUTCOME_DEAD);
        break;
    }
    keep_cause(a, c, v.cause);
    keep_reason(a, c, v.reason);
}

void queue_set_unbegun(struct claimed *c) {
    c->is_unbegun = true;
    c->outcome = outcome_of(c, OUTCOME_READY);
    c->outcome.attempts = c->job.attempt - 1;
}

void queue_give_back(struct queue *q, struct claimed *c) {
    queue_set_unbegun(c);
    list_remove(&c->node);
    q->n_waiting--;
    q->n_bulk_waiting -= c->priority >= QUEUE_BULK;
    list_push(&q->judged, &c->node);
    q->n_judged++;
    (void)pthread_cond_signal(&q->to_write);
}

/* --- running ---------------------------------------------------------------------------------- */

static void report(const struct log_ctx *log, const struct claimed *c, const struct err *e) {
    const struct log_field fields[] = {F_I64("attempt", c->job.attempt),
                                       F_STR("why", c->outcome.cause)};
    enum log_level level = c->verdict == VERDICT_DEAD ? LOG_ERROR : LOG_INFO;

    if (c->verdict == VERDICT_DONE || c->verdict == VERDICT_AGAIN)
        log_debug(log, "job ran", F_I64("attempt", c->job.attempt));
    else if (e->status != ST_OK)
        log_err_line(level, log, said[c->verdict], e, fields, ARRAY_LEN(fields));
    else
        log_line(level, log, said[c->verdict], fields, ARRAY_LEN(fields));
}

static enum status call(struct queue *q, struct arena *a, const struct job_kind *kind,
                        struct claimed *c, struct verdict *v, struct err *e) {
    int64_t waited_ms = clock_now_ms() - c->job.run_at_ms;
    int64_t from_ns = clock_mono_ns();
    enum status st;

    stats_observe_us(&wait_time, waited_ms > 0 ? waited_ms * 1000 : 0);
    st = kind->run(q->options.app, a, &c->job, v, e);
    stats_observe_us(&run_time, (clock_mono_ns() - from_ns) / 1000);
    return st;
}

/* A job that took its worker with it every time must not take the next one too. */
static bool is_worn_out(const struct claimed *c, const struct job_kind *kind) {
    return c->job.attempt > max_attempts(kind);
}

void queue_run_job(struct queue *q, struct arena *a, struct claimed *c) {
    const struct job_kind *kind = queue_find_kind(q, c->job.kind);
    const struct log_field fields[] = {
        F_UUID("job", c->job.id.v), F_UUID("tenant", c->job.tenant.v), F_STR("kind", c->job.kind)};
    const struct log_ctx log = {.parent = q->options.log, .fields = fields, .n = ARRAY_LEN(fields)};
    struct verdict v = {.kind = VERDICT_DONE};
    struct err e = ERR_INIT;

    if (!kind) {
        /* Put by a newer program perhaps, in the middle of an update: another node may know it. */
        kind = &unknown_kind;
        v = (struct verdict){.kind = VERDICT_RETRY, .cause = "unknown-kind"};
        v.reason = STR("this program knows no such kind of job");
    } else if (is_worn_out(c, kind)) {
        v = (struct verdict){.kind = VERDICT_DEAD, .cause = "lease-lost"};
        v.reason = STR("its worker died or froze each time");
    } else {
        translate(call(q, a, kind, c, &v, &e), &e, &v);
    }
    set_outcome(a, c, kind, v);
    report(&log, c, &e);
}

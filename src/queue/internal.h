/* internal.h - the running machinery of one process; private to queue/.
 *
 * A claimed job is handed over from list to list, each step under the queue's lock:
 *
 *   claimer ──> waiting ──> worker's current ──> judged ──> writing ──> freed
 *                  └── (stop: given back) ──────────^
 *
 * Threads: one claimer, one writer of verdicts, one heart, one scheduler, the workers. No thread
 * holds the lock while it talks to the database or runs a handler.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>

#include "base/list.h"
#include "log/log.h"
#include "queue/claim.h"
#include "queue/queue.h"
#include "queue/store.h"

enum {
    QUEUE_LEASE_MS = 15000,
    QUEUE_POLL_MS = 1000,
    QUEUE_TAKEOVER_MS = 30000, /* promised: lease and poll together stay under it */
    QUEUE_STACK_BYTES = 512 << 10,
    QUEUE_AHEAD_US = 30000, /* claimed jobs wait about this long in memory at most */
    QUEUE_CAUSE_BYTES = 64,
    QUEUE_REASON_BYTES = 500,
    QUEUE_MAX_ATTEMPTS = 12,
    QUEUE_BACKOFF_MS = 1000,
    QUEUE_MAX_BACKOFF_MS = 5 * 60 * 1000,
};

struct claimed { /* one block with its text behind it */
    struct list_node node;
    struct job job;
    int priority;
    int64_t claimed_ms; /* monotonic */
    int64_t
        lease_end_ms; /* by this process' monotonic clock: past it the job may be somebody else's */
    uint64_t beat;    /* of the heartbeat that is under way for it */
    bool is_lost;
    bool is_unbegun;   /* goes back without having run */
    bool is_settled;   /* its verdict was written, or never will be */
    bool is_uncertain; /* its verdict may have been written */
    enum verdict_kind verdict;
    struct outcome outcome; /* its text is text of job, static, or owned by reason */
    char cause[QUEUE_CAUSE_BYTES];
    char *reason;
    char text[];
};

struct worker {
    struct queue *q;
    pthread_t thread;
    struct claimed *current;
    int64_t since_ms; /* monotonic */
};

struct queue {
    struct list_node node; /* in the process' list of queues */
    uintptr_t handle;
    struct queue_options options;
    struct str name; /* of this process, in jobs.worker */
    char name_text[64];
    int64_t salt;

    pthread_mutex_t lock; /* guards everything below */
    pthread_cond_t to_work, to_claim, to_write, to_beat, to_fire, to_stop;
    bool is_stopping;      /* no new claims, no new starts */
    bool has_drained;      /* workers are through or given up: writer and heart end */
    bool is_woken;         /* something changed since the last claim began */
    bool is_limited;       /* the last claim left jobs aside because of a share */
    bool is_bulk_left;     /* it found bulk jobs and no worker for them */
    bool is_waking_worker; /* one wake-up at a time is under way */
    int64_t next_due_ms;   /* of jobs that wait for their time, INT64_MAX: none known */
    int64_t run_us;        /* moving average of how long a job runs */
    uint64_t beat;
    size_t n_idle, n_running, n_bulk_running;
    size_t n_waiting, n_bulk_waiting;
    size_t n_judged, n_writing;
    struct list waiting; /* by priority, then as claimed */
    struct list judged;
    struct list writing;

    struct claim_book book; /* the claimer's own */
    int64_t looked_ms;      /* the heart's own: until when leases that ran out were looked for */
    struct worker *workers;
    size_t n_threads; /* workers that were started */
    size_t n_ended;
    bool is_abandoned; /* stopped while handlers ran: the last worker frees it */
    pthread_t claimer, writer, heart, scheduler;
    bool has_claimer, has_writer, has_heart, has_scheduler;
};

/* --- hold.c: claimed jobs --------------------------------------------------------------------- */

struct claimed *claimed_new(const struct store_job *job, int64_t claimed_ms, uint32_t lease_ms);
void claimed_free(struct claimed *c);
struct store_held claimed_held(const struct claimed *c);

/* --- judge.c: from a handler's answer to an outcome ------------------------------------------- */

const struct job_kind *queue_find_kind(const struct queue *q, struct str name);
/* Runs c's handler and fills in its verdict and outcome. */
void queue_run_job(struct queue *q, struct arena *a, struct claimed *c);
/* The outcome of a job whose handler was not begun: ready as if it had not been claimed. */
void queue_set_unbegun(struct claimed *c);
/* Under the lock: moves a waiting job to the judged ones, not begun. */
void queue_give_back(struct queue *q, struct claimed *c);

/* --- worker.c --------------------------------------------------------------------------------- */

void *worker_main(void *worker);
/* Under the lock: wakes one idle worker if there is a job for it. */
void worker_wake(struct queue *q);
size_t worker_count_running(const struct queue *q, struct tenant_id tenant);
/* Under the lock: the next job that may start, NULL when none may. */
struct claimed *worker_find_next(const struct queue *q);
size_t worker_bulk_cap(const struct queue *q);
size_t worker_tenant_cap(const struct queue *q);

/* --- claimer.c -------------------------------------------------------------------------------- */

void *claimer_main(void *queue);
/* Under the lock: is there room for so many more jobs that a claim is worth it? */
bool claimer_has_room(const struct queue *q);
/* Under the lock: something may be due. */
void claimer_wake(struct queue *q);

/* --- verdicts.c ------------------------------------------------------------------------------- */

void *writer_main(void *queue);
/* Writes the outcomes of up to STORE_BATCH claimed jobs and counts them. What the database refuses
 * even alone is logged and left to its lease. ST_UNAVAILABLE, ST_UNCERTAIN: the database is away,
 * try again with the same. */
enum status verdicts_write(struct queue *q, struct claimed **list, size_t n, struct err *e)
    ATTR_MUST_CHECK;

/* --- heart.c ---------------------------------------------------------------------------------- */

void *heart_main(void *queue);
/* Makes jobs ready again whose lease ran out. full: also those that ran out long ago. */
enum status heart_take_over(struct queue *q, bool is_full, size_t *ret_n, struct err *e)
    ATTR_MUST_CHECK;
enum status heart_prolong(struct queue *q, struct err *e) ATTR_MUST_CHECK;

/* --- schedule.c ------------------------------------------------------------------------------- */

void *scheduler_main(void *queue);
enum status schedule_register(struct queue *q, struct err *e) ATTR_MUST_CHECK;
/* Fires what is due; *ret_fired counts those that this node fired, *ret_next_ms is when to look
 * again. */
enum status schedule_fire_due(struct queue *q, size_t *ret_fired, int64_t *ret_next_ms,
                              struct err *e) ATTR_MUST_CHECK;

/* --- queue.c ---------------------------------------------------------------------------------- */

void queue_free(struct queue *q);
void queue_lock(struct queue *q);
void queue_unlock(struct queue *q);
/* Waits for cond at most in_ms (negative: for ever). */
void queue_wait(struct queue *q, pthread_cond_t *cond, int64_t in_ms);

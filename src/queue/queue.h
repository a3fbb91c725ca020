/* queue.h - durable jobs: put in the caller's transaction, claimed under a lease, finished with a
 * verdict.
 *
 * One row is one job. Rules that hold always:
 *   1. A put is part of the caller's transaction: the job exists exactly when the effects beside it
 *      do.
 *   2. Of one lane at most one job runs, and they run in the order they were put; a job that waits
 *      for a retry holds its lane, a parked or dead one does not.
 *   3. A claim is a lease with a fencing token; heartbeats prolong it. When it runs out another
 *      worker may claim the job with a higher token, and whatever the first one still writes
 *      through queue_fence() or its verdict is refused.
 *   4. Lower priority number first; between tenants fair shares within a priority, however long one
 *      tenant's queue is. A job put into a lane makes those before it in the lane as urgent as
 *      itself.
 *   5. Done jobs leave the table; parked and dead ones stay until a person replays or discards
 *      them.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/id.h"
#include "db/db.h"

struct queue; /* the running machinery of one process: claimer, workers, heart, scheduler */
struct app;   /* opaque to this module; handed to handlers as it is */

enum queue_priority { QUEUE_URGENT = 0, QUEUE_DIRECT = 10, QUEUE_NORMAL = 20, QUEUE_BULK = 30 };

/* What a put does to a job with the same (tenant, kind, key) that is ready. Either way that job
 * does not start before the put's transaction ends, and then sees what it wrote. A running one is
 * left alone and a new row is put: it runs behind it if they share a lane, perhaps beside it if
 * not. Should the running one have to run again, it gives way to the new row, which inherits its
 * attempts and its wait. */
enum queue_coalesce {
    QUEUE_KEEP, /* keeps the waiting job as it is */
    QUEUE_MOVE, /* debounce: replaces the payload and moves run_at to the new time, but never past
                 * the first put's no_later_ms */
};

struct job_put {
    struct tenant_id tenant; /* nil: the system's own job */
    const char *kind;        /* "outbox.send"; must be in the job table */
    struct str lane;         /* empty: no lane */
    struct str key;          /* empty: never coalesced */
    enum queue_coalesce coalesce;
    enum queue_priority priority;
    int64_t run_at_ms;   /* 0: now */
    int64_t no_later_ms; /* QUEUE_MOVE: ceiling for run_at, kept from the first put; 0: none */
    struct str payload;  /* JSON text */
};

struct job { /* as a handler sees it; lives in its arena */
    struct job_id id;
    struct tenant_id tenant;
    struct str kind;
    struct str lane;
    struct str key;
    struct str payload;
    int64_t token;   /* of this claim */
    int32_t attempt; /* 1 on the first run */
    int64_t run_at_ms;
    int64_t created_at_ms;

    struct queue *queue; /* private to queue/: whose worker runs it */
};

enum verdict_kind {
    VERDICT_DONE,
    VERDICT_RETRY, /* after after_ms; 0: exponential backoff with full jitter. Dead after the kind's
                    * max_attempts */
    VERDICT_AGAIN, /* no failure: runs again after after_ms, attempts not counted (a rate, a window
                    * of silence) */
    VERDICT_PARK,  /* stays until somebody replays it (gate off, account needs attention) */
    VERDICT_DEAD,
};

struct verdict {
    enum verdict_kind kind;
    uint32_t after_ms;
    const char *cause; /* slug by which failures are grouped; static text or in the job's arena */
    struct str reason; /* one sentence for people, no personal data; in the job's arena */
};

/* Runs one job on a worker thread; safe to run twice. It ends by itself: its lease is prolonged for
 * as long as it runs, so whatever it waits for needs a time limit. A returned status translates
 * when the handler set no verdict other than done: ST_OK, ST_NOT_FOUND done · ST_CONFLICT,
 * ST_UNAVAILABLE, ST_UNCERTAIN, ST_LIMITED retry (err.retry_after_ms honoured) · ST_INVALID,
 * ST_DENIED, ST_BROKEN dead. Cause and reason default to err's. A kind this program does not know
 * is retried. */
typedef enum status (*job_fn)(struct app *app, struct arena *a, const struct job *job,
                              struct verdict *ret_verdict, struct err *e);

struct job_kind {
    const char *name;
    job_fn run;
    int32_t max_attempts;    /* 0: 12 */
    uint32_t backoff_ms;     /* first retry's ceiling; doubles, full jitter; 0: 1 s */
    uint32_t max_backoff_ms; /* 0: 5 min */
};

/* Fired once across all nodes, at multiples of every_ms since 1970: puts a system job of this kind
 * with the name as its key. Times that passed while no node ran fire once. */
struct schedule {
    const char *name;
    const char *kind;
    uint32_t every_ms;
    struct str payload; /* empty: "{}" */
};

struct queue_options {
    struct db *db;
    struct app *app;
    const struct job_kind *kinds; /* this and schedules stay the caller's and outlive the queue */
    size_t n_kinds;
    const struct schedule *schedules;
    size_t n_schedules;
    unsigned workers;   /* at most 1024; 0 with run_jobs: no threads, see queue_run_due */
    uint32_t lease_ms;  /* 0: 15 s. Takeover happens within this plus one poll, which must stay
                          * under 30 s */
    uint32_t poll_ms;   /* fallback when no wake-up comes; 0: 1 s */
    bool run_jobs;      /* role worker */
    bool run_schedules; /* role scheduler */
    const struct log_ctx *log;
};

/* --- inside transactions ---------------------------------------------------------------------- */

/* Puts a job; workers of every node wake after the commit. *ret_id (may be NULL) is the new or the
 * kept job's. ST_INVALID: no kind, no such priority, lane or key over 256 bytes, payload over 4
 * MiB. ST_DENIED: the transaction's scope is another tenant's. ST_UNAVAILABLE: too many puts at
 * once with this lane or key. */
enum status queue_put(struct tx *tx, struct job_put put, struct job_id *ret_id, struct err *e)
    ATTR_MUST_CHECK;
/* Puts n jobs without key at once (set-based), in this order within a lane. Statuses as queue_put.
 * */
enum status queue_put_many(struct tx *tx, const struct job_put *puts, size_t n, struct err *e)
    ATTR_MUST_CHECK;
/* Removes the ready job with this key, if any: a planned step is no longer wanted. */
enum status queue_cancel(struct tx *tx, struct tenant_id tenant, const char *kind, struct str key,
                         struct err *e) ATTR_MUST_CHECK;
/* ST_CONFLICT when job's lease was lost. Call it in every transaction of a handler whose effects
 * must not come from a worker that was taken over; it also locks the job's row until the commit, so
 * that the takeover waits. The transaction's scope is the job's tenant or the system; ST_BROKEN
 * otherwise. */
enum status queue_fence(struct tx *tx, const struct job *job, struct err *e) ATTR_MUST_CHECK;

/* Bulk jobs wait, and it is running bulk jobs' workers that they lack: one that has had its time, and can go on later, answers
 * VERDICT_AGAIN. May be called as often as one likes. */
bool queue_is_crowded(const struct job *job);

/* --- running ---------------------------------------------------------------------------------- */

/* Starts the threads the roles ask for. ST_INVALID: the options contradict what is said above. */
enum status queue_start(struct queue_options options, struct queue **ret, struct err *e)
    ATTR_MUST_CHECK;
/* Stops claiming, gives back what was claimed but not begun, lets running handlers finish for at
 * most drain_ms and writes their verdicts. A handler that needs longer goes on in its thread
 * without a lease that is prolonged: the process should end soon. NULL is nothing to stop. */
void queue_stop(struct queue *q, uint32_t drain_ms);
/* Runs jobs that are due, one after the other on the calling thread, until none is or max_jobs ran;
 * before that it fires due schedules (role scheduler) and takes over leases that ran out. For
 * tests, with workers = 0. */
enum status queue_run_due(struct queue *q, size_t max_jobs, size_t *ret_ran, struct err *e)
    ATTR_MUST_CHECK;

/* --- for people ------------------------------------------------------------------------------- */

enum job_state { JOB_READY = 0, JOB_RUNNING = 1, JOB_PARKED = 2, JOB_DEAD = 3 };

struct job_row {
    struct job_id id;
    struct tenant_id tenant;
    struct str kind, lane, key, payload, cause, reason;
    enum job_state state;
    int32_t attempts;
    int64_t run_at_ms, created_at_ms, updated_at_ms;
};

struct job_query {
    struct tenant_id tenant; /* nil: all tenants (the operator at the command line) */
    bool has_state;
    enum job_state state;
    bool is_kept;        /* parked and dead ones only; has_state does not count then */
    const char *kind;    /* NULL: all */
    const char *cause;   /* NULL: all */
    struct job_id after; /* cursor, nil: from the newest; newest first */
    size_t limit;        /* at most 500 */
};

/* *ret_n jobs in a. In the system's scope when query.tenant is nil; so for all of these. */
enum status queue_list(struct arena *a, struct tx *tx, struct job_query query, struct job_row **ret,
                       size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
/* Those of one lane that are not through: ready, running, parked and dead ones, oldest first. */
enum status queue_list_lane(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct str lane, struct job_row **ret, size_t *ret_n, struct err *e)
    ATTR_MUST_CHECK;
struct job_group {
    struct str kind, cause, sample_reason;
    enum job_state state;
    int64_t n, oldest_ms, newest_ms;
};
/* Parked and dead jobs grouped by kind and cause. */
enum status queue_groups(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct job_group **ret, size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
/* Makes parked or dead jobs ready again, attempts at 0; one whose key waits already is dropped in
 * favour of that, and one with a lane queues up in its old place. id nil: all of the tenant's (nil:
 * everybody's) with that kind and cause (NULL: any). *ret_n: how many there were. */
enum status queue_replay(struct tx *tx, struct tenant_id tenant, struct job_id id, const char *kind,
                         const char *cause, int64_t *ret_n, struct err *e) ATTR_MUST_CHECK;
/* The same for at most query.limit (500) parked or dead jobs of query's tenant, kind and cause that
 * were put after query.after, oldest first; *ret_last is where to go on. What fails again meanwhile
 * keeps its place, so that going on comes to an end. */
enum status queue_replay_some(struct tx *tx, const struct job_query *query, struct job_id *ret_last,
                              size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
/* Removes a job that is not running. ST_NOT_FOUND: there is none; ST_CONFLICT: it is running. */
enum status queue_discard(struct tx *tx, struct tenant_id tenant, struct job_id id, struct err *e)
    ATTR_MUST_CHECK;
struct queue_depth {
    int64_t ready; /* all that wait: for their time, for their lane, for a worker */
    int64_t due;   /* of these, what a worker could start now */
    int64_t running, parked, dead;
    int64_t oldest_due_ms; /* run_at of the due job that waits longest; 0: none */
};
/* Counts; some hundred milliseconds per million jobs. */
enum status queue_depth(struct tx *tx, struct tenant_id tenant, struct queue_depth *ret,
                        struct err *e) ATTR_MUST_CHECK;

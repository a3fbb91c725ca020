/* store.h - the SQL of the tables jobs and schedules; private to queue/.
 * Every function runs inside its caller's transaction; those that speak of other tenants' jobs need
 * the system's scope.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "queue/queue.h"

enum { /* jobs.state; the first four are enum job_state */
       STATE_READY = JOB_READY,
       STATE_RUNNING = JOB_RUNNING,
       STATE_PARKED = JOB_PARKED,
       STATE_DEAD = JOB_DEAD,
       STATE_LATER = 4,  /* ready, but run_at is to come */
       STATE_BEHIND = 5, /* ready, but an earlier job of its lane is not through */
};

enum {
    STORE_BATCH = 512,  /* jobs of one claim or one write of verdicts */
    STORE_TENANTS = 64, /* tenants of one claim */
    STORE_PRIORITIES = 4,
    STORE_SALT_BITS = 20, /* of a token: they tell claimers apart whose claims counted the same */
    STORE_LANE_BYTES = 256,
    STORE_PAYLOAD_BYTES = 4 << 20,
};

#define QUEUE_CHANNEL "prosa_jobs"

/* PostgreSQL: goes behind "FROM unnest(…) AS v(tenant_id, id, token, …)", locks the rows that are
 * still running under v's token and yields their place as k.at, to be joined with the table by
 * ctid. The shape leaves the planner no choice: one probe of the primary key per row of v, then one
 * fetch by place. (It once chose, by numbers that were wrong by then, to read all running jobs for
 * each.) A row that changed since the statement began is locked in its new version, which the
 * statement's snapshot does not see: run the statement again when it wrote fewer rows than v has.
 * The lock is kept, so once more is enough. */
#define STORE_LOCK_HELD(strength)                                                                  \
    " CROSS JOIN LATERAL (SELECT h.ctid AS at, h.state FROM jobs h"                                \
    "  WHERE h.tenant_id = v.tenant_id AND h.id = v.id AND h.token = v.token"                      \
    "  LIMIT 1 FOR " strength ") k WHERE k.state = 1"

extern const enum queue_priority store_priorities[STORE_PRIORITIES]; /* most urgent first */

/* --- claiming (store_claim.c) ----------------------------------------------------------------- */

/* Where to look on from: on PostgreSQL claimed jobs leave dead entries at the front of an index
 * until the next VACUUM, and a long queue would be searched through all of them again by each
 * claim. */
struct store_mark {
    int64_t run_at_ms;
    int64_t seq;
};

struct store_peek {
    bool is_present[STORE_PRIORITIES]; /* is there a ready job of this priority? */
    bool has_later;
    int64_t later_at_ms; /* when the next of those that wait for their time is due */
};

/* Plans by index only and, when may_lose is set, a commit that does not wait for the disk: for what
 * a crash may undo. */
enum status store_tune(struct tx *tx, bool may_lose, struct err *e) ATTR_MUST_CHECK;
/* Priorities marked in known are taken as present without a look. */
enum status store_peek(struct tx *tx, const bool known[static STORE_PRIORITIES],
                       struct store_mark later, struct store_peek *ret, struct err *e)
    ATTR_MUST_CHECK;
struct store_woken {
    size_t n; /* STORE_BATCH: there may be more */
    struct store_mark last;
};
/* Makes jobs ready whose time has come. */
enum status store_wake_later(struct arena *a, struct tx *tx, int64_t now_ms,
                             struct store_mark after, struct store_woken *ret, struct err *e)
    ATTR_MUST_CHECK;
/* Tenants with ready jobs of a priority in the order of their ids, from one on; those of hot
 * (sorted) are taken as having some without a look. */
struct store_walk {
    int priority;
    struct tenant_id from;
    size_t max;
    const struct tenant_id *hot;
    size_t n_hot;
};
enum status store_walk(struct arena *a, struct tx *tx, struct store_walk walk,
                       struct tenant_id *ret, size_t *ret_n, struct err *e) ATTR_MUST_CHECK;

struct store_share { /* so many jobs of this tenant */
    struct tenant_id tenant;
    size_t max;
    struct store_mark after;
};
struct store_lease {
    int64_t now_ms;
    int64_t until_ms;
    int64_t salt; /* of the claimer, below 1 << STORE_SALT_BITS */
    struct str worker;
};
struct store_job { /* a claimed job; its text lives in the arena of the claim */
    struct job job;
    int priority;
    int64_t seq;
};
struct store_jobs {
    struct store_job items[STORE_BATCH];
    size_t n;
};
struct store_claim {
    int priority;
    const struct store_share *shares; /* together no more than jobs has room for */
    size_t n;                         /* at most STORE_TENANTS */
    struct store_lease lease;
};
/* Claims each tenant's first jobs of a priority and appends them to jobs. */
enum status store_claim(struct arena *a, struct tx *tx, struct store_claim claim,
                        struct store_jobs *jobs, struct err *e) ATTR_MUST_CHECK;

struct store_held { /* a claim as its holder knows it */
    struct job_id id;
    struct tenant_id tenant;
    int64_t token;
};
/* Prolongs leases; *ret_n of them were still held. */
enum status store_prolong(struct tx *tx, const struct store_held *held, size_t n, int64_t now_ms,
                          int64_t until_ms, size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
enum status store_is_held(struct arena *a, struct tx *tx, struct store_held held, bool *ret,
                          struct err *e) ATTR_MUST_CHECK;

/* --- finishing (store_finish.c) --------------------------------------------------------------- */

enum outcome_kind {
    OUTCOME_GONE,  /* the row is deleted */
    OUTCOME_READY, /* runs again at run_at_ms */
    OUTCOME_PARKED,
    OUTCOME_DEAD,
};
struct outcome {
    struct store_held held;
    enum outcome_kind kind;
    struct str job_kind, lane, key;
    int64_t run_at_ms;
    int32_t attempts;
    struct str cause, reason;
};
struct store_finished {
    size_t n_refused; /* whose lease was lost */
    bool has_freed;   /* a lane moved on, or a job is ready again */
};
/* Writes outcomes, each only if its claim is still held, and lets the lanes move on. ST_CONFLICT: a
 * job with the same key was put meanwhile; roll back and try again. */
enum status store_finish(struct arena *a, struct tx *tx, const struct outcome *outcomes, size_t n,
                         int64_t now_ms, struct store_finished *ret, struct err *e) ATTR_MUST_CHECK;
/* SQLite has one process: what other ones still hold in jobs.worker, they held when they died. Ends
 * their leases; a worker's name ends in its process' name. */
enum status store_expire_others(struct tx *tx, struct str process, int64_t now_ms, struct err *e)
    ATTR_MUST_CHECK;
/* Up to STORE_BATCH claims whose lease ran out in (since_ms, now_ms], as outcomes that make them
 * ready again. */
enum status store_expired(struct arena *a, struct tx *tx, int64_t since_ms, int64_t now_ms,
                          struct outcome **ret, size_t *ret_n, struct err *e) ATTR_MUST_CHECK;

struct store_lane {
    struct tenant_id tenant;
    struct str name;
};
/* Makes the first waiting job of each lane that has no head its head. */
enum status store_move_lanes(struct tx *tx, const struct store_lane *lanes, size_t n,
                             int64_t now_ms, int64_t *ret_n, struct err *e) ATTR_MUST_CHECK;
/* On PostgreSQL: keeps the lane's head, if it has one, from leaving before this transaction ends.
 * */
enum status store_hold_lane(struct arena *a, struct tx *tx, struct store_lane lane, struct err *e)
    ATTR_MUST_CHECK;

/* --- schedules (store_schedule.c) ------------------------------------------------------------- */

enum status store_schedule_set(struct tx *tx, const struct schedule *s, int64_t first_at_ms,
                               struct err *e) ATTR_MUST_CHECK;
struct store_schedule {
    struct str name;
    int64_t next_at_ms;
};
enum status store_schedules(struct arena *a, struct tx *tx, struct store_schedule **ret,
                            size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
/* Moves next_at on if it still is was_ms; *ret_won says whether this node is the one that fires. */
enum status store_schedule_fire(struct tx *tx, struct str name, int64_t was_ms, int64_t next_ms,
                                int64_t now_ms, bool *ret_won, struct err *e) ATTR_MUST_CHECK;

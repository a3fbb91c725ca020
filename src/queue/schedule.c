/* schedule.c - puts the jobs of schedules, each once however many nodes are at it.
 *
 * Times are multiples of the interval since 1970, so that all nodes and all restarts agree on them.
 * A time that passed while nobody ran fires once, not as often as it was missed.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "queue/internal.h"
#include "stats/stats.h"

enum { LOOK_AGAIN_MS = 10000 /* another node's newer program may have changed an interval */ };

static struct stats_counter fired =
    STATS_COUNTER("prosa_schedules_fired_total", "Jobs put by schedules");

static int64_t next_time(const struct schedule *s, int64_t now_ms) {
    return (now_ms / s->every_ms + 1) * s->every_ms;
}

static const struct schedule *find_schedule(const struct queue *q, struct str name) {
    for (size_t i = 0; i < q->options.n_schedules; i++)
        if (str_eq(str_of(q->options.schedules[i].name), name))
            return &q->options.schedules[i];
    return NULL;
}

static enum status register_tx(struct tx *tx, void *ctx, struct err *e) {
    const struct queue *q = ctx;
    int64_t now_ms = clock_now_ms();

    for (size_t i = 0; i < q->options.n_schedules; i++) {
        const struct schedule *s = &q->options.schedules[i];

        TRY(store_schedule_set(tx, s, next_time(s, now_ms), e));
    }
    return ST_OK;
}

enum status schedule_register(struct queue *q, struct err *e) {
    return db_write(q->options.db, DB_SYSTEM, register_tx, q, e);
}

/* --- firing ----------------------------------------------------------------------------------- */

struct fire {
    const struct queue *q;
    size_t n_fired;
    int64_t next_ms;
};

static enum status fire_one(struct tx *tx, struct fire *f, const struct schedule *s, int64_t was_ms,
                            int64_t now_ms, struct err *e) {
    bool has_won;

    TRY(store_schedule_fire(tx, str_of(s->name), was_ms, next_time(s, now_ms), now_ms, &has_won,
                            e));
    if (!has_won)
        return ST_OK;
    f->n_fired++;
    return queue_put(tx,
                     (struct job_put){.kind = s->kind,
                                      .key = str_of(s->name),
                                      .coalesce = QUEUE_KEEP,
                                      .priority = QUEUE_NORMAL,
                                      .payload = s->payload.len > 0 ? s->payload : STR("{}")},
                     NULL, e);
}

static enum status fire_tx(struct tx *tx, void *ctx, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct fire *f = ctx;
    int64_t now_ms = clock_now_ms();
    struct store_schedule *list;
    size_t n;

    f->n_fired = 0;
    f->next_ms = now_ms + LOOK_AGAIN_MS;
    TRY(store_schedules(&a, tx, &list, &n, e));
    for (size_t i = 0; i < n; i++) {
        const struct schedule *s = find_schedule(f->q, list[i].name);
        int64_t next_ms = list[i].next_at_ms;

        if (!s)
            continue;
        if (next_ms <= now_ms) {
            TRY(fire_one(tx, f, s, list[i].next_at_ms, now_ms, e));
            next_ms = next_time(s, now_ms);
        }
        if (next_ms < f->next_ms)
            f->next_ms = next_ms;
    }
    return ST_OK;
}

enum status schedule_fire_due(struct queue *q, size_t *ret_fired, int64_t *ret_next_ms,
                              struct err *e) {
    struct fire f = {.q = q};

    TRY(db_write(q->options.db, DB_SYSTEM, fire_tx, &f, e));
    stats_add(&fired, (int64_t)f.n_fired);
    *ret_fired = f.n_fired;
    *ret_next_ms = f.next_ms;
    return ST_OK;
}

/* --- the thread ------------------------------------------------------------------------------- */

void *scheduler_main(void *arg) {
    struct queue *q = arg;

    queue_lock(q);
    while (!q->is_stopping) {
        int64_t next_ms = clock_now_ms() + q->options.poll_ms;
        struct err e = ERR_INIT;
        size_t n;

        queue_unlock(q);
        if (schedule_fire_due(q, &n, &next_ms, &e) != ST_OK)
            log_fail(q->options.log, "could not fire schedules", &e);
        queue_lock(q);
        while (!q->is_stopping && clock_now_ms() < next_ms)
            queue_wait(q, &q->to_fire, next_ms - clock_now_ms());
    }
    queue_unlock(q);
    return NULL;
}

/* sweep.c - forgets paces that hold nobody back, or each person ever written to would leave a row for good.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "outbox/outbox.h"
#include "pace/pace.h"

enum { ROWS_A_STEP = 1000, STEPS_MAX = 10000 };

struct sweep {
    struct arena *a;
    struct pace_place from, at;
    bool has_more;
};

static enum status sweep_some(struct tx *tx, void *ctx, struct err *e) {
    struct sweep *s = ctx;

    s->at = s->from; /* this may run more than once */
    return pace_sweep(s->a, tx, &s->at, ROWS_A_STEP, clock_now_ms() * 1000, &s->has_more, e);
}

enum status outbox_sweep_job(struct app *app, struct arena *a, const struct job *job,
                             struct verdict *ret_verdict, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena step = {0};
    struct sweep s = {.a = &step, .has_more = true};

    (void)job;
    for (size_t i = 0; s.has_more && i < STEPS_MAX; i++) {
        TRY(db_write(app_outbox(app)->db, DB_SYSTEM, sweep_some, &s, e));
        s.from = (struct pace_place){s.at.tenant, arena_str(a, s.at.key)};
        arena_reset(&step);
    }
    *ret_verdict = (struct verdict){.kind = VERDICT_DONE};
    return ST_OK;
}

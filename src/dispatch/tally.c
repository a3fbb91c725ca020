/* tally.c - how far campaigns are, for lists. The states of a campaign's rows stand in no index, because a send would have to change
 * it; so counting costs as much as the campaign is large, and what was counted just now is said again.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/internal.h"

#include "base/clock.h"

enum {
    FRESH_MS = 1000,
    OVER_FRESH_MS = 60 * 1000, /* of one that is through: only callbacks still change it */
    COST_FACTOR = 20,          /* what takes long is done rarely */
    BUDGET_MS = 250,           /* of one list; the rest is counted by the next */
};

static struct dispatch_tally *find(struct dispatch_tallies *t, struct dispatch_id id) {
    for (size_t i = 0; i < ARRAY_LEN(t->items); i++)
        if (uuid_eq(t->items[i].id.v, id.v))
            return &t->items[i];
    return NULL;
}

static bool is_fresh(const struct dispatch_tally *one, const struct dispatch *d, int64_t mono_ms) {
    bool is_over = str_eq(d->state, STR("done")) || str_eq(d->state, STR("cancelled"));

    return one->updated_at_ms == d->updated_at_ms &&
           mono_ms - one->at_ms < (is_over ? OVER_FRESH_MS : FRESH_MS) + COST_FACTOR * one->took_ms;
}

static bool recall(struct dispatch_tallies *t, const struct dispatch *d, bool is_any,
                   struct dispatch_counts *ret) {
    struct dispatch_tally *one;
    bool is_known;

    pthread_mutex_lock(&t->lock);
    one = find(t, d->id);
    is_known = one && (is_any || is_fresh(one, d, clock_mono_ms()));
    if (is_known)
        *ret = one->counts;
    pthread_mutex_unlock(&t->lock);
    return is_known;
}

static void keep(struct dispatch_tallies *t, const struct dispatch *d, int64_t began_ms,
                 const struct dispatch_counts *counts) {
    struct dispatch_tally *one;
    int64_t now_ms = clock_mono_ms();

    pthread_mutex_lock(&t->lock);
    one = find(t, d->id);
    if (!one)
        one = &t->items[t->next++ % ARRAY_LEN(t->items)];
    *one = (struct dispatch_tally){.id = d->id,
                                   .counts = *counts,
                                   .updated_at_ms = d->updated_at_ms,
                                   .at_ms = now_ms,
                                   .took_ms = now_ms - began_ms};
    pthread_mutex_unlock(&t->lock);
}

enum status dispatch_count_many(struct arena *a, struct tx *tx, struct dispatch_tallies *t,
                                const struct dispatch *list, size_t n, struct dispatch_counted *ret,
                                struct err *e) {
    int64_t until_ms = clock_mono_ms() + BUDGET_MS;

    for (size_t i = 0; i < n; i++) {
        const struct dispatch *d = &list[i];
        int64_t now_ms = clock_mono_ms();

        ret[i].is_known = recall(t, d, now_ms >= until_ms, &ret[i].counts);
        if (ret[i].is_known || now_ms >= until_ms)
            continue;
        TRY(store_counts(a, tx, d->tenant, d->id, &ret[i].counts, e));
        ret[i].is_known = true;
        keep(t, d, now_ms, &ret[i].counts);
    }
    return ST_OK;
}

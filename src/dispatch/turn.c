/* turn.c - turns of campaigns. Who waits asks again every quarter of a second, so what is remembered of them is forgotten soon.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/turn.h"

#include <assert.h>

enum { FORGET_MS = 1000 };

static size_t running_of(const struct dispatch_turns *t, struct tenant_id tenant) {
    size_t n = 0;

    for (size_t i = 0; i < t->n; i++)
        n += uuid_eq(t->running[i].v, tenant.v);
    return n;
}

/* Another tenant has nothing running and waits. */
static bool must_let_by(const struct dispatch_turns *t, struct tenant_id tenant, int64_t now_ms) {
    return !uuid_is_nil(t->idle.v) && !uuid_eq(t->idle.v, tenant.v) &&
           now_ms - t->idle_at_ms < FORGET_MS;
}

static bool take(struct dispatch_turns *t, size_t max, struct tenant_id tenant, int64_t now_ms) {
    size_t mine = running_of(t, tenant);

    if (max > ARRAY_LEN(t->running))
        max = ARRAY_LEN(t->running);
    if (t->n >= max) {
        t->is_wanted = true;
        if (mine == 0) {
            t->idle = tenant;
            t->idle_at_ms = now_ms;
        }
        return false;
    }
    if (mine > 0 && must_let_by(t, tenant, now_ms))
        return false;
    t->running[t->n++] = tenant;
    t->is_wanted = false;
    if (uuid_eq(t->idle.v, tenant.v))
        t->idle = (struct tenant_id){0};
    return true;
}

bool turn_take(struct dispatch_turns *t, size_t max, struct tenant_id tenant, int64_t now_ms) {
    bool is_taken;

    pthread_mutex_lock(&t->lock);
    is_taken = take(t, max, tenant, now_ms);
    pthread_mutex_unlock(&t->lock);
    return is_taken;
}

void turn_leave(struct dispatch_turns *t, struct tenant_id tenant) {
    size_t i = 0;

    pthread_mutex_lock(&t->lock);
    while (i < t->n && !uuid_eq(t->running[i].v, tenant.v))
        i++;
    assert(i < t->n);
    t->running[i] = t->running[--t->n];
    pthread_mutex_unlock(&t->lock);
}

bool turn_is_wanted(struct dispatch_turns *t) {
    bool is_wanted;

    pthread_mutex_lock(&t->lock);
    is_wanted = t->is_wanted;
    pthread_mutex_unlock(&t->lock);
    return is_wanted;
}

/* choose.c - see choose.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conversation/choose.h"

static int64_t load_of(const struct user_load *loads, size_t n, struct user_id user) {
    for (size_t i = 0; i < n; i++)
        if (uuid_eq(loads[i].user.v, user.v))
            return loads[i].open;
    return 0;
}

static bool can_take(const struct team_member *m, int64_t load, const struct choice_of *of) {
    int64_t capacity = m->capacity > 0 ? m->capacity : of->default_capacity;

    return m->is_active && str_eq(m->presence, STR("online")) && load < capacity &&
           (uuid_is_nil(of->except.v) || !uuid_eq(m->user.v, of->except.v)) &&
           team_member_has(m, of->skill);
}

/* Whose last turn is longest ago; of those who had none yet, who has least to do. */
static bool is_before(const struct team_member *m, int64_t load, const struct team_member *than,
                      int64_t than_load) {
    if (m->assigned_at_ms != than->assigned_at_ms)
        return m->assigned_at_ms < than->assigned_at_ms;
    if (m->assigned != than->assigned)
        return m->assigned < than->assigned;
    return load < than_load;
}

const struct team_member *choose_member(const struct team_member *members, size_t n,
                                        const struct user_load *loads, size_t n_loads,
                                        const struct choice_of *of, const char **ret_how) {
    const struct team_member *best = NULL;
    int64_t best_load = 0;

    for (size_t i = 0; i < n; i++) {
        const struct team_member *m = &members[i];
        int64_t load = load_of(loads, n_loads, m->user);

        if (!can_take(m, load, of))
            continue;
        if (!uuid_is_nil(of->sticky.v) && uuid_eq(m->user.v, of->sticky.v)) {
            *ret_how = "sticky";
            return m;
        }
        if (of->is_round_robin && (!best || is_before(m, load, best, best_load))) {
            best = m;
            best_load = load;
        }
    }
    *ret_how = "round_robin";
    return best;
}

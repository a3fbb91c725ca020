/* choose.h - which of the people who are there gets a conversation. Pure; private to conversation/ (and its tests).
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conversation/conversation.h"

struct choice_of {
    struct str skill;      /* needed; empty: none */
    struct user_id sticky; /* had this customer last; nil: nobody, or it does not count */
    struct user_id except; /* nil: nobody */
    bool is_round_robin;
    int64_t default_capacity;
};

/* Online, able and with room: the sticky one first, then, by turn, whoever waits longest for one. NULL: nobody. */
const struct team_member *choose_member(const struct team_member *members, size_t n,
                                        const struct user_load *loads, size_t n_loads,
                                        const struct choice_of *of, const char **ret_how);

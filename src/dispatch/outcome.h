/* outcome.h - what a provider's word on one recipient leads to: the table of reactions. Pure; private to dispatch/.
 *
 *   retry, this person only       planned, due when told (131056: 6 s, growing)
 *   retry, the person is spared   planned, due a day later and longer each time; then failed (131049), in the US at once
 *   retry, the sender             planned, and nobody sends over the account before that (130429, not reached)
 *   rejected                      planned over the next channel, else failed; an opt-out ends it and is remembered
 *   rejected, the template        planned, and the campaign stops (132015, Twilio's 63027)
 *   blocked                       planned, and the campaign stops until a person has looked after the account
 *   uncertain                     uncertain: never sent again by itself
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "dispatch/dispatch.h"

enum {
    OUTCOME_MAX_ATTEMPTS = 8,
    OUTCOME_MAX_SPARED = 3,
};

struct outcome {
    struct recipient row; /* as it is to be stored */
    bool is_stop;         /* the campaign pauses: row.error_* say why */
    bool is_account;      /* … and the account is blocked */
    bool is_opt_out;
    int64_t sender_wait_ms; /* > 0: the sender pauses */
};
/* r: as it is stored now. n_channels: of the campaign. backoffs: how often the sender has paused already. */
void outcome_of(struct arena *a, const struct recipient *r, const struct send_result *result,
                size_t n_channels, int64_t backoffs, int64_t now_ms, struct outcome *ret);

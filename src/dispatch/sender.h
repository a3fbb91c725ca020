/* sender.h - how much an account may send now: pace, tier, daily cap, warm-up, and what its provider last asked for. Private to
 * dispatch/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "dispatch/internal.h"
#include "pace/pace.h"

struct sender {
    struct account_id account;
    int64_t per_second;
    int64_t per_day; /* people in any 24 hours; 0: no limit */
    int64_t room;    /* of these, left; INT64_MAX without a limit */
    struct str
        full_cause; /* slug when there is no room for one more: "tier", "daily-cap", "warm-up" */
    int64_t full_until_ms;
    struct str wait_cause; /* slug when nothing may be sent now, to nobody: "provider-busy" */
    int64_t wait_until_ms;
    bool
        is_probing; /* the provider asked for a pause that has just ended: one message shows whether it is over */
    struct pace number, campaign; /* campaign.interval_us 0: no pace of its own */
};

/* What an account's settings allow on a day, pure: limits of 0 are none. *ret_cause names the one that binds. */
int64_t sender_per_day(const struct json *settings, int64_t now_ms, struct str *ret_cause);
enum status sender_open(struct arena *a, struct tx *tx, const struct account *account,
                        const struct provider *provider, const struct dispatch_limits *limits,
                        int64_t now_ms, struct sender *ret, struct err *e) ATTR_MUST_CHECK;
/* Takes up to want from the buckets: *ret_n. Less: *ret_wait_us says when more is there. Locks the number's bucket: last. */
enum status sender_take(struct arena *a, struct tx *tx, struct tenant_id tenant,
                        const struct sender *s, int64_t want, int64_t now_us, int64_t *ret_n,
                        int64_t *ret_wait_us, struct err *e) ATTR_MUST_CHECK;

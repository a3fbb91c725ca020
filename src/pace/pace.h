/* pace.h - how fast something may go: token buckets in the database, so that all workers and nodes share them. A bucket is one row,
 * known by tenant and key; it is as true as the callers' clocks agree.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "db/db.h"

struct pace { /* generic cell rate: one per interval on average, `burst` at once */
    struct str key;
    int64_t interval_us; /* at least 1 */
    int64_t burst;       /* at least 1 */
    int64_t
        reserve; /* cells this caller leaves for others: bulk takes none of the last so many. Less than burst */
};

/* Takes one cell; *ret_wait_us is 0 when granted, else when to ask again. Locks the bucket until the commit. */
enum status pace_take(struct arena *a, struct tx *tx, struct tenant_id tenant, struct pace pace,
                      int64_t now_us, int64_t *ret_wait_us, struct err *e) ATTR_MUST_CHECK;
/* Takes up to `want` cells: *ret_granted tells how many. When that is fewer, *ret_wait_us is until one more is there, else 0.
 * Who asks again later than burst - reserve intervals after the last time loses pace. Locks the bucket until the commit. */
enum status pace_take_some(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           struct pace pace, int64_t want, int64_t now_us, int64_t *ret_granted,
                           int64_t *ret_wait_us, struct err *e) ATTR_MUST_CHECK;
/* Puts back cells that were taken and not used, for instance when a batch turned out smaller. */
enum status pace_give_back(struct tx *tx, struct tenant_id tenant, struct pace pace, int64_t cells,
                           struct err *e) ATTR_MUST_CHECK;

struct pace_place { /* where a walk over all buckets stands; {0}: at the beginning */
    struct tenant_id tenant;
    struct str key;
};
/* Forgets buckets that have been full for an hour, which changes nothing: one that is not there is full. Looks at no more than
 * `most`, from *at on, of all tenants; *at moves on, its key in a, and *ret_more is false at the end. The caller's scope is the
 * system's. */
enum status pace_sweep(struct arena *a, struct tx *tx, struct pace_place *at, size_t most,
                       int64_t now_us, bool *ret_more, struct err *e) ATTR_MUST_CHECK;

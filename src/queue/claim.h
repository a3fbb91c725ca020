/* claim.h - which jobs to claim: urgent before bulk, fair between tenants, quick however long a
 * queue is. Private to queue/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "queue/store.h"

enum { CLAIM_MARKS = 16 };

struct claim_mark { /* how far a tenant's long queue was claimed */
    int priority;
    struct tenant_id tenant;
    struct store_mark at;
    int64_t until_ms; /* monotonic; then the front is looked at again */
};

struct claim_book {        /* what a claimer remembers from claim to claim; {0} to begin with */
    struct tenant_id last; /* tenant that was served last */
    struct claim_mark marks[CLAIM_MARKS];
    size_t n_marks;
    struct store_mark later; /* the same for the jobs that wait for their time */
    int64_t later_until_ms;
};

struct claim_want {
    size_t max;               /* jobs at most, of these */
    size_t max_bulk;          /* of bulk priority and */
    size_t max_tenant;        /* of one tenant, except that of */
    struct tenant_id fullest; /* there may be only */
    size_t max_fullest;
    struct store_lease lease;
};

struct claim_result {
    struct store_jobs jobs; /* most urgent first, then oldest first */
    int64_t next_due_ms;    /* of those that wait for their time; INT64_MAX: none */
    bool is_limited;        /* a limit other than max left jobs aside */
    bool is_bulk_left;      /* no bulk job might be claimed, and there are some */
};

/* Claims up to want.max due jobs; their text lives in a, which is reset first. */
enum status claim_due(struct arena *a, struct db *db, struct claim_want want,
                      struct claim_book *book, struct claim_result *ret, struct err *e)
    ATTR_MUST_CHECK;

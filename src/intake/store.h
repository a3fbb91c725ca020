/* store.h - the statements on inbox and account_events; private to intake/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "intake/intake.h"

struct raw_call { /* one provider's call, as it came */
    struct inbox_id id;
    struct str provider;
    struct account_id account; /* nil: the installation's app */
    struct tenant_id tenant;   /* of the account, else nil */
    struct str query;          /* of the URL that was called */
    struct str body;
    int64_t at_ms;
};

enum status store_inbox_append(struct arena *a, struct tx *tx, const struct raw_call *calls,
                               size_t n, struct err *e) ATTR_MUST_CHECK;
/* The drain runs soon. */
enum status store_drain_put(struct tx *tx, struct err *e) ATTR_MUST_CHECK;
enum status store_inbox_waiting(struct arena *a, struct tx *tx, size_t max, struct raw_call **ret,
                                size_t *ret_n, struct err *e) ATTR_MUST_CHECK;

struct raw_fate { /* what became of a call */
    struct inbox_id id;
    struct tenant_id tenant;
    const char *state; /* "done", "unparsed", "unrouted", "failed" */
    const char *cause;
    struct str reason;
    int64_t events;
};
enum status store_inbox_settle(struct arena *a, struct tx *tx, const struct raw_fate *fates,
                               size_t n, int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
enum status store_inbox_purge(struct tx *tx, int64_t before_ms, struct err *e) ATTR_MUST_CHECK;
enum status store_account_event(struct tx *tx, struct tenant_id tenant, struct account_id account,
                                const struct inbound *event, int64_t now_ms, struct err *e)
    ATTR_MUST_CHECK;
/* The only active tenant, nil when there are several. */
enum status store_only_tenant(struct arena *a, struct tx *tx, struct tenant_id *ret, struct err *e)
    ATTR_MUST_CHECK;

/* store.h - the statements on suppressions, consents, consent_marks and consent_settings; private to consent/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "consent/consent.h"

struct act { /* one row of history */
    struct uuid id;
    struct tenant_id tenant;
    struct lead_id lead; /* nil: nobody known */
    const char *word;    /* "stop", "allow" */
    struct str channel;
    const struct consent_proof *proof;
    struct str keys; /* JSON array */
    int64_t at_ms;
};

enum status store_act_insert(struct tx *tx, const struct act *act, struct err *e) ATTR_MUST_CHECK;
/* One row per key; a key that has one already keeps it. */
enum status store_suppressions_insert(struct arena *a, struct tx *tx, const struct act *act,
                                      const struct str *keys, size_t n, int64_t *ret_added,
                                      struct err *e) ATTR_MUST_CHECK;
enum status store_suppressions_delete(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                      const struct str *keys, size_t n, struct str channel,
                                      struct err *e) ATTR_MUST_CHECK;
/* (key, channel, created_at) of those among the keys; keys is a JSON array. */
enum status store_suppressions_find(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                    struct str keys, struct db_rows *ret, struct err *e)
    ATTR_MUST_CHECK;
/* Has anybody of the tenant stopped at all? */
enum status store_suppressions_any(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                   bool *ret, struct err *e) ATTR_MUST_CHECK;
/* Counts a stop; waits for who holds the mark. */
enum status store_mark_stop(struct tx *tx, struct tenant_id tenant, struct err *e) ATTR_MUST_CHECK;
enum status store_mark_hold(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            int64_t *ret_stops, struct err *e) ATTR_MUST_CHECK;

/* *ret_settings empty: none. */
enum status store_consent_settings_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                       struct str *ret_settings, int64_t *ret_version,
                                       struct err *e) ATTR_MUST_CHECK;
/* *ret_changed 0: the version is another one. */
enum status store_consent_settings_put(struct tx *tx, struct tenant_id tenant, struct str settings,
                                       int64_t version, int64_t now_ms, int64_t *ret_changed,
                                       struct err *e) ATTR_MUST_CHECK;

enum status store_suppressions_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                    const struct suppression_query *query, struct suppression **ret,
                                    size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
enum status store_suppression_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                  struct uuid id, struct suppression *ret, struct err *e)
    ATTR_MUST_CHECK;
/* Of the lead, or about one of the keys (a JSON array). */
enum status store_acts(struct arena *a, struct tx *tx, struct tenant_id tenant, struct lead_id lead,
                       struct str keys, size_t limit, struct consent_act **ret, size_t *ret_n,
                       struct err *e) ATTR_MUST_CHECK;

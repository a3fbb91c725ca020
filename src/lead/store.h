/* store.h - the statements on leads and lead_identities; private to lead/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "lead/lead.h"

struct identity {     /* one key of a person */
    const char *kind; /* "phone", "user_id" */
    struct str value; /* the key numbers meet under */
    struct str address;
};

enum status store_identity_find(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                struct identity id, struct lead_id *ret, struct str *ret_address,
                                struct err *e) ATTR_MUST_CHECK;
/* Makes the key lead to `lead`, whoever it led to before. */
enum status store_identity_put(struct tx *tx, struct tenant_id tenant, struct lead_id lead,
                               struct identity id, int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
enum status store_identities_move(struct tx *tx, struct tenant_id tenant, struct lead_id from,
                                  struct lead_id into, int64_t now_ms, struct err *e)
    ATTR_MUST_CHECK;
enum status store_lead_insert(struct tx *tx, struct tenant_id tenant, struct lead_id id,
                              const struct party *party, int64_t now_ms, struct err *e)
    ATTR_MUST_CHECK;
/* ST_NOT_FOUND; follows no merge. */
enum status store_lead_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           struct lead_id id, struct lead *ret, struct err *e) ATTR_MUST_CHECK;
enum status store_lead_name(struct tx *tx, struct tenant_id tenant, struct lead_id id,
                            const struct party *party, int64_t now_ms, int64_t *ret_changed,
                            struct err *e) ATTR_MUST_CHECK;
/* Of a phone whose key begins so, at most `limit`. */
enum status store_leads_by_phone(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                 struct str prefix, size_t limit, struct db_rows *ret,
                                 struct err *e) ATTR_MUST_CHECK;
enum status store_lead_merge(struct tx *tx, struct tenant_id tenant, struct lead_id from,
                             struct lead_id into, int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
enum status store_lead_marketing(struct tx *tx, struct tenant_id tenant, struct lead_id id,
                                 bool is_stop, int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
/* *ret_merged: nil, or the one to look at instead. */
enum status store_lead_profile(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct lead_id id, struct lead_profile *ret,
                               struct lead_id *ret_merged, struct err *e) ATTR_MUST_CHECK;
enum status store_lead_edit(struct tx *tx, struct tenant_id tenant, const struct lead_profile *p,
                            bool is_named, int64_t now_ms, struct err *e) ATTR_MUST_CHECK;

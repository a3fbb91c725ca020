/* store.h - the statements on leads and lead_identities; private to lead/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/utf8.h"
#include "lead/lead.h"

struct identity {     /* one key of a person */
    const char *kind; /* "phone", "user_id", "email", "cpf", "cnpj" */
    struct str value; /* the key numbers meet under */
    struct str address;
};

struct found {           /* whom a key leads to */
    struct lead_id lead; /* nil: to nobody */
    struct str address, state;
    int64_t last_inbound_at_ms;
};
enum status store_identity_find(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                struct identity id, struct found *ret, struct err *e)
    ATTR_MUST_CHECK;
/* Makes the key lead to `lead`, whoever it led to before. */
enum status store_identity_put(struct tx *tx, struct tenant_id tenant, struct lead_id lead,
                               struct identity id, int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
enum status store_identities_move(struct tx *tx, struct tenant_id tenant, struct lead_id from,
                                  struct lead_id into, int64_t now_ms, struct err *e)
    ATTR_MUST_CHECK;
enum status store_lead_insert(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct lead_id id, const struct party *party, int64_t now_ms,
                              struct err *e) ATTR_MUST_CHECK;
/* ST_NOT_FOUND; follows no merge. */
enum status store_lead_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           struct lead_id id, struct lead *ret, struct err *e) ATTR_MUST_CHECK;
enum status store_lead_name(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct lead_id id, const struct party *party, int64_t now_ms,
                            int64_t *ret_changed, struct err *e) ATTR_MUST_CHECK;
/* Of a phone whose key begins so, at most `limit`. */
enum status store_leads_by_phone(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                 struct str prefix, size_t limit, struct db_rows *ret,
                                 struct err *e) ATTR_MUST_CHECK;
enum status store_lead_merge(struct tx *tx, struct tenant_id tenant, struct lead_id from,
                             struct lead_id into, int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
/* *ret_merged: nil, or the one to look at instead. */
enum status store_lead_profile(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct lead_id id, struct lead_profile *ret,
                               struct lead_id *ret_merged, struct err *e) ATTR_MUST_CHECK;
enum status store_lead_edit(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            const struct lead_profile *p, bool is_named, int64_t now_ms,
                            struct err *e) ATTR_MUST_CHECK;

/* --- state and events -------------------------------------------------------------------------------- */

struct lead_event {
    struct uuid id; /* nil: made here */
    struct tenant_id tenant;
    struct lead_id lead;
    struct str kind, data, actor; /* data: JSON object; empty: {} */
    int64_t at_ms;
};
enum status lead_note(struct tx *tx, const struct lead_event *ev, struct err *e) ATTR_MUST_CHECK;
/* Locks the row (PostgreSQL). ST_NOT_FOUND. */
enum status store_lead_state(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             struct lead_id id, struct str *ret, struct err *e) ATTR_MUST_CHECK;
enum status store_lead_set_state(struct tx *tx, struct tenant_id tenant, struct lead_id id,
                                 struct str from, struct str to, int64_t now_ms, int64_t *ret_moved,
                                 struct err *e) ATTR_MUST_CHECK;
enum status store_lead_heard(struct tx *tx, struct tenant_id tenant, struct lead_id id,
                             int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
/* A number that wrote to us is one of the lead's, and on WhatsApp. */
struct read_phone;
enum status store_phone_heard(struct tx *tx, struct tenant_id tenant, struct lead_id id,
                              const struct read_phone *phone, struct err *e) ATTR_MUST_CHECK;
enum status store_phone_whatsapp(struct tx *tx, struct tenant_id tenant, struct str key,
                                 enum lead_whatsapp is_whatsapp, struct err *e) ATTR_MUST_CHECK;
enum status store_email_bounced(struct tx *tx, struct tenant_id tenant, struct str address,
                                int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
/* All tags of a lead anew; keys: folded. */
enum status store_tags_replace(struct tx *tx, struct tenant_id tenant, struct lead_id id,
                               const struct str *keys, size_t n, struct err *e) ATTR_MUST_CHECK;

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
enum status store_email_heard(struct tx *tx, struct tenant_id tenant, struct lead_id id,
                              struct str address, struct err *e) ATTR_MUST_CHECK;
enum status store_phone_whatsapp(struct tx *tx, struct tenant_id tenant, struct str key,
                                 enum lead_whatsapp is_whatsapp, struct err *e) ATTR_MUST_CHECK;
enum status store_email_bounced(struct tx *tx, struct tenant_id tenant, struct str address,
                                int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
/* All tags of a lead anew; keys: folded. */
enum status store_tags_replace(struct tx *tx, struct tenant_id tenant, struct lead_id id,
                               const struct str *keys, size_t n, struct err *e) ATTR_MUST_CHECK;

/* --- segments, merges ----------------------------------------------------------------------------------- */

/* All, or the one with this id; by name. */
enum status store_segments(struct arena *a, struct tx *tx, struct tenant_id tenant, struct uuid id,
                           struct segment **ret, size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
enum status store_segment_insert(struct tx *tx, struct tenant_id tenant,
                                 const struct segment *segment, struct err *e) ATTR_MUST_CHECK;
enum status store_segment_update(struct tx *tx, struct tenant_id tenant,
                                 const struct segment *segment, struct err *e) ATTR_MUST_CHECK;
enum status store_segment_delete(struct tx *tx, struct tenant_id tenant, struct uuid id,
                                 struct err *e) ATTR_MUST_CHECK;

struct merge_row {
    struct uuid id;
    struct lead_id keep, gone;
    struct str before; /* JSON, merge.c */
    int64_t undone_at_ms;
};
enum status store_merge_insert(struct tx *tx, struct tenant_id tenant, const struct merge_row *row,
                               struct str actor, int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
/* Locked until the commit (PostgreSQL). ST_NOT_FOUND. */
enum status store_merge_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct uuid id,
                            struct merge_row *ret, struct err *e) ATTR_MUST_CHECK;
enum status store_merge_undone(struct tx *tx, struct tenant_id tenant, struct uuid id,
                               int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
/* The newest merge of `gone` that stands; its id is nil when there is none. */
enum status store_merge_newest(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct lead_id gone, struct merge_row *ret, struct err *e)
    ATTR_MUST_CHECK;
enum status store_merge_rewrite(struct tx *tx, struct tenant_id tenant, struct uuid id,
                                struct str before, struct err *e) ATTR_MUST_CHECK;
/* Numbers, addresses and tags of `from` behind those of `into`, each once; `from` has none then. */
enum status store_parts_move(struct tx *tx, struct tenant_id tenant, struct lead_id from,
                             struct lead_id into, struct err *e) ATTR_MUST_CHECK;
enum lead_part { PART_PHONE, PART_EMAIL, PART_TAG, PART_KEY };
/* What `from` has of this goes to `into` as well, or (is_taken) instead. value: a number's E.164 or how it was typed, an
 * address, a folded tag, a key's value; position: among into's. */
struct part_back {
    enum lead_part part;
    struct str kind, value; /* kind: of a key */
    int64_t position;
    bool is_taken;
};
enum status store_part_back(struct tx *tx, struct tenant_id tenant, struct lead_id from,
                            struct lead_id into, const struct part_back *back, struct err *e)
    ATTR_MUST_CHECK;
/* Rows (kind, value). */
enum status store_keys_of(struct arena *a, struct tx *tx, struct tenant_id tenant,
                          struct lead_id id, struct db_rows *ret, struct err *e) ATTR_MUST_CHECK;
/* The columns that a merge touches. */
enum status store_lead_write(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             const struct lead_row *row, int64_t now_ms, struct err *e)
    ATTR_MUST_CHECK;
/* into nil: no longer merged. */
enum status store_lead_merged(struct tx *tx, struct tenant_id tenant, struct lead_id from,
                              struct lead_id into, int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
enum status store_happenings(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             struct lead_id id, struct uuid before, size_t limit,
                             struct db_rows *ret, struct err *e) ATTR_MUST_CHECK;

/* lead.h - who a person is: one lead, several identities, found or made when they write.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "db/db.h"
#include "provider/provider.h"

struct lead {
    struct lead_id id;
    struct str name;
    struct str phone; /* as the provider addresses it; empty when withheld */
    struct str user_id;
    bool is_changed; /* lead_resolve: known before, but under another name or without this number */
    struct lead_id merged; /* lead_resolve: the one that was merged into this, else nil */
};

struct lead_identity {
    struct str kind;  /* "phone", "user_id" */
    struct str value; /* as the provider addresses it */
};
struct lead_profile { /* what people see and say of a lead */
    struct lead_id id;
    struct str name;
    struct str stage; /* where the sale stands, in the tenant's own words; may be empty */
    struct str tags;  /* JSON array of texts */
    int64_t marketing_stopped_at_ms, created_at_ms;
    struct lead_identity *identities;
    size_t n_identities;
};
/* Follows a merge: ret->id may differ from id. ST_NOT_FOUND. */
enum status lead_profile(struct arena *a, struct tx *tx, struct tenant_id tenant, struct lead_id id,
                         struct lead_profile *ret, struct err *e) ATTR_MUST_CHECK;
struct lead_list {
    struct lead_id *items;
    size_t n;
};
/* Those whose number begins with these digits, country first; at most `limit`. */
enum status lead_list_phone(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct str digits, size_t limit, struct lead_list *ret, struct err *e)
    ATTR_MUST_CHECK;
enum { LEAD_NAME_MAX = 200, LEAD_STAGE_MAX = 60, LEAD_TAGS_MAX = 50, LEAD_TAG_MAX = 60 };
/* Name, stage and tags as in p. A name that a person gave is no longer replaced by the provider's (is_named). ST_INVALID. */
enum status lead_edit(struct tx *tx, struct tenant_id tenant, const struct lead_profile *p,
                      bool is_named, int64_t now_ms, struct err *e) ATTR_MUST_CHECK;

/* The lead behind party, by phone (equal numbers meet, see phone_key) or user id; made when new, and when the two keys
 * have so far belonged to two leads, the younger is merged into the older (*ret_merged gets it, else nil: its
 * conversations are the caller's to move). Name and newest address are kept up to date. */
enum status lead_resolve(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         const struct party *party, int64_t now_ms, struct lead *ret, struct err *e)
    ATTR_MUST_CHECK;
enum status lead_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct lead_id id,
                     struct lead *ret, struct err *e) ATTR_MUST_CHECK;
/* party's identity is now also, or instead, the new one: both lead to the same person. ST_NOT_FOUND: nobody had it. */
enum status lead_change_identity(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                 const struct party *from, const struct party *to, struct lead *ret,
                                 struct err *e) ATTR_MUST_CHECK;
/* The provider calls the number differently from what we sent to (Brazil's ninth digit): remember its form. */
enum status lead_learn_address(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct lead_id id, const struct party *address, int64_t now_ms,
                               struct err *e) ATTR_MUST_CHECK;
/* Marketing stopped or wanted again. */
enum status lead_set_marketing(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               const struct party *party, bool is_stop, struct lead_id *ret,
                               struct err *e) ATTR_MUST_CHECK;

struct lead_key { /* what a person is recognised by, and to which lead it leads now */
    size_t at;    /* index of the lead in what was asked for */
    struct str
        key; /* "phone:5511987654321", "email:…", "user_id:…": kind and value of lead_identities */
};
/* The keys of n leads, in order of the leads; of one that was merged, those of the lead it is now. */
enum status lead_keys_many(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           const struct lead_id *leads, size_t n, struct lead_key **ret,
                           size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
/* Those behind the keys, each once; a key that nobody has is left out. */
enum status lead_list_keys(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           const struct str *keys, size_t n, struct lead_list *ret, struct err *e)
    ATTR_MUST_CHECK;
/* Shows on the leads since when they want no marketing, 0: no longer. consent/ keeps the truth. */
enum status lead_show_stopped(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              const struct lead_id *leads, size_t n, int64_t stopped_at_ms,
                              int64_t now_ms, struct err *e) ATTR_MUST_CHECK;

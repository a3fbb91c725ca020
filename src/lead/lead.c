/* lead.c - finding the person behind the keys a provider gives, and joining two that turn out to be one.
 * SPDX-License-Identifier: Apache-2.0 */
#include "lead/lead.h"

#include "base/clock.h"
#include "lead/store.h"

/* At most two: the phone, then the user id. */
static size_t party_identities(struct arena *a, const struct party *party,
                               struct identity out[static 2]) {
    size_t n = 0;
    struct str key = phone_key(a, party->phone);

    if (key.len > 0)
        out[n++] = (struct identity){.kind = "phone", .value = key, .address = party->phone};
    if (party->user_id.len > 0)
        out[n++] = (struct identity){
            .kind = "user_id", .value = party->user_id, .address = party->user_id};
    return n;
}

/* Ids are version 7: the smaller one is the older person. */
static enum status merge(struct tx *tx, struct tenant_id tenant, struct lead_id *keep,
                         struct lead_id *drop, int64_t now_ms, struct err *e) {
    if (uuid_cmp(drop->v, keep->v) < 0) {
        struct lead_id swap = *keep;

        *keep = *drop;
        *drop = swap;
    }
    TRY(store_identities_move(tx, tenant, *drop, *keep, now_ms, e));
    return store_lead_merge(tx, tenant, *drop, *keep, now_ms, e);
}

enum status lead_resolve(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         const struct party *party, int64_t now_ms, struct lead *ret,
                         struct err *e) {
    struct identity ids[2];
    struct lead_id found[2];
    struct str address[2];
    size_t n = party_identities(a, party, ids);
    struct lead_id lead = {0}, merged = {0};
    int64_t renamed = 0;
    bool is_new, is_changed;

    if (n == 0)
        FAIL(e, ST_INVALID, "the message names neither a phone nor a user id of its sender");
    for (size_t i = 0; i < n; i++) {
        TRY(store_identity_find(a, tx, tenant, ids[i], &found[i], &address[i], e));
        if (uuid_is_nil(lead.v)) {
            lead = found[i];
        } else if (!uuid_is_nil(found[i].v) && !uuid_eq(found[i].v, lead.v)) {
            merged = found[i];
            TRY(merge(tx, tenant, &lead, &merged, now_ms, e));
        }
    }
    is_new = uuid_is_nil(lead.v);
    if (is_new) {
        lead.v = uuid_new();
        TRY(store_lead_insert(tx, tenant, lead, party, now_ms, e));
    } else {
        TRY(store_lead_name(tx, tenant, lead, party, now_ms, &renamed, e));
    }
    is_changed = !is_new && renamed > 0;
    for (size_t i = 0; i < n; i++) {
        bool is_known = uuid_eq(found[i].v, lead.v);

        is_changed = is_changed || (!is_new && !is_known);
        if (!is_known || !str_eq(address[i], ids[i].address))
            TRY(store_identity_put(tx, tenant, lead, ids[i], now_ms, e));
    }
    *ret = (struct lead){.id = lead,
                         .name = party->name,
                         .phone = party->phone,
                         .user_id = party->user_id,
                         .is_changed = is_changed,
                         .merged = merged};
    return ST_OK;
}

enum status lead_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct lead_id id,
                     struct lead *ret, struct err *e) {
    return store_lead_get(a, tx, tenant, id, ret, e);
}

enum status lead_change_identity(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                 const struct party *from, const struct party *to, struct lead *ret,
                                 struct err *e) {
    struct identity ids[2];
    struct lead_id found = {0};
    struct str address;
    size_t n = party_identities(a, from, ids);

    for (size_t i = 0; i < n && uuid_is_nil(found.v); i++)
        TRY(store_identity_find(a, tx, tenant, ids[i], &found, &address, e));
    if (uuid_is_nil(found.v))
        FAIL(e, ST_NOT_FOUND, "nobody is known under the old identity");
    n = party_identities(a, to, ids);
    for (size_t i = 0; i < n; i++)
        TRY(store_identity_put(tx, tenant, found, ids[i], clock_now_ms(), e));
    return store_lead_get(a, tx, tenant, found, ret, e);
}

enum status lead_learn_address(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct lead_id id, const struct party *address_now, int64_t now_ms,
                               struct err *e) {
    struct identity ids[2];
    struct lead_id found;
    struct str address;
    size_t n = party_identities(a, address_now, ids);

    for (size_t i = 0; i < n; i++) {
        TRY(store_identity_find(a, tx, tenant, ids[i], &found, &address, e));
        /* Another person's key stays theirs: only what this person lacks is learnt. */
        if (!uuid_is_nil(found.v) && !uuid_eq(found.v, id.v))
            continue;
        if (!str_eq(address, ids[i].address))
            TRY(store_identity_put(tx, tenant, id, ids[i], now_ms, e));
    }
    return ST_OK;
}

enum status lead_set_marketing(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               const struct party *party, bool is_stop, struct lead_id *ret,
                               struct err *e) {
    int64_t now_ms = clock_now_ms();
    struct lead lead;

    TRY(lead_resolve(a, tx, tenant, party, now_ms, &lead, e));
    TRY(store_lead_marketing(tx, tenant, lead.id, is_stop, now_ms, e));
    *ret = lead.id;
    return ST_OK;
}

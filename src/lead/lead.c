/* lead.c - finding the person behind the keys a provider gives, and joining two that turn out to be one.
 * SPDX-License-Identifier: Apache-2.0 */
#include "lead/lead.h"

#include <string.h>

#include "base/clock.h"
#include "lead/read.h"
#include "lead/store.h"

enum { KEYS_MAX = 3 };

/* The phone, then the user id, then the e-mail address. */
static size_t party_identities(struct arena *a, const struct party *party,
                               struct identity out[static KEYS_MAX]) {
    size_t n = 0;
    struct str key = phone_key(a, party->phone);

    if (key.len > 0)
        out[n++] = (struct identity){.kind = "phone", .value = key, .address = party->phone};
    if (party->user_id.len > 0)
        out[n++] = (struct identity){
            .kind = "user_id", .value = party->user_id, .address = party->user_id};
    if (party->email.len > 0)
        out[n++] =
            (struct identity){.kind = "email", .value = party->email, .address = party->email};
    return n;
}

/* Ids are version 7: the smaller one is the older person. */
static enum status merge(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct lead_id *keep, struct lead_id *drop, int64_t now_ms,
                         struct err *e) {
    struct uuid unused;

    if (uuid_cmp(drop->v, keep->v) < 0) {
        struct lead_id swap = *keep;

        *keep = *drop;
        *drop = swap;
    }
    return lead_merge(a, tx, tenant, *keep, *drop, STR("[]"), STR_EMPTY, now_ms, &unused, e);
}

/* A provider's number is one of the lead's numbers as well, and on WhatsApp; so the address somebody wrote from. */
static enum status put_phone(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             struct lead_id lead, const struct identity *id, struct err *e) {
    struct read_phone phone;

    if (str_eq(str_of(id->kind), STR("email")))
        return store_email_heard(tx, tenant, lead, id->value, e);
    if (!str_eq(str_of(id->kind), STR("phone")))
        return ST_OK;
    phone_of_provider(a, id->address, &phone);
    return store_phone_heard(tx, tenant, lead, &phone, e);
}

enum status lead_resolve(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         const struct party *party, int64_t now_ms, struct lead *ret,
                         struct err *e) {
    struct identity ids[KEYS_MAX];
    struct found found[KEYS_MAX], first = {.state = STR("new")};
    size_t n = party_identities(a, party, ids);
    struct lead_id lead = {0}, merged[KEYS_MAX - 1] = {0};
    size_t n_merged = 0;
    int64_t renamed = 0;
    bool is_new, is_changed;

    if (n == 0)
        FAIL(e, ST_INVALID,
             "the message names neither a phone, a user id nor an address of its sender");
    for (size_t i = 0; i < n; i++) {
        TRY(store_identity_find(a, tx, tenant, ids[i], &found[i], e));
        if (uuid_is_nil(found[i].lead.v))
            continue;
        if (uuid_is_nil(lead.v)) {
            lead = found[i].lead;
            first = found[i];
        } else if (!uuid_eq(found[i].lead.v, lead.v)) {
            merged[n_merged] = found[i].lead;
            TRY(merge(a, tx, tenant, &lead, &merged[n_merged++], now_ms, e));
            if (uuid_eq(lead.v, found[i].lead.v))
                first = found[i];
        }
    }
    is_new = uuid_is_nil(lead.v);
    if (is_new) {
        lead.v = uuid_new();
        TRY(store_lead_insert(a, tx, tenant, lead, party, now_ms, e));
    } else {
        TRY(store_lead_name(a, tx, tenant, lead, party, now_ms, &renamed, e));
    }
    is_changed = !is_new && renamed > 0;
    for (size_t i = 0; i < n; i++) {
        bool is_known = uuid_eq(found[i].lead.v, lead.v);

        is_changed = is_changed || (!is_new && !is_known);
        if (!is_known || !str_eq(found[i].address, ids[i].address))
            TRY(store_identity_put(tx, tenant, lead, ids[i], now_ms, e));
        if (!is_known || first.last_inbound_at_ms == 0)
            TRY(put_phone(a, tx, tenant, lead, &ids[i], e));
    }
    *ret = (struct lead){.id = lead,
                         .name = party->name,
                         .phone = party->phone,
                         .user_id = party->user_id,
                         .email = party->email,
                         .is_new = is_new,
                         .is_changed = is_changed,
                         .merged = {merged[0], merged[1]},
                         .n_merged = n_merged,
                         .state = first.state,
                         .last_inbound_at_ms = first.last_inbound_at_ms};
    return ST_OK;
}

enum status lead_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct lead_id id,
                     struct lead *ret, struct err *e) {
    return store_lead_get(a, tx, tenant, id, ret, e);
}

enum status lead_change_identity(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                 const struct party *from, const struct party *to, struct lead *ret,
                                 struct err *e) {
    struct lead_id lead, merged[KEYS_MAX - 1] = {0};
    struct identity ids[KEYS_MAX];
    struct found found = {0}, other;
    size_t n = party_identities(a, from, ids), n_merged = 0;

    for (size_t i = 0; i < n && uuid_is_nil(found.lead.v); i++)
        TRY(store_identity_find(a, tx, tenant, ids[i], &found, e));
    if (uuid_is_nil(found.lead.v))
        FAIL(e, ST_NOT_FOUND, "nobody is known under the old identity");
    lead = found.lead;
    n = party_identities(a, to, ids);
    for (size_t i = 0; i < n; i++) {
        TRY(store_identity_find(a, tx, tenant, ids[i], &other, e));
        if (uuid_is_nil(other.lead.v) || uuid_eq(other.lead.v, lead.v) ||
            n_merged == ARRAY_LEN(merged))
            continue;
        merged[n_merged] = other.lead;
        TRY(merge(a, tx, tenant, &lead, &merged[n_merged++], clock_now_ms(), e));
    }
    for (size_t i = 0; i < n; i++)
        TRY(store_identity_put(tx, tenant, lead, ids[i], clock_now_ms(), e));
    TRY(store_lead_get(a, tx, tenant, lead, ret, e));
    memcpy(ret->merged, merged, sizeof(merged));
    ret->n_merged = n_merged;
    return ST_OK;
}

enum status lead_learn_address(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct lead_id id, const struct party *address_now, int64_t now_ms,
                               struct err *e) {
    struct identity ids[KEYS_MAX];
    struct found found;
    size_t n = party_identities(a, address_now, ids);

    for (size_t i = 0; i < n; i++) {
        TRY(store_identity_find(a, tx, tenant, ids[i], &found, e));
        /* Another person's key stays theirs: only what this person lacks is learnt. */
        if (!uuid_is_nil(found.lead.v) && !uuid_eq(found.lead.v, id.v))
            continue;
        if (!str_eq(found.address, ids[i].address))
            TRY(store_identity_put(tx, tenant, id, ids[i], now_ms, e));
    }
    return ST_OK;
}

enum status lead_learn_whatsapp(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                struct str phone, enum lead_whatsapp is_whatsapp, struct err *e) {
    return store_phone_whatsapp(tx, tenant, phone_key(a, phone), is_whatsapp, e);
}

enum status lead_learn_bounce(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct str address, int64_t now_ms, struct err *e) {
    struct str key;

    return email_read(a, address, &key) ? store_email_bounced(tx, tenant, key, now_ms, e) : ST_OK;
}

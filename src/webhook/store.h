/* store.h - the statements on endpoints and deliveries, and what the files of webhook/ share; private to webhook/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/clock.h"
#include "tenant/tenant.h"
#include "webhook/webhook.h"
#include "json/json.h"

#include <string.h>

enum {
    WEBHOOK_DAY_MS = 24 * 3600 * 1000,
    WEBHOOK_REPLY_BYTES = 1024, /* of an answer's body that are kept */
};

enum status pattern_normalise(struct arena *a, struct str text, struct str *ret, struct err *e)
    ATTR_MUST_CHECK;
struct str secret_new(struct arena *a);

/* --- endpoints ------------------------------------------------------------------------------------------------------ */

struct place { /* in a tenant's order of arrival */
    int64_t xid, seq;
};
/* "xid.seq", as conversation/ gives it. ST_BROKEN: it is not. */
enum status place_parse(struct str cursor, struct place *ret, struct err *e) ATTR_MUST_CHECK;
struct str place_format(struct arena *a, struct place p);

struct sealed_secrets { /* of an endpoint, as stored */
    struct str secret, old;
};
enum status store_endpoint_insert(struct tx *tx, const struct webhook *w, struct str sealed,
                                  struct err *e) ATTR_MUST_CHECK;
/* Writes url, description, events and updated_at. */
enum status store_endpoint_update(struct tx *tx, const struct webhook *w, struct err *e)
    ATTR_MUST_CHECK;
/* Writes state, state_reason, health and updated_at. */
enum status store_endpoint_state(struct tx *tx, const struct webhook *w, struct err *e)
    ATTR_MUST_CHECK;
enum status store_endpoint_secrets(struct tx *tx, struct tenant_id tenant, struct webhook_id id,
                                   struct sealed_secrets s, int64_t old_until_ms, struct err *e)
    ATTR_MUST_CHECK;
/* Locks the row until the commit (PostgreSQL); ST_NOT_FOUND, also for a deleted one. ret_secrets may be NULL. */
enum status store_endpoint_lock(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                struct webhook_id id, struct webhook *ret,
                                struct sealed_secrets *ret_secrets, struct err *e) ATTR_MUST_CHECK;
enum status store_endpoint_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct webhook_id id, struct webhook *ret,
                               struct sealed_secrets *ret_secrets, struct err *e) ATTR_MUST_CHECK;
/* A page of all tenants' endpoints behind `after`, for sealing anew. System scope. */
struct endpoint_of {
    struct tenant_id tenant;
    struct webhook_id id;
};
enum status store_endpoint_page(struct arena *a, struct tx *tx, struct webhook_id after,
                                struct endpoint_of **ret, size_t *ret_n, struct err *e)
    ATTR_MUST_CHECK;
enum status store_place_set(struct tx *tx, struct tenant_id tenant, struct webhook_id id,
                            struct place place, struct err *e) ATTR_MUST_CHECK;
/* *ret_moved false: another one moved it since it was read. */
enum status store_place_move(struct tx *tx, struct tenant_id tenant, struct webhook_id id,
                             struct place from, struct place to, bool *ret_moved, struct err *e)
    ATTR_MUST_CHECK;

struct following { /* an active endpoint as the follower sees it */
    struct tenant_id tenant;
    struct webhook_id id;
    struct str events;
    struct place at;
};
/* Active endpoints of active tenants. System scope. */
enum status store_following(struct arena *a, struct tx *tx, struct following **ret, size_t *ret_n,
                            struct err *e) ATTR_MUST_CHECK;
/* The same one, in its tenant's scope. ST_NOT_FOUND: it is active no more. */
enum status store_following_one(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                struct webhook_id id, struct following *ret, struct err *e)
    ATTR_MUST_CHECK;

/* --- deliveries ------------------------------------------------------------------------------------------------------ */

struct outgoing_event { /* to be handed out */
    struct uuid id;     /* of the event */
    struct delivery_id delivery;
    struct str kind, body;
};
struct handing_out {
    struct following to;
    const struct outgoing_event *events;
    size_t n;
    int64_t now_ms;
};
/* Messages that are there already stay as they are, and so do deliveries; *ret_n are new. */
enum status store_hand_out(struct arena *a, struct tx *tx, const struct handing_out *what,
                           int64_t *ret_n, struct err *e) ATTR_MUST_CHECK;

struct due_delivery {
    struct delivery_id id;
    struct uuid message;
    struct str body;
    int64_t attempts, queued_at_ms;
};
struct due_list {
    struct due_delivery *items;
    size_t n;
};
/* At most max, the longest due first. */
enum status store_due(struct arena *a, struct tx *tx, struct tenant_id tenant,
                      struct webhook_id webhook, size_t max, struct due_list *ret, struct err *e)
    ATTR_MUST_CHECK;
/* When the next of the endpoint is due; 0: nothing waits. */
enum status store_next_due(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           struct webhook_id webhook, int64_t *ret_ms, struct err *e)
    ATTR_MUST_CHECK;

struct delivery_fate {
    struct delivery_id id;
    const char *state;
    int64_t attempts, next_at_ms;
    struct webhook_attempt attempt;
};
/* What became of a delivery that waits. */
enum status store_delivery_fate(struct tx *tx, struct tenant_id tenant, struct delivery_fate fate,
                                int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
struct giving_up {
    struct tenant_id tenant;
    struct webhook_id webhook;
    int64_t queued_before_ms;
    struct str cause, reason;
};
/* What waits at the endpoint since before then becomes dead. */
enum status store_deliveries_give_up(struct tx *tx, struct giving_up what, int64_t *ret_n,
                                     struct err *e) ATTR_MUST_CHECK;
struct replayed { /* deliveries that wait again, and whose they are */
    int64_t n;
    struct webhook_id *webhooks;
    size_t n_webhooks;
};
enum status store_replay(struct arena *a, struct tx *tx, const struct webhook_replay *which,
                         int64_t now_ms, struct replayed *ret, struct err *e) ATTR_MUST_CHECK;
/* How many wait and since when the first does, anywhere. System scope. */
enum status store_waiting(struct tx *tx, int64_t *ret_n, int64_t *ret_oldest_ms, struct err *e)
    ATTR_MUST_CHECK;
enum status store_webhook_purge(struct tx *tx, int64_t before_ms, int64_t *ret_n, struct err *e)
    ATTR_MUST_CHECK;

/* Puts or moves forward the endpoint's job. */
enum status webhook_plan(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct webhook_id webhook, int64_t run_at_ms, enum queue_coalesce coalesce,
                         struct err *e) ATTR_MUST_CHECK;

/* --- calling --------------------------------------------------------------------------------------------------------- */

struct door { /* an endpoint and what opens it */
    struct webhook webhook;
    struct str secret, old_secret; /* old_secret empty: none signs any more */
};
enum status door_open(struct arena *a, struct tx *tx, const struct keyring *keys,
                      struct tenant_id tenant, struct webhook_id id, struct door *ret,
                      struct err *e) ATTR_MUST_CHECK;

struct parcel { /* one attempt */
    struct str id, body;
    struct webhook_attempt attempt; /* texts in arena */
    struct arena arena;

    struct http_call call;
    struct carrier *carrier;
};
/* What an end means: st and e of the call, and the reply where one came; total. Its texts can be stored. */
void attempt_judge(struct arena *a, enum status st, const struct http_reply *r, const struct err *e,
                   struct webhook_attempt *ret);
/* Makes n attempts side by side and waits for all. */
enum status parcels_send(struct httpc *httpc, const struct door *door, struct parcel *parcels,
                         size_t n, struct err *e) ATTR_MUST_CHECK;

/* --- bodies ---------------------------------------------------------------------------------------------------------- */

/* What is sent for ev, in a; conversation and message are looked up. */
enum status body_of_event(struct arena *a, struct tx *tx, const struct event *ev, struct str *ret,
                          struct err *e) ATTR_MUST_CHECK;
struct str body_of_test(struct arena *a, struct uuid id, const struct webhook *w);

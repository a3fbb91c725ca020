/* webhook.h - our events at other systems' doors: endpoints of a tenant, a follower that hands events out, and a job that
 * delivers them as Standard Webhooks say (standardwebhooks.com), at least once, for about a day, signed.
 *
 *   conversation_events ─ follower ─ deliveries (+ place, + job, one transaction) ─ webhook.deliver: POST, record, again
 *
 *   1. Every event that an endpoint asked for becomes one delivery: the place of the endpoint in the tenant's order moves in
 *      the transaction that inserts them, and (event, endpoint) is unique.
 *   2. A delivery ends as delivered or dead, never in silence. Each attempt has the event's id and the same bytes.
 *   3. What costs is paid by who asked: a tenant without endpoints costs nothing, one endpoint holds at most one worker, and
 *      all of them together only some of the workers.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conversation/conversation.h"
#include "crypto/crypto.h"
#include "httpc/httpc.h"
#include "queue/queue.h"

#define WEBHOOK_DELIVER_JOB "webhook.deliver" /* payload {"endpoint"}; lane and key are its id */
#define WEBHOOK_PURGE_JOB   "webhook.purge"

ID_TYPE(webhook_id);
ID_TYPE(delivery_id);

/* --- endpoints ---------------------------------------------------------------------------------------------------- */

enum {
    WEBHOOK_MAX_PER_TENANT = 20,
    WEBHOOK_URL_BYTES = 2048,
    WEBHOOK_DESCRIPTION_BYTES = 500,
    WEBHOOK_MAX_PATTERNS = 50,
};

struct webhook {
    struct webhook_id id;
    struct tenant_id tenant;
    struct str url, description;
    struct str events;           /* patterns, one space between: "message.* conversation.taken" */
    struct str state;            /* "active", "disabled", "deleted" */
    struct str state_reason;     /* why it is disabled */
    int64_t old_secret_until_ms; /* the secret before the last rotation still signs until then */
    int64_t failing_since_ms;    /* 0: the last attempt got through */
    int64_t last_success_at_ms, last_failure_at_ms;
    struct str last_failure;
    int64_t created_at_ms, updated_at_ms;
    struct str secret; /* after webhook_add and webhook_rotate, which tell it once; else empty */
};

struct webhook_new { /* of a change: empty text leaves as it is, has_description tells */
    struct tenant_id tenant;
    struct str url, description, events;
    bool has_description;
};
/* Starts with the events from now on; tells the secret ("whsec_…"). ST_INVALID: no http(s) URL, a pattern out of form;
 * ST_CONFLICT: the tenant has WEBHOOK_MAX_PER_TENANT. */
enum status webhook_add(struct arena *a, struct tx *tx, const struct keyring *keys,
                        const struct webhook_new *in, struct webhook *ret, struct err *e)
    ATTR_MUST_CHECK;
/* ST_NOT_FOUND also for a deleted one, here and below. */
enum status webhook_change(struct arena *a, struct tx *tx, struct webhook_id id,
                           const struct webhook_new *in, struct webhook *ret, struct err *e)
    ATTR_MUST_CHECK;
/* A new secret; the old one signs as well for a day, so that receivers change over without a gap. */
enum status webhook_rotate(struct arena *a, struct tx *tx, const struct keyring *keys,
                           struct tenant_id tenant, struct webhook_id id, struct webhook *ret,
                           struct err *e) ATTR_MUST_CHECK;
/* What waits becomes dead with the cause "endpoint-disabled" and can be replayed. */
enum status webhook_disable(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct webhook_id id, struct str reason, struct err *e) ATTR_MUST_CHECK;
enum webhook_resume {
    WEBHOOK_FROM_NOW,    /* events that happened meanwhile are not sent */
    WEBHOOK_FROM_MISSED, /* goes on behind the last one handed out */
};
enum status webhook_enable(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           struct webhook_id id, enum webhook_resume how, struct err *e)
    ATTR_MUST_CHECK;
/* Its deliveries are forgotten with time. */
enum status webhook_delete(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           struct webhook_id id, struct err *e) ATTR_MUST_CHECK;
enum status webhook_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                        struct webhook_id id, struct webhook *ret, struct err *e) ATTR_MUST_CHECK;
/* Oldest first, without the deleted. */
enum status webhook_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct webhook **ret, size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
/* Seals every secret that is under an older master key anew. */
enum status webhook_reseal(struct db *db, const struct keyring *keys, int64_t *ret_n, struct err *e)
    ATTR_MUST_CHECK;

/* --- deliveries --------------------------------------------------------------------------------------------------- */

struct webhook_delivery {
    struct delivery_id id;
    struct webhook_id webhook;
    struct uuid message; /* the event's id, webhook-id on the wire */
    struct str kind;
    struct str state; /* "waiting", "delivered", "dead" */
    int64_t attempts, next_at_ms;
    struct str cause, reason; /* of the last failure */
    int64_t status;           /* HTTP, 0: no answer */
    struct str reply;         /* how the last answer's body begins */
    int64_t took_ms, created_at_ms, tried_at_ms;
};
struct webhook_delivery_query {
    struct tenant_id tenant;
    struct webhook_id webhook; /* nil: all */
    struct str state, cause;   /* empty: any */
    struct delivery_id after;  /* cursor, nil: from the newest; newest first */
    size_t limit;              /* at most 500 */
};
enum status webhook_delivery_list(struct arena *a, struct tx *tx,
                                  const struct webhook_delivery_query *query,
                                  struct webhook_delivery **ret, size_t *ret_n, struct err *e)
    ATTR_MUST_CHECK;
/* *ret_body (may be NULL) is what is sent. */
enum status webhook_delivery_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                 struct delivery_id id, struct webhook_delivery *ret,
                                 struct str *ret_body, struct err *e) ATTR_MUST_CHECK;

struct webhook_replay { /* which; what is not given does not restrict */
    struct tenant_id tenant;
    struct webhook_id webhook;
    struct delivery_id id;
    struct str cause;
    int64_t since_ms, until_ms; /* by the time of the event's delivery row; until 0: no end */
    bool with_delivered;        /* by default only what is dead */
    int64_t asked_ms; /* for several calls in a row: what was queued since then stays; 0: now */
};
/* Sends again, attempts from 0; at most so many at once, call again when it were that many. Those of disabled endpoints stay
 * as they are. */
enum { WEBHOOK_REPLAY_MAX = 10000 };
enum status webhook_replay(struct arena *a, struct tx *tx, const struct webhook_replay *which,
                           int64_t *ret_n, struct err *e) ATTR_MUST_CHECK;
/* Queues an event "webhook.test" for this endpoint alone. */
enum status webhook_send_test(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct webhook_id id, struct delivery_id *ret, struct err *e)
    ATTR_MUST_CHECK;

struct webhook_trouble { /* dead deliveries and failing endpoints of one cause */
    struct webhook_id webhook;
    struct str cause, reason;
    int64_t n, oldest_ms, newest_ms;
};
/* Dead deliveries grouped by endpoint and cause; tenant nil: of all (system scope). */
enum status webhook_troubles(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             struct webhook_trouble **ret, size_t *ret_n, struct err *e)
    ATTR_MUST_CHECK;
struct webhook_health { /* of the installation */
    int64_t active, failing, disabled_by_us, waiting, dead, oldest_waiting_ms;
};
/* System scope. */
enum status webhook_health(struct tx *tx, struct webhook_health *ret, struct err *e)
    ATTR_MUST_CHECK;

/* --- pure parts --------------------------------------------------------------------------------------------------- */

/* True when kind is what one of the patterns says: "*", "message.*", "conversation.taken". */
bool webhook_matches(struct str patterns, struct str kind);
/* "v1,<base64>" of HMAC-SHA256 over id.timestamp.body; secret as "whsec_…". ST_BROKEN: no such secret. */
enum status webhook_sign(struct arena *a, struct str secret, struct str id, int64_t timestamp_s,
                         struct str body, struct str *ret, struct err *e) ATTR_MUST_CHECK;
/* Milliseconds to wait after the n-th failed attempt (from 1); 0: it was the last. random spreads it by a fifth. */
int64_t webhook_backoff_ms(int64_t attempt, uint32_t random);

/* One attempt at an endpoint, outside transactions and the queue: what `prosa webhook test` does. */
struct webhook_attempt {
    bool is_delivered, is_gone; /* gone: the receiver wants no more (410) */
    bool is_not_made;           /* the circuit was open, no turn came, or we are stopping */
    int64_t status, took_ms, retry_after_ms;
    struct str cause, reason, reply;
};
struct webhook_trial {
    struct db *db;
    struct httpc *httpc;
    const struct keyring *keys;
    struct tenant_id tenant;
    struct webhook_id id;
};
enum status webhook_try(struct arena *a, const struct webhook_trial *in,
                        struct webhook_attempt *ret, struct err *e) ATTR_MUST_CHECK;

/* --- running ------------------------------------------------------------------------------------------------------ */

struct webhooks; /* the running part of one process */
struct webhooks_options {
    struct db *db;
    struct httpc *httpc;
    const struct keyring *keys;
    unsigned workers; /* of the queue; deliveries take at most a quarter of them, one at least */
    bool follows;     /* starts the follower: role worker */
    const struct log_ctx *log;
};
enum status webhooks_start(struct webhooks_options options, struct webhooks **ret, struct err *e)
    ATTR_MUST_CHECK;
/* Stops following; jobs may still run. */
void webhooks_stop(struct webhooks *w);
void webhooks_free(struct webhooks *w);
const struct keyring *webhooks_keys(const struct webhooks *w);
/* New events were committed; any thread. Nothing when nobody wants events. */
void webhooks_wake(void *webhooks);
/* One pass over all endpoints, as the follower does it: *ret_n deliveries were made. */
enum status webhooks_hand_out(struct webhooks *w, int64_t *ret_n, struct err *e) ATTR_MUST_CHECK;

enum status webhook_deliver_job(struct app *app, struct arena *a, const struct job *job,
                                struct verdict *ret_verdict, struct err *e);
/* Forgets what is older than 30 days. */
enum status webhook_purge_job(struct app *app, struct arena *a, const struct job *job,
                              struct verdict *ret_verdict, struct err *e);

/* Implemented by app/. */
struct webhooks *app_webhooks(struct app *app);
struct db *app_db(struct app *app);

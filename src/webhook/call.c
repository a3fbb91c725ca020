/* call.c - attempts: signed POSTs side by side, and what their ends mean. Redirects are not followed, addresses that are not
 * public are refused when the connection is made, and a circuit per endpoint keeps a dead one from costing timeouts.
 * SPDX-License-Identifier: Apache-2.0 */
#include "webhook/store.h"

#include <pthread.h>

#include "base/utf8.h"

enum { TIMEOUT_MS = 15000, REPLY_MAX = 1 << 20, REASON_BYTES = 300 };

struct carrier { /* waits for all attempts of a batch */
    pthread_mutex_t lock;
    pthread_cond_t done;
    size_t under_way;
};

/* --- what an end means ------------------------------------------------------------------------------------------------- */

/* Text for a column: valid, without NUL, at most max bytes. */
static struct str storable(struct arena *a, struct str s, size_t max) {
    struct str fixed =
        utf8_cut_bytes(utf8_repair(a, str_sub(s, 0, s.len < max ? s.len : max)), max);
    char *copy = arena_alloc(a, fixed.len + 1);

    for (size_t i = 0; i < fixed.len; i++)
        copy[i] = fixed.ptr[i] == '\0' ? ' ' : fixed.ptr[i];
    return (struct str){copy, fixed.len};
}

static void judge_status(struct arena *a, const struct http_reply *r, struct webhook_attempt *at) {
    at->status = r->status;
    at->reply = storable(a, r->body, WEBHOOK_REPLY_BYTES);
    at->retry_after_ms = r->retry_after_ms > 0 ? r->retry_after_ms : 0;
    at->is_delivered = r->status >= 200 && r->status < 300;
    at->is_gone = r->status == 410;
    if (at->is_delivered)
        return;
    at->cause = arena_printf(a, "http-%u", r->status);
    if (r->status >= 300 && r->status < 400)
        at->reason = arena_printf(
            a, "the endpoint answered %u: redirects are not followed, set the final URL",
            r->status);
    else if (at->is_gone)
        at->reason = STR("the endpoint answered 410: it wants no more events");
    else
        at->reason = arena_printf(a, "the endpoint answered %u instead of 2xx", r->status);
}

void attempt_judge(struct arena *a, enum status st, const struct http_reply *r, const struct err *e,
                   struct webhook_attempt *at) {
    struct str cause = str_of(e->cause);

    *at = (struct webhook_attempt){.took_ms = r->took_ms};
    if (st == ST_OK && r->phase == HTTP_REPLIED) {
        judge_status(a, r, at);
        return;
    }
    if (st == ST_OK) {
        at->cause = STR("no-answer");
        at->reason = arena_printf(a, "no whole answer came within %d s: %.*s", TIMEOUT_MS / 1000,
                                  STR_ARG(storable(a, r->failure, REASON_BYTES)));
        return;
    }
    at->is_not_made = str_eq(cause, STR("breaker-open")) || str_eq(cause, STR("no-turn")) ||
                      str_eq(cause, STR("stopping"));
    at->retry_after_ms = e->retry_after_ms;
    at->cause = cause.len > 0 ? cause : STR("not-sent");
    at->reason = storable(a, str_of(e->message), REASON_BYTES);
    if (str_eq(cause, STR("address-forbidden")))
        at->reason = STR("the URL leads to an address that is not public");
    else if (at->reason.len == 0)
        at->reason = STR("the call could not be made");
}

/* --- the call ----------------------------------------------------------------------------------------------------------- */

static enum status build(const struct door *door, struct parcel *p, struct err *e) {
    struct arena *a = &p->arena;
    int64_t now_s = clock_now_ms() / 1000;
    struct str signature, old;

    TRY(webhook_sign(a, door->secret, p->id, now_s, p->body, &signature, e));
    if (door->old_secret.len > 0) {
        TRY(webhook_sign(a, door->old_secret, p->id, now_s, p->body, &old, e));
        signature = arena_printf(a, "%.*s %.*s", STR_ARG(signature), STR_ARG(old));
    }
    p->call = (struct http_call){
        .method = "POST",
        .url = door->webhook.url,
        .body = p->body,
        .reach = REACH_MACHINE,
        .is_guarded = true,
        .timeout_ms = TIMEOUT_MS,
        .max_reply_bytes = REPLY_MAX,
        .breaker = arena_cstr(
            a, arena_printf(a, "webhook:%.*s", STR_ARG(uuid_format(a, door->webhook.id.v)))),
    };
    http_call_header(&p->call, STR("Content-Type"), STR("application/json"));
    http_call_header(&p->call, STR("webhook-id"), p->id);
    http_call_header(&p->call, STR("webhook-timestamp"), arena_printf(a, "%lld", (long long)now_s));
    http_call_header(&p->call, STR("webhook-signature"), signature);
    return ST_OK;
}

static void arrived(void *ctx, enum status st, const struct http_reply *reply,
                    const struct err *e) {
    struct parcel *p = ctx;
    struct carrier *c = p->carrier;

    attempt_judge(&p->arena, st, reply, e, &p->attempt);
    pthread_mutex_lock(&c->lock);
    c->under_way--;
    pthread_cond_signal(&c->done);
    pthread_mutex_unlock(&c->lock);
}

enum status parcels_send(struct httpc *httpc, const struct door *door, struct parcel *parcels,
                         size_t n, struct err *e) {
    struct carrier c = {.under_way = n};

    for (size_t i = 0; i < n; i++)
        TRY(build(door, &parcels[i], e));
    pthread_mutex_init(&c.lock, NULL);
    pthread_cond_init(&c.done, NULL);
    for (size_t i = 0; i < n; i++) {
        parcels[i].carrier = &c;
        httpc_submit(httpc, &parcels[i].call, arrived, &parcels[i]);
    }
    pthread_mutex_lock(&c.lock);
    while (c.under_way > 0) /* each call has a time limit */
        pthread_cond_wait(&c.done, &c.lock);
    pthread_mutex_unlock(&c.lock);
    pthread_cond_destroy(&c.done);
    pthread_mutex_destroy(&c.lock);
    return ST_OK;
}

/* --- one, by hand ------------------------------------------------------------------------------------------------------- */

struct opening {
    struct arena *arena;
    const struct webhook_trial *in;
    struct door door;
};

static enum status open_tx(struct tx *tx, void *ctx, struct err *e) {
    struct opening *o = ctx;

    return door_open(o->arena, tx, o->in->keys, o->in->tenant, o->in->id, &o->door, e);
}

enum status webhook_try(struct arena *a, const struct webhook_trial *in,
                        struct webhook_attempt *ret, struct err *e) {
    struct opening o = {.arena = a, .in = in};
    struct uuid message = uuid_new();
    struct parcel p = {.id = uuid_format(a, message)};
    enum status st;

    TRY(db_read(in->db, DB_TENANT(in->tenant), open_tx, &o, e));
    p.body = body_of_test(a, message, &o.door.webhook);
    st = parcels_send(in->httpc, &o.door, &p, 1, e);
    *ret = p.attempt;
    ret->cause = arena_str(a, p.attempt.cause);
    ret->reason = arena_str(a, p.attempt.reason);
    ret->reply = arena_str(a, p.attempt.reply);
    arena_done(&p.arena);
    return st;
}

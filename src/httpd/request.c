/* request.c - request objects: made on the network thread, recycled with their arenas, read by
 * handlers, finished from any thread.
 *
 * A request ends when both sides have let go: the connection (RF_DONE, set in the network
 * thread) and, once it was handed over (RF_HANDED), whoever finishes it (RF_FINISHED). The later
 * of the two releases it; so a client that leaves, or a server that stops, takes no memory away
 * from a handler.
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "httpd/internal.h"

enum {
    SPARE_MAX = 256,
    SPARE_ARENA_BYTES = 64 << 10, /* an arena that handed out more is not kept as it is */
    SPARE_BODY_BYTES = 16 << 10,
};

static void request_free(struct request *r) {
    buf_done(&r->body);
    arena_done(&r->arena);
    free(r);
}

static void httpd_free(struct httpd *h) {
    struct list_node *n;

    while ((n = list_pop(&h->spare)) != NULL)
        request_free(LIST_ITEM(n, struct request, node));
    rates_free(h->rates);
    (void)pthread_mutex_destroy(&h->lock);
    (void)pthread_cond_destroy(&h->changed);
    (void)pthread_mutex_destroy(&h->conns_lock);
    (void)pthread_cond_destroy(&h->conns_changed);
    (void)pthread_cond_destroy(&h->conns_room);
    arena_done(&h->arena);
    free(h);
}

/* Under h->lock, which it gives back. */
static void unref_and_unlock(struct httpd *h) {
    bool is_last = --h->refs == 0;

    (void)pthread_mutex_unlock(&h->lock);
    if (is_last)
        httpd_free(h);
}

void httpd_unref(struct httpd *h) {
    (void)pthread_mutex_lock(&h->lock);
    unref_and_unlock(h);
}

static struct request *take_spare(struct httpd *h) {
    struct list_node *n = list_pop(&h->spare);

    if (!n)
        return NULL;
    h->n_spare--;
    return LIST_ITEM(n, struct request, node);
}

static void put_base64url(const uint8_t in[static UUID_BYTES], char out[static REQUEST_ID_BYTES]) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t bits = 0;
    unsigned have = 0;
    size_t n = 0;

    for (size_t i = 0; i < UUID_BYTES; i++) {
        bits = bits << 8 | in[i];
        for (have += 8; have >= 6; have -= 6)
            out[n++] = digits[bits >> (have - 6) & 63];
    }
    out[n] = digits[bits << (6 - have) & 63];
}

/* The node is left alone: it is in a list already, and its neighbours' threads write to it. */
static void request_init(struct request *r, struct conn *c, struct str target) {
    size_t kept = offsetof(struct request, pub);

    memset((char *)r + kept, 0, sizeof(*r) - kept);
    r->h = c->h;
    r->conn = c;
    put_base64url(uuid_new().bytes, r->id_text);
    r->peer = c->peer;
    r->target = arena_str(&r->arena, target);
    r->log_fields[0] = F_STR("request", ((struct str){r->id_text, REQUEST_ID_BYTES}));
    r->pub = (struct req){
        .arena = &r->arena,
        .request_id = {r->id_text, REQUEST_ID_BYTES},
        .peer = arena_str(&r->arena, (struct str){c->peer_text, c->peer_text_len}),
        .log = {.parent = c->h->options.log, .fields = r->log_fields, .n = 1},
        .is_secure = c->h->is_tls,
        .started_ns = clock_mono_ns(),
        .impl = r,
    };
}

struct request *request_new(struct conn *c, struct str target) {
    struct httpd *h = c->h;
    struct request *r;

    (void)pthread_mutex_lock(&h->lock);
    r = take_spare(h);
    if (!r) {
        r = calloc(1, sizeof(*r));
        if (!r)
            abort();
        buf_init(&r->body, 0);
    }
    list_push(&h->live, &r->node);
    h->n_live++;
    h->refs++;
    (void)pthread_mutex_unlock(&h->lock);
    request_init(r, c, target);
    return r;
}

static void leave_live(struct request *r) {
    list_remove(&r->node);
    if (!r->is_retired && --r->h->n_live == 0)
        (void)pthread_cond_signal(&r->h->changed);
}

/* An upgraded connection lives long; it is no reason for a stop to wait. */
void request_retire(struct request *r) {
    struct httpd *h = r->h;

    (void)pthread_mutex_lock(&h->lock);
    r->is_retired = true;
    if (--h->n_live == 0)
        (void)pthread_cond_signal(&h->changed);
    (void)pthread_mutex_unlock(&h->lock);
}

static void drop_content(struct request *r) {
    if (r->body.len > 0)
        atomic_fetch_sub(&r->h->buffered, r->body.len);
    if (r->body.cap > SPARE_BODY_BYTES)
        buf_done(&r->body);
    buf_clear(&r->body);
    if (r->arena.used > SPARE_ARENA_BYTES)
        arena_done(&r->arena);
    else
        arena_reset(&r->arena);
}

void request_drop_upgrade(struct request *r) {
    upgrade_fn fn = TAKE(r->resp.upgrade);

    if (fn)
        fn(r->resp.upgrade_ctx, -1, STR_EMPTY, NULL, NULL);
}

static void recycle(struct request *r) {
    struct httpd *h = r->h;

    request_drop_upgrade(r);
    answer_drop_file(&r->resp);
    drop_content(r);
    (void)pthread_mutex_lock(&h->lock);
    leave_live(r);
    if (h->n_spare < SPARE_MAX) {
        list_push(&h->spare, &r->node);
        h->n_spare++;
        r = NULL;
    }
    unref_and_unlock(h);
    if (r)
        request_free(r);
}

void request_release(struct request *r) {
    unsigned old = atomic_fetch_or(&r->flags, RF_DONE);

    if (!(old & RF_HANDED) || (old & RF_FINISHED))
        recycle(r);
}

bool request_claim_resume(struct request *r, unsigned add_flags) {
    unsigned old = atomic_load(&r->flags);
    bool is_mine;

    do {
        is_mine = (old & RF_SUSPENDED) && !(old & RF_RESUMED);
    } while (!atomic_compare_exchange_weak(&r->flags, &old,
                                           old | (is_mine ? RF_RESUMED | add_flags : 0)));
    return is_mine;
}

void req_defer(struct req *pub, struct resp *resp) {
    (void)pub;
    resp->is_deferred = true;
}

/* Marks r as finished; then exactly one of three things follows: the connection is gone and r
 * with it, the connection is suspended and we resume it, or the network thread is still on its
 * way there and will see the mark. */
static void finish(struct request *r) {
    struct MHD_Connection *mhd = r->mhd;
    struct httpd *h = r->h;
    unsigned old = atomic_load(&r->flags);
    unsigned next;

    do {
        next = old | RF_FINISHED;
        if ((old & RF_SUSPENDED) && !(old & RF_RESUMED))
            next |= RF_RESUMED;
    } while (!atomic_compare_exchange_weak(&r->flags, &old, next));
    assert(!(old & RF_FINISHED));
    if (old & RF_DONE)
        recycle(r);
    else if ((next ^ old) & RF_RESUMED)
        nets_resume(h, mhd);
}

void req_finish(struct req *pub, struct resp *resp) {
    struct request *r = pub->impl;

    if (resp != &r->resp)
        r->resp = *resp;
    r->resp.is_deferred = false;
    finish(r);
}

struct str request_header(const struct request *r, struct str name) {
    for (size_t i = 0; i < r->headers.n; i++) {
        if (str_eq_nocase(r->headers.items[i].name, name))
            return r->headers.items[i].value;
    }
    return STR_EMPTY;
}

struct str req_header(const struct req *pub, const char *name) {
    return request_header(pub->impl, str_of(name));
}

struct str req_param(const struct req *pub, const char *name) {
    const struct request *r = pub->impl;
    size_t i;

    if (!route_param_index(pub->route, str_of(name), &i) || i >= r->n_params)
        return STR_EMPTY;
    return r->params[i];
}

bool req_has_query(const struct req *pub, const char *name) {
    const struct request *r = pub->impl;

    return pairs_find(&r->query, str_of(name)) != NULL;
}

struct str req_query(const struct req *pub, const char *name) {
    const struct request *r = pub->impl;
    const struct pair *p = pairs_find(&r->query, str_of(name));

    return p ? p->value : STR_EMPTY;
}

struct str req_cookie(const struct req *pub, const char *name) {
    const struct request *r = pub->impl;
    struct str value = STR_EMPTY;

    for (size_t i = 0; i < r->headers.n; i++) {
        if (str_eq_nocase(r->headers.items[i].name, STR("cookie")) &&
            cookie_find(r->headers.items[i].value, str_of(name), &value))
            break;
    }
    return value;
}

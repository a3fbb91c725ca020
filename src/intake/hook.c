/* hook.c - the door: handshake, signature over the raw bytes, the call appended with its neighbours in one commit, and only
 * then the 200. Calls that arrive while a commit is under way go into the next one, so batches follow the load.
 * SPDX-License-Identifier: Apache-2.0 */
#include "intake/intake.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/list.h"
#include "intake/store.h"
#include "stats/stats.h"

enum {
    BATCH_MAX = 512,
    IN_FLIGHT_SQLITE = 1, /* one writer: a second batch would only wait behind the first */
    IN_FLIGHT_POSTGRES = 2,
    RETRY_AFTER_S = 2,
    ACCOUNT_CACHE_MS = 2000,
    ACCOUNT_CACHE_SLOTS = 64,
    QUERY_MAX_BYTES = 2048,
};

static struct stats_counter calls_accepted =
    STATS_COUNTER_L("prosa_webhooks_total", "Webhook calls by fate.", "fate=\"accepted\"");
static struct stats_counter calls_refused =
    STATS_COUNTER_L("prosa_webhooks_total", "Webhook calls by fate.", "fate=\"bad_signature\"");
static struct stats_counter calls_unstored =
    STATS_COUNTER_L("prosa_webhooks_total", "Webhook calls by fate.", "fate=\"not_stored\"");
static struct stats_counter batches =
    STATS_COUNTER("prosa_webhook_batches_total", "Commits that stored webhook calls.");

struct waiting { /* one suspended request; lives in the request's arena */
    struct list_node node;
    struct req *req;
    const struct provider *provider;
    struct raw_call call;
};

struct endpoint { /* what a call to an account's own address is checked with */
    struct account_id id;
    struct tenant_id tenant;
    struct str app_secret, old_secret, verify_token, hook_url;
    int64_t until_ms;
    struct arena arena;
};

struct intake {
    struct intake_options options;
    struct log_ctx log;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t idle;
    struct list pending;
    size_t n_pending;
    unsigned in_flight, max_in_flight;

    pthread_mutex_t cache_lock;
    struct endpoint cache[ACCOUNT_CACHE_SLOTS];
};

struct batch {
    struct intake *intake;
    struct arena arena;
    struct raw_call *calls;
    struct waiting **waiting;
    size_t n;
};

enum status intake_start(struct intake_options options, struct intake **ret, struct err *e) {
    struct intake *in = calloc(1, sizeof(*in));

    if (!in)
        FAIL(e, ST_UNAVAILABLE, "could not start the intake: out of memory");
    in->options = options;
    in->log.parent = options.log;
    list_init(&in->pending);
    pthread_mutex_init(&in->lock, NULL);
    pthread_mutex_init(&in->cache_lock, NULL);
    pthread_cond_init(&in->idle, NULL);
    in->max_in_flight = db_engine(options.db) == DB_SQLITE ? IN_FLIGHT_SQLITE : IN_FLIGHT_POSTGRES;
    *ret = in;
    return ST_OK;
}

void intake_stop(struct intake *in) {
    if (!in)
        return;
    pthread_mutex_lock(&in->lock);
    while (in->in_flight > 0)
        pthread_cond_wait(&in->idle, &in->lock);
    pthread_mutex_unlock(&in->lock);
    for (size_t i = 0; i < ACCOUNT_CACHE_SLOTS; i++)
        arena_done(&in->cache[i].arena);
    pthread_cond_destroy(&in->idle);
    pthread_mutex_destroy(&in->cache_lock);
    pthread_mutex_destroy(&in->lock);
    free(in);
}

/* --- append --------------------------------------------------------------------------------------------------------- */

static enum status append(struct tx *tx, void *ctx, struct err *e) {
    struct batch *b = ctx;
    struct arena scratch = {0};
    enum status st = store_inbox_append(&scratch, tx, b->calls, b->n, e);

    arena_done(&scratch);
    TRY(st);
    return store_drain_put(tx, e);
}

static void start_batch(struct intake *in);

/* Some providers take a text for a reply to the person. */
static void answer_stored(const struct provider *provider, struct resp *resp) {
    resp_text(resp, 200, provider->answer ? str_of(provider->answer) : STR("ok"));
    if (provider->answer)
        resp->content_type = str_of(provider->answer_type);
}

static void answer(struct batch *b, enum status st, const struct err *e) {
    for (size_t i = 0; i < b->n; i++) {
        struct resp resp = {0};

        if (st == ST_OK) {
            answer_stored(b->waiting[i]->provider, &resp);
        } else {
            resp_problem(b->waiting[i]->req, &resp, e, NULL);
            resp_header(&resp, "Retry-After", STR("2"));
        }
        req_finish(b->waiting[i]->req, &resp);
    }
    stats_add(st == ST_OK ? &calls_accepted : &calls_unstored, (int64_t)b->n);
    stats_add(&batches, 1);
}

static void committed(void *ctx, enum status st, const struct err *e) {
    struct batch *b = ctx;
    struct intake *in = b->intake;
    struct err away = ERR_INIT;

    if (st != ST_OK) {
        static struct log_throttle throttle;
        int64_t suppressed;

        if (log_throttle_pass(&throttle, 1000, &suppressed))
            log_err_line(LOG_ERROR, &in->log, "webhook calls could not be stored", e,
                         (struct log_field[]){F_I64("calls", (int64_t)b->n),
                                              F_I64("suppressed", suppressed)},
                         2);
        /* Whatever went wrong, the provider keeps the call and delivers it again. */
        err_set(&away, ST_UNAVAILABLE, __FILE__, __LINE__,
                "the call could not be stored, deliver it again");
    }
    answer(b, st, &away);
    arena_done(&b->arena);
    free(b);
    pthread_mutex_lock(&in->lock);
    in->in_flight--;
    start_batch(in);
    if (in->in_flight == 0)
        pthread_cond_broadcast(&in->idle);
    pthread_mutex_unlock(&in->lock);
}

/* Under the lock: takes what waits and hands it to the database. */
static void start_batch(struct intake *in) {
    if (in->n_pending == 0 || in->in_flight >= in->max_in_flight)
        return;

    struct batch *b = calloc(1, sizeof(*b));
    size_t n = in->n_pending < BATCH_MAX ? in->n_pending : BATCH_MAX;

    if (!b)
        abort(); /* true exhaustion; nothing was answered, so nothing is lost */
    b->intake = in;
    b->calls = arena_array_of(&b->arena, n, struct raw_call);
    b->waiting = arena_array_of(&b->arena, n, struct waiting *);
    for (struct list_node *node; b->n < n && (node = list_pop(&in->pending)) != NULL; b->n++) {
        struct waiting *w = LIST_ITEM(node, struct waiting, node);

        b->calls[b->n] = w->call;
        b->waiting[b->n] = w;
    }
    in->n_pending -= n;
    in->in_flight++;
    db_submit(in->options.db, DB_SYSTEM, append, committed, b);
}

static void enqueue(struct intake *in, struct req *r, struct resp *ret,
                    const struct provider *provider, struct raw_call call) {
    struct waiting *w = arena_new_of(r->arena, struct waiting);

    w->req = r;
    w->provider = provider;
    w->call = call;
    w->call.id.v = uuid_new();
    w->call.query = r->query;
    w->call.body = r->body;
    w->call.at_ms = clock_now_ms();
    req_defer(r, ret);
    pthread_mutex_lock(&in->lock);
    list_push(&in->pending, &w->node);
    in->n_pending++;
    start_batch(in);
    pthread_mutex_unlock(&in->lock);
}

/* --- accounts with an app of their own -------------------------------------------------------------------------------- */

struct lookup {
    struct intake *intake;
    struct arena *arena;
    struct account_id id;
    struct account account;
    struct channel channel;
};

static enum status look_up(struct tx *tx, void *ctx, struct err *e) {
    struct lookup *l = ctx;

    TRY(account_get(l->arena, tx, l->id, &l->account, e));
    return account_channel(l->arena, tx, l->intake->options.keys, &l->account,
                           *atomic_load(&l->intake->options.defaults->now), &l->channel, e);
}

static void fill_slot(struct endpoint *slot, const struct lookup *l) {
    arena_reset(&slot->arena);
    slot->id = l->id;
    slot->tenant = l->account.tenant;
    slot->app_secret = arena_str(&slot->arena, l->channel.app_secret);
    slot->old_secret = arena_str(&slot->arena, l->channel.old_secret);
    slot->verify_token = arena_str(&slot->arena, l->channel.verify_token);
    slot->hook_url = arena_str(&slot->arena, l->channel.hook_url);
    slot->until_ms = clock_mono_ms() + ACCOUNT_CACHE_MS;
}

/* Under the cache's lock: the slot may be another account's in a moment. */
static void copy_slot(struct arena *a, const struct endpoint *slot, struct endpoint *ret) {
    *ret = (struct endpoint){.id = slot->id,
                             .tenant = slot->tenant,
                             .app_secret = arena_str(a, slot->app_secret),
                             .old_secret = arena_str(a, slot->old_secret),
                             .verify_token = arena_str(a, slot->verify_token),
                             .hook_url = arena_str(a, slot->hook_url)};
}

/* ST_NOT_FOUND: no such account. Copies into a. */
static enum status find_endpoint(struct intake *in, struct arena *a, struct account_id id,
                                 struct endpoint *ret, struct err *e) {
    struct endpoint *slot = &in->cache[id.v.bytes[UUID_BYTES - 1] % ACCOUNT_CACHE_SLOTS];
    struct lookup l = {.intake = in, .arena = a, .id = id};
    bool is_cached;

    pthread_mutex_lock(&in->cache_lock);
    is_cached = uuid_eq(slot->id.v, id.v) && slot->until_ms > clock_mono_ms();
    if (is_cached)
        copy_slot(a, slot, ret);
    pthread_mutex_unlock(&in->cache_lock);
    if (is_cached)
        return ST_OK;
    TRY(db_read(in->options.db, DB_SYSTEM, look_up, &l, e));
    pthread_mutex_lock(&in->cache_lock);
    fill_slot(slot, &l);
    copy_slot(a, slot, ret);
    pthread_mutex_unlock(&in->cache_lock);
    return ST_OK;
}

/* The provider and the endpoint a path names; without an account the installation's own. */
static enum status endpoint_of(struct intake *in, const struct req *r,
                               const struct provider **ret_provider, struct endpoint *ret,
                               struct err *e) {
    struct str account = req_param(r, "account");
    const struct channel_defaults *ours;
    struct account_id id;

    *ret_provider = provider_find(req_param(r, "provider"));
    if (!*ret_provider)
        FAIL(e, ST_NOT_FOUND, "no such provider");
    ours = atomic_load(&in->options.defaults->now);
    *ret = (struct endpoint){0};
    if ((*ret_provider)->has_shared_app) {
        ret->app_secret = ours->app_secret;
        ret->verify_token = ours->verify_token;
    }
    if (account.len == 0)
        return ST_OK;
    if (!uuid_parse(account, &id.v))
        FAIL(e, ST_NOT_FOUND, "no such provider account");
    return find_endpoint(in, r->arena, id, ret, e);
}

/* --- handlers --------------------------------------------------------------------------------------------------------- */

enum status intake_get(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    const struct provider *provider;
    struct endpoint at = {0};
    struct str token = req_query(r, "hub.verify_token");

    TRY(endpoint_of(app_intake(app), r, &provider, &at, e));
    if (!str_eq(req_query(r, "hub.mode"), STR("subscribe")))
        FAIL(e, ST_INVALID, "hub.mode must be \"subscribe\"");
    if (at.verify_token.len == 0)
        FAIL(
            e, ST_DENIED,
            "no verify token is configured for this address: set meta_verify_token or the account's");
    if (token.len != at.verify_token.len || !crypto_eq(token.ptr, at.verify_token.ptr, token.len))
        FAIL(e, ST_DENIED, "hub.verify_token is not the configured one");
    resp_text(ret, 200, req_query(r, "hub.challenge"));
    return ST_OK;
}

static struct str called_url(const struct req *r, struct str hook_url) {
    if (hook_url.len == 0 || r->query.len == 0)
        return hook_url;
    return arena_printf(r->arena, "%.*s?%.*s", STR_ARG(hook_url), STR_ARG(r->query));
}

/* It is stored with the call. */
static enum status check_query(const struct hook *hook, struct err *e) {
    if (hook->query.len > QUERY_MAX_BYTES)
        FAIL(e, ST_INVALID, "the query is longer than %d bytes", QUERY_MAX_BYTES);
    return ST_OK;
}

enum status intake_post(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    struct intake *in = app_intake(app);
    const struct provider *provider;
    struct endpoint at = {0};

    TRY(endpoint_of(in, r, &provider, &at, e));

    const struct channel channel = {.app_secret = at.app_secret, .old_secret = at.old_secret};
    const struct hook hook = {
        .method = STR("POST"),
        .url = called_url(r, at.hook_url),
        .query = r->query,
        .content_type = req_header(r, "content-type"),
        .signature = req_header(r, provider->signature_header),
        .body = r->body,
    };
    enum status st = check_query(&hook, e);

    if (st == ST_OK)
        st = provider->verify(&channel, &hook, e);

    if (st != ST_OK) {
        stats_add(&calls_refused, 1);
        if (e && st == ST_DENIED)
            e->cause = "unauthenticated";
        return st;
    }
    enqueue(in, r, ret, provider,
            (struct raw_call){
                .provider = str_of(provider->name), .account = at.id, .tenant = at.tenant});
    return ST_OK;
}

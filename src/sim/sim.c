/* sim.c - start and stop, the routes, and the pages that read and set the simulator.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "base/uuid.h"
#include "crypto/crypto.h"
#include "sim/internal.h"
#include "sim/mail.h"
#include "sim/twilio.h"

enum {
    HOOK_CONNECTIONS = 32,
    DRAIN_MS = 2000,
    WAMID_RANDOM_BYTES = 12,
    BODY_JSON = 1 << 20,
    BODY_UPLOAD = 110 << 20,
    BODY_CUSTOMER = 24 << 20, /* a file in base64 */
};

/* --- small things shared --------------------------------------------------------------------- */

void sim_lock(struct sim *s) {
    (void)pthread_mutex_lock(&s->lock);
}

void sim_unlock(struct sim *s) {
    (void)pthread_mutex_unlock(&s->lock);
}

/* xorshift64*: quick, and nothing here needs to be unguessable. */
static uint64_t next_random(struct sim *s) {
    s->random ^= s->random >> 12;
    s->random ^= s->random << 25;
    s->random ^= s->random >> 27;
    return s->random * 0x2545f4914f6cdd1d;
}

bool sim_chance(struct sim *s, double rate) {
    return rate > 0 && (double)(next_random(s) >> 11) < rate * 9007199254740992.0; /* 2^53 */
}

uint64_t sim_random(struct sim *s, uint64_t below) {
    return below > 0 ? next_random(s) % below : 0;
}

struct str own(struct str s) {
    char *p = malloc(s.len + 1);

    if (!p)
        abort();
    if (s.len > 0)
        memcpy(p, s.ptr, s.len);
    p[s.len] = '\0';
    return (struct str){.ptr = p, .len = s.len};
}

void disown(struct str *s) {
    free((void *)(uintptr_t)s->ptr);
    *s = STR_EMPTY;
}

void *pack(const void *from, size_t size, struct str *const *views, size_t n) {
    size_t total = size;
    char *block, *at;

    for (size_t i = 0; i < n; i++)
        total += views[i]->len;
    block = malloc(total);
    if (!block)
        abort();
    at = block + size;
    for (size_t i = 0; i < n; i++) { /* the views lie in *from, which is copied last */
        if (views[i]->len > 0)
            memcpy(at, views[i]->ptr, views[i]->len);
        views[i]->ptr = at;
        at += views[i]->len;
    }
    memcpy(block, from, size);
    return block;
}

struct str arena_lower(struct arena *a, struct str s) {
    char *out = arena_alloc(a, s.len + 1);

    for (size_t i = 0; i < s.len; i++)
        out[i] = s.ptr[i] >= 'A' && s.ptr[i] <= 'Z' ? (char)(s.ptr[i] | 0x20) : s.ptr[i];
    return (struct str){.ptr = out, .len = s.len};
}

/* 0x1d, the key's length, the key, random bytes: the length of Meta's, and about as legible. */
struct str new_wamid(struct arena *a, struct str key) {
    struct uuid u = uuid_new();
    size_t len = 2 + key.len + WAMID_RANDOM_BYTES;
    char *raw = arena_alloc(a, len);

    raw[0] = 0x1d;
    raw[1] = (char)key.len;
    memcpy(raw + 2, key.ptr, key.len);
    memcpy(raw + 2 + key.len, u.bytes + sizeof(u.bytes) - WAMID_RANDOM_BYTES, WAMID_RANDOM_BYTES);
    return arena_printf(a, "wamid.%.*s",
                        STR_ARG(crypto_base64(a, (struct str){.ptr = raw, .len = len})));
}

struct str wamid_key(struct arena *a, struct str wamid) {
    struct str raw;

    if (!str_eat(&wamid, STR("wamid.")) || !crypto_unbase64(a, wamid, &raw) || raw.len < 2 ||
        raw.ptr[0] != 0x1d || raw.len < 2 + (size_t)(unsigned char)raw.ptr[1])
        return STR_EMPTY;
    return str_sub(raw, 2, (unsigned char)raw.ptr[1]);
}

enum status sim_body(const struct req *r, const struct json **ret, struct err *e) {
    struct json_limits limits = JSON_LIMITS_DEFAULT;

    limits.max_bytes = BODY_CUSTOMER;
    return json_parse(r->arena, r->body, limits, ret, e);
}

static bool is_loopback(struct str origin) {
    static const char *const hosts[] = {"127.0.0.1", "localhost", "[::1]"};

    if (!str_eat(&origin, STR("http://")) && !str_eat(&origin, STR("https://")))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct str rest = origin;

        if (str_eat(&rest, str_of(hosts[i])) && (rest.len == 0 || rest.ptr[0] == ':'))
            return true;
    }
    return false;
}

void sim_allow_origin(struct sim *s, const struct req *r, struct resp *resp) {
    struct str origin = req_header(r, "origin");

    if (origin.len == 0 || !(is_loopback(origin) || str_eq(origin, s->options.origin)))
        return;
    resp_header(resp, "Access-Control-Allow-Origin", origin);
    resp_header(resp, "Vary", STR("Origin"));
}

/* --- answers that come later ----------------------------------------------------------------- */

struct held {
    struct list_node node; /* of sim.held until it is answered */
    struct sim *sim;
    struct req *r;
    struct resp resp;
    bool is_answered;
};

static void held_answer(struct held *x) {
    list_remove(&x->node);
    x->is_answered = true;
    req_finish(x->r, &x->resp);
}

static void held_due(void *arg, bool is_over) {
    struct held *x = arg;

    if (!is_over) {
        sim_lock(x->sim);
        if (!x->is_answered)
            held_answer(x);
        sim_unlock(x->sim);
    }
    free(x);
}

void answer_later(struct sim *s, struct req *r, struct resp *resp, int64_t in_ms) {
    struct held *x;

    if (s->is_stopping)
        return;
    x = calloc(1, sizeof(*x));
    if (!x)
        abort();
    *x = (struct held){.sim = s, .r = r, .resp = *resp};
    req_defer(r, resp);
    list_push(&s->held, &x->node);
    later_do(s->later, in_ms, held_due, x);
}

void answers_cut(struct sim *s) {
    LIST_EACH(&s->held, n) {
        struct held *x = LIST_ITEM(n, struct held, node);

        x->resp.is_cut = true;
        held_answer(x);
    }
}

/* --- the simulator's own pages --------------------------------------------------------------- */

static void answer_ok(struct resp *resp) {
    resp_text(resp, 200, STR("{\"ok\":true}"));
    resp->content_type = STR("application/json");
}

static enum status show_sends(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct sim *s = sim_of(app);
    int64_t after = 0, limit = 1000;
    struct buf b;

    (void)e;
    (void)str_parse_i64(req_query(r, "after"), 0, INT64_MAX, &after);
    (void)str_parse_i64(req_query(r, "limit"), 1, SENDS_MAX, &limit);
    sim_allow_origin(s, r, resp);
    buf_init(&b, ANSWER_MAX_BYTES);
    sim_lock(s);
    sends_write(s, after, limit, &b);
    sim_unlock(s);
    resp_json(r, resp, 200, &b);
    buf_done(&b);
    return ST_OK;
}

static enum status show_stats(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct sim *s = sim_of(app);
    struct buf b;

    (void)e;
    sim_allow_origin(s, r, resp);
    buf_init(&b, ANSWER_MAX_BYTES);
    sim_lock(s);
    sends_write_stats(s, &b);
    sim_unlock(s);
    resp_json(r, resp, 200, &b);
    buf_done(&b);
    return ST_OK;
}

static void answer_behaviour(struct sim *s, const struct req *r, struct resp *resp) {
    struct buf b;

    buf_init(&b, 64 << 10);
    sim_lock(s);
    behaviour_write(&s->behaviour, &b);
    sim_unlock(s);
    resp_json(r, resp, 200, &b);
    buf_done(&b);
}

static enum status show_behaviour(struct app *app, struct req *r, struct resp *resp,
                                  struct err *e) {
    (void)e;
    sim_allow_origin(sim_of(app), r, resp);
    answer_behaviour(sim_of(app), r, resp);
    return ST_OK;
}

static enum status set_behaviour(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct sim *s = sim_of(app);
    const struct json *v;
    enum status st;

    sim_allow_origin(s, r, resp);
    TRY(sim_body(r, &v, e));
    sim_lock(s);
    st = behaviour_merge(&s->behaviour, v, e);
    sim_unlock(s);
    TRY(st);
    answer_behaviour(s, r, resp);
    return ST_OK;
}

/* POST /sim/webhook {"url", "app_secret"?} */
static enum status set_webhook(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct sim *s = sim_of(app);
    const struct json *v;

    sim_allow_origin(s, r, resp);
    TRY(sim_body(r, &v, e));
    if (!str_starts(json_str(json_get(v, "url")), STR("http")))
        FAIL(e, ST_INVALID, "url is no http address");
    sim_set_webhook(s, json_str(json_get(v, "url")), json_str(json_get(v, "app_secret")));
    answer_ok(resp);
    return ST_OK;
}

/* Forgets sends, phones, media and counters; knobs and templates stay. */
static enum status reset(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct sim *s = sim_of(app);

    (void)e;
    sim_allow_origin(s, r, resp);
    sim_lock(s);
    watchers_end(s);
    sends_clear(s);
    phones_clear(s);
    media_clear(s);
    statuses_clear(s);
    mail_sim_clear(s->mail);
    s->model_calls = s->hooks_acknowledged = s->hooks_refused = s->hooks_dropped = 0;
    sim_unlock(s);
    answer_ok(resp);
    return ST_OK;
}

static enum status allow_page(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    (void)e;
    sim_allow_origin(sim_of(app), r, resp);
    resp_header(resp, "Access-Control-Allow-Methods", STR("GET, POST"));
    resp_header(resp, "Access-Control-Allow-Headers", STR("Content-Type"));
    resp_header(resp, "Access-Control-Max-Age", STR("600"));
    resp->status = 204;
    return ST_OK;
}

static enum status show_health(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    (void)e;
    sim_allow_origin(sim_of(app), r, resp);
    answer_ok(resp);
    return ST_OK;
}

/* --- routes ---------------------------------------------------------------------------------- */

#define OPEN(method_, path_, handler_, max_body_, flags_)                                          \
    {                                                                                              \
        .method = (method_), .path = (path_), .handler = (handler_), .auth = AUTH_NONE,            \
        .max_body = (max_body_), .flags = ROUTE_QUIET | (flags_)                                   \
    }
#define GET(path, handler)            OPEN(HTTP_GET, path, handler, 0, ROUTE_INLINE)
#define POST(path, handler, max_body) OPEN(HTTP_POST, path, handler, max_body, ROUTE_INLINE)
#define PREFLIGHT(path)               OPEN(HTTP_OPTIONS, path, allow_page, 0, ROUTE_INLINE)

static const struct route routes[] = {
    POST("/{version}/{id}/messages", graph_messages, BODY_JSON),
    OPEN(HTTP_POST, "/{version}/{id}/media", media_upload, BODY_UPLOAD, 0),
    POST("/{version}/{id}/register", graph_success, BODY_JSON),
    POST("/{version}/{id}/deregister", graph_success, BODY_JSON),
    POST("/{version}/{id}/subscribed_apps", graph_success, BODY_JSON),
    GET("/{version}/{id}/subscribed_apps", graph_subscribed),
    GET("/{version}/{id}/phone_numbers", graph_phone_numbers),
    GET("/{version}/{id}/message_templates", templates_list),
    POST("/{version}/{id}/message_templates", templates_create, BODY_JSON),
    OPEN(HTTP_DELETE, "/{version}/{id}/message_templates", templates_delete, 0, ROUTE_INLINE),
    POST("/{version}/{id}", graph_success, BODY_JSON),
    GET("/{version}/{id}", graph_object),
    OPEN(HTTP_DELETE, "/{version}/{id}", graph_delete, 0, ROUTE_INLINE),
    OPEN(HTTP_GET, "/sim/attachments", media_download, 0, 0),

    OPEN(HTTP_POST, "/v1/chat/completions", model_chat, BODY_CUSTOMER, 0),
    GET("/v1/models", model_list),

    GET("/2010-04-01/Accounts/{account}", twilio_account),
    POST("/2010-04-01/Accounts/{account}/Messages.json", twilio_messages_post, BODY_JSON),
    GET("/2010-04-01/Accounts/{account}/Messages.json", twilio_messages_get),
    GET("/2010-04-01/Accounts/{account}/Messages/{message}", twilio_message_get),
    GET("/2010-04-01/Accounts/{account}/Messages/{message}/Media/{media}", twilio_media_get),
    GET("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers.json", twilio_numbers_get),
    GET("/v1/Services/{service}", twilio_service_get),
    GET("/v2/Channels/Senders", twilio_senders_get),
    POST("/v2/Indicators/Typing.json", twilio_typing, BODY_JSON),
    GET("/v1/Content", content_list),
    POST("/v1/Content", content_create, BODY_JSON),
    GET("/v1/Content/{content}", content_get),
    OPEN(HTTP_DELETE, "/v1/Content/{content}", content_delete, 0, ROUTE_INLINE),
    GET("/v1/Content/{content}/ApprovalRequests", content_approval_get),
    POST("/v1/Content/{content}/ApprovalRequests/whatsapp", content_approval_post, BODY_JSON),
    GET("/v1/ContentAndApprovals", content_list_approvals),

    GET("/sim/sends", show_sends),
    GET("/sim/stats", show_stats),
    GET("/sim/health", show_health),
    GET("/sim/behaviour", show_behaviour),
    POST("/sim/behaviour", set_behaviour, BODY_JSON),
    PREFLIGHT("/sim/behaviour"),
    POST("/sim/template", templates_change, BODY_JSON),
    PREFLIGHT("/sim/template"),
    POST("/sim/webhook", set_webhook, BODY_JSON),
    PREFLIGHT("/sim/webhook"),
    POST("/sim/reset", reset, BODY_JSON),
    PREFLIGHT("/sim/reset"),
    POST("/sim/twilio", twilio_settings, BODY_JSON),
    PREFLIGHT("/sim/twilio"),
    POST("/sim/twilio/content", content_change, BODY_JSON),
    PREFLIGHT("/sim/twilio/content"),
    POST("/sim/twilio/customer", twilio_customer, BODY_CUSTOMER),
    PREFLIGHT("/sim/twilio/customer"),
    POST("/sim/customer", customer_act, BODY_CUSTOMER),
    PREFLIGHT("/sim/customer"),
    OPEN(HTTP_GET, "/sim/media", media_show, 0, 0),
    GET("/sim/phone", phone_show),
    OPEN(HTTP_GET, "/sim/mails", mail_list, 0, 0),
    OPEN(HTTP_GET, "/sim/mail", mail_show, 0, 0),
    OPEN(HTTP_POST, "/sim/mail", mail_write, BODY_JSON, 0),
    PREFLIGHT("/sim/mail"),
    POST("/sim/mail/behaviour", mail_behave, BODY_JSON),
    PREFLIGHT("/sim/mail/behaviour"),
    GET("/sim/phone/events", phone_watch),
};

/* --- life ------------------------------------------------------------------------------------ */

static struct str or_else(struct arena *a, struct str s, struct str otherwise) {
    return arena_str(a, s.len > 0 ? s : otherwise);
}

static void keep_options(struct sim *s, const struct sim_options *o) {
    struct arena *a = &s->arena;

    s->options = (struct sim_options){
        .listen = or_else(a, o->listen, STR("127.0.0.1:0")),
        .token = arena_str(a, o->token),
        .model_token = arena_str(a, o->model_token),
        .phone_number_id = or_else(a, o->phone_number_id, STR("520000000000002")),
        .waba_id = or_else(a, o->waba_id, STR("410000000000001")),
        .display_phone_number = or_else(a, o->display_phone_number, STR("551130000100")),
        .origin = arena_str(a, o->origin),
        .log = o->log,
    };
    s->webhook_url = own(o->webhook_url);
    s->app_secret = own(o->app_secret.len > 0 ? o->app_secret : STR("sim-app-secret"));
}

static struct sim *sim_new(const struct sim_options *options) {
    struct sim *s = calloc(1, sizeof(*s));

    if (!s)
        abort();
    (void)pthread_mutex_init(&s->lock, NULL);
    keep_options(s, options);
    behaviour_init(&s->behaviour);
    crypto_random(&s->random, sizeof(s->random));
    s->random |= 1;
    s->templates = templates_new();
    s->twilio = twilio_new(options);
    s->mail = mail_sim_new();
    list_init(&s->watchers);
    list_init(&s->held);
    list_init(&s->due);
    return s;
}

static void sim_free(struct sim *s) {
    sends_clear(s);
    phones_clear(s);
    media_clear(s);
    statuses_clear(s);
    templates_free(s->templates);
    twilio_free(s->twilio);
    mail_sim_free(s->mail);
    disown(&s->webhook_url);
    disown(&s->app_secret);
    later_free(s->later);
    arena_done(&s->arena);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

static enum status start_parts(struct sim *s, struct err *e) {
    struct httpc_options client = {
        .gate = GATE_OFF, /* webhooks reach machines; nothing else leaves here */
        .max_per_host = HOOK_CONNECTIONS,
        .breaker_failures = HTTPC_BREAKER_NEVER,
        .user_agent = STR("facebookexternalua"),
        .log = s->options.log,
    };
    struct httpd_options server = {
        .listen = s->options.listen,
        .routes = routes,
        .n_routes = ARRAY_LEN(routes),
        .app = (struct app *)(void *)s,
        .log = s->options.log,
    };

    TRY(later_start(&s->later, e));
    TRY(mail_sim_start(s->mail, e));
    TRY(httpc_start(client, &s->httpc, e));
    TRY(httpd_start(server, &s->httpd, e));
    s->address = arena_printf(&s->arena, "http://%.*s", STR_ARG(httpd_address(s->httpd)));
    return ST_OK;
}

enum status sim_start(struct sim_options options, struct sim **ret, struct err *e) {
    struct sim *s;
    enum status st;

    TRY(crypto_init(e));
    s = sim_new(&options);
    st = start_parts(s, e);
    if (st != ST_OK) {
        sim_stop(s);
        return st;
    }
    *ret = s;
    return ST_OK;
}

void sim_mail_ports(const struct sim *s, unsigned *ret_smtp, unsigned *ret_imap) {
    mail_sim_ports(s->mail, ret_smtp, ret_imap);
}

struct str sim_address(const struct sim *s) {
    return s->address;
}

void sim_set_webhook(struct sim *s, struct str url, struct str app_secret) {
    sim_lock(s);
    disown(&s->webhook_url);
    s->webhook_url = own(url);
    if (app_secret.len > 0) {
        disown(&s->app_secret);
        s->app_secret = own(app_secret);
    }
    sim_unlock(s);
}

/* First nothing new begins to wait, then what waits is let go, then clock and client end what they
 * have; the server goes last, because until then it has their answers to send. */
void sim_stop(struct sim *s) {
    if (!s)
        return;
    sim_lock(s);
    s->is_stopping = true;
    watchers_end(s);
    answers_cut(s);
    sim_unlock(s);
    if (s->later)
        later_stop(s->later);
    mail_sim_stop(s->mail);
    httpc_stop(s->httpc);
    if (s->httpd)
        httpd_stop(s->httpd, DRAIN_MS);
    sim_free(s);
}

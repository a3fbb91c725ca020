/* rig.h - a simulator with a client to ask it and a server to take its webhooks.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "crypto/crypto.h"
#include "httpc/httpc.h"
#include "sim/sim.h"
#include "unit/httpc/fake_server.h"
#include "json/json.h"

#define SECRET "rig-secret"
#define TOKEN  "rig-token"
#define SENDER "520000000000002"

enum { HOOKS_MAX = 256 };

struct rig {
    struct sim *sim;
    struct httpc *client;
    struct arena a;
    struct fake hooks;
    /* under hooks.lock */
    char *bodies[HOOKS_MAX];
    unsigned n_bodies;
    unsigned n_unsigned; /* webhooks whose signature was wrong */
    unsigned refuse;     /* so many of the next webhooks get a 500 */
    struct http_reply reply;
};

static struct rig *the_rig; /* the fake server's functions get no context */

static bool rig_is_signed(const char *request, struct str body) {
    static const char name[] = "x-hub-signature-256: sha256=";
    const char *hex = strcasestr(request, name);

    return hex && crypto_hmac_check_hex(STR(SECRET), body,
                                        (struct str){.ptr = hex + sizeof(name) - 1, .len = 64});
}

/* Whether the webhook is to be refused. */
static bool rig_keep_hook(struct fake *f, const char *request) {
    const char *body = strstr(request, "\r\n\r\n") + 4;
    bool is_refused;

    (void)pthread_mutex_lock(&f->lock);
    is_refused = the_rig->refuse > 0;
    the_rig->refuse -= is_refused;
    the_rig->n_unsigned += !rig_is_signed(request, str_of(body));
    FAKE_MUST(the_rig->n_bodies < HOOKS_MAX);
    the_rig->bodies[the_rig->n_bodies++] = strdup(body);
    (void)pthread_cond_broadcast(&f->changed);
    (void)pthread_mutex_unlock(&f->lock);
    return is_refused;
}

static void rig_take_hook(struct fake *f, int fd, unsigned nth) {
    char *request;

    (void)nth;
    while ((request = fake_receive(fd))) {
        fake_write(fd, rig_keep_hook(f, request) ? "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
                                                 : "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        free(request);
    }
}

static void rig_open(struct rig *g) {
    struct err e = ERR_INIT;

    *g = (struct rig){0};
    the_rig = g;
    FAKE_MUST(crypto_init(&e) == ST_OK);
    fake_listen(&g->hooks, rig_take_hook);
    FAKE_MUST(httpc_start((struct httpc_options){.timeout_ms = 20000}, &g->client, &e) == ST_OK);
    FAKE_MUST(sim_start((struct sim_options){.webhook_url = fake_url(&g->a, &g->hooks, "/hook"),
                                             .app_secret = STR(SECRET),
                                             .token = STR(TOKEN)},
                        &g->sim, &e) == ST_OK);
}

static void rig_close(struct rig *g) {
    sim_stop(g->sim);
    httpc_stop(g->client);
    fake_stop(&g->hooks);
    for (unsigned i = 0; i < g->n_bodies; i++)
        free(g->bodies[i]);
    arena_done(&g->a);
}

/* Asks the simulator; the answer's JSON, NULL when it is none. g->reply has the rest. */
static const struct json *rig_ask(struct rig *g, const char *method, const char *path,
                                  struct str body, struct str token) {
    struct http_call c = {.method = method, .body = body, .reach = REACH_MACHINE};
    const struct json *v = NULL;
    struct err e = ERR_INIT;

    c.url = arena_printf(&g->a, "%.*s%s", STR_ARG(sim_address(g->sim)), path);
    c.max_reply_bytes = 32 << 20;
    if (token.len > 0)
        http_call_header(&c, STR("Authorization"),
                         arena_printf(&g->a, "Bearer %.*s", STR_ARG(token)));
    http_call_header(&c, STR("Origin"), STR("http://localhost:5173"));
    FAKE_MUST(httpc_call(g->client, &g->a, &c, &g->reply, &e) == ST_OK);
    if (json_parse(&g->a, g->reply.body, JSON_LIMITS_DEFAULT, &v, &e) != ST_OK)
        return NULL;
    return v;
}

static ATTR_UNUSED const struct json *rig_get(struct rig *g, const char *path) {
    return rig_ask(g, "GET", path, STR_EMPTY, STR(TOKEN));
}

static ATTR_UNUSED const struct json *rig_post(struct rig *g, const char *path, const char *body) {
    return rig_ask(g, "POST", path, str_of(body), STR(TOKEN));
}

static ATTR_UNUSED const struct json *rig_send(struct rig *g, const char *body) {
    return rig_post(g, "/v26.0/" SENDER "/messages", body);
}

/* Error code of an answer; -1: it is none. */
static ATTR_UNUSED int64_t rig_code(const struct json *v) {
    return json_i64(json_path(v, "error", "code", NULL), -1);
}

/* The same simulator for another thread to ask: arena and reply of its own; rig_twin_done() in the
 * end. Takes no webhooks. */
static ATTR_UNUSED struct rig rig_twin(const struct rig *g) {
    return (struct rig){.sim = g->sim, .client = g->client};
}

static ATTR_UNUSED void rig_twin_done(struct rig *g) {
    arena_done(&g->a);
}

/* Waits for the nth webhook (from 0); its "value". */
static ATTR_UNUSED const struct json *rig_hook(struct rig *g, unsigned n) {
    const struct json *v = NULL;
    struct err e = ERR_INIT;
    struct str body;

    (void)pthread_mutex_lock(&g->hooks.lock);
    while (g->n_bodies <= n)
        (void)pthread_cond_wait(&g->hooks.changed, &g->hooks.lock);
    body = arena_str(&g->a, str_of(g->bodies[n]));
    FAKE_MUST(g->n_unsigned == 0);
    (void)pthread_mutex_unlock(&g->hooks.lock);
    FAKE_MUST(json_parse(&g->a, body, JSON_LIMITS_DEFAULT, &v, &e) == ST_OK);
    v = json_at(json_get(json_at(json_get(v, "entry"), 0), "changes"), 0);
    FAKE_MUST(str_eq(json_str(json_get(v, "field")), STR("messages")));
    return json_get(v, "value");
}

static ATTR_UNUSED const struct json *rig_status(struct rig *g, unsigned hook, size_t nth) {
    return json_at(json_get(rig_hook(g, hook), "statuses"), nth);
}

static ATTR_UNUSED const struct json *rig_message(struct rig *g, unsigned hook, size_t nth) {
    return json_at(json_get(rig_hook(g, hook), "messages"), nth);
}

static ATTR_UNUSED bool rig_is(const struct json *v, const char *key, const char *text) {
    return str_eq(json_str(json_get(v, key)), str_of(text));
}

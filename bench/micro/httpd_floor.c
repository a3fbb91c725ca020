/* httpd_floor.c - what httpd/ itself costs: POST /floor is taken inline, deferred, and finished
 * with an empty JSON object by another thread, in whatever batch has gathered, as a group commit
 * would. GET /inline answers at once.
 *   httpd_floor [listen] [network threads]
 * prints its address; drive it with a load generator.
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "httpd/httpd.h"

struct floor_item {
    struct req *r;
    struct floor_item *next;
};

struct app { /* one list, one lock: the shape of a group commit's queue */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct floor_item *first, **last;
};

static enum status post_floor(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    struct floor_item *item = arena_new_of(r->arena, struct floor_item);

    (void)e;
    item->r = r;
    req_defer(r, ret);
    (void)pthread_mutex_lock(&app->lock);
    *app->last = item;
    app->last = &item->next;
    (void)pthread_cond_signal(&app->wake);
    (void)pthread_mutex_unlock(&app->lock);
    return ST_OK;
}

static enum status get_inline(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    (void)app;
    (void)r;
    (void)e;
    ret->body = STR("{}");
    return ST_OK;
}

static struct floor_item *take_all(struct app *app) {
    struct floor_item *first;

    (void)pthread_mutex_lock(&app->lock);
    while (!app->first)
        (void)pthread_cond_wait(&app->wake, &app->lock);
    first = TAKE(app->first);
    app->last = &app->first;
    (void)pthread_mutex_unlock(&app->lock);
    return first;
}

static void *finish_main(void *ctx) {
    for (;;) {
        struct floor_item *item = take_all(ctx);

        while (item) {
            struct floor_item *next = item->next; /* the item dies with its request */
            struct resp resp = {.body = STR("{\"status\":\"ok\"}")};

            req_finish(item->r, &resp);
            item = next;
        }
    }
    return NULL;
}

static const struct route routes[] = {
    {.method = HTTP_POST,
     .path = "/floor",
     .handler = post_floor,
     .max_body = 1 << 20,
     .flags = ROUTE_INLINE},
    {.method = HTTP_GET, .path = "/inline", .handler = get_inline, .flags = ROUTE_INLINE},
    {.method = HTTP_GET, .path = "/threaded", .handler = get_inline},
};

int main(int argc, char **argv) {
    struct app app = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};
    struct httpd_options options = {
        .listen = str_of(argc > 1 ? argv[1] : "127.0.0.1:0"),
        .threads = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 2,
        .max_connections = 20000,
        .routes = routes,
        .n_routes = ARRAY_LEN(routes),
        .app = &app,
    };
    struct err e = ERR_INIT;
    struct httpd *h;
    pthread_t finisher;

    app.last = &app.first;
    (void)signal(SIGPIPE, SIG_IGN);
    if (httpd_start(options, &h, &e) != ST_OK ||
        pthread_create(&finisher, NULL, finish_main, &app)) {
        (void)fprintf(stderr, "%s\n", e.message);
        return 1;
    }
    (void)printf("%.*s\n", STR_ARG(httpd_address(h)));
    (void)fflush(stdout);
    return pause();
}

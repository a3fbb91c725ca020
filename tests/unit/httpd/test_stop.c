/* test_stop.c - stopping while requests are under way, and sockets that leave by an upgrade.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/httpd/client.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

struct app {
    sem_t entered, leave; /* a handler was called; it may go on */
    struct req *_Atomic held;
    _Atomic int upgraded_fd; /* -1 when the client was gone */
    sem_t upgraded;
};

static struct app app;

static void sem_take(sem_t *s) {
    while (sem_wait(s) != 0)
        continue;
}

static enum status wait(struct app *a, struct req *r, struct resp *ret, struct err *e) {
    (void)r;
    (void)e;
    (void)sem_post(&a->entered);
    sem_take(&a->leave);
    resp_text(ret, 200, STR("waited"));
    return ST_OK;
}

static enum status defer(struct app *a, struct req *r, struct resp *ret, struct err *e) {
    (void)e;
    req_defer(r, ret);
    atomic_store(&a->held, r);
    (void)sem_post(&a->entered);
    return ST_OK;
}

/* Sends what it gets back once, then lets go. */
static void take_over(void *ctx, int fd, struct str already, void (*release)(void *),
                      void *handle) {
    struct app *a = ctx;

    atomic_store(&a->upgraded_fd, fd);
    if (fd >= 0) {
        assert_int_equal(send(fd, already.ptr, already.len, MSG_NOSIGNAL), already.len);
        release(handle);
    }
    (void)sem_post(&a->upgraded);
}

static enum status upgrade(struct app *a, struct req *r, struct resp *ret, struct err *e) {
    (void)r;
    (void)e;
    resp_header(ret, "Upgrade", STR("echo"));
    ret->upgrade = take_over;
    ret->upgrade_ctx = a;
    return ST_OK;
}

static const struct route routes[] = {
    {.method = HTTP_GET, .path = "/wait", .handler = wait},
    {.method = HTTP_GET, .path = "/defer", .handler = defer, .flags = ROUTE_INLINE},
    {.method = HTTP_GET,
     .path = "/upgrade",
     .handler = upgrade,
     .flags = ROUTE_INLINE | ROUTE_UPGRADE},
    {.method = HTTP_POST, .path = "/body", .handler = wait, .max_body = 100},
};

static int setup(void **state) {
    struct httpd_options options = {
        .routes = routes, .n_routes = ARRAY_LEN(routes), .app = &app, .handlers = 2};

    log_setup(LOG_ERROR, LOG_LOGFMT);
    app = (struct app){0};
    (void)sem_init(&app.entered, 0, 0);
    (void)sem_init(&app.leave, 0, 0);
    (void)sem_init(&app.upgraded, 0, 0);
    *state = server_start(options);
    return 0;
}

struct stopping {
    pthread_t thread;
    struct httpd *h;
    uint32_t drain_ms;
};

static void *stop_main(void *ctx) {
    struct stopping *s = ctx;

    httpd_stop(s->h, s->drain_ms);
    return NULL;
}

static void stop_begin(struct stopping *s, struct httpd *h, uint32_t drain_ms) {
    *s = (struct stopping){.h = h, .drain_ms = drain_ms};
    assert_int_equal(pthread_create(&s->thread, NULL, stop_main, s), 0);
}

static void stop_end(struct stopping *s) {
    assert_int_equal(pthread_join(s->thread, NULL), 0);
}

/* Asks until the server says that it closes: the stop has begun. */
static void ask_until_closing(struct client *c) {
    struct reply r;
    bool is_closing;

    do {
        client_send(c, STR("GET /nope HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert_true(client_try_reply(c, false, &r));
        is_closing = str_eq(reply_get(&r, "Connection"), STR("close"));
        assert_true(r.status == 404 || (r.status == 503 && is_closing));
        client_consume(c, &r);
    } while (!is_closing);
    assert_true(client_is_at_end(c));
}

static void begun_requests_finish_and_new_ones_are_told(void **state) {
    struct client busy = client_open(*state), kept = client_open(*state),
                  last = client_open(*state);
    struct stopping s;
    struct reply r;

    client_send(&busy, STR("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"));
    sem_take(&app.entered);
    assert_int_equal(client_ask(&last, STR("GET /nope HTTP/1.1\r\nHost: x\r\n\r\n")), 404);
    stop_begin(&s, *state, 30 * 1000);
    ask_until_closing(&kept);
    assert_int_equal(client_ask(&last, STR("GET /nope HTTP/1.1\r\nHost: x\r\n\r\n")), 503);
    assert_true(client_is_at_end(&last));
    (void)sem_post(&app.leave);
    assert_true(client_try_reply(&busy, false, &r));
    assert_str(r.body, "waited");
    client_consume(&busy, &r);
    assert_true(client_is_at_end(&busy));
    stop_end(&s);
    client_close(&busy);
    client_close(&kept);
    client_close(&last);
}

static void impatient_stop_abandons_a_handler(void **state) {
    struct client c = client_open(*state);
    struct stopping s;
    struct reply r;

    client_send(&c, STR("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"));
    sem_take(&app.entered);
    stop_begin(&s, *state, 0);
    assert_true(client_try_reply(&c, false, &r));
    assert_int_equal(r.status, 503);
    (void)sem_post(&app.leave);
    stop_end(&s);
    client_close(&c);
}

static void deferred_request_outlives_the_server(void **state) {
    struct client c = client_open(*state);
    struct resp answer = {0};
    struct req *req;
    struct reply r;

    client_send(&c, STR("GET /defer HTTP/1.1\r\nHost: x\r\nX-Test: kept\r\n\r\n"));
    sem_take(&app.entered);
    httpd_stop(*state, 0);
    assert_true(client_try_reply(&c, false, &r));
    assert_int_equal(r.status, 503);
    req = atomic_load(&app.held);
    assert_str(req_header(req, "x-test"), "kept");
    assert_str(req->peer, "127.0.0.1");
    resp_text(&answer, 200, arena_str(req->arena, STR("too late")));
    req_finish(req, &answer);
    client_close(&c);
}

static void half_sent_body_does_not_hold_a_stop(void **state) {
    struct client c = client_open(*state);

    client_send(&c, STR("POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"));
    httpd_stop(*state, 0);
    while (client_receive(&c)) /* nothing, or a 503 when the stop was seen before the headers */
        buf_clear(&c.in);
    client_close(&c);
}

static void upgrade_hands_socket_and_first_bytes_over(void **state) {
    struct client c = client_open(*state);
    struct reply r;

    client_send(&c, STR("GET /upgrade HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
                        "Upgrade: echo\r\n\r\nhello"));
    assert_true(client_try_reply(&c, true, &r));
    assert_int_equal(r.status, 101);
    assert_str(reply_get(&r, "Upgrade"), "echo");
    client_consume(&c, &r);
    sem_take(&app.upgraded);
    assert_true(atomic_load(&app.upgraded_fd) >= 0);
    while (client_receive(&c))
        continue;
    assert_str(buf_str(&c.in), "hello");
    httpd_stop(*state, 1000);
    client_close(&c);
}

static void failed_upgrade_is_reported(void **state) {
    struct client c = client_open(*state);
    struct linger now = {.l_onoff = 1};

    /* HTTP/1.0 cannot switch protocols: the library refuses the response. */
    client_send(&c, STR("GET /upgrade HTTP/1.0\r\nHost: x\r\n\r\n"));
    sem_take(&app.upgraded);
    assert_int_equal(atomic_load(&app.upgraded_fd), -1);
    (void)setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    client_close(&c);
    httpd_stop(*state, 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(begun_requests_finish_and_new_ones_are_told, setup),
        cmocka_unit_test_setup(impatient_stop_abandons_a_handler, setup),
        cmocka_unit_test_setup(deferred_request_outlives_the_server, setup),
        cmocka_unit_test_setup(half_sent_body_does_not_hold_a_stop, setup),
        cmocka_unit_test_setup(upgrade_hands_socket_and_first_bytes_over, setup),
        cmocka_unit_test_setup(failed_upgrade_is_reported, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

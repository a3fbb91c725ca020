/* test_limits.c - bodies too large, headers too large, framing in two readings, clients too slow.
 * Time is shifted, not waited for: only the sweeper's next round is.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/httpd/client.h"

#include "base/clock.h"

enum { MINUTE_MS = 60 * 1000, LATER_MS = 10 * MINUTE_MS };

static struct httpd *server;
static unsigned calls;

static enum status count(struct app *a, struct req *r, struct resp *ret, struct err *e) {
    (void)a;
    (void)r;
    (void)ret;
    (void)e;
    calls++;
    return ST_OK;
}

static const struct route routes[] = {
    {.method = HTTP_POST,
     .path = "/small",
     .handler = count,
     .max_body = 1000,
     .flags = ROUTE_INLINE},
    {.method = HTTP_POST,
     .path = "/large",
     .handler = count,
     .max_body = 1 << 20,
     .flags = ROUTE_INLINE},
    {.method = HTTP_POST, .path = "/none", .handler = count, .flags = ROUTE_INLINE},
    {.method = HTTP_GET, .path = "/get", .handler = count, .flags = ROUTE_INLINE},
};

static int setup(void **state) {
    struct httpd_options options = {.routes = routes, .n_routes = ARRAY_LEN(routes), .threads = 1};

    (void)state;
    log_setup(LOG_ERROR, LOG_LOGFMT);
    options.body_timeout_ms = MINUTE_MS;
    options.idle_timeout_ms = MINUTE_MS;
    server = server_start(options);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    httpd_stop(server, 1000);
    return 0;
}

static void announced_body_over_the_limit_is_refused_unread(void **state) {
    struct client c = client_open(server);
    struct reply r;

    (void)state;
    client_send(&c, STR("POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n"));
    assert_true(client_try_reply(&c, false, &r));
    assert_int_equal(r.status, 413);
    assert_str(reply_get(&r, "Connection"), "close");
    assert_true(str_contains(r.body, STR("too-large")));
    client_consume(&c, &r);
    assert_true(client_is_at_end(&c));
    client_close(&c);
    assert_int_equal(
        server_ask(server, STR("POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n")),
        413);
    assert_int_equal(
        server_ask(server, STR("GET /get HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n")), 413);
    assert_int_equal(
        server_ask(server, STR("GET /get HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")), 204);
    assert_int_equal(server_ask(server, STR("POST /small HTTP/1.1\r\nHost: x\r\n"
                                            "Content-Length: 99999999999999999999999\r\n\r\n")),
                     413);
}

/* The client sends all of its body before it looks for an answer: the answer must survive that. */
static void refusal_reaches_a_client_that_keeps_sending(void **state) {
    static const char body[256 << 10];
    struct client c = client_open(server);
    struct reply r;

    (void)state;
    client_send(&c, STR("POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 262144\r\n\r\n"));
    client_send(&c, (struct str){.ptr = body, .len = sizeof(body)});
    assert_true(client_try_reply(&c, false, &r));
    assert_int_equal(r.status, 413);
    client_close(&c);
}

static void chunked_body_over_the_limit_is_refused(void **state) {
    static const char zeros[2000];
    struct client c = client_open(server);
    unsigned before = calls;
    struct reply r;

    (void)state;
    client_send(
        &c, STR("POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n"));
    client_send(&c, (struct str){.ptr = zeros, .len = sizeof(zeros)});
    assert_true(client_try_reply(&c, false, &r));
    assert_int_equal(r.status, 413);
    client_consume(&c, &r);
    assert_true(client_is_at_end(&c));
    client_close(&c);
    assert_int_equal(calls, before);
    assert_int_equal(
        server_ask(server, STR("POST /small HTTP/1.1\r\nHost: x\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n")),
        204);
}

static void continue_is_only_said_to_bodies_that_are_wanted(void **state) {
    struct client c = client_open(server);

    (void)state;
    assert_int_equal(client_ask(&c, STR("POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
                                        "Expect: 100-continue\r\n\r\n")),
                     100);
    assert_int_equal(client_ask(&c, STR("ab")), 204);
    assert_int_equal(
        client_ask(&c, STR("POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n"
                           "Expect: 100-continue\r\n\r\n")),
        413);
    client_close(&c);
}

/* A request whose Cookie header has len bytes. */
static unsigned ask_with_cookie(size_t len) {
    struct client c = client_open(server);
    struct reply r = {0};
    struct buf b;

    buf_init(&b, 1 << 20);
    buf_add(&b,
            STR("GET /get HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Mozilla/5.0 (X11; Linux)\r\n"
                "Accept: */*\r\nAccept-Encoding: gzip, deflate, br\r\nCookie: s="));
    for (size_t i = 0; i < len; i++)
        buf_add_char(&b, 'x');
    buf_add(&b, STR("\r\n\r\n"));
    (void)client_try_send(&c, buf_str(&b));
    assert_true(client_try_reply(&c, false, &r));
    buf_done(&b);
    client_close(&c);
    return r.status;
}

/* Whatever the size: an answer, and no success past a failure. */
static void headers_of_any_size_get_an_answer(void **state) {
    unsigned last = 204;

    (void)state;
    assert_int_equal(ask_with_cookie(2000), 204);
    for (size_t len = 1000; len < 20000; len += 97) {
        unsigned status = ask_with_cookie(len);

        assert_true(status == 204 || status == 431);
        assert_true(last == 204 || status == 431);
        last = status;
    }
    assert_int_equal(last, 431);
    assert_int_equal(ask_with_cookie(200000), 431);
}

static void ambiguous_framing_is_refused(void **state) {
    static const char *const requests[] = {
        ("POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
         "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        "POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n",
        "POST /small HTTP/1.1\r\nHost: x\r\nContent-Length : 1\r\n\r\na",
        "POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\na",
        "GET /get HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        "GET /get HTTP/1.1\r\n\r\n",
        "GET /get HTTP/1.1\r\nHost: x\r\nBad Name: 1\r\n\r\n",
        "GET /get HTTP/1.1\r\nHost: x\r\nBell: \a\r\n\r\n",
        "GET host:80 HTTP/1.1\r\nHost: x\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(requests); i++)
        assert_int_equal(server_ask(server, str_of(requests[i])), 400);
}

static void garbage_is_survived(void **state) {
    struct client c = client_open(server);

    (void)state;
    (void)client_try_send(&c, STR("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"));
    while (client_receive(&c))
        buf_clear(&c.in);
    client_close(&c);
    assert_int_equal(server_ask(server, STR("GET /get HTTP/1.1\r\nHost: x\r\n\r\n")), 204);
}

static void slow_body_gets_a_408(void **state) {
    struct client c = client_open(server);
    struct reply r;

    (void)state;
    client_send(&c, STR("POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc"));
    /* Another connection's answer, after which the first bytes have surely been read: one
     * network thread. */
    assert_int_equal(server_ask(server, STR("GET /get HTTP/1.1\r\nHost: x\r\n\r\n")), 204);
    clock_shift_ms(LATER_MS);
    assert_true(client_try_reply(&c, false, &r));
    assert_int_equal(r.status, 408);
    client_consume(&c, &r);
    assert_true(client_is_at_end(&c));
    client_close(&c);
}

static void slow_headers_get_a_408(void **state) {
    struct client c = client_open(server);
    struct reply r;

    (void)state;
    client_send(&c, STR("GET /get HTTP/1.1\r\nHost: x\r\nX-Slow: "));
    assert_int_equal(server_ask(server, STR("GET /get HTTP/1.1\r\nHost: x\r\n\r\n")), 204);
    clock_shift_ms(2 * LATER_MS);
    assert_true(client_try_reply(&c, false, &r));
    assert_int_equal(r.status, 408);
    client_close(&c);
}

static void silent_and_idle_connections_are_closed(void **state) {
    struct client silent = client_open(server), idle = client_open(server);

    (void)state;
    assert_int_equal(client_ask(&idle, STR("GET /get HTTP/1.1\r\nHost: x\r\n\r\n")), 204);
    assert_int_equal(server_ask(server, STR("GET /get HTTP/1.1\r\nHost: x\r\n\r\n")), 204);
    clock_shift_ms(3 * LATER_MS);
    assert_true(client_is_at_end(&silent));
    assert_true(client_is_at_end(&idle));
    client_close(&silent);
    client_close(&idle);
}

static void connections_over_the_limit_wait_their_turn(void **state) {
    struct httpd_options options = {
        .routes = routes, .n_routes = ARRAY_LEN(routes), .max_connections = 2};
    struct httpd *small = server_start(options);
    struct client first = client_open(small), second = client_open(small), third;

    (void)state;
    assert_int_equal(client_ask(&first, STR("GET /get HTTP/1.1\r\nHost: x\r\n\r\n")), 204);
    assert_int_equal(client_ask(&second, STR("GET /get HTTP/1.1\r\nHost: x\r\n\r\n")), 204);
    third = client_open(small);
    client_send(&third, STR("GET /get HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_int_equal(recv(third.fd, &(char){0}, 1, MSG_DONTWAIT), -1);
    client_close(&first);
    assert_int_equal(client_ask(&third, STR("")), 204);
    client_close(&second);
    client_close(&third);
    httpd_stop(small, 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(announced_body_over_the_limit_is_refused_unread),
        cmocka_unit_test(refusal_reaches_a_client_that_keeps_sending),
        cmocka_unit_test(chunked_body_over_the_limit_is_refused),
        cmocka_unit_test(continue_is_only_said_to_bodies_that_are_wanted),
        cmocka_unit_test(headers_of_any_size_get_an_answer),
        cmocka_unit_test(ambiguous_framing_is_refused),
        cmocka_unit_test(garbage_is_survived),
        cmocka_unit_test(connections_over_the_limit_wait_their_turn),
        cmocka_unit_test(slow_body_gets_a_408),
        cmocka_unit_test(slow_headers_get_a_408),
        cmocka_unit_test(silent_and_idle_connections_are_closed),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}

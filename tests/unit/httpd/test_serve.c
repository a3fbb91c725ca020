/* test_serve.c - what httpd.h promises about routes, handlers and deferred answers, over real
 * sockets.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/httpd/client.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "stats/stats.h"

enum { LARGE_BYTES = 64 << 20 };

struct app {
    sem_t entered;            /* a deferring or waiting handler was called */
    sem_t go;                 /* a waiting one may go on */
    struct req *_Atomic held; /* what it deferred */
};

static struct app app;
static struct httpd *server;

static enum status echo(struct app *a, struct req *r, struct resp *ret, struct err *e) {
    (void)a;
    (void)e;
    ret->content_type = STR("application/octet-stream");
    ret->body = r->body;
    return ST_OK;
}

static enum status show(struct app *a, struct req *r, struct resp *ret, struct err *e) {
    (void)a;
    (void)e;
    resp_text(ret, 200,
              arena_printf(r->arena, "id=%.*s q=%.*s has=%d agent=%.*s sid=%.*s",
                           STR_ARG(req_param(r, "id")), STR_ARG(req_query(r, "hub.mode")),
                           req_has_query(r, "flag"), STR_ARG(req_header(r, "user-agent")),
                           STR_ARG(req_cookie(r, "sid"))));
    return ST_OK;
}

static enum status defer(struct app *a, struct req *r, struct resp *ret, struct err *e) {
    (void)e;
    req_defer(r, ret);
    atomic_store(&a->held, r);
    (void)sem_post(&a->entered);
    return ST_OK;
}

/* Keeps the network thread, so that what else comes in is ready all at once. */
static enum status hold_thread(struct app *a, struct req *r, struct resp *ret, struct err *e) {
    (void)r;
    (void)e;
    (void)sem_post(&a->entered);
    while (sem_wait(&a->go) != 0)
        continue;
    resp_text(ret, 200, STR("held"));
    return ST_OK;
}

static enum status defer_and_finish(struct app *a, struct req *r, struct resp *ret, struct err *e) {
    struct resp answer = {0};

    (void)a;
    (void)e;
    req_defer(r, ret);
    resp_text(&answer, 200, STR("early"));
    req_finish(r, &answer);
    return ST_OK;
}

static enum status refuse(struct app *a, struct req *r, struct resp *ret, struct err *e) {
    (void)a;
    (void)ret;
    if (str_eq(req_param(r, "how"), STR("conflict")))
        FAIL(e, ST_CONFLICT, "somebody took it");
    if (str_eq(req_param(r, "how"), STR("away"))) {
        e->retry_after_ms = 2500;
        FAIL(e, ST_UNAVAILABLE, "database is away");
    }
    FAIL(e, ST_BROKEN, "secret of ours");
}

static enum status own_headers(struct app *a, struct req *r, struct resp *ret, struct err *e) {
    (void)a;
    (void)r;
    (void)e;
    resp_text(ret, 200, STR("x"));
    resp_header(ret, "Cache-Control", STR("max-age=60"));
    resp_header(ret, "X-Own", STR("1"));
    return ST_OK;
}

static enum status split_header(struct app *a, struct req *r, struct resp *ret, struct err *e) {
    (void)a;
    (void)r;
    (void)e;
    resp_header(ret, "X-Own", STR("a\r\nSet-Cookie: b=c"));
    return ST_OK;
}

static enum status cut(struct app *a, struct req *r, struct resp *ret, struct err *e) {
    (void)a;
    (void)r;
    (void)e;
    resp_text(ret, 200, STR("never sent"));
    ret->is_cut = true;
    return ST_OK;
}

static enum status large(struct app *a, struct req *r, struct resp *ret, struct err *e) {
    (void)a;
    (void)e;
    ret->body = (struct str){.ptr = arena_alloc(r->arena, LARGE_BYTES), .len = LARGE_BYTES};
    return ST_OK;
}

static const struct route routes[] = {
    {.method = HTTP_GET, .path = "/cut", .handler = cut},
    {.method = HTTP_GET, .path = "/cut/inline", .handler = cut, .flags = ROUTE_INLINE},
    {.method = HTTP_GET, .path = "/large", .handler = large},
    {.method = HTTP_POST, .path = "/echo", .handler = echo, .max_body = 4 << 20},
    {.method = HTTP_POST,
     .path = "/inline",
     .handler = echo,
     .max_body = 1 << 20,
     .flags = ROUTE_INLINE},
    {.method = HTTP_GET, .path = "/show/{id}", .handler = show},
    {.method = HTTP_PUT, .path = "/show/{id}", .handler = show, .max_body = 10},
    {.method = HTTP_POST,
     .path = "/defer",
     .handler = defer,
     .max_body = 100,
     .flags = ROUTE_INLINE},
    {.method = HTTP_POST, .path = "/defer/threaded", .handler = defer, .max_body = 100},
    {.method = HTTP_GET, .path = "/early", .handler = defer_and_finish, .flags = ROUTE_INLINE},
    {.method = HTTP_GET, .path = "/early/threaded", .handler = defer_and_finish},
    {.method = HTTP_GET, .path = "/hold", .handler = hold_thread, .flags = ROUTE_INLINE},
    {.method = HTTP_GET, .path = "/fail/{how}", .handler = refuse},
    {.method = HTTP_GET, .path = "/own", .handler = own_headers},
    {.method = HTTP_GET, .path = "/split", .handler = split_header},
};

static int setup(void **state) {
    struct httpd_options options = {.routes = routes, .n_routes = ARRAY_LEN(routes), .app = &app};

    (void)state;
    log_setup(LOG_ERROR, LOG_LOGFMT);
    (void)sem_init(&app.entered, 0, 0);
    (void)sem_init(&app.go, 0, 0);
    server = server_start(options);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    httpd_stop(server, 1000);
    (void)sem_destroy(&app.entered);
    (void)sem_destroy(&app.go);
    return 0;
}

static void assert_body(struct client *c, struct str request, const char *want) {
    struct reply r;

    client_send(c, request);
    assert_true(client_try_reply(c, false, &r));
    assert_str(r.body, want);
    client_consume(c, &r);
}

static void body_comes_back_from_either_kind_of_handler(void **state) {
    struct client c = client_open(server);

    (void)state;
    assert_body(&c, STR("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"),
                "hello");
    assert_body(&c, STR("POST /inline HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhallo"),
                "hallo");
    assert_body(&c,
                STR("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n"),
                "abcdefg");
    client_close(&c);
}

static void large_body_arrives_whole(void **state) {
    static char body[3 << 20];
    struct client c = client_open(server);
    struct str head = STR("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3145728\r\n\r\n");
    struct reply r;

    (void)state;
    for (size_t i = 0; i < sizeof(body); i++)
        body[i] = (char)(i * 31 >> 3);
    client_send(&c, head);
    client_send(&c, (struct str){.ptr = body, .len = sizeof(body)});
    assert_true(client_try_reply(&c, false, &r));
    assert_true(str_eq(r.body, (struct str){.ptr = body, .len = sizeof(body)}));
    client_close(&c);
}

static void handler_reads_parameters_query_headers_cookies(void **state) {
    struct client c = client_open(server);

    (void)state;
    assert_body(&c,
                STR("GET /show/a%2Fb?hub%2Emode=sub+scribe&flag HTTP/1.1\r\nHost: x\r\n"
                    "User-Agent: me\r\nCookie: a=b; sid=\"q\"\r\n\r\n"),
                "id=a/b q=sub scribe has=1 agent=me sid=q");
    assert_int_equal(client_ask(&c, STR("GET /show/%00 HTTP/1.1\r\nHost: x\r\n\r\n")), 400);
    assert_int_equal(client_ask(&c, STR("GET /show/%ff HTTP/1.1\r\nHost: x\r\n\r\n")), 400);
    assert_int_equal(client_ask(&c, STR("GET /show/1?a=%0 HTTP/1.1\r\nHost: x\r\n\r\n")), 400);
    assert_int_equal(client_ask(&c, STR("GET http://x/show/1 HTTP/1.1\r\nHost: x\r\n\r\n")), 200);
    client_close(&c);
}

static void unknown_paths_and_methods_are_told_apart(void **state) {
    struct client c = client_open(server);
    struct reply r;

    (void)state;
    assert_int_equal(client_ask(&c, STR("GET /nope HTTP/1.1\r\nHost: x\r\n\r\n")), 404);
    client_send(&c, STR("DELETE /show/1 HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(client_try_reply(&c, false, &r));
    assert_int_equal(r.status, 405);
    assert_str(reply_get(&r, "Allow"), "GET, HEAD, PUT, OPTIONS");
    client_consume(&c, &r);
    client_send(&c, STR("OPTIONS /echo HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(client_try_reply(&c, false, &r));
    assert_int_equal(r.status, 204);
    assert_str(reply_get(&r, "Allow"), "POST, OPTIONS");
    client_consume(&c, &r);
    assert_int_equal(client_ask(&c, STR("BREW /show/1 HTTP/1.1\r\nHost: x\r\n\r\n")), 405);
    client_close(&c);
}

static void head_is_get_without_the_body(void **state) {
    struct client c = client_open(server);
    struct reply r;

    (void)state;
    client_send(&c, STR("HEAD /show/1 HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(client_try_reply(&c, true, &r));
    assert_int_equal(r.status, 200);
    assert_int_not_equal(reply_get(&r, "Content-Length").len, 0);
    client_consume(&c, &r);
    assert_int_equal(client_ask(&c, STR("GET /show/1 HTTP/1.1\r\nHost: x\r\n\r\n")), 200);
    client_close(&c);
}

static void pipelined_requests_are_answered_in_order(void **state) {
    struct client c = client_open(server);

    (void)state;
    client_send(&c, STR("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1"
                        "POST /inline HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n2"
                        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n3"));
    assert_body(&c, STR(""), "1");
    assert_body(&c, STR(""), "2");
    assert_body(&c, STR(""), "3");
    client_close(&c);
}

static void answer_deferred(const char *text) {
    struct resp answer = {0};
    struct req *r;

    while (sem_wait(&app.entered) != 0)
        continue;
    r = atomic_load(&app.held);
    resp_text(&answer, 202, arena_str(r->arena, str_of(text)));
    req_finish(r, &answer);
}

static void deferred_answer_comes_from_another_thread(void **state) {
    struct client c = client_open(server);
    struct reply r;

    (void)state;
    for (int i = 0; i < 20; i++) {
        client_send(&c, i % 2 ? STR("POST /defer HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1")
                              : STR("POST /defer/threaded HTTP/1.1\r\nHost: x\r\n\r\n"));
        answer_deferred("later");
        assert_true(client_try_reply(&c, false, &r));
        assert_int_equal(r.status, 202);
        assert_str(r.body, "later");
        client_consume(&c, &r);
    }
    client_close(&c);
}

static void answer_may_come_before_the_handler_returns(void **state) {
    struct client c = client_open(server);

    (void)state;
    for (int i = 0; i < 50; i++) {
        assert_body(&c, STR("GET /early HTTP/1.1\r\nHost: x\r\n\r\n"), "early");
        assert_body(&c, STR("GET /early/threaded HTTP/1.1\r\nHost: x\r\n\r\n"), "early");
    }
    client_close(&c);
}

static void client_that_leaves_while_suspended_harms_nobody(void **state) {
    struct client c = client_open(server);

    (void)state;
    client_send(&c, STR("POST /defer HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1"));
    while (sem_wait(&app.entered) != 0)
        continue;
    client_close(&c);
    (void)sem_post(&app.entered);
    answer_deferred("nobody reads this");
    assert_int_equal(server_ask(server, STR("GET /show/1 HTTP/1.1\r\nHost: x\r\n\r\n")), 200);
}

static void failures_become_problems(void **state) {
    struct client c = client_open(server);
    struct reply r;

    (void)state;
    client_send(&c, STR("GET /fail/conflict HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(client_try_reply(&c, false, &r));
    assert_int_equal(r.status, 409);
    assert_str(reply_get(&r, "Content-Type"), "application/problem+json");
    assert_true(str_contains(r.body, STR("\"type\":\"urn:prosa:problem:conflict\"")));
    assert_true(str_contains(r.body, STR("\"detail\":\"somebody took it\"")));
    assert_true(str_contains(r.body, reply_get(&r, "X-Request-Id")));
    client_consume(&c, &r);
    client_send(&c, STR("GET /fail/away HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(client_try_reply(&c, false, &r));
    assert_int_equal(r.status, 503);
    assert_str(reply_get(&r, "Retry-After"), "3");
    client_close(&c);
}

static void own_faults_are_not_told(void **state) {
    struct client c = client_open(server);
    struct reply r;

    (void)state;
    client_send(&c, STR("GET /fail/broken HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(client_try_reply(&c, false, &r));
    assert_int_equal(r.status, 500);
    assert_false(str_contains(r.body, STR("secret")));
    client_close(&c);
}

static void every_response_has_the_default_headers(void **state) {
    struct client c = client_open(server);
    struct reply r;

    (void)state;
    client_send(&c, STR("GET /own HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(client_try_reply(&c, false, &r));
    assert_int_equal(reply_get(&r, "X-Request-Id").len, 22);
    assert_str(reply_get(&r, "X-Content-Type-Options"), "nosniff");
    assert_str(reply_get(&r, "Referrer-Policy"), "no-referrer");
    assert_str(reply_get(&r, "Cache-Control"), "max-age=60");
    assert_str(reply_get(&r, "X-Own"), "1");
    client_consume(&c, &r);
    client_send(&c, STR("GET /show/1 HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(client_try_reply(&c, false, &r));
    assert_str(reply_get(&r, "Cache-Control"), "no-store");
    client_close(&c);
}

static void header_with_a_line_break_is_not_sent(void **state) {
    struct client c = client_open(server);
    struct reply r;

    (void)state;
    client_send(&c, STR("GET /split HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(client_try_reply(&c, false, &r));
    assert_int_equal(r.status, 500);
    assert_int_equal(reply_get(&r, "Set-Cookie").len, 0);
    client_close(&c);
}

static void cut_response_closes_without_a_word(void **state) {
    struct client c = client_open(server);

    (void)state;
    client_send(&c, STR("GET /cut HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(client_is_at_end(&c));
    client_close(&c);
    c = client_open(server);
    client_send(&c, STR("GET /cut/inline HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(client_is_at_end(&c));
    client_close(&c);
}

static bool was_one_cut(void) {
    ATTR_CLEANUP(buf_done_p) struct buf b;

    buf_init(&b, 1 << 20);
    stats_render(&b);
    return str_contains(buf_str(&b), STR("prosa_http_timeouts_total 1\n"));
}

/* Last of all, since it moves the clock. */
static void reader_that_stops_is_cut(void **state) {
    struct client c = client_open(server);
    size_t got = 0;

    (void)state;
    client_send(&c, STR("GET /large HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(client_receive(&c)); /* it is on its way */
    clock_shift_ms(24 * 60 * 60 * 1000);
    while (!was_one_cut())
        assert_int_equal(server_ask(server, STR("GET /own HTTP/1.1\r\nHost: x\r\n\r\n")), 200);
    do {
        got += c.in.len;
        buf_clear(&c.in);
        assert_in_range(got, 1, LARGE_BYTES - 1);
    } while (client_receive(&c));
    client_close(&c);
}

enum { CROWD = 256 };

static void answer_all_at_once(struct httpd *h, struct client *crowd, size_t n) {
    struct client holder = client_open(h);
    struct reply r;

    client_send(&holder, STR("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n"));
    while (sem_wait(&app.entered) != 0)
        continue;
    for (size_t i = 0; i < n; i++)
        client_send(&crowd[i], STR("GET /early HTTP/1.1\r\nHost: x\r\n\r\n"));
    (void)sem_post(&app.go);
    for (size_t i = 0; i < n; i++) {
        assert_true(client_try_reply(&crowd[i], false, &r));
        assert_int_equal(r.status, 200);
        client_consume(&crowd[i], &r);
    }
    client_close(&holder);
}

/* libmicrohttpd takes 128 events at a time: as many at once once made its own threads wait for more
 * instead of answering these. */
static void any_number_of_requests_at_once_is_answered(void **state) {
    static const size_t at_once[] = {127, 128, 129, CROWD};
    struct httpd *h = server_start((struct httpd_options){
        .routes = routes, .n_routes = ARRAY_LEN(routes), .threads = 1, .app = &app});
    struct client crowd[CROWD];

    (void)state;
    for (size_t i = 0; i < CROWD; i++) {
        crowd[i] = client_open(h);
        assert_int_equal(client_ask(&crowd[i], STR("GET /early HTTP/1.1\r\nHost: x\r\n\r\n")), 200);
    }
    for (size_t i = 0; i < ARRAY_LEN(at_once); i++)
        answer_all_at_once(h, crowd, at_once[i]);
    for (size_t i = 0; i < CROWD; i++)
        client_close(&crowd[i]);
    httpd_stop(h, 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(body_comes_back_from_either_kind_of_handler),
        cmocka_unit_test(large_body_arrives_whole),
        cmocka_unit_test(handler_reads_parameters_query_headers_cookies),
        cmocka_unit_test(unknown_paths_and_methods_are_told_apart),
        cmocka_unit_test(head_is_get_without_the_body),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(deferred_answer_comes_from_another_thread),
        cmocka_unit_test(answer_may_come_before_the_handler_returns),
        cmocka_unit_test(client_that_leaves_while_suspended_harms_nobody),
        cmocka_unit_test(failures_become_problems),
        cmocka_unit_test(own_faults_are_not_told),
        cmocka_unit_test(every_response_has_the_default_headers),
        cmocka_unit_test(header_with_a_line_break_is_not_sent),
        cmocka_unit_test(cut_response_closes_without_a_word),
        cmocka_unit_test(reader_that_stops_is_cut),
        cmocka_unit_test(any_number_of_requests_at_once_is_answered),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}

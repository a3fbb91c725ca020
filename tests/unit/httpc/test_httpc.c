/* test_httpc.c - the client against peers that behave and peers that do not.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/httpc/bench.h"

/* --- peers ----------------------------------------------------------------------------------- */

static void serve_half_body(struct fake *f, int fd, unsigned nth) {
    (void)nth;
    if (fake_read(f, fd))
        fake_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
}

static void serve_close(struct fake *f, int fd, unsigned nth) {
    (void)nth;
    (void)fake_read(f, fd);
}

static void serve_busy(struct fake *f, int fd, unsigned nth) {
    (void)nth;
    while (fake_read(f, fd))
        fake_write(fd, "HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n");
}

static void serve_huge(struct fake *f, int fd, unsigned nth) {
    static char chunk[64 << 10];

    (void)nth;
    if (!fake_read(f, fd))
        return;
    memset(chunk, 'x', sizeof(chunk) - 1);
    fake_write(fd, "HTTP/1.1 200 OK\r\n\r\n");
    for (int i = 0; i < 64; i++)
        fake_write(fd, chunk);
}

static void serve_huge_head(struct fake *f, int fd, unsigned nth) {
    (void)nth;
    if (!fake_read(f, fd))
        return;
    fake_write(fd, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 4000; i++)
        fake_write(fd, "X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n");
    fake_write(fd, "Content-Length: 0\r\n\r\n");
}

static void serve_in_pieces(struct fake *f, int fd, unsigned nth) {
    static const char reply[] = "HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\n" OK_REPLY;

    (void)nth;
    if (!fake_read(f, fd))
        return;
    for (size_t i = 0; i + 1 < sizeof(reply); i++)
        fake_write(fd, (char[]){reply[i], '\0'});
    (void)fake_read(f, fd); /* until the client goes */
}

/* Answers the first request of a connection and dies on the second, after having read it. */
static void serve_once_then_die(struct fake *f, int fd, unsigned nth) {
    if (fake_read(f, fd)) {
        fake_write(fd, OK_REPLY);
        if (fake_read(f, fd) && nth > 0)
            fake_write(fd, OK_REPLY);
    }
}

/* --- replies --------------------------------------------------------------------------------- */

static void reply_has_status_headers_and_body(void **state) {
    struct bench b;
    struct http_reply r;
    struct http_call c;

    (void)state;
    bench_open(&b, serve_ok);
    c = post(fake_url(&b.a, &b.peer, "/v1/x?y=z"), STR("{\"a\":1}"));
    http_call_header(&c, STR("Content-Type"), STR("application/json"));
    http_call_header(&c, STR("X-Empty"), STR(""));
    assert_int_equal(call(&b, &c, &r), ST_OK);
    assert_int_equal(r.phase, HTTP_REPLIED);
    assert_int_equal(r.status, 200);
    assert_true(str_eq(r.body, STR("ok")));
    assert_true(str_eq(http_reply_header(&r, "x-kind"), STR("Test")));
    assert_int_equal(http_reply_header(&r, "x-none").len, 0);
    assert_int_equal(r.retry_after_ms, -1);
    assert_true(fake_last_has(&b.peer, "POST /v1/x?y=z HTTP/1.1\r\n"));
    assert_true(fake_last_has(&b.peer, "\r\nContent-Type: application/json\r\n"));
    assert_true(fake_last_has(&b.peer, "\r\nX-Empty:\r\n"));
    assert_true(fake_last_has(&b.peer, "\r\nUser-Agent: prosa\r\n"));
    assert_true(fake_last_has(&b.peer, "{\"a\":1}"));
    bench_close(&b);
}

static void methods_and_bodies_are_sent_as_given(void **state) {
    static const struct {
        const char *method;
        struct str body;
        const char *line;
    } rows[] = {
        {"GET", STR_EMPTY, "GET / HTTP/1.1\r\n"},
        {"GET", STR("x"), "GET / HTTP/1.1\r\n"},
        {"POST", STR_EMPTY, "\r\nContent-Length: 0\r\n"},
        {"PUT", STR("abc"), "\r\nContent-Length: 3\r\n"},
        {"PATCH", STR("abc"), "PATCH / HTTP/1.1\r\n"},
        {"DELETE", STR_EMPTY, "DELETE / HTTP/1.1\r\n"},
        {"DELETE", STR("abc"), "\r\nContent-Length: 3\r\n"},
        {"GET", STR_EMPTY, "GET / HTTP/1.1\r\n"}, /* nothing of the last call sticks */
    };
    struct bench b;
    struct http_reply r;

    (void)state;
    bench_open(&b, serve_ok);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_call c = get(fake_url(&b.a, &b.peer, "/"));

        c.method = rows[i].method;
        c.body = rows[i].body;
        assert_int_equal(call(&b, &c, &r), ST_OK);
        assert_int_equal(r.status, 200);
        assert_true(fake_last_has(&b.peer, rows[i].line));
        assert_true(fake_last_has(&b.peer, rows[i].method));
        assert_false(fake_last_has(&b.peer, "urlencoded"));
        assert_false(fake_last_has(&b.peer, "expect:"));
        assert_int_equal(fake_last_has(&b.peer, "content-length"),
                         rows[i].body.len > 0 || str_eq(str_of(rows[i].method), STR("POST")));
    }
    assert_int_equal(atomic_load(&b.peer.connections), 1); /* kept alive */
    bench_close(&b);
}

static void large_bodies_arrive_without_a_100_continue(void **state) {
    struct bench b;
    struct http_reply r;
    struct http_call c;
    size_t len = 3 << 20;
    char *body;

    (void)state;
    bench_open(&b, serve_ok);
    body = arena_alloc(&b.a, len);
    memset(body, 'b', len);
    c = post(fake_url(&b.a, &b.peer, "/"), (struct str){.ptr = body, .len = len});
    assert_int_equal(call(&b, &c, &r), ST_OK);
    assert_int_equal(r.status, 200);
    assert_true(fake_last_has(&b.peer, "Content-Length: 3145728\r\n"));
    assert_false(fake_last_has(&b.peer, "expect:"));
    bench_close(&b);
}

static void replies_in_pieces_are_put_together(void **state) {
    struct bench b;
    struct http_reply r;
    struct http_call c;

    (void)state;
    bench_open(&b, serve_in_pieces);
    c = get(fake_url(&b.a, &b.peer, "/"));
    assert_int_equal(call(&b, &c, &r), ST_OK);
    assert_int_equal(r.status, 200);
    assert_true(str_eq(r.body, STR("ok")));
    assert_int_equal(http_reply_header(&r, "x-early").len, 0); /* of the 100, not of the reply */
    bench_close(&b);
}

static void retry_after_is_read(void **state) {
    struct bench b;
    struct http_reply r;
    struct http_call c;

    (void)state;
    bench_open(&b, serve_busy);
    c = get(fake_url(&b.a, &b.peer, "/"));
    assert_int_equal(call(&b, &c, &r), ST_OK);
    assert_int_equal(r.status, 429);
    assert_int_equal(r.retry_after_ms, 7000);
    bench_close(&b);
}

/* --- how far it got -------------------------------------------------------------------------- */

static void refused_connection_was_not_sent(void **state) {
    struct bench b;
    struct http_reply r;
    struct http_call c;

    (void)state;
    bench_open(&b, serve_ok);
    c = post_to_nobody(&b);
    assert_int_equal(call(&b, &c, &r), ST_UNAVAILABLE);
    assert_string_equal(b.e.cause, "not-reachable");
    assert_int_equal(r.phase, HTTP_NOT_SENT);
    assert_int_equal(r.status, 0);
    assert_true(r.failure.len > 0);
    bench_close(&b);
}

static void unknown_name_was_not_sent(void **state) {
    struct bench b;
    struct http_reply r;
    struct http_call c = post(STR("http://nobody.invalid/"), STR("x"));

    (void)state;
    bench_open(&b, serve_ok);
    assert_int_equal(call(&b, &c, &r), ST_UNAVAILABLE);
    assert_int_equal(r.phase, HTTP_NOT_SENT);
    bench_close(&b);
}

static void failed_tls_was_not_sent(void **state) {
    struct bench b;
    struct http_reply r;
    struct http_call c;

    (void)state;
    bench_open(&b, serve_half_body); /* speaks no TLS */
    c = post(arena_printf(&b.a, "https://127.0.0.1:%u/", b.peer.port), STR("x"));
    c.timeout_ms = 200;
    assert_int_equal(call(&b, &c, &r), ST_UNAVAILABLE);
    assert_int_equal(r.phase, HTTP_NOT_SENT);
    assert_int_equal(atomic_load(&b.peer.requests), 0);
    bench_close(&b);
}

static void assert_cut(fake_fn serve, uint32_t timeout_ms, size_t max_reply) {
    struct bench b;
    struct http_reply r;
    struct http_call c;

    bench_open(&b, serve);
    c = post(fake_url(&b.a, &b.peer, "/"), STR("x"));
    c.timeout_ms = timeout_ms;
    c.max_reply_bytes = max_reply;
    assert_int_equal(call(&b, &c, &r), ST_OK);
    assert_int_equal(r.phase, HTTP_CUT);
    assert_int_equal(r.status, 0);
    assert_true(r.failure.len > 0);
    assert_int_equal(atomic_load(&b.peer.requests), 1);
    bench_close(&b);
}

static void stalled_peer_cuts_the_call(void **state) {
    (void)state;
    assert_cut(serve_silence, 60, 0);
}

static void half_a_body_is_cut(void **state) {
    (void)state;
    assert_cut(serve_half_body, 0, 0);
}

static void close_before_the_reply_is_cut(void **state) {
    (void)state;
    assert_cut(serve_close, 0, 0);
}

static void too_large_a_body_is_cut(void **state) {
    (void)state;
    assert_cut(serve_huge, 0, 1000);
}

static void too_large_a_head_is_cut(void **state) {
    (void)state;
    assert_cut(serve_huge_head, 0, 0);
}

static void a_body_of_just_the_limit_passes(void **state) {
    struct bench b;
    struct http_reply r;
    struct http_call c;

    (void)state;
    bench_open(&b, serve_ok);
    c = get(fake_url(&b.a, &b.peer, "/"));
    c.max_reply_bytes = 2;
    assert_int_equal(call(&b, &c, &r), ST_OK);
    assert_int_equal(r.phase, HTTP_REPLIED);
    c.max_reply_bytes = 1;
    assert_int_equal(call(&b, &c, &r), ST_OK);
    assert_int_equal(r.phase, HTTP_CUT);
    bench_close(&b);
}

/* --- never twice ----------------------------------------------------------------------------- */

/* libcurl by itself sends the second POST again on a new connection, because the first reply byte
 * never came. */
static void post_on_a_dying_connection_is_sent_once(void **state) {
    struct bench b;
    struct http_reply r;
    struct http_call c;

    (void)state;
    bench_open(&b, serve_once_then_die);
    c = post(fake_url(&b.a, &b.peer, "/"), STR("message"));
    assert_int_equal(call(&b, &c, &r), ST_OK);
    assert_int_equal(r.phase, HTTP_REPLIED);
    assert_int_equal(call(&b, &c, &r), ST_OK);
    assert_int_equal(r.phase, HTTP_CUT);
    assert_int_equal(atomic_load(&b.peer.requests), 2);
    bench_close(&b);
}

/* Without a body libcurl has nothing to rewind: it cannot notice that way either. */
static void empty_post_on_a_dying_connection_is_sent_once(void **state) {
    struct bench b;
    struct http_reply r;
    struct http_call c;

    (void)state;
    bench_open(&b, serve_once_then_die);
    c = post(fake_url(&b.a, &b.peer, "/"), STR_EMPTY);
    assert_int_equal(call(&b, &c, &r), ST_OK);
    assert_int_equal(call(&b, &c, &r), ST_OK);
    assert_int_equal(r.phase, HTTP_CUT);
    assert_int_equal(atomic_load(&b.peer.requests), 2);
    bench_close(&b);
}

static void get_on_a_dying_connection_is_repeated(void **state) {
    struct bench b;
    struct http_reply r;
    struct http_call c;

    (void)state;
    bench_open(&b, serve_once_then_die);
    c = get(fake_url(&b.a, &b.peer, "/"));
    assert_int_equal(call(&b, &c, &r), ST_OK);
    assert_int_equal(call(&b, &c, &r), ST_OK);
    assert_int_equal(r.phase, HTTP_REPLIED);
    assert_int_equal(atomic_load(&b.peer.requests), 3);
    bench_close(&b);
}

static void serve_one_and_close(struct fake *f, int fd, unsigned nth) {
    (void)nth;
    if (!fake_read(f, fd))
        return;
    fake_write(fd, OK_REPLY); /* says keep-alive, and hangs up */
    (void)shutdown(fd, SHUT_RDWR);
    fake_release(f);
}

/* A connection that is dead already when the call begins costs nothing: it is seen before it is
 * used. */
static void post_passes_over_a_dead_idle_connection(void **state) {
    struct bench b;
    struct http_reply r;
    struct http_call c;

    (void)state;
    bench_open(&b, serve_one_and_close);
    c = post(fake_url(&b.a, &b.peer, "/"), STR("message"));
    for (unsigned i = 1; i <= 5; i++) {
        b.peer.is_released = false;
        assert_int_equal(call(&b, &c, &r), ST_OK);
        assert_int_equal(r.phase, HTTP_REPLIED);
        fake_hold(&b.peer);
        assert_int_equal(atomic_load(&b.peer.requests), i);
    }
    bench_close(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reply_has_status_headers_and_body),
        cmocka_unit_test(methods_and_bodies_are_sent_as_given),
        cmocka_unit_test(large_bodies_arrive_without_a_100_continue),
        cmocka_unit_test(replies_in_pieces_are_put_together),
        cmocka_unit_test(retry_after_is_read),
        cmocka_unit_test(refused_connection_was_not_sent),
        cmocka_unit_test(unknown_name_was_not_sent),
        cmocka_unit_test(failed_tls_was_not_sent),
        cmocka_unit_test(stalled_peer_cuts_the_call),
        cmocka_unit_test(half_a_body_is_cut),
        cmocka_unit_test(close_before_the_reply_is_cut),
        cmocka_unit_test(too_large_a_body_is_cut),
        cmocka_unit_test(too_large_a_head_is_cut),
        cmocka_unit_test(a_body_of_just_the_limit_passes),
        cmocka_unit_test(post_on_a_dying_connection_is_sent_once),
        cmocka_unit_test(empty_post_on_a_dying_connection_is_sent_once),
        cmocka_unit_test(get_on_a_dying_connection_is_repeated),
        cmocka_unit_test(post_passes_over_a_dead_idle_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

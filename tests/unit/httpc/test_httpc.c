/* test_httpc.c - the client against peers that behave and peers that do not.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "httpc/breaker.h"
#include "httpc/loop.h"
#include "unit/httpc/fake_server.h"

#define OK_REPLY "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Kind: Test\r\n\r\nok"

struct bench { /* a client, an arena and one peer */
    struct httpc *h;
    struct arena a;
    struct fake peer;
    struct err e;
};

static void bench_open_with(struct bench *b, fake_fn serve, struct httpc_options options) {
    *b = (struct bench){.e = ERR_INIT};
    fake_listen(&b->peer, serve);
    assert_int_equal(httpc_start(options, &b->h, &b->e), ST_OK);
}

static void bench_open(struct bench *b, fake_fn serve) {
    bench_open_with(b, serve, (struct httpc_options){.gate = GATE_ALL, .timeout_ms = 20000});
}

static void bench_close(struct bench *b) {
    httpc_stop(b->h);
    fake_stop(&b->peer);
    arena_done(&b->a);
    clock_shift_ms(0);
}

static struct http_call get(struct str url) {
    return (struct http_call){.method = "GET", .url = url, .reach = REACH_MACHINE};
}

static struct http_call post(struct str url, struct str body) {
    return (struct http_call){.method = "POST", .url = url, .body = body, .reach = REACH_REPLY};
}

static enum status call(struct bench *b, const struct http_call *c, struct http_reply *ret) {
    err_clear(&b->e);
    return httpc_call(b->h, &b->a, c, ret, &b->e);
}

/* --- peers ----------------------------------------------------------------------------------- */

static void serve_ok(struct fake *f, int fd, unsigned nth) {
    (void)nth;
    while (fake_read(f, fd))
        fake_write(fd, OK_REPLY);
}

static void serve_silence(struct fake *f, int fd, unsigned nth) {
    (void)nth;
    if (fake_read(f, fd))
        fake_hold(f);
}

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
    struct fake gone;

    (void)state;
    bench_open(&b, serve_ok);
    fake_listen(&gone, serve_ok);
    c = post(fake_url(&b.a, &gone, "/"), STR("x"));
    fake_stop(&gone);
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

/* --- redirects ------------------------------------------------------------------------------- */

static _Atomic unsigned redirect_port;
static _Atomic unsigned redirect_status;

static void serve_redirect(struct fake *f, int fd, unsigned nth) {
    char text[256];

    (void)nth;
    while (fake_read(f, fd)) {
        (void)snprintf(
            text, sizeof(text),
            "HTTP/1.1 %u Go\r\nLocation: http://127.0.0.1:%u/there\r\nContent-Length: 4\r\n\r\ngone",
            atomic_load(&redirect_status), atomic_load(&redirect_port));
        fake_write(fd, text);
    }
}

static void redirect_to(const struct fake *peer, unsigned status) {
    atomic_store(&redirect_port, peer->port);
    atomic_store(&redirect_status, status);
}

static void redirects_are_not_followed_unless_asked(void **state) {
    struct bench b;
    struct http_reply r;
    struct http_call c;

    (void)state;
    bench_open(&b, serve_redirect);
    redirect_to(&b.peer, 302);
    c = get(fake_url(&b.a, &b.peer, "/"));
    assert_int_equal(call(&b, &c, &r), ST_OK);
    assert_int_equal(r.status, 302);
    c.max_redirects = 3;
    assert_int_equal(call(&b, &c, &r), ST_OK);
    assert_int_equal(r.status, 302); /* a loop ends with the last reply */
    assert_int_equal(atomic_load(&b.peer.requests), 1 + 4);
    bench_close(&b);
}

static void credentials_stay_with_their_origin(void **state) {
    struct bench b;
    struct fake other;
    struct http_reply r;
    struct http_call c;

    (void)state;
    bench_open(&b, serve_redirect);
    fake_listen(&other, serve_ok);
    redirect_to(&other, 307);
    c = post(fake_url(&b.a, &b.peer, "/"), STR("body"));
    c.max_redirects = 1;
    http_call_header(&c, STR("Authorization"), STR("Bearer s3cret"));
    http_call_header(&c, STR("apikey"), STR("s3cret"));
    http_call_header(&c, STR("Content-Type"), STR("text/plain"));
    assert_int_equal(call(&b, &c, &r), ST_OK);
    assert_int_equal(r.status, 200);
    assert_true(fake_last_has(&b.peer, "Bearer s3cret"));
    assert_false(fake_last_has(&other, "s3cret"));
    assert_true(fake_last_has(&other, "POST /there"));
    assert_true(fake_last_has(&other, "text/plain"));
    assert_true(fake_last_has(&other, "body"));
    redirect_to(&other, 303);
    assert_int_equal(call(&b, &c, &r), ST_OK);
    assert_true(fake_last_has(&other, "GET /there"));
    assert_false(fake_last_has(&other, "body"));
    fake_stop(&other);
    bench_close(&b);
}

static _Atomic unsigned public_port;

/* Stands for the internet: one loopback port counts as public. */
static bool is_public_for_test(const struct sockaddr *addr) {
    struct sockaddr_in in;

    memcpy(&in, addr, sizeof(in));
    return addr->sa_family == AF_INET && ntohs(in.sin_port) == atomic_load(&public_port);
}

static void redirect_into_private_space_is_refused(void **state) {
    struct bench b;
    struct fake inside;
    struct http_reply r;
    struct http_call c;

    (void)state;
    bench_open(&b, serve_redirect);
    fake_listen(&inside, serve_ok);
    redirect_to(&inside, 302);
    atomic_store(&public_port, b.peer.port);
    b.h->is_public = is_public_for_test;
    c = get(fake_url(&b.a, &b.peer, "/"));
    c.is_guarded = true;
    c.max_redirects = 5;
    assert_int_equal(call(&b, &c, &r), ST_DENIED);
    assert_string_equal(b.e.cause, "address-forbidden");
    assert_int_equal(atomic_load(&b.peer.requests), 1);
    assert_int_equal(atomic_load(&inside.connections), 0);
    fake_stop(&inside);
    bench_close(&b);
}

/* --- the guard ------------------------------------------------------------------------------- */

static void guard_refuses_every_spelling_of_loopback(void **state) {
    static const char *const hosts[] = {
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "0x7f000001",
        "0x7f.1",
        "2130706433",
        "017700000001",
        "0177.0.0.1",
        "0",
        "0.0.0.0",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "user:password@127.0.0.1",
        "example.com@127.0.0.1",
        "\xe2\x91\xa0\x32\x37.0.0.1",
    };
    struct bench b;
    struct http_reply r;

    (void)state;
    bench_open(&b, serve_ok);
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct http_call c = get(arena_printf(&b.a, "http://%s:%u/", hosts[i], b.peer.port));

        c.is_guarded = true;
        if (call(&b, &c, &r) == ST_OK)
            fail_msg("%s was called", hosts[i]);
        assert_int_equal(r.phase, HTTP_NOT_SENT);
    }
    assert_int_equal(atomic_load(&b.peer.connections), 0);
    bench_close(&b);
}

static void guard_checks_the_address_not_the_name(void **state) {
    struct bench b;
    struct http_reply r;
    struct http_call c;

    (void)state;
    bench_open(&b, serve_ok);
    b.h->resolve =
        curl_slist_append(NULL, arena_printf(&b.a, "rebind.example:%u:127.0.0.1", b.peer.port).ptr);
    c = get(arena_printf(&b.a, "http://rebind.example:%u/", b.peer.port));
    assert_int_equal(call(&b, &c, &r), ST_OK); /* the name does lead to the peer */
    c.is_guarded = true;
    assert_int_equal(call(&b, &c, &r), ST_DENIED); /* not even over the open connection */
    assert_string_equal(b.e.cause, "address-forbidden");
    assert_int_equal(r.phase, HTTP_NOT_SENT);
    assert_int_equal(atomic_load(&b.peer.requests), 1);
    bench_close(&b);
}

static void guard_can_be_told_to_allow_private(void **state) {
    struct bench b;
    struct http_reply r;
    struct http_call c;

    (void)state;
    bench_open_with(&b, serve_ok, (struct httpc_options){.gate = GATE_ALL, .allow_private = true});
    c = get(fake_url(&b.a, &b.peer, "/"));
    c.is_guarded = true;
    assert_int_equal(call(&b, &c, &r), ST_OK);
    bench_close(&b);
}

static void only_http_urls_are_called(void **state) {
    static const char *const urls[] = {"",
                                       "x",
                                       "/path",
                                       "ftp://127.0.0.1/",
                                       "file:///etc/passwd",
                                       "gopher://127.0.0.1:25/",
                                       "http://",
                                       "http://a b/",
                                       "javascript:1"};
    struct bench b;
    struct http_reply r;

    (void)state;
    bench_open(&b, serve_ok);
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct http_call c = get(str_of(urls[i]));

        assert_int_equal(call(&b, &c, &r), ST_INVALID);
        assert_int_equal(r.phase, HTTP_NOT_SENT);
    }
    bench_close(&b);
}

static void header_values_cannot_smuggle(void **state) {
    static const struct http_header bad[] = {
        {STR("X-A"), STR("1\r\nX-B: 2")}, {STR("X-A"), STR("1\nX-B: 2")}, {STR("X-A"), STR("1\0")},
        {STR("X A"), STR("1")},           {STR("X:"), STR("1")},          {STR(""), STR("1")},
    };
    struct bench b;
    struct http_reply r;

    (void)state;
    bench_open(&b, serve_ok);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct http_call c = get(fake_url(&b.a, &b.peer, "/"));

        http_call_header(&c, bad[i].name, bad[i].value);
        assert_int_equal(call(&b, &c, &r), ST_BROKEN);
    }
    assert_int_equal(atomic_load(&b.peer.connections), 0);
    bench_close(&b);
}

static void proxy_environment_is_ignored(void **state) {
    struct bench b;
    struct http_reply r;
    struct http_call c;

    (void)state;
    (void)setenv("http_proxy", "http://127.0.0.1:1", 1);
    (void)setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    bench_open(&b, serve_ok);
    c = get(fake_url(&b.a, &b.peer, "/"));
    assert_int_equal(call(&b, &c, &r), ST_OK);
    (void)unsetenv("http_proxy");
    (void)unsetenv("ALL_PROXY");
    bench_close(&b);
}

/* --- the gate -------------------------------------------------------------------------------- */

static void closed_gate_lets_nothing_out(void **state) {
    struct bench b;
    struct http_reply r;
    struct http_call c;

    (void)state;
    bench_open_with(&b, serve_ok, (struct httpc_options){.gate = GATE_REPLIES});
    c = post(fake_url(&b.a, &b.peer, "/"), STR("x"));
    c.reach = REACH_CAMPAIGN;
    assert_int_equal(call(&b, &c, &r), ST_DENIED);
    assert_string_equal(b.e.cause, "gate-closed");
    assert_int_equal(r.phase, HTTP_NOT_SENT);
    httpc_set_gate(b.h, GATE_OFF);
    c.reach = REACH_REPLY;
    assert_int_equal(call(&b, &c, &r), ST_DENIED);
    assert_int_equal(atomic_load(&b.peer.connections), 0);
    c.reach = REACH_MACHINE;
    assert_int_equal(call(&b, &c, &r), ST_OK);
    httpc_set_gate(b.h, GATE_ALL);
    c.reach = REACH_CAMPAIGN;
    assert_int_equal(call(&b, &c, &r), ST_OK);
    c.reach = REACH_UNSET;
    assert_int_equal(call(&b, &c, &r), ST_BROKEN);
    assert_int_equal(atomic_load(&b.peer.requests), 2);
    bench_close(&b);
}

/* --- waiting --------------------------------------------------------------------------------- */

struct ended { /* what done functions leave behind */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned n;
    enum http_phase phase[8];
    enum status status[8];
    const char *cause[8];
};

static void ended_init(struct ended *x) {
    *x = (struct ended){.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
}

static void note_end(void *ctx, enum status st, const struct http_reply *reply,
                     const struct err *e) {
    struct ended *x = ctx;

    (void)pthread_mutex_lock(&x->lock);
    x->phase[x->n] = reply->phase;
    x->status[x->n] = st;
    x->cause[x->n] = e->cause;
    x->n++;
    (void)pthread_cond_broadcast(&x->changed);
    (void)pthread_mutex_unlock(&x->lock);
}

static void wait_ended(struct ended *x, unsigned n) {
    (void)pthread_mutex_lock(&x->lock);
    while (x->n < n)
        (void)pthread_cond_wait(&x->changed, &x->lock);
    (void)pthread_mutex_unlock(&x->lock);
}

static void serve_when_released(struct fake *f, int fd, unsigned nth) {
    (void)nth;
    while (fake_read(f, fd)) {
        fake_hold(f);
        fake_write(fd, OK_REPLY);
    }
}

static void calls_past_the_host_limit_wait(void **state) {
    struct bench b;
    struct ended x;
    struct http_call c;

    (void)state;
    ended_init(&x);
    bench_open_with(&b, serve_when_released,
                    (struct httpc_options){.gate = GATE_ALL, .max_per_host = 2});
    c = post(fake_url(&b.a, &b.peer, "/"), STR("x"));
    for (int i = 0; i < 5; i++)
        httpc_submit(b.h, &c, note_end, &x);
    fake_wait_requests(&b.peer, 2);
    assert_int_equal(atomic_load(&b.peer.connections), 2);
    fake_release(&b.peer);
    wait_ended(&x, 5);
    assert_int_equal(atomic_load(&b.peer.requests), 5);
    assert_int_equal(atomic_load(&b.peer.connections), 2);
    bench_close(&b);
}

static void a_call_does_not_wait_past_its_deadline(void **state) {
    struct bench b;
    struct ended x;
    struct http_call slow, quick;

    (void)state;
    ended_init(&x);
    bench_open_with(&b, serve_when_released,
                    (struct httpc_options){.gate = GATE_ALL, .max_per_host = 1});
    slow = quick = post(fake_url(&b.a, &b.peer, "/"), STR("x"));
    quick.timeout_ms = 20;
    httpc_submit(b.h, &slow, note_end, &x);
    fake_wait_requests(&b.peer, 1);
    httpc_submit(b.h, &quick, note_end, &x);
    wait_ended(&x, 1);
    assert_int_equal(x.status[0], ST_UNAVAILABLE);
    assert_int_equal(x.phase[0], HTTP_NOT_SENT);
    assert_string_equal(x.cause[0], "no-turn");
    fake_release(&b.peer);
    wait_ended(&x, 2);
    assert_int_equal(x.phase[1], HTTP_REPLIED);
    assert_int_equal(atomic_load(&b.peer.requests), 1);
    bench_close(&b);
}

static void rate_spaces_calls(void **state) {
    struct bench b;
    struct ended x;
    struct http_reply r;
    struct http_call c, elsewhere;
    struct fake other;

    (void)state;
    ended_init(&x);
    bench_open(&b, serve_ok);
    fake_listen(&other, serve_ok);
    c = post(fake_url(&b.a, &b.peer, "/"), STR("x"));
    c.timeout_ms = 60000; /* the shifted clock takes half of it */
    elsewhere = get(fake_url(&b.a, &other, "/"));
    httpc_limit_host(b.h, arena_printf(&b.a, "127.0.0.1:%u", b.peer.port), 0.1); /* one in 10 s */
    for (int i = 0; i < 3; i++)
        httpc_submit(b.h, &c, note_end, &x);
    for (unsigned i = 1; i <= 3; i++) {
        wait_ended(&x, i);
        assert_int_equal(call(&b, &elsewhere, &r), ST_OK); /* the loop has been round */
        assert_int_equal(atomic_load(&b.peer.requests), i);
        clock_shift_ms(10001 * (int64_t)i);
        assert_int_equal(call(&b, &elsewhere, &r), ST_OK);
    }
    fake_stop(&other);
    bench_close(&b);
}

static void stop_ends_what_is_under_way(void **state) {
    struct bench b;
    struct ended x;
    struct http_call c;

    (void)state;
    ended_init(&x);
    bench_open_with(&b, serve_silence, (struct httpc_options){.gate = GATE_ALL, .max_per_host = 1});
    c = post(fake_url(&b.a, &b.peer, "/"), STR("x"));
    httpc_submit(b.h, &c, note_end, &x);
    fake_wait_requests(&b.peer, 1);
    httpc_submit(b.h, &c, note_end, &x);
    bench_close(&b);
    assert_int_equal(x.n, 2);
    assert_int_equal(x.phase[0] + x.phase[1], HTTP_CUT + HTTP_NOT_SENT);
    for (int i = 0; i < 2; i++)
        assert_int_equal(x.status[i], x.phase[i] == HTTP_CUT ? ST_OK : ST_UNAVAILABLE);
}

struct caller {
    struct bench *bench;
    _Atomic unsigned *ok;
};

static void *call_many(void *ctx) {
    struct caller *caller = ctx;
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct http_reply r;

    for (int i = 0; i < 50; i++) {
        struct err e = ERR_INIT;
        struct http_call c = post(fake_url(&a, &caller->bench->peer, "/"), STR("hello"));

        if (httpc_call(caller->bench->h, &a, &c, &r, &e) == ST_OK && r.status == 200)
            atomic_fetch_add(caller->ok, 1);
    }
    return NULL;
}

static void many_threads_call_at_once(void **state) {
    struct bench b;
    _Atomic unsigned ok = 0;
    struct caller caller = {.bench = &b, .ok = &ok};
    pthread_t threads[16];

    (void)state;
    bench_open(&b, serve_ok);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_many, &caller), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        (void)pthread_join(threads[i], NULL);
    assert_int_equal(ok, 16 * 50);
    assert_int_equal(atomic_load(&b.peer.requests), 16 * 50);
    bench_close(&b);
}

/* --- the circuit ----------------------------------------------------------------------------- */

static void serve_failure_until_released(struct fake *f, int fd, unsigned nth) {
    (void)nth;
    while (fake_read(f, fd)) {
        bool is_well;

        (void)pthread_mutex_lock(&f->lock);
        is_well = f->is_released;
        (void)pthread_mutex_unlock(&f->lock);
        fake_write(fd, is_well ? OK_REPLY : "HTTP/1.1 503 Down\r\nContent-Length: 0\r\n\r\n");
    }
}

static void circuit_opens_and_probes(void **state) {
    struct bench b;
    struct http_reply r;
    struct http_call c;

    (void)state;
    bench_open(&b, serve_failure_until_released);
    c = post(fake_url(&b.a, &b.peer, "/"), STR("x"));
    c.breaker = "peer";
    for (int i = 0; i < BREAKER_FAILURES; i++) {
        assert_int_equal(call(&b, &c, &r), ST_OK);
        assert_int_equal(r.status, 503);
    }
    assert_int_equal(call(&b, &c, &r), ST_UNAVAILABLE);
    assert_string_equal(b.e.cause, "breaker-open");
    assert_true(b.e.retry_after_ms > 0 && b.e.retry_after_ms <= BREAKER_PAUSE_MS);
    assert_int_equal(r.phase, HTTP_NOT_SENT);
    assert_int_equal(atomic_load(&b.peer.requests), BREAKER_FAILURES);
    clock_shift_ms(BREAKER_PAUSE_MS + 1);
    assert_int_equal(call(&b, &c, &r), ST_OK); /* the probe fails */
    assert_int_equal(call(&b, &c, &r), ST_UNAVAILABLE);
    fake_release(&b.peer);
    clock_shift_ms(4 * BREAKER_PAUSE_MS);
    assert_int_equal(call(&b, &c, &r), ST_OK);
    assert_int_equal(r.status, 200);
    assert_int_equal(call(&b, &c, &r), ST_OK);
    c.breaker = NULL; /* the host's own circuit is another one */
    assert_int_equal(call(&b, &c, &r), ST_OK);
    bench_close(&b);
}

static void unreachable_peer_opens_the_circuit(void **state) {
    struct bench b;
    struct http_reply r;
    struct http_call c;
    struct fake gone;

    (void)state;
    bench_open(&b, serve_ok);
    fake_listen(&gone, serve_ok);
    c = post(fake_url(&b.a, &gone, "/"), STR("x"));
    fake_stop(&gone);
    for (int i = 0; i < BREAKER_FAILURES; i++) {
        assert_int_equal(call(&b, &c, &r), ST_UNAVAILABLE);
        assert_string_equal(b.e.cause, "not-reachable");
    }
    assert_int_equal(call(&b, &c, &r), ST_UNAVAILABLE);
    assert_string_equal(b.e.cause, "breaker-open");
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
        cmocka_unit_test(redirects_are_not_followed_unless_asked),
        cmocka_unit_test(credentials_stay_with_their_origin),
        cmocka_unit_test(redirect_into_private_space_is_refused),
        cmocka_unit_test(guard_refuses_every_spelling_of_loopback),
        cmocka_unit_test(guard_checks_the_address_not_the_name),
        cmocka_unit_test(guard_can_be_told_to_allow_private),
        cmocka_unit_test(only_http_urls_are_called),
        cmocka_unit_test(header_values_cannot_smuggle),
        cmocka_unit_test(proxy_environment_is_ignored),
        cmocka_unit_test(closed_gate_lets_nothing_out),
        cmocka_unit_test(calls_past_the_host_limit_wait),
        cmocka_unit_test(a_call_does_not_wait_past_its_deadline),
        cmocka_unit_test(rate_spaces_calls),
        cmocka_unit_test(stop_ends_what_is_under_way),
        cmocka_unit_test(many_threads_call_at_once),
        cmocka_unit_test(circuit_opens_and_probes),
        cmocka_unit_test(unreachable_peer_opens_the_circuit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

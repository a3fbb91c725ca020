/* test_reach.c - where a call may go: redirects, private addresses, what is smuggled into a URL or a header, the closed gate.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/httpc/bench.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_admit.c - who may ask, from where, and how often.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/httpd/client.h"

static const struct user_id somebody = {{{1}}};
static const struct uuid some_key = {{2}};

/* "Authorization: Test <role or scopes>"; a cookie "sid" makes it a browser. */
static enum status auth(struct app *a, struct req *r, struct principal *ret, struct err *e) {
    struct str credentials = req_header(r, "authorization");

    (void)a;
    ret->tenant.v.bytes[0] = 7;
    ret->by_cookie = req_cookie(r, "sid").len > 0;
    if (ret->by_cookie || str_eq(credentials, STR("Test agent"))) {
        ret->user = somebody;
        ret->role = ROLE_AGENT;
    } else if (str_eq(credentials, STR("Test admin"))) {
        ret->user = somebody;
        ret->role = ROLE_ADMIN;
    } else if (str_eat(&credentials, STR("Test key "))) {
        ret->key = some_key;
        ret->scopes = credentials;
    } else {
        e->cause = "unauthenticated";
        FAIL(e, ST_DENIED, "unknown credentials");
    }
    return ST_OK;
}

static enum status show_peer(struct app *a, struct req *r, struct resp *ret, struct err *e) {
    (void)a;
    (void)e;
    resp_text(ret, 200,
              arena_printf(r->arena, "%.*s %s", STR_ARG(r->peer), r->is_secure ? "tls" : "plain"));
    return ST_OK;
}

static const struct route routes[] = {
    {.method = HTTP_GET, .path = "/public", .handler = show_peer, .flags = ROUTE_INLINE},
    {.method = HTTP_GET, .path = "/limited", .handler = show_peer, .rate_per_min = 2},
    {.method = HTTP_GET, .path = "/ops", .handler = show_peer, .auth = AUTH_OPERATOR},
    {.method = HTTP_GET,
     .path = "/leads",
     .handler = show_peer,
     .auth = AUTH_MEMBER,
     .min_role = ROLE_AGENT,
     .scope = "leads:read"},
    {.method = HTTP_POST,
     .path = "/leads",
     .handler = show_peer,
     .auth = AUTH_MEMBER,
     .min_role = ROLE_ADMIN,
     .scope = "leads:write"},
    {.method = HTTP_POST, .path = "/notes", .handler = show_peer, .auth = AUTH_MEMBER},
    {.method = HTTP_GET,
     .path = "/often",
     .handler = show_peer,
     .auth = AUTH_MEMBER,
     .rate_per_min = 3},
};

static struct httpd_options options(void) {
    return (struct httpd_options){.routes = routes,
                                  .n_routes = ARRAY_LEN(routes),
                                  .auth = auth,
                                  .operator_token = STR("s3cret")};
}

static int setup(void **state) {
    log_setup(LOG_ERROR, LOG_LOGFMT);
    *state = server_start(options());
    return 0;
}

static int teardown(void **state) {
    httpd_stop(*state, 1000);
    return 0;
}

static unsigned get(struct httpd *h, const char *path, const char *headers) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};

    return server_ask(
        h, arena_printf(&a, "GET %s HTTP/1.1\r\nHost: a.example\r\n%s\r\n", path, headers));
}

static unsigned post(struct httpd *h, const char *path, const char *headers) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};

    return server_ask(
        h, arena_printf(&a, "POST %s HTTP/1.1\r\nHost: a.example\r\n%s\r\n", path, headers));
}

static void members_need_credentials_role_and_scope(void **state) {
    struct httpd *h = *state;

    assert_int_equal(get(h, "/leads", ""), 401);
    assert_int_equal(get(h, "/leads", "Authorization: Test agent\r\n"), 200);
    assert_int_equal(post(h, "/leads", "Authorization: Test agent\r\n"), 403);
    assert_int_equal(post(h, "/leads", "Authorization: Test admin\r\n"), 200);
    assert_int_equal(get(h, "/leads", "Authorization: Test key leads:read\r\n"), 200);
    assert_int_equal(post(h, "/leads", "Authorization: Test key leads:read\r\n"), 403);
    assert_int_equal(post(h, "/leads", "Authorization: Test key x:y leads:*\r\n"), 200);
}

static void refused_client_is_told_how_to_sign_in(void **state) {
    struct client c = client_open(*state);
    struct reply r;

    client_send(&c, STR("GET /leads HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(client_try_reply(&c, false, &r));
    assert_str(reply_get(&r, "WWW-Authenticate"), "Bearer");
    assert_true(str_contains(r.body, STR("urn:prosa:problem:unauthenticated")));
    client_close(&c);
}

static void cookie_writes_need_a_same_origin_proof(void **state) {
    struct httpd *h = *state;

    assert_int_equal(get(h, "/leads", "Cookie: sid=1\r\nOrigin: https://evil.example\r\n"), 200);
    assert_int_equal(post(h, "/notes", "Cookie: sid=1\r\n"), 403);
    assert_int_equal(post(h, "/notes", "Cookie: sid=1\r\nOrigin: https://evil.example\r\n"), 403);
    assert_int_equal(post(h, "/notes", "Cookie: sid=1\r\nOrigin: null\r\n"), 403);
    assert_int_equal(post(h, "/notes", "Cookie: sid=1\r\nSec-Fetch-Site: cross-site\r\n"), 403);
    assert_int_equal(post(h, "/notes", "Cookie: sid=1\r\nSec-Fetch-Site: none\r\n"), 403);
    assert_int_equal(post(h, "/notes", "Cookie: sid=1\r\nOrigin: https://a.example\r\n"), 200);
    assert_int_equal(post(h, "/notes", "Cookie: sid=1\r\nSec-Fetch-Site: same-origin\r\n"), 200);
    assert_int_equal(post(h, "/notes", "Authorization: Test admin\r\n"), 200);
}

static void operators_are_local_or_have_the_token(void **state) {
    struct httpd *h = *state;

    assert_int_equal(get(h, "/ops", ""), 200);
    assert_int_equal(get(h, "/ops", "X-Forwarded-For: 127.0.0.1\r\n"), 401);
    assert_int_equal(get(h, "/ops", "Forwarded: for=1.2.3.4\r\n"), 401);
    assert_int_equal(get(h, "/ops", "X-Forwarded-For: 1.2.3.4\r\nAuthorization: Bearer s3cret\r\n"),
                     200);
    assert_int_equal(get(h, "/ops", "X-Forwarded-For: 1.2.3.4\r\nAuthorization: Bearer s3cre\r\n"),
                     401);
    assert_int_equal(get(h, "/ops", "X-Forwarded-For: 1.2.3.4\r\nAuthorization: Bearer \r\n"), 401);
}

static void routes_have_rates(void **state) {
    struct client c = client_open(*state);
    struct reply r;
    int64_t wait_s;

    assert_int_equal(client_ask(&c, STR("GET /limited HTTP/1.1\r\nHost: x\r\n\r\n")), 200);
    assert_int_equal(client_ask(&c, STR("GET /limited HTTP/1.1\r\nHost: x\r\n\r\n")), 200);
    client_send(&c, STR("GET /limited HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(client_try_reply(&c, false, &r));
    assert_int_equal(r.status, 429);
    assert_true(str_parse_i64(reply_get(&r, "Retry-After"), 29, 30, &wait_s));
    client_consume(&c, &r);
    assert_int_equal(client_ask(&c, STR("GET /public HTTP/1.1\r\nHost: x\r\n\r\n")), 200);
    client_close(&c);
}

static void principals_have_rates_of_their_own(void **state) {
    struct httpd *h = *state;

    for (int i = 0; i < 3; i++)
        assert_int_equal(get(h, "/often", "Authorization: Test agent\r\n"), 200);
    assert_int_equal(get(h, "/often", "Authorization: Test agent\r\n"), 429);
    assert_int_equal(get(h, "/often", "Authorization: Test key x:y\r\n"), 200);
}

static void guessing_credentials_is_slowed_down(void **state) {
    struct httpd_options with_proxy = options();
    struct httpd *h;
    unsigned refused = 0;

    (void)state;
    with_proxy.trusted_proxies = STR("127.0.0.0/8");
    h = server_start(with_proxy);
    for (int i = 0; i < 100; i++)
        refused += get(h, "/leads", "X-Forwarded-For: 203.0.113.5\r\n") == 429;
    assert_int_equal(refused, 40);
    assert_int_equal(
        get(h, "/leads", "X-Forwarded-For: 203.0.113.5\r\nAuthorization: Test admin\r\n"), 429);
    assert_int_equal(
        get(h, "/leads", "X-Forwarded-For: 203.0.113.6\r\nAuthorization: Test admin\r\n"), 200);
    httpd_stop(h, 1000);
}

static void assert_peer(struct httpd *h, const char *headers, const char *want) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct client c = client_open(h);
    struct reply r;

    client_send(&c, arena_printf(&a, "GET /public HTTP/1.1\r\nHost: x\r\n%s\r\n", headers));
    assert_true(client_try_reply(&c, false, &r));
    assert_str(r.body, want);
    client_close(&c);
}

static void forwarded_addresses_count_only_from_trusted_proxies(void **state) {
    struct httpd_options with_proxy = options();
    struct httpd *h;

    assert_peer(*state, "X-Forwarded-For: 203.0.113.5\r\nX-Forwarded-Proto: https\r\n",
                "127.0.0.1 plain");
    with_proxy.trusted_proxies = STR("127.0.0.0/8, 10.0.0.0/8");
    h = server_start(with_proxy);
    assert_peer(h,
                "X-Forwarded-For: 6.6.6.6, 203.0.113.5, 10.0.0.1\r\nX-Forwarded-Proto: https\r\n",
                "203.0.113.5 tls");
    assert_peer(h, "X-Forwarded-For: 203.0.113.5\r\nX-Forwarded-For: 10.0.0.1\r\n",
                "203.0.113.5 plain");
    assert_peer(h, "", "127.0.0.1 plain");
    httpd_stop(h, 1000);
}

static void scopes_permit_areas_and_everything(void **state) {
    (void)state;
    assert_true(scope_permits(STR("conversations:read jobs:*"), STR("jobs:write")));
    assert_true(scope_permits(STR("conversations:read jobs:*"), STR("conversations:read")));
    assert_false(scope_permits(STR("conversations:read jobs:*"), STR("conversations:write")));
    assert_true(scope_permits(STR("*"), STR("a:b")));
    assert_false(scope_permits(STR(""), STR("a:b")));
    assert_false(scope_permits(STR("a"), STR("a:b")));
    assert_false(scope_permits(STR("a:"), STR("a:")));
    assert_false(scope_permits(STR("ab:*"), STR("a:b")));
}

static void wrong_tables_do_not_start(void **state) {
    static const struct route inline_member[] = {
        {.path = "/x", .handler = show_peer, .auth = AUTH_MEMBER, .flags = ROUTE_INLINE}};
    struct httpd_options o = {
        .listen = STR("127.0.0.1:0"), .routes = inline_member, .n_routes = 1, .auth = auth};
    struct err e = ERR_INIT;
    struct httpd *h;

    (void)state;
    assert_int_equal(httpd_start(o, &h, &e), ST_INVALID);
    o.routes = routes;
    o.listen = STR("nowhere");
    assert_int_equal(httpd_start(o, &h, NULL), ST_INVALID);
    o.listen = STR("127.0.0.1:0");
    o.trusted_proxies = STR("10.0.0.0/99");
    assert_int_equal(httpd_start(o, &h, NULL), ST_INVALID);
    o.trusted_proxies = STR_EMPTY;
    o.tls_cert_pem = o.tls_key_pem = STR("nonsense");
    assert_int_equal(httpd_start(o, &h, NULL), ST_UNAVAILABLE);
}

static void taken_port_is_reported(void **state) {
    struct httpd_options o = options();
    struct err e = ERR_INIT;
    struct httpd *h;

    o.listen = httpd_address(*state);
    assert_int_equal(httpd_start(o, &h, &e), ST_UNAVAILABLE);
    assert_true(str_contains(str_of(e.message), STR("in use")));
}

static void ipv6_and_names_listen(void **state) {
    struct httpd_options o = options();
    struct err e = ERR_INIT;
    struct httpd *h;

    (void)state;
    o.listen = STR("localhost:0");
    assert_ok(httpd_start(o, &h, &e), &e);
    assert_true(str_starts(httpd_address(h), STR("127.0.0.1:")));
    httpd_stop(h, 0);
    o.listen = STR("[::1]:0");
    if (httpd_start(o, &h, &e) == ST_OK) { /* machines without IPv6 exist */
        assert_true(str_starts(httpd_address(h), STR("[::1]:")));
        httpd_stop(h, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_need_credentials_role_and_scope),
        cmocka_unit_test(refused_client_is_told_how_to_sign_in),
        cmocka_unit_test(cookie_writes_need_a_same_origin_proof),
        cmocka_unit_test(operators_are_local_or_have_the_token),
        cmocka_unit_test(routes_have_rates),
        cmocka_unit_test(principals_have_rates_of_their_own),
        cmocka_unit_test(guessing_credentials_is_slowed_down),
        cmocka_unit_test(forwarded_addresses_count_only_from_trusted_proxies),
        cmocka_unit_test(scopes_permit_areas_and_everything),
        cmocka_unit_test(wrong_tables_do_not_start),
        cmocka_unit_test(taken_port_is_reported),
        cmocka_unit_test(ipv6_and_names_listen),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}

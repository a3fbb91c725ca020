/* admit.c - what a request has to pass before its handler runs: well-formed headers, a route, a
 * body that fits, the right to ask, and not too often. Cheap checks come first and run on the
 * network thread.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/clock.h"
#include "crypto/crypto.h"
#include "httpd/internal.h"

enum {
    MEMBER_RATE_PER_MIN = 1200,
    FAILED_AUTH_PER_MIN = 60, /* by address, over all routes */
    SCOPE_DEFAULT = 0,        /* rate scopes: a route's own is its place in the table plus one */
    SCOPE_FAILED_AUTH = UINT32_MAX,
};

struct copying {
    struct pairs *list;
    size_t most;
    char *at;
    size_t left;
    bool is_valid;
};

static bool copy_text(struct copying *c, const char *from, size_t len, struct str *ret) {
    if (len > c->left)
        return false;
    if (len > 0)
        memcpy(c->at, from, len);
    *ret = (struct str){.ptr = c->at, .len = len};
    c->at += len;
    c->left -= len;
    return true;
}

static enum MHD_Result copy_header(void *ctx, enum MHD_ValueKind kind, const char *name,
                                   size_t name_len, const char *value, size_t value_len) {
    struct copying *c = ctx;
    struct pair p;

    (void)kind;
    if (c->list->n == c->most || !copy_text(c, name, name_len, &p.name) ||
        !copy_text(c, value, value ? value_len : 0, &p.value)) {
        c->is_valid = false;
        return MHD_NO;
    }
    p.value = str_trim(p.value);
    if (!header_name_is_valid(p.name) || !header_value_is_valid(p.value))
        c->is_valid = false;
    c->list->items[c->list->n++] = p;
    return MHD_YES;
}

/* Handlers outlive what libmicrohttpd keeps of a request when the server stops, so they get
 * copies. */
static bool copy_headers(struct request *r, size_t header_bytes) {
    int n = MHD_get_connection_values_n(r->mhd, MHD_HEADER_KIND, NULL, NULL);
    struct copying c = {
        .list = &r->headers, .most = n > 0 ? (size_t)n : 0, .left = header_bytes, .is_valid = true};

    r->headers.items = arena_array_of(&r->arena, c.most, struct pair);
    c.at = arena_alloc(&r->arena, header_bytes);
    (void)MHD_get_connection_values_n(r->mhd, MHD_HEADER_KIND, copy_header, &c);
    return c.is_valid;
}

static size_t count_headers(const struct request *r, struct str name) {
    size_t n = 0;

    for (size_t i = 0; i < r->headers.n; i++)
        n += str_eq_nocase(r->headers.items[i].name, name);
    return n;
}

/* What two programs could read in two ways is refused (request smuggling, RFC 9112 §11.2): a
 * length given twice, or beside chunks, or an encoding that libmicrohttpd does not undo. */
static bool has_clear_framing(const struct request *r, struct str version) {
    size_t n_hosts = count_headers(r, STR("host"));
    size_t n_codings = count_headers(r, STR("transfer-encoding"));
    size_t n_lengths = count_headers(r, STR("content-length"));

    if (n_hosts > 1 || (n_hosts == 0 && !str_eq(version, STR("HTTP/1.0"))) || n_lengths > 1 ||
        n_codings > 1)
        return false;
    if (n_codings == 0)
        return true;
    return n_lengths == 0 &&
           str_eq_nocase(request_header(r, STR("transfer-encoding")), STR("chunked"));
}

static bool parse_method(struct str s, enum http_method *ret) {
    static const struct {
        struct str name;
        enum http_method method;
    } methods[] = {
        {{"GET", 3}, HTTP_GET},         {{"HEAD", 4}, HTTP_GET},    {{"POST", 4}, HTTP_POST},
        {{"PUT", 3}, HTTP_PUT},         {{"PATCH", 5}, HTTP_PATCH}, {{"DELETE", 6}, HTTP_DELETE},
        {{"OPTIONS", 7}, HTTP_OPTIONS},
    };

    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (str_eq(methods[i].name, s)) {
            *ret = methods[i].method;
            return true;
        }
    }
    return false;
}

static struct str allowed_methods(struct arena *a, const struct route *const *by_method) {
    static const char *const names[HTTP_METHODS] = {
        [HTTP_GET] = "GET, HEAD, ", [HTTP_POST] = "POST, ",     [HTTP_PUT] = "PUT, ",
        [HTTP_PATCH] = "PATCH, ",   [HTTP_DELETE] = "DELETE, ",
    };

    return arena_printf(a, "%s%s%s%s%sOPTIONS", by_method[HTTP_GET] ? names[HTTP_GET] : "",
                        by_method[HTTP_POST] ? names[HTTP_POST] : "",
                        by_method[HTTP_PUT] ? names[HTTP_PUT] : "",
                        by_method[HTTP_PATCH] ? names[HTTP_PATCH] : "",
                        by_method[HTTP_DELETE] ? names[HTTP_DELETE] : "");
}

static bool choose_method(struct request *r, struct str method, const struct route_match *match) {
    bool is_known = parse_method(method, &r->pub.method);

    r->is_head = str_eq(method, STR("HEAD"));
    r->pub.route = is_known ? match->by_method[r->pub.method] : NULL;
    if (r->pub.route)
        return true;
    if (is_known && r->pub.method == HTTP_OPTIONS) {
        r->resp = (struct resp){.status = 204};
        r->is_refused = true;
    } else {
        (void)refuse(r, (struct problem){.status = 405, .slug = "method-not-allowed"});
    }
    resp_header(&r->resp, "Allow", allowed_methods(&r->arena, match->by_method));
    return false;
}

static bool choose_route(struct request *r, struct str method) {
    struct route_match match;

    if (!target_split(r->target, &r->pub.path, &r->pub.query))
        return refuse(r, (struct problem){.status = 400,
                                          .slug = "invalid",
                                          .detail = STR("the request target is malformed")});
    switch (route_tree_match(&r->h->routes, &r->arena, r->pub.path, &match)) {
    case ROUTE_FOUND:
        break;
    case ROUTE_MISSING:
        return refuse(r, (struct problem){.status = 404, .slug = "not-found"});
    case ROUTE_MALFORMED:
        return refuse(r, (struct problem){.status = 400,
                                          .slug = "invalid",
                                          .detail = STR("the path is malformed")});
    }
    if (!choose_method(r, method, &match))
        return false;
    memcpy(r->params, match.values, match.n_values * sizeof(match.values[0]));
    r->n_params = match.n_values;
    if (!query_parse(&r->arena, r->pub.query, &r->query))
        return refuse(r, (struct problem){.status = 400,
                                          .slug = "invalid",
                                          .detail = STR("the query is malformed")});
    return true;
}

/* The length libmicrohttpd will hold the client to; it has refused what is no number. */
static bool announced_length(const struct request *r, uint64_t *ret) {
    struct str s = request_header(r, STR("content-length"));

    return s.len > 0 && str_eat_u64(&s, UINT64_MAX, ret);
}

bool request_has_body(const struct request *r) {
    uint64_t len;

    return count_headers(r, STR("transfer-encoding")) > 0 || (announced_length(r, &len) && len > 0);
}

static bool prepare_body(struct request *r) {
    uint32_t most = r->pub.route->max_body;
    uint64_t len;

    if (!announced_length(r, &len)) {
        if (most == 0 && request_has_body(r))
            len = UINT64_MAX;
        else
            len = 0;
    }
    if (len > most)
        return refuse(
            r, (struct problem){.status = 413,
                                .slug = "too-large",
                                .detail = arena_printf(&r->arena, "at most %u bytes", most)});
    if (len > 0 && len <= BODY_FLAT_BYTES) {
        r->flat = arena_alloc(&r->arena, (size_t)len);
        r->flat_cap = (size_t)len;
    }
    r->body.max = most;
    return true;
}

static void set_peer(struct request *r) {
    char text[IP_TEXT_BYTES];
    size_t n = 0;

    for (size_t i = r->headers.n; i > 0; i--) {
        const struct pair *p = &r->headers.items[i - 1];

        if (!str_eq_nocase(p->name, STR("x-forwarded-for")))
            continue;
        if (peer_from_forwarded(&r->h->trusted, p->value, &r->peer))
            break;
    }
    n = ip_format_to(&r->peer, text);
    r->pub.peer = arena_str(&r->arena, (struct str){.ptr = text, .len = n});
}

static void see_through_proxies(struct request *r) {
    struct str proto = request_header(r, STR("x-forwarded-proto"));
    struct str via = request_header(r, STR("x-forwarded-for"));

    /* A proxy on this machine that we were not told of would make everybody local; its headers
     * give it away. */
    r->is_local = ip_is_loopback(&r->peer) && via.len == 0 && proto.len == 0 &&
                  request_header(r, STR("forwarded")).len == 0;
    if (r->h->trusted.n == 0 || !networks_contain(&r->h->trusted, &r->peer))
        return;
    if (via.len > 0)
        set_peer(r);
    if (proto.len > 0)
        r->pub.is_secure = str_eq_nocase(proto, STR("https"));
}

/* What is left of the connection's pool for the response; estimated from above. */
static size_t pool_left(const struct request *r, size_t header_bytes) {
    size_t used = header_bytes + r->headers.n * POOL_RECORD_BYTES;

    for (size_t i = 0; i < r->headers.n; i++) {
        const struct pair *p = &r->headers.items[i];

        if (str_eq_nocase(p->name, STR("cookie")))
            used += p->value.len + POOL_RECORD_BYTES * (count_char(p->value, ';') + 2);
    }
    used += POOL_RECORD_BYTES * count_char(r->target, '&');
    return used < POOL_BYTES ? POOL_BYTES - used : 0;
}

/* Too little is left of the pool: refused before the handler does something it could not tell
 * about. */
static bool refuse_headers(struct request *r, size_t left) {
    if (left < POOL_FOR_ERROR_BYTES)
        conn_refuse(r->conn, 431);
    return refuse(r, (struct problem){.status = 431, .slug = "headers-too-large"});
}

bool admit_headers(struct request *r, struct str method, struct str version) {
    size_t bytes =
        MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size;

    bool is_valid = copy_headers(r, bytes);

    if (pool_left(r, bytes) < POOL_FOR_RESPONSE_BYTES)
        return refuse_headers(r, pool_left(r, bytes));
    if (!is_valid || !has_clear_framing(r, version))
        return refuse(r, (struct problem){.status = 400,
                                          .slug = "invalid",
                                          .detail = STR("the headers are malformed")});
    see_through_proxies(r);
    if (atomic_load(&r->h->is_draining)) {
        (void)refuse(r, (struct problem){.status = 503, .slug = "unavailable"});
        resp_header(&r->resp, "Retry-After", STR("1"));
        return false;
    }
    return choose_route(r, method) && prepare_body(r) && admit_caller(r);
}

static bool refuse_rate(struct request *r, uint32_t wait_ms) {
    (void)err_set(&r->err, ST_LIMITED, __FILE__, __LINE__, "too many requests");
    r->err.retry_after_ms = wait_ms;
    return refuse_err(r);
}

static struct rate_key address_key(const struct request *r, uint32_t scope) {
    struct ip bucket = ip_bucket(&r->peer);
    struct rate_key key = {.scope = scope};

    memcpy(key.id, bucket.bytes, sizeof(key.id));
    return key;
}

static uint32_t route_scope(const struct request *r) {
    return (uint32_t)(r->pub.route - r->h->options.routes) + 1;
}

static bool take_rate(struct request *r, struct rate_key key, uint32_t per_min) {
    uint32_t wait_ms = rates_take(r->h->rates, key, per_min, clock_mono_ms());

    return wait_ms == 0 || refuse_rate(r, wait_ms);
}

/* "Bearer <token>" */
static bool has_operator_token(const struct request *r) {
    struct str want = r->h->options.operator_token;
    struct str got = request_header(r, STR("authorization"));

    if (want.len == 0 || got.len < 7 || !str_eq_nocase(str_sub(got, 0, 7), STR("bearer ")))
        return false;
    got = str_trim(str_sub(got, 7, got.len));
    return got.len == want.len && crypto_eq(got.ptr, want.ptr, want.len);
}

static bool refuse_unauthenticated(struct request *r) {
    r->err.cause = "unauthenticated";
    (void)err_set(&r->err, ST_DENIED, __FILE__, __LINE__, "no valid credentials");
    return refuse_err(r);
}

bool admit_caller(struct request *r) {
    const struct route *route = r->pub.route;
    uint32_t wait_ms = 0;

    if (route->auth != AUTH_NONE && route->auth != AUTH_SIGNATURE) {
        wait_ms = rates_peek(r->h->rates, address_key(r, SCOPE_FAILED_AUTH), FAILED_AUTH_PER_MIN,
                             clock_mono_ms());
        if (wait_ms > 0 && !r->is_local)
            return refuse_rate(r, wait_ms);
    }
    if (route->auth == AUTH_OPERATOR && !r->is_local && !has_operator_token(r)) {
        (void)rates_take(r->h->rates, address_key(r, SCOPE_FAILED_AUTH), FAILED_AUTH_PER_MIN,
                         clock_mono_ms());
        return refuse_unauthenticated(r);
    }
    if (route->auth == AUTH_MEMBER || route->rate_per_min == 0)
        return true;
    return take_rate(r, address_key(r, route_scope(r)), route->rate_per_min);
}

static bool is_safe(enum http_method method) {
    return method == HTTP_GET || method == HTTP_OPTIONS;
}

/* A browser sends the cookie along with requests that other sites make it send; those carry
 * another origin. */
bool req_is_same_origin(const struct req *r) {
    struct str origin = req_header(r, "origin");

    return str_eq(req_header(r, "sec-fetch-site"), STR("same-origin")) ||
           (origin.len > 0 && origin_is_host(origin, req_header(r, "host")));
}

static bool may_use(const struct route *route, const struct principal *p) {
    if (!uuid_is_nil(p->user.v))
        return p->role >= route->min_role;
    return !route->scope || scope_permits(p->scopes, str_of(route->scope));
}

static struct rate_key principal_key(const struct principal *p, uint32_t scope) {
    struct rate_key key = {.scope = scope};
    struct uuid id = !uuid_is_nil(p->user.v) ? p->user.v : p->key;

    if (uuid_is_nil(id))
        id = p->tenant.v;
    memcpy(key.id, id.bytes, sizeof(key.id));
    return key;
}

static bool refuse_auth(struct request *r, enum status st) {
    (void)err_set(&r->err, st, __FILE__, __LINE__, "not allowed");
    if (st == ST_DENIED && r->err.cause && strcmp(r->err.cause, "unauthenticated") == 0)
        (void)rates_take(r->h->rates, address_key(r, SCOPE_FAILED_AUTH), FAILED_AUTH_PER_MIN,
                         clock_mono_ms());
    return refuse_err(r);
}

bool admit_principal(struct request *r) {
    const struct route *route = r->pub.route;
    const struct principal *p = &r->pub.principal;
    uint32_t rate = route->rate_per_min;
    enum status st;

    if (route->auth != AUTH_MEMBER)
        return true;
    st = r->h->options.auth(r->h->options.app, &r->pub, &r->pub.principal, &r->err);
    if (st == ST_OK && !may_use(route, p))
        st = ST_DENIED;
    if (st != ST_OK)
        return refuse_auth(r, st);
    r->log_fields[1] = F_UUID("tenant", p->tenant.v);
    r->pub.log.n = 2;
    if (p->by_cookie && !is_safe(r->pub.method) && !req_is_same_origin(&r->pub))
        return refuse(r, (struct problem){.status = 403,
                                          .slug = "cross-origin",
                                          .detail = STR("a write needs a same-origin proof")});
    if (rate > 0)
        return take_rate(r, principal_key(p, route_scope(r)), rate);
    rate = r->h->options.member_rate_per_min;
    return take_rate(r, principal_key(p, SCOPE_DEFAULT), rate ? rate : MEMBER_RATE_PER_MIN);
}

bool scope_permits(struct str scopes, struct str wanted) {
    struct str area = wanted, item;

    (void)str_cut(&wanted, ':', &area);
    while (scopes.len > 0) {
        struct str item_area;

        (void)str_cut(&scopes, ' ', &item);
        if (str_eq(item, STR("*")))
            return true;
        (void)str_cut(&item, ':', &item_area);
        if (item.len > 0 && str_eq(item_area, area) &&
            (str_eq(item, wanted) || str_eq(item, STR("*"))))
            return true;
    }
    return false;
}

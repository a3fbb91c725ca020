/* fuzz_http_inputs.c - what clients write, through every reader of httpd/: targets, paths,
 * queries, cookies, origins, forwarded addresses, scopes. No crash, nothing invalid let through,
 * and the same answer for an equal text elsewhere in memory.
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "httpd/inputs.h"
#include "httpd/peer.h"
#include "httpd/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct route routes[] = {
    {.method = HTTP_GET, .path = "/"},
    {.method = HTTP_GET, .path = "/a/{id}"},
    {.method = HTTP_POST, .path = "/a/{id}/b/{other}"},
    {.method = HTTP_GET, .path = "/a/literal"},
    {.method = HTTP_GET, .path = "/a/literal/b"},
    {.method = HTTP_GET, .path = "/files/{path*}"},
    {.method = HTTP_GET, .path = "/{x}/{y}/{z}"},
};

static void check_text(struct str s) {
    assert(utf8_is_valid(s));
    assert(s.len == 0 || !memchr(s.ptr, '\0', s.len));
}

static void check_target(struct arena *a, const struct route_tree *t, struct str s) {
    struct route_match m = {0};
    struct pairs query;
    struct str path, left;

    if (!target_split(s, &path, &left))
        return;
    if (route_tree_match(t, a, path, &m) == ROUTE_FOUND) {
        for (size_t i = 0; i < m.n_values; i++)
            check_text(m.values[i]);
    }
    if (!query_parse(a, left, &query))
        return;
    assert(query.n <= QUERY_MAX_PAIRS);
    for (size_t i = 0; i < query.n; i++) {
        const struct pair *p = pairs_find(&query, query.items[i].name);

        check_text(query.items[i].name);
        check_text(query.items[i].value);
        assert(p && p <= &query.items[i]); /* the first of its name */
    }
}

/* Decoding never makes longer, and leaves alone what has nothing to decode. */
static void check_decode(struct arena *a, struct str s) {
    struct str out;

    for (int is_form = 0; is_form <= 1; is_form++) {
        if (!url_decode(a, s, is_form, &out))
            continue;
        check_text(out);
        assert(out.len <= s.len);
        if (!str_contains(s, STR("%")) && !str_contains(s, STR("+")))
            assert(str_eq(out, s));
    }
}

static void check_headers(struct str s) {
    struct str name, rest = s, value;

    (void)str_cut(&rest, '\n', &name);
    if (cookie_find(rest, name, &value))
        assert(value.ptr >= rest.ptr && value.ptr + value.len <= rest.ptr + rest.len);
    if (header_name_is_valid(name))
        assert(name.len > 0 && !str_contains(name, STR(" ")) && !str_contains(name, STR(":")));
    if (header_value_is_valid(rest))
        assert(!str_contains(rest, STR("\r")) && !str_contains(rest, STR("\n")));
    (void)header_has_token(rest, name);
    assert(!origin_is_host(name, STR_EMPTY));
    (void)origin_is_host(name, rest);
    (void)scope_permits(rest, name);
}

static void check_peer(struct arena *a, struct str s) {
    struct networks trusted;
    struct str text = s, list;
    char shown[IP_TEXT_BYTES];
    struct ip ip = {0}, again;
    size_t n;

    (void)str_cut(&text, '\n', &list);
    if (networks_parse(a, list, &trusted, NULL) != ST_OK)
        return;
    if (peer_from_forwarded(&trusted, text, &ip) && !networks_contain(&trusted, &ip))
        (void)ip_bucket(&ip);
    n = ip_format_to(&ip, shown);
    assert(n > 0 && ip_parse((struct str){.ptr = shown, .len = n}, &again));
    assert(memcmp(&ip, &again, sizeof(ip)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct str s = {.ptr = (const char *)data, .len = size};
    struct route_tree t;

    if (route_tree_build(&a, routes, ARRAY_LEN(routes), &t, NULL) != ST_OK)
        abort();
    check_target(&a, &t, s);
    check_decode(&a, s);
    check_headers(s);
    check_peer(&a, s);
    return 0;
}

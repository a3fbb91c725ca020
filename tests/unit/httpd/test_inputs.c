/* test_inputs.c - what inputs.h promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include <string.h>

#include "httpd/inputs.h"

static struct arena arena;

static int teardown(void **state) {
    (void)state;
    arena_done(&arena);
    return 0;
}

static void target_of_each_form_splits(void **state) {
    struct str path, query;

    (void)state;
    assert_true(target_split(STR("/a/b?x=1&y"), &path, &query));
    assert_str(path, "/a/b");
    assert_str(query, "x=1&y");
    assert_true(target_split(STR("http://host:80/a?q"), &path, &query));
    assert_str(path, "/a");
    assert_str(query, "q");
    assert_true(target_split(STR("https://host"), &path, &query));
    assert_str(path, "/");
    assert_true(target_split(STR("*"), &path, &query));
    assert_str(path, "*");
    assert_false(target_split(STR("host:443"), &path, &query));
    assert_false(target_split(STR(""), &path, &query));
}

static void decoding_accepts_text_only(void **state) {
    struct str s;

    (void)state;
    assert_true(url_decode(&arena, STR("a%20b%C3%A7+"), false, &s));
    assert_str(s, "a b\xC3\xA7+");
    assert_true(url_decode(&arena, STR("a+b%2B"), true, &s));
    assert_str(s, "a b+");
    assert_false(url_decode(&arena, STR("%"), false, &s));
    assert_false(url_decode(&arena, STR("%4"), false, &s));
    assert_false(url_decode(&arena, STR("%zz"), false, &s));
    assert_false(url_decode(&arena, STR("a%00b"), false, &s));
    assert_false(url_decode(&arena, STR("a%00b"), true, &s));
    assert_false(url_decode(&arena, STR("%C3"), false, &s));
    assert_false(url_decode(&arena, STR("\xff"), false, &s));
    assert_false(url_decode(&arena, STR("a%0Ab"), false, &s));
    assert_true(url_decode(&arena, STR("a%0Ab"), true, &s));
}

static void query_names_are_decoded_too(void **state) {
    struct pairs list;

    (void)state;
    assert_true(
        query_parse(&arena, STR("hub%2Emode=subscribe&&hub.challenge=1%2B1&flag&=x"), &list));
    assert_int_equal(list.n, 4);
    assert_str(pairs_find(&list, STR("hub.mode"))->value, "subscribe");
    assert_str(pairs_find(&list, STR("hub.challenge"))->value, "1+1");
    assert_str(pairs_find(&list, STR("flag"))->value, "");
    assert_null(pairs_find(&list, STR("Flag")));
    assert_true(query_parse(&arena, STR(""), &list));
    assert_int_equal(list.n, 0);
    assert_false(query_parse(&arena, STR("a=%f"), &list));
}

static void query_is_bounded(void **state) {
    char text[2 * (QUERY_MAX_PAIRS + 1)];
    struct pairs list;

    (void)state;
    for (size_t i = 0; i < sizeof(text); i += 2)
        memcpy(text + i, "a&", 2);
    assert_false(query_parse(&arena, (struct str){.ptr = text, .len = sizeof(text) - 1}, &list));
    assert_true(query_parse(&arena, (struct str){.ptr = text, .len = sizeof(text) - 3}, &list));
    assert_int_equal(list.n, QUERY_MAX_PAIRS);
}

static void cookie_is_found_among_others(void **state) {
    struct str header = STR("a=1; sid=\"x=y\";session=abc ; empty=; odd");
    struct str s;

    (void)state;
    assert_true(cookie_find(header, STR("session"), &s));
    assert_str(s, "abc");
    assert_true(cookie_find(header, STR("sid"), &s));
    assert_str(s, "x=y");
    assert_true(cookie_find(header, STR("empty"), &s));
    assert_str(s, "");
    assert_false(cookie_find(header, STR("odd"), &s));
    assert_false(cookie_find(header, STR("ession"), &s));
    assert_false(cookie_find(STR(""), STR("a"), &s));
}

static void header_syntax_is_checked(void **state) {
    (void)state;
    assert_true(header_name_is_valid(STR("X-Request-Id")));
    assert_false(header_name_is_valid(STR("")));
    assert_false(header_name_is_valid(STR("Content-Length ")));
    assert_false(header_name_is_valid(STR("a\0b")));
    assert_true(header_value_is_valid(STR("a\tb \xC3\xA7")));
    assert_false(header_value_is_valid(STR("a\rb")));
    assert_false(header_value_is_valid(STR("a\0b")));
    assert_true(header_has_token(STR("keep-alive, Upgrade"), STR("upgrade")));
    assert_false(header_has_token(STR("upgrades"), STR("upgrade")));
}

static void origin_compares_host_and_port(void **state) {
    (void)state;
    assert_true(origin_is_host(STR("https://a.example"), STR("a.example")));
    assert_true(origin_is_host(STR("https://A.example"), STR("a.example:443")));
    assert_true(origin_is_host(STR("http://a.example:80"), STR("a.example")));
    assert_true(origin_is_host(STR("http://127.0.0.1:8080"), STR("127.0.0.1:8080")));
    assert_true(origin_is_host(STR("http://[::1]:8080"), STR("[::1]:8080")));
    assert_true(origin_is_host(STR("http://[::1]"), STR("[::1]")));
    assert_false(origin_is_host(STR("https://a.example:8443"), STR("a.example")));
    assert_false(origin_is_host(STR("https://b.example"), STR("a.example")));
    assert_false(origin_is_host(STR("https://a.example.evil"), STR("a.example")));
    assert_false(origin_is_host(STR("null"), STR("null")));
    assert_false(origin_is_host(STR("https://"), STR("")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(target_of_each_form_splits),
        cmocka_unit_test(decoding_accepts_text_only),
        cmocka_unit_test(query_names_are_decoded_too),
        cmocka_unit_test(query_is_bounded),
        cmocka_unit_test(cookie_is_found_among_others),
        cmocka_unit_test(header_syntax_is_checked),
        cmocka_unit_test(origin_compares_host_and_port),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}

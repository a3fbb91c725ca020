/* test_route.c - what route.h promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include "httpd/route.h"

static const struct route routes[] = {
    {.method = HTTP_GET, .path = "/"},
    {.method = HTTP_GET, .path = "/api/v1/leads/{id}"},
    {.method = HTTP_DELETE, .path = "/api/v1/leads/{lead}"},
    {.method = HTTP_GET, .path = "/api/v1/leads/export"},
    {.method = HTTP_GET, .path = "/api/v1/leads/{id}/notes/{note}"},
    {.method = HTTP_GET, .path = "/assets/{path*}"},
    {.method = HTTP_GET, .path = "/api/v1/leads/export/now"},
};

static struct arena arena;
static struct route_tree tree;

static int setup(void **state) {
    struct err e = ERR_INIT;

    (void)state;
    return route_tree_build(&arena, routes, ARRAY_LEN(routes), &tree, &e) == ST_OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    arena_done(&arena);
    return 0;
}

static enum route_result match(struct str path, struct route_match *ret) {
    *ret = (struct route_match){0};
    return route_tree_match(&tree, &arena, path, ret);
}

static void literal_wins_over_parameter(void **state) {
    struct route_match m;

    (void)state;
    assert_int_equal(match(STR("/api/v1/leads/export"), &m), ROUTE_FOUND);
    assert_ptr_equal(m.by_method[HTTP_GET], &routes[3]);
    assert_null(m.by_method[HTTP_DELETE]);
    assert_int_equal(match(STR("/api/v1/leads/42"), &m), ROUTE_FOUND);
    assert_ptr_equal(m.by_method[HTTP_GET], &routes[1]);
    assert_ptr_equal(m.by_method[HTTP_DELETE], &routes[2]);
    assert_str(m.values[0], "42");
}

static void parameter_is_tried_after_a_literal_that_leads_nowhere(void **state) {
    struct route_match m;

    (void)state;
    assert_int_equal(match(STR("/api/v1/leads/export/notes/7"), &m), ROUTE_FOUND);
    assert_ptr_equal(m.by_method[HTTP_GET], &routes[4]);
    assert_int_equal(m.n_values, 2);
    assert_str(m.values[0], "export");
    assert_str(m.values[1], "7");
}

static void encoded_slash_stays_inside_its_segment(void **state) {
    struct route_match m;

    (void)state;
    assert_int_equal(match(STR("/api/v1/leads/a%2Fb"), &m), ROUTE_FOUND);
    assert_str(m.values[0], "a/b");
    assert_int_equal(match(STR("/%61pi/v1/leads/x"), &m), ROUTE_FOUND);
}

static void rest_takes_slashes_but_no_dots(void **state) {
    struct route_match m;

    (void)state;
    assert_int_equal(match(STR("/assets/js/app.js"), &m), ROUTE_FOUND);
    assert_str(m.values[0], "js/app.js");
    assert_int_equal(match(STR("/assets/"), &m), ROUTE_FOUND);
    assert_str(m.values[0], "");
    assert_int_equal(match(STR("/assets"), &m), ROUTE_MISSING);
    assert_int_equal(match(STR("/assets/../etc"), &m), ROUTE_MISSING);
    assert_int_equal(match(STR("/assets/..%2Fetc"), &m), ROUTE_MISSING);
    assert_int_equal(match(STR("/assets/a/%2e%2e/b"), &m), ROUTE_MISSING);
    assert_int_equal(match(STR("/api/v1/leads/.."), &m), ROUTE_MISSING);
}

static void malformed_and_missing_differ(void **state) {
    struct route_match m;

    (void)state;
    assert_int_equal(match(STR("/api/v1/leads/%zz"), &m), ROUTE_MALFORMED);
    assert_int_equal(match(STR("/api/v1/leads/%00"), &m), ROUTE_MALFORMED);
    assert_int_equal(match(STR("/api/v1/leads/%C3%28"), &m), ROUTE_MALFORMED);
    assert_int_equal(match(STR("/api/v1/leads/"), &m), ROUTE_MISSING);
    assert_int_equal(match(STR("/api/v1/leads/1/"), &m), ROUTE_MISSING);
    assert_int_equal(match(STR("*"), &m), ROUTE_MISSING);
    assert_int_equal(match(STR(""), &m), ROUTE_MISSING);
    assert_int_equal(match(STR("/"), &m), ROUTE_FOUND);
}

static void parameters_are_named_per_route(void **state) {
    size_t i = 9;

    (void)state;
    assert_true(route_param_index(&routes[4], STR("note"), &i));
    assert_int_equal(i, 1);
    assert_true(route_param_index(&routes[5], STR("path"), &i));
    assert_int_equal(i, 0);
    assert_false(route_param_index(&routes[4], STR("notes"), &i));
    assert_false(route_param_index(&routes[0], STR(""), &i));
}

static void assert_refused(const struct route *bad, size_t n) {
    struct err e = ERR_INIT;
    struct route_tree t;

    assert_int_equal(route_tree_build(&arena, bad, n, &t, &e), ST_INVALID);
    assert_true(e.message[0] != '\0');
}

static void wrong_tables_are_refused(void **state) {
    static const struct route twice[] = {{.path = "/a/{x}"}, {.path = "/a/{y}"}};
    static const struct route no_slash[] = {{.path = "a"}};
    static const struct route half[] = {{.path = "/a{x}"}};
    static const struct route behind_rest[] = {{.path = "/{x*}/b"}};
    static const struct route no_name[] = {{.path = "/{}"}};

    (void)state;
    assert_refused(twice, 2);
    assert_refused(no_slash, 1);
    assert_refused(half, 1);
    assert_refused(behind_rest, 1);
    assert_refused(no_name, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literal_wins_over_parameter),
        cmocka_unit_test(parameter_is_tried_after_a_literal_that_leads_nowhere),
        cmocka_unit_test(encoded_slash_stays_inside_its_segment),
        cmocka_unit_test(rest_takes_slashes_but_no_dots),
        cmocka_unit_test(malformed_and_missing_differ),
        cmocka_unit_test(parameters_are_named_per_route),
        cmocka_unit_test(wrong_tables_are_refused),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}

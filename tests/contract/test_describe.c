/* test_describe.c - the description of the API and the route table, held against each other both ways.
 * SPDX-License-Identifier: Apache-2.0 */
#include "app/app.h"
#include "console/describe.h"
#include "unit/check.h"

struct fixture {
    struct arena a;
    const struct route *routes[1024];
    size_t n;
    struct descriptions d;
    struct err e;
};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    assert_in_range(app_route_list(f->routes, ARRAY_LEN(f->routes), &f->n), 1,
                    ARRAY_LEN(f->routes));
    assert_ok(describe_load(&f->a, &f->d, &f->e), &f->e);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;

    arena_done(&f->a);
    free(f);
    return 0;
}

static const struct json *operation(struct fixture *f, const struct route *route) {
    size_t subject;

    return describe_find(&f->d, &f->a, route, &subject);
}

static void every_route_is_described(void **state) {
    struct fixture *f = *state;
    size_t n_missing = 0;

    for (size_t i = 0; i < f->n; i++) {
        struct str name = describe_name(&f->a, f->routes[i]);

        if (operation(f, f->routes[i]))
            continue;
        print_error("\"%.*s\" is not described: add it to \"operations\" in the api_*.json beside "
                    "its api_*.c, with an \"id\" and an \"answer\" (src/console/describe.h)\n",
                    STR_ARG(name));
        n_missing++;
    }
    assert_int_equal(n_missing, 0);
}

static bool is_route(struct fixture *f, struct str name) {
    for (size_t i = 0; i < f->n; i++)
        if (str_eq(describe_name(&f->a, f->routes[i]), name))
            return true;
    return false;
}

static void every_description_has_its_route(void **state) {
    struct fixture *f = *state;
    const struct json *op;
    struct str name;

    for (size_t i = 0; i < f->d.n; i++) {
        for (size_t k = 0; json_member(json_get(f->d.subjects[i], "operations"), k, &name, &op);
             k++) {
            if (is_route(f, name))
                continue;
            print_error("src%s: \"%.*s\" is no route\n", f->d.paths[i], STR_ARG(name));
            fail();
        }
    }
}

static bool is_known_member(struct str name) {
    static const char *const names[] = {
        "id",        "description", "path",          "query",  "page", "body",       "body_note",
        "body_type", "answer",      "body_optional", "status", "list", "answer_type"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq(name, str_of(names[i])))
            return true;
    return false;
}

static bool is_repeated(struct fixture *f, size_t at, struct str id) {
    for (size_t i = 0; i < at; i++)
        if (str_eq(json_str(json_get(operation(f, f->routes[i]), "id")), id))
            return true;
    return false;
}

static const char *fault_of(struct fixture *f, size_t at) {
    const struct json *op = operation(f, f->routes[at]), *v;
    int64_t status = json_i64(json_get(op, "status"), 200);
    bool has_answer = json_get(op, "answer") || json_get(op, "list");
    struct str name;

    for (size_t i = 0; json_member(op, i, &name, &v); i++)
        if (!is_known_member(name))
            return "has a member that describe.h does not know";
    if (json_str(json_get(op, "id")).len == 0)
        return "has no \"id\"";
    if (is_repeated(f, at, json_str(json_get(op, "id"))))
        return "has the \"id\" of another";
    if (has_answer == (status == 204 || status == 101))
        return "wants an \"answer\" or \"list\", or a \"status\" of 204";
    if (json_get(op, "body") && f->routes[at]->max_body == 0)
        return "has a \"body\", but the route takes none";
    return f->routes[at]->summary ? NULL : "has no summary in the route table";
}

static void every_description_says_what_it_must(void **state) {
    struct fixture *f = *state;

    for (size_t i = 0; i < f->n; i++) {
        struct str name = describe_name(&f->a, f->routes[i]);
        const char *fault = operation(f, f->routes[i]) ? fault_of(f, i) : NULL;

        if (!fault)
            continue;
        print_error("\"%.*s\" %s\n", STR_ARG(name), fault);
        fail();
    }
}

/* "#/components/schemas/NAME" anywhere. */
static void check_references(struct fixture *f, const struct json *openapi, const struct json *v) {
    const struct json *member;
    struct str name;

    for (size_t i = 0; json_member(v, i, &name, &member); i++) {
        struct str target = json_str(member);

        if (str_eq(name, STR("$ref")) && str_eat(&target, STR("#/components/schemas/")) &&
            !json_path(openapi, "components", "schemas", arena_cstr(&f->a, target), NULL)) {
            print_error("no schema \"%.*s\": add it to \"schemas\" of an api_*.json\n",
                        STR_ARG(target));
            fail();
        }
        check_references(f, openapi, member);
    }
    for (size_t i = 0; json_type(v) == JSON_ARRAY && i < json_len(v); i++)
        check_references(f, openapi, json_at(v, i));
}

static void the_document_is_whole_and_repeats_the_table(void **state) {
    struct fixture *f = *state;
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = DESCRIBE_MAX_BYTES};
    const struct json *openapi;

    describe_openapi(&b, &f->a, &f->d, f->routes, f->n);
    assert_false(b.overflown);
    assert_ok(json_parse(&f->a, buf_str(&b), JSON_LIMITS_DEFAULT, &openapi, &f->e), &f->e);
    check_references(f, openapi, openapi);
    for (size_t i = 0; i < f->n; i++) {
        struct str method = describe_name(&f->a, f->routes[i]), verb;
        const struct json *path = json_path(openapi, "paths", f->routes[i]->path, NULL), *op;
        struct str member;
        bool is_found = false;

        (void)str_cut(&method, ' ', &verb);
        for (size_t k = 0; json_member(path, k, &member, &op); k++)
            if (str_eq_nocase(member, verb)) {
                is_found = true;
                assert_str(json_str(json_get(op, "summary")), f->routes[i]->summary);
                assert_str(json_str(json_get(op, "x-scope")),
                           f->routes[i]->scope ? f->routes[i]->scope : "");
            }
        assert_true(is_found);
    }
}

static void the_page_escapes_what_it_shows(void **state) {
    struct fixture *f = *state;
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = DESCRIBE_MAX_BYTES};
    const struct json *doc;

    assert_ok(json_parse(&f->a,
                         STR("{\"info\":{\"description\":\"a<b>&\\\"c\"},\"tags\":[{\"name\":"
                             "\"<t>\"}],\"paths\":{\"/<p>\":{\"get\":{\"tags\":[\"<t>\"],"
                             "\"summary\":\"<s>\",\"operationId\":\"x\\\"y\"}}}}"),
                         JSON_LIMITS_DEFAULT, &doc, &f->e),
              &f->e);
    describe_page(&b, doc, STR(""));
    assert_true(str_contains(buf_str(&b), STR("a&lt;b&gt;&amp;&quot;c")));
    assert_true(str_contains(buf_str(&b), STR("<code>GET /&lt;p&gt;</code>")));
    assert_true(str_contains(buf_str(&b), STR("id=\"x&quot;y\"")));
    assert_false(str_contains(buf_str(&b), STR("<s>")));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(every_route_is_described),
        TEST(every_description_has_its_route),
        TEST(every_description_says_what_it_must),
        TEST(the_document_is_whole_and_repeats_the_table),
        TEST(the_page_escapes_what_it_shows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

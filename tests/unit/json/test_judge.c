/* test_judge.c - our reader and jansson give the same verdict and the same values on every case.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include "base/buf.h"
#include "unit/json/cases.h"
#include "unit/json/judge.h"

/* Our limits where jansson has others. */
static const struct json_limits limits = {
    .max_bytes = 1 << 20, .max_depth = JSON_MAX_DEPTH, .max_values = 100000};

static void check_round_trip(struct arena *a, const struct json *v, json_t *theirs) {
    ATTR_CLEANUP(buf_done_p) struct buf b;
    const struct json *again = NULL;
    struct err e = ERR_INIT;

    buf_init(&b, 1 << 20);
    json_write(&b, v);
    assert_ok(json_parse(a, buf_str(&b), limits, &again, &e), &e);
    assert_true(judge_same(again, theirs));
}

static void check_accepted(const char *name, struct str text) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    ATTR_CLEANUP(judge_free) json_t *theirs = judge_parse(text, false);
    const struct json *ours = NULL;
    struct err e = ERR_INIT;

    if (json_parse(&a, text, limits, &ours, &e) != ST_OK)
        fail_msg("%s: %s", name, e.message);
    if (!theirs)
        fail_msg("%s: jansson refuses it", name);
    if (!judge_same(ours, theirs))
        fail_msg("%s: another value than jansson's", name);
    check_round_trip(&a, ours, theirs);
}

static void check_refused(const char *name, struct str text) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    ATTR_CLEANUP(judge_free) json_t *theirs = judge_parse(text, false);
    const struct json *ours = NULL;
    struct err e = ERR_INIT;

    if (json_parse(&a, text, limits, &ours, &e) != ST_INVALID)
        fail_msg("%s: accepted", name);
    if (theirs && judge_depth(theirs) <= limits.max_depth)
        fail_msg("%s: jansson accepts it", name);
    assert_null(ours);
    assert_true(str_starts(str_of(e.message), STR("could not read JSON")));
}

static void all_valid_texts_are_accepted(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(json_accepted); i++)
        check_accepted(json_accepted[i].name, json_accepted[i].text);
}

static void all_invalid_texts_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(json_refused); i++)
        check_refused(json_refused[i].name, json_refused[i].text);
}

/* head, then n times middle, then tail, then n times end. */
static struct str repeat(struct arena *a, const char *head, const char *middle, size_t n,
                         const char *tail, const char *end) {
    struct buf b;
    struct str s;

    buf_init(&b, 1 << 20);
    buf_add(&b, str_of(head));
    for (size_t i = 0; i < n; i++)
        buf_add(&b, str_of(middle));
    buf_add(&b, str_of(tail));
    for (size_t i = 0; i < n; i++)
        buf_add(&b, str_of(end));
    s = arena_str(a, buf_str(&b));
    buf_done(&b);
    return s;
}

static void long_texts_are_judged_alike(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};

    (void)state;
    check_accepted("long_string", repeat(&a, "\"", "x", 100000, "\"", ""));
    check_accepted("long_escapes", repeat(&a, "\"", "\\u00e9\\n", 10000, "\"", ""));
    check_accepted("long_array", repeat(&a, "[1", ",null", 50000, "]", ""));
    check_accepted("long_fraction", repeat(&a, "0.", "3", 5000, "", ""));
    check_accepted("long_real", repeat(&a, "", "7", 300, ".0", ""));
    check_accepted("deepest_objects", repeat(&a, "", "{\"a\":", JSON_MAX_DEPTH, "1", "}"));
    check_accepted("much_space", repeat(&a, "[", " \n\t\r", 5000, "]", ""));
    check_refused("deeper_objects", repeat(&a, "", "{\"a\":", JSON_MAX_DEPTH + 1, "1", "}"));
    check_refused("hostile_arrays", repeat(&a, "", "[", 100000, "", ""));
    check_refused("hostile_objects", repeat(&a, "", "{\"\":", 100000, "", ""));
    check_refused("long_integer", repeat(&a, "", "9", 300, "", ""));
}

static struct str many_members(struct arena *a, size_t n, size_t modulo) {
    struct buf b;
    struct str s;

    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < n; i++)
        buf_printf(&b, "%s\"key%zu\":%zu", i == 0 ? "{" : ",", i * 7919 % modulo, i);
    buf_add(&b, STR("}"));
    s = arena_str(a, buf_str(&b));
    buf_done(&b);
    return s;
}

static void big_objects_are_judged_alike(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};

    (void)state;
    for (size_t n = 1; n < 70; n++) {
        check_accepted("members", many_members(&a, n, 1000003));
        if (n > 1)
            check_refused("repeated", many_members(&a, n, n - 1));
    }
    check_accepted("10007 members", many_members(&a, 10007, 10007));
}

static void repeated_keys_merge_alike_when_allowed(void **state) {
    struct json_limits lenient = limits;

    (void)state;
    lenient.allow_duplicates = true;
    for (size_t n = 1; n < 60; n++) {
        for (size_t modulo = 1; modulo <= n; modulo += 3) {
            ATTR_CLEANUP(arena_done_p) struct arena a = {0};
            struct str text = many_members(&a, n, modulo);
            ATTR_CLEANUP(judge_free) json_t *theirs = judge_parse(text, true);
            const struct json *ours = NULL;
            struct err e = ERR_INIT;

            assert_non_null(theirs);
            assert_ok(json_parse(&a, text, lenient, &ours, &e), &e);
            assert_true(judge_same(ours, theirs));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_valid_texts_are_accepted),
        cmocka_unit_test(all_invalid_texts_are_refused),
        cmocka_unit_test(long_texts_are_judged_alike),
        cmocka_unit_test(big_objects_are_judged_alike),
        cmocka_unit_test(repeated_keys_merge_alike_when_allowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

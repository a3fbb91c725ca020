/* test_read.c - what json.h promises of reading: limits, messages, lifetimes, total readers.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include <string.h>

#include "json/json.h"

static struct arena arena;

static int teardown(void **state) {
    (void)state;
    arena_done(&arena);
    return 0;
}

static const struct json *parse(const char *text) {
    const struct json *v = NULL;
    struct err e = ERR_INIT;

    assert_ok(json_parse(&arena, str_of(text), JSON_LIMITS_DEFAULT, &v, &e), &e);
    return v;
}

static const char *refusal(struct str text, struct json_limits limits) {
    static struct err e;
    const struct json *v = NULL;

    e = ERR_INIT;
    assert_int_equal(json_parse(&arena, text, limits, &v, &e), ST_INVALID);
    return e.message;
}

static void limits_hold_to_the_last_one_allowed(void **state) {
    struct json_limits limits = {.max_bytes = 9, .max_depth = 2, .max_values = 4};
    const struct json *v = NULL;
    struct err e = ERR_INIT;

    (void)state;
    assert_ok(json_parse(&arena, STR("[[1,2]]  "), limits, &v, &e), &e);
    assert_string_equal(refusal(STR("[[1,2]]   "), limits),
                        "could not read JSON: 10 bytes, at most 9");
    assert_string_equal(refusal(STR("[[[]]]"), limits),
                        "could not read JSON at byte 2: nested too deep");
    assert_string_equal(refusal(STR("[1,2,3,4]"), limits),
                        "could not read JSON at byte 7: too many values");
    limits.max_depth = 0;
    assert_ok(json_parse(&arena, STR("17"), limits, &v, &e), &e);
    assert_string_equal(refusal(STR("{}"), limits),
                        "could not read JSON at byte 0: nested too deep");
}

static void messages_name_position_and_reason(void **state) {
    static const struct {
        struct str text;
        const char *message;
    } cases[] = {
        {STR(""), "at byte 0: unexpected end"},
        {STR("[1,"), "at byte 3: unexpected end"},
        {STR("[1 2]"), "at byte 3: expected a comma or the end of an array"},
        {STR("{\"a\" 1}"), "at byte 5: expected a colon"},
        {STR("{\"a\":1 \"b\"}"), "at byte 7: expected a comma or the end of an object"},
        {STR("{1:1}"), "at byte 1: expected a key"},
        {STR("[01]"), "at byte 1: leading zero"},
        {STR("[1.]"), "at byte 3: expected a digit"},
        {STR("[9223372036854775808]"), "at byte 1: integer outside 64 bits"},
        {STR("[1e999]"), "at byte 1: number too large"},
        {STR("[\"ab"), "at byte 4: string does not end"},
        {STR("[\"a\nb\"]"), "at byte 3: control character in string"},
        {STR("[\"\\x\"]"), "at byte 2: unknown escape"},
        {STR("[\"\\u00g0\"]"), "at byte 6: expected a hexadecimal digit"},
        {STR("[\"\\ud800\"]"), "at byte 4: lone surrogate"},
        {STR("[\"\xff\"]"), "at byte 2: not UTF-8"},
        {STR("[{\"a\":1,\"a\":2}]"), "at byte 1: object repeats a key"},
        {STR("{\"a\\u0000\":1}"), "at byte 1: zero byte in a key"},
        {STR("[1] x"), "at byte 4: more text behind the value"},
        {STR("[nil]"), "at byte 1: expected a value"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str message = str_of(refusal(cases[i].text, JSON_LIMITS_DEFAULT));

        assert_true(str_eat(&message, STR("could not read JSON ")));
        assert_str(message, cases[i].message);
    }
}

static void messages_never_show_content(void **state) {
    (void)state;
    assert_null(strstr(refusal(STR("{\"token\":secret}"), JSON_LIMITS_DEFAULT), "secret"));
    assert_null(strstr(refusal(STR("{\"secret\":1,\"secret\":1}"), JSON_LIMITS_DEFAULT), "secret"));
}

static void values_do_not_point_into_the_text(void **state) {
    char text[] = "{\"key\":[\"value\",\"esc\\u0061ped\"]}";
    const struct json *v = NULL;
    struct err e = ERR_INIT;

    (void)state;
    assert_ok(json_parse(&arena, str_of(text), JSON_LIMITS_DEFAULT, &v, &e), &e);
    memset(text, 'x', sizeof(text));
    assert_str(json_str(json_at(json_get(v, "key"), 0)), "value");
    assert_str(json_str(json_at(json_get(v, "key"), 1)), "escaped");
}

static void text_is_not_changed(void **state) {
    static const char text[] =
        "[\"\\u0041\\n\",1.5,-2e3]"; /* read-only memory: a write would crash */

    (void)state;
    assert_int_equal(json_len(parse(text)), 3);
}

static void paths_walk_objects_only(void **state) {
    const struct json *v = parse("{\"a\":{\"b\":{\"c\":1}},\"l\":[{\"b\":2}],\"n\":null}");

    (void)state;
    assert_int_equal(json_i64(json_path(v, "a", "b", "c", NULL), 0), 1);
    assert_null(json_path(v, "a", "x", "c", NULL));
    assert_null(json_path(v, "l", "b", NULL));
    assert_null(json_path(v, "n", "b", NULL));
    assert_ptr_equal(json_path(v, NULL), v);
    assert_null(json_path(NULL, "a", NULL));
}

static void readers_accept_absent_and_other_types(void **state) {
    static const char *const texts[] = {"null", "true", "1", "1.5", "\"x\"", "[1]", "{\"a\":1}"};
    struct str key;
    const struct json *value;

    (void)state;
    for (size_t i = 0; i <= ARRAY_LEN(texts); i++) {
        const struct json *v = i < ARRAY_LEN(texts) ? parse(texts[i]) : NULL;

        assert_true(json_type(v) == (i < 7 ? (enum json_type)(i + 1) : JSON_ABSENT));
        assert_int_equal(json_i64(v, 77), i == 2 ? 1 : 77);
        assert_true(json_real(v, 7.5) == (i == 2 ? 1.0 : i == 3 ? 1.5 : 7.5));
        assert_int_equal(json_bool(v, false), i == 1);
        assert_str(json_str(v), i == 4 ? "x" : "");
        assert_int_equal(json_len(v), i == 5 || i == 6);
        assert_int_equal(json_at(v, 0) != NULL, i == 5);
        assert_int_equal(json_get(v, "a") != NULL, i == 6);
        assert_int_equal(json_member(v, 0, &key, &value), i == 6);
        assert_false(json_member(v, 1, &key, &value));
        assert_null(json_at(v, 1));
    }
}

static void integers_are_read_from_digit_strings_too(void **state) {
    (void)state;
    assert_int_equal(json_i64(parse("\"1717000000\""), -1), 1717000000);
    assert_int_equal(json_i64(parse("\"-5\""), -1), -5);
    assert_int_equal(json_i64(parse("\"1.5\""), -1), -1);
    assert_int_equal(json_i64(parse("\"\""), -1), -1);
    assert_int_equal(json_i64(parse("\"99999999999999999999\""), -1), -1);
}

static void members_come_in_text_order(void **state) {
    const struct json *v = parse("{\"z\":1,\"a\":2,\"m\":3}");
    static const char *const keys[] = {"z", "a", "m"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const struct json *value;
        struct str key;

        assert_true(json_member(v, i, &key, &value));
        assert_str(key, keys[i]);
        assert_int_equal(json_i64(value, 0), (int64_t)i + 1);
    }
}

static void last_of_repeated_keys_wins_when_allowed(void **state) {
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    const struct json *v = NULL;
    struct err e = ERR_INIT;

    (void)state;
    limits.allow_duplicates = true;
    assert_ok(json_parse(&arena, STR("{\"a\":1,\"b\":2,\"a\":3}"), limits, &v, &e), &e);
    assert_int_equal(json_len(v), 2);
    assert_int_equal(json_i64(json_get(v, "a"), 0), 3);
}

/* 200,000 keys of one object: a quadratic search for repeats would take minutes. */
static void many_keys_cost_no_quadratic_time(void **state) {
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    const struct json *v = NULL;
    struct err e = ERR_INIT;
    struct buf b;

    (void)state;
    buf_init(&b, 4 << 20);
    for (int i = 0; i < 199999; i++)
        buf_printf(&b, "%s\"%08d\":0", i == 0 ? "{" : ",", i);
    buf_add_char(&b, '}');
    assert_ok(json_parse(&arena, buf_str(&b), limits, &v, &e), &e);
    assert_non_null(json_get(v, "00123456"));
    assert_null(json_get(v, "0012345"));
    buf_done(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_hold_to_the_last_one_allowed),
        cmocka_unit_test(messages_name_position_and_reason),
        cmocka_unit_test(messages_never_show_content),
        cmocka_unit_test(values_do_not_point_into_the_text),
        cmocka_unit_test(text_is_not_changed),
        cmocka_unit_test(paths_walk_objects_only),
        cmocka_unit_test(readers_accept_absent_and_other_types),
        cmocka_unit_test(integers_are_read_from_digit_strings_too),
        cmocka_unit_test(members_come_in_text_order),
        cmocka_unit_test(last_of_repeated_keys_wins_when_allowed),
        cmocka_unit_test(many_keys_cost_no_quadratic_time),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}

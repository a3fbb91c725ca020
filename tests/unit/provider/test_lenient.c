/* test_lenient.c - JSON that others wrote is read where a strict reader gives up, and only there.
 * SPDX-License-Identifier: Apache-2.0 */
#include "provider/lenient.h"

#include "unit/check.h"

static void check_string(const char *text, const char *says) {
    struct arena a = {0};
    const struct json *v = NULL;
    struct err e = ERR_INIT;

    assert_ok(lenient_parse(&a, str_of(text), 8, &v, &e), &e);
    assert_str(json_str(v), says);
    arena_done(&a);
}

static void lone_surrogates_become_replacement_characters(void **state) {
    (void)state;
    check_string("\"a\\ud83d\"", "a\xEF\xBF\xBD");
    check_string("\"\\udc00b\"", "\xEF\xBF\xBD"
                                 "b");
    check_string("\"\\ud83d\\ud83d\\ude00\"", "\xEF\xBF\xBD\xF0\x9F\x98\x80");
    check_string("\"\\uD83Dx\\u00e9\"", "\xEF\xBF\xBDx\xC3\xA9");
    check_string("\"\\ud83d\\n\"", "\xEF\xBF\xBD\n");
}

static void pairs_and_escaped_backslashes_stay(void **state) {
    (void)state;
    check_string("\"\\ud83d\\ude00\"", "\xF0\x9F\x98\x80");
    check_string("\"\\\\ud83d\"", "\\ud83d");
    check_string("\"\\\\\\ud83d\"", "\\\xEF\xBF\xBD");
    check_string("\"\\\\u0000\"", "\\u0000");
}

static void no_string_holds_a_nul(void **state) {
    (void)state;
    check_string("\"a\\u0000b\"", "a\xEF\xBF\xBD"
                                  "b");
    check_string("\"\\\\\\u0000\"", "\\\xEF\xBF\xBD");
}

static void bytes_that_are_no_utf8_become_replacement_characters(void **state) {
    (void)state;
    check_string("\"ol\xE1\"", "ol\xEF\xBF\xBD");
    check_string("\"\xED\xA0\x80\"", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
}

static void what_is_no_json_is_refused(void **state) {
    static const char *const texts[] = {"",           "{",          "\"\\u00\"",      "\"\\ud83",
                                        "{\"a\":1}}", "[[[[[]]]]]", "\"\\u0000",      "\\",
                                        "nul",        "\"\\",       "\"\\ud83d\\u\"", "\\u0000"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct arena a = {0};
        const struct json *v = NULL;
        struct err e = ERR_INIT;

        assert_int_equal(lenient_parse(&a, str_of(texts[i]), 4, &v, &e), ST_INVALID);
        assert_true(e.message[0] != '\0');
        arena_done(&a);
    }
}

static void the_last_of_repeated_keys_wins(void **state) {
    struct arena a = {0};
    const struct json *v = NULL;
    struct err e = ERR_INIT;

    (void)state;
    assert_ok(lenient_parse(&a, STR("{\"a\":1,\"b\":2,\"a\":3}"), 4, &v, &e), &e);
    assert_int_equal(json_i64(json_get(v, "a"), 0), 3);
    assert_int_equal(json_len(v), 2);
    arena_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lone_surrogates_become_replacement_characters),
        cmocka_unit_test(pairs_and_escaped_backslashes_stay),
        cmocka_unit_test(no_string_holds_a_nul),
        cmocka_unit_test(bytes_that_are_no_utf8_become_replacement_characters),
        cmocka_unit_test(what_is_no_json_is_refused),
        cmocka_unit_test(the_last_of_repeated_keys_wins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_write.c - what json.h promises of writing.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include <locale.h>
#include <math.h>

#include "json/json.h"

static struct buf out;
static struct json_out json;

static int setup(void **state) {
    (void)state;
    buf_init(&out, 1 << 16);
    json_out_init(&json, &out);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    buf_done(&out);
    return 0;
}

static void commas_and_keys_stand_where_they_belong(void **state) {
    (void)state;
    json_obj(&json, NULL);
    json_put_str(&json, "s", STR("x"));
    json_put_i64(&json, "i", INT64_MIN);
    json_arr(&json, "l");
    json_put_bool(&json, NULL, true);
    json_put_null(&json, NULL);
    json_obj(&json, NULL);
    json_end(&json);
    json_arr(&json, NULL);
    json_put_i64(&json, NULL, 1);
    json_end(&json);
    json_end(&json);
    json_put_raw(&json, "raw", STR("{\"a\":[]}"));
    json_put_opt(&json, "absent", STR_EMPTY);
    json_put_opt(&json, "there", STR("y"));
    json_put_str_or_null(&json, "empty", STR_EMPTY);
    json_put_str_or_null(&json, "full", STR("z"));
    json_put_raw_or_null(&json, "no raw", STR_EMPTY);
    json_put_raw_or_null(&json, "a raw", STR("[1]"));
    json_put_id(&json, "nil", (struct uuid){{0}});
    json_put_id(&json, "id", (struct uuid){{0x01, [15] = 0xff}});
    json_put_time(&json, "never", 0);
    json_put_time(&json, "at", 1000);
    json_put_json(&json, "none", NULL);
    json_end(&json);
    assert_str(buf_str(&out), "{\"s\":\"x\",\"i\":-9223372036854775808,\"l\":[true,null,{},[1]],"
                              "\"raw\":{\"a\":[]},\"there\":\"y\",\"empty\":null,\"full\":\"z\","
                              "\"no raw\":null,\"a raw\":[1],\"nil\":null,\"id\":"
                              "\"01000000-0000-0000-0000-0000000000ff\",\"never\":null,"
                              "\"at\":\"1970-01-01T00:00:01.000Z\",\"none\":null}");
}

static void strings_are_escaped(void **state) {
    (void)state;
    json_put_str(&json, NULL, STR("\"\\/\b\f\n\r\t\x01\x1f\x7f é\0z"));
    assert_str(buf_str(&out), "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f é\\u0000z\"");
}

static void keys_are_escaped(void **state) {
    (void)state;
    json_obj(&json, NULL);
    json_put_i64(&json, "a\"b", 1);
    json_end(&json);
    assert_str(buf_str(&out), "{\"a\\\"b\":1}");
}

static void invalid_utf8_becomes_u_fffd(void **state) {
    (void)state;
    json_put_str(&json, NULL,
                 STR("ab\xFF"
                     "cd\xE2\x82\"\xC3"));
    assert_str(buf_str(&out), "\"ab\xEF\xBF\xBD"
                              "cd\xEF\xBF\xBD\xEF\xBF\xBD\\\"\xEF\xBF\xBD\"");
}

static void reals_are_short_and_stay_reals(void **state) {
    static const struct {
        double v;
        const char *text;
    } cases[] = {
        {0.0, "0.0"},
        {-0.0, "-0.0"},
        {1.0, "1.0"},
        {0.1, "0.1"},
        {1e21, "1e+21"},
        {1.5, "1.5"},
        {100000, "100000.0"},
        {1.0 / 3, "0.3333333333333333"},
        {5e-324, "4.94065645841247e-324"},
        {NAN, "null"},
        {INFINITY, "null"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str before = buf_str(&out);

        json_out_init(&json, &out);
        json_put_real(&json, NULL, cases[i].v);
        assert_str(str_sub(buf_str(&out), before.len, out.len), cases[i].text);
    }
}

/* As a library that calls setlocale() would make it; skipped where no such locale is installed. */
static void locales_do_not_change_numbers(void **state) {
    static const char *const names[] = {"pt_BR.UTF-8", "de_DE.UTF-8", "fr_FR.UTF-8"};
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    const struct json *v = NULL;
    struct err e = ERR_INIT;

    (void)state;
    /* NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread */
    for (size_t i = 0; i < ARRAY_LEN(names) && !setlocale(LC_NUMERIC, names[i]); i++)
        continue;
    json_put_real(&json, NULL, 1234.5);
    assert_ok(json_parse(&a, STR("1234.5"), JSON_LIMITS_DEFAULT, &v, &e), &e);
    (void)setlocale(LC_NUMERIC, "C");
    /* NOLINTEND(concurrency-mt-unsafe) */
    assert_str(buf_str(&out), "1234.5");
    assert_true(json_real(v, 0) == 1234.5);
}

static void values_are_written_again(void **state) {
    static const char text[] = "{\"a\":[1,-2,1.5,true,false,null,\"x\\ny\"],\"b\":{},\"c\":[]}";
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    const struct json *v = NULL;
    struct err e = ERR_INIT;

    (void)state;
    assert_ok(json_parse(&a, str_of(text), JSON_LIMITS_DEFAULT, &v, &e), &e);
    json_write(&out, v);
    assert_str(buf_str(&out), text);
}

static void overflow_shows_in_the_buffer(void **state) {
    (void)state;
    buf_done(&out);
    buf_init(&out, 10);
    json_obj(&json, NULL);
    json_put_str(&json, "key", STR("longer than ten bytes"));
    json_end(&json);
    assert_true(out.overflown);
}

static void nesting_goes_to_the_readers_depth_less_one(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    const struct json *v = NULL;
    struct err e = ERR_INIT;

    (void)state;
    for (int i = 0; i < 63; i++)
        json_arr(&json, NULL);
    for (int i = 0; i < 63; i++)
        json_end(&json);
    limits.max_depth = 63;
    assert_ok(json_parse(&a, buf_str(&out), limits, &v, &e), &e);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(commas_and_keys_stand_where_they_belong, setup, teardown),
        cmocka_unit_test_setup_teardown(strings_are_escaped, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_are_escaped, setup, teardown),
        cmocka_unit_test_setup_teardown(invalid_utf8_becomes_u_fffd, setup, teardown),
        cmocka_unit_test_setup_teardown(reals_are_short_and_stay_reals, setup, teardown),
        cmocka_unit_test_setup_teardown(locales_do_not_change_numbers, setup, teardown),
        cmocka_unit_test_setup_teardown(values_are_written_again, setup, teardown),
        cmocka_unit_test_setup_teardown(overflow_shows_in_the_buffer, setup, teardown),
        cmocka_unit_test_setup_teardown(nesting_goes_to_the_readers_depth_less_one, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

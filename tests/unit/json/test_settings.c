/* test_settings.c - what json/settings.h promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include "json/settings.h"

static const char *const deep[] = {"texts", NULL};

static const struct json *parsed(struct arena *a, const char *text) {
    const struct json *v;
    struct err e = ERR_INIT;

    assert_int_equal(json_parse(a, str_of(text), JSON_LIMITS_DEFAULT, &v, &e), ST_OK);
    return v;
}

static void assert_laid(const char *base, const char *over, const char *want) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = 4096};
    const struct json *whole;
    struct err e = ERR_INIT;

    assert_int_equal(
        settings_lay(&a, parsed(&a, base), over ? parsed(&a, over) : NULL, deep, &whole, &e),
        ST_OK);
    json_write(&b, whole);
    assert_str(buf_str(&b), want);
}

static void what_is_not_set_is_the_default(void **state) {
    (void)state;
    assert_laid("{\"a\":1,\"b\":[2]}", NULL, "{\"a\":1,\"b\":[2]}");
    assert_laid("{\"a\":1,\"b\":[2]}", "{\"b\":[]}", "{\"a\":1,\"b\":[]}");
}

static void what_there_is_not_is_left_out(void **state) {
    (void)state;
    assert_laid("{\"a\":1}", "{\"c\":1}", "{\"a\":1}");
    assert_laid("{\"a\":1}", "[1]", "{\"a\":1}");
}

static void only_deep_members_are_laid_one_by_one(void **state) {
    (void)state;
    assert_laid("{\"texts\":{\"x\":\"1\",\"y\":{\"z\":1,\"w\":2}}}",
                "{\"texts\":{\"y\":{\"w\":3}}}",
                "{\"texts\":{\"x\":\"1\",\"y\":{\"z\":1,\"w\":3}}}");
    assert_laid("{\"hours\":{\"mon\":1,\"tue\":2}}", "{\"hours\":{\"tue\":3}}",
                "{\"hours\":{\"tue\":3}}");
}

static void a_member_is_refused_in_words_that_say_what_is_needed(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    const struct json *v =
        parsed(&a, "{\"is_on\":1,\"n\":11,\"way\":\"up\",\"texts\":{\"closed\":null}}");
    struct err e = ERR_INIT;
    struct str text;
    int64_t n;
    bool is;

    (void)state;
    assert_int_equal(settings_switch(v, "is_on", &is, &e), ST_INVALID);
    assert_string_equal(e.message, "is_on: true or false is needed");
    e = ERR_INIT;
    assert_int_equal(settings_number(v, "n", 10, &n, &e), ST_INVALID);
    assert_string_equal(e.message, "n: a number from 1 to 10 is needed");
    e = ERR_INIT;
    assert_int_equal(settings_choice(v, "way", "left", "right", &is, &e), ST_INVALID);
    assert_string_equal(e.message, "way: \"left\" or \"right\" is needed");
    e = ERR_INIT;
    assert_int_equal(settings_text(v, "closed", &text, &e), ST_INVALID);
    assert_string_equal(e.message, "texts.closed: a text of at most 1000 characters is needed");
}

static void a_member_that_is_there_is_read(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    const struct json *v =
        parsed(&a, "{\"is_on\":true,\"n\":10,\"way\":\"right\",\"texts\":{\"closed\":\" oi \"}}");
    struct err e = ERR_INIT;
    struct str text;
    int64_t n;
    bool is_on, is_right;

    (void)state;
    assert_int_equal(settings_switch(v, "is_on", &is_on, &e), ST_OK);
    assert_int_equal(settings_number(v, "n", 10, &n, &e), ST_OK);
    assert_int_equal(settings_choice(v, "way", "left", "right", &is_right, &e), ST_OK);
    assert_int_equal(settings_text(v, "closed", &text, &e), ST_OK);
    assert_true(is_on);
    assert_true(is_right);
    assert_int_equal(n, 10);
    assert_str(text, "oi");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_set_is_the_default),
        cmocka_unit_test(what_there_is_not_is_left_out),
        cmocka_unit_test(only_deep_members_are_laid_one_by_one),
        cmocka_unit_test(a_member_is_refused_in_words_that_say_what_is_needed),
        cmocka_unit_test(a_member_that_is_there_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

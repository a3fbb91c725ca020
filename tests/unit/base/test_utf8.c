/* test_utf8.c - what utf8.h promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include "base/utf8.h"

static void every_scalar_value_goes_round(void **state) {
    (void)state;
    for (uint32_t point = 0; point <= 0x10FFFF; point++) {
        char bytes[4];
        struct str s;
        uint32_t back = 1;

        if (point >= 0xD800 && point <= 0xDFFF)
            continue;
        s = (struct str){.ptr = bytes, .len = utf8_put(point, bytes)};
        assert_true(utf8_is_valid(s));
        assert_int_equal(utf8_count(s), 1);
        assert_true(utf8_next(&s, &back));
        assert_int_equal(back, point);
        assert_int_equal(s.len, 0);
    }
}

static void ill_formed_bytes_are_refused(void **state) {
    static const struct str bad[] = {
        STR("\x80"),
        STR("\xBF"),
        STR("\xC0\x80"),
        STR("\xC1\xBF"),
        STR("\xC2"),
        STR("\xC2\x41"),
        STR("\xE0\x9F\xBF"),
        STR("\xE2\x82"),
        STR("\xED\xA0\x80"),
        STR("\xED\xBF\xBF"),
        STR("\xEF\xBF"),
        STR("\xF0\x8F\xBF\xBF"),
        STR("\xF4\x90\x80\x80"),
        STR("\xF5\x80\x80\x80"),
        STR("\xFE"),
        STR("\xFF"),
        STR("\xF0\x9F\x98"),
        STR("abcdefgh\xFFijklmnop"),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(utf8_is_valid(bad[i]));
    assert_true(utf8_is_valid(STR_EMPTY));
    assert_int_equal(utf8_valid_prefix(STR("abcdefghij\xFF")), 10);
    assert_int_equal(utf8_valid_prefix(STR("ab\xC3\xA9\xC3")), 4);
}

static void cuts_fall_between_characters(void **state) {
    struct str s = STR("aé€😀b"); /* 1 + 2 + 3 + 4 + 1 bytes */

    (void)state;
    assert_int_equal(utf8_count(s), 5);
    for (size_t max = 0; max < 15; max++) {
        struct str cut = utf8_cut_bytes(s, max);

        assert_true(cut.len <= max && utf8_is_valid(cut));
    }
    assert_str(utf8_cut_bytes(s, 5), "aé");
    assert_str(utf8_cut_bytes(s, 6), "aé€");
    assert_str(utf8_cut_bytes(s, 100), "aé€😀b");
    assert_str(utf8_cut_points(s, 0), "");
    assert_str(utf8_cut_points(s, 4), "aé€😀");
    assert_str(utf8_cut_points(s, 5), "aé€😀b");
    assert_str(utf8_cut_points(s, 9), "aé€😀b");
}

static void next_stops_at_the_end_and_at_bad_bytes(void **state) {
    struct str s = STR("\xFF");
    uint32_t point;

    (void)state;
    assert_false(utf8_next(&s, &point));
    assert_int_equal(s.len, 1);
    s = STR_EMPTY;
    assert_false(utf8_next(&s, &point));
}

static void put_never_writes_ill_formed_bytes(void **state) {
    char bytes[4];

    (void)state;
    assert_str(((struct str){.ptr = bytes, .len = utf8_put(0xD800, bytes)}), "\xEF\xBF\xBD");
    assert_str(((struct str){.ptr = bytes, .len = utf8_put(0x110000, bytes)}), "\xEF\xBF\xBD");
}

static void repair_replaces_each_bad_byte(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct str good = STR("olá");

    (void)state;
    assert_ptr_equal(utf8_repair(&a, good).ptr, good.ptr);
    assert_str(utf8_repair(&a, STR("\xFFok\xC3")), "\xEF\xBF\xBDok\xEF\xBF\xBD");
    assert_str(utf8_repair(&a, STR("\xED\xA0\x80")), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
}

static void fold_makes_words_comparable(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};

    (void)state;
    assert_str(utf8_fold(&a, STR("Olá, AÇÃO")), "ola, acao");
    assert_str(utf8_fold(&a, STR("ÀÁÂÃÄÅ Ç ÈÉÊË ÌÍÎÏ Ñ ÒÓÔÕÖØ ÙÚÛÜ Ý")),
               "aaaaaa c eeee iiii n oooooo uuuu y");
    assert_str(utf8_fold(&a, STR("Straße Œuvre Æ ǿ Đ ł ı")), "strasse oeuvre ae o d l i");
    assert_str(utf8_fold(&a, STR("a\xCC\x83o")), "ao"); /* a + combining tilde */
    assert_str(utf8_fold(&a, STR("1º 2ª")), "1o 2a");
    assert_str(utf8_fold(&a, STR("日本 😀 × ÷")), "日本 😀 × ÷");
    assert_str(utf8_fold(&a, STR("\xFFÉ")), "\xFF"
                                            "e");
    assert_str(utf8_fold(&a, STR_EMPTY), "");
}

static void fold_never_grows(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};

    (void)state;
    for (uint32_t point = 0; point <= 0x250; point++) {
        char bytes[4];
        struct str s = {.ptr = bytes, .len = utf8_put(point, bytes)};
        struct str folded = utf8_fold(&a, s);

        assert_true(folded.len <= s.len && utf8_is_valid(folded));
        assert_true(str_eq(utf8_fold(&a, folded), folded)); /* and folding again changes nothing */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_scalar_value_goes_round),
        cmocka_unit_test(ill_formed_bytes_are_refused),
        cmocka_unit_test(cuts_fall_between_characters),
        cmocka_unit_test(next_stops_at_the_end_and_at_bad_bytes),
        cmocka_unit_test(put_never_writes_ill_formed_bytes),
        cmocka_unit_test(repair_replaces_each_bad_byte),
        cmocka_unit_test(fold_makes_words_comparable),
        cmocka_unit_test(fold_never_grows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

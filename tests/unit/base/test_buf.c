/* test_buf.c - what buf.h promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include <string.h>

#include "base/buf.h"

static void appends_in_order(void **state) {
    ATTR_CLEANUP(buf_done_p) struct buf b;

    (void)state;
    buf_init(&b, 1000);
    buf_add(&b, STR("ab"));
    buf_add(&b, STR_EMPTY);
    buf_add_char(&b, 'c');
    buf_printf(&b, "%d", 12);
    assert_str(buf_str(&b), "abc12");
    assert_false(b.overflown);
}

static void append_past_max_is_dropped_whole(void **state) {
    ATTR_CLEANUP(buf_done_p) struct buf b;

    (void)state;
    buf_init(&b, 5);
    buf_add(&b, STR("abc"));
    buf_add(&b, STR("def"));
    assert_str(buf_str(&b), "abc");
    assert_true(b.overflown);
    buf_add(&b, STR("d")); /* would fit, but would make a text with a hole */
    buf_add_char(&b, 'd');
    buf_printf(&b, "d");
    assert_str(buf_str(&b), "abc");
    assert_null(buf_reserve(&b, 1));
}

static void max_can_be_filled_to_the_last_byte(void **state) {
    (void)state;
    for (size_t max = 0; max < 20; max++) {
        ATTR_CLEANUP(buf_done_p) struct buf by_char;
        ATTR_CLEANUP(buf_done_p) struct buf by_printf;

        buf_init(&by_char, max);
        buf_init(&by_printf, max);
        for (size_t i = 0; i < max; i++)
            buf_add_char(&by_char, 'x');
        buf_printf(&by_printf, "%.*s", (int)max, "xxxxxxxxxxxxxxxxxxxx");
        assert_true(str_eq(buf_str(&by_char), buf_str(&by_printf)));
        assert_int_equal(by_printf.len, max);
        assert_false(by_printf.overflown || by_char.overflown);
        buf_printf(&by_printf, "x");
        assert_true(by_printf.overflown);
    }
}

static void clear_makes_it_usable_again(void **state) {
    ATTR_CLEANUP(buf_done_p) struct buf b;

    (void)state;
    buf_init(&b, 3);
    buf_add(&b, STR("abcd"));
    buf_clear(&b);
    assert_false(b.overflown);
    buf_add(&b, STR("abc"));
    assert_str(buf_str(&b), "abc");
    buf_done(&b);
    buf_add(&b, STR("xy"));
    assert_str(buf_str(&b), "xy");
}

static void integers_are_written_to_the_extremes(void **state) {
    ATTR_CLEANUP(buf_done_p) struct buf b;

    (void)state;
    buf_init(&b, 100);
    buf_add_i64(&b, INT64_MIN);
    buf_add_char(&b, ' ');
    buf_add_i64(&b, 0);
    buf_add_char(&b, ' ');
    buf_add_i64(&b, INT64_MAX);
    assert_str(buf_str(&b), "-9223372036854775808 0 9223372036854775807");
}

static void reserve_and_commit_take_foreign_bytes(void **state) {
    ATTR_CLEANUP(buf_done_p) struct buf b;
    char *p;

    (void)state;
    buf_init(&b, 10000);
    p = buf_reserve(&b, 5000);
    assert_non_null(p);
    memset(p, 'z', 5000);
    buf_commit(&b, 3);
    assert_str(buf_str(&b), "zzz");
}

static void consume_drops_from_the_front(void **state) {
    ATTR_CLEANUP(buf_done_p) struct buf b;

    (void)state;
    buf_init(&b, 10);
    buf_consume(&b, 0);
    buf_add(&b, STR("abcdef"));
    buf_consume(&b, 2);
    assert_str(buf_str(&b), "cdef");
    buf_consume(&b, 4);
    assert_int_equal(b.len, 0);
}

static void markup_is_text_in_elements_and_attributes(void **state) {
    ATTR_CLEANUP(buf_done_p) struct buf b;

    (void)state;
    buf_init(&b, 1000);
    buf_add_html(&b, STR("a <b title=\"x\"> & 'c' \xC3\xA7"));
    assert_str(buf_str(&b), "a &lt;b title=&quot;x&quot;&gt; &amp; &#39;c&#39; \xC3\xA7");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_in_order),
        cmocka_unit_test(append_past_max_is_dropped_whole),
        cmocka_unit_test(max_can_be_filled_to_the_last_byte),
        cmocka_unit_test(clear_makes_it_usable_again),
        cmocka_unit_test(integers_are_written_to_the_extremes),
        cmocka_unit_test(reserve_and_commit_take_foreign_bytes),
        cmocka_unit_test(consume_drops_from_the_front),
        cmocka_unit_test(markup_is_text_in_elements_and_attributes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_str.c - what str.h and list.h promise.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include "base/list.h"

static void compares_bytes(void **state) {
    (void)state;
    assert_true(str_eq(STR("abc"), STR("abc")));
    assert_true(str_eq(STR_EMPTY, STR("")));
    assert_false(str_eq(STR("abc"), STR("abd")));
    assert_true(str_eq(STR("a\0b"), STR("a\0b")));
    assert_false(str_eq(STR("a\0b"), STR("a\0c")));
    assert_true(str_eq_nocase(STR("X-Hub"), STR("x-hUB")));
    assert_false(str_eq_nocase(STR("@"), STR("`")));
    assert_false(str_eq_nocase(STR("[x"), STR("{x")));
}

static void orders_bytewise_and_shorter_first(void **state) {
    (void)state;
    assert_true(str_cmp(STR("a"), STR("b")) < 0);
    assert_true(str_cmp(STR("a"), STR("aa")) < 0);
    assert_true(str_cmp(STR("\xff"), STR("a")) > 0);
    assert_int_equal(str_cmp(STR("a"), STR("a")), 0);
    assert_int_equal(str_cmp(STR_EMPTY, STR("")), 0);
}

static void finds_parts(void **state) {
    (void)state;
    assert_true(str_starts(STR("abc"), STR("ab")));
    assert_true(str_starts(STR("abc"), STR_EMPTY));
    assert_false(str_starts(STR("ab"), STR("abc")));
    assert_true(str_ends(STR("abc"), STR("bc")));
    assert_false(str_ends(STR("bc"), STR("abc")));
    assert_true(str_contains(STR("abc"), STR("b")));
    assert_true(str_contains(STR_EMPTY, STR_EMPTY));
    assert_false(str_contains(STR_EMPTY, STR("b")));
}

static void sub_is_clamped(void **state) {
    (void)state;
    assert_str(str_sub(STR("abcdef"), 2, 3), "cde");
    assert_str(str_sub(STR("abcdef"), 4, SIZE_MAX), "ef");
    assert_str(str_sub(STR("abcdef"), 6, 1), "");
    assert_str(str_sub(STR("abcdef"), SIZE_MAX, SIZE_MAX), "");
    assert_str(str_sub(STR_EMPTY, 0, 5), "");
}

static void trims_both_ends(void **state) {
    (void)state;
    assert_str(str_trim(STR(" \t\r\na b\v\f ")), "a b");
    assert_str(str_trim(STR("  ")), "");
    assert_str(str_trim(STR_EMPTY), "");
}

static void cut_takes_fields_until_none_is_left(void **state) {
    struct str s = STR("a,,b"), head;

    (void)state;
    assert_true(str_cut(&s, ',', &head));
    assert_str(head, "a");
    assert_true(str_cut(&s, ',', &head));
    assert_str(head, "");
    assert_false(str_cut(&s, ',', &head));
    assert_str(head, "b");
    assert_str(s, "");
    assert_false(str_cut(&s, ',', &head));
    assert_str(head, "");
}

static void eats_prefixes_and_numbers(void **state) {
    struct str s = STR("id=18446744073709551615;");
    uint64_t v = 7;

    (void)state;
    assert_false(str_eat(&s, STR("key")));
    assert_true(str_eat(&s, STR("id=")));
    assert_true(str_eat_u64(&s, UINT64_MAX, &v));
    assert_true(v == UINT64_MAX);
    assert_str(s, ";");
    assert_false(str_eat_u64(&s, UINT64_MAX, &v));
    s = STR("18446744073709551616");
    assert_false(str_eat_u64(&s, UINT64_MAX, &v));
    assert_int_equal(s.len, 20);
    s = STR("101");
    assert_false(str_eat_u64(&s, 100, &v));
    assert_int_equal(s.len, 3);
}

static void parses_whole_integers_within_bounds(void **state) {
    int64_t v = 0;

    (void)state;
    assert_true(str_parse_i64(STR("-9223372036854775808"), INT64_MIN, INT64_MAX, &v));
    assert_true(v == INT64_MIN);
    assert_true(str_parse_i64(STR("9223372036854775807"), INT64_MIN, INT64_MAX, &v));
    assert_true(v == INT64_MAX);
    assert_false(str_parse_i64(STR("9223372036854775808"), INT64_MIN, INT64_MAX, &v));
    assert_false(str_parse_i64(STR("-9223372036854775809"), INT64_MIN, INT64_MAX, &v));
    assert_true(str_parse_i64(STR("007"), 0, 10, &v));
    assert_int_equal(v, 7);
    assert_false(str_parse_i64(STR("11"), 0, 10, &v));
    assert_false(str_parse_i64(STR("-1"), 0, 10, &v));
    assert_false(str_parse_i64(STR("-"), -10, 10, &v));
    assert_false(str_parse_i64(STR("+1"), -10, 10, &v));
    assert_false(str_parse_i64(STR(" 1"), -10, 10, &v));
    assert_false(str_parse_i64(STR("1x"), -10, 10, &v));
    assert_false(str_parse_i64(STR_EMPTY, -10, 10, &v));
    assert_int_equal(v, 7); /* written only on success */
}

static void hash_is_fnv1a(void **state) {
    (void)state;
    assert_true(str_hash(STR_EMPTY) == 0xcbf29ce484222325);
    assert_true(str_hash(STR("foobar")) == 0x85944171f73967e8);
}

struct item {
    int n;
    struct list_node node;
};

static void list_keeps_order_and_survives_removal(void **state) {
    struct list l;
    struct item items[4];
    int sum = 0;

    (void)state;
    list_init(&l);
    assert_true(list_is_empty(&l));
    assert_null(list_pop(&l));
    for (int i = 0; i < 4; i++) {
        items[i].n = i;
        list_push(&l, &items[i].node);
    }
    LIST_EACH(&l, node) {
        struct item *item = LIST_ITEM(node, struct item, node);

        sum = sum * 10 + item->n;
        if (item->n % 2)
            list_remove(node);
    }
    assert_int_equal(sum, 123);
    assert_ptr_equal(list_pop(&l), &items[0].node);
    assert_ptr_equal(list_pop(&l), &items[2].node);
    assert_true(list_is_empty(&l));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_bytes),
        cmocka_unit_test(orders_bytewise_and_shorter_first),
        cmocka_unit_test(finds_parts),
        cmocka_unit_test(sub_is_clamped),
        cmocka_unit_test(trims_both_ends),
        cmocka_unit_test(cut_takes_fields_until_none_is_left),
        cmocka_unit_test(eats_prefixes_and_numbers),
        cmocka_unit_test(parses_whole_integers_within_bounds),
        cmocka_unit_test(hash_is_fnv1a),
        cmocka_unit_test(list_keeps_order_and_survives_removal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

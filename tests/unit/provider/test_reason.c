/* test_reason.c - what reason.h promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include <string.h>

#include "provider/reason.h"

static void detail_is_added_and_missing_one_is_not(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};

    (void)state;
    assert_str(reason_with_detail(&a, "refused", STR_EMPTY), "refused");
    assert_str(reason_with_detail(&a, "refused", STR("no such template")),
               "refused (no such template)");
}

static void numbers_of_people_are_hidden_and_codes_are_not(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};

    (void)state;
    assert_str(reason_with_detail(&a, "r", STR("to +5511987654321, code 131026")),
               "r (to +#############, code 131026)");
    assert_str(reason_with_detail(&a, "r", STR("1234567")), "r (#######)");
}

static void any_bytes_become_short_plain_text(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    char many[1000];

    (void)state;
    assert_str(reason_with_detail(&a, "r", (struct str){"a\0b\r\n\tc\xFF", 8}),
               "r (a b   c\xEF\xBF\xBD)");
    memset(many, 'x', sizeof(many));
    assert_int_equal(reason_with_detail(&a, "r", (struct str){many, sizeof(many)}).len,
                     200 + sizeof("r ()") - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(detail_is_added_and_missing_one_is_not),
        cmocka_unit_test(numbers_of_people_are_hidden_and_codes_are_not),
        cmocka_unit_test(any_bytes_become_short_plain_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

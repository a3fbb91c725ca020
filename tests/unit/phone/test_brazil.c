/* test_brazil.c - the short way for Brazilian numbers says what the library says.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "phone/brazil.h"
#include "unit/check.h"

static size_t taken;

static void same(const char *typed) {
    struct phone_library_answer mine, its;

    if (!brazil_read(str_of(typed), &mine))
        return;
    taken++;
    phone_library_read(typed, strlen(typed), "BR", &its);
    if (its.fault != PHONE_LIBRARY_OK || strcmp(mine.digits, its.digits) != 0 ||
        strcmp(mine.kind, its.kind) != 0 || mine.country != its.country)
        fail_msg("\"%s\": %s %s here, %s %s by the library (fault %d)", typed, mine.digits,
                 mine.kind, its.digits, its.kind, (int)its.fault);
}

static void every_area_and_beginning_is_as_the_library_has_it(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};

    (void)state;
    taken = 0;
    for (int area = 0; area < 100; area++)
        for (int line = 0; line < 100; line++) {
            same(arena_printf(&a, "%02d%02d654321", area, line).ptr);
            same(arena_printf(&a, "%02d%02d7654321", area, line).ptr);
            arena_reset(&a);
        }
    assert_int_equal(taken, 67 * (10 + 40)); /* as many areas as Brazil has */
}

static void however_it_is_written(void **state) {
    static const char *const forms[] = {
        "(11) 98765-4321",  "11 98765 4321", "+55 (11) 98765-4321", "+5511987654321",
        "5511987654321",    "11.98765.4321", "(11)3333-4444",       "551133334444",
        "+55 11 3333-4444", "55 99988-7766", "(55) 99988-7766",     "5555999887766",
        "-11987654321",     "11987654321-",  "11--98765--4321",     "((11)) 98765-4321",
        ") 11 98765-4321",  "5533334444",    "55 5533334444",
    };

    (void)state;
    taken = 0;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        same(forms[i]);
    assert_int_equal(taken, ARRAY_LEN(forms));
}

static void the_rest_is_left_to_the_library(void **state) {
    static const char *const forms[] = {"",
                                        "11 8765-4321",
                                        "0800 123 4567",
                                        "+1 212 555 0100",
                                        "98765-4321",
                                        "011987654321",
                                        "4004-1234",
                                        "11 98765-4321 ramal 2",
                                        "20 98765-4321",
                                        "11+987654321"};
    struct phone_library_answer ans;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        assert_false(brazil_read(str_of(forms[i]), &ans));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_area_and_beginning_is_as_the_library_has_it),
        cmocka_unit_test(however_it_is_written),
        cmocka_unit_test(the_rest_is_left_to_the_library),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

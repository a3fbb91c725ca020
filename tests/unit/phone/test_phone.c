/* test_phone.c - numbers as people and spreadsheets write them. All are made up.
 * SPDX-License-Identifier: Apache-2.0 */
#include "phone/phone.h"

#include "base/attr.h"
#include "unit/check.h"

struct reading {
    const char *typed, *e164, *kind, *reason;
};

static void check_all(const struct reading *readings, size_t n) {
    struct arena a = {0};

    for (size_t i = 0; i < n; i++) {
        struct phone p;

        phone_read(&a, str_of(readings[i].typed), "BR", &p);
        if (!str_eq(p.e164, str_of(readings[i].e164)) ||
            !str_eq(str_of(p.reason), str_of(readings[i].reason)) ||
            !str_eq(str_of(p.kind), str_of(readings[i].kind)))
            fail_msg("\"%s\" is \"%.*s\", %s, \"%s\"", readings[i].typed, STR_ARG(p.e164), p.kind,
                     p.reason);
        assert_int_equal(p.is_valid, p.e164.len > 0);
        assert_int_equal(p.is_textable, p.is_valid && *p.reason == '\0');
    }
    arena_done(&a);
}

static void brazilian_number_is_read_in_all_its_forms(void **state) {
    static const struct reading readings[] = {
        {"(11) 98765-4321", "5511987654321", "mobile", ""},
        {"11987654321", "5511987654321", "mobile", ""},
        {"+55 11 98765-4321", "5511987654321", "mobile", ""},
        {"5511987654321", "5511987654321", "mobile", ""},
        {"055 11 98765 4321", "5511987654321", "mobile", ""},
        {"011 98765-4321", "5511987654321", "mobile", ""},
        {"0 15 11 98765-4321", "5511987654321", "mobile", ""},
        {"0055 11 98765-4321", "5511987654321", "mobile", ""},
        {" 11.98765.4321 ", "5511987654321", "mobile", ""},
        {"tel: 11 98765-4321", "5511987654321", "mobile", ""},
        {"'11987654321", "5511987654321", "mobile", ""},
        {"(11) 3333-4444", "551133334444", "landline", "landline"},
        {"(11) 3333-4444 ramal 22", "551133334444", "landline", "landline"},
        {"0800 123 4567", "558001234567", "toll-free", "toll-free"},
    };

    (void)state;
    check_all(readings, ARRAY_LEN(readings));
}

static void missing_ninth_digit_is_put_in(void **state) {
    static const struct reading readings[] = {
        {"(11) 8765-4321", "5511987654321", "mobile", ""},
        {"551187654321", "5511987654321", "mobile", ""},
        {"+55 85 9876-5432", "5585998765432", "mobile", ""},
        {"(21) 2765-4321", "552127654321", "landline", "landline"},
    };

    (void)state;
    check_all(readings, ARRAY_LEN(readings));
}

static void number_that_a_spreadsheet_made_is_read(void **state) {
    static const struct reading readings[] = {
        {"11987654321.0", "5511987654321", "mobile", ""},
        {"1.1987654321E+10", "5511987654321", "mobile", ""},
        {"5.511987654321E12", "5511987654321", "mobile", ""},
        {"5,511987654321E+12", "5511987654321", "mobile", ""},
        {"1.2E+11", "", "unknown", "digits-lost"},
        {"5.51199E+12", "", "unknown", "digits-lost"},
    };

    (void)state;
    check_all(readings, ARRAY_LEN(readings));
}

static void number_of_another_country_is_read_with_its_plus(void **state) {
    static const struct reading readings[] = {
        {"+351 912 345 678", "351912345678", "mobile", ""},
        {"+1 (212) 555-0123", "12125550123", "mobile-or-landline", ""},
        {"+999 123 456 789", "", "unknown", "no-country"},
    };

    (void)state;
    check_all(readings, ARRAY_LEN(readings));
}

static void what_is_no_number_says_why(void **state) {
    static const struct reading readings[] = {
        {"", "", "unknown", "empty"},
        {"  ", "", "unknown", "empty"},
        {"não tem", "", "unknown", "not-a-number"},
        {"1", "", "unknown", "not-a-number"},
        {"98765-4321", "", "unknown", "too-short"},
        {"119876543", "", "unknown", "too-short"},
        {"007795535-36", "", "unknown",
         "invalid"}, /* with a zero before its area it is nobody's, not that of 79 7955-3536 */
        {"11 98765 43210", "", "unknown", "too-long"},
        {"11119876543211198765432111987654321", "", "unknown", "too-long"},
        {"(20) 98765-4321", "", "unknown", "invalid"},
    };

    (void)state;
    check_all(readings, ARRAY_LEN(readings));
}

static void cell_with_several_numbers_is_cut(void **state) {
    static const struct {
        const char *cell, *pieces[5];
    } cells[] = {
        {"(11) 98765-4321 / 3333-4444; +55 21 91234-5678",
         {"(11) 98765-4321", "3333-4444", "+55 21 91234-5678"}},
        {"11 98765-4321 ou 11 91234-5678", {"11 98765-4321", "11 91234-5678"}},
        {"11987654321, 11912345678", {"11987654321", "11912345678"}},
        {"11987654321 11912345678", {"11987654321", "11912345678"}},
        {"(11) 98765-4321 (11) 91234-5678", {"(11) 98765-4321", "(11) 91234-5678"}},
        {"5,511987654321E+12", {"5,511987654321E+12"}},
        {"11 3333-4444 e 11 3333-5555 E 11 3333-6666",
         {"11 3333-4444", "11 3333-5555", "11 3333-6666"}},
        {"+55 (11) 98765-4321", {"+55 (11) 98765-4321"}},
        {"+55 11 98765 4321", {"+55 11 98765 4321"}},
        {"0 15 11 98765 4321", {"0 15 11 98765 4321"}},
        {" ;; / ", {NULL}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cells); i++) {
        struct str got[8];
        size_t n = phone_split(str_of(cells[i].cell), got, ARRAY_LEN(got)), want = 0;

        while (cells[i].pieces[want])
            want++;
        if (n != want)
            fail_msg("\"%s\" is %zu numbers", cells[i].cell, n);
        for (size_t k = 0; k < n; k++)
            assert_str(got[k], cells[i].pieces[k]);
    }
}

static void area_tells_the_time_zone(void **state) {
    (void)state;
    assert_string_equal(phone_timezone(STR("5511987654321")), "America/Sao_Paulo");
    assert_string_equal(phone_timezone(STR("5592987654321")), "America/Manaus");
    assert_string_equal(phone_timezone(STR("5568987654321")), "America/Rio_Branco");
    assert_string_equal(phone_timezone(STR("351912345678")), "Europe/Lisbon");
    assert_string_equal(phone_timezone(STR("12125550123")), "");
    assert_string_equal(phone_timezone(STR("")), "");
}

static void country_code_that_several_share_tells_regions_apart(void **state) {
    (void)state;
    assert_true(phone_is_in(STR("12125552368"), "US"));
    assert_false(phone_is_in(STR("14165552368"), "US"));
    assert_true(phone_is_in(STR("14165552368"), "CA"));
    assert_true(phone_is_in(STR("5511987654321"), "BR"));
    assert_false(phone_is_in(STR(""), "US"));
    assert_false(phone_is_in(STR("US.15025"), "US"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(brazilian_number_is_read_in_all_its_forms),
        cmocka_unit_test(missing_ninth_digit_is_put_in),
        cmocka_unit_test(number_that_a_spreadsheet_made_is_read),
        cmocka_unit_test(number_of_another_country_is_read_with_its_plus),
        cmocka_unit_test(what_is_no_number_says_why),
        cmocka_unit_test(cell_with_several_numbers_is_cut),
        cmocka_unit_test(area_tells_the_time_zone),
        cmocka_unit_test(country_code_that_several_share_tells_regions_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

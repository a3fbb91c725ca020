/* test_document.c - CPF and CNPJ as people and spreadsheets write them. Numbers are made up.
 * SPDX-License-Identifier: Apache-2.0 */
#include "lead/document.h"

#include "base/attr.h"
#include "unit/check.h"

static void check_document(const char *typed, const char *value, const char *kind) {
    struct arena a = {0};
    struct document d;

    if (!document_read(&a, str_of(typed), &d))
        fail_msg("\"%s\" is refused", typed);
    assert_str(d.value, value);
    assert_string_equal(d.kind, kind);
    arena_done(&a);
}

static void check_refused(const char *typed) {
    struct arena a = {0};
    struct document d;

    if (document_read(&a, str_of(typed), &d))
        fail_msg("\"%s\" is taken", typed);
    arena_done(&a);
}

static void cpf_is_read_with_and_without_punctuation(void **state) {
    (void)state;
    check_document("529.982.247-25", "52998224725", "cpf");
    check_document(" 52998224725 ", "52998224725", "cpf");
    check_document("", "", "");
}

static void zeros_that_a_spreadsheet_took_are_put_back(void **state) {
    (void)state;
    check_document("1234567890.0", "01234567890", "cpf");
    check_refused("191"); /* too short to guess */
}

static void cnpj_is_read_also_with_letters(void **state) {
    (void)state;
    check_document("11.222.333/0001-81", "11222333000181", "cnpj");
    check_document("11222333000181", "11222333000181", "cnpj");
    check_document("12.ABC.345/01DE-35", "12ABC34501DE35", "cnpj"); /* Receita Federal's example */
    check_document("12abc34501de35", "12ABC34501DE35", "cnpj");
}

static void wrong_check_digit_is_refused(void **state) {
    static const char *const wrong[] = {
        "529.982.247-24",      "52998224752",
        "111.111.111-11",      "11.222.333/0001-80",
        "12.ABC.345/01DE-36",  "12ABC34501DE3A",
        "00000000000000",      "12345",
        "529982247251",        "abc",
        "529.982.247-25 ou 2",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        check_refused(wrong[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpf_is_read_with_and_without_punctuation),
        cmocka_unit_test(zeros_that_a_spreadsheet_took_are_put_back),
        cmocka_unit_test(cnpj_is_read_also_with_letters),
        cmocka_unit_test(wrong_check_digit_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

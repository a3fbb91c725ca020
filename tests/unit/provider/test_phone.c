/* test_phone.c - equal WhatsApp numbers meet under one key.
 * SPDX-License-Identifier: Apache-2.0 */
#include "provider/provider.h"
#include "unit/check.h"

static void check_key(const char *phone, const char *key) {
    struct arena a = {0};

    assert_str(phone_key(&a, str_of(phone)), key);
    arena_done(&a);
}

static void keeps_digits_only(void **state) {
    (void)state;
    check_key("+55 (11) 95555-0123", "5511955550123");
    check_key("5511955550123", "5511955550123");
    check_key("+1 650-555-1234", "16505551234");
    check_key("", "");
    check_key("ramal", "");
    check_key("٣٤٥", ""); /* digits of other scripts are not dialled */
}

static void puts_brazils_ninth_digit_in(void **state) {
    (void)state;
    check_key("551195550123", "5511995550123");
    check_key("553185550789", "5531985550789");
    check_key("556775550789", "5567975550789");
    check_key("559965550789", "5599965550789");
    check_key("+55 31 8555-0789", "5531985550789");
}

static void leaves_brazils_other_numbers(void **state) {
    (void)state;
    check_key("551130000100", "551130000100"); /* landlines */
    check_key("551120000100", "551120000100");
    check_key("553150000100", "553150000100");
    check_key("5511955550123", "5511955550123"); /* has it */
    check_key("550995550123", "550995550123");   /* no area code */
    check_key("551095550123", "551095550123");
    check_key("55119555012", "55119555012"); /* too short, too long */
    check_key("55119955501234", "55119955501234");
    check_key("551111111111", "551111111111"); /* a line that begins with 1 */
}

static void leaves_other_countries(void **state) {
    (void)state;
    check_key("541195550123", "541195550123");
    check_key("521195550123", "521195550123");
    check_key("15511955501", "15511955501");
    check_key("495511955501", "495511955501");
}

static void forms_of_one_number_meet(void **state) {
    struct arena a = {0};

    (void)state;
    assert_true(str_eq(phone_key(&a, STR("+55 31 9555-0789")), phone_key(&a, STR("553195550789"))));
    assert_true(
        str_eq(phone_key(&a, STR("5531995550789")), phone_key(&a, STR("+55 (31) 9555-0789"))));
    arena_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_digits_only),
        cmocka_unit_test(puts_brazils_ninth_digit_in),
        cmocka_unit_test(leaves_brazils_other_numbers),
        cmocka_unit_test(leaves_other_countries),
        cmocka_unit_test(forms_of_one_number_meet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_totp_code.c - one-time codes against the vectors of RFC 6238 appendix B and RFC 4226 appendix D.
 * SPDX-License-Identifier: Apache-2.0 */
#include "crypto/crypto.h"
#include "tenant/totp.h"
#include "unit/check.h"

#define SECRET STR("12345678901234567890") /* both RFCs' */

static void codes_are_those_of_rfc_6238(void **state) {
    static const struct {
        int64_t at_s;
        const char *code;
    } vectors[] = {
        {59, "94287082"},         {1111111109, "07081804"}, {1111111111, "14050471"},
        {1234567890, "89005924"}, {2000000000, "69279037"}, {20000000000, "65353130"},
    };
    struct arena a = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++)
        assert_str(totp_code(&a, SECRET, vectors[i].at_s * 1000 / TOTP_STEP_MS, 8),
                   vectors[i].code);
    arena_done(&a);
}

static void codes_are_those_of_rfc_4226(void **state) {
    static const char *const codes[] = {"755224", "287082", "359152", "969429", "338314",
                                        "254676", "287922", "162583", "399871", "520489"};
    struct arena a = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        assert_str(totp_code(&a, SECRET, (int64_t)i, TOTP_DIGITS), codes[i]);
    arena_done(&a);
}

static void a_code_counts_one_step_around_now_and_never_before_the_last_used(void **state) {
    const int64_t step = 41152263, now_ms = step * TOTP_STEP_MS + 5000;
    struct arena a = {0};

    (void)state;
    for (int64_t d = -3; d <= 3; d++) {
        struct str code = totp_code(&a, SECRET, step + d, TOTP_DIGITS);

        assert_int_equal(totp_find_step(SECRET, code, now_ms, 0),
                         d >= -1 && d <= 1 ? step + d : -1);
        assert_int_equal(totp_find_step(SECRET, code, now_ms, step), d == 1 ? step + 1 : -1);
        assert_int_equal(totp_find_step(SECRET, code, now_ms, step + 1), -1);
    }
    assert_int_equal(totp_find_step(SECRET, STR(""), now_ms, 0), -1);
    assert_int_equal(totp_find_step(SECRET, STR("12345"), now_ms, 0), -1);
    assert_int_equal(totp_find_step(SECRET, STR("94287082"), now_ms, 0), -1);
    arena_done(&a);
}

static void base32_is_that_of_rfc_4648(void **state) {
    static const struct {
        struct str plain;
        const char *text;
    } vectors[] = {
        {{"", 0}, ""},
        {{"f", 1}, "MY"},
        {{"fo", 2}, "MZXQ"},
        {{"foo", 3}, "MZXW6"},
        {{"foob", 4}, "MZXW6YQ"},
        {{"fooba", 5}, "MZXW6YTB"},
        {{"foobar", 6}, "MZXW6YTBOI"},
    };
    struct arena a = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++)
        assert_str(totp_base32(&a, vectors[i].plain), vectors[i].text);
    arena_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_are_those_of_rfc_6238),
        cmocka_unit_test(codes_are_those_of_rfc_4226),
        cmocka_unit_test(a_code_counts_one_step_around_now_and_never_before_the_last_used),
        cmocka_unit_test(base32_is_that_of_rfc_4648),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

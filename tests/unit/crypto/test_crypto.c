/* test_crypto.c - what crypto.h promises of digests, encodings, tokens and passwords.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "crypto/crypto.h"

static struct arena arena;

static int setup(void **state) {
    struct err e = ERR_INIT;

    (void)state;
    return crypto_init(&e) == ST_OK && crypto_init(&e) == ST_OK ? 0 : 1; /* twice does no harm */
}

static int teardown(void **state) {
    (void)state;
    arena_done(&arena);
    return 0;
}

static struct str hex_of(const uint8_t digest[static SHA256_BYTES]) {
    return crypto_hex(&arena, (struct str){.ptr = (const char *)digest, .len = SHA256_BYTES});
}

static void sha256_of_known_texts(void **state) {
    uint8_t digest[SHA256_BYTES];

    (void)state; /* FIPS 180-2, appendix B */
    crypto_sha256(STR("abc"), digest);
    assert_str(hex_of(digest), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    crypto_sha256(STR_EMPTY, digest);
    assert_str(hex_of(digest), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void hmac_of_known_texts(void **state) {
    uint8_t digest[SHA256_BYTES];
    char key[131];

    (void)state; /* RFC 4231, test cases 2 and 6 */
    crypto_hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), digest);
    assert_str(hex_of(digest), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof(key));
    crypto_hmac_sha256((struct str){.ptr = key, .len = sizeof(key)},
                       STR("Test Using Larger Than Block-Size Key - Hash Key First"), digest);
    assert_str(hex_of(digest), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    crypto_hmac_sha256(STR_EMPTY, STR_EMPTY, digest);
    assert_str(hex_of(digest), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void hmac_check_takes_the_right_digits_only(void **state) {
    struct str key = STR("Jefe"), data = STR("what do ya want for nothing?");
    static const char right[] = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    char digits[sizeof(right)];

    (void)state;
    assert_true(crypto_hmac_check_hex(key, data, str_of(right)));
    assert_true(crypto_hmac_check_hex(
        key, data, STR("5BDCC146BF60754E6A042426089575C75A003F089D2739839DEC58B964EC3843")));
    for (size_t i = 0; i + 1 < sizeof(right); i++) {
        memcpy(digits, right, sizeof(right));
        digits[i] = digits[i] == '0' ? '1' : '0';
        assert_false(crypto_hmac_check_hex(key, data, str_of(digits)));
        digits[i] = 'g';
        assert_false(crypto_hmac_check_hex(key, data, str_of(digits)));
        assert_false(crypto_hmac_check_hex(key, data, str_sub(str_of(right), 0, i)));
    }
    assert_false(crypto_hmac_check_hex(STR("jefe"), data, str_of(right)));
    assert_false(crypto_hmac_check_hex(key, STR("what do ya want"), str_of(right)));
}

static void *check_many(void *arg) {
    for (int i = 0; i < 2000; i++) {
        if (!crypto_hmac_check_hex(
                STR("Jefe"), STR("what do ya want for nothing?"),
                STR("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")))
            return arg;
    }
    return NULL;
}

static void threads_share_the_template(void **state) {
    pthread_t threads[3];

    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, check_many, state), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *failed;

        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
}

static void equality_is_of_all_bytes(void **state) {
    (void)state;
    assert_true(crypto_eq("abc", "abc", 3));
    assert_false(crypto_eq("abc", "abd", 3));
    assert_true(crypto_eq(NULL, NULL, 0));
}

static void hex_goes_round(void **state) {
    struct str bytes = STR("\0\x01\xfe\xff"), back;

    (void)state;
    assert_str(crypto_hex(&arena, bytes), "0001feff");
    assert_true(crypto_unhex(&arena, STR("0001FEff"), &back));
    assert_true(str_eq(back, bytes));
    assert_true(crypto_unhex(&arena, STR_EMPTY, &back));
    assert_int_equal(back.len, 0);
    assert_false(crypto_unhex(&arena, STR("0"), &back));
    assert_false(crypto_unhex(&arena, STR("0g"), &back));
    assert_false(crypto_unhex(&arena, STR("00 1"), &back));
}

static void base64_of_known_texts(void **state) {
    static const struct {
        struct str bytes;
        const char *padded, *url;
    } cases[] = {
        /* RFC 4648, section 10, and two bytes that tell the alphabets apart */
        {STR(""), "", ""},
        {STR("f"), "Zg==", "Zg"},
        {STR("fo"), "Zm8=", "Zm8"},
        {STR("foo"), "Zm9v", "Zm9v"},
        {STR("foobar"), "Zm9vYmFy", "Zm9vYmFy"},
        {STR("\xfb\xff"), "+/8=", "-_8"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str back;

        assert_str(crypto_base64(&arena, cases[i].bytes), cases[i].padded);
        assert_str(crypto_base64url(&arena, cases[i].bytes), cases[i].url);
        assert_true(crypto_unbase64(&arena, str_of(cases[i].padded), &back));
        assert_true(str_eq(back, cases[i].bytes));
        assert_true(crypto_unbase64(&arena, str_of(cases[i].url), &back));
        assert_true(str_eq(back, cases[i].bytes));
    }
}

static void other_base64_is_refused(void **state) {
    static const char *const bad[] = {"Z",     "Zg=",    "Zg===", "=",         "====", "Zm9v=",
                                      "Zm 9v", "Zm9v\n", "Zh==",  "Zm9=vYmFy", "Zm!v", "Zm9v===="};
    struct str back;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(crypto_unbase64(&arena, str_of(bad[i]), &back));
}

static void tokens_are_long_and_different(void **state) {
    struct str one = crypto_token(&arena), other = crypto_token(&arena);
    uint8_t digest[SHA256_BYTES], again[SHA256_BYTES];

    (void)state;
    assert_int_equal(one.len, TOKEN_TEXT_BYTES);
    assert_false(str_eq(one, other));
    crypto_token_digest(one, digest);
    crypto_token_digest(one, again);
    assert_memory_equal(digest, again, SHA256_BYTES);
}

static void passwords_are_checked_against_their_hash(void **state) {
    struct str text;
    struct err e = ERR_INIT;

    (void)state;
    assert_ok(crypto_password_hash(&arena, STR("correct horse"), &text, &e), &e);
    assert_true(str_starts(text, STR("$argon2id$")));
    assert_true(crypto_password_check(STR("correct horse"), text));
    assert_false(crypto_password_check(STR("correct hors"), text));
    assert_false(crypto_password_check(STR_EMPTY, text));
    assert_false(crypto_password_check(STR("correct horse"), STR_EMPTY));
    assert_false(crypto_password_check(STR("correct horse"), STR("$argon2id$nonsense")));
}

static void passwords_out_of_bounds_are_refused(void **state) {
    static char long_one[1025];
    struct str text;
    struct err e = ERR_INIT;

    (void)state;
    memset(long_one, 'x', sizeof(long_one));
    assert_int_equal(crypto_password_hash(&arena, STR_EMPTY, &text, &e), ST_INVALID);
    err_clear(&e);
    assert_int_equal(crypto_password_hash(
                         &arena, (struct str){.ptr = long_one, .len = sizeof(long_one)}, &text, &e),
                     ST_INVALID);
    assert_null(strstr(e.message, "xxx"));
}

/* Unknown users must cost what known ones do, so the dummy has to have the limits of real
 * hashes. */
static void checking_nobody_takes_as_long(void **state) {
    struct str text;
    struct err e = ERR_INIT;
    int64_t start_ns, real_ns, dummy_ns;

    (void)state;
    assert_ok(crypto_password_hash(&arena, STR("correct horse"), &text, &e), &e);
    start_ns = clock_mono_ns();
    assert_false(crypto_password_check(STR("wrong"), text));
    real_ns = clock_mono_ns() - start_ns;
    start_ns = clock_mono_ns();
    crypto_password_check_dummy(STR("wrong"));
    dummy_ns = clock_mono_ns() - start_ns;
    assert_true(dummy_ns * 4 > real_ns && dummy_ns < real_ns * 4);
}

static void wiped_memory_is_zero(void **state) {
    char secret[8] = "secret!";
    static const char zero[8];

    (void)state;
    crypto_wipe(secret, sizeof(secret));
    assert_memory_equal(secret, zero, sizeof(zero));
    crypto_wipe(NULL, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_of_known_texts),
        cmocka_unit_test(hmac_of_known_texts),
        cmocka_unit_test(hmac_check_takes_the_right_digits_only),
        cmocka_unit_test(threads_share_the_template),
        cmocka_unit_test(equality_is_of_all_bytes),
        cmocka_unit_test(hex_goes_round),
        cmocka_unit_test(base64_of_known_texts),
        cmocka_unit_test(other_base64_is_refused),
        cmocka_unit_test(tokens_are_long_and_different),
        cmocka_unit_test(passwords_are_checked_against_their_hash),
        cmocka_unit_test(passwords_out_of_bounds_are_refused),
        cmocka_unit_test(checking_nobody_takes_as_long),
        cmocka_unit_test(wiped_memory_is_zero),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}

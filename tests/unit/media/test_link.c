/* test_link.c - a link to a file opens for whom it was made, until its time is over, and nobody else can make one.
 * SPDX-License-Identifier: Apache-2.0 */
#include "media/link.h"

#include <string.h>

#include "unit/check.h"

#define KEY   "1111111111111111111111111111111111111111111111111111111111111111"
#define OTHER "2222222222222222222222222222222222222222222222222222222222222222"

enum { NOW = 1000000, UNTIL = 2000000 };

static struct keyring *keys_of(const char *text) {
    struct keyring *keys = NULL;
    struct err e = ERR_INIT;

    assert_int_equal(crypto_init(&e), ST_OK);
    assert_int_equal(keyring_parse(str_of(text), &keys, &e), ST_OK);
    return keys;
}

static struct link_ticket some_ticket(void) {
    struct link_ticket t = {.until_ms = UNTIL};

    for (size_t i = 0; i < UUID_BYTES; i++) {
        t.tenant.v.bytes[i] = (uint8_t)(i + 1);
        t.media.v.bytes[i] = (uint8_t)(0xf0 + i);
    }
    return t;
}

static enum status read_at(const struct keyring *keys, struct str token, int64_t now_ms,
                           struct link_ticket *ret, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};

    *e = (struct err)ERR_INIT;
    return link_read(&a, keys, token, now_ms, ret, e);
}

static void link_leads_to_its_file_until_its_time_is_over(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    ATTR_CLEANUP(keyring_free_p) struct keyring *keys = keys_of(KEY);
    struct link_ticket t = some_ticket(), got;
    struct str token = link_token(&a, keys, &t);
    struct err e;

    (void)state;
    assert_int_equal(read_at(keys, token, NOW, &got, &e), ST_OK);
    assert_memory_equal(&got.tenant, &t.tenant, sizeof(t.tenant));
    assert_memory_equal(&got.media, &t.media, sizeof(t.media));
    assert_int_equal(got.until_ms, UNTIL);
    assert_int_equal(read_at(keys, token, UNTIL - 1, &got, &e), ST_OK);
    assert_int_equal(read_at(keys, token, UNTIL, &got, &e), ST_NOT_FOUND);
    assert_string_equal(e.cause, "link-expired");
}

static void changed_link_leads_nowhere(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    ATTR_CLEANUP(keyring_free_p) struct keyring *keys = keys_of(KEY);
    struct link_ticket t = some_ticket(), got;
    struct str token = link_token(&a, keys, &t);
    struct err e;

    (void)state;
    for (size_t i = 0; i < token.len; i++) {
        char *changed = arena_cstr(&a, token);

        changed[i] = changed[i] == 'A' ? 'z' : 'A';
        if (i + 1 == token.len) /* its last bits may mean nothing */
            changed[i - 1] = '-';
        assert_int_equal(read_at(keys, str_of(changed), NOW, &got, &e), ST_NOT_FOUND);
    }
    for (size_t n = 0; n < token.len; n++)
        assert_int_equal(read_at(keys, str_sub(token, 0, n), NOW, &got, &e), ST_NOT_FOUND);
    assert_int_equal(read_at(NULL, token, NOW, &got, &e), ST_NOT_FOUND);
}

static void only_this_installation_makes_links(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    ATTR_CLEANUP(keyring_free_p) struct keyring *keys = keys_of(KEY), *other = keys_of(OTHER);
    ATTR_CLEANUP(keyring_free_p) struct keyring *rotated = keys_of(OTHER "\n" KEY);
    struct link_ticket t = some_ticket(), got;
    struct str token = link_token(&a, keys, &t), raw, misused;
    struct err e;

    (void)state;
    assert_int_equal(read_at(other, token, NOW, &got, &e), ST_NOT_FOUND);
    assert_int_equal(read_at(rotated, token, NOW, &got, &e), ST_OK); /* an old key still opens */
    assert_true(crypto_unbase64(&a, token, &raw));
    misused = crypto_base64url(
        &a, keyring_seal(&a, keys, STR("client_providers:x"), str_sub(raw, 0, 40)));
    assert_int_equal(read_at(keys, misused, NOW, &got, &e), ST_NOT_FOUND);
}

static void link_tells_nothing_of_the_tenant_or_the_file(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    ATTR_CLEANUP(keyring_free_p) struct keyring *keys = keys_of(KEY);
    struct link_ticket t = some_ticket();
    struct str token = link_token(&a, keys, &t), again = link_token(&a, keys, &t), raw;

    (void)state;
    assert_true(crypto_unbase64(&a, token, &raw));
    assert_null(memmem(raw.ptr, raw.len, t.tenant.v.bytes, 8));
    assert_null(memmem(raw.ptr, raw.len, t.media.v.bytes, 8));
    assert_false(str_eq(token, again));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(link_leads_to_its_file_until_its_time_is_over),
        cmocka_unit_test(changed_link_leads_nowhere),
        cmocka_unit_test(only_this_installation_makes_links),
        cmocka_unit_test(link_tells_nothing_of_the_tenant_or_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

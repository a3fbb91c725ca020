/* test_keyring.c - what crypto.h promises of sealed secrets and key files.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/crypto.h"

#define KEY_A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY_B "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"

static struct arena arena;
static char directory[] = "/tmp/prosa-keyring-XXXXXX";

static int setup(void **state) {
    struct err e = ERR_INIT;

    (void)state;
    return crypto_init(&e) == ST_OK && mkdtemp(directory) ? 0 : 1;
}

static int teardown(void **state) {
    (void)state;
    arena_done(&arena);
    return rmdir(directory);
}

static struct keyring *ring(const char *text) {
    struct keyring *k = NULL;
    struct err e = ERR_INIT;

    assert_ok(keyring_parse(str_of(text), &k, &e), &e);
    return k;
}

static void sealed_secrets_open_again(void **state) {
    ATTR_CLEANUP(keyring_free_p) struct keyring *k = ring(KEY_A);
    static const char *const secrets[] = {"", "x", "a longer secret with \xff bytes"};
    struct str bound = STR("client_providers:1:access_token");

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
        struct str sealed = keyring_seal(&arena, k, bound, str_of(secrets[i])), opened;
        struct err e = ERR_INIT;

        assert_ok(keyring_open(&arena, k, bound, sealed, &opened, &e), &e);
        assert_str(opened, secrets[i]);
        assert_false(str_contains(sealed, STR("secret")));
        assert_false(str_eq(sealed, keyring_seal(&arena, k, bound, str_of(secrets[i]))));
    }
}

static void any_changed_byte_is_noticed(void **state) {
    ATTR_CLEANUP(keyring_free_p) struct keyring *k = ring(KEY_A);
    struct str sealed = keyring_seal(&arena, k, STR("row:1"), STR("secret")), opened;

    (void)state;
    for (size_t i = 0; i < sealed.len; i++) {
        struct str changed = arena_str(&arena, sealed);
        struct err e = ERR_INIT;

        ((char *)(uintptr_t)changed.ptr)[i] ^= 1;
        assert_int_equal(keyring_open(&arena, k, STR("row:1"), changed, &opened, &e), ST_BROKEN);
        err_clear(&e);
        assert_int_equal(keyring_open(&arena, k, STR("row:1"), str_sub(sealed, 0, i), &opened, &e),
                         ST_BROKEN);
    }
}

static void a_secret_opens_only_where_it_was_sealed_for(void **state) {
    ATTR_CLEANUP(keyring_free_p) struct keyring *k = ring(KEY_A);
    struct str sealed = keyring_seal(&arena, k, STR("row:1"), STR("secret")), opened;
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(keyring_open(&arena, k, STR("row:2"), sealed, &opened, &e), ST_BROKEN);
    err_clear(&e);
    assert_int_equal(keyring_open(&arena, k, STR_EMPTY, sealed, &opened, &e), ST_BROKEN);
}

static void old_keys_still_open_and_are_stale(void **state) {
    ATTR_CLEANUP(keyring_free_p) struct keyring *old = ring(KEY_A);
    ATTR_CLEANUP(keyring_free_p) struct keyring *both = ring(KEY_B "\n" KEY_A "\n");
    ATTR_CLEANUP(keyring_free_p) struct keyring *fresh = ring(KEY_B);
    struct str sealed = keyring_seal(&arena, old, STR("b"), STR("secret")), opened;
    struct err e = ERR_INIT;

    (void)state;
    assert_false(keyring_is_stale(old, sealed));
    assert_true(keyring_is_stale(both, sealed));
    assert_ok(keyring_open(&arena, both, STR("b"), sealed, &opened, &e), &e);
    assert_str(opened, "secret");
    sealed = keyring_seal(&arena, both, STR("b"), opened);
    assert_false(keyring_is_stale(both, sealed));
    assert_ok(keyring_open(&arena, fresh, STR("b"), sealed, &opened, &e), &e);
    assert_int_equal(keyring_open(&arena, old, STR("b"), sealed, &opened, &e), ST_BROKEN);
    assert_non_null(strstr(e.message, "not in the keyring"));
    assert_true(keyring_is_stale(both, STR_EMPTY));
}

static void keys_are_read_in_all_forms(void **state) {
    ATTR_CLEANUP(keyring_free_p) struct keyring *hex = ring("# comment\n\n  " KEY_A "\r\n");
    static const char *const forms[] = {
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F",
    };
    struct str sealed = keyring_seal(&arena, hex, STR("b"), STR("secret")), opened;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        ATTR_CLEANUP(keyring_free_p) struct keyring *k = ring(forms[i]);
        struct err e = ERR_INIT;

        assert_ok(keyring_open(&arena, k, STR("b"), sealed, &opened, &e), &e);
    }
}

static void bad_keys_name_their_line_and_nothing_else(void **state) {
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "there is none"},
        {"# only a comment\n", "there is none"},
        {KEY_A "\nnonsense\n", "line 2"},
        {"\n\n" KEY_A "00", "line 3"},
        {"00" KEY_A, "line 1"},
        {"g00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "line 1"},
        {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==", "line 1"}, /* 31 bytes */
        {KEY_A "\n" KEY_B "\n" KEY_A, "line 3 repeats"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct keyring *k = NULL;
        struct err e = ERR_INIT;

        assert_int_equal(keyring_parse(str_of(cases[i].text), &k, &e), ST_INVALID);
        assert_non_null(strstr(e.message, cases[i].says));
        assert_null(strstr(e.message, "nonsense"));
        assert_null(strstr(e.message, "0001"));
        assert_null(k);
    }
}

static void more_than_sixteen_keys_are_refused(void **state) {
    char text[17 * 65 + 1];
    struct keyring *k = NULL;
    struct err e = ERR_INIT;

    (void)state;
    for (size_t i = 0; i < 17; i++)
        (void)snprintf(text + i * 65, 66, "%064zx\n", i + 1);
    assert_int_equal(keyring_parse(str_of(text), &k, &e), ST_INVALID);
    text[16 * 65] = '\0';
    err_clear(&e);
    assert_ok(keyring_parse(str_of(text), &k, &e), &e);
    keyring_free(k);
}

static const char *path_of(const char *name) {
    return arena_printf(&arena, "%s/%s", directory, name).ptr;
}

static void write_file(const char *path, const char *text, mode_t mode) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

static enum status load(const char *path, bool create, struct err *e) {
    struct keyring *k = NULL;
    enum status st = keyring_load(path, create, &k, e);

    keyring_free(k);
    return st;
}

static void missing_file_is_made_once_and_kept(void **state) {
    const char *path = path_of("fresh.key");
    struct keyring *first = NULL, *second = NULL;
    struct err e = ERR_INIT;
    struct str sealed, opened;
    struct stat st;

    (void)state;
    assert_int_equal(load(path, false, &e), ST_NOT_FOUND);
    err_clear(&e);
    assert_ok(keyring_load(path, true, &first, &e), &e);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_nlink, 1); /* nothing left aside */
    sealed = keyring_seal(&arena, first, STR("b"), STR("secret"));
    assert_ok(keyring_load(path, true, &second, &e), &e);
    assert_ok(keyring_open(&arena, second, STR("b"), sealed, &opened, &e), &e);
    keyring_free(first);
    keyring_free(second);
    assert_int_equal(unlink(path), 0);
}

static void others_must_not_read_the_file(void **state) {
    static const mode_t modes[] = {0640, 0604, 0644, 0660, 0610, 0666};
    const char *path = path_of("open.key");
    struct err e = ERR_INIT;

    (void)state;
    write_file(path, KEY_A "\n", 0600);
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        assert_int_equal(chmod(path, modes[i]), 0);
        err_clear(&e);
        assert_int_equal(load(path, true, &e), ST_DENIED);
        assert_non_null(strstr(e.message, "0600 or stricter"));
    }
    assert_int_equal(chmod(path, 0400), 0);
    err_clear(&e);
    assert_ok(load(path, false, &e), &e);
    assert_int_equal(unlink(path), 0);
}

static void what_is_no_key_file_is_refused(void **state) {
    const char *path = path_of("bad.key");
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(load(directory, true, &e), ST_INVALID);
    err_clear(&e);
    assert_int_equal(load(path_of("no/such/dir"), true, &e), ST_NOT_FOUND);
    write_file(path, "", 0600);
    err_clear(&e);
    assert_int_equal(load(path, true, &e), ST_INVALID); /* never overwritten by a fresh key */
    assert_int_equal(unlink(path), 0);
}

enum {
    STARTERS = 4,
};

struct starter {
    pthread_t thread;
    const char *path;
    struct keyring *keys;
};

static void *start_one(void *arg) {
    struct starter *s = arg;

    return keyring_load(s->path, true, &s->keys, NULL) == ST_OK ? NULL : arg;
}

static void starters_at_once_agree_on_one_key(void **state) {
    const char *path = path_of("race.key");
    struct starter starters[STARTERS] = {0};
    struct err e = ERR_INIT;
    void *failed;

    (void)state;
    for (size_t i = 0; i < STARTERS; i++) {
        starters[i].path = path;
        assert_int_equal(pthread_create(&starters[i].thread, NULL, start_one, &starters[i]), 0);
    }
    for (size_t i = 0; i < STARTERS; i++) {
        assert_int_equal(pthread_join(starters[i].thread, &failed), 0);
        assert_null(failed);
    }
    for (size_t i = 0; i < STARTERS; i++) {
        struct str sealed = keyring_seal(&arena, starters[i].keys, STR("b"), STR("s")), opened;

        assert_ok(keyring_open(&arena, starters[0].keys, STR("b"), sealed, &opened, &e), &e);
    }
    for (size_t i = 0; i < STARTERS; i++)
        keyring_free(starters[i].keys);
    assert_int_equal(unlink(path), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sealed_secrets_open_again),
        cmocka_unit_test(any_changed_byte_is_noticed),
        cmocka_unit_test(a_secret_opens_only_where_it_was_sealed_for),
        cmocka_unit_test(old_keys_still_open_and_are_stale),
        cmocka_unit_test(keys_are_read_in_all_forms),
        cmocka_unit_test(bad_keys_name_their_line_and_nothing_else),
        cmocka_unit_test(more_than_sixteen_keys_are_refused),
        cmocka_unit_test(missing_file_is_made_once_and_kept),
        cmocka_unit_test(others_must_not_read_the_file),
        cmocka_unit_test(what_is_no_key_file_is_refused),
        cmocka_unit_test(starters_at_once_agree_on_one_key),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}

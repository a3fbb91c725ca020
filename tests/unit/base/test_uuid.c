/* test_uuid.c - what uuid.h promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/uuid.h"

enum {
    THREADS = 4,
    EACH = 20000,
};

static void ids_only_grow(void **state) {
    struct uuid last = uuid_new();

    (void)state;
    for (int i = 0; i < 200000; i++) {
        struct uuid next = uuid_new();

        assert_true(uuid_cmp(last, next) < 0);
        last = next;
    }
}

static void ids_grow_while_the_clock_steps_back(void **state) {
    struct uuid before = uuid_new(), after;

    (void)state;
    clock_shift_ms(-3600000);
    after = uuid_new();
    clock_shift_ms(0);
    assert_true(uuid_cmp(before, after) < 0);
}

static void *make_many(void *arg) {
    struct uuid *ids = arg;

    for (size_t i = 0; i < EACH; i++)
        ids[i] = uuid_new();
    return NULL;
}

static int compare(const void *a, const void *b) {
    return memcmp(a, b, UUID_BYTES);
}

static void threads_never_make_the_same_id(void **state) {
    struct uuid *ids = calloc((size_t)THREADS * EACH, sizeof(*ids));
    pthread_t threads[THREADS];

    (void)state;
    assert_non_null(ids);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_many, ids + i * EACH), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (size_t i = 1; i < EACH; i++)
        assert_true(uuid_cmp(ids[i - 1], ids[i]) < 0);
    qsort(ids, (size_t)THREADS * EACH, sizeof(*ids), compare);
    for (size_t i = 1; i < (size_t)THREADS * EACH; i++)
        assert_false(uuid_eq(ids[i - 1], ids[i]));
    free(ids);
}

static void forked_children_make_other_ids(void **state) {
    struct uuid ours, theirs;
    int fds[2];
    pid_t child;

    (void)state;
    assert_int_equal(pipe(fds), 0);
    (void)uuid_new(); /* the pool of random bytes is filled before the fork */
    child = fork();
    if (child == 0) {
        theirs = uuid_new_at(1000);
        _exit(write(fds[1], &theirs, sizeof(theirs)) == sizeof(theirs) ? 0 : 1);
    }
    ours = uuid_new_at(1000);
    assert_int_equal(read(fds[0], &theirs, sizeof(theirs)), sizeof(theirs));
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_memory_not_equal(ours.bytes + 10, theirs.bytes + 10, 6);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void carries_version_variant_and_time(void **state) {
    int64_t before_ms = clock_now_ms();
    struct uuid u = uuid_new();

    (void)state;
    assert_int_equal(u.bytes[6] >> 4, 7);
    assert_int_equal(u.bytes[8] >> 6, 2);
    assert_in_range(uuid_time_ms(u), before_ms, before_ms + 10000);
}

static void given_times_stand_in_front_and_do_not_move_the_clock(void **state) {
    struct uuid past = uuid_new_at(1), next = uuid_new_at(1), future = uuid_new_at(1ll << 47);

    (void)state;
    assert_int_equal(uuid_time_ms(past), 1);
    assert_int_equal(uuid_time_ms(next), 1);
    assert_true(uuid_cmp(past, next) < 0);
    assert_true(uuid_time_ms(future) == 1ll << 47);
    assert_true(uuid_cmp(uuid_new(), future) < 0);
}

static void text_goes_round(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct uuid u = uuid_new(), back;

    (void)state;
    assert_int_equal(uuid_format(&a, u).len, UUID_TEXT_BYTES);
    assert_true(uuid_parse(uuid_format(&a, u), &back));
    assert_true(uuid_eq(u, back));
    assert_true(uuid_parse(STR("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"), &u)); /* RFC 9562, A.6 */
    assert_str(uuid_format(&a, u), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    assert_true(uuid_time_ms(u) == 1645557742000);
}

static void other_text_is_refused(void **state) {
    static const struct str bad[] = {
        STR(""),
        STR("017f22e279b07cc398c4dc0c0c07398f"),
        STR("017f22e2-79b0-7cc3-98c4-dc0c0c07398"),
        STR("017f22e2-79b0-7cc3-98c4-dc0c0c07398ff"),
        STR("017f22e2-79b0-7cc3-98c4+dc0c0c07398f"),
        STR("g17f22e2-79b0-7cc3-98c4-dc0c0c07398f"),
        STR("017f22e27-9b0-7cc3-98c4-dc0c0c07398f"),
        STR("{17f22e2-79b0-7cc3-98c4-dc0c0c07398}"),
    };
    struct uuid u;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(uuid_parse(bad[i], &u));
}

static void nil_is_known(void **state) {
    struct uuid u = {0};

    (void)state;
    assert_true(uuid_is_nil(u));
    assert_false(uuid_is_nil(uuid_new()));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_only_grow),
        cmocka_unit_test(ids_grow_while_the_clock_steps_back),
        cmocka_unit_test(threads_never_make_the_same_id),
        cmocka_unit_test(forked_children_make_other_ids),
        cmocka_unit_test(carries_version_variant_and_time),
        cmocka_unit_test(given_times_stand_in_front_and_do_not_move_the_clock),
        cmocka_unit_test(text_goes_round),
        cmocka_unit_test(other_text_is_refused),
        cmocka_unit_test(nil_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_arena.c - what arena.h promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include <signal.h>
#include <stdalign.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void memory_is_zeroed_also_after_reset(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (size_t size = 1; size < 100000; size = size * 3 + 1) {
            unsigned char *p = arena_alloc(&a, size);

            for (size_t i = 0; i < size; i++)
                assert_int_equal(p[i], 0);
            memset(p, 0xA5, size);
        }
        arena_reset(&a);
    }
}

static void memory_is_aligned_for_any_type(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};

    (void)state;
    for (size_t size = 0; size < 70; size++)
        assert_int_equal((uintptr_t)arena_alloc(&a, size) % alignof(max_align_t), 0);
}

static void allocations_do_not_overlap(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    unsigned char *parts[200];
    size_t size = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        size = (i * 7919) % 9000; /* small, large and in between */
        parts[i] = arena_alloc(&a, size);
        memset(parts[i], (int)i, size);
    }
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        size = (i * 7919) % 9000;
        for (size_t j = 0; j < size; j++)
            assert_int_equal(parts[i][j], (unsigned char)i);
    }
}

static void used_counts_what_was_handed_out(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};

    (void)state;
    assert_int_equal(a.used, 0);
    (void)arena_alloc(&a, 1000);
    assert_in_range(a.used, 1000, 1100);
    arena_reset(&a);
    assert_int_equal(a.used, 0);
}

static void strings_are_copied_and_terminated(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    char text[] = "hello";
    struct str copy = arena_str(&a, str_of(text));

    (void)state;
    text[0] = 'j';
    assert_str(copy, "hello");
    assert_int_equal(copy.ptr[5], '\0');
    assert_int_equal(arena_str(&a, STR_EMPTY).len, 0);
}

static void cstr_refuses_embedded_zero_bytes(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};

    (void)state;
    assert_string_equal(arena_cstr(&a, STR("file")), "file");
    assert_string_equal(arena_cstr(&a, STR_EMPTY), "");
    assert_null(arena_cstr(&a, STR("file\0.png")));
}

static void printf_formats_any_length(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};

    (void)state;
    assert_str(arena_printf(&a, "%d-%s", 7, "x"), "7-x");
    assert_int_equal(arena_printf(&a, "%*s", 70000, "").len, 70000);
}

static void overflow_aborts_rather_than_wraps(void **state) {
    int how;
    pid_t child = fork();

    (void)state;
    assert_true(child >= 0);
    if (child == 0) {
        struct arena a = {0};

        (void)signal(SIGABRT, SIG_DFL);
        (void)close(STDERR_FILENO);
        (void)arena_alloc_n(&a, SIZE_MAX / 2, 3);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGABRT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_also_after_reset),
        cmocka_unit_test(memory_is_aligned_for_any_type),
        cmocka_unit_test(allocations_do_not_overlap),
        cmocka_unit_test(used_counts_what_was_handed_out),
        cmocka_unit_test(strings_are_copied_and_terminated),
        cmocka_unit_test(cstr_refuses_embedded_zero_bytes),
        cmocka_unit_test(printf_formats_any_length),
        cmocka_unit_test(overflow_aborts_rather_than_wraps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

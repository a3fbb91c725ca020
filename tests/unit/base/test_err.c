/* test_err.c - what err.h promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include <string.h>

#include "base/utf8.h"

static enum status inner(struct err *e) {
    FAIL(e, ST_LIMITED, "could not send %d: too many", 7);
}

static enum status outer(struct err *e) {
    TRY(inner(e));
    return ST_OK;
}

static void first_cause_wins(void **state) {
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(outer(&e), ST_LIMITED);
    assert_int_equal(err_set(&e, ST_BROKEN, "x.c", 1, "later"), ST_BROKEN);
    assert_int_equal(e.status, ST_LIMITED);
    assert_string_equal(e.message, "could not send 7: too many");
    assert_true(e.line > 0);
    assert_non_null(strstr(e.file, "test_err.c"));
}

static void story_is_optional(void **state) {
    (void)state;
    assert_int_equal(outer(NULL), ST_LIMITED);
    err_clear(NULL);
}

static void clear_empties(void **state) {
    struct err e = ERR_INIT;

    (void)state;
    (void)inner(&e);
    err_clear(&e);
    assert_int_equal(e.status, ST_OK);
    assert_string_equal(e.message, "");
}

static void long_stories_are_cut_between_characters(void **state) {
    static const char *const pads[] = {"", "x", "xx", "xxx"};
    static const char *const characters[] = {"é", "€", "😀"};

    (void)state;
    for (size_t c = 0; c < ARRAY_LEN(characters); c++) {
        for (size_t p = 0; p < ARRAY_LEN(pads); p++) {
            struct err e = ERR_INIT;
            char story[2000] = "";
            size_t at = strlen(pads[p]);

            memcpy(story, pads[p], at);
            while (at < sizeof(story) - 5) {
                memcpy(story + at, characters[c], strlen(characters[c]));
                at += strlen(characters[c]);
            }
            (void)err_set(&e, ST_INVALID, "f", 1, "%s", story);
            assert_true(utf8_is_valid(str_of(e.message)));
            assert_in_range(strlen(e.message), ERR_MESSAGE_BYTES - 4, ERR_MESSAGE_BYTES - 1);
        }
    }
}

static void every_status_has_its_own_name(void **state) {
    (void)state;
    for (enum status x = ST_OK; x <= ST_BROKEN; x++) {
        for (enum status y = ST_OK; y < x; y++)
            assert_string_not_equal(status_name(x), status_name(y));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_cause_wins),
        cmocka_unit_test(story_is_optional),
        cmocka_unit_test(clear_empties),
        cmocka_unit_test(long_stories_are_cut_between_characters),
        cmocka_unit_test(every_status_has_its_own_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

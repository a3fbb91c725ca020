/* test_dispatch_export.c - a campaign's lists as spreadsheets, on both engines.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <unistd.h>

#include "db/dispatch_fixture.h"

enum { MANY = 2 * DISPATCH_PAGE_MAX + 100 };

static struct dry_export what;
static int64_t written;

static enum status log_many(struct app *app, struct tx *tx, struct err *e) {
    struct dry_row *rows = arena_array_of(&app->a, MANY, struct dry_row);

    for (size_t i = 0; i < MANY; i++)
        rows[i] = (struct dry_row){.recipient.v = uuid_new(),
                                   .lead.v = uuid_new(),
                                   .name = STR("Pessoa"),
                                   .would_send = i % 2 == 0,
                                   .at_ms = 1};
    return store_dry_insert(&app->a, tx, app->tenant, scene_of(app)->id, rows, MANY, e);
}

static enum status write_it(struct app *app, struct tx *tx, struct err *e) {
    what.query.tenant = app->tenant;
    what.query.dispatch = scene_of(app)->id;
    return dispatch_log_export(tx, &what, &written, e);
}

static size_t count_lines(FILE *f) {
    size_t n = 0;

    rewind(f);
    for (int c; (c = fgetc(f)) != EOF;)
        n += c == '\n';
    return n;
}

static void dry_run_of_many_pages_is_written_whole_and_anew_each_time(void **state) {
    struct app *app = *state;
    FILE *f = tmpfile();

    assert_non_null(f);
    (void)plan(app, 1);
    STEP(app, log_many);
    what = (struct dry_export){.kind = SHEET_CSV, .fd = fileno(f)};
    STEP(app, write_it);
    assert_int_equal(written, MANY);
    assert_int_equal(count_lines(f), MANY + 1);
    what.query.would_send = STR("true");
    STEP(app, write_it);
    assert_int_equal(written, MANY / 2);
    assert_int_equal(count_lines(f), MANY / 2 + 1);
    (void)fclose(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FEATURE_TEST(dry_run_of_many_pages_is_written_whole_and_anew_each_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

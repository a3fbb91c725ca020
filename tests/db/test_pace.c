/* test_pace.c - how fast something may go, whoever asks and however often, on both engines.
 * SPDX-License-Identifier: Apache-2.0 */
#include "db/feature_fixture.h"
#include "pace/pace.h"

enum { SECOND_US = 1000 * 1000, ASKERS = 4, BATCHES = 32 };

#define START_US ((int64_t)1790000000 * SECOND_US)
/* A phone number of Meta's: 80 a second, a tenth of a second's worth at once. */
#define NUMBER   ((struct pace){.key = STR("number"), .interval_us = 12500, .burst = 9})

/* The same numbers in every run. */
static uint32_t next(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

struct tally {
    int64_t granted;
    int64_t at[6000]; /* when each was granted */
};

static enum status take(struct app *app, struct tx *tx, struct pace pace, int64_t want,
                        int64_t now_us, struct tally *t, int64_t *ret_wait_us, struct err *e) {
    int64_t granted;

    TRY(pace_take_some(&app->a, tx, app->tenant, pace, want, now_us, &granted, ret_wait_us, e));
    EXPECT(granted >= 0 && granted <= want);
    EXPECT((granted == want) == (*ret_wait_us == 0));
    for (int64_t i = 0; i < granted; i++)
        if (t->granted < (int64_t)ARRAY_LEN(t->at))
            t->at[t->granted++] = now_us;
    return ST_OK;
}

/* Several who each look again when told to, or a little later, as clocks and workers do. */
static enum status minute(struct app *app, struct tx *tx, struct err *e) {
    struct tally *t = arena_new_of(&app->a, struct tally);
    int64_t due[ASKERS] = {0}, now = 0, wait;
    uint32_t seed = 7;

    while (now < 60 * SECOND_US) {
        size_t who = 0;

        for (size_t i = 1; i < ASKERS; i++)
            if (due[i] < due[who])
                who = i;
        now = due[who];
        if (now >= 60 * SECOND_US)
            break;
        TRY(take(app, tx, NUMBER, 1 + next(&seed) % BATCHES, START_US + now, t, &wait, e));
        due[who] = now + wait + 1 + next(&seed) % 20000;
    }
    EXPECT(t->granted >= 4752 && t->granted <= 4848); /* 1 % off 80/s over a minute */
    /* In no stretch of any length more than its pace and one burst. */
    for (int64_t i = 0; i < t->granted; i++)
        for (int64_t k = i + 1; k < t->granted && k < i + 400; k++)
            EXPECT(k - i + 1 <= (t->at[k] - t->at[i]) / 12500 + 9);
    return ST_OK;
}

static void a_minute_at_80_a_second_is_kept_within_a_percent(void **state) {
    STEP(*state, minute);
}

static enum status one_like_some(struct app *app, struct tx *tx, struct err *e) {
    struct pace one = NUMBER, some = NUMBER;
    int64_t now = START_US, wait_one, wait_some, granted;
    uint32_t seed = 11;

    some.key = STR("other");
    for (int i = 0; i < 500; i++) {
        now += next(&seed) % 20000;
        TRY(pace_take(&app->a, tx, app->tenant, one, now, &wait_one, e));
        TRY(pace_take_some(&app->a, tx, app->tenant, some, 1, now, &granted, &wait_some, e));
        EXPECT_I64(granted, wait_one == 0);
        EXPECT_I64(wait_some, wait_one);
    }
    return ST_OK;
}

static void one_cell_and_some_cells_follow_the_same_pace(void **state) {
    STEP(*state, one_like_some);
}

static enum status told(struct app *app, struct tx *tx, struct err *e) {
    int64_t granted, wait, again;

    TRY(pace_take_some(&app->a, tx, app->tenant, NUMBER, 100, START_US, &granted, &wait, e));
    EXPECT_I64(granted, 9);
    EXPECT_I64(wait, 12500);
    TRY(pace_take_some(&app->a, tx, app->tenant, NUMBER, 1, START_US + wait - 1, &granted, &again,
                       e));
    EXPECT_I64(granted, 0);
    EXPECT_I64(again, 1);
    TRY(pace_take_some(&app->a, tx, app->tenant, NUMBER, 1, START_US + wait, &granted, &again, e));
    EXPECT_I64(granted, 1);
    return ST_OK;
}

static void wait_that_is_told_is_exact(void **state) {
    STEP(*state, told);
}

static enum status reserved(struct app *app, struct tx *tx, struct err *e) {
    struct pace bulk = NUMBER;
    int64_t granted, wait, now = START_US;

    bulk.reserve = 2;
    TRY(pace_take_some(&app->a, tx, app->tenant, bulk, 100, now, &granted, &wait, e));
    EXPECT_I64(granted, 7);
    for (int i = 0; i < 2; i++) { /* a reply to somebody who wrote goes at once */
        TRY(pace_take(&app->a, tx, app->tenant, NUMBER, now, &wait, e));
        EXPECT_I64(wait, 0);
    }
    TRY(pace_take(&app->a, tx, app->tenant, NUMBER, now, &wait, e));
    EXPECT(wait > 0);
    TRY(pace_take_some(&app->a, tx, app->tenant, bulk, 1, now, &granted, &wait, e));
    EXPECT_I64(granted, 0);
    EXPECT_I64(wait, 3 * 12500); /* what the replies took is made up for first */
    return ST_OK;
}

static void bulk_leaves_room_for_replies(void **state) {
    STEP(*state, reserved);
}

static enum status returned(struct app *app, struct tx *tx, struct err *e) {
    int64_t granted, wait;

    TRY(pace_take_some(&app->a, tx, app->tenant, NUMBER, 9, START_US, &granted, &wait, e));
    TRY(pace_give_back(tx, app->tenant, NUMBER, 4, e));
    TRY(pace_take_some(&app->a, tx, app->tenant, NUMBER, 9, START_US, &granted, &wait, e));
    EXPECT_I64(granted, 4);
    return ST_OK;
}

static void cells_put_back_can_be_taken_again(void **state) {
    STEP(*state, returned);
}

static enum status of_others(struct app *app, struct tx *tx, struct err *e) {
    struct pace other = NUMBER;
    int64_t granted, wait;

    other.key = STR("number:2");
    TRY(pace_take_some(&app->a, tx, app->tenant, NUMBER, 100, START_US, &granted, &wait, e));
    TRY(pace_take_some(&app->a, tx, app->tenant, other, 9, START_US, &granted, &wait, e));
    EXPECT_I64(granted, 9);
    return ST_OK;
}

static void buckets_know_nothing_of_each_other(void **state) {
    STEP(*state, of_others);
}

/* --- what is forgotten ---------------------------------------------------------------------------------- */

static enum status fill(struct app *app, struct tx *tx, struct err *e) {
    int64_t hours = 3600 * (int64_t)SECOND_US, wait;

    for (int i = 0; i < 50; i++) {
        struct pace pace = {
            .key = arena_printf(&app->a, "pair:%02d", i), .interval_us = SECOND_US, .burst = 2};

        /* Every second one was asked three hours before the others. */
        TRY(pace_take(&app->a, tx, app->tenant, pace, START_US - (i % 2 ? 3 * hours : 0), &wait,
                      e));
    }
    return ST_OK;
}

static enum status sweep(struct app *app, struct tx *tx, struct err *e) {
    enum { A_STEP = 7 };
    struct pace_place at = {0};
    int64_t steps = 0;
    bool more = true;

    for (; more && steps < 20; steps++)
        TRY(pace_sweep(&app->a, tx, &at, A_STEP, START_US, &more, e));
    EXPECT_I64(steps, 8); /* 50 buckets, seven a step */
    return ST_OK;
}

static enum status still_held(struct app *app, struct tx *tx, struct err *e) {
    struct pace pace = {.key = STR("pair:00"), .interval_us = SECOND_US, .burst = 1};
    int64_t wait;

    TRY(pace_take(&app->a, tx, app->tenant, pace, START_US, &wait, e));
    EXPECT_I64(wait, SECOND_US); /* what holds somebody back stays */
    pace.key = STR("pair:01");
    TRY(pace_take(&app->a, tx, app->tenant, pace, START_US, &wait, e));
    EXPECT_I64(wait, 0);
    return ST_OK;
}

static void buckets_that_have_long_been_full_are_forgotten_a_few_at_a_time(void **state) {
    struct app *app = *state;
    struct err e = ERR_INIT;

    STEP(app, fill);
    assert_ok(try_step(app, DB_SYSTEM, sweep, &e), &e);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM rate_limits"), 25);
    STEP(app, still_held);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FEATURE_TEST(a_minute_at_80_a_second_is_kept_within_a_percent),
        FEATURE_TEST(one_cell_and_some_cells_follow_the_same_pace),
        FEATURE_TEST(wait_that_is_told_is_exact),
        FEATURE_TEST(bulk_leaves_room_for_replies),
        FEATURE_TEST(cells_put_back_can_be_taken_again),
        FEATURE_TEST(buckets_know_nothing_of_each_other),
        FEATURE_TEST(buckets_that_have_long_been_full_are_forgotten_a_few_at_a_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_message_status.c - what a message's status becomes, in whatever order the provider tells, on both engines.
 * SPDX-License-Identifier: Apache-2.0 */
#include "db/feature_fixture.h"

enum { TABLE_MAX = 8 };

/* --- statuses ----------------------------------------------------------------------------------------- */

static const char *const callbacks[] = {"sent", "delivered", "read", "failed", ""};

/* The provider's word, as a receipt brings it; the empty one is a word that nobody knows. */
static enum status callback(struct app *app, struct tx *tx, struct message *m, const char *word,
                            struct err *e) {
    bool is_failed = strcmp(word, "failed") == 0, moved;

    return message_change_status(&app->a, tx, m,
                                 (struct message_change){.status = str_of(word),
                                                         .provider_id = STR("wamid.x"),
                                                         .error_code = is_failed ? 131026 : 0},
                                 clock_now_ms(), &moved, e);
}

/* One message from `start` through the callbacks in that order, every one given twice, one more time at the end. */
static enum status run_order(struct app *app, struct tx *tx, const char *start,
                             const size_t order[static 5], struct err *e) {
    struct message m = {.tenant = app->tenant,
                        .conversation = app->conversation,
                        .account = app->account.id,
                        .direction = STR("out"),
                        .owner = STR("bot"),
                        .type = STR("text"),
                        .content = STR("{}"),
                        .status = str_of(start)};
    struct str id;

    TRY(message_insert(&app->a, tx, &m, clock_now_ms(), e));
    id = arena_printf(&app->a, "wamid.%lld", (long long)++app->number);
    for (size_t i = 0; i < 11; i++) {
        const char *word = callbacks[order[i == 10 ? 0 : i / 2]];
        bool is_failed = strcmp(word, "failed") == 0, moved;

        TRY(message_change_status(&app->a, tx, &m,
                                  (struct message_change){.status = str_of(word),
                                                          .provider_id = id,
                                                          .error_code = is_failed ? 131026 : 0},
                                  clock_now_ms(), &moved, e));
        TRY(message_get(&app->a, tx, app->tenant, m.id, &m, e));
    }
    EXPECT_STR(m.status, "read");
    EXPECT_I64(m.error_code, 0);
    EXPECT(str_eq(m.provider_id, id));
    return ST_OK;
}

/* The next order of five in place (Narayana's way); false after the last. */
static bool next_order(size_t order[static 5]) {
    size_t i = 4, j = 4;

    while (i > 0 && order[i - 1] >= order[i])
        i--;
    if (i == 0)
        return false;
    while (order[j] <= order[i - 1])
        j--;

    size_t swap = order[i - 1];

    order[i - 1] = order[j];
    order[j] = swap;
    for (j = 4; i < j; i++, j--) {
        swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
    return true;
}

static enum status all_orders(struct app *app, struct tx *tx, struct err *e) {
    static const char *const starts[] = {"queued", "sending", "uncertain"};
    size_t order[5] = {0, 1, 2, 3, 4}, n = 0;

    TRY(ana_writes(app, tx, e));
    do
        TRY(run_order(app, tx, starts[n++ % ARRAY_LEN(starts)], order, e));
    while (next_order(order));
    EXPECT_I64(n, 120);
    return ST_OK;
}

static void all_120_orders_of_statuses_with_repeats_end_in_the_same_state(void **state) {
    STEP(*state, all_orders);
}

static enum status before_answer(struct app *app, struct tx *tx, struct err *e) {
    bool moved;

    TRY(ana_writes(app, tx, e));
    TRY(bot_says(app, tx, e));
    TRY(callback(app, tx, &app->message, "sending", e));
    TRY(callback(app, tx, &app->message, "delivered", e));
    EXPECT_STR(app->message.status, "delivered");
    TRY(message_change_status(
        &app->a, tx, &app->message,
        (struct message_change){.status = STR("sent"), .provider_id = STR("wamid.x")},
        clock_now_ms(), &moved, e));
    EXPECT(!moved);
    TRY(reload_message(app, tx, e));
    EXPECT_STR(app->message.status, "delivered");
    EXPECT_STR(app->message.provider_id, "wamid.x");
    return ST_OK;
}

static void status_before_the_answer_of_the_send_stands(void **state) {
    STEP(*state, before_answer);
}

static enum status lattice(struct app *app, struct tx *tx, struct err *e) {
    static const char *const order[TABLE_MAX] = {"queued", "sending",   "uncertain", "sent",
                                                 "failed", "delivered", "read",      "played"};

    (void)app, (void)tx;
    for (size_t i = 0; i < TABLE_MAX; i++) {
        for (size_t j = 0; j < TABLE_MAX; j++)
            EXPECT_I64(message_may_move(str_of(order[i]), str_of(order[j])), j > i);
        EXPECT_I64(message_may_move(str_of(order[i]), STR("cancelled")), i == 0);
        EXPECT(!message_may_move(STR("cancelled"), str_of(order[i])));
        EXPECT(!message_may_move(str_of(order[i]), STR("nonsense")));
    }
    return ST_OK;
}

static void status_moves_forward_only_and_cancelled_is_an_end(void **state) {
    STEP(*state, lattice);
}

static enum status requeues(struct app *app, struct tx *tx, struct err *e) {
    struct err why = ERR_INIT;

    TRY(ana_writes(app, tx, e));
    TRY(bot_says(app, tx, e));
    EXPECT_FAILS(ST_CONFLICT, message_requeue(&app->a, tx, &app->message, clock_now_ms(), &why));
    TRY(callback(app, tx, &app->message, "failed", e));
    TRY(message_requeue(&app->a, tx, &app->message, clock_now_ms(), e));
    TRY(reload_message(app, tx, e));
    EXPECT_STR(app->message.status, "queued");
    EXPECT_I64(app->message.error_code, 0);
    return ST_OK;
}

static void only_failed_uncertain_or_broken_off_sends_are_queued_again(void **state) {
    STEP(*state, requeues);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FEATURE_TEST(all_120_orders_of_statuses_with_repeats_end_in_the_same_state),
        FEATURE_TEST(status_before_the_answer_of_the_send_stands),
        FEATURE_TEST(status_moves_forward_only_and_cancelled_is_an_end),
        FEATURE_TEST(only_failed_uncertain_or_broken_off_sends_are_queued_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

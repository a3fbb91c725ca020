/* test_deadline.c - until when what must happen to a conversation, and what happens when it does not; that none is left without a
 * deadline. On both engines, by a clock that the test moves.
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>

#include "db/handoff_fixture.h"

/* --- deadlines --------------------------------------------------------------------------------------- */

static void nobody_picks_up_people_are_reminded_then_supervisors(void **state) {
    struct app *app = *state;
    struct conversation c;

    answer_sends(app);
    set(app, "{\"pickup_minutes\":10,\"escalate_minutes\":30}");
    writes(app, 1, "oi");
    hands_off(app, "");
    c = now(app);
    assert_int_equal(c.deadline_at_ms - c.waiting_since_ms, 10 * MINUTE);
    assert_str(c.summary, "quer o plano Equipe");
    assert_str(c.collected, "{\"plan\":\"team\"}");
    sweep_at(app, 9 * MINUTE);
    assert_int_equal(events(app, "conversation.reminded"), 0);
    sweep_at(app, 11 * MINUTE);
    assert_int_equal(events(app, "conversation.reminded"), 1);
    assert_int_equal(told(app, "Obrigado por esperar"), 1);
    c = now(app);
    assert_str(c.deadline_kind, "escalate");
    assert_int_equal(c.deadline_at_ms - c.waiting_since_ms, 30 * MINUTE);
    sweep_at(app, 29 * MINUTE);
    assert_int_equal(events(app, "conversation.escalated"), 0);
    sweep_at(app, 31 * MINUTE);
    assert_int_equal(events(app, "conversation.escalated"), 1);
    sweep_at(app, 32 * MINUTE);
    assert_int_equal(events(app, "conversation.escalated"), 1);
    sweep_at(app, 61 * MINUTE); /* twice the time */
    assert_int_equal(events(app, "conversation.escalated"), 2);
    assert_int_equal(told(app, ""), 1); /* the customer once */
    c = now(app);
    assert_int_equal(c.deadline_at_ms - c.waiting_since_ms, 120 * MINUTE);
    assert_str(c.state, "waiting_agent");
}

static void silent_person_loses_it_to_the_queue(void **state) {
    struct app *app = *state;
    struct user_id bia = hire(app, "bia", ROLE_AGENT);
    struct conversation c;

    answer_sends(app);
    writes(app, 1, "oi");
    call(&(struct call){.app = app, .user = bia}, reply_tx);
    c = now(app);
    assert_int_equal(c.deadline_at_ms, 0); /* the customer has her answer */
    sweep_at(app, 20 * HOUR);
    assert_str(now(app).owner, "person");
    writes(app, 1, "e agora?");
    c = now(app);
    assert_str(c.deadline_kind, "answer");
    assert_int_equal(c.deadline_at_ms - c.unanswered_at_ms, 60 * MINUTE);
    sweep_at(app, 20 * HOUR + 59 * MINUTE);
    assert_str(now(app).owner, "person");
    sweep_at(app, 20 * HOUR + 61 * MINUTE);
    c = now(app);
    assert_str(c.state, "waiting_agent");
    assert_true(uuid_is_nil(c.owner_user.v));
    assert_str(c.deadline_kind, "pickup");
    assert_int_equal(events(app, "conversation.returned"), 1);
}

static void silent_person_loses_it_to_the_bot_where_that_is_set(void **state) {
    struct app *app = *state;
    struct user_id bia = hire(app, "bia", ROLE_AGENT);

    answer_sends(app);
    set(app, "{\"silence_action\":\"bot\",\"silence_minutes\":5}");
    writes(app, 1, "oi");
    call(&(struct call){.app = app, .user = bia}, take_tx);
    assert_str(now(app).deadline_kind, "answer"); /* what was open when she took it */
    sweep_at(app, 6 * MINUTE);
    assert_str(now(app).owner, "bot");
    assert_int_equal(events(app, "bot.turn_answered"), 1);
}

static void bot_that_does_not_answer_loses_it_to_people(void **state) {
    struct app *app = *state;
    struct err e = ERR_INIT;

    writes(app, 1, "oi");
    assert_str(now(app).deadline_kind, "answer");
    /* Its turn is lost. */
    assert_ok(
        harness_exec_vals(app->db, DB_SYSTEM,
                          DB_SQL("DELETE FROM jobs WHERE kind = 'bot.turn' AND tenant_id = $1"),
                          (const struct db_val[]){V_UUID(app->tenant.v)}, 1, NULL, &e),
        &e);
    sweep_at(app, 9 * MINUTE);
    assert_str(now(app).owner, "bot");
    sweep_at(app, 11 * MINUTE);
    assert_str(now(app).state, "waiting_agent");
    assert_int_equal(count_rows(app,
                                "SELECT count(*) FROM conversation_events WHERE tenant_id IS NOT"
                                " NULL AND data LIKE '%bot-silent%'"),
                     1);
}

static void idle_conversation_of_the_bot_expires(void **state) {
    struct app *app = *state;
    struct conversation c;

    answer_sends(app);
    set(app, "{\"expire_hours\":48}");
    writes(app, 1, "oi");
    clock_shift_ms(3000);
    (void)run_jobs(app, 10); /* the bot answers */
    c = now(app);
    assert_int_equal(c.unanswered_at_ms, 0);
    assert_str(c.deadline_kind, "expire");
    sweep_at(app, 20 * MINUTE); /* looked at, found too early, moved */
    c = now(app);
    assert_int_equal(c.deadline_at_ms, c.last_at_ms + 48 * HOUR);
    sweep_at(app, 47 * HOUR);
    assert_str(now(app).owner, "bot");
    sweep_at(app, 49 * HOUR);
    c = now(app);
    assert_str(c.state, "expired");
    assert_int_equal(c.deadline_at_ms, 0);
    writes(app, 1, "oi de novo"); /* who writes again opens another */
    assert_str(now(app).state, "pending");
}

/* Open for one hour a day from an hour that is `from_ms` away, in UTC; minutes past it are cut off. */
static const char *hours_from(struct app *app, int64_t from_ms) {
    struct str iso = clock_format_iso(&app->a, clock_now_ms() + from_ms);
    int64_t hour;
    struct buf b;

    assert_true(str_parse_i64(str_sub(iso, 11, 2), 0, 23, &hour));
    buf_init(&b, 4096);
    for (int i = 0; i < 7; i++)
        buf_printf(&b, "%s\"%.3s\":[[\"%02lld:00\",\"%02lld:00\"]]", i ? "," : "{\"hours\":{",
                   &"montuewedthufrisatsun"[(size_t)i * 3], (long long)hour, (long long)hour + 1);
    buf_printf(&b, "},\"pickup_minutes\":10,\"escalate_minutes\":50}");

    const char *json = arena_cstr(&app->a, buf_str(&b));

    buf_done(&b);
    return json;
}

static enum status to_utc(struct app *app, struct tx *tx, struct err *e) {
    return DB_EXEC(tx, DB_SQL("UPDATE tenants SET timezone = 'UTC' WHERE id = $1"), NULL, e,
                   V_UUID(app->tenant.v));
}

static void clock_stands_still_outside_hours_and_the_customer_is_told_once(void **state) {
    struct app *app = *state;
    struct conversation c;
    int64_t in_hour_ms = clock_now_ms() % HOUR;

    answer_sends(app);
    STEP_SYSTEM(app, to_utc);
    set(app, hours_from(app, 3 * HOUR));
    writes(app, 1, "quero falar com um atendente");
    (void)run_jobs(app, 10);
    assert_int_equal(told(app, "não está atendendo agora"), 1);
    assert_int_equal(told(app, "chamei uma pessoa"), 0);
    c = now(app);
    assert_int_equal(c.deadline_at_ms,
                     c.waiting_since_ms - c.waiting_since_ms % HOUR + 3 * HOUR + 10 * MINUTE);
    writes(app, 1, "alguém?");
    (void)run_jobs(app, 10);
    assert_int_equal(told(app, ""), 1); /* once while they are away */
    sweep_at(app, 3 * HOUR - in_hour_ms + 9 * MINUTE);
    assert_int_equal(events(app, "conversation.reminded"), 0);
    sweep_at(app, 3 * HOUR - in_hour_ms + 11 * MINUTE);
    assert_int_equal(events(app, "conversation.reminded"), 1);
    /* Closed again: the next time they are away, and she writes. */
    clock_shift_ms(5 * HOUR - in_hour_ms);
    writes(app, 1, "ninguém?");
    (void)run_jobs(app, 10);
    assert_int_equal(told(app, "não está atendendo agora"), 2);
}

static void nothing_is_told_when_the_window_is_closed(void **state) {
    struct app *app = *state;

    answer_sends(app);
    set(app, "{\"pickup_minutes\":2000,\"escalate_minutes\":3000}");
    writes(app, 1, "oi");
    hands_off(app, "");
    sweep_at(app, 2001 * MINUTE); /* 33 hours */
    assert_int_equal(events(app, "conversation.reminded"), 1);
    assert_int_equal(told(app, ""), 0);
    assert_int_equal(events(app, "conversation.not_told"), 1);
}

static void other_settings_move_the_deadlines_there_are(void **state) {
    struct app *app = *state;
    struct conversation c;

    writes(app, 1, "oi");
    hands_off(app, "");
    set(app, "{\"pickup_minutes\":3,\"escalate_minutes\":30}");
    sweep_at(app, 1);
    c = now(app);
    assert_int_equal(c.deadline_at_ms - c.waiting_since_ms, 3 * MINUTE);
    assert_int_equal(events(app, "conversation.reminded"), 0);
}

struct node {
    struct app *app;
    struct arena a;
    pthread_barrier_t *start;
    bool has_passed;
    enum status st;
};

static enum status pass_tx(struct tx *tx, void *ctx, struct err *e) {
    struct node *n = ctx;

    return conversation_deadline_pass(&n->a, tx, n->app->tenant, n->app->conversation,
                                      clock_now_ms(), &n->has_passed, e);
}

static void *pass(void *ctx) {
    struct node *n = ctx;
    struct err e = ERR_INIT;

    (void)pthread_barrier_wait(n->start);
    n->st = db_write(n->app->db, DB_TENANT(n->app->tenant), pass_tx, n, &e);
    return NULL;
}

static void of_two_nodes_that_sweep_one_deadline_one_has_the_effect(void **state) {
    struct app *app = *state;

    for (int round = 1; round <= 20; round++) {
        pthread_barrier_t start;
        struct node nodes[2] = {{.app = app, .start = &start}, {.app = app, .start = &start}};
        pthread_t threads[2];

        clock_shift_ms(0);
        writes(app, round, "oi");
        hands_off(app, "");
        clock_shift_ms(11 * MINUTE);
        assert_int_equal(pthread_barrier_init(&start, NULL, 2), 0);
        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, pass, &nodes[i]), 0);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            assert_int_equal(nodes[i].st, ST_OK);
            arena_done(&nodes[i].a);
        }
        pthread_barrier_destroy(&start);
        assert_int_equal(nodes[0].has_passed + nodes[1].has_passed, 1);
        assert_int_equal(events(app, "conversation.reminded"), round);
    }
}

/* --- the watchdog ------------------------------------------------------------------------------------ */

static enum status spoil(struct app *app, struct tx *tx, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE conversations SET deadline_at = NULL, waiting_since = NULL"
                          " WHERE tenant_id = $1"),
                   NULL, e, V_UUID(app->tenant.v));
}

static void watchdog_finds_and_repairs_what_has_no_deadline(void **state) {
    struct app *app = *state;
    struct user_id bia = hire(app, "bia", ROLE_AGENT);

    answer_sends(app);
    writes(app, 1, "oi"); /* the bot's */
    writes(app, 2, "oi"); /* waiting */
    hands_off(app, "");
    writes(app, 3, "oi"); /* a person's, unanswered */
    call(&(struct call){.app = app, .user = bia}, take_tx);
    writes(app, 4, "oi"); /* a person's, answered: nothing is owed */
    call(&(struct call){.app = app, .user = bia}, reply_tx);
    writes(app, 5, "oi"); /* closed */
    call(&(struct call){.app = app, .user = bia}, close_tx);
    assert_int_equal(without_deadline(app), 0);
    STEP(app, spoil);
    assert_int_equal(without_deadline(app), 3);
    run_scheduled(app, CONVERSATION_WATCH_JOB);
    assert_int_equal(without_deadline(app), 0);
    assert_int_equal(events(app, "conversation.deadline_repaired"), 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FEATURE_TEST(nobody_picks_up_people_are_reminded_then_supervisors),
        FEATURE_TEST(silent_person_loses_it_to_the_queue),
        FEATURE_TEST(silent_person_loses_it_to_the_bot_where_that_is_set),
        FEATURE_TEST(bot_that_does_not_answer_loses_it_to_people),
        FEATURE_TEST(idle_conversation_of_the_bot_expires),
        FEATURE_TEST(clock_stands_still_outside_hours_and_the_customer_is_told_once),
        FEATURE_TEST(nothing_is_told_when_the_window_is_closed),
        FEATURE_TEST(other_settings_move_the_deadlines_there_are),
        FEATURE_TEST(of_two_nodes_that_sweep_one_deadline_one_has_the_effect),
        FEATURE_TEST(watchdog_finds_and_repairs_what_has_no_deadline),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_handoff.c - people get what the bot gives up: by the customer's own words, by turn, by skill, never past anybody's capacity.
 * On both engines, by a clock that the test moves.
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>

#include "db/handoff_fixture.h"

/* --- the customer's own words ---------------------------------------------------------------------- */

static void customer_who_asks_for_a_person_is_heard_and_told_once(void **state) {
    struct app *app = *state;
    struct conversation c;

    answer_sends(app);
    writes(app, 1, "quero falar com um atendente");
    c = now(app);
    assert_str(c.state, "waiting_agent");
    assert_str(c.owner, "none");
    assert_str(c.deadline_kind, "pickup");
    assert_int_equal(events(app, "conversation.handoff_requested"), 1);
    assert_int_equal(count_rows(app,
                                "SELECT count(*) FROM conversation_events WHERE tenant_id IS NOT"
                                " NULL AND data LIKE '%customer-asked%'"),
                     1);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM jobs WHERE kind = 'bot.turn'"), 0);
    (void)run_jobs(app, 10);
    assert_int_equal(told(app, "chamei uma pessoa"), 1);
    writes(app, 1, "atendente!!");
    (void)run_jobs(app, 10);
    assert_int_equal(told(app, ""), 1);
}

static void switch_in_the_settings_leaves_the_asking_to_the_bot(void **state) {
    struct app *app = *state;

    set(app, "{\"handoff_on_request\":false}");
    writes(app, 1, "quero falar com um atendente");
    assert_str(now(app).owner, "bot");
    assert_int_equal(count_rows(app, "SELECT count(*) FROM jobs WHERE kind = 'bot.turn'"), 1);
}

/* --- who gets it --------------------------------------------------------------------------------------- */

static enum status work_tx(struct call *k, struct tx *tx, struct err *e) {
    const struct json *in;

    TRY(json_parse(&k->app->a, str_of(k->text), JSON_LIMITS_DEFAULT, &in, e));
    return team_set_work(&k->app->a, tx, k->app->tenant, k->user,
                         (struct team_work){.skills = json_get(in, "skills"),
                                            .capacity = json_i64(json_get(in, "capacity"), -1)},
                         e);
}

static void can(struct app *app, struct user_id user, const char *json) {
    call(&(struct call){.app = app, .user = user, .text = json}, work_tx);
}

static void manual_queue_gives_nobody_anything(void **state) {
    struct app *app = *state;
    struct user_id bia = hire(app, "bia", ROLE_AGENT);

    is(app, bia, "online");
    writes(app, 1, "oi");
    hands_off(app, "");
    assert_str(now(app).state, "waiting_agent");
}

static void by_turn_everybody_online_gets_one_up_to_their_capacity(void **state) {
    struct app *app = *state;
    struct user_id bia = hire(app, "bia", ROLE_AGENT), caio = hire(app, "caio", ROLE_AGENT),
                   duda = hire(app, "duda", ROLE_AGENT);
    int64_t n_bia = 0, n_caio = 0;

    set(app, "{\"assignment\":\"round_robin\",\"default_capacity\":3}");
    is(app, bia, "online");
    is(app, caio, "online");
    is(app, duda, "away");
    can(app, caio, "{\"capacity\":2}");
    for (int i = 1; i <= 6; i++) {
        struct conversation c;

        clock_shift_ms(i * 10);
        writes(app, i, "oi");
        hands_off(app, "");
        c = now(app);
        n_bia += uuid_eq(c.owner_user.v, bia.v);
        n_caio += uuid_eq(c.owner_user.v, caio.v);
        if (i <= 5)
            assert_str(c.state, "assigned");
    }
    assert_int_equal(n_bia, 3);
    assert_int_equal(n_caio, 2);
    assert_str(now(app).state, "waiting_agent"); /* the sixth: both are full, one is away */
    is(app, duda, "online");
    assert_true(uuid_eq(now(app).owner_user.v, duda.v));
    assert_int_equal(events(app, "conversation.assigned"), 6);
}

static void who_gets_free_gets_who_waits_longest(void **state) {
    struct app *app = *state;
    struct user_id bia = hire(app, "bia", ROLE_AGENT);
    struct conversation_id first, waiting;

    set(app, "{\"assignment\":\"round_robin\",\"default_capacity\":1}");
    is(app, bia, "online");
    writes(app, 1, "oi");
    hands_off(app, "");
    first = app->conversation;
    clock_shift_ms(1000);
    writes(app, 2, "oi");
    hands_off(app, "");
    waiting = app->conversation;
    clock_shift_ms(2000);
    writes(app, 3, "oi");
    hands_off(app, "");
    app->conversation = first;
    call(&(struct call){.app = app}, close_tx);
    assert_true(uuid_is_nil(now(app).owner_user.v)); /* closed is nobody's */
    app->conversation = waiting;
    assert_true(uuid_eq(now(app).owner_user.v, bia.v));
    /* Put back, it does not come straight back to her: the third does. */
    call(&(struct call){.app = app}, assign_tx);
    assert_str(now(app).state, "waiting_agent");
}

static void who_was_not_seen_for_a_while_gets_nothing(void **state) {
    struct app *app = *state;
    struct user_id bia = hire(app, "bia", ROLE_AGENT);

    set(app, "{\"assignment\":\"round_robin\"}");
    is(app, bia, "online");
    clock_shift_ms(91 * 1000);
    writes(app, 1, "oi");
    hands_off(app, "");
    assert_str(now(app).state, "waiting_agent");
    is(app, bia, "online"); /* back */
    assert_true(uuid_eq(now(app).owner_user.v, bia.v));
}

static void skill_decides_who_can(void **state) {
    struct app *app = *state;
    struct user_id bia = hire(app, "bia", ROLE_AGENT), caio = hire(app, "caio", ROLE_AGENT);

    set(app, "{\"assignment\":\"round_robin\"}");
    can(app, caio, "{\"skills\":[\"Inglês\",\"vendas\"]}");
    is(app, bia, "online");
    is(app, caio, "online");
    for (int i = 1; i <= 3; i++) {
        writes(app, i, "hi");
        hands_off(app, "ingles");
        assert_true(uuid_eq(now(app).owner_user.v, caio.v));
    }
    writes(app, 9, "hola");
    hands_off(app, "espanhol");
    assert_str(now(app).state, "waiting_agent");
}

static void customer_comes_back_to_the_person_they_know(void **state) {
    struct app *app = *state;
    struct user_id bia = hire(app, "bia", ROLE_AGENT), caio = hire(app, "caio", ROLE_AGENT);

    answer_sends(app);
    set(app, "{\"assignment\":\"round_robin\"}");
    writes(app, 1, "oi");
    call(&(struct call){.app = app, .user = caio}, reply_tx);
    call(&(struct call){.app = app, .user = caio}, close_tx);
    is(app, bia, "online");
    is(app, caio, "online");
    for (int i = 0; i < 3; i++) {
        writes(app, 1, "voltei");
        hands_off(app, "");
        assert_true(uuid_eq(now(app).owner_user.v, caio.v));
        call(&(struct call){.app = app}, close_tx);
    }
    is(app, caio, "offline");
    writes(app, 1, "voltei");
    hands_off(app, "");
    assert_true(uuid_eq(now(app).owner_user.v, bia.v));
}

static void person_is_given_and_takes_nothing_from_who_is_no_colleague(void **state) {
    struct app *app = *state;
    struct user_id bia = hire(app, "bia", ROLE_AGENT);
    struct call k = {.app = app, .user = {uuid_new()}};
    struct err e = ERR_INIT;

    writes(app, 1, "oi");
    assert_int_equal(try_call(&k, assign_tx, &e), ST_INVALID);
    call(&(struct call){.app = app, .user = bia}, assign_tx);
    assert_str(now(app).owner_name, "bia");
    assert_str(now(app).deadline_kind, "answer");
}

/* --- many at once -------------------------------------------------------------------------------------- */

enum { TOGETHER = 24 };

struct claim {
    struct app *app;
    struct arena a;
    pthread_barrier_t *start;
    struct conversation_id conversation;
    enum status st;
};

static enum status claim_tx(struct tx *tx, void *ctx, struct err *e) {
    struct claim *k = ctx;

    return conversation_request_handoff(&k->a, tx, k->app->tenant, k->conversation,
                                        &(struct handoff){.reason = STR("requested")},
                                        clock_now_ms(), e);
}

static void *claim(void *ctx) {
    struct claim *k = ctx;
    struct err e = ERR_INIT;

    (void)pthread_barrier_wait(k->start);
    k->st = db_write(k->app->db, DB_TENANT(k->app->tenant), claim_tx, k, &e);
    return NULL;
}

static void handoffs_at_once_never_pass_anybodys_capacity(void **state) {
    struct app *app = *state;
    struct claim claims[TOGETHER];
    pthread_t threads[TOGETHER];
    pthread_barrier_t start;

    set(app, "{\"assignment\":\"round_robin\",\"default_capacity\":5}");
    is(app, hire(app, "bia", ROLE_AGENT), "online");
    is(app, hire(app, "caio", ROLE_AGENT), "online");
    assert_int_equal(pthread_barrier_init(&start, NULL, TOGETHER), 0);
    for (int i = 0; i < TOGETHER; i++) {
        writes(app, i + 1, "oi");
        claims[i] = (struct claim){.app = app, .start = &start, .conversation = app->conversation};
    }
    for (int i = 0; i < TOGETHER; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, claim, &claims[i]), 0);
    for (int i = 0; i < TOGETHER; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(claims[i].st, ST_OK);
        arena_done(&claims[i].a);
    }
    pthread_barrier_destroy(&start);
    assert_int_equal(count_rows(app, "SELECT max(n) FROM (SELECT count(*) AS n FROM conversations"
                                     " WHERE tenant_id IS NOT NULL AND owner_user IS NOT NULL"
                                     " GROUP BY owner_user) AS loads"),
                     5);
    assert_int_equal(count_rows(app,
                                "SELECT count(*) FROM conversations WHERE tenant_id IS NOT NULL"
                                " AND state = 'assigned'"),
                     10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FEATURE_TEST(customer_who_asks_for_a_person_is_heard_and_told_once),
        FEATURE_TEST(switch_in_the_settings_leaves_the_asking_to_the_bot),
        FEATURE_TEST(manual_queue_gives_nobody_anything),
        FEATURE_TEST(by_turn_everybody_online_gets_one_up_to_their_capacity),
        FEATURE_TEST(who_gets_free_gets_who_waits_longest),
        FEATURE_TEST(who_was_not_seen_for_a_while_gets_nothing),
        FEATURE_TEST(skill_decides_who_can),
        FEATURE_TEST(customer_comes_back_to_the_person_they_know),
        FEATURE_TEST(person_is_given_and_takes_nothing_from_who_is_no_colleague),
        FEATURE_TEST(handoffs_at_once_never_pass_anybodys_capacity),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

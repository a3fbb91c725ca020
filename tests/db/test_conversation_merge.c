/* test_conversation_merge.c - two conversations of one person become one, whoever has them, on both engines.
 * SPDX-License-Identifier: Apache-2.0 */
#include "db/handoff_fixture.h"

#define BY_PHONE ((struct party){.phone = STR("5521955550001")})
#define BY_ID    ((struct party){.user_id = STR("BR.900000001")})
#define AS_BOTH  ((struct party){.phone = STR("5521955550001"), .user_id = STR("BR.900000001")})

struct two {
    struct conversation_id older, younger;
};

static enum status receive_as(struct app *app, struct tx *tx, struct party party, const char *text,
                              struct err *e) {
    const struct inbound ev = inbound_text(app, party, text);

    return receive(app, tx, &ev, NULL, e);
}

static enum status two_tx(struct call *k, struct tx *tx, struct err *e) {
    struct two *two = k->app->extra;

    TRY(receive_as(k->app, tx, BY_PHONE, "um", e));
    two->older = k->app->conversation;
    TRY(receive_as(k->app, tx, BY_ID, "dois", e));
    two->younger = k->app->conversation;
    return ST_OK;
}

static enum status both_tx(struct call *k, struct tx *tx, struct err *e) {
    return receive_as(k->app, tx, AS_BOTH, "três", e);
}

static struct two two_conversations(struct app *app) {
    struct two two;

    app->extra = &two;
    call(&(struct call){.app = app}, two_tx);
    app->extra = NULL;
    return two;
}

static struct conversation at(struct app *app, struct conversation_id id) {
    struct conversation_id keep = app->conversation;
    struct conversation c;

    app->conversation = id;
    c = now(app);
    app->conversation = keep;
    return c;
}

static void the_one_a_person_has_survives_the_merge(void **state) {
    struct app *app = *state;
    struct user_id bia = hire(app, "bia", ROLE_AGENT);
    struct two two = two_conversations(app);
    struct conversation c;

    app->conversation = two.younger;
    call(&(struct call){.app = app, .user = bia}, take_tx);
    call(&(struct call){.app = app}, both_tx);
    assert_true(uuid_eq(app->conversation.v, two.younger.v)); /* where the next message goes */
    c = at(app, two.younger);
    assert_str(c.owner, "person");
    assert_true(uuid_eq(c.owner_user.v, bia.v));
    assert_int_equal(c.inbound_count, 3); /* "dois", "três" and, moved over, "um" */
    assert_str(c.deadline_kind, "answer");
    assert_str(at(app, two.older).state, "agent_closed");
    assert_int_equal(without_deadline(app), 0);
}

static void the_one_that_waits_survives_the_bots(void **state) {
    struct app *app = *state;
    struct two two = two_conversations(app);

    app->conversation = two.younger;
    hands_off(app, "");
    call(&(struct call){.app = app}, both_tx);
    assert_true(uuid_eq(app->conversation.v, two.younger.v));
    assert_str(at(app, two.younger).state, "waiting_agent");
    assert_str(at(app, two.older).state, "agent_closed");
}

static void of_two_that_people_have_the_older_stays(void **state) {
    struct app *app = *state;
    struct two two = two_conversations(app);
    struct user_id bia = hire(app, "bia", ROLE_AGENT), caio = hire(app, "caio", ROLE_AGENT);

    app->conversation = two.younger;
    call(&(struct call){.app = app, .user = bia}, take_tx);
    app->conversation = two.older;
    call(&(struct call){.app = app, .user = caio}, take_tx);
    call(&(struct call){.app = app}, both_tx);
    assert_true(uuid_eq(app->conversation.v, two.older.v));
    assert_true(uuid_eq(at(app, two.older).owner_user.v, caio.v));
    assert_true(uuid_is_nil(at(app, two.younger).owner_user.v));
    assert_int_equal(events(app, "conversation.merged"), 1);
    assert_int_equal(events(app, "conversation.joined"), 1);
}

static void bot_answers_what_was_unanswered_in_both(void **state) {
    struct app *app = *state;
    struct two two = two_conversations(app);
    struct conversation c;

    call(&(struct call){.app = app}, both_tx);
    assert_true(uuid_eq(app->conversation.v, two.older.v));
    c = at(app, two.older);
    assert_int_equal(c.inbound_count, 3);
    assert_int_equal(c.answered_count, 0);
    clock_shift_ms(3000);
    (void)run_jobs(app, 10);
    c = at(app, two.older);
    assert_int_equal(c.answered_count, 3);
    assert_int_equal(events(app, "bot.turn_answered"), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FEATURE_TEST(the_one_a_person_has_survives_the_merge),
        FEATURE_TEST(the_one_that_waits_survives_the_bots),
        FEATURE_TEST(of_two_that_people_have_the_older_stays),
        FEATURE_TEST(bot_answers_what_was_unanswered_in_both),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

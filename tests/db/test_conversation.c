/* test_conversation.c - what comes in and who may speak, on both engines.
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>

#include "db/feature_fixture.h"

/* --- receiving -------------------------------------------------------------------------------- */

static enum status opens(struct app *app, struct tx *tx, struct err *e) {
    const struct inbound first = inbound_text(app, ANA, "oi"), second = inbound_text(app, ANA, "1");
    struct conversation_id opened;
    struct conversation c;
    struct message m;
    int64_t n;

    TRY(receive(app, tx, &first, &m, e));
    opened = app->conversation;
    EXPECT_STR(m.direction, "in");
    EXPECT_STR(m.owner, "customer");
    EXPECT_STR(m.status, "received");
    EXPECT_STR(m.sender, "5511987654321");
    EXPECT_STR(m.text, "oi");
    TRY(receive(app, tx, &second, &m, e));
    EXPECT(uuid_eq(opened.v, app->conversation.v));
    TRY(get_conversation(app, tx, &c, e));
    EXPECT_STR(c.state, "pending");
    EXPECT_STR(c.owner, "bot");
    EXPECT_I64(c.inbound_count, 2);
    EXPECT_I64(c.answered_count, 0);
    EXPECT_STR(c.last_text, "1");
    EXPECT_STR(c.lead_name, "Ana Souza");
    EXPECT_I64(c.window_until_ms, second.at_ms + WINDOW_MS);
    TRY(count_events(app, tx, "conversation.opened", &n, e));
    EXPECT_I64(n, 1);
    TRY(count_events(app, tx, "message.received", &n, e));
    EXPECT_I64(n, 2);
    return ST_OK;
}

static void first_message_opens_a_conversation_and_the_next_goes_on_in_it(void **state) {
    STEP(*state, opens);
}

static enum status late(struct app *app, struct tx *tx, struct err *e) {
    struct inbound ev = inbound_text(app, ANA, "oi"), older = inbound_text(app, ANA, "antes");
    int64_t now_ms = clock_now_ms();
    struct conversation c;

    ev.at_ms = now_ms - 3600 * 1000;
    older.at_ms = now_ms - 7200 * 1000;
    TRY(receive(app, tx, &ev, NULL, e));
    TRY(receive(app, tx, &older, NULL, e));
    TRY(get_conversation(app, tx, &c, e));
    EXPECT_I64(c.window_until_ms, ev.at_ms + WINDOW_MS);
    return ST_OK;
}

static void window_counts_from_the_newest_message_by_the_providers_clock(void **state) {
    STEP(*state, late);
}

static enum status turn_job(struct app *app, struct tx *tx, int64_t *ret_n, int64_t *ret_run_at,
                            struct err *e) {
    struct job_row *jobs;
    size_t n;

    TRY(queue_list(&app->a, tx,
                   (struct job_query){.tenant = app->tenant, .kind = CONVERSATION_TURN_JOB}, &jobs,
                   &n, e));
    *ret_n = (int64_t)n;
    *ret_run_at = n > 0 ? jobs[0].run_at_ms : 0;
    return ST_OK;
}

static enum status debounces(struct app *app, struct tx *tx, struct err *e) {
    int64_t start_ms = clock_now_ms(), n, run_at_ms;
    static const struct {
        int64_t at_ms, run_at_ms;
    } steps[] = {{0, 2000}, {1500, 3500}, {3000, 5000}, {5500, 7500}, {7000, 8000}, {7900, 8000}};

    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        const struct inbound ev = inbound_text(app, ANA, "e mais");
        struct received in = received_of(app, &ev);
        struct message_id id;

        in.now_ms = start_ms + steps[i].at_ms;
        TRY(conversation_receive(&app->a, tx, &in, &id, e));
        TRY(turn_job(app, tx, &n, &run_at_ms, e));
        EXPECT_I64(n, 1);
        EXPECT_I64(run_at_ms, start_ms + steps[i].run_at_ms);
    }
    return ST_OK;
}

static void each_message_moves_the_turn_but_never_past_the_cap(void **state) {
    STEP(*state, debounces);
}

static enum status silent(struct app *app, struct tx *tx, struct err *e) {
    static const char *const types[] = {"reaction", "revoke", "system", "text"};
    static const char *const contents[] = {"{\"emoji\":\"x\",\"target\":\"wamid.none\"}",
                                           "{\"target\":\"wamid.none\"}", "{\"kind\":\"x\"}",
                                           "{\"text\":\"alguém sabe?\",\"group_id\":\"grupo\"}"};
    struct conversation c;
    int64_t n, run_at_ms;

    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct inbound ev = inbound_text(app, ANA, "");

        ev.type = str_of(types[i]);
        ev.content = str_of(contents[i]);
        TRY(receive(app, tx, &ev, NULL, e));
    }
    TRY(turn_job(app, tx, &n, &run_at_ms, e));
    EXPECT_I64(n, 0);
    TRY(get_conversation(app, tx, &c, e));
    EXPECT_I64(c.inbound_count, 0);
    EXPECT(c.window_until_ms > clock_now_ms());
    return ST_OK;
}

static void reaction_revoke_system_notice_and_group_plan_no_turn(void **state) {
    STEP(*state, silent);
}

static enum status edits(struct app *app, struct tx *tx, struct err *e) {
    const struct inbound original = inbound_text(app, ANA, "duas pizas");
    struct inbound edit = inbound_text(app, ANA, "duas pizzas");
    struct message target, m;

    TRY(receive(app, tx, &original, &target, e));
    edit.type = STR("edit");
    edit.content = arena_printf(
        &app->a, "{\"target\":\"%.*s\",\"type\":\"text\",\"content\":{\"text\":\"duas pizzas\"}}",
        STR_ARG(original.message_id));
    TRY(receive(app, tx, &edit, &m, e));
    EXPECT_STR(m.type, "edit");
    TRY(message_get(&app->a, tx, app->tenant, target.id, &target, e));
    EXPECT_STR(target.text, "duas pizzas");
    EXPECT_STR(target.content, "{\"text\":\"duas pizzas\"}");
    EXPECT(target.edited_at_ms > 0);
    EXPECT_I64(target.revoked_at_ms, 0);
    return ST_OK;
}

static void edit_changes_its_target(void **state) {
    STEP(*state, edits);
}

static enum status revokes(struct app *app, struct tx *tx, struct err *e) {
    const struct inbound original = inbound_text(app, ANA, "esquece"),
                         of_joao = inbound_text(app, JOAO, "fica");
    struct inbound revoke = inbound_text(app, ANA, "");
    struct message target, other;

    TRY(receive(app, tx, &of_joao, &other, e));
    TRY(receive(app, tx, &original, &target, e));
    revoke.type = STR("revoke");
    revoke.content = arena_printf(&app->a, "{\"target\":\"%.*s\"}", STR_ARG(original.message_id));
    TRY(receive(app, tx, &revoke, NULL, e));
    TRY(message_get(&app->a, tx, app->tenant, target.id, &target, e));
    EXPECT(target.revoked_at_ms > 0);
    EXPECT_STR(target.text, "esquece"); /* marked, not lost: people see that it was withdrawn */
    TRY(message_get(&app->a, tx, app->tenant, other.id, &other, e));
    EXPECT_I64(other.revoked_at_ms, 0);
    return ST_OK;
}

static void revoke_marks_its_target_and_nothing_else(void **state) {
    STEP(*state, revokes);
}

static enum status first_seen(struct app *app, struct tx *tx, struct account_id account,
                              struct str dedup, int64_t now_ms, bool *ret, struct err *e) {
    const struct seen_event seen = {.tenant = app->tenant, .account = account, .dedup = dedup};

    return conversation_first_seen(tx, &seen, now_ms, ret, e);
}

static enum status seen(struct app *app, struct tx *tx, struct err *e) {
    const struct account_id another = {uuid_new()};
    bool is_first;

    TRY(first_seen(app, tx, app->account.id, STR("m:1"), 1, &is_first, e));
    EXPECT(is_first);
    TRY(first_seen(app, tx, app->account.id, STR("m:1"), 2, &is_first, e));
    EXPECT(!is_first);
    TRY(first_seen(app, tx, app->account.id, STR("m:2"), 2, &is_first, e));
    EXPECT(is_first);
    TRY(first_seen(app, tx, another, STR("m:1"), 2, &is_first, e));
    EXPECT(is_first);
    return ST_OK;
}

static void event_is_seen_for_the_first_time_once_per_account(void **state) {
    STEP(*state, seen);
}

/* --- ownership ---------------------------------------------------------------------------------- */

static const struct user_id bia = {.v = {{0xb1}}}, caio = {.v = {{0xca}}};

enum act { TAKE_IT, HAND_OFF, RELEASE, CLOSE };

static enum status act(struct app *app, struct tx *tx, enum act what, struct user_id who,
                       struct err *e) {
    const struct debounce wait = {.wait_ms = 1000, .cap_ms = 1000};
    int64_t now_ms = clock_now_ms();

    switch (what) {
    case TAKE_IT:
        return conversation_take(&app->a, tx, app->tenant, app->conversation, who, now_ms, e);
    case HAND_OFF:
        return conversation_request_handoff(
            &app->a, tx, app->tenant, app->conversation,
            &(struct handoff){.reason = STR("pediu uma \"pessoa\"")}, now_ms, e);
    case RELEASE:
        return conversation_release(&app->a, tx, app->tenant, app->conversation, wait, now_ms, e);
    case CLOSE:
        return conversation_close(&app->a, tx, app->tenant, app->conversation, now_ms, e);
    }
    return ST_BROKEN;
}

/* A bot's conversation with a message of its own still queued; acting raises the version, withdraws the message, is told. */
static enum status change(struct app *app, struct tx *tx, enum act what, const char *state,
                          const char *owner, const char *event, struct err *e) {
    struct conversation before, after;
    int64_t n;

    TRY(ana_writes(app, tx, e));
    TRY(bot_says(app, tx, e));
    TRY(get_conversation(app, tx, &before, e));
    TRY(act(app, tx, what, bia, e));
    TRY(get_conversation(app, tx, &after, e));
    EXPECT_I64(after.owner_version, before.owner_version + 1);
    EXPECT_STR(after.state, state);
    EXPECT_STR(after.owner, owner);
    TRY(reload_message(app, tx, e));
    EXPECT_STR(app->message.status, "cancelled");
    TRY(count_events(app, tx, "message.cancelled", &n, e));
    EXPECT_I64(n, 1);
    TRY(count_events(app, tx, event, &n, e));
    EXPECT_I64(n, 1);
    return ST_OK;
}

static enum status takes(struct app *app, struct tx *tx, struct err *e) {
    struct conversation c;

    TRY(change(app, tx, TAKE_IT, "assigned", "person", "conversation.taken", e));
    TRY(get_conversation(app, tx, &c, e));
    EXPECT(uuid_eq(c.owner_user.v, bia.v));
    TRY(act(app, tx, TAKE_IT, bia, e)); /* has it already */
    TRY(act(app, tx, HAND_OFF, bia, e));
    EXPECT_I64(c.owner_version, 1);
    TRY(get_conversation(app, tx, &c, e));
    EXPECT_I64(c.owner_version, 1);
    return ST_OK;
}

static enum status hands_off(struct app *app, struct tx *tx, struct err *e) {
    struct conversation c;

    TRY(change(app, tx, HAND_OFF, "waiting_agent", "none", "conversation.handoff_requested", e));
    TRY(get_conversation(app, tx, &c, e));
    EXPECT_STR(c.handoff_reason, "pediu uma \"pessoa\"");
    return act(app, tx, TAKE_IT, bia, e);
}

static enum status closes(struct app *app, struct tx *tx, struct err *e) {
    struct conversation_id closed;
    struct err why = ERR_INIT;

    TRY(change(app, tx, CLOSE, "agent_closed", "none", "conversation.closed", e));
    EXPECT_FAILS(ST_CONFLICT, act(app, tx, TAKE_IT, bia, &why));
    EXPECT_FAILS(ST_CONFLICT, act(app, tx, RELEASE, bia, &why));
    TRY(act(app, tx, CLOSE, bia, e));
    closed = app->conversation;
    TRY(ana_writes(app, tx, e)); /* who writes again opens another */
    EXPECT(!uuid_eq(closed.v, app->conversation.v));
    return ST_OK;
}

static enum status releases(struct app *app, struct tx *tx, struct err *e) {
    struct conversation c;
    int64_t n, run_at_ms;

    TRY(ana_writes(app, tx, e));
    TRY(act(app, tx, TAKE_IT, bia, e));
    TRY(queue_cancel(tx, app->tenant, CONVERSATION_TURN_JOB,
                     uuid_format(&app->a, app->conversation.v), e));
    TRY(ana_writes(app, tx, e));
    TRY(turn_job(app, tx, &n, &run_at_ms, e));
    EXPECT_I64(n, 0); /* a person has it: the bot has nothing to say */
    TRY(act(app, tx, RELEASE, bia, e));
    TRY(get_conversation(app, tx, &c, e));
    EXPECT_STR(c.owner, "bot");
    EXPECT_STR(c.state, "progress");
    EXPECT(uuid_is_nil(c.owner_user.v));
    EXPECT_I64(c.owner_version, 2);
    TRY(turn_job(app, tx, &n, &run_at_ms, e));
    EXPECT_I64(n, 1);
    TRY(count_events(app, tx, "conversation.released", &n, e));
    EXPECT_I64(n, 1);
    return ST_OK;
}

static enum status two_take(struct app *app, struct tx *tx, struct err *e) {
    struct str who = uuid_format(&app->a, bia.v);
    struct err why = ERR_INIT;
    struct conversation c;

    TRY(ana_writes(app, tx, e));
    TRY(act(app, tx, TAKE_IT, bia, e));
    EXPECT_FAILS(ST_CONFLICT, act(app, tx, TAKE_IT, caio, &why));
    EXPECT(str_contains(str_of(why.message), who));
    TRY(get_conversation(app, tx, &c, e));
    EXPECT(uuid_eq(c.owner_user.v, bia.v));
    EXPECT_I64(c.owner_version, 1);
    return ST_OK;
}

static enum status echo(struct app *app, struct tx *tx, struct err *e) {
    struct inbound ev = inbound_text(app, ANA, "aqui é a Bia");
    struct conversation c;
    struct message m;

    TRY(ana_writes(app, tx, e));
    TRY(bot_says(app, tx, e));
    ev.kind = INBOUND_ECHO;
    TRY(receive(app, tx, &ev, &m, e));
    EXPECT_STR(m.direction, "out");
    EXPECT_STR(m.owner, "person");
    EXPECT_STR(m.status, "sent");
    TRY(get_conversation(app, tx, &c, e));
    EXPECT_STR(c.owner, "person");
    EXPECT_STR(c.state, "assigned");
    EXPECT_I64(c.owner_version, 1);
    TRY(reload_message(app, tx, e));
    EXPECT_STR(app->message.status, "cancelled");
    TRY(act(app, tx, TAKE_IT, bia, e)); /* the phone has no name: a colleague may claim it */
    ev = inbound_text(app, ANA, "e de novo");
    ev.kind = INBOUND_ECHO;
    TRY(receive(app, tx, &ev, NULL, e));
    TRY(get_conversation(app, tx, &c, e));
    EXPECT(uuid_eq(c.owner_user.v, bia.v)); /* and keeps it */
    return ST_OK;
}

static void taking_raises_the_version_and_withdraws_what_the_bot_queued(void **state) {
    STEP(*state, takes);
}
static void handoff_raises_the_version_and_withdraws_what_the_bot_queued(void **state) {
    STEP(*state, hands_off);
}
static void closing_raises_the_version_and_withdraws_what_the_bot_queued(void **state) {
    STEP(*state, closes);
}
static void release_gives_the_bot_what_is_unanswered(void **state) {
    STEP(*state, releases);
}
static void second_taker_is_told_who_has_it(void **state) {
    STEP(*state, two_take);
}
static void answer_typed_on_the_phone_takes_over(void **state) {
    STEP(*state, echo);
}

/* Two people in two transactions at once. */
struct taker {
    struct app *app;
    struct user_id who;
    pthread_barrier_t *gate;
    enum status st;
    struct err e;
    struct arena a;
};

static enum status take_tx(struct tx *tx, void *ctx, struct err *e) {
    struct taker *t = ctx;

    return conversation_take(&t->a, tx, t->app->tenant, t->app->conversation, t->who,
                             clock_now_ms(), e);
}

static void *take(void *ctx) {
    struct taker *t = ctx;

    (void)pthread_barrier_wait(t->gate);
    t->st = db_write(t->app->db, DB_TENANT(t->app->tenant), take_tx, t, &t->e);
    return NULL;
}

static void of_two_takers_at_once_one_gets_it(void **state) {
    struct app *app = *state;
    pthread_barrier_t gate;
    struct taker takers[] = {{.app = app, .who = bia, .gate = &gate},
                             {.app = app, .who = caio, .gate = &gate}};
    pthread_t threads[2];

    STEP(app, ana_writes);
    assert_int_equal(pthread_barrier_init(&gate, NULL, 2), 0);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take, &takers[i]), 0);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    (void)pthread_barrier_destroy(&gate);

    size_t loser = takers[0].st == ST_OK ? 1 : 0;
    struct str winner = uuid_format(&app->a, takers[1 - loser].who.v);

    assert_int_equal(takers[1 - loser].st, ST_OK);
    assert_int_equal(takers[loser].st, ST_CONFLICT);
    assert_true(str_contains(str_of(takers[loser].e.message), winner));
    for (size_t i = 0; i < 2; i++)
        arena_done(&takers[i].a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FEATURE_TEST(first_message_opens_a_conversation_and_the_next_goes_on_in_it),
        FEATURE_TEST(window_counts_from_the_newest_message_by_the_providers_clock),
        FEATURE_TEST(each_message_moves_the_turn_but_never_past_the_cap),
        FEATURE_TEST(reaction_revoke_system_notice_and_group_plan_no_turn),
        FEATURE_TEST(edit_changes_its_target),
        FEATURE_TEST(revoke_marks_its_target_and_nothing_else),
        FEATURE_TEST(event_is_seen_for_the_first_time_once_per_account),
        FEATURE_TEST(taking_raises_the_version_and_withdraws_what_the_bot_queued),
        FEATURE_TEST(handoff_raises_the_version_and_withdraws_what_the_bot_queued),
        FEATURE_TEST(closing_raises_the_version_and_withdraws_what_the_bot_queued),
        FEATURE_TEST(release_gives_the_bot_what_is_unanswered),
        FEATURE_TEST(second_taker_is_told_who_has_it),
        FEATURE_TEST(answer_typed_on_the_phone_takes_over),
        FEATURE_TEST(of_two_takers_at_once_one_gets_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

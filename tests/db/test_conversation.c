/* test_conversation.c - what comes in, who may speak, and in which order it is read, on both engines.
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>

#include "db/feature_fixture.h"

enum { AWAIT_MS = 30000, TABLE_MAX = 8 };

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

/* --- order of arrival ------------------------------------------------------------------------------ */

static enum status write_seven(struct app *app, struct tx *tx, struct err *e) {
    static const char *const texts[] = {"1", "2", "3", "4", "5", "6", "7"};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const struct inbound ev = inbound_text(app, i % 2 ? ANA : JOAO, texts[i]);

        TRY(receive(app, tx, &ev, NULL, e));
    }
    return ST_OK;
}

/* All texts readable after `cursor`, joined, read `limit` at a time; *cursor moves on. */
static enum status read_on(struct app *app, struct tx *tx, struct conversation_id of, size_t limit,
                           struct str *cursor, struct str *ret, struct err *e) {
    struct message_page page;

    *ret = STR_EMPTY;
    do {
        TRY(message_list(&app->a, tx, app->tenant, of,
                         (struct page_query){.cursor = *cursor, .limit = limit}, &page, e));
        for (size_t i = 0; i < page.n; i++) {
            *ret = arena_printf(&app->a, "%.*s%.*s", STR_ARG(*ret), STR_ARG(page.items[i].text));
            *cursor = page.items[i].cursor;
        }
    } while (page.has_more);
    return ST_OK;
}

static enum status read_seven(struct app *app, struct tx *tx, struct err *e) {
    struct str text, cursor;
    struct message_page page;
    struct err why = ERR_INIT;

    for (size_t limit = 1; limit <= 8; limit++) {
        cursor = STR_EMPTY;
        TRY(read_on(app, tx, (struct conversation_id){0}, limit, &cursor, &text, e));
        EXPECT_STR(text, "1234567");
    }
    cursor = STR_EMPTY;
    TRY(read_on(app, tx, app->conversation, 2, &cursor, &text, e));
    EXPECT_STR(text, "1357");
    TRY(message_list(&app->a, tx, app->tenant, app->conversation,
                     (struct page_query){.limit = 2, .is_backward = true}, &page, e));
    EXPECT_STR(page.items[0].text, "7");
    EXPECT_STR(page.items[1].text, "5");
    TRY(message_list(
        &app->a, tx, app->tenant, app->conversation,
        (struct page_query){.limit = 2, .is_backward = true, .cursor = page.items[1].cursor}, &page,
        e));
    EXPECT_STR(page.items[0].text, "3");
    EXPECT_STR(page.items[1].text, "1");
    EXPECT_FAILS(ST_INVALID,
                 message_list(&app->a, tx, app->tenant, app->conversation,
                              (struct page_query){.limit = 2, .cursor = STR("x.1")}, &page, &why));
    return ST_OK;
}

static void pages_of_any_size_give_every_message_once_in_order_of_arrival(void **state) {
    STEP(*state, write_seven);
    STEP(*state, read_seven);
}

struct other_tx { /* a transaction that is held open, and told when to commit */
    struct app *app;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool has_written, may_commit;
    enum status st;
    struct err e;
    struct arena a;
};

static bool await(struct other_tx *o, const bool *flag) {
    struct timespec until = clock_deadline(AWAIT_MS);
    bool is_there = true;

    (void)pthread_mutex_lock(&o->lock);
    while (!*flag && is_there)
        is_there = pthread_cond_clockwait(&o->changed, &o->lock, CLOCK_MONOTONIC, &until) == 0;
    (void)pthread_mutex_unlock(&o->lock);
    return is_there;
}

static void tell(struct other_tx *o, bool *flag) {
    (void)pthread_mutex_lock(&o->lock);
    *flag = true;
    (void)pthread_cond_broadcast(&o->changed);
    (void)pthread_mutex_unlock(&o->lock);
}

static enum status hold_tx(struct tx *tx, void *ctx, struct err *e) {
    struct other_tx *o = ctx;
    const struct inbound ev = {
        .kind = INBOUND_MESSAGE,
        .party = JOAO,
        .message_id = STR("wamid.held"),
        .type = STR("text"),
        .text = STR("A"),
        .content = STR("{\"text\":\"A\"}"),
    };
    const struct received in = received_of(o->app, &ev);
    struct message_id id;

    TRY(conversation_receive(&o->a, tx, &in, &id, e));
    tell(o, &o->has_written);
    EXPECT(await(o, &o->may_commit));
    return ST_OK;
}

static void *hold(void *ctx) {
    struct other_tx *o = ctx;

    o->st = db_write(o->app->db, DB_TENANT(o->app->tenant), hold_tx, o, &o->e);
    return NULL;
}

static enum status b_writes(struct app *app, struct tx *tx, struct err *e) {
    const struct inbound ev = inbound_text(app, ANA, "B");

    return receive(app, tx, &ev, NULL, e);
}

static enum status read_rest(struct app *app, struct tx *tx, struct err *e) {
    struct str *seen_and_cursor = app->extra;

    return read_on(app, tx, (struct conversation_id){0}, 10, &seen_and_cursor[1],
                   &seen_and_cursor[0], e);
}

/* A takes its place in the order first and commits last: a reader that polls in between must not pass it by. */
static void reader_never_skips_a_message_that_commits_late(void **state) {
    struct app *app = *state;
    struct other_tx o = {.app = app};
    struct str seen_and_cursor[2] = {STR_EMPTY, STR_EMPTY};
    struct str all;
    pthread_t thread;

    if (db_engine(app->db) == DB_SQLITE)
        return; /* one writer: rows commit in the order they are written */
    app->extra = seen_and_cursor;
    assert_int_equal(pthread_mutex_init(&o.lock, NULL), 0);
    assert_int_equal(pthread_cond_init(&o.changed, NULL), 0);
    assert_int_equal(pthread_create(&thread, NULL, hold, &o), 0);
    assert_true(await(&o, &o.has_written));
    STEP(app, b_writes);
    STEP(app, read_rest);
    all = seen_and_cursor[0];
    assert_str(all, ""); /* B is there, but what stands before it is not settled */
    tell(&o, &o.may_commit);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_ok(o.st, &o.e);
    STEP(app, read_rest);
    assert_str(seen_and_cursor[0], "AB");
    STEP(app, read_rest);
    assert_str(seen_and_cursor[0], "");
    (void)pthread_cond_destroy(&o.changed);
    (void)pthread_mutex_destroy(&o.lock);
    arena_done(&o.a);
}

static enum status events_in_order(struct app *app, struct tx *tx, struct err *e) {
    struct event_page page;
    struct str cursor, last;
    size_t n = 0;

    TRY(event_last(&app->a, tx, app->tenant, &last, e));
    cursor = STR_EMPTY;
    do {
        TRY(event_list(&app->a, tx, app->tenant, (struct conversation_id){0},
                       (struct page_query){.cursor = cursor, .limit = 2}, &page, e));
        for (size_t i = 0; i < page.n; i++, n++)
            cursor = page.items[i].cursor;
    } while (page.has_more);
    EXPECT_I64(n, 9); /* two conversations, seven messages */
    EXPECT(str_eq(cursor, last));
    TRY(event_list(&app->a, tx, app->tenant, (struct conversation_id){0},
                   (struct page_query){.cursor = last, .limit = 2}, &page, e));
    EXPECT_I64(page.n, 0);
    return ST_OK;
}

static void events_are_paged_to_the_last_one(void **state) {
    STEP(*state, write_seven);
    STEP(*state, events_in_order);
}

static enum status lists(struct app *app, struct tx *tx, struct err *e) {
    struct conversation_page page;
    struct str cursor = STR_EMPTY;
    size_t n = 0;

    for (size_t rounds = 0; rounds < 4; rounds++) {
        const struct conversation_query query = {.state = STR("pending"),
                                                 .page = {.cursor = cursor, .limit = 1}};

        TRY(conversation_list(&app->a, tx, app->tenant, &query, &page, e));
        if (n == 0)
            EXPECT(uuid_eq(page.items[0].id.v, app->conversation.v)); /* the last to write */
        n += page.n;
        cursor = page.next;
        if (cursor.len == 0)
            break;
    }
    EXPECT_I64(n, 2);
    return ST_OK;
}

static enum status two_talks(struct app *app, struct tx *tx, struct err *e) {
    const struct inbound a = inbound_text(app, ANA, "oi"), b = inbound_text(app, JOAO, "oi");
    struct received later = received_of(app, &b);
    struct message_id id;
    struct message m;

    TRY(receive(app, tx, &a, NULL, e));
    later.now_ms += 5;
    TRY(conversation_receive(&app->a, tx, &later, &id, e));
    TRY(message_get(&app->a, tx, app->tenant, id, &m, e));
    app->conversation = m.conversation;
    return ST_OK;
}

static void conversations_are_listed_newest_activity_first(void **state) {
    STEP(*state, two_talks);
    STEP(*state, lists);
}

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
        FEATURE_TEST(pages_of_any_size_give_every_message_once_in_order_of_arrival),
        FEATURE_TEST(reader_never_skips_a_message_that_commits_late),
        FEATURE_TEST(events_are_paged_to_the_last_one),
        FEATURE_TEST(conversations_are_listed_newest_activity_first),
        FEATURE_TEST(all_120_orders_of_statuses_with_repeats_end_in_the_same_state),
        FEATURE_TEST(status_before_the_answer_of_the_send_stands),
        FEATURE_TEST(status_moves_forward_only_and_cancelled_is_an_end),
        FEATURE_TEST(only_failed_uncertain_or_broken_off_sends_are_queued_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

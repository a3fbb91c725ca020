/* test_conversation_order.c - in which order messages, events and conversations are read, whoever else is writing, on both engines.
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>

#include "db/feature_fixture.h"

enum { AWAIT_MS = 30000 };

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

int main(void) {
    const struct CMUnitTest tests[] = {
        FEATURE_TEST(pages_of_any_size_give_every_message_once_in_order_of_arrival),
        FEATURE_TEST(reader_never_skips_a_message_that_commits_late),
        FEATURE_TEST(events_are_paged_to_the_last_one),
        FEATURE_TEST(conversations_are_listed_newest_activity_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

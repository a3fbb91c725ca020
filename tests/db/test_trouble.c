/* test_trouble.c - messages that failed or are uncertain, by cause, and what is on record about one message; on both engines.
 * SPDX-License-Identifier: Apache-2.0 */
#include "db/feature_fixture.h"

enum { MANY = 5 };

static enum status end_as(struct app *app, struct tx *tx, const char *status, int64_t code,
                          const char *reason, struct err *e) {
    bool moved;

    TRY(bot_says(app, tx, e));
    return message_change_status(&app->a, tx, &app->message,
                                 (struct message_change){.status = str_of(status),
                                                         .error_code = code,
                                                         .error_reason = str_of(reason)},
                                 clock_now_ms(), &moved, e);
}

static enum status many_fail(struct app *app, struct tx *tx, struct err *e) {
    TRY(ana_writes(app, tx, e));
    for (int i = 0; i < MANY; i++)
        TRY(end_as(app, tx, "failed", 131026, i % 2 ? "not there" : "not on WhatsApp", e));
    TRY(end_as(app, tx, "failed", 0, "the content is refused", e));
    return end_as(app, tx, "uncertain", 0, "cut off", e);
}

static struct trouble_query trouble(struct app *app, const char *status) {
    return (struct trouble_query){.tenant = app->tenant, .status = str_of(status), .limit = 2};
}

static enum status groups(struct app *app, struct tx *tx, struct err *e) {
    struct trouble_query query = trouble(app, "failed");
    struct trouble_group *list;
    size_t n;

    TRY(message_trouble_groups(&app->a, tx, &query, &list, &n, e));
    EXPECT_I64(n, 2);
    EXPECT_STR(list[0].cause, "131026"); /* one cause, however its reason is worded */
    EXPECT_I64(list[0].n, MANY);
    EXPECT_STR(list[1].cause, "the content is refused");
    query.status = STR("uncertain");
    TRY(message_trouble_groups(&app->a, tx, &query, &list, &n, e));
    EXPECT_I64(n, 1);
    query.since_ms = clock_now_ms() + 60000;
    TRY(message_trouble_groups(&app->a, tx, &query, &list, &n, e));
    EXPECT_I64(n, 0);
    return ST_OK;
}

static void failures_are_grouped_by_code_else_by_reason(void **state) {
    STEP(*state, many_fail);
    STEP(*state, groups);
}

/* Walks the pages of one cause; *ret_n is how many there were, each once. */
static enum status walk(struct app *app, struct tx *tx, struct trouble_query query, size_t *ret_n,
                        struct err *e) {
    struct message_page page;
    struct uuid before = {{0}};

    *ret_n = 0;
    do {
        TRY(message_trouble_list(&app->a, tx, &query, &page, e));
        for (size_t i = 0; i < page.n; i++) {
            int order = uuid_cmp(before, page.items[i].id.v);

            EXPECT(uuid_is_nil(before) || (query.is_forward ? order < 0 : order > 0));
            before = page.items[i].id.v;
        }
        *ret_n += page.n;
        query.from.v = before;
    } while (page.has_more);
    return ST_OK;
}

static enum status pages(struct app *app, struct tx *tx, struct err *e) {
    struct trouble_query query = trouble(app, "failed");
    size_t n;

    query.cause = STR("131026");
    TRY(walk(app, tx, query, &n, e));
    EXPECT_I64(n, MANY);
    query.is_forward = true;
    TRY(walk(app, tx, query, &n, e));
    EXPECT_I64(n, MANY);
    query.cause = STR_EMPTY;
    TRY(walk(app, tx, query, &n, e));
    EXPECT_I64(n, MANY + 1);
    query.cause = STR("the content is refused");
    TRY(walk(app, tx, query, &n, e));
    EXPECT_I64(n, 1);
    return ST_OK;
}

static void a_cause_is_paged_both_ways_each_message_once(void **state) {
    STEP(*state, many_fail);
    STEP(*state, pages);
}

static enum status of_another(struct app *app, struct tx *tx, struct err *e) {
    const struct trouble_query query = {
        .tenant = app->other, .status = STR("failed"), .limit = 500};
    struct message_page page;

    TRY(message_trouble_list(&app->a, tx, &query, &page, e));
    EXPECT_I64(page.n, 0);
    return ST_OK;
}

static void another_tenant_sees_none_of_it(void **state) {
    STEP(*state, many_fail);
    STEP_SYSTEM(*state, of_another);
}

static enum status about_one(struct app *app, struct tx *tx, struct err *e) {
    const struct inbox_id first = {uuid_new()}, second = {uuid_new()};
    const struct seen_event events[] = {
        {.tenant = app->tenant,
         .account = app->account.id,
         .dedup = STR("m:wamid.1"),
         .call = first},
        {.tenant = app->tenant,
         .account = app->account.id,
         .dedup = STR("s:wamid.1:read"),
         .call = second},
        {.tenant = app->tenant,
         .account = app->account.id,
         .dedup = STR("s:wamid.11:read"),
         .call = first},
        {.tenant = app->tenant,
         .account = {uuid_new()},
         .dedup = STR("s:wamid.1:sent"),
         .call = first},
    };
    struct message m = {
        .tenant = app->tenant, .account = app->account.id, .provider_id = STR("wamid.1")};
    struct message_call *calls;
    size_t n;
    bool is_first;

    for (size_t i = 0; i < ARRAY_LEN(events); i++)
        TRY(conversation_first_seen(tx, &events[i], (int64_t)i + 1, &is_first, e));
    TRY(message_calls(&app->a, tx, &m, &calls, &n, e));
    EXPECT_I64(n, 2);
    EXPECT_STR(calls[0].what, "message");
    EXPECT(uuid_eq(calls[0].call.v, first.v));
    EXPECT_STR(calls[1].what, "read");
    EXPECT(uuid_eq(calls[1].call.v, second.v));
    m.provider_id = STR_EMPTY;
    TRY(message_calls(&app->a, tx, &m, &calls, &n, e));
    EXPECT_I64(n, 0);
    return ST_OK;
}

static void a_message_finds_the_raw_calls_that_told_of_it(void **state) {
    STEP(*state, about_one);
}

static enum status steps(struct app *app, struct tx *tx, struct err *e) {
    struct event_page page;

    TRY(message_events(&app->a, tx, &app->message, &page, e));
    EXPECT_I64(page.n, 2); /* and none of the six others in the same conversation */
    EXPECT_STR(page.items[0].kind, "message.queued");
    EXPECT_STR(page.items[1].kind, "message.uncertain");
    return ST_OK;
}

static void a_message_has_its_own_steps_only(void **state) {
    STEP(*state, many_fail);
    STEP(*state, steps);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FEATURE_TEST(failures_are_grouped_by_code_else_by_reason),
        FEATURE_TEST(a_cause_is_paged_both_ways_each_message_once),
        FEATURE_TEST(another_tenant_sees_none_of_it),
        FEATURE_TEST(a_message_finds_the_raw_calls_that_told_of_it),
        FEATURE_TEST(a_message_has_its_own_steps_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

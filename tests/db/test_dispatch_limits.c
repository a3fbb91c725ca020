/* test_dispatch_limits.c - what keeps a campaign from people for now: the clock where they are, what the account may send in a day,
 * other campaigns, failures; and what waits for none of it, a test. On both engines; the clock is moved, nothing sleeps.
 * SPDX-License-Identifier: Apache-2.0 */
#include "db/dispatch_fixture.h"

enum { HOUR_MS = 3600 * 1000, JOBS_MAX = 40 };

static const char *const three_zones[] = {"+55 11 98765-1001", "+55 92 98765-1002",
                                          "+55 68 98765-1003"};

/* --- steps ---------------------------------------------------------------------------------------------------------------- */

static int64_t at(const char *iso) {
    int64_t ms;

    assert_true(clock_parse_iso(str_of(iso), &ms));
    return ms;
}

/* It is that time now, and a little later with each look. */
static void go_to(int64_t ms) {
    clock_shift_ms(0);
    clock_shift_ms(ms - clock_now_ms());
}

static void run_all(struct app *app) {
    for (int i = 0; i < JOBS_MAX && run_jobs(app, 1) > 0; i++)
        ;
    STEP(app, look);
}

static void start(struct app *app, struct fake_reply reply) {
    fake_http_answer(app->graph, reply);
    order(app, DISPATCH_START);
    run_all(app);
}

static enum status use_setting(struct app *app, struct tx *tx, struct err *e) {
    struct setting *pair = scene_of(app)->setting;

    return account_update(&app->a, tx, app->f->keys, app->account.id,
                          (struct account_new){.tenant = app->tenant,
                                               .settings = pair,
                                               .n_settings = pair[1].key.len > 0 ? 2 : 1},
                          &app->account, e);
}

static void set_account(struct app *app, const char *key, const char *value) {
    scene_of(app)->setting[0] = (struct setting){str_of(key), str_of(value)};
    scene_of(app)->setting[1] = (struct setting){STR_EMPTY, STR_EMPTY};
    STEP(app, use_setting);
}

static enum status send_test(struct app *app, struct tx *tx, struct err *e) {
    struct scene *s = scene_of(app);
    const struct dispatch_test t = {.tenant = app->tenant,
                                    .id = s->id,
                                    .lead = s->leads[0],
                                    .channel = STR("whatsapp"),
                                    .address = STR("5511900000001"),
                                    .gate = s->gate,
                                    .now_ms = clock_now_ms()};
    struct err why = ERR_INIT;
    struct recipient_id id;

    (void)e;
    s->st = dispatch_send_test(&app->a, tx, &t, &id, &why);
    s->cause = why.cause;
    if (s->st != ST_OK)
        return s->st == ST_CONFLICT ? ST_OK : s->st;
    s->row.id = id;
    return ST_OK;
}

static enum status get_row(struct app *app, struct tx *tx, struct err *e) {
    struct scene *s = scene_of(app);

    return recipient_get(&app->a, tx, app->tenant, s->row.id, &s->row, e);
}

/* --- the clock where people are --------------------------------------------------------------------------------------------- */

static void each_gets_it_by_the_clock_where_they_are_and_the_rest_next_morning(void **state) {
    struct app *app = *state;
    struct scene *s = scene_of(app);

    go_to(at(
        "2027-03-03T23:30:00Z")); /* a Wednesday: 20:30 in São Paulo, 19:30 in Manaus, 18:30 in Acre */
    s->phones = three_zones;
    s->quiet_json = "{\"is_on\":true}";
    (void)plan(app, 3);
    start(app, accepted);
    assert_int_equal(fake_http_count(app->graph), 2);
    assert_str(s->d.state, "running");
    assert_str(s->d.wait_cause, "quiet-hours");
    assert_int_equal(s->d.wait_until_ms, at("2027-03-04T11:00:00Z"));

    go_to(at("2027-03-04T11:00:01Z"));
    run_all(app);
    assert_int_equal(fake_http_count(app->graph), 3);
    assert_str(s->d.state, "done");
}

static void resume_in_quiet_hours_says_at_once_what_it_waits_for(void **state) {
    struct app *app = *state;
    struct scene *s = scene_of(app);

    go_to(at("2027-03-03T23:30:00Z"));
    s->quiet_json = "{\"is_on\":true}";
    (void)plan(app, 3);
    start(app, accepted);
    order(app, DISPATCH_PAUSE);
    run_all(app);
    assert_int_equal(s->d.wait_cause.len, 0);
    order(app, DISPATCH_RESUME);
    (void)run_jobs(app, 1);
    STEP(app, look);
    assert_str(s->d.wait_cause, "quiet-hours");
    assert_int_equal(s->d.wait_until_ms, at("2027-03-04T11:00:00Z"));
    assert_int_equal(fake_http_count(app->graph), 0);
}

static void holiday_and_sunday_are_waited_out(void **state) {
    struct app *app = *state;
    struct scene *s = scene_of(app);

    go_to(at(
        "2027-09-05T15:00:00Z")); /* Sunday; Tuesday is Independence Day, but Monday is not free */
    s->quiet_json = "{\"is_on\":true,\"hours\":{\"mon\":null,\"tue\":[\"08:00\",\"20:00\"],"
                    "\"wed\":[\"08:00\",\"20:00\"],\"thu\":[\"08:00\",\"20:00\"],"
                    "\"fri\":[\"08:00\",\"20:00\"],\"sat\":null,\"sun\":null}}";
    (void)plan(app, 2);
    start(app, accepted);
    assert_str(s->d.wait_cause, "quiet-hours");
    assert_int_equal(s->d.wait_until_ms, at("2027-09-08T11:00:00Z"));
    go_to(at("2027-09-07T15:00:00Z"));
    run_all(app);
    assert_int_equal(fake_http_count(app->graph), 0);
    go_to(at("2027-09-08T11:00:01Z"));
    run_all(app);
    assert_int_equal(fake_http_count(app->graph), 2);
}

/* --- what the account may send ------------------------------------------------------------------------------------------------ */

static void tier_ends_the_day_and_the_next_one_goes_on(void **state) {
    struct app *app = *state;
    struct scene *s = scene_of(app);

    set_account(app, "tier_people", "3");
    (void)plan(app, 5);
    start(app, accepted);
    assert_int_equal(s->counts.sent, 3);
    assert_str(s->d.wait_cause, "tier");
    assert_true(s->d.wait_until_ms >= clock_now_ms() + 23 * (int64_t)HOUR_MS);
    go_to(clock_now_ms() + 26 * (int64_t)HOUR_MS);
    run_all(app);
    assert_int_equal(s->counts.sent, 5);
    assert_str(s->d.state, "done");
}

static void cap_of_ones_own_binds_when_it_is_lower(void **state) {
    struct app *app = *state;
    struct scene *s = scene_of(app);

    set_account(app, "tier_people", "250");
    set_account(app, "daily_cap", "2");
    (void)plan(app, 5);
    start(app, accepted);
    assert_int_equal(s->counts.sent, 2);
    assert_str(s->d.wait_cause, "daily-cap");
}

static void warm_up_doubles_every_day(void **state) {
    struct app *app = *state;
    struct scene *s = scene_of(app);

    go_to(at("2027-03-03T12:00:00Z"));
    set_account(app, "warmup_from", "2027-03-03");
    set_account(app, "warmup_first", "1");
    (void)plan(app, 12);
    start(app, accepted);
    assert_int_equal(s->counts.sent, 1);
    assert_str(s->d.wait_cause, "warm-up");
    go_to(at("2027-03-04T14:00:00Z"));
    run_all(app);
    assert_int_equal(s->counts.sent, 1 + 2);
    go_to(at("2027-03-05T16:00:00Z"));
    run_all(app);
    assert_int_equal(s->counts.sent, 1 + 2 + 4);
}

static void person_who_is_tried_again_counts_once_for_the_tier(void **state) {
    struct app *app = *state;
    struct scene *s = scene_of(app);

    set_account(app, "tier_people", "3");
    (void)plan(app, 3);
    start(app, (struct fake_reply){.status = 400, .body = ERROR_BODY("131056")});
    assert_int_equal(s->counts.planned, 3);
    fake_http_answer(app->graph, accepted);
    for (int i = 0; i < 8 && s->counts.sent < 3; i++) {
        go_to(clock_now_ms() + HOUR_MS);
        run_all(app);
    }
    assert_int_equal(s->counts.sent, 3);
    assert_true(clock_now_ms() < s->d.created_at_ms + DAY_MS);
}

static void busy_provider_holds_every_campaign_of_the_account_and_one_message_tries(void **state) {
    struct app *app = *state;
    struct scene *s = scene_of(app);
    size_t before;

    (void)plan(app, 12);
    fake_http_answer(app->graph, (struct fake_reply){.status = 400, .body = ERROR_BODY("130429")});
    order(app, DISPATCH_START);
    for (int i = 0; i < 3; i++) {
        before = fake_http_count(app->graph);
        go_to(clock_now_ms() + HOUR_MS);
        (void)run_jobs(app, 1);
        STEP(app, look);
        assert_str(s->d.state, "running");
        if (i > 0) /* the first time it did not know */
            assert_true(fake_http_count(app->graph) - before <= 1);
    }
    fake_http_answer(app->graph, accepted);
    for (int i = 0; i < 8 && !str_eq(s->d.state, STR("done")); i++) {
        go_to(clock_now_ms() + HOUR_MS);
        run_all(app);
    }
    assert_int_equal(s->counts.sent, 12);
}

/* --- other campaigns ---------------------------------------------------------------------------------------------------------- */

static void again_with(struct app *app) {
    STEP(app, add_campaign);
    order(app, DISPATCH_PLAN);
    (void)run_jobs(app, 1);
    start(app, accepted);
}

static void nobody_gets_more_campaigns_than_the_cap_in_its_days(void **state) {
    struct app *app = *state;
    struct scene *s = scene_of(app);

    s->limits_json = "{\"error_percent\":0,\"overlap_hours\":0,\"frequency_max\":2,"
                     "\"frequency_days\":7}";
    (void)plan(app, 3);
    start(app, accepted);
    again_with(app);
    assert_int_equal(s->counts.sent, 3);
    again_with(app);
    assert_int_equal(s->counts.excluded, 3);
    STEP(app, first_row);
    assert_str(s->row.block_reason, "frequency-cap");
    go_to(clock_now_ms() + 7 * (int64_t)DAY_MS + MINUTE_MS);
    again_with(app);
    assert_int_equal(s->counts.sent, 3);
    assert_int_equal(fake_http_count(app->graph), 9);
}

static void overlap_guard_ends_with_its_hours(void **state) {
    struct app *app = *state;
    struct scene *s = scene_of(app);

    (void)plan(app, 3);
    start(app, accepted);
    go_to(clock_now_ms() + 23 * (int64_t)HOUR_MS);
    again_with(app);
    assert_int_equal(s->counts.excluded, 3);
    STEP(app, first_row);
    assert_str(s->row.block_reason, "other-campaign");
    go_to(clock_now_ms() + 2 * (int64_t)HOUR_MS);
    again_with(app);
    assert_int_equal(s->counts.sent, 3);
}

/* --- failures ----------------------------------------------------------------------------------------------------------------- */

static void too_many_failures_pause_it_before_everybody_is_lost(void **state) {
    struct app *app = *state;
    struct scene *s = scene_of(app);
    size_t before;

    s->limits_json = "{\"error_percent\":50,\"error_min\":2}";
    (void)plan(app, 60);
    start(app, (struct fake_reply){.status = 400, .body = ERROR_BODY("131026")});
    assert_str(s->d.state, "paused");
    assert_str(s->d.cause, "error-threshold");
    assert_true(fake_http_count(app->graph) < 60);

    before = fake_http_count(app->graph);
    fake_http_answer(app->graph, accepted);
    order(app, DISPATCH_RESUME); /* a person has looked: the count begins anew */
    run_all(app);
    assert_str(s->d.state, "done");
    assert_true(fake_http_count(app->graph) > before);
}

static void failures_below_the_threshold_do_not_pause_it(void **state) {
    struct app *app = *state;
    struct scene *s = scene_of(app);

    s->limits_json = "{\"error_percent\":100,\"error_min\":1}";
    (void)plan(app, 20);
    start(app, (struct fake_reply){.status = 400, .body = ERROR_BODY("131026")});
    assert_str(s->d.state, "done");
    assert_int_equal(s->counts.failed, 20);
}

/* --- its time, a test --------------------------------------------------------------------------------------------------------- */

static void scheduled_start_begins_at_its_time_and_not_before(void **state) {
    struct app *app = *state;
    struct scene *s = plan(app, 2);

    fake_http_answer(app->graph, accepted);
    s->start_at_ms = clock_now_ms() + 2 * (int64_t)HOUR_MS;
    order(app, DISPATCH_START);
    go_to(clock_now_ms() + HOUR_MS);
    run_all(app);
    assert_str(s->d.state, "planned");
    assert_int_equal(fake_http_count(app->graph), 0);
    go_to(clock_now_ms() + HOUR_MS + MINUTE_MS);
    run_all(app);
    assert_str(s->d.state, "done");
    assert_int_equal(fake_http_count(app->graph), 2);
}

static void scheduled_start_that_was_taken_back_or_meets_a_shut_gate_sends_nothing(void **state) {
    struct app *app = *state;
    struct scene *s = plan(app, 2);

    s->start_at_ms = clock_now_ms() + HOUR_MS;
    order(app, DISPATCH_START);
    order(app, DISPATCH_PAUSE);
    go_to(clock_now_ms() + 2 * (int64_t)HOUR_MS);
    run_all(app);
    assert_str(s->d.state, "planned");

    s->start_at_ms = clock_now_ms() + HOUR_MS;
    order(app, DISPATCH_START);
    httpc_set_gate(app->httpc, GATE_REPLIES);
    go_to(clock_now_ms() + 2 * (int64_t)HOUR_MS);
    run_all(app);
    assert_str(s->d.state, "planned");
    assert_str(s->d.cause, "gate-closed");
    assert_int_equal(fake_http_count(app->graph), 0);
}

static void
test_brings_a_real_contacts_data_to_an_address_of_ours_and_counts_nowhere(void **state) {
    struct app *app = *state;
    struct scene *s = plan(app, 2);
    struct str body;

    fake_http_answer(app->graph, accepted);
    STEP(app, send_test);
    (void)run_jobs(app, 1);
    body = fake_http_body(&app->a, app->graph);
    assert_true(str_contains(body, STR("+5511900000001")));
    assert_true(str_contains(body, STR("Pessoa 0")));
    STEP(app, get_row);
    assert_str(s->row.state, "sent");
    STEP(app, look);
    assert_int_equal(s->counts.total, 2);
    assert_int_equal(s->counts.sent, 0);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM leads WHERE state = 'new'"), 2);

    start(app, accepted); /* nor is it another campaign's message to that contact */
    assert_int_equal(s->counts.sent, 2);
}

static void test_waits_for_nothing_and_says_why_it_was_not_sent(void **state) {
    struct app *app = *state;
    struct scene *s = scene_of(app);

    go_to(at("2027-03-04T02:00:00Z")); /* 23:00: who tries a campaign at night gets the message */
    s->quiet_json = "{\"is_on\":true}";
    set_account(app, "tier_people", "1");
    (void)plan(app, 2);
    fake_http_answer(app->graph, accepted);
    STEP(app, send_test);
    (void)run_jobs(app, 1);
    STEP(app, get_row);
    assert_str(s->row.state, "sent");
    STEP(app, send_test);
    (void)run_jobs(app, 1);
    STEP(app, get_row);
    assert_str(s->row.state, "failed");
    assert_str(s->row.error_cause, "tier");

    s->gate = GATE_REPLIES;
    STEP(app, send_test);
    assert_int_equal(s->st, ST_CONFLICT);
    assert_string_equal(s->cause, "gate-closed");
    assert_int_equal(fake_http_count(app->graph), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FEATURE_TEST(each_gets_it_by_the_clock_where_they_are_and_the_rest_next_morning),
        FEATURE_TEST(resume_in_quiet_hours_says_at_once_what_it_waits_for),
        FEATURE_TEST(holiday_and_sunday_are_waited_out),
        FEATURE_TEST(tier_ends_the_day_and_the_next_one_goes_on),
        FEATURE_TEST(cap_of_ones_own_binds_when_it_is_lower),
        FEATURE_TEST(warm_up_doubles_every_day),
        FEATURE_TEST(person_who_is_tried_again_counts_once_for_the_tier),
        FEATURE_TEST(busy_provider_holds_every_campaign_of_the_account_and_one_message_tries),
        FEATURE_TEST(nobody_gets_more_campaigns_than_the_cap_in_its_days),
        FEATURE_TEST(overlap_guard_ends_with_its_hours),
        FEATURE_TEST(too_many_failures_pause_it_before_everybody_is_lost),
        FEATURE_TEST(failures_below_the_threshold_do_not_pause_it),
        FEATURE_TEST(scheduled_start_begins_at_its_time_and_not_before),
        FEATURE_TEST(scheduled_start_that_was_taken_back_or_meets_a_shut_gate_sends_nothing),
        FEATURE_TEST(test_brings_a_real_contacts_data_to_an_address_of_ours_and_counts_nowhere),
        FEATURE_TEST(test_waits_for_nothing_and_says_why_it_was_not_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

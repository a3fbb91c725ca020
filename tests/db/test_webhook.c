/* test_webhook.c - events to other systems: handed out once, delivered at least once, never in silence, on both engines.
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>

#include "db/feature_fixture.h"
#include "webhook/store.h"

enum { HOUR_MS = 3600 * 1000 };

struct hooks { /* beside app: app->extra */
    struct webhooks *webhooks;
    struct fake_http *receiver;
    struct webhook webhook; /* of the last add() */
    struct webhook_delivery *list;
    size_t n;
    struct delivery_id test;
    int64_t replayed, asked_ms;
};

struct webhooks *app_webhooks(struct app *app) {
    return ((struct hooks *)app->extra)->webhooks;
}

static struct hooks *hooks_of(struct app *app) {
    return app->extra;
}

static enum status run_deliver(struct app *app, struct arena *a, const struct job *job,
                               struct verdict *v, struct err *e) {
    return job_ran(app, job, webhook_deliver_job(app, a, job, v, e), v);
}

static const struct job_kind webhook_kinds[] = {
    {.name = WEBHOOK_DELIVER_JOB, .run = run_deliver, .max_attempts = 1000},
    {.name = WEBHOOK_PURGE_JOB, .run = webhook_purge_job},
};

static struct webhooks *start_webhooks(struct app *app, struct db *db) {
    struct err e = ERR_INIT;
    struct webhooks *w;

    assert_ok(webhooks_start(
                  (struct webhooks_options){
                      .db = db, .httpc = app->httpc, .keys = app->f->keys, .workers = 8},
                  &w, &e),
              &e);
    return w;
}

static int hooks_setup(void **state) {
    struct err e = ERR_INIT;
    struct hooks *h = calloc(1, sizeof(*h));
    struct app *app;

    assert_non_null(h);
    assert_int_equal(feature_setup(state), 0);
    app = *state;
    app->extra = h;
    h->receiver = fake_http_start();
    h->webhooks = start_webhooks(app, app->db);
    queue_stop(app->queue, 0);
    assert_ok(queue_start((struct queue_options){.db = app->db,
                                                 .app = app,
                                                 .kinds = webhook_kinds,
                                                 .n_kinds = ARRAY_LEN(webhook_kinds),
                                                 .run_jobs = true},
                          &app->queue, &e),
              &e);
    return 0;
}

static int hooks_teardown(void **state) {
    struct app *app = *state;
    struct hooks *h = hooks_of(app);

    webhooks_free(h->webhooks);
    fake_http_stop(h->receiver);
    free(h);
    return feature_teardown(state);
}

#define HOOKS_TEST(fn) cmocka_unit_test_setup_teardown(fn, hooks_setup, hooks_teardown)

/* --- steps ------------------------------------------------------------------------------------------------------------- */

static enum status add_for(struct app *app, struct tx *tx, const char *events, struct err *e) {
    struct hooks *h = hooks_of(app);
    const struct webhook_new in = {.tenant = app->tenant,
                                   .url = fake_http_url(&app->a, h->receiver),
                                   .events = str_of(events)};

    return webhook_add(&app->a, tx, app->f->keys, &in, &h->webhook, e);
}

static enum status add_messages(struct app *app, struct tx *tx, struct err *e) {
    return add_for(app, tx, "message.*", e);
}

static enum status add_all(struct app *app, struct tx *tx, struct err *e) {
    return add_for(app, tx, "*", e);
}

static enum status reload(struct app *app, struct tx *tx, struct err *e) {
    struct hooks *h = hooks_of(app);

    return webhook_get(&app->a, tx, app->tenant, h->webhook.id, &h->webhook, e);
}

static enum status list_deliveries(struct app *app, struct tx *tx, struct err *e) {
    struct hooks *h = hooks_of(app);

    return webhook_delivery_list(
        &app->a, tx, &(struct webhook_delivery_query){.tenant = app->tenant, .limit = 500},
        &h->list, &h->n, e);
}

static int64_t hand_out(struct webhooks *w) {
    struct err e = ERR_INIT;
    int64_t n;

    assert_ok(webhooks_hand_out(w, &n, &e), &e);
    return n;
}

/* Delivers what is due with this answer; the only delivery afterwards. */
static struct webhook_delivery deliver(struct app *app, struct fake_reply reply) {
    struct hooks *h = hooks_of(app);

    fake_http_answer(h->receiver, reply);
    (void)run_jobs(app, 100);
    STEP(app, list_deliveries);
    assert_int_equal(h->n, 1);
    return h->list[0];
}

static int64_t shifted_ms;

static void later(int64_t ms) {
    shifted_ms += ms;
    clock_shift_ms(shifted_ms);
}

static const struct fake_reply taken = {.status = 200, .body = "ok"},
                               broken = {.status = 500, .body = "oops"};

/* --- handing out ------------------------------------------------------------------------------------------------------- */

static void event_is_handed_out_once_however_often_it_is_tried(void **state) {
    struct app *app = *state;
    struct hooks *h = hooks_of(app);

    STEP(app, ana_writes); /* before the webhook: not its business */
    STEP(app, add_messages);
    assert_int_equal(hand_out(h->webhooks), 0);
    STEP(app, ana_writes);
    STEP(app, ana_writes);
    assert_int_equal(hand_out(h->webhooks), 2);
    assert_int_equal(hand_out(h->webhooks), 0);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM webhook_deliveries"), 2);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM jobs WHERE kind = 'webhook.deliver'"),
                     1);
}

static enum status rewind_place(struct app *app, struct tx *tx, struct err *e) {
    return store_place_set(tx, app->tenant, hooks_of(app)->webhook.id, (struct place){0}, e);
}

static void event_that_is_read_again_makes_no_second_delivery(void **state) {
    struct app *app = *state;
    struct hooks *h = hooks_of(app);

    STEP(app, add_messages);
    STEP(app, ana_writes);
    assert_int_equal(hand_out(h->webhooks), 1);
    STEP(app, rewind_place); /* as a restored backup might */
    assert_int_equal(hand_out(h->webhooks), 0);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM webhook_deliveries"), 1);
}

static enum status hand_out_and_fail(struct app *app, struct tx *tx, struct err *e) {
    struct hooks *h = hooks_of(app);
    struct following to;
    struct outgoing_event event = {
        .id = uuid_new(), .delivery.v = uuid_new(), .kind = STR("x.y"), .body = STR("{}")};
    bool is_mine;
    int64_t n;

    TRY(store_following_one(&app->a, tx, app->tenant, h->webhook.id, &to, e));
    TRY(store_place_move(tx, app->tenant, to.id, to.at, (struct place){INT64_MAX, INT64_MAX},
                         &is_mine, e));
    EXPECT(is_mine);
    TRY(store_hand_out(&app->a, tx,
                       &(struct handing_out){.to = to, .events = &event, .n = 1, .now_ms = 1}, &n,
                       e));
    EXPECT_I64(n, 1);
    FAIL(e, ST_UNAVAILABLE, "the process dies here");
}

static void place_and_deliveries_stand_or_fall_together(void **state) {
    struct app *app = *state;
    struct hooks *h = hooks_of(app);
    struct err e = ERR_INIT;

    STEP(app, add_messages);
    STEP(app, ana_writes);
    assert_int_equal(try_step(app, DB_TENANT(app->tenant), hand_out_and_fail, &e), ST_UNAVAILABLE);
    assert_int_equal(hand_out(h->webhooks), 1);
}

static enum status move_with_an_old_place(struct app *app, struct tx *tx, struct err *e) {
    struct hooks *h = hooks_of(app);
    bool is_mine;

    TRY(store_place_move(tx, app->tenant, h->webhook.id, (struct place){0}, (struct place){9, 9},
                         &is_mine, e));
    EXPECT(!is_mine);
    return ST_OK;
}

static void *hand_out_in_a_loop(void *arg) {
    struct webhooks *w = arg;
    int64_t *sum = calloc(1, sizeof(*sum));

    for (int i = 0; sum && i < 40; i++) {
        struct err e = ERR_INIT;
        int64_t n = 0;

        if (webhooks_hand_out(w, &n, &e) == ST_OK)
            *sum += n;
    }
    return sum;
}

static enum status ten_messages(struct app *app, struct tx *tx, struct err *e) {
    for (int i = 0; i < 10; i++)
        TRY(ana_writes(app, tx, e));
    return ST_OK;
}

static void two_nodes_hand_out_each_event_once(void **state) {
    struct app *app = *state;
    struct hooks *h = hooks_of(app);
    struct webhooks *second = start_webhooks(app, app->db);
    pthread_t threads[2];
    int64_t sum = 0;

    STEP(app, add_messages);
    STEP(app, ana_writes);
    assert_int_equal(hand_out(h->webhooks), 1);
    STEP(app, move_with_an_old_place);
    assert_int_equal(pthread_create(&threads[0], NULL, hand_out_in_a_loop, h->webhooks), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, hand_out_in_a_loop, second), 0);
    for (int i = 0; i < 30; i++)
        STEP(app, ten_messages);
    for (int i = 0; i < 2; i++) {
        void *part = NULL;

        assert_int_equal(pthread_join(threads[i], &part), 0);
        assert_non_null(part);
        sum += *(int64_t *)part;
        free(part);
    }
    sum += hand_out(h->webhooks);
    assert_int_equal(sum, 300);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM webhook_deliveries"), 301);
    assert_int_equal(count_rows(app, "SELECT count(DISTINCT message_id) FROM webhook_deliveries"),
                     301);
    webhooks_free(second);
}

static enum status switch_off(struct app *app, struct tx *tx, struct err *e) {
    return webhook_disable(&app->a, tx, app->tenant, hooks_of(app)->webhook.id, STR("test"), e);
}

static enum status on_from_now(struct app *app, struct tx *tx, struct err *e) {
    return webhook_enable(&app->a, tx, app->tenant, hooks_of(app)->webhook.id, WEBHOOK_FROM_NOW, e);
}

static enum status on_from_missed(struct app *app, struct tx *tx, struct err *e) {
    return webhook_enable(&app->a, tx, app->tenant, hooks_of(app)->webhook.id, WEBHOOK_FROM_MISSED,
                          e);
}

static void what_was_missed_while_disabled_is_sent_when_asked_for(void **state) {
    struct app *app = *state;
    struct hooks *h = hooks_of(app);

    STEP(app, add_messages);
    STEP(app, switch_off);
    STEP(app, ana_writes);
    assert_int_equal(hand_out(h->webhooks), 0);
    STEP(app, on_from_missed);
    assert_int_equal(hand_out(h->webhooks), 1);
    STEP(app, switch_off);
    STEP(app, ana_writes);
    STEP(app, on_from_now);
    assert_int_equal(hand_out(h->webhooks), 0);
}

static void long_backlog_is_handed_out_page_by_page(void **state) {
    struct app *app = *state;
    struct hooks *h = hooks_of(app);

    STEP(app, add_messages);
    for (int i = 0; i < 45; i++)
        STEP(app, ten_messages);
    assert_int_equal(hand_out(h->webhooks), 450);
}

/* --- delivering -------------------------------------------------------------------------------------------------------- */

static void delivery_is_posted_and_recorded(void **state) {
    struct app *app = *state;
    struct hooks *h = hooks_of(app);
    struct err e = ERR_INIT;
    const struct json *body;
    struct webhook_delivery d;

    STEP(app, add_messages);
    STEP(app, ana_writes);
    (void)hand_out(h->webhooks);
    d = deliver(app, taken);
    assert_str(d.state, "delivered");
    assert_int_equal(d.status, 200);
    assert_str(d.reply, "ok");
    assert_int_equal(fake_http_count(h->receiver), 1);
    assert_ok(
        json_parse(&app->a, fake_http_body(&app->a, h->receiver), JSON_LIMITS_DEFAULT, &body, &e),
        &e);
    assert_str(json_str(json_get(body, "type")), "message.received");
    assert_str(json_str(json_path(body, "data", "message", "text", NULL)), "oi");
    assert_str(json_str(json_path(body, "data", "conversation", "lead", "phone", NULL)),
               "5511987654321");
    STEP(app, reload);
    assert_true(h->webhook.last_success_at_ms > 0);
}

static void delivery_is_tried_for_a_day_and_then_dead(void **state) {
    struct app *app = *state;
    struct hooks *h = hooks_of(app);
    struct webhook_delivery d;

    shifted_ms = 0;
    STEP(app, add_messages);
    STEP(app, ana_writes);
    (void)hand_out(h->webhooks);
    for (int i = 1; i <= 10; i++) {
        d = deliver(app, broken);
        assert_str(d.state, "waiting");
        assert_int_equal(d.attempts, i);
        assert_int_equal(run_jobs(app, 10), 0); /* not before its time */
        later(d.next_at_ms - clock_now_ms() + 1);
    }
    d = deliver(app, broken);
    assert_str(d.state, "dead");
    assert_str(d.cause, "http-500");
    assert_int_equal(fake_http_count(h->receiver), 11);
    assert_in_range(shifted_ms, 18 * HOUR_MS, 30 * (int64_t)HOUR_MS);
    STEP(app, reload);
    assert_str(h->webhook.state, "active");
}

static enum status replay_dead(struct app *app, struct tx *tx, struct err *e) {
    struct hooks *h = hooks_of(app);

    return webhook_replay(&app->a, tx,
                          &(struct webhook_replay){.tenant = app->tenant, .cause = STR("http-410")},
                          &h->replayed, e);
}

static void gone_disables_and_a_replay_sends_the_same_again(void **state) {
    struct app *app = *state;
    struct hooks *h = hooks_of(app);
    struct webhook_delivery d;
    struct str first;

    STEP(app, add_messages);
    STEP(app, ana_writes);
    (void)hand_out(h->webhooks);
    d = deliver(app, (struct fake_reply){.status = 410, .body = ""});
    first = fake_http_body(&app->a, h->receiver);
    assert_str(d.state, "dead");
    STEP(app, reload);
    assert_str(h->webhook.state, "disabled");
    STEP(app, replay_dead);
    assert_int_equal(h->replayed, 0); /* of a disabled one nothing waits */
    STEP(app, on_from_now);
    STEP(app, replay_dead);
    assert_int_equal(h->replayed, 1);
    d = deliver(app, taken);
    assert_str(d.state, "delivered");
    assert_int_equal(d.attempts, 1);
    assert_true(str_eq(first, fake_http_body(&app->a, h->receiver)));
}

static void endpoint_that_fails_for_days_is_disabled_and_told(void **state) {
    struct app *app = *state;
    struct hooks *h = hooks_of(app);

    shifted_ms = 0;
    STEP(app, add_messages);
    fake_http_answer(h->receiver, broken);
    for (int hours = 0; hours < 80; hours += 8) {
        STEP(app, ana_writes);
        (void)hand_out(h->webhooks);
        (void)run_jobs(app, 10);
        later(8 * (int64_t)HOUR_MS);
    }
    STEP(app, reload);
    assert_str(h->webhook.state, "disabled");
    assert_true(str_starts(h->webhook.state_reason, STR("every attempt has failed for 3 days")));
    assert_int_equal(
        count_rows(app, "SELECT count(*) FROM conversation_events WHERE kind = 'webhook.disabled'"),
        1);
    assert_int_equal(
        count_rows(app, "SELECT count(*) FROM audit_log WHERE action = 'webhook.disable'"), 1);
    assert_int_equal(
        count_rows(app, "SELECT count(*) FROM webhook_deliveries WHERE state = 'waiting'"), 0);
}

static enum status take_over(struct app *app, struct tx *tx, struct err *e) {
    (void)app;
    return DB_EXEC(tx, DB_SQL("UPDATE jobs SET token = token + 1 WHERE kind = 'webhook.deliver'"),
                   NULL, e);
}

static void lose_the_lease(void *arg) {
    struct app *app = arg;
    struct err e = ERR_INIT;

    (void)try_step(app, DB_SYSTEM, take_over, &e);
}

static void run_that_was_taken_over_records_nothing_and_the_next_sends_again(void **state) {
    struct app *app = *state;
    struct hooks *h = hooks_of(app);
    struct webhook_delivery d;

    shifted_ms = 0;
    STEP(app, add_messages);
    STEP(app, ana_writes);
    (void)hand_out(h->webhooks);
    fake_http_during(h->receiver, lose_the_lease, app);
    d = deliver(app, taken);
    assert_int_equal(app->job_status, ST_CONFLICT);
    assert_str(d.state, "waiting");
    assert_int_equal(d.attempts, 0);
    fake_http_during(h->receiver, NULL, NULL);
    later(60 * 1000); /* the lease is over */
    d = deliver(app, taken);
    assert_str(d.state, "delivered");
    assert_int_equal(fake_http_count(h->receiver), 2);
}

static enum status replay_all(struct app *app, struct tx *tx, struct err *e) {
    struct hooks *h = hooks_of(app);

    return webhook_replay(&app->a, tx,
                          &(struct webhook_replay){.tenant = app->tenant,
                                                   .webhook = h->webhook.id,
                                                   .since_ms = 1,
                                                   .with_delivered = true,
                                                   .asked_ms = h->asked_ms},
                          &h->replayed, e);
}

static void replay_in_pieces_sends_nothing_twice(void **state) {
    struct app *app = *state;
    struct hooks *h = hooks_of(app);

    shifted_ms = 0;
    STEP(app, add_messages);
    STEP(app, ana_writes);
    (void)hand_out(h->webhooks);
    (void)deliver(app, taken);
    later(1000);
    h->asked_ms = clock_now_ms();
    later(1000);
    STEP(app, replay_all);
    assert_int_equal(h->replayed, 1);
    (void)deliver(app, taken);
    STEP(app, replay_all); /* the next piece of the same */
    assert_int_equal(h->replayed, 0);
    assert_int_equal(fake_http_count(h->receiver), 2);
}

static enum status send_test(struct app *app, struct tx *tx, struct err *e) {
    struct hooks *h = hooks_of(app);

    return webhook_send_test(&app->a, tx, app->tenant, h->webhook.id, &h->test, e);
}

static void test_event_goes_to_its_endpoint_alone(void **state) {
    struct app *app = *state;
    struct hooks *h = hooks_of(app);
    struct webhook_delivery d;

    STEP(app, add_all);
    STEP(app, add_messages);
    STEP(app, send_test);
    d = deliver(app, taken);
    assert_str(d.kind, "webhook.test");
    assert_true(uuid_eq(d.webhook.v, h->webhook.id.v));
    assert_true(uuid_eq(d.id.v, h->test.v));
}

/* --- tenants, retention ------------------------------------------------------------------------------------------------ */

static enum status look_across(struct app *app, struct tx *tx, struct err *e) {
    struct hooks *h = hooks_of(app);
    struct err why = ERR_INIT;
    struct webhook *list, w;
    struct webhook_delivery d;
    int64_t replayed;
    size_t n;

    EXPECT_FAILS(ST_NOT_FOUND, webhook_get(&app->a, tx, app->other, h->webhook.id, &w, &why));
    EXPECT_FAILS(ST_NOT_FOUND,
                 webhook_disable(&app->a, tx, app->other, h->webhook.id, STR_EMPTY, &why));
    EXPECT_FAILS(ST_NOT_FOUND,
                 webhook_delivery_get(&app->a, tx, app->other, h->list[0].id, &d, NULL, &why));
    TRY(webhook_list(&app->a, tx, app->other, &list, &n, e));
    EXPECT_I64(n, 0);
    TRY(webhook_replay(
        &app->a, tx,
        &(struct webhook_replay){.tenant = app->other, .id = h->list[0].id, .with_delivered = true},
        &replayed, e));
    EXPECT_I64(replayed, 0);
    return ST_OK;
}

static void another_tenant_sees_and_changes_nothing(void **state) {
    struct app *app = *state;
    struct hooks *h = hooks_of(app);
    struct err e = ERR_INIT;

    STEP(app, add_messages);
    STEP(app, ana_writes);
    (void)hand_out(h->webhooks);
    (void)deliver(app, taken);
    assert_ok(try_step(app, DB_TENANT(app->other), look_across, &e), &e);
    STEP_SYSTEM(app, look_across);
}

static enum status put_purge(struct app *app, struct tx *tx, struct err *e) {
    (void)app;
    return queue_put(
        tx,
        (struct job_put){.kind = WEBHOOK_PURGE_JOB, .priority = QUEUE_NORMAL, .payload = STR("{}")},
        NULL, e);
}

static enum status delete_webhook(struct app *app, struct tx *tx, struct err *e) {
    return webhook_delete(&app->a, tx, app->tenant, hooks_of(app)->webhook.id, e);
}

static void deliveries_are_forgotten_after_thirty_days(void **state) {
    struct app *app = *state;
    struct hooks *h = hooks_of(app);

    shifted_ms = 0;
    STEP(app, add_messages);
    STEP(app, ana_writes);
    (void)hand_out(h->webhooks);
    (void)deliver(app, taken);
    STEP(app, delete_webhook);
    later(29 * (int64_t)WEBHOOK_DAY_MS);
    STEP_SYSTEM(app, put_purge);
    (void)run_jobs(app, 10);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM webhook_deliveries"), 1);
    later(2 * (int64_t)WEBHOOK_DAY_MS);
    STEP_SYSTEM(app, put_purge);
    (void)run_jobs(app, 10);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM webhook_deliveries"), 0);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM webhook_messages"), 0);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM webhook_places"), 0);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM webhook_endpoints"), 0);
}

static enum status rotate(struct app *app, struct tx *tx, struct err *e) {
    struct hooks *h = hooks_of(app);
    struct str before = h->webhook.secret;
    struct door door;

    TRY(webhook_rotate(&app->a, tx, app->f->keys, app->tenant, h->webhook.id, &h->webhook, e));
    EXPECT(!str_eq(before, h->webhook.secret));
    TRY(door_open(&app->a, tx, app->f->keys, app->tenant, h->webhook.id, &door, e));
    EXPECT(str_eq(door.secret, h->webhook.secret));
    EXPECT(str_eq(door.old_secret, before));
    return ST_OK;
}

static enum status old_is_over(struct app *app, struct tx *tx, struct err *e) {
    struct door door;

    TRY(door_open(&app->a, tx, app->f->keys, app->tenant, hooks_of(app)->webhook.id, &door, e));
    EXPECT_I64(door.old_secret.len, 0);
    return ST_OK;
}

static void old_secret_signs_for_a_day_after_a_rotation(void **state) {
    struct app *app = *state;

    shifted_ms = 0;
    STEP(app, add_messages);
    STEP(app, rotate);
    later(WEBHOOK_DAY_MS + 1000);
    STEP(app, old_is_over);
}

static void secrets_are_sealed_anew_under_a_new_master_key(void **state) {
    struct app *app = *state;
    struct err e = ERR_INIT;
    int64_t n;

    STEP(app, add_messages);
    STEP(app, rotate);
    assert_ok(webhook_reseal(app->db, app->f->keys, &n, &e), &e);
    assert_int_equal(n, 0); /* all are under the current key */
    assert_int_equal(
        count_rows(app, "SELECT count(*) FROM webhook_endpoints WHERE old_secret IS NOT NULL"), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        HOOKS_TEST(event_is_handed_out_once_however_often_it_is_tried),
        HOOKS_TEST(event_that_is_read_again_makes_no_second_delivery),
        HOOKS_TEST(place_and_deliveries_stand_or_fall_together),
        HOOKS_TEST(two_nodes_hand_out_each_event_once),
        HOOKS_TEST(what_was_missed_while_disabled_is_sent_when_asked_for),
        HOOKS_TEST(long_backlog_is_handed_out_page_by_page),
        HOOKS_TEST(delivery_is_posted_and_recorded),
        HOOKS_TEST(delivery_is_tried_for_a_day_and_then_dead),
        HOOKS_TEST(gone_disables_and_a_replay_sends_the_same_again),
        HOOKS_TEST(endpoint_that_fails_for_days_is_disabled_and_told),
        HOOKS_TEST(run_that_was_taken_over_records_nothing_and_the_next_sends_again),
        HOOKS_TEST(replay_in_pieces_sends_nothing_twice),
        HOOKS_TEST(test_event_goes_to_its_endpoint_alone),
        HOOKS_TEST(another_tenant_sees_and_changes_nothing),
        HOOKS_TEST(deliveries_are_forgotten_after_thirty_days),
        HOOKS_TEST(old_secret_signs_for_a_day_after_a_rotation),
        HOOKS_TEST(secrets_are_sealed_anew_under_a_new_master_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

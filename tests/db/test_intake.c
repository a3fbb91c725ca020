/* test_intake.c - from raw calls to effects: each event once, no call holds up another, nothing is lost, on both engines.
 * SPDX-License-Identifier: Apache-2.0 */
#include "db/feature_fixture.h"
#include "intake/store.h"
#include "support/fixture.h"

struct calls { /* what the next step appends */
    struct str bodies[4];
    size_t n;
    struct tenant_id tenant;
};

static enum status put_drain(struct tx *tx, struct err *e) {
    return queue_put(tx,
                     (struct job_put){.kind = INTAKE_DRAIN_JOB,
                                      .lane = STR("intake"),
                                      .key = STR("intake"),
                                      .priority = QUEUE_URGENT,
                                      .payload = STR("{}")},
                     NULL, e);
}

static enum status append_one(struct app *app, struct tx *tx, struct str body,
                              struct tenant_id tenant, struct err *e) {
    const struct raw_call call = {.id = {uuid_new()},
                                  .provider = STR("meta"),
                                  .tenant = tenant,
                                  .body = body,
                                  .at_ms = clock_now_ms()};

    return store_inbox_append(&app->a, tx, &call, 1, e);
}

static enum status append(struct app *app, struct tx *tx, struct err *e) {
    const struct calls *calls = app->extra;

    for (size_t i = 0; i < calls->n; i++)
        TRY(append_one(app, tx, calls->bodies[i], calls->tenant, e));
    return put_drain(tx, e);
}

static void drain(struct app *app) {
    assert_int_equal(run_jobs(app, 1), 1);
    assert_int_equal(app->job_status, ST_OK);
    assert_int_equal(app->verdict.kind, VERDICT_DONE);
}

/* Appends the calls in one commit and drains them. */
static void take_in(struct app *app, struct calls calls) {
    app->extra = &calls;
    STEP_SYSTEM(app, append);
    app->extra = NULL;
    drain(app);
}

static struct str body_of(struct app *app, const char *name) {
    return fixture_read(&app->a, "meta", name);
}

#define TAKE_IN(app, ...) take_in((app), (struct calls){__VA_ARGS__})

static struct inbox_page inbox;

static enum status list_inbox(struct app *app, struct tx *tx, struct err *e) {
    const struct inbox_query query = {.limit = 500};

    return inbox_list(&app->a, tx, &query, &inbox, e);
}

/* The newest call, as it stands in the inbox. */
static struct inbox_row last_call(struct app *app) {
    STEP_SYSTEM(app, list_inbox);
    assert_true(inbox.n > 0);
    return inbox.items[0];
}

static int64_t messages(struct app *app) {
    return count_rows(app, "SELECT count(*) FROM messages");
}

/* --- every fixture ------------------------------------------------------------------------------- */

static enum status append_all(struct app *app, struct tx *tx, struct err *e) {
    struct fixture_names all = fixture_list(&app->a, "meta", ".expect.json");

    for (size_t i = 0; i < all.n; i++) {
        struct str stem = str_of(all.names[i]);
        struct str name = arena_printf(
            &app->a, "%.*s.json", STR_ARG(str_sub(stem, 0, stem.len - strlen(".expect.json"))));

        TRY(append_one(app, tx, body_of(app, arena_cstr(&app->a, name)), (struct tenant_id){0}, e));
    }
    return put_drain(tx, e);
}

static enum status everything_again(struct app *app, struct tx *tx, struct err *e) {
    (void)app;
    TRY(DB_EXEC(tx, DB_SQL("UPDATE inbox SET state = 'received'"), NULL, e));
    return put_drain(tx, e);
}

#define EFFECTS 8

static void count_effects(struct app *app, int64_t ret[static EFFECTS]) {
    static const char *const counts[EFFECTS] = {
        "SELECT count(*) FROM messages",
        "SELECT count(*) FROM conversations",
        "SELECT count(*) FROM conversation_events",
        "SELECT count(*) FROM leads",
        "SELECT count(*) FROM receipts_early",
        "SELECT count(*) FROM account_events",
        "SELECT count(*) FROM inbound_seen",
        "SELECT count(*) FROM jobs",
    };

    for (size_t i = 0; i < EFFECTS; i++)
        ret[i] = count_rows(app, counts[i]);
}

static void every_event_takes_effect_once_however_often_it_comes(void **state) {
    struct app *app = *state;
    int64_t once[EFFECTS], twice[EFFECTS];

    STEP_SYSTEM(app, append_all);
    drain(app);
    count_effects(app, once);
    assert_true(once[0] > 40);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM inbox WHERE state = 'failed'"), 0);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM inbox WHERE state = 'received'"), 0);
    STEP_SYSTEM(app, append_all); /* the provider delivers again */
    drain(app);
    STEP_SYSTEM(app, everything_again);
    drain(app);
    count_effects(app, twice);
    assert_memory_equal(once, twice, sizeof(once));
}

static enum status forget_seen(struct app *app, struct tx *tx, struct err *e) {
    (void)app;
    return DB_EXEC(tx, DB_SQL("DELETE FROM inbound_seen"), NULL, e);
}

/* What was seen is forgotten after its retention; a call that waited longer for its account may be replayed still. */
static void replay_after_the_dedup_keys_are_gone_repeats_no_message(void **state) {
    static const char known[] = "SELECT count(*) FROM messages WHERE provider_id IS NOT NULL";
    struct app *app = *state;
    int64_t once;

    STEP_SYSTEM(app, append_all);
    drain(app);
    once = count_rows(app, known);
    STEP_SYSTEM(app, forget_seen);
    STEP_SYSTEM(app, everything_again);
    drain(app);
    assert_int_equal(count_rows(app, known), once);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM inbox WHERE state = 'failed'"), 0);
}

static enum status replay_unrouted(struct app *app, struct tx *tx, struct err *e) {
    int64_t n;

    (void)app;
    TRY(inbox_replay(tx, (struct tenant_id){0}, (struct inbox_id){0}, STR("unrouted"), &n, e));
    EXPECT_I64(n, 1);
    return ST_OK;
}

/* The last event of this call is for a number that is nobody's yet. */
static void batch_applies_what_has_an_account_and_waits_with_the_rest(void **state) {
    struct app *app = *state;
    int64_t once[EFFECTS], twice[EFFECTS];

    TAKE_IN(app, .bodies = {body_of(app, "batch_multi.json")}, .n = 1);
    assert_str(last_call(app).state, "unrouted");
    assert_str(last_call(app).cause, "unknown-address");
    assert_true(count_rows(app, "SELECT count(*) FROM inbound_seen") > 1);
    count_effects(app, once);
    STEP_SYSTEM(app, replay_unrouted);
    drain(app);
    count_effects(app, twice);
    assert_memory_equal(once, twice, sizeof(once));
}

/* --- routes ------------------------------------------------------------------------------------------ */

static enum status move_away(struct app *app, struct tx *tx, struct err *e) {
    return account_update(
        &app->a, tx, app->f->keys, app->account.id,
        (struct account_new){.tenant = app->tenant, .address = STR("777777777777777")},
        &app->account, e);
}

static enum status move_back(struct app *app, struct tx *tx, struct err *e) {
    return account_update(
        &app->a, tx, app->f->keys, app->account.id,
        (struct account_new){.tenant = app->tenant, .address = STR("520000000000002")},
        &app->account, e);
}

static void call_for_an_unknown_number_waits_for_its_account(void **state) {
    struct app *app = *state;

    STEP(app, move_away);
    TAKE_IN(app, .bodies = {body_of(app, "text.json")}, .n = 1);
    assert_str(last_call(app).state, "unrouted");
    assert_str(last_call(app).cause, "unknown-address");
    assert_true(last_call(app).reason.len > 0);
    assert_int_equal(messages(app), 0);
    STEP(app, move_back);
    STEP_SYSTEM(app, replay_unrouted);
    drain(app);
    assert_str(last_call(app).state, "done");
    assert_str(last_call(app).reason, "");
    assert_int_equal(messages(app), 1);
}

static enum status disable(struct app *app, struct tx *tx, struct err *e) {
    return account_set_active(tx, app->tenant, app->account.id, false, e);
}

static enum status enable(struct app *app, struct tx *tx, struct err *e) {
    return account_set_active(tx, app->tenant, app->account.id, true, e);
}

static void call_for_a_disabled_account_waits_for_it(void **state) {
    struct app *app = *state;

    STEP(app, disable);
    TAKE_IN(app, .bodies = {body_of(app, "text.json")}, .n = 1);
    assert_str(last_call(app).state, "unrouted");
    assert_str(last_call(app).cause, "account-disabled");
    assert_true(uuid_eq(last_call(app).tenant.v, app->tenant.v));
    assert_int_equal(messages(app), 0);
    STEP(app, enable);
    STEP_SYSTEM(app, replay_unrouted);
    drain(app);
    assert_int_equal(messages(app), 1);
}

static void call_at_another_tenants_address_applies_nothing(void **state) {
    struct app *app = *state;

    TAKE_IN(app, .bodies = {body_of(app, "text.json")}, .n = 1, .tenant = app->other);
    assert_str(last_call(app).state, "unrouted");
    assert_str(last_call(app).cause, "wrong-tenant");
    assert_true(uuid_eq(last_call(app).tenant.v, app->other.v));
    assert_int_equal(messages(app), 0);
}

/* --- trouble -------------------------------------------------------------------------------------------- */

static enum status disable_other(struct app *app, struct tx *tx, struct err *e) {
    return tenant_set_active(tx, app->other, false, e);
}

static void call_that_is_not_understood_is_kept_and_holds_nobody_up(void **state) {
    struct app *app = *state;

    TAKE_IN(app, .bodies = {body_of(app, "text.json"), STR("{\"object\":")}, .n = 2);
    assert_str(last_call(app).state, "unparsed");
    assert_str(last_call(app).cause, "not-understood");
    assert_true(last_call(app).reason.len > 0);
    assert_int_equal(last_call(app).bytes, 10);
    assert_true(uuid_is_nil(last_call(app).tenant.v)); /* of two tenants it is nobody's */
    assert_int_equal(messages(app), 1);
}

static void call_that_is_not_understood_is_the_only_tenants(void **state) {
    struct app *app = *state;

    STEP_SYSTEM(app, disable_other);
    TAKE_IN(app, .bodies = {STR("nonsense")}, .n = 1);
    assert_str(last_call(app).state, "unparsed");
    assert_true(uuid_eq(last_call(app).tenant.v, app->tenant.v));
}

/* From here on the database refuses a second message of the same type. */
static void make_types_unique(struct app *app) {
    static const char sql[] = "CREATE UNIQUE INDEX test_one_of_a_type ON messages (type)";
    struct err e = ERR_INIT;

    harness_spoil(app->db);
    if (harness_engine() == DB_POSTGRES)
        harness_superuser(app->db, sql);
    else
        assert_ok(HARNESS_EXEC(app->db, DB_SYSTEM, DB_SQL(sql), NULL, &e), &e);
}

static void call_that_fails_is_put_aside_and_holds_nobody_up(void **state) {
    struct app *app = *state;

    make_types_unique(app);
    TAKE_IN(app, .bodies = {body_of(app, "text.json")}, .n = 1);
    TAKE_IN(app,
            .bodies = {body_of(app, "image.json"), body_of(app, "text_unicode_emoji.json"),
                       body_of(app, "location.json")},
            .n = 3);
    STEP_SYSTEM(app, list_inbox);
    assert_int_equal(inbox.n, 4);
    assert_str(inbox.items[0].state, "done");
    assert_str(inbox.items[1].state, "failed");
    assert_true(inbox.items[1].reason.len > 0 && inbox.items[1].cause.len > 0);
    assert_str(inbox.items[2].state, "done");
    assert_int_equal(messages(app), 3);
    /* Nothing of it stayed: once its cause is gone, a replay applies it whole. */
    assert_int_equal(count_rows(app, "SELECT count(*) FROM inbound_seen"), 3);
}

static enum status drain_job_of_the_past(struct app *app, struct tx *tx, struct err *e) {
    const struct calls calls = {.bodies = {body_of(app, "text.json")}, .n = 1};

    return append_one(app, tx, calls.bodies[0], calls.tenant, e);
}

static void drain_that_lost_its_lease_applies_nothing(void **state) {
    struct app *app = *state;
    const struct job stale = {.id = {uuid_new()}, .kind = STR(INTAKE_DRAIN_JOB), .token = 1};
    struct verdict v = {0};
    struct err e = ERR_INIT;

    STEP_SYSTEM(app, drain_job_of_the_past);
    assert_int_equal(intake_drain_job(app, &app->a, &stale, &v, &e), ST_CONFLICT);
    assert_int_equal(messages(app), 0);
    assert_str(last_call(app).state, "received");
    assert_int_equal(count_rows(app, "SELECT count(*) FROM inbound_seen"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FEATURE_TEST(every_event_takes_effect_once_however_often_it_comes),
        FEATURE_TEST(replay_after_the_dedup_keys_are_gone_repeats_no_message),
        FEATURE_TEST(batch_applies_what_has_an_account_and_waits_with_the_rest),
        FEATURE_TEST(call_for_an_unknown_number_waits_for_its_account),
        FEATURE_TEST(call_for_a_disabled_account_waits_for_it),
        FEATURE_TEST(call_at_another_tenants_address_applies_nothing),
        FEATURE_TEST(call_that_is_not_understood_is_kept_and_holds_nobody_up),
        FEATURE_TEST(call_that_is_not_understood_is_the_only_tenants),
        FEATURE_TEST(call_that_fails_is_put_aside_and_holds_nobody_up),
        FEATURE_TEST(drain_that_lost_its_lease_applies_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_dispatch_settle.c - what a person decides about messages of a campaign, one by one and by cause, on both engines.
 * SPDX-License-Identifier: Apache-2.0 */
#include "db/dispatch_fixture.h"

#define REFUSED "meta-131026"
#define ACCEPTED_AGAIN                                                                             \
    "{\"messaging_product\":\"whatsapp\",\"contacts\":[{\"input\":\"x\"}],"                        \
    "\"messages\":[{\"id\":\"wamid.again\"}]}"

static const struct fake_reply refused = {.status = 400, .body = ERROR_BODY("131026")};
static const struct fake_reply cut = {.is_cut = true};

static struct recipient_group group; /* the next one */
static struct recipient_group_step step_taken;
static struct dispatch_cause counted;
static enum recipient_settle how;
static enum status said;
static const char *said_cause;

/* --- steps ------------------------------------------------------------------------------------------------------------------------ */

static enum status count_cause(struct app *app, struct tx *tx, struct err *e) {
    struct scene *s = scene_of(app);
    struct dispatch_report report;

    counted = (struct dispatch_cause){0};
    TRY(dispatch_report(&app->a, tx, app->tenant, s->id, &report, e));
    for (size_t i = 0; i < report.n_causes; i++)
        if (str_eq(report.causes[i].state, group.state))
            counted = report.causes[i];
    return ST_OK;
}

/* All that are in this state, as they stand now. */
static void count_those(struct app *app, const char *state) {
    group = (struct recipient_group){.tenant = app->tenant,
                                     .dispatch = scene_of(app)->id,
                                     .state = str_of(state),
                                     .as_of_ms = clock_now_ms(),
                                     .actor = STR("user:1"),
                                     .gate = GATE_ALL};
    STEP(app, count_cause);
    group.cause = counted.cause;
    group.n = counted.n_settleable;
}

static enum status take_step(struct app *app, struct tx *tx, struct err *e) {
    struct err why = ERR_INIT;

    (void)e;
    group.now_ms = clock_now_ms();
    said = recipient_settle_step(&app->a, tx, &group, &step_taken, &why);
    said_cause = why.cause;
    return said == ST_CONFLICT || said == ST_INVALID ? ST_OK : said;
}

static void decide(struct app *app, enum recipient_settle as) {
    group.how = as;
    STEP(app, take_step);
}

static enum status settle_first(struct app *app, struct tx *tx, struct err *e) {
    struct scene *s = scene_of(app);
    struct recipient_decided what = {.tenant = app->tenant,
                                     .how = how,
                                     .actor = STR("user:2"),
                                     .gate = s->gate,
                                     .now_ms = clock_now_ms()};
    struct err why = ERR_INIT;

    TRY(first_row(app, tx, e));
    what.id = s->row.id;
    said = recipient_settle(&app->a, tx, &what, &s->row, &why);
    said_cause = why.cause;
    return said == ST_CONFLICT ? ST_OK : said;
}

static void try_one(struct app *app, enum recipient_settle as) {
    how = as;
    STEP(app, settle_first);
}

static void settle_one(struct app *app, enum recipient_settle as) {
    try_one(app, as);
    assert_int_equal(said, ST_OK);
}

static enum status take_first(struct app *app, struct tx *tx, struct err *e) {
    TRY(first_row(app, tx, e));
    return DB_EXEC(tx,
                   DB_SQL("UPDATE dispatch_recipients SET provider_id = 'wamid.taken', sent_at = 1"
                          " WHERE tenant_id = $1 AND id = $2"),
                   NULL, e, V_UUID(app->tenant.v), V_UUID(scene_of(app)->row.id.v));
}

static enum status put_many(struct app *app, struct tx *tx, struct err *e) {
    struct scene *s = scene_of(app);
    size_t n = 2 * RECIPIENT_STEP_MAX + 100;
    struct recipient *rows = arena_array_of(&app->a, n, struct recipient);

    for (size_t i = 0; i < n; i++)
        rows[i] = (struct recipient){.id.v = uuid_new(),
                                     .dispatch = s->id,
                                     .lead.v = uuid_new(),
                                     .state = STR("uncertain"),
                                     .channel = STR("whatsapp"),
                                     .created_at_ms = 1};
    return store_recipients_insert(&app->a, tx, app->tenant, rows, n, e);
}

static enum status fail_first_again(struct app *app, struct tx *tx, struct err *e) {
    struct scene *s = scene_of(app);
    const struct inbound status = {
        .kind = INBOUND_STATUS,
        .message_id = STR("wamid.out"),
        .delivery = DELIVERY_FAILED,
        .correlation = arena_printf(&app->a, "r:%.*s", STR_ARG(uuid_format(&app->a, s->row.id.v))),
        .error_code = 131026,
        .error_title = STR("x"),
    };
    const struct dispatch_receipt receipt = {.tenant = app->tenant,
                                             .account = app->account.id,
                                             .provider = &provider_meta,
                                             .status = &status};

    TRY(dispatch_receipts(&app->a, tx, &receipt, 1, clock_now_ms(), e));
    return first_row(app, tx, e);
}

static void go_on_with(struct app *app, struct fake_reply reply) {
    fake_http_answer(app->graph, reply);
    (void)run_jobs(app, 4);
    STEP(app, look);
}

/* --- one ---------------------------------------------------------------------------------------------------------------------------- */

/* The other channel was the next choice, and led nowhere: nobody has an e-mail address here. */
static void resend_goes_out_over_the_channel_that_failed(void **state) {
    struct app *app = *state;
    struct scene *s = send_with(app, 1, refused);

    assert_int_equal(s->counts.failed, 1);
    settle_one(app, RECIPIENT_RESEND);
    go_on_with(app, accepted);
    assert_int_equal(s->counts.sent, 1);
    STEP(app, first_row);
    assert_str(s->row.channel, "whatsapp");
    assert_str(s->row.block_reason, "");
    assert_int_equal(fake_http_count(app->graph), 2);
}

static void what_is_told_of_the_message_before_a_resend_leaves_the_new_one_alone(void **state) {
    struct app *app = *state;
    struct scene *s = send_with(app, 1, accepted);

    STEP(app, first_row);
    STEP(app, fail_first_again);
    (void)run_jobs(app, 4); /* no other channel reaches them */
    STEP(app, first_row);
    assert_str(s->row.state, "failed");
    settle_one(app, RECIPIENT_RESEND);
    go_on_with(app, (struct fake_reply){.status = 200, .body = ACCEPTED_AGAIN});
    STEP(app, first_row);
    assert_str(s->row.provider_id, "wamid.again");
    STEP(app, fail_first_again);
    assert_str(s->row.state, "sent");
}

static void one_is_sent_again_only_while_the_gate_is_open(void **state) {
    struct app *app = *state;
    struct scene *s = send_with(app, 2, cut);

    s->gate = GATE_REPLIES;
    try_one(app, RECIPIENT_RESEND);
    assert_int_equal(said, ST_CONFLICT);
    assert_string_equal(said_cause, "gate-closed");
    go_on_with(app, accepted);
    assert_str(s->d.state, "done");
    assert_int_equal(s->counts.uncertain, 2);
    settle_one(app, RECIPIENT_FAILED); /* nothing is sent by that */
    s->gate = GATE_ALL;
    settle_one(app, RECIPIENT_RESEND);
    go_on_with(app, accepted);
    assert_int_equal(s->counts.sent, 1);
    assert_int_equal(fake_http_count(app->graph), 3);
}

/* --- all of a cause ------------------------------------------------------------------------------------------------------------------ */

static void failed_group_goes_out_again_but_for_those_the_provider_had_taken(void **state) {
    struct app *app = *state;
    struct scene *s = send_with(app, 6, refused);

    assert_int_equal(s->counts.failed, 6);
    STEP(app, take_first);
    count_those(app, "failed");
    assert_str(counted.cause, REFUSED);
    assert_int_equal(counted.n, 6);
    assert_int_equal(counted.n_settleable, 5);
    decide(app, RECIPIENT_RESEND);
    assert_true(step_taken.is_through);
    assert_int_equal(step_taken.n_settled, 5);
    STEP(app, look);
    assert_str(s->d.state, "running");
    go_on_with(app, accepted);
    assert_str(s->d.state, "done");
    assert_int_equal(s->counts.sent, 5);
    assert_int_equal(s->counts.failed, 1);
    assert_int_equal(fake_http_count(app->graph), 11);
}

static void who_was_settled_by_somebody_else_meanwhile_is_skipped(void **state) {
    struct app *app = *state;
    struct scene *s = send_with(app, 6, cut);

    count_those(app, "uncertain");
    assert_int_equal(group.n, 6);
    settle_one(app, RECIPIENT_SENT);
    decide(app, RECIPIENT_RESEND);
    assert_true(step_taken.is_through);
    assert_int_equal(step_taken.n_settled, 5);
    go_on_with(app, accepted);
    assert_int_equal(s->counts.sent, 6);
    assert_int_equal(fake_http_count(app->graph), 6 + 5);
    decide(app, RECIPIENT_RESEND); /* the same once more finds nobody */
    assert_int_equal(step_taken.n_settled, 0);
    (void)run_jobs(app, 4);
    assert_int_equal(fake_http_count(app->graph), 6 + 5);
}

static void what_has_failed_again_since_it_was_counted_is_left_alone(void **state) {
    struct app *app = *state;

    (void)send_with(app, 2, refused);
    count_those(app, "failed");
    decide(app, RECIPIENT_RESEND);
    clock_shift_ms(MINUTE_MS);
    go_on_with(app, refused);
    decide(app, RECIPIENT_RESEND);
    assert_int_equal(step_taken.n_settled, 0);
    assert_int_equal(fake_http_count(app->graph), 4);
}

static void uncertain_group_is_settled_as_a_person_says_and_nothing_is_sent(void **state) {
    struct app *app = *state;
    struct scene *s = send_with(app, 4, cut);

    count_those(app, "uncertain");
    group.n = 1; /* never more than were counted */
    decide(app, RECIPIENT_SENT);
    assert_true(step_taken.is_through);
    count_those(app, "uncertain");
    assert_int_equal(group.n, 3);
    decide(app, RECIPIENT_FAILED);
    go_on_with(app, accepted);
    assert_str(s->d.state, "done");
    assert_int_equal(s->counts.sent, 1);
    assert_int_equal(s->counts.failed, 3);
    assert_int_equal(fake_http_count(app->graph), 4);
    count_those(app, "failed"); /* it may have arrived, whatever a person says */
    assert_int_equal(counted.n_settleable, 0);
}

static void large_group_is_decided_step_by_step(void **state) {
    struct app *app = *state;
    struct scene *s = plan(app, 1);

    STEP(app, put_many);
    count_those(app, "uncertain");
    assert_int_equal(group.n, 2 * RECIPIENT_STEP_MAX + 100);
    for (int i = 1; i <= 3; i++) {
        decide(app, RECIPIENT_SENT);
        assert_int_equal(step_taken.n_settled, i < 3 ? i * RECIPIENT_STEP_MAX : group.n);
        assert_int_equal(step_taken.is_through, i == 3);
        group.after = step_taken.after;
        group.n_settled = step_taken.n_settled;
    }
    STEP(app, look);
    assert_int_equal(s->counts.sent, group.n);
}

static void group_of_a_paused_campaign_waits_until_it_is_resumed(void **state) {
    struct app *app = *state;
    struct scene *s = send_with(app, 2, refused);

    count_those(app, "failed");
    decide(app, RECIPIENT_RESEND);
    order(app, DISPATCH_PAUSE);
    go_on_with(app, accepted);
    assert_int_equal(s->counts.planned, 2);
    assert_int_equal(fake_http_count(app->graph), 2);
    order(app, DISPATCH_RESUME);
    go_on_with(app, accepted);
    assert_int_equal(s->counts.sent, 2);
}

static void
group_is_sent_again_only_while_the_gate_is_open_and_the_campaign_is_not_cancelled(void **state) {
    struct app *app = *state;
    struct scene *s = send_with(app, 2, cut);

    count_those(app, "uncertain");
    group.gate = GATE_REPLIES;
    decide(app, RECIPIENT_RESEND);
    assert_int_equal(said, ST_CONFLICT);
    assert_string_equal(said_cause, "gate-closed");
    settle_one(app, RECIPIENT_RESEND);
    order(app, DISPATCH_CANCEL);
    group.gate = GATE_ALL;
    decide(app, RECIPIENT_RESEND);
    assert_int_equal(said, ST_CONFLICT);
    decide(app, RECIPIENT_SENT);
    assert_int_equal(said, ST_OK);
    (void)run_jobs(app, 4);
    STEP(app, look);
    assert_int_equal(s->counts.sent, 1);
    assert_int_equal(s->counts.cancelled, 1);
    assert_int_equal(fake_http_count(app->graph), 2);
}

static void nobody_says_of_what_failed_that_it_arrived(void **state) {
    struct app *app = *state;

    (void)send_with(app, 1, refused);
    count_those(app, "failed");
    decide(app, RECIPIENT_SENT);
    assert_int_equal(said, ST_INVALID);
    decide(app, RECIPIENT_FAILED);
    assert_int_equal(said, ST_INVALID);
    group.state = STR("sent");
    decide(app, RECIPIENT_RESEND);
    assert_int_equal(said, ST_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FEATURE_TEST(resend_goes_out_over_the_channel_that_failed),
        FEATURE_TEST(what_is_told_of_the_message_before_a_resend_leaves_the_new_one_alone),
        FEATURE_TEST(one_is_sent_again_only_while_the_gate_is_open),
        FEATURE_TEST(failed_group_goes_out_again_but_for_those_the_provider_had_taken),
        FEATURE_TEST(who_was_settled_by_somebody_else_meanwhile_is_skipped),
        FEATURE_TEST(what_has_failed_again_since_it_was_counted_is_left_alone),
        FEATURE_TEST(uncertain_group_is_settled_as_a_person_says_and_nothing_is_sent),
        FEATURE_TEST(large_group_is_decided_step_by_step),
        FEATURE_TEST(group_of_a_paused_campaign_waits_until_it_is_resumed),
        FEATURE_TEST(
            group_is_sent_again_only_while_the_gate_is_open_and_the_campaign_is_not_cancelled),
        FEATURE_TEST(nobody_says_of_what_failed_that_it_arrived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

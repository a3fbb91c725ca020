/* test_dispatch.c - a campaign from its draft to its report, against a fake Graph API, on both engines.
 * SPDX-License-Identifier: Apache-2.0 */
#include "db/dispatch_fixture.h"

/* --- tests ---------------------------------------------------------------------------------------------------------------- */

static void campaign_reaches_everybody_once_and_is_done(void **state) {
    struct app *app = *state;
    struct scene *s = send_with(app, 20, accepted);

    assert_str(s->d.state, "done");
    assert_int_equal(s->counts.total, 20);
    assert_int_equal(s->counts.sent, 20);
    assert_int_equal(fake_http_count(app->graph), 20);
    assert_int_equal(s->counts.cost, 20 * 40000);
    STEP(app, first_row);
    assert_true(s->row.sent_at_ms > 0 && s->row.text.len > 0);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM leads WHERE state = 'contacting'"), 20);
}

static void start_is_refused_while_the_gate_is_shut(void **state) {
    struct app *app = *state;
    struct scene *s = plan(app, 2);

    s->gate = GATE_REPLIES;
    order(app, DISPATCH_START);
    assert_int_equal(s->st, ST_CONFLICT);
    assert_string_equal(s->cause, "gate-closed");
    assert_int_equal(fake_http_count(app->graph), 0);
}

static void dry_run_says_exactly_who_is_sent_to_and_sends_nothing(void **state) {
    struct app *app = *state;
    struct scene *s = prepare(app, 12);
    int64_t predicted;

    s->gate = GATE_REPLIES;
    httpc_set_gate(app->httpc, GATE_REPLIES);
    order(app, DISPATCH_DRY_RUN);
    (void)run_jobs(app, 2);
    STEP(app, look);
    assert_str(s->d.state, "planned");
    assert_true(s->d.dry_run_at_ms > 0 && s->d.estimate.len > 0);
    assert_int_equal(fake_http_count(app->graph), 0);
    predicted = count_rows(app, "SELECT count(*) FROM dry_run_log WHERE would_send = 1");
    assert_int_equal(predicted, 12);

    httpc_set_gate(app->httpc, GATE_ALL);
    s->gate = GATE_ALL;
    fake_http_answer(app->graph, accepted);
    order(app, DISPATCH_START);
    (void)run_jobs(app, 1);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM dry_run_log l JOIN dispatch_recipients r"
                                     " ON r.id = l.recipient_id WHERE (l.would_send = 1)"
                                     " <> (r.state = 'sent')"),
                     0);
    assert_int_equal(fake_http_count(app->graph), (size_t)predicted);
}

static enum status stop_first(struct app *app, struct tx *tx, struct err *e) {
    const struct consent_proof proof = {.source = STR("message"), .text = STR("pare")};
    const struct consent_wish wish = {.tenant = app->tenant,
                                      .channel = STR(CONSENT_ALL),
                                      .is_stop = true,
                                      .proof = &proof,
                                      .now_ms = clock_now_ms()};

    return consent_put(&app->a, tx, scene_of(app)->leads[0], &wish, e);
}

static void who_stopped_after_the_plan_gets_nothing(void **state) {
    struct app *app = *state;
    struct scene *s = plan(app, 5);

    STEP(app, stop_first);
    fake_http_answer(app->graph, accepted);
    order(app, DISPATCH_START);
    (void)run_jobs(app, 1);
    STEP(app, look);
    assert_int_equal(s->counts.sent, 4);
    assert_int_equal(s->counts.excluded, 1);
    assert_int_equal(fake_http_count(app->graph), 4);
}

static void pause_before_the_run_sends_nothing_and_resume_sends_the_rest(void **state) {
    struct app *app = *state;
    struct scene *s = plan(app, 6);

    fake_http_answer(app->graph, accepted);
    order(app, DISPATCH_START);
    order(app, DISPATCH_PAUSE);
    (void)run_jobs(app, 1);
    STEP(app, look);
    assert_str(s->d.state, "paused");
    assert_int_equal(fake_http_count(app->graph), 0);
    order(app, DISPATCH_RESUME);
    (void)run_jobs(app, 2);
    STEP(app, look);
    assert_str(s->d.state, "done");
    assert_int_equal(fake_http_count(app->graph), 6);
}

static void cancel_leaves_nobody_planned(void **state) {
    struct app *app = *state;
    struct scene *s = plan(app, 6);

    order(app, DISPATCH_START);
    order(app, DISPATCH_CANCEL);
    (void)run_jobs(app, 2);
    STEP(app, look);
    assert_str(s->d.state, "cancelled");
    assert_int_equal(s->counts.cancelled, 6);
    assert_int_equal(fake_http_count(app->graph), 0);
}

static enum status mark_sending(struct app *app, struct tx *tx, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE dispatch_recipients SET state = 'sending', due_at = NULL,"
                          " sending_at = 1 WHERE tenant_id = $1 AND lead_id = $2"),
                   NULL, e, V_UUID(app->tenant.v), V_UUID(scene_of(app)->leads[0].v));
}

static void row_of_a_run_that_died_is_uncertain_and_not_sent_again(void **state) {
    struct app *app = *state;
    struct scene *s = plan(app, 3);

    STEP(app, mark_sending);
    fake_http_answer(app->graph, accepted);
    order(app, DISPATCH_START);
    (void)run_jobs(app, 1);
    STEP(app, look);
    assert_int_equal(s->counts.uncertain, 1);
    assert_int_equal(s->counts.sent, 2);
    assert_int_equal(fake_http_count(app->graph), 2);
}

static void cut_answers_are_uncertain_and_never_sent_again(void **state) {
    struct app *app = *state;
    struct scene *s = send_with(app, 2, (struct fake_reply){.is_cut = true});

    assert_int_equal(s->counts.uncertain, 2);
    assert_int_equal(fake_http_count(app->graph), 2);
    assert_str(s->d.state, "done");
}

static void person_out_of_reach_fails_with_the_reason(void **state) {
    struct app *app = *state;
    struct scene *s =
        send_with(app, 1, (struct fake_reply){.status = 400, .body = ERROR_BODY("131026")});

    assert_int_equal(s->counts.failed + s->counts.excluded, 1);
    STEP(app, first_row);
    assert_int_equal(s->row.error_code, 131026);
    assert_true(s->row.history.len > 2);
}

static void spared_person_waits_a_day(void **state) {
    struct app *app = *state;
    struct scene *s =
        send_with(app, 1, (struct fake_reply){.status = 400, .body = ERROR_BODY("131049")});

    assert_int_equal(s->counts.planned, 1);
    STEP(app, first_row);
    assert_true(s->row.due_at_ms >= clock_now_ms() + DAY_MS - MINUTE_MS);
    assert_int_equal(s->row.spared, 1);
    assert_str(s->d.state, "running");
}

static void refused_token_pauses_the_campaign(void **state) {
    struct app *app = *state;
    struct scene *s =
        send_with(app, 3, (struct fake_reply){.status = 401, .body = ERROR_BODY("190")});

    assert_str(s->d.state, "paused");
    assert_str(s->d.cause, "account-blocked");
    assert_int_equal(s->counts.planned, 3);
}

static void paused_template_pauses_the_campaign(void **state) {
    struct app *app = *state;
    struct scene *s =
        send_with(app, 3, (struct fake_reply){.status = 400, .body = ERROR_BODY("132015")});

    assert_str(s->d.state, "paused");
    assert_str(s->d.cause, "template-refused");
}

static enum status pause_template(struct app *app, struct tx *tx, struct err *e) {
    return DB_EXEC(tx, DB_SQL("UPDATE templates SET status = 'paused' WHERE tenant_id = $1"), NULL,
                   e, V_UUID(app->tenant.v));
}

static void template_that_was_paused_meanwhile_sends_nothing(void **state) {
    struct app *app = *state;
    struct scene *s = plan(app, 3);

    STEP(app, pause_template);
    order(app, DISPATCH_START);
    (void)run_jobs(app, 1);
    STEP(app, look);
    assert_str(s->d.state, "paused");
    assert_str(s->d.cause, "template-paused");
    assert_int_equal(fake_http_count(app->graph), 0);
    assert_int_equal(s->counts.planned, 3);
}

/* --- receipts --------------------------------------------------------------------------------------------------------------- */

static enum delivery delivery_of(const char *word) {
    return strcmp(word, "sent") == 0        ? DELIVERY_SENT
           : strcmp(word, "delivered") == 0 ? DELIVERY_DELIVERED
           : strcmp(word, "read") == 0      ? DELIVERY_READ
                                            : DELIVERY_FAILED;
}

static enum status tell(struct app *app, struct tx *tx, struct err *e) {
    struct scene *s = scene_of(app);
    const struct inbound status = {
        .kind = INBOUND_STATUS,
        .message_id = str_of(s->wamid ? s->wamid : "wamid.out"),
        .delivery = delivery_of(s->word),
        .correlation = arena_printf(&app->a, "r:%.*s", STR_ARG(uuid_format(&app->a, s->row.id.v))),
        .error_code = s->code,
        .error_title = STR("x"),
    };
    const struct dispatch_receipt receipt = {.tenant = app->tenant,
                                             .account = app->account.id,
                                             .provider = &provider_meta,
                                             .status = &status};

    EXPECT(dispatch_is_receipt(&status));
    TRY(dispatch_receipts(&app->a, tx, &receipt, 1, clock_now_ms(), e));
    return first_row(app, tx, e);
}

static void hear(struct app *app, const char *word) {
    struct scene *s = scene_of(app);

    s->word = word;
    s->code = strcmp(word, "failed") == 0 ? 131026 : 0;
    STEP(app, tell);
}

static void hear_failure(struct app *app, int64_t code, const char *wamid) {
    struct scene *s = scene_of(app);

    s->word = "failed";
    s->code = code;
    s->wamid = wamid;
    STEP(app, tell);
    s->wamid = NULL;
}

static enum status reset_row(struct app *app, struct tx *tx, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE dispatch_recipients SET state = 'sent', rank = 1,"
                          " delivered_at = 0, read_at = 0, failed_at = 0, due_at = NULL,"
                          " step = 0, history = '', provider_id = 'wamid.out'"
                          " WHERE tenant_id = $1"),
                   NULL, e, V_UUID(app->tenant.v));
}

static void receipts_in_any_order_end_in_the_same_state(void **state) {
    static const char *const orders[][3] = {
        {"sent", "delivered", "read"}, {"sent", "read", "delivered"},
        {"delivered", "sent", "read"}, {"delivered", "read", "sent"},
        {"read", "sent", "delivered"}, {"read", "delivered", "sent"},
        {"read", "read", "failed"},    {"delivered", "failed", "read"},
    };
    struct app *app = *state;
    struct scene *s = send_with(app, 1, accepted);

    STEP(app, first_row);
    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        STEP(app, reset_row);
        for (size_t k = 0; k < 3; k++)
            hear(app, orders[i][k]);
        assert_str(s->row.state, "read");
        assert_true(s->row.read_at_ms > 0 && s->row.delivered_at_ms > 0);
    }
}

#define ACCEPTED_AGAIN                                                                             \
    "{\"messaging_product\":\"whatsapp\",\"contacts\":[{\"input\":\"x\"}],"                        \
    "\"messages\":[{\"id\":\"wamid.again\"}]}"

/* Callbacks come twice, late and in another order. */
static void what_is_told_of_an_earlier_attempt_leaves_the_later_one_alone(void **state) {
    struct app *app = *state;
    struct scene *s = send_with(app, 1, accepted);

    STEP(app, first_row);
    hear_failure(app, 131049, "wamid.out");
    assert_str(s->row.state, "planned");
    hear(app, "sent"); /* the one before the failure */
    assert_str(s->row.state, "planned");
    assert_true(s->row.due_at_ms > 0);

    fake_http_answer(app->graph, (struct fake_reply){.status = 200, .body = ACCEPTED_AGAIN});
    clock_shift_ms(DAY_MS + MINUTE_MS);
    (void)run_jobs(app, 2);
    STEP(app, first_row);
    assert_str(s->row.state, "sent");
    assert_str(s->row.provider_id, "wamid.again");
    hear_failure(app, 131049, "wamid.out"); /* once more */
    assert_str(s->row.state, "sent");
    assert_int_equal(s->row.spared, 1);
    hear(app, "delivered"); /* the first one reached them after all */
    assert_str(s->row.state, "delivered");
    assert_int_equal(fake_http_count(app->graph), 2);
}

static enum status tell_both(struct app *app, struct tx *tx, struct err *e) {
    struct scene *s = scene_of(app);
    struct inbound statuses[2] = {{.delivery = DELIVERY_SENT}, {.delivery = DELIVERY_FAILED}};
    struct dispatch_receipt receipts[2];

    for (size_t i = 0; i < 2; i++) {
        struct inbound *one = &statuses[s->more ? 1 - i : i];

        one->kind = INBOUND_STATUS;
        one->message_id = STR("wamid.out");
        one->correlation =
            arena_printf(&app->a, "r:%.*s", STR_ARG(uuid_format(&app->a, s->row.id.v)));
        one->error_code = one->delivery == DELIVERY_FAILED ? s->code : 0;
        receipts[i] = (struct dispatch_receipt){.tenant = app->tenant,
                                                .account = app->account.id,
                                                .provider = &provider_meta,
                                                .status = one};
    }
    TRY(dispatch_receipts(&app->a, tx, receipts, 2, clock_now_ms(), e));
    return first_row(app, tx, e);
}

static void failure_beside_a_sent_in_one_call_wins_in_either_order(void **state) {
    struct app *app = *state;
    struct scene *s = send_with(app, 1, accepted);

    STEP(app, first_row);
    for (s->more = 0; s->more < 2; s->more++) {
        STEP(app, reset_row);
        s->code = 131026;
        STEP(app, tell_both);
        assert_string_not_equal(arena_cstr(&app->a, s->row.state), "sent");
        assert_true(s->row.failed_at_ms > 0);
        hear(app, "sent");
        assert_string_not_equal(arena_cstr(&app->a, s->row.state), "sent");
    }
}

static void receipt_settles_an_uncertain_one(void **state) {
    struct app *app = *state;
    struct scene *s = send_with(app, 1, (struct fake_reply){.is_cut = true});

    STEP(app, first_row);
    assert_str(s->row.state, "uncertain");
    hear(app, "delivered");
    assert_str(s->row.state, "delivered");
    assert_true(s->row.sent_at_ms > 0);
}

/* --- replies ---------------------------------------------------------------------------------------------------------------- */

static enum status answers(struct app *app, struct tx *tx, struct err *e) {
    const struct inbound ev =
        inbound_text(app, ((struct party){.phone = STR("5511980001000"), .name = STR("P")}), "oi");
    struct received in = received_of(app, &ev);
    struct message_id id;
    struct message m;
    struct message_page page;

    in.before = dispatch_before_reply;
    TRY(conversation_receive(&app->a, tx, &in, &id, e));
    TRY(message_get(&app->a, tx, app->tenant, id, &m, e));
    TRY(message_list(&app->a, tx, app->tenant, m.conversation,
                     (struct page_query){.limit = 10, .is_backward = true}, &page, e));
    EXPECT_I64(page.n, 2);
    EXPECT_STR(page.items[0].direction, "in");
    EXPECT_STR(page.items[1].direction, "out");
    EXPECT_STR(page.items[1].text, "Olá Pessoa 0");
    return look(app, tx, e);
}

static void reply_finds_the_campaigns_message_before_it(void **state) {
    struct app *app = *state;
    struct scene *s = send_with(app, 1, accepted);

    STEP(app, answers);
    assert_int_equal(s->counts.replied, 1);
}

static void second_campaign_leaves_out_who_just_got_one(void **state) {
    struct app *app = *state;
    struct scene *s = send_with(app, 4, accepted);

    STEP(app, add_campaign);
    order(app, DISPATCH_PLAN);
    (void)run_jobs(app, 1);
    order(app, DISPATCH_START);
    (void)run_jobs(app, 1);
    STEP(app, look);
    assert_int_equal(s->counts.excluded, 4);
    assert_int_equal(fake_http_count(app->graph), 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FEATURE_TEST(campaign_reaches_everybody_once_and_is_done),
        FEATURE_TEST(start_is_refused_while_the_gate_is_shut),
        FEATURE_TEST(dry_run_says_exactly_who_is_sent_to_and_sends_nothing),
        FEATURE_TEST(who_stopped_after_the_plan_gets_nothing),
        FEATURE_TEST(pause_before_the_run_sends_nothing_and_resume_sends_the_rest),
        FEATURE_TEST(cancel_leaves_nobody_planned),
        FEATURE_TEST(row_of_a_run_that_died_is_uncertain_and_not_sent_again),
        FEATURE_TEST(cut_answers_are_uncertain_and_never_sent_again),
        FEATURE_TEST(person_out_of_reach_fails_with_the_reason),
        FEATURE_TEST(spared_person_waits_a_day),
        FEATURE_TEST(refused_token_pauses_the_campaign),
        FEATURE_TEST(paused_template_pauses_the_campaign),
        FEATURE_TEST(template_that_was_paused_meanwhile_sends_nothing),
        FEATURE_TEST(receipts_in_any_order_end_in_the_same_state),
        FEATURE_TEST(what_is_told_of_an_earlier_attempt_leaves_the_later_one_alone),
        FEATURE_TEST(failure_beside_a_sent_in_one_call_wins_in_either_order),
        FEATURE_TEST(receipt_settles_an_uncertain_one),
        FEATURE_TEST(reply_finds_the_campaigns_message_before_it),
        FEATURE_TEST(second_campaign_leaves_out_who_just_got_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

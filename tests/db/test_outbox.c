/* test_outbox.c - a message from the transaction that decides it to its last status, against a fake Graph API, on both
 * engines.
 * SPDX-License-Identifier: Apache-2.0 */
#include "db/feature_fixture.h"
#include "outbox/store.h"
#include "pace/pace.h"

enum { LEASE_OVER_MS = 60 * 1000 };

#define ACCEPTED                                                                                   \
    "{\"messaging_product\":\"whatsapp\",\"contacts\":[{\"input\":\"5511987654321\","              \
    "\"wa_id\":\"551187654321\"}],\"messages\":[{\"id\":\"wamid.out\"}]}"
#define ERROR_BODY(code)                                                                           \
    "{\"error\":{\"message\":\"(#" code ") x\",\"type\":\"OAuthException\",\"code\":" code ","     \
    "\"fbtrace_id\":\"A\"}}"

static const struct fake_reply accepted = {.status = 200, .body = ACCEPTED};

/* Ana wrote and the bot's turn is not due: a conversation to send in. */
static enum status talk(struct app *app, struct tx *tx, struct err *e) {
    TRY(ana_writes(app, tx, e));
    return queue_cancel(tx, app->tenant, CONVERSATION_TURN_JOB,
                        uuid_format(&app->a, app->conversation.v), e);
}

static enum status talk_and_say(struct app *app, struct tx *tx, struct err *e) {
    TRY(talk(app, tx, e));
    return bot_says(app, tx, e);
}

/* Queues a bot's message, lets the API answer so, and runs the send job once; the message's status. */
static struct str send_with(struct app *app, struct fake_reply reply) {
    STEP(app, talk_and_say);
    fake_http_answer(app->graph, reply);
    assert_int_equal(run_jobs(app, 1), 1);
    return message_status(app);
}

static size_t calls(struct app *app) {
    return fake_http_count(app->graph);
}

static int64_t jobs_in(struct app *app, int state) {
    return count_rows(app, state == JOB_PARKED ? "SELECT count(*) FROM jobs WHERE state = 2"
                           : state == JOB_DEAD ? "SELECT count(*) FROM jobs WHERE state = 3"
                                               : "SELECT count(*) FROM jobs");
}

/* --- queueing -------------------------------------------------------------------------------------- */

static enum status refuse(struct app *app, struct tx *tx, const struct outbox_put *put,
                          int64_t now_ms, const char *cause, struct err *e) {
    struct err why = ERR_INIT;

    EXPECT_FAILS(ST_CONFLICT, outbox_queue(&app->a, tx, put, now_ms, &app->message, &why));
    EXPECT_STR(str_of(why.cause), cause);
    return ST_OK;
}

static enum status drafts(struct app *app, struct tx *tx, struct err *e) {
    int64_t now_ms = clock_now_ms();

    TRY(talk(app, tx, e));

    struct outbox_put put = put_text(app, "bot", "olá");

    put.must_match = true;
    put.inbound_count = 1;
    TRY(queue_message(app, tx, put, e));
    put.owner_version = 1;
    TRY(refuse(app, tx, &put, now_ms, "owner-changed", e));
    put.owner_version = 0;
    TRY(talk(app, tx, e));
    TRY(refuse(app, tx, &put, now_ms, "newer-message", e));
    put.inbound_count = 2;
    TRY(queue_message(app, tx, put, e));
    TRY(conversation_take(&app->a, tx, app->tenant, app->conversation, (struct user_id){uuid_new()},
                          now_ms, e));
    TRY(refuse(app, tx, &put, now_ms, "owner-changed", e));
    put.owner_version = 1; /* knows the version, and is not the owner all the same */
    return refuse(app, tx, &put, now_ms, "owner-changed", e);
}

static void draft_is_refused_when_owner_version_or_last_message_changed(void **state) {
    STEP(*state, drafts);
}

static enum status windows(struct app *app, struct tx *tx, struct err *e) {
    int64_t now_ms = clock_now_ms();

    TRY(talk(app, tx, e));

    struct outbox_put put = put_text(app, "person", "ainda está aí?");

    TRY(refuse(app, tx, &put, now_ms + WINDOW_MS + 1000, "window-closed", e));
    put.type = STR("template");
    put.content = STR("{\"name\":\"volte\",\"language\":\"pt_BR\"}");
    TRY(outbox_queue(&app->a, tx, &put, now_ms + WINDOW_MS + 1000, &app->message, e));
    EXPECT_STR(app->message.text, "volte");
    TRY(conversation_close(&app->a, tx, app->tenant, app->conversation, now_ms, e));
    return refuse(app, tx, &put, now_ms, "conversation-closed", e);
}

static void after_the_window_only_a_template_goes_out(void **state) {
    STEP(*state, windows);
}

static enum status repeats(struct app *app, struct tx *tx, struct err *e) {
    struct message first;
    struct job_row *jobs;
    size_t n;

    TRY(talk(app, tx, e));

    struct outbox_put put = put_text(app, "person", "uma vez");

    put.client_id = STR("order-17");
    TRY(queue_message(app, tx, put, e));
    first = app->message;
    put = put_text(app, "person", "outra vez");
    put.client_id = STR("order-17");
    TRY(queue_message(app, tx, put, e));
    EXPECT(uuid_eq(first.id.v, app->message.id.v));
    EXPECT_STR(app->message.text, "uma vez");
    TRY(queue_list(&app->a, tx, (struct job_query){.tenant = app->tenant}, &jobs, &n, e));
    EXPECT_I64(n, 1);
    return ST_OK;
}

static void repeat_with_the_same_client_id_returns_the_first_message(void **state) {
    STEP(*state, repeats);
}

static enum status answers(struct app *app, struct tx *tx, struct err *e) {
    struct conversation c;

    TRY(talk(app, tx, e));
    TRY(person_says(app, tx, e));
    TRY(get_conversation(app, tx, &c, e));
    EXPECT_I64(c.answered_count, 1);
    EXPECT_STR(c.last_text, "boa tarde");
    EXPECT_STR(app->message.text, "boa tarde");
    return ST_OK;
}

static void persons_reply_answers_what_was_written_so_far(void **state) {
    STEP(*state, answers);
}

/* --- sending --------------------------------------------------------------------------------------- */

static enum status address_of_ana(struct app *app, struct tx *tx, struct err *e) {
    struct conversation c;

    TRY(get_conversation(app, tx, &c, e));
    EXPECT_STR(c.lead_phone, "551187654321"); /* as the provider calls her */
    return ST_OK;
}

static void accepted_message_is_sent_with_our_id_and_the_address_learnt(void **state) {
    struct app *app = *state;
    const struct json *body;
    struct err e = ERR_INIT;
    struct str id;

    assert_str(send_with(app, accepted), "sent");
    assert_str(app->message.provider_id, "wamid.out");
    assert_int_equal(calls(app), 1);
    assert_ok(
        json_parse(&app->a, fake_http_body(&app->a, app->graph), JSON_LIMITS_DEFAULT, &body, &e),
        &e);
    id = uuid_format(&app->a, app->message.id.v);
    assert_true(str_eq(json_str(json_get(body, "biz_opaque_callback_data")), id));
    assert_str(json_str(json_get(body, "to")), "+5511987654321");
    STEP(app, address_of_ana);
    assert_int_equal(jobs_in(app, -1), 0);
}

static void closed_window_and_unreachable_person_fail_with_a_reason(void **state) {
    struct app *app = *state;

    assert_str(send_with(app, (struct fake_reply){.status = 400, .body = ERROR_BODY("131047")}),
               "failed");
    assert_int_equal(app->message.error_code, 131047);
    assert_true(app->message.error_reason.len > 0);
    assert_str(send_with(app, (struct fake_reply){.status = 400, .body = ERROR_BODY("131026")}),
               "failed");
    assert_int_equal(app->message.error_code, 131026);
    assert_int_equal(jobs_in(app, -1), 0);
    assert_int_equal(calls(app), 2);
}

static enum status ana_is_stopped(struct app *app, struct tx *tx, struct err *e) {
    struct consent_answer answer;
    struct consent_act *acts;
    struct conversation c;
    size_t n;

    TRY(get_conversation(app, tx, &c, e));
    TRY(consent_check_many(&app->a, tx, app->tenant, &c.lead, 1, STR(CONSENT_WHATSAPP), &answer,
                           e));
    EXPECT(answer.is_stopped);
    TRY(consent_check_many(&app->a, tx, app->tenant, &c.lead, 1, STR(CONSENT_EMAIL), &answer, e));
    EXPECT(!answer.is_stopped);
    TRY(consent_history(&app->a, tx, app->tenant, c.lead, 10, &acts, &n, e));
    EXPECT_I64(n, 1);
    EXPECT(acts[0].is_stop);
    EXPECT_STR(acts[0].source, "provider");
    EXPECT(acts[0].text.len > 0);
    EXPECT(uuid_eq(acts[0].message.v, app->message.id.v));
    return ST_OK;
}

static void refusal_because_the_person_opted_out_is_kept_as_their_stop_with_proof(void **state) {
    struct app *app = *state;

    assert_str(send_with(app, (struct fake_reply){.status = 400, .body = ERROR_BODY("131050")}),
               "failed");
    assert_int_equal(app->message.error_code, 131050);
    STEP(app, ana_is_stopped);
}

static void message_that_meta_holds_back_fails_at_once_and_frees_its_lane(void **state) {
    struct app *app = *state;

    assert_str(send_with(app, (struct fake_reply){.status = 400, .body = ERROR_BODY("131049")}),
               "failed");
    assert_int_equal(app->message.error_code, 131049);
    assert_true(app->message.error_reason.len > 0);
    assert_int_equal(jobs_in(app, -1), 0);
}

static void pair_limit_of_the_provider_is_waited_for(void **state) {
    struct app *app = *state;

    assert_str(send_with(app, (struct fake_reply){.status = 400, .body = ERROR_BODY("131056")}),
               "queued");
    assert_int_equal(app->verdict.kind, VERDICT_RETRY);
    assert_string_equal(app->verdict.cause, "meta-131056");
    fake_http_answer(app->graph, accepted);
    clock_shift_ms(LEASE_OVER_MS); /* more than the queue waits after one failure */
    assert_int_equal(run_jobs(app, 1), 1);
    assert_str(message_status(app), "sent");
    assert_int_equal(calls(app), 2);
}

static enum status account_is_blocked(struct app *app, struct tx *tx, struct err *e) {
    TRY(account_get(&app->a, tx, app->account.id, &app->account, e));
    EXPECT_STR(app->account.state, "blocked");
    EXPECT(app->account.state_reason.len > 0);
    return ST_OK;
}

static enum status clear_account(struct app *app, struct tx *tx, struct err *e) {
    int64_t n;

    TRY(account_set_state(tx, app->tenant, app->account.id, STR("ok"), STR_EMPTY, e));
    TRY(queue_replay(tx, app->tenant, (struct job_id){0}, NULL, "account-blocked", &n, e));
    EXPECT_I64(n, 2);
    return ST_OK;
}

static void refused_token_blocks_the_account_and_parks_until_a_person_clears_it(void **state) {
    struct app *app = *state;
    struct message first;

    assert_str(send_with(app, (struct fake_reply){.status = 401, .body = ERROR_BODY("190")}),
               "queued");
    assert_int_equal(app->verdict.kind, VERDICT_PARK);
    assert_string_equal(app->verdict.cause, "account-blocked");
    STEP(app, account_is_blocked);
    first = app->message;
    assert_str(send_with(app, accepted), "queued"); /* the next one does not even try */
    assert_int_equal(jobs_in(app, JOB_PARKED), 2);
    assert_int_equal(calls(app), 1);
    STEP(app, clear_account);
    assert_int_equal(run_jobs(app, 1), 1);
    fake_http_answer(
        app->graph,
        (struct fake_reply){.status = 200, .body = "{\"messages\":[{\"id\":\"wamid.out2\"}]}"});
    assert_int_equal(run_jobs(app, 1), 1);
    assert_str(message_status(app), "sent");
    app->message = first;
    assert_str(message_status(app), "sent");
}

static void cut_answer_is_uncertain_and_never_sent_again(void **state) {
    struct app *app = *state;

    assert_str(send_with(app, (struct fake_reply){.is_cut = true}), "uncertain");
    assert_int_equal(app->verdict.kind, VERDICT_DONE);
    clock_shift_ms(LEASE_OVER_MS);
    assert_int_equal(run_jobs(app, 1), 0);
    assert_int_equal(calls(app), 1);
}

static void shut_gate_parks_without_a_call(void **state) {
    struct app *app = *state;

    httpc_set_gate(app->httpc, GATE_OFF);
    assert_str(send_with(app, accepted), "queued");
    assert_int_equal(app->verdict.kind, VERDICT_PARK);
    assert_string_equal(app->verdict.cause, "gate-closed");
    assert_int_equal(calls(app), 0);
    assert_int_equal(jobs_in(app, JOB_PARKED), 1);
}

static enum status person_takes(struct app *app, struct tx *tx, struct err *e) {
    return conversation_take(&app->a, tx, app->tenant, app->conversation,
                             (struct user_id){uuid_new()}, clock_now_ms(), e);
}

static void takeover_before_the_send_withdraws_it_without_a_call(void **state) {
    struct app *app = *state;

    STEP(app, talk_and_say);
    STEP(app, person_takes);
    fake_http_answer(app->graph, accepted);
    assert_int_equal(run_jobs(app, 1), 1);
    assert_str(message_status(app), "cancelled");
    assert_int_equal(calls(app), 0);
}

static enum status raise_version(struct app *app, struct tx *tx, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE conversations SET owner_version = owner_version + 1"
                          " WHERE tenant_id = $1"),
                   NULL, e, V_UUID(app->tenant.v));
}

/* The second wall: whoever changed the owner forgot to withdraw the bot's message. */
static void send_compares_the_owner_version_itself(void **state) {
    struct app *app = *state;

    STEP(app, talk_and_say);
    STEP(app, raise_version);
    fake_http_answer(app->graph, accepted);
    assert_int_equal(run_jobs(app, 1), 1);
    assert_str(message_status(app), "cancelled");
    assert_int_equal(calls(app), 0);
}

static enum status steal_job_tx(struct tx *tx, void *ctx, struct err *e) {
    (void)ctx;
    return DB_EXEC(tx, DB_SQL("UPDATE jobs SET token = token + 1048576 WHERE state = 1"), NULL, e);
}

/* Another worker took the job while the call was under way. */
static void steal_job(void *arg) {
    struct app *app = arg;
    struct err e = ERR_INIT;

    if (db_write(app->db, DB_SYSTEM, steal_job_tx, NULL, &e) != ST_OK)
        abort();
}

static void worker_that_lost_its_lease_records_nothing_and_the_next_sends_nothing(void **state) {
    struct app *app = *state;

    fake_http_during(app->graph, steal_job, app);
    assert_str(send_with(app, accepted), "sending");
    assert_int_equal(app->job_status, ST_CONFLICT);
    assert_int_equal(calls(app), 1);
    clock_shift_ms(LEASE_OVER_MS);
    assert_int_equal(run_jobs(app, 1), 1); /* whether the call went out nobody knows any more */
    assert_str(message_status(app), "uncertain");
    assert_int_equal(calls(app), 1);
}

static enum status disable_account(struct app *app, struct tx *tx, struct err *e) {
    return account_set_active(tx, app->tenant, app->account.id, false, e);
}

static void disabled_account_parks_without_a_call(void **state) {
    struct app *app = *state;

    STEP(app, disable_account);
    assert_str(send_with(app, accepted), "queued");
    assert_string_equal(app->verdict.cause, "account-disabled");
    assert_int_equal(calls(app), 0);
}

static enum status say_too_much(struct app *app, struct tx *tx, struct err *e) {
    struct outbox_put put;

    TRY(talk(app, tx, e));
    put = put_text(app, "person", "x");
    put.type = STR("buttons");
    put.content = STR("{\"text\":\"x\",\"buttons\":[]}");
    return queue_message(app, tx, put, e);
}

static void content_the_provider_would_refuse_fails_without_a_call(void **state) {
    struct app *app = *state;

    STEP(app, say_too_much);
    assert_int_equal(run_jobs(app, 1), 1);
    assert_str(message_status(app), "failed");
    assert_true(app->message.error_reason.len > 0);
    assert_int_equal(calls(app), 0);
}

/* --- pace -------------------------------------------------------------------------------------------- */

static enum status eighty(struct app *app, struct tx *tx, struct err *e) {
    const struct pace pace = {.key = STR("number:x"), .interval_us = 12500, .burst = 9};
    int64_t granted = 0, wait_us;

    for (int64_t ms = 0; ms < 2000; ms++) {
        TRY(pace_take(&app->a, tx, app->tenant, pace, ms * 1000, &wait_us, e));
        granted += wait_us == 0;
        if (wait_us > 0) /* the wait is true: neither a microsecond less nor more */
            EXPECT(wait_us <= 12500);
    }
    EXPECT(granted >= 2 * 80 && granted <= 2 * 80 + 9);
    return ST_OK;
}

static void number_sends_eighty_a_second(void **state) {
    STEP(*state, eighty);
}

static enum status pace_account(struct app *app, struct tx *tx, struct err *e) {
    const struct setting *settings = app->extra;

    return account_update(
        &app->a, tx, app->f->keys, app->account.id,
        (struct account_new){.tenant = app->tenant, .settings = settings, .n_settings = 3},
        &app->account, e);
}

static void set_pace(struct app *app, struct str per_second, struct str interval_ms,
                     struct str burst) {
    struct setting settings[] = {{STR("per_second"), per_second},
                                 {STR("pair_interval_ms"), interval_ms},
                                 {STR("pair_burst"), burst}};

    app->extra = settings;
    STEP(app, pace_account);
    app->extra = NULL;
}

static enum status joao_hears(struct app *app, struct tx *tx, struct err *e) {
    const struct inbound ev = inbound_text(app, JOAO, "oi");

    TRY(receive(app, tx, &ev, NULL, e));
    TRY(queue_cancel(tx, app->tenant, CONVERSATION_TURN_JOB,
                     uuid_format(&app->a, app->conversation.v), e));
    return bot_says(app, tx, e);
}

static void one_person_waits_for_the_pair_pace_and_another_does_not(void **state) {
    struct app *app = *state;
    struct message second;

    set_pace(app, STR("80"), STR("6000"), STR("1"));
    assert_str(send_with(app, accepted), "sent");
    assert_str(send_with(app, (struct fake_reply){.status = 200, .body = "{}"}), "queued");
    assert_int_equal(app->verdict.kind, VERDICT_AGAIN);
    assert_string_equal(app->verdict.cause, "pace");
    assert_in_range(app->verdict.after_ms, 1, 6001);
    second = app->message;
    fake_http_answer(
        app->graph,
        (struct fake_reply){.status = 200, .body = "{\"messages\":[{\"id\":\"wamid.joao\"}]}"});
    STEP(app, joao_hears);
    assert_int_equal(run_jobs(app, 1), 1);
    assert_str(message_status(app), "sent");
    fake_http_answer(
        app->graph,
        (struct fake_reply){.status = 200, .body = "{\"messages\":[{\"id\":\"wamid.ana2\"}]}"});
    clock_shift_ms(6100);
    assert_int_equal(run_jobs(app, 1), 1);
    app->message = second;
    assert_str(message_status(app), "sent");
    assert_int_equal(calls(app), 3);
}

static void pace_of_the_number_uses_up_no_ones_turn(void **state) {
    struct app *app = *state;

    set_pace(app, STR("1"), STR("6000"), STR("1"));
    assert_str(send_with(app, accepted), "sent");
    STEP(app, joao_hears);
    assert_int_equal(run_jobs(app, 1), 1);
    assert_int_equal(app->verdict.kind, VERDICT_AGAIN);
    assert_in_range(app->verdict.after_ms, 1, 1001);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM rate_limits"), 2); /* not João's */
    assert_int_equal(calls(app), 1);
}

static void pair_pace_of_zero_is_none(void **state) {
    struct app *app = *state;

    set_pace(app, STR("80"), STR("0"), STR("1"));
    assert_str(send_with(app, accepted), "sent");
    assert_str(
        send_with(app, (struct fake_reply){.status = 200,
                                           .body = "{\"messages\":[{\"id\":\"wamid.out2\"}]}"}),
        "sent");
}

/* --- receipts ------------------------------------------------------------------------------------------ */

static enum status receipt(struct app *app, struct tx *tx, const struct inbound *status,
                           struct err *e) {
    return outbox_receipt(&app->a, tx, app->tenant, app->account.id, &provider_meta, status, e);
}

static enum status delivered_by_correlation(struct app *app, struct tx *tx, struct err *e) {
    const struct inbound status = {.kind = INBOUND_STATUS,
                                   .delivery = DELIVERY_DELIVERED,
                                   .delivery_word = STR("delivered"),
                                   .message_id = STR("wamid.out"),
                                   .correlation = uuid_format(&app->a, app->message.id.v)};

    return receipt(app, tx, &status, e);
}

static enum status read_by_provider_id(struct app *app, struct tx *tx, struct err *e) {
    const struct inbound status = {.kind = INBOUND_STATUS,
                                   .delivery = DELIVERY_READ,
                                   .delivery_word = STR("read"),
                                   .message_id = STR("wamid.out")};

    return receipt(app, tx, &status, e);
}

static enum status failed_by_provider_id(struct app *app, struct tx *tx, struct err *e) {
    const struct inbound status = {.kind = INBOUND_STATUS,
                                   .delivery = DELIVERY_FAILED,
                                   .delivery_word = STR("failed"),
                                   .message_id = STR("wamid.out"),
                                   .error_code = 131026,
                                   .error_title = STR("Message undeliverable")};

    return receipt(app, tx, &status, e);
}

static enum status unknown_word(struct app *app, struct tx *tx, struct err *e) {
    const struct inbound status = {.kind = INBOUND_STATUS,
                                   .delivery = DELIVERY_UNKNOWN,
                                   .delivery_word = STR("pondered"),
                                   .message_id = STR("wamid.out")};
    int64_t n;

    TRY(receipt(app, tx, &status, e));
    TRY(count_events(app, tx, "message.status_unknown", &n, e));
    EXPECT_I64(n, 1);
    return ST_OK;
}

static void status_settles_an_uncertain_message_by_our_id(void **state) {
    struct app *app = *state;

    assert_str(send_with(app, (struct fake_reply){.is_cut = true}), "uncertain");
    STEP(app, delivered_by_correlation);
    assert_str(message_status(app), "delivered");
    assert_str(app->message.provider_id, "wamid.out");
    STEP(app, read_by_provider_id);
    assert_str(message_status(app), "read");
}

static void during_delivered(void *arg) {
    struct app *app = arg;
    struct err e = ERR_INIT;

    if (try_step(app, DB_TENANT(app->tenant), delivered_by_correlation, &e) != ST_OK)
        abort();
}

static void status_that_overtakes_the_answer_stands(void **state) {
    struct app *app = *state;

    fake_http_during(app->graph, during_delivered, app);
    assert_str(send_with(app, accepted), "delivered");
    assert_str(app->message.provider_id, "wamid.out");
    assert_int_equal(jobs_in(app, -1), 0);
}

static void status_that_overtakes_a_broken_answer_stands(void **state) {
    struct app *app = *state;

    fake_http_during(app->graph, during_delivered, app);
    assert_str(send_with(app, (struct fake_reply){.is_cut = true}), "delivered");
}

static void statuses_by_provider_id_move_it_on_and_never_back(void **state) {
    struct app *app = *state;

    assert_str(send_with(app, accepted), "sent");
    STEP(app, failed_by_provider_id);
    assert_str(message_status(app), "failed");
    assert_true(app->message.error_reason.len > 0);
    STEP(app, read_by_provider_id);
    STEP(app, delivered_by_correlation);
    STEP(app, failed_by_provider_id);
    STEP(app, unknown_word);
    assert_str(message_status(app), "read");
    assert_int_equal(app->message.error_code, 0);
}

static void receipts_before_the_provider_id_is_known_catch_up(void **state) {
    struct app *app = *state;

    STEP(app, talk_and_say);
    STEP(app, failed_by_provider_id);
    STEP(app, read_by_provider_id);
    assert_str(message_status(app), "queued");
    assert_int_equal(count_rows(app, "SELECT count(*) FROM receipts_early"), 2);
    fake_http_answer(app->graph, accepted);
    assert_int_equal(run_jobs(app, 1), 1);
    assert_str(message_status(app), "read");
    assert_int_equal(count_rows(app, "SELECT count(*) FROM receipts_early"), 0);
}

static enum status receipt_of_other_account(struct app *app, struct tx *tx, struct err *e) {
    const struct inbound status = {.kind = INBOUND_STATUS,
                                   .delivery = DELIVERY_READ,
                                   .delivery_word = STR("read"),
                                   .message_id = STR("wamid.out"),
                                   .correlation = uuid_format(&app->a, app->message.id.v)};

    return outbox_receipt(&app->a, tx, app->tenant, (struct account_id){uuid_new()}, &provider_meta,
                          &status, e);
}

static void status_of_another_account_moves_nothing(void **state) {
    struct app *app = *state;

    assert_str(send_with(app, accepted), "sent");
    STEP(app, receipt_of_other_account);
    assert_str(message_status(app), "sent");
}

/* --- people decide --------------------------------------------------------------------------------------- */

static enum status settle(struct app *app, struct tx *tx, enum settle how, struct err *e) {
    return outbox_settle(&app->a, tx, app->tenant, app->message.id, how, STR("user:1"), e);
}

static enum status settle_sent(struct app *app, struct tx *tx, struct err *e) {
    return settle(app, tx, SETTLE_SENT, e);
}

static enum status settle_resend(struct app *app, struct tx *tx, struct err *e) {
    return settle(app, tx, SETTLE_RESEND, e);
}

static void uncertain_message_is_settled_by_a_person_once(void **state) {
    struct app *app = *state;
    struct err e = ERR_INIT;

    assert_str(send_with(app, (struct fake_reply){.is_cut = true}), "uncertain");
    STEP(app, settle_sent);
    assert_str(message_status(app), "sent");
    assert_int_equal(try_step(app, DB_TENANT(app->tenant), settle_resend, &e), ST_CONFLICT);
}

static void person_sends_an_uncertain_message_again_although_the_owner_changed(void **state) {
    struct app *app = *state;

    assert_str(send_with(app, (struct fake_reply){.is_cut = true}), "uncertain");
    STEP(app, person_takes);
    STEP(app, settle_resend);
    fake_http_answer(app->graph, accepted);
    assert_int_equal(run_jobs(app, 1), 1);
    assert_str(message_status(app), "sent");
    assert_int_equal(calls(app), 2);
}

/* --- marks ------------------------------------------------------------------------------------------------- */

static enum status mark_read(struct app *app, struct tx *tx, struct err *e) {
    return outbox_mark_read(&app->a, tx, app->tenant, app->conversation, true, e);
}

static void what_the_person_wrote_is_marked_as_read(void **state) {
    struct app *app = *state;
    const struct json *body;
    struct err e = ERR_INIT;

    STEP(app, talk);
    STEP(app, mark_read);
    STEP(app, mark_read);
    fake_http_answer(app->graph, (struct fake_reply){.status = 200, .body = "{\"success\":true}"});
    assert_int_equal(run_jobs(app, 5), 1);
    assert_ok(
        json_parse(&app->a, fake_http_body(&app->a, app->graph), JSON_LIMITS_DEFAULT, &body, &e),
        &e);
    assert_str(json_str(json_get(body, "status")), "read");
    assert_str(json_str(json_get(body, "message_id")), "wamid.in.1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FEATURE_TEST(draft_is_refused_when_owner_version_or_last_message_changed),
        FEATURE_TEST(after_the_window_only_a_template_goes_out),
        FEATURE_TEST(repeat_with_the_same_client_id_returns_the_first_message),
        FEATURE_TEST(persons_reply_answers_what_was_written_so_far),
        FEATURE_TEST(accepted_message_is_sent_with_our_id_and_the_address_learnt),
        FEATURE_TEST(closed_window_and_unreachable_person_fail_with_a_reason),
        FEATURE_TEST(refusal_because_the_person_opted_out_is_kept_as_their_stop_with_proof),
        FEATURE_TEST(message_that_meta_holds_back_fails_at_once_and_frees_its_lane),
        FEATURE_TEST(pair_limit_of_the_provider_is_waited_for),
        FEATURE_TEST(refused_token_blocks_the_account_and_parks_until_a_person_clears_it),
        FEATURE_TEST(cut_answer_is_uncertain_and_never_sent_again),
        FEATURE_TEST(shut_gate_parks_without_a_call),
        FEATURE_TEST(takeover_before_the_send_withdraws_it_without_a_call),
        FEATURE_TEST(send_compares_the_owner_version_itself),
        FEATURE_TEST(worker_that_lost_its_lease_records_nothing_and_the_next_sends_nothing),
        FEATURE_TEST(disabled_account_parks_without_a_call),
        FEATURE_TEST(content_the_provider_would_refuse_fails_without_a_call),
        FEATURE_TEST(number_sends_eighty_a_second),
        FEATURE_TEST(one_person_waits_for_the_pair_pace_and_another_does_not),
        FEATURE_TEST(pace_of_the_number_uses_up_no_ones_turn),
        FEATURE_TEST(pair_pace_of_zero_is_none),
        FEATURE_TEST(status_settles_an_uncertain_message_by_our_id),
        FEATURE_TEST(status_that_overtakes_the_answer_stands),
        FEATURE_TEST(status_that_overtakes_a_broken_answer_stands),
        FEATURE_TEST(statuses_by_provider_id_move_it_on_and_never_back),
        FEATURE_TEST(receipts_before_the_provider_id_is_known_catch_up),
        FEATURE_TEST(status_of_another_account_moves_nothing),
        FEATURE_TEST(uncertain_message_is_settled_by_a_person_once),
        FEATURE_TEST(person_sends_an_uncertain_message_again_although_the_owner_changed),
        FEATURE_TEST(what_the_person_wrote_is_marked_as_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

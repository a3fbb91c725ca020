/* test_bot.c - one turn of the bot: what it sees, decides and queues, by script and by model, on both engines.
 * SPDX-License-Identifier: Apache-2.0 */
#include "db/feature_fixture.h"

enum { DUE_MS = 3000 };

/* Ana writes and her turn is due. */
static void ana_waits(struct app *app) {
    STEP(app, ana_writes);
    clock_shift_ms(DUE_MS);
}

struct said { /* what the last turn left */
    struct conversation conversation;
    struct message_page messages; /* newest first */
    struct turn_page turns;
};

static enum status look(struct app *app, struct tx *tx, struct err *e) {
    struct said *s = app->extra;

    TRY(get_conversation(app, tx, &s->conversation, e));
    TRY(message_list(&app->a, tx, app->tenant, app->conversation,
                     (struct page_query){.limit = 50, .is_backward = true}, &s->messages, e));
    return bot_turns(&app->a, tx, app->tenant, app->conversation, 10, &s->turns, e);
}

static struct said look_at(struct app *app) {
    struct said s;

    app->extra = &s;
    STEP(app, look);
    app->extra = NULL;
    return s;
}

/* One run of the due turn. */
static struct said run_the_turn(struct app *app) {
    assert_int_equal(run_jobs(app, 1), 1);
    return look_at(app);
}

static size_t said_by_bot(const struct said *s) {
    size_t n = 0;

    for (size_t i = 0; i < s->messages.n; i++)
        n += str_eq(s->messages.items[i].owner, STR("bot"));
    return n;
}

static struct str trace_text(const struct said *s) {
    assert_true(s->turns.n > 0);
    return s->turns.items[0].trace;
}

/* --- by script ---------------------------------------------------------------------------------- */

static void builtin_script_answers_who_writes(void **state) {
    struct app *app = *state;
    struct said s;

    ana_waits(app);
    s = run_the_turn(app);
    assert_int_equal(said_by_bot(&s), 1);
    assert_str(s.messages.items[0].type, "buttons");
    assert_str(s.messages.items[0].status, "queued");
    assert_true(str_contains(s.messages.items[0].text, STR("Olá, Ana!")));
    assert_str(s.conversation.state, "progress");
    assert_int_equal(s.conversation.answered_count, 1);
    assert_int_equal(s.turns.n, 1);
    assert_str(s.turns.items[0].outcome, "answered");
    assert_true(uuid_eq(s.turns.items[0].id, s.messages.items[0].turn));
    assert_true(str_contains(trace_text(&s), STR("\"node\":\"menu\"")));
}

static enum status ana_asks_for_a_person(struct app *app, struct tx *tx, struct err *e) {
    struct inbound ev = inbound_text(app, ANA, "Falar com alguém");

    ev.type = STR("choice");
    ev.content = STR("{\"id\":\"person\",\"title\":\"Falar com alguém\"}");
    return receive(app, tx, &ev, NULL, e);
}

static void farewell_of_a_handoff_goes_out(void **state) {
    struct app *app = *state;
    struct said s;

    STEP(app, ana_asks_for_a_person);
    clock_shift_ms(DUE_MS);
    s = run_the_turn(app);
    assert_str(s.conversation.owner, "none");
    assert_str(s.conversation.state, "waiting_agent");
    assert_true(s.conversation.handoff_reason.len > 0);
    assert_int_equal(said_by_bot(&s), 1);
    fake_http_answer(
        app->graph,
        (struct fake_reply){.status = 200, .body = "{\"messages\":[{\"id\":\"wamid.out\"}]}"});
    assert_int_equal(run_jobs(app, 1), 1);
    s = look_at(app);
    assert_str(s.messages.items[0].status, "sent");
}

static void second_run_of_an_answered_turn_says_nothing(void **state) {
    struct app *app = *state;
    struct said s;

    ana_waits(app);
    s = run_the_turn(app);

    const struct job again = {.tenant = app->tenant,
                              .payload =
                                  arena_printf(&app->a, "{\"conversation\":\"%.*s\"}",
                                               STR_ARG(uuid_format(&app->a, app->conversation.v)))};
    struct verdict v;
    struct err e = ERR_INIT;

    assert_ok(bot_turn_job(app, &app->a, &again, &v, &e), &e);
    assert_int_equal(v.kind, VERDICT_DONE);
    s = look_at(app);
    assert_int_equal(said_by_bot(&s), 1);
    assert_int_equal(s.turns.n, 1);
}

static enum status spoil_script(struct app *app, struct tx *tx, struct err *e) {
    struct bot bot;

    TRY(bot_get(&app->a, tx, app->tenant, &bot, e));
    TRY(bot_set(&app->a, tx, &bot, e));
    return DB_EXEC(tx, DB_SQL("UPDATE bots SET script = '{}' WHERE tenant_id = $1"), NULL, e,
                   V_UUID(app->tenant.v));
}

static void script_that_no_longer_holds_hands_over_with_the_reason(void **state) {
    struct app *app = *state;
    struct said s;

    STEP(app, spoil_script);
    ana_waits(app);
    s = run_the_turn(app);
    assert_str(s.conversation.owner, "none");
    assert_true(str_contains(s.conversation.handoff_reason, STR("version")));
    assert_str(s.turns.items[0].outcome, "handed_over");
}

static void closed_window_hands_over(void **state) {
    struct app *app = *state;
    struct said s;

    STEP(app, ana_writes);
    clock_shift_ms(WINDOW_MS + 1000);
    s = run_the_turn(app);
    assert_str(s.conversation.owner, "none");
    assert_int_equal(said_by_bot(&s), 0);
    assert_true(s.conversation.handoff_reason.len > 0);
}

/* --- by model ------------------------------------------------------------------------------------- */

#define ANSWER(message)                                                                            \
    "{\"id\":\"c\",\"choices\":[{\"index\":0,\"finish_reason\":\"stop\",\"message\":" message      \
    "}],\"usage\":{\"prompt_tokens\":1000,\"completion_tokens\":100,\"total_tokens\":1100}}"
#define TEXT_ANSWER ANSWER("{\"role\":\"assistant\",\"content\":\"Bom dia, Ana!\"}")
#define TOOL_ANSWER                                                                                \
    ANSWER("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"t\","               \
           "\"type\":\"function\",\"function\":{\"name\":\"handoff\","                             \
           "\"arguments\":\"{\\\"reason\\\":\\\"quer reembolso\\\"}\"}}]}")

static enum status use_model(struct app *app, struct tx *tx, struct err *e) {
    const struct setting settings[] = {
        {STR("base_url"), fake_http_url(&app->a, app->graph)},
        {STR("model"), STR("small")},
        {STR("max_tokens"), STR("500")},
        {STR("price_in_per_million"), STR("1000000")},
        {STR("price_out_per_million"), STR("2000000")},
    };
    const struct setting secrets[] = {{STR("api_key"), STR("sk-test")}};
    struct account openai;
    const struct bot bot = {
        .tenant = app->tenant,
        .kind = STR("model"),
        .model = STR("{\"system_prompt\":\"Seja breve.\"}"),
        .debounce = {.wait_ms = 2000, .cap_ms = 8000},
        .budget_micros = app->number, /* of the test */
    };

    TRY(account_add(&app->a, tx, app->f->keys,
                    (struct account_new){.tenant = app->tenant,
                                         .kind = STR("openai"),
                                         .name = STR("m"),
                                         .settings = settings,
                                         .n_settings = ARRAY_LEN(settings),
                                         .secrets = secrets,
                                         .n_secrets = ARRAY_LEN(secrets)},
                    &openai, e));
    return bot_set(&app->a, tx, &bot, e);
}

/* Ana's turn with a model that answers so, and a month's budget (0: none). */
static struct said ask_model(struct app *app, struct fake_reply reply, int64_t budget_micros) {
    app->number = budget_micros;
    STEP(app, use_model);
    fake_http_answer(app->graph, reply);
    ana_waits(app);
    return run_the_turn(app);
}

static void assert_handed_over(const struct said *s, const char *reason) {
    assert_str(s->conversation.owner, "none");
    assert_str(s->conversation.state, "waiting_agent");
    assert_true(s->conversation.handoff_reason.len > 0);
    assert_true(str_contains(s->conversation.handoff_reason, str_of(reason)));
    assert_int_equal(said_by_bot(s), 1); /* never silent */
    assert_str(s->turns.items[0].outcome, "handed_over");
}

static void model_answers_and_its_cost_is_recorded(void **state) {
    struct app *app = *state;
    struct said s = ask_model(app, (struct fake_reply){.status = 200, .body = TEXT_ANSWER}, 0);

    assert_int_equal(fake_http_count(app->graph), 1);
    assert_str(s.messages.items[0].text, "Bom dia, Ana!");
    assert_str(s.conversation.owner, "bot");
    assert_int_equal(s.turns.items[0].prompt_tokens, 1000);
    assert_int_equal(s.turns.items[0].completion_tokens, 100);
    assert_int_equal(s.turns.items[0].cost_micros, 1200);
    /* What was reserved before the call is settled to what it cost. */
    assert_int_equal(count_rows(app, "SELECT spent_micros FROM bot_spending"), 1200);
    assert_true(
        str_contains(fake_http_body(&app->a, app->graph), STR("\"content\":\"Seja breve.\"")));
    assert_true(str_contains(trace_text(&s), STR("\"by\":\"model\"")));
}

static void model_that_calls_for_a_person_hands_over_with_its_reason(void **state) {
    struct said s = ask_model(*state, (struct fake_reply){.status = 200, .body = TOOL_ANSWER}, 0);

    assert_handed_over(&s, "quer reembolso");
}

#define RICH_ANSWER                                                                                \
    ANSWER("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"t\","               \
           "\"type\":\"function\",\"function\":{\"name\":\"handoff\",\"arguments\":"               \
           "\"{\\\"reason\\\":\\\"caro\\\",\\\"summary\\\":\\\"quer desconto\\\\u0000\\\","        \
           "\\\"collected\\\":{\\\"plano\\\":\\\"Equipe\\\"},\\\"skill\\\":\\\"vendas\\\"}\"}}]}")

static void person_gets_the_models_summary_and_what_it_collected(void **state) {
    struct said s = ask_model(*state, (struct fake_reply){.status = 200, .body = RICH_ANSWER}, 0);

    assert_handed_over(&s, "caro");
    assert_str(s.conversation.summary, "quer desconto\xEF\xBF\xBD"); /* a column holds no NUL */
    assert_str(s.conversation.collected, "{\"plano\":\"Equipe\"}");
    assert_str(s.conversation.skill, "vendas");
}

static void busy_model_is_asked_again_and_then_handed_over(void **state) {
    struct app *app = *state;
    const struct fake_reply busy = {
        .status = 429,
        .headers = "Retry-After: 7\r\n",
        .body = "{\"error\":{\"message\":\"slow\",\"type\":\"rate_limit_error\","
                "\"code\":\"rate_limit_exceeded\"}}"};
    struct said s = ask_model(app, busy, 0);

    assert_int_equal(app->verdict.kind, VERDICT_RETRY);
    assert_int_equal(app->verdict.after_ms, 7000);
    assert_int_equal(said_by_bot(&s), 0);
    assert_str(s.conversation.owner, "bot");
    assert_int_equal(count_rows(app, "SELECT spent_micros FROM bot_spending"), 0);
    for (int64_t hour = 1; hour <= 2; hour++) {
        int64_t runs = 0;

        clock_shift_ms(hour * 3600 * 1000);
        while (run_jobs(app, 1) == 1 && ++runs < TRIES_MAX)
            ; /* the mark as read runs as well */
    }
    s = look_at(app);
    assert_handed_over(&s, "try again later");
}

static void model_without_credit_hands_over_at_once(void **state) {
    struct app *app = *state;
    const struct fake_reply spent = {
        .status = 429,
        .body = "{\"error\":{\"message\":\"x\",\"type\":\"insufficient_quota\","
                "\"code\":\"insufficient_quota\"}}"};
    struct said s = ask_model(app, spent, 0);

    assert_int_equal(app->verdict.kind, VERDICT_DONE);
    assert_handed_over(&s, "credit");
}

static void spent_budget_hands_over_without_a_call(void **state) {
    struct app *app = *state;
    struct said s = ask_model(app, (struct fake_reply){.status = 200, .body = TEXT_ANSWER}, 1000);

    assert_int_equal(fake_http_count(app->graph), 0);
    assert_handed_over(&s, "orçamento");
    assert_int_equal(count_rows(app, "SELECT spent_micros FROM bot_spending"), 0);
}

static void answer_that_is_no_json_hands_over(void **state) {
    struct said s = ask_model(*state, (struct fake_reply){.status = 200, .body = "<html>"}, 0);

    assert_handed_over(&s, "");
}

static void empty_answer_hands_over(void **state) {
    struct app *app = *state;
    struct said s =
        ask_model(app,
                  (struct fake_reply){
                      .status = 200, .body = ANSWER("{\"role\":\"assistant\",\"content\":\"  \"}")},
                  0);

    assert_handed_over(&s, "");
}

static void nul_in_the_models_answer_reaches_the_person_without_it(void **state) {
    struct app *app = *state;
    struct said s = ask_model(
        app,
        (struct fake_reply){.status = 200,
                            .body = ANSWER("{\"role\":\"assistant\",\"content\":\"a\\u0000b\"}")},
        0);

    assert_int_equal(said_by_bot(&s), 1);
    assert_int_equal(app->verdict.kind, VERDICT_DONE);
}

static enum status model_without_account(struct app *app, struct tx *tx, struct err *e) {
    const struct bot bot = {.tenant = app->tenant,
                            .kind = STR("model"),
                            .model = STR("{\"system_prompt\":\"x\"}"),
                            .debounce = {.wait_ms = 2000, .cap_ms = 8000}};

    return bot_set(&app->a, tx, &bot, e);
}

static void model_that_is_not_configured_hands_over(void **state) {
    struct app *app = *state;
    struct said s;

    STEP(app, model_without_account);
    ana_waits(app);
    s = run_the_turn(app);
    assert_str(s.turns.items[0].outcome, "handed_over");
    assert_int_equal(said_by_bot(&s), 1);
}

/* --- what happens meanwhile --------------------------------------------------------------------------- */

static enum status person_takes(struct app *app, struct tx *tx, struct err *e) {
    return conversation_take(&app->a, tx, app->tenant, app->conversation,
                             (struct user_id){uuid_new()}, clock_now_ms(), e);
}

static void during_write(void *arg) {
    struct err e = ERR_INIT;

    if (try_step(arg, DB_TENANT(((struct app *)arg)->tenant), ana_writes, &e) != ST_OK)
        abort();
}

static void during_take(void *arg) {
    struct err e = ERR_INIT;

    if (try_step(arg, DB_TENANT(((struct app *)arg)->tenant), person_takes, &e) != ST_OK)
        abort();
}

static enum status steal_job_tx(struct tx *tx, void *ctx, struct err *e) {
    (void)ctx;
    return DB_EXEC(tx, DB_SQL("UPDATE jobs SET token = token + 1048576 WHERE state = 1"), NULL, e);
}

static void during_steal(void *arg) {
    struct app *app = arg;
    struct err e = ERR_INIT;

    if (db_write(app->db, DB_SYSTEM, steal_job_tx, NULL, &e) != ST_OK)
        abort();
}

static struct said interrupt(struct app *app, void (*during)(void *arg)) {
    fake_http_during(app->graph, during, app);
    return ask_model(app, (struct fake_reply){.status = 200, .body = TEXT_ANSWER}, 0);
}

static void newer_message_drops_the_draft_and_gets_a_turn_of_its_own(void **state) {
    struct app *app = *state;
    struct said s = interrupt(app, during_write);

    assert_int_equal(said_by_bot(&s), 0);
    assert_str(s.turns.items[0].outcome, "dropped");
    assert_true(str_contains(trace_text(&s), STR("\"dropped\":\"newer-message\"")));
    assert_int_equal(s.conversation.answered_count, 0);
    fake_http_during(app->graph, NULL, NULL);
    clock_shift_ms(3 * DUE_MS);
    s = run_the_turn(app);
    assert_int_equal(said_by_bot(&s), 1);
    assert_int_equal(s.conversation.answered_count, 2);
}

static void person_who_takes_over_meanwhile_drops_the_draft(void **state) {
    struct said s = interrupt(*state, during_take);

    assert_int_equal(said_by_bot(&s), 0);
    assert_str(s.conversation.owner, "person");
    assert_true(str_contains(trace_text(&s), STR("\"dropped\":\"owner-changed\"")));
    assert_int_equal(s.turns.items[0].cost_micros, 1200); /* it was paid for all the same */
}

static void turn_whose_lease_was_lost_says_nothing(void **state) {
    struct app *app = *state;
    struct said s = interrupt(app, during_steal);

    assert_int_equal(app->job_status, ST_CONFLICT);
    assert_int_equal(said_by_bot(&s), 0);
    assert_int_equal(s.turns.n, 0);
}

/* --- settings -------------------------------------------------------------------------------------------- */

static enum status validates(struct app *app, struct tx *tx, struct err *e) {
    static const struct {
        const char *kind, *model, *script;
        int64_t wait_ms, cap_ms, budget;
        const char *message;
    } bad[] = {
        {"oracle", "", "", 2000, 8000, 0, "kind: "},
        {"script", "", "{}", 2000, 8000, 0, "version: "},
        {"model", "{}", "", 2000, 8000, 0, "model.system_prompt: "},
        {"model", "[", "", 2000, 8000, 0, ""},
        {"model", "{\"system_prompt\":\"x\",\"history\":0}", "", 2000, 8000, 0, "model.history: "},
        {"model", "{\"system_prompt\":\"x\",\"timeout_ms\":5}", "", 2000, 8000, 0,
         "model.timeout_ms: "},
        {"script", "", "", 999, 8000, 0, "debounce_ms: "},
        {"script", "", "", 15001, 20000, 0, "debounce_ms: "},
        {"script", "", "", 2000, 1999, 0, "debounce_cap_ms: "},
        {"script", "", "", 2000, 60001, 0, "debounce_cap_ms: "},
        {"script", "", "", 2000, 8000, -1, "budget_micros: "},
    };
    struct bot bot;
    struct err why = ERR_INIT;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        bot = (struct bot){.tenant = app->tenant,
                           .kind = str_of(bad[i].kind),
                           .model = str_of(bad[i].model),
                           .script = str_of(bad[i].script),
                           .debounce = {bad[i].wait_ms, bad[i].cap_ms},
                           .budget_micros = bad[i].budget};
        EXPECT_FAILS(ST_INVALID, bot_set(&app->a, tx, &bot, &why));
        EXPECT(str_starts(str_of(why.message), str_of(bad[i].message)));
    }
    TRY(bot_get(&app->a, tx, app->tenant, &bot, e)); /* nothing was kept: the default one */
    EXPECT_STR(bot.kind, "script");
    EXPECT_I64(bot.debounce.wait_ms, 2000);
    EXPECT_I64(bot.version, 0);
    return ST_OK;
}

static enum status sets(struct app *app, struct tx *tx, struct err *e) {
    struct bot bot = {.tenant = app->tenant,
                      .kind = STR("script"),
                      .debounce = {BOT_DEBOUNCE_MIN_MS, BOT_DEBOUNCE_MAX_MS},
                      .budget_micros = 5};
    struct debounce d;
    struct err why = ERR_INIT;
    int64_t version;

    TRY(bot_set(&app->a, tx, &bot, e));
    TRY(bot_get(&app->a, tx, app->tenant, &bot, e));
    version = bot.version;
    TRY(bot_set(&app->a, tx, &bot, e));
    EXPECT_FAILS(ST_CONFLICT, bot_set(&app->a, tx, &bot, &why)); /* over what was read before */
    EXPECT_STR(str_of(why.cause), "version");
    TRY(bot_get(&app->a, tx, app->tenant, &bot, e));
    EXPECT_I64(bot.version, version + 1);
    EXPECT_I64(bot.budget_micros, 5);
    TRY(bot_debounce(tx, app->tenant, &d, e));
    EXPECT_I64(d.wait_ms, BOT_DEBOUNCE_MIN_MS);
    EXPECT_I64(d.cap_ms, BOT_DEBOUNCE_MAX_MS);
    return ST_OK;
}

static void bad_settings_are_refused_by_name_and_not_kept(void **state) {
    STEP(*state, validates);
}
static void settings_are_kept_and_their_version_rises(void **state) {
    STEP(*state, sets);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FEATURE_TEST(builtin_script_answers_who_writes),
        FEATURE_TEST(farewell_of_a_handoff_goes_out),
        FEATURE_TEST(second_run_of_an_answered_turn_says_nothing),
        FEATURE_TEST(script_that_no_longer_holds_hands_over_with_the_reason),
        FEATURE_TEST(closed_window_hands_over),
        FEATURE_TEST(model_answers_and_its_cost_is_recorded),
        FEATURE_TEST(model_that_calls_for_a_person_hands_over_with_its_reason),
        FEATURE_TEST(person_gets_the_models_summary_and_what_it_collected),
        FEATURE_TEST(busy_model_is_asked_again_and_then_handed_over),
        FEATURE_TEST(model_without_credit_hands_over_at_once),
        FEATURE_TEST(spent_budget_hands_over_without_a_call),
        FEATURE_TEST(answer_that_is_no_json_hands_over),
        FEATURE_TEST(empty_answer_hands_over),
        FEATURE_TEST(nul_in_the_models_answer_reaches_the_person_without_it),
        FEATURE_TEST(model_that_is_not_configured_hands_over),
        FEATURE_TEST(newer_message_drops_the_draft_and_gets_a_turn_of_its_own),
        FEATURE_TEST(person_who_takes_over_meanwhile_drops_the_draft),
        FEATURE_TEST(turn_whose_lease_was_lost_says_nothing),
        FEATURE_TEST(bad_settings_are_refused_by_name_and_not_kept),
        FEATURE_TEST(settings_are_kept_and_their_version_rises),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

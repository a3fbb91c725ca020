/* test_consent.c - who stopped stays stopped, whatever happens to the lead, on both engines.
 * SPDX-License-Identifier: Apache-2.0 */
#include "consent/consent.h"
#include "db/feature_fixture.h"

#define BY_PHONE   ((struct party){.phone = STR("5511987654321"), .name = STR("Ana")})
#define BY_USER_ID ((struct party){.user_id = STR("BR.1234")})
#define BY_BOTH    ((struct party){.phone = STR("5511987654321"), .user_id = STR("BR.1234")})

static const struct consent_proof words = {
    .source = {.ptr = "message", .len = 7},
    .text = {.ptr = "não quero mais receber", .len = sizeof("não quero mais receber") - 1}};

static enum status known(struct app *app, struct tx *tx, struct party party, struct lead_id *ret,
                         struct err *e) {
    struct lead lead;

    TRY(lead_resolve(&app->a, tx, app->tenant, &party, clock_now_ms(), &lead, e));
    *ret = lead.id;
    return ST_OK;
}

static struct consent_wish wish_of(struct app *app, const char *channel, bool is_stop,
                                   const struct consent_proof *proof) {
    return (struct consent_wish){.tenant = app->tenant,
                                 .channel = str_of(channel),
                                 .is_stop = is_stop,
                                 .proof = proof,
                                 .now_ms = clock_now_ms()};
}

static enum status stop(struct app *app, struct tx *tx, struct lead_id lead, const char *channel,
                        struct err *e) {
    const struct consent_wish wish = wish_of(app, channel, true, &words);

    return consent_put(&app->a, tx, lead, &wish, e);
}

static enum status allow(struct app *app, struct tx *tx, struct lead_id lead, const char *channel,
                         struct err *e) {
    const struct consent_wish wish = wish_of(app, channel, false, &words);

    return consent_put(&app->a, tx, lead, &wish, e);
}

static enum status is_stopped(struct app *app, struct tx *tx, struct lead_id lead,
                              const char *channel, bool *ret, struct err *e) {
    struct consent_answer answer;

    TRY(consent_check_many(&app->a, tx, app->tenant, &lead, 1, str_of(channel), &answer, e));
    EXPECT(answer.is_stopped == (answer.reason != NULL));
    *ret = answer.is_stopped;
    return ST_OK;
}

#define EXPECT_STOPPED(lead, channel, expected)                                                    \
    do {                                                                                           \
        bool is_ = false;                                                                          \
        TRY(is_stopped(app, tx, (lead), (channel), &is_, e));                                      \
        EXPECT(is_ == (expected));                                                                 \
    } while (0)

static enum status per_channel(struct app *app, struct tx *tx, struct err *e) {
    struct lead_id ana, joao;

    TRY(known(app, tx, BY_PHONE, &ana, e));
    TRY(known(app, tx, JOAO, &joao, e));
    TRY(stop(app, tx, ana, "whatsapp", e));
    EXPECT_STOPPED(ana, "whatsapp", true);
    EXPECT_STOPPED(ana, "email", false);
    EXPECT_STOPPED(joao, "whatsapp", false);
    TRY(stop(app, tx, ana, "all", e));
    EXPECT_STOPPED(ana, "email", true);
    return ST_OK;
}

static void stop_is_of_one_channel_or_of_all(void **state) {
    STEP(*state, per_channel);
}

static enum status allowed(struct app *app, struct tx *tx, struct err *e) {
    struct lead_id ana;

    TRY(known(app, tx, BY_PHONE, &ana, e));
    TRY(stop(app, tx, ana, "all", e));
    TRY(allow(app, tx, ana, "whatsapp", e));
    EXPECT_STOPPED(ana, "whatsapp", false);
    EXPECT_STOPPED(ana, "email", true);
    TRY(allow(app, tx, ana, "all", e));
    EXPECT_STOPPED(ana, "email", false);
    return ST_OK;
}

static void allowing_one_channel_leaves_the_others_stopped(void **state) {
    STEP(*state, allowed);
}

static enum status shown(struct app *app, struct tx *tx, struct err *e) {
    struct lead_profile profile;
    struct lead_id ana;

    TRY(known(app, tx, BY_PHONE, &ana, e));
    TRY(stop(app, tx, ana, "whatsapp", e));
    TRY(lead_profile(&app->a, tx, app->tenant, ana, &profile, e));
    EXPECT(profile.marketing_stopped_at_ms > 0);
    TRY(allow(app, tx, ana, "whatsapp", e));
    TRY(lead_profile(&app->a, tx, app->tenant, ana, &profile, e));
    EXPECT_I64(profile.marketing_stopped_at_ms, 0);
    return ST_OK;
}

static void lead_shows_what_stands(void **state) {
    STEP(*state, shown);
}

/* --- the state ------------------------------------------------------------------------------------------- */

#define EXPECT_STATE(lead, expected)                                                               \
    do {                                                                                           \
        struct lead_profile profile_;                                                              \
        TRY(lead_profile(&app->a, tx, app->tenant, (lead), &profile_, e));                         \
        EXPECT_STR(profile_.state, expected);                                                      \
    } while (0)

static enum status stepped(struct app *app, struct tx *tx, struct err *e) {
    struct lead_happening *steps;
    struct lead_id ana;
    size_t n;

    TRY(known(app, tx, BY_PHONE, &ana, e));
    TRY(stop(app, tx, ana, "whatsapp", e)); /* mails may still go on */
    EXPECT_STATE(ana, "new");
    TRY(stop(app, tx, ana, "email", e));
    EXPECT_STATE(ana, "opted_out");
    TRY(stop(app, tx, ana, "all", e)); /* again: no second step */
    TRY(allow(app, tx, ana, "email", e));
    EXPECT_STATE(ana, "contacting"); /* never wrote */
    TRY(lead_happenings(&app->a, tx, app->tenant, ana, (struct uuid){0}, 10, &steps, &n, e));
    EXPECT_I64(n, 2);
    EXPECT_STR(steps[1].kind, "lead.state");
    EXPECT_STR(steps[1].data,
               "{\"from\":\"new\",\"to\":\"opted_out\",\"why\":\"não quero mais receber\"}");
    EXPECT_STR(steps[0].data,
               "{\"from\":\"opted_out\",\"to\":\"contacting\",\"why\":\"não quero mais receber\"}");
    return ST_OK;
}

static void
stop_on_every_channel_is_the_state_opted_out_and_the_wish_back_leads_out_of_it(void **state) {
    STEP(*state, stepped);
}

static enum status not_undone(struct app *app, struct tx *tx, struct err *e) {
    const struct lead_step drag = {.to = STR("won"), .actor = STR("user:1")};
    struct err why = ERR_INIT;
    struct lead lead;

    TRY(lead_resolve(&app->a, tx, app->tenant, &BY_PHONE, clock_now_ms(), &lead, e));
    TRY(stop(app, tx, lead.id, "all", e));
    EXPECT_FAILS(ST_CONFLICT,
                 lead_step(&app->a, tx, app->tenant, lead.id, &drag, clock_now_ms(), &why));
    EXPECT_FAILS(ST_CONFLICT, lead_move(&app->a, tx, app->tenant, lead.id, STR("replied"),
                                        STR_EMPTY, clock_now_ms(), &why));
    TRY(lead_heard(&app->a, tx, app->tenant, &lead, clock_now_ms(),
                   e)); /* as read before the stop */
    EXPECT_STATE(lead.id, "opted_out");
    TRY(allow(app, tx, lead.id, "all", e));
    EXPECT_STATE(lead.id, "replied"); /* wrote meanwhile */
    return ST_OK;
}

static void neither_a_drag_nor_a_message_leads_out_of_opted_out(void **state) {
    STEP(*state, not_undone);
}

static enum status listed_before(struct app *app, struct tx *tx, struct err *e) {
    const struct consent_proof why = {.source = STR("import"), .text = STR("old list")};
    struct str key;
    const struct consent_wish wish = wish_of(app, "all", true, &why);
    bool is_new;

    EXPECT(lead_key_of(&app->a, ANA.phone, &key));
    return lead_set_consent_key(&app->a, tx, key, &wish, &is_new, e);
}

static enum status met(struct app *app, struct tx *tx, struct err *e) {
    const struct inbound ev = inbound_text(app, ANA, "qual o preço?");
    struct conversation c;

    TRY(receive(app, tx, &ev, NULL, e));
    TRY(get_conversation(app, tx, &c, e));
    EXPECT_STATE(c.lead, "opted_out");
    EXPECT_STOPPED(c.lead, "whatsapp", true);
    return ST_OK;
}

static void who_was_on_the_list_before_is_opted_out_from_the_first_message(void **state) {
    STEP(*state, listed_before);
    STEP(*state, met);
}

static enum status merged(struct app *app, struct tx *tx, struct err *e) {
    struct lead_id old, young, both;

    TRY(known(app, tx, BY_PHONE, &old, e));
    TRY(known(app, tx, BY_USER_ID, &young, e));
    TRY(stop(app, tx, young, "whatsapp", e));
    EXPECT_STOPPED(old, "whatsapp", false);
    TRY(known(app, tx, BY_BOTH, &both, e));
    EXPECT(uuid_eq(both.v, old.v));
    EXPECT_STOPPED(both, "whatsapp", true);
    EXPECT_STOPPED(young, "whatsapp", true);
    return ST_OK;
}

static void stop_survives_a_merge(void **state) {
    STEP(*state, merged);
}

static enum status forgotten(struct app *app, struct tx *tx, struct err *e) {
    struct lead_id ana, again;

    TRY(known(app, tx, BY_PHONE, &ana, e));
    TRY(stop(app, tx, ana, "whatsapp", e));
    TRY(DB_EXEC(tx, DB_SQL("DELETE FROM lead_identities WHERE tenant_id = $1"), NULL, e,
                V_UUID(app->tenant.v)));
    TRY(DB_EXEC(tx, DB_SQL("DELETE FROM leads WHERE tenant_id = $1"), NULL, e,
                V_UUID(app->tenant.v)));
    TRY(known(app, tx, BY_PHONE, &again, e)); /* the next spreadsheet */
    EXPECT(!uuid_eq(ana.v, again.v));
    EXPECT_STOPPED(again, "whatsapp", true);
    return ST_OK;
}

static void stop_survives_deletion_and_return(void **state) {
    STEP(*state, forgotten);
}

static enum status many(struct app *app, struct tx *tx, struct err *e) {
    enum { N = 40 };
    struct lead_id leads[N];
    struct consent_answer answers[N];
    int64_t stops;

    for (size_t i = 0; i < N; i++) {
        TRY(known(app, tx, (struct party){.phone = arena_printf(&app->a, "55119876%05zu", i * 7)},
                  &leads[i], e));
        if (i % 3 == 0)
            TRY(stop(app, tx, leads[i], i % 2 ? "all" : "whatsapp", e));
    }
    TRY(consent_hold(&app->a, tx, app->tenant, &stops, e));
    TRY(consent_check_many(&app->a, tx, app->tenant, leads, N, STR(CONSENT_WHATSAPP), answers, e));
    for (size_t i = 0; i < N; i++)
        EXPECT(answers[i].is_stopped == (i % 3 == 0));
    TRY(consent_check_many(&app->a, tx, app->tenant, leads, N, STR(CONSENT_EMAIL), answers, e));
    for (size_t i = 0; i < N; i++)
        EXPECT(answers[i].is_stopped == (i % 3 == 0 && i % 2 == 1));
    return ST_OK;
}

static void many_are_asked_at_once(void **state) {
    STEP(*state, many);
}

static enum status proven(struct app *app, struct tx *tx, struct err *e) {
    struct lead_id ana;

    TRY(known(app, tx, BY_PHONE, &ana, e));
    TRY(stop(app, tx, ana, "whatsapp", e));
    TRY(stop(app, tx, ana, "whatsapp", e));
    return allow(app, tx, ana, "whatsapp", e);
}

static void every_word_is_kept_as_proof(void **state) {
    struct app *app = *state;

    STEP(app, proven);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM consents"), 3);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM consents WHERE act = 'stop'"
                                     " AND text = 'não quero mais receber'"
                                     " AND keys LIKE '%phone:5511987654321%'"),
                     2);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM suppressions"), 0);
}

static enum status change_proof(struct app *app, struct tx *tx, struct err *e) {
    return DB_EXEC(tx, DB_SQL("UPDATE consents SET text = 'sim' WHERE tenant_id = $1"), NULL, e,
                   V_UUID(app->tenant.v));
}

static enum status delete_proof(struct app *app, struct tx *tx, struct err *e) {
    return DB_EXEC(tx, DB_SQL("DELETE FROM consents WHERE tenant_id = $1"), NULL, e,
                   V_UUID(app->tenant.v));
}

static void proof_is_neither_changed_nor_deleted_by_any_statement(void **state) {
    struct app *app = *state;
    struct err e = ERR_INIT;

    STEP(app, proven);
    assert_int_not_equal(try_step(app, DB_TENANT(app->tenant), change_proof, &e), ST_OK);
    assert_non_null(strstr(e.message, "append-only"));
    err_clear(&e);
    assert_int_not_equal(try_step(app, DB_TENANT(app->tenant), delete_proof, &e), ST_OK);
    assert_non_null(strstr(e.message, "append-only"));
    assert_int_equal(count_rows(app, "SELECT count(*) FROM consents WHERE text <> 'sim'"), 3);
}

static enum status refused(struct app *app, struct tx *tx, struct err *e) {
    struct err why = ERR_INIT;
    struct lead_id ana;

    TRY(known(app, tx, BY_PHONE, &ana, e));
    EXPECT_FAILS(ST_INVALID, stop(app, tx, ana, "fax", &why));
    err_clear(&why);
    EXPECT_FAILS(ST_NOT_FOUND, stop(app, tx, (struct lead_id){uuid_new()}, "all", &why));
    return ST_OK;
}

static void unknown_channel_and_nobody_are_refused(void **state) {
    STEP(*state, refused);
}

/* --- the list --------------------------------------------------------------------------------------------- */

static enum status listed(struct app *app, struct tx *tx, struct err *e) {
    const struct consent_proof why = {.source = STR("import"), .text = STR("old list")};
    struct consent_wish wish = wish_of(app, "all", true, &why);
    struct suppression_query query = {.limit = 10};
    struct suppression *items;
    struct consent_act *acts;
    struct lead_id ana;
    struct str key;
    bool is_new;
    size_t n;

    EXPECT(!lead_key_of(&app->a, STR("nonsense"), &key));
    EXPECT(lead_key_of(&app->a, STR(" Ana@Example.com"), &key));
    EXPECT_STR(key, "email:ana@example.com");
    EXPECT(lead_key_of(&app->a, STR("(11) 98765-4321"), &key));
    EXPECT_STR(key, "phone:5511987654321");
    TRY(lead_set_consent_key(&app->a, tx, key, &wish, &is_new, e));
    EXPECT(is_new);
    TRY(lead_set_consent_key(&app->a, tx, key, &wish, &is_new, e));
    EXPECT(!is_new);
    TRY(known(app, tx, BY_PHONE, &ana, e)); /* the list was there before the person */
    EXPECT_STOPPED(ana, "email", true);
    TRY(consent_history(&app->a, tx, app->tenant, ana, 10, &acts, &n, e));
    EXPECT_I64(n, 1);
    EXPECT(acts[0].is_stop);
    EXPECT_STR(acts[0].text, "old list");
    TRY(suppression_list(&app->a, tx, app->tenant, &query, &items, &n, e));
    EXPECT_I64(n, 1);
    EXPECT_STR(items[0].key, "phone:5511987654321");
    TRY(suppression_get(&app->a, tx, app->tenant, items[0].id, &items[0], e));
    wish.is_stop = false;
    wish.channel = items[0].channel;
    TRY(lead_set_consent_key(&app->a, tx, items[0].key, &wish, &is_new, e));
    EXPECT(is_new);
    EXPECT_STOPPED(ana, "email", false);
    query.before = items[0].id;
    TRY(suppression_list(&app->a, tx, app->tenant, &query, &items, &n, e));
    EXPECT_I64(n, 0);
    return ST_OK;
}

static void list_is_added_to_looked_at_and_taken_from(void **state) {
    STEP(*state, listed);
}

/* --- what people write -------------------------------------------------------------------------------- */

static enum status writes(struct app *app, struct tx *tx, const char *text, struct message *ret,
                          struct err *e) {
    const struct inbound ev = inbound_text(app, ANA, text);

    return receive(app, tx, &ev, ret, e);
}

static enum status count_jobs(struct app *app, struct tx *tx, const char *kind, int64_t *ret,
                              struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(&app->a, tx,
                 DB_SQL("SELECT count(*) FROM jobs WHERE tenant_id = $1 AND kind = $2"), &rows, e,
                 V_UUID(app->tenant.v), V_TEXT(str_of(kind))));
    *ret = db_i64(&rows, 0, 0);
    return ST_OK;
}

static enum status heard(struct app *app, struct tx *tx, struct err *e) {
    struct conversation c;
    struct message m;
    int64_t said, turns, events;

    TRY(writes(app, tx, "não quero mais receber mensagens", &m, e));
    TRY(get_conversation(app, tx, &c, e));
    EXPECT_STOPPED(c.lead, "whatsapp", true);
    EXPECT_STOPPED(c.lead, "email", true);
    TRY(writes(app, tx, "SAIR", &m, e)); /* again: nothing more is said */
    TRY(count_jobs(app, tx, CONVERSATION_SAY_JOB, &said, e));
    TRY(count_jobs(app, tx, CONVERSATION_TURN_JOB, &turns, e));
    TRY(count_events(app, tx, "lead.marketing_stopped", &events, e));
    EXPECT_I64(said, 1);
    EXPECT_I64(turns, 0); /* the bot does not argue */
    EXPECT_I64(events, 2);
    TRY(get_conversation(app, tx, &c, e));
    EXPECT_I64(c.inbound_count, 0);               /* nobody waits for an answer */
    TRY(writes(app, tx, "qual o preço?", &m, e)); /* who writes gets answers */
    TRY(count_jobs(app, tx, CONVERSATION_TURN_JOB, &turns, e));
    EXPECT_I64(turns, 1);
    TRY(writes(app, tx, "quero voltar a receber", &m, e));
    EXPECT_STOPPED(c.lead, "whatsapp", false);
    return ST_OK;
}

static void words_stop_marketing_and_are_confirmed_once(void **state) {
    struct app *app = *state;

    STEP(app, heard);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM consents WHERE message_id IS NOT NULL"
                                     " AND text <> '' AND source = 'message'"),
                     3);
}

static enum status one_channel(struct app *app, struct tx *tx, struct err *e) {
    struct conversation c;

    TRY(writes(app, tx, "não quero mais receber e-mails de vocês", NULL, e));
    TRY(get_conversation(app, tx, &c, e));
    EXPECT_STOPPED(c.lead, "email", true);
    EXPECT_STOPPED(c.lead, "whatsapp", false);
    return ST_OK;
}

static void words_that_name_a_channel_stop_that_one(void **state) {
    STEP(*state, one_channel);
}

static enum status deaf(struct app *app, struct tx *tx, struct err *e) {
    const struct json *in;
    struct conversation c;
    int64_t turns;

    TRY(json_parse(&app->a, STR("{\"listens\":false}"), JSON_LIMITS_DEFAULT, &in, e));
    TRY(consent_settings_put(&app->a, tx, app->tenant, in, -1, e));
    TRY(writes(app, tx, "SAIR", NULL, e));
    TRY(get_conversation(app, tx, &c, e));
    EXPECT_STOPPED(c.lead, "whatsapp", false);
    TRY(count_jobs(app, tx, CONVERSATION_TURN_JOB, &turns, e));
    EXPECT_I64(turns, 1);
    return ST_OK;
}

static void settings_can_say_not_to_listen(void **state) {
    STEP(*state, deaf);
}

static enum status set(struct app *app, struct tx *tx, struct err *e) {
    static const char *const wrong[] = {
        "{\"hours\":{\"mon\":[\"20:00\",\"08:00\"]}}",
        "{\"hours\":[]}",
        "{\"is_on\":1}",
        "{\"texts\":{\"stopped\":3}}",
        "{\"colour\":\"blue\"}",
        "{\"hours\":{\"mon\":null,\"tue\":null,\"wed\":null,\"thu\":null,\"fri\":null,\"sat\":null,\"sun\":null}}"};
    struct consent_settings s;
    const struct json *in;

    TRY(consent_settings_get(&app->a, tx, app->tenant, &s, e));
    EXPECT_I64(s.version, 0);
    EXPECT(s.quiet.is_on && s.quiet.week[0].from == 8 * 60 && s.quiet.week[6].to == 0);
    TRY(json_parse(
        &app->a, STR("{\"hours\":{\"sun\":[\"10:00\",\"12:30\"]},\"texts\":{\"stopped\":\"ok\"}}"),
        JSON_LIMITS_DEFAULT, &in, e));
    TRY(consent_settings_put(&app->a, tx, app->tenant, in, 0, e));
    TRY(consent_settings_get(&app->a, tx, app->tenant, &s, e));
    EXPECT_I64(s.version, 1);
    EXPECT(s.quiet.week[6].to == 12 * 60 + 30 && s.quiet.week[0].from == 8 * 60);
    EXPECT_STR(s.texts.stopped, "ok");
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct err why = ERR_INIT;

        TRY(json_parse(&app->a, str_of(wrong[i]), JSON_LIMITS_DEFAULT, &in, e));
        EXPECT_FAILS(ST_INVALID, consent_settings_put(&app->a, tx, app->tenant, in, -1, &why));
    }
    struct err why = ERR_INIT;

    TRY(json_parse(&app->a, STR("{\"is_on\":false}"), JSON_LIMITS_DEFAULT, &in, e));
    EXPECT_FAILS(ST_CONFLICT, consent_settings_put(&app->a, tx, app->tenant, in, 0, &why));
    return ST_OK;
}

static void settings_are_checked_whole_and_versioned(void **state) {
    STEP(*state, set);
}

static enum status ours(struct app *app, struct tx *tx, struct err *e) {
    struct lead_id ana;

    TRY(known(app, tx, BY_PHONE, &ana, e));
    return stop(app, tx, ana, "all", e);
}

static enum status theirs(struct app *app, struct tx *tx, struct err *e) {
    struct lead lead;
    struct consent_answer answer;

    TRY(lead_resolve(&app->a, tx, app->other, &BY_PHONE, clock_now_ms(), &lead, e));
    TRY(consent_check_many(&app->a, tx, app->other, &lead.id, 1, STR(CONSENT_ALL), &answer, e));
    EXPECT(!answer.is_stopped);
    return ST_OK;
}

static void stop_at_one_tenant_is_none_at_another(void **state) {
    struct app *app = *state;
    struct err e = ERR_INIT;

    STEP(app, ours);
    assert_ok(try_step(app, DB_TENANT(app->other), theirs, &e), &e);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FEATURE_TEST(stop_is_of_one_channel_or_of_all),
        FEATURE_TEST(allowing_one_channel_leaves_the_others_stopped),
        FEATURE_TEST(lead_shows_what_stands),
        FEATURE_TEST(
            stop_on_every_channel_is_the_state_opted_out_and_the_wish_back_leads_out_of_it),
        FEATURE_TEST(neither_a_drag_nor_a_message_leads_out_of_opted_out),
        FEATURE_TEST(who_was_on_the_list_before_is_opted_out_from_the_first_message),
        FEATURE_TEST(stop_survives_a_merge),
        FEATURE_TEST(stop_survives_deletion_and_return),
        FEATURE_TEST(many_are_asked_at_once),
        FEATURE_TEST(every_word_is_kept_as_proof),
        FEATURE_TEST(proof_is_neither_changed_nor_deleted_by_any_statement),
        FEATURE_TEST(unknown_channel_and_nobody_are_refused),
        FEATURE_TEST(list_is_added_to_looked_at_and_taken_from),
        FEATURE_TEST(words_stop_marketing_and_are_confirmed_once),
        FEATURE_TEST(words_that_name_a_channel_stop_that_one),
        FEATURE_TEST(settings_can_say_not_to_listen),
        FEATURE_TEST(settings_are_checked_whole_and_versioned),
        FEATURE_TEST(stop_at_one_tenant_is_none_at_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

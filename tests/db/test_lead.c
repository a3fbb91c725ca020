/* test_lead.c - who a person is, whichever of their keys a message names, on both engines.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "db/feature_fixture.h"

#define WITH_NINTH    ((struct party){.phone = STR("5511987654321"), .name = STR("Ana")})
#define WITHOUT_NINTH ((struct party){.phone = STR("551187654321")})
#define BY_USER_ID    ((struct party){.user_id = STR("BR.1234")})
#define BY_BOTH       ((struct party){.phone = STR("5511987654321"), .user_id = STR("BR.1234")})

static enum status resolve(struct app *app, struct tx *tx, struct party party, struct lead *ret,
                           struct err *e) {
    return lead_resolve(&app->a, tx, app->tenant, &party, clock_now_ms(), ret, e);
}

static bool is_same(const struct lead *a, const struct lead *b) {
    return uuid_eq(a->id.v, b->id.v);
}

/* --- finding ------------------------------------------------------------------------------------ */

static enum status ninth(struct app *app, struct tx *tx, struct err *e) {
    struct lead with, without, got;

    TRY(resolve(app, tx, WITH_NINTH, &with, e));
    TRY(resolve(app, tx, WITHOUT_NINTH, &without, e));
    EXPECT(is_same(&with, &without));
    TRY(lead_get(&app->a, tx, app->tenant, with.id, &got, e));
    EXPECT_STR(got.phone, "551187654321"); /* as the provider calls it now */
    EXPECT_STR(got.name, "Ana");           /* a message without a name takes none away */
    return ST_OK;
}

static void number_with_and_without_ninth_digit_is_one_person(void **state) {
    STEP(*state, ninth);
}

static enum status user_id_alone(struct app *app, struct tx *tx, struct err *e) {
    struct lead first, again, somebody;

    TRY(resolve(app, tx, BY_USER_ID, &first, e));
    TRY(resolve(app, tx, BY_USER_ID, &again, e));
    TRY(resolve(app, tx, WITH_NINTH, &somebody, e));
    EXPECT(is_same(&first, &again));
    EXPECT(!is_same(&first, &somebody));
    return ST_OK;
}

static void user_id_alone_is_a_person(void **state) {
    STEP(*state, user_id_alone);
}

static enum status nobody(struct app *app, struct tx *tx, struct err *e) {
    struct lead lead;
    struct err why = ERR_INIT;

    EXPECT_FAILS(ST_INVALID, resolve(app, tx, (struct party){.name = STR("Ana")}, &lead, &why));
    return ST_OK;
}

static void sender_without_any_key_is_refused(void **state) {
    STEP(*state, nobody);
}

static enum status learns_user_id(struct app *app, struct tx *tx, struct err *e) {
    struct lead by_phone, by_both, by_id;

    TRY(resolve(app, tx, WITH_NINTH, &by_phone, e));
    TRY(resolve(app, tx, BY_BOTH, &by_both, e));
    TRY(resolve(app, tx, BY_USER_ID, &by_id, e));
    EXPECT(is_same(&by_phone, &by_both) && is_same(&by_phone, &by_id));
    EXPECT(by_both.n_merged == 0);
    return ST_OK;
}

static void user_id_seen_beside_a_phone_leads_to_the_same_person(void **state) {
    STEP(*state, learns_user_id);
}

/* --- merging ------------------------------------------------------------------------------------- */

static enum status merge(struct app *app, struct tx *tx, struct party older, struct party younger,
                         struct err *e) {
    struct lead old, young, both, by_phone, by_id;

    TRY(resolve(app, tx, older, &old, e));
    TRY(resolve(app, tx, younger, &young, e));
    TRY(resolve(app, tx, BY_BOTH, &both, e));
    EXPECT(is_same(&both, &old));
    EXPECT(both.n_merged == 1 && uuid_eq(both.merged[0].v, young.id.v));
    TRY(resolve(app, tx, WITH_NINTH, &by_phone, e));
    TRY(resolve(app, tx, BY_USER_ID, &by_id, e));
    EXPECT(is_same(&by_phone, &old) && is_same(&by_id, &old));
    EXPECT(by_phone.n_merged == 0);
    return ST_OK;
}

static enum status merge_phone_first(struct app *app, struct tx *tx, struct err *e) {
    return merge(app, tx, WITH_NINTH, BY_USER_ID, e);
}

static enum status merge_user_id_first(struct app *app, struct tx *tx, struct err *e) {
    return merge(app, tx, BY_USER_ID, WITH_NINTH, e);
}

static void two_leads_that_are_one_become_the_older_one_known_by_phone(void **state) {
    STEP(*state, merge_phone_first);
}

static void two_leads_that_are_one_become_the_older_one_known_by_user_id(void **state) {
    STEP(*state, merge_user_id_first);
}

static enum status merge_talks(struct app *app, struct tx *tx, struct err *e) {
    const struct inbound by_phone = inbound_text(app, WITH_NINTH, "um"),
                         by_id = inbound_text(app, BY_USER_ID, "dois"),
                         by_both = inbound_text(app, BY_BOTH, "três");
    struct conversation_page page;
    struct conversation_id first;
    int64_t merged;

    TRY(receive(app, tx, &by_phone, NULL, e));
    first = app->conversation;
    TRY(receive(app, tx, &by_id, NULL, e));
    EXPECT(!uuid_eq(app->conversation.v, first.v));
    TRY(receive(app, tx, &by_both, NULL, e));
    EXPECT(uuid_eq(app->conversation.v, first.v));
    TRY(conversation_list(&app->a, tx, app->tenant, &(struct conversation_query){.page.limit = 10},
                          &page, e));
    EXPECT_I64(page.n, 2);
    EXPECT(uuid_eq(page.items[0].lead.v, page.items[1].lead.v));
    TRY(conversation_list(&app->a, tx, app->tenant,
                          &(struct conversation_query){.queue = CONVERSATIONS_CLOSED,
                                                       .state = STR("agent_closed"),
                                                       .page.limit = 10},
                          &page, e));
    EXPECT_I64(page.n, 1);
    EXPECT_STR(page.items[0].owner, "none");
    TRY(count_events(app, tx, "conversation.merged", &merged, e));
    EXPECT_I64(merged, 1);
    return ST_OK;
}

static void merged_person_keeps_one_open_conversation_and_all_messages(void **state) {
    STEP(*state, merge_talks);
}

/* The newest conversation of a lead; nil without one. */
static enum status talk_of(struct app *app, struct tx *tx, struct lead_id lead,
                           struct conversation_id *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(&app->a, tx,
                 DB_SQL("SELECT id FROM conversations WHERE tenant_id = $1 AND lead_id = $2"
                        " ORDER BY id DESC LIMIT 2"),
                 &rows, e, V_UUID(app->tenant.v), V_UUID(lead.v)));
    EXPECT(rows.n < 2);
    *ret = (struct conversation_id){0};
    if (rows.n == 1)
        ret->v = db_uuid(&rows, 0, 0);
    return ST_OK;
}

static enum status undo_automatic(struct app *app, struct tx *tx, struct err *e) {
    const struct inbound by_phone = inbound_text(app, WITH_NINTH, "um"),
                         by_id = inbound_text(app, BY_USER_ID, "dois"),
                         by_both = inbound_text(app, BY_BOTH, "três");
    struct conversation_id first, second, now;
    struct lead_unmerged back;
    struct lead one, other;
    struct db_rows merges;

    TRY(receive(app, tx, &by_phone, NULL, e));
    first = app->conversation;
    TRY(receive(app, tx, &by_id, NULL, e));
    second = app->conversation;
    TRY(receive(app, tx, &by_both, NULL, e));
    TRY(DB_QUERY(&app->a, tx, DB_SQL("SELECT id FROM lead_merges WHERE tenant_id = $1"), &merges, e,
                 V_UUID(app->tenant.v)));
    EXPECT_I64(merges.n, 1);
    TRY(conversation_unmerge_leads(&app->a, tx, app->tenant, db_uuid(&merges, 0, 0), STR("user:1"),
                                   clock_now_ms(), &back, e));
    TRY(resolve(app, tx, WITH_NINTH, &one, e));
    TRY(resolve(app, tx, BY_USER_ID, &other, e));
    EXPECT(uuid_eq(one.id.v, back.keep.v) && uuid_eq(other.id.v, back.gone.v));
    TRY(talk_of(app, tx, one.id, &now, e));
    EXPECT(uuid_eq(now.v, first.v));
    TRY(talk_of(app, tx, other.id, &now, e));
    EXPECT(uuid_eq(now.v, second.v));
    return ST_OK;
}

static void undo_of_a_merge_by_the_program_gives_keys_and_conversations_back(void **state) {
    STEP(*state, undo_automatic);
}

static enum status move_only(struct app *app, struct tx *tx, struct err *e) {
    const struct inbound by_id = inbound_text(app, BY_USER_ID, "dois"),
                         by_both = inbound_text(app, BY_BOTH, "três");
    struct conversation_id first;
    struct lead by_phone;
    struct conversation c;

    TRY(resolve(app, tx, WITH_NINTH, &by_phone, e)); /* known, but never talked to */
    TRY(receive(app, tx, &by_id, NULL, e));
    first = app->conversation;
    TRY(receive(app, tx, &by_both, NULL, e));
    EXPECT(uuid_eq(app->conversation.v, first.v));
    TRY(get_conversation(app, tx, &c, e));
    EXPECT(uuid_eq(c.lead.v, by_phone.id.v));
    EXPECT_I64(c.inbound_count, 2);
    return ST_OK;
}

static void only_conversation_of_a_merged_person_goes_on(void **state) {
    STEP(*state, move_only);
}

/* --- changes --------------------------------------------------------------------------------------- */

static enum status change_number(struct app *app, struct tx *tx, struct err *e) {
    const struct party from = WITH_NINTH, to = {.phone = STR("5521955554444")};
    struct lead before, changed, after;

    TRY(resolve(app, tx, from, &before, e));
    TRY(lead_change_identity(&app->a, tx, app->tenant, &from, &to, &changed, e));
    EXPECT(is_same(&before, &changed));
    TRY(resolve(app, tx, to, &after, e));
    EXPECT(is_same(&before, &after));
    TRY(resolve(app, tx, from, &after, e));
    EXPECT(is_same(&before, &after));
    return ST_OK;
}

static void changed_number_leads_to_the_same_person(void **state) {
    STEP(*state, change_number);
}

/* The number belonged to somebody whom we talk to: on WhatsApp a number has one owner, so they are the same person. */
static enum status change_to_known(struct app *app, struct tx *tx, struct err *e) {
    const struct party from = WITH_NINTH, to = {.phone = STR("5521955554444")};
    const struct inbound old = inbound_text(app, from, "um"), new = inbound_text(app, to, "dois"),
                         more = inbound_text(app, to, "três");
    struct conversation_id first, second;
    struct conversation_page page;
    struct lead before, other, changed, after;

    TRY(receive(app, tx, &old, NULL, e));
    first = app->conversation;
    TRY(resolve(app, tx, from, &before, e));
    TRY(receive(app, tx, &new, NULL, e));
    second = app->conversation;
    EXPECT(!uuid_eq(second.v, first.v));
    TRY(resolve(app, tx, to, &other, e));
    TRY(lead_change_identity(&app->a, tx, app->tenant, &from, &to, &changed, e));
    EXPECT(is_same(&before, &changed));
    EXPECT(changed.n_merged == 1 && uuid_eq(changed.merged[0].v, other.id.v));
    TRY(conversation_move_merged(&app->a, tx, app->tenant, &changed, e));
    TRY(resolve(app, tx, to, &after, e));
    EXPECT(is_same(&before, &after));
    TRY(conversation_list(&app->a, tx, app->tenant, &(struct conversation_query){.page.limit = 10},
                          &page, e));
    EXPECT_I64(page.n, 2);
    EXPECT(uuid_eq(page.items[0].lead.v, before.id.v) &&
           uuid_eq(page.items[1].lead.v, before.id.v));
    TRY(receive(app, tx, &more, NULL, e));
    EXPECT(uuid_eq(app->conversation.v, first.v));
    return ST_OK;
}

static void number_of_somebody_else_joins_both_and_their_open_conversations(void **state) {
    STEP(*state, change_to_known);
}

static enum status change_of_nobody(struct app *app, struct tx *tx, struct err *e) {
    struct lead lead;
    struct err why = ERR_INIT;

    EXPECT_FAILS(ST_NOT_FOUND, lead_change_identity(&app->a, tx, app->tenant, &WITH_NINTH,
                                                    &BY_USER_ID, &lead, &why));
    return ST_OK;
}

static void change_of_an_unknown_identity_is_not_found(void **state) {
    STEP(*state, change_of_nobody);
}

static enum status learn(struct app *app, struct tx *tx, struct err *e) {
    struct lead ana, other, got;

    TRY(resolve(app, tx, WITH_NINTH, &ana, e));
    TRY(resolve(app, tx, BY_USER_ID, &other, e));
    TRY(lead_learn_address(&app->a, tx, app->tenant, ana.id,
                           &(struct party){.phone = STR("551187654321"), .user_id = STR("BR.1234")},
                           clock_now_ms(), e));
    TRY(lead_get(&app->a, tx, app->tenant, ana.id, &got, e));
    EXPECT_STR(got.phone, "551187654321");
    EXPECT_STR(got.user_id, ""); /* it is another person's and stays theirs */
    TRY(lead_get(&app->a, tx, app->tenant, other.id, &got, e));
    EXPECT_STR(got.user_id, "BR.1234");
    return ST_OK;
}

static void learnt_address_never_takes_another_persons_key(void **state) {
    STEP(*state, learn);
}

/* --- tenants ----------------------------------------------------------------------------------------- */

static enum status ours(struct app *app, struct tx *tx, struct err *e) {
    struct lead lead;

    TRY(resolve(app, tx, BY_BOTH, &lead, e));
    app->conversation.v = lead.id.v; /* carried to the next step */
    return ST_OK;
}

static enum status theirs(struct app *app, struct tx *tx, struct err *e) {
    struct lead lead, got;
    struct err why = ERR_INIT;

    TRY(lead_resolve(&app->a, tx, app->other, &BY_BOTH, clock_now_ms(), &lead, e));
    EXPECT(!uuid_eq(lead.id.v, app->conversation.v));
    EXPECT_FAILS(ST_NOT_FOUND, lead_get(&app->a, tx, app->other,
                                        (struct lead_id){app->conversation.v}, &got, &why));
    return ST_OK;
}

static enum status peek(struct app *app, struct tx *tx, struct err *e) {
    struct lead lead;
    struct err why = ERR_INIT;

    if (tx_engine(tx) == DB_SQLITE)
        return ST_OK;
    /* Naming the other tenant does not help: the row is invisible from here. */
    EXPECT_FAILS(ST_NOT_FOUND, lead_get(&app->a, tx, app->tenant,
                                        (struct lead_id){app->conversation.v}, &lead, &why));
    return ST_OK;
}

static enum status intrude(struct app *app, struct tx *tx, struct err *e) {
    struct lead lead;

    if (tx_engine(tx) == DB_SQLITE)
        FAIL(e, ST_DENIED, "one file has no row-level security");
    return resolve(app, tx, JOAO, &lead, e);
}

static void equal_number_of_another_tenant_is_another_person(void **state) {
    struct app *app = *state;
    struct err e = ERR_INIT;

    STEP(app, ours);
    assert_ok(try_step(app, DB_TENANT(app->other), theirs, &e), &e);
}

static void scope_of_one_tenant_sees_and_makes_no_person_of_another(void **state) {
    struct app *app = *state;
    struct err e = ERR_INIT;

    STEP(app, ours);
    assert_ok(try_step(app, DB_TENANT(app->other), peek, &e), &e);
    assert_int_not_equal(try_step(app, DB_TENANT(app->other), intrude, &e), ST_OK);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM leads"), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FEATURE_TEST(number_with_and_without_ninth_digit_is_one_person),
        FEATURE_TEST(user_id_alone_is_a_person),
        FEATURE_TEST(sender_without_any_key_is_refused),
        FEATURE_TEST(user_id_seen_beside_a_phone_leads_to_the_same_person),
        FEATURE_TEST(two_leads_that_are_one_become_the_older_one_known_by_phone),
        FEATURE_TEST(two_leads_that_are_one_become_the_older_one_known_by_user_id),
        FEATURE_TEST(merged_person_keeps_one_open_conversation_and_all_messages),
        FEATURE_TEST(only_conversation_of_a_merged_person_goes_on),
        FEATURE_TEST(undo_of_a_merge_by_the_program_gives_keys_and_conversations_back),
        FEATURE_TEST(number_of_somebody_else_joins_both_and_their_open_conversations),
        FEATURE_TEST(changed_number_leads_to_the_same_person),
        FEATURE_TEST(change_of_an_unknown_identity_is_not_found),
        FEATURE_TEST(learnt_address_never_takes_another_persons_key),
        FEATURE_TEST(equal_number_of_another_tenant_is_another_person),
        FEATURE_TEST(scope_of_one_tenant_sees_and_makes_no_person_of_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

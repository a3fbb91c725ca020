/* test_lead_put.c - many records at once: who is made, met, filled, overwritten, skipped and refused, and that undo leaves
 * nothing behind, on both engines. Names and numbers are made up.
 * SPDX-License-Identifier: Apache-2.0 */
#include "db/feature_fixture.h"

#define NOW 1700000000000

#define ONE_PHONE(text) .phones = (const struct str[]){STR(text)}, .n_phones = 1
#define ONE_EMAIL(text) .emails = (const struct str[]){STR(text)}, .n_emails = 1
#define ONE_TAG(text)   .tags = (const struct str[]){STR(text)}, .n_tags = 1

static enum status put(struct app *app, struct tx *tx, const struct lead_record *records, size_t n,
                       enum lead_policy policy, struct lead_put_result *ret, struct err *e) {
    return lead_put_many(&app->a, tx, app->tenant, records, n, policy, NOW, ret, e);
}

/* All that the put writes, as text: two that are equal mean that nothing is different. */
static enum status everything(struct app *app, struct tx *tx, struct str *ret, struct err *e) {
    static const struct db_sql sqls[] = {
        DB_SQL("SELECT id, name, name_key, company, company_key, document, document_kind, fields,"
               " tags, source, is_named, state, created_at, updated_at FROM leads"
               " WHERE tenant_id = $1 ORDER BY id"),
        DB_SQL("SELECT kind, value, lead_id, address FROM lead_identities WHERE tenant_id = $1"
               " ORDER BY kind, value"),
        DB_SQL("SELECT lead_id, position, typed, e164, kind, valid_for_dispatch, reason,"
               " is_whatsapp FROM lead_phones WHERE tenant_id = $1 ORDER BY lead_id, position"),
        DB_SQL("SELECT lead_id, position, address, is_valid FROM lead_emails WHERE tenant_id = $1"
               " ORDER BY lead_id, position"),
        DB_SQL("SELECT tag, lead_id FROM lead_tags WHERE tenant_id = $1 ORDER BY tag, lead_id"),
    };

    return harness_snapshot(&app->a, tx, sqls, ARRAY_LEN(sqls), app->tenant.v, ret, e);
}

static enum status contact(struct app *app, struct tx *tx, struct lead_id id,
                           struct lead_contact *ret, struct err *e) {
    struct lead_contact *list;
    size_t n;

    TRY(lead_audience_some(&app->a, tx, app->tenant, &id, 1, &list, &n, e));
    EXPECT_I64(n, 1);
    *ret = list[0];
    return ST_OK;
}

/* --- one record ---------------------------------------------------------------------------------------- */

static enum status create(struct app *app, struct tx *tx, struct err *e) {
    const struct lead_record r = {
        .name = STR(" Ana Souza "),
        .company = STR("Padaria Áurea"),
        .document = STR("529.982.247-25"),
        ONE_PHONE("(11) 8765-4321"),
        ONE_EMAIL("Ana@Example.com"),
        ONE_TAG("Cobrança"),
        .fields = STR("{\"valor\":\"R$ 10,00\"}"),
        .source = STR("import:1"),
    };
    struct lead_put_result out;
    struct lead_profile p;
    struct lead_contact c;

    TRY(put(app, tx, &r, 1, LEAD_FILL, &out, e));
    EXPECT_I64(out.outcome, LEAD_CREATED);
    TRY(lead_profile(&app->a, tx, app->tenant, out.id, &p, e));
    EXPECT_STR(p.name, "Ana Souza");
    EXPECT_STR(p.document, "52998224725");
    EXPECT_STR(p.document_kind, "cpf");
    EXPECT_STR(p.tags, "[\"Cobrança\"]");
    EXPECT_STR(p.fields, "{\"valor\":\"R$ 10,00\"}");
    EXPECT_STR(p.source, "import:1");
    EXPECT_STR(p.state, "new");
    EXPECT_I64(p.n_identities, 3);
    TRY(contact(app, tx, out.id, &c, e));
    EXPECT_STR(c.phone, "5511987654321");
    EXPECT_STR(c.email, "ana@example.com");
    EXPECT_STR(c.timezone, "America/Sao_Paulo");
    return ST_OK;
}

static void record_becomes_a_lead_with_all_it_says(void **state) {
    STEP(*state, create);
}

static enum status refused(struct app *app, struct tx *tx, struct err *e) {
    static const struct str phones[12] = {STR("1"), STR("2"), STR("3"), STR("4"),
                                          STR("5"), STR("6"), STR("7"), STR("8"),
                                          STR("9"), STR("0"), STR("1"), STR("2")};
    const struct lead_record records[] = {
        {.name = STR("Só nome")},
        {.name = STR("Curto"), ONE_PHONE("1234")},
        {.name = STR("Endereço"), ONE_EMAIL("ana@")},
        {.name = STR("Documento"), .document = STR("529.982.247-24")},
        {.name = STR("Campos"), ONE_PHONE("11987654321"), .fields = STR("[1]")},
        {.name = STR("a\xff"), ONE_PHONE("11987654321")},
        {.phones = phones, .n_phones = 12},
        {.name = STR("Documento errado, número certo"),
         ONE_PHONE("11987654321"),
         .document = STR("1")},
    };
    static const struct {
        const char *reason, *column;
    } want[] = {
        {"no-contact", NULL},         {"too-short", "phone"},
        {"invalid-email", "email"},   {"invalid-document", "document"},
        {"invalid-fields", "fields"}, {"not-text", "name"},
        {"too-many", "phone"},
    };
    struct lead_put_result out[ARRAY_LEN(records)];

    TRY(put(app, tx, records, ARRAY_LEN(records), LEAD_FILL, out, e));
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        EXPECT_I64(out[i].outcome, LEAD_REFUSED);
        EXPECT_STR(str_of(out[i].reason), want[i].reason);
        EXPECT_STR(str_of(out[i].column), want[i].column);
        EXPECT(uuid_is_nil(out[i].id.v));
    }
    EXPECT_I64(out[7].outcome, LEAD_CREATED);
    EXPECT_STR(str_of(out[7].reason), "invalid-document");
    EXPECT_STR(str_of(out[7].column), "document");
    return ST_OK;
}

static void record_that_nothing_leads_to_is_refused_with_reason_and_column(void **state) {
    struct app *app = *state;

    STEP(app, refused);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM leads"), 1);
}

/* --- somebody known ------------------------------------------------------------------------------------- */

static const struct lead_record first = {.name = STR("Ana"),
                                         ONE_PHONE("11987654321"),
                                         ONE_TAG("velha"),
                                         .fields = STR("{\"a\":\"1\",\"c\":\"\"}")};
static const struct lead_record second = {
    .name = STR("Ana Maria"),
    .company = STR("Loja"),
    .document = STR("52998224725"),
    .phones = (const struct str[]){STR("1187654321"), STR("1133334444")},
    .n_phones = 2,
    ONE_EMAIL("ana@example.com"),
    .tags = (const struct str[]){STR("VELHA"), STR("nova")},
    .n_tags = 2,
    .fields = STR("{\"a\":\"2\",\"b\":\"3\",\"c\":\"4\"}")};

static enum status meet(struct app *app, struct tx *tx, enum lead_policy policy,
                        enum lead_put_outcome outcome, struct lead_profile *ret, struct err *e) {
    struct lead_put_result out[2];

    TRY(put(app, tx, &first, 1, LEAD_FILL, &out[0], e));
    TRY(put(app, tx, &second, 1, policy, &out[1], e));
    EXPECT_I64(out[1].outcome, outcome);
    EXPECT(uuid_eq(out[0].id.v, out[1].id.v));
    return lead_profile(&app->a, tx, app->tenant, out[0].id, ret, e);
}

static enum status skip_known(struct app *app, struct tx *tx, struct err *e) {
    struct lead_profile p;

    TRY(meet(app, tx, LEAD_SKIP, LEAD_SKIPPED, &p, e));
    EXPECT_STR(p.name, "Ana");
    EXPECT_STR(p.company, "");
    EXPECT_I64(p.n_identities, 1);
    return ST_OK;
}

static void known_person_is_skipped(void **state) {
    STEP(*state, skip_known);
}

static enum status fill(struct app *app, struct tx *tx, struct err *e) {
    struct lead_profile p;

    TRY(meet(app, tx, LEAD_FILL, LEAD_UPDATED, &p, e));
    EXPECT_STR(p.name, "Ana");
    EXPECT_STR(p.company, "Loja");
    EXPECT_STR(p.document, "52998224725");
    EXPECT_STR(p.fields, "{\"a\":\"1\",\"b\":\"3\",\"c\":\"4\"}");
    EXPECT_STR(p.tags, "[\"velha\",\"nova\"]");
    EXPECT_I64(p.n_identities, 4); /* two numbers, the CPF, the address */
    return ST_OK;
}

static void gaps_of_a_known_person_are_filled(void **state) {
    STEP(*state, fill);
}

static enum status overwrite(struct app *app, struct tx *tx, struct err *e) {
    struct lead_profile p;

    TRY(meet(app, tx, LEAD_OVERWRITE, LEAD_UPDATED, &p, e));
    EXPECT_STR(p.name, "Ana Maria");
    EXPECT_STR(p.fields, "{\"a\":\"2\",\"b\":\"3\",\"c\":\"4\"}");
    EXPECT_STR(p.tags, "[\"velha\",\"nova\"]");
    return ST_OK;
}

static void known_person_is_overwritten(void **state) {
    STEP(*state, overwrite);
}

static enum status again(struct app *app, struct tx *tx, struct err *e) {
    struct lead_put_result out;
    struct str before, after;

    TRY(put(app, tx, &second, 1, LEAD_OVERWRITE, &out, e));
    TRY(everything(app, tx, &before, e));
    TRY(put(app, tx, &second, 1, LEAD_OVERWRITE, &out, e));
    EXPECT_I64(out.outcome, LEAD_SKIPPED);
    EXPECT_STR(str_of(out.reason), "unchanged");
    TRY(everything(app, tx, &after, e));
    EXPECT(str_eq(before, after));
    return ST_OK;
}

static void same_record_again_changes_nothing(void **state) {
    STEP(*state, again);
}

/* --- in one call ----------------------------------------------------------------------------------------- */

static enum status within(struct app *app, struct tx *tx, struct err *e) {
    const struct lead_record records[] = {
        {.name = STR("Ana"), ONE_PHONE("11987654321")},
        {.name = STR("Ana M."), ONE_PHONE("+55 11 8765-4321"), ONE_EMAIL("ana@example.com")},
        {.name = STR("A."), ONE_EMAIL("ANA@example.com")},
        {.name = STR("Outra"), ONE_PHONE("11987654322")},
    };
    struct lead_put_result out[4], skipped[4];

    TRY(put(app, tx, records, 4, LEAD_FILL, out, e));
    EXPECT_I64(out[0].outcome, LEAD_CREATED);
    EXPECT_I64(out[1].outcome, LEAD_UPDATED);
    EXPECT_I64(out[2].outcome, LEAD_SKIPPED);
    EXPECT_I64(out[3].outcome, LEAD_CREATED);
    EXPECT(uuid_eq(out[0].id.v, out[1].id.v) && uuid_eq(out[0].id.v, out[2].id.v));
    EXPECT(!uuid_eq(out[0].id.v, out[3].id.v));
    TRY(put(app, tx, records, 4, LEAD_SKIP, skipped, e));
    EXPECT_STR(str_of(skipped[0].reason), "known");
    return ST_OK;
}

static void records_of_one_call_that_are_one_person_meet(void **state) {
    struct app *app = *state;

    STEP(app, within);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM leads"), 2);
}

static enum status two_persons(struct app *app, struct tx *tx, struct err *e) {
    const struct lead_record records[] = {
        {.name = STR("Ana"), ONE_PHONE("11987654321")},
        {.name = STR("Bia"), ONE_EMAIL("bia@example.com")},
        {.name = STR("Quem?"), ONE_PHONE("11987654321"), ONE_EMAIL("bia@example.com")},
    };
    struct lead_put_result out[3];
    struct lead_contact ana, bia;

    TRY(put(app, tx, records, 3, LEAD_OVERWRITE, out, e));
    EXPECT(uuid_eq(out[2].id.v, out[0].id.v)); /* a number decides before an address */
    TRY(contact(app, tx, out[0].id, &ana, e));
    TRY(contact(app, tx, out[1].id, &bia, e));
    EXPECT_STR(ana.email, "");
    EXPECT_STR(bia.email, "bia@example.com");
    EXPECT_STR(ana.name, "Quem?");
    return ST_OK;
}

static void key_of_another_person_stays_theirs(void **state) {
    STEP(*state, two_persons);
}

static enum status companies(struct app *app, struct tx *tx, struct err *e) {
    const struct lead_record records[] = {
        {.name = STR("Ana"), .document = STR("11.222.333/0001-81"), ONE_PHONE("11987654321")},
        {.name = STR("Bia"), .document = STR("11222333000181"), ONE_PHONE("11987654322")},
        {.company = STR("Loja"), .document = STR("11222333000181")},
        {.company = STR("Loja Ltda"), .document = STR("11222333000181")},
    };
    struct lead_put_result out[4];

    TRY(put(app, tx, records, 4, LEAD_OVERWRITE, out, e));
    EXPECT_I64(out[1].outcome, LEAD_CREATED);
    EXPECT_I64(out[2].outcome, LEAD_CREATED);
    EXPECT_I64(out[3].outcome, LEAD_UPDATED);
    EXPECT(uuid_eq(out[3].id.v, out[2].id.v));
    return ST_OK;
}

static void people_of_one_company_stay_several(void **state) {
    STEP(*state, companies);
}

static enum status writer(struct app *app, struct tx *tx, struct err *e) {
    const struct lead_record r = {.name = STR("Ana Souza"), ONE_PHONE("11987654321")};
    const struct inbound hello = inbound_text(
        app, ((struct party){.phone = STR("551187654321"), .name = STR("Aninha")}), "oi");
    struct lead_put_result out;
    struct lead_profile p;

    TRY(put(app, tx, &r, 1, LEAD_FILL, &out, e));
    TRY(receive(app, tx, &hello, NULL, e));
    TRY(lead_profile(&app->a, tx, app->tenant, out.id, &p, e));
    EXPECT_STR(p.name, "Ana Souza"); /* what was imported is not what WhatsApp calls her */
    EXPECT_STR(p.state, "replied");
    EXPECT(p.last_inbound_at_ms > 0);
    return ST_OK;
}

static void imported_person_who_writes_is_the_same_and_replied(void **state) {
    struct app *app = *state;

    STEP(app, writer);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM leads"), 1);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM lead_phones WHERE is_whatsapp = 1"), 1);
}

/* --- undo ------------------------------------------------------------------------------------------------- */

static enum status undo_update(struct app *app, struct tx *tx, struct err *e) {
    struct lead_put_result out[2];
    struct str before, after;
    size_t undone;

    TRY(put(app, tx, &first, 1, LEAD_FILL, &out[0], e));
    TRY(everything(app, tx, &before, e));
    TRY(put(app, tx, &second, 1, LEAD_OVERWRITE, &out[1], e));
    TRY(lead_put_undo(&app->a, tx, app->tenant, &out[1], 1, NOW + 5, &undone, e));
    EXPECT_I64(undone, 1);
    TRY(everything(app, tx, &after, e));
    EXPECT_STR(after, arena_cstr(&app->a, before));
    TRY(lead_put_undo(&app->a, tx, app->tenant, &out[0], 1, NOW + 6, &undone, e));
    EXPECT_I64(undone, 1);
    return ST_OK;
}

static void undone_update_restores_exactly_what_was(void **state) {
    struct app *app = *state;

    STEP(app, undo_update);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM leads"), 0);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM lead_identities"), 0);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM lead_phones"), 0);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM lead_tags"), 0);
}

static enum status undo_batch(struct app *app, struct tx *tx, struct err *e) {
    const struct lead_record records[] = {
        first, second, {.name = STR("Outra"), ONE_PHONE("11987654322")}};
    struct lead_put_result out[3];
    size_t undone;

    TRY(put(app, tx, records, 3, LEAD_OVERWRITE, out, e));
    TRY(lead_put_undo(&app->a, tx, app->tenant, out, 3, NOW + 5, &undone, e));
    EXPECT_I64(undone, 3);
    return ST_OK;
}

static void undone_call_leaves_nobody_behind(void **state) {
    struct app *app = *state;

    STEP(app, undo_batch);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM leads"), 0);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM lead_emails"), 0);
}

static enum status undo_used(struct app *app, struct tx *tx, struct err *e) {
    const struct lead_record records[] = {
        {.name = STR("Ana"), ONE_PHONE("11987654321")},
        {.name = STR("Bia"), ONE_PHONE("11987654322")},
        {.name = STR("Caio"), ONE_PHONE("11987654323")},
        {.name = STR("Davi"), ONE_PHONE("11987654324")},
    };
    const struct inbound hello =
        inbound_text(app, ((struct party){.phone = STR("5511987654321")}), "oi");
    struct lead_put_result out[4];
    struct lead_profile p;
    size_t undone;

    TRY(put(app, tx, records, 4, LEAD_FILL, out, e));
    TRY(receive(app, tx, &hello, NULL, e)); /* Ana wrote */
    TRY(lead_move(&app->a, tx, app->tenant, out[1].id, STR("contacting"), STR_EMPTY, NOW, e));
    TRY(lead_profile(&app->a, tx, app->tenant, out[2].id, &p, e));
    p.company = STR("Loja");
    TRY(lead_edit(&app->a, tx, app->tenant, &p, false, NOW + 1, e)); /* somebody worked on Caio */
    TRY(lead_put_undo(&app->a, tx, app->tenant, out, 4, NOW + 5, &undone, e));
    EXPECT_I64(undone, 1);
    return ST_OK;
}

static void undo_keeps_whom_something_happened_to(void **state) {
    struct app *app = *state;

    STEP(app, undo_used);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM leads"), 3);
}

static enum status undo_edited(struct app *app, struct tx *tx, struct err *e) {
    struct lead_put_result out[2];
    struct lead_profile p;
    size_t undone;

    TRY(put(app, tx, &first, 1, LEAD_FILL, &out[0], e));
    TRY(put(app, tx, &second, 1, LEAD_OVERWRITE, &out[1], e));
    TRY(lead_profile(&app->a, tx, app->tenant, out[0].id, &p, e));
    p.name = STR("Ana Paula");
    TRY(lead_edit(&app->a, tx, app->tenant, &p, true, NOW + 1, e));
    TRY(lead_put_undo(&app->a, tx, app->tenant, &out[1], 1, NOW + 5, &undone, e));
    TRY(lead_profile(&app->a, tx, app->tenant, out[0].id, &p, e));
    EXPECT_STR(p.name, "Ana Paula"); /* newer than the put: it stays */
    EXPECT_STR(p.company, "");
    EXPECT_I64(p.n_identities, 1);
    return ST_OK;
}

static void undo_keeps_what_was_changed_since(void **state) {
    STEP(*state, undo_edited);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FEATURE_TEST(record_becomes_a_lead_with_all_it_says),
        FEATURE_TEST(record_that_nothing_leads_to_is_refused_with_reason_and_column),
        FEATURE_TEST(known_person_is_skipped),
        FEATURE_TEST(gaps_of_a_known_person_are_filled),
        FEATURE_TEST(known_person_is_overwritten),
        FEATURE_TEST(same_record_again_changes_nothing),
        FEATURE_TEST(records_of_one_call_that_are_one_person_meet),
        FEATURE_TEST(key_of_another_person_stays_theirs),
        FEATURE_TEST(people_of_one_company_stay_several),
        FEATURE_TEST(imported_person_who_writes_is_the_same_and_replied),
        FEATURE_TEST(undone_update_restores_exactly_what_was),
        FEATURE_TEST(undone_call_leaves_nobody_behind),
        FEATURE_TEST(undo_keeps_whom_something_happened_to),
        FEATURE_TEST(undo_keeps_what_was_changed_since),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

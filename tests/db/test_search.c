/* test_search.c - what is found, what is not, and whose, on both engines.
 * SPDX-License-Identifier: Apache-2.0 */
#include "db/feature_fixture.h"

#include "search/search.h"

/* Indexes all there is. */
static void index_all(struct app *app) {
    struct err e = ERR_INIT;
    struct verdict verdict = {0};
    const struct job job = {.kind = STR(SEARCH_INDEX_JOB)};

    do
        assert_ok(search_index_job(app, &app->a, &job, &verdict, &e), &e);
    while (verdict.kind == VERDICT_AGAIN);
    assert_int_equal(verdict.kind, VERDICT_DONE);
}

static enum status find(struct app *app, struct tx *tx, const char *text, struct search_result *ret,
                        struct err *e) {
    return search_find(
        &app->a, tx,
        &(struct search_query){.tenant = app->tenant, .text = str_of(text), .limit = 20}, ret, e);
}

static enum status say(struct app *app, struct tx *tx, struct party party, const char *text,
                       struct err *e) {
    const struct inbound ev = inbound_text(app, party, text);

    return receive(app, tx, &ev, NULL, e);
}

/* --- messages ----------------------------------------------------------------------------------- */

static enum status chatter(struct app *app, struct tx *tx, struct err *e) {
    TRY(say(app, tx, ANA, "bom dia, queria uma informação sobre entrega", e));
    TRY(say(app, tx, ANA, "vocês têm orçamentos para festas?", e));
    TRY(say(app, tx, JOAO, "QUERO MAIS INFORMACOES", e));
    TRY(say(app, tx, JOAO, "meu pedido é o 10425", e));
    return say(app, tx, JOAO, "me liga no (21) 91234-5678 😀 por favor", e);
}

static enum status finds(struct app *app, struct tx *tx, struct err *e) {
    static const struct {
        const char *text;
        size_t n;
        const char *newest; /* or NULL */
    } cases[] = {
        {"informação", 2, "QUERO MAIS INFORMACOES"},
        {"informacoes", 2, "QUERO MAIS INFORMACOES"},
        {"INFORMAÇÃO entregas", 1, "bom dia, queria uma informação sobre entrega"},
        {"entrega de informação", 1, NULL},
        {"orçamento", 1, "vocês têm orçamentos para festas?"},
        {"orcam", 1, NULL}, /* half a word */
        {"inf", 2, NULL},
        {"orcam festa", 0, NULL}, /* only the last may be half */
        {"10425", 1, "meu pedido é o 10425"},
        {"21 91234-5678", 1, NULL},
        {"912345678", 1, NULL},
        {"casamento", 0, NULL},
        {"", 0, NULL},
        {"de", 0, NULL},
        {"\" OR 1=1 --", 0, NULL},
    };
    struct search_result r;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        TRY(find(app, tx, cases[i].text, &r, e));
        if (r.n_messages != cases[i].n)
            FAIL(e, ST_BROKEN, "\"%s\" finds %zu, not %zu", cases[i].text, r.n_messages,
                 cases[i].n);
        if (cases[i].newest)
            EXPECT_STR(r.messages[0].message.text, cases[i].newest);
        EXPECT(r.next.len == 0);
    }
    return ST_OK;
}

static void messages_are_found_by_their_words_whatever_the_accents_and_endings(void **state) {
    STEP(*state, chatter);
    index_all(*state);
    STEP(*state, finds);
}

static enum status snippets(struct app *app, struct tx *tx, struct err *e) {
    return say(
        app, tx, ANA,
        "😀 Olá! Escrevo porque preciso saber, antes de qualquer outra coisa que a gente venha a"
        " combinar por aqui, se o preço do conserto é o mesmo para os dois aparelhos, e se o"
        " preço inclui as peças de que ele precisar, e também quanto tempo isso tudo leva.",
        e);
}

static enum status shows(struct app *app, struct tx *tx, struct err *e) {
    struct search_result r;
    const struct snippet *s;

    TRY(find(app, tx, "precos", &r, e));
    EXPECT_I64(r.n_messages, 1);
    s = &r.messages[0].snippet;
    EXPECT(str_starts(s->text, STR("…")) && str_ends(s->text, STR("…")));
    EXPECT_I64(s->n, 2);
    TRY(find(app, tx, "ola", &r, e));
    s = &r.messages[0].snippet;
    EXPECT_I64(s->n, 1);
    EXPECT_I64(s->matches[0].at, 3); /* the face is two units, then a blank */
    EXPECT_I64(s->matches[0].len, 3);
    return ST_OK;
}

static void snippet_is_a_piece_of_the_text_with_the_places_of_what_was_found(void **state) {
    STEP(*state, snippets);
    index_all(*state);
    STEP(*state, shows);
}

static enum status change_mind(struct app *app, struct tx *tx, struct err *e) {
    const struct inbound original = inbound_text(app, ANA, "quero duas pizzas"),
                         withdrawn = inbound_text(app, ANA, "quero três pizzas");
    struct inbound edit = inbound_text(app, ANA, "quero dois calzones"),
                   revoke = inbound_text(app, ANA, "");

    TRY(receive(app, tx, &original, NULL, e));
    TRY(receive(app, tx, &withdrawn, NULL, e));
    edit.type = STR("edit");
    edit.content = arena_printf(
        &app->a,
        "{\"target\":\"%.*s\",\"type\":\"text\",\"content\":{\"text\":\"quero dois calzones\"}}",
        STR_ARG(original.message_id));
    revoke.type = STR("revoke");
    revoke.content = arena_printf(&app->a, "{\"target\":\"%.*s\"}", STR_ARG(withdrawn.message_id));
    TRY(receive(app, tx, &edit, NULL, e));
    return receive(app, tx, &revoke, NULL, e);
}

static enum status only_the_new(struct app *app, struct tx *tx, struct err *e) {
    struct search_result r;

    TRY(find(app, tx, "pizza", &r, e));
    EXPECT_I64(r.n_messages, 0);
    TRY(find(app, tx, "calzones", &r, e));
    EXPECT_I64(r.n_messages, 1);
    EXPECT_STR(r.messages[0].message.type, "text");
    return ST_OK;
}

static void edited_and_withdrawn_texts_are_not_found_any_more(void **state) {
    STEP(*state, change_mind);
    index_all(*state);
    STEP(*state, only_the_new);
}

static void text_indexed_before_its_edit_is_not_found_by_the_old_words(void **state) {
    struct app *app = *state;

    STEP(app, chatter);
    index_all(app);
    STEP(app, change_mind);
    index_all(app);
    STEP(app, only_the_new);
}

/* --- many --------------------------------------------------------------------------------------------- */

enum { MANY = 5000, OF_A_STEP = 500, RARE_EVERY = 100 };

static enum status many(struct app *app, struct tx *tx, struct err *e) {
    for (int i = 0; i < OF_A_STEP; i++) {
        const char *text = app->number % RARE_EVERY == 0 ? "um caso raro aqui" : "oi tudo bem";

        TRY(say(app, tx, ANA, text, e));
    }
    return ST_OK;
}

static enum status walk_rare(struct app *app, struct tx *tx, struct err *e) {
    struct search_query query = {.tenant = app->tenant, .text = STR("caso raro"), .limit = 7};
    struct search_result r;
    size_t n = 0;
    struct str last = STR_EMPTY;

    do {
        TRY(search_find(&app->a, tx, &query, &r, e));
        for (size_t i = 0; i < r.n_messages; i++, n++) {
            if (n > 0)
                EXPECT(!str_eq(last, r.messages[i].message.provider_id));
            last = r.messages[i].message.provider_id;
        }
        query.cursor = r.next;
    } while (r.next.len > 0);
    EXPECT_I64(n, MANY / RARE_EVERY);
    return ST_OK;
}

/* More than one block, so that places and blocks are walked over their edges. */
static void pages_over_several_blocks_give_each_once(void **state) {
    for (int i = 0; i < MANY / OF_A_STEP; i++)
        STEP(*state, many);
    index_all(*state);
    STEP(*state, walk_rare);
}

/* --- notes and people ----------------------------------------------------------------------------------- */

static enum status people(struct app *app, struct tx *tx, struct err *e) {
    struct note note;

    TRY(say(app, tx, JOAO, "oi", e));
    TRY(say(app, tx, ANA, "oi", e));
    note = (struct note){.tenant = app->tenant,
                         .conversation = app->conversation,
                         .author = STR("Anna"),
                         .text = STR("prefere ligações de manhã")};
    return note_add(&app->a, tx, &note, clock_now_ms(), e);
}

static enum status finds_people(struct app *app, struct tx *tx, struct err *e) {
    static const char *const of_joao[] = {"joao",          "João Lima", "lim",   "21 91234-5678",
                                          "5521912345678", "5678",      "552191"};
    struct search_result r;

    for (size_t i = 0; i < ARRAY_LEN(of_joao); i++) {
        TRY(find(app, tx, of_joao[i], &r, e));
        if (r.conversations.n != 1)
            FAIL(e, ST_BROKEN, "\"%s\" finds %zu people", of_joao[i], r.conversations.n);
        EXPECT_STR(r.conversations.items[0].lead_name, "João Lima");
    }
    TRY(find(app, tx, "ligacao manha", &r, e));
    EXPECT_I64(r.n_notes, 1);
    EXPECT_I64(r.n_messages, 0);
    return ST_OK;
}

static void people_are_found_by_name_and_number_and_notes_by_their_words(void **state) {
    STEP(*state, people);
    index_all(*state);
    STEP(*state, finds_people);
}

static enum status rename_joao(struct app *app, struct tx *tx, struct err *e) {
    const struct party renamed = {.phone = STR("5521912345678"), .name = STR("Joca Peixoto")};

    return say(app, tx, renamed, "oi de novo", e);
}

static enum status new_name_alone(struct app *app, struct tx *tx, struct err *e) {
    struct search_result r;

    TRY(find(app, tx, "Peixoto", &r, e));
    EXPECT_I64(r.conversations.n, 1);
    TRY(find(app, tx, "João Lima", &r, e));
    EXPECT_I64(r.conversations.n, 0);
    return ST_OK;
}

static void person_of_a_new_name_is_found_by_it_alone(void **state) {
    STEP(*state, people);
    index_all(*state);
    STEP(*state, rename_joao);
    index_all(*state);
    STEP(*state, new_name_alone);
}

/* --- whose ------------------------------------------------------------------------------------------------ */

static enum status nothing_of_others(struct app *app, struct tx *tx, struct err *e) {
    static const char *const texts[] = {"informação", "orcam", "joao", "91234-5678", "5521"};
    struct search_result r;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct search_query query = {.tenant = app->other, .text = str_of(texts[i]), .limit = 20};

        TRY(search_find(&app->a, tx, &query, &r, e));
        EXPECT_I64(r.n_messages + r.conversations.n + r.n_notes, 0);
    }
    return ST_OK;
}

static void another_tenant_finds_nothing_of_it(void **state) {
    STEP(*state, chatter);
    index_all(*state);
    STEP_SYSTEM(*state, nothing_of_others);
}

/* In the scope of another tenant the database itself gives nothing, whatever tenant the query names. */
static void scope_of_another_tenant_hides_the_index(void **state) {
    struct app *app = *state;
    struct tenant_id acme = app->tenant;

    STEP(app, chatter);
    index_all(app);
    if (harness_engine() == DB_SQLITE)
        return; /* has no row-level security: the statements' own filters are all there is */
    assert_true(
        harness_i64(app->db, DB_TENANT(acme), DB_SQL("SELECT count(*) FROM search_postings")) > 0);
    assert_int_equal(
        harness_i64(app->db, DB_TENANT(app->other), DB_SQL("SELECT count(*) FROM search_postings")),
        0);
    assert_int_equal(
        harness_i64(app->db, DB_TENANT(app->other), DB_SQL("SELECT count(*) FROM search_words")),
        0);
    assert_int_equal(
        harness_i64(app->db, DB_TENANT(app->other), DB_SQL("SELECT count(*) FROM search_blocks")),
        0);
}

static enum status refuses(struct app *app, struct tx *tx, struct err *e) {
    char *text = arena_alloc(&app->a, 1000);
    struct search_query query = {.tenant = app->tenant, .text = STR("oi"), .limit = 5};
    struct search_result r;
    struct err why = ERR_INIT;

    memset(text, 'x', 1000);
    query.cursor = STR("abc");
    EXPECT_FAILS(ST_INVALID, search_find(&app->a, tx, &query, &r, &why));
    query.cursor = STR_EMPTY;
    query.text = (struct str){.ptr = text, .len = 1000};
    EXPECT_FAILS(ST_INVALID, search_find(&app->a, tx, &query, &r, &why));
    return ST_OK;
}

static void search_out_of_form_is_refused(void **state) {
    STEP(*state, refuses);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FEATURE_TEST(messages_are_found_by_their_words_whatever_the_accents_and_endings),
        FEATURE_TEST(snippet_is_a_piece_of_the_text_with_the_places_of_what_was_found),
        FEATURE_TEST(edited_and_withdrawn_texts_are_not_found_any_more),
        FEATURE_TEST(text_indexed_before_its_edit_is_not_found_by_the_old_words),
        FEATURE_TEST(pages_over_several_blocks_give_each_once),
        FEATURE_TEST(people_are_found_by_name_and_number_and_notes_by_their_words),
        FEATURE_TEST(person_of_a_new_name_is_found_by_it_alone),
        FEATURE_TEST(another_tenant_finds_nothing_of_it),
        FEATURE_TEST(scope_of_another_tenant_hides_the_index),
        FEATURE_TEST(search_out_of_form_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

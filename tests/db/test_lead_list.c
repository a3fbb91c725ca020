/* test_lead_list.c - leads found, filtered, counted, moved between states and merged, on both engines. Names and numbers are
 * made up.
 * SPDX-License-Identifier: Apache-2.0 */
#include "db/feature_fixture.h"

#define NOW 1700000000000

static enum status put(struct app *app, struct tx *tx, const char *name, const char *phone,
                       const char *email, const char *tag, struct lead_id *ret, struct err *e) {
    struct str phones[] = {str_of(phone)}, emails[] = {str_of(email)}, tags[] = {str_of(tag)};
    const struct lead_record r = {
        .name = str_of(name),
        .company = STR("Padaria Áurea"),
        .phones = phones,
        .n_phones = *phone != '\0',
        .emails = emails,
        .n_emails = *email != '\0',
        .tags = tags,
        .n_tags = *tag != '\0',
        .fields = arena_printf(&app->a, "{\"Valor\":\"1.234,5%zu\",\"nome\":\"%s\"}",
                               strlen(name) % 10, name),
        .source = STR("import:7"),
    };
    struct lead_put_result out;

    TRY(lead_put_many(&app->a, tx, app->tenant, &r, 1, LEAD_FILL, NOW, &out, e));
    EXPECT_I64(out.outcome, LEAD_CREATED);
    *ret = out.id;
    return ST_OK;
}

static enum status filter_of(struct app *app, const char *text, const struct json **ret,
                             struct err *e) {
    return json_parse(&app->a, str_of(text), JSON_LIMITS_DEFAULT, ret, e);
}

/* --- filters ------------------------------------------------------------------------------------------- */

static enum status expect_count(struct app *app, struct tx *tx, const char *filter, int64_t want,
                                struct err *e) {
    struct lead_contact *contacts;
    const struct json *json;
    bool is_exact;
    size_t n;
    int64_t got;

    TRY(filter_of(app, filter, &json, e));
    TRY(lead_count(&app->a, tx, app->tenant, json, &got, &is_exact, e));
    if (got != want)
        FAIL(e, ST_BROKEN, "%s takes %lld, not %lld", filter, (long long)got, (long long)want);
    TRY(lead_audience_page(&app->a, tx, app->tenant, json, (struct lead_id){0}, 100, &contacts, &n,
                           e));
    EXPECT_I64(n, want);
    return ST_OK;
}

static enum status filters(struct app *app, struct tx *tx, struct err *e) {
    static const struct {
        const char *filter;
        int64_t n;
    } cases[] = {
        {"{}", 3},
        {"null", 3},
        {"{\"all\":[]}", 3},
        {"{\"any\":[]}", 0},
        {"{\"field\":\"state\",\"op\":\"is\",\"value\":\"new\"}", 2},
        {"{\"field\":\"state\",\"op\":\"not\",\"value\":\"new\"}", 1},
        {"{\"field\":\"state\",\"op\":\"in\",\"value\":[\"new\",\"won\"]}", 3},
        {"{\"field\":\"tag\",\"op\":\"is\",\"value\":\"vip\"}", 1},
        {"{\"field\":\"tag\",\"op\":\"not\",\"value\":\"VIP\"}", 2},
        {"{\"field\":\"tag\",\"op\":\"missing\"}", 2},
        {"{\"field\":\"name\",\"op\":\"contains\",\"value\":\"JOAO\"}", 1},
        {"{\"field\":\"name\",\"op\":\"starts\",\"value\":\"ana\"}", 1},
        {"{\"field\":\"company\",\"op\":\"is\",\"value\":\"padaria aurea\"}", 3},
        {"{\"field\":\"phone\",\"op\":\"starts\",\"value\":\"+55 11\"}", 2},
        {"{\"field\":\"phone\",\"op\":\"missing\"}", 1},
        {"{\"field\":\"email\",\"op\":\"contains\",\"value\":\"@EXAMPLE\"}", 1},
        {"{\"field\":\"source\",\"op\":\"is\",\"value\":\"import:7\"}", 3},
        {"{\"field\":\"created_at\",\"op\":\"lt\",\"value\":\"2023-11-15\"}", 3},
        {"{\"field\":\"created_at\",\"op\":\"gt\",\"value\":\"2023-11-15T00:00:00-03:00\"}", 0},
        {"{\"field\":\"last_inbound_at\",\"op\":\"missing\"}", 3},
        {"{\"field\":\"valid_for_dispatch\",\"op\":\"is\",\"value\":true}", 1},
        {"{\"field\":\"valid_for_dispatch\",\"op\":\"is\",\"value\":false}", 2},
        {"{\"field\":\"opted_out\",\"op\":\"is\",\"value\":false}", 3},
        {"{\"field\":\"field.NOME\",\"op\":\"is\",\"value\":\"joão lima\"}", 1},
        {"{\"field\":\"field.valor\",\"op\":\"gt\",\"value\":1234.55}", 1},
        {"{\"field\":\"field.valor\",\"op\":\"lt\",\"value\":\"1.234,55\"}", 2},
        {"{\"field\":\"field.outro\",\"op\":\"missing\"}", 3},
        {"{\"all\":[{\"field\":\"state\",\"op\":\"is\",\"value\":\"new\"},"
         "{\"any\":[{\"field\":\"tag\",\"op\":\"is\",\"value\":\"vip\"},"
         "{\"field\":\"email\",\"op\":\"exists\"}]}]}",
         2},
    };
    struct lead_id ana, joao, bia;

    TRY(put(app, tx, "Ana", "11987654321", "", "VIP", &ana, e));
    TRY(put(app, tx, "João Lima", "1133334444", "", "", &joao, e));
    TRY(put(app, tx, "Beatriz", "", "bia@example.com", "", &bia, e));
    TRY(lead_move(&app->a, tx, app->tenant, joao, STR("won"), STR_EMPTY, NOW, e));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        TRY(expect_count(app, tx, cases[i].filter, cases[i].n, e));
    return ST_OK;
}

static void filter_takes_whom_it_says(void **state) {
    STEP(*state, filters);
}

static enum status wrong_filters(struct app *app, struct tx *tx, struct err *e) {
    static const char *const wrong[] = {
        "[]",
        "{\"all\":{}}",
        "{\"field\":\"height\",\"op\":\"is\",\"value\":\"1\"}",
        "{\"field\":\"field.\",\"op\":\"is\",\"value\":\"1\"}",
        "{\"field\":\"name\",\"op\":\"like\",\"value\":\"1\"}",
        "{\"field\":\"name\",\"op\":\"gt\",\"value\":\"1\"}",
        "{\"field\":\"name\",\"op\":\"is\"}",
        "{\"field\":\"name\",\"op\":\"is\",\"value\":\" \"}",
        "{\"field\":\"state\",\"op\":\"is\",\"value\":\"sold\"}",
        "{\"field\":\"state\",\"op\":\"in\",\"value\":[]}",
        "{\"field\":\"created_at\",\"op\":\"gt\",\"value\":\"yesterday\"}",
        "{\"field\":\"opted_out\",\"op\":\"is\",\"value\":\"no\"}",
        "{\"all\":[{\"all\":[{\"all\":[{\"all\":[{\"all\":[{\"all\":[]}]}]}]}]}]}",
    };
    struct err why = ERR_INIT;

    (void)tx;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct lead_filter *filter;
        const struct json *json;

        TRY(filter_of(app, wrong[i], &json, e));
        err_clear(&why);
        if (lead_filter_parse(&app->a, json, &filter, &why) != ST_INVALID)
            FAIL(e, ST_BROKEN, "%s is taken", wrong[i]);
    }
    return ST_OK;
}

static void filter_that_says_nothing_sensible_is_refused(void **state) {
    STEP(*state, wrong_filters);
}

/* --- pages -------------------------------------------------------------------------------------------------- */

enum { MANY = 57 };

static enum status put_some(struct app *app, struct tx *tx, struct err *e) {
    for (int i = 0; i < MANY; i++) {
        struct lead_id id;
        char name[32], phone[32];

        (void)snprintf(name, sizeof(name), "Pessoa %02d", (i * 37) % MANY);
        (void)snprintf(phone, sizeof(phone), "1198765%04d", i);
        TRY(put(app, tx, name, phone, "", i % 3 == 0 ? "três" : "", &id, e));
        if (i % 5 == 0)
            TRY(lead_move(&app->a, tx, app->tenant, id, STR("contacting"), STR_EMPTY, NOW + i, e));
    }
    return ST_OK;
}

/* Walks through all pages; counts how many, and fails when one comes twice. */
static enum status walk(struct app *app, struct tx *tx, struct lead_query query, size_t want,
                        struct err *e) {
    struct lead_id seen[MANY];
    struct lead_page page = {.has_more = true};
    size_t n = 0;

    while (page.has_more) {
        TRY(lead_list(&app->a, tx, app->tenant, &query, &page, e));
        EXPECT(page.n <= query.limit);
        for (size_t i = 0; i < page.n; i++) {
            EXPECT(n < want);
            for (size_t k = 0; k < n; k++)
                EXPECT(!uuid_eq(seen[k].v, page.items[i]->id.v));
            EXPECT_I64(page.items[i]->n_phones, 1);
            seen[n++] = page.items[i]->id;
        }
        query.cursor = page.next;
    }
    EXPECT_I64(n, want);
    return ST_OK;
}

static enum status pages(struct app *app, struct tx *tx, struct err *e) {
    static const char *const sorts[] = {
        "",         "created_at", "-created_at", "name",  "-name",  "company",
        "-company", "updated_at", "-updated_at", "state", "-state", "-last_inbound_at"};
    static const struct {
        const char *filter;
        size_t n;
    } filters[] = {
        {"{}", MANY},
        {"{\"field\":\"tag\",\"op\":\"is\",\"value\":\"tres\"}", 19},
        {"{\"field\":\"state\",\"op\":\"is\",\"value\":\"contacting\"}", 12},
        {"{\"field\":\"phone\",\"op\":\"contains\",\"value\":\"000\"}", 10},
    };

    TRY(put_some(app, tx, e));
    for (size_t i = 0; i < ARRAY_LEN(sorts); i++) {
        for (size_t k = 0; k < ARRAY_LEN(filters); k++) {
            struct lead_query query = {.sort = str_of(sorts[i]), .limit = 7};

            TRY(filter_of(app, filters[k].filter, &query.filter, e));
            TRY(walk(app, tx, query, filters[k].n, e));
            query.limit = 19;
            TRY(walk(app, tx, query, filters[k].n, e));
        }
    }
    return ST_OK;
}

static void pages_in_every_order_hold_all_and_none_twice(void **state) {
    STEP(*state, pages);
}

static enum status sorted(struct app *app, struct tx *tx, struct err *e) {
    const struct lead_query query = {.sort = STR("-name"), .limit = 3};
    struct lead_page page;
    struct err why = ERR_INIT;

    TRY(put_some(app, tx, e));
    TRY(lead_list(&app->a, tx, app->tenant, &query, &page, e));
    EXPECT_STR(page.items[0]->name, "Pessoa 56");
    EXPECT_STR(page.items[2]->name, "Pessoa 54");
    EXPECT_FAILS(ST_INVALID,
                 lead_list(&app->a, tx, app->tenant,
                           &(struct lead_query){.sort = STR("height"), .limit = 1}, &page, &why));
    EXPECT_FAILS(ST_INVALID,
                 lead_list(&app->a, tx, app->tenant,
                           &(struct lead_query){.cursor = STR("7"), .limit = 1}, &page, &why));
    return ST_OK;
}

static void list_is_sorted_as_asked(void **state) {
    STEP(*state, sorted);
}

/* Those of a tag, who are few, come in the order in which all do. */
static enum status few_sorted(struct app *app, struct tx *tx, struct err *e) {
    static const char *const sorts[] = {"name",       "-name",       "company",         "-company",
                                        "updated_at", "-updated_at", "last_inbound_at", "-state"};
    struct lead_query query = {.limit = MANY};
    const struct json *filter;
    struct lead_page all, few;

    TRY(put_some(app, tx, e));
    TRY(filter_of(app, "{\"field\":\"tag\",\"op\":\"is\",\"value\":\"tres\"}", &filter, e));
    for (size_t i = 0; i < ARRAY_LEN(sorts); i++) {
        size_t n = 0;

        query.sort = str_of(sorts[i]);
        query.filter = NULL;
        TRY(lead_list(&app->a, tx, app->tenant, &query, &all, e));
        query.filter = filter;
        TRY(lead_list(&app->a, tx, app->tenant, &query, &few, e));
        EXPECT_I64(few.n, 19);
        for (size_t k = 0; k < all.n; k++)
            if (n < few.n && uuid_eq(few.items[n]->id.v, all.items[k]->id.v))
                n++;
        EXPECT_I64(n, few.n);
    }
    return ST_OK;
}

static void few_of_a_tag_are_sorted_as_everybody_is(void **state) {
    STEP(*state, few_sorted);
}

static enum status audience(struct app *app, struct tx *tx, struct err *e) {
    struct lead_id after = {0}, ids[MANY + 2];
    const struct json *filter;
    struct lead_contact *page;
    size_t n, total = 0;

    TRY(put_some(app, tx, e));
    TRY(filter_of(app, "{\"field\":\"valid_for_dispatch\",\"op\":\"is\",\"value\":true}", &filter,
                  e));
    do {
        TRY(lead_audience_page(&app->a, tx, app->tenant, filter, after, 10, &page, &n, e));
        for (size_t i = 0; i < n; i++) {
            EXPECT(uuid_cmp(after.v, page[i].id.v) < 0);
            EXPECT(str_starts(page[i].phone, STR("55119")));
            EXPECT_STR(page[i].email_reason, "no-email");
            after = page[i].id;
            ids[total++] = after;
        }
    } while (n == 10);
    EXPECT_I64(total, MANY);
    ids[total] = ids[0];                           /* twice */
    ids[total + 1] = (struct lead_id){uuid_new()}; /* nobody */
    TRY(lead_audience_some(&app->a, tx, app->tenant, ids, total + 2, &page, &n, e));
    EXPECT_I64(n, MANY);
    EXPECT(uuid_eq(page[0].id.v, ids[0].v) && uuid_eq(page[MANY - 1].id.v, ids[MANY - 1].v));
    return ST_OK;
}

static void audience_is_complete_in_order_and_without_repeats(void **state) {
    STEP(*state, audience);
}

/* --- search --------------------------------------------------------------------------------------------------- */

static enum status finds(struct app *app, struct tx *tx, const char *q, const char *name,
                         struct err *e) {
    struct lead_page page;

    TRY(lead_list(&app->a, tx, app->tenant, &(struct lead_query){.q = str_of(q), .limit = 10},
                  &page, e));
    if (page.n != 1 || !str_eq(page.items[0]->name, str_of(name)))
        FAIL(e, ST_BROKEN, "\"%s\" finds %zu", q, page.n);
    return ST_OK;
}

static enum status search(struct app *app, struct tx *tx, struct err *e) {
    struct lead_id ana, joao;

    TRY(put(app, tx, "Ana Souza", "11987654321", "ana@example.com", "", &ana, e));
    TRY(put(app, tx, "João Lima", "2133334444", "", "", &joao, e));
    TRY(finds(app, tx, "souza", "Ana Souza", e));
    TRY(finds(app, tx, "joao", "João Lima", e));
    TRY(finds(app, tx, "(11) 98765", "Ana Souza", e));
    TRY(finds(app, tx, "+55 21 3333", "João Lima", e));
    TRY(finds(app, tx, "ANA@exam", "Ana Souza", e));
    return ST_OK;
}

static void words_numbers_and_addresses_find_their_lead(void **state) {
    STEP(*state, search);
}

static enum status put_as(struct app *app, struct tx *tx, const char *name, const char *company,
                          const char *phone, struct lead_put_result *ret, struct err *e) {
    struct str phones[] = {str_of(phone)};
    const struct lead_record r = {
        .name = str_of(name), .company = str_of(company), .phones = phones, .n_phones = 1};

    return lead_put_many(&app->a, tx, app->tenant, &r, 1, LEAD_OVERWRITE, NOW, ret, e);
}

static enum status finds_nobody(struct app *app, struct tx *tx, const char *q, struct err *e) {
    struct lead_page page;

    TRY(lead_list(&app->a, tx, app->tenant, &(struct lead_query){.q = str_of(q), .limit = 10},
                  &page, e));
    if (page.n != 0)
        FAIL(e, ST_BROKEN, "\"%s\" finds %zu", q, page.n);
    return ST_OK;
}

static enum status search_words(struct app *app, struct tx *tx, struct err *e) {
    struct lead_put_result ana, joao, li;

    TRY(put_as(app, tx, "Ana Clara D'Ávila-Souza", "Comércio Sol & Mar Ltda.", "11987654321", &ana,
               e));
    TRY(put_as(app, tx, "João de Souza", "Café Lua", "2133334444", &joao, e));
    TRY(put_as(app, tx, "Wei Li", "(Grupo) 24 Horas", "11912345678", &li, e));
    TRY(finds(app, tx, "clara", "Ana Clara D'Ávila-Souza", e));
    TRY(finds(app, tx, "avila", "Ana Clara D'Ávila-Souza", e));
    TRY(finds(app, tx, "souza, joão", "João de Souza", e));
    TRY(finds(app, tx, "SOUZA ana", "Ana Clara D'Ávila-Souza", e));
    TRY(finds(app, tx, "mar comerc", "Ana Clara D'Ávila-Souza", e));
    TRY(finds(app, tx, "lua joao", "João de Souza", e));
    TRY(finds(app, tx, "joao de souza", "João de Souza", e));
    TRY(finds(app, tx, "li", "Wei Li", e));
    TRY(finds(app, tx, "horas grupo", "Wei Li", e));
    TRY(finds(app, tx, "24", "Wei Li", e));
    TRY(finds_nobody(app, tx, "clara joao", e));
    TRY(finds_nobody(app, tx, "ouza", e));
    return finds_nobody(app, tx, "&", e);
}

static void any_words_in_any_order_find_their_lead_and_need_all_be_there(void **state) {
    STEP(*state, search_words);
}

static enum status search_rare(struct app *app, struct tx *tx, struct err *e) {
    enum { SHOPS = 1200 };
    struct str(*phones)[1] = arena_alloc(&app->a, SHOPS * sizeof(*phones));
    struct lead_record *records = arena_array_of(&app->a, SHOPS, struct lead_record);
    struct lead_put_result *out = arena_array_of(&app->a, SHOPS, struct lead_put_result);
    struct lead_page page;

    for (size_t i = 0; i < SHOPS; i++) {
        phones[i][0] = arena_printf(&app->a, "119%08zu", 80000000 + i);
        records[i] = (struct lead_record){.name = i == 3     ? STR("Zulmira Comercial")
                                                  : i == 900 ? STR("Comercializadora Norte")
                                                             : STR("Loja Comercial"),
                                          .phones = phones[i],
                                          .n_phones = 1};
    }
    TRY(lead_put_many(&app->a, tx, app->tenant, records, SHOPS, LEAD_FILL, NOW, out, e));
    TRY(finds(app, tx, "comercial zul", "Zulmira Comercial", e));
    TRY(finds(app, tx, "comercializa", "Comercializadora Norte", e));
    TRY(lead_list(&app->a, tx, app->tenant,
                  &(struct lead_query){.q = STR("comercial"), .limit = 1000}, &page, e));
    EXPECT_I64(page.n, 1000);
    for (size_t i = 0; i < page.n; i++)
        for (size_t k = 0; k < i; k++)
            EXPECT(!uuid_eq(page.items[i]->id.v, page.items[k]->id.v));
    return ST_OK;
}

static void rare_word_finds_its_lead_among_the_many_that_share_the_other(void **state) {
    STEP(*state, search_rare);
}

static enum status search_changed(struct app *app, struct tx *tx, struct err *e) {
    const struct party one = {.phone = STR("5511987654321"), .name = STR("Antes Primeira")},
                       now = {.phone = STR("5511987654321"), .name = STR("Depois Segunda")};
    struct lead_put_result out;
    struct lead_profile profile;
    struct lead lead;
    struct db_rows rows;
    size_t undone;

    TRY(lead_resolve(&app->a, tx, app->tenant, &one, NOW, &lead, e));
    TRY(finds(app, tx, "primeira", "Antes Primeira", e));
    TRY(lead_resolve(&app->a, tx, app->tenant, &now, NOW + 1, &lead, e));
    TRY(finds(app, tx, "segunda", "Depois Segunda", e));
    TRY(finds_nobody(app, tx, "primeira", e));
    TRY(lead_profile(&app->a, tx, app->tenant, lead.id, &profile, e));
    profile.name = STR("Nome Terceira");
    profile.company = STR("Empresa Quarta");
    TRY(lead_edit(&app->a, tx, app->tenant, &profile, true, NOW + 2, e));
    TRY(finds(app, tx, "quarta terceira", "Nome Terceira", e));
    TRY(finds_nobody(app, tx, "segunda", e));

    TRY(put_as(app, tx, "Posta Quinta", "Empresa Sexta", "21987654321", &out, e));
    TRY(finds(app, tx, "sexta", "Posta Quinta", e));
    TRY(lead_put_undo(&app->a, tx, app->tenant, &out, 1, NOW + 3, &undone, e));
    EXPECT_I64(undone, 1);
    TRY(finds_nobody(app, tx, "quinta", e));
    TRY(DB_QUERY(&app->a, tx,
                 DB_SQL("SELECT word FROM lead_words WHERE tenant_id = $1 AND lead_id = $2"), &rows,
                 e, V_UUID(app->tenant.v), V_UUID(out.id.v)));
    EXPECT_I64(rows.n, 0);
    return ST_OK;
}

static void
name_that_changes_is_found_as_it_is_now_and_one_taken_back_leaves_no_word(void **state) {
    STEP(*state, search_changed);
}

/* --- states ------------------------------------------------------------------------------------------------------ */

static const char *const states[] = LEAD_STATES;

/* Rows: from; columns: to. p: a person may, b: person and program may, w: only the lead's own wish, .: nobody. */
static const char *const steps[LEAD_N_STATES] = {
    /*        n c r q s w l o u */
    [0] = "bbbbbbbbb", [1] = "pbbbbbbbb", [2] = "ppbbbbbbb", [3] = "pppbbbbbb", [4] = "ppppbbbbb",
    [5] = "pppppbpbb", [6] = "ppppppbbb", [7] = ".ww....b.", [8] = "bbbbbbbbb",
};

static void every_step_is_allowed_or_refused_as_the_table_says(void **state) {
    (void)state;
    for (size_t f = 0; f < LEAD_N_STATES; f++) {
        for (size_t t = 0; t < LEAD_N_STATES; t++) {
            char c = steps[f][t];
            bool person = lead_may_move(str_of(states[f]), str_of(states[t]), LEAD_PERSON);
            bool program = lead_may_move(str_of(states[f]), str_of(states[t]), LEAD_PROGRAM);
            bool wish = lead_may_move(str_of(states[f]), str_of(states[t]), LEAD_OWN_WISH);

            if (person != (c == 'p' || c == 'b') || program != (c == 'b') ||
                wish != (c == 'w' || c == 'b'))
                fail_msg("%s to %s: person %d, program %d, wish %d", states[f], states[t], person,
                         program, wish);
        }
    }
    assert_false(lead_may_move(STR("new"), STR("sold"), LEAD_PERSON));
}

static enum status one_step(struct app *app, struct tx *tx, struct err *e) {
    struct lead_happening *happenings;
    struct lead_profile p;
    struct lead_id ana;
    struct err why = ERR_INIT;
    size_t n;

    TRY(put(app, tx, "Ana", "11987654321", "", "", &ana, e));
    TRY(lead_move(&app->a, tx, app->tenant, ana, STR("opted_out"), STR("pediu"), NOW, e));
    EXPECT_FAILS(ST_CONFLICT,
                 lead_step(&app->a, tx, app->tenant, ana,
                           &(struct lead_step){.to = STR("won"), .actor = STR("user:1")}, NOW,
                           &why));
    EXPECT_STR(str_of(why.cause), "illegal-transition");
    TRY(lead_profile(&app->a, tx, app->tenant, ana, &p, e));
    EXPECT_STR(p.state, "opted_out");
    TRY(lead_happenings(&app->a, tx, app->tenant, ana, (struct uuid){0}, 10, &happenings, &n, e));
    EXPECT_I64(n, 1);
    EXPECT_STR(happenings[0].kind, "lead.state");
    EXPECT_STR(happenings[0].data, "{\"from\":\"new\",\"to\":\"opted_out\",\"why\":\"pediu\"}");
    return ST_OK;
}

static void step_is_on_the_timeline_and_an_illegal_one_changes_nothing(void **state) {
    STEP(*state, one_step);
}

static enum status board(struct app *app, struct tx *tx, struct err *e) {
    struct lead_column columns[LEAD_N_STATES];
    int64_t total = 0;

    TRY(put_some(app, tx, e));
    TRY(lead_board(&app->a, tx, app->tenant, 5, columns, e));
    for (size_t i = 0; i < LEAD_N_STATES; i++)
        total += columns[i].count;
    EXPECT_I64(total, MANY);
    EXPECT_I64(columns[1].count, 12);
    EXPECT_I64(columns[1].page.n, 5);
    EXPECT(columns[1].page.has_more);
    EXPECT_STR(columns[1].page.items[0]->state, "contacting");
    EXPECT_I64(columns[5].page.n, 0);
    return ST_OK;
}

static void board_counts_every_state_and_shows_its_newest(void **state) {
    STEP(*state, board);
}

/* --- merges ------------------------------------------------------------------------------------------------------- */

static enum status profile_text(struct app *app, struct tx *tx, struct lead_id id, struct str *ret,
                                struct err *e) {
    struct lead_page page;
    struct db_rows keys;

    TRY(lead_rows_some(&app->a, tx, app->tenant, &id, 1, &page, e));
    if (page.n == 0) {
        *ret = STR("gone");
        return ST_OK;
    }

    const struct lead_row *r = page.items[0];

    *ret = arena_printf(&app->a, "%.*s|%.*s|%.*s|%.*s|%.*s|%.*s", STR_ARG(r->name),
                        STR_ARG(r->company), STR_ARG(r->fields), STR_ARG(r->tags),
                        STR_ARG(r->state), STR_ARG(r->document));
    for (size_t i = 0; i < r->n_phones; i++)
        *ret = arena_printf(&app->a, "%.*s|%.*s", STR_ARG(*ret), STR_ARG(r->phones[i].e164));
    for (size_t i = 0; i < r->n_emails; i++)
        *ret = arena_printf(&app->a, "%.*s|%.*s", STR_ARG(*ret), STR_ARG(r->emails[i].address));
    TRY(DB_QUERY(&app->a, tx,
                 DB_SQL("SELECT kind, value FROM lead_identities WHERE tenant_id = $1"
                        " AND lead_id = $2 ORDER BY kind, value"),
                 &keys, e, V_UUID(app->tenant.v), V_UUID(id.v)));
    for (size_t i = 0; i < keys.n; i++)
        *ret = arena_printf(&app->a, "%.*s|%.*s", STR_ARG(*ret), STR_ARG(db_text(&keys, i, 1)));
    TRY(DB_QUERY(&app->a, tx,
                 DB_SQL("SELECT tag FROM lead_tags WHERE tenant_id = $1 AND lead_id = $2"
                        " ORDER BY tag"),
                 &keys, e, V_UUID(app->tenant.v), V_UUID(id.v)));
    for (size_t i = 0; i < keys.n; i++)
        *ret = arena_printf(&app->a, "%.*s|%.*s", STR_ARG(*ret), STR_ARG(db_text(&keys, i, 0)));
    return ST_OK;
}

static enum status merge(struct app *app, struct tx *tx, struct err *e) {
    const struct inbound hello =
        inbound_text(app, ((struct party){.phone = STR("5521987654321")}), "oi");
    struct str ana_before, bia_before, ana_after, bia_after, joined;
    struct conversation_page talks;
    struct lead_unmerged back;
    struct lead_profile p;
    struct lead_id ana, bia;
    struct uuid id;
    struct err why = ERR_INIT;

    TRY(put(app, tx, "Ana", "11987654321", "ana@example.com", "vip", &ana, e));
    TRY(put(app, tx, "Bia", "21987654321", "", "Nova", &bia, e));
    TRY(receive(app, tx, &hello, NULL, e));
    TRY(profile_text(app, tx, ana, &ana_before, e));
    TRY(profile_text(app, tx, bia, &bia_before, e));
    EXPECT_FAILS(ST_INVALID, conversation_merge_leads(&app->a, tx, app->tenant, ana, ana,
                                                      STR("user:1"), NOW, &id, &why));
    TRY(conversation_merge_leads(&app->a, tx, app->tenant, ana, bia, STR("user:1"), NOW, &id, e));
    TRY(profile_text(app, tx, ana, &joined, e));
    EXPECT_STR(joined, "Ana|Padaria Áurea|{\"Valor\":\"1.234,53\",\"nome\":\"Ana\"}|"
                       "[\"vip\",\"Nova\"]|replied||5511987654321|5521987654321|ana@example.com|"
                       "ana@example.com|5511987654321|5521987654321|nova|vip");
    TRY(lead_profile(&app->a, tx, app->tenant, bia, &p, e)); /* leads to the one that stayed */
    EXPECT(uuid_eq(p.id.v, ana.v));
    TRY(conversation_list_lead(&app->a, tx, app->tenant, ana, &talks, e));
    EXPECT_I64(talks.n, 1);
    TRY(conversation_unmerge_leads(&app->a, tx, app->tenant, id, STR("user:1"), NOW, &back, e));
    TRY(profile_text(app, tx, ana, &ana_after, e));
    TRY(profile_text(app, tx, bia, &bia_after, e));
    EXPECT_STR(ana_after, arena_cstr(&app->a, ana_before));
    EXPECT_STR(bia_after, arena_cstr(&app->a, bia_before));
    TRY(conversation_list_lead(&app->a, tx, app->tenant, bia, &talks, e));
    EXPECT_I64(talks.n, 1);
    EXPECT_FAILS(ST_CONFLICT, conversation_unmerge_leads(&app->a, tx, app->tenant, id,
                                                         STR("user:1"), NOW, &back, &why));
    return ST_OK;
}

static void merged_leads_are_one_and_the_undo_makes_them_two_again(void **state) {
    STEP(*state, merge);
}

static enum status keep_changes(struct app *app, struct tx *tx, struct err *e) {
    struct lead_unmerged back;
    struct lead_profile p;
    struct lead_id ana, bia;
    struct uuid id;

    TRY(put(app, tx, "Ana", "11987654321", "", "", &ana, e));
    TRY(put(app, tx, "Bia", "21987654321", "", "", &bia, e));
    TRY(conversation_merge_leads(&app->a, tx, app->tenant, ana, bia, STR("user:1"), NOW, &id, e));
    TRY(lead_profile(&app->a, tx, app->tenant, ana, &p, e));
    p.name = STR("Ana Beatriz");
    TRY(lead_edit(&app->a, tx, app->tenant, &p, true, NOW, e));
    TRY(conversation_unmerge_leads(&app->a, tx, app->tenant, id, STR("user:1"), NOW, &back, e));
    TRY(lead_profile(&app->a, tx, app->tenant, ana, &p, e));
    EXPECT_STR(p.name, "Ana Beatriz");
    return ST_OK;
}

static void undo_of_a_merge_keeps_what_was_changed_since(void **state) {
    STEP(*state, keep_changes);
}

/* --- tags, numbers, segments ---------------------------------------------------------------------------------------- */

static enum status tag(struct app *app, struct tx *tx, struct err *e) {
    struct lead_id ids[2];
    struct lead_profile p;

    TRY(put(app, tx, "Ana", "11987654321", "", "vip", &ids[0], e));
    TRY(put(app, tx, "Bia", "21987654321", "", "", &ids[1], e));
    TRY(lead_tag_many(&app->a, tx, app->tenant, ids, 2, (const struct str[]){STR("Norte")}, 1,
                      (const struct str[]){STR("VIP")}, 1, NOW, e));
    TRY(lead_profile(&app->a, tx, app->tenant, ids[0], &p, e));
    EXPECT_STR(p.tags, "[\"Norte\"]");
    TRY(expect_count(app, tx, "{\"field\":\"tag\",\"op\":\"is\",\"value\":\"norte\"}", 2, e));
    return expect_count(app, tx, "{\"field\":\"tag\",\"op\":\"is\",\"value\":\"vip\"}", 0, e);
}

static void tags_of_many_leads_change_at_once(void **state) {
    STEP(*state, tag);
}

static enum status contacts(struct app *app, struct tx *tx, struct err *e) {
    const struct str phones[] = {STR("11987654321"), STR("31987654321")}, theirs[] = {STR("x")};
    struct lead_record typed = {.phones = phones, .n_phones = 2};
    struct lead_row *row;
    struct lead_id ana;
    struct err why = ERR_INIT;

    TRY(put(app, tx, "Ana", "21987654321", "ana@example.com", "", &ana, e));
    TRY(lead_set_contacts(&app->a, tx, app->tenant, ana, &typed, true, false, NOW, e));
    TRY(lead_row_get(&app->a, tx, app->tenant, ana, &row, e));
    EXPECT_I64(row->n_phones, 2);
    EXPECT_STR(row->phones[1].e164, "5531987654321");
    EXPECT_I64(row->n_emails, 1);
    typed.phones = theirs;
    typed.n_phones = 1;
    EXPECT_FAILS(ST_INVALID,
                 lead_set_contacts(&app->a, tx, app->tenant, ana, &typed, true, false, NOW, &why));
    TRY(lead_learn_whatsapp(&app->a, tx, app->tenant, STR("551187654321"), LEAD_WHATSAPP_NO, e));
    TRY(lead_learn_bounce(&app->a, tx, app->tenant, STR("Ana@Example.com"), NOW, e));
    TRY(lead_row_get(&app->a, tx, app->tenant, ana, &row, e));
    EXPECT(!row->phones[0].is_dispatchable);
    EXPECT_STR(row->phones[0].reason, "no-whatsapp");
    EXPECT(row->emails[0].is_bounced);
    return ST_OK;
}

static void numbers_are_replaced_and_what_sending_taught_is_kept(void **state) {
    STEP(*state, contacts);
}

static enum status segments(struct app *app, struct tx *tx, struct err *e) {
    struct segment s = {.name = STR(" VIPs "),
                        .filter = STR("{\"field\":\"tag\",\"op\":\"is\",\"value\":\"vip\"}")};
    struct segment wrong = {.name = STR("x"), .filter = STR("{\"field\":\"x\"}")}, *all;
    struct err why = ERR_INIT;
    size_t n;

    TRY(segment_put(&app->a, tx, app->tenant, &s, NOW, e));
    EXPECT_FAILS(ST_INVALID, segment_put(&app->a, tx, app->tenant, &wrong, NOW, &why));
    TRY(segment_list(&app->a, tx, app->tenant, &all, &n, e));
    EXPECT_I64(n, 1);
    EXPECT_STR(all[0].name, "VIPs");
    TRY(segment_remove(tx, app->tenant, s.id, e));
    EXPECT_FAILS(ST_NOT_FOUND, segment_get(&app->a, tx, app->tenant, s.id, &s, &why));
    return ST_OK;
}

static void segment_is_saved_and_one_with_a_wrong_filter_is_not(void **state) {
    STEP(*state, segments);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FEATURE_TEST(filter_takes_whom_it_says),
        FEATURE_TEST(filter_that_says_nothing_sensible_is_refused),
        FEATURE_TEST(pages_in_every_order_hold_all_and_none_twice),
        FEATURE_TEST(list_is_sorted_as_asked),
        FEATURE_TEST(few_of_a_tag_are_sorted_as_everybody_is),
        FEATURE_TEST(audience_is_complete_in_order_and_without_repeats),
        FEATURE_TEST(words_numbers_and_addresses_find_their_lead),
        FEATURE_TEST(any_words_in_any_order_find_their_lead_and_need_all_be_there),
        FEATURE_TEST(rare_word_finds_its_lead_among_the_many_that_share_the_other),
        FEATURE_TEST(name_that_changes_is_found_as_it_is_now_and_one_taken_back_leaves_no_word),
        cmocka_unit_test(every_step_is_allowed_or_refused_as_the_table_says),
        FEATURE_TEST(step_is_on_the_timeline_and_an_illegal_one_changes_nothing),
        FEATURE_TEST(board_counts_every_state_and_shows_its_newest),
        FEATURE_TEST(merged_leads_are_one_and_the_undo_makes_them_two_again),
        FEATURE_TEST(undo_of_a_merge_keeps_what_was_changed_since),
        FEATURE_TEST(tags_of_many_leads_change_at_once),
        FEATURE_TEST(numbers_are_replaced_and_what_sending_taught_is_kept),
        FEATURE_TEST(segment_is_saved_and_one_with_a_wrong_filter_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

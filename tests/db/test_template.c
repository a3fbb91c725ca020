/* test_template.c - templates in step with the provider: pages of a list, webhooks in the drain's transaction, and those of the
 * tenant's own, on both engines.
 * SPDX-License-Identifier: Apache-2.0 */
#include "db/feature_fixture.h"

#define ONE_PAGE(next)                                                                             \
    "{\"data\":[{\"id\":\"77\",\"name\":\"aviso\",\"language\":\"pt_BR\",\"status\":\"APPROVED\"," \
    "\"category\":\"UTILITY\",\"quality_score\":{\"score\":\"GREEN\"},\"components\":[{\"type\":"  \
    "\"BODY\",\"text\":\"Oi, {{nome}}\"}]},{\"id\":\"78\",\"name\":\"aviso\",\"language\":\"en\"," \
    "\"status\":\"PENDING\",\"category\":\"UTILITY\",\"components\":[]}]" next "}"
#define OTHER_PAGE                                                                                 \
    "{\"data\":[{\"id\":\"79\",\"name\":\"outro\",\"language\":\"pt_BR\",\"status\":\"REJECTED\"," \
    "\"rejected_reason\":\"INVALID_FORMAT\",\"category\":\"MARKETING\",\"components\":[]}]}"

static struct template found;

static enum status ask(struct app *app, struct tx *tx, struct err *e) {
    return template_sync(&app->a, tx, &app->account, e);
}

static void sync_with(struct app *app, const char *body) {
    fake_http_answer(app->graph, (struct fake_reply){.status = 200, .body = body});
    STEP(app, ask);
    assert_int_equal(run_jobs(app, 1), 1);
}

static enum status find(struct app *app, struct tx *tx, const char *name, const char *language,
                        struct err *e) {
    return template_find(&app->a, tx, app->tenant, app->account.id, STR("whatsapp"), str_of(name),
                         str_of(language), &found, e);
}

static enum status both_are_there(struct app *app, struct tx *tx, struct err *e) {
    struct err why = ERR_INIT;

    TRY(find(app, tx, "aviso", "", e));
    EXPECT_STR(found.language, "pt_BR"); /* the one that can be used */
    EXPECT_STR(found.status, "approved");
    EXPECT_STR(found.quality, "green");
    EXPECT_STR(found.provider_id, "77");
    EXPECT_STR(found.body, "Oi, {{nome}}");
    EXPECT_I64(found.n_variables, 1);
    TRY(find(app, tx, "aviso", "en", e));
    EXPECT_STR(found.status, "pending");
    EXPECT_FAILS(ST_NOT_FOUND, find(app, tx, "aviso", "es", &why));
    EXPECT_FAILS(ST_NOT_FOUND,
                 template_find(&app->a, tx, app->other, app->account.id, STR("whatsapp"),
                               STR("aviso"), STR_EMPTY, &found, &why));
    return ST_OK;
}

static enum status outro_is_rejected(struct app *app, struct tx *tx, struct err *e) {
    TRY(find(app, tx, "outro", "pt_BR", e));
    EXPECT_STR(found.status, "rejected");
    EXPECT_STR(found.status_reason, "INVALID_FORMAT");
    return ST_OK;
}

static enum status aviso_is_gone(struct app *app, struct tx *tx, struct err *e) {
    struct str why;

    TRY(find(app, tx, "aviso", "pt_BR", e));
    EXPECT_STR(found.status, "gone");
    EXPECT(!template_is_usable(&found, &why));
    EXPECT_STR(why, "template-gone");
    return ST_OK;
}

static void next_page(void *ctx) {
    struct app *app = ctx;

    fake_http_answer(app->graph, (struct fake_reply){.status = 200, .body = OTHER_PAGE});
}

static void a_sync_reads_every_page_and_what_is_missing_is_gone(void **state) {
    struct app *app = *state;

    fake_http_during(app->graph, next_page, app);
    sync_with(app, ONE_PAGE(",\"paging\":{\"cursors\":{\"after\":\"QQ==\"},\"next\":\"x\"}"));
    fake_http_during(app->graph, NULL, NULL);
    assert_int_equal(fake_http_count(app->graph), 2);
    STEP(app, both_are_there);
    STEP(app, outro_is_rejected);
    clock_shift_ms(1000);
    sync_with(app, OTHER_PAGE);
    assert_int_equal(run_jobs(app, 10), 1); /* campaigns with it are told */
    STEP(app, aviso_is_gone);
    STEP(app, outro_is_rejected);
    clock_shift_ms(2000);
    sync_with(app, ONE_PAGE(""));
    STEP(app, both_are_there);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM templates"), 3);
    clock_shift_ms(0);
}

static enum status failure_is_kept(struct app *app, struct tx *tx, struct err *e) {
    struct template_sync *list;
    size_t n;

    TRY(template_sync_list(&app->a, tx, app->tenant, &list, &n, e));
    EXPECT_I64(n, 1);
    EXPECT_STR(list[0].state, "failed");
    EXPECT(list[0].reason.len > 0);
    return ST_OK;
}

static void a_sync_that_fails_changes_no_template(void **state) {
    struct app *app = *state;

    sync_with(app, ONE_PAGE(""));
    fake_http_answer(app->graph,
                     (struct fake_reply){.status = 400, .body = "{\"error\":{\"code\":100}}"});
    STEP(app, ask);
    assert_int_equal(run_jobs(app, 1), 1);
    STEP(app, both_are_there);
    STEP(app, failure_is_kept);
}

/* --- webhooks ------------------------------------------------------------------------------------- */

static enum status pause_comes(struct app *app, struct tx *tx, struct err *e) {
    const struct inbound ev = {
        .kind = INBOUND_ACCOUNT,
        .field = STR("message_template_status_update"),
        .raw = STR("{\"event\":\"PAUSED\",\"message_template_id\":77,\"message_template_name\":"
                   "\"aviso\",\"message_template_language\":\"pt_BR\",\"other_info\":{"
                   "\"description\":\"low quality\"}}"),
    };
    struct template_item item;
    int64_t changed;

    EXPECT(provider_meta.read_template_event(&app->a, &ev, &item));
    TRY(template_learn(&app->a, tx, &app->account, &item, clock_now_ms(), &changed, e));
    EXPECT_I64(changed, 1);
    TRY(find(app, tx, "aviso", "pt_BR", e));
    EXPECT_STR(found.status, "paused");
    EXPECT_STR(found.status_reason, "low quality");
    EXPECT_STR(found.category, "utility");
    return ST_OK;
}

static void pause_during(void *ctx) {
    struct app *app = ctx;

    clock_shift_ms(5);
    STEP(app, pause_comes);
}

static enum status still_paused(struct app *app, struct tx *tx, struct err *e) {
    TRY(find(app, tx, "aviso", "pt_BR", e));
    EXPECT_STR(found.status, "paused");
    return ST_OK;
}

static void what_a_webhook_tells_is_newer_than_the_list_under_way(void **state) {
    struct app *app = *state;

    sync_with(app, ONE_PAGE(""));
    fake_http_during(app->graph, pause_during, app);
    sync_with(app, ONE_PAGE(""));
    fake_http_during(app->graph, NULL, NULL);
    STEP(app, still_paused);
    clock_shift_ms(0);
}

static enum status unknown_comes(struct app *app, struct tx *tx, struct err *e) {
    const struct template_item item = {
        .id = STR("99"), .name = STR("novo"), .language = STR("pt_BR"), .status = STR("approved")};
    int64_t changed;

    TRY(template_learn(&app->a, tx, &app->account, &item, clock_now_ms(), &changed, e));
    EXPECT_I64(changed, 0);
    return ST_OK;
}

static void a_template_nobody_knows_is_read_anew(void **state) {
    struct app *app = *state;

    fake_http_answer(app->graph, (struct fake_reply){.status = 200, .body = ONE_PAGE("")});
    STEP(app, unknown_comes);
    assert_int_equal(run_jobs(app, 10), 1);
    STEP(app, both_are_there);
}

/* --- the tenant's own ----------------------------------------------------------------------------- */

static struct template letter(void) {
    return (struct template){.channel = STR("email"),
                             .name = STR("carta"),
                             .language = STR("pt_BR"),
                             .subject = STR("Olá {{nome}}"),
                             .body = STR("Oi {{nome}}")};
}

static enum status own_ones(struct app *app, struct tx *tx, struct err *e) {
    struct template t = letter(), again = letter(), got;
    struct err why = ERR_INIT;
    int64_t now_ms = clock_now_ms();

    TRY(template_put(&app->a, tx, app->tenant, &t, now_ms, e));
    TRY(template_find(&app->a, tx, app->tenant, app->account.id, STR("email"), STR("carta"),
                      STR_EMPTY, &got, e));
    EXPECT_STR(got.status, "local");
    EXPECT_I64(got.n_variables, 1);
    got.subject = STR("Oi");
    TRY(template_put(&app->a, tx, app->tenant, &got, now_ms, e));
    TRY(template_get(&app->a, tx, app->tenant, t.id, &got, e));
    EXPECT_STR(got.subject, "Oi");
    EXPECT_FAILS(ST_NOT_FOUND, template_get(&app->a, tx, app->other, t.id, &got, &why));
    again.subject = STR("two\nlines");
    EXPECT_FAILS(ST_INVALID, template_put(&app->a, tx, app->tenant, &again, now_ms, &why));
    again.channel = STR("whatsapp");
    EXPECT_FAILS(ST_INVALID, template_put(&app->a, tx, app->tenant, &again, now_ms, &why));
    TRY(template_remove(&app->a, tx, app->tenant, t.id, e));
    EXPECT_FAILS(ST_NOT_FOUND, template_get(&app->a, tx, app->tenant, t.id, &got, &why));
    return ST_OK;
}

static void own_templates_are_written_here(void **state) {
    STEP(*state, own_ones);
}

static enum status the_providers(struct app *app, struct tx *tx, struct err *e) {
    struct err why = ERR_INIT;
    struct template t;

    TRY(find(app, tx, "aviso", "pt_BR", e));
    t = found;
    t.channel = STR("email");
    t.subject = STR("x");
    EXPECT_FAILS(ST_CONFLICT, template_put(&app->a, tx, app->tenant, &t, 1, &why));
    EXPECT_FAILS(ST_CONFLICT, template_remove(&app->a, tx, app->tenant, found.id, &why));
    return ST_OK;
}

static void the_providers_templates_are_not(void **state) {
    sync_with(*state, ONE_PAGE(""));
    STEP(*state, the_providers);
}

static enum status pages(struct app *app, struct tx *tx, struct err *e) {
    struct err why = ERR_INIT;
    struct template_query q = {.limit = 2};
    struct template_page page;
    size_t n = 0;

    for (int i = 0; i < 5; i++) {
        struct template t = letter();

        t.name = arena_printf(&app->a, "carta_%d", i);
        TRY(template_put(&app->a, tx, app->tenant, &t, clock_now_ms(), e));
    }
    do {
        TRY(template_list(&app->a, tx, app->tenant, &q, &page, e));
        for (size_t i = 0; i < page.n; i++, n++)
            EXPECT(str_eq(page.items[i].name, arena_printf(&app->a, "carta_%zu", n)));
        q.after = page.next;
    } while (page.has_more);
    EXPECT_I64(n, 5);
    q.after = STR("%%%");
    EXPECT_FAILS(ST_INVALID, template_list(&app->a, tx, app->tenant, &q, &page, &why));
    return ST_OK;
}

static void lists_are_walked_by_cursor(void **state) {
    STEP(*state, pages);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FEATURE_TEST(a_sync_reads_every_page_and_what_is_missing_is_gone),
        FEATURE_TEST(a_sync_that_fails_changes_no_template),
        FEATURE_TEST(what_a_webhook_tells_is_newer_than_the_list_under_way),
        FEATURE_TEST(a_template_nobody_knows_is_read_anew),
        FEATURE_TEST(own_templates_are_written_here),
        FEATURE_TEST(the_providers_templates_are_not),
        FEATURE_TEST(lists_are_walked_by_cursor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

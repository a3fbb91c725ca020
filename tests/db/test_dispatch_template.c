/* test_dispatch_template.c - what a provider tells of a template, by a webhook or in its list, and what becomes of the campaigns
 * with it, on both engines.
 * SPDX-License-Identifier: Apache-2.0 */
#include "db/dispatch_fixture.h"

#define NAME "cobranca_padrao_whatsapp_v1"

static struct template_item told; /* what comes next */

static enum status learn(struct app *app, struct tx *tx, struct err *e) {
    struct template_item item = told;
    int64_t changed;

    item.name = item.name.len > 0 ? item.name : STR(NAME);
    item.language = STR("pt_BR");
    TRY(template_learn(&app->a, tx, &app->account, &item, clock_now_ms(), &changed, e));
    EXPECT_I64(changed, 1);
    return ST_OK;
}

static void hear(struct app *app, struct template_item item) {
    told = item;
    STEP(app, learn);
}

/* A campaign that runs, of which nothing has gone out yet: its job waits behind. */
static struct scene *running(struct app *app) {
    struct scene *s = plan(app, 3);

    fake_http_answer(app->graph, accepted);
    order(app, DISPATCH_START);
    return s;
}

static struct scene *after(struct app *app, struct template_item item) {
    struct scene *s = running(app);

    hear(app, item);
    (void)run_jobs(app, 10);
    STEP(app, look);
    return s;
}

static void pause_stops_it_with_the_providers_words(void **state) {
    struct app *app = *state;
    struct scene *s = after(
        app, (struct template_item){.status = STR("paused"), .reason = STR("paused for 3 hours")});

    assert_str(s->d.state, "paused");
    assert_str(s->d.cause, "template-paused");
    assert_str(s->d.reason, "the template \"" NAME "\" is paused: paused for 3 hours");
    assert_int_equal(fake_http_count(app->graph), 0);
    assert_int_equal(s->counts.planned, 3);
}

static void red_stops_it_and_yellow_does_not(void **state) {
    struct app *app = *state;
    struct scene *s = running(app);

    hear(app, (struct template_item){.quality = STR("yellow")});
    STEP(app, look);
    assert_str(s->d.state, "running");
    hear(app, (struct template_item){.quality = STR("red")});
    assert_int_equal(count_rows(app, "SELECT count(*) FROM jobs WHERE kind = 'template.changed'"),
                     1); /* of red alone */
    (void)run_jobs(app, 10);
    STEP(app, look);
    assert_str(s->d.state, "paused");
    assert_str(s->d.cause, "template-quality");
    /* Who has seen it and goes on is not stopped for the same again. */
    hear(app, (struct template_item){.quality = STR("red")});
    order(app, DISPATCH_RESUME);
    (void)run_jobs(app, 10);
    STEP(app, look);
    assert_str(s->d.state, "done");
    assert_int_equal(s->counts.sent, 3);
}

static void another_category_stops_it_since_the_price_is_another(void **state) {
    struct app *app = *state;
    struct scene *s = after(app, (struct template_item){.category = STR("marketing")});

    assert_str(s->d.state, "paused");
    assert_str(s->d.cause, "template-category");
    assert_str(s->d.reason, "the template \"" NAME "\" is \"marketing\" now, it was \"utility\"");
    order(app, DISPATCH_RESUME);
    (void)run_jobs(app, 10);
    STEP(app, look);
    assert_str(s->d.state, "done");
    assert_int_equal(s->counts.cost, 3 * 350000); /* as it is now */
}

static enum status rename_template(struct app *app, struct tx *tx, struct err *e) {
    TRY(put_template(app, tx, e));
    return DB_EXEC(tx,
                   DB_SQL("UPDATE templates SET name = 'outro' WHERE tenant_id = $1 AND name = $2"),
                   NULL, e, V_UUID(app->tenant.v), V_TEXT(STR(NAME)));
}

static void campaign_with_another_template_goes_on(void **state) {
    struct app *app = *state;
    struct scene *s;

    STEP(app, rename_template);
    s = after(app, (struct template_item){.name = STR("outro"), .status = STR("disabled")});
    assert_str(s->d.state, "done");
    assert_int_equal(s->counts.sent, 3);
}

static enum status add_english(struct app *app, struct tx *tx, struct err *e) {
    return DB_EXEC(
        tx,
        DB_SQL("INSERT INTO templates (id, tenant_id, account_id, channel, name, language,"
               " category, status, body, components, created_at, updated_at)"
               " SELECT $2, tenant_id, account_id, channel, name, 'en_US', category,"
               " status, 'Hello {{1}}', components, 2, 2 FROM templates"
               " WHERE tenant_id = $1"),
        NULL, e, V_UUID(app->tenant.v), V_UUID(uuid_new()));
}

static void campaign_keeps_the_language_it_began_with(void **state) {
    struct app *app = *state;
    struct scene *s = running(app);

    STEP(app, add_english); /* newer, so the first to be taken where no language is named */
    (void)run_jobs(app, 10);
    STEP(app, look);
    assert_str(s->d.state, "done");
    assert_int_equal(s->counts.sent, 3);
    assert_int_equal(
        count_rows(app, "SELECT count(*) FROM dispatch_recipients WHERE language = 'pt_BR'"), 3);
    assert_true(str_contains(s->d.channels, STR("\"language\":\"pt_BR\"")));
}

static void what_was_taken_back_meanwhile_stops_nothing(void **state) {
    struct app *app = *state;
    struct scene *s = running(app);

    hear(app, (struct template_item){.status = STR("paused")});
    hear(app, (struct template_item){.status = STR("approved")});
    (void)run_jobs(app, 10);
    STEP(app, look);
    assert_str(s->d.state, "done");
    assert_int_equal(s->counts.sent, 3);
}

static void one_that_waits_for_its_time_no_longer_starts_by_itself(void **state) {
    struct app *app = *state;
    struct scene *s = plan(app, 3);

    s->start_at_ms = clock_now_ms() + DAY_MS;
    order(app, DISPATCH_START);
    STEP(app, look);
    assert_true(s->d.start_at_ms > 0);
    hear(app, (struct template_item){.status = STR("rejected")});
    (void)run_jobs(app, 10);
    STEP(app, look);
    assert_str(s->d.state, "planned");
    assert_str(s->d.cause, "template-rejected");
    assert_int_equal(s->d.start_at_ms, 0);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM jobs WHERE kind = 'dispatch.start'"), 0);
}

/* --- by the provider's list ----------------------------------------------------------------------------------------------- */

static enum status ask(struct app *app, struct tx *tx, struct err *e) {
    return template_sync(&app->a, tx, &app->account, e);
}

static void list_that_shows_a_pause_stops_it_as_well(void **state) {
    struct app *app = *state;
    struct scene *s = plan(app, 3);

    fake_http_answer(
        app->graph,
        (struct fake_reply){
            .status = 200,
            .body = "{\"data\":[{\"id\":\"77\",\"name\":\"" NAME
                    "\",\"language\":\"pt_BR\",\"status\":\"PAUSED\",\"category\":\"UTILITY\","
                    "\"components\":[{\"type\":\"BODY\",\"text\":\"Olá {{1}}\"}]}]}"});
    clock_shift_ms(5);
    s->start_at_ms = clock_now_ms() + DAY_MS;
    order(app, DISPATCH_START);
    STEP(app, ask);
    (void)run_jobs(app, 10);
    STEP(app, look);
    assert_str(s->d.cause, "template-paused");
    assert_int_equal(s->d.start_at_ms, 0);
    assert_int_equal(fake_http_count(app->graph), 1);
    clock_shift_ms(0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FEATURE_TEST(pause_stops_it_with_the_providers_words),
        FEATURE_TEST(red_stops_it_and_yellow_does_not),
        FEATURE_TEST(another_category_stops_it_since_the_price_is_another),
        FEATURE_TEST(campaign_with_another_template_goes_on),
        FEATURE_TEST(campaign_keeps_the_language_it_began_with),
        FEATURE_TEST(what_was_taken_back_meanwhile_stops_nothing),
        FEATURE_TEST(one_that_waits_for_its_time_no_longer_starts_by_itself),
        FEATURE_TEST(list_that_shows_a_pause_stops_it_as_well),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

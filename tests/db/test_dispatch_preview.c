/* test_dispatch_preview.c - what a preview shows is what is then sent, on both engines.
 * SPDX-License-Identifier: Apache-2.0 */
#include "db/dispatch_fixture.h"

static struct dispatch_previewed what;
static struct dispatch_preview seen;
static const char *audience, *channels, *variables; /* instead of the campaign's; NULL: those */

static enum status read_json(struct app *app, const char *text, const struct json **ret,
                             struct err *e) {
    *ret = NULL;
    return text ? json_parse(&app->a, str_of(text), JSON_LIMITS_DEFAULT, ret, e) : ST_OK;
}

static enum status look_at(struct app *app, struct tx *tx, struct err *e) {
    what.tenant = app->tenant;
    what.now_ms = clock_now_ms();
    TRY(read_json(app, audience, &what.edit.audience, e));
    TRY(read_json(app, channels, &what.edit.channels, e));
    TRY(read_json(app, variables, &what.edit.variables, e));
    return dispatch_preview(&app->a, tx, &what, &seen, e);
}

static const struct dispatch_preview_message *
preview_of(struct app *app, struct dispatch_id campaign, const char *with_variables) {
    what = (struct dispatch_previewed){.id = campaign};
    variables = with_variables;
    STEP(app, look_at);
    assert_true(seen.n > 0);
    return &seen.messages[0];
}

static int teardown(void **state) {
    audience = channels = variables = NULL;
    return feature_teardown(state);
}

static void preview_is_what_is_then_sent(void **state) {
    struct app *app = *state;
    struct scene *s = prepare(app, 3);
    const struct dispatch_preview_message *m = preview_of(app, s->id, NULL);
    struct str text = m->text;

    assert_true(seen.has_lead && seen.would_send);
    assert_str(seen.channel, "whatsapp");
    assert_str(seen.reason, "has-phone");
    assert_true(m->content.len > 0 && m->n_missing == 0 && m->block.len == 0);
    assert_int_equal(seen.n, 2); /* also what would go out by e-mail, had they an address */
    assert_int_equal(count_rows(app, "SELECT count(*) FROM dispatch_recipients"), 0);

    order(app, DISPATCH_PLAN);
    (void)run_jobs(app, 1);
    fake_http_answer(app->graph, accepted);
    order(app, DISPATCH_START);
    (void)run_jobs(app, 1);
    STEP(app, first_row);
    assert_true(uuid_eq(s->row.lead.v, seen.lead.id.v)); /* the first of the audience */
    assert_true(str_eq(s->row.text, text));
}

static void preview_names_what_has_no_value_and_shows_where(void **state) {
    struct app *app = *state;
    struct scene *s = prepare(app, 1);
    const struct dispatch_preview_message *m =
        preview_of(app, s->id, "{\"1\":{\"field\":\"company\"}}");

    assert_int_equal(m->n_missing, 1);
    assert_str(m->missing[0], "1");
    assert_str(m->text, "Olá {{1}}");
    assert_int_equal(m->content.len, 0);
    assert_true(!seen.would_send);
    assert_str(seen.block_reason, "variable-missing");
    m = preview_of(app, s->id, "{\"1\":{\"field\":\"company\",\"default\":\"cliente\"}}");
    assert_str(m->text, "Olá cliente");
    assert_true(seen.would_send);
    m = preview_of(app, s->id, "{\"1\":\"pessoal\"}");
    assert_str(m->text, "Olá pessoal");
}

static void campaign_that_is_not_saved_is_previewed_with_whom_it_is_for(void **state) {
    struct app *app = *state;
    struct scene *s = prepare(app, 2);
    const struct dispatch_preview_message *m;

    audience = arena_cstr(&app->a, arena_printf(&app->a, "{\"leads\":[\"%.*s\"]}",
                                                STR_ARG(uuid_format(&app->a, s->leads[1].v))));
    channels = "[{\"channel\":\"whatsapp\"}]";
    m = preview_of(app, (struct dispatch_id){0}, "{\"1\":{\"field\":\"name\"}}");
    assert_int_equal(seen.n, 1);
    assert_true(uuid_eq(seen.lead.id.v, s->leads[1].v));
    assert_str(m->text, "Olá Pessoa 1");
    audience = "{\"leads\":[\"01920000-0000-7000-8000-000000000000\"]}";
    m = preview_of(app, (struct dispatch_id){0}, "{\"1\":{\"field\":\"name\"}}");
    assert_true(!seen.has_lead && !seen.would_send);
    assert_str(m->text, "Olá {{1}}");
}

static void template_that_is_not_there_is_said(void **state) {
    struct app *app = *state;
    struct scene *s = prepare(app, 1);
    const struct dispatch_preview_message *m;

    channels = "[{\"channel\":\"whatsapp\",\"template\":\"nenhum\"}]";
    m = preview_of(app, s->id, NULL);
    assert_str(m->block, "template-missing");
    assert_int_equal(m->text.len, 0);
    assert_true(!seen.would_send);
    assert_str(seen.block_reason, "template-missing");
}

#define PREVIEW_TEST(fn) cmocka_unit_test_setup_teardown(fn, feature_setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        PREVIEW_TEST(preview_is_what_is_then_sent),
        PREVIEW_TEST(preview_names_what_has_no_value_and_shows_where),
        PREVIEW_TEST(campaign_that_is_not_saved_is_previewed_with_whom_it_is_for),
        PREVIEW_TEST(template_that_is_not_there_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

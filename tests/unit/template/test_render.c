/* test_render.c - which variables a template has, and what it becomes with their values.
 * SPDX-License-Identifier: Apache-2.0 */
#include "template/render.h"
#include "unit/check.h"

static const char meta_all[] =
    "[{\"type\":\"HEADER\",\"format\":\"TEXT\",\"text\":\"Pedido {{1}}\","
    "\"example\":{\"header_text\":[\"812\"]}},"
    "{\"type\":\"BODY\",\"text\":\"Olá {{1}}, sua visita é {{2}}. {{1}}!\","
    "\"example\":{\"body_text\":[[\"Ana\",\"terça\",\"Ana\"]]}},"
    "{\"type\":\"FOOTER\",\"text\":\"Responda SAIR para parar\"},"
    "{\"type\":\"BUTTONS\",\"buttons\":[{\"type\":\"QUICK_REPLY\",\"text\":\"Ok\"},"
    "{\"type\":\"URL\",\"text\":\"Ver\",\"url\":\"https://x.test/{{1}}\",\"example\":[\"a\"]},"
    "{\"type\":\"COPY_CODE\",\"example\":[\"C\"]}]}]";

struct rendered {
    struct arena a;
    struct err e;
    struct str content, text;
};

static struct template template_of(struct arena *a, const char *components) {
    struct template t = {.channel = STR("whatsapp"),
                         .name = STR("t"),
                         .language = STR("pt_BR"),
                         .status = STR("approved"),
                         .components = str_of(components)};

    template_understand(a, &t);
    return t;
}

static enum status render(struct rendered *r, const struct template *t, const char *values) {
    const struct json *v;

    err_clear(&r->e);
    assert_ok(json_parse(&r->a, str_of(values), JSON_LIMITS_DEFAULT, &v, &r->e), &r->e);
    return template_render(&r->a, t, v, &r->content, &r->text, &r->e);
}

static void variables_of_all_parts_are_found_once(void **state) {
    static const char *const keys[] = {"header.1", "1", "2", "button.1", "button.2"};
    static const char *const examples[] = {"812", "Ana", "terça", "a", "C"};
    struct arena a = {0};
    struct template t = template_of(&a, meta_all);

    (void)state;
    assert_int_equal(t.n_variables, ARRAY_LEN(keys));
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        assert_str(t.variables[i].key, keys[i]);
        assert_str(t.variables[i].example, examples[i]);
    }
    arena_done(&a);
}

static void metas_parameters_stand_in_the_order_of_their_places(void **state) {
    struct rendered r = {0};
    struct template t = template_of(&r.a, meta_all);

    (void)state;
    assert_ok(render(&r, &t,
                     "{\"1\":\"Ana\\nMaria\",\"2\":\"terça\",\"header.1\":812,\"button.1\":\"b/c\","
                     "\"button.2\":\"X1\"}"),
              &r.e);
    assert_str(
        r.content,
        "{\"name\":\"t\",\"language\":\"pt_BR\",\"components\":[{\"type\":\"header\",\"parameters\":"
        "[{\"type\":\"text\",\"text\":\"812\"}]},{\"type\":\"body\",\"parameters\":[{\"type\":"
        "\"text\",\"text\":\"Ana Maria\"},{\"type\":\"text\",\"text\":\"terça\"},{\"type\":\"text\","
        "\"text\":\"Ana Maria\"}]},{\"type\":\"button\",\"sub_type\":\"url\",\"index\":\"1\","
        "\"parameters\":[{\"type\":\"text\",\"text\":\"b/c\"}]},{\"type\":\"button\",\"sub_type\":"
        "\"copy_code\",\"index\":\"2\",\"parameters\":[{\"type\":\"coupon_code\",\"coupon_code\":"
        "\"X1\"}]}]}");
    assert_str(r.text, "Pedido 812\n\nOlá Ana Maria, sua visita é terça. Ana Maria!\n\nResponda "
                       "SAIR para parar");
    arena_done(&r.a);
}

static void named_parameters_keep_their_names(void **state) {
    struct rendered r = {0};
    struct template t = template_of(
        &r.a, "[{\"type\":\"BODY\",\"text\":\"Oi, {{nome}}\",\"example\":{"
              "\"body_text_named_params\":[{\"param_name\":\"nome\",\"example\":\"Ana\"}]}}]");

    (void)state;
    assert_str(t.variables[0].example, "Ana");
    assert_ok(render(&r, &t, "{\"nome\":\"Bia\"}"), &r.e);
    assert_true(str_contains(r.content, STR("\"parameter_name\":\"nome\",\"text\":\"Bia\"")));
    arena_done(&r.a);
}

static void a_variable_without_value_is_named(void **state) {
    static const char *const values[] = {"{}", "{\"nome\":\"\"}", "{\"nome\":\" \"}",
                                         "{\"nome\":null}", "{\"nome\":[]}"};
    struct rendered r = {0};
    struct template t = template_of(&r.a, "[{\"type\":\"BODY\",\"text\":\"Oi, {{nome}}\"}]");

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        assert_int_equal(render(&r, &t, values[i]), ST_INVALID);
        assert_string_equal(r.e.cause, "variable-missing");
        assert_non_null(strstr(r.e.message, "\"nome\""));
    }
    arena_done(&r.a);
}

static void a_ref_takes_one_set_of_variables(void **state) {
    struct rendered r = {0};
    struct template t = template_of(
        &r.a, "{\"twilio/quick-reply\":{\"body\":\"Oi {{1}}\",\"actions\":[{\"title\":\"Sim\","
              "\"id\":\"s_{{2}}\"}]}}");

    (void)state;
    t.provider_ref = STR("HX1");
    t.body = STR("Oi {{1}}");
    assert_int_equal(t.n_variables, 2);
    assert_ok(render(&r, &t, "{\"1\":\"Ana\",\"2\":\"9\"}"), &r.e);
    assert_str(r.content, "{\"name\":\"t\",\"language\":\"pt_BR\",\"ref\":\"HX1\",\"variables\":"
                          "{\"1\":\"Ana\",\"2\":\"9\"}}");
    assert_str(r.text, "Oi Ana");
    arena_done(&r.a);
}

static void values_cannot_break_out_of_an_email(void **state) {
    struct rendered r = {0};
    struct template t = {.channel = STR("email"),
                         .status = STR("local"),
                         .subject = STR("Olá {{ nome }}"),
                         .body = STR("Oi {{nome}}"),
                         .html = STR("<p>Oi {{nome}}</p>")};

    (void)state;
    template_understand(&r.a, &t);
    assert_int_equal(t.n_variables, 1);
    assert_ok(render(&r, &t, "{\"nome\":\"<b>A&B</b>\\r\\nBcc: x@y.test\"}"), &r.e);
    assert_str(r.content,
               "{\"subject\":\"Olá <b>A&B</b> Bcc: x@y.test\",\"text\":\"Oi <b>A&B</b>\\r\\nBcc: "
               "x@y.test\",\"html\":\"<p>Oi &lt;b&gt;A&amp;B&lt;/b&gt;\\r\\nBcc: "
               "x@y.test</p>\"}");
    arena_done(&r.a);
}

static void a_value_is_not_looked_at_for_placeholders(void **state) {
    struct rendered r = {0};
    struct template t = template_of(&r.a, "[{\"type\":\"BODY\",\"text\":\"{{1}} {{2}}\"}]");

    (void)state;
    assert_ok(render(&r, &t, "{\"1\":\"{{2}}\",\"2\":\"x\"}"), &r.e);
    assert_str(r.text, "{{2}} x");
    arena_done(&r.a);
}

static void broken_placeholders_are_text(void **state) {
    static const char *const texts[] = {"{{", "{{}}", "{{ }}", "{{a b}}", "{{a}", "}}{{", "{ {a}}"};
    struct rendered r = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct template t = {.channel = STR("email"), .body = str_of(texts[i])};

        template_understand(&r.a, &t);
        assert_int_equal(t.n_variables, 0);
        assert_ok(render(&r, &t, "{}"), &r.e);
        assert_str(r.text, texts[i]);
    }
    arena_done(&r.a);
}

static void only_good_ones_may_be_used(void **state) {
    struct arena a = {0};
    struct str why;
    struct template t = template_of(&a, meta_all);

    (void)state;
    assert_true(template_is_usable(&t, &why));
    t.status = STR("paused");
    assert_false(template_is_usable(&t, &why));
    assert_str(why, "template-paused");
    t = template_of(&a, "[{\"type\":\"CAROUSEL\"}]");
    assert_false(template_is_usable(&t, &why));
    assert_str(why, "template-unsupported");
    arena_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variables_of_all_parts_are_found_once),
        cmocka_unit_test(metas_parameters_stand_in_the_order_of_their_places),
        cmocka_unit_test(named_parameters_keep_their_names),
        cmocka_unit_test(a_variable_without_value_is_named),
        cmocka_unit_test(a_ref_takes_one_set_of_variables),
        cmocka_unit_test(values_cannot_break_out_of_an_email),
        cmocka_unit_test(a_value_is_not_looked_at_for_placeholders),
        cmocka_unit_test(broken_placeholders_are_text),
        cmocka_unit_test(only_good_ones_may_be_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_script.c - a script's errors name their place, and a script that parses always has an answer.
 * SPDX-License-Identifier: Apache-2.0 */
#include "bot/script.h"

#include <stdlib.h>

#include "base/utf8.h"
#include "unit/check.h"

#define NODE_A "\"a\":{\"say\":[{\"type\":\"text\",\"text\":\"A\"}]}"
#define WHOLE(start, rules, fallback, nodes)                                                       \
    "{\"version\":1,\"start\":\"" start "\",\"rules\":" rules ",\"fallback\":" fallback            \
    ",\"nodes\":{" nodes "}}"
#define FALLBACK     "{\"go\":\"a\",\"after\":2,\"then\":\"a\"}"
#define NODES(nodes) WHOLE("a", "[]", FALLBACK, NODE_A "," nodes)
#define SAY(say)     NODES("\"b\":{\"say\":[" say "]}")
#define RULES(rules) WHOLE("a", rules, FALLBACK, NODE_A)
#define TEN          "{\"id\":\"x\",\"title\":\"t\"},{\"id\":\"x\",\"title\":\"t\"}"

/* --- errors ------------------------------------------------------------------------------------ */

static void errors_name_their_place(void **state) {
    static const struct {
        const char *script, *message;
    } bad[] = {
        {"[]", "version: a script is an object with \"version\": 1"},
        {"{\"version\":2}", "version: a script is an object with \"version\": 1"},
        {"{\"version\":1}", "nodes: an object of 1 to 500 nodes is needed"},
        {"{\"version\":1,\"nodes\":{}}", "nodes: an object of 1 to 500 nodes is needed"},
        {WHOLE("x", "[]", FALLBACK, NODE_A), "start: there is no node \"x\""},
        {RULES("{}"), "rules: a list of rules is needed"},
        {RULES("[{\"go\":\"a\"}]"), "rules[0]: \"any\" or \"all\" is needed"},
        {RULES("[{\"any\":\"oi\",\"go\":\"a\"}]"), "rules[0].any: a list of phrases is needed"},
        {RULES("[{\"any\":[\"oi\",\"?!\"],\"go\":\"a\"}]"),
         "rules[0].any[1]: a phrase with a word in it is needed"},
        {RULES("[{\"all\":[1],\"go\":\"a\"}]"),
         "rules[0].all[0]: a phrase with a word in it is needed"},
        {RULES("[{\"any\":[\"oi\"],\"go\":\"z\"}]"), "rules[0].go: there is no node \"z\""},
        {WHOLE("a", "[]", "{\"go\":\"a\",\"after\":0,\"then\":\"a\"}", NODE_A),
         "fallback.after: a number from 1 to 20 is needed"},
        {WHOLE("a", "[]", "{\"go\":\"q\",\"then\":\"a\"}", NODE_A),
         "fallback.go: there is no node \"q\""},
        {WHOLE("a", "[]", "{\"go\":\"a\"}", NODE_A), "fallback.then: there is no node \"\""},
        {NODES("\"b\":{\"handoff\":\"x\\u0000\"}"),
         "a text of the script holds a NUL character (\\u0000)"},
        {NODES("\"b\":{}"),
         "nodes.b: it must say something or hand off, or the person gets no answer"},
        {NODES("\"b\":{\"handoff\":\"x\",\"choices\":[]}"),
         "nodes.b.choices: an object of choice id to node is needed"},
        {NODES("\"b\":{\"handoff\":\"x\",\"choices\":{\"yes\":\"z\"}}"),
         "nodes.b.choices.yes: there is no node \"z\""},
        {NODES("\"b\":{\"handoff\":\"x\",\"rules\":[{\"any\":[\"oi\"],\"go\":\"z\"}]}"),
         "nodes.b.rules[0].go: there is no node \"z\""},
        {SAY("{\"type\":\"hologram\"}"),
         "nodes.b.say[0].type: one of text, buttons, list, image, video, audio, document is needed"},
        {SAY("{\"type\":\"text\"}"), "nodes.b.say[0].text: a text is needed"},
        {SAY("{\"type\":\"buttons\",\"text\":\"x\"}"),
         "nodes.b.say[0].buttons: one to three are needed"},
        {SAY("{\"type\":\"buttons\",\"text\":\"x\",\"buttons\":[" TEN "," TEN "]}"),
         "nodes.b.say[0].buttons: one to three are needed"},
        {SAY("{\"type\":\"buttons\",\"text\":\"x\",\"buttons\":[" TEN ",{\"id\":\"y\"}]}"),
         "nodes.b.say[0].buttons[2].title: a text is needed"},
        {SAY("{\"type\":\"buttons\",\"text\":\"x\",\"buttons\":[{\"id\":\"y\","
             "\"title\":\"mais de vinte caracteres\"}]}"),
         "nodes.b.say[0].buttons[0].title: at most 20 characters"},
        {SAY("{\"type\":\"list\",\"text\":\"x\",\"button\":\"b\",\"sections\":[]}"),
         "nodes.b.say[0].sections: one to ten rows in all are needed"},
        {SAY("{\"type\":\"list\",\"text\":\"x\",\"button\":\"b\",\"sections\":[{\"rows\":[" TEN
             "," TEN "," TEN "]},{\"rows\":[" TEN "," TEN "," TEN "]}]}"),
         "nodes.b.say[0].sections: one to ten rows in all are needed"},
        {SAY("{\"type\":\"list\",\"text\":\"x\",\"button\":\"b\",\"sections\":[{\"rows\":[{}]}]}"),
         "nodes.b.say[0].sections[0].rows[0].id: a text is needed"},
        {SAY("{\"type\":\"image\",\"media\":{}}"),
         "nodes.b.say[0].media: exactly one of \"id\" and \"link\" is needed"},
        {SAY("{\"type\":\"audio\",\"media\":{\"id\":\"1\",\"link\":\"https://x\"}}"),
         "nodes.b.say[0].media: exactly one of \"id\" and \"link\" is needed"},
    };
    struct arena a = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const struct script *s;
        struct err e = ERR_INIT;

        assert_int_equal(script_parse(&a, str_of(bad[i].script), &s, &e), ST_INVALID);
        assert_string_equal(e.message, bad[i].message);
    }
    arena_done(&a);
}

static void text_that_is_no_json_is_refused(void **state) {
    static const char *const bad[] = {"", "{", "{\"version\":1,}", "\xff"};
    struct arena a = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const struct script *s;
        struct err e = ERR_INIT;

        assert_int_equal(script_parse(&a, str_of(bad[i]), &s, &e), ST_INVALID);
    }
    arena_done(&a);
}

/* --- running --------------------------------------------------------------------------------------- */

static const char talk[] =
    "{\"version\":1,\"start\":\"menu\","
    "\"rules\":[{\"any\":[\"preço\",\"quanto custa\"],\"go\":\"plans\"},"
    "{\"any\":[\"cancelar\"],\"all\":[\"meu\",\"pedido\"],\"go\":\"cancel\"}],"
    "\"fallback\":{\"go\":\"lost\",\"after\":3,\"then\":\"person\"},\"nodes\":{"
    "\"menu\":{\"say\":[{\"type\":\"buttons\",\"text\":\"Olá, {{name}}! {{name}}?\","
    "\"buttons\":[{\"id\":\"p\",\"title\":\"Planos\"}]}],\"choices\":{\"p\":\"plans\"}},"
    "\"plans\":{\"say\":[{\"type\":\"text\",\"text\":\"R$ 49\"}],"
    "\"rules\":[{\"any\":[\"preço\"],\"go\":\"detail\"}],\"choices\":{\"p\":\"detail\"}},"
    "\"detail\":{\"say\":[{\"type\":\"text\",\"text\":\"por mês\"},"
    "{\"type\":\"text\",\"text\":\"por pessoa\"}]},"
    "\"cancel\":{\"say\":[{\"type\":\"text\",\"text\":\"Cancelado\"}]},"
    "\"lost\":{\"say\":[{\"type\":\"text\",\"text\":\"Como?\"}]},"
    "\"person\":{\"handoff\":\"não entendi\"}}}";

struct run {
    struct arena a;
    const struct script *script;
    struct str state, name;
    struct script_output out;
};

static int run_open(void **state) {
    struct run *r = calloc(1, sizeof(*r));
    struct err e = ERR_INIT;

    assert_non_null(r);
    assert_ok(script_parse(&r->a, str_of(talk), &r->script, &e), &e);
    r->name = STR("Ana Souza");
    *state = r;
    return 0;
}

static int run_close(void **state) {
    struct run *r = *state;

    arena_done(&r->a);
    free(r);
    return 0;
}

static void answer(struct run *r, const char *text, const char *choice) {
    const struct script_input in = {
        .text = str_of(text), .choice = str_of(choice), .state = r->state, .name = r->name};

    script_run(&r->a, r->script, &in, &r->out);
    r->state = r->out.state;
}

#define assert_goes(r, text, choice, to)                                                           \
    do {                                                                                           \
        answer((r), (text), (choice));                                                             \
        assert_str((r)->out.node, (to));                                                           \
    } while (0)

static void first_words_lead_to_the_start(void **state) {
    struct run *r = *state;

    assert_goes(r, "qualquer coisa", "", "menu");
}

static void first_words_that_match_a_rule_lead_there(void **state) {
    struct run *r = *state;

    assert_goes(r, "quanto custa?", "", "plans");
}

static void tapped_choice_of_the_current_node_comes_first(void **state) {
    struct run *r = *state;

    assert_goes(r, "oi", "", "menu");
    assert_goes(r, "Planos", "p", "plans");
    assert_str(r->out.because, "choice");
    assert_goes(r, "Planos", "p", "detail"); /* the same id means another thing here */
}

static void tapped_choice_of_an_older_node_still_works(void **state) {
    struct run *r = *state;

    assert_goes(r, "cancelar meu pedido", "", "cancel");
    assert_goes(r, "Planos", "p", "plans");
}

static void nodes_own_rule_comes_before_the_scripts(void **state) {
    struct run *r = *state;

    assert_goes(r, "preço", "", "plans");
    assert_str(r->out.because, "script rule 1");
    assert_goes(r, "preço", "", "detail");
    assert_str(r->out.because, "node rule 1");
    assert_int_equal(r->out.n_say, 2);
    assert_goes(r, "preço", "", "plans");
}

static void rules_ignore_case_accents_and_punctuation(void **state) {
    static const char *const same[] = {"PREÇO",
                                       "preco?",
                                       "Qual o preço, por favor",
                                       "prec\xcc\xa7o",
                                       "...quanto  custa...",
                                       "oi\nQUANTO CUSTA"};
    struct run *r = *state;

    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        r->state = STR_EMPTY;
        assert_goes(r, same[i], "", "plans");
    }
    r->state = STR_EMPTY;
    assert_goes(r, "apreço quanto", "", "menu"); /* whole words only */
}

static void all_phrases_of_all_are_needed(void **state) {
    struct run *r = *state;

    assert_goes(r, "cancelar pedido", "", "menu");
    assert_goes(r, "quero cancelar o meu pedido", "", "cancel");
}

static void fallback_hands_over_after_so_many_misses_in_a_row(void **state) {
    struct run *r = *state;

    assert_goes(r, "oi", "", "menu");
    assert_goes(r, "xyz", "", "lost");
    assert_goes(r, "xyz", "", "lost");
    assert_goes(r, "preço", "", "plans"); /* understood: counts from the start */
    assert_goes(r, "xyz", "", "lost");
    assert_goes(r, "xyz", "", "lost");
    assert_goes(r, "xyz", "", "person");
    assert_str(r->out.handoff, "não entendi");
    assert_int_equal(r->out.n_say, 0);
}

static void name_is_the_first_of_the_persons_names(void **state) {
    struct run *r = *state;

    answer(r, "oi", "");
    assert_int_equal(r->out.n_say, 1);
    assert_str(r->out.say[0].type, "buttons");
    assert_str(r->out.say[0].content, "{\"text\":\"Olá, Ana! Ana?\",\"buttons\":"
                                      "[{\"id\":\"p\",\"title\":\"Planos\"}]}");
    r->name = STR("  ");
    r->state = STR_EMPTY;
    answer(r, "oi", "");
    assert_true(str_contains(r->out.say[0].content, STR("Olá, ! ?")));
    r->name = STR("\"}\\ {{name}}");
    r->state = STR_EMPTY;
    answer(r, "oi", "");
    assert_true(str_contains(r->out.say[0].content, STR("Olá, \\\"}\\\\! \\\"}\\\\?")));
}

static void state_of_a_node_that_is_gone_starts_over(void **state) {
    static const char *const states[] = {"{\"node\":\"gone\",\"misses\":2}", "{}", "[]", "x"};
    struct run *r = *state;

    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        r->state = str_of(states[i]);
        assert_goes(r, "xyz", "", "menu");
    }
}

static void builtin_script_is_valid_and_answers(void **state) {
    struct run *r = *state;
    struct err e = ERR_INIT;

    assert_ok(script_parse(&r->a, script_builtin(), &r->script, &e), &e);
    assert_goes(r, "Olá!", "", "menu");
    assert_goes(r, "Ver planos", "plans", "plans");
    assert_goes(r, "Essencial", "plan_start", "chosen");
    assert_goes(r, "Falar com alguém", "person", "person");
    assert_true(r->out.handoff.len > 0 && r->out.n_say == 1);
}

/* --- bounds ------------------------------------------------------------------------------------------- */

static const struct json *content_of(struct run *r, size_t i) {
    const struct json *v;
    struct err e = ERR_INIT;

    assert_ok(json_parse(&r->a, r->out.say[i].content, JSON_LIMITS_DEFAULT, &v, &e), &e);
    return v;
}

static struct str repeat(struct arena *a, struct str what, size_t n) {
    char *all = arena_alloc(a, what.len * n + 1);

    for (size_t i = 0; i < n; i++)
        memcpy(all + i * what.len, what.ptr, what.len);
    return (struct str){all, what.len * n};
}

static void load(struct run *r, struct str node) {
    struct str text = arena_printf(
        &r->a,
        "{\"version\":1,\"start\":\"a\",\"fallback\":{\"go\":\"a\",\"then\":\"a\"},\"nodes\":"
        "{\"a\":%.*s}}",
        STR_ARG(node));
    struct err e = ERR_INIT;

    assert_ok(script_parse(&r->a, text, &r->script, &e), &e);
}

static void content_with_a_member_of_any_size_stays_whole(void **state) {
    struct run *r = *state;
    struct str big = repeat(&r->a, STR("x"), 200000);

    load(r, arena_printf(&r->a, "{\"say\":[{\"type\":\"text\",\"text\":\"A\",\"note\":\"%.*s\"}]}",
                         STR_ARG(big)));
    answer(r, "oi", "");
    assert_str(json_str(json_get(content_of(r, 0), "text")), "A");
}

static void long_names_do_not_push_a_text_over_its_limit(void **state) {
    struct run *r = *state;
    struct str many = repeat(&r->a, STR("{{name}}"), 400);

    load(r, arena_printf(&r->a,
                         "{\"say\":[{\"type\":\"text\",\"text\":\"%.*s\"},"
                         "{\"type\":\"buttons\",\"text\":\"x\",\"buttons\":"
                         "[{\"id\":\"1\",\"title\":\"Sou {{name}}\"}]}]}",
                         STR_ARG(many)));
    r->name = STR("Maximilianaaaaaaaaaaaaaaaaaaaaaaaaaaaaaé");
    answer(r, "oi", "");
    assert_int_equal(json_str(json_get(content_of(r, 0), "text")).len <= 4096 * 4, 1);
    assert_int_equal(utf8_count(json_str(json_get(content_of(r, 0), "text"))), 4096);
    assert_int_equal(
        utf8_count(json_str(json_get(json_at(json_get(content_of(r, 1), "buttons"), 0), "title"))),
        20);
}

#define RUN_TEST(fn) cmocka_unit_test_setup_teardown(fn, run_open, run_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_name_their_place),
        cmocka_unit_test(text_that_is_no_json_is_refused),
        RUN_TEST(first_words_lead_to_the_start),
        RUN_TEST(first_words_that_match_a_rule_lead_there),
        RUN_TEST(tapped_choice_of_the_current_node_comes_first),
        RUN_TEST(tapped_choice_of_an_older_node_still_works),
        RUN_TEST(nodes_own_rule_comes_before_the_scripts),
        RUN_TEST(rules_ignore_case_accents_and_punctuation),
        RUN_TEST(all_phrases_of_all_are_needed),
        RUN_TEST(fallback_hands_over_after_so_many_misses_in_a_row),
        RUN_TEST(name_is_the_first_of_the_persons_names),
        RUN_TEST(state_of_a_node_that_is_gone_starts_over),
        RUN_TEST(builtin_script_is_valid_and_answers),
        RUN_TEST(content_with_a_member_of_any_size_stays_whole),
        RUN_TEST(long_names_do_not_push_a_text_over_its_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

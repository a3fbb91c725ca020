/* test_words.c - what people write in different ways and mean alike is found alike.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "search/words.h"

struct rig {
    struct arena a;
    struct stemmer *stemmer;
};

static int setup(void **state) {
    static struct rig rig;
    struct err e = ERR_INIT;

    rig = (struct rig){0};
    assert_int_equal(stemmer_new(&rig.stemmer, &e), ST_OK);
    *state = &rig;
    return 0;
}

static int teardown(void **state) {
    struct rig *rig = *state;

    stemmer_free(rig->stemmer);
    arena_done(&rig->a);
    return 0;
}

/* The stems of text, separated by blanks, stop words left out. */
static const char *stems(struct rig *rig, enum words_of of, const char *text) {
    struct word *words;
    size_t n = words_split(&rig->a, rig->stemmer, of, str_of(text), &words);
    struct str out = STR_EMPTY;

    for (size_t i = 0; i < n; i++)
        if (!words[i].is_stop)
            out = arena_printf(&rig->a, "%.*s%s%.*s", STR_ARG(out), out.len > 0 ? " " : "",
                               STR_ARG(words[i].stem));
    return arena_cstr(&rig->a, out);
}

static void forms_of_one_word_meet(void **state) {
    static const char *const words[][6] = {
        {"informação", "informacao", "INFORMAÇÕES", "informacoes"},
        {"orçamento", "orcamentos", "Orçamentos"},
        {"limão", "limoes", "LIMÕES"},
        {"disponível", "disponivel", "disponíveis"},
        {"animal", "animais"},
        {"homem", "homens"},
        {"urgência", "urgencia", "urgências"},
        {"promoção", "promocoes", "promoções"},
        {"entrega", "entregas", "entregaram", "entregar"},
        {"comprei", "comprar", "compras", "compra"},
        {"preço", "precos", "PREÇO"},
        {"papel", "papéis"},
    };
    struct rig *rig = *state;

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        for (size_t k = 1; k < ARRAY_LEN(words[i]) && words[i][k]; k++)
            assert_string_equal(stems(rig, WORDS_OF_TEXT, words[i][k]),
                                stems(rig, WORDS_OF_TEXT, words[i][0]));
}

static void different_words_stay_apart(void **state) {
    static const char *const pairs[][2] = {
        {"limão", "lima"}, {"pedido", "pedreiro"}, {"conta", "contrato"}, {"entrega", "entrada"}};
    struct rig *rig = *state;

    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        assert_string_not_equal(stems(rig, WORDS_OF_TEXT, pairs[i][0]),
                                stems(rig, WORDS_OF_TEXT, pairs[i][1]));
}

static void phone_is_found_however_it_is_written(void **state) {
    struct rig *rig = *state;

    assert_string_equal(stems(rig, WORDS_OF_QUERY, "+55 (11) 98765-4321"), "5511987654321");
    assert_string_equal(stems(rig, WORDS_OF_QUERY, "98765-4321"), "987654321");
    assert_string_equal(stems(rig, WORDS_OF_TEXT, "+55 (11) 98765-4321"),
                        "55 11 98765 4321 5511987654321 11987654321 1987654321 987654321 87654321"
                        " 4321");
    assert_string_equal(stems(rig, WORDS_OF_TEXT, "11987654321"),
                        "11987654321 1987654321 987654321 87654321 4321");
}

static void other_numbers_stay_as_they_are(void **state) {
    struct rig *rig = *state;

    assert_string_equal(stems(rig, WORDS_OF_TEXT, "pedido 1042, R$ 1.234,56"),
                        "ped 1042 r 1 234 56");
    assert_string_equal(stems(rig, WORDS_OF_QUERY, "12/03/2026"), "12 03 2026");
    assert_string_equal(stems(rig, WORDS_OF_QUERY, "iphone13"), "iphone13");
}

static void places_are_those_of_the_original(void **state) {
    struct rig *rig = *state;
    struct str text = STR("Olá! 😀 Preço?");
    struct word *words;
    size_t n = words_split(&rig->a, rig->stemmer, WORDS_OF_TEXT, text, &words);

    assert_int_equal(n, 2);
    assert_true(str_eq(str_sub(text, words[0].at, words[0].len), STR("Olá")));
    assert_true(str_eq(str_sub(text, words[1].at, words[1].len), STR("Preço")));
}

static void other_scripts_are_words_too_and_signs_are_not(void **state) {
    struct rig *rig = *state;

    assert_string_equal(stems(rig, WORDS_OF_TEXT, "Привет — 東京 “ok” 👍🏽 …"),
                        "Привет 東京 ok");
    assert_string_equal(stems(rig, WORDS_OF_TEXT, "?! ... 😀"), "");
    assert_string_equal(stems(rig, WORDS_OF_TEXT, ""), "");
}

static void text_without_end_gives_words_up_to_the_bound(void **state) {
    struct rig *rig = *state;
    struct word *words;
    char *text = arena_alloc(&rig->a, 100000);

    memset(text, 'x', 100000);
    assert_int_equal(words_split(&rig->a, rig->stemmer, WORDS_OF_TEXT,
                                 (struct str){.ptr = text, .len = 100000}, &words),
                     1);
    assert_true(words[0].stem.len <= WORD_BYTES_MAX);
    for (size_t i = 1; i < 100000; i += 2)
        text[i] = ' ';
    assert_int_equal(words_split(&rig->a, rig->stemmer, WORDS_OF_TEXT,
                                 (struct str){.ptr = text, .len = 100000}, &words),
                     WORDS_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(forms_of_one_word_meet, setup, teardown),
        cmocka_unit_test_setup_teardown(different_words_stay_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(phone_is_found_however_it_is_written, setup, teardown),
        cmocka_unit_test_setup_teardown(other_numbers_stay_as_they_are, setup, teardown),
        cmocka_unit_test_setup_teardown(places_are_those_of_the_original, setup, teardown),
        cmocka_unit_test_setup_teardown(other_scripts_are_words_too_and_signs_are_not, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(text_without_end_gives_words_up_to_the_bound, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_help.c - what config.h promises of the texts made from the table, docs/configuration.md
 * among them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/table.h"

static struct buf out;
static struct arena arena;

static int setup(void **state) {
    (void)state;
    buf_init(&out, 1 << 20);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    buf_done(&out);
    arena_done(&arena);
    return 0;
}

#define assert_has(text) assert_true(str_contains(buf_str(&out), (text)))

/* A secret whose file is a setting itself has no flag, everything else has. */
static struct str name_in_help(const struct setting *s) {
    bool has_flag =
        s->type != SETTING_SECRET || !setting_find(arena_printf(&arena, "%s_file", s->key));

    return has_flag ? setting_flag(&arena, s) : setting_env(&arena, s);
}

static void every_setting_is_in_help_and_manual(void **state) {
    struct buf manual;

    (void)state;
    buf_init(&manual, 1 << 20);
    config_help(&out);
    config_markdown(&manual);
    for (size_t i = 0; i < config_table_len; i++) {
        const struct setting *s = &config_table[i];

        assert_has(arena_printf(&arena, "\n  %.*s", STR_ARG(name_in_help(s))));
        assert_true(str_contains(
            buf_str(&manual), arena_printf(&arena, "\n| `%.*s`", STR_ARG(setting_env(&arena, s)))));
    }
    buf_done(&manual);
}

static void help_fits_a_terminal(void **state) {
    struct str text, line;

    (void)state;
    config_help(&out);
    text = buf_str(&out);
    while (str_cut(&text, '\n', &line))
        assert_true(line.len <= 80);
}

static void every_row_of_the_table_is_whole(void **state) {
    (void)state;
    for (size_t i = 0; i < config_table_len; i++) {
        const struct setting *s = &config_table[i];

        assert_non_null(s->group);
        assert_true(str_ends(str_of(s->help), STR(".")));
        assert_null(strpbrk(s->help, "|\n"));
        assert_true((s->choices != NULL) == (s->type == SETTING_CHOICE || s->type == SETTING_SET));
        assert_true(setting_wants(&arena, s).len > 0);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(s->key, config_table[j].key);
            assert_int_not_equal(s->offset, config_table[j].offset);
        }
        for (size_t j = 0; s->alias.env && j < config_table_len; j++)
            assert_true(j == i || !config_table[j].alias.env ||
                        strcmp(s->alias.env, config_table[j].alias.env) != 0);
    }
}

static void groups_stand_together(void **state) {
    (void)state;
    for (size_t i = 1; i < config_table_len; i++) {
        if (strcmp(config_table[i].group, config_table[i - 1].group) == 0)
            continue;
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(config_table[j].group, config_table[i].group);
    }
}

static struct config *load(const char *const *env) {
    struct config *c = NULL;
    struct err e = ERR_INIT;
    char *envp[8] = {0};

    for (size_t i = 0; env[i]; i++)
        envp[i] = arena_cstr(&arena, str_of(env[i]));
    assert_ok(config_load(0, NULL, envp, &c, &e), &e);
    return c;
}

static void dump_masks_secrets_and_names_sources(void **state) {
    struct config *c = load((const char *const[]){
        "PROSA_META_APP_SECRET=topsecret", "PROSA_WORKERS=4", "PROSA_LEASE_MS=20000",
        "PROSA_DATABASE_URL=postgresql://ana:topsecret@db:5432/prosa?sslmode=require", NULL});

    (void)state;
    config_dump(&out, c);
    assert_false(str_contains(buf_str(&out), STR("topsecret")));
    assert_has(STR("meta_app_secret          ***  (PROSA_META_APP_SECRET)\n"));
    assert_has(STR("workers                  4  (PROSA_WORKERS)\n"));
    assert_has(STR("lease_ms                 20s  (PROSA_LEASE_MS)\n"));
    assert_has(STR("webhook_max_bytes        4MiB  (default)\n"));
    assert_has(STR("meta_verify_token        (none)  (default)\n"));
    assert_has(STR("roles                    api,worker,scheduler  (default)\n"));
    assert_has(STR("postgresql://ana:***@db:5432/prosa?sslmode=require  (PROSA_DATABASE_URL)\n"));
    config_unref(c);
}

static void dump_masks_passwords_wherever_they_stand(void **state) {
    static const char *const urls[] = {
        "PROSA_DATABASE_URL=postgresql://ana:p@topsecret@db/prosa",
        "PROSA_DATABASE_URL=postgresql://ana:topsecret@db1,db2/prosa",
        "PROSA_DATABASE_URL=postgresql://db/prosa?user=ana&password=topsecret",
        "PROSA_DATABASE_URL=postgres://:topsecret@/prosa?host=/run/postgresql",
        "PROSA_DATABASE_URL=postgresql://ana:a?topsecret@db/prosa",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct config *c = load((const char *const[]){urls[i], NULL});

        buf_clear(&out);
        config_dump(&out, c);
        assert_false(str_contains(buf_str(&out), STR("topsecret")));
        assert_has(STR("***"));
        config_unref(c);
    }
}

static void defaults_are_shown_as_they_are_written(void **state) {
    struct config *c = load((const char *const[]){NULL});

    (void)state;
    for (size_t i = 0; i < config_table_len; i++)
        assert_str(setting_format(&arena, &config_table[i], c), config_table[i].fallback);
    config_unref(c);
}

/* After a change of the table: PROSA_UPDATE_DOCS=1 and this test writes the page anew. */
static void manual_is_the_one_in_docs(void **state) {
    static const char path[] = PROSA_TEST_DIR "/../docs/configuration.md";
    bool update = getenv("PROSA_UPDATE_DOCS") != NULL; /* NOLINT(concurrency-mt-unsafe) */
    FILE *f = fopen(path, update ? "we" : "re");
    struct buf page;
    char *p;

    (void)state;
    assert_non_null(f);
    config_markdown(&out);
    if (update) {
        assert_int_equal(fwrite(out.ptr, 1, out.len, f), out.len);
        assert_int_equal(fclose(f), 0);
        return;
    }
    buf_init(&page, 1 << 20);
    p = buf_reserve(&page, 1 << 19);
    buf_commit(&page, fread(p, 1, 1 << 19, f));
    (void)fclose(f);
    if (!str_eq(buf_str(&page), buf_str(&out)))
        fail_msg("docs/configuration.md is stale: run this test with PROSA_UPDATE_DOCS=1");
    buf_done(&page);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_setting_is_in_help_and_manual, setup, teardown),
        cmocka_unit_test_setup_teardown(help_fits_a_terminal, setup, teardown),
        cmocka_unit_test_setup_teardown(every_row_of_the_table_is_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(groups_stand_together, setup, teardown),
        cmocka_unit_test_setup_teardown(dump_masks_secrets_and_names_sources, setup, teardown),
        cmocka_unit_test_setup_teardown(dump_masks_passwords_wherever_they_stand, setup, teardown),
        cmocka_unit_test_setup_teardown(defaults_are_shown_as_they_are_written, setup, teardown),
        cmocka_unit_test_setup_teardown(manual_is_the_one_in_docs, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

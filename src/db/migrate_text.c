/* migrate_text.c - what one engine gets to see of a migration; the directives are told in
 * migrations.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "db/migrations.h"

enum { TEXT_MAX_BYTES = 4 << 20 };

/* The settings are read once per statement, not per row: that is what the inner SELECT is for. */
#define IN_SYSTEM_SCOPE "(SELECT current_setting('prosa.scope', true)) = 'system'"
#define TENANT_OF_SCOPE "(SELECT nullif(current_setting('prosa.tenant', true), '')::uuid)"

struct filter {
    enum db_engine engine;
    bool is_hidden; /* inside the other engine's section */
    struct buf out;
};

/* Goes into SQL as it is. */
static bool is_name(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if (!(s.ptr[i] == '_' || (s.ptr[i] >= 'a' && s.ptr[i] <= 'z') ||
              (i > 0 && s.ptr[i] >= '0' && s.ptr[i] <= '9')))
            return false;
    return s.len > 0;
}

static void add_policy(struct filter *f, struct str table, struct str column) {
    if (f->is_hidden || f->engine != DB_POSTGRES)
        return;
    buf_printf(&f->out,
               "ALTER TABLE %.*s ENABLE ROW LEVEL SECURITY;"
               " ALTER TABLE %.*s FORCE ROW LEVEL SECURITY;"
               " CREATE POLICY prosa_scope ON %.*s USING (" IN_SYSTEM_SCOPE,
               STR_ARG(table), STR_ARG(table), STR_ARG(table));
    if (column.len > 0)
        buf_printf(&f->out, " OR %.*s = " TENANT_OF_SCOPE, STR_ARG(column));
    buf_add(&f->out, STR(");\n")); /* without WITH CHECK, USING holds for what is written, too */
}

static enum status table_directive(struct filter *f, bool is_tenant, struct str words,
                                   struct err *e) {
    struct str table;

    words = str_trim(words);
    (void)str_cut(&words, ' ', &table);
    words = str_trim(words);
    if (is_tenant && words.len == 0)
        words = STR("tenant_id");
    if (!is_name(table) || (is_tenant ? !is_name(words) : words.len > 0))
        FAIL(e, ST_BROKEN, "could not read a migration: -- @%s_table wants a table's name",
             is_tenant ? "tenant" : "system");
    add_policy(f, table, words);
    return ST_OK;
}

static enum status directive(struct filter *f, struct str line, struct err *e) {
    if (str_eq(line, STR("both")))
        f->is_hidden = false;
    else if (str_eq(line, STR("sqlite")))
        f->is_hidden = f->engine != DB_SQLITE;
    else if (str_eq(line, STR("postgres")))
        f->is_hidden = f->engine != DB_POSTGRES;
    else if (str_eat(&line, STR("tenant_table ")))
        return table_directive(f, true, line, e);
    else if (str_eat(&line, STR("system_table ")))
        return table_directive(f, false, line, e);
    else
        FAIL(e, ST_BROKEN, "could not read a migration: no directive \"-- @%.*s\"", STR_ARG(line));
    return ST_OK;
}

static enum status filter_lines(struct filter *f, struct str text, struct err *e) {
    while (text.len > 0) {
        struct str line;
        struct str words;

        (void)str_cut(&text, '\n', &line);
        words = str_trim(line);
        if (str_eat(&words, STR("-- @"))) {
            TRY(directive(f, words, e));
            continue;
        }
        if (!f->is_hidden)
            buf_add(&f->out, line);
        buf_add_char(&f->out, '\n'); /* hidden lines stay as empty ones: numbers in messages fit */
    }
    return ST_OK;
}

static void done(struct filter *f) {
    buf_done(&f->out);
}

enum status db_migration_text(struct arena *a, enum db_engine engine, struct str text,
                              struct str *ret, struct err *e) {
    ATTR_CLEANUP(done) struct filter f = {.engine = engine};

    buf_init(&f.out, TEXT_MAX_BYTES);
    TRY(filter_lines(&f, text, e));
    if (f.out.overflown)
        FAIL(e, ST_BROKEN, "could not read a migration: more than %d bytes", TEXT_MAX_BYTES);
    *ret = arena_str(a, buf_str(&f.out));
    return ST_OK;
}

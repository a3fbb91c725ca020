/* migrate.c - prosa migrate and prosa version.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#ifndef PROSA_VERSION
#define PROSA_VERSION "0.1.0"
#endif

static void show(struct cli *c, struct db_migration_state state, int64_t applied) {
    if (c->is_json) {
        json_obj(&c->json, NULL);
        json_put_i64(&c->json, "schema", state.schema);
        json_put_i64(&c->json, "program", state.program);
        json_put_i64(&c->json, "applied", applied);
        json_put_bool(&c->json, "is_current", state.schema == state.program);
        json_end(&c->json);
        return;
    }
    buf_printf(&c->out, "The database's schema is %lld, this program's %lld",
               (long long)state.schema, (long long)state.program);
    if (applied > 0)
        buf_printf(&c->out, "; applied %lld just now", (long long)applied);
    buf_add(&c->out, STR(".\n"));
}

/* Newer than the program is a conflict, as it is for every other command. */
static enum status check(struct cli *c, struct db_migration_state state, struct err *e) {
    show(c, state, 0);
    if (state.schema > state.program)
        FAIL(e, ST_CONFLICT,
             "the database's schema is %lld and this program knows %lld: it needs"
             " a newer prosa",
             (long long)state.schema, (long long)state.program);
    c->exit_code = state.schema == state.program ? 0 : 1;
    return ST_OK;
}

enum status migrate_run(struct cli *c, struct err *e) {
    struct db_migration_state state;
    int64_t applied = 0;

    TRY(cli_configure(c, e));
    TRY(runtime_open_db(&c->rt, false, e));
    if (!cli_has(c, "check"))
        TRY(db_migrate(c->rt.db, &applied, e));
    TRY(db_migration_state(c->rt.db, &state, e));
    if (cli_has(c, "check"))
        return check(c, state, e);
    show(c, state, applied);
    return ST_OK;
}

enum status version_run(struct cli *c, struct err *e) {
    (void)e;
    if (!c->is_json) {
        buf_add(&c->out, STR("prosa " PROSA_VERSION "\n"));
        return ST_OK;
    }
    json_obj(&c->json, NULL);
    json_put_str(&c->json, "version", STR(PROSA_VERSION));
    json_end(&c->json);
    return ST_OK;
}

const struct option migrate_options[] = {
    {.name = "check", .help = "change nothing; exit with 1 when something is to be done"},
    {.name = NULL},
};

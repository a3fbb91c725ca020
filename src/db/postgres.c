/* postgres.c - opening, closing and the table of what the PostgreSQL engine does.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "db/postgres_engine.h"

static void close_db(struct db *base) {
    struct pg_db *db = (struct pg_db *)base;

    pg_submit_done(&db->submit);
    pg_listen_stop(db);
    pg_pool_done(&db->pool);
    (void)pthread_mutex_destroy(&db->listen_lock);
    db_done(base);
    free(db);
}

static const struct db_engine_ops postgres_ops = {
    .engine = DB_POSTGRES,
    .close = close_db,
    .write = pg_write,
    .read = pg_read,
    .submit = pg_submit_fn,
    .set_scope = pg_set_scope,
    .savepoint = pg_savepoint,
    .release = pg_release,
    .rollback_to = pg_rollback_to,
    .exec = pg_exec,
    .later = pg_later,
    .query = pg_query,
    .each = pg_each,
    .exec_rows = pg_exec_rows,
    .migrator_open = pg_migrator_open,
    .migrator_applied = pg_migrator_applied,
    .migrator_apply = pg_migrator_apply,
    .migrator_close = pg_migrator_close,
    .listen = pg_listen_add,
    .notify = pg_notify,
};

static struct str option(const PQconninfoOption *options, const char *keyword) {
    for (; options && options->keyword; options++)
        if (str_eq(str_of(options->keyword), str_of(keyword)))
            return str_of(options->val);
    return STR_EMPTY;
}

/* Rebuilt from its parts, so that no form of the URL brings the password along. */
static enum status describe(struct pg_db *db, struct err *e) {
    char *why = NULL;
    PQconninfoOption *options = PQconninfoParse(db->url, &why);
    struct str user = option(options, "user");
    struct str port = option(options, "port");

    /* libpq's own words quote the URL. */
    PQfreemem(why);
    if (!options)
        FAIL(e, ST_INVALID, "could not open the database: its URL cannot be read");
    db->base.described =
        arena_printf(&db->base.arena, "postgresql://%.*s%s%.*s%s%.*s/%.*s", STR_ARG(user),
                     user.len > 0 ? "@" : "", STR_ARG(option(options, "host")),
                     port.len > 0 ? ":" : "", STR_ARG(port), STR_ARG(option(options, "dbname")));
    PQconninfoFree(options);
    return ST_OK;
}

static enum status start(struct pg_db *db, struct err *e) {
    db->url = arena_cstr(&db->base.arena, db->base.options.url);
    if (!db->url)
        FAIL(e, ST_INVALID, "could not open the database: a NUL byte in its URL");
    TRY(describe(db, e));
    return db_ping(&db->base, e);
}

enum status postgres_open(struct db_options options, struct db **ret, struct err *e) {
    struct pg_db *db = calloc(1, sizeof(*db));
    enum status st;

    if (!db)
        FAIL(e, ST_UNAVAILABLE, "could not open the database: out of memory");
    db_init(&db->base, &postgres_ops, options);
    pg_pool_init(&db->pool);
    pg_submit_init(&db->submit);
    (void)pthread_mutex_init(&db->listen_lock, NULL);
    st = start(db, e);
    if (st == ST_OK)
        *ret = &db->base;
    else
        close_db(&db->base);
    return st;
}

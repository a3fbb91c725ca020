/* migrate.c - which migrations are missing, in what order they run, and when to refuse.
 * SPDX-License-Identifier: Apache-2.0 */
#include "db/engine.h"
#include "db/migrations.h"

/* --- state ----------------------------------------------------------------------------------- */

static int64_t newest_known(const struct migration_file *files, size_t n) {
    return n > 0 ? files[n - 1].number : 0;
}

static enum status read_schema(struct tx *tx, void *ctx, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    int64_t *ret_schema = ctx;
    struct db_rows rows;

    *ret_schema = 0;
    TRY(DB_QUERY(&a, tx,
                 DB_SQL2("SELECT 1 FROM sqlite_master WHERE name = 'schema_migrations'",
                         "SELECT 1 WHERE to_regclass('schema_migrations') IS NOT NULL"),
                 &rows, e));
    if (rows.n == 0)
        return ST_OK;
    TRY(DB_QUERY(&a, tx, DB_SQL("SELECT max(number) FROM schema_migrations"), &rows, e));
    *ret_schema = db_i64(&rows, 0, 0);
    return ST_OK;
}

enum status db_migration_state(struct db *db, struct db_migration_state *ret, struct err *e) {
    struct db_migration_state state = {
        .program = newest_known(migration_files, migration_files_count),
    };

    TRY(db_read(db, DB_SYSTEM, read_schema, &state.schema, e));
    *ret = state;
    return ST_OK;
}

/* --- checks ---------------------------------------------------------------------------------- */

struct run {
    const struct db_engine_ops *ops;
    struct db_migrator *migrator;
    const struct migration_file *files;
    size_t n;
    struct db_applied_list applied;
};

/* A file without an engine in its name is for both. */
static bool is_for(const struct migration_file *file, enum db_engine engine) {
    struct str named = str_of(file->engine);

    return named.len == 0 || str_eq(named, engine == DB_SQLITE ? STR("sqlite") : STR("postgres"));
}

static const struct migration_file *find_file(const struct run *run, int64_t number) {
    for (size_t i = 0; i < run->n; i++)
        if (run->files[i].number == number && is_for(&run->files[i], run->ops->engine))
            return &run->files[i];
    return NULL;
}

static bool is_applied(const struct run *run, int64_t number) {
    for (size_t i = 0; i < run->applied.n; i++)
        if (run->applied.items[i].number == number)
            return true;
    return false;
}

static enum status check_applied(const struct run *run, struct err *e) {
    int64_t known = newest_known(run->files, run->n);

    for (size_t i = 0; i < run->applied.n; i++) {
        const struct db_applied *done = &run->applied.items[i];
        const struct migration_file *file = find_file(run, done->number);

        if (done->number > known)
            FAIL(e, ST_CONFLICT,
                 "could not migrate: the database is at schema %lld and this program knows %lld; "
                 "start the newer program",
                 (long long)done->number, (long long)known);
        if (!file)
            FAIL(e, ST_BROKEN, "could not migrate: applied migration %lld is not in this program",
                 (long long)done->number);
        if (!str_eq(done->checksum, str_of(file->sha256)))
            FAIL(e, ST_BROKEN,
                 "could not migrate: the text of migration %lld \"%s\" has changed since it was "
                 "applied",
                 (long long)done->number, file->name);
    }
    return ST_OK;
}

/* --- running --------------------------------------------------------------------------------- */

static enum status apply(const struct run *run, const struct migration_file *file, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct str text = {.ptr = file->sql, .len = file->len};
    struct db_migration migration = {
        .number = file->number,
        .name = file->name,
        .checksum = file->sha256,
    };

    TRY(db_migration_text(&a, run->ops->engine, text, &migration.sql, e));
    return run->ops->migrator_apply(run->migrator, &migration, e);
}

static enum status apply_missing(const struct run *run, int64_t *ret_applied, struct err *e) {
    int64_t n = 0;

    for (size_t i = 0; i < run->n; i++) {
        if (!is_for(&run->files[i], run->ops->engine) || is_applied(run, run->files[i].number))
            continue;
        TRY(apply(run, &run->files[i], e));
        n++;
    }
    *ret_applied = n;
    return ST_OK;
}

static enum status run_under_lock(struct run *run, int64_t *ret_applied, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};

    TRY(run->ops->migrator_applied(&a, run->migrator, &run->applied, e));
    TRY(check_applied(run, e));
    return apply_missing(run, ret_applied, e);
}

enum status db_migrate_files(struct db *db, const struct migration_file *files, size_t n,
                             int64_t *ret_applied, struct err *e) {
    struct run run = {.ops = db->ops, .files = files, .n = n};
    int64_t applied = 0;
    enum status st;

    TRY(run.ops->migrator_open(db, &run.migrator, e));
    st = run_under_lock(&run, &applied, e);
    run.ops->migrator_close(run.migrator);
    if (st == ST_OK && ret_applied)
        *ret_applied = applied;
    return st;
}

enum status db_migrate(struct db *db, int64_t *ret_applied, struct err *e) {
    return db_migrate_files(db, migration_files, migration_files_count, ret_applied, e);
}

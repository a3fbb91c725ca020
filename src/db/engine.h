/* engine.h - what the front of db/ and its two engines share; private to db/.
 *
 * The front (db.c, rows.c, listen.c, migrate.c) holds what is the same for both: nesting, scopes,
 * after-commit hooks, results, counting. An engine is one const struct db_engine_ops; it extends
 * struct db and struct tx by having them as its first member.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "db/db.h"

enum {
    DB_MAX_PARAMS = 64,
    DB_MAX_ROWS = 10000,          /* of a result whose caller named no limit */
    DB_MAX_ROWS_BYTES = 64 << 20, /* of the values of one db_exec_rows() */
    DB_MAX_DEPTH = 16,            /* of nested savepoints */
    DB_MAX_CHANNELS = 8,          /* names; each may have several listeners */
    DB_MAX_LISTENERS = 16,
    DB_CHANNEL_BYTES = 32,           /* with a NUL */
    DB_STATEMENT_TIMEOUT_MS = 60000, /* past it a statement is a bug or the server is stuck */
};

/* --- after-commit hooks ---------------------------------------------------------------------- */

struct db_hook {
    void (*fn)(void *arg);
    void *arg;
};

struct db_hooks { /* grows; the part that was rolled back is cut off its end */
    struct db_hook *items;
    size_t n;
    size_t cap;
};

void db_hooks_add(struct db_hooks *hooks, struct db_hook hook);
/* Calls all in order and empties the list. */
void db_hooks_run(struct db_hooks *hooks);
void db_hooks_done(struct db_hooks *hooks);

/* --- what an engine does --------------------------------------------------------------------- */

struct db_call { /* one statement with its values */
    const char *sql;
    const struct db_val *vals;
    size_t n;
};

struct db_batch { /* one statement over n_rows × n_cols values, row-major */
    const char *sql;
    const struct db_val *vals;
    size_t n_rows;
    size_t n_cols;
};

struct db_migrator; /* a connection of its own that holds the migration lock */

struct db_migration {
    int64_t number;
    const char *name;
    const char *checksum;
    struct str sql; /* for this engine, directives expanded, NUL-terminated */
};

struct db_applied {
    int64_t number;
    struct str name;
    struct str checksum;
};

struct db_applied_list {
    struct db_applied *items;
    size_t n;
};

struct db_engine_ops {
    enum db_engine engine;
    /* Runs what was submitted, stops threads, closes connections, frees db. */
    void (*close)(struct db *db);
    enum status (*write)(struct db *db, struct db_scope scope, tx_fn fn, void *ctx, struct err *e);
    enum status (*read)(struct db *db, struct db_scope scope, tx_fn fn, void *ctx, struct err *e);
    void (*submit)(struct db *db, struct db_scope scope, tx_fn fn, db_done_fn done, void *ctx);

    /* Makes tx->scope, which is the new one already, hold for the statements that follow. */
    enum status (*set_scope)(struct tx *tx, struct err *e);
    enum status (*savepoint)(struct tx *tx, struct err *e);
    enum status (*release)(struct tx *tx, struct err *e);
    enum status (*rollback_to)(struct tx *tx, struct err *e); /* undoes and releases */

    enum status (*exec)(struct tx *tx, struct db_call call, int64_t *ret_changed, struct err *e);
    /* Its failure may come back later; NULL: exec serves. */
    enum status (*later)(struct tx *tx, struct db_call call, struct err *e);
    enum status (*query)(struct arena *a, struct tx *tx, struct db_call call, size_t max_rows,
                         struct db_rows *ret, struct err *e);
    enum status (*each)(struct tx *tx, struct db_call call, db_row_fn fn, void *ctx, struct err *e);
    enum status (*exec_rows)(struct tx *tx, struct db_batch batch, int64_t *ret_changed,
                             struct err *e);

    /* Opens the session and takes the lock; afterwards table schema_migrations exists. */
    enum status (*migrator_open)(struct db *db, struct db_migrator **ret, struct err *e);
    enum status (*migrator_applied)(struct arena *a, struct db_migrator *m,
                                    struct db_applied_list *ret, struct err *e);
    /* Runs one migration, records it and sees to grants and checks: all or nothing. */
    enum status (*migrator_apply)(struct db_migrator *m, const struct db_migration *migration,
                                  struct err *e);
    void (*migrator_close)(struct db_migrator *m);

    /* Other processes; NULL where there are none to hear. */
    enum status (*listen)(struct db *db, const char *channel, struct err *e);
    void (*notify)(struct db *db, const char *channel);
};

/* --- state both engines carry ---------------------------------------------------------------- */

struct db_listener {
    char channel[DB_CHANNEL_BYTES];
    void (*fn)(void *ctx);
    void *ctx;
};

struct db_listeners { /* append only: below n no lock is needed */
    pthread_mutex_t lock;
    struct db_listener items[DB_MAX_LISTENERS];
    _Atomic size_t n;
};

struct db_counters {
    _Atomic int64_t transactions;
    _Atomic int64_t commits;
    _Atomic int64_t retries;
    _Atomic int64_t waits;
};

struct db {
    const struct db_engine_ops *ops;
    struct db_options options; /* its url lives in arena */
    struct arena arena;
    struct str described;
    struct db_listeners listeners;
    struct db_counters counters;
    _Atomic int bulks; /* how many are between db_bulk_begin and db_bulk_end */
};

struct tx {
    struct db *db;
    struct db_scope scope;
    struct db_hooks *hooks;
    bool is_system; /* began so: may change its scope */
    bool is_read;
    bool is_walking; /* inside db_each: no other statement may run */
    unsigned depth;
};

enum status sqlite_open(struct db_options options, struct db **ret, struct err *e) ATTR_MUST_CHECK;
enum status postgres_open(struct db_options options, struct db **ret, struct err *e)
    ATTR_MUST_CHECK;

/* First part of both engines' open: takes copies of the options. */
void db_init(struct db *db, const struct db_engine_ops *ops, struct db_options options);
/* Last part of close; db itself is the engine's to free. */
void db_done(struct db *db);

/* Runs fn in tx on this thread, marked so that a db_write or db_read inside, which would deadlock,
 * asserts. */
enum status db_run(struct tx *tx, tx_fn fn, void *ctx, struct err *e) ATTR_MUST_CHECK;

/* Marks a thread of db's own, whose callbacks must not wait for a commit. */
void db_mark_thread(void);

void db_count_commit(struct db *db);
/* Those that a commit made durable. */
void db_count_transactions(struct db *db, size_t n);
void db_count_retry(struct db *db);
void db_count_wait(struct db *db);

/* Calls this process' listeners of a channel. */
void db_listeners_call(struct db *db, const char *channel);

/* --- for messages ---------------------------------------------------------------------------- */

/* One copy of text for as long as the process lives, so that err.cause does not dangle. For names
 * of the schema, which are few; past some hundreds it returns "other". */
const char *db_intern(struct str text);

struct db_sql_name {
    char text[64];
};
/* The first words of a statement: no values, no line breaks. */
struct db_sql_name db_sql_name(const char *sql);

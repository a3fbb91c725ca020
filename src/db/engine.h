/* engine.h - what the front of db/ and its two engines share; private to db/.
 *
 * The front (db.c, rows.c, migrate.c, listen.c) holds what is the same for both: nesting, after-commit hooks, scopes,
 * results in arenas, counting. An engine is one const struct db_engine_ops; it extends struct db and struct tx by
 * having them as its first member.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "base/buf.h"
#include "db/db.h"

enum {
    DB_MAX_LISTENERS = 8,
    DB_MAX_PARAMS = 64,
    DB_MAX_ROWS = 10000,             /* of a result whose caller named no limit */
    DB_MAX_ROWS_BYTES = 64 << 20,    /* of one db_exec_rows() */
    DB_STATEMENT_TIMEOUT_MS = 60000, /* past it a statement is a bug or the server is stuck */
};

/* --- after-commit hooks ------------------------------------------------------------------------------------------ */

struct db_hook {
    void (*fn)(void *arg);
    void *arg;
};

struct db_hooks { /* grows; a rolled back part is cut off its end */
    struct db_hook *items;
    size_t n;
    size_t cap;
};

void db_hooks_add(struct db_hooks *hooks, struct db_hook hook);
/* Calls all in order and empties the list. */
void db_hooks_run(struct db_hooks *hooks);
void db_hooks_done(struct db_hooks *hooks);

/* --- what an engine does ----------------------------------------------------------------------------------------- */

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

/* A migration's session: a connection of its own that holds the migration lock. */
struct db_migrator;

struct db_migration {
    int64_t number;
    const char *name;
    const char *checksum;
    struct str sql; /* for this engine, directives expanded */
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
    /* Waits for submitted work, stops threads, closes connections, frees db. */
    void (*close)(struct db *db);
    enum status (*write)(struct db *db, struct db_scope scope, tx_fn fn, void *ctx, struct err *e);
    enum status (*read)(struct db *db, struct db_scope scope, tx_fn fn, void *ctx, struct err *e);
    void (*submit)(struct db *db, struct db_scope scope, tx_fn fn, db_done_fn done, void *ctx);

    /* tx->scope is the new one already when set_scope is called; read_only: whether statements may write. */
    enum status (*set_scope)(struct tx *tx, struct err *e);
    enum status (*savepoint)(struct tx *tx, struct err *e);
    enum status (*release)(struct tx *tx, struct err *e);
    enum status (*rollback_to)(struct tx *tx, struct err *e); /* and releases */

    enum status (*exec)(struct tx *tx, struct db_call call, int64_t *ret_changed, struct err *e);
    enum status (*query)(struct arena *a, struct tx *tx, struct db_call call, size_t max_rows, struct db_rows *ret,
                         struct err *e);
    enum status (*each)(struct tx *tx, struct db_call call, db_row_fn fn, void *ctx, struct err *e);
    enum status (*exec_rows)(struct tx *tx, struct db_batch batch, int64_t *ret_changed, struct err *e);

    /* Opens the session and takes the lock; afterwards table schema_migrations exists. */
    enum status (*migrator_open)(struct db *db, struct db_migrator **ret, struct err *e);
    enum status (*migrator_applied)(struct arena *a, struct db_migrator *m, struct db_applied_list *ret, struct err *e);
    /* Runs one migration and records it, both or neither. */
    enum status (*migrator_apply)(struct db_migrator *m, struct db_migration migration, struct err *e);
    /* Grants and checks that hold for the schema as a whole. */
    enum status (*migrator_finish)(struct db_migrator *m, struct err *e);
    void (*migrator_close)(struct db_migrator *m);

    /* Carries db_notify() to other processes; NULL: there are none. listen: a listener was added. */
    enum status (*listen)(struct db *db, struct err *e);
    void (*notify)(struct db *db, size_t listener_or_channel);
};

/* --- state both engines carry ------------------------------------------------------------------------------------ */

enum { DB_CHANNEL_BYTES = 32 };

struct db_listener {
    char channel[DB_CHANNEL_BYTES];
    void (*fn)(void *ctx); /* NULL: only notified here, never listened to */
    void *ctx;
};

struct db_listeners { /* append only: readers need no lock below n */
    pthread_mutex_t lock;
    struct db_listener items[2 * DB_MAX_LISTENERS];
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
    struct db_options options; /* url and everything it points at live in arena */
    struct arena arena;
    struct str described;
    struct db_listeners listeners;
    struct db_counters counters;
};

struct tx {
    struct db *db;
    struct db_scope scope;
    struct db_hooks *hooks;
    bool is_read;
    bool is_system; /* began so: may change its scope */
    bool is_walking; /* inside db_each: no other statement may run */
    unsigned depth;
};

enum status sqlite_open(struct db_options options, struct db **ret, struct err *e) ATTR_MUST_CHECK;
enum status postgres_open(struct db_options options, struct db **ret, struct err *e) ATTR_MUST_CHECK;

/* First part of both engines' open: copies the options and remembers the ops. */
void db_init(struct db *db, const struct db_engine_ops *ops, struct db_options options);
/* Last part of close; does not free db itself. */
void db_done(struct db *db);

/* Marks this thread as inside a transaction, where db_write and db_read would deadlock; they assert it is not. */
void db_enter_tx(void);
void db_leave_tx(void);

/* Counting, in this process' metrics and in db_counts(). */
void db_count_commit(struct db *db, int64_t transactions);
void db_count_retry(struct db *db);
void db_count_wait(struct db *db);

/* Keeps one copy of text for as long as the process lives: err.cause must not dangle. For names of the schema, which
 * are few; past some thousand it returns "other". */
const char *db_intern(struct str text);

/* The first words of a statement, for messages: no values, no line breaks. */
struct db_sql_name {
    char text[64];
};
struct db_sql_name db_sql_name(const char *sql);

/* Calls this process' listeners of a channel; returns its index, or SIZE_MAX when the table is full. */
size_t db_listeners_call(struct db *db, const char *channel);
/* Calls those of one channel by index of any of its entries, as heard from another process. */
void db_listeners_call_all(struct db *db, const char *channel);

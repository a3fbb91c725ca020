/* test_db_tx.c - what is kept, what is undone, and who hears of it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "db/harness.h"

static const char schema[] =
    "CREATE TABLE items (id BIGINT PRIMARY KEY, grp TEXT, n BIGINT NOT NULL,"
    " CONSTRAINT items_n_positive CHECK (n >= 0), UNIQUE (grp, n));"
    "CREATE UNIQUE INDEX items_by_lower ON items (lower(grp)) WHERE n = 1000;"
    "CREATE UNIQUE INDEX items_named ON items (n) WHERE grp IS NULL;"
    "CREATE TABLE parts (item BIGINT NOT NULL REFERENCES items (id), k TEXT,"
    " PRIMARY KEY (item, k));";

static const struct db_sql insert_item = DB_SQL("INSERT INTO items (id, n) VALUES ($1, $1)");
static const struct db_sql bad_item = DB_SQL("INSERT INTO items (id, n) VALUES (1000000, $1)");
static const struct db_sql count_items = DB_SQL("SELECT count(*) FROM items");

static struct db *db;

static int open_db(void **state) {
    struct err e = ERR_INIT;

    (void)state;
    assert_ok(harness_db_with(schema, &db, &e), &e);
    return 0;
}

static int close_db(void **state) {
    (void)state;
    harness_done(db);
    return 0;
}

static int empty_tables(void **state) {
    struct err e = ERR_INIT;

    (void)state;
    assert_ok(HARNESS_EXEC(db, DB_SYSTEM, DB_SQL("DELETE FROM parts"), NULL, &e), &e);
    assert_ok(HARNESS_EXEC(db, DB_SYSTEM, DB_SQL("DELETE FROM items"), NULL, &e), &e);
    return 0;
}

static int64_t n_items(void) {
    return harness_i64(db, DB_SYSTEM, count_items);
}

/* --- commit, rollback, savepoints ------------------------------------------------------------ */

/* A small program for one transaction: each letter is a step, parentheses are a savepoint.
 *   i insert the next item · h a hook · ! fail · ? a statement that fails · q a query
 *   m insert the next three hundred */
struct script {
    const char *text;
    int64_t next_id;
    atomic_int *hooks;
    bool is_later; /* writes are not waited for */
};

static enum status write_item(struct tx *tx, const struct script *s, struct db_sql sql, int64_t id,
                              struct err *e) {
    return s->is_later ? DB_LATER(tx, sql, e, V_I64(id)) : DB_EXEC(tx, sql, NULL, e, V_I64(id));
}

static enum status write_many(struct tx *tx, struct script *s, struct err *e) {
    for (int i = 0; i < 300; i++)
        TRY(write_item(tx, s, insert_item, s->next_id++, e));
    return ST_OK;
}

static enum status count_in(struct tx *tx, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct db_rows rows;

    return DB_QUERY(&a, tx, count_items, &rows, e);
}

static void count_hook(void *arg) {
    atomic_fetch_add((atomic_int *)arg, 1);
}

static enum status run_step(struct tx *tx, struct script *s, char step, struct err *e) {
    switch (step) {
    case 'i':
        return write_item(tx, s, insert_item, s->next_id++, e);
    case 'm':
        return write_many(tx, s, e);
    case 'q':
        return count_in(tx, e);
    case '?':
        return write_item(tx, s, bad_item, -1, e);
    case 'h':
        tx_after_commit(tx, count_hook, s->hooks);
        return ST_OK;
    default:
        FAIL(e, ST_DENIED, "as the script says");
    }
}

static const char *behind_parenthesis(const char *text) {
    for (int depth = 1; depth > 0; text++)
        depth += *text == '(' ? 1 : *text == ')' ? -1 : 0;
    return text;
}

/* A failure in parentheses is the savepoint's alone. */
static enum status run_script(struct tx *tx, void *ctx, struct err *e) {
    struct script *s = ctx;

    while (*s->text != '\0' && *s->text != ')') {
        char step = *s->text++;

        if (step == '(') {
            const char *end = behind_parenthesis(s->text);
            struct err ignored = ERR_INIT;

            if (tx_nested(tx, run_script, s, &ignored) == ST_BROKEN)
                FAIL(e, ST_BROKEN, "%s", ignored.message);
            s->text = end;
        } else {
            TRY(run_step(tx, s, step, e));
        }
    }
    return ST_OK;
}

/* Transactions are functions that may run twice. */
static enum status run_whole(struct tx *tx, void *ctx, struct err *e) {
    struct script s = *(struct script *)ctx;

    return run_script(tx, &s, e);
}

static const struct script_case {
    const char *text;
    enum status st;
    int n_items;
    int n_hooks;
} script_cases[] = {
    {"", ST_OK, 0, 0},
    {"h", ST_OK, 0, 1},
    {"ih", ST_OK, 1, 1},
    {"iihh", ST_OK, 2, 2},
    {"ih!", ST_DENIED, 0, 0},
    {"!", ST_DENIED, 0, 0},
    {"ih?", ST_CONFLICT, 0, 0},
    {"ih(ih)", ST_OK, 2, 2},
    {"ih(ih!)", ST_OK, 1, 1},
    {"ih(ih?)ih", ST_OK, 2, 2},
    {"(ih?)(ih?)(ih)", ST_OK, 1, 1},
    {"(i)(i)(i)(i)", ST_OK, 4, 0},
    {"(!)(!)i", ST_OK, 1, 0},
    {"()(())i()", ST_OK, 1, 0},
    {"i(i(i(ih)h)h)h", ST_OK, 4, 4},
    {"i(i(i(ih!)h)h)h", ST_OK, 3, 3},
    {"i(i(ih(ih)h)h!)h", ST_OK, 1, 1},
    {"i(i(i?)(i)!)i", ST_OK, 2, 0},
    {"(((((((((((((((i)))))))))))))))", ST_OK, 1, 0},
    {"i(i)!", ST_DENIED, 0, 0},
    {"iq?q", ST_CONFLICT, 0, 0},
    {"i?i", ST_CONFLICT, 0, 0},
    {"i?(i)i", ST_CONFLICT, 0, 0},
    {"i(i?qi)qi", ST_OK, 2, 0},
    {"(i?iii)i(i)q", ST_OK, 2, 0},
    {"m", ST_OK, 300, 0},
    {"m?", ST_CONFLICT, 0, 0},
    {"i(m?)i", ST_OK, 2, 0},
    {"m(m)!", ST_DENIED, 0, 0},
};

static void run_case(void **state, const struct script_case *c, bool is_later) {
    atomic_int hooks = 0;
    struct script s = {.text = c->text, .next_id = 1, .hooks = &hooks, .is_later = is_later};
    struct err e = ERR_INIT;
    enum status st;

    empty_tables(state);
    st = db_write(db, DB_SYSTEM, run_whole, &s, &e);
    if (st != c->st || n_items() != c->n_items || hooks != c->n_hooks)
        fail_msg("\"%s\"%s: %s %s, %d items, %d hooks", c->text, is_later ? ", later" : "",
                 status_name(st), e.message, (int)n_items(), hooks);
    if (st == ST_CONFLICT)
        assert_string_equal(e.cause, "items_n_positive");
}

static void scripts_keep_what_they_should(void **state) {
    for (size_t i = 0; i < ARRAY_LEN(script_cases); i++)
        run_case(state, &script_cases[i], false);
}

/* Waited for or not, what is kept is the same; once more, since a connection waits for a statement
 * that it does not know yet. */
static void writes_nobody_waits_for_keep_the_same(void **state) {
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < ARRAY_LEN(script_cases); i++)
            run_case(state, &script_cases[i], true);
}

/* --- group commit ---------------------------------------------------------------------------- */

enum {
    N_THREADS = 16,
    N_WRITES = 100,
};

struct worker {
    pthread_t thread;
    int64_t first_id;
    int n_ok;
    int n_denied;
};

struct write {
    int64_t id;
    bool fails;
};

static enum status insert_or_fail(struct tx *tx, void *ctx, struct err *e) {
    const struct write *w = ctx;

    TRY(DB_EXEC(tx, insert_item, NULL, e, V_I64(w->id)));
    if (w->fails)
        FAIL(e, ST_DENIED, "as asked");
    return ST_OK;
}

static void *work(void *arg) {
    struct worker *worker = arg;

    for (int i = 0; i < N_WRITES; i++) {
        struct write w = {.id = worker->first_id + i, .fails = i % 5 == 0};
        struct err e = ERR_INIT;
        enum status st = db_write(db, DB_SYSTEM, insert_or_fail, &w, &e);

        worker->n_ok += st == ST_OK;
        worker->n_denied += st == ST_DENIED;
    }
    return NULL;
}

static void many_threads_share_commits(void **state) {
    struct worker workers[N_THREADS] = {0};
    struct db_counts before = db_counts(db);
    struct db_counts after;
    int n_ok = 0;
    int n_denied = 0;

    (void)state;
    for (int i = 0; i < N_THREADS; i++) {
        workers[i].first_id = i * N_WRITES;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < N_THREADS; i++) {
        (void)pthread_join(workers[i].thread, NULL);
        n_ok += workers[i].n_ok;
        n_denied += workers[i].n_denied;
    }
    after = db_counts(db);
    assert_int_equal(n_denied, N_THREADS * N_WRITES / 5);
    assert_int_equal(n_ok, N_THREADS * N_WRITES * 4 / 5);
    assert_int_equal(n_items(), n_ok);
    assert_int_equal(after.transactions - before.transactions, n_ok);
    if (harness_engine() == DB_SQLITE)
        assert_true(after.commits - before.commits < n_ok / 2);
}

struct submitted {
    struct write write;
    atomic_int calls;
    enum status st;
    char message[ERR_MESSAGE_BYTES];
    sem_t *done;
};

static void note_done(void *ctx, enum status st, const struct err *e) {
    struct submitted *s = ctx;

    atomic_fetch_add(&s->calls, 1);
    s->st = st;
    memcpy(s->message, e->message, sizeof(s->message));
    (void)sem_post(s->done);
}

static enum status run_submitted(struct tx *tx, void *ctx, struct err *e) {
    return insert_or_fail(tx, &((struct submitted *)ctx)->write, e);
}

static void submitted_work_reports_once_each(void **state) {
    enum { N = 500 };
    struct submitted *all = calloc(N, sizeof(*all));
    struct db_counts before = db_counts(db);
    sem_t done;

    (void)state;
    assert_non_null(all);
    (void)sem_init(&done, 0, 0);
    for (int i = 0; i < N; i++) {
        all[i].write = (struct write){.id = i, .fails = i % 10 == 3};
        all[i].done = &done;
        db_submit(db, DB_SYSTEM, run_submitted, note_done, &all[i]);
    }
    for (int i = 0; i < N; i++)
        assert_int_equal(sem_wait(&done), 0);
    for (int i = 0; i < N; i++) {
        assert_int_equal(all[i].calls, 1);
        assert_int_equal(all[i].st, i % 10 == 3 ? ST_DENIED : ST_OK);
    }
    assert_int_equal(n_items(), N * 9 / 10);
    assert_true(db_counts(db).commits - before.commits < N / 2);
    (void)sem_destroy(&done);
    free(all);
}

static void close_runs_what_was_submitted(void **state) {
    enum { N = 50 };
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct submitted all[N] = {0};
    struct db *second;
    struct err e = ERR_INIT;
    sem_t done;

    (void)state;
    (void)sem_init(&done, 0, 0);
    assert_ok(db_open((struct db_options){.url = harness_url(&a, db)}, &second, &e), &e);
    for (int i = 0; i < N; i++) {
        all[i].write.id = i;
        all[i].done = &done;
        db_submit(second, DB_SYSTEM, run_submitted, note_done, &all[i]);
    }
    db_close(second);
    for (int i = 0; i < N; i++)
        assert_int_equal(all[i].calls, 1);
    assert_int_equal(n_items(), N);
    (void)sem_destroy(&done);
}

/* --- conflicts ------------------------------------------------------------------------------- */

static void conflicts_name_the_constraint(void **state) {
    static const struct {
        const char *sql;
        const char *cause;
    } cases[] = {
        {"INSERT INTO items (id, n) VALUES (1, 5)", "items_pkey"},
        {"INSERT INTO items (id, grp, n) VALUES (2, 'a', 7)", "items_grp_n_key"},
        {"INSERT INTO items (id, grp, n) VALUES (2, 'B', 1000)", "items_by_lower"},
        {"INSERT INTO items (id, n) VALUES (2, 3)", "items_named"},
        {"INSERT INTO items (id, n) VALUES (2, -1)", "items_n_positive"},
        {"INSERT INTO items (id, n) VALUES (2, NULL)", "items.n"},
        {"INSERT INTO parts (item, k) VALUES (99, 'x')", "foreign_key"},
        {"INSERT INTO parts (item, k) VALUES (1, 'x')", "parts_pkey"},
        {"DELETE FROM items WHERE id = 1", "foreign_key"},
    };
    static const char *const rows[] = {
        "INSERT INTO items (id, grp, n) VALUES (1, 'a', 7), (10, 'b', 1000), (11, NULL, 3)",
        "INSERT INTO parts (item, k) VALUES (1, 'x')",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;

        assert_ok(HARNESS_EXEC(db, DB_SYSTEM, ((struct db_sql){rows[i], rows[i]}), NULL, &e), &e);
    }
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct db_sql sql = {cases[i].sql, cases[i].sql};
        struct err e = ERR_INIT;

        assert_int_equal(HARNESS_EXEC(db, DB_SYSTEM, sql, NULL, &e), ST_CONFLICT);
        assert_non_null(e.cause);
        assert_string_equal(e.cause, cases[i].cause);
    }
}

static void changed_counts_written_rows(void **state) {
    static const struct {
        const char *sql;
        int64_t changed;
    } cases[] = {
        {"INSERT INTO items (id, n) VALUES (1, 1), (2, 2), (3, 3)", 3},
        {"INSERT INTO items (id, n) VALUES (1, 1) ON CONFLICT DO NOTHING", 0},
        {"UPDATE items SET grp = 'x' WHERE id >= 2", 2},
        {"UPDATE items SET grp = 'x' WHERE id >= 2 RETURNING id", 2},
        {"SELECT id FROM items", 0},
        {"DELETE FROM items WHERE id = 99", 0},
        {"DELETE FROM items", 3},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct db_sql sql = {cases[i].sql, cases[i].sql};
        struct err e = ERR_INIT;
        int64_t changed = -1;

        assert_ok(HARNESS_EXEC(db, DB_SYSTEM, sql, &changed, &e), &e);
        assert_int_equal(changed, cases[i].changed);
    }
}

/* A read has one snapshot from its first statement on. */
struct snapshot {
    sem_t *read_once;
    sem_t *written;
    int64_t counts[2];
};

static enum status count_twice(struct tx *tx, void *ctx, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct snapshot *s = ctx;
    struct db_rows rows;

    for (int i = 0; i < 2; i++) {
        TRY(DB_QUERY(&a, tx, count_items, &rows, e));
        s->counts[i] = db_i64(&rows, 0, 0);
        (void)sem_post(s->read_once);
        (void)sem_wait(s->written);
    }
    return ST_OK;
}

static void *read_twice(void *arg) {
    struct err e = ERR_INIT;

    return db_read(db, DB_SYSTEM, count_twice, arg, &e) == ST_OK ? arg : NULL;
}

static void a_read_sees_one_snapshot(void **state) {
    sem_t read_once;
    sem_t written;
    struct snapshot s = {.read_once = &read_once, .written = &written};
    struct err e = ERR_INIT;
    pthread_t thread;
    void *is_ok;

    (void)state;
    (void)sem_init(&read_once, 0, 0);
    (void)sem_init(&written, 0, 0);
    assert_int_equal(pthread_create(&thread, NULL, read_twice, &s), 0);
    (void)sem_wait(&read_once);
    assert_ok(HARNESS_EXEC(db, DB_SYSTEM, insert_item, NULL, &e, V_I64(1)), &e);
    (void)sem_post(&written);
    (void)sem_post(&written);
    (void)pthread_join(thread, &is_ok);
    assert_non_null(is_ok);
    assert_int_equal(s.counts[0], 0);
    assert_int_equal(s.counts[1], 0);
    assert_int_equal(n_items(), 1);
    (void)sem_destroy(&read_once);
    (void)sem_destroy(&written);
}

static void the_url_is_described_without_password(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    const char *url = db_describe(&a, db).ptr;

    (void)state;
    if (harness_engine() == DB_SQLITE) {
        assert_non_null(strstr(url, "sqlite:/"));
        return;
    }
    assert_non_null(strstr(url, "postgresql://prosa_test@127.0.0.1:"));
    assert_non_null(strstr(url, "/prosa_test_"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(writes_nobody_waits_for_keep_the_same, empty_tables),
        cmocka_unit_test_setup(scripts_keep_what_they_should, empty_tables),
        cmocka_unit_test_setup(many_threads_share_commits, empty_tables),
        cmocka_unit_test_setup(submitted_work_reports_once_each, empty_tables),
        cmocka_unit_test_setup(close_runs_what_was_submitted, empty_tables),
        cmocka_unit_test_setup(conflicts_name_the_constraint, empty_tables),
        cmocka_unit_test_setup(changed_counts_written_rows, empty_tables),
        cmocka_unit_test_setup(a_read_sees_one_snapshot, empty_tables),
        cmocka_unit_test(the_url_is_described_without_password),
    };

    return cmocka_run_group_tests(tests, open_db, close_db);
}

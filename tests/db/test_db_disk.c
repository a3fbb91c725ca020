/* test_db_disk.c - SQLite when the disk is full, the file is wrong or held by another, and after a
 * kill -9.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "db/harness.h"

static const char schema[] = "CREATE TABLE items (id BIGINT PRIMARY KEY, b BYTEA);";
static const struct db_sql insert_item = DB_SQL("INSERT INTO items (id, b) VALUES ($1, $2)");
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

static struct str path_of(struct arena *a) {
    struct str path = harness_url(a, db);

    (void)str_eat(&path, STR("sqlite:"));
    return path;
}

/* --- full ------------------------------------------------------------------------------------ */

struct filler {
    pthread_t thread;
    struct db *db;
    int64_t first_id;
    int n_ok;
    int n_unavailable;
    int n_other;
    char message[ERR_MESSAGE_BYTES];
};

enum { N_FILLERS = 4, N_FILLS = 60, BLOB_BYTES = 20000 };

static void *fill(void *arg) {
    static const char zeros[BLOB_BYTES];
    struct filler *f = arg;

    for (int i = 0; i < N_FILLS; i++) {
        struct err e = ERR_INIT;
        enum status st =
            HARNESS_EXEC(f->db, DB_SYSTEM, insert_item, NULL, &e, V_I64(f->first_id + i),
                         V_BYTES(((struct str){zeros, sizeof(zeros)})));

        f->n_ok += st == ST_OK;
        f->n_unavailable += st == ST_UNAVAILABLE;
        f->n_other += st != ST_OK && st != ST_UNAVAILABLE;
        if (st != ST_OK)
            memcpy(f->message, e.message, sizeof(e.message));
    }
    return NULL;
}

/* Several at once, so that whole batches fail. Returns how many were told done. */
static int fill_up(struct db *into, int64_t first_id, const char *want) {
    struct filler fillers[N_FILLERS] = {0};
    int n_ok = 0;
    int n_unavailable = 0;

    for (int i = 0; i < N_FILLERS; i++) {
        fillers[i] = (struct filler){.db = into, .first_id = first_id + (int64_t)i * N_FILLS};
        assert_int_equal(pthread_create(&fillers[i].thread, NULL, fill, &fillers[i]), 0);
    }
    for (int i = 0; i < N_FILLERS; i++) {
        (void)pthread_join(fillers[i].thread, NULL);
        n_ok += fillers[i].n_ok;
        n_unavailable += fillers[i].n_unavailable;
        assert_int_equal(fillers[i].n_other, 0);
        if (fillers[i].n_unavailable > 0)
            assert_non_null(strstr(fillers[i].message, want));
    }
    assert_true(n_unavailable > 0);
    return n_ok;
}

static void a_failing_disk_is_unavailable_and_recovers(void **state) {
    struct rlimit before;
    struct rlimit small = {.rlim_cur = 1 << 20};
    struct err e = ERR_INIT;
    int n_ok;

    (void)state;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    n_ok = fill_up(db, 0, "I/O error");
    assert_int_equal(harness_i64(db, DB_SYSTEM, count_items), n_ok);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_ok(HARNESS_EXEC(db, DB_SYSTEM, insert_item, NULL, &e, V_I64(-1), V_BYTES(STR("x"))), &e);
    assert_int_equal(harness_i64(db, DB_SYSTEM, count_items), n_ok + 1);
}

static enum status go_on_after_failing(struct tx *tx, void *ctx, struct err *e) {
    static const char zeros[BLOB_BYTES];
    struct err ignored = ERR_INIT;
    enum status st = ST_OK;

    (void)ctx;
    TRY(DB_EXEC(tx, insert_item, NULL, e, V_I64(-10), V_BYTES(STR("before"))));
    for (int i = 0; st == ST_OK && i < 1000; i++)
        st = DB_EXEC(tx, insert_item, NULL, &ignored, V_I64(1000 + i),
                     V_BYTES(((struct str){zeros, sizeof(zeros)})));
    err_clear(&ignored);
    st = DB_EXEC(tx, insert_item, NULL, &ignored, V_I64(-11), V_BYTES(STR("after")));
    return st == ST_OK ? ST_BROKEN : ST_OK;
}

/* SQLite rolls back by itself; what follows must not commit on its own. */
static void a_function_cannot_go_on_after_the_disk_failed(void **state) {
    struct rlimit before;
    struct rlimit small = {.rlim_cur = 6 << 20};
    struct err e = ERR_INIT;

    (void)state;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(db_write(db, DB_SYSTEM, go_on_after_failing, NULL, &e), ST_UNAVAILABLE);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(harness_i64(db, DB_SYSTEM, count_items), 0);
    err_clear(&e);
    assert_ok(HARNESS_EXEC(db, DB_SYSTEM, insert_item, NULL, &e, V_I64(1), V_BYTES(STR("x"))), &e);
}

/* A file system of one megabyte, which only this process sees; false where that is not allowed. */
static bool mount_small(const char *dir) {
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", dir, "tmpfs", 0, "size=1m") == 0;
}

static void a_full_disk_is_unavailable_and_recovers(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    char dir[] = "/tmp/prosa-small-XXXXXX";
    struct err e = ERR_INIT;
    struct db *small;
    int n_ok;

    (void)state;
    assert_non_null(mkdtemp(dir));
    if (!mount_small(dir)) {
        (void)rmdir(dir);
        skip();
    }
    assert_ok(
        db_open((struct db_options){.url = arena_printf(&a, "sqlite:%s/x.db", dir)}, &small, &e),
        &e);
    assert_ok(HARNESS_EXEC(small, DB_SYSTEM,
                           DB_SQL("CREATE TABLE items (id BIGINT PRIMARY KEY, b BYTEA)"), NULL, &e),
              &e);
    n_ok = fill_up(small, 0, "disk is full");
    assert_int_equal(harness_i64(small, DB_SYSTEM, count_items), n_ok);
    assert_int_equal(mount("tmpfs", dir, "tmpfs", MS_REMOUNT, "size=20m"), 0);
    assert_ok(HARNESS_EXEC(small, DB_SYSTEM, insert_item, NULL, &e, V_I64(-1), V_BYTES(STR("x"))),
              &e);
    assert_int_equal(harness_i64(small, DB_SYSTEM, count_items), n_ok + 1);
    db_close(small);
    (void)umount(dir);
    (void)rmdir(dir);
}

/* --- the file -------------------------------------------------------------------------------- */

static void try_to_open(struct str url, enum status want) {
    struct err e = ERR_INIT;
    struct db *none = NULL;

    assert_int_equal(db_open((struct db_options){.url = url, .timeout_ms = 200}, &none, &e), want);
    assert_null(none);
}

static void what_is_no_database_is_refused(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct str path = path_of(&a);
    struct str other = arena_printf(&a, "%.*s.txt", STR_ARG(path));
    int fd = open(other.ptr, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    (void)state;
    assert_int_equal(write(fd, path.ptr, path.len), path.len);
    for (int i = 0; i < 200; i++)
        assert_int_equal(write(fd, "no database", 11), 11);
    (void)close(fd);
    try_to_open(arena_printf(&a, "sqlite:%.*s", STR_ARG(other)), ST_BROKEN);
    try_to_open(STR("sqlite:/nonexistent/dir/x.db"), ST_UNAVAILABLE);
    try_to_open(STR("sqlite:"), ST_INVALID);
    try_to_open(STR("sqlite::memory:"), ST_INVALID);
}

static void another_process_lock_is_waited_for_no_longer_than_asked(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct err e = ERR_INIT;
    sqlite3 *other = NULL;
    struct db *hasty;
    int64_t begin_ms;

    (void)state;
    assert_ok(
        db_open((struct db_options){.url = harness_url(&a, db), .timeout_ms = 200}, &hasty, &e),
        &e);
    assert_int_equal(sqlite3_open(path_of(&a).ptr, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    begin_ms = clock_mono_ms();
    assert_int_equal(
        HARNESS_EXEC(hasty, DB_SYSTEM, insert_item, NULL, &e, V_I64(1), V_BYTES(STR("x"))),
        ST_UNAVAILABLE);
    assert_in_range(clock_mono_ms() - begin_ms, 150, 3000);
    assert_int_equal(harness_i64(hasty, DB_SYSTEM, count_items), 0); /* readers do not wait */
    (void)sqlite3_close(other);
    err_clear(&e);
    assert_ok(HARNESS_EXEC(hasty, DB_SYSTEM, insert_item, NULL, &e, V_I64(1), V_BYTES(STR("x"))),
              &e);
    db_close(hasty);
}

/* --- the log --------------------------------------------------------------------------------- */

static int64_t log_bytes(void) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct stat st = {0};

    (void)stat(arena_printf(&a, "%.*s-wal", STR_ARG(path_of(&a))).ptr, &st);
    return st.st_size;
}

static void the_log_does_not_grow_without_end(void **state) {
    static const char zeros[BLOB_BYTES];
    struct err e = ERR_INIT;

    (void)state;
    for (int i = 0; i < 1500; i++)
        assert_ok(HARNESS_EXEC(db, DB_SYSTEM, insert_item, NULL, &e, V_I64(i),
                               V_BYTES(((struct str){zeros, sizeof(zeros)}))),
                  &e);
    assert_in_range(log_bytes(), 1, 20 << 20);
}

/* --- kill -9 --------------------------------------------------------------------------------- */

/* Writes until it dies, and tells each id once it is told done. */
static void write_and_tell(struct str url, int fd) {
    struct db_sql create = DB_SQL("CREATE TABLE items (id BIGINT PRIMARY KEY, b BYTEA)");
    struct err e = ERR_INIT;
    struct db *mine;

    if (db_open((struct db_options){.url = url}, &mine, &e) != ST_OK ||
        HARNESS_EXEC(mine, DB_SYSTEM, create, NULL, &e) != ST_OK)
        _exit(1);
    for (int64_t id = 0;; id++)
        if (HARNESS_EXEC(mine, DB_SYSTEM, insert_item, NULL, &e, V_I64(id), V_BYTES(STR("x"))) !=
                ST_OK ||
            write(fd, &id, sizeof(id)) != sizeof(id))
            _exit(1);
}

/* The last id that was told, by a child that was killed when it had told some. */
static int64_t write_and_kill(struct str url) {
    int64_t id = -1;
    int64_t last = -1;
    int pipe_fds[2];
    pid_t child;

    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        write_and_tell(url, pipe_fds[1]);
    (void)close(pipe_fds[1]);
    while (id < 200 && read(pipe_fds[0], &id, sizeof(id)) == sizeof(id))
        last = id;
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    while (read(pipe_fds[0], &id, sizeof(id)) == sizeof(id))
        last = id;
    (void)close(pipe_fds[0]);
    return last;
}

/* Comes first: a process that has had threads cannot fork a child that starts some. */
static void what_was_told_done_survives_a_kill(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    char dir[] = "/tmp/prosa-killed-XXXXXX";
    struct str url;
    struct db *again;
    struct err e = ERR_INIT;
    int64_t last;

    (void)state;
    assert_non_null(mkdtemp(dir));
    url = arena_printf(&a, "sqlite:%s/x.db", dir);
    last = write_and_kill(url);
    assert_true(last >= 200);
    assert_ok(db_open((struct db_options){.url = url}, &again, &e), &e);
    assert_in_range(harness_i64(again, DB_SYSTEM, count_items), last + 1, last + 2);
    assert_in_range(harness_i64(again, DB_SYSTEM, DB_SQL("SELECT max(id) FROM items")), last,
                    last + 1);
    db_close(again);
    (void)unlink(arena_printf(&a, "%s/x.db", dir).ptr);
    (void)rmdir(dir);
}

int main(void) {
#define FRESH(test) cmocka_unit_test_setup_teardown(test, open_db, close_db)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_told_done_survives_a_kill),
        FRESH(a_failing_disk_is_unavailable_and_recovers),
        FRESH(a_function_cannot_go_on_after_the_disk_failed),
        cmocka_unit_test(a_full_disk_is_unavailable_and_recovers),
        FRESH(what_is_no_database_is_refused),
        FRESH(another_process_lock_is_waited_for_no_longer_than_asked),
        FRESH(the_log_does_not_grow_without_end),
    };

    if (harness_engine() != DB_SQLITE)
        return 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

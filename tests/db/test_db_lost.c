/* test_db_lost.c - PostgreSQL when things break: lost serialisation, deadlock, killed sessions, a
 * server that restarts, is away or says nothing. Runs on a server of its own, which it restarts.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "db/harness.h"

static const char schema[] = "CREATE TABLE items (id BIGINT PRIMARY KEY, n BIGINT NOT NULL);"
                             "INSERT INTO items VALUES (-1, 0), (-2, 0);";

static const struct db_sql insert_item = DB_SQL("INSERT INTO items (id, n) VALUES ($1, 0)");
static const struct db_sql count_items = DB_SQL("SELECT count(*) FROM items WHERE id >= 0");

static struct db *db;
static char server_dir[] = "/tmp/prosa-lost-XXXXXX";

/* --- a server of its own --------------------------------------------------------------------- */

enum { LINE_BYTES = 256 };

/* Runs tests/tools/pg.sh; the last line it prints, without its end, goes to ret. */
static bool pg_sh(const char *verb, const char *arg, char ret[static LINE_BYTES]) {
    char command[512];
    FILE *out;

    (void)snprintf(command, sizeof(command), "'%s/tools/pg.sh' %s '%s' %s", PROSA_TEST_DIR, verb,
                   server_dir, arg);
    out = popen(command, "re"); /* NOLINT(cert-env33-c): our own script */
    if (!out)
        return false;
    while (fgets(ret, LINE_BYTES, out))
        ret[strcspn(ret, "\n")] = '\0';
    return pclose(out) == 0;
}

static bool start_server(void) {
    char url[LINE_BYTES] = "";

    if (!mkdtemp(server_dir) || !pg_sh("start", "", url))
        return false;
    return setenv("PROSA_TEST_POSTGRES_URL", url, 1) == 0; /* NOLINT(concurrency-mt-unsafe) */
}

static void stop_server(void) {
    char command[64];
    char ignored[LINE_BYTES];

    (void)pg_sh("stop", "", ignored);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", server_dir);
    (void)!system(command); /* NOLINT(cert-env33-c, concurrency-mt-unsafe) */
}

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

static struct db *node(unsigned connections, uint32_t timeout_ms) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct err e = ERR_INIT;
    struct db *ret;

    assert_ok(db_open((struct db_options){.url = harness_url(&a, db),
                                          .connections = connections,
                                          .timeout_ms = timeout_ms},
                      &ret, &e),
              &e);
    return ret;
}

static int64_t n_items(void) {
    return harness_i64(db, DB_SYSTEM, count_items);
}

/* --- lost races ------------------------------------------------------------------------------ */

struct pair { /* two transactions that want the same two rows, in opposite order */
    pthread_t thread;
    int64_t first;
    int64_t second;
    sem_t *mine; /* "I have my first row" */
    sem_t *theirs;
    bool has_met;
    bool is_later; /* the second row is not waited for: the deadlock is heard of at the commit */
    enum status st;
    struct err e;
};

static const struct db_sql add_sql = DB_SQL("UPDATE items SET n = n + 1 WHERE id = $1");
static const struct db_sql least_sum = DB_SQL("SELECT min(n) FROM items");

static enum status add_one(struct tx *tx, int64_t id, struct err *e) {
    return DB_EXEC(tx, add_sql, NULL, e, V_I64(id));
}

static enum status cross(struct tx *tx, void *ctx, struct err *e) {
    struct pair *p = ctx;

    TRY(add_one(tx, p->first, e));
    if (!p->has_met) {
        p->has_met = true;
        (void)sem_post(p->mine);
        (void)sem_wait(p->theirs);
    }
    return p->is_later ? DB_LATER(tx, add_sql, e, V_I64(p->second)) : add_one(tx, p->second, e);
}

static void *run_pair(void *arg) {
    struct pair *p = arg;

    p->st = db_write(db, DB_SYSTEM, cross, p, &p->e);
    return NULL;
}

static void cross_over(bool is_later) {
    struct db_counts before = db_counts(db);
    int64_t least = harness_i64(db, DB_SYSTEM, least_sum);
    sem_t one;
    sem_t two;
    struct pair pairs[] = {
        {.first = -1, .second = -2, .mine = &one, .theirs = &two, .is_later = is_later},
        {.first = -2, .second = -1, .mine = &two, .theirs = &one, .is_later = is_later},
    };

    (void)sem_init(&one, 0, 0);
    (void)sem_init(&two, 0, 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&pairs[i].thread, NULL, run_pair, &pairs[i]), 0);
    for (int i = 0; i < 2; i++)
        (void)pthread_join(pairs[i].thread, NULL);
    for (int i = 0; i < 2; i++)
        assert_ok(pairs[i].st, &pairs[i].e);
    assert_int_equal(db_counts(db).retries - before.retries, 1);
    assert_int_equal(harness_i64(db, DB_SYSTEM, least_sum) - least, 2);
}

static void a_deadlock_is_run_again(void **state) {
    (void)state;
    cross_over(false);
    cross_over(true);
}

static enum status read_then_write(struct tx *tx, void *ctx, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct db_rows rows;

    (void)ctx;
    TRY(DB_QUERY(&a, tx, DB_SQL("SELECT n FROM items WHERE id = -1"), &rows, e));
    return DB_EXEC(tx, DB_SQL("UPDATE items SET n = $1 WHERE id = -1"), NULL, e,
                   V_I64(db_i64(&rows, 0, 0) + 1));
}

enum { N_RACERS = 4, N_RACES = 20 };

struct racer {
    pthread_t thread;
    struct db *db;
    int n_ok;
};

static void *race(void *arg) {
    struct racer *r = arg;

    for (int i = 0; i < N_RACES; i++) {
        struct err e = ERR_INIT;

        r->n_ok += db_write(r->db, DB_SYSTEM, read_then_write, NULL, &e) == ST_OK;
    }
    return NULL;
}

/* Under READ COMMITTED the racers would lose each other's sums. */
static void lost_serialisation_is_run_again(void **state) {
    struct racer racers[N_RACERS] = {0};
    struct db *strict;
    int n_ok = 0;

    (void)state;
    harness_superuser(db, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET"
                          " default_transaction_isolation = serializable', current_database());"
                          " END $$");
    strict = node(N_RACERS, 5000);
    for (int i = 0; i < N_RACERS; i++) {
        racers[i].db = strict;
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    }
    for (int i = 0; i < N_RACERS; i++) {
        (void)pthread_join(racers[i].thread, NULL);
        n_ok += racers[i].n_ok;
    }
    assert_true(db_counts(strict).retries > 0);
    assert_true(n_ok > N_RACES);
    assert_int_equal(harness_i64(db, DB_SYSTEM, DB_SQL("SELECT n FROM items WHERE id = -1")), n_ok);
    db_close(strict);
}

/* --- killed sessions ------------------------------------------------------------------------- */

/* Returns when they are gone: until then a COMMIT would reach them, and be uncertain. */
static void kill_all_sessions(void) {
    harness_superuser(db, "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                          " WHERE datname = current_database() AND pid <> pg_backend_pid()");
}

struct victim {
    int kill_at; /* before which statement, counted from 0; 2: before the commit */
    int attempts;
};

static enum status be_killed(struct tx *tx, void *ctx, struct err *e) {
    struct victim *v = ctx;
    bool is_first = v->attempts++ == 0;

    for (int i = 0; i < 2; i++) {
        if (is_first && v->kill_at == i)
            kill_all_sessions();
        TRY(DB_EXEC(tx, insert_item, NULL, e, V_I64(i)));
    }
    if (is_first && v->kill_at == 2)
        kill_all_sessions();
    return ST_OK;
}

static void a_killed_session_is_run_again(void **state) {
    for (int at = 0; at <= 2; at++) {
        struct victim v = {.kill_at = at};
        struct err e = ERR_INIT;

        assert_ok(db_ping(db, &e), &e);
        assert_ok(db_write(db, DB_SYSTEM, be_killed, &v, &e), &e);
        assert_int_equal(v.attempts, 2);
        assert_int_equal(n_items(), 2);
        (void)close_db(state);
        (void)open_db(state);
    }
}

/* A commit that takes long: a deferred trigger sleeps in it. */
static void *kill_in_commit(void *arg) {
    (void)arg;
    for (int i = 0; i < 1000; i++) {
        struct timespec ts = {.tv_nsec = 10000000};

        harness_superuser(db, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                              " WHERE datname = current_database() AND query = 'COMMIT'"
                              " AND wait_event = 'PgSleep'");
        (void)nanosleep(&ts, NULL);
        if (arg && atomic_load((atomic_bool *)arg))
            return NULL;
    }
    return NULL;
}

static void a_session_killed_in_the_commit_is_uncertain(void **state) {
    atomic_bool is_done = false;
    struct err e = ERR_INIT;
    pthread_t killer;
    enum status st;

    (void)state;
    harness_superuser(db, "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS"
                          " $$ BEGIN PERFORM pg_sleep(20); RETURN NULL; END $$;"
                          " CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON items"
                          " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dawdle()");
    assert_int_equal(pthread_create(&killer, NULL, kill_in_commit, &is_done), 0);
    st = HARNESS_EXEC(db, DB_SYSTEM, insert_item, NULL, &e, V_I64(1));
    atomic_store(&is_done, true);
    (void)pthread_join(killer, NULL);
    assert_int_equal(st, ST_UNCERTAIN);
    assert_int_equal(e.status, ST_UNCERTAIN);
    err_clear(&e);
    assert_ok(db_ping(db, &e), &e);
}

/* After a failover the old primary takes no writes; so does this database. */
static void a_server_that_takes_no_writes_is_unavailable(void **state) {
    struct err e = ERR_INIT;

    (void)state;
    harness_superuser(db, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET"
                          " default_transaction_read_only = on', current_database()); END $$");
    kill_all_sessions();
    assert_int_equal(HARNESS_EXEC(db, DB_SYSTEM, insert_item, NULL, &e, V_I64(1)), ST_UNAVAILABLE);
    assert_int_equal(n_items(), 0);
    harness_superuser(db, "BEGIN READ WRITE;"
                          " DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET"
                          " default_transaction_read_only', current_database()); END $$; COMMIT");
    err_clear(&e);
    assert_ok(HARNESS_EXEC(db, DB_SYSTEM, insert_item, NULL, &e, V_I64(1)), &e);
}

/* What a reader has been handed it may have passed on. */
static enum status be_killed_reading(struct tx *tx, void *ctx, struct err *e) {
    struct victim *v = ctx;

    v->attempts++;
    TRY(DB_EXEC(tx, DB_SQL("SELECT 1"), NULL, e));
    if (v->attempts == 1)
        kill_all_sessions();
    return DB_EXEC(tx, DB_SQL("SELECT 2"), NULL, e);
}

static void a_reader_that_has_read_is_not_run_again(void **state) {
    struct victim v = {0};
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(db_read(db, DB_SYSTEM, be_killed_reading, &v, &e), ST_UNAVAILABLE);
    assert_int_equal(v.attempts, 1);
}

static void idle_connections_that_died_are_not_noticed(void **state) {
    struct err e = ERR_INIT;

    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_ok(HARNESS_EXEC(db, DB_SYSTEM, insert_item, NULL, &e, V_I64(i)), &e);
        kill_all_sessions();
        assert_int_equal(n_items(), i + 1);
        kill_all_sessions();
    }
}

/* --- restart --------------------------------------------------------------------------------- */

struct steady {
    pthread_t thread;
    int64_t first_id;
    atomic_bool *is_over;
    sem_t *began; /* the first is written */
    int n_ok;
    int n_uncertain;
    int n_unavailable;
    int n_other;
};

static void *write_steadily(void *arg) {
    struct steady *s = arg;

    for (int64_t id = s->first_id; !atomic_load(s->is_over); id++) {
        struct err e = ERR_INIT;
        enum status st = HARNESS_EXEC(db, DB_SYSTEM, insert_item, NULL, &e, V_I64(id));

        if (st == ST_OK && s->n_ok++ == 0)
            (void)sem_post(s->began);
        s->n_uncertain += st == ST_UNCERTAIN;
        s->n_unavailable += st == ST_UNAVAILABLE;
        s->n_other += st != ST_OK && st != ST_UNCERTAIN && st != ST_UNAVAILABLE;
    }
    return NULL;
}

/* After a long absence callers fail at once, until the next attempt to connect. */
static void wait_until_back(void) {
    struct timespec ts = {.tv_nsec = 20000000};

    for (int i = 0; i < 500; i++) {
        struct err e = ERR_INIT;

        if (db_ping(db, &e) == ST_OK)
            return;
        (void)nanosleep(&ts, NULL);
    }
    fail();
}

static void a_restart_loses_nothing_that_was_told_done(void **state) {
    enum { N = 4 };
    atomic_bool is_over = false;
    struct steady all[N] = {0};
    char ignored[LINE_BYTES];
    int n_ok = 0;
    int n_uncertain = 0;
    sem_t began;

    (void)state;
    (void)sem_init(&began, 0, 0);
    for (int i = 0; i < N; i++) {
        all[i] =
            (struct steady){.first_id = (int64_t)i * 1000000, .is_over = &is_over, .began = &began};
        assert_int_equal(pthread_create(&all[i].thread, NULL, write_steadily, &all[i]), 0);
    }
    for (int i = 0; i < N; i++)
        (void)sem_wait(&began);
    assert_true(pg_sh("restart", "fast", ignored));
    assert_true(pg_sh("restart", "immediate", ignored));
    atomic_store(&is_over, true);
    wait_until_back();
    for (int i = 0; i < N; i++) {
        (void)pthread_join(all[i].thread, NULL);
        n_ok += all[i].n_ok;
        n_uncertain += all[i].n_uncertain;
        assert_int_equal(all[i].n_other, 0);
    }
    assert_in_range(n_items(), n_ok, n_ok + n_uncertain);
}

/* --- nobody there ---------------------------------------------------------------------------- */

static int64_t try_to_open(const char *url, enum status want) {
    int64_t begin_ms = clock_mono_ms();
    struct err e = ERR_INIT;
    struct db *none;

    assert_int_equal(db_open((struct db_options){.url = str_of(url), .timeout_ms = 300}, &none, &e),
                     want);
    assert_null(strstr(e.message, "secret"));
    return clock_mono_ms() - begin_ms;
}

static void a_refused_connection_is_unavailable_in_time(void **state) {
    (void)state;
    assert_in_range(try_to_open("postgresql://u:secret@127.0.0.1:1/x", ST_UNAVAILABLE), 0, 2000);
}

static void a_url_that_cannot_be_read_is_invalid(void **state) {
    (void)state;
    (void)try_to_open("postgresql://u:secret@[::1/x", ST_INVALID);
    (void)try_to_open("mysql://u:secret@localhost/x", ST_INVALID);
}

/* Accepts in the kernel, and nobody ever reads. */
static void a_silent_server_is_unavailable_in_time(void **state) {
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char url[64];

    (void)state;
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, len), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    (void)snprintf(url, sizeof(url), "postgresql://u:secret@127.0.0.1:%d/x", ntohs(addr.sin_port));
    assert_in_range(try_to_open(url, ST_UNAVAILABLE), 250, 3000);
    (void)close(fd);
}

static void a_wrong_password_is_not_shown(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct str rest = harness_url(&a, db);
    struct str head;

    (void)state;
    (void)str_cut(&rest, '@', &head);
    (void)try_to_open(arena_printf(&a, "postgresql://prosa_test:secret@%.*s", STR_ARG(rest)).ptr,
                      ST_UNAVAILABLE);
}

/* --- waiting --------------------------------------------------------------------------------- */

static enum status lock_row(struct tx *tx, void *ctx, struct err *e) {
    struct pair *p = ctx;

    TRY(add_one(tx, -1, e));
    (void)sem_post(p->mine);
    (void)sem_wait(p->theirs);
    return ST_OK;
}

static void *hold_row(void *arg) {
    struct pair *p = arg;

    p->st = db_write(db, DB_SYSTEM, lock_row, p, &p->e);
    return NULL;
}

static enum status add_to_first(struct tx *tx, void *ctx, struct err *e) {
    (void)ctx;
    return add_one(tx, -1, e);
}

static void a_lock_is_waited_for_no_longer_than_asked(void **state) {
    sem_t locked;
    sem_t release;
    struct pair holder = {.mine = &locked, .theirs = &release};
    struct db *hasty = node(1, 300);
    struct err e = ERR_INIT;
    int64_t begin_ms;

    (void)state;
    (void)sem_init(&locked, 0, 0);
    (void)sem_init(&release, 0, 0);
    assert_int_equal(pthread_create(&holder.thread, NULL, hold_row, &holder), 0);
    (void)sem_wait(&locked);
    begin_ms = clock_mono_ms();
    assert_int_equal(db_write(hasty, DB_SYSTEM, add_to_first, NULL, &e), ST_UNAVAILABLE);
    assert_in_range(clock_mono_ms() - begin_ms, 250, 3000);
    (void)sem_post(&release);
    (void)pthread_join(holder.thread, NULL);
    err_clear(&e);
    assert_ok(db_write(hasty, DB_SYSTEM, add_to_first, NULL, &e), &e);
    db_close(hasty);
}

int main(void) {
#define FRESH(test) cmocka_unit_test_setup_teardown(test, open_db, close_db)
    const struct CMUnitTest tests[] = {
        FRESH(a_deadlock_is_run_again),
        FRESH(lost_serialisation_is_run_again),
        FRESH(a_killed_session_is_run_again),
        FRESH(a_session_killed_in_the_commit_is_uncertain),
        FRESH(a_server_that_takes_no_writes_is_unavailable),
        FRESH(a_reader_that_has_read_is_not_run_again),
        FRESH(idle_connections_that_died_are_not_noticed),
        FRESH(a_restart_loses_nothing_that_was_told_done),
        FRESH(a_lock_is_waited_for_no_longer_than_asked),
        cmocka_unit_test(a_refused_connection_is_unavailable_in_time),
        cmocka_unit_test(a_url_that_cannot_be_read_is_invalid),
        cmocka_unit_test(a_silent_server_is_unavailable_in_time),
        FRESH(a_wrong_password_is_not_shown),
    };
    int n_failed;

    if (harness_engine() != DB_POSTGRES)
        return 0;
    if (!start_server())
        return 1;
    n_failed = cmocka_run_group_tests(tests, NULL, NULL);
    stop_server();
    return n_failed;
}

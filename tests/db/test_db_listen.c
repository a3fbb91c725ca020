/* test_db_listen.c - wake-ups reach this process at once and others soon.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "db/harness.h"

static struct db *db;

struct ear {
    atomic_int n;
    sem_t heard;
};

static void hear(void *ctx) {
    struct ear *ear = ctx;

    atomic_fetch_add(&ear->n, 1);
    (void)sem_post(&ear->heard);
}

static void ear_init(struct ear *ear) {
    ear->n = 0;
    (void)sem_init(&ear->heard, 0, 0);
}

/* Waits for one call, at most ten seconds. */
static bool ear_wait(struct ear *ear) {
    struct timespec until = clock_deadline(10000);

    return sem_clockwait(&ear->heard, CLOCK_MONOTONIC, &until) == 0;
}

static void ear_forget(struct ear *ear) {
    while (sem_trywait(&ear->heard) == 0)
        ;
    ear->n = 0;
}

static int open_db(void **state) {
    struct err e = ERR_INIT;

    (void)state;
    assert_ok(harness_db_with("CREATE TABLE one (id BIGINT);", &db, &e), &e);
    return 0;
}

static int close_db(void **state) {
    (void)state;
    harness_done(db);
    return 0;
}

static struct db *second_node(void) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct err e = ERR_INIT;
    struct db *node;

    assert_ok(db_open((struct db_options){.url = harness_url(&a, db)}, &node, &e), &e);
    return node;
}

static void listeners_here_are_called_at_once(void **state) {
    struct err e = ERR_INIT;
    struct ear jobs;
    struct ear live;

    (void)state;
    ear_init(&jobs);
    ear_init(&live);
    assert_ok(db_listen(db, "jobs", hear, &jobs, &e), &e);
    assert_ok(db_listen(db, "jobs", hear, &jobs, &e), &e);
    assert_ok(db_listen(db, "live", hear, &live, &e), &e);
    db_notify(db, "jobs");
    assert_int_equal(jobs.n, 2);
    assert_int_equal(live.n, 0);
    db_notify(db, "nobody");
}

static void odd_channel_names_are_refused(void **state) {
    static const char *const names[] = {
        "", "Jobs", "a b", "a;drop table x", "a'b", "abcdefghijklmnopqrstuvwxyzabcdefghijkl"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct err e = ERR_INIT;

        assert_int_equal(db_listen(db, names[i], hear, NULL, &e), ST_BROKEN);
    }
}

/* Notifies until it is heard: a subscription takes a moment, and nothing tells when it is done. */
static bool notify_until_heard(struct db *from, const char *channel, struct ear *ear) {
    for (int i = 0; i < 1000; i++) {
        struct timespec until = clock_deadline(10);

        db_notify(from, channel);
        if (sem_clockwait(&ear->heard, CLOCK_MONOTONIC, &until) == 0)
            return true;
    }
    return false;
}

static void other_nodes_hear_soon_and_the_sender_no_echo(void **state) {
    struct db *node;
    struct err e = ERR_INIT;
    struct ear here;
    struct ear there;
    int64_t begin_ns;

    (void)state;
    if (harness_engine() != DB_POSTGRES)
        skip();
    node = second_node();
    ear_init(&here);
    ear_init(&there);
    assert_ok(db_listen(db, "jobs", hear, &here, &e), &e);
    assert_ok(db_listen(node, "jobs", hear, &there, &e), &e);
    assert_true(notify_until_heard(db, "jobs", &there));
    assert_true(notify_until_heard(node, "jobs", &here));
    (void)nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL); /* what is under way comes in */
    ear_forget(&here);
    ear_forget(&there);
    begin_ns = clock_mono_ns();
    db_notify(db, "jobs");
    assert_true(ear_wait(&there));
    assert_true(clock_mono_ns() - begin_ns < 1000000000);
    (void)nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    assert_int_equal(here.n, 1);
    assert_int_equal(there.n, 1);
    db_close(node);
}

static void many_notifications_become_few(void **state) {
    struct db *node;
    struct err e = ERR_INIT;
    struct ear there;

    (void)state;
    if (harness_engine() != DB_POSTGRES)
        skip();
    node = second_node();
    ear_init(&there);
    assert_ok(db_listen(node, "jobs", hear, &there, &e), &e);
    assert_true(notify_until_heard(db, "jobs", &there));
    ear_forget(&there);
    for (int i = 0; i < 10000; i++)
        db_notify(db, "jobs");
    assert_true(ear_wait(&there));
    assert_true(there.n < 1000);
    db_close(node);
}

static void a_short_lived_process_is_heard(void **state) {
    struct db *node;
    struct err e = ERR_INIT;
    struct ear here;

    (void)state;
    if (harness_engine() != DB_POSTGRES)
        skip();
    ear_init(&here);
    assert_ok(db_listen(db, "brief", hear, &here, &e), &e);
    node = second_node();
    assert_true(notify_until_heard(node, "brief", &here));
    db_close(node);
    ear_forget(&here);
    node = second_node();
    db_notify(node, "brief");
    db_close(node);
    assert_true(ear_wait(&here));
}

static void a_broken_connection_is_mended_and_everyone_woken(void **state) {
    struct db *node;
    struct err e = ERR_INIT;
    struct ear there;

    (void)state;
    if (harness_engine() != DB_POSTGRES)
        skip();
    node = second_node();
    ear_init(&there);
    assert_ok(db_listen(node, "jobs", hear, &there, &e), &e);
    assert_true(notify_until_heard(db, "jobs", &there));
    (void)nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    ear_forget(&there);
    harness_superuser(db, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                          " WHERE datname = current_database() AND pid <> pg_backend_pid()");
    assert_true(ear_wait(&there));
    assert_true(notify_until_heard(db, "jobs", &there));
    db_close(node);
}

int main(void) {
#define FRESH(test) cmocka_unit_test_setup_teardown(test, open_db, close_db)
    const struct CMUnitTest tests[] = {
        FRESH(listeners_here_are_called_at_once),
        FRESH(odd_channel_names_are_refused),
        FRESH(other_nodes_hear_soon_and_the_sender_no_echo),
        FRESH(many_notifications_become_few),
        FRESH(a_short_lived_process_is_heard),
        FRESH(a_broken_connection_is_mended_and_everyone_woken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

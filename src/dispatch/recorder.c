/* recorder.c - writes down what the provider has taken while the run's own thread claims the next: two connections on PostgreSQL, one
 * commit on SQLite.
 *
 * Invariant: between recorder_start() and recorder_wait() run->finished and the flights in it are only read.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/run.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void *record(void *ctx) {
    struct run *r = ctx;
    struct recorder *rec = &r->recorder;

    (void)pthread_mutex_lock(&rec->lock);
    for (;;) {
        while (!rec->is_wanted && !rec->is_stopping)
            (void)pthread_cond_wait(&rec->turned, &rec->lock);
        if (rec->is_stopping)
            break;
        (void)pthread_mutex_unlock(&rec->lock);

        struct err why = ERR_INIT;

        rec->st = db_write(r->deps->db, DB_TENANT(r->job->tenant), run_record_aside, r, &why);
        (void)pthread_mutex_lock(&rec->lock);
        rec->is_wanted = false;
        (void)pthread_cond_broadcast(&rec->turned);
    }
    (void)pthread_mutex_unlock(&rec->lock);
    return NULL;
}

void recorder_init(struct run *r) {
    (void)pthread_mutex_init(&r->recorder.lock, NULL);
    (void)pthread_cond_init(&r->recorder.turned, NULL);
}

void recorder_start(struct run *r, size_t n) {
    struct recorder *rec = &r->recorder;

    assert(r->n_aside == 0);
    if (!rec->is_begun && pthread_create(&rec->thread, NULL, record, r) != 0)
        return; /* without a thread the pass does it all */
    rec->is_begun = true;
    r->n_aside = n;
    (void)pthread_mutex_lock(&rec->lock);
    rec->is_wanted = true;
    (void)pthread_cond_broadcast(&rec->turned);
    (void)pthread_mutex_unlock(&rec->lock);
}

enum status recorder_wait(struct run *r) {
    struct recorder *rec = &r->recorder;
    size_t n = r->n_aside;

    if (n == 0)
        return ST_OK;
    (void)pthread_mutex_lock(&rec->lock);
    while (rec->is_wanted)
        (void)pthread_cond_wait(&rec->turned, &rec->lock);
    (void)pthread_mutex_unlock(&rec->lock);
    r->n_aside = 0;
    if (rec->st != ST_OK)
        return rec->st;
    for (size_t i = 0; i < n; i++)
        flight_end(r, r->finished[i]);
    r->n_finished -= n;
    memmove(r->finished, r->finished + n, r->n_finished * sizeof(struct flight *));
    return ST_OK;
}

void recorder_done(struct run *r) {
    struct recorder *rec = &r->recorder;

    assert(r->n_aside == 0);
    if (rec->is_begun) {
        (void)pthread_mutex_lock(&rec->lock);
        rec->is_stopping = true;
        (void)pthread_cond_broadcast(&rec->turned);
        (void)pthread_mutex_unlock(&rec->lock);
        (void)pthread_join(rec->thread, NULL);
    }
    arena_done(&rec->arena);
    (void)pthread_cond_destroy(&rec->turned);
    (void)pthread_mutex_destroy(&rec->lock);
}

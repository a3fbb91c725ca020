/* handlers.c - the threads that run handlers which may wait for disk or database, and the
 * bounded queue before them.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "httpd/internal.h"

enum {
    QUEUE_MAX = 1024,
    THREADS_MAX = 256,
};

struct handlers {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct list queue;
    _Atomic size_t reserved; /* places taken, in the queue or on the way to it */
    bool is_stopping;
    size_t n;
    pthread_t threads[];
};

bool handlers_reserve(struct handlers *p) {
    if (atomic_fetch_add(&p->reserved, 1) < QUEUE_MAX)
        return true;
    atomic_fetch_sub(&p->reserved, 1);
    return false;
}

void handlers_push(struct handlers *p, struct request *r) {
    (void)pthread_mutex_lock(&p->lock);
    list_push(&p->queue, &r->turn);
    (void)pthread_cond_signal(&p->wake);
    (void)pthread_mutex_unlock(&p->lock);
}

/* NULL: no more will come. */
static struct request *next_request(struct handlers *p) {
    struct list_node *n;

    (void)pthread_mutex_lock(&p->lock);
    while ((n = list_pop(&p->queue)) == NULL && !p->is_stopping)
        (void)pthread_cond_wait(&p->wake, &p->lock);
    (void)pthread_mutex_unlock(&p->lock);
    if (!n)
        return NULL;
    atomic_fetch_sub(&p->reserved, 1);
    return LIST_ITEM(n, struct request, turn);
}

/* A deferred answer may be given, sent and forgotten before the handler is back: then r is not
 * ours to look at. */
bool handler_run(struct request *r) {
    struct resp resp = {0};
    enum status st;

    if (!admit_principal(r))
        return true;
    st = r->pub.route->handler(r->h->options.app, &r->pub, &resp, &r->err);
    if (resp.is_deferred)
        return false;
    if (st == ST_OK) {
        r->resp = resp;
    } else {
        answer_drop_file(&resp);
        (void)err_set(&r->err, st, __FILE__, __LINE__, "the handler gave no reason");
        (void)refuse_err(r);
    }
    return true;
}

static void *handlers_main(void *ctx) {
    struct handlers *p = ctx;
    struct request *r;

    while ((r = next_request(p)) != NULL) {
        /* Nobody waits for the answer of an abandoned one any more: its client was told that
         * nothing happened. */
        if ((atomic_load(&r->flags) & RF_ABANDONED) || handler_run(r))
            req_finish(&r->pub, &r->resp);
    }
    return NULL;
}

static bool add_thread(struct handlers *p) {
    char name[16]; /* what the kernel keeps */

    if (pthread_create(&p->threads[p->n], NULL, handlers_main, p) != 0)
        return false;
    (void)snprintf(name, sizeof(name), "http-handler%u", (unsigned)p->n % 1000);
    (void)pthread_setname_np(p->threads[p->n], name);
    p->n++;
    return true;
}

enum status handlers_start(unsigned threads, struct handlers **ret, struct err *e) {
    struct handlers *p;

    if (threads > THREADS_MAX)
        threads = THREADS_MAX;
    p = calloc(1, sizeof(*p) + threads * sizeof(p->threads[0]));
    if (!p)
        abort();
    (void)pthread_mutex_init(&p->lock, NULL);
    (void)pthread_cond_init(&p->wake, NULL);
    list_init(&p->queue);
    while (p->n < threads) {
        if (add_thread(p))
            continue;
        handlers_stop(p);
        FAIL(e, ST_UNAVAILABLE, "could not start %u handler threads", threads);
    }
    *ret = p;
    return ST_OK;
}

void handlers_stop(struct handlers *p) {
    if (!p)
        return;
    (void)pthread_mutex_lock(&p->lock);
    p->is_stopping = true;
    (void)pthread_cond_broadcast(&p->wake);
    (void)pthread_mutex_unlock(&p->lock);
    for (size_t i = 0; i < p->n; i++)
        (void)pthread_join(p->threads[i], NULL);
    (void)pthread_mutex_destroy(&p->lock);
    (void)pthread_cond_destroy(&p->wake);
    free(p);
}

/* later.c - a binary heap by time, and the thread that waits for its top.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sim/later.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"

struct task {
    int64_t due_ns;
    uint64_t seq; /* breaks ties */
    later_fn fn;
    void *arg;
};

struct later {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool is_over;
    struct task *heap; /* heap[0] is due first; children of i are 2i+1 and 2i+2 */
    size_t n, cap;
    uint64_t seq;
};

static bool is_before(const struct task *a, const struct task *b) {
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->seq < b->seq;
}

static void swap(struct task *a, struct task *b) {
    struct task t = *a;

    *a = *b;
    *b = t;
}

static void push(struct later *l, struct task t) {
    size_t i = l->n++;

    if (i == l->cap) {
        l->cap = l->cap > 0 ? l->cap * 2 : 64;
        l->heap = reallocarray(l->heap, l->cap, sizeof(*l->heap));
        if (!l->heap)
            abort();
    }
    l->heap[i] = t;
    while (i > 0 && is_before(&l->heap[i], &l->heap[(i - 1) / 2])) {
        swap(&l->heap[i], &l->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
}

static struct task pop(struct later *l) {
    struct task top = l->heap[0];
    size_t i = 0;

    l->heap[0] = l->heap[--l->n];
    for (;;) {
        size_t child = 2 * i + 1;

        if (child + 1 < l->n && is_before(&l->heap[child + 1], &l->heap[child]))
            child++;
        if (child >= l->n || !is_before(&l->heap[child], &l->heap[i]))
            return top;
        swap(&l->heap[i], &l->heap[child]);
        i = child;
    }
}

/* Waits until the top is due; false when it is over. Called and left with the lock held. */
static bool wait_due(struct later *l) {
    while (!l->is_over) {
        struct timespec at;

        if (l->n == 0) {
            (void)pthread_cond_wait(&l->changed, &l->lock);
            continue;
        }
        if (l->heap[0].due_ns <= clock_mono_ns())
            return true;
        at = (struct timespec){.tv_sec = l->heap[0].due_ns / 1000000000,
                               .tv_nsec = l->heap[0].due_ns % 1000000000};
        (void)pthread_cond_clockwait(&l->changed, &l->lock, CLOCK_MONOTONIC, &at);
    }
    return false;
}

static void *run(void *ctx) {
    struct later *l = ctx;

    (void)pthread_mutex_lock(&l->lock);
    while (wait_due(l)) {
        struct task t = pop(l);

        (void)pthread_mutex_unlock(&l->lock);
        t.fn(t.arg, false);
        (void)pthread_mutex_lock(&l->lock);
    }
    (void)pthread_mutex_unlock(&l->lock);
    return NULL;
}

enum status later_start(struct later **ret, struct err *e) {
    struct later *l = calloc(1, sizeof(*l));

    if (!l)
        abort();
    (void)pthread_mutex_init(&l->lock, NULL);
    (void)pthread_cond_init(&l->changed, NULL);
    if (pthread_create(&l->thread, NULL, run, l)) {
        later_free(l);
        FAIL(e, ST_UNAVAILABLE, "could not start the simulator's clock: no thread");
    }
    *ret = l;
    return ST_OK;
}

void later_do(struct later *l, int64_t in_ms, later_fn fn, void *arg) {
    struct task t = {.due_ns = clock_mono_ns() + in_ms * 1000000, .fn = fn, .arg = arg};
    bool is_over;

    (void)pthread_mutex_lock(&l->lock);
    is_over = l->is_over;
    if (!is_over) {
        t.seq = l->seq++;
        push(l, t);
        if (l->heap[0].seq == t.seq)
            (void)pthread_cond_signal(&l->changed);
    }
    (void)pthread_mutex_unlock(&l->lock);
    if (is_over)
        fn(arg, true);
}

void later_stop(struct later *l) {
    (void)pthread_mutex_lock(&l->lock);
    l->is_over = true;
    (void)pthread_cond_signal(&l->changed);
    (void)pthread_mutex_unlock(&l->lock);
    (void)pthread_join(l->thread, NULL);
    while (l->n > 0) { /* nobody adds any more */
        struct task t = pop(l);

        t.fn(t.arg, true);
    }
}

void later_free(struct later *l) {
    if (!l)
        return;
    (void)pthread_mutex_destroy(&l->lock);
    (void)pthread_cond_destroy(&l->changed);
    free(l->heap);
    free(l);
}

/* stats.c - the registry of metrics and its rendering as Prometheus text. Registered objects form a
 * list that only grows; an update touches its own object and nothing else. Rendering reads while
 * others write: each number is right by itself, a histogram's count is the sum of what was read.
 * SPDX-License-Identifier: Apache-2.0 */
#include "stats/stats.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "stats/process.h"

enum {
    HOOKS_MAX = 16,
    FIRST_BOUND_US = 500, /* doubled from bucket to bucket: 0.5 ms … 16.384 s */
};

static struct {
    pthread_mutex_t lock; /* registration and hooks; never held while a metric is updated */
    struct stats_counter *_Atomic counters;
    struct stats_histogram *_Atomic histograms;
    size_t n_hooks;
    struct hook {
        void (*fn)(struct buf *b, void *ctx);
        void *ctx;
    } hooks[HOOKS_MAX];
} registry = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void register_counter(struct stats_counter *c) {
    (void)pthread_mutex_lock(&registry.lock);
    if (!atomic_load(&c->registered)) {
        c->next = atomic_load(&registry.counters);
        atomic_store(&registry.counters, c);
        atomic_store(&c->registered, 1);
    }
    (void)pthread_mutex_unlock(&registry.lock);
}

void stats_add(struct stats_counter *c, int64_t n) {
    atomic_fetch_add_explicit(&c->value, n, memory_order_relaxed);
    if (!atomic_load_explicit(&c->registered, memory_order_acquire))
        register_counter(c);
}

void stats_set(struct stats_counter *c, int64_t v) {
    atomic_store_explicit(&c->value, v, memory_order_relaxed);
    if (!atomic_load_explicit(&c->registered, memory_order_acquire))
        register_counter(c);
}

static void register_histogram(struct stats_histogram *h) {
    (void)pthread_mutex_lock(&registry.lock);
    if (!atomic_load(&h->registered)) {
        h->next = atomic_load(&registry.histograms);
        atomic_store(&registry.histograms, h);
        atomic_store(&h->registered, 1);
    }
    (void)pthread_mutex_unlock(&registry.lock);
}

static size_t bucket_of(int64_t us) {
    int64_t bound_us = FIRST_BOUND_US;

    for (size_t i = 0; i < STATS_BUCKETS; i++) {
        if (us <= bound_us)
            return i;
        bound_us *= 2;
    }
    return STATS_BUCKETS;
}

void stats_observe_us(struct stats_histogram *h, int64_t us) {
    if (us < 0)
        us = 0; /* a clock that stepped back is no negative wait */
    atomic_fetch_add_explicit(&h->buckets[bucket_of(us)], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->sum_us, us, memory_order_relaxed);
    if (!atomic_load_explicit(&h->registered, memory_order_acquire))
        register_histogram(h);
}

void stats_on_render(void (*fn)(struct buf *b, void *ctx), void *ctx) {
    (void)pthread_mutex_lock(&registry.lock);
    assert(registry.n_hooks < HOOKS_MAX);
    registry.hooks[registry.n_hooks++] = (struct hook){.fn = fn, .ctx = ctx};
    (void)pthread_mutex_unlock(&registry.lock);
}

static void add_head(struct buf *b, const char *name, const char *help, const char *type) {
    buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* name{labels,extra}: braces only when there is something to put in. */
static void add_name(struct buf *b, const char *name, const char *suffix, const char *labels,
                     const char *extra) {
    bool both = labels && *labels && *extra;

    buf_printf(b, "%s%s", name, suffix);
    if ((labels && *labels) || *extra)
        buf_printf(b, "{%s%s%s}", labels ? labels : "", both ? "," : "", extra);
    buf_add_char(b, ' ');
}

void stats_sample(struct buf *b, const char *name, const char *labels, int64_t value) {
    add_name(b, name, "", labels, "");
    buf_add_i64(b, value);
    buf_add_char(b, '\n');
}

static void render_counter_name(struct buf *b, const struct stats_counter *first) {
    add_head(b, first->name, first->help, first->is_gauge ? "gauge" : "counter");
    for (const struct stats_counter *c = first; c; c = c->next) {
        if (strcmp(c->name, first->name) == 0)
            stats_sample(b, c->name, c->labels, atomic_load(&c->value));
    }
}

/* The format wants all samples of a name in one group: each name is rendered where it stands first
 * in the list. That is quadratic in a few dozen names, once per scrape. */
static void render_counters(struct buf *b) {
    const struct stats_counter *head = atomic_load(&registry.counters);

    for (const struct stats_counter *c = head; c; c = c->next) {
        const struct stats_counter *first = head;

        while (strcmp(first->name, c->name) != 0)
            first = first->next;
        if (first == c)
            render_counter_name(b, c);
    }
}

static void render_histogram(struct buf *b, const struct stats_histogram *h) {
    int64_t bound_us = FIRST_BOUND_US, count = 0;

    for (size_t i = 0; i < STATS_BUCKETS; i++) {
        char le[40]; /* le="16.3840", any int64 fits */

        (void)snprintf(le, sizeof(le), "le=\"%g\"", (double)bound_us / 1e6);
        count += atomic_load_explicit(&h->buckets[i], memory_order_relaxed);
        add_name(b, h->name, "_bucket", h->labels, le);
        buf_printf(b, "%lld\n", (long long)count);
        bound_us *= 2;
    }
    count += atomic_load_explicit(&h->buckets[STATS_BUCKETS], memory_order_relaxed);
    add_name(b, h->name, "_bucket", h->labels, "le=\"+Inf\"");
    buf_printf(b, "%lld\n", (long long)count);
    add_name(b, h->name, "_sum", h->labels, "");
    buf_printf(b, "%.6f\n", (double)atomic_load(&h->sum_us) / 1e6);
    add_name(b, h->name, "_count", h->labels, "");
    buf_printf(b, "%lld\n", (long long)count);
}

static void render_histogram_name(struct buf *b, const struct stats_histogram *first) {
    add_head(b, first->name, first->help, "histogram");
    for (const struct stats_histogram *h = first; h; h = h->next) {
        if (strcmp(h->name, first->name) == 0)
            render_histogram(b, h);
    }
}

static void render_histograms(struct buf *b) {
    const struct stats_histogram *head = atomic_load(&registry.histograms);

    for (const struct stats_histogram *h = head; h; h = h->next) {
        const struct stats_histogram *first = head;

        while (strcmp(first->name, h->name) != 0)
            first = first->next;
        if (first == h)
            render_histogram_name(b, h);
    }
}

static void render_process(struct buf *b) {
    add_head(b, "process_resident_memory_bytes", "Resident memory size in bytes.", "gauge");
    stats_sample(b, "process_resident_memory_bytes", NULL, process_resident_bytes());
    add_head(b, "process_open_fds", "Number of open file descriptors.", "gauge");
    stats_sample(b, "process_open_fds", NULL, process_open_fds());
    add_head(b, "process_start_time_seconds", "Start time since 1970 in seconds.", "gauge");
    stats_sample(b, "process_start_time_seconds", NULL, process_start_time_s());
}

static void render_hooks(struct buf *b) {
    struct hook hooks[HOOKS_MAX];
    size_t n;

    (void)pthread_mutex_lock(&registry.lock);
    n = registry.n_hooks;
    memcpy(hooks, registry.hooks, sizeof(hooks));
    (void)pthread_mutex_unlock(&registry.lock);
    for (size_t i = 0; i < n; i++)
        hooks[i].fn(b, hooks[i].ctx); /* unlocked: a hook may wait for a database */
}

void stats_render(struct buf *b) {
    render_counters(b);
    render_histograms(b);
    render_hooks(b);
    render_process(b);
}

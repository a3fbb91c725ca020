/* stats.h - counters, gauges and histograms of this process, rendered as Prometheus text
 * (exposition format 0.0.4). A metric is a static object registered on first use; updates are
 * lock-free. Names and labels are constant text, never data of a tenant.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum { STATS_BUCKETS = 16 };

struct stats_counter { /* STATS_COUNTER(name, help) or with labels */
    const char *name;  /* "prosa_webhooks_total" */
    const char *help;
    const char *labels; /* "state=\"accepted\"" or NULL; one name's metrics stand together */
    _Atomic int64_t value;
    _Atomic int registered;
    struct stats_counter *next;
    bool is_gauge;
};

#define STATS_COUNTER(n, h)                                                                        \
    { .name = (n), .help = (h) }
#define STATS_COUNTER_L(n, h, l)                                                                   \
    { .name = (n), .help = (h), .labels = (l) }
#define STATS_GAUGE(n, h)                                                                          \
    { .name = (n), .help = (h), .is_gauge = true }
#define STATS_GAUGE_L(n, h, l)                                                                     \
    { .name = (n), .help = (h), .labels = (l), .is_gauge = true }

void stats_add(struct stats_counter *c, int64_t n);
void stats_set(struct stats_counter *c, int64_t v);

/* Of durations; fixed exponential buckets from 0.5 ms to 16 s. */
struct stats_histogram {
    const char *name; /* "prosa_request_duration_seconds": rendered in seconds */
    const char *help;
    const char *labels;
    _Atomic int64_t buckets[STATS_BUCKETS + 1];
    _Atomic int64_t sum_us;
    _Atomic int registered;
    struct stats_histogram *next;
};

#define STATS_HISTOGRAM(n, h)                                                                      \
    { .name = (n), .help = (h) }
#define STATS_HISTOGRAM_L(n, h, l)                                                                 \
    { .name = (n), .help = (h), .labels = (l) }
void stats_observe_us(struct stats_histogram *h, int64_t us);

/* Adds a function that renders values computed when asked for (queue depth, say); at most 16. */
void stats_on_render(void (*fn)(struct buf *b, void *ctx), void *ctx);
/* Helper for such functions: one sample line. */
void stats_sample(struct buf *b, const char *name, const char *labels, int64_t value);
/* Everything registered, plus process_resident_memory_bytes, process_open_fds and
 * process_start_time_seconds. */
void stats_render(struct buf *b);

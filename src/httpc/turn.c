/* turn.c - whose turn it is: calls wait per host for a free connection and for the host's rate.
 * Hosts take turns, so that one with a long queue does not use up what all share. Of one host campaigns' calls come last and leave a
 * part of its connections alone: an answer to somebody does not wait for thousands.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/clock.h"
#include "httpc/loop.h"

enum { SWEEP_EVERY_MS = 50 }; /* a call may overstay its deadline in the queue by that much */

static struct host *host_of(struct name_entry *e) {
    return CONTAINER_OF(e, struct host, entry);
}

static bool host_is_idle(const struct name_entry *e) {
    const struct host *host = (const struct host *)(const void *)e; /* entry is its first member */

    return host->n_queued == 0 && host->in_flight == 0 && host->per_ms <= 0;
}

static void host_free(struct name_entry *e) {
    free(host_of(e));
}

_Static_assert(offsetof(struct host, entry) == 0, "host_is_idle relies on it");

void turn_init(struct httpc *h) {
    list_init(&h->waiting);
    h->hosts = (struct names){.is_idle = host_is_idle, .free_fn = host_free};
    h->turn_due_ms = INT64_MAX;
    h->next_sweep_ms = INT64_MAX;
}

struct host *turn_host(struct httpc *h, struct str host_port) {
    struct name_entry *e = names_find(&h->hosts, host_port);
    struct host *host;

    if (e)
        return host_of(e);
    host = calloc(1, sizeof(*host));
    if (!host)
        abort();
    for (enum lane i = 0; i < N_LANES; i++)
        list_init(&host->queues[i]);
    names_add(&h->hosts, &host->entry, host_port);
    return host;
}

void turn_limit(struct httpc *h, struct str host_port, double per_second) {
    struct host *host = turn_host(h, host_port);

    host->per_ms = per_second > 0 ? per_second / 1000 : 0;
    host->tokens = 1;
    host->refilled_ms = clock_mono_ms();
}

static enum lane lane_of(const struct transfer *t) {
    return t->call->reach == REACH_CAMPAIGN ? LANE_CAMPAIGN : LANE_FIRST;
}

static struct transfer *first_of(const struct host *host) {
    enum lane i = list_is_empty(&host->queues[LANE_FIRST]) ? LANE_CAMPAIGN : LANE_FIRST;

    return LIST_ITEM(host->queues[i].head.next, struct transfer, node);
}

void turn_enqueue(struct httpc *h, struct transfer *t) {
    struct host *host = t->host;

    if (host->n_queued++ == 0)
        list_push(&h->waiting, &host->waiting_node);
    list_push(&host->queues[lane_of(t)], &t->node);
    if (t->deadline_ms < h->next_sweep_ms)
        h->next_sweep_ms = t->deadline_ms;
}

static void dequeue(struct transfer *t) {
    struct host *host = t->host;

    list_remove(&t->node);
    if (--host->n_queued == 0)
        list_remove(&host->waiting_node);
}

struct transfer *turn_drain(struct httpc *h) {
    struct host *host;
    struct transfer *t;

    if (list_is_empty(&h->waiting))
        return NULL;
    host = LIST_ITEM(h->waiting.head.next, struct host, waiting_node);
    t = first_of(host);
    dequeue(t);
    return t;
}

/* The bucket holds 10 ms worth of calls, but at least one: a loop that wakes a little late loses
 * nothing at high rates, and at low ones no two calls are closer than 1/rate. */
static void refill(struct host *host, int64_t now_ms) {
    double max = host->per_ms * 10 > 1 ? host->per_ms * 10 : 1;

    host->tokens += (double)(now_ms - host->refilled_ms) * host->per_ms;
    if (host->tokens > max)
        host->tokens = max;
    host->refilled_ms = now_ms;
}

/* True when the host's rate grants a call; else turn_due_ms covers the moment it will. */
static bool is_rate_granted(struct httpc *h, struct host *host, int64_t now_ms) {
    int64_t due_ms;

    if (host->per_ms <= 0)
        return true;
    refill(host, now_ms);
    if (host->tokens >= 1)
        return true;
    due_ms = now_ms + 1 + (int64_t)((1 - host->tokens) / host->per_ms);
    if (due_ms < h->turn_due_ms)
        h->turn_due_ms = due_ms;
    return false;
}

static void refuse_open(struct httpc *h, struct transfer *t, int64_t now_ms) {
    struct err e = ERR_INIT;

    (void)err_set(&e, ST_UNAVAILABLE, __FILE__, __LINE__,
                  "could not call \"%.*s\": circuit is open", STR_ARG(t->breaker->entry.name));
    e.cause = "breaker-open";
    e.retry_after_ms = breaker_wait_ms(t->breaker, now_ms);
    loop_refuse(h, t, ST_UNAVAILABLE, &e);
}

static void refuse_gate(struct httpc *h, struct transfer *t) {
    struct err e = ERR_INIT;

    (void)err_set(&e, ST_DENIED, __FILE__, __LINE__, "could not call \"%.*s\": the gate is \"%s\"",
                  STR_ARG(t->host->entry.name), gate_name(httpc_gate(h)));
    e.cause = "gate-closed";
    loop_refuse(h, t, ST_DENIED, &e);
}

unsigned httpc_campaign_places(unsigned max_per_host) {
    return max_per_host - max_per_host / 8;
}

static bool has_place(const struct httpc *h, const struct host *host, enum lane lane) {
    if (h->in_flight >= h->options.max_total || host->in_flight >= h->options.max_per_host)
        return false;
    return lane != LANE_CAMPAIGN ||
           host->n_campaign < httpc_campaign_places(h->options.max_per_host);
}

/* Starts, or refuses, the host's next call; false when it has to go on waiting. */
static bool advance_host(struct httpc *h, struct host *host, int64_t now_ms) {
    struct transfer *t = first_of(host);
    enum lane lane = lane_of(t);

    if (!gate_permits(httpc_gate(h), t->call->reach)) { /* closed while the call waited */
        dequeue(t);
        refuse_gate(h, t);
        return true;
    }
    if (!t->is_probe && breaker_refuses(t->breaker, now_ms)) {
        dequeue(t);
        refuse_open(h, t, now_ms);
        return true;
    }
    if (!has_place(h, host, lane) || !is_rate_granted(h, host, now_ms))
        return false;
    if (!t->is_probe) { /* the next hop of a probe is still that probe */
        (void)breaker_admit(t->breaker, now_ms);
        t->is_probe = t->breaker->state == BREAKER_PROBING;
    }
    host->tokens -= host->per_ms > 0 ? 1 : 0;
    dequeue(t);
    host->in_flight++;
    host->n_campaign += lane == LANE_CAMPAIGN;
    h->in_flight++;
    loop_fly(h, t);
    return true;
}

void turn_done(struct httpc *h, struct transfer *t) {
    t->host->in_flight--;
    t->host->n_campaign -= lane_of(t) == LANE_CAMPAIGN;
    h->in_flight--;
}

static void refuse_late(struct httpc *h, struct transfer *t) {
    struct err e = ERR_INIT;

    (void)err_set(&e, ST_UNAVAILABLE, __FILE__, __LINE__,
                  "could not call \"%.*s\": timed out waiting for a turn",
                  STR_ARG(t->host->entry.name));
    e.cause = "no-turn";
    loop_refuse(h, t, ST_UNAVAILABLE, &e);
}

static void sweep_queue(struct httpc *h, struct list *queue, int64_t now_ms) {
    LIST_EACH(queue, n) {
        struct transfer *t = LIST_ITEM(n, struct transfer, node);

        if (t->deadline_ms <= now_ms) {
            dequeue(t);
            refuse_late(h, t);
        } else if (t->deadline_ms < h->next_sweep_ms) {
            h->next_sweep_ms = t->deadline_ms;
        }
    }
}

static void sweep_host(struct httpc *h, struct host *host, int64_t now_ms) {
    for (enum lane i = 0; i < N_LANES; i++)
        sweep_queue(h, &host->queues[i], now_ms);
}

static void sweep(struct httpc *h, int64_t now_ms) {
    h->next_sweep_ms = INT64_MAX;
    LIST_EACH(&h->waiting, n)
    sweep_host(h, LIST_ITEM(n, struct host, waiting_node), now_ms);
    if (h->next_sweep_ms < now_ms + SWEEP_EVERY_MS)
        h->next_sweep_ms = now_ms + SWEEP_EVERY_MS;
}

void turn_advance(struct httpc *h) {
    int64_t now_ms;
    bool has_moved = true;

    if (list_is_empty(&h->waiting)) {
        h->turn_due_ms = INT64_MAX;
        return;
    }
    now_ms = clock_mono_ms();
    while (has_moved) {
        has_moved = false;
        h->turn_due_ms = INT64_MAX;
        LIST_EACH(&h->waiting, n) {
            if (advance_host(h, LIST_ITEM(n, struct host, waiting_node), now_ms))
                has_moved = true;
        }
    }
    if (now_ms >= h->next_sweep_ms)
        sweep(h, now_ms);
    if (h->next_sweep_ms < h->turn_due_ms)
        h->turn_due_ms = h->next_sweep_ms;
}

/* loop.h - the inside of the client: what the loop's thread owns and what it shares with callers.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "httpc/transfer.h"

enum lane { LANE_FIRST, LANE_CAMPAIGN, N_LANES };

struct host { /* one "host:port": its limits and the calls that wait for their turn, oldest first */
    struct name_entry entry;
    struct list_node waiting_node; /* of httpc.waiting while a queue is not empty */
    struct list queues[N_LANES];   /* campaigns' calls come after all others */
    unsigned n_queued;
    unsigned in_flight;
    unsigned n_campaign; /* of these, campaigns' */
    double per_ms;       /* 0: unlimited */
    double tokens;
    int64_t refilled_ms;
};

struct limit { /* httpc_limit_host() on its way to the loop */
    struct list_node node;
    struct str host_port; /* owned */
    double per_second;
};

struct httpc {
    struct httpc_options options; /* with the defaults filled in; user_agent is a copy */
    _Atomic int gate;
    int wake_fd;
    pthread_t thread;

    pthread_mutex_t lock; /* guards the next five */
    struct list inbox;
    struct list limits;
    struct list resumes; /* streams that have room again */
    bool is_awake;       /* the loop knows that there is something to fetch */
    bool is_stopping;

    /* the rest belongs to the loop's thread */
    CURLM *multi;
    int epoll_fd;
    int64_t curl_due_ns; /* when libcurl wants to be called; -1: it does not */
    struct list waiting; /* hosts with a queue */
    struct list flying;  /* transfers on a handle */
    unsigned in_flight;
    struct names hosts, breakers;
    struct handle *idle_handles;
    int64_t
        turn_due_ms; /* when a rate limit or a waiting call's deadline is due; INT64_MAX: none */
    int64_t next_sweep_ms;

    /* Seams, set before the first call: how names resolve (CURLOPT_RESOLVE entries, NULL in the
     * product) and which addresses guarded calls may reach. */
    struct curl_slist *resolve;
    bool (*is_public)(const struct sockaddr *addr);
};

/* Wakes the loop; call with the lock held. */
void httpc_wake(struct httpc *h);
enum status loop_open(struct httpc *h, struct err *e) ATTR_MUST_CHECK;
void *loop_run(void *httpc);
void loop_close(struct httpc *h); /* also after a loop_open() that failed */

/* turn.c: waiting for a turn. */
struct host *turn_host(struct httpc *h, struct str host_port);
void turn_enqueue(struct httpc *h, struct transfer *t);
void turn_limit(struct httpc *h, struct str host_port, double per_second);
/* Starts what may start now, ends what waited too long, and sets turn_due_ms. */
void turn_advance(struct httpc *h);
void turn_done(struct httpc *h, struct transfer *t); /* a flying transfer landed */
/* Takes one call out of its queue, whichever; NULL when none waits. */
struct transfer *turn_drain(struct httpc *h);
void turn_init(struct httpc *h);

/* loop.c: starting and ending transfers, for turn.c. */
void loop_fly(struct httpc *h, struct transfer *t);
/* Ends t without a reply; t is gone after that. */
void loop_refuse(struct httpc *h, struct transfer *t, enum status st, const struct err *e);

/* outcome.c: from libcurl's words to ours, and the figures. */
struct outcome {
    enum status status;
    enum breaker_outcome breaker;
    struct http_reply reply;
};
/* Judges a transfer that libcurl has ended with result. */
void outcome_judge(struct transfer *t, CURLcode result, struct outcome *ret, struct err *e);
/* Of a transfer that was never, or is no longer, with libcurl: NOT_SENT, or CUT when an earlier hop
 * left. */
void outcome_without_reply(const struct transfer *t, const struct err *e, struct outcome *ret);
void outcome_count(const struct transfer *t, const struct outcome *o, const struct err *e);
void outcome_count_in_flight(int n);
void outcome_count_breaker_open(void);

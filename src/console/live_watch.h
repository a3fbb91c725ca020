/* live_watch.h - sockets that watch live, and who of their users looks at which conversation; private to console/.
 *
 * Presence is of this node and this moment: it is kept in memory, told to the tenant's other sockets here, and gone with its
 * socket. What a browser says is a wish that the feed's thread checks and tells, the newest alone.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>

#include "base/list.h"
#include "console/console.h"
#include "tenant/tenant.h"

struct place {
    int64_t xid, seq;
};

struct view {                            /* what a socket's user looks at */
    struct conversation_id conversation; /* nil: nothing */
    bool is_typing;
};

struct watcher { /* one socket */
    struct list_node node;
    struct live *live;
    struct ws_conn *conn; /* NULL until opened */
    struct tenant_id tenant;
    struct user_id user;        /* nil: an API key, which shows no presence */
    struct caller_mark mark;    /* whose credentials opened it */
    const struct route *route;  /* that they must permit */
    int64_t checked_ms, due_ms; /* monotonic; guarded by the lock */
    struct place at;            /* everything up to here was sent */
    bool has_place;             /* false: starts at what is newest when it opens */
    bool is_new, is_gone;

    struct view wish; /* as the browser said last */
    bool has_wish;
    int64_t told_ms;                /* when a wish was taken last, monotonic */
    int64_t window_ms, n_in_window; /* how often it speaks */

    /* the feed's thread's own: */
    struct view view;
    int64_t typing_until_ms;
    char *name; /* of the user, once looked up; heap */
    size_t name_len;
};

struct live {
    struct db *db;
    struct ws *ws;
    struct authenticator *authenticator;
    struct log_ctx log;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    struct list watchers;
    bool is_awake, is_stopping;
    bool has_wishes; /* one that came too early waits for its time */

    struct place at; /* the thread's own: where it stands */
};

/* The thread runs soon; under the lock. */
void live_nudge(struct live *l);

/* r opened w. */
void guard_begin(struct watcher *w, const struct req *r);
/* The feed's thread: closes sockets whose session or key has ended. */
void guard_tend(struct live *l);

/* What a browser sent: {"viewing": id or null, "typing": bool}. Runs on the ws thread. */
void presence_heard(struct watcher *w, struct str message);
/* The feed's thread: takes wishes, ends typing that was not repeated. */
void presence_tend(struct live *l);
/* Tells a new socket who looks at what; under the lock. */
void presence_greet(struct live *l, struct watcher *w);
/* w is gone, and out of the list: the others learn what its user looks at elsewhere, or nothing; under the lock. */
void presence_left(struct live *l, struct watcher *w);

/* internal.h - what the files of ws/ share: handshake.c (an HTTP request becomes a connection),
 * conn.c (frames of one connection), ws.c (the thread, and what other threads may call).
 *
 * A connection belongs to the ws thread. Other threads only put messages and wishes into its
 * `inbox` part, under ws.lock, and put it on the dirty list.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>
#include <wslay/wslay.h>

#include "base/list.h"
#include "ws/ws.h"

enum { WS_TRY_AGAIN_LATER = 1013 }; /* IANA WebSocket Close Code Number Registry */

enum conn_state {
    CONN_JOINING, /* handshake answered, not yet seen by the ws thread */
    CONN_OPEN,
    CONN_CLOSING, /* a close frame is queued or sent; the peer's answer is awaited */
    CONN_LINGER,  /* both sides are done; input is dropped, so that our last frame arrives */
    CONN_DEAD,    /* released; freed with the last reference */
};

struct outgoing {
    struct outgoing *next;
    size_t len;
    char bytes[];
};

struct ws_conn {
    struct list_node node; /* in ws.conns */
    struct ws_conn *next_dead;
    bool is_listed; /* which the ws thread saw to */
    struct ws *w;
    const struct ws_events *events;
    void *ctx, *user;
    void (*free_user)(void *user);
    _Atomic size_t refs;

    /* of the ws thread */
    enum conn_state state;
    int fd;
    void (*release)(void *handle);
    void *handle;
    wslay_event_context_ptr frames;
    char *first; /* bytes that came with the handshake */
    size_t first_len, first_at;
    size_t budget;     /* bytes it may still read in this round */
    uint32_t interest; /* what epoll watches */
    bool is_at_end;    /* of the peer's stream, or the socket is broken */
    bool is_pinged;    /* and has said nothing since */
    int64_t next_ping_ms;
    int64_t give_up_ms; /* CLOSING, LINGER: when to stop waiting for the peer */

    /* inbox, under ws.lock */
    struct outgoing *inbox, **inbox_end;
    size_t inbox_bytes;
    size_t frames_bytes; /* what the frame queue held when last looked at */
    struct list_node dirty;
    bool is_dirty;
    bool is_shut;        /* takes no more messages */
    uint16_t close_code; /* wish to close; 0: none */
    size_t close_reason_len;
    char close_reason[123]; /* RFC 6455 §5.5: 125 with the code */
};

struct ws {
    struct ws_options options;
    int epoll_fd, wake_fd;
    pthread_t thread;
    struct list conns;    /* of the ws thread, as what follows */
    struct ws_conn *dead; /* let go in this round */
    int64_t next_sweep_ms, stop_by_ms;

    pthread_mutex_t lock;
    struct list dirty;
    bool is_stopping;
    _Atomic size_t n_conns; /* reserved in the handshake, so it bounds them all */
    _Atomic size_t refs;    /* the owner's, and one per connection */
};

/* ws.c */
void ws_unref_server(struct ws *w);
/* Under w->lock: the ws thread will look at c. True: wake it after unlocking. */
bool ws_mark_dirty(struct ws_conn *c);
void ws_wake(struct ws *w);

/* handshake.c */
void handshake_take_over(void *ctx, int fd, struct str already, void (*release)(void *),
                         void *handle);

/* conn.c: all on the ws thread */
struct ws_conn *conn_new(struct ws *w);
void conn_start(struct ws_conn *c);
void conn_ready(struct ws_conn *c, uint32_t events);
/* Takes what others have put into the inbox, and writes what can be written. */
void conn_take_inbox(struct ws_conn *c);
void conn_sweep(struct ws_conn *c, int64_t now_ms);
void conn_close_with(struct ws_conn *c, uint16_t code, struct str reason);
/* Off the loop and out of httpd's hands, at once; its own reference stays. */
void conn_let_go(struct ws_conn *c);
/* The same for one that never got onto the loop, with its reference; any thread. */
void conn_end(struct ws_conn *c);

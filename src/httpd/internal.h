/* internal.h - what the files of httpd/ share.
 *
 *   listen.c    the listening socket            accept.c   the thread that accepts
 *   net.c       the network threads
 *   conn.c      connections, their deadlines, closing politely
 *   serve.c     libmicrohttpd's callbacks       request.c  request objects and what handlers read
 *   admit.c     what a request must pass first  answer.c   a resp onto the wire
 *   handlers.c  handler threads                 problem.c  failures as problem JSON
 *   httpd.c     start and stop
 *
 * Threads: a request belongs to one side at a time. The network thread owns it until it is
 * handed to a handler (or to whoever will finish a deferred one), and again once it is finished.
 * request.flags is where both sides meet.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "httpd/httpd.h"
#include "httpd/inputs.h"
#include "httpd/peer.h"
#include "httpd/rate.h"
#include "httpd/route.h"

enum {
    /* A connection's own memory, kept while it idles: request line and headers, libmicrohttpd's
     * record of each, its copy of the Cookie header, and the response's header have to fit. With
     * this size an idle connection costs less than 8 KB in all, and a browser's headers with 2.8
     * KB of cookies pass. */
    POOL_BYTES = 7424,
    POOL_RECORD_BYTES = 64,
    POOL_FOR_RESPONSE_BYTES = 1280,
    POOL_FOR_ERROR_BYTES = 512, /* a problem's header */
    BODY_FLAT_BYTES = 64 << 10, /* an announced body up to this size is given its place at once */
    REQUEST_ID_BYTES = 22,
};

/* Where a connection is. The sweeper cuts it when the phase's deadline passes. */
enum phase {
    PHASE_IDLE,    /* waits for a request line */
    PHASE_READING, /* has one, waits for the request's last byte */
    PHASE_BUSY,    /* a handler has it; no deadline */
    PHASE_SENDING,
    PHASE_CUT, /* refused or timed out: nothing more is answered */
};

struct request;

struct conn {
    struct list_node node; /* in httpd.conns */
    struct httpd *h;
    /* Deadline (clock_mono_ms) << 3 | phase: one word, so that a cut cannot hit the next phase. */
    _Atomic uint64_t clock;
    int fd;
    struct request *request; /* being served; network thread only */
    bool is_rude;  /* closed while the client may still be sending: needs the slow goodbye */
    bool is_taken; /* its socket lives on with whom an upgrade gave it to */
    struct ip peer;
    uint8_t peer_text_len;
    char peer_text[IP_TEXT_BYTES];
};

enum request_flag {
    RF_HANDED = 1,     /* a handler has it; who finishes it sets RF_FINISHED */
    RF_SUSPENDED = 2,  /* the connection waits for a resume */
    RF_FINISHED = 4,   /* resp is filled */
    RF_RESUMED = 8,    /* somebody resumes the connection: only who set this may */
    RF_ABANDONED = 16, /* the server stops and did not wait: answered without resp */
    RF_DONE = 32,      /* the connection has let go */
};

enum stage {
    STAGE_LINE,    /* request line read */
    STAGE_BODY,    /* headers read and admitted, or refused with resp filled */
    STAGE_HANDLED, /* handed over; called again means finished */
};

struct request {
    struct list_node node; /* in httpd.live or httpd.spare, under httpd.lock */
    struct arena arena;
    struct buf body; /* a large body, or one of unknown length, grows here */
    /* Up to here it is recycled, from here on a new request starts at zero. */
    struct req pub; /* what handlers see */
    struct httpd *h;
    struct conn *conn;
    struct MHD_Connection *mhd;
    struct list_node turn; /* in handlers.queue */
    _Atomic unsigned flags;
    enum stage stage;
    bool is_busy;    /* counted in httpd.n_busy; network thread only */
    bool is_refused; /* resp is filled before a handler saw the request */
    bool is_head;
    bool is_body_over; /* past the route's limit: read on and drop */
    bool is_retired;   /* upgraded: no longer in httpd.live */
    unsigned status;   /* as sent */
    struct str target; /* the request line's */
    struct pairs headers, query;
    struct ip peer;
    bool is_local; /* the socket's peer is this machine, and nothing says it speaks for another */
    struct str params[ROUTE_MAX_PARAMS];
    size_t n_params;
    char *flat; /* the body's place when its length was announced and is small */
    size_t flat_len, flat_cap;
    struct resp resp;
    struct err err; /* why resp is what it is, for the log */
    struct log_field log_fields[2];
    char id_text[REQUEST_ID_BYTES];
};

struct handlers; /* handler threads */
struct goodbye;
struct nets;

struct httpd {
    struct httpd_options options;
    struct arena arena; /* lives as long as this */
    struct route_tree routes;
    struct networks trusted;
    struct rates *rates;
    struct handlers *handlers;
    struct nets *nets; /* network threads */
    int listen_fd, accept_wake_fd;
    pthread_t acceptor;
    bool is_tls;
    struct str address;
    struct MHD_Response *gone; /* 503 for whom we did not wait */
    _Atomic bool is_draining;  /* no new requests */
    _Atomic bool is_stopping;  /* no new handlers */
    _Atomic size_t n_busy; /* requests given to a handler and not yet back on the network thread */
    _Atomic size_t buffered; /* bytes in request.body buffers, all requests together */

    pthread_mutex_t lock; /* live, spare, n_*, refs */
    pthread_cond_t changed;
    struct list live, spare;
    size_t n_live, n_spare;
    size_t refs; /* one of the owner, one per request */

    pthread_mutex_t conns_lock;
    pthread_cond_t conns_changed, conns_room;
    struct list conns;
    struct goodbye *goodbyes; /* sockets that are being drained before they close */
    size_t n_conns, n_goodbyes;
    bool is_accepting;
    pthread_t sweeper;
    bool is_sweeping;
};

/* listen.c */
enum status listen_open(struct arena *a, struct str address, int *ret_fd, struct str *ret_bound,
                        struct err *e) ATTR_MUST_CHECK;

/* accept.c */
enum status accept_start(struct httpd *h, struct err *e) ATTR_MUST_CHECK;
void accept_stop(struct httpd *h); /* also of one that did not start; closes the listening socket */

/* net.c */
enum status nets_start(struct httpd *h, struct err *e) ATTR_MUST_CHECK;
/* Gives an accepted socket, whose place is reserved, to one of the threads; the acceptor only. */
void nets_deal(struct httpd *h, int fd, const struct sockaddr_storage *sa, socklen_t len);
/* What libmicrohttpd does not tell its thread of when the thread is ours, from any thread: who was
 * suspended goes on; an upgraded connection is let go. */
void nets_resume(struct httpd *h, struct MHD_Connection *mhd);
void nets_close_upgraded(struct httpd *h, const struct MHD_Daemon *daemon,
                         struct MHD_UpgradeResponseHandle *urh);
const struct MHD_Daemon *nets_daemon(struct MHD_Connection *mhd);
void nets_stop(struct httpd *h); /* also of those that did not start */

/* httpd.c */
enum status daemon_start(struct httpd *h, struct MHD_Daemon **ret, struct err *e) ATTR_MUST_CHECK;

/* conn.c */
/* One place among max_connections, taken before a socket is dealt out. */
void conns_reserve(struct httpd *h);
void conns_unreserve(struct httpd *h);
enum status sweeper_start(struct httpd *h, struct err *e) ATTR_MUST_CHECK;
void sweeper_stop(struct httpd *h);
void conn_notify(void *cls, struct MHD_Connection *mhd, void **ctx,
                 enum MHD_ConnectionNotificationCode code);
struct conn *conn_of(struct MHD_Connection *mhd);
/* Moves on; false when the connection was cut meanwhile. ttl_ms 0: no deadline. */
bool conn_set_phase(struct conn *c, enum phase phase, uint32_t ttl_ms);
bool conn_is_cut(const struct conn *c);
/* Says why in a bare response, where the socket lets us, and marks the connection as cut. */
void conn_refuse(struct conn *c, unsigned status);

/* request.c */
struct request *request_new(struct conn *c, struct str target);
/* Lets go of the connection's side. */
void request_release(struct request *r);
void request_retire(struct request *r);
/* An upgrade that resp asked for will not happen: tells who waits for the socket. */
void request_drop_upgrade(struct request *r);
void httpd_unref(struct httpd *h);
struct str request_header(const struct request *r, struct str name);
/* The one who gets true must resume the connection, and may not touch r after that. */
bool request_claim_resume(struct request *r, unsigned add_flags);

/* serve.c */
/* Sees what libmicrohttpd logs, on the network threads: some of it is told in no other way. */
void serve_see_log(struct str text);
/* The connection closes with its request unfinished and libmicrohttpd did not say so, as it
 * forgets to on some errors. */
void serve_forgotten(struct request *r);
void *serve_uri(void *cls, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result serve_request(void *cls, struct MHD_Connection *mhd, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **ctx);
void serve_completed(void *cls, struct MHD_Connection *mhd, void **ctx,
                     enum MHD_RequestTerminationCode why);

/* admit.c: what a request has to pass. False: it was refused and r->resp says why. */
bool admit_headers(struct request *r, struct str method, struct str version);
bool admit_caller(struct request *r); /* network thread: operator, rate by address */
bool admit_principal(
    struct request *r); /* handler thread: auth hook, same origin, rate by principal */
bool request_has_body(const struct request *r);

/* problem.c */
struct problem {
    unsigned status;
    const char *slug;  /* of its type */
    struct str detail; /* for the client; empty: none */
    const char *field; /* at fault; NULL: none */
};
/* Always false, so that "return refuse(…)" reads as what it is. */
bool refuse(struct request *r, struct problem p);
/* The same from r->err. */
bool refuse_err(struct request *r);

/* answer.c */
enum MHD_Result answer_send(struct request *r);
void answer_drop_file(struct resp *resp);   /* nobody will send it */
struct MHD_Response *answer_gone_new(void); /* 503 for those a stop did not wait for */

/* handlers.c */
enum status handlers_start(unsigned threads, struct handlers **ret, struct err *e) ATTR_MUST_CHECK;
void handlers_stop(struct handlers *p); /* runs what is queued, then joins */
/* A place in the queue; false when it is full. */
bool handlers_reserve(struct handlers *p);
void handlers_push(struct handlers *p, struct request *r);
/* Runs the route's handler; true: r->resp is filled, false: it was deferred and r may be gone. */
bool handler_run(struct request *r);

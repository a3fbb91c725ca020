/* conn.c - the connections and their deadlines.
 *
 * libmicrohttpd knows one timeout, for silence: a client that sends a byte now and then outlives
 * it. So each connection carries the deadline of its phase, and the sweeper cuts it by shutting
 * its socket down, which the network thread sees as the peer's end. Invariants: 1. the fd of a
 * conn in httpd.conns is open: conn_notify() takes it off the list, under conns_lock, before
 * libmicrohttpd closes it; 2. who moves clock to PHASE_CUT decides that nothing more is
 * answered.
 *
 * A response to a request that was not read to its end would be lost if the socket were closed
 * at once: unread bytes make the kernel send a reset, which overtakes it. Such sockets are kept
 * (dup) and drained for a moment: a goodbye.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "httpd/internal.h"
#include "stats/stats.h"

enum {
    SWEEP_MS = 100,
    SWEEP_GOODBYES_MS = 10, /* while there are any */
    GOODBYE_MS = 2000,
    GOODBYES_MAX = 256,
    GOODBYE_READS = 16, /* a sweep and socket */
    PHASE_BITS = 3,
    PHASE_MASK = (1 << PHASE_BITS) - 1,
};

static const uint64_t no_deadline = UINT64_MAX >> PHASE_BITS;

struct goodbye {
    struct goodbye *next;
    int fd;
    int64_t until_ms;
};

static struct stats_counter open_connections =
    STATS_GAUGE("prosa_http_open_connections", "HTTP connections, idle ones included");
static struct stats_counter cut_connections = STATS_COUNTER(
    "prosa_http_timeouts_total", "HTTP connections cut: idle, or too slow to send or receive");

static enum phase phase_of(uint64_t clock) {
    return (enum phase)(clock & PHASE_MASK);
}

static uint64_t clock_of(enum phase phase, uint32_t ttl_ms) {
    uint64_t deadline = ttl_ms ? (uint64_t)clock_mono_ms() + ttl_ms : no_deadline;

    return deadline << PHASE_BITS | (uint64_t)phase;
}

bool conn_set_phase(struct conn *c, enum phase phase, uint32_t ttl_ms) {
    uint64_t next = clock_of(phase, ttl_ms);
    uint64_t now = atomic_load(&c->clock);

    do {
        if (phase_of(now) == PHASE_CUT)
            return false;
    } while (!atomic_compare_exchange_weak(&c->clock, &now, next));
    return true;
}

bool conn_is_cut(const struct conn *c) {
    return phase_of(atomic_load(&c->clock)) == PHASE_CUT;
}

static const char *reason_of(unsigned status) {
    switch (status) {
    case 408:
        return "Request Timeout";
    case 413:
        return "Content Too Large";
    case 431:
        return "Request Header Fields Too Large";
    default:
        return "Service Unavailable";
    }
}

/* Straight to the socket: libmicrohttpd takes no response in the middle of a body. Nothing else
 * has been sent for this request, so the bytes stand where a response may. Under TLS only the
 * network thread could write. */
static void write_bare(struct conn *c, unsigned status) {
    char text[160]; /* longer than either form below */
    int len = snprintf(text, sizeof(text),
                       "HTTP/1.1 %u %s\r\nConnection: close\r\nContent-Length: 0\r\n"
                       "Cache-Control: no-store\r\n\r\n",
                       status, reason_of(status));

    if (!c->h->is_tls)
        (void)send(c->fd, text, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void conn_refuse(struct conn *c, unsigned status) {
    if (!conn_set_phase(c, PHASE_CUT, 0))
        return;
    write_bare(c, status);
    c->is_rude = true;
}

/* Under conns_lock. */
static void cut_if_late(struct conn *c, uint64_t now_ms) {
    uint64_t clock = atomic_load(&c->clock);
    enum phase phase = phase_of(clock);

    if (clock >> PHASE_BITS > now_ms || phase == PHASE_CUT)
        return;
    if (!atomic_compare_exchange_strong(&c->clock, &clock, no_deadline << PHASE_BITS | PHASE_CUT))
        return; /* it moved on meanwhile */
    if (phase == PHASE_READING)
        write_bare(c, 408);
    stats_add(&cut_connections, 1);
    (void)shutdown(c->fd, SHUT_RDWR);
}

static bool is_over(const struct goodbye *g, int64_t now_ms) {
    char sink[16 << 10];

    for (int i = 0; i < GOODBYE_READS; i++) {
        ssize_t n = recv(g->fd, sink, sizeof(sink), MSG_DONTWAIT);

        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            return true;
        if (n < 0)
            break;
    }
    return now_ms >= g->until_ms;
}

/* Takes g out of the list it follows. */
static void goodbye_end(struct httpd *h, struct goodbye **at) {
    struct goodbye *g = *at;

    *at = g->next;
    h->n_goodbyes--;
    (void)close(g->fd);
    free(g);
}

static void sweep(struct httpd *h) {
    int64_t now_ms = clock_mono_ms();

    LIST_EACH(&h->conns, n) {
        cut_if_late(LIST_ITEM(n, struct conn, node), (uint64_t)now_ms);
    }
    for (struct goodbye **at = &h->goodbyes; *at;) {
        if (is_over(*at, now_ms))
            goodbye_end(h, at);
        else
            at = &(*at)->next;
    }
}

static void *sweeper_main(void *ctx) {
    struct httpd *h = ctx;

    (void)pthread_mutex_lock(&h->conns_lock);
    while (h->is_sweeping) {
        struct timespec until = clock_deadline(h->goodbyes ? SWEEP_GOODBYES_MS : SWEEP_MS);

        (void)pthread_cond_clockwait(&h->conns_changed, &h->conns_lock, CLOCK_MONOTONIC, &until);
        sweep(h);
    }
    while (h->goodbyes)
        goodbye_end(h, &h->goodbyes);
    (void)pthread_mutex_unlock(&h->conns_lock);
    return NULL;
}

enum status sweeper_start(struct httpd *h, struct err *e) {
    h->is_sweeping = true;
    if (pthread_create(&h->sweeper, NULL, sweeper_main, h) != 0) {
        h->is_sweeping = false;
        FAIL(e, ST_UNAVAILABLE, "could not start the thread that ends slow connections");
    }
    (void)pthread_setname_np(h->sweeper, "http-sweep");
    return ST_OK;
}

void sweeper_stop(struct httpd *h) {
    bool was;

    (void)pthread_mutex_lock(&h->conns_lock);
    was = h->is_sweeping;
    h->is_sweeping = false;
    (void)pthread_cond_signal(&h->conns_changed);
    (void)pthread_mutex_unlock(&h->conns_lock);
    if (was)
        (void)pthread_join(h->sweeper, NULL);
}

struct conn *conn_of(struct MHD_Connection *mhd) {
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

void conns_reserve(struct httpd *h) {
    (void)pthread_mutex_lock(&h->conns_lock);
    h->n_conns++;
    (void)pthread_mutex_unlock(&h->conns_lock);
}

void conns_unreserve(struct httpd *h) {
    (void)pthread_mutex_lock(&h->conns_lock);
    h->n_conns--;
    (void)pthread_cond_signal(&h->conns_room);
    (void)pthread_mutex_unlock(&h->conns_lock);
}

static void conn_open(struct httpd *h, struct MHD_Connection *mhd, void **ctx) {
    const union MHD_ConnectionInfo *address =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct conn *c = calloc(1, sizeof(*c));

    if (!c)
        abort();
    c->h = h;
    c->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    if (address && address->client_addr)
        (void)ip_of_sockaddr(address->client_addr, &c->peer);
    c->peer_text_len = (uint8_t)ip_format_to(&c->peer, c->peer_text);
    atomic_init(&c->clock, clock_of(PHASE_IDLE, h->options.body_timeout_ms));
    (void)pthread_mutex_lock(&h->conns_lock);
    list_push(&h->conns, &c->node);
    (void)pthread_mutex_unlock(&h->conns_lock);
    stats_add(&open_connections, 1);
    *ctx = c;
}

/* True when closing now would reset the connection under a response that is still on its way. */
static bool needs_goodbye(const struct conn *c) {
    char byte;
    ssize_t n = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

    return n > 0 || (n < 0 && errno == EAGAIN && c->is_rude);
}

/* Under conns_lock. */
static void say_goodbye(struct httpd *h, int fd) {
    struct goodbye *g;
    int copy;

    if (h->n_goodbyes == GOODBYES_MAX || !h->is_sweeping)
        return;
    copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return;
    g = calloc(1, sizeof(*g));
    if (!g)
        abort();
    g->fd = copy;
    g->until_ms = clock_mono_ms() + GOODBYE_MS;
    (void)shutdown(copy, SHUT_WR);
    g->next = h->goodbyes;
    h->goodbyes = g;
    h->n_goodbyes++;
    (void)pthread_cond_signal(&h->conns_changed);
}

static void conn_close(struct httpd *h, struct conn *c) {
    bool is_polite;

    if (c->request)
        serve_forgotten(c->request);
    is_polite = c->is_taken || !needs_goodbye(c);

    (void)pthread_mutex_lock(&h->conns_lock);
    list_remove(&c->node);
    if (!is_polite)
        say_goodbye(h, c->fd);
    (void)pthread_mutex_unlock(&h->conns_lock);
    conns_unreserve(h);
    stats_add(&open_connections, -1);
    free(c);
}

void conn_notify(void *cls, struct MHD_Connection *mhd, void **ctx,
                 enum MHD_ConnectionNotificationCode code) {
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        conn_open(cls, mhd, ctx);
    else if (*ctx)
        conn_close(cls, TAKE(*ctx));
}

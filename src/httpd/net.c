/* net.c - the network threads: each runs a libmicrohttpd of its own.
 *
 * Why not libmicrohttpd's threads: where as many sockets as it asks epoll for (128) turn ready at
 * once, it goes on to wait for more, without end, before it looks at these (0.9.75); with enough
 * busy clients all of a thread's connections then stand still. We wait ourselves and call
 * MHD_run(), which never does.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "httpd/internal.h"

enum { WAIT_MAX_MS = 60 * 1000 };

struct knock { /* an accepted socket on its way to its thread */
    struct list_node node;
    int fd;
    socklen_t len;
    struct sockaddr_storage sa;
};

struct net {
    struct httpd *h;
    struct MHD_Daemon *daemon;
    pthread_t thread;
    bool is_running;
    int wake_fd;
    pthread_mutex_t lock; /* what follows */
    struct list knocks;
    bool is_woken; /* the thread has not looked since the last wake */
    bool is_stopping;
};

struct nets {
    size_t n, next;
    struct net all[];
};

/* --- one thread ------------------------------------------------------------------------------ */

static struct knock *next_knock(struct net *net, bool *ret_is_stopping) {
    struct list_node *first;

    (void)pthread_mutex_lock(&net->lock);
    *ret_is_stopping = net->is_stopping;
    net->is_woken = false;
    first = list_pop(&net->knocks);
    (void)pthread_mutex_unlock(&net->lock);
    return first ? LIST_ITEM(first, struct knock, node) : NULL;
}

/* The place was reserved; conn_close() gives it back, or we do when the connection never comes
 * about. */
static bool let_in(struct net *net) {
    struct knock *k;
    bool is_stopping;

    while ((k = next_knock(net, &is_stopping)) != NULL) {
        if (MHD_add_connection(net->daemon, k->fd, (struct sockaddr *)&k->sa, k->len) != MHD_YES)
            conns_unreserve(net->h); /* it has closed fd */
        free(k);
    }
    return !is_stopping;
}

static int wait_ms(struct net *net) {
    MHD_UNSIGNED_LONG_LONG ms;

    if (MHD_get_timeout(net->daemon, &ms) != MHD_YES || ms > WAIT_MAX_MS)
        return WAIT_MAX_MS;
    return (int)ms;
}

static void *net_main(void *ctx) {
    struct net *net = ctx;
    struct pollfd fds[] = {
        {.fd = MHD_get_daemon_info(net->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
         .events = POLLIN},
        {.fd = net->wake_fd, .events = POLLIN},
    };

    while (let_in(net)) {
        uint64_t wakes;

        (void)MHD_run(net->daemon);
        (void)poll(fds, ARRAY_LEN(fds), wait_ms(net));
        if (fds[1].revents & POLLIN)
            (void)!read(net->wake_fd, &wakes, sizeof(wakes));
    }
    return NULL;
}

/* Under net->lock. */
static void wake(struct net *net) {
    uint64_t one = 1;

    if (net->is_woken)
        return;
    net->is_woken = true;
    while (write(net->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
        continue;
}

/* --- all of them ----------------------------------------------------------------------------- */

static enum status start_one(struct net *net, struct err *e) {
    net->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (net->wake_fd < 0)
        FAIL(e, ST_UNAVAILABLE, "could not start a network thread: out of descriptors");
    TRY(daemon_start(net->h, &net->daemon, e));
    if (pthread_create(&net->thread, NULL, net_main, net) != 0)
        FAIL(e, ST_UNAVAILABLE, "could not start a network thread");
    net->is_running = true;
    (void)pthread_setname_np(net->thread, "http-net");
    return ST_OK;
}

enum status nets_start(struct httpd *h, struct err *e) {
    size_t n = h->options.threads;

    h->nets = calloc(1, sizeof(*h->nets) + n * sizeof(h->nets->all[0]));
    if (!h->nets)
        abort();
    h->nets->n = n;
    for (size_t i = 0; i < n; i++) {
        struct net *net = &h->nets->all[i];

        net->h = h;
        net->wake_fd = -1;
        list_init(&net->knocks);
        (void)pthread_mutex_init(&net->lock, NULL);
    }
    for (size_t i = 0; i < n; i++)
        TRY(start_one(&h->nets->all[i], e));
    return ST_OK;
}

void nets_deal(struct httpd *h, int fd, const struct sockaddr_storage *sa, socklen_t len) {
    struct net *net = &h->nets->all[h->nets->next++ % h->nets->n];
    struct knock *k = calloc(1, sizeof(*k));

    if (!k)
        abort();
    k->fd = fd;
    k->sa = *sa;
    k->len = len;
    (void)pthread_mutex_lock(&net->lock);
    list_push(&net->knocks, &k->node);
    wake(net);
    (void)pthread_mutex_unlock(&net->lock);
}

static struct net *net_of(struct httpd *h, const struct MHD_Daemon *daemon) {
    struct net *net = h->nets->all;

    while (net->daemon != daemon)
        net++;
    return net;
}

const struct MHD_Daemon *nets_daemon(struct MHD_Connection *mhd) {
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_DAEMON)->daemon;
}

/* Under the lock, so that a stop, which the resumed request may have been waited for, does not
 * overtake us. */
void nets_resume(struct httpd *h, struct MHD_Connection *mhd) {
    struct net *net = net_of(h, nets_daemon(mhd));

    (void)pthread_mutex_lock(&net->lock);
    MHD_resume_connection(mhd);
    wake(net);
    (void)pthread_mutex_unlock(&net->lock);
}

void nets_close_upgraded(struct httpd *h, const struct MHD_Daemon *daemon,
                         struct MHD_UpgradeResponseHandle *urh) {
    struct net *net = net_of(h, daemon);

    (void)pthread_mutex_lock(&net->lock);
    (void)MHD_upgrade_action(urh, MHD_UPGRADE_ACTION_CLOSE);
    wake(net);
    (void)pthread_mutex_unlock(&net->lock);
}

static void stop_one(struct net *net) {
    if (net->is_running) {
        (void)pthread_mutex_lock(&net->lock);
        net->is_stopping = true;
        wake(net);
        (void)pthread_mutex_unlock(&net->lock);
        (void)pthread_join(net->thread, NULL);
    }
    if (net->daemon)
        MHD_stop_daemon(net->daemon);
    if (net->wake_fd >= 0)
        (void)close(net->wake_fd);
    (void)pthread_mutex_destroy(&net->lock);
}

void nets_stop(struct httpd *h) {
    if (!h->nets)
        return;
    for (size_t i = 0; i < h->nets->n; i++)
        stop_one(&h->nets->all[i]);
    free(TAKE(h->nets));
}

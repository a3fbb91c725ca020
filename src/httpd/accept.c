/* accept.c - the thread that accepts connections and deals them out to the network threads. Why
 * not they themselves: one place then knows the limit, at which nothing is accepted and who comes
 * waits in the kernel's backlog, and a stop ends accepting at once.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "httpd/internal.h"
#include "log/log.h"

enum {
    SHORTAGE_WAIT_MS = 50, /* out of descriptors or memory: others may give some back */
    SHORTAGE_LOG_MS = 10 * 1000,
};

/* Waits until there is room for one more; false when it is time to stop. */
static bool wait_for_room(struct httpd *h) {
    bool go_on;

    (void)pthread_mutex_lock(&h->conns_lock);
    while (h->is_accepting && h->n_conns >= h->options.max_connections)
        (void)pthread_cond_wait(&h->conns_room, &h->conns_lock);
    go_on = h->is_accepting;
    (void)pthread_mutex_unlock(&h->conns_lock);
    return go_on;
}

/* Waits until somebody knocks or the thread is to stop. */
static bool wait_for_knock(struct httpd *h, int timeout_ms) {
    struct pollfd fds[] = {{.fd = h->accept_wake_fd, .events = POLLIN},
                           {.fd = h->listen_fd, .events = POLLIN}};
    nfds_t n = timeout_ms < 0 ? ARRAY_LEN(fds) : 1;

    (void)poll(fds, n, timeout_ms);
    return !(fds[0].revents & POLLIN);
}

static bool is_shortage(int why) {
    return why == EMFILE || why == ENFILE || why == ENOBUFS || why == ENOMEM;
}

static void note_shortage(struct httpd *h) {
    static struct log_throttle throttle;
    int64_t suppressed = 0;

    if (log_throttle_pass(&throttle, SHORTAGE_LOG_MS, &suppressed))
        log_warn(h->options.log, "cannot accept connections: out of descriptors or memory",
                 F_I64("suppressed", suppressed));
}

static void *accept_main(void *ctx) {
    struct httpd *h = ctx;
    int timeout_ms = -1;

    while (wait_for_room(h) && wait_for_knock(h, timeout_ms)) {
        struct sockaddr_storage sa = {0};
        socklen_t len = sizeof(sa);
        int fd = accept4(h->listen_fd, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        timeout_ms = -1;
        if (fd >= 0) {
            conns_reserve(h);
            nets_deal(h, fd, &sa, len);
        } else if (is_shortage(errno)) {
            note_shortage(h);
            timeout_ms = SHORTAGE_WAIT_MS;
        }
    }
    return NULL;
}

enum status accept_start(struct httpd *h, struct err *e) {
    h->accept_wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    h->is_accepting = true;
    if (h->accept_wake_fd < 0 || pthread_create(&h->acceptor, NULL, accept_main, h) != 0) {
        h->is_accepting = false;
        FAIL(e, ST_UNAVAILABLE, "could not start the thread that accepts connections");
    }
    (void)pthread_setname_np(h->acceptor, "http-accept");
    return ST_OK;
}

void accept_stop(struct httpd *h) {
    uint64_t one = 1;
    bool was;

    (void)pthread_mutex_lock(&h->conns_lock);
    was = h->is_accepting;
    h->is_accepting = false;
    (void)pthread_cond_signal(&h->conns_room);
    (void)pthread_mutex_unlock(&h->conns_lock);
    if (was) {
        while (write(h->accept_wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
            continue;
        (void)pthread_join(h->acceptor, NULL);
    }
    if (h->accept_wake_fd >= 0)
        (void)close(h->accept_wake_fd);
    if (h->listen_fd >= 0)
        (void)close(h->listen_fd);
    h->accept_wake_fd = h->listen_fd = -1;
}

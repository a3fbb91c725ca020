/* fake_server.h - a scripted TCP server on 127.0.0.1, port chosen by the kernel: one thread
 * accepts, one serves each connection by the test's own function. Counts what arrives, so that a
 * test can say "sent once" and mean it.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/attr.h"

enum { FAKE_MAX_CONNECTIONS = 256, FAKE_MAX_REQUEST = 8 << 20 };

/* What cannot fail on a working machine; evaluated always, unlike an assert's argument in some
 * builds. */
#define FAKE_MUST(cond)                                                                            \
    do {                                                                                           \
        if (!(cond))                                                                               \
            abort();                                                                               \
    } while (0)

struct fake;
/* Serves one connection, the nth (from 0) of the server; the caller closes fd. */
typedef void (*fake_fn)(struct fake *f, int fd, unsigned nth);

struct fake {
    int listen_fd;
    unsigned port;
    fake_fn serve;
    pthread_t acceptor;
    _Atomic unsigned connections; /* accepted */
    _Atomic unsigned requests;    /* arrived whole */
    pthread_mutex_t lock;         /* guards the rest */
    pthread_cond_t changed;
    bool is_released; /* fake_hold() returns */
    bool is_stopping;
    char *last; /* the last request as it arrived */
    int fds[FAKE_MAX_CONNECTIONS];
    pthread_t threads[FAKE_MAX_CONNECTIONS];
};

struct fake_connection {
    struct fake *fake;
    unsigned nth;
};

static void *fake_connection_run(void *ctx) {
    struct fake_connection c = *(struct fake_connection *)ctx;
    int fd = c.fake->fds[c.nth];

    free(ctx);
    c.fake->serve(c.fake, fd, c.nth);
    (void)pthread_mutex_lock(&c.fake->lock);
    c.fake->fds[c.nth] = -1;
    (void)pthread_mutex_unlock(&c.fake->lock);
    (void)close(fd);
    return NULL;
}

static void *fake_accept_run(void *ctx) {
    struct fake *f = ctx;

    for (;;) {
        int fd = accept4(f->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        struct fake_connection *c;
        unsigned nth;

        if (fd < 0)
            return NULL;
        nth = atomic_load(&f->connections);
        FAKE_MUST(nth < FAKE_MAX_CONNECTIONS);
        c = calloc(1, sizeof(*c));
        FAKE_MUST(c);
        *c = (struct fake_connection){.fake = f, .nth = nth};
        (void)pthread_mutex_lock(&f->lock);
        f->fds[nth] = fd;
        if (f->is_stopping)
            (void)shutdown(fd, SHUT_RDWR);
        (void)pthread_mutex_unlock(&f->lock);
        FAKE_MUST(pthread_create(&f->threads[nth], NULL, fake_connection_run, c) == 0);
        atomic_fetch_add(&f->connections, 1);
    }
}

static void fake_listen(struct fake *f, fake_fn serve) {
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);

    *f = (struct fake){.serve = serve};
    FAKE_MUST(pthread_mutex_init(&f->lock, NULL) == 0 && pthread_cond_init(&f->changed, NULL) == 0);
    f->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    FAKE_MUST(f->listen_fd >= 0);
    FAKE_MUST(bind(f->listen_fd, (struct sockaddr *)&addr, sizeof(addr)) == 0);
    FAKE_MUST(listen(f->listen_fd, 512) == 0);
    FAKE_MUST(getsockname(f->listen_fd, (struct sockaddr *)&addr, &len) == 0);
    f->port = ntohs(addr.sin_port);
    FAKE_MUST(pthread_create(&f->acceptor, NULL, fake_accept_run, f) == 0);
}

static ATTR_UNUSED void fake_release(struct fake *f) {
    (void)pthread_mutex_lock(&f->lock);
    f->is_released = true;
    (void)pthread_cond_broadcast(&f->changed);
    (void)pthread_mutex_unlock(&f->lock);
}

/* Waits for fake_release(). */
static ATTR_UNUSED void fake_hold(struct fake *f) {
    (void)pthread_mutex_lock(&f->lock);
    while (!f->is_released)
        (void)pthread_cond_wait(&f->changed, &f->lock);
    (void)pthread_mutex_unlock(&f->lock);
}

static void fake_stop(struct fake *f) {
    fake_release(f);
    (void)shutdown(f->listen_fd, SHUT_RDWR);
    (void)pthread_join(f->acceptor, NULL);
    (void)pthread_mutex_lock(&f->lock);
    f->is_stopping = true;
    for (unsigned i = 0; i < atomic_load(&f->connections); i++) {
        if (f->fds[i] >= 0)
            (void)shutdown(f->fds[i], SHUT_RDWR);
    }
    (void)pthread_mutex_unlock(&f->lock);
    for (unsigned i = 0; i < atomic_load(&f->connections); i++)
        (void)pthread_join(f->threads[i], NULL);
    (void)close(f->listen_fd);
    free(f->last);
    (void)pthread_mutex_destroy(&f->lock);
    (void)pthread_cond_destroy(&f->changed);
}

static size_t fake_content_length(const char *head) {
    const char *p = strcasestr(head, "\r\ncontent-length:");

    return p ? strtoul(p + strlen("\r\ncontent-length:"), NULL, 10) : 0;
}

/* Reads one request, head and body; NULL when the peer closed first. The caller frees it. */
static char *fake_receive(int fd) {
    char *text = malloc(FAKE_MAX_REQUEST + 1);
    size_t len = 0;
    char *end = NULL;

    FAKE_MUST(text);
    while (!end || len < (size_t)(end - text) + 4 + fake_content_length(text)) {
        ssize_t n = read(fd, text + len, FAKE_MAX_REQUEST - len);

        if (n <= 0) {
            free(text);
            return NULL;
        }
        len += (size_t)n;
        text[len] = '\0';
        end = strstr(text, "\r\n\r\n");
    }
    return text;
}

/* The same for who only counts: the request becomes f->last. */
static ATTR_UNUSED bool fake_read(struct fake *f, int fd) {
    char *text = fake_receive(fd);

    if (!text)
        return false;
    (void)pthread_mutex_lock(&f->lock);
    free(f->last);
    f->last = text;
    atomic_fetch_add(&f->requests, 1);
    (void)pthread_cond_broadcast(&f->changed);
    (void)pthread_mutex_unlock(&f->lock);
    return true;
}

static ATTR_UNUSED void fake_wait_requests(struct fake *f, unsigned n) {
    (void)pthread_mutex_lock(&f->lock);
    while (atomic_load(&f->requests) < n)
        (void)pthread_cond_wait(&f->changed, &f->lock);
    (void)pthread_mutex_unlock(&f->lock);
}

static ATTR_UNUSED bool fake_last_has(struct fake *f, const char *text) {
    bool found;

    (void)pthread_mutex_lock(&f->lock);
    found = f->last && strcasestr(f->last, text);
    (void)pthread_mutex_unlock(&f->lock);
    return found;
}

static ATTR_UNUSED void fake_write(int fd, const char *text) {
    size_t len = strlen(text);

    while (len > 0) {
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

        if (n <= 0)
            return; /* the client hung up; that may be the test */
        text += n;
        len -= (size_t)n;
    }
}

static ATTR_UNUSED struct str fake_url(struct arena *a, const struct fake *f, const char *path) {
    return arena_printf(a, "http://127.0.0.1:%u%s", f->port, path);
}

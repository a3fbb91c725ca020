/* mail_line.c - lines over TCP: one thread accepts, one serves each connection and may wait.
 * SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/arena.h"
#include "sim/mail.h"

enum { SILENCE_S = 300, READ_BYTES = 16 << 10 };

struct line_server {
    struct mail_sim *mail;
    talk_fn talk;
    int fd;
    unsigned port;
    pthread_t acceptor;
    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t ended;
    bool is_stopping;
    int fds[MAIL_TALKS_MAX]; /* -1: free */
    size_t n;
};

struct connection {
    struct line_server *server;
    size_t slot;
    struct talk talk;
};

bool talk_bytes(struct talk *t, size_t n, struct str *ret) {
    if (t->from > 0 && t->from + n > t->in.len) { /* what was used makes room */
        memmove(t->in.ptr, t->in.ptr + t->from, t->in.len - t->from);
        t->in.len -= t->from;
        t->from = 0;
    }
    while (t->in.len - t->from < n) {
        char part[READ_BYTES];
        ssize_t got = recv(t->fd, part, sizeof(part), 0);

        if (got <= 0)
            return false;
        buf_add(&t->in, (struct str){.ptr = part, .len = (size_t)got});
        if (t->in.overflown)
            return false;
    }
    *ret = str_sub(buf_str(&t->in), t->from, n);
    t->from += n;
    return true;
}

bool talk_line(struct talk *t, struct str *ret) {
    for (size_t n = 0;;) {
        struct str have = str_sub(buf_str(&t->in), t->from, t->in.len), ignored;
        const char *end = have.len > n ? memchr(have.ptr + n, '\n', have.len - n) : NULL;

        if (end) {
            n = (size_t)(end - have.ptr);
            if (!talk_bytes(t, n + 1, ret))
                return false;
            ret->len -= ret->len > 1 && ret->ptr[n - 1] == '\r' ? 2 : 1;
            return true;
        }
        n = have.len;
        if (n > MAIL_LINE_MAX || !talk_bytes(t, n + 1, &ignored))
            return false;
        t->from -= n + 1; /* looked at, not used */
    }
}

void talk_send(struct talk *t, struct str bytes) {
    while (bytes.len > 0) {
        ssize_t n = send(t->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);

        if (n <= 0)
            return; /* whoever reads next learns it */
        bytes = str_sub(bytes, (size_t)n, bytes.len);
    }
}

void talk_say(struct talk *t, const char *format, ...) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    va_list args;
    struct str line;

    va_start(args, format);
    line = arena_vprintf(&a, format, args);
    va_end(args);
    talk_send(t, arena_printf(&a, "%.*s\r\n", STR_ARG(line)));
}

static void *serve(void *arg) {
    struct connection *c = arg;
    struct line_server *s = c->server;

    s->talk(&c->talk);
    buf_done(&c->talk.in);
    pthread_mutex_lock(&s->lock);
    s->fds[c->slot] = -1;
    s->n--;
    (void)close(c->talk.fd);
    pthread_cond_broadcast(&s->ended);
    pthread_mutex_unlock(&s->lock);
    free(c);
    return NULL;
}

/* Needs the lock. False: no room, or no thread. */
static bool begin(struct line_server *s, int fd) {
    struct connection *c;
    pthread_t thread;
    size_t slot = 0;

    while (slot < MAIL_TALKS_MAX && s->fds[slot] >= 0)
        slot++;
    if (s->is_stopping || slot == MAIL_TALKS_MAX)
        return false;
    c = calloc(1, sizeof(*c));
    if (!c)
        return false;
    *c = (struct connection){.server = s,
                             .slot = slot,
                             .talk = {.mail = s->mail, .fd = fd, .in = {.max = MAIL_SIZE_MAX}}};
    if (pthread_create(&thread, NULL, serve, c) != 0) {
        free(c);
        return false;
    }
    (void)pthread_detach(thread); /* waited for by the count */
    s->fds[slot] = fd;
    s->n++;
    return true;
}

static void *accept_all(void *arg) {
    struct line_server *s = arg;
    const struct timeval silence = {.tv_sec = SILENCE_S};

    for (;;) {
        int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
        bool is_begun;

        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0)
            return NULL;
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence));
        pthread_mutex_lock(&s->lock);
        is_begun = begin(s, fd);
        pthread_mutex_unlock(&s->lock);
        if (!is_begun)
            (void)close(fd);
    }
}

static bool listen_on_loopback(struct line_server *s) {
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);

    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->fd < 0 || bind(s->fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0 ||
        listen(s->fd, 128) != 0 || getsockname(s->fd, (struct sockaddr *)&addr, &len) != 0)
        return false;
    s->port = ntohs(addr.sin_port);
    return true;
}

static void server_free(struct line_server *s) {
    if (s->fd >= 0)
        (void)close(s->fd);
    pthread_cond_destroy(&s->ended);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

enum status line_server_start(struct mail_sim *m, talk_fn talk, struct line_server **ret,
                              struct err *e) {
    struct line_server *s = calloc(1, sizeof(*s));

    if (!s)
        abort();
    s->mail = m;
    s->talk = talk;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->ended, NULL);
    for (size_t i = 0; i < MAIL_TALKS_MAX; i++)
        s->fds[i] = -1;
    if (!listen_on_loopback(s) || pthread_create(&s->acceptor, NULL, accept_all, s) != 0) {
        server_free(s);
        FAIL(e, ST_UNAVAILABLE, "could not listen for mail on 127.0.0.1");
    }
    *ret = s;
    return ST_OK;
}

void line_server_stop(struct line_server *s) {
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->is_stopping = true;
    pthread_mutex_unlock(&s->lock);
    (void)shutdown(s->fd, SHUT_RDWR);
    (void)pthread_join(s->acceptor, NULL);
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < MAIL_TALKS_MAX; i++)
        if (s->fds[i] >= 0)
            (void)shutdown(s->fds[i], SHUT_RDWR);
    while (s->n > 0)
        (void)pthread_cond_wait(&s->ended, &s->lock);
    pthread_mutex_unlock(&s->lock);
    server_free(s);
}

unsigned line_server_port(const struct line_server *s) {
    return s->port;
}

/* fake_http.c - one connection after the other, one request on each.
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/fake_http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"

enum { REQUEST_MAX = 1 << 20 };

struct fake_http {
    pthread_mutex_t lock;
    pthread_t thread;
    int fd;
    uint16_t port;
    struct fake_reply reply;
    void (*during)(void *arg);
    void *arg;
    size_t count;
    struct buf body;
};

static void need(bool holds, const char *what) {
    if (holds)
        return;
    (void)fprintf(stderr, "fake HTTP server: %s\n", what);
    abort();
}

/* Eats the head; false while it is not whole. *ret_length: of the body. */
static bool split(struct str *text, size_t *ret_length) {
    struct str rest = *text, line;
    uint64_t length = 0;

    while (str_cut(&rest, '\n', &line)) {
        line = str_trim(line);
        if (line.len == 0) {
            *text = rest;
            *ret_length = (size_t)length;
            return true;
        }

        struct str name;

        if (str_cut(&line, ':', &name) && str_eq_nocase(name, STR("content-length"))) {
            struct str number = str_trim(line);

            (void)str_eat_u64(&number, REQUEST_MAX, &length);
        }
    }
    return false;
}

/* The whole request in *in, its body in *ret_body; false when the peer went away. */
static bool read_request(int fd, struct buf *in, struct str *ret_body) {
    char chunk[4096];

    for (;;) {
        struct str text = buf_str(in);
        size_t length;

        if (split(&text, &length) && text.len >= length) {
            *ret_body = str_sub(text, 0, length);
            return true;
        }

        ssize_t n = recv(fd, chunk, sizeof(chunk), 0);

        if (n <= 0)
            return false;
        buf_add(in, (struct str){chunk, (size_t)n});
    }
}

static void write_reply(int fd, struct fake_reply reply) {
    struct str body = str_of(reply.body ? reply.body : "");
    struct buf out;
    struct str text;

    buf_init(&out, REQUEST_MAX);
    buf_printf(&out,
               "HTTP/1.1 %u X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
               "Connection: close\r\n%s\r\n",
               reply.status, body.len, reply.headers ? reply.headers : "");
    buf_add(&out, body);
    text = buf_str(&out);
    while (text.len > 0) {
        ssize_t n = send(fd, text.ptr, text.len, MSG_NOSIGNAL);

        if (n <= 0)
            break;
        text = str_sub(text, (size_t)n, text.len);
    }
    buf_done(&out);
}

static void serve(struct fake_http *s, int fd) {
    struct buf in;
    struct str body;

    buf_init(&in, REQUEST_MAX);
    if (read_request(fd, &in, &body)) {
        need(pthread_mutex_lock(&s->lock) == 0, "lock");
        s->count++;
        buf_clear(&s->body);
        buf_add(&s->body, body);

        struct fake_reply reply = s->reply;
        void (*during)(void *arg) = s->during;
        void *arg = s->arg;

        need(pthread_mutex_unlock(&s->lock) == 0, "unlock");
        if (during)
            during(arg);
        if (!reply.is_cut)
            write_reply(fd, reply);
    }
    buf_done(&in);
    (void)close(fd);
}

static void *run(void *arg) {
    struct fake_http *s = arg;

    for (;;) {
        int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0)
            return NULL; /* fake_http_stop shut the socket down */
        serve(s, fd);
    }
}

struct fake_http *fake_http_start(void) {
    struct fake_http *s = calloc(1, sizeof(*s));
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);

    need(s != NULL, "memory");
    buf_init(&s->body, REQUEST_MAX);
    need(pthread_mutex_init(&s->lock, NULL) == 0, "mutex");
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    need(s->fd >= 0 && bind(s->fd, (struct sockaddr *)&at, len) == 0 && listen(s->fd, 16) == 0 &&
             getsockname(s->fd, (struct sockaddr *)&at, &len) == 0,
         "listen");
    s->port = ntohs(at.sin_port);
    need(pthread_create(&s->thread, NULL, run, s) == 0, "thread");
    return s;
}

void fake_http_stop(struct fake_http *s) {
    (void)shutdown(s->fd, SHUT_RDWR);
    need(pthread_join(s->thread, NULL) == 0, "join");
    (void)close(s->fd);
    buf_done(&s->body);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

struct str fake_http_url(struct arena *a, const struct fake_http *s) {
    return arena_printf(a, "http://127.0.0.1:%u", (unsigned)s->port);
}

void fake_http_answer(struct fake_http *s, struct fake_reply reply) {
    need(pthread_mutex_lock(&s->lock) == 0, "lock");
    s->reply = reply;
    need(pthread_mutex_unlock(&s->lock) == 0, "unlock");
}

void fake_http_during(struct fake_http *s, void (*fn)(void *arg), void *arg) {
    need(pthread_mutex_lock(&s->lock) == 0, "lock");
    s->during = fn;
    s->arg = arg;
    need(pthread_mutex_unlock(&s->lock) == 0, "unlock");
}

size_t fake_http_count(struct fake_http *s) {
    need(pthread_mutex_lock(&s->lock) == 0, "lock");

    size_t n = s->count;

    need(pthread_mutex_unlock(&s->lock) == 0, "unlock");
    return n;
}

struct str fake_http_body(struct arena *a, struct fake_http *s) {
    need(pthread_mutex_lock(&s->lock) == 0, "lock");

    struct str body = arena_str(a, buf_str(&s->body));

    need(pthread_mutex_unlock(&s->lock) == 0, "unlock");
    return body;
}

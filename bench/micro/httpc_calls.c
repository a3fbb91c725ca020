/* httpc_calls.c - how many calls a second the HTTP client makes against a server on the loopback
 * that answers at once or after a delay. The server is a bare epoll loop in a child process, so
 * that its CPU time stays out of the figure.
 *
 *   httpc_calls IN_FLIGHT TOTAL DELAY_MS [THREADS]
 *
 * Without THREADS calls are submitted and counted by their done function; with it that many threads
 * call and wait.
 * SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "httpc/httpc.h"

enum { BODY_BYTES = 1024, MAX_FD = 65536 };

static const char answer[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 93\r\n\r\n"
    "{\"messages\":[{\"id\":\"wamid.HBgLNTUxMTk5OTk5OTk5FQIAERgSMDAwMDAwMDAwMDAwMDAwMDAwMDAxAAAAAA=\"}]}";

/* --- the server ------------------------------------------------------------------------------ */

struct due { /* answers to give, in order of time: the delay is the same for all */
    int fd;
    int64_t at_ns;
};

static struct due dues[MAX_FD];
static unsigned due_head, due_tail;

static void answer_now(int fd) {
    (void)!send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL);
}

/* Requests are smaller than the socket buffer and come one by one: what can be read is a
 * request. */
static void serve_event(int ep, int fd, int64_t delay_ns) {
    char in[8192];
    ssize_t n = recv(fd, in, sizeof(in), 0);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        (void)epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL);
        (void)close(fd);
    } else if (delay_ns == 0) {
        answer_now(fd);
    } else {
        dues[due_tail++ % MAX_FD] = (struct due){.fd = fd, .at_ns = clock_mono_ns() + delay_ns};
    }
}

static int answer_due(void) {
    while (due_head != due_tail) {
        struct due *d = &dues[due_head % MAX_FD];
        int64_t left = d->at_ns - clock_mono_ns();

        if (left > 0)
            return (int)(left / 1000000) + 1;
        answer_now(d->fd);
        due_head++;
    }
    return -1;
}

static void server_run(int listen_fd, int64_t delay_ns) {
    struct epoll_event ev = {.events = EPOLLIN, .data.fd = listen_fd};
    struct epoll_event events[256];
    int ep = epoll_create1(0);

    (void)epoll_ctl(ep, EPOLL_CTL_ADD, listen_fd, &ev);
    for (;;) {
        int n = epoll_wait(ep, events, 256, answer_due());

        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == listen_fd) {
                ev.data.fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK);
                if (ev.data.fd >= 0)
                    (void)epoll_ctl(ep, EPOLL_CTL_ADD, ev.data.fd, &ev);
            } else {
                serve_event(ep, events[i].data.fd, delay_ns);
            }
        }
    }
}

static pid_t server_start(int64_t delay_ns, unsigned *ret_port) {
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    pid_t pid;

    if (fd < 0 || bind(fd, (struct sockaddr *)&addr, len) || listen(fd, 4096) ||
        getsockname(fd, (struct sockaddr *)&addr, &len))
        exit(1);
    *ret_port = ntohs(addr.sin_port);
    pid = fork();
    if (pid == 0)
        server_run(fd, delay_ns);
    (void)close(fd);
    return pid;
}

/* --- the client ------------------------------------------------------------------------------ */

struct run {
    struct httpc *h;
    struct http_call call;
    long total;
    _Atomic long started, ended, bad;
    _Atomic uint32_t slowest_ms;
    pthread_mutex_t lock;
    pthread_cond_t over;
};

static void submit_next(struct run *r);

static void note(struct run *r, enum status st, const struct http_reply *reply) {
    uint32_t slowest = atomic_load(&r->slowest_ms);

    if (st != ST_OK || reply->status != 200)
        atomic_fetch_add(&r->bad, 1);
    while (reply->took_ms > slowest &&
           !atomic_compare_exchange_weak(&r->slowest_ms, &slowest, reply->took_ms)) {
    }
}

static void on_done(void *ctx, enum status st, const struct http_reply *reply,
                    const struct err *e) {
    struct run *r = ctx;

    (void)e;
    note(r, st, reply);
    submit_next(r);
    if (atomic_fetch_add(&r->ended, 1) + 1 == r->total) {
        (void)pthread_mutex_lock(&r->lock);
        (void)pthread_cond_signal(&r->over);
        (void)pthread_mutex_unlock(&r->lock);
    }
}

static void submit_next(struct run *r) {
    if (atomic_fetch_add(&r->started, 1) < r->total)
        httpc_submit(r->h, &r->call, on_done, r);
}

static void *call_loop(void *ctx) {
    struct run *r = ctx;
    struct arena a = {0};

    while (atomic_fetch_add(&r->started, 1) < r->total) {
        struct http_reply reply;
        struct err e = ERR_INIT;

        note(r, httpc_call(r->h, &a, &r->call, &reply, &e), &reply);
        arena_reset(&a);
    }
    arena_done(&a);
    return NULL;
}

static void run_threads(struct run *r, size_t n) {
    pthread_t *threads = calloc(n, sizeof(*threads));

    for (size_t i = 0; i < n; i++)
        (void)pthread_create(&threads[i], NULL, call_loop, r);
    for (size_t i = 0; i < n; i++)
        (void)pthread_join(threads[i], NULL);
    free(threads);
}

static void run_submitted(struct run *r, long in_flight) {
    for (long i = 0; i < in_flight; i++)
        submit_next(r);
    (void)pthread_mutex_lock(&r->lock);
    while (atomic_load(&r->ended) < r->total)
        (void)pthread_cond_wait(&r->over, &r->lock);
    (void)pthread_mutex_unlock(&r->lock);
}

static void report(const struct run *r, int64_t took_ns) {
    struct rusage use;
    double cpu_us;

    (void)getrusage(RUSAGE_SELF, &use);
    cpu_us = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e6 +
             (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
    (void)printf("calls/s=%.0f cpu_us_per_call=%.1f rss_mb=%ld slowest_ms=%u bad=%ld\n",
                 (double)r->total * 1e9 / (double)took_ns, cpu_us / (double)r->total,
                 use.ru_maxrss / 1024, atomic_load(&r->slowest_ms), atomic_load(&r->bad));
}

static void raise_descriptor_limit(void) {
    struct rlimit rl;

    if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
        rl.rlim_cur = rl.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &rl);
    }
}

int main(int argc, char **argv) {
    struct run r = {.lock = PTHREAD_MUTEX_INITIALIZER, .over = PTHREAD_COND_INITIALIZER};
    struct httpc_options options = {.gate = GATE_ALL};
    struct err e = ERR_INIT;
    static char body[BODY_BYTES];
    char url[64];
    unsigned port;
    long in_flight;
    int64_t started_ns;
    pid_t server;

    if (argc < 4)
        return 2;
    raise_descriptor_limit();
    in_flight = strtol(argv[1], NULL, 10);
    r.total = strtol(argv[2], NULL, 10);
    server = server_start(strtol(argv[3], NULL, 10) * 1000000, &port);
    options.max_per_host = options.max_total = (unsigned)in_flight;
    if (httpc_start(options, &r.h, &e) != ST_OK)
        return 1;
    memset(body, 'x', sizeof(body));
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/v26.0/1065/messages", port);
    r.call = (struct http_call){.method = "POST", .url = str_of(url), .reach = REACH_REPLY};
    r.call.body = (struct str){.ptr = body, .len = sizeof(body)};
    http_call_header(&r.call, STR("Content-Type"), STR("application/json"));
    http_call_header(&r.call, STR("Authorization"), STR("Bearer EAAG0000000000000000"));
    started_ns = clock_mono_ns();
    if (argc > 4)
        run_threads(&r, (size_t)strtol(argv[4], NULL, 10));
    else
        run_submitted(&r, in_flight);
    report(&r, clock_mono_ns() - started_ns);
    httpc_stop(r.h);
    (void)kill(server, SIGKILL);
    (void)waitpid(server, NULL, 0);
    return atomic_load(&r.bad) > 0;
}

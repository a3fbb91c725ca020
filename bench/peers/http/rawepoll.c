/* SPDX-License-Identifier: Apache-2.0 */
// rawepoll PORT THREADS DELAY_MS: hand-written epoll HTTP/1.1 server, SO_REUSEPORT listener a thread: reads the body, answers 200
// (after DELAY_MS when not 0). The floor for the HTTP measurements and the stub provider for the dispatch ones.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#define MAXFD 70000
typedef struct {
    char *buf;
    int len;
    uint32_t gen;
} conn;
typedef struct {
    int fd;
    uint32_t gen;
    uint64_t due;
} ent;
static int port, delay;
static conn conns[MAXFD];
static const char RESP[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 53\r\n\r\n{\"messages\":[{\"id\":\"wamid.stub0000000000000000001\"}]}";
static uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000ull + t.tv_nsec / 1000;
}
static void *loop(void *arg) {
    (void)arg;
    int ls = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1, ep = epoll_create1(0);
    setsockopt(ls, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(ls, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(ls, (void *)&a, sizeof a) || listen(ls, 4096)) {
        perror("bind");
        exit(1);
    }
    struct epoll_event ev = {.events = EPOLLIN, .data.fd = ls}, evs[512];
    epoll_ctl(ep, EPOLL_CTL_ADD, ls, &ev);
    size_t cap = 1 << 17, head = 0, tail = 0;
    ent *q = delay ? malloc(cap * sizeof *q) : NULL;
    for (;;) {
        int to = -1;
        if (delay && head != tail) {
            int64_t d = (int64_t)q[head & (cap - 1)].due - (int64_t)now_us();
            to = d <= 0 ? 0 : (int)(d / 1000) + 1;
        }
        int n = epoll_wait(ep, evs, 512, to);
        uint64_t now = delay ? now_us() : 0;
        for (int i = 0; i < n; i++) {
            int fd = evs[i].data.fd;
            if (fd == ls) {
                for (int k = 0; k < 64; k++) {
                    int c = accept4(ls, NULL, NULL, SOCK_NONBLOCK);
                    if (c < 0)
                        break;
                    if (c >= MAXFD) {
                        close(c);
                        continue;
                    }
                    setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                    if (!conns[c].buf)
                        conns[c].buf = malloc(8192);
                    conns[c].len = 0;
                    conns[c].gen++;
                    ev.events = EPOLLIN;
                    ev.data.fd = c;
                    epoll_ctl(ep, EPOLL_CTL_ADD, c, &ev);
                }
                continue;
            }
            conn *c = &conns[fd];
            ssize_t r = read(fd, c->buf + c->len, 8191 - c->len);
            if (r <= 0) {
                if (r < 0 && errno == EAGAIN)
                    continue;
                c->gen++;
                close(fd);
                continue;
            }
            c->len += r;
            c->buf[c->len] = 0;
            for (;;) {
                char *e = c->len ? memmem(c->buf, c->len, "\r\n\r\n", 4) : NULL;
                if (!e)
                    break;
                long hl = e + 4 - c->buf, cl = 0;
                *e = 0;
                char *h = strcasestr(c->buf, "\r\ncontent-length:");
                *e = '\r';
                if (h)
                    cl = atol(h + 17);
                if (c->len < hl + cl)
                    break;
                memmove(c->buf, c->buf + hl + cl, c->len - hl - cl);
                c->len -= hl + cl;
                c->buf[c->len] = 0;
                if (!delay) {
                    if (write(fd, RESP, sizeof RESP - 1) < 0)
                        break;
                } else {
                    q[tail & (cap - 1)] = (ent){fd, c->gen, now + delay * 1000ull};
                    tail++;
                }
            }
        }
        if (delay)
            for (now = now_us(); head != tail && q[head & (cap - 1)].due <= now; head++) {
                ent *e = &q[head & (cap - 1)];
                if (conns[e->fd].gen == e->gen && write(e->fd, RESP, sizeof RESP - 1) < 0)
                    continue;
            }
    }
}
int main(int c, char **v) {
    if (c < 4)
        return 2;
    port = atoi(v[1]);
    int th = atoi(v[2]);
    delay = atoi(v[3]);
    struct rlimit rl;
    getrlimit(RLIMIT_NOFILE, &rl);
    rl.rlim_cur = rl.rlim_max;
    setrlimit(RLIMIT_NOFILE, &rl);
    pthread_t t;
    for (int i = 1; i < th; i++)
        pthread_create(&t, NULL, loop, NULL);
    loop(NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
// loadgen: HTTP/1.1 keep-alive POST generator, one thread, epoll.
// Sends a ~1 KB WhatsApp Cloud API webhook with a unique message id and a right X-Hub-Signature-256.
// usage: loadgen [-c conns] [-d secs] [-w warm_secs] [-n max_requests] [-s secret] [-t tenants] [-u dup_permille]
//                [-i idle_conns] [-r per_second] [-N procname]... [-l label] port path
// -r: open loop, requests become due at this rate whatever the server does; latency counts from the due time.
#define _GNU_SOURCE
#define OPENSSL_SUPPRESS_DEPRECATED
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/sha.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    int fd;
    char out[2048];
    int outlen, outoff;
    char in[8192];
    int inlen;
    uint64_t t0;
    int idle, hdr;
    long need;
} conn;
static SHA256_CTX ictx, octx;
static const char *path = "/";
static int port, tenants = 100, dup_pm = 0;
static uint64_t seq, prefix;
static uint32_t *lat;
static size_t nlat, caplat;
static uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000ull + t.tv_nsec / 1000;
}

static void hmac_key(const char *k) {
    unsigned char pad[64] = {0}, p2[64];
    size_t n = strlen(k);
    memcpy(pad, k, n > 64 ? 64 : n);
    for (int i = 0; i < 64; i++)
        p2[i] = pad[i] ^ 0x36;
    SHA256_Init(&ictx);
    SHA256_Update(&ictx, p2, 64);
    for (int i = 0; i < 64; i++)
        p2[i] = pad[i] ^ 0x5c;
    SHA256_Init(&octx);
    SHA256_Update(&octx, p2, 64);
}
static void sign(const char *b, size_t n, char *hex) {
    unsigned char m[32];
    SHA256_CTX c = ictx;
    SHA256_Update(&c, b, n);
    SHA256_Final(m, &c);
    c = octx;
    SHA256_Update(&c, m, 32);
    SHA256_Final(m, &c);
    for (int i = 0; i < 32; i++) {
        hex[2 * i] = "0123456789abcdef"[m[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[m[i] & 15];
    }
    hex[64] = 0;
}
static void build(conn *c) {
    char body[1600], hex[65];
    uint64_t id = seq++;
    if (dup_pm && (int)(id % 1000) < dup_pm && id > 1000)
        id -= 1000;
    int n = snprintf(
        body, sizeof body,
        "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"102290129340398\",\"changes\":[{\"value\":{\"messaging_product\":\"whatsapp\","
        "\"metadata\":{\"display_phone_number\":\"1555078%04d\",\"phone_number_id\":\"10654035%07d\"},"
        "\"contacts\":[{\"profile\":{\"name\":\"Lead Number %llu\"},\"wa_id\":\"1650555%06llu\"}],"
        "\"messages\":[{\"from\":\"1650555%06llu\",\"id\":\"wamid.HBgLM%08llxFQIAEhg%012llx\",\"timestamp\":\"1790000000\",\"type\":\"text\",\"text\":{\"body\":\""
        "Hello, I saw your notice about the two-bedroom flat on Harbour Street and would like to know whether it is still to let. Could someone call me back "
        "this week, on Tuesday or Thursday after five? I would also like to see the garden flat if that one is free from the first of next month. We are two adults and "
        "one child, with no pets, and can bring references from our landlord and both employers. Please tell me the monthly rent, the deposit, and what is included. "
        "Many thanks and kind regards\"}}]},\"field\":\"messages\"}]}]}",
        (int)(id % tenants), (int)(id % tenants), (unsigned long long)(id % 100000),
        (unsigned long long)(id % 100000), (unsigned long long)(id % 100000),
        (unsigned long long)prefix, (unsigned long long)id);
    sign(body, n, hex);
    c->outlen = snprintf(
        c->out, sizeof c->out,
        "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: facebookexternalua\r\nContent-Type: application/json\r\nX-Hub-Signature-256: sha256=%s\r\nContent-Length: %d\r\n\r\n%s",
        path, port, hex, n, body);
    c->outoff = 0;
    c->inlen = 0;
    c->hdr = 0;
    c->need = -1;
}
static int dial(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(fd, (void *)&a, sizeof a)) {
        perror("connect");
        exit(1);
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}
static void flush_out(conn *c) {
    while (c->outoff < c->outlen) {
        ssize_t r = write(c->fd, c->out + c->outoff, c->outlen - c->outoff);
        if (r < 0) {
            if (errno == EAGAIN)
                return;
            return;
        }
        c->outoff += r;
    }
}
// CPU seconds so far of all processes whose comm is name (live ones only)
static double cpu_of(const char *name) {
    DIR *d = opendir("/proc");
    struct dirent *e;
    double tot = 0;
    long hz = sysconf(_SC_CLK_TCK);
    while ((e = readdir(d))) {
        if (e->d_name[0] < '0' || e->d_name[0] > '9')
            continue;
        char p[300], buf[1024];
        snprintf(p, sizeof p, "/proc/%s/stat", e->d_name);
        FILE *f = fopen(p, "r");
        if (!f)
            continue;
        size_t n = fread(buf, 1, sizeof buf - 1, f);
        fclose(f);
        buf[n] = 0;
        char *o = strchr(buf, '('), *q = strrchr(buf, ')');
        if (!o || !q)
            continue;
        *q = 0;
        if (strcmp(o + 1, name))
            continue;
        unsigned long u, s;
        if (sscanf(q + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &u, &s) == 2)
            tot += (double)(u + s) / hz;
    }
    closedir(d);
    return tot;
}
// whole-machine CPU in cores since the last call: busy (user+nice+sys+irq), iowait, steal
static void machine(double *out) {
    static double p[8];
    double v[8] = {0};
    FILE *f = fopen("/proc/stat", "r");
    long hz = sysconf(_SC_CLK_TCK);
    if (f && fscanf(f, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", v, v + 1, v + 2, v + 3, v + 4, v + 5,
                    v + 6, v + 7) == 8) {
        out[0] = (v[0] - p[0] + v[1] - p[1] + v[2] - p[2] + v[5] - p[5] + v[6] - p[6]) / hz;
        out[1] = (v[4] - p[4]) / hz;
        out[2] = (v[7] - p[7]) / hz;
        memcpy(p, v, sizeof p);
    }
    if (f)
        fclose(f);
}
static int cmp(const void *a, const void *b) {
    uint32_t x = *(uint32_t *)a, y = *(uint32_t *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv) {
    int conns = 64, opt, idle = 0, nnames = 0;
    double dur = 8, warm = 2, rate = 0;
    uint64_t maxn = 0;
    const char *secret = "peer-secret", *label = "";
    const char *names[8];
    while ((opt = getopt(argc, argv, "c:d:w:n:s:t:u:i:r:N:l:")) != -1)
        switch (opt) {
        case 'c':
            conns = atoi(optarg);
            break;
        case 'd':
            dur = atof(optarg);
            break;
        case 'w':
            warm = atof(optarg);
            break;
        case 'n':
            maxn = strtoull(optarg, 0, 10);
            break;
        case 's':
            secret = optarg;
            break;
        case 't':
            tenants = atoi(optarg);
            break;
        case 'u':
            dup_pm = atoi(optarg);
            break;
        case 'i':
            idle = atoi(optarg);
            break;
        case 'r':
            rate = atof(optarg);
            break;
        case 'N':
            if (nnames < 8)
                names[nnames++] = optarg;
            break;
        case 'l':
            label = optarg;
            break;
        default:
            return 2;
        }
    if (argc - optind < 2) {
        fprintf(stderr, "port path\n");
        return 2;
    }
    port = atoi(argv[optind]);
    path = argv[optind + 1];
    struct rlimit rl;
    getrlimit(RLIMIT_NOFILE, &rl);
    rl.rlim_cur = rl.rlim_max;
    setrlimit(RLIMIT_NOFILE, &rl);
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    prefix = (uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
    hmac_key(secret);
    int ep = epoll_create1(0), total = conns + idle;
    conn *cs = calloc(total, sizeof *cs);
    caplat = 1 << 20;
    lat = malloc(caplat * 4);
    for (int i = 0; i < total; i++) {
        cs[i].fd = dial();
        cs[i].idle = i >= conns;
        struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.u32 = i};
        epoll_ctl(ep, EPOLL_CTL_ADD, cs[i].fd, &ev);
    }
    uint64_t start = now_us(), t_meas = start + (uint64_t)(warm * 1e6),
             t_end = t_meas + (uint64_t)(dur * 1e6), ok = 0, bad = 0, allok = 0, closed = 0,
             sent = 0;
    double cpu0[8] = {0};
    int measuring = 0;
    uint64_t m0 = 0;
    double mach[3] = {0};
    uint32_t *ready = malloc(sizeof *ready * (total + 1)); // -r: connections without a request
    size_t nready = 0;
    double due = now_us();
    for (int i = 0; i < total; i++) {
        if (rate > 0 && !cs[i].idle) {
            ready[nready++] = i;
            continue;
        }
        build(&cs[i]);
        cs[i].t0 = now_us();
        flush_out(&cs[i]);
        sent++;
    }
    struct epoll_event evs[512];
    uint64_t t = now_us();
    int stop = 0;
    while (!stop) {
        double wait_us = 100000;
        if (rate > 0 && nready > 0)
            wait_us = due > now_us() ? due - now_us() : 0;
        struct timespec to = {.tv_nsec = (long)(wait_us * 1000)};
        if (to.tv_nsec > 100000000 || to.tv_nsec < 0)
            to.tv_nsec = 100000000;
        int n = epoll_pwait2(ep, evs, 512, &to, NULL);
        t = now_us();
        for (; rate > 0 && nready > 0 && due <= t; due += 1e6 / rate) {
            conn *c = &cs[ready[--nready]];
            build(c);
            c->t0 = (uint64_t)due;
            flush_out(c);
            sent++;
        }
        if (!measuring && t >= t_meas) {
            measuring = 1;
            m0 = t;
            machine(mach);
            for (int k = 0; k < nnames; k++)
                cpu0[k] = cpu_of(names[k]);
            nlat = 0;
            ok = bad = 0;
        }
        if (t >= t_end || (maxn && sent >= maxn && allok + bad >= sent))
            break;
        for (int i = 0; i < n; i++) {
            conn *c = &cs[evs[i].data.u32];
            if (c->outoff < c->outlen)
                flush_out(c);
            for (;;) {
                ssize_t r = read(c->fd, c->in + c->inlen, sizeof c->in - 1 - c->inlen);
                if (r < 0) {
                    if (errno == EAGAIN)
                        break;
                    r = 0;
                }
                if (r == 0) { // peer closed: dial again and go on
                    close(c->fd);
                    closed++;
                    c->fd = dial();
                    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLET,
                                             .data.u32 = evs[i].data.u32};
                    epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ev);
                    build(c);
                    c->t0 = now_us();
                    flush_out(c);
                    sent++;
                    break;
                }
                c->inlen += r;
                c->in[c->inlen] = 0;
                if (!c->hdr) {
                    char *e = strstr(c->in, "\r\n\r\n");
                    if (!e)
                        continue;
                    c->hdr = e + 4 - c->in;
                    char *cl = strcasestr(c->in, "content-length:");
                    if (cl && cl < e)
                        c->need = c->hdr + atol(cl + 15);
                    else if (strcasestr(c->in, "chunked"))
                        c->need = -2;
                    else
                        c->need = c->hdr;
                }
                int done = c->need == -2 ? strstr(c->in + c->hdr - 2, "\r\n0\r\n\r\n") != NULL
                                         : c->inlen >= c->need;
                if (!done)
                    continue;
                int good = !strncmp(c->in + 9, "2", 1);
                uint64_t tn = now_us();
                if (good)
                    allok++;
                if (!c->idle) {
                    if (good)
                        ok++;
                    else {
                        if (!bad)
                            fprintf(stderr, "first bad: %.300s\n", c->in);
                        bad++;
                    }
                    if (measuring) {
                        if (nlat == caplat)
                            lat = realloc(lat, (caplat *= 2) * 4);
                        lat[nlat++] = tn - c->t0;
                    }
                }
                if (c->idle || (maxn && sent >= maxn)) {
                    c->inlen = 0;
                    c->outlen = c->outoff = 0;
                    break;
                }
                if (rate > 0) {
                    c->inlen = c->hdr = 0;
                    c->outlen = c->outoff = 0;
                    ready[nready++] = evs[i].data.u32;
                    break;
                }
                build(c);
                c->t0 = tn;
                flush_out(c);
                sent++;
            }
        }
    }
    double secs = (t - m0) / 1e6;
    uint64_t all = ok + bad;
    double cpu1[8];
    for (int k = 0; k < nnames; k++)
        cpu1[k] = cpu_of(names[k]);
    qsort(lat, nlat, 4, cmp);
#define P(q) (nlat ? lat[(size_t)((nlat - 1) * (q))] / 1000.0 : 0)
    printf(
        "%s rps=%.0f p50=%.2fms p90=%.2fms p99=%.2fms p999=%.2fms max=%.2fms ok=%llu bad=%llu closed=%llu secs=%.2f allok=%llu",
        label, all / secs, P(.5), P(.9), P(.99), P(.999), P(1.0), (unsigned long long)ok,
        (unsigned long long)bad, (unsigned long long)closed, secs, (unsigned long long)allok);
    for (int k = 0; k < nnames; k++)
        printf(" cpu_%s=%.1fus/req(%.2fcores)", names[k], all ? (cpu1[k] - cpu0[k]) * 1e6 / all : 0,
               (cpu1[k] - cpu0[k]) / secs);
    machine(mach);
    printf(" machine busy=%.2f iowait=%.2f steal=%.2f", mach[0] / secs, mach[1] / secs,
           mach[2] / secs);
    struct rusage ru;
    getrusage(RUSAGE_SELF, &ru);
    printf(" gen_cpu=%.2fcores\n", (ru.ru_utime.tv_sec + ru.ru_stime.tv_sec +
                                    (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6) /
                                       ((t - start) / 1e6));
    return 0;
}

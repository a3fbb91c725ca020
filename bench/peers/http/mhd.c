/* SPDX-License-Identifier: Apache-2.0 */
// mhd PORT THREADS: libmicrohttpd, internal epoll thread pool, collects the POST body (copied as a real handler must), answers 200.
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
static char *slurp(const char *p) {
    FILE *f = fopen(p, "r");
    if (!f) {
        perror(p);
        exit(1);
    }
    char *b = calloc(1, 16384);
    if (!fread(b, 1, 16383, f))
        exit(1);
    fclose(f);
    return b;
} // TLS=dir: dir/key.pem, dir/cert.pem
typedef struct {
    char buf[4096];
    size_t n;
} req;
static struct MHD_Response *resp;
static enum MHD_Result h(void *cls, struct MHD_Connection *c, const char *url, const char *method,
                         const char *ver, const char *data, size_t *size, void **st) {
    (void)cls;
    (void)url;
    (void)method;
    (void)ver;
    req *r = *st;
    if (!r) {
        r = malloc(sizeof *r);
        r->n = 0;
        *st = r;
        return MHD_YES;
    }
    if (*size) {
        if (r->n + *size < sizeof r->buf) {
            memcpy(r->buf + r->n, data, *size);
            r->n += *size;
        }
        *size = 0;
        return MHD_YES;
    }
    return MHD_queue_response(c, 200, resp);
}
static void done(void *cls, struct MHD_Connection *c, void **st,
                 enum MHD_RequestTerminationCode t) {
    (void)cls;
    (void)c;
    (void)t;
    free(*st);
    *st = NULL;
}
int main(int ac, char **av) {
    (void)ac;
    struct rlimit rl;
    getrlimit(RLIMIT_NOFILE, &rl);
    rl.rlim_cur = rl.rlim_max;
    setrlimit(RLIMIT_NOFILE, &rl);
    resp =
        MHD_create_response_from_buffer(15, (void *)"{\"status\":\"ok\"}", MHD_RESPMEM_PERSISTENT);
    const char *tls = getenv("TLS");
    char kp[300], cp[300];
    if (tls) {
        snprintf(kp, sizeof kp, "%s/key.pem", tls);
        snprintf(cp, sizeof cp, "%s/cert.pem", tls);
    }
    struct MHD_OptionItem ops[] = {{MHD_OPTION_HTTPS_MEM_KEY, 0, tls ? slurp(kp) : NULL},
                                   {MHD_OPTION_HTTPS_MEM_CERT, 0, tls ? slurp(cp) : NULL},
                                   {MHD_OPTION_END, 0, NULL}};
    if (!tls)
        ops[0] = ops[2];
    size_t mem = getenv("MEM") ? (size_t)atol(getenv("MEM")) : 16384;
    struct MHD_Daemon *d = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | (tls ? MHD_USE_TLS : 0) |
            (getenv("TURBO") ? MHD_USE_TURBO : 0) |
            (getenv("SUSPEND") ? MHD_ALLOW_SUSPEND_RESUME : 0),
        atoi(av[1]), NULL, NULL, h, NULL, MHD_OPTION_THREAD_POOL_SIZE, (unsigned)atoi(av[2]),
        MHD_OPTION_CONNECTION_LIMIT, 20000u, MHD_OPTION_CONNECTION_MEMORY_LIMIT, mem,
        MHD_OPTION_ARRAY, ops, MHD_OPTION_NOTIFY_COMPLETED, done, NULL, MHD_OPTION_END);
    if (!d) {
        fprintf(stderr, "start failed\n");
        return 1;
    }
    pause();
}

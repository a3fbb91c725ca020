/* conn.c - connections to mail servers: kept for the next mail, counted by account, closed when idle.
 *
 * A connection belongs to whoever has the same server, user and password. Under `lock`: the list, busy marks and idle times;
 * a busy one is its holder's alone.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "crypto/crypto.h"
#include "httpc/guard.h"
#include "mail/internal.h"

enum {
    TIMEOUT_MS = 60 * 1000,
    CONNECT_TIMEOUT_MS = 10 * 1000,
    IDLE_MS = 20 * 1000, /* servers close from some minutes on; a dead one costs a try */
    IDLE_MAX = 64,
    STALL_S = 30,
    GOODBYE_MS = 1000,
};

struct mailer {
    struct mailer_options options;
    char *ca_file;
    pthread_mutex_t lock;
    pthread_cond_t freed;
    struct conn *conns;
    size_t n_idle;
    struct pool pool;
};

enum status mailer_start(struct mailer_options options, struct mailer **ret, struct err *e) {
    struct mailer *m = calloc(1, sizeof(*m));

    if (!m)
        FAIL(e, ST_UNAVAILABLE, "could not start the mailer: out of memory");
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(m);
        FAIL(e, ST_UNAVAILABLE, "could not start the mailer: libcurl does not start");
    }
    m->options = options;
    if (m->options.timeout_ms == 0)
        m->options.timeout_ms = TIMEOUT_MS;
    if (m->options.connect_timeout_ms == 0)
        m->options.connect_timeout_ms = CONNECT_TIMEOUT_MS;
    if (options.ca_file.len > 0)
        m->ca_file = strndup(options.ca_file.ptr, options.ca_file.len);
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->freed, NULL);
    pool_init(&m->pool);
    *ret = m;
    return ST_OK;
}

static size_t ignore(char *ptr, size_t size, size_t n, void *ctx) {
    (void)ptr, (void)ctx;
    return size * n;
}

/* QUIT or LOGOUT. What libcurl would say when it closes waits two minutes for the answer of a server that is silent. */
static void say_goodbye(struct conn *c) {
    SET(c->easy, CURLOPT_UPLOAD, 0L);
    SET(c->easy, CURLOPT_NOBODY, 1L);
    SET(c->easy, CURLOPT_MAIL_RCPT, NULL);
    SET(c->easy, CURLOPT_HEADERFUNCTION, NULL);
    SET(c->easy, CURLOPT_WRITEFUNCTION, ignore);
    SET(c->easy, CURLOPT_VERBOSE, 0L);
    SET(c->easy, CURLOPT_CUSTOMREQUEST, c->is_imap ? "LOGOUT" : "QUIT");
    SET(c->easy, CURLOPT_TIMEOUT_MS, (long)GOODBYE_MS);
    (void)curl_easy_perform(c->easy);
}

static void conn_free(struct conn *c) {
    if (c->fd >= 0 && c->is_healthy)
        say_goodbye(c);
    if (c->fd >= 0)
        (void)shutdown(c->fd, SHUT_RDWR);
    curl_easy_cleanup(c->easy);
    free((void *)(uintptr_t)c->key.ptr);
    free(c);
}

void mailer_stop(struct mailer *m) {
    if (!m)
        return;
    pool_stop(&m->pool);
    while (m->conns) {
        struct conn *c = m->conns;

        m->conns = c->next;
        conn_free(c);
    }
    pthread_cond_destroy(&m->freed);
    pthread_mutex_destroy(&m->lock);
    free(m->ca_file);
    free(m);
}

struct pool *mailer_pool(struct mailer *m) {
    return &m->pool;
}

const struct mailer_options *mailer_options(const struct mailer *m) {
    return &m->options;
}

/* --- whose it is ----------------------------------------------------------------------------------- */

static bool is_host(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '-' || c == ':'))
            return false;
    }
    return s.len > 0 && s.len <= 253;
}

static enum status check(const struct mailer *m, const struct dial *d, struct err *e) {
    const char *what = d->protocol == PROTOCOL_SMTP ? "SMTP" : "IMAP";

    if (d->server->host.len == 0)
        FAIL(e, ST_INVALID, "the account names no %s server", what);
    if (!is_host(d->server->host) || d->server->port == 0)
        FAIL(e, ST_INVALID, "the %s server is no host name or has no port", what);
    if (d->server->security == MAIL_PLAIN && d->server->password.len > 0 &&
        !m->options.allow_private)
        FAIL(e, ST_INVALID, "the %s server would get the password without TLS", what);
    return ST_OK;
}

static struct str key_of(struct arena *a, const struct dial *d) {
    uint8_t digest[SHA256_BYTES];
    struct str hex, account = uuid_format(a, d->account.v);

    crypto_sha256(d->server->password, digest);
    hex = crypto_hex(a, (struct str){.ptr = (const char *)digest, .len = sizeof(digest)});
    return arena_printf(a, "%d %d %.*s %.*s %u %.*s %.*s", (int)d->protocol,
                        (int)d->server->security, STR_ARG(account), STR_ARG(d->server->host),
                        (unsigned)d->server->port, STR_ARG(hex), STR_ARG(d->server->user));
}

/* --- taking and giving back ---------------------------------------------------------------------------- */

static void unlink_conn(struct mailer *m, struct conn *c) {
    struct conn **at = &m->conns;

    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    if (!c->is_busy)
        m->n_idle--;
}

/* Under the lock: those that nobody used for long, and the oldest of too many, leave the list; the caller frees them. */
static struct conn *weed(struct mailer *m) {
    int64_t now_ms = clock_mono_ms();
    struct conn *dead = NULL, *next;

    for (struct conn *c = m->conns; c; c = next) {
        next = c->next;
        if (c->is_busy || (now_ms - c->idle_since_ms < IDLE_MS && m->n_idle <= IDLE_MAX))
            continue;
        unlink_conn(m, c);
        c->next = dead;
        dead = c;
    }
    return dead;
}

static void free_all(struct conn *c) {
    while (c) {
        struct conn *next = c->next;

        conn_free(c);
        c = next;
    }
}

static struct conn *new_conn(struct mailer *m, struct str key) {
    struct conn *c = calloc(1, sizeof(*c));
    char *copy = malloc(key.len + 1);

    if (!c || !copy)
        abort();
    memcpy(copy, key.ptr, key.len);
    c->key = (struct str){.ptr = copy, .len = key.len};
    c->easy = curl_easy_init();
    if (!c->easy)
        abort();
    c->is_busy = true;
    c->fd = -1;
    c->next = m->conns;
    m->conns = c;
    return c;
}

/* Under the lock; NULL: as many as may be are busy. */
static struct conn *find_or_make(struct mailer *m, struct str key, unsigned max) {
    unsigned n_busy = 0;

    for (struct conn *c = m->conns; c; c = c->next) {
        if (!str_eq(c->key, key))
            continue;
        if (!c->is_busy) {
            c->is_busy = true;
            m->n_idle--;
            return c;
        }
        n_busy++;
    }
    return n_busy < max ? new_conn(m, key) : NULL;
}

static struct conn *wait_for_one(struct mailer *m, struct str key, const struct dial *d) {
    struct conn *c, *dead;

    pthread_mutex_lock(&m->lock);
    dead = weed(m);
    while ((c = find_or_make(m, key, d->max > 0 ? d->max : 1)) == NULL) {
        int64_t left_ms = d->deadline_ms - clock_mono_ms();
        struct timespec until = clock_deadline(left_ms);

        if (left_ms <= 0 ||
            pthread_cond_clockwait(&m->freed, &m->lock, CLOCK_MONOTONIC, &until) != 0)
            break;
    }
    pthread_mutex_unlock(&m->lock);
    free_all(dead);
    return c;
}

void conn_give(struct mailer *m, struct conn *c, bool is_good) {
    pthread_mutex_lock(&m->lock);
    if (is_good) {
        c->is_busy = false;
        c->idle_since_ms = clock_mono_ms();
        m->n_idle++;
    } else {
        unlink_conn(m, c);
    }
    pthread_cond_broadcast(&m->freed);
    pthread_mutex_unlock(&m->lock);
    if (!is_good)
        conn_free(c);
}

/* --- setting up ------------------------------------------------------------------------------------------ */

/* Runs before each connect() with the address that is about to be used. */
static curl_socket_t on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *addr) {
    struct conn *c = ctx;

    (void)purpose;
    if (c->must_be_public && !addr_is_public(&addr->addr)) {
        c->is_forbidden = true;
        return CURL_SOCKET_BAD;
    }
    c->fd = socket(addr->family, addr->socktype | SOCK_CLOEXEC, addr->protocol);
    return c->fd;
}

static int on_close(void *ctx, curl_socket_t fd) {
    struct conn *c = ctx;

    if (c->fd == fd)
        c->fd = -1;
    return close(fd);
}

static void set_up(const struct mailer *m, struct arena *a, const struct dial *d, struct conn *c) {
    CURL *easy = c->easy;
    bool has_login = d->server->user.len > 0;

    curl_easy_reset(easy); /* its connection stays */
    c->is_forbidden = false;
    c->is_imap = d->protocol == PROTOCOL_IMAP;
    c->must_be_public = !m->options.allow_private;
    c->failure[0] = '\0';
    SET(easy, CURLOPT_NOSIGNAL, 1L);
    SET(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps,imap,imaps");
    SET(easy, CURLOPT_PROXY, ""); /* an empty text keeps the proxy environment out */
    SET(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(easy, CURLOPT_ERRORBUFFER, c->failure);
    SET(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    SET(easy, CURLOPT_OPENSOCKETDATA, c);
    SET(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    SET(easy, CURLOPT_CLOSESOCKETDATA, c);
    SET(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)m->options.connect_timeout_ms);
    SET(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    SET(easy, CURLOPT_LOW_SPEED_TIME, (long)STALL_S);
    SET(easy, CURLOPT_MAXCONNECTS, 1L);
    SET(easy, CURLOPT_USE_SSL,
        (long)(d->server->security == MAIL_STARTTLS ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    if (m->ca_file)
        SET(easy, CURLOPT_CAINFO, m->ca_file);
    if (has_login) {
        SET(easy, CURLOPT_USERNAME, arena_cstr(a, d->server->user));
        SET(easy, CURLOPT_PASSWORD, arena_cstr(a, d->server->password));
    }
}

enum status conn_take(struct mailer *m, struct arena *a, const struct dial *dial, struct conn **ret,
                      struct err *e) {
    struct conn *c;

    TRY(check(m, dial, e));
    c = wait_for_one(m, key_of(a, dial), dial);
    if (!c) {
        e->cause = "no-turn";
        FAIL(e, ST_LIMITED, "the account's connections to its mail server were all in use");
    }
    set_up(m, a, dial, c);
    *ret = c;
    return ST_OK;
}

void conn_set_url(struct conn *c, struct arena *a, const struct dial *d, struct str path) {
    bool is_tls = d->server->security == MAIL_TLS, is_v6 = str_contains(d->server->host, STR(":"));
    struct str url =
        arena_printf(a, "%s%s://%s%.*s%s:%u/%.*s", d->protocol == PROTOCOL_SMTP ? "smtp" : "imap",
                     is_tls ? "s" : "", is_v6 ? "[" : "", STR_ARG(d->server->host),
                     is_v6 ? "]" : "", (unsigned)d->server->port, STR_ARG(path));

    SET(c->easy, CURLOPT_URL, arena_cstr(a, url));
}

CURLcode conn_perform(struct conn *c, const struct dial *d) {
    int64_t left_ms = d->deadline_ms - clock_mono_ms();
    CURLcode code;

    c->failure[0] = '\0';
    SET(c->easy, CURLOPT_TIMEOUT_MS, (long)(left_ms > 1 ? left_ms : 1));
    code = curl_easy_perform(c->easy);
    c->is_healthy = code == CURLE_OK;
    return code;
}

void conn_failure(const struct conn *c, struct arena *a, CURLcode code, struct mail_reply *ret) {
    ret->phase = HTTP_NOT_SENT;
    ret->text = arena_str(a, str_of(c->failure[0] ? c->failure : curl_easy_strerror(code)));
    ret->is_login = code == CURLE_LOGIN_DENIED;
    ret->is_config = code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_USE_SSL_FAILED ||
                     code == CURLE_SSL_CACERT_BADFILE || code == CURLE_URL_MALFORMAT ||
                     code == CURLE_UNSUPPORTED_PROTOCOL;
    if (c->is_forbidden) {
        ret->is_config = true;
        ret->text = STR("its address is not public");
    }
}

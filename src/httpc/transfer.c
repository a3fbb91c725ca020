/* transfer.c - building a request on a libcurl handle, gathering the reply, following redirects.
 * libcurl follows no redirect by itself: each hop passes the same doors as a first request.
 * SPDX-License-Identifier: Apache-2.0 */
#include "httpc/transfer.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "httpc/guard.h"
#include "httpc/loop.h"
#include "httpc/stream.h"

enum {
    MAX_REPLY_HEADERS = 128,
    MAX_REPLY_HEAD_BYTES = 64 << 10,
    BODY_KEPT_BYTES = 64 << 10, /* a handle keeps a body buffer of that size for its next call */
    DEFAULT_REPLY_BYTES = 1 << 20,
    /* Apache, Node.js and uvicorn drop an idle connection after 5 s, and nobody knows the outcome
     * of a request that meets that moment. */
    IDLE_SECONDS = 4,
};

/* --- what libcurl calls ---------------------------------------------------------------------- */

static size_t max_reply(const struct transfer *t) {
    return t->call->max_reply_bytes > 0 ? t->call->max_reply_bytes : DEFAULT_REPLY_BYTES;
}

static bool is_good(const struct transfer *t) {
    long status = 0;

    (void)curl_easy_getinfo(t->handle->easy, CURLINFO_RESPONSE_CODE, &status);
    return status >= 200 && status < 300;
}

static size_t pass_on(struct transfer *t, struct str piece) {
    if (piece.len > max_reply(t) - t->streamed) {
        t->refusal = REFUSED_SIZE;
        return 0;
    }
    switch (stream_give(t->stream, piece)) {
    case STREAM_TAKEN:
        t->streamed += piece.len;
        return piece.len;
    case STREAM_FULL:
        return CURL_WRITEFUNC_PAUSE; /* libcurl keeps the piece and brings it again */
    case STREAM_REFUSED:
        break;
    }
    t->refusal = REFUSED_SINK;
    return 0;
}

static size_t on_body(char *ptr, size_t size, size_t n, void *ctx) {
    struct transfer *t = ctx;
    struct buf *b = &t->handle->body;

    if (t->stream && is_good(t))
        return pass_on(t, (struct str){.ptr = ptr, .len = size * n});
    buf_add(b, (struct str){.ptr = ptr, .len = size * n});
    if (b->overflown) {
        t->refusal = REFUSED_SIZE;
        return 0; /* aborts the transfer */
    }
    return size * n;
}

/* A line of the reply's head, or of its trailers. A new status line starts over: 1xx replies come
 * before the real one. */
static size_t on_header(char *ptr, size_t size, size_t n, void *ctx) {
    struct transfer *t = ctx;
    struct str line = {.ptr = ptr, .len = size * n};
    struct str name;

    if (str_starts(line, STR("HTTP/"))) {
        t->n_headers = 0;
        return size * n;
    }
    if (!str_cut(&line, ':', &name))
        return size * n;
    t->head_bytes += size * n;
    if (t->n_headers == MAX_REPLY_HEADERS || t->head_bytes > MAX_REPLY_HEAD_BYTES) {
        t->refusal = REFUSED_HEADERS;
        return 0;
    }
    if (!t->headers)
        t->headers = arena_array_of(&t->handle->arena, MAX_REPLY_HEADERS, struct http_header);
    t->headers[t->n_headers++] = (struct http_header){
        .name = arena_str(&t->handle->arena, str_trim(name)),
        .value = arena_str(&t->handle->arena, str_trim(line)),
    };
    return size * n;
}

static bool must_be_public(const struct transfer *t) {
    return t->call->is_guarded && !t->httpc->options.allow_private;
}

/* Runs before each connect() with the address that is about to be used. */
static curl_socket_t on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *addr) {
    struct transfer *t = ctx;

    (void)purpose;
    if (must_be_public(t) && !t->httpc->is_public(&addr->addr)) {
        t->refusal = REFUSED_ADDRESS;
        return CURL_SOCKET_BAD;
    }
    return socket(addr->family, addr->socktype | SOCK_CLOEXEC, addr->protocol);
}

static bool is_idempotent(const char *method) {
    static const char *const methods[] = {"GET", "HEAD", "PUT", "DELETE",
                                          "OPTIONS"}; /* RFC 9110 §9.2.2 */

    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (str_eq(str_of(method), str_of(methods[i])))
            return true;
    }
    return false;
}

/* From here on bytes may leave. On a connection that an unguarded call has opened on_socket() was
 * not asked about this call, so the address is checked here too. */
static int on_request(void *ctx, char *ip, char *local_ip, int port, int local_port) {
    struct transfer *t = ctx;
    struct sockaddr_storage addr;

    (void)local_ip;
    (void)local_port;
    addr_parse(ip, port, &addr);
    if (must_be_public(t) && !t->httpc->is_public((const struct sockaddr *)&addr)) {
        t->refusal = REFUSED_ADDRESS;
        return CURL_PREREQFUNC_ABORT;
    }
    if (t->attempts++ > 0 && !is_idempotent(t->method)) {
        t->refusal = REFUSED_REPEAT;
        return CURL_PREREQFUNC_ABORT;
    }
    t->was_sent = true;
    t->refusal = REFUSED_NOT; /* one of several addresses was refused, but not this one */
    return CURL_PREREQFUNC_OK;
}

/* --- handles --------------------------------------------------------------------------------- */

/* Options with a value of the right type cannot fail but for memory, and that surfaces when the
 * transfer starts. */
#define SET(easy, option, value) (void)curl_easy_setopt((easy), (option), (value))

static void set_surroundings(CURL *easy, const struct httpc_options *options) {
    SET(easy, CURLOPT_NOSIGNAL, 1L);
    SET(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
    SET(easy, CURLOPT_PROXY, ""); /* an empty text keeps the proxy environment out */
    SET(easy, CURLOPT_NOPROXY, "*");
    SET(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(easy, CURLOPT_USERAGENT, options->user_agent.ptr);
    if (options->ca_file.len > 0)
        SET(easy, CURLOPT_CAINFO, options->ca_file.ptr);
    SET(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_timeout_ms);
    SET(easy, CURLOPT_MAXAGE_CONN, (long)IDLE_SECONDS);
    SET(easy, CURLOPT_TCP_NODELAY, 1L);
    SET(easy, CURLOPT_QUICK_EXIT, 1L); /* a stop does not wait for a name server */
}

struct handle *handle_new(const struct httpc_options *options) {
    struct handle *hd = calloc(1, sizeof(*hd));

    if (!hd)
        return NULL;
    hd->easy = curl_easy_init();
    if (!hd->easy) {
        free(hd);
        return NULL;
    }
    buf_init(&hd->body, DEFAULT_REPLY_BYTES);
    set_surroundings(hd->easy, options);
    SET(hd->easy, CURLOPT_ERRORBUFFER, hd->failure);
    SET(hd->easy, CURLOPT_WRITEFUNCTION, on_body);
    SET(hd->easy, CURLOPT_HEADERFUNCTION, on_header);
    SET(hd->easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    SET(hd->easy, CURLOPT_PREREQFUNCTION, on_request);
    return hd;
}

void handle_reset(struct handle *hd) {
    arena_reset(&hd->arena);
    if (hd->body.cap > BODY_KEPT_BYTES)
        buf_done(&hd->body);
    else
        buf_clear(&hd->body);
}

void handle_free(struct handle *hd) {
    if (!hd)
        return;
    curl_easy_cleanup(hd->easy);
    arena_done(&hd->arena);
    buf_done(&hd->body);
    free(hd);
}

/* --- the request ----------------------------------------------------------------------------- */

static bool is_token(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];

        if (c <= ' ' || c >= 0x7f || c == ':')
            return false;
    }
    return s.len > 0;
}

/* A line end in a value would begin a header, or a request, of the value's own. */
static bool is_field_value(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\r' || s.ptr[i] == '\n' || s.ptr[i] == '\0')
            return false;
    }
    return true;
}

/* What goes along to another origin after a redirect. Everything else may be a credential: APIs
 * carry theirs in Authorization, Cookie, apikey, X-Api-Key, Client-Token … */
static bool is_harmless(struct str name) {
    static const char *const harmless[] = {"accept", "accept-language", "content-type"};

    for (size_t i = 0; i < ARRAY_LEN(harmless); i++) {
        if (str_eq_nocase(name, str_of(harmless[i])))
            return true;
    }
    return false;
}

static void list_add(struct arena *a, struct curl_slist ***tail, struct str line) {
    struct curl_slist *item = arena_new_of(a, struct curl_slist);

    item->data = arena_cstr(a, line);
    **tail = item;
    *tail = &item->next;
}

static enum status build_headers(struct transfer *t, struct curl_slist **ret, struct err *e) {
    struct arena *a = &t->handle->arena;
    struct curl_slist **tail = ret;
    bool has_type = false;

    *ret = NULL;
    for (size_t i = 0; i < t->call->n_headers; i++) {
        struct http_header h = t->call->headers[i];
        bool is_type = str_eq_nocase(h.name, STR("content-type"));

        if (!is_token(h.name) || !is_field_value(h.value))
            FAIL(e, ST_BROKEN, "could not build call: header %zu has forbidden characters", i);
        if ((t->is_foreign && !is_harmless(h.name)) || (is_type && t->body.len == 0))
            continue;
        has_type = has_type || is_type;
        /* libcurl's notation: "Name;" sends an empty value, "Name:" would remove the header */
        list_add(a, &tail,
                 h.value.len > 0 ? arena_printf(a, "%.*s: %.*s", STR_ARG(h.name), STR_ARG(h.value))
                                 : arena_printf(a, "%.*s;", STR_ARG(h.name)));
    }
    list_add(a, &tail,
             STR("Expect:")); /* a 100-continue would cost a round trip, a 417 a second sending */
    if (!has_type)
        list_add(a, &tail, STR("Content-Type:"));
    return ST_OK;
}

static void set_method(struct transfer *t, CURL *easy) {
    bool is_head = str_eq(str_of(t->method), STR("HEAD"));
    bool is_post = str_eq(str_of(t->method), STR("POST"));
    bool has_body = is_post || t->body.len > 0; /* an empty POST still says Content-Length: 0 */

    SET(easy, CURLOPT_CUSTOMREQUEST, NULL);
    SET(easy, CURLOPT_HTTPGET, 1L); /* also undoes NOBODY of the handle's last call */
    if (is_head) {
        SET(easy, CURLOPT_NOBODY, 1L);
        return;
    }
    if (has_body) {
        SET(easy, CURLOPT_POST, 1L);
        SET(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body.len);
        SET(easy, CURLOPT_POSTFIELDS, t->body.len > 0 ? t->body.ptr : "");
    }
    if (!str_eq(str_of(t->method), has_body ? STR("POST") : STR("GET")))
        SET(easy, CURLOPT_CUSTOMREQUEST, t->method);
}

enum status transfer_prepare(struct transfer *t, const struct curl_slist *resolve,
                             uint32_t timeout_ms, struct err *e) {
    struct handle *hd = t->handle;
    CURL *easy = hd->easy;
    bool is_tls = str_starts(t->url, STR("https:"));
    char *url = arena_cstr(&hd->arena, t->url);
    struct curl_slist *headers;

    if (!url || !is_token(str_of(t->method)))
        FAIL(e, ST_BROKEN, "could not build call: forbidden characters in URL or method");
    TRY(build_headers(t, &headers, e));
    t->attempts = 0;
    t->refusal = REFUSED_NOT;
    t->headers = NULL;
    t->n_headers = 0;
    t->head_bytes = 0;
    hd->failure[0] = '\0';
    buf_clear(&hd->body);
    hd->body.max = max_reply(t);
    SET(easy, CURLOPT_URL, url);
    set_method(t, easy);
    SET(easy, CURLOPT_HTTPHEADER, headers);
    SET(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    SET(easy, CURLOPT_LOW_SPEED_LIMIT, t->call->stall_ms > 0 ? 1L : 0L);
    SET(easy, CURLOPT_LOW_SPEED_TIME, ((long)t->call->stall_ms + 999) / 1000);
    /* Several calls share one HTTP/2 connection: better to wait for it than to open one each. */
    SET(easy, CURLOPT_PIPEWAIT, is_tls ? 1L : 0L);
    SET(easy, CURLOPT_HTTP_VERSION,
        is_tls ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
    SET(easy, CURLOPT_RESOLVE, resolve);
    SET(easy, CURLOPT_PRIVATE, t);
    SET(easy, CURLOPT_WRITEDATA, t);
    SET(easy, CURLOPT_HEADERDATA, t);
    SET(easy, CURLOPT_OPENSOCKETDATA, t);
    SET(easy, CURLOPT_PREREQDATA, t);
    return ST_OK;
}

/* --- URLs and redirects ---------------------------------------------------------------------- */

static void url_free_p(CURLU **u) {
    curl_url_cleanup(*u);
}

static void text_free_p(char **s) {
    curl_free(*s);
}

static bool url_is_http(CURLU *u) {
    ATTR_CLEANUP(text_free_p) char *scheme = NULL;

    return !curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) &&
           (str_eq(str_of(scheme), STR("http")) || str_eq(str_of(scheme), STR("https")));
}

static bool origin_of(struct arena *a, CURLU *u, struct str *ret) {
    ATTR_CLEANUP(text_free_p) char *scheme = NULL;
    ATTR_CLEANUP(text_free_p) char *host = NULL;
    ATTR_CLEANUP(text_free_p) char *port = NULL;

    if (curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) ||
        curl_url_get(u, CURLUPART_HOST, &host, 0) ||
        curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT))
        return false;
    *ret = arena_printf(a, "%s://%s:%s", scheme, host, port);
    return true;
}

static void lower_case(char *s) {
    for (; *s; s++) {
        if (*s >= 'A' && *s <= 'Z')
            *s = (char)(*s | 0x20);
    }
}

enum status url_host_port(struct arena *a, struct str url, struct str *ret, struct err *e) {
    ATTR_CLEANUP(url_free_p) CURLU *u = curl_url();
    ATTR_CLEANUP(text_free_p) char *host = NULL;
    ATTR_CLEANUP(text_free_p) char *port = NULL;
    char *text = arena_cstr(a, url);

    if (!u || !text || curl_url_set(u, CURLUPART_URL, text, 0) || !url_is_http(u) ||
        curl_url_get(u, CURLUPART_HOST, &host, 0) ||
        curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT))
        FAIL(e, ST_INVALID, "could not call: not an absolute http or https URL");
    lower_case(host);
    *ret = arena_printf(a, "%s:%s", host, port);
    return ST_OK;
}

static bool is_redirect(unsigned status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static struct str reply_header(const struct transfer *t, struct str name) {
    for (size_t i = 0; i < t->n_headers; i++) {
        if (str_eq_nocase(t->headers[i].name, name))
            return t->headers[i].value;
    }
    return STR_EMPTY;
}

/* Resolves location against the URL it came from; user names in it are not accepted. */
static bool resolve_location(struct transfer *t, struct str location, struct str *ret,
                             bool *ret_foreign) {
    ATTR_CLEANUP(url_free_p) CURLU *u = curl_url();
    ATTR_CLEANUP(text_free_p) char *next = NULL;
    struct arena *a = &t->handle->arena;
    char *from = arena_cstr(a, t->url);
    char *to = arena_cstr(a, location);
    struct str before, after;

    if (!u || !from || !to || location.len == 0 || curl_url_set(u, CURLUPART_URL, from, 0) ||
        !origin_of(a, u, &before) || curl_url_set(u, CURLUPART_URL, to, CURLU_DISALLOW_USER) ||
        !url_is_http(u) || !origin_of(a, u, &after) || curl_url_get(u, CURLUPART_URL, &next, 0))
        return false;
    *ret = arena_str(a, str_of(next));
    *ret_foreign = !str_eq_nocase(before, after);
    return true;
}

bool transfer_redirect(struct transfer *t) {
    bool is_foreign;
    struct str next;
    long status = 0;

    (void)curl_easy_getinfo(t->handle->easy, CURLINFO_RESPONSE_CODE, &status);
    if (!is_redirect((unsigned)status) || t->hops >= t->call->max_redirects ||
        !resolve_location(t, reply_header(t, STR("location")), &next, &is_foreign))
        return false;
    t->hops++;
    t->url = next;
    t->is_foreign = t->is_foreign || is_foreign;
    /* RFC 9110 §15.4: only 307 and 308 keep method and body of a POST */
    if (status == 303 ||
        ((status == 301 || status == 302) && str_eq(str_of(t->method), STR("POST")))) {
        t->method = "GET";
        t->body = STR_EMPTY;
    }
    return true;
}

/* answer.c - a resp onto the wire: status, headers everybody gets, the body where it lies. Runs
 * on the network thread, so that what libmicrohttpd allocates here is freed by the same thread.
 * SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "httpd/internal.h"

enum { SEND_BYTES_PER_MS = 4 }; /* the slowest reader we put up with */

/* libmicrohttpd takes a body as void * and does not write to it. */
static void *unconst(const char *p) {
    return (void *)(uintptr_t)p;
}

static bool add_header(struct MHD_Response *mhd, struct arena *a, const char *name,
                       struct str value) {
    const char *text = arena_cstr(a, value);

    return value.len == 0 || (text && MHD_add_response_header(mhd, name, text) == MHD_YES);
}

static bool has_header(const struct resp *resp, const char *name) {
    for (size_t i = 0; i < resp->n_headers; i++) {
        if (strcasecmp(resp->headers[i].name, name) == 0)
            return true;
    }
    return false;
}

static bool add_default(struct MHD_Response *mhd, const struct resp *resp, const char *name,
                        const char *value) {
    return has_header(resp, name) || MHD_add_response_header(mhd, name, value) == MHD_YES;
}

static bool add_headers(struct request *r, struct MHD_Response *mhd) {
    const struct resp *resp = &r->resp;
    char id[REQUEST_ID_BYTES + 1];

    memcpy(id, r->id_text, REQUEST_ID_BYTES);
    id[REQUEST_ID_BYTES] = '\0';
    for (size_t i = 0; i < resp->n_headers; i++) {
        if (!add_header(mhd, &r->arena, resp->headers[i].name, resp->headers[i].value))
            return false;
    }
    if (resp->content_type.len > 0 &&
        !add_header(mhd, &r->arena, "Content-Type", resp->content_type))
        return false;
    if (atomic_load(&r->h->is_draining) && !resp->upgrade &&
        MHD_add_response_header(mhd, "Connection", "close") != MHD_YES)
        return false;
    return MHD_add_response_header(mhd, "X-Request-Id", id) == MHD_YES &&
           add_default(mhd, resp, "X-Content-Type-Options", "nosniff") &&
           add_default(mhd, resp, "Referrer-Policy", "no-referrer") &&
           add_default(mhd, resp, "Cache-Control", "no-store");
}

static void release_fd(void *handle) {
    (void)close((int)(intptr_t)handle);
}

struct tls_upgrade {
    struct httpd *h;
    const struct MHD_Daemon *daemon;
    struct MHD_UpgradeResponseHandle *urh;
};

static void release_tls(void *handle) {
    struct tls_upgrade *t = handle;

    nets_close_upgraded(t->h, t->daemon, t->urh);
    free(t);
}

/* Without TLS the new owner gets a socket of its own and libmicrohttpd forgets the connection:
 * it walks the list of all upgraded ones at each resume, which thousands of idle WebSockets
 * would make slow. Under TLS it keeps translating. */
static void on_upgrade(void *cls, struct MHD_Connection *mhd, void *ctx, const char *extra,
                       size_t extra_len, MHD_socket sock, struct MHD_UpgradeResponseHandle *urh) {
    struct request *r = cls;
    struct str already = {.ptr = extra, .len = extra_len};
    upgrade_fn fn = TAKE(r->resp.upgrade);
    struct httpd *h = r->h;
    int fd = -1;

    (void)ctx;
    r->conn->is_taken = true;
    (void)conn_set_phase(r->conn, PHASE_BUSY, 0);
    request_retire(r);
    if (h->is_tls) {
        struct tls_upgrade *t = calloc(1, sizeof(*t));

        if (!t)
            abort();
        *t = (struct tls_upgrade){h, nets_daemon(mhd), urh};
        fn(r->resp.upgrade_ctx, sock, already, release_tls, t);
        return;
    }
    fd = fcntl(sock, F_DUPFD_CLOEXEC, 0);
    fn(r->resp.upgrade_ctx, fd, already, release_fd, (void *)(intptr_t)fd);
    nets_close_upgraded(h, nets_daemon(mhd), urh);
}

static unsigned choose_status(const struct resp *resp) {
    if (resp->upgrade)
        return 101;
    return resp->status ? resp->status : resp->body.len > 0 || resp->has_file ? 200 : 204;
}

void resp_file(struct resp *resp, int fd, uint64_t at, uint64_t len) {
    resp->has_file = true;
    resp->file = fd;
    resp->file_at = at;
    resp->file_len = len;
    (void)posix_fadvise(fd, (off_t)at, (off_t)len, POSIX_FADV_WILLNEED);
}

void answer_drop_file(struct resp *resp) {
    if (resp->has_file)
        (void)close(resp->file);
    resp->has_file = false;
}

static bool has_no_body(unsigned status) {
    return status < 200 || status == 204 || status == 304;
}

/* libmicrohttpd closes the file with the response. */
static struct MHD_Response *new_file_response(struct resp *resp) {
    struct MHD_Response *mhd =
        MHD_create_response_from_fd_at_offset64(resp->file_len, resp->file, resp->file_at);

    if (mhd)
        resp->has_file = false;
    return mhd;
}

static struct MHD_Response *new_response(struct request *r) {
    struct resp *resp = &r->resp;

    if (resp->upgrade)
        return MHD_create_response_for_upgrade(on_upgrade, r);
    if (resp->has_file)
        return new_file_response(resp);
    return MHD_create_response_from_buffer(resp->body.len, unconst(resp->body.ptr),
                                           MHD_RESPMEM_PERSISTENT);
}

static struct MHD_Response *build(struct request *r) {
    struct resp *resp = &r->resp;
    struct MHD_Response *mhd;

    r->status = choose_status(resp);
    if (has_no_body(r->status) || (resp->has_file && resp->file_len == 0))
        answer_drop_file(resp);
    if (has_no_body(r->status))
        resp->body = resp->content_type = STR_EMPTY;
    else if (resp->body.len > 0 && resp->content_type.len == 0)
        resp->content_type = STR("application/json");
    mhd = new_response(r);
    if (mhd && !add_headers(r, mhd)) {
        MHD_destroy_response(mhd);
        mhd = NULL;
    }
    return mhd;
}

/* A header that libmicrohttpd refuses (a line break in it, say) must not go out, and the rest
 * without it might mislead. */
static struct MHD_Response *build_or_fail(struct request *r) {
    struct MHD_Response *mhd = build(r);

    if (mhd)
        return mhd;
    request_drop_upgrade(r);
    answer_drop_file(&r->resp);
    err_clear(&r->err);
    (void)err_set(&r->err, ST_BROKEN, __FILE__, __LINE__,
                  "could not build the response: a header is malformed");
    (void)refuse_err(r);
    return build(r);
}

enum MHD_Result answer_send(struct request *r) {
    uint64_t len = r->resp.has_file ? r->resp.file_len : r->resp.body.len;
    uint64_t ttl_ms = r->h->options.body_timeout_ms + len / SEND_BYTES_PER_MS;
    struct MHD_Response *mhd;
    enum MHD_Result result;

    if (r->resp.is_cut)
        return MHD_NO;
    if (!conn_set_phase(r->conn, PHASE_SENDING,
                        ttl_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ttl_ms))
        return MHD_NO;
    mhd = build_or_fail(r);
    if (!mhd)
        return MHD_NO;
    result = MHD_queue_response(r->mhd, r->status, mhd);
    MHD_destroy_response(mhd);
    return result;
}

struct MHD_Response *answer_gone_new(void) {
    static char body[] =
        "{\"type\":\"urn:prosa:problem:unavailable\",\"title\":\"The server is stopping\","
        "\"status\":503}";
    struct MHD_Response *mhd =
        MHD_create_response_from_buffer(sizeof(body) - 1, body, MHD_RESPMEM_PERSISTENT);

    if (!mhd)
        abort();
    (void)MHD_add_response_header(mhd, "Content-Type", "application/problem+json");
    (void)MHD_add_response_header(mhd, "Retry-After", "1");
    (void)MHD_add_response_header(mhd, "Connection", "close");
    return mhd;
}

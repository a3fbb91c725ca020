/* api_media.c - the files of messages: looking at one, its state, trying a failed one again.
 *
 * A file is a stranger's bytes on our own origin. What it is, is what its bytes prove; only types that no browser runs are
 * shown inside a page, the rest is a download, and all of it is sandboxed.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include <unistd.h>

#include "base/clock.h"
#include "media/media.h"

/* A PDF viewer does not start inside a sandbox; a PDF has no way to our origin either. */
#define SANDBOX     "default-src 'none'; style-src 'unsafe-inline'; sandbox"
#define SANDBOX_PDF "default-src 'none'; object-src 'self'; frame-ancestors 'self'"

enum { ANSWER_MAX = 16 << 10, UPLOADS_PER_MIN = 60 };

static enum status info(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct media m;

    TRY(media_get(x->r->arena, tx, x->tenant, (struct media_id){x->message.v}, &m, e));
    buf_clear(&x->out);
    json_out_init(&x->o, &x->out);
    json_put_raw(&x->o, NULL, media_json(x->r->arena, &m));
    return ST_OK;
}

static enum status retry(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct media m;

    TRY(media_retry(x->r->arena, tx, x->tenant, (struct media_id){x->message.v}, clock_now_ms(), &m,
                    e));
    buf_clear(&x->out);
    json_out_init(&x->o, &x->out);
    json_put_raw(&x->o, NULL, media_json(x->r->arena, &m));
    return ST_OK;
}

/* --- uploads ---------------------------------------------------------------------------------------------------------- */

static enum status media_post(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    struct str name = media_unescape_name(r->arena, req_header(r, "X-Filename"));
    struct media m;
    struct buf b;
    struct json_out o;

    TRY(media_keep(app_media(app), r->arena, r->principal.tenant, r->body, name, &m, e));
    buf_init(&b, ANSWER_MAX);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    put_id(&o, "id", m.id.v);
    json_put_str(&o, "kind", m.kind);
    json_put_str(&o, "mime", m.mime);
    json_put_i64(&o, "size", m.size);
    json_put_str(&o, "file_name", m.file_name);
    json_put_str(&o, "sha256", m.sha256);
    json_end(&o);
    resp_json(r, ret, 201, &b);
    buf_done(&b);
    return ST_OK;
}

/* --- the bytes -------------------------------------------------------------------------------------------------------- */

struct look {
    struct req *r;
    struct media media;
    struct media_id id;
};

static enum status find(struct tx *tx, void *ctx, struct err *e) {
    struct look *l = ctx;

    return media_get(l->r->arena, tx, l->r->principal.tenant, l->id, &l->media, e);
}

/* RFC 9110 §13.1.2: a list, weak or not; our tags are strong and hold no comma. */
static bool has_tag(struct str list, struct str tag) {
    struct str one;
    bool more = true;

    while (more) {
        more = str_cut(&list, ',', &one);
        one = str_trim(one);
        (void)str_eat(&one, STR("W/"));
        if (str_eq(one, STR("*")) || str_eq(one, tag))
            return true;
    }
    return false;
}

static void describe(struct req *r, struct resp *ret, const struct media *m, struct str tag) {
    bool is_inline = media_is_inline(m->mime) && !req_has_query(r, "download");
    bool is_pdf = str_eq(m->mime, STR("application/pdf"));

    ret->content_type = m->mime;
    resp_header(ret, "ETag", tag);
    resp_header(ret, "Accept-Ranges", STR("bytes"));
    resp_header(ret, "Cache-Control", STR("private, no-cache"));
    resp_header(ret, "Content-Security-Policy", is_pdf ? STR(SANDBOX_PDF) : STR(SANDBOX));
    resp_header(ret, "Cross-Origin-Resource-Policy", STR("same-origin"));
    resp_header(ret, "Content-Disposition", media_disposition(r->arena, m->file_name, is_inline));
}

/* Takes fd over. */
static void answer_range(struct req *r, struct resp *ret, struct str tag, int fd, uint64_t size) {
    struct str if_range = req_header(r, "If-Range");
    struct str header = req_header(r, "Range");
    uint64_t from = 0, len = size;
    enum media_range range = MEDIA_RANGE_WHOLE;

    if (header.len > 0 && (if_range.len == 0 || str_eq(if_range, tag)))
        range = media_range(header, size, &from, &len);
    switch (range) {
    case MEDIA_RANGE_WHOLE:
        resp_file(ret, fd, 0, size);
        return;
    case MEDIA_RANGE_PART:
        ret->status = 206;
        resp_header(ret, "Content-Range",
                    arena_printf(r->arena, "bytes %llu-%llu/%llu", (unsigned long long)from,
                                 (unsigned long long)(from + len - 1), (unsigned long long)size));
        resp_file(ret, fd, from, len);
        return;
    case MEDIA_RANGE_BEYOND:
        (void)close(fd);
        ret->status = 416;
        resp_header(ret, "Content-Range",
                    arena_printf(r->arena, "bytes */%llu", (unsigned long long)size));
        return;
    }
}

static enum status media_file_get(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    struct look l = {.r = r};
    struct str tag;
    uint64_t size;
    int fd;

    if (!uuid_parse(req_param(r, "id"), &l.id.v))
        FAIL(e, ST_NOT_FOUND, "no such file: the id is not a UUID");
    TRY(db_read(app_db(app), DB_TENANT(r->principal.tenant), find, &l, e));
    TRY(media_open(app_media(app), &l.media, &fd, &size, e));
    tag = arena_printf(r->arena, "\"%.*s\"", STR_ARG(l.media.sha256));
    describe(r, ret, &l.media, tag);
    if (req_header(r, "If-None-Match").len > 0 && has_tag(req_header(r, "If-None-Match"), tag)) {
        (void)close(fd);
        ret->status = 304;
        return ST_OK;
    }
    answer_range(r, ret, tag, fd, size);
    return ST_OK;
}

API_HANDLER(media_info_get, API_READS, info)
API_HANDLER(media_retry_post, API_WRITES, retry)

const struct route api_media_routes[] = {
    {HTTP_POST, API "/media", media_post, AGENT, .scope = "messages:write",
     .max_body = MEDIA_SEND_MAX_BYTES, .rate_per_min = UPLOADS_PER_MIN,
     .summary = "Upload a file to send; its id goes into a message's content"},
    {HTTP_GET, API "/media/{id}", media_file_get, AGENT, .scope = "messages:read",
     .summary = "The bytes of a file; Range and If-None-Match work"},
    {HTTP_GET, API "/media/{id}/info", media_info_get, AGENT, .scope = "messages:read",
     .summary = "State, type and name of a file"},
    {HTTP_POST, API "/media/{id}/retry", media_retry_post, AGENT, .scope = "messages:write",
     .max_body = API_BODY_MAX, .summary = "Fetch a file again that failed"},
};
const size_t api_media_n_routes = ARRAY_LEN(api_media_routes);

/* api_media.c - the files of messages: looking at one, its state, trying a failed one again.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include "base/clock.h"
#include "media/media.h"

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
    json_put_id(&o, "id", m.id.v);
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

static enum status media_file_get(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    struct look l = {.r = r};

    if (!uuid_parse(req_param(r, "id"), &l.id.v))
        FAIL(e, ST_NOT_FOUND, "no such file: the id is not a UUID");
    TRY(db_read(app_db(app), DB_TENANT(r->principal.tenant), find, &l, e));
    return media_serve(app_media(app), r, &l.media, MEDIA_TO_CONSOLE, ret, e);
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

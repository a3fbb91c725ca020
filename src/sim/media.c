/* media.c - files uploaded by the business and sent by customers, in memory.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "crypto/crypto.h"
#include "sim/internal.h"

enum { MEDIA_MAX_BYTES = 128 << 20 };

/* --- the store ------------------------------------------------------------------------------- */

static void drop_oldest(struct sim *s) {
    struct media **at = &s->media;
    struct media *m;

    while ((*at)->next)
        at = &(*at)->next;
    m = *at;
    *at = NULL;
    s->media_bytes -= m->bytes.len;
    free(m);
}

struct media *media_add(struct sim *s, struct str mime, struct str filename, struct str bytes) {
    char id[32];
    struct media m = {.mime = mime, .filename = filename, .bytes = bytes};
    struct str *const views[] = {&m.id, &m.mime, &m.filename, &m.bytes};
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    uint8_t sha[SHA256_BYTES];
    struct media *kept;

    (void)snprintf(id, sizeof(id), "9%015lld", (long long)++s->next_media);
    m.id = str_of(id);
    crypto_sha256(bytes, sha);
    memcpy(m.sha256, crypto_hex(&a, (struct str){.ptr = (const char *)sha, .len = sizeof(sha)}).ptr,
           sizeof(m.sha256));
    m.next = s->media;
    kept = pack(&m, sizeof(m), views, ARRAY_LEN(views));
    s->media = kept;
    s->media_bytes += bytes.len;
    while (s->media_bytes > MEDIA_MAX_BYTES && s->media->next)
        drop_oldest(s);
    return kept;
}

struct media *media_find(const struct sim *s, struct str id) {
    struct media *m = s->media;

    while (m && !str_eq(m->id, id))
        m = m->next;
    return m;
}

void media_clear(struct sim *s) {
    while (s->media) {
        struct media *m = s->media;

        s->media = m->next;
        free(m);
    }
    s->media_bytes = 0;
}

/* The smallest files of their kind that programs still read. */
static const unsigned char png[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48,
    0x44, 0x52, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06, 0x00, 0x00,
    0x00, 0x1f, 0x15, 0xc4, 0x89, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x44, 0x41, 0x54, 0x78,
    0xda, 0x63, 0x90, 0xaf, 0xb7, 0xff, 0x0f, 0x00, 0x03, 0x7b, 0x01, 0xdd, 0x33, 0x30,
    0x99, 0x5f, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
};
/* First page of a stream of Opus (RFC 7845), mono at 48 kHz; there is nothing to hear. */
static const char ogg[] = "OggS\0\2\0\0\0\0\0\0\0\0prsa\0\0\0\0\0\0\0\0\1\23"
                          "OpusHead\1\1\0\0\x80\xbb\0\0\0\0\0";
static const char pdf[] = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
                          "2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
                          "trailer<</Root 1 0 R>>\n%%EOF\n";

struct media *media_example(struct sim *s, struct str kind) {
    if (str_eq(kind, STR("document")))
        return media_add(s, STR("application/pdf"), STR("proposta.pdf"), str_of(pdf));
    if (str_eq(kind, STR("audio")))
        return media_add(s, STR("audio/ogg; codecs=opus"), STR_EMPTY,
                         (struct str){.ptr = ogg, .len = sizeof(ogg) - 1});
    if (str_eq(kind, STR("video")))
        return media_add(s, STR("video/mp4"), STR_EMPTY, STR("\0\0\0\20ftypmp42example"));
    if (str_eq(kind, STR("sticker")))
        return media_add(s, STR("image/webp"), STR_EMPTY, STR("RIFF\14\0\0\0WEBPVP8 "));
    return media_add(s, STR("image/png"), STR_EMPTY,
                     (struct str){.ptr = (const char *)png, .len = sizeof(png)});
}

/* --- multipart/form-data (RFC 7578), as much as an upload needs ------------------------------ */

struct part {
    struct str name, filename, mime, bytes;
};

/* "; name=\"file\"" → file */
static struct str attribute(struct str line, const char *name) {
    for (size_t i = 0; i < line.len; i++) {
        struct str s = str_sub(line, i, line.len);
        struct str value;

        if (!str_eat(&s, STR(" ")) || !str_eat(&s, str_of(name)) || !str_eat(&s, STR("=\"")))
            continue;
        (void)str_cut(&s, '"', &value);
        return value;
    }
    return STR_EMPTY;
}

static bool cut_at(struct str *s, struct str mark, struct str *ret_head) {
    const char *p = s->len > 0 ? memmem(s->ptr, s->len, mark.ptr, mark.len) : NULL;

    if (!p)
        return false;
    *ret_head = str_sub(*s, 0, (size_t)(p - s->ptr));
    *s = str_sub(*s, ret_head->len + mark.len, s->len);
    return true;
}

static void read_part_head(struct str head, struct part *p) {
    struct str line;
    bool more = true;

    while (more) {
        struct str name;

        more = str_cut(&head, '\n', &line);
        line = str_trim(line);
        (void)str_cut(&line, ':', &name);
        if (str_eq_nocase(name, STR("content-disposition"))) {
            p->name = attribute(line, "name");
            p->filename = attribute(line, "filename");
        } else if (str_eq_nocase(name, STR("content-type"))) {
            p->mime = str_trim(line);
        }
    }
}

/* The next part of body; false at the end. delimiter is "\r\n--boundary". */
static bool next_part(struct str *body, struct str delimiter, struct part *ret) {
    struct str head;

    *ret = (struct part){0};
    if (!str_eat(body, STR("\r\n")) || !cut_at(body, STR("\r\n\r\n"), &head))
        return false;
    read_part_head(head, ret);
    return cut_at(body, delimiter, &ret->bytes);
}

static struct str boundary_of(struct arena *a, struct str content_type) {
    struct str quoted = attribute(content_type, "boundary");
    struct str rest = content_type;
    struct str before;

    if (quoted.len > 0)
        return arena_printf(a, "\r\n--%.*s", STR_ARG(quoted));
    if (!cut_at(&rest, STR("boundary="), &before))
        return STR_EMPTY;
    (void)str_cut(&rest, ';', &before);
    return arena_printf(a, "\r\n--%.*s", STR_ARG(before));
}

static bool read_upload(const struct req *r, struct part *ret_file, bool *ret_is_whatsapp) {
    struct str delimiter = boundary_of(r->arena, req_header(r, "content-type"));
    struct str body = r->body;
    struct part p;

    *ret_file = (struct part){0};
    *ret_is_whatsapp = false;
    if (delimiter.len == 0 || !str_eat(&body, str_sub(delimiter, 2, delimiter.len)))
        return false;
    while (next_part(&body, delimiter, &p)) {
        if (str_eq(p.name, STR("file")))
            *ret_file = p;
        if (str_eq(p.name, STR("messaging_product")))
            *ret_is_whatsapp = str_eq(p.bytes, STR("whatsapp"));
    }
    return true;
}

/* --- handlers -------------------------------------------------------------------------------- */

static size_t most_bytes(struct str mime) {
    if (str_starts(mime, STR("image/webp")))
        return 500 << 10;
    if (str_starts(mime, STR("image/")))
        return 5 << 20;
    if (str_starts(mime, STR("audio/")) || str_starts(mime, STR("video/")))
        return 16 << 20;
    return 100 << 20;
}

enum status media_upload(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct sim *s = sim_of(app);
    bool is_whatsapp;
    struct part file;
    struct str id;

    (void)e;
    if (!graph_admit(s, r, resp))
        return ST_OK;
    if (!read_upload(r, &file, &is_whatsapp) || !is_whatsapp || file.bytes.len == 0) {
        graph_refuse(r, resp,
                     (struct graph_error){
                         .code = 100, .details = STR("messaging_product and file are required")});
        return ST_OK;
    }
    if (file.bytes.len > most_bytes(file.mime) || file.mime.len == 0) {
        graph_refuse(r, resp,
                     (struct graph_error){.code = 131053,
                                          .details = STR("file is too large or of unknown type")});
        return ST_OK;
    }
    sim_lock(s);
    id = arena_str(r->arena, media_add(s, file.mime, file.filename, file.bytes)->id);
    sim_unlock(s);
    resp_text(resp, 200, arena_printf(r->arena, "{\"id\":\"%.*s\"}", STR_ARG(id)));
    resp->content_type = STR("application/json");
    return ST_OK;
}

static void answer_file(struct sim *s, struct req *r, struct resp *resp, struct str id) {
    const struct media *m;

    sim_lock(s);
    m = media_find(s, id);
    if (m) {
        resp->body = arena_str(r->arena, m->bytes);
        resp->content_type = arena_str(r->arena, m->mime);
    }
    sim_unlock(s);
    resp->status = m ? 200 : 404;
}

/* GET /sim/media?id=…: what a phone shows, without a token. */
enum status media_show(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    (void)e;
    sim_allow_origin(sim_of(app), r, resp);
    resp_header(resp, "Content-Security-Policy", STR("default-src 'none'; sandbox"));
    answer_file(sim_of(app), r, resp, req_query(r, "id"));
    return ST_OK;
}

/* What GET /{media-id} gave as url; the token is needed here, too. */
enum status media_download(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct sim *s = sim_of(app);

    (void)e;
    if (graph_admit(s, r, resp))
        answer_file(s, r, resp, req_query(r, "mid"));
    return ST_OK;
}

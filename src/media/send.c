/* send.c - files that go out: kept when they are uploaded, given to a provider once per account, removed when nobody
 * sends them.
 * SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "base/clock.h"
#include "media/file.h"
#include "media/link.h"
#include "media/media.h"
#include "media/store.h"

enum {
    GIVE_MS = 2 * 60 * 1000,
    NAME_MAX_BYTES = 1024,
    PURGE_BATCHES = 20,
};

/* --- as what it can be sent ------------------------------------------------------------------------------------------- */

/* What WhatsApp takes as such (media page); what is larger, or of another type, goes as a document. */
static const struct {
    const char *kind;
    int64_t max_bytes;
    const char *mimes[6];
} sendable[] = {
    {"image", 5 << 20, {"image/jpeg", "image/png"}},
    {"audio", 16 << 20, {"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"}},
    {"video", 16 << 20, {"video/mp4", "video/3gpp"}},
    {"sticker", 500 << 10, {"image/webp"}},
};

static bool is_mime_of(size_t i, struct str mime) {
    for (size_t k = 0; k < ARRAY_LEN(sendable[i].mimes) && sendable[i].mimes[k]; k++)
        if (str_eq(mime, str_of(sendable[i].mimes[k])))
            return true;
    return false;
}

static const char *kind_of(struct str mime, int64_t size) {
    for (size_t i = 0; i < ARRAY_LEN(sendable); i++)
        if (is_mime_of(i, mime) && size <= sendable[i].max_bytes)
            return sendable[i].kind;
    return "document";
}

/* --- uploads of ours -------------------------------------------------------------------------------------------------- */

static enum status insert(struct tx *tx, void *ctx, struct err *e) {
    return store_media_insert(tx, ctx, e);
}

static enum status keep_bytes(const struct media_deps *deps, struct arena *a, struct str bytes,
                              struct media *m, struct err *e) {
    ATTR_CLEANUP(writer_close_p) struct media_writer w = {0};

    TRY(writer_open(a, deps->dir, m->tenant, MEDIA_SEND_MAX_BYTES, &w, e));
    TRY(writer_add(&w, bytes, e));
    TRY(writer_end(&w, &m->sha256, e));
    return writer_publish(&w, m->sha256, e);
}

enum status media_keep(const struct media_deps *deps, struct arena *a, struct tenant_id tenant,
                       struct str bytes, struct str file_name, struct media *ret, struct err *e) {
    struct media_type type;
    struct media m = {
        .id.v = uuid_new(),
        .tenant = tenant,
        .state = STR("ready"),
        .size = (int64_t)bytes.len,
        .is_upload = true,
        .created_at_ms = clock_now_ms(),
    };

    if (bytes.len == 0)
        FAIL_AS(e, ST_INVALID, "file-empty", "the file is empty");
    file_name = str_sub(file_name, 0, NAME_MAX_BYTES);
    type = media_sniff(bytes, file_name);
    m.mime = str_of(type.mime);
    m.kind = str_of(kind_of(m.mime, m.size));
    m.file_name = media_clean_name(a, file_name, arena_cstr(a, m.kind), type);
    TRY(keep_bytes(deps, a, bytes, &m, e));
    TRY(db_write(deps->db, DB_TENANT(tenant), insert, &m, e));
    *ret = m;
    return ST_OK;
}

enum status media_check_send(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             struct media_id id, struct str type, struct media *ret,
                             struct err *e) {
    const char *kind;

    TRY(media_get(a, tx, tenant, id, ret, e));
    if (!str_eq(ret->state, STR("ready")))
        FAIL_AS(e, ST_INVALID, "file-not-ready",
                "the file is %.*s: only one that is ready can be sent", STR_ARG(ret->state));
    if (ret->size > MEDIA_SEND_MAX_BYTES)
        FAIL_AS(e, ST_INVALID, "file-too-large", "the file has %lld bytes, at most %d can be sent",
                (long long)ret->size, MEDIA_SEND_MAX_BYTES);
    kind = kind_of(ret->mime, ret->size);
    if (!str_eq(type, STR("document")) && !str_eq(type, str_of(kind)))
        FAIL_AS(e, ST_INVALID, "file-kind", "the file can be sent as %s%s, not as \"%.*s\"", kind,
                str_eq(str_of(kind), STR("document")) ? "" : " or document", STR_ARG(type));
    return ST_OK;
}

enum status media_attach(struct arena *a, struct tx *tx, const struct media *m,
                         struct message_id message, int64_t now_ms, struct err *e) {
    TRY(store_media_use(tx, m->tenant, m->id, e));
    return message_set_media(tx, m->tenant, message, media_json(a, m), now_ms, e);
}

/* --- to the provider -------------------------------------------------------------------------------------------------- */

struct giving {
    struct arena *arena;
    const struct media *media;
    struct media_taker to;
    struct str provider_id;
};

static enum status find_given(struct tx *tx, void *ctx, struct err *e) {
    struct giving *g = ctx;

    return store_upload_find(g->arena, tx, g->media, g->to.account->id, clock_now_ms(),
                             &g->provider_id, e);
}

static enum status remember_given(struct tx *tx, void *ctx, struct err *e) {
    struct giving *g = ctx;

    return store_upload_put(tx, g->media, g->to.account->id, g->provider_id,
                            clock_now_ms() + g->to.provider->limits.media_ms, e);
}

enum status media_read(const struct media_deps *deps, struct arena *a, const struct media *m,
                       struct str *ret, struct err *e) {
    uint64_t size, n = 0;
    char *bytes;
    int fd;

    TRY(media_open(deps, m, &fd, &size, e));
    bytes = arena_alloc(a, size + 1);
    while (n < size) {
        ssize_t got = read(fd, bytes + n, size - n);

        if (got <= 0)
            break;
        n += (uint64_t)got;
    }
    (void)close(fd);
    if (n < size)
        FAIL(e, ST_UNAVAILABLE, "could not read a file of the data directory");
    *ret = (struct str){.ptr = bytes, .len = size};
    return ST_OK;
}

static enum status put_file(const struct media_deps *deps, struct giving *g, struct http_reply *ret,
                            struct err *e) {
    struct media_put put = {.mime = g->media->mime, .file_name = g->media->file_name};
    struct http_call call;

    TRY(media_read(deps, g->arena, g->media, &put.bytes, e));
    TRY(g->to.provider->put_media(g->arena, g->to.channel, &put, &call, e));
    call.reach = REACH_MACHINE;
    call.timeout_ms = GIVE_MS;
    return httpc_call(deps->httpc, g->arena, &call, ret, e);
}

enum status media_give(const struct media_deps *deps, struct arena *a, const struct media *m,
                       struct media_taker to, struct media_answer *ret, struct err *e) {
    struct giving g = {.arena = a, .media = m, .to = to};
    struct http_reply reply;
    struct err why = ERR_INIT;
    enum status st;

    if (!to.provider->put_media) {
        link_give(deps, a, m, ret);
        return ST_OK;
    }
    TRY(db_read(deps->db, DB_TENANT(m->tenant), find_given, &g, e));
    if (g.provider_id.len > 0) {
        *ret = (struct media_answer){.outcome = MEDIA_FOUND, .id = g.provider_id, .size = -1};
        return ST_OK;
    }
    st = put_file(deps, &g, &reply, &why);
    if (st != ST_OK) {
        bool is_final = st == ST_DENIED || st == ST_INVALID || st == ST_BROKEN;

        *ret = (struct media_answer){
            .outcome = is_final ? MEDIA_REJECTED : MEDIA_RETRY,
            .size = -1,
            .retry_after_ms = why.retry_after_ms,
            .cause = str_of(why.cause ? why.cause : status_name(st)),
            .reason = arena_str(a, str_of(why.message)),
        };
        return ST_OK;
    }
    to.provider->judge_put_media(a, &reply, ret);
    if (ret->outcome != MEDIA_FOUND)
        return ST_OK;
    g.provider_id = ret->id;
    return db_write(deps->db, DB_TENANT(m->tenant), remember_given, &g, e);
}

enum status media_take_back(struct tx *tx, const struct media *m, struct account_id account,
                            struct err *e) {
    return store_upload_drop(tx, m, account, e);
}

/* --- what nobody sent ------------------------------------------------------------------------------------------------- */

struct purge {
    struct arena *arena;
    int64_t before_ms;
    struct db_rows rows; /* tenant, sha256 */
    bool *is_used;
};

static enum status remove_unsent(struct tx *tx, void *ctx, struct err *e) {
    struct purge *p = ctx;

    TRY(store_media_purge(p->arena, tx, p->before_ms, &p->rows, e));
    p->is_used = arena_array_of(p->arena, p->rows.n + 1, bool);
    for (size_t i = 0; i < p->rows.n; i++)
        TRY(store_file_is_used(p->arena, tx, (struct tenant_id){db_uuid(&p->rows, i, 0)},
                               db_text(&p->rows, i, 1), &p->is_used[i], e));
    return ST_OK;
}

enum status media_purge_job(struct app *app, struct arena *a, const struct job *job,
                            struct verdict *ret_verdict, struct err *e) {
    const struct media_deps *deps = app_media(app);
    struct purge p = {.arena = a, .before_ms = clock_now_ms() - MEDIA_UNSENT_MS};

    (void)job;
    *ret_verdict = (struct verdict){.kind = VERDICT_DONE};
    for (int i = 0; i < PURGE_BATCHES; i++) {
        TRY(db_write(deps->db, DB_SYSTEM, remove_unsent, &p, e));
        for (size_t k = 0; k < p.rows.n; k++)
            if (!p.is_used[k])
                file_remove(a, deps->dir, (struct tenant_id){db_uuid(&p.rows, k, 0)},
                            db_text(&p.rows, k, 1), p.before_ms);
        if (p.rows.n == 0)
            break;
    }
    file_purge_parts(a, deps->dir, p.before_ms);
    return ST_OK;
}

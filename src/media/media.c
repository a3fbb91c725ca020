/* media.c - a file's life in the database: expected, settled, tried again.
 * SPDX-License-Identifier: Apache-2.0 */
#include "media/fetch.h"
#include "media/store.h"

enum { JSON_MAX_BYTES = 16 << 10, NAME_MAX_BYTES = 1024 };

bool media_is_kind(struct str type) {
    static const char *const kinds[] = {"image", "audio", "video", "document", "sticker"};

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (str_eq(type, str_of(kinds[i])))
            return true;
    return false;
}

struct str media_json(struct arena *a, const struct media *m) {
    struct buf b;
    struct json_out o;
    struct str text;

    buf_init(&b, JSON_MAX_BYTES);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_str(&o, "id", uuid_format(a, m->id.v));
    json_put_str(&o, "state", m->state);
    json_put_str(&o, "kind", m->kind);
    if (str_eq(m->state, STR("ready"))) {
        json_put_str(&o, "mime", m->mime);
        json_put_i64(&o, "size", m->size);
    } else {
        json_put_null(&o, "mime");
        json_put_null(&o, "size");
    }
    json_put_str(&o, "file_name", m->file_name);
    json_put_str_or_null(&o, "reason", m->reason);
    json_end(&o);
    text = arena_str(a, buf_str(&b));
    buf_done(&b);
    return text;
}

enum status media_put_fetch(struct arena *a, struct tx *tx, const struct media *m, struct err *e) {
    struct str id = uuid_format(a, m->id.v);

    return queue_put(tx,
                     (struct job_put){
                         .tenant = m->tenant,
                         .kind = MEDIA_FETCH_JOB,
                         .key = id,
                         .coalesce = QUEUE_KEEP,
                         .priority = QUEUE_NORMAL,
                         .payload = arena_printf(a, "{\"media\":\"%.*s\"}", STR_ARG(id)),
                     },
                     NULL, e);
}

enum status media_expect(struct arena *a, struct tx *tx, const struct message *m, int64_t now_ms,
                         struct err *e) {
    const struct json *content, *file;
    struct str name;
    struct media media = {
        .id.v = uuid_new(),
        .tenant = m->tenant,
        .account = m->account,
        .conversation = m->conversation,
        .message = m->id,
        .state = STR("waiting"),
        .kind = m->type,
        .created_at_ms = now_ms,
    };

    if (!media_is_kind(m->type))
        return ST_OK;
    TRY(json_parse(a, m->content, JSON_LIMITS_DEFAULT, &content, e));
    file = json_get(content, "media");
    media.provider_id = json_str(json_get(file, "id"));
    media.link = json_str(json_get(file, "link"));
    media.claimed_sha256 = json_str(json_get(file, "sha256"));
    if (media.provider_id.len == 0 && media.link.len == 0)
        return ST_OK;
    name = str_sub(json_str(json_get(file, "filename")), 0, NAME_MAX_BYTES);
    if (name.len > 0) /* else it is made up when the type is known */
        media.file_name = media_clean_name(a, name, "document", media_sniff(STR_EMPTY, STR_EMPTY));
    TRY(store_media_insert(tx, &media, e));
    TRY(message_set_media(tx, m->tenant, m->id, media_json(a, &media), now_ms, e));
    return media_put_fetch(a, tx, &media, e);
}

enum status media_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct media_id id,
                      struct media *ret, struct err *e) {
    return store_media_get(a, tx, tenant, id, ret, e);
}

enum status media_settle(struct arena *a, struct tx *tx, struct media *m, int64_t now_ms,
                         struct err *e) {
    struct str json;

    m->updated_at_ms = now_ms;
    json = media_json(a, m);
    TRY(store_media_settle(tx, m, e));
    TRY(message_set_media(tx, m->tenant, m->message, json, now_ms, e));
    return event_add(tx,
                     (struct event){.tenant = m->tenant,
                                    .conversation = m->conversation,
                                    .message = m->message,
                                    .kind = arena_printf(a, "media.%.*s", STR_ARG(m->state)),
                                    .data = arena_printf(a, "{\"media\":%.*s}", STR_ARG(json)),
                                    .at_ms = now_ms},
                     e);
}

enum status media_retry(struct arena *a, struct tx *tx, struct tenant_id tenant, struct media_id id,
                        int64_t now_ms, struct media *ret, struct err *e) {
    TRY(store_media_get(a, tx, tenant, id, ret, e));
    if (!str_eq(ret->state, STR("failed")) && !str_eq(ret->state, STR("expired")))
        FAIL(e, ST_CONFLICT, "the file is %.*s: there is nothing to try again",
             STR_ARG(ret->state));
    ret->state = STR("waiting");
    ret->reason = STR_EMPTY;
    TRY(media_settle(a, tx, ret, now_ms, e));
    return media_put_fetch(a, tx, ret, e);
}

/* attach.c - a file goes to the provider before the message that carries it is marked as sending: whatever happens to the
 * upload, nothing has reached the person, and the message can wait.
 * SPDX-License-Identifier: Apache-2.0 */
#include "outbox/attach.h"

#include "base/clock.h"

enum { CONTENT_MAX_BYTES = 256 << 10 };

/* Ids of providers are no UUIDs. */
static bool names_ours(const struct json *content, struct media_id *ret) {
    return uuid_parse(json_str(json_path(content, "media", "id", NULL)), &ret->v);
}

enum status attach_check(struct arena *a, struct tx *tx, struct tenant_id tenant, struct str type,
                         const struct json *content, struct attachment *ret, struct err *e) {
    struct media_id id;
    struct err why = ERR_INIT;
    enum status st;

    *ret = (struct attachment){0};
    if (!media_is_kind(type) || !names_ours(content, &id))
        return ST_OK;
    st = media_check_send(a, tx, tenant, id, type, &ret->media, &why);
    if (st == ST_NOT_FOUND)
        FAIL_AS(e, ST_INVALID, "no-such-file",
                "content.media.id: there is no such file: upload it first");
    if (st != ST_OK)
        *e = why;
    ret->is_there = st == ST_OK;
    return st;
}

/* --- before the send -------------------------------------------------------------------------------------------------- */

struct preparing {
    struct outbox *outbox;
    struct arena *arena;
    const struct job *job;
    struct message_id id;
    struct attachment *at;
    struct verdict *verdict;

    bool is_wanted;
    struct message message;
    struct account account;
    struct channel channel;
    const struct provider *provider;
    struct media_answer answer;
};

/* What permit would hold back anyway needs no upload. */
static enum status look(struct tx *tx, void *ctx, struct err *e) {
    struct preparing *p = ctx;
    const struct json *content;
    struct media_id id;

    p->is_wanted = false;
    *p->at = (struct attachment){0};
    TRY(message_get(p->arena, tx, p->job->tenant, p->id, &p->message, e));
    if (!str_eq(p->message.status, STR("queued")) || !media_is_kind(p->message.type))
        return ST_OK;
    TRY(json_parse(p->arena, p->message.content, JSON_LIMITS_DEFAULT, &content, e));
    if (!names_ours(content, &id))
        return ST_OK;
    TRY(media_get(p->arena, tx, p->job->tenant, id, &p->at->media, e));
    p->at->is_there = true;
    TRY(account_get(p->arena, tx, p->message.account, &p->account, e));
    p->provider = provider_find(p->account.kind);
    if (!p->provider || p->provider->transport == TRANSPORT_MAIL || !p->account.is_active ||
        !str_eq(p->account.state, STR("ok")) ||
        !gate_permits(httpc_gate(p->outbox->httpc), REACH_REPLY))
        return ST_OK;
    p->is_wanted = true;
    return account_channel(p->arena, tx, p->outbox->keys, &p->account,
                           *atomic_load(&p->outbox->defaults->now), &p->channel, e);
}

static void set_verdict(struct preparing *p, enum verdict_kind kind, struct str cause) {
    *p->verdict = (struct verdict){.kind = kind,
                                   .after_ms = p->answer.retry_after_ms,
                                   .cause = arena_cstr(p->arena, cause),
                                   .reason = p->answer.reason};
}

static enum status fail(struct tx *tx, struct preparing *p, struct err *e) {
    bool moved;

    return message_change_status(p->arena, tx, &p->message,
                                 (struct message_change){.status = STR("failed"),
                                                         .error_code = p->answer.code,
                                                         .error_cause = p->answer.cause,
                                                         .error_reason = p->answer.reason},
                                 clock_now_ms(), &moved, e);
}

static enum status record(struct tx *tx, void *ctx, struct err *e) {
    struct preparing *p = ctx;

    *p->verdict = (struct verdict){.kind = VERDICT_DONE};
    TRY(queue_fence(tx, p->job, e));
    TRY(message_get(p->arena, tx, p->job->tenant, p->id, &p->message, e));
    if (!str_eq(p->message.status, STR("queued")))
        return ST_OK;
    switch (p->answer.outcome) {
    case MEDIA_FOUND:
        return ST_OK;
    case MEDIA_GONE:
    case MEDIA_REJECTED:
        return fail(tx, p, e);
    case MEDIA_RETRY:
        if (p->job->attempt >= OUTBOX_MAX_ATTEMPTS)
            return fail(tx, p, e);
        set_verdict(p, VERDICT_RETRY, p->answer.cause);
        return ST_OK;
    case MEDIA_BLOCKED:
        set_verdict(p, VERDICT_PARK, STR("account-blocked"));
        return account_set_state(tx, p->job->tenant, p->account.id, STR("blocked"),
                                 p->answer.reason, e);
    }
    FAIL(e, ST_BROKEN, "the adapter gave no outcome");
}

enum status attach_prepare(struct app *app, struct arena *a, const struct job *job,
                           struct message_id id, struct attachment *ret,
                           struct verdict *ret_verdict, struct err *e) {
    struct preparing p = {.outbox = app_outbox(app),
                          .arena = a,
                          .job = job,
                          .id = id,
                          .at = ret,
                          .verdict = ret_verdict};

    TRY(db_read(p.outbox->db, DB_TENANT(job->tenant), look, &p, e));
    if (!p.is_wanted)
        return ST_OK;
    TRY(media_give(app_media(app), a, &ret->media,
                   (struct media_taker){&p.account, &p.channel, p.provider}, &p.answer, e));
    ret->provider_id = p.answer.id;
    ret->link = p.answer.url;
    ret->is_held = p.answer.outcome != MEDIA_FOUND;
    if (!ret->is_held)
        return ST_OK;
    return db_write(p.outbox->db, DB_TENANT(job->tenant), record, &p, e);
}

/* --- what is sent ----------------------------------------------------------------------------------------------------- */

enum status attach_content(struct arena *a, const struct attachment *at, const struct json *content,
                           const struct json **ret, struct err *e) {
    const struct json *file = json_get(content, "media");
    struct str name = json_str(json_get(file, "filename"));
    struct buf b;
    struct json_out o;
    struct str text;

    buf_init(&b, CONTENT_MAX_BYTES);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_obj(&o, "media");
    json_put_opt(&o, "id", at->provider_id);
    json_put_opt(&o, "link", at->link);
    json_put_str(&o, "filename", name.len > 0 ? name : at->media.file_name);
    if (json_bool(json_get(file, "voice"), false))
        json_put_bool(&o, "voice", true);
    json_end(&o);
    json_put_opt(&o, "caption", json_str(json_get(content, "caption")));
    json_end(&o);
    text = arena_str(a, buf_str(&b));
    buf_done(&b);
    return json_parse(a, text, JSON_LIMITS_DEFAULT, ret, e);
}

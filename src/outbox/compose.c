/* compose.c - a message is queued in the transaction that decides it, or not at all.
 * SPDX-License-Identifier: Apache-2.0 */
#include "outbox/attach.h"

#include "base/clock.h"

static enum status put_send(struct arena *a, struct tx *tx, const struct message *m,
                            struct err *e) {
    struct str id = uuid_format(a, m->id.v), conversation = uuid_format(a, m->conversation.v);

    return queue_put(tx,
                     (struct job_put){
                         .tenant = m->tenant,
                         .kind = OUTBOX_SEND_JOB,
                         .lane = arena_printf(a, "send:%.*s", STR_ARG(conversation)),
                         .priority = str_eq(m->owner, STR("person")) ? QUEUE_URGENT : QUEUE_DIRECT,
                         .payload = arena_printf(a, "{\"message\":\"%.*s\"%s}", STR_ARG(id),
                                                 m->media.len > 0 ? ",\"file\":true" : ""),
                     },
                     NULL, e);
}

/* The comparison that keeps the bot from speaking over a person: made under the conversation's lock. */
static enum status check_draft(const struct outbox_put *put, const struct conversation *c,
                               struct err *e) {
    if (put->must_match &&
        (!str_eq(c->owner, STR("bot")) || c->owner_version != put->owner_version)) {
        err_set(e, ST_CONFLICT, __FILE__, __LINE__, "the conversation's owner changed");
        e->cause = "owner-changed";
        return ST_CONFLICT;
    }
    if (put->must_match && c->inbound_count > put->inbound_count) {
        err_set(e, ST_CONFLICT, __FILE__, __LINE__, "the person wrote again");
        e->cause = "newer-message";
        return ST_CONFLICT;
    }
    return ST_OK;
}

static enum status check_open(const struct outbox_put *put, const struct conversation *c,
                              int64_t now_ms, struct err *e) {
    bool is_closed = str_eq(c->state, STR("agent_closed")) || str_eq(c->state, STR("expired"));

    if (is_closed && !str_eq(put->owner, STR("system"))) { /* the house says that it is closed */
        err_set(e, ST_CONFLICT, __FILE__, __LINE__, "the conversation is closed");
        e->cause = "conversation-closed";
        return ST_CONFLICT;
    }
    if (!str_eq(put->type, STR("template")) && c->window_until_ms < now_ms) {
        err_set(
            e, ST_CONFLICT, __FILE__, __LINE__,
            "the 24-hour window is closed: only a template may be sent until the person writes");
        e->cause = "window-closed";
        return ST_CONFLICT;
    }
    return ST_OK;
}

static struct str text_of(const struct json *content) {
    static const char *const keys[] = {"text", "caption", "emoji", "name"};

    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (json_str(json_get(content, keys[i])).len > 0)
            return json_str(json_get(content, keys[i]));
    return STR_EMPTY;
}

/* True and *ret filled when this client id was used before. */
static enum status find_repeat(struct arena *a, struct tx *tx, const struct outbox_put *put,
                               struct message *ret, bool *ret_found, struct err *e) {
    struct err miss = ERR_INIT;

    *ret_found = false;
    if (put->client_id.len == 0)
        return ST_OK;

    enum status st =
        message_find_client(a, tx, put->tenant, put->conversation, put->client_id, ret, &miss);

    if (st == ST_NOT_FOUND)
        return ST_OK;
    if (st != ST_OK)
        *e = miss;
    *ret_found = st == ST_OK;
    return st;
}

enum status outbox_queue(struct arena *a, struct tx *tx, const struct outbox_put *put,
                         int64_t now_ms, struct message *ret, struct err *e) {
    struct conversation c;
    const struct json *content;
    struct attachment file;
    bool is_repeat;

    TRY(json_parse(a, put->content, JSON_LIMITS_DEFAULT, &content, e));
    TRY(conversation_lock(a, tx, put->tenant, put->conversation, &c, e));
    TRY(find_repeat(a, tx, put, ret, &is_repeat, e));
    if (is_repeat)
        return ST_OK;
    TRY(check_draft(put, &c, e));
    TRY(check_open(put, &c, now_ms, e));
    TRY(attach_check(a, tx, put->tenant, put->type, content, &file, e));

    struct message m = {
        .tenant = put->tenant,
        .conversation = c.id,
        .account = c.account,
        .direction = STR("out"),
        .owner = put->owner,
        .owner_user = put->user,
        .owner_version = c.owner_version,
        .type = put->type,
        .content = put->content,
        .text = put->text.len > 0 ? put->text : text_of(content),
        .reply_to = put->reply_to,
        .client_id = put->client_id,
        .turn = put->turn,
        .status = STR("queued"),
    };

    TRY(message_insert(a, tx, &m, now_ms, e));
    if (file.is_there) {
        TRY(media_attach(a, tx, &file.media, m.id, now_ms, e));
        m.media = media_json(a, &file.media);
    }
    TRY(conversation_touch(tx, c.tenant, c.id, m.text, now_ms, e));
    if (str_eq(put->owner, STR("person"))) { /* a person's reply answers what was written so far */
        TRY(conversation_answered(tx, &c, now_ms, e));
        TRY(conversation_read(a, tx,
                              (struct seen_by){.tenant = c.tenant,
                                               .conversation = c.id,
                                               .user = put->user,
                                               .count = c.inbound_count,
                                               .now_ms = now_ms},
                              e));
    }
    TRY(put_send(a, tx, &m, e));
    *ret = m;
    return ST_OK;
}

enum status outbox_mark_read(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             struct conversation_id id, bool typing, struct err *e) {
    struct str text = uuid_format(a, id.v);

    return queue_put(tx,
                     (struct job_put){
                         .tenant = tenant,
                         .kind = OUTBOX_READ_JOB,
                         .key = text,
                         .coalesce = QUEUE_KEEP,
                         .priority = QUEUE_NORMAL,
                         .payload = arena_printf(a, "{\"conversation\":\"%.*s\",\"typing\":%s}",
                                                 STR_ARG(text), typing ? "true" : "false"),
                     },
                     NULL, e);
}

static enum status resend(struct arena *a, struct tx *tx, struct message *m, int64_t now_ms,
                          struct err *e) {
    struct conversation c;

    TRY(conversation_lock(a, tx, m->tenant, m->conversation, &c, e));
    m->owner_version = c.owner_version; /* a person wants it said now, whoever owned it then */
    TRY(message_requeue(a, tx, m, now_ms, e));
    return put_send(a, tx, m, e);
}

enum status outbox_settle(struct arena *a, struct tx *tx, struct tenant_id tenant,
                          struct message_id id, enum settle how, struct str actor, struct err *e) {
    int64_t now_ms = clock_now_ms();
    struct message m;
    bool moved;

    TRY(message_get(a, tx, tenant, id, &m, e));

    bool is_uncertain = str_eq(m.status, STR("uncertain"));
    bool is_failed = str_eq(m.status, STR("failed"));

    if (!is_uncertain && !(is_failed && how == SETTLE_RESEND))
        FAIL_AS(e, ST_CONFLICT, "nothing-to-settle",
                "the message is %.*s: there is nothing to settle", STR_ARG(m.status));
    if (how == SETTLE_RESEND)
        return resend(a, tx, &m, now_ms, e);
    return message_change_status(
        a, tx, &m,
        (struct message_change){
            .status = how == SETTLE_SENT ? STR("sent") : STR("failed"),
            .error_cause = how == SETTLE_SENT ? STR_EMPTY : STR("settled-not-sent"),
            .error_reason = how == SETTLE_SENT ? STR_EMPTY : STR("marked as not sent by a person"),
            .detail = arena_printf(a, "{\"settled_by\":\"%.*s\"}", STR_ARG(actor)),
        },
        now_ms, &moved, e);
}

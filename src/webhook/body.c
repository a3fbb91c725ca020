/* body.c - what a receiver reads. The members are documented in docs/webhooks.md and only ever gain others.
 * SPDX-License-Identifier: Apache-2.0 */
#include "webhook/store.h"

enum { BODY_MAX = 1 << 20, SHORT_BODY_MAX = 64 << 10 };

static void put_conversation(struct json_out *o, const struct conversation *c) {
    json_obj(o, "conversation");
    json_put_id(o, "id", c->id.v);
    json_put_str(o, "state", c->state);
    json_put_str(o, "owner", c->owner);
    json_put_id(o, "owner_user", c->owner_user.v);
    json_put_i64(o, "owner_version", c->owner_version);
    json_put_id(o, "provider_id", c->account.v);
    json_obj(o, "lead");
    json_put_id(o, "id", c->lead.v);
    json_put_str_or_null(o, "name", c->lead_name);
    json_put_str_or_null(o, "phone", c->lead_phone);
    json_put_str_or_null(o, "user_id", c->lead_user_id);
    json_end(o);
    json_put_str_or_null(o, "handoff_reason", c->handoff_reason);
    json_put_time(o, "window_until", c->window_until_ms);
    json_put_time(o, "created_at", c->created_at_ms);
    json_end(o);
}

static void put_message(struct json_out *o, const struct message *m) {
    json_obj(o, "message");
    json_put_id(o, "id", m->id.v);
    json_put_str(o, "direction", m->direction);
    json_put_str(o, "owner", m->owner);
    json_put_id(o, "owner_user", m->owner_user.v);
    json_put_str(o, "type", m->type);
    json_put_str(o, "text", m->text);
    json_put_raw(o, "content", m->content);
    json_put_str(o, "status", m->status);
    if (m->error_code == 0 && m->error_reason.len == 0) {
        json_put_null(o, "error");
    } else {
        json_obj(o, "error");
        json_put_i64(o, "code", m->error_code);
        json_put_str(o, "reason", m->error_reason);
        json_put_str(o, "cause", m->error_cause);
        json_end(o);
    }
    json_put_str_or_null(o, "sender", m->sender);
    json_put_str_or_null(o, "provider_message_id", m->provider_id);
    json_put_str_or_null(o, "client_id", m->client_id);
    json_put_str_or_null(o, "reply_to", m->reply_to);
    json_put_time(o, "created_at", m->created_at_ms);
    json_put_time(o, "updated_at", m->updated_at_ms);
    json_end(o);
}

static void write_body(struct buf *b, const struct event *ev, const struct conversation *c,
                       const struct message *m) {
    struct json_out o;

    json_out_init(&o, b);
    json_obj(&o, NULL);
    json_put_id(&o, "id", ev->id);
    json_put_str(&o, "type", ev->kind);
    json_put_time(&o, "timestamp", ev->at_ms);
    json_obj(&o, "data");
    json_put_str(&o, "cursor", ev->cursor);
    json_put_raw(&o, "detail", ev->data);
    json_put_id(&o, "conversation_id", ev->conversation.v);
    json_put_id(&o, "message_id", ev->message.v);
    if (c)
        put_conversation(&o, c);
    else
        json_put_null(&o, "conversation");
    if (m)
        put_message(&o, m);
    else
        json_put_null(&o, "message");
    json_end(&o);
    json_end(&o);
}

/* Gone is not a failure: the event tells the ids. */
static enum status found(enum status st, bool *ret_found, struct err *e) {
    *ret_found = st == ST_OK;
    if (st != ST_NOT_FOUND)
        return st;
    err_clear(e);
    return ST_OK;
}

enum status body_of_event(struct arena *a, struct tx *tx, const struct event *ev, struct str *ret,
                          struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = BODY_MAX};
    struct conversation c;
    struct message m;
    bool has_c = false, has_m = false;

    if (!uuid_is_nil(ev->conversation.v))
        TRY(found(conversation_get(a, tx, ev->tenant, ev->conversation, &c, e), &has_c, e));
    if (!uuid_is_nil(ev->message.v))
        TRY(found(message_get(a, tx, ev->tenant, ev->message, &m, e), &has_m, e));
    write_body(&b, ev, has_c ? &c : NULL, has_m ? &m : NULL);
    if (b.overflown) { /* what is giant is fetched by its id */
        struct event bare = *ev;

        bare.data = STR("{}");
        buf_clear(&b);
        write_body(&b, &bare, has_c ? &c : NULL, NULL);
    }
    *ret = arena_str(a, buf_str(&b));
    return ST_OK;
}

struct str body_of_test(struct arena *a, struct uuid id, const struct webhook *w) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = SHORT_BODY_MAX};
    struct json_out o;

    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_id(&o, "id", id);
    json_put_str(&o, "type", STR("webhook.test"));
    json_put_time(&o, "timestamp", clock_now_ms());
    json_obj(&o, "data");
    json_put_id(&o, "webhook_id", w->id.v);
    json_put_str(&o, "description", w->description);
    json_end(&o);
    json_end(&o);
    return arena_str(a, buf_str(&b));
}

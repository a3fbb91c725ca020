/* api_message.c - messages: reading, writing to the person, settling what is uncertain.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include "base/clock.h"
#include "outbox/outbox.h"

static enum status list_messages(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct message_page page;

    TRY(message_list(x->r->arena, tx, x->tenant, x->conversation, x->page, &page, e));
    api_begin_list(x);
    for (size_t i = 0; i < page.n; i++)
        write_message(&x->o, NULL, &page.items[i]);
    api_end_list(x, page.n > 0 ? page.items[page.n - 1].cursor : STR_EMPTY, page.has_more);
    return ST_OK;
}

static enum status list_messages_of(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct conversation c;

    TRY(conversation_get(x->r->arena, tx, x->tenant, x->conversation, &c,
                         e)); /* 404 before an empty list */
    return list_messages(tx, ctx, e);
}

static enum status one_message(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct message m;

    TRY(message_get(x->r->arena, tx, x->tenant, x->message, &m, e));
    buf_clear(&x->out);
    json_out_init(&x->o, &x->out);
    write_message(&x->o, NULL, &m);
    return ST_OK;
}

/* {"text": "…"} or {"type": "…", "content": {…}} */
static enum status read_outgoing(struct api *x, struct outbox_put *put, struct err *e) {
    const struct json *content = json_get(x->body, "content");

    put->type = json_str(json_get(x->body, "type"));
    if (put->type.len == 0)
        put->type = STR("text");
    if (json_type(content) == JSON_OBJECT) {
        put->content = api_text(x, content);
    } else {
        struct str text = json_str(json_get(x->body, "text"));
        struct buf b;
        struct json_out o;

        if (text.len == 0 || !str_eq(put->type, STR("text")))
            FAIL(e, ST_INVALID, "a text, or a type with its content, is needed");
        buf_init(&b, API_BODY_MAX * 2);
        json_out_init(&o, &b);
        json_obj(&o, NULL);
        json_put_str(&o, "text", text);
        json_end(&o);
        put->content = arena_str(x->r->arena, buf_str(&b));
        buf_done(&b);
    }
    put->reply_to = json_str(json_get(x->body, "reply_to"));
    put->client_id = json_str(json_get(x->body, "client_id"));
    if (put->client_id.len == 0)
        put->client_id = req_header(x->r, "Idempotency-Key");
    if (put->client_id.len > 200)
        FAIL(e, ST_INVALID, "client_id: at most 200 characters");
    return ST_OK;
}

static enum status post_message(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct outbox_put put = {.tenant = x->tenant,
                             .conversation = x->conversation,
                             .owner = STR("person"),
                             .user = x->r->principal.user};
    struct message m;

    if (uuid_is_nil(put.user.v))
        put.user.v = x->r->principal.key;
    TRY(read_outgoing(x, &put, e));
    /* Whoever writes owns it: the bot is silent from the same commit on. */
    x->problem = STR_EMPTY;

    enum status st =
        conversation_take(x->r->arena, tx, x->tenant, x->conversation, put.user, clock_now_ms(), e);

    if (st != ST_OK)
        return api_tell_owner(tx, x, st, e);
    TRY(outbox_queue(x->r->arena, tx, &put, clock_now_ms(), &m, e));
    x->message = m.id;
    return one_message(tx, ctx, e);
}

/* To send again is to speak: not into a colleague's conversation. */
static enum status expect_may_speak(struct tx *tx, struct api *x, struct err *e) {
    struct message m;

    TRY(message_get(x->r->arena, tx, x->tenant, x->message, &m, e));
    x->conversation = m.conversation;
    return api_expect_mine(tx, x, e);
}

static enum status settle_message(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct str how = json_str(json_get(x->body, "how"));
    enum settle settle;

    x->problem = STR_EMPTY;

    if (str_eq(how, STR("sent")))
        settle = SETTLE_SENT;
    else if (str_eq(how, STR("failed")))
        settle = SETTLE_FAILED;
    else if (str_eq(how, STR("resend")))
        settle = SETTLE_RESEND;
    else
        FAIL(e, ST_INVALID, "how: \"sent\", \"failed\" or \"resend\" is needed");
    if (settle == SETTLE_RESEND) {
        enum status st = expect_may_speak(tx, x, e);

        if (st != ST_OK)
            return api_tell_owner(tx, x, st, e);
    }
    TRY(outbox_settle(x->r->arena, tx, x->tenant, x->message, settle, api_actor(x), e));
    TRY(api_audit(tx, x, "message.settle", uuid_format(x->r->arena, x->message.v), e));
    return one_message(tx, ctx, e);
}

API_HANDLER(conversation_messages_get, API_READS, list_messages_of)
API_HANDLER(conversation_messages_post, API_QUEUES, post_message)
API_HANDLER(messages_get, API_READS, list_messages)
API_HANDLER(message_get_one, API_READS, one_message)
API_HANDLER(message_settle_post, API_WRITES, settle_message)

const struct route api_message_routes[] = {
    {HTTP_GET, API "/conversations/{id}/messages", conversation_messages_get, AGENT,
     .scope = "messages:read", .summary = "Messages of one conversation"},
    {HTTP_POST, API "/conversations/{id}/messages", conversation_messages_post, AGENT,
     .scope = "messages:write", .max_body = API_BODY_MAX,
     .summary = "Write to the person; takes the conversation over"},
    {HTTP_GET, API "/messages", messages_get, AGENT, .scope = "messages:read",
     .summary = "All messages of the tenant in order of arrival"},
    {HTTP_GET, API "/messages/{id}", message_get_one, AGENT, .scope = "messages:read",
     .summary = "One message"},
    {HTTP_POST, API "/messages/{id}/settle", message_settle_post, AGENT, .scope = "messages:write",
     .max_body = API_BODY_MAX,
     .summary = "Decide about an uncertain message, or send a failed one again"},
};
const size_t api_message_n_routes = ARRAY_LEN(api_message_routes);

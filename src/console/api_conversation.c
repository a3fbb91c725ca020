/* api_conversation.c - conversations: list, one, and who owns it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include "base/clock.h"
#include "bot/bot.h"

static enum status list_conversations(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct conversation_page page;

    TRY(conversation_list(x->r->arena, tx, x->tenant, req_query(x->r, "state"), x->page, &page, e));
    api_begin_list(x);
    for (size_t i = 0; i < page.n; i++)
        write_conversation(&x->o, NULL, &page.items[i]);
    api_end_list(x, page.next, page.next.len > 0);
    return ST_OK;
}

static enum status one_conversation(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct conversation c;

    TRY(conversation_get(x->r->arena, tx, x->tenant, x->conversation, &c, e));
    buf_clear(&x->out);
    json_out_init(&x->o, &x->out);
    write_conversation(&x->o, NULL, &c);
    return ST_OK;
}

static enum status take(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct user_id user = x->r->principal.user;

    if (uuid_is_nil(
            user.v)) /* a program acts for nobody in particular: its key stands for the person */
        user.v = x->r->principal.key;
    TRY(conversation_take(x->r->arena, tx, x->tenant, x->conversation, user, clock_now_ms(), e));
    return one_conversation(tx, ctx, e);
}

static enum status release(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct debounce debounce;

    TRY(bot_debounce(tx, x->tenant, &debounce, e));
    TRY(conversation_release(x->r->arena, tx, x->tenant, x->conversation, debounce, clock_now_ms(),
                             e));
    return one_conversation(tx, ctx, e);
}

static enum status request_handoff(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct str reason = json_str(json_get(x->body, "reason"));

    TRY(conversation_request_handoff(x->r->arena, tx, x->tenant, x->conversation,
                                     reason.len > 0 ? reason : STR("requested"), clock_now_ms(),
                                     e));
    return one_conversation(tx, ctx, e);
}

static enum status close_one(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;

    TRY(conversation_close(x->r->arena, tx, x->tenant, x->conversation, clock_now_ms(), e));
    return one_conversation(tx, ctx, e);
}

static enum status list_turns(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct turn_page page;

    TRY(bot_turns(x->r->arena, tx, x->tenant, x->conversation, x->page.limit, &page, e));
    api_begin_list(x);
    for (size_t i = 0; i < page.n; i++)
        write_turn(&x->o, NULL, &page.items[i]);
    api_end_list(x, STR_EMPTY, false);
    return ST_OK;
}

static enum status list_events(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct event_page page;

    TRY(event_list(x->r->arena, tx, x->tenant, x->conversation, x->page, &page, e));
    api_begin_list(x);
    for (size_t i = 0; i < page.n; i++)
        write_event(&x->o, &page.items[i], NULL);
    api_end_list(x, page.n > 0 ? page.items[page.n - 1].cursor : STR_EMPTY, page.has_more);
    return ST_OK;
}

API_HANDLER(conversations_get, API_READS, list_conversations)
API_HANDLER(conversation_get_one, API_READS, one_conversation)
API_HANDLER(conversation_take_post, API_WRITES, take)
API_HANDLER(conversation_release_post, API_WRITES, release)
API_HANDLER(conversation_handoff_post, API_WRITES, request_handoff)
API_HANDLER(conversation_close_post, API_WRITES, close_one)
API_HANDLER(conversation_turns_get, API_READS, list_turns)
API_HANDLER(conversation_events_get, API_READS, list_events)

const struct route api_conversation_routes[] = {
    {HTTP_GET, API "/conversations", conversations_get, AGENT, .scope = "conversations:read",
     .summary = "Conversations, newest activity first"},
    {HTTP_GET, API "/conversations/{id}", conversation_get_one, AGENT,
     .scope = "conversations:read", .summary = "One conversation"},
    {HTTP_POST, API "/conversations/{id}/take", conversation_take_post, AGENT,
     .scope = "conversations:write", .max_body = API_BODY_MAX,
     .summary = "Take the conversation over from the bot or the queue"},
    {HTTP_POST, API "/conversations/{id}/release", conversation_release_post, AGENT,
     .scope = "conversations:write", .max_body = API_BODY_MAX,
     .summary = "Give the conversation back to the bot"},
    {HTTP_POST, API "/conversations/{id}/handoff", conversation_handoff_post, AGENT,
     .scope = "conversations:write", .max_body = API_BODY_MAX, .summary = "Ask for a person"},
    {HTTP_POST, API "/conversations/{id}/close", conversation_close_post, AGENT,
     .scope = "conversations:write", .max_body = API_BODY_MAX, .summary = "Close the conversation"},
    {HTTP_GET, API "/conversations/{id}/turns", conversation_turns_get, AGENT,
     .scope = "conversations:read", .summary = "What the bot saw, decided and spent, newest first"},
    {HTTP_GET, API "/conversations/{id}/events", conversation_events_get, AGENT,
     .scope = "conversations:read", .summary = "Every step of the conversation in order"},
};
const size_t api_conversation_n_routes = ARRAY_LEN(api_conversation_routes);

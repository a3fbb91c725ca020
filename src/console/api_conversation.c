/* api_conversation.c - conversations: list, one, what happened in it. Who has it: api_team.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

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
API_HANDLER(conversation_turns_get, API_READS, list_turns)
API_HANDLER(conversation_events_get, API_READS, list_events)

const struct route api_conversation_routes[] = {
    {HTTP_GET, API "/conversations", conversations_get, AGENT, .scope = "conversations:read",
     .summary = "Conversations, newest activity first"},
    {HTTP_GET, API "/conversations/{id}", conversation_get_one, AGENT,
     .scope = "conversations:read", .summary = "One conversation"},
    {HTTP_GET, API "/conversations/{id}/turns", conversation_turns_get, AGENT,
     .scope = "conversations:read", .summary = "What the bot saw, decided and spent, newest first"},
    {HTTP_GET, API "/conversations/{id}/events", conversation_events_get, AGENT,
     .scope = "conversations:read", .summary = "Every step of the conversation in order"},
};
const size_t api_conversation_n_routes = ARRAY_LEN(api_conversation_routes);

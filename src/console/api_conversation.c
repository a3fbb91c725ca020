/* api_conversation.c - conversations: list, one, what happened in it. Who has it: api_team.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include "base/clock.h"
#include "bot/bot.h"

static enum status read_query(const struct api *x, struct conversation_query *ret, struct err *e) {
    struct str label = req_query(x->r, "label");

    *ret = (struct conversation_query){
        .user = x->r->principal.user,
        .state = req_query(x->r, "state"),
        .is_unread = str_eq(req_query(x->r, "unread"), STR("1")),
        .page = x->page,
    };
    if (uuid_is_nil(ret->user.v)) /* a program's own are those that its key took */
        ret->user.v = x->r->principal.key;
    if (!conversation_queue_parse(req_query(x->r, "queue"), &ret->queue))
        FAIL(e, ST_INVALID, "queue: mine, waiting, bot, people, all or closed");
    if (label.len > 0 && !uuid_parse(label, &ret->label))
        FAIL(e, ST_INVALID, "label: not an id");
    return ST_OK;
}

static enum status list_conversations(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct conversation_query query;
    struct conversation_page page;

    TRY(read_query(x, &query, e));
    TRY(conversation_list(x->r->arena, tx, x->tenant, &query, &page, e));
    api_begin_list(x);
    for (size_t i = 0; i < page.n; i++)
        write_conversation(&x->o, NULL, &page.items[i]);
    api_end_list(x, page.next, page.next.len > 0);
    return ST_OK;
}

static enum status count_conversations(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct conversation_query query;
    struct queue_counts counts;
    struct json_out *o;

    TRY(read_query(x, &query, e));
    TRY(conversation_queue_counts(x->r->arena, tx, x->tenant, query.user, &counts, e));
    o = api_begin(x);
    json_put_i64(o, "mine", counts.mine);
    json_put_i64(o, "waiting", counts.waiting);
    json_put_i64(o, "bot", counts.bot);
    json_put_i64(o, "people", counts.people);
    json_put_i64(o, "all", counts.open);
    json_put_i64(o, "unread", counts.unread);
    json_obj(o, "labels");
    for (size_t i = 0; i < counts.n_labels; i++)
        json_put_i64(o, arena_cstr(x->r->arena, uuid_format(x->r->arena, counts.labels[i].label)),
                     counts.labels[i].n);
    json_end(o);
    json_put_i64(o, "max", CONVERSATION_COUNT_MAX);
    json_end(o);
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

/* {"count"}: how many of the lead's messages were on the screen (inbound_count); absent: all. */
static enum status mark_read(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct user_id user = x->r->principal.user;

    if (uuid_is_nil(user.v))
        user.v = x->r->principal.key;
    TRY(conversation_read(x->r->arena, tx,
                          (struct seen_by){.tenant = x->tenant,
                                           .conversation = x->conversation,
                                           .user = user,
                                           .count = json_i64(json_get(x->body, "count"), -1),
                                           .now_ms = clock_now_ms()},
                          e));
    return one_conversation(tx, ctx, e);
}

static enum status set_labels(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    const struct json *labels = json_get(x->body, "labels");
    struct uuid ids[CONVERSATION_LABELS_MAX];
    size_t n = json_len(labels);

    if (json_type(labels) != JSON_ARRAY || n > CONVERSATION_LABELS_MAX)
        FAIL(e, ST_INVALID, "labels: an array of at most %d ids", CONVERSATION_LABELS_MAX);
    for (size_t i = 0; i < n; i++)
        TRY(api_uuid(json_at(labels, i), "labels", &ids[i], e));
    TRY(api_if_match(tx, x, one_conversation, e));
    TRY(conversation_set_labels(x->r->arena, tx,
                                &(struct label_set){.tenant = x->tenant,
                                                    .conversation = x->conversation,
                                                    .labels = ids,
                                                    .n = n,
                                                    .now_ms = clock_now_ms()},
                                e));
    return one_conversation(tx, ctx, e);
}

/* ST_NOT_FOUND before an empty list. */
static enum status check_conversation(struct tx *tx, struct api *x, struct err *e) {
    struct conversation c;

    return conversation_get(x->r->arena, tx, x->tenant, x->conversation, &c, e);
}

static enum status list_turns(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct turn_page page;

    TRY(check_conversation(tx, x, e));
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

    TRY(check_conversation(tx, x, e));
    TRY(event_list(x->r->arena, tx, x->tenant, x->conversation, x->page, &page, e));
    api_begin_list(x);
    for (size_t i = 0; i < page.n; i++)
        write_event(&x->o, &page.items[i], NULL);
    api_end_list(x, page.n > 0 ? page.items[page.n - 1].cursor : STR_EMPTY, page.has_more);
    return ST_OK;
}

API_HANDLER(conversations_get, API_READS, list_conversations)
API_HANDLER(conversations_counts_get, API_READS, count_conversations)
API_HANDLER(conversation_read_post, API_WRITES, mark_read)
API_HANDLER(conversation_labels_put, API_WRITES, set_labels)
API_HANDLER(conversation_get_one, API_READS, one_conversation)
API_HANDLER(conversation_turns_get, API_READS, list_turns)
API_HANDLER(conversation_events_get, API_READS, list_events)

const struct route api_conversation_routes[] = {
    {HTTP_GET, API "/conversations", conversations_get, AGENT, .scope = "conversations:read",
     .summary = "Conversations, newest activity first"},
    {HTTP_GET, API "/conversations/counts", conversations_counts_get, AGENT,
     .scope = "conversations:read", .summary = "How many are in each queue and under each label"},
    {HTTP_POST, API "/conversations/{id}/read", conversation_read_post, AGENT,
     .scope = "conversations:write", .max_body = API_BODY_MAX,
     .summary = "A person has seen what came in"},
    {HTTP_PUT, API "/conversations/{id}/labels", conversation_labels_put, AGENT,
     .scope = "conversations:write", .max_body = API_BODY_MAX,
     .summary = "The conversation's labels from now on"},
    {HTTP_GET, API "/conversations/{id}", conversation_get_one, AGENT,
     .scope = "conversations:read", .summary = "One conversation"},
    {HTTP_GET, API "/conversations/{id}/turns", conversation_turns_get, AGENT,
     .scope = "conversations:read", .summary = "What the bot saw, decided and spent, newest first"},
    {HTTP_GET, API "/conversations/{id}/events", conversation_events_get, AGENT,
     .scope = "conversations:read", .summary = "Every step of the conversation in order"},
};
const size_t api_conversation_n_routes = ARRAY_LEN(api_conversation_routes);

/* api.c - /api/v1: conversations, messages, inbox, jobs, bot.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/console.h"

#include "base/clock.h"
#include "bot/bot.h"
#include "console/write.h"
#include "conversation/conversation.h"
#include "intake/intake.h"
#include "outbox/outbox.h"
#include "queue/queue.h"
#include "stats/stats.h"
#include "tenant/tenant.h"

enum {
    PAGE_DEFAULT = 50,
    PAGE_MAX = 500,
    ANSWER_MAX = 16 << 20,
    BODY_MAX = 256 << 10,
};

struct api { /* one request being answered */
    struct app *app;
    struct req *r;
    struct tenant_id tenant;
    struct page_query page;
    struct conversation_id conversation;
    struct message_id message;
    const struct json *body;
    struct buf out;
    struct json_out o;
};

enum access {
    READS,
    WRITES,
    QUEUES, /* writes, and what was asked for happens later: 202 */
    /* Also touches what belongs to no tenant (the drain job); its statements name the tenant. */
    WRITES_SYSTEM,
};

typedef enum status (*api_fn)(struct tx *tx, void *api, struct err *e);

/* --- frame -------------------------------------------------------------------------------------------------------------- */

static enum status read_page(struct api *x, struct err *e) {
    struct str limit = req_query(x->r, "limit");
    int64_t n = PAGE_DEFAULT;

    if (limit.len > 0 && !str_parse_i64(limit, 1, PAGE_MAX, &n))
        FAIL(e, ST_INVALID, "limit: a number from 1 to %d", PAGE_MAX);
    x->page = (struct page_query){
        .limit = (size_t)n,
        .cursor =
            req_has_query(x->r, "after") ? req_query(x->r, "after") : req_query(x->r, "cursor"),
        .is_backward = str_eq(req_query(x->r, "order"), STR("desc")),
    };
    return ST_OK;
}

static enum status read_ids(struct api *x, struct err *e) {
    struct str id = req_param(x->r, "id");
    struct uuid parsed;

    if (id.len == 0)
        return ST_OK;
    if (!uuid_parse(id, &parsed))
        FAIL(e, ST_NOT_FOUND, "no such object: the id is not a UUID");
    x->conversation.v = parsed;
    x->message.v = parsed;
    return ST_OK;
}

static enum status read_body(struct api *x, struct err *e) {
    struct json_limits limits = JSON_LIMITS_DEFAULT;

    if (x->r->body.len == 0)
        return ST_OK;
    limits.max_bytes = BODY_MAX;
    TRY(json_parse(x->r->arena, x->r->body, limits, &x->body, e));
    if (json_type(x->body) != JSON_OBJECT)
        FAIL(e, ST_INVALID, "the body must be a JSON object");
    return ST_OK;
}

/* Reads the request's common parts, runs fn in a transaction and sends what it wrote. fn may run twice: it starts the
 * answer anew. */
static enum status answer(struct app *app, struct req *r, enum access access, api_fn fn,
                          struct resp *ret, struct err *e) {
    struct api x = {.app = app, .r = r, .tenant = r->principal.tenant};
    struct db_scope scope = access == WRITES_SYSTEM ? DB_SYSTEM : DB_TENANT(x.tenant);
    enum status st;

    TRY(read_page(&x, e));
    TRY(read_ids(&x, e));
    TRY(read_body(&x, e));
    buf_init(&x.out, ANSWER_MAX);
    st = access == READS ? db_read(app_db(app), scope, fn, &x, e)
                         : db_write(app_db(app), scope, fn, &x, e);
    if (st == ST_OK)
        resp_json(r, ret, access == QUEUES ? 202 : 200, &x.out);
    buf_done(&x.out);
    return st;
}

static struct json_out *begin(struct api *x) {
    buf_clear(&x->out);
    json_out_init(&x->o, &x->out);
    json_obj(&x->o, NULL);
    return &x->o;
}

static void begin_list(struct api *x) {
    json_arr(begin(x), "data");
}

/* next is where to go on, also at the end of what there is now: a reader that follows along asks again with it. */
static void end_list(struct api *x, struct str last, bool has_more) {
    struct str next = last.len > 0 ? last : x->page.cursor;

    json_end(&x->o);
    if (next.len > 0)
        json_put_str(&x->o, "next", next);
    else
        json_put_null(&x->o, "next");
    json_put_bool(&x->o, "has_more", has_more);
    json_end(&x->o);
}

static struct str actor_of(const struct api *x) {
    struct uuid id =
        uuid_is_nil(x->r->principal.user.v) ? x->r->principal.key : x->r->principal.user.v;
    struct str text = uuid_format(x->r->arena, id);

    return arena_printf(x->r->arena, "%s:%.*s",
                        uuid_is_nil(x->r->principal.user.v) ? "key" : "user", STR_ARG(text));
}

static enum status audit(struct tx *tx, const struct api *x, const char *action, struct str object,
                         struct err *e) {
    return audit_add(tx,
                     (struct audit){.tenant = x->tenant,
                                    .actor = actor_of(x),
                                    .action = action,
                                    .object = object,
                                    .detail = STR("{}")},
                     e);
}

/* --- conversations ------------------------------------------------------------------------------------------------------ */

static enum status list_conversations(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct conversation_page page;

    TRY(conversation_list(x->r->arena, tx, x->tenant, req_query(x->r, "state"), x->page, &page, e));
    begin_list(x);
    for (size_t i = 0; i < page.n; i++)
        write_conversation(&x->o, NULL, &page.items[i]);
    end_list(x, page.next, page.next.len > 0);
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
    begin_list(x);
    for (size_t i = 0; i < page.n; i++)
        write_turn(&x->o, &page.items[i]);
    end_list(x, STR_EMPTY, false);
    return ST_OK;
}

static enum status list_events(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct event_page page;

    TRY(event_list(x->r->arena, tx, x->tenant, x->conversation, x->page, &page, e));
    begin_list(x);
    for (size_t i = 0; i < page.n; i++)
        write_event(&x->o, &page.items[i], NULL);
    end_list(x, page.n > 0 ? page.items[page.n - 1].cursor : STR_EMPTY, page.has_more);
    return ST_OK;
}

/* --- messages ----------------------------------------------------------------------------------------------------------- */

static enum status list_messages(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct message_page page;

    TRY(message_list(x->r->arena, tx, x->tenant, x->conversation, x->page, &page, e));
    begin_list(x);
    for (size_t i = 0; i < page.n; i++)
        write_message(&x->o, NULL, &page.items[i]);
    end_list(x, page.n > 0 ? page.items[page.n - 1].cursor : STR_EMPTY, page.has_more);
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

static struct str as_text(struct api *x, const struct json *v) {
    struct buf b;
    struct str text;

    buf_init(&b, BODY_MAX * 2);
    json_write(&b, v);
    text = arena_str(x->r->arena, buf_str(&b));
    buf_done(&b);
    return text;
}

/* {"text": "…"} or {"type": "…", "content": {…}} */
static enum status read_outgoing(struct api *x, struct outbox_put *put, struct err *e) {
    const struct json *content = json_get(x->body, "content");

    put->type = json_str(json_get(x->body, "type"));
    if (put->type.len == 0)
        put->type = STR("text");
    if (json_type(content) == JSON_OBJECT) {
        put->content = as_text(x, content);
    } else {
        struct str text = json_str(json_get(x->body, "text"));
        struct buf b;
        struct json_out o;

        if (text.len == 0 || !str_eq(put->type, STR("text")))
            FAIL(e, ST_INVALID, "a text, or a type with its content, is needed");
        buf_init(&b, BODY_MAX * 2);
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
    TRY(conversation_take(x->r->arena, tx, x->tenant, x->conversation, put.user, clock_now_ms(),
                          e));
    TRY(outbox_queue(x->r->arena, tx, &put, clock_now_ms(), &m, e));
    x->message = m.id;
    return one_message(tx, ctx, e);
}

static enum status settle_message(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct str how = json_str(json_get(x->body, "how"));
    enum settle settle;

    if (str_eq(how, STR("sent")))
        settle = SETTLE_SENT;
    else if (str_eq(how, STR("failed")))
        settle = SETTLE_FAILED;
    else if (str_eq(how, STR("resend")))
        settle = SETTLE_RESEND;
    else
        FAIL(e, ST_INVALID, "how: \"sent\", \"failed\" or \"resend\" is needed");
    TRY(outbox_settle(x->r->arena, tx, x->tenant, x->message, settle, actor_of(x), e));
    TRY(audit(tx, x, "message.settle", uuid_format(x->r->arena, x->message.v), e));
    return one_message(tx, ctx, e);
}

/* --- inbox and jobs ----------------------------------------------------------------------------------------------------- */

static enum status list_inbox(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    const struct inbox_query query = {.tenant = x->tenant,
                                      .state = req_query(x->r, "state"),
                                      .cursor = x->page.cursor,
                                      .limit = x->page.limit};
    struct inbox_page page;

    TRY(inbox_list(x->r->arena, tx, &query, &page, e));
    begin_list(x);
    for (size_t i = 0; i < page.n; i++)
        write_inbox(&x->o, &page.items[i]);
    end_list(x, page.next, page.next.len > 0);
    return ST_OK;
}

static enum status one_inbox(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct inbox_row row;

    TRY(inbox_get(x->r->arena, tx, x->tenant, (struct inbox_id){x->message.v}, &row, e));
    buf_clear(&x->out);
    json_out_init(&x->o, &x->out);
    write_inbox(&x->o, &row);
    return ST_OK;
}

static enum status count_answer(struct api *x, int64_t n) {
    json_put_i64(begin(x), "count", n);
    json_end(&x->o);
    return ST_OK;
}

static enum status replay_inbox(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    int64_t n;

    TRY(inbox_replay(tx, x->tenant, (struct inbox_id){x->message.v}, STR_EMPTY, &n, e));
    TRY(tx_set_scope(tx, DB_TENANT(x->tenant), e));
    if (n == 0)
        FAIL(e, ST_NOT_FOUND, "no such call in the inbox, or it waits already");
    TRY(audit(tx, x, "inbox.replay", uuid_format(x->r->arena, x->message.v), e));
    return count_answer(x, n);
}

static bool job_state(struct str s, enum job_state *ret) {
    static const char *const states[] = {"ready", "running", "parked", "dead"};

    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        if (str_eq(s, str_of(states[i]))) {
            *ret = (enum job_state)i;
            return true;
        }
    return false;
}

static enum status list_jobs(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct job_query q = {.tenant = x->tenant, .limit = x->page.limit};
    struct str state = req_query(x->r, "state");
    struct job_row *list;
    size_t n;

    q.has_state = state.len > 0;
    if (q.has_state && !job_state(state, &q.state))
        FAIL(e, ST_INVALID, "state: ready, running, parked or dead");
    if (x->page.cursor.len > 0 && !uuid_parse(x->page.cursor, &q.after.v))
        FAIL(e, ST_INVALID, "the cursor is not one that this server gave");
    TRY(queue_list(x->r->arena, tx, q, &list, &n, e));
    begin_list(x);
    for (size_t i = 0; i < n; i++)
        write_job(&x->o, &list[i]);
    end_list(x, n > 0 ? uuid_format(x->r->arena, list[n - 1].id.v) : STR_EMPTY, n == x->page.limit);
    return ST_OK;
}

static enum status list_job_groups(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct job_group *list;
    size_t n;

    TRY(queue_groups(x->r->arena, tx, x->tenant, &list, &n, e));
    begin_list(x);
    for (size_t i = 0; i < n; i++) {
        json_obj(&x->o, NULL);
        json_put_str(&x->o, "kind", list[i].kind);
        json_put_str(&x->o, "cause", list[i].cause);
        json_put_str(&x->o, "reason", list[i].sample_reason);
        json_put_str(&x->o, "state", list[i].state == JOB_DEAD ? STR("dead") : STR("parked"));
        json_put_i64(&x->o, "count", list[i].n);
        put_time(&x->o, "oldest_at", list[i].oldest_ms);
        json_end(&x->o);
    }
    end_list(x, STR_EMPTY, false);
    return ST_OK;
}

static enum status replay_job(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    int64_t n;

    TRY(queue_replay(tx, x->tenant, (struct job_id){x->message.v}, NULL, NULL, &n, e));
    if (n == 0)
        FAIL(e, ST_NOT_FOUND, "no such job, or it is neither parked nor dead");
    TRY(audit(tx, x, "job.replay", uuid_format(x->r->arena, x->message.v), e));
    return count_answer(x, n);
}

static enum status discard_job(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;

    TRY(queue_discard(tx, x->tenant, (struct job_id){x->message.v}, e));
    TRY(audit(tx, x, "job.discard", uuid_format(x->r->arena, x->message.v), e));
    return count_answer(x, 1);
}

/* --- bot ---------------------------------------------------------------------------------------------------------------- */

static enum status get_bot(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct bot bot;
    struct json_out *o;

    TRY(bot_get(x->r->arena, tx, x->tenant, &bot, e));
    o = begin(x);
    json_put_str(o, "kind", bot.kind);
    if (bot.script.len > 0)
        json_put_raw(o, "script", bot.script);
    if (bot.model.len > 0)
        json_put_raw(o, "model", bot.model);
    json_put_i64(o, "debounce_ms", bot.debounce.wait_ms);
    json_put_i64(o, "debounce_cap_ms", bot.debounce.cap_ms);
    json_put_i64(o, "budget_micros", bot.budget_micros);
    json_put_i64(o, "version", bot.version);
    json_end(o);
    return ST_OK;
}

static enum status put_bot(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct bot bot;

    TRY(bot_get(x->r->arena, tx, x->tenant, &bot, e));
    if (json_get(x->body, "kind"))
        bot.kind = json_str(json_get(x->body, "kind"));
    if (json_get(x->body, "script"))
        bot.script = as_text(x, json_get(x->body, "script"));
    if (json_get(x->body, "model"))
        bot.model = as_text(x, json_get(x->body, "model"));
    bot.debounce.wait_ms = json_i64(json_get(x->body, "debounce_ms"), bot.debounce.wait_ms);
    bot.debounce.cap_ms = json_i64(json_get(x->body, "debounce_cap_ms"), bot.debounce.cap_ms);
    bot.budget_micros = json_i64(json_get(x->body, "budget_micros"), bot.budget_micros);
    TRY(bot_set(x->r->arena, tx, &bot, e));
    TRY(audit(tx, x, "bot.set", STR("bot"), e));
    return get_bot(tx, ctx, e);
}

static enum status get_me(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct tenant tenant;
    struct json_out *o;

    TRY(tenant_get(x->r->arena, tx, x->tenant, &tenant, e));
    o = begin(x);
    json_obj(o, "tenant");
    put_id(o, "id", tenant.id.v);
    json_put_str(o, "slug", tenant.slug);
    json_put_str(o, "name", tenant.name);
    json_put_str(o, "locale", tenant.locale);
    json_put_str(o, "timezone", tenant.timezone);
    json_end(o);
    json_obj(o, "user");
    put_id(o, "id", x->r->principal.user.v);
    json_put_str(o, "role", str_of(role_name(x->r->principal.role)));
    json_end(o);
    json_end(o);
    return ST_OK;
}

/* --- handlers ----------------------------------------------------------------------------------------------------------- */

#define HANDLER(name, access, fn)                                                                  \
    static enum status name(struct app *app, struct req *r, struct resp *ret, struct err *e) {     \
        return answer(app, r, access, fn, ret, e);                                                 \
    }

HANDLER(conversations_get, READS, list_conversations)
HANDLER(conversation_get_one, READS, one_conversation)
HANDLER(conversation_take_post, WRITES, take)
HANDLER(conversation_release_post, WRITES, release)
HANDLER(conversation_handoff_post, WRITES, request_handoff)
HANDLER(conversation_close_post, WRITES, close_one)
HANDLER(conversation_turns_get, READS, list_turns)
HANDLER(conversation_events_get, READS, list_events)
HANDLER(conversation_messages_get, READS, list_messages_of)
HANDLER(conversation_messages_post, QUEUES, post_message)
HANDLER(messages_get, READS, list_messages)
HANDLER(message_get_one, READS, one_message)
HANDLER(message_settle_post, WRITES, settle_message)
HANDLER(inbox_get_list, READS, list_inbox)
HANDLER(inbox_get_one, READS, one_inbox)
HANDLER(inbox_replay_post, WRITES_SYSTEM, replay_inbox)
HANDLER(jobs_get, READS, list_jobs)
HANDLER(job_groups_get, READS, list_job_groups)
HANDLER(job_replay_post, WRITES, replay_job)
HANDLER(job_delete, WRITES, discard_job)
HANDLER(bot_get_handler, READS, get_bot)
HANDLER(bot_put_handler, WRITES, put_bot)
HANDLER(me_get, READS, get_me)

static enum status live_get(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    return live_open(app_live(app), r, ret, e);
}

static enum status metrics_get(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    struct buf b;

    (void)app;
    (void)e;
    buf_init(&b, 4 << 20);
    stats_render(&b);
    resp_text(ret, 200, arena_str(r->arena, buf_str(&b)));
    ret->content_type = STR("text/plain; version=0.0.4; charset=utf-8");
    buf_done(&b);
    return ST_OK;
}

static enum status healthz_get(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    (void)app;
    (void)r;
    (void)e;
    resp_text(ret, 200, STR("ok\n"));
    return ST_OK;
}

static enum status readyz_get(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    (void)r;
    TRY(app_ready(app, e));
    resp_text(ret, 200, STR("ready\n"));
    return ST_OK;
}

#define API        "/api/v1"
#define AGENT      .auth = AUTH_MEMBER, .min_role = ROLE_AGENT
#define ADMIN      .auth = AUTH_MEMBER, .min_role = ROLE_ADMIN
#define SUPERVISOR .auth = AUTH_MEMBER, .min_role = ROLE_SUPERVISOR

const struct route console_routes[] = {
    {HTTP_GET, API "/me", me_get, AGENT, .scope = "me:read", .summary = "Who is calling"},
    {HTTP_GET, API "/conversations", conversations_get, AGENT, .scope = "conversations:read",
     .summary = "Conversations, newest activity first"},
    {HTTP_GET, API "/conversations/{id}", conversation_get_one, AGENT,
     .scope = "conversations:read", .summary = "One conversation"},
    {HTTP_POST, API "/conversations/{id}/take", conversation_take_post, AGENT,
     .scope = "conversations:write", .max_body = BODY_MAX,
     .summary = "Take the conversation over from the bot or the queue"},
    {HTTP_POST, API "/conversations/{id}/release", conversation_release_post, AGENT,
     .scope = "conversations:write", .max_body = BODY_MAX,
     .summary = "Give the conversation back to the bot"},
    {HTTP_POST, API "/conversations/{id}/handoff", conversation_handoff_post, AGENT,
     .scope = "conversations:write", .max_body = BODY_MAX, .summary = "Ask for a person"},
    {HTTP_POST, API "/conversations/{id}/close", conversation_close_post, AGENT,
     .scope = "conversations:write", .max_body = BODY_MAX, .summary = "Close the conversation"},
    {HTTP_GET, API "/conversations/{id}/turns", conversation_turns_get, AGENT,
     .scope = "conversations:read", .summary = "What the bot saw, decided and spent, newest first"},
    {HTTP_GET, API "/conversations/{id}/events", conversation_events_get, AGENT,
     .scope = "conversations:read", .summary = "Every step of the conversation in order"},
    {HTTP_GET, API "/conversations/{id}/messages", conversation_messages_get, AGENT,
     .scope = "messages:read", .summary = "Messages of one conversation"},
    {HTTP_POST, API "/conversations/{id}/messages", conversation_messages_post, AGENT,
     .scope = "messages:write", .max_body = BODY_MAX,
     .summary = "Write to the person; takes the conversation over"},
    {HTTP_GET, API "/messages", messages_get, AGENT, .scope = "messages:read",
     .summary = "All messages of the tenant in order of arrival"},
    {HTTP_GET, API "/messages/{id}", message_get_one, AGENT, .scope = "messages:read",
     .summary = "One message"},
    {HTTP_POST, API "/messages/{id}/settle", message_settle_post, AGENT, .scope = "messages:write",
     .max_body = BODY_MAX,
     .summary = "Decide about an uncertain message, or send a failed one again"},
    {HTTP_GET, API "/inbox", inbox_get_list, SUPERVISOR, .scope = "inbox:read",
     .summary = "Raw calls by state, newest first"},
    {HTTP_GET, API "/inbox/{id}", inbox_get_one, SUPERVISOR, .scope = "inbox:read",
     .summary = "One raw call with its body"},
    {HTTP_POST, API "/inbox/{id}/replay", inbox_replay_post, SUPERVISOR, .scope = "inbox:write",
     .max_body = BODY_MAX, .summary = "Process a raw call again"},
    {HTTP_GET, API "/jobs", jobs_get, SUPERVISOR, .scope = "jobs:read",
     .summary = "Jobs by state, newest first"},
    {HTTP_GET, API "/jobs/groups", job_groups_get, SUPERVISOR, .scope = "jobs:read",
     .summary = "Parked and dead jobs grouped by cause"},
    {HTTP_POST, API "/jobs/{id}/replay", job_replay_post, SUPERVISOR, .scope = "jobs:write",
     .max_body = BODY_MAX, .summary = "Run a parked or dead job again"},
    {HTTP_DELETE, API "/jobs/{id}", job_delete, SUPERVISOR, .scope = "jobs:write",
     .summary = "Discard a parked or dead job"},
    {HTTP_GET, API "/bot", bot_get_handler, AGENT, .scope = "bot:read",
     .summary = "The tenant's bot"},
    {HTTP_PUT, API "/bot", bot_put_handler, ADMIN, .scope = "bot:write", .max_body = 512 << 10,
     .summary = "Change the tenant's bot"},
    {HTTP_GET, "/live", live_get, AGENT, .scope = "conversations:read", .flags = ROUTE_UPGRADE,
     .summary = "Live events over WebSocket, resumed by cursor"},
    {HTTP_GET, "/metrics", metrics_get, AUTH_OPERATOR, .flags = ROUTE_QUIET,
     .summary = "Prometheus metrics"},
    {HTTP_GET, "/healthz", healthz_get, AUTH_NONE, .flags = ROUTE_QUIET | ROUTE_INLINE,
     .summary = "The process lives"},
    {HTTP_GET, "/readyz", readyz_get, AUTH_NONE, .flags = ROUTE_QUIET,
     .summary = "The node can do its work"},
};
const size_t console_n_routes = ARRAY_LEN(console_routes);

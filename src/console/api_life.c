/* api_life.c - one message's life on one page: the raw calls that told of it, the bot's turn, its send job, every step.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

enum { NEIGHBOURS = 50 };

/* A raw call shows what people wrote and what stands beside it: for those who may look at the inbox. */
static bool may_see_calls(const struct req *r) {
    if (uuid_is_nil(r->principal.user.v))
        return scope_permits(r->principal.scopes, STR("inbox:read"));
    return r->principal.role >= ROLE_SUPERVISOR;
}

static enum status write_call(struct tx *tx, struct api *x, const struct message_call *call,
                              bool *ret_written, struct err *e) {
    struct inbox_row row;
    struct err miss = ERR_INIT;
    enum status st = inbox_get(x->r->arena, tx, x->tenant, call->call, &row, &miss);

    *ret_written = st == ST_OK;
    if (st == ST_NOT_FOUND) /* forgotten by now, or it brought more than this tenant's */
        return ST_OK;
    if (st != ST_OK) {
        *e = miss;
        return st;
    }
    if (!may_see_calls(x->r))
        row.body = STR_EMPTY;
    json_obj(&x->o, NULL);
    json_put_str(&x->o, "what", call->what);
    json_put_time(&x->o, "applied_at", call->at_ms);
    write_inbox_members(&x->o, &row);
    json_end(&x->o);
    return ST_OK;
}

static enum status write_calls(struct tx *tx, struct api *x, const struct message *m,
                               struct err *e) {
    struct message_call *calls;
    size_t n;
    bool is_written;

    TRY(message_calls(x->r->arena, tx, m, &calls, &n, e));
    json_arr(&x->o, "calls");
    for (size_t i = 0; i < n; i++)
        if (!uuid_is_nil(calls[i].call.v))
            TRY(write_call(tx, x, &calls[i], &is_written, e));
    json_end(&x->o);
    return ST_OK;
}

/* The turn that said it, or the one that answered it. */
static enum status find_turn(struct tx *tx, struct api *x, const struct message *m,
                             struct turn *ret, struct err *e) {
    bool is_in = str_eq(m->direction, STR("in"));

    if (!uuid_is_nil(m->turn))
        return bot_turn_get(x->r->arena, tx, x->tenant, m->turn, ret, e);
    if (!is_in)
        FAIL(e, ST_NOT_FOUND, "no turn of the bot said it");
    return bot_turn_after(x->r->arena, tx, x->tenant, m->conversation, m->created_at_ms, ret, e);
}

/* What was said around it that the same turn read or said. */
static enum status write_related(struct tx *tx, struct api *x, const struct message *m,
                                 const struct turn *t, struct err *e) {
    bool is_in = str_eq(m->direction, STR("in"));
    struct message_page page;

    TRY(message_list(
        x->r->arena, tx, x->tenant, m->conversation,
        (struct page_query){.cursor = m->cursor, .limit = NEIGHBOURS, .is_backward = !is_in}, &page,
        e));
    json_arr(&x->o, "related");
    for (size_t i = 0; i < page.n; i++) {
        const struct message *o = &page.items[i];

        if (uuid_eq(o->turn, t->id) || (!is_in && str_eq(o->direction, STR("in"))))
            write_message(&x->o, NULL, o);
        else if (!is_in)
            break; /* an answer to what was said before */
    }
    json_end(&x->o);
    return ST_OK;
}

static enum status write_turn_of(struct tx *tx, struct api *x, const struct message *m,
                                 struct err *e) {
    struct turn turn;
    struct err miss = ERR_INIT;
    enum status st = find_turn(tx, x, m, &turn, &miss);

    if (st == ST_NOT_FOUND) {
        json_put_null(&x->o, "turn");
        json_arr(&x->o, "related");
        json_end(&x->o);
        return ST_OK;
    }
    if (st != ST_OK) {
        *e = miss;
        return st;
    }
    write_turn(&x->o, "turn", &turn);
    return write_related(tx, x, m, &turn, e);
}

static enum status write_events(struct tx *tx, struct api *x, const struct message *m,
                                struct err *e) {
    struct event_page page;

    TRY(message_events(x->r->arena, tx, m, &page, e));
    json_arr(&x->o, "events");
    for (size_t i = 0; i < page.n; i++)
        write_event(&x->o, &page.items[i], NULL);
    json_end(&x->o);
    return ST_OK;
}

/* The send job while it waits or is kept; one that is through is gone, its steps are events. */
static enum status write_jobs(struct tx *tx, struct api *x, const struct message *m,
                              struct err *e) {
    struct str conversation = uuid_format(x->r->arena, m->conversation.v);
    struct str id = uuid_format(x->r->arena, m->id.v);
    struct job_row *jobs = NULL;
    size_t n = 0;

    if (str_eq(m->direction, STR("out")))
        TRY(queue_list_lane(x->r->arena, tx, x->tenant,
                            arena_printf(x->r->arena, "send:%.*s", STR_ARG(conversation)), &jobs,
                            &n, e));
    json_arr(&x->o, "jobs");
    for (size_t i = 0; i < n; i++)
        if (str_contains(jobs[i].payload, id))
            write_job(&x->o, &jobs[i]);
    json_end(&x->o);
    return ST_OK;
}

static enum status life(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct message m;

    TRY(message_get(x->r->arena, tx, x->tenant, x->message, &m, e));
    write_message(api_begin(x), "message", &m);
    TRY(write_calls(tx, x, &m, e));
    TRY(write_turn_of(tx, x, &m, e));
    TRY(write_events(tx, x, &m, e));
    TRY(write_jobs(tx, x, &m, e));
    json_end(&x->o);
    return ST_OK;
}

API_HANDLER(message_life_get, API_READS, life)

const struct route api_life_routes[] = {
    {HTTP_GET, API "/messages/{id}/life", message_life_get, AGENT, .scope = "messages:read",
     .summary = "All that is on record about a message: raw calls, turn, send, steps"},
};
const size_t api_life_n_routes = ARRAY_LEN(api_life_routes);

/* say.c - what the house itself says: queued as a message of the system, once, while it is still true.
 * SPDX-License-Identifier: Apache-2.0 */
#include "outbox/outbox.h"

#include "base/clock.h"

struct saying {
    struct arena *a;
    const struct job *job;
    const struct json *payload;
    struct outbox_put put;
};

static enum status note_unsaid(struct tx *tx, struct saying *s, const char *why, struct err *e) {
    struct str what = json_str(json_get(s->payload, "what"));

    return event_add(
        tx,
        (struct event){
            .tenant = s->job->tenant,
            .conversation = s->put.conversation,
            .kind = STR("conversation.not_told"),
            .data = arena_printf(s->a, "{\"what\":\"%.*s\",\"reason\":\"%s\"}", STR_ARG(what), why),
            .at_ms = clock_now_ms()},
        e);
}

static enum status say(struct tx *tx, void *ctx, struct err *e) {
    struct saying *s = ctx;
    int64_t now_ms = clock_now_ms();
    struct conversation c;
    struct message m;
    struct err why = ERR_INIT;
    enum status st;

    TRY(queue_fence(tx, s->job, e));
    TRY(conversation_lock(s->a, tx, s->job->tenant, s->put.conversation, &c, e));
    if (c.owner_version != json_i64(json_get(s->payload, "version"), -1))
        return ST_OK; /* somebody else has it by now, and their word counts */
    st = outbox_queue(s->a, tx, &s->put, now_ms, &m, &why);
    if (st == ST_CONFLICT && why.cause && strcmp(why.cause, "window-closed") == 0)
        return note_unsaid(tx, s, why.cause, e);
    if (st != ST_OK)
        *e = why;
    return st;
}

static struct str content(struct arena *a, struct str text) {
    struct buf b;
    struct json_out o;

    buf_init(&b, 64u << 10);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_str(&o, "text", text);
    json_end(&o);

    struct str json = arena_str(a, buf_str(&b));

    buf_done(&b);
    return json;
}

enum status outbox_say_job(struct app *app, struct arena *a, const struct job *job,
                           struct verdict *ret_verdict, struct err *e) {
    struct saying s = {.a = a, .job = job};
    struct str once;

    *ret_verdict = (struct verdict){.kind = VERDICT_DONE};
    TRY(json_parse(a, job->payload, JSON_LIMITS_DEFAULT, &s.payload, e));
    once = json_str(json_get(s.payload, "once"));
    s.put = (struct outbox_put){
        .tenant = job->tenant,
        .owner = STR("system"),
        .type = STR("text"),
        .content = content(a, json_str(json_get(s.payload, "text"))),
        .client_id = arena_printf(a, "system:%.*s", STR_ARG(once)),
    };
    if (!uuid_parse(json_str(json_get(s.payload, "conversation")), &s.put.conversation.v))
        FAIL(e, ST_INVALID, "the job's payload names no conversation");
    return db_write(app_outbox(app)->db, DB_TENANT(job->tenant), say, &s, e);
}

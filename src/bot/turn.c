/* turn.c - the bot.turn job.
 *
 *   look (one snapshot) → decide (script, or model over the network) → commit (one transaction: fence, lock, compare, queue)
 *
 * The commit compares owner, version and the number of messages with what the look saw; a difference drops the draft.
 * SPDX-License-Identifier: Apache-2.0 */
#include "bot/turn.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "bot/store.h"
#include "stats/stats.h"

enum { LOOK_MESSAGES = 200 };

static struct stats_counter turns_answered = STATS_COUNTER_L(
    "prosa_bot_turns_total", "Turns of the bot by outcome.", "outcome=\"answered\"");
static struct stats_counter turns_handed_over = STATS_COUNTER_L(
    "prosa_bot_turns_total", "Turns of the bot by outcome.", "outcome=\"handed_over\"");
static struct stats_counter turns_dropped =
    STATS_COUNTER_L("prosa_bot_turns_total", "Turns of the bot by outcome.", "outcome=\"dropped\"");

struct turning {
    struct bot_deps *deps;
    struct arena *a;
    const struct job *job;
    struct conversation_id id;
    struct uuid turn;
    int64_t started_ms;
    struct seen seen;
    struct decision decision;
    const char *dropped; /* why the draft was not queued */
};

/* --- look --------------------------------------------------------------------------------------------------------------- */

static enum status look(struct tx *tx, void *ctx, struct err *e) {
    struct turning *t = ctx;
    struct message_page page;

    TRY(conversation_get(t->a, tx, t->job->tenant, t->id, &t->seen.conversation, e));
    TRY(bot_get(t->a, tx, t->job->tenant, &t->seen.bot, e));
    TRY(message_list(t->a, tx, t->job->tenant, t->id,
                     (struct page_query){.limit = LOOK_MESSAGES, .is_backward = true}, &page, e));
    t->seen.messages = page.items;
    t->seen.n_messages = page.n;
    return ST_OK;
}

static bool is_due(const struct conversation *c) {
    return str_eq(c->owner, STR("bot")) && c->inbound_count > c->answered_count;
}

/* --- decide ------------------------------------------------------------------------------------------------------------- */

static bool is_open(const struct message *m) {
    return str_eq(m->direction, STR("in")) && message_wants_answer(m);
}

/* What the person wrote since the last answer, oldest line first, and the last choice tapped among it. */
static void gather(struct turning *t, struct script_input *in) {
    int64_t open = t->seen.conversation.inbound_count - t->seen.conversation.answered_count;
    struct buf lines;
    size_t last = 0;

    for (; last < t->seen.n_messages && open > 0; last++)
        if (is_open(&t->seen.messages[last]))
            open--;
    buf_init(&lines, 256u << 10);
    for (size_t i = last; i-- > 0;) {
        const struct message *m = &t->seen.messages[i];
        const struct json *content;
        struct err ignored = ERR_INIT;

        if (!is_open(m) || m->revoked_at_ms > 0)
            continue;
        buf_add(&lines, m->text);
        buf_add_char(&lines, '\n');
        if (str_eq(m->type, STR("choice")) &&
            json_parse(t->a, m->content, JSON_LIMITS_DEFAULT, &content, &ignored) == ST_OK)
            in->choice = json_str(json_get(content, "id"));
    }
    in->text = utf8_repair(t->a, arena_str(t->a, buf_str(&lines)));
    buf_done(&lines);
}

struct str script_how(struct arena *a, const struct script_output *out) {
    struct buf b;
    struct json_out o;

    buf_init(&b, 8u << 10);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_str(&o, "by", STR("script"));
    json_put_str(&o, "node", out->node);
    json_put_str(&o, "because", out->because);
    json_end(&o);

    struct str text = b.overflown ? STR("{}") : arena_str(a, buf_str(&b));

    buf_done(&b);
    return text;
}

static enum status decide_by_script(struct turning *t, struct err *e) {
    const struct conversation *c = &t->seen.conversation;
    struct str text = t->seen.bot.script.len > 0 ? t->seen.bot.script : script_builtin();
    struct script_input in = {.state = c->bot_state, .name = c->lead_name};
    struct decision *d = &t->decision;
    const struct script *script;
    struct script_output out;

    TRY(script_parse(t->a, text, &script, e));
    gather(t, &in);
    script_run(t->a, script, &in, &out);
    d->n_say = out.n_say;
    memcpy(d->say, out.say, out.n_say * sizeof(out.say[0]));
    d->bot_state = out.state;
    d->handoff = out.handoff;
    d->outcome = out.handoff.len > 0 ? "handed_over" : "answered";
    d->how = script_how(t->a, &out);
    return ST_OK;
}

/* --- commit ------------------------------------------------------------------------------------------------------------- */

static struct str write_trace(struct turning *t) {
    const struct decision *d = &t->decision;
    struct buf b;
    struct json_out o;

    buf_init(&b, 512u << 10);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_obj(&o, "saw");
    json_put_i64(&o, "inbound", t->seen.conversation.inbound_count);
    json_put_i64(&o, "answered", t->seen.conversation.answered_count);
    json_put_i64(&o, "owner_version", t->seen.conversation.owner_version);
    json_end(&o);
    if (d->how.len > 0)
        json_put_raw(&o, "decided", d->how);
    json_arr(&o, "said");
    for (size_t i = 0; i < d->n_say; i++) {
        json_obj(&o, NULL);
        json_put_str(&o, "type", d->say[i].type);
        json_put_raw(&o, "content", d->say[i].content);
        json_end(&o);
    }
    json_end(&o);
    json_put_opt(&o, "handoff", d->handoff);
    json_put_opt(&o, "dropped", str_of(t->dropped));
    json_end(&o);

    struct str text = b.overflown ? STR("{}") : arena_str(t->a, buf_str(&b));

    buf_done(&b);
    return text;
}

static enum status record_turn(struct tx *tx, struct turning *t, const char *outcome,
                               struct err *e) {
    int64_t now_ms = clock_now_ms();
    const struct turn turn = {
        .id = t->turn,
        .conversation = t->id,
        .outcome = str_of(outcome),
        .trace = write_trace(t),
        .seen_count = t->seen.conversation.inbound_count,
        .prompt_tokens = t->decision.prompt_tokens,
        .completion_tokens = t->decision.completion_tokens,
        .cost_micros = t->decision.cost_micros,
        .started_at_ms = t->started_ms,
        .took_ms = now_ms - t->started_ms,
    };
    struct str id = uuid_format(t->a, t->turn);

    TRY(store_turn_insert(tx, t->job->tenant, &turn, e));
    return event_add(tx,
                     (struct event){.tenant = t->job->tenant,
                                    .conversation = t->id,
                                    .kind = arena_printf(t->a, "bot.turn_%s", outcome),
                                    .data = arena_printf(t->a, "{\"turn\":\"%.*s\"}", STR_ARG(id)),
                                    .at_ms = now_ms},
                     e);
}

static enum status queue_reply(struct tx *tx, struct turning *t, const struct script_say *say,
                               struct err *e) {
    const struct outbox_put put = {
        .tenant = t->job->tenant,
        .conversation = t->id,
        .owner = STR("bot"),
        .type = say->type,
        .content = say->content,
        .turn = t->turn,
    };
    struct message queued;

    return outbox_queue(t->a, tx, &put, clock_now_ms(), &queued, e);
}

static enum status commit(struct tx *tx, void *ctx, struct err *e) {
    struct turning *t = ctx;
    const struct decision *d = &t->decision;
    const struct conversation *saw = &t->seen.conversation;
    struct conversation now;

    t->dropped = NULL;
    TRY(queue_fence(tx, t->job, e));
    TRY(conversation_lock(t->a, tx, t->job->tenant, t->id, &now, e));
    if (!str_eq(now.owner, STR("bot")) || now.owner_version != saw->owner_version)
        t->dropped = "owner-changed";
    else if (now.inbound_count != saw->inbound_count)
        t->dropped = "newer-message"; /* which has planned a turn of its own */
    if (t->dropped)
        return record_turn(tx, t, "dropped", e);
    /* The handoff first: it withdraws what the bot has queued, and this farewell is to go out. */
    if (d->handoff.len > 0)
        TRY(conversation_request_handoff(t->a, tx, t->job->tenant, t->id,
                                         &(struct handoff){.reason = d->handoff,
                                                           .summary = d->summary,
                                                           .collected = d->collected,
                                                           .skill = d->skill},
                                         clock_now_ms(), e));
    for (size_t i = 0; i < d->n_say; i++)
        TRY(queue_reply(tx, t, &d->say[i], e));
    TRY(conversation_set_bot_state(tx, t->job->tenant, t->id, d->bot_state, saw->inbound_count,
                                   clock_now_ms(), e));
    TRY(outbox_mark_read(t->a, tx, t->job->tenant, t->id, false, e));
    return record_turn(tx, t, d->outcome, e);
}

/* The reply cannot be sent as it is: people get the conversation, with the reason. */
static void fall_back(struct turning *t, const struct err *why) {
    t->decision.n_say = 0;
    t->decision.outcome = "handed_over";
    t->decision.handoff = arena_str(t->a, str_of(why->message));
}

static enum status show_typing(struct tx *tx, void *ctx, struct err *e) {
    struct turning *t = ctx;

    return outbox_mark_read(t->a, tx, t->job->tenant, t->id, true, e);
}

static enum status decide(struct turning *t, struct err *e) {
    struct err why = ERR_INIT;
    enum status st;

    if (str_eq(t->seen.bot.kind, STR("model"))) {
        TRY(db_write(t->deps->db, DB_TENANT(t->job->tenant), show_typing, t, e));
        st = model_decide(t->deps, t->a, t->job, &t->seen, &t->decision, &why);
    } else {
        st = decide_by_script(t, &why);
    }
    if (st ==
        ST_INVALID) { /* a script or settings that were kept but no longer hold: never silence */
        fall_back(t, &why);
        return ST_OK;
    }
    if (st != ST_OK)
        *e = why;
    return st;
}

static enum status commit_or_fall_back(struct turning *t, struct err *e) {
    struct err why = ERR_INIT;
    enum status st = db_write(t->deps->db, DB_TENANT(t->job->tenant), commit, t, &why);

    if (st == ST_CONFLICT && why.cause && strcmp(why.cause, "window-closed") == 0) {
        fall_back(t, &why);
        err_clear(&why);
        st = db_write(t->deps->db, DB_TENANT(t->job->tenant), commit, t, &why);
    }
    if (st != ST_OK)
        *e = why;
    return st;
}

enum status bot_turn_job(struct app *app, struct arena *a, const struct job *job,
                         struct verdict *ret_verdict, struct err *e) {
    struct turning *t = arena_new_of(a, struct turning);
    const struct json *payload;

    *t = (struct turning){
        .deps = app_bot(app), .a = a, .job = job, .turn = uuid_new(), .started_ms = clock_now_ms()};
    TRY(json_parse(a, job->payload, JSON_LIMITS_DEFAULT, &payload, e));
    if (!uuid_parse(json_str(json_get(payload, "conversation")), &t->id.v))
        FAIL(e, ST_INVALID, "the job's payload names no conversation");
    TRY(db_read(t->deps->db, DB_TENANT(job->tenant), look, t, e));
    *ret_verdict = (struct verdict){.kind = VERDICT_DONE};
    if (!is_due(&t->seen.conversation))
        return ST_OK;
    TRY(decide(t, e));
    if (t->decision.wants_retry) {
        *ret_verdict = (struct verdict){.kind = VERDICT_RETRY,
                                        .after_ms = t->decision.retry_after_ms,
                                        .cause = arena_cstr(a, t->decision.cause),
                                        .reason = t->decision.reason};
        return ST_OK;
    }
    TRY(commit_or_fall_back(t, e));
    stats_add(t->dropped                    ? &turns_dropped
              : t->decision.handoff.len > 0 ? &turns_handed_over
                                            : &turns_answered,
              1);
    return ST_OK;
}
